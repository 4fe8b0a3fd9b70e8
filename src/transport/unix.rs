//! Unix domain sockets.

use std::io;
use std::time::Duration;

use tokio::net::UnixStream;

use super::progress::Progress;
use super::stream::BoxedStream;
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::event::Address;
use crate::uri::UnixSocket;

/// The time between two attempts to connect to a server whose queue of connections is full: nothing
/// tells when it has room.
const FULL: Duration = Duration::from_millis(20);

/// Connects to a socket. `on_address` receives its path before that.
///
/// # Errors
/// Exit 7.
pub(super) async fn open(
    socket: &UnixSocket,
    progress: &Progress,
    on_address: &mut dyn FnMut(Address),
) -> Result<(BoxedStream, Address), Error> {
    let address = Address::Unix(socket.to_string());
    progress.enter(Stage::Connect, format!("connecting to {socket}"));
    on_address(address.clone());
    let stream = loop {
        match connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(FULL).await;
            }
            connected => break connected.map_err(|error| unreachable_error(socket, &error))?,
        }
    };
    progress.finish("unix");
    Ok((Box::new(stream), address))
}

async fn connect(socket: &UnixSocket) -> io::Result<UnixStream> {
    match socket {
        UnixSocket::Path(path) => UnixStream::connect(path).await,
        // An address of Linux that begins with a NUL is abstract.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        UnixSocket::Abstract(name) => UnixStream::connect(format!("\0{name}")).await,
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        UnixSocket::Abstract(_) => Err(io::Error::other("only Linux has abstract sockets")),
    }
}

fn unreachable_error(socket: &UnixSocket, error: &io::Error) -> Error {
    let failed = Error::new(
        Stage::Connect,
        Exit::Connect,
        format!(
            "could not connect to the Unix socket {socket}: {}",
            plain_clause(error)
        ),
    )
    .transient();
    failed.advice(match error.kind() {
        io::ErrorKind::NotFound => "check the path, and that the server is running",
        io::ErrorKind::ConnectionRefused => {
            "check that the server is running: the socket is a leftover"
        }
        io::ErrorKind::PermissionDenied => "connecting takes the permission to write to the socket",
        _ => "check that the path is a socket that the server listens on",
    })
}
