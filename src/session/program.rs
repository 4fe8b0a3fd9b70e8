//! The command of `--run`: starts it when the rules of the run say so, reports how it ends, and ends it
//! with the run. It decides nothing about when; that is [`super::policy::program`].

use std::io;
use std::process::ExitStatus;
use std::task::{Context, Poll};

use super::clock::now;
use super::policy::Policy;
use crate::error::{Error, Exit, Stage, plain_words};
use crate::event::Event;
use crate::io::child::lines::{Lines, lines};
use crate::io::child::{self, Child, Command};

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
    /// The command that ended last. What it left running has a moment to end.
    ended: Option<Child>,
    lines: Option<Lines>,
}

impl Runner {
    pub(super) fn new(options: Options) -> Self {
        Runner {
            options,
            variables: Vec::new(),
            child: None,
            ended: None,
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
        let (sender, lines) = lines();
        let child = command
            .stdout_to(sender.clone())
            .stderr_to(Some(sender))
            .start()?;
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
        self.ended = self.child.take();
        let success = matches!(&status, Ok(status) if status.success());
        policy.handle_program_ended(success, now());
        Poll::Ready(report(status))
    }

    /// Ends the command, if it runs, and what it left running, if it has ended.
    pub(super) async fn end(&mut self) -> Option<Report> {
        if let Some(mut ended) = self.ended.take() {
            ended.finish().await;
        }
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
