//! JSON as MessagePack: each value in its shortest form. Pure.

use serde_json::Value;

use super::number::{self, Parsed, shortened};

pub(super) fn encode(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    push(value, &mut out)?;
    Ok(out)
}

/// Recurses as deep as the parser of JSON lets a value be nested.
fn push(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(value) => out.push(0xc2 + u8::from(*value)),
        Value::Number(value) => push_number(value, out)?,
        Value::String(text) => push_text(text, out)?,
        Value::Array(items) => {
            push_count(items.len(), (0x90, 0xdc), out)?;
            for item in items {
                push(item, out)?;
            }
        }
        Value::Object(members) => {
            push_count(members.len(), (0x80, 0xde), out)?;
            for (name, value) in members {
                push_text(name, out)?;
                push(value, out)?;
            }
        }
    }
    Ok(())
}

fn push_number(number: &serde_json::Number, out: &mut Vec<u8>) -> Result<(), String> {
    match number::parse(number)? {
        Parsed::Unsigned(value) => push_unsigned(value, out),
        Parsed::Signed(value) => push_signed(value, out),
        Parsed::Float(value) => {
            out.push(0xcb);
            out.extend(value.to_be_bytes());
        }
        Parsed::Large(..) => {
            let text = shortened(&number.to_string());
            return Err(format!("MessagePack has no integer as large as {text}"));
        }
    }
    Ok(())
}

fn push_unsigned(value: u64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    match value {
        0..=0x7f => out.push(bytes[7]),
        0x80..=0xff => out.extend([0xcc, bytes[7]]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend(&bytes[4..]);
        }
        _ => {
            out.push(0xcf);
            out.extend(bytes);
        }
    }
}

/// A number below zero.
fn push_signed(value: i64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    let (form, from) = match value {
        -0x20..0 => return out.push(bytes[7]),
        -0x80..-0x20 => (0xd0, 7),
        -0x8000..-0x80 => (0xd1, 6),
        -0x8000_0000..-0x8000 => (0xd2, 4),
        _ => (0xd3, 0),
    };
    out.push(form);
    out.extend(&bytes[from..]);
}

fn push_text(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let len = u32::try_from(text.len()).map_err(|_| TOO_LONG)?;
    match len {
        0..=31 => out.push(0xa0 | len as u8),
        32..=0xff => out.extend([0xd9, len as u8]),
        0x100..=0xffff => {
            out.push(0xda);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdb);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

const TOO_LONG: &str = "a value is longer than 4 GiB";

/// The head of an array or a map: up to 15, or in 16 or 32 bits.
fn push_count(len: usize, (short, long): (u8, u8), out: &mut Vec<u8>) -> Result<(), String> {
    let len = u32::try_from(len).map_err(|_| TOO_LONG)?;
    match len {
        0..=15 => out.push(short | len as u8),
        16..=0xffff => {
            out.push(long);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(long + 1);
            out.extend(len.to_be_bytes());
        }
    }
    Ok(())
}
