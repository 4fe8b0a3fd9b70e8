//! The byte stream of a WebSocket connection to the debug server: what is left of an HTTP/1.1
//! connection after the 101, or a stream of an HTTP/2 connection.

use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::Link;
use super::preface::Peeked;
use super::throttle::Throttled;
use crate::handshake::h2::Tunnel;
use crate::transport;

/// The stream below a WebSocket.
pub(super) enum Stream {
    /// The connection as hyper hands it over.
    Http1(TokioIo<Upgraded>),
    Http2(Tunnel),
    /// One of the others, with a limit to what it carries.
    Throttled(Box<Throttled<Stream>>),
}

impl Stream {
    /// The same stream, which carries at most this many bytes a second each way.
    pub(super) fn throttled(self, rate: NonZeroU32) -> Stream {
        Stream::Throttled(Box::new(Throttled::new(self, rate)))
    }

    /// Ends it with a TCP reset, or over HTTP/2 with RST_STREAM, which leaves the connection to the
    /// other streams. Returns a clause that says so.
    pub(super) async fn reset(self) -> &'static str {
        let upgraded = match self {
            Stream::Http1(upgraded) => upgraded.into_inner(),
            Stream::Http2(tunnel) => {
                tunnel.reset().await;
                return "reset by the server (RST_STREAM), as this endpoint does";
            }
            Stream::Throttled(throttled) => return Box::pin(throttled.into_inner().reset()).await,
        };
        match upgraded.downcast::<TokioIo<Peeked<Link>>>() {
            // What follows is that it is dropped.
            Ok(parts) if parts.io.inner().io().set_reset() => {
                "reset by the server, as this endpoint does"
            }
            _ => "ended by the server, which has no TCP connection to reset",
        }
    }

    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn transport::Stream> {
        match self.get_mut() {
            Stream::Http1(stream) => Pin::new(stream),
            Stream::Http2(stream) => Pin::new(stream),
            Stream::Throttled(stream) => Pin::new(&mut **stream),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
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
            Stream::Http1(stream) => stream.is_write_vectored(),
            Stream::Http2(stream) => stream.is_write_vectored(),
            Stream::Throttled(_) => false,
        }
    }
}
