//! The sockets that the debug server listens on. They hand over connections, and read nothing of them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};

use tokio::net::TcpListener;

use super::incoming::Incoming;
#[cfg(unix)]
use super::unix_socket::UnixSocket;
use crate::error::{Error, Exit, Stage, plain_words};

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Port 0 takes a free one.
    Tcp(SocketAddr),
    /// A path, and the mode of the socket there.
    Unix { path: PathBuf, mode: u32 },
    /// The sockets that the parent of this process has opened: `LISTEN_FDS`.
    Inherited,
}

/// The sockets that the server listens on.
#[derive(Default)]
pub struct Listeners {
    sockets: Vec<Socket>,
    /// Which of them has its turn: one that is busy does not keep the others waiting.
    turn: usize,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
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
    /// Listens at all of these places.
    ///
    /// # Errors
    /// Exit 7 where one cannot be had.
    pub async fn open(places: &[Place]) -> Result<Listeners, Error> {
        let mut listeners = Listeners::default();
        for place in places {
            match place {
                Place::Tcp(address) => {
                    let (listener, _) = listen(*address).await?;
                    listeners.sockets.push(Socket::Tcp(listener));
                }
                #[cfg(unix)]
                Place::Unix { path, mode } => {
                    let socket = UnixSocket::bind(path, *mode).await?;
                    listeners.sockets.push(Socket::Unix(socket));
                }
                #[cfg(unix)]
                Place::Inherited => listeners.sockets.extend(inherited()?),
                #[cfg(not(unix))]
                Place::Unix { .. } | Place::Inherited => {
                    return Err(Error::usage("there are only TCP ports on this system"));
                }
            }
        }
        Ok(listeners)
    }

    /// What to connect to: a URL for each socket, without a path.
    pub fn urls(&self, tls: bool) -> Vec<String> {
        let scheme = if tls { "wss" } else { "ws" };
        let url = |socket: &Socket| match socket {
            Socket::Tcp(listener) => {
                let address = listener.local_addr().ok()?;
                Some(format!("{scheme}://{address}"))
            }
            #[cfg(unix)]
            Socket::Unix(socket) => Some(socket.url()),
        };
        self.sockets.iter().filter_map(url).collect()
    }

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
            #[cfg(unix)]
            Socket::Unix(socket) => {
                let accepted = socket.listener.poll_accept(cx);
                accepted.map_ok(|(stream, _)| Incoming::unix(stream))
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

/// The sockets that were passed to this process (`sd_listen_fds(3)`).
#[cfg(unix)]
fn inherited() -> Result<Vec<Socket>, Error> {
    let mut passed = listenfd::ListenFd::from_env();
    let sockets = (0..passed.len()).map(|index| take(&mut passed, index));
    let sockets: Result<Vec<Socket>, io::Error> = sockets.collect();
    let unusable = |why: &str| {
        let message = format!("the sockets of LISTEN_FDS cannot be used: {why}");
        Error::new(Stage::Connect, Exit::Connect, message)
            .advice("ListenStream= in the .socket unit, and Accept=no")
    };
    match sockets {
        Ok(sockets) if sockets.is_empty() => Err(unusable("there are none")),
        Ok(sockets) => Ok(sockets),
        Err(error) => Err(unusable(&plain_words(&error))),
    }
}

#[cfg(unix)]
fn take(passed: &mut listenfd::ListenFd, index: usize) -> io::Result<Socket> {
    if let Ok(Some(listener)) = passed.take_unix_listener(index) {
        return UnixSocket::inherited(listener).map(Socket::Unix);
    }
    let listener = passed.take_tcp_listener(index)?;
    let listener = listener.ok_or(io::ErrorKind::NotFound)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Socket::Tcp)
}
