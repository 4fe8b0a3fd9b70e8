//! The types of `google.protobuf` that are a string in JSON. Pure.

use super::wrong::{Result, Wrong};
use crate::decode::times;
use crate::encode::number::shortened;

/// Seconds and nanoseconds after the Unix epoch.
pub(super) fn timestamp(text: &str) -> Result<(i64, i32)> {
    let time = times::from_rfc3339(text).filter(|(seconds, _)| *seconds >= times::FIRST);
    time.ok_or_else(|| {
        let text = shortened(text);
        Wrong::new(format!(
            "'{text}' is no timestamp such as 2026-11-29T12:00:00Z"
        ))
    })
}

/// Seconds and nanoseconds, which have the same sign.
pub(super) fn duration(text: &str) -> Result<(i64, i32)> {
    read_duration(text).ok_or_else(|| {
        let text = shortened(text);
        Wrong::new(format!("'{text}' is no duration such as 1.5s"))
    })
}

fn read_duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    if seconds.unsigned_abs() > times::LONGEST_DURATION {
        return None;
    }
    let nanoseconds: i32 = format!("{fraction:0<9}").parse().ok()?;
    Some((sign * seconds, sign as i32 * nanoseconds))
}

/// The paths of a `FieldMask`, each name as the `.proto` file has it: `user.displayName,photo`.
pub(super) fn paths(text: &str) -> impl Iterator<Item = String> {
    let paths = text.split(',').filter(|path| !path.is_empty());
    paths.map(|path| {
        let mut out = String::new();
        for c in path.chars() {
            if c.is_ascii_uppercase() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    })
}
