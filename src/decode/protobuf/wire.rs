//! The fields of a message as they are on the wire
//! (<https://protobuf.dev/programming-guides/encoding/>). Pure.

use crate::decode::bytes::Reader;
use crate::decode::wrong::{Result, Wrong};

/// Deepest message within messages.
pub(super) const MAX_DEPTH: usize = 100;

/// Most fields of a message, those of the messages within it included: each takes memory.
const MOST_FIELDS: usize = 4 << 20;

/// Deepest group, which ends with a field and not after a length.
const MOST_GROUPS: usize = 100;

/// Fields that may still be read.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Budget(MOST_FIELDS)
    }
}

impl Budget {
    fn spend(&mut self) -> Result<()> {
        let left = self.0.checked_sub(1);
        self.0 = left.ok_or_else(|| Wrong::new(format!("more than {MOST_FIELDS} fields")))?;
        Ok(())
    }
}

/// A value as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// The fields between the start and the end of a group.
    Group(&'a [u8]),
    Fixed32(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

/// The fields of a message, in their order.
pub(super) fn fields<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Vec<Field<'a>>> {
    let mut reader = Reader::new(bytes);
    let mut fields = Vec::new();
    while !reader.is_empty() {
        fields.push(field(&mut reader, bytes, budget)?);
    }
    Ok(fields)
}

/// Whether `bytes` could be a message, of one field at least.
pub(super) fn is_message(bytes: &[u8], budget: &mut Budget) -> bool {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        if field(&mut reader, bytes, budget).is_err() {
            return false;
        }
    }
    !bytes.is_empty()
}

fn field<'a>(reader: &mut Reader<'a>, bytes: &'a [u8], budget: &mut Budget) -> Result<Field<'a>> {
    let (number, kind) = tag(reader)?;
    let value = match kind {
        3 => Value::Group(group(number, reader, bytes, budget)?),
        4 => return Err(reader.wrong("a group ends that has not begun")),
        _ => value(kind, reader)?,
    };
    budget.spend()?;
    Ok(Field { number, value })
}

/// The number of a field, and the kind of its value.
fn tag(reader: &mut Reader<'_>) -> Result<(u32, u8)> {
    let tag = varint(reader)?;
    let number = u32::try_from(tag >> 3).ok();
    match number.filter(|number| (1..1 << 29).contains(number)) {
        Some(number) => Ok((number, tag as u8 & 7)),
        None => Err(reader.wrong("a field has no valid number")),
    }
}

fn value<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Value<'a>> {
    Ok(match kind {
        0 => Value::Varint(varint(reader)?),
        1 => Value::Fixed64(u64::from_le_bytes(reader.array()?)),
        2 => {
            let len = varint(reader)?;
            Value::Bytes(reader.take(len)?)
        }
        5 => Value::Fixed32(u32::from_le_bytes(reader.array()?)),
        _ => return Err(reader.wrong("a field has no valid wire type")),
    })
}

/// What stands between the start of a group, which has been read, and its end.
fn group<'a>(
    number: u32,
    reader: &mut Reader<'a>,
    bytes: &'a [u8],
    budget: &mut Budget,
) -> Result<&'a [u8]> {
    let start = reader.position();
    let mut open = vec![number];
    loop {
        let end = reader.position();
        let (number, kind) = tag(reader)?;
        budget.spend()?;
        match kind {
            3 if open.len() >= MOST_GROUPS => return Err(too_deep()),
            3 => open.push(number),
            4 if open.pop() != Some(number) => {
                return Err(reader.wrong("a group ends that has not begun"));
            }
            4 if open.is_empty() => return Ok(&bytes[start..end]),
            4 => {}
            _ => {
                value(kind, reader)?;
            }
        }
    }
}

/// An integer of seven bits a byte, the least significant first.
pub(super) fn varint(reader: &mut Reader<'_>) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = reader.byte()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(reader.wrong("a number is longer than 64 bits"))
}

/// The text that bytes are.
pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Wrong::new("a string is not UTF-8"))
}

/// The error that messages are nested too deep.
pub(super) fn too_deep() -> Wrong {
    Wrong::new(format!("it is nested deeper than {MAX_DEPTH} messages"))
}

/// The fields of a message or group.
pub(super) fn content<'a>(value: Value<'a>) -> Option<&'a [u8]> {
    match value {
        Value::Bytes(bytes) | Value::Group(bytes) => Some(bytes),
        _ => None,
    }
}
