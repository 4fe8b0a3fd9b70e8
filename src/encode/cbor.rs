//! JSON as CBOR, as RFC 8949 §6.2 advises: each integer and length in its shortest form, a number
//! with a fraction in 32 bits where they hold it exactly, a larger integer as tag 2 or 3. Pure.

use serde_json::Value;

use super::number::{self, Parsed};
use crate::decode::bignum;

pub(super) fn encode(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    push(value, &mut out)?;
    Ok(out)
}

/// Recurses as deep as the parser of JSON lets a value be nested.
fn push(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(value) => out.push(0xf4 + u8::from(*value)),
        Value::Number(value) => push_number(number::parse(value)?, out),
        Value::String(text) => push_bytes(3, text.as_bytes(), out),
        Value::Array(items) => {
            push_head(4, items.len() as u64, out);
            for item in items {
                push(item, out)?;
            }
        }
        Value::Object(members) => {
            push_head(5, members.len() as u64, out);
            for (name, value) in members {
                push_bytes(3, name.as_bytes(), out);
                push(value, out)?;
            }
        }
    }
    Ok(())
}

fn push_number(number: Parsed, out: &mut Vec<u8>) {
    match number {
        Parsed::Unsigned(value) => push_head(0, value, out),
        Parsed::Signed(value) => push_head(1, !value as u64, out),
        Parsed::Large(false, bytes) => {
            out.push(0xc2);
            push_bytes(2, &bytes, out);
        }
        Parsed::Large(true, bytes) => push_large_negative(bytes, out),
        Parsed::Float(value) if f64::from(value as f32) == value => {
            out.push(0xfa);
            out.extend((value as f32).to_be_bytes());
        }
        Parsed::Float(value) => {
            out.push(0xfb);
            out.extend(value.to_be_bytes());
        }
    }
}

/// The integer -1 - n, for the n that is one less than the one in `bytes`.
fn push_large_negative(bytes: Vec<u8>, out: &mut Vec<u8>) {
    let bytes = bignum::minus_one(bytes);
    let bytes = match bytes.first() {
        Some(0) => &bytes[1..],
        _ => &bytes[..],
    };
    match bytes.try_into() {
        Ok(bytes) => push_head(1, u64::from_be_bytes(bytes), out),
        Err(_) => {
            out.push(0xc3);
            push_bytes(2, bytes, out);
        }
    }
}

fn push_bytes(major: u8, bytes: &[u8], out: &mut Vec<u8>) {
    push_head(major, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn push_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    let (info, from) = match argument {
        0..=23 => return out.push(major | bytes[7]),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    out.push(major | info);
    out.extend(&bytes[from..]);
}
