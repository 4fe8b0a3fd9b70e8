//! What is sent, as it goes over the wire (`--encode`): encodes text messages, where asked first with a
//! command that gets each on its stdin. While a command runs no other message is sent, so the order
//! stays, and the run does not end. A message whose command fails is not sent, and that is an error.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use super::super::about::About;
use super::super::frontend::{Sink, Source};
use super::super::options::Options;
use super::Conn;
use super::decoding::{output_of, with_variables};
use crate::decode::chain::Command;
use crate::encode::{self, Encoder};
use crate::error::{Error, Exit, Stage};
use crate::event::{Event, Origin};
use crate::io::child::Failure;
use crate::io::signals::StopSignal;
use crate::message::Message;

/// The state of encoding.
#[derive(Debug)]
pub(super) struct Encoding {
    steps: encode::Encoding,
    /// What comes before the steps.
    command: Option<Command>,
    running: Option<Running>,
    /// Most that a command may print, in bytes.
    limit: usize,
}

impl Encoding {
    /// `about` is for the command.
    pub(super) fn new(encoder: &Encoder, options: &Options, about: &About) -> Self {
        let command = encoder.command();
        Encoding {
            steps: encoder.start(),
            command: command.map(|command| with_variables(command, about)),
            running: None,
            limit: options.max_message_size,
        }
    }

    pub(super) fn has_command(&self) -> bool {
        self.command.is_some()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The message of the front end's that was not sent, as the connection ended.
    pub(super) fn take_unsent(&mut self) -> Option<Outgoing> {
        self.running.take().map(|running| running.outgoing)
    }
}

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    /// The front end's.
    Numbered {
        number: u64,
        message: Message,
        repeat: bool,
    },
    /// Our own, and what is shown of it.
    Own { shown: Message, origin: Origin },
}

/// A command that encodes a message.
struct Running {
    outgoing: Outgoing,
    output: Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>>>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outgoing = &self.outgoing;
        f.debug_tuple("Running").field(outgoing).finish()
    }
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    /// A message as it goes over the wire. `None` if it is not sent now: a command has begun to encode
    /// it, and it is sent as `outgoing` when that has ended; or it cannot be encoded, which has been
    /// reported.
    pub(super) fn encode(
        &mut self,
        message: &Message,
        origin: Option<Origin>,
        outgoing: impl FnOnce() -> Outgoing,
        now: Instant,
    ) -> Option<Message> {
        let Some(encoding) = &mut self.sending.encoding else {
            return Some(message.clone());
        };
        if let (Some(command), Message::Text(_)) = (&encoding.command, message) {
            let command = command.clone();
            let stderr = self.answering.stderr();
            let running = output_of(command, message.clone(), encoding.limit, stderr);
            encoding.running = Some(Running {
                outgoing: outgoing(),
                output: Box::pin(running),
            });
            return None;
        }
        let encoded = encoding.steps.encode(message.clone());
        self.or_report(encoded, origin, now)
    }

    fn or_report(
        &mut self,
        encoded: Result<Message, String>,
        origin: Option<Origin>,
        now: Instant,
    ) -> Option<Message> {
        encoded
            .map_err(|why| {
                self.run.policy.bad_input = true;
                let what = match origin {
                    Some(Origin::OnOpen) => "the message of --on-open",
                    Some(Origin::Heartbeat) => "the heartbeat",
                    Some(Origin::Token) => "the token",
                    Some(Origin::Answer | Origin::AnswerToPing) => "the answer",
                    _ => "the message",
                };
                let what = format!("--encode: {why}; {what} was not sent");
                let mut error = Error::new(Stage::Input, Exit::Usage, what);
                error
                    .advice
                    .extend(Encoder::advice(&why).map(str::to_owned));
                self.report(now, &Event::Error(&error));
            })
            .ok()
    }

    /// Lets a command go on. Returns whether its message was sent, or given up.
    pub(super) fn poll_encoding(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(encoding) = &mut self.sending.encoding else {
            return false;
        };
        let Some(running) = &mut encoding.running else {
            return false;
        };
        let Poll::Ready(output) = running.output.as_mut().poll(cx) else {
            return false;
        };
        let outgoing = encoding.take_unsent();
        let encoded = match output {
            Ok(output) => encoding.steps.wrap(Bytes::from(output)),
            Err(why) => Err(format!("cmd: {why}")),
        };
        let origin = match outgoing {
            Some(Outgoing::Own { origin, .. }) => Some(origin),
            _ => None,
        };
        match (outgoing, self.or_report(encoded, origin, now)) {
            (Some(outgoing), Some(encoded)) => self.hand_over(outgoing, encoded, now),
            _ => self.run.policy.drain.handle_bytes(now),
        }
        true
    }

    /// Whether the end of the run waits for a command.
    pub(super) fn holds(&mut self, now: Instant) -> bool {
        self.owes_answers(now) || self.sending.is_encoding()
    }

    /// The connection is over: what a command still encodes is sent on the next one, or reported.
    pub(super) fn report_unencoded(&mut self, now: Instant) {
        let encoding = self.sending.encoding.as_mut();
        match encoding.and_then(|it| it.take_unsent()) {
            Some(Outgoing::Numbered {
                number, message, ..
            }) => self.run.outbox.handle_cut_off(number, message),
            Some(Outgoing::Own { .. }) => {
                let note = "--encode cmd: a message was not sent, as its command had not ended";
                self.report(now, &Event::Warning(note));
            }
            None => {}
        }
    }
}
