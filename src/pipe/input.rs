//! The input of a script: the messages of `-d`, or stdin split into pieces.

use std::task::{Context, Poll};
use std::time::Instant;

use super::framing::{Framer, Framing, Item};
use super::program::Program;
use super::stdin::{self, Reading};
use crate::close::Close;
use crate::encode::Encoder;
use crate::error::Error;
use crate::event::Command;
use crate::io::stdio::Stream;
use crate::message::Message;
use crate::payload::InputFormat;
use crate::session::about::About;
use crate::session::frontend::{Asker, Next, Source};

/// The source of messages.
#[derive(Clone, Debug)]
pub enum Messages {
    /// `-d`; stdin is not read.
    Given(Vec<Message>),
    Stdin {
        frame: Framing,
        payload: InputFormat,
        /// `--encode`: what it cannot encode is an error of the input.
        encoder: Option<Encoder>,
    },
}

/// The state of the input.
enum State {
    /// Nothing is read before the connection is open.
    Waiting(Framer),
    /// There is no input, and its end comes when the connection is open: before that it would be a
    /// reason not to connect.
    Empty,
    Reading(Reading),
    Ended,
}

/// The input of a script.
pub struct Input {
    state: State,
    queue: std::vec::IntoIter<Item>,
    /// The messages are those of `-d`.
    is_given: bool,
    /// `--exec`: reads its stdout, and ends with it.
    program: Option<Program>,
    /// Its failure is worth a Close of its own.
    closes_for_failure: bool,
    /// Its stdout until it is read, and the size of its largest message.
    stdout: Option<(Stream, usize)>,
    /// The error in the input after the queue.
    complaint: Option<Error>,
    /// What follows the end of the input.
    then: Vec<Message>,
}

impl Input {
    /// The input, and what is sent after its end. After an error in it, that is not sent.
    pub fn new(messages: Messages, then: Vec<Message>) -> Self {
        let is_given = matches!(messages, Messages::Given(_));
        let (state, queue) = match messages {
            Messages::Given(messages) if messages.is_empty() => (State::Empty, Vec::new()),
            Messages::Given(messages) => (
                State::Ended,
                messages.into_iter().map(Item::Message).collect(),
            ),
            Messages::Stdin {
                frame,
                payload,
                encoder,
            } => {
                let framer = Framer::new(frame, payload).checking(encoder);
                (State::Waiting(framer), Vec::new())
            }
        };
        Input {
            state,
            queue: queue.into_iter(),
            is_given,
            program: None,
            closes_for_failure: false,
            stdout: None,
            complaint: None,
            then,
        }
    }

    /// Reads from `program` in place of stdin.
    #[must_use]
    pub fn with_program(mut self, program: Option<Program>) -> Self {
        self.program = program;
        self
    }

    /// Closes with 1011 where the program has failed, as a server does for an error of its own.
    #[must_use]
    pub fn closing_for_failures(mut self) -> Self {
        self.closes_for_failure = true;
        self
    }

    /// What is next after the end of the input.
    fn end(&mut self, cx: &mut Context<'_>) -> Next {
        let Some(program) = &self.program else {
            return Next::End;
        };
        if program.poll_ended(cx).is_pending() {
            return Next::End;
        }
        if program.has_failed() && std::mem::take(&mut self.closes_for_failure) {
            let close = Close::new(1011, "the program failed");
            self.queue = vec![Item::Other(Box::new(Command::Close(close)))].into_iter();
            return Next::Command { paced: false };
        }
        Next::Over
    }
}

impl Source for Input {
    fn poll_next(&mut self, cx: &mut Context<'_>, _now: Instant) -> Poll<Next> {
        loop {
            if let Some(item) = self.queue.as_slice().first() {
                let paced = item.is_paced();
                return Poll::Ready(Next::Command { paced });
            }
            if let Some(complaint) = self.complaint.take() {
                self.state = State::Ended;
                self.then.clear();
                return Poll::Ready(Next::Bad(complaint));
            }
            let reading = match &mut self.state {
                State::Waiting(_) | State::Empty => return Poll::Pending,
                State::Reading(reading) => reading,
                State::Ended if !self.then.is_empty() => {
                    let then = std::mem::take(&mut self.then).into_iter();
                    self.queue = then.map(Item::Message).collect::<Vec<_>>().into_iter();
                    continue;
                }
                State::Ended => return Poll::Ready(self.end(cx)),
            };
            match reading.poll_batch(cx) {
                Poll::Ready(Some(batch)) => {
                    self.queue = batch.items.into_iter();
                    self.complaint = batch.error;
                }
                Poll::Ready(None) => self.state = State::Ended,
                Poll::Pending => match &self.program {
                    Some(program) if program.poll_over(cx).is_ready() => self.state = State::Ended,
                    _ => return Poll::Pending,
                },
            }
        }
    }

    fn take(&mut self) -> Option<Command> {
        Some(match self.queue.next()? {
            Item::Message(message) => Command::Send(message),
            Item::Other(command) => *command,
        })
    }

    fn has_given(&self) -> bool {
        self.is_given && (self.queue.len() > 0 || !self.then.is_empty())
    }

    fn handle_about(&mut self, about: &About) {
        let Some(program) = &self.program else { return };
        match program.start(about) {
            Ok(stdout) => self.stdout = stdout.map(|it| (it, program.limit())),
            Err(error) => {
                self.state = State::Ended;
                self.complaint = Some(error);
            }
        }
    }

    /// stdin is read once the first connection opens.
    fn handle_opened(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Waiting(framer) => State::Reading(match self.stdout.take() {
                Some((stdout, limit)) => stdin::read_program(framer, stdout, limit),
                None => stdin::read_stdin(framer),
            }),
            State::Empty => State::Ended,
            other => other,
        };
    }

    /// Number of messages, including pings and frames; a Close that is left over is none.
    fn unsent(&self) -> usize {
        let ahead = match &self.state {
            State::Reading(reading) => reading.waiting(),
            _ => 0,
        };
        Item::count_missed(self.queue.as_slice()) + ahead + self.then.len()
    }
}

impl Asker for Input {}
