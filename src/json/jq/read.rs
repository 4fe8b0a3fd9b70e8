//! Parses a message for jq: JSON strictly by RFC 8259, within limits.

use jaq_json::read::parse_single;

use super::value::Value;
use crate::json::grammar;
use crate::json::text as tokens;

/// Deepest message that an expression is evaluated on.
pub const MAX_DEPTH: usize = 1_000;
/// Longest number: the conversion of digits to a big integer takes time that grows with their
/// square.
const MAX_NUMBER: usize = 4_300;
/// Memory of a value written as `{}`, the one with the most memory for its text.
const VALUE_BYTES: usize = 112;

/// Why a text is not a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::json) enum Unread {
    NotJson,
    /// It is JSON, but jaq does not accept it.
    Unreadable,
    /// It is JSON beyond our limits.
    Refused(String),
}

/// The nesting depth of a text.
///
/// # Errors
/// If it is not JSON, is deeper than `depth`, or has a number that is too long.
pub(in crate::json) fn measure(text: &str, depth: usize) -> Result<usize, Unread> {
    if !grammar::is_value(text) {
        return Err(Unread::NotJson);
    }
    let measure = tokens::measure(text);
    if measure.depth > depth {
        return Err(Unread::Refused(format!(
            "nested deeper than {depth} levels"
        )));
    }
    if measure.number > MAX_NUMBER {
        let why = format!("a number of more than {MAX_NUMBER} digits");
        return Err(Unread::Refused(why));
    }
    Ok(measure.depth)
}

/// Parses a text; its memory is charged to `charge`.
///
/// # Errors
/// Those of [`measure`], or that jaq does not accept it.
pub(super) fn read(text: &str, depth: usize, charge: impl FnOnce(usize)) -> Result<Value, Unread> {
    measure(text, depth)?;
    let values = memchr::memchr3_iter(b',', b'[', b'{', text.as_bytes()).count();
    charge(2 * text.len() + (values + 1) * VALUE_BYTES);
    parse(text)
}

/// Parses a text that [`measure`] has accepted.
///
/// # Errors
/// If jaq does not accept it.
pub(in crate::json) fn parse(text: &str) -> Result<Value, Unread> {
    let parsed = parse_single(text.as_bytes());
    // The grammar of JSON allows half a surrogate pair, jaq's parser does not.
    let parsed = parsed.or_else(|_| parse_single(tokens::whole_characters(text).as_bytes()));
    parsed.map(Value).map_err(|_| Unread::Unreadable)
}
