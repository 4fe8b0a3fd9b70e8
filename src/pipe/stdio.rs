//! The two threads at the ends of the pipe. Reading and writing may block for as long as they like
//! there; the session never does.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;

use futures_util::task::AtomicWaker;
use tokio::sync::{mpsc as async_mpsc, oneshot};

use super::framing::Framer;
use crate::error::{Error, Exit, Stage};
use crate::event::Message;

/// Read at once: what a Linux pipe holds.
const READ_SIZE: usize = 64 * 1024;

/// Batches of look-ahead. A full socket stops the reading after these.
const BATCHES: usize = 2;

/// Bytes collected before they go to the writer, while more keeps coming.
const CHUNK: usize = 64 * 1024;

/// Bytes that may wait for a reader of stdout before the session stops reading messages.
const MAX_WAITING: usize = 1024 * 1024;

/// What one read of stdin gave.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<Message>,
    /// What is wrong with the input after those.
    pub(crate) error: Option<Error>,
}

/// Starts to read stdin. The channel ends with the input.
pub(crate) fn read_stdin(framer: Framer) -> async_mpsc::Receiver<Batch> {
    let (sender, receiver) = async_mpsc::channel(BATCHES);
    // Detached: a read that nobody answers must not keep the program from ending.
    thread::spawn(move || read_loop(framer, &sender));
    receiver
}

fn read_loop(mut framer: Framer, sender: &async_mpsc::Sender<Batch>) {
    let mut input = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(fd) => File::from(fd),
        // No stdin at all is an empty one.
        Err(_) => return,
    };
    loop {
        let mut batch = Batch::default();
        let read = read_some(&mut input, &mut framer);
        let cut = match &read {
            Ok(0) => framer.handle_eof(&mut batch.messages),
            Ok(_) => framer.handle_input(&mut batch.messages),
            Err(error) => Err(Error::new(Stage::Input, Exit::Usage, format!("cannot read stdin: {error}"))),
        };
        let last = matches!(read, Ok(0)) || cut.is_err();
        batch.error = cut.err();
        if batch.messages.is_empty() && !last {
            continue;
        }
        if sender.blocking_send(batch).is_err() || last {
            return;
        }
    }
}

fn read_some(input: &mut File, framer: &mut Framer) -> io::Result<usize> {
    let buffer = framer.buffer();
    let before = buffer.len();
    buffer.resize(before + READ_SIZE, 0);
    let result = loop {
        match input.read(&mut buffer[before..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    buffer.truncate(before + *result.as_ref().unwrap_or(&0));
    result
}

/// What the writer thread and the session share.
#[derive(Default)]
struct Shared {
    /// Bytes handed over and not yet written.
    waiting: AtomicUsize,
    broken: AtomicBool,
    failure: Mutex<Option<io::Error>>,
    waker: AtomicWaker,
}

/// Collects output and hands it to the thread that writes it.
pub(crate) struct Output {
    chunk: Vec<u8>,
    sender: mpsc::Sender<Vec<u8>>,
    /// Chunks that have been written, to be filled again.
    spare: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    done: oneshot::Receiver<()>,
}

impl Output {
    /// Writes to `file`, or to stdout.
    pub(crate) fn new(file: Option<File>) -> io::Result<Self> {
        let target = match file {
            Some(file) => file,
            None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
        };
        let (sender, chunks) = mpsc::channel();
        let (give_back, spare) = mpsc::channel();
        let (finished, done) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            write_loop(target, &chunks, &give_back, &theirs);
            // Nobody may be listening any more.
            let _ = finished.send(());
        });
        Ok(Output {
            chunk: Vec::with_capacity(CHUNK),
            sender,
            spare,
            shared,
            done,
        })
    }

    /// Where output is appended.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    /// Hands a full chunk over.
    pub(crate) fn submit_if_full(&mut self) {
        if self.chunk.len() >= CHUNK {
            self.submit();
        }
    }

    /// Hands over whatever there is.
    pub(crate) fn submit(&mut self) {
        if self.chunk.is_empty() {
            return;
        }
        let next = self.spare.try_recv().unwrap_or_default();
        let chunk = std::mem::replace(&mut self.chunk, next);
        self.shared.waiting.fetch_add(chunk.len(), Ordering::AcqRel);
        // The thread ends only after us.
        let _ = self.sender.send(chunk);
    }

    /// Pending while too much waits for the reader of stdout.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.shared.waker.register(cx.waker());
        // The thread may have written between the look and the registration.
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::Acquire) < MAX_WAITING
    }

    /// Whether the reader has gone or the disk is full; otherwise the task is woken when that
    /// happens.
    pub(crate) fn poll_broken(&self, cx: &mut Context<'_>) -> bool {
        if !self.shared.broken.load(Ordering::Acquire) {
            self.shared.waker.register(cx.waker());
        }
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// What made writing impossible; a reader that has gone is [`io::ErrorKind::BrokenPipe`].
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        self.submit();
        drop(self.sender);
        let _ = self.done.await;
        let failure = self.shared.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        failure.map_or(Ok(()), Err)
    }
}

fn write_loop(
    mut target: File,
    chunks: &mpsc::Receiver<Vec<u8>>,
    give_back: &mpsc::Sender<Vec<u8>>,
    shared: &Shared,
) {
    while let Ok(mut chunk) = chunks.recv() {
        if !shared.broken.load(Ordering::Acquire)
            && let Err(error) = target.write_all(&chunk)
        {
            *shared.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(error);
            shared.broken.store(true, Ordering::Release);
        }
        shared.waiting.fetch_sub(chunk.len(), Ordering::AcqRel);
        shared.waker.wake();
        chunk.clear();
        // A chunk that one great message has blown up goes back to the system.
        if chunk.capacity() <= 4 * CHUNK {
            let _ = give_back.send(chunk);
        }
    }
}
