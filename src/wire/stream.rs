//! The bottom of the connection: first the bytes that arrived with the 101, then the socket.
//!
//! A write error is stored instead of returned, so that it does not end the connection too early:
//! what the peer sent before it went away, above all its Close, can still be read.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::plain_clause;

/// A stream whose writes never fail.
#[derive(Debug)]
pub struct DeferWriteErrors<S> {
    inner: S,
    early: Bytes,
    /// Bytes received so far.
    received: u64,
    /// Bytes that the system has accepted for the peer so far.
    written: u64,
    write_error: Option<String>,
}

impl<S> DeferWriteErrors<S> {
    pub fn new(inner: S, early: Bytes) -> Self {
        DeferWriteErrors {
            inner,
            early,
            received: 0,
            written: 0,
            write_error: None,
        }
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    pub fn written(&self) -> u64 {
        self.written
    }

    /// Why writing is no longer possible.
    pub fn write_error(&self) -> Option<&str> {
        self.write_error.as_deref()
    }

    /// The underlying stream, whose errors are not deferred.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for DeferWriteErrors<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.early.is_empty() {
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        } else {
            let take = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early[..take]);
            self.early.advance(take);
        }
        self.received += (buf.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DeferWriteErrors<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_error.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut self.inner).poll_write(cx, bytes)) {
            Ok(0) if !bytes.is_empty() => {
                self.write_error = Some("the connection is closed".to_owned())
            }
            Ok(written) => {
                self.written += written as u64;
                return Poll::Ready(Ok(written));
            }
            Err(error) => self.write_error = Some(plain_clause(&error)),
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_error.is_none()
            && let Err(error) = ready!(Pin::new(&mut self.inner).poll_flush(cx))
        {
            self.write_error = Some(plain_clause(&error));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Wakes the caller again after the runtime has polled its sockets: a plain wake-up might come
/// before that, again and again.
pub fn yield_now(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}
