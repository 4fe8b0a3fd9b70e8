//! The types of `google.protobuf` that the JSON mapping treats in another way than their fields
//! (<https://protobuf.dev/programming-guides/json/>). Pure.

use super::wire::{self, Field, Value, content};
use crate::decode::times;
use crate::decode::wrong::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Any,
    Timestamp,
    Duration,
    /// One field, whose value stands for the message.
    Wrapper,
    /// `Struct` and `ListValue`: the field 1 stands for the message, empty if it is missing.
    Struct,
    List,
    /// Any value of JSON.
    Value,
    FieldMask,
}

impl Special {
    pub(crate) fn named(name: &str) -> Option<Special> {
        Some(match name.strip_prefix("google.protobuf.")? {
            "Any" => Special::Any,
            "Timestamp" => Special::Timestamp,
            "Duration" => Special::Duration,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => Special::Wrapper,
            "Struct" => Special::Struct,
            "ListValue" => Special::List,
            "Value" => Special::Value,
            "FieldMask" => Special::FieldMask,
            _ => return None,
        })
    }
}

/// The text that stands for a message; `None` if it is beyond the calendar, or has none.
pub(super) fn text_of(special: Special, fields: &[Field<'_>]) -> Result<Option<String>> {
    Ok(match special {
        Special::Timestamp => timestamp(fields),
        Special::Duration => duration(fields),
        Special::FieldMask => Some(paths(fields)?),
        _ => None,
    })
}

fn integer(fields: &[Field<'_>], number: u32) -> i64 {
    match fields.iter().rfind(|field| field.number == number) {
        Some(Field {
            value: Value::Varint(bits),
            ..
        }) => *bits as i64,
        _ => 0,
    }
}

fn timestamp(fields: &[Field<'_>]) -> Option<String> {
    let nanoseconds = i32::try_from(integer(fields, 2)).ok()?;
    let is_valid = (0..1_000_000_000).contains(&nanoseconds);
    let nanoseconds = Some(nanoseconds).filter(|_| is_valid)?;
    let time = times::rfc3339(integer(fields, 1), nanoseconds)?;
    let whole = time.trim_end_matches('Z').split('.').next()?;
    Some(format!("{whole}{}Z", fraction(nanoseconds.unsigned_abs())))
}

/// The fraction of a second, in 3, 6 or 9 digits; nothing if it is zero.
fn fraction(nanoseconds: u32) -> String {
    match nanoseconds {
        0 => String::new(),
        _ if nanoseconds.is_multiple_of(1_000_000) => format!(".{:03}", nanoseconds / 1_000_000),
        _ if nanoseconds.is_multiple_of(1_000) => format!(".{:06}", nanoseconds / 1_000),
        _ => format!(".{nanoseconds:09}"),
    }
}

/// Seconds and their fraction: `1.5s`.
fn duration(fields: &[Field<'_>]) -> Option<String> {
    let (seconds, nanoseconds) = (integer(fields, 1), integer(fields, 2));
    let is_valid = nanoseconds.unsigned_abs() < 1_000_000_000
        && seconds.unsigned_abs() <= times::LONGEST_DURATION
        && (seconds == 0 || nanoseconds == 0 || (seconds < 0) == (nanoseconds < 0));
    if !is_valid {
        return None;
    }
    let sign = if seconds < 0 || nanoseconds < 0 {
        "-"
    } else {
        ""
    };
    let fraction = fraction(nanoseconds.unsigned_abs() as u32);
    let whole = seconds.unsigned_abs();
    Some(format!("{sign}{whole}{fraction}s"))
}

/// The paths of a `FieldMask`, each name as JSON has it.
fn paths(fields: &[Field<'_>]) -> Result<String> {
    let own = fields.iter().filter(|field| field.number == 1);
    let own = own.filter_map(|field| content(field.value));
    let paths = own.map(|path| {
        let path = wire::text(path)?;
        let mut out = String::new();
        let mut raises = false;
        for c in path.chars() {
            match c {
                '_' => raises = true,
                c if raises => {
                    out.push(c.to_ascii_uppercase());
                    raises = false;
                }
                c => out.push(c),
            }
        }
        Ok(out)
    });
    Ok(paths.collect::<Result<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_has_no_text() {
        let fields = |seconds: i64, nanoseconds: i64| {
            let field = |number, value: i64| Field {
                number,
                value: Value::Varint(value as u64),
            };
            [field(1, seconds), field(2, nanoseconds)]
        };
        let most = times::LONGEST_DURATION as i64;
        for (seconds, nanoseconds, text) in [
            (most, 0, Some("315576000000s")),
            (-most, -500_000_000, Some("-315576000000.500s")),
            (most + 1, 0, None),
            (-most - 1, 0, None),
            (i64::MIN, 0, None),
            (0, i64::MIN, None),
            (1, -1, None),
        ] {
            let said = duration(&fields(seconds, nanoseconds));
            assert_eq!(said.as_deref(), text, "{seconds} {nanoseconds}");
        }
        assert_eq!(timestamp(&fields(times::FIRST - 1, 0)), None);
        assert_eq!(timestamp(&fields(0, -1)), None);
    }
}
