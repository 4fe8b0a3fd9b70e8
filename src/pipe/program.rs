//! `--exec`: a program whose stdin and stdout take the place of ours. It starts with the first connection
//! and stays for the others. What it is sent waits as for any reader of stdout, and what it prints as on
//! any stdin; its end is the end of the run. It is never given a secret that was not asked for.

use std::cell::RefCell;
use std::future::Future as _;
use std::io::{self, Write};
use std::pin::Pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use crate::error::{Error, Exit, Stage, plain_words};
use crate::io::child::{Child, Command, LAST_OUTPUT, describe};
use crate::io::stdio::Stream;
use crate::io::writer::{self, Writer};
use crate::session::about::About;

#[derive(Clone, Debug)]
pub struct Options {
    /// A line for the shell.
    pub command: String,
    /// The headers of a client's request that the program gets in its environment, by name.
    pub headers: Vec<String>,
    /// The largest message that it may print, in bytes.
    pub limit: usize,
}

/// The program of one conversation. Every clone is a handle of the same program.
#[derive(Clone)]
pub struct Program(Rc<RefCell<State>>);

struct State {
    options: Options,
    /// Takes the program's stdin to the thread that writes to it.
    stdin: Option<mpsc::Sender<Stream>>,
    child: Option<Child>,
    /// It has ended, and not with 0.
    has_failed: bool,
    /// The system does not say how the program ended.
    lost: Option<io::Error>,
    /// What it printed before it ended is read until then.
    last_output: Option<Pin<Box<Sleep>>>,
}

impl Program {
    /// A program that has not been started, and the writer of its stdin.
    pub fn new(options: Options) -> (Program, Writer) {
        let (stdin, opened) = mpsc::channel();
        let state = State {
            options,
            stdin: Some(stdin),
            child: None,
            has_failed: false,
            lost: None,
            last_output: None,
        };
        let writer = Writer::new(write_to(opened));
        (Program(Rc::new(RefCell::new(state))), writer)
    }

    /// Starts the program for its first connection. Returns its stdout; `None` where it runs already.
    ///
    /// # Errors
    /// Exit 2 if it cannot be started.
    pub(super) fn start(&self, about: &About) -> Result<Option<Stream>, Error> {
        let state = &mut *self.0.borrow_mut();
        let Some(sender) = state.stdin.take() else {
            return Ok(None);
        };
        let variables = about.variables(&state.options.headers);
        let command = Command::shell(&state.options.command).variables(&variables);
        let started = command.pipe_stdin().pipe_stdout().start();
        let mut child = started.map_err(|error| {
            Error::usage(format!(
                "--exec: cannot run a shell: {}",
                plain_words(&error)
            ))
        })?;
        if let Some(stdin) = child.take_blocking_stdin() {
            // The thread is there as long as the writer.
            let _ = sender.send(stdin);
        }
        let stdout = child.take_blocking_stdout();
        state.child = Some(child);
        Ok(stdout)
    }

    /// The largest message that it may print, in bytes.
    pub(super) fn limit(&self) -> usize {
        self.0.borrow().options.limit
    }

    /// Ready when the program has ended, or was not started.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.0.borrow_mut();
        let Some(child) = &mut state.child else {
            return Poll::Ready(());
        };
        match child.poll_exit(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(status)) => {
                state.has_failed = !status.success();
                Poll::Ready(())
            }
            Poll::Ready(Err(error)) => {
                state.lost = Some(error);
                Poll::Ready(())
            }
        }
    }

    /// Whether it has ended, and not with 0, as [`Program::poll_ended`] has found.
    pub(super) fn has_failed(&self) -> bool {
        self.0.borrow().has_failed
    }

    /// Ready when the program has ended, and so has what it started, or a process that left its group holds
    /// its stdout open without printing anything. Must be polled while that is read: what it left running
    /// is ended only then.
    pub(super) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.0.borrow_mut();
        if let Some(child) = &mut state.child {
            // Where the system does not say how it ended, the end of the run finds that out.
            let _ = ready!(child.poll_finished(cx));
        }
        let last = || Box::pin(tokio::time::sleep(LAST_OUTPUT));
        state.last_output.get_or_insert_with(last).as_mut().poll(cx)
    }

    /// Waits for the end of the program, whose stdin has ended, for as long as `patience`. Then it is
    /// ended with all that it started.
    ///
    /// # Errors
    /// Exit 1 if it failed, or had to be ended.
    pub async fn finish(&self, patience: Duration, grace: Duration) -> Result<(), Error> {
        let taken = self.0.borrow_mut().child.take();
        let Some(mut child) = taken else {
            return Ok(());
        };
        if let Some(error) = self.0.borrow_mut().lost.take() {
            return Err(failure(&plain_words(&error)));
        }
        let waited = tokio::time::timeout(patience, child.wait()).await;
        let ended = match waited {
            Ok(status) => verdict(status),
            Err(_) => {
                let _ = child.end(grace).await;
                Err(failure(
                    "it did not end after the end of its stdin, and was ended",
                ))
            }
        };
        child.finish().await;
        ended
    }
}

fn verdict(status: io::Result<ExitStatus>) -> Result<(), Error> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failure(&describe(status))),
        Err(error) => Err(failure(&plain_words(&error))),
    }
}

fn failure(why: &str) -> Error {
    Error::new(Stage::Program, Exit::Unmet, format!("--exec: {why}"))
}

/// Writes to a stdin that is opened later. Where that never happens, every write fails.
fn write_to(opened: mpsc::Receiver<Stream>) -> writer::Sink {
    let mut stdin: Option<Stream> = None;
    Box::new(move |bytes| {
        let stdin = match &mut stdin {
            Some(stdin) => stdin,
            none => {
                let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
                none.insert(opened.recv().map_err(gone)?)
            }
        };
        stdin.write_all(bytes)
    })
}
