//! What is known of stdout without writing to it: whether it is a pipe with a reader and with room,
//! and whether stderr is the same file.

use std::future::Future;
use std::io;
use std::pin::Pin;

use super::stdio::{self, Stream};

/// Whether stdout and stderr are the same file, pipe or terminal, as after `2>&1`.
#[cfg(unix)]
pub fn is_stderr() -> bool {
    use nix::sys::stat::fstat;

    match (fstat(io::stdout()), fstat(io::stderr())) {
        (Ok(one), Ok(other)) => one.st_dev == other.st_dev && one.st_ino == other.st_ino,
        _ => false,
    }
}

/// Whether stdout and stderr are the same console.
#[cfg(not(unix))]
pub fn is_stderr() -> bool {
    use std::io::IsTerminal;

    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// stdout, if it is a pipe.
#[cfg(unix)]
pub(super) fn if_pipe() -> Option<Stream> {
    use nix::sys::stat::{SFlag, fstat};

    let mode = fstat(io::stdout()).ok()?.st_mode;
    let is_pipe = SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFIFO;
    is_pipe.then(stdio::stdout)?.ok()
}

#[cfg(not(unix))]
pub(super) fn if_pipe() -> Option<Stream> {
    None
}

/// Whether a write of `PIPE_BUF` bytes to this pipe returns at once: a pipe that polls as writable
/// has that much room (POSIX: `PIPE_BUF`). Only another process that writes to the same pipe can
/// take the room in between; then this write waits for the reader.
#[cfg(unix)]
pub(super) fn takes_a_page(pipe: &Stream) -> bool {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let mut polled = [PollFd::new(pipe.file().as_fd(), PollFlags::POLLOUT)];
    let ready = matches!(poll(&mut polled, PollTimeout::ZERO), Ok(1));
    let events = polled[0].revents().unwrap_or(PollFlags::empty());
    ready && events == PollFlags::POLLOUT
}

#[cfg(not(unix))]
pub(super) fn takes_a_page(_: &Stream) -> bool {
    false
}

/// Ready when the other end of stdout's pipe has been closed; `None` if stdout is not a pipe.
#[cfg(unix)]
pub(super) fn reader_gone() -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    let stdout = if_pipe()?.file().try_clone().ok()?;
    #[expect(
        deprecated,
        reason = "unsound for types whose descriptor may change; a File's does not, and the \
                  replacement is unsafe"
    )]
    let watched = AsyncFd::with_interest(stdout, Interest::ERROR).ok()?;
    Some(Box::pin(async move {
        if watched.ready(Interest::ERROR).await.is_err() {
            std::future::pending::<()>().await;
        }
    }))
}

#[cfg(not(unix))]
pub(super) fn reader_gone() -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    None
}
