//! The sockets that the debug server listens on. They hand over connections, and read nothing of them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::TcpListener;

use super::incoming::Incoming;
use crate::error::{Error, Exit, Stage, plain_words};

/// Where the server listens.
#[derive(Default)]
pub struct Listeners {
    sockets: Vec<Socket>,
    /// Which of them has its turn: one that is busy does not keep the others waiting.
    turn: usize,
}

enum Socket {
    Tcp(TcpListener),
}

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Listeners {
            sockets: vec![Socket::Tcp(listener)],
            turn: 0,
        }
    }
}

impl Listeners {
    /// The next connection. Cancel safe.
    ///
    /// # Errors
    /// As with too many open files: the caller tries again later.
    pub(super) async fn accept(&mut self) -> io::Result<Incoming> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        let count = self.sockets.len();
        for _ in 0..count {
            let socket = self.turn % count;
            self.turn = socket + 1;
            if let Poll::Ready(accepted) = self.sockets[socket].poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

impl Socket {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        match self {
            Socket::Tcp(listener) => {
                let accepted = listener.poll_accept(cx);
                accepted.map_ok(|(stream, peer)| Incoming::tcp(stream, peer))
            }
        }
    }
}

/// Listens on `address`; port 0 takes a free one, and the address that comes back says which.
///
/// # Errors
/// Exit 7 where the address cannot be had.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |error: io::Error| {
        let message = format!("cannot listen on {address}: {}", plain_words(&error));
        Error::new(Stage::Connect, Exit::Connect, message)
            .advice("another port, or 0 for a free one")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
