//! The form of a message that equal messages have in common.

use serde_json::{Map, Number, Value};

use crate::message::Message;

/// Bytes that are the same for messages of one kind that say the same: the same JSON value, otherwise the
/// same bytes.
pub(super) fn key(message: &Message) -> Vec<u8> {
    let mut out = vec![message.kind().opcode()];
    match serde_json::from_slice(message.payload()) {
        Ok(value) => push(&value, &mut out),
        // No JSON value begins like this.
        Err(_) => {
            out.push(0);
            out.extend_from_slice(message.payload());
        }
    }
    out
}

/// Appends a value, which the parser has kept from being deep.
fn push(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => push_number(number, out),
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                push(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(members) => push_object(members, out),
        Value::Null | Value::Bool(_) | Value::String(_) => {
            out.extend_from_slice(value.to_string().as_bytes());
        }
    }
}

fn push_object(members: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    out.push(b'{');
    for (name, value) in sorted {
        out.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
        out.push(b':');
        push(value, out);
        out.push(b',');
    }
    out.push(b'}');
}

/// Appends a number as digits without a zero at either end, and a power of ten: `1.50` and `15e-1` are
/// the same.
fn push_number(number: &Number, out: &mut Vec<u8>) {
    let text = number.to_string();
    let written = exact(&text).unwrap_or(text);
    out.extend_from_slice(written.as_bytes());
}

/// `None` if the exponent is beyond any use.
fn exact(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    let shift = zeros - i64::try_from(fraction.len()).ok()?;
    let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
    Some(format!("{sign}{significant}e{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_equal(one: &str, other: &str) -> bool {
        key(&Message::text(one)) == key(&Message::text(other))
    }

    #[test]
    fn json_is_equal_by_value() {
        for (one, other) in [
            (r#"{"a":1,"b":[2]}"#, "{ \"b\": [2], \"a\": 1.0 }"),
            ("100", "1e2"),
            ("-0.50", "-5E-1"),
            ("0", "-0.0"),
            (r#""\u0041""#, r#""A""#),
            ("not JSON", "not JSON"),
        ] {
            assert!(are_equal(one, other), "{one} {other}");
        }
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":2}"#),
            ("[1,2]", "[2,1]"),
            ("[1]", "[[1]]"),
            ("12345678901234567890", "12345678901234567891"),
            ("1", "\"1\""),
            ("1", "10"),
            ("a", "b"),
            ("", "null"),
        ] {
            assert!(!are_equal(one, other), "{one} {other}");
        }
        assert_ne!(key(&Message::text("1")), key(&Message::binary("1")));
    }
}
