//! A message of an unknown type: the numbers of its fields, and what their values look like. Pure.
//!
//! The wire format does not tell a message from a string or from bytes, nor a signed integer or a
//! boolean from an unsigned one, nor a floating-point number from an integer of the same size.

use super::wire::{self, Budget, Field, MAX_DEPTH, Value, too_deep};
use crate::codec;
use crate::decode::builder::Builder;
use crate::decode::wrong::Result;

/// The smallest and largest numbers that look like ones with a fraction. Integers mostly look like
/// much smaller or larger ones.
const SINGLES: (f64, f64) = (1e-5, 1e9);
const DOUBLES: (f64, f64) = (1e-9, 1e15);

/// Writes an object with the fields by number; an array where a number is there several times.
pub(super) fn message(
    mut fields: Vec<Field<'_>>,
    json: &mut Builder,
    budget: &mut Budget,
    depth: usize,
) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    fields.sort_by_key(|field| field.number);
    json.open_object(None)?;
    for same in fields.chunk_by(|a, b| a.number == b.number) {
        json.string(&same[0].number.to_string())?;
        values(same, json, budget, depth)?;
    }
    json.close()
}

/// Writes the values of one field.
pub(super) fn values(
    same: &[Field<'_>],
    json: &mut Builder,
    budget: &mut Budget,
    depth: usize,
) -> Result<()> {
    if let [field] = same {
        return value(field.value, json, budget, depth);
    }
    json.open_array(Some(same.len() as u64))?;
    for field in same {
        value(field.value, json, budget, depth)?;
    }
    Ok(())
}

fn value(value: Value<'_>, json: &mut Builder, budget: &mut Budget, depth: usize) -> Result<()> {
    match value {
        Value::Varint(value) => json.word(value),
        Value::Fixed64(bits) => match looks_like(f64::from_bits(bits), DOUBLES) {
            Some(value) => json.float(value),
            None => json.word(bits),
        },
        Value::Fixed32(bits) => match looks_like(f64::from(f32::from_bits(bits)), SINGLES) {
            Some(_) => json.single(f32::from_bits(bits)),
            None => json.word(bits),
        },
        Value::Group(bytes) => {
            let fields = wire::fields(bytes, budget)?;
            message(fields, json, budget, depth + 1)
        }
        Value::Bytes(bytes) => content(bytes, json, budget, depth),
    }
}

fn looks_like(value: f64, (least, most): (f64, f64)) -> Option<f64> {
    Some(value).filter(|value| (least..most).contains(&value.abs()))
}

/// Writes what has a length: a message, a string or bytes.
fn content(bytes: &[u8], json: &mut Builder, budget: &mut Budget, depth: usize) -> Result<()> {
    let text = std::str::from_utf8(bytes).ok();
    let is_plain = |text: &str| !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    // The tags of the fields 1 to 3 are control characters, which begin no text.
    let begins_text = bytes.first().is_none_or(|first| *first >= 0x20);
    if let Some(text) = text.filter(|text| begins_text && is_plain(text)) {
        return json.string(text);
    }
    if depth < MAX_DEPTH && wire::is_message(bytes, budget) {
        let fields = wire::fields(bytes, budget)?;
        return message(fields, json, budget, depth + 1);
    }
    match text.filter(|text| is_plain(text)) {
        Some(text) => json.string(text),
        None => json.plain(|out| codec::push_base64(bytes, out)),
    }
}
