//! stdin, stdout and stderr without the buffers and locks of the standard library, and other files
//! that are written in the same way.
//!
//! A read or write here waits until the file is ready, even if `O_NONBLOCK` is set. That flag
//! belongs to the open file description: a program that shares it with us (node, ssh, tmux) may
//! have set it, and clearing it would break that program.

use std::fs::File;
use std::io::{self, Read, Write};

/// A file, pipe, socket or terminal whose reads and writes wait until it is ready.
#[derive(Debug)]
pub struct Stream(File);

impl From<File> for Stream {
    fn from(file: File) -> Self {
        Stream(file)
    }
}

/// stdin, which shares its position with [`io::stdin`] but not its buffer.
///
/// # Errors
/// Where there is no stdin.
pub fn stdin() -> io::Result<Stream> {
    own(io::stdin())
}

/// stdout.
///
/// # Errors
/// Where there is no stdout.
pub fn stdout() -> io::Result<Stream> {
    own(io::stdout())
}

/// stderr.
///
/// # Errors
/// Where there is no stderr.
pub fn stderr() -> io::Result<Stream> {
    own(io::stderr())
}

/// Writes `bytes` to `stream`, [`stdout`] or [`stderr`], and waits until they are written. It
/// returns no error, because there is nowhere to report one.
pub fn print(stream: io::Result<Stream>, bytes: &[u8]) {
    let _ = stream.and_then(|mut stream| stream.write_all(bytes));
}

/// Whether reads and writes fail if `stream` is not ready, for callers that cannot use a
/// [`Stream`].
#[cfg(unix)]
pub fn is_nonblocking(stream: impl std::os::fd::AsFd) -> bool {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    fcntl(stream, FcntlArg::F_GETFL)
        .is_ok_and(|flags| OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK))
}

#[cfg(unix)]
fn own(stream: impl std::os::fd::AsFd) -> io::Result<Stream> {
    Ok(Stream(stream.as_fd().try_clone_to_owned()?.into()))
}

#[cfg(windows)]
fn own(stream: impl std::os::windows::io::AsHandle) -> io::Result<Stream> {
    Ok(Stream(stream.as_handle().try_clone_to_owned()?.into()))
}

impl Stream {
    /// The underlying file, whose own reads and writes may fail if it is not ready.
    pub fn file(&self) -> &File {
        &self.0
    }

    fn when_ready<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&File) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match attempt(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&self.0, direction, error)?;
                }
                other => return other,
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.when_ready(Direction::Read, |mut file| file.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.when_ready(Direction::Write, |mut file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Read,
    Write,
}

/// Waits until the file is ready, or fails with `error` if waiting is impossible.
#[cfg(unix)]
fn wait(file: &File, direction: Direction, error: io::Error) -> io::Result<()> {
    use std::os::fd::AsFd;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let events = match direction {
        Direction::Read => PollFlags::POLLIN,
        Direction::Write => PollFlags::POLLOUT,
    };
    let mut polled = [PollFd::new(file.as_fd(), events)];
    match poll(&mut polled, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(_) => return Err(error),
    }
    // macOS cannot poll terminals and answers at once.
    let unpollable = PollFlags::POLLNVAL;
    if polled[0]
        .revents()
        .is_some_and(|it| it.contains(unpollable))
    {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(())
}

#[cfg(not(unix))]
fn wait(_: &File, _: Direction, error: io::Error) -> io::Result<()> {
    Err(error)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    #[test]
    fn a_nonblocking_file_is_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut ours = Stream::from(File::from(OwnedFd::from(ours)));
        let sent = vec![b'x'; 4 << 20];
        let copy = sent.clone();
        let peer = thread::spawn(move || {
            let mut received = vec![0; 4 << 20];
            theirs.read_exact(&mut received).unwrap();
            theirs.write_all(b"done").unwrap();
            received == copy
        });
        ours.write_all(&sent).unwrap();
        let mut answer = String::new();
        ours.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "done");
        assert!(peer.join().unwrap());
    }
}
