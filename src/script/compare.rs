//! Compares JSON values as a script means it: numbers by their value, whatever their digits, and
//! objects without an order.
//!
//! The values come from [`parse`], which refuses deep ones, so that recursion ends early. Every part of
//! a value is looked at once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Number, Value};

use crate::json::{grammar, text};

/// Reads a text as JSON (RFC 8259). `None` if it is not JSON, or is nested deeper than 127 levels.
pub(super) fn parse(json: &str) -> Option<Value> {
    match serde_json::from_str(json) {
        Ok(value) => Some(value),
        // The grammar allows half a surrogate pair, the parser does not.
        Err(_) if json.contains("\\u") && grammar::is_value(json) => {
            serde_json::from_str(&text::whole_characters(json)).ok()
        }
        Err(_) => None,
    }
}

/// Whether two values are the same.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| equal(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && has_members(one, other, equal)
        }
        _ => one == other,
    }
}

/// Whether `whole` has what `part` has: the members of an object, the items of an array in their
/// order, and the same value of everything else.
pub(super) fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Array(items), Value::Array(parts)) => {
            // The earliest item that fits leaves the most for those that follow.
            let mut items = items.iter();
            let mut parts = parts.iter();
            parts.all(|part| items.any(|item| contains(item, part)))
        }
        (Value::Object(whole), Value::Object(part)) => has_members(whole, part, contains),
        _ => equal(whole, part),
    }
}

fn has_members(
    whole: &Map<String, Value>,
    part: &Map<String, Value>,
    fits: fn(&Value, &Value) -> bool,
) -> bool {
    part.iter()
        .all(|(name, wanted)| whole.get(name).is_some_and(|value| fits(value, wanted)))
}

fn same_number(one: &Number, other: &Number) -> bool {
    one == other
        || match (decimal(one.as_str()), decimal(other.as_str())) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        }
}

/// A number as it is, however many digits it has: `digits` times ten to the power of `exponent`.
#[derive(PartialEq, Eq, Hash)]
struct Decimal {
    is_negative: bool,
    /// Without a zero at either end.
    digits: String,
    exponent: i64,
}

/// `None` if the exponent is beyond any use.
fn decimal(number: &str) -> Option<Decimal> {
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Decimal {
            is_negative: false,
            digits: String::new(),
            exponent: 0,
        });
    }
    let shift = i64::try_from(zeros).ok()? - i64::try_from(fraction.len()).ok()?;
    Some(Decimal {
        is_negative,
        digits: significant.to_owned(),
        exponent: exponent.parse::<i64>().ok()?.checked_add(shift)?,
    })
}

/// A number that is the same for equal values.
pub(super) fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(value) => (1_u8, value).hash(&mut hasher),
        Value::String(text) => (2_u8, text).hash(&mut hasher),
        Value::Number(number) => match decimal(number.as_str()) {
            Some(decimal) => (3_u8, decimal).hash(&mut hasher),
            None => (4_u8, number.as_str()).hash(&mut hasher),
        },
        Value::Array(items) => {
            5_u8.hash(&mut hasher);
            items
                .iter()
                .for_each(|item| fingerprint(item).hash(&mut hasher));
        }
        Value::Object(members) => {
            // A sum, because members have no order.
            let sum = members.iter().fold(0_u64, |sum, (name, value)| {
                let mut hasher = DefaultHasher::new();
                (name, fingerprint(value)).hash(&mut hasher);
                sum.wrapping_add(hasher.finish())
            });
            (6_u8, sum).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(one: &str, other: &str) -> (Value, Value) {
        (parse(one).unwrap(), parse(other).unwrap())
    }

    #[test]
    fn numbers_are_the_same_by_their_value() {
        for (one, other, same) in [
            ("1", "1.0", true),
            ("1", "10e-1", true),
            ("100", "1E2", true),
            ("-0", "0.00e5", true),
            ("-1", "1", false),
            ("0.1", "0.10", true),
            ("0.1", "0.01", false),
            ("9007199254740993", "9007199254740992", false),
            (
                "123456789012345678901234567890",
                "1.2345678901234567890123456789e29",
                true,
            ),
            ("1e99999999999999999999", "1e99999999999999999999", true),
            ("1e99999999999999999999", "2", false),
            ("1", "\"1\"", false),
        ] {
            let (one, other) = both(one, other);
            assert_eq!(equal(&one, &other), same, "{one} {other}");
            assert_eq!(fingerprint(&one) == fingerprint(&other), same);
        }
    }

    #[test]
    fn members_have_no_order_and_items_have_one() {
        for (one, other, same) in [
            (r#"{"a":1,"b":[1,2]}"#, r#"{"b":[1,2.0],"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
            (r#"{"a":1}"#, r#"{"b":1}"#, false),
            ("[1,2]", "[2,1]", false),
            ("[1]", "[1,1]", false),
            (r#""\u00e9""#, r#""é""#, true),
            ("null", "false", false),
        ] {
            let (one, other) = both(one, other);
            assert_eq!(equal(&one, &other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_part_has_fewer_members_and_items() {
        for (whole, part, contained) in [
            (r#"{"a":1,"b":{"c":2,"d":3}}"#, r#"{"b":{"d":3}}"#, true),
            (r#"{"a":1}"#, "{}", true),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"{"a":null}"#, r#"{"b":null}"#, false),
            ("[1,2,3]", "[1,3]", true),
            ("[1,2,3]", "[3,1]", false),
            ("[1]", "[1,1]", false),
            ("[1,2]", "[]", true),
            (r#"[{"a":1},{"a":2,"b":3}]"#, r#"[{"b":3}]"#, true),
            (r#""abc""#, r#""b""#, false),
            ("{}", "[]", false),
        ] {
            let (whole, part) = both(whole, part);
            assert_eq!(contains(&whole, &part), contained, "{whole} {part}");
        }
    }

    #[test]
    fn what_is_too_deep_or_not_json_is_no_value() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&deep(127)).is_some());
        assert!(parse(&deep(128)).is_none() && parse(&deep(1_000_000)).is_none());
        for text in ["", "hello", "{", "{\"a\":1} {\"a\":2}", "NaN", "01"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let (one, other) = both(r#"{"a":"\ud800"}"#, r#"{"a":"�"}"#);
        assert!(equal(&one, &other));
    }

    #[test]
    fn long_arrays_take_no_longer_than_their_length() {
        let ones = format!("[{}1]", "1,".repeat(200_000));
        let twos = format!("[{}2]", "1,".repeat(100_000));
        let (whole, part) = both(&ones, &twos);
        assert!(!contains(&whole, &part));
    }
}
