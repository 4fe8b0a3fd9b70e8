//! A Unix socket that the debug server listens on. What another program has put at its path is never
//! removed, unless it is a socket without a listener; our own is, at the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::error::{Error, Exit, Stage, plain_clause};

/// A socket, and the file of it that is removed when this is dropped.
pub(super) struct UnixSocket {
    pub(super) listener: UnixListener,
    /// The path, and the device and inode that are there as long as the file is ours.
    file: Option<(PathBuf, (u64, u64))>,
}

impl UnixSocket {
    /// Listens at `path`, where those can connect who may write to a file with this mode. The socket
    /// takes its place as a whole: before that, nobody can connect to it.
    ///
    /// # Errors
    /// Exit 7 where the path cannot be had.
    pub(super) async fn bind(path: &Path, mode: u32) -> Result<UnixSocket, Error> {
        if let Some(why) = obstacle(path).await {
            return Err(failed(path, why));
        }
        place(path, mode).map_err(|error| failed(path, &plain_clause(&error)))
    }

    /// One that another program has opened, and whose file is not ours.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn inherited(listener: StdListener) -> io::Result<UnixSocket> {
        listener.set_nonblocking(true)?;
        Ok(UnixSocket {
            listener: UnixListener::from_std(listener)?,
            file: None,
        })
    }

    /// As our client takes it.
    pub(super) fn url(&self) -> String {
        let path = match &self.file {
            Some((path, _)) => Some(path.clone()),
            None => self.listener.local_addr().ok().and_then(|address| {
                let path = address.as_pathname()?;
                Some(path.to_owned())
            }),
        };
        format!("ws+unix:{}:", path.unwrap_or_default().display())
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let Some((path, ours)) = &self.file
            && identity(path).is_ok_and(|there| there == *ours)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn failed(path: &Path, why: &str) -> Error {
    let message = format!("cannot listen on {}: {why}", path.display());
    Error::new(Stage::Connect, Exit::Connect, message).advice("another path for --unix")
}

/// What is at the path, if it cannot be replaced.
async fn obstacle(path: &Path) -> Option<&'static str> {
    let there = fs::symlink_metadata(path).ok()?;
    if !there.file_type().is_socket() {
        return Some("it exists, and is no socket");
    }
    match UnixStream::connect(path).await {
        // Nobody listens any more.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // Its queue is full, or it is not for us: it has a listener all the same.
        _ => Some("another program listens there"),
    }
}

fn place(path: &Path, mode: u32) -> io::Result<UnixSocket> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:04x}", rand::random::<u16>()));
    let beside = PathBuf::from(name);
    let listener = StdListener::bind(&beside)?;
    let placed = fs::set_permissions(&beside, Permissions::from_mode(mode))
        .and_then(|()| identity(&beside))
        .and_then(|ours| fs::rename(&beside, path).map(|()| ours));
    let ours = placed.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })?;
    let mut socket = UnixSocket::inherited(listener)?;
    socket.file = Some((path.to_owned(), ours));
    Ok(socket)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_takes_the_place_of_a_stale_one_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(StdListener::bind(&path).unwrap());
        let socket = UnixSocket::bind(&path, 0o620).await.unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o620);
        assert_eq!(socket.url(), format!("ws+unix:{}:", path.display()));
        let error = UnixSocket::bind(&path, 0o600).await.err().unwrap();
        assert!(error.message.ends_with("another program listens there"));
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&path, "precious").unwrap();
        let error = UnixSocket::bind(&path, 0o600).await.err().unwrap();
        assert!(error.message.ends_with("it exists, and is no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn the_socket_of_another_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = UnixSocket::bind(&path, 0o600).await.unwrap();
        fs::remove_file(&path).unwrap();
        let _other = StdListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
        let too_long = folder.path().join("x".repeat(200));
        assert!(UnixSocket::bind(&too_long, 0o600).await.is_err());
    }
}
