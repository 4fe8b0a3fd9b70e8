//! The stream under the engine: first the bytes that came with the 101, then the socket, all past
//! the [`Watcher`].
//!
//! Two things here keep the engine from ending a conversation too early. The peer's Close is taken
//! out (the session answers it). And a failed write is swallowed and remembered: what the peer sent
//! before it went away, its Close above all, can still be read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::plain_words;
use crate::event::Close;
use crate::wire::watch::{Violation, Watcher};

pub(crate) struct Watched<S> {
    inner: S,
    early: Bytes,
    watcher: Watcher,
    /// Bytes received so far.
    received: u64,
    write_error: Option<String>,
}

impl<S> Watched<S> {
    pub(crate) fn new(inner: S, early: Bytes) -> Self {
        Watched {
            inner,
            early,
            watcher: Watcher::default(),
            received: 0,
            write_error: None,
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn data_bytes(&self) -> u64 {
        self.watcher.data_bytes()
    }

    pub(crate) fn take_close(&mut self) -> Option<Result<Close, Violation>> {
        self.watcher.take_close()
    }

    /// Why writing is no longer possible.
    pub(crate) fn write_error(&self) -> Option<&str> {
        self.write_error.as_deref()
    }

    pub(crate) fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let take = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early[..take]);
        self.early.advance(take);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        // Once the Close is whole the session looks for it whenever reading is pending, so no waker
        // is needed.
        while !self.watcher.closed() {
            ready!(self.poll_bytes(cx, buf))?;
            let new = &buf.filled()[before..];
            if new.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.received += new.len() as u64;
            let passed = self.watcher.handle_bytes(new);
            buf.set_filled(before + passed);
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
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
            Ok(written) => return Poll::Ready(Ok(written)),
            Err(error) => self.write_error = Some(plain_words(&error).to_lowercase()),
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_error.is_none()
            && let Err(error) = ready!(Pin::new(&mut self.inner).poll_flush(cx))
        {
            self.write_error = Some(plain_words(&error).to_lowercase());
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
