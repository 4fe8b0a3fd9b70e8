//! Numbers, texts, bytes and enums. Pure.

use std::borrow::Cow;

use serde_json::Value;

use super::wire::{put_bytes, put_varint};
use super::wrong::{Result, Wrong, shown};
use crate::codec;
use crate::decode::protobuf::schema::{EnumType, FieldKind, Schema};

/// Below this a double holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a value without the number of its field. No kind of message is a scalar.
pub(super) fn put(
    schema: &Schema,
    kind: FieldKind,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    match kind {
        FieldKind::Double => out.extend(double(value)?.to_le_bytes()),
        FieldKind::Float => out.extend(single(value)?.to_le_bytes()),
        FieldKind::Int32 => put_varint(signed(value, "int32", 32)? as u64, out),
        FieldKind::Int64 => put_varint(signed(value, "int64", 64)? as u64, out),
        FieldKind::SInt32 => put_varint(folded(signed(value, "sint32", 32)?), out),
        FieldKind::SInt64 => put_varint(folded(signed(value, "sint64", 64)?), out),
        FieldKind::SFixed32 => {
            out.extend((signed(value, "sfixed32", 32)? as i32).to_le_bytes());
        }
        FieldKind::SFixed64 => out.extend(signed(value, "sfixed64", 64)?.to_le_bytes()),
        FieldKind::UInt32 => put_varint(unsigned(value, "uint32", 32)?, out),
        FieldKind::UInt64 => put_varint(unsigned(value, "uint64", 64)?, out),
        FieldKind::Fixed32 => {
            out.extend((unsigned(value, "fixed32", 32)? as u32).to_le_bytes());
        }
        FieldKind::Fixed64 => out.extend(unsigned(value, "fixed64", 64)?.to_le_bytes()),
        FieldKind::Bool => match value {
            Value::Bool(value) => out.push(u8::from(*value)),
            _ => return Err(Wrong::new(format!("{} is no bool", shown(value)))),
        },
        FieldKind::String => put_bytes(text(value)?.as_bytes(), out),
        FieldKind::Bytes => {
            let bytes = codec::decode_base64(text(value)?.as_bytes());
            put_bytes(&bytes.map_err(Wrong::new)?, out);
        }
        FieldKind::Enum(index) => {
            let number = enumerated(&schema.enums[index], value)?;
            put_varint(i64::from(number) as u64, out);
        }
        FieldKind::Message(_) | FieldKind::Group(_) => {
            return Err(Wrong::wanted("an object", value));
        }
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Wrong::wanted("a string", value)),
    }
}

/// The text of a number, which may stand in a string.
fn number(value: &Value) -> Option<Cow<'_, str>> {
    let is_numeric =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    match value {
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::String(text) => Some(Cow::Borrowed(&**text)).filter(|it| it.bytes().all(is_numeric)),
        _ => None,
    }
}

/// The integer that a number is; one with an exponent or a fraction of zero is one too.
fn integer(value: &Value) -> Option<i128> {
    let text = number(value)?;
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    let float: f64 = text.parse().ok()?;
    (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i128)
}

fn signed(value: &Value, kind: &str, bits: u32) -> Result<i64> {
    let most = i128::from(i64::MAX >> (64 - bits));
    let fits = |integer: &i128| (-most - 1..=most).contains(integer);
    let integer = integer(value).filter(fits);
    integer
        .map(|it| it as i64)
        .ok_or_else(|| no_integer(value, kind))
}

fn unsigned(value: &Value, kind: &str, bits: u32) -> Result<u64> {
    let most = i128::from(u64::MAX >> (64 - bits));
    let integer = integer(value).filter(|it| (0..=most).contains(it));
    integer
        .map(|it| it as u64)
        .ok_or_else(|| no_integer(value, kind))
}

fn no_integer(value: &Value, kind: &str) -> Wrong {
    Wrong::new(format!("{} is no {kind}", shown(value)))
}

/// A signed integer with its sign as its lowest bit (zigzag).
fn folded(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn double(value: &Value) -> Result<f64> {
    let named = |value: &str| match value {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    if let Some(special) = value.as_str().and_then(named) {
        return Ok(special);
    }
    let float = number(value).and_then(|text| text.parse().ok());
    float
        .filter(|it: &f64| it.is_finite())
        .ok_or_else(|| Wrong::new(format!("{} is no double", shown(value))))
}

/// The nearest number of 32 bits.
fn single(value: &Value) -> Result<f32> {
    let wrong = || Wrong::new(format!("{} is no float", shown(value)));
    let wide = double(value).map_err(|_| wrong())?;
    if !wide.is_finite() {
        return Ok(wide as f32);
    }
    let float = number(value).and_then(|text| text.parse().ok());
    float.filter(|it: &f32| it.is_finite()).ok_or_else(wrong)
}

/// The number of a value of an enum, by its name or its number.
fn enumerated(of: &EnumType, value: &Value) -> Result<i32> {
    if let Value::String(name) = value {
        let known = of.number_of(name);
        return known
            .ok_or_else(|| Wrong::new(format!("{} is no value of the enum", shown(value))));
    }
    let number = signed(value, "value of the enum", 32)?;
    Ok(number as i32)
}
