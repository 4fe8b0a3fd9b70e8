//! The first bytes of a connection to the debug server, which tell the version of HTTP: a client with
//! prior knowledge of HTTP/2 begins with a preface that is no request of HTTP/1.1 (RFC 9113 §3.4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The version of HTTP that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// A connection whose first bytes have been looked at, and are read again.
pub(super) struct Peeked<S> {
    first: [u8; PREFACE.len()],
    /// The part of `first` that has not been read again.
    from: usize,
    to: usize,
    io: S,
}

/// What the bytes received so far begin; `None` if more are needed to tell.
fn version(first: &[u8]) -> Option<Version> {
    if !PREFACE.starts_with(first) {
        return Some(Version::Http1);
    }
    (first.len() == PREFACE.len()).then_some(Version::Http2)
}

/// Reads until the version is known; `None` if the client closes before the first byte.
///
/// # Errors
/// A connection that breaks.
pub(super) async fn read<S>(io: S) -> io::Result<Option<(Version, Peeked<S>)>>
where
    S: AsyncRead + Unpin,
{
    let mut peeked = Peeked {
        first: [0; PREFACE.len()],
        from: 0,
        to: 0,
        io,
    };
    loop {
        let read = peeked.io.read(&mut peeked.first[peeked.to..]).await?;
        peeked.to += read;
        match version(&peeked.first[..peeked.to]) {
            _ if peeked.to == 0 => return Ok(None),
            Some(version) => return Ok(Some((version, peeked))),
            // The beginning of a preface that never ends is no request either.
            None if read == 0 => return Ok(Some((Version::Http1, peeked))),
            None => {}
        }
    }
}

impl<S> Peeked<S> {
    pub(super) fn io(&self) -> &S {
        &self.io
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Peeked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.from == self.to {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let len = buf.remaining().min(self.to - self.from);
        buf.put_slice(&self.first[self.from..self.from + len]);
        self.from += len;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Peeked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_is_known_at_its_last_byte() {
        for len in 0..PREFACE.len() {
            assert_eq!(version(&PREFACE[..len]), None, "{len}");
        }
        assert_eq!(version(PREFACE), Some(Version::Http2));
        for request in [&b"G"[..], b"PRI * HTTP/1.1\r\n", b"PRO", b"\x16\x03"] {
            assert_eq!(version(request), Some(Version::Http1), "{request:?}");
        }
    }
}
