//! The first bytes of a connection to the debug server, which tell what follows: TLS, which begins
//! with a byte that no request has, or HTTP and its version. A client with
//! prior knowledge of HTTP/2 begins with a preface that is no request of HTTP/1.1 (RFC 9113 §3.4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The type of the first record of TLS.
const HANDSHAKE: u8 = 0x16;

/// What a client begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Http1,
    Http2,
    /// A record of TLS with a handshake (RFC 8446 §5.1).
    Tls,
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
fn first_of(first: &[u8]) -> Option<First> {
    if first.first() == Some(&HANDSHAKE) {
        return Some(First::Tls);
    }
    if !PREFACE.starts_with(first) {
        return Some(First::Http1);
    }
    (first.len() == PREFACE.len()).then_some(First::Http2)
}

/// Reads until that is known; `None` if the client closes before the first byte.
///
/// # Errors
/// A connection that breaks.
pub(super) async fn read<S>(io: S) -> io::Result<Option<(First, Peeked<S>)>>
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
        match first_of(&peeked.first[..peeked.to]) {
            _ if peeked.to == 0 => return Ok(None),
            Some(first) => return Ok(Some((first, peeked))),
            // The beginning of a preface that never ends is no request either.
            None if read == 0 => return Ok(Some((First::Http1, peeked))),
            None => {}
        }
    }
}

impl<S> Peeked<S> {
    pub(super) fn io(&self) -> &S {
        &self.io
    }

    /// The same bytes over another stream.
    pub(super) fn map<T>(self, change: impl FnOnce(S) -> T) -> Peeked<T> {
        Peeked {
            first: self.first,
            from: self.from,
            to: self.to,
            io: change(self.io),
        }
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
            assert_eq!(first_of(&PREFACE[..len]), None, "{len}");
        }
        assert_eq!(first_of(PREFACE), Some(First::Http2));
        for request in [&b"G"[..], b"PRI * HTTP/1.1\r\n", b"PRO", b"\x15\x03"] {
            assert_eq!(first_of(request), Some(First::Http1), "{request:?}");
        }
        assert_eq!(first_of(b"\x16"), Some(First::Tls));
    }
}
