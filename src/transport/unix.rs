//! Unix domain sockets.

use tokio::net::UnixStream;

use super::progress::Progress;
use super::stream::BoxedStream;
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::event::Address;
use crate::uri::UnixSocket;

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
    let stream = connect(socket)
        .await
        .map_err(|error| unreachable_error(socket, &error))?;
    progress.finish("unix");
    Ok((Box::new(stream), address))
}

async fn connect(socket: &UnixSocket) -> std::io::Result<UnixStream> {
    match socket {
        UnixSocket::Path(path) => UnixStream::connect(path).await,
        #[cfg(any(target_os = "linux", target_os = "android"))]
        UnixSocket::Abstract(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            // Connecting to a Unix socket waits for room in its queue of connections.
            let connecting = tokio::task::spawn_blocking(move || {
                std::os::unix::net::UnixStream::connect_addr(&address)
            });
            let stream = connecting.await.map_err(std::io::Error::other)??;
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        UnixSocket::Abstract(_) => Err(std::io::Error::other("only Linux has abstract sockets")),
    }
}

fn unreachable_error(socket: &UnixSocket, error: &std::io::Error) -> Error {
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
        std::io::ErrorKind::NotFound => "check the path, and that the server is running",
        std::io::ErrorKind::ConnectionRefused => {
            "check that the server is running: the socket is a leftover"
        }
        std::io::ErrorKind::PermissionDenied => {
            "connecting takes the permission to write to the socket"
        }
        _ => "check that the path is a socket that the server listens on",
    })
}
