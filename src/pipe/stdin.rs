//! The thread that reads stdin. It may block; the session never does.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::mpsc;

use super::framing::{Framer, Item};
use crate::error::{Error, Exit, Stage, plain_words};
use crate::io::stdio::{self, Stream};

/// Maximum size of one read: the capacity of a Linux pipe.
const READ_SIZE: usize = 64 * 1024;

/// Batches that are read ahead. When a full socket blocks the session, the thread stops reading
/// after these.
const BATCHES: usize = 2;

/// The result of one read of stdin.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    /// The error in the input after those.
    pub(crate) error: Option<Error>,
}

/// The session's end of the queue.
#[derive(Debug)]
pub(crate) struct Reading {
    batches: mpsc::Receiver<Batch>,
    /// Items that were read and have not been taken from here.
    waiting: Arc<AtomicUsize>,
}

/// Starts the thread that reads stdin.
pub(crate) fn read_stdin(framer: Framer) -> Reading {
    let (sender, batches) = mpsc::channel(BATCHES);
    let waiting = Arc::<AtomicUsize>::default();
    let theirs = Arc::clone(&waiting);
    // Detached: a blocked read must not keep the program from exiting.
    thread::spawn(move || {
        // A missing stdin counts as empty.
        if let Ok(mut input) = stdio::stdin() {
            read_loop(&mut input, framer, &sender, &theirs);
        }
    });
    Reading { batches, waiting }
}

/// Starts the thread that reads the stdout of a program, whose messages have at most `limit` bytes. Once
/// that has no reader, it is read to its end all the same, so that the program can end.
pub(crate) fn read_program(framer: Framer, mut stdout: Stream, limit: usize) -> Reading {
    let framer = framer.limited("the output of --exec", limit);
    let (sender, batches) = mpsc::channel(BATCHES);
    let waiting = Arc::<AtomicUsize>::default();
    let theirs = Arc::clone(&waiting);
    thread::spawn(move || {
        read_loop(&mut stdout, framer, &sender, &theirs);
        drop(sender);
        let _ = io::copy(&mut stdout, &mut io::sink());
    });
    Reading { batches, waiting }
}

impl Reading {
    /// The next batch; `None` is the end of the input.
    pub(crate) fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        let batch = ready!(self.batches.poll_recv(cx));
        let taken = batch
            .as_ref()
            .map_or(0, |batch| Item::count_missed(&batch.items));
        self.waiting.fetch_sub(taken, Ordering::AcqRel);
        Poll::Ready(batch)
    }

    /// Number of items read ahead that would be missed if they were not sent.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

fn read_loop(
    input: &mut Stream,
    mut framer: Framer,
    sender: &mpsc::Sender<Batch>,
    waiting: &AtomicUsize,
) {
    loop {
        let mut batch = Batch::default();
        let read = read_some(input, &mut framer);
        let cut = match &read {
            Ok(0) => framer.handle_eof(&mut batch.items),
            Ok(_) => framer.handle_input(&mut batch.items),
            Err(error) => Err(Error::new(
                Stage::Input,
                Exit::Usage,
                format!("cannot read {}: {}", framer.name(), plain_words(error)),
            )),
        };
        let last = matches!(read, Ok(0)) || cut.is_err();
        batch.error = cut.err();
        if batch.items.is_empty() && !last {
            continue;
        }
        waiting.fetch_add(Item::count_missed(&batch.items), Ordering::AcqRel);
        if sender.blocking_send(batch).is_err() || last {
            return;
        }
    }
}

fn read_some(input: &mut Stream, framer: &mut Framer) -> io::Result<usize> {
    let buffer = framer.buffer();
    let before = buffer.len();
    buffer.resize(before + READ_SIZE, 0);
    let result = input.read(&mut buffer[before..]);
    buffer.truncate(before + *result.as_ref().unwrap_or(&0));
    result
}
