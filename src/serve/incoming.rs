//! A connection as a listener of the debug server hands it over: over TCP or a Unix socket. It knows no
//! protocol.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::peer::Peer;
use crate::transport;

const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A connection that was accepted, and whose it is.
pub(super) struct Incoming {
    pub(super) io: Io,
    pub(super) peer: Peer,
}

/// The byte stream of a connection.
pub(super) enum Io {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Incoming {
    pub(super) fn tcp(stream: TcpStream, peer: std::net::SocketAddr) -> Incoming {
        // Without it a small echo waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        Incoming {
            io: Io::Tcp(stream),
            peer: Peer::Tcp(peer),
        }
    }

    #[cfg(unix)]
    pub(super) fn unix(stream: UnixStream) -> Incoming {
        let who = stream.peer_cred().ok();
        let peer = Peer::Unix {
            pid: who.and_then(|who| who.pid()),
            uid: who.map(|who| who.uid()),
        };
        Incoming {
            io: Io::Unix(stream),
            peer,
        }
    }
}

impl Io {
    pub(super) fn is_tcp(&self) -> bool {
        matches!(self, Io::Tcp(_))
    }

    /// The address of the server that the connection came to; a Unix socket has none.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            // Without an address, it is one that no host names.
            Io::Tcp(stream) => Some(stream.local_addr().map_or(NOWHERE, |to| to.ip())),
            #[cfg(unix)]
            Io::Unix(_) => None,
        }
    }

    /// Lets the connection end with a reset when it is dropped; whether it can.
    pub(super) fn set_reset(&self) -> bool {
        match self {
            Io::Tcp(stream) => stream.set_zero_linger().is_ok(),
            #[cfg(unix)]
            Io::Unix(_) => false,
        }
    }

    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn transport::Stream> {
        match self.get_mut() {
            Io::Tcp(stream) => Pin::new(stream),
            #[cfg(unix)]
            Io::Unix(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
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
        true
    }
}
