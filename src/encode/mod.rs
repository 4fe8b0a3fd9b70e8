//! Makes binary messages of JSON or text (`--encode`), the reverse of [`crate::decode`]. Pure.
//!
//! The JSON is the user's. What cannot be written exactly is refused with the reason, and never
//! rounded in silence.

mod cbor;
mod msgpack;
mod number;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

use crate::decode::chain::{Chain, Step};
use crate::error::Error;
use crate::json::scanner::without_place;
use crate::message::Message;

/// Encodes messages. Clones share the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder(Arc<[Step]>);

impl Encoder {
    /// The encoder of `typed`, which is this chain.
    ///
    /// # Errors
    /// Exit 2 if one of its steps only decodes.
    pub fn new(typed: &str, chain: Chain) -> Result<Encoder, Error> {
        let only = |what: &str| Err(Error::usage(format!("--encode {typed}: {what}")));
        for step in &chain.steps {
            match step {
                Step::ZlibStream => {
                    return only("a zlib stream is only decoded");
                }
                Step::Protobuf | Step::Typed(_) => {
                    return only("Protocol Buffers are only decoded");
                }
                _ => {}
            }
        }
        if chain.command.is_some() {
            return only("a command only decodes");
        }
        Ok(Encoder(chain.steps.into()))
    }

    /// Encodes a text; a binary message stays what it is.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text. The caller prefixes its position.
    pub fn encode(&self, message: Message) -> Result<Message, String> {
        let Message::Text(text) = &message else {
            return Ok(message);
        };
        let mut data = Vec::from(text.as_bytes().as_ref());
        // The last step is the innermost.
        for step in self.0.iter().rev() {
            data = encode(step, &data)?;
        }
        Ok(Message::Binary(Bytes::from(data)))
    }
}

fn encode(step: &Step, data: &[u8]) -> Result<Vec<u8>, String> {
    match step {
        Step::MessagePack => msgpack::encode(&json(data)?),
        Step::Cbor => cbor::encode(&json(data)?),
        Step::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            let done = encoder.write_all(data).and_then(|()| encoder.finish());
            done.map_err(|error| error.to_string())
        }
        Step::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            let done = encoder.write_all(data).and_then(|()| encoder.finish());
            done.map_err(|error| error.to_string())
        }
        Step::Zstd => Ok(compress_to_vec(data, CompressionLevel::Fastest)),
        // Refused before.
        Step::ZlibStream | Step::Protobuf | Step::Typed(_) => Ok(data.to_vec()),
    }
}

fn json(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("not JSON: {}", without_place(&error)))
}
