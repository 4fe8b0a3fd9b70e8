//! Makes binary messages of JSON or text (`--encode`), the reverse of [`crate::decode`]. Pure.
//!
//! The JSON is the user's. What cannot be written exactly is refused with the reason, and never
//! rounded in silence.

mod cbor;
mod deflate;
mod msgpack;
mod number;
mod protobuf;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

use crate::decode::chain::{Chain, Command, Step};
use crate::error::Error;
use crate::json::scanner::without_place;
use crate::message::Message;
use deflate::ZlibStream;

/// How a run encodes what it sends. Clones share the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder {
    steps: Arc<[Step]>,
    command: Option<Command>,
}

impl Encoder {
    /// The encoder of `typed`, which is this chain.
    ///
    /// # Errors
    /// Exit 2 if one of its steps only decodes.
    pub fn new(typed: &str, chain: Chain) -> Result<Encoder, Error> {
        if chain.steps.contains(&Step::Protobuf) {
            let what = "only a message type says how fields are written";
            let error = Error::usage(format!("--encode {typed}: {what}"));
            return Err(error.advice("protobuf:FILE.desc#package.Type"));
        }
        Ok(Encoder {
            steps: chain.steps.into(),
            command: chain.command,
        })
    }

    /// The command that comes before the steps.
    pub fn command(&self) -> Option<&Command> {
        self.command.as_ref()
    }

    /// Looks whether a text can be encoded.
    ///
    /// # Errors
    /// As [`Encoding::encode`].
    pub fn check(&self, message: &Message) -> Result<(), String> {
        // What any text can be given to needs no look, and a command has not been run.
        let step = self.steps.last().filter(|_| self.command.is_none());
        match (message, step) {
            (Message::Text(text), Some(step)) if step.gives_json() => {
                form(step, text.as_bytes()).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// What to try when a text cannot be encoded because of this.
    pub fn advice(why: &str) -> Option<&'static str> {
        why.starts_with(NOT_JSON)
            .then_some("--encode takes one JSON value a message")
    }

    /// Begins to encode the messages of one connection.
    pub fn start(&self) -> Encoding {
        let steps = self.steps.iter().map(|step| match step {
            Step::ZlibStream => State::Stream(Box::new(ZlibStream::new())),
            step => State::Stateless(step.clone()),
        });
        Encoding(steps.collect())
    }
}

/// Encodes the messages of one connection.
#[derive(Debug)]
pub struct Encoding(Vec<State>);

/// A step, and what it remembers of earlier messages.
#[derive(Debug)]
enum State {
    Stateless(Step),
    Stream(Box<ZlibStream>),
}

impl Encoding {
    /// Encodes a text; a binary message stays what it is.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text. The caller prefixes its position.
    pub fn encode(&mut self, message: Message) -> Result<Message, String> {
        match message {
            Message::Text(text) => self.wrap(text.into_bytes()),
            binary => Ok(binary),
        }
    }

    /// Encodes what a command made of a text, or the text itself.
    ///
    /// # Errors
    /// As [`Encoding::encode`].
    pub fn wrap(&mut self, mut data: Bytes) -> Result<Message, String> {
        // The last step is the innermost.
        for step in self.0.iter_mut().rev() {
            data = Bytes::from(match step {
                State::Stateless(step) => form(step, &data)?,
                State::Stream(stream) => stream.push(&data)?,
            });
        }
        Ok(Message::Binary(data))
    }
}

/// What a step makes of what the one behind it gave.
fn form(step: &Step, data: &[u8]) -> Result<Vec<u8>, String> {
    match step {
        Step::MessagePack => msgpack::encode(&json(data)?),
        Step::Cbor => cbor::encode(&json(data)?),
        Step::Typed(Some(of)) => protobuf::encode(&json(data)?, of),
        Step::Gzip => deflate::gzip(data),
        Step::Zlib => deflate::zlib(data),
        Step::Zstd => Ok(compress_to_vec(data, CompressionLevel::Fastest)),
        // Refused before, not read yet, or a stream.
        Step::Protobuf | Step::Typed(None) | Step::ZlibStream => Ok(data.to_vec()),
    }
}

/// How the reason begins that a text is no JSON.
const NOT_JSON: &str = "not JSON: ";

fn json(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("{NOT_JSON}{}", without_place(&error)))
}
