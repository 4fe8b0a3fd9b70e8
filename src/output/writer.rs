//! The one writer: a thread that may block on its output for as long as it likes, and the session's
//! end of it, which never does. This part of `output` is not pure.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;

use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;

/// Bytes collected before they go to the writer, while more keeps coming.
const CHUNK: usize = 64 * 1024;

/// The largest chunk that is written without the thread: `PIPE_BUF` of Linux.
const DIRECT: usize = 4096;

/// Bytes that may wait for the reader of the output before the session stops reading messages.
const MAX_WAITING: usize = 1024 * 1024;

/// Where chunks end up.
pub type Sink = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// stdout, past the buffer and the lock of the standard library.
///
/// # Errors
/// Where there is no stdout.
pub fn stdout() -> io::Result<Sink> {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned()?;
    Ok(file(File::from(own)))
}

/// stderr, as it is.
pub fn stderr() -> Sink {
    Box::new(|bytes| io::stderr().write_all(bytes))
}

/// A file that has been opened.
pub fn file(mut file: File) -> Sink {
    Box::new(move |bytes| file.write_all(bytes))
}

/// stdout, where it is a pipe.
#[cfg(unix)]
fn stdout_if_pipe() -> Option<File> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;

    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?);
    let is_pipe = stdout.metadata().ok()?.file_type().is_fifo();
    is_pipe.then_some(stdout)
}

/// Whether stdout and stderr are the same file or pipe, as after `2>&1`.
#[cfg(unix)]
pub fn stdout_is_stderr() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let metadata = |file: io::Result<File>| file.and_then(|file| file.metadata());
    match (metadata(stdout), metadata(stderr)) {
        (Ok(one), Ok(other)) => one.dev() == other.dev() && one.ino() == other.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
pub fn stdout_is_stderr() -> bool {
    false
}

#[cfg(not(unix))]
fn stdout_if_pipe() -> Option<File> {
    None
}

/// Whether a write of [`DIRECT`] bytes to this pipe returns at once: one that polls as writable has
/// that much room (POSIX: `PIPE_BUF`). Only another process that writes to the same pipe could take
/// it in between, and then this write waits for the reader like any other program's.
#[cfg(unix)]
fn takes_a_page(pipe: &File) -> bool {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let mut polled = [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)];
    let ready = matches!(poll(&mut polled, PollTimeout::ZERO), Ok(1));
    let events = polled[0].revents().unwrap_or(PollFlags::empty());
    ready && events == PollFlags::POLLOUT
}

#[cfg(not(unix))]
fn takes_a_page(_: &File) -> bool {
    false
}

/// Ready when the other end of the pipe that stdout is has been closed; `None` for anything else.
#[cfg(unix)]
fn reader_of_stdout_gone() -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    let stdout = stdout_if_pipe()?;
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
fn reader_of_stdout_gone() -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    None
}

/// What the writer thread and the session share.
#[derive(Default)]
struct Shared {
    /// Bytes handed over and not yet written.
    waiting: AtomicUsize,
    /// Somebody waits for room, so that a wake is worth its system call.
    wanted: AtomicBool,
    broken: AtomicBool,
    failure: Mutex<Option<io::Error>>,
    waker: AtomicWaker,
}

