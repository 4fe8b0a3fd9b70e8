//! Protocol Buffers as JSON: with a descriptor as the language's own JSON mapping says
//! (<https://protobuf.dev/programming-guides/json/>), without one by numbers, as far as the wire
//! format tells. Pure.
//!
//! It recurses, but never deeper than [`wire::MAX_DEPTH`], as deep as other implementations go.

pub mod descriptor;
mod guess;
mod read;
pub mod schema;
pub(crate) mod special;
mod typed;
mod wire;

use super::builder::Builder;
use super::wrong::Result;
use schema::Type;
use wire::Budget;

/// The JSON text of a message of this type, or of an unknown one.
pub(super) fn decode(bytes: &[u8], message: Option<&Type>, limit: usize) -> Result<Vec<u8>> {
    let mut json = Builder::new(limit);
    let mut budget = Budget::default();
    match message {
        Some(message) => typed::write(bytes, message, &mut json, &mut budget)?,
        None => {
            let fields = wire::fields(bytes, &mut budget)?;
            guess::message(fields, &mut json, &mut budget, 0)?;
        }
    }
    json.finish()
}
