//! The one writer: a thread that may block on its output, and the session's end of the queue, which
//! never blocks.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::thread;

use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;

use crate::error::{Error, Exit, Stage, plain_words};
use crate::io::stdio::{self, Stream};
use crate::io::stdout;

/// Bytes collected before they are handed to the thread, while more output keeps arriving.
const CHUNK: usize = 64 * 1024;

/// The largest chunk that is written without the thread: `PIPE_BUF` on Linux.
const DIRECT: usize = 4096;

/// Bytes that may wait for the reader of the output before the session stops reading messages.
const MAX_WAITING: usize = 1024 * 1024;

/// Additional bytes allowed for control frames and the trace.
const OVERFULL: u64 = 3 << 20;

/// Number of chunks that are queued unchanged while the thread keeps up. Handing over a small chunk
/// costs less than copying it.
const FLOWING: usize = 8;

/// The largest buffer that is kept for reuse. A larger one, grown by a large message, is freed.
const MAX_SPARE: usize = 4 * CHUNK;

/// The most memory that buffers kept for reuse may take together, in bytes: a queue of
/// [`MAX_WAITING`] in chunks that have doubled their capacity.
const MAX_SPARES: usize = 2 * MAX_WAITING;

/// The destination of chunks.
pub type Sink = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// stdout, without the buffer and the lock of the standard library.
///
/// # Errors
/// Where there is no stdout.
pub fn stdout() -> io::Result<Sink> {
    stdio::stdout().map(stream)
}

/// stderr. If there is none, what is written to it is lost.
pub fn stderr() -> Sink {
    stdio::stderr().map_or_else(|_| -> Sink { Box::new(|_| Ok(())) }, stream)
}

fn stream(mut stream: Stream) -> Sink {
    Box::new(move |bytes| stream.write_all(bytes))
}

/// The writer for `-o`, if that is a file and not stdout. The first write, even of no bytes,
/// creates or empties the file; so a run that never writes anything leaves an existing file
/// unchanged. Opening a FIFO waits for its reader.
///
/// # Errors
/// Exit 2 for failures that can be predicted without touching the file.
pub fn file_of(option: Option<&Path>) -> Result<Option<Writer>, Error> {
    let Some(path) = option.filter(|path| path.as_os_str() != "-") else {
        return Ok(None);
    };
    check_file(path)
        .map_err(|error| Error::usage(format!("-o {}: {}", path.display(), plain_words(&error))))?;
    Ok(Some(Writer::new(file(path.to_owned()))))
}

fn file(path: PathBuf) -> Sink {
    let mut opened = None;
    Box::new(move |bytes| {
        let file = match &mut opened {
            Some(file) => file,
            none => none.insert(create(&path)?),
        };
        file.write_all(bytes)
    })
}

fn create(path: &Path) -> io::Result<Stream> {
    File::create(path).map(Stream::from).map_err(|error| {
        let why = format!("{}: {}", path.display(), plain_words(&error));
        io::Error::new(error.kind(), why)
    })
}

/// Checks whether [`file()`] will be able to write to `path`, without opening or creating it.
///
/// # Errors
/// It is a directory, its parent directory does not exist, or permission is missing.
pub(super) fn check_file(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) => check_writable(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = match path.parent() {
                Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                Some(parent) => parent,
                None => return Err(error),
            };
            check_writable(directory, &directory.metadata()?)
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn check_writable(path: &Path, metadata: &std::fs::Metadata) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, AtFlags};
    use nix::unistd::{AccessFlags, faccessat};

    let needed = match metadata.is_dir() {
        true => AccessFlags::W_OK | AccessFlags::X_OK,
        false => AccessFlags::W_OK,
    };
    Ok(faccessat(AT_FDCWD, path, needed, AtFlags::AT_EACCESS)?)
}

#[cfg(not(unix))]
fn check_writable(_: &Path, metadata: &std::fs::Metadata) -> io::Result<()> {
    match metadata.is_file() && metadata.permissions().readonly() {
        true => Err(io::ErrorKind::PermissionDenied.into()),
        false => Ok(()),
    }
}

