//! The byte stream that HTTP is spoken over: a connection as it was accepted, or TLS over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::incoming::Io;
use super::preface::Peeked;
use crate::transport;
use crate::transport::tls::server::TlsStream;

/// See the head of this file.
pub(super) enum Link {
    Plain(Io),
    Tls(Box<TlsStream<Peeked<Io>>>),
}

impl Link {
    /// Lets the connection end with a reset when it is dropped; whether it can.
    pub(super) fn set_reset(&self) -> bool {
        match self {
            Link::Plain(io) => io.set_reset(),
            Link::Tls(stream) => stream.get_ref().0.io().set_reset(),
        }
    }

    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn transport::Stream> {
        match self.get_mut() {
            Link::Plain(stream) => Pin::new(stream),
            Link::Tls(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.inner().poll_read(cx, buf) {
            // The end of TCP without a close_notify, which many clients omit. HTTP and WebSocket
            // tell by themselves whether something is missing.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Link::Plain(io) => io.is_write_vectored(),
            Link::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
