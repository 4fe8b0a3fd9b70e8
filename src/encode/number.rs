//! What a number of JSON is. Pure.

use serde_json::Number;

use crate::decode::bignum;

/// A number in the forms that binary formats have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parsed {
    Unsigned(u64),
    /// Less than zero.
    Signed(i64),
    /// Beyond 64 bits: whether it is negative, and its bytes without the sign.
    Large(bool, Vec<u8>),
    Float(f64),
}

/// Reads a number; one with a fraction or an exponent is a double.
pub(super) fn parse(number: &Number) -> Result<Parsed, String> {
    let text = number.to_string();
    if let Ok(value) = text.parse() {
        return Ok(Parsed::Unsigned(value));
    }
    // The negative zero is no integer.
    if let Some(value) = text.parse().ok().filter(|value: &i64| *value != 0) {
        return Ok(Parsed::Signed(value));
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if let Some(bytes) = bignum::from_decimal(digits).filter(|bytes| !bytes.is_empty()) {
        return Ok(Parsed::Large(digits.len() < text.len(), bytes));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Parsed::Float(value)),
        _ => Err(format!("the number {} is too large", shortened(&text))),
    }
}

/// The beginning of a number, for a sentence.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