/// The state that the writer thread and the session share.
#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// The thread waits for a chunk.
    filled: Condvar,
    /// Bytes handed over and not yet written.
    waiting: AtomicUsize,
    /// The session waits for room, so that a wake is worth its system call.
    wanted: AtomicBool,
    broken: AtomicBool,
    failure: Mutex<Option<io::Error>>,
    waker: AtomicWaker,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn failure(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.failure
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn fail(&self, error: io::Error) {
        *self.failure() = Some(error);
        self.broken.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn written(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
        if self.wanted.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Takes the next chunk for the thread, and returns the previous one for reuse; `None` is the
    /// end.
    fn next_chunk(&self, done: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut queue = self.queue();
        if let Some(done) = done {
            queue.keep(done);
        }
        loop {
            if let Some(chunk) = queue.chunks.pop_front() {
                return Some(chunk);
            }
            if let Some(note) = queue.note_of_dropped() {
                self.waiting.fetch_add(note.len(), Ordering::AcqRel);
                return Some(note);
            }
            if queue.closed {
                return None;
            }
            queue.idle = true;
            queue = self
                .filled
                .wait(queue)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }
}

/// Chunks on their way to the thread, and empty ones on their way back. The bytes that wait to be
/// written limit its memory: apart from the first [`FLOWING`], any two adjacent chunks have more
/// than [`CHUNK`] bytes together.
#[derive(Default)]
struct Queue {
    chunks: VecDeque<Vec<u8>>,
    /// Empty buffers for reuse.
    spares: Vec<Vec<u8>>,
    /// The total capacity of these buffers, in bytes.
    spare_bytes: usize,
    /// Log lines dropped for lack of room since the last report of such lines.
    dropped: u64,
    /// The thread waits, and has not been woken.
    idle: bool,
    closed: bool,
}

impl Queue {
    /// Queues `chunk`, which becomes an empty buffer. If chunks pile up, a small one is appended to
    /// the previous one, unless it must be written `alone`.
    fn push(&mut self, chunk: &mut Vec<u8>, alone: bool) {
        let merge = self.chunks.len() >= FLOWING && !alone;
        if let Some(last) = self.chunks.back_mut()
            && merge
            && last.len() + chunk.len() <= CHUNK
        {
            last.append(chunk);
            return;
        }
        let next = self.spares.pop().unwrap_or_default();
        self.spare_bytes -= next.capacity();
        self.chunks.push_back(std::mem::replace(chunk, next));
    }

    /// Keeps a written chunk for reuse.
    fn keep(&mut self, mut chunk: Vec<u8>) {
        let capacity = chunk.capacity();
        if capacity <= MAX_SPARE && self.spare_bytes + capacity <= MAX_SPARES {
            chunk.clear();
            self.spare_bytes += capacity;
            self.spares.push(chunk);
        }
    }

    /// The line that reports dropped log lines, if there are any.
    fn note_of_dropped(&mut self) -> Option<Vec<u8>> {
        let note = match std::mem::take(&mut self.dropped) {
            0 => return None,
            1 => "wirecat: 1 log line was dropped\n".to_owned(),
            more => format!("wirecat: {more} log lines were dropped\n"),
        };
        Some(note.into_bytes())
    }
}

/// A thread that is not started yet.
struct Unstarted {
    sink: Sink,
    /// Says that everything is written.
    finished: oneshot::Sender<()>,
}

impl Unstarted {
    fn start(self, shared: &Arc<Shared>) {
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            write_loop(self.sink, &shared);
            // The receiver may be gone.
            let _ = self.finished.send(());
        });
    }
}

/// Collects output and hands it to the thread that writes it.
pub struct Writer {
    chunk: Vec<u8>,
    /// Bytes handed over so far, whether written directly or by the thread.
    handed: u64,
    /// Number of bytes appended when [`Writer::poll_ready`] became pending, while it is pending.
    full_since: Cell<Option<u64>>,
    shared: Arc<Shared>,
    /// What the thread needs, until it is started: a run whose output is small never pays for it.
    unstarted: RefCell<Option<Unstarted>>,
    done: oneshot::Receiver<()>,
    /// stdout, if it is a pipe: chunks that surely fit are written without the thread.
    direct: Option<Stream>,
    reader_gone: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Writer {
    /// A writer to `sink`. Its thread starts with the first chunk that is handed over to it.
    pub fn new(sink: Sink) -> Self {
        let (finished, done) = oneshot::channel();
        Writer {
            chunk: Vec::with_capacity(CHUNK),
            handed: 0,
            full_since: Cell::new(None),
            shared: Arc::default(),
            unstarted: RefCell::new(Some(Unstarted { sink, finished })),
            done,
            direct: None,
            reader_gone: None,
        }
    }

    /// Detects that the reader of stdout is gone, even while there is nothing to write. Must run
    /// inside the runtime.
    #[must_use]
    pub fn watching_stdout(mut self) -> Self {
        self.direct = stdout::if_pipe().filter(|_| !stdout::is_stderr());
        self.reader_gone = stdout::reader_gone();
        self
    }

    /// The buffer that output is appended to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    /// Hands over a full chunk.
    pub fn submit_if_full(&mut self) {
        if self.chunk.len() >= CHUNK {
            self.submit();
        }
    }

    /// Hands over everything appended.
    pub fn submit(&mut self) {
        self.handed += self.chunk.len() as u64;
        if self.chunk.is_empty() || self.write_directly() {
            return;
        }
        self.hand_over(false);
    }

    /// Hands over everything appended, even if it is empty, in a separate call of the sink.
    pub fn submit_alone(&mut self) {
        self.handed += self.chunk.len() as u64;
        self.hand_over(true);
    }

    /// Hands over a log line, preceded by a report of dropped lines. If too much waits already, the
    /// line is dropped.
    pub fn submit_or_drop(&mut self) {
        if !self.has_room() {
            self.chunk.clear();
            self.shared.queue().dropped += 1;
            return;
        }
        if let Some(mut note) = self.shared.queue().note_of_dropped() {
            note.append(&mut self.chunk);
            self.chunk = note;
        }
        self.submit();
    }

    fn hand_over(&mut self, alone: bool) {
        if let Some(unstarted) = self.unstarted.take() {
            unstarted.start(&self.shared);
        }
        let bytes = self.chunk.len();
        self.shared.waiting.fetch_add(bytes, Ordering::AcqRel);
        let mut queue = self.shared.queue();
        queue.push(&mut self.chunk, alone);
        let wake = std::mem::take(&mut queue.idle);
        drop(queue);
        if wake {
            self.shared.filled.notify_one();
        }
    }

    /// Writes a small chunk directly if that cannot block, because handing it over costs two system
    /// calls and a thread switch. Larger chunks occur when there is much to do, and then the thread
    /// pays off. If another program fills the pipe at the same time, the rest stays in the chunk.
    fn write_directly(&mut self) -> bool {
        let Some(pipe) = &self.direct else {
            return false;
        };
        if self.chunk.len() > DIRECT
            || self.shared.waiting.load(Ordering::Acquire) > 0
            || self.shared.broken.load(Ordering::Acquire)
            || !stdout::takes_a_page(pipe)
        {
            return false;
        }
        match pipe.file().write(&self.chunk) {
            Ok(written) => drop(self.chunk.drain(..written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.shared.fail(error);
                self.chunk.clear();
            }
        }
        self.chunk.is_empty()
    }

    /// Bytes appended so far, and how many of them are written. Once writing has failed, the second
    /// number no longer grows.
    pub fn progress(&self) -> (u64, u64) {
        let appended = self.appended();
        if self.shared.broken.load(Ordering::Acquire) {
            return (appended, 0);
        }
        let waiting = self.shared.waiting.load(Ordering::Acquire) as u64;
        (appended, self.handed - waiting)
    }

    /// Pending while too much waits for the reader of stdout.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.poll_waiting(MAX_WAITING, cx);
        self.full_since.set(match ready {
            Poll::Ready(()) => None,
            Poll::Pending => self.full_since.get().or(Some(self.appended())),
        });
        ready
    }

    /// Pending until everything that was handed over is written, or writing has failed.
    pub fn poll_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_waiting(1, cx)
    }

    /// Pending until fewer than `limit` bytes wait.
    fn poll_waiting(&self, limit: usize, cx: &mut Context<'_>) -> Poll<()> {
        let is_below = || self.shared.waiting.load(Ordering::Acquire) < limit;
        if is_below() {
            return Poll::Ready(());
        }
        self.shared.waker.register(cx.waker());
        self.shared.wanted.store(true, Ordering::Release);
        // The thread may have written between the check and the registration.
        if is_below() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::Acquire) < MAX_WAITING
    }

    /// Whether so much was appended since [`Writer::poll_ready`] became pending that nothing more
    /// may be. The output that made it pending does not count, because a message may have any size.
    pub fn is_overfull(&self) -> bool {
        let full = self.full_since.get();
        full.is_some_and(|since| self.appended() - since >= OVERFULL)
    }

    /// Bytes appended so far.
    fn appended(&self) -> u64 {
        self.handed + self.chunk.len() as u64
    }

    /// Whether the reader is gone or the disk is full; otherwise the task is woken when that
    /// happens.
    pub fn poll_broken(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(gone) = &mut self.reader_gone
            && gone.as_mut().poll(cx).is_ready()
        {
            self.reader_gone = None;
            self.shared.broken.store(true, Ordering::Release);
        }
        if !self.is_broken() {
            self.shared.waker.register(cx.waker());
        }
        self.is_broken()
    }

    /// Whether writing has failed, as far as is known without a check.
    pub fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Why writing failed, once: exit 2. A reader that is gone is not a failure.
    pub fn take_failure(&self) -> Option<Error> {
        let failure = self.take_cause();
        let failure = failure.filter(|error| error.kind() != io::ErrorKind::BrokenPipe)?;
        let message = format!("cannot write the output: {}", plain_words(&failure));
        Some(Error::new(Stage::Output, Exit::Usage, message))
    }

    /// Why the system refused to write, once.
    pub fn take_cause(&self) -> Option<io::Error> {
        self.shared.failure().take()
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// Exit 2 if writing failed, unless [`Writer::take_failure`] returned that before. A reader
    /// that is gone is not a failure.
    pub async fn finish(mut self) -> Result<(), Error> {
        self.end().await;
        self.take_failure().map_or(Ok(()), Err)
    }

    /// Waits until everything is written, or writing has failed. Nothing may be appended later.
    pub async fn end(&mut self) {
        self.submit();
        self.close();
        let _ = (&mut self.done).await;
    }

    /// Lets the thread end once it has written everything that was handed over. Nothing may be appended
    /// later.
    pub fn close(&self) {
        drop(self.unstarted.take());
        self.shared.queue().closed = true;
        self.shared.filled.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_loop(mut sink: Sink, shared: &Shared) {
    let mut done = None;
    while let Some(chunk) = shared.next_chunk(done.take()) {
        if !shared.broken.load(Ordering::Acquire)
            && let Err(error) = sink(&chunk)
        {
            shared.fail(error);
        }
        shared.written(chunk.len());
        done = Some(chunk);
    }
}
