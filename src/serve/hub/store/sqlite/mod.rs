//! The store in an SQLite file. What it tells is on disk: the WAL has been synced. One thread does
//! everything with the file, so the runtime never waits for a disk; the requests of all connections that
//! come meanwhile share one commit.
//!
//! This file is the hub's end of the thread. It must never block.

mod database;
mod queries;
mod schema;
mod trouble;
mod words;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread::{Builder, JoinHandle};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use super::{Answer, Output, Request, Retention, Store, Ticket};
use crate::error::{Error, plain_words};
use database::Database;
pub(in crate::serve) use trouble::Log;
use trouble::Trouble;
use worker::{Asked, Worker};

/// Opens the file, or makes it. It belongs to this store until that is closed.
///
/// It blocks: at a start, before anyone is served.
///
/// # Errors
/// Exit 2: the file cannot be used; what is wrong, and what to try.
pub(in crate::serve) fn open(
    path: &Path,
    retention: Retention,
    log: Option<Log>,
) -> Result<Box<dyn Store>, Error> {
    let database = Database::open(path, retention)?;
    let (requests, asked) = mpsc::channel();
    let (told, outputs) = tokio_mpsc::unbounded_channel();
    let (alive, ended) = oneshot::channel::<()>();
    let trouble = Trouble::new(path.display().to_string(), log);
    let worker = Worker::new(database, trouble, told);
    let work = move || {
        worker.run(&asked);
        drop(alive);
    };
    let thread = Builder::new().name("history".to_owned()).spawn(work);
    let thread = thread.map_err(|error| {
        let why = plain_words(&error);
        Error::usage(format!("cannot start a thread for --db: {why}"))
    })?;
    Ok(Box::new(SqliteStore {
        requests,
        outputs,
        ready: VecDeque::new(),
        waker: None,
        thread,
        ended,
    }))
}

/// See the head of this file.
struct SqliteStore {
    requests: mpsc::Sender<Asked>,
    outputs: tokio_mpsc::UnboundedReceiver<Vec<Output>>,
    /// Of a batch, what has not been polled yet.
    ready: VecDeque<Output>,
    waker: Option<Waker>,
    thread: JoinHandle<()>,
    /// Completes, as an error, when the thread is through.
    ended: oneshot::Receiver<()>,
}

impl Store for SqliteStore {
    fn request(&mut self, ticket: Ticket, request: Request) {
        if self.requests.send((ticket, request)).is_err() {
            // The thread ends before this only by a mistake of ours; nobody is to wait for it.
            let failed = Answer::Failed("the server's history has ended".into());
            self.ready.push_back(Output::Answer(failed, ticket));
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Output> {
        loop {
            if let Some(output) = self.ready.pop_front() {
                return Poll::Ready(output);
            }
            match self.outputs.poll_recv(cx) {
                Poll::Ready(Some(outputs)) => self.ready.extend(outputs),
                Poll::Ready(None) | Poll::Pending => {
                    self.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        let SqliteStore {
            requests,
            thread,
            ended,
            ..
        } = *self;
        drop(requests);
        Box::pin(async move {
            let _ = ended.await;
            // It has nothing left to do, so this does not block. What it has to say is in the log.
            let _ = thread.join();
        })
    }
}
