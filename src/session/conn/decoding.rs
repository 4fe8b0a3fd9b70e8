//! What received messages say (`--decode`): decodes one after another, where asked with a command that
//! gets each on its stdin. While a command runs nothing more is read, so the order stays, and a peer that
//! sends faster than the command works is held back. A message is never lost to a command: where that
//! fails, the message is given as it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use super::super::about::About;
use super::super::frontend::{Sink, Source};
use super::Conn;
use super::answering::{COMMAND_TIMEOUT, without_line_end};
use crate::decode::chain::Command;
use crate::decode::{self, Decoded, Decoder, Undecoded, as_message};
use crate::event::Event;
use crate::io::child::lines::LineSender;
use crate::io::child::{self, Failure};
use crate::io::signals::StopSignal;
use crate::message::Message;

/// The state of decoding.
#[derive(Debug)]
pub(super) struct Decoding {
    decoder: Decoder,
    /// The command at the end of the chain.
    command: Option<Command>,
    /// Largest message, decoded, in bytes.
    limit: usize,
}

impl Decoding {
    /// `about` is for the command.
    pub(super) fn new(options: &decode::Options, about: &About) -> Self {
        let command = options.chain.command.as_ref();
        Decoding {
            decoder: Decoder::new(options),
            command: command.map(|command| with_variables(command, about)),
            limit: options.limit,
        }
    }

    /// Lets the command decode what the steps before it made of a message.
    fn start(
        &self,
        command: &Command,
        decoded: Decoded,
        stderr: Option<LineSender>,
    ) -> Result<Running, Decoded> {
        let Decoded { message, decoded } = decoded;
        match decoded {
            Some(Ok(input)) => Ok(Running {
                message,
                output: Box::pin(decoded_by(command.clone(), input, self.limit, stderr)),
            }),
            decoded => Err(Decoded { message, decoded }),
        }
    }
}

/// The command with what its environment says of the connection.
pub(super) fn with_variables(command: &Command, about: &About) -> Command {
    let about = about.variables(&[]).into_iter();
    let all = about.chain(command.variables.iter().cloned());
    Command {
        line: command.line.clone(),
        variables: all.collect(),
    }
}

/// A command that decodes a message.
pub(super) struct Running {
    /// What was received.
    message: Message,
    output: Pin<Box<dyn Future<Output = Result<Message, Undecoded>>>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    /// Decodes a message, and gives what it says where no command has to be waited for.
    pub(super) fn decode(&mut self, message: Message, now: Instant) {
        let Some(decoding) = &mut self.reading.decoding else {
            return self.deliver_decoded(message, now);
        };
        let Some(decoded) = decoding.decoder.decode(message) else {
            // The rest of it comes with another message.
            return self.run.policy.drain.handle_bytes(now);
        };
        // Where messages are not wanted any more, no command runs for them.
        let command = decoding.command.as_ref();
        match command.filter(|_| !self.run.policy.stop.is_met()) {
            None => self.handle_decoded(decoded, now),
            Some(command) => match decoding.start(command, decoded, self.answering.stderr()) {
                Ok(running) => self.reading.await_decoding(running),
                Err(decoded) => self.handle_decoded(decoded, now),
            },
        }
    }

    /// Lets a command go on. Returns whether the message has been given, or given up: a signal cuts it
    /// short, and ends the command.
    pub(super) fn poll_decoding(
        &mut self,
        mut running: Running,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> bool {
        if self.ending.is_stopped() {
            return true;
        }
        match running.output.as_mut().poll(cx) {
            Poll::Ready(output) => {
                let message = running.message;
                let decoded = Some(output);
                self.handle_decoded(Decoded { message, decoded }, now);
                true
            }
            Poll::Pending => {
                self.reading.await_decoding(running);
                false
            }
        }
    }

    fn handle_decoded(&mut self, decoded: Decoded, now: Instant) {
        self.reading.undecoded = None;
        let Decoded { message, decoded } = decoded;
        let message = match decoded {
            None => message,
            Some(Ok(decoded)) => {
                self.reading.undecoded = Some(message);
                decoded
            }
            Some(Err(why)) => {
                if let Some(note) = self.run.handle_undecoded(&why) {
                    self.report(now, &Event::Warning(&note));
                }
                message
            }
        };
        self.deliver_decoded(message, now);
    }

    /// The connection is over: reports what has not been decoded, unless a signal cut it short.
    pub(super) fn report_unfinished(&mut self, now: Instant) {
        let decoding = self.reading.decoding.as_ref();
        if let Some(note) = decoding.and_then(|it| it.decoder.unfinished()) {
            self.report(now, &Event::Warning(&note));
        }
        if self.reading.awaits_decoding() {
            let note = "--decode cmd: a message was not shown, as its command had not ended";
            self.report(now, &Event::Warning(note));
        }
    }
}

/// What a command prints that gets a message on its stdin.
pub(super) async fn output_of(
    command: Command,
    input: Message,
    limit: usize,
    stderr: Option<LineSender>,
) -> Result<Vec<u8>, Failure> {
    let variables = command.variables.iter();
    let command = child::Command::shell(&command.line)
        .variables(variables)
        .stderr_to(stderr);
    let running = command.output_within(input.payload(), limit, COMMAND_TIMEOUT);
    running.await
}

/// What a command says that a message is.
async fn decoded_by(
    command: Command,
    input: Message,
    limit: usize,
    stderr: Option<LineSender>,
) -> Result<Message, Undecoded> {
    let output = output_of(command, input, limit, stderr).await;
    let output = output.map_err(|why| Undecoded {
        step: "cmd",
        what: why.to_string().into(),
        at: None,
    })?;
    // Programs end a text with a line feed, which is not part of it.
    Ok(match as_message(Bytes::from(output)) {
        Message::Text(text) => {
            let text = without_line_end(text.into_bytes().into());
            as_message(Bytes::from(text))
        }
        binary => binary,
    })
}
