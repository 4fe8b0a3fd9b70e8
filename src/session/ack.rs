//! `--confirm`: what confirms that a message has arrived. Pure.

use serde_json::Value;

use super::outbox::Confirm;
use crate::json::jq::Filter;
use crate::json::parsed::Parsed;

#[derive(Clone, Debug)]
pub enum How {
    /// A pong to a later ping.
    Pong,
    /// The n-th reply.
    Reply,
    /// The numbers that the expression returns for a message.
    Number(Filter),
}

impl How {
    pub(super) fn kind(&self) -> Confirm {
        match self {
            How::Pong => Confirm::Pong,
            How::Reply => Confirm::Reply,
            How::Number(_) => Confirm::Number,
        }
    }
}

/// The numbers that a message acknowledges: every output that is a number, or the digits of one in
/// a string, and those in an array. `null` and `false` acknowledge nothing, and neither does a
/// message that is not JSON.
///
/// # Errors
/// A sentence that says what is wrong with the message.
/// What is wrong with the message, in words.
pub(super) fn numbers(filter: &Filter, message: &Parsed<'_>) -> Result<Vec<u64>, String> {
    let Some(outputs) = filter.run_on(message) else {
        return Ok(Vec::new());
    };
    let mut numbers = Vec::new();
    for output in outputs? {
        // Usually it is a plain number.
        if let Ok(number) = output.parse() {
            numbers.push(number);
            continue;
        }
        let value = serde_json::from_str(&output).unwrap_or(Value::Null);
        match value {
            Value::Array(items) => {
                for item in &items {
                    numbers.extend(number(item)?);
                }
            }
            other => numbers.extend(number(&other)?),
        }
    }
    Ok(numbers)
}

fn number(value: &Value) -> Result<Option<u64>, String> {
    let found = match value {
        Value::Null | Value::Bool(false) => return Ok(None),
        Value::Number(number) => number.as_u64().or_else(|| {
            number
                .as_f64()
                .filter(|n| n.fract() == 0.0 && *n >= 0.0)
                .map(|n| n as u64)
        }),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    match found {
        Some(number) => Ok(Some(number)),
        None => {
            let mut shown = value.to_string();
            shown.truncate(shown.floor_char_boundary(40));
            Err(format!("{shown} is not a message number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Data;

    #[test]
    fn numbers_of_every_shape() {
        for (expression, message, expected) in [
            (".ack", r#"{"ack":7}"#, Ok(vec![7])),
            (".ack", r#"{"ack":"7"}"#, Ok(vec![7])),
            (".ack", r#"{"ack":7.0}"#, Ok(vec![7])),
            (".ack", r#"{"ack":[1,"2",null,3]}"#, Ok(vec![1, 2, 3])),
            (".acks[]", r#"{"acks":[4,5]}"#, Ok(vec![4, 5])),
            ("range(.a;.b)", r#"{"a":2,"b":5}"#, Ok(vec![2, 3, 4])),
            (".ack", "{}", Ok(vec![])),
            (".ack", r#"{"ack":false}"#, Ok(vec![])),
            (".ack?", "[1]", Ok(vec![])),
            ("select(.ok).id", r#"{"ok":false,"id":1}"#, Ok(vec![])),
            (".ack", "no JSON", Ok(vec![])),
            (
                ".ack",
                r#"{"ack":true}"#,
                Err("true is not a message number"),
            ),
            (".ack", r#"{"ack":-1}"#, Err("-1 is not a message number")),
            (".ack", r#"{"ack":1.5}"#, Err("1.5 is not a message number")),
            (".ack", "[1]", Err("cannot index [1] with \"ack\"")),
        ] {
            let filter = Filter::compile(expression).unwrap();
            assert_eq!(
                numbers(&filter, &Parsed::once(Data::Text(message))),
                expected.map_err(str::to_owned),
                "{expression} {message}"
            );
        }
    }
}