impl Shared {
    fn fail(&self, error: io::Error) {
        *self
            .failure
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(error);
        self.broken.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn written(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
        if self.wanted.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

/// What the writer thread is given.
enum Chunk {
    Output(Vec<u8>),
    /// For stderr, in order with the output: both are the same terminal.
    Notice(Vec<u8>),
}

/// Collects output and hands it to the thread that writes it.
pub struct Writer {
    chunk: Vec<u8>,
    /// Bytes handed over so far, written directly or by the thread.
    handed: u64,
    sender: mpsc::Sender<Chunk>,
    /// Chunks that have been written, to be filled again.
    spare: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    done: oneshot::Receiver<()>,
    /// stdout, where it is a pipe: what surely fits is written without the thread.
    direct: Option<File>,
    reader_gone: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Writer {
    /// Starts the thread that writes to `sink`.
    pub fn new(sink: Sink) -> Self {
        let (sender, chunks) = mpsc::channel();
        let (give_back, spare) = mpsc::channel();
        let (finished, done) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            write_loop(sink, &chunks, &give_back, &theirs);
            // Nobody may be listening any more.
            let _ = finished.send(());
        });
        Writer {
            chunk: Vec::with_capacity(CHUNK),
            handed: 0,
            sender,
            spare,
            shared,
            done,
            direct: None,
            reader_gone: None,
        }
    }

    /// Notices when whoever reads stdout goes, also while there is nothing to write. Must run inside
    /// the runtime.
    #[must_use]
    pub fn watching_stdout(mut self) -> Self {
        self.direct = stdout_if_pipe().filter(|_| !stdout_is_stderr());
        self.reader_gone = reader_of_stdout_gone();
        self
    }

    /// Where output is appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    /// Hands a full chunk over.
    pub fn submit_if_full(&mut self) {
        if self.chunk.len() >= CHUNK {
            self.submit();
        }
    }

    /// Hands over whatever there is.
    pub fn submit(&mut self) {
        self.handed += self.chunk.len() as u64;
        if self.chunk.is_empty() || self.write_directly() {
            return;
        }
        let next = self.spare.try_recv().unwrap_or_default();
        let chunk = std::mem::replace(&mut self.chunk, next);
        self.shared.waiting.fetch_add(chunk.len(), Ordering::AcqRel);
        // The thread ends only after us.
        let _ = self.sender.send(Chunk::Output(chunk));
    }

    /// Writes a small chunk here and now, where that cannot block: handing it over would cost two
    /// system calls and a switch of threads. Larger ones come when there is much to do, and then
    /// the thread is a gain.
    fn write_directly(&mut self) -> bool {
        let Some(pipe) = &mut self.direct else {
            return false;
        };
        if self.chunk.len() > DIRECT
            || self.shared.waiting.load(Ordering::Acquire) > 0
            || self.shared.broken.load(Ordering::Acquire)
            || !takes_a_page(pipe)
        {
            return false;
        }
        if let Err(error) = pipe.write_all(&self.chunk) {
            self.shared.fail(error);
        }
        self.chunk.clear();
        true
    }

    /// Hands over a notice for stderr, to be written after the output so far.
    pub fn submit_notice(&mut self, notice: Vec<u8>) {
        self.submit();
        self.handed += notice.len() as u64;
        self.shared
            .waiting
            .fetch_add(notice.len(), Ordering::AcqRel);
        let _ = self.sender.send(Chunk::Notice(notice));
    }

    /// What was appended so far and how much of that is written, in bytes. Where nothing can be
    /// written any more, nothing more ever counts as written.
    pub fn progress(&self) -> (u64, u64) {
        let appended = self.handed + self.chunk.len() as u64;
        if self.shared.broken.load(Ordering::Acquire) {
            return (appended, 0);
        }
        let waiting = self.shared.waiting.load(Ordering::Acquire) as u64;
        (appended, self.handed - waiting)
    }

    /// Pending while too much waits for the reader of stdout.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.shared.waker.register(cx.waker());
        self.shared.wanted.store(true, Ordering::Release);
        // The thread may have written between the look and the registration.
        if self.has_room() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::Acquire) < MAX_WAITING
    }

    /// Whether the reader has gone or the disk is full; otherwise the task is woken when that
    /// happens.
    pub fn poll_broken(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(gone) = &mut self.reader_gone
            && gone.as_mut().poll(cx).is_ready()
        {
            self.reader_gone = None;
            self.shared.broken.store(true, Ordering::Release);
        }
        if !self.shared.broken.load(Ordering::Acquire) {
            self.shared.waker.register(cx.waker());
        }
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// What made writing impossible; a reader that has gone is [`io::ErrorKind::BrokenPipe`].
    pub async fn finish(mut self) -> io::Result<()> {
        self.submit();
        drop(self.sender);
        let _ = self.done.await;
        let failure = self
            .shared
            .failure
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take();
        failure.map_or(Ok(()), Err)
    }
}

fn write_loop(
    mut sink: Sink,
    chunks: &mpsc::Receiver<Chunk>,
    give_back: &mpsc::Sender<Vec<u8>>,
    shared: &Shared,
) {
    while let Ok(chunk) = chunks.recv() {
        match chunk {
            Chunk::Output(mut chunk) => {
                write_chunk(&mut sink, &chunk, shared);
                chunk.clear();
                // A chunk that one great message has blown up goes back to the system.
                if chunk.capacity() <= 4 * CHUNK {
                    let _ = give_back.send(chunk);
                }
            }
            Chunk::Notice(notice) => {
                // There is nowhere left to tell it.
                let _ = io::stderr().write_all(&notice);
                shared.written(notice.len());
            }
        }
    }
}

fn write_chunk(sink: &mut Sink, chunk: &[u8], shared: &Shared) {
    if !shared.broken.load(Ordering::Acquire)
        && let Err(error) = sink(chunk)
    {
        shared.fail(error);
    }
    shared.written(chunk.len());
}
