//! The command of `--run`: starts it when the rules of the run say so, reports how it ends, and ends it
//! with the run. It decides nothing about when; that is [`super::policy::program`].

use std::io;
use std::process::ExitStatus;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use super::clock::now;
use super::policy::Policy;
use crate::error::{Error, Exit, Stage, plain_words};
use crate::event::Event;
use crate::io::child::{self, Child, Command};

/// Lines of the command that may wait to be shown; beyond that, the command waits.
const LINES: usize = 256;

/// A longer line is shown in pieces of this many bytes.
const MAX_LINE: u64 = 64 * 1024;

/// What `--run` says.
#[derive(Clone, Debug)]
pub struct Options {
    pub command: String,
    /// What the command prints is reported line by line, because the terminal is the prompt's.
    pub reports_lines: bool,
}

/// What there is to report.
#[derive(Debug)]
pub(super) enum Report {
    Note(String),
    Detail(String),
    Error(Error),
}

impl Report {
    pub(super) fn event(&self) -> Event<'_> {
        match self {
            Report::Note(text) => Event::Note(text),
            Report::Detail(text) => Event::Detail(text),
            Report::Error(error) => Event::Error(error),
        }
    }
}

/// The command of a run.
#[derive(Debug)]
pub(super) struct Runner {
    options: Options,
    /// The environment that the command gets besides ours.
    variables: Vec<(String, String)>,
    child: Option<Child>,
    lines: Option<mpsc::Receiver<String>>,
}

impl Runner {
    pub(super) fn new(options: Options) -> Self {
        Runner {
            options,
            variables: Vec::new(),
            child: None,
            lines: None,
        }
    }

    /// A connection was opened; `variables` describe it.
    pub(super) fn handle_opened(&mut self, variables: Vec<(String, String)>) {
        self.variables = variables;
    }

    pub(super) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Starts the command.
    pub(super) fn start(&mut self, policy: &mut Policy) -> Report {
        match self.spawn() {
            Ok(child) => {
                self.child = Some(child);
                policy.handle_program_started();
                Report::Detail(format!("--run: started {}", self.options.command))
            }
            Err(error) => {
                let why = format!("cannot run a shell: {}", plain_words(&error));
                policy.handle_program_ended(false, now());
                Report::Error(failure(&why))
            }
        }
    }

    fn spawn(&mut self) -> io::Result<Child> {
        let command = Command::shell(&self.options.command).variables(&self.variables);
        if !self.options.reports_lines {
            return command.stdout_to_stderr().start();
        }
        let mut child = command.pipe_stdout().pipe_stderr().start()?;
        let (sender, lines) = mpsc::channel(LINES);
        if let Some(stdout) = child.take_stdout() {
            tokio::spawn(pass_on(stdout, sender.clone()));
        }
        if let Some(stderr) = child.take_stderr() {
            tokio::spawn(pass_on(stderr, sender));
        }
        self.lines = Some(lines);
        Ok(child)
    }

    /// What the command printed, or how it ended. Pending while there is none.
    pub(super) fn poll(&mut self, policy: &mut Policy, cx: &mut Context<'_>) -> Poll<Report> {
        if let Some(lines) = &mut self.lines {
            match lines.poll_recv(cx) {
                Poll::Ready(Some(line)) => return Poll::Ready(Report::Note(line)),
                Poll::Ready(None) => self.lines = None,
                Poll::Pending => {}
            }
        }
        let Some(child) = &mut self.child else {
            return Poll::Pending;
        };
        let Poll::Ready(status) = child.poll_exit(cx) else {
            return Poll::Pending;
        };
        // What it left running is ended meanwhile, or when the child is dropped.
        self.child = None;
        let success = matches!(&status, Ok(status) if status.success());
        policy.handle_program_ended(success, now());
        Poll::Ready(report(status))
    }

    /// Ends the command, if it runs.
    pub(super) async fn end(&mut self) -> Option<Report> {
        let mut child = self.child.take()?;
        // It is over in any case, and nothing can be done about a system that does not say how.
        let _ = child.end(child::GRACE).await;
        let note = "--run: the command was ended, because the run is over";
        Some(Report::Note(note.to_owned()))
    }
}

fn report(status: io::Result<ExitStatus>) -> Report {
    match status {
        Ok(status) if status.success() => Report::Detail("--run: ended".to_owned()),
        Ok(status) => Report::Error(failure(&child::describe(status))),
        Err(error) => Report::Error(failure(&plain_words(&error))),
    }
}

/// The failure of the command as that of the run.
pub(super) fn failure(why: &str) -> Error {
    Error::new(Stage::Program, Exit::Unmet, format!("--run: {why}"))
}

/// Passes on what the command prints.
async fn pass_on(stream: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut stream).take(MAX_LINE);
        let read = limited.read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if lines.send(line).await.is_err() {
            return;
        }
    }
}
