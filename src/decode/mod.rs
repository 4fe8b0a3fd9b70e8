//! What binary messages say, as JSON or text (`--decode`): MessagePack, CBOR, Protocol Buffers, and
//! compressed messages, one step after another. Pure.
//!
//! A message is a peer's: whatever it contains, the work is linear in its size, what comes out is
//! bounded by the largest message, and nesting by [`MAX_DEPTH`](crate::json::jq::MAX_DEPTH). What does
//! not decode is never lost: the caller gets the message back, with the reason.

pub(crate) mod bignum;
mod builder;
mod bytes;
mod cbor;
pub mod chain;
mod inflate;
mod msgpack;
pub(crate) mod protobuf;
mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod times;
mod wrong;
mod zstd;

use ::bytes::Bytes;

use crate::message::{Kind, Message};
use crate::units::counted;
use chain::{Chain, Step};
use inflate::Stream;
pub use tally::Tally;
pub use wrong::Undecoded;
use wrong::Wrong;

/// How a run decodes what it receives.
#[derive(Clone, Debug)]
pub struct Options {
    pub chain: Chain,
    /// Largest message, decoded, in bytes.
    pub limit: usize,
    /// What did not decode; clones share it.
    pub tally: Tally,
}

/// A message, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What was received; the parts of one after another, where they came in several messages.
    pub message: Message,
    /// `None` for a text that stays what it is.
    pub decoded: Option<Result<Message, Undecoded>>,
}

/// Decodes the messages of one connection.
#[derive(Debug)]
pub struct Decoder {
    steps: Vec<State>,
    limit: usize,
    /// The parts of a message whose rest has not come.
    parts: Vec<u8>,
}

/// A step, and what it remembers of earlier messages.
#[derive(Debug)]
enum State {
    Stateless(Step),
    Stream(Box<Stream>),
}

impl Decoder {
    pub fn new(options: &Options) -> Self {
        let steps = options.chain.steps.iter().map(|step| match step {
            Step::ZlibStream => State::Stream(Box::new(Stream::new())),
            step => State::Stateless(step.clone()),
        });
        Decoder {
            steps: steps.collect(),
            limit: options.limit,
            parts: Vec::new(),
        }
    }

    /// Decodes a message. `None` if the rest of it comes with another one.
    pub fn decode(&mut self, message: Message) -> Option<Decoded> {
        if message.kind() == Kind::Text {
            return Some(Decoded {
                message,
                decoded: None,
            });
        }
        let done = self.run(message.payload()).transpose();
        if done.is_none() {
            self.parts.extend_from_slice(message.payload());
            return None;
        }
        Some(Decoded {
            message: self.with_parts(message),
            decoded: done,
        })
    }

    fn run(&mut self, payload: &Bytes) -> Result<Option<Message>, Undecoded> {
        let limit = self.limit;
        if self.parts.len() + payload.len() > limit {
            let name = self.steps.first().map_or("", State::name);
            self.break_off(0);
            return Err(Undecoded::new(name, Wrong::too_large(limit)));
        }
        let mut data = payload.clone();
        for at in 0..self.steps.len() {
            let step = &mut self.steps[at];
            match step.run(&data, limit) {
                Ok(Some(decoded)) => data = Bytes::from(decoded),
                Ok(None) => return Ok(None),
                Err(wrong) => {
                    let why = Undecoded::new(step.name(), wrong);
                    self.break_off(at);
                    return Err(why);
                }
            }
        }
        Ok(Some(as_message(data)))
    }

    /// The streams from this step on have not got a message, and so can read no other.
    fn break_off(&mut self, from: usize) {
        for step in &mut self.steps[from..] {
            if let State::Stream(stream) = step {
                stream.break_off();
            }
        }
    }

    /// What has come of a message whose rest has not, in a sentence; none if nothing has.
    pub fn unfinished(&self) -> Option<String> {
        let inflated = self.steps.iter().find_map(|step| match step {
            State::Stream(stream) => Some(stream.inflated()),
            State::Stateless(_) => None,
        });
        let received = counted(self.parts.len() as u64, "byte");
        let inflated = counted(inflated? as u64, "byte");
        (!self.parts.is_empty()).then(|| {
            format!(
                "--decode zlib-stream: the end of a message did not come; {received} of it, \
                 {inflated} when inflated, were not shown"
            )
        })
    }

    fn with_parts(&mut self, message: Message) -> Message {
        if self.parts.is_empty() {
            return message;
        }
        let mut whole = std::mem::take(&mut self.parts);
        whole.extend_from_slice(message.payload());
        Message::binary(whole)
    }
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Stateless(step) => step.name(),
            State::Stream(_) => Step::ZlibStream.name(),
        }
    }

    fn run(&mut self, bytes: &[u8], limit: usize) -> wrong::Result<Option<Vec<u8>>> {
        let step = match self {
            State::Stream(stream) => return stream.push(bytes, limit),
            State::Stateless(step) => step,
        };
        let decoded = match step {
            Step::MessagePack => msgpack::decode(bytes, limit),
            Step::Cbor => cbor::decode(bytes, limit),
            Step::Gzip => inflate::gzip(bytes, limit),
            Step::Zlib => inflate::zlib(bytes, limit),
            Step::Zstd => zstd::decode(bytes, limit),
            Step::Protobuf => protobuf::decode(bytes, None, limit),
            Step::Typed(message) => protobuf::decode(bytes, message.as_ref(), limit),
            Step::ZlibStream => Ok(bytes.to_vec()), // never made: it is a stream
        };
        decoded.map(Some)
    }
}

/// A text where it is UTF-8, as JSON is.
pub fn as_message(data: Bytes) -> Message {
    Message::new(Kind::Text, data.clone()).unwrap_or(Message::Binary(data))
}
