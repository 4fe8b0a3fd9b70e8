//! The types of `google.protobuf` that the JSON mapping treats in another way than their fields
//! (<https://protobuf.dev/programming-guides/json/>). Pure.

use super::schema::MessageType;
use super::typed::{Writer, content, text};
use super::wire::{Field, Value};
use crate::codec;
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

pub(super) fn write(
    writer: &mut Writer<'_>,
    special: Special,
    message: &MessageType,
    bytes: &[u8],
) -> Result<()> {
    let fields = writer.fields(bytes)?;
    let done = match special {
        Special::Any => return any(writer, &fields),
        Special::Timestamp => timestamp(&fields),
        Special::Duration => duration(&fields),
        Special::FieldMask => Some(paths(&fields)),
        Special::Wrapper | Special::Struct | Special::List => {
            return first(writer, special, message, &fields);
        }
        Special::Value => return value(writer, message, bytes, &fields),
    };
    match done {
        Some(text) => writer.json.string(&text),
        // Beyond the calendar.
        None => writer.object(message, bytes, None),
    }
}

/// A message of any type, which it names: `{"@type":"type.googleapis.com/pkg.Type",…}`.
fn any(writer: &mut Writer<'_>, fields: &[Field<'_>]) -> Result<()> {
    let url = text(fields, 1).unwrap_or_default();
    let own = fields.iter().rfind(|field| field.number == 2);
    let bytes = own.and_then(|own| content(own.value)).unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or_default();
    let index = writer.schema.message_named(name);
    let special = Special::named(name);
    if let (Some(index), None) = (index, special) {
        let schema = writer.schema;
        let message = &schema.messages[index];
        return writer.nested(|writer| writer.object(message, bytes, Some(&url)));
    }
    if url.is_empty() && bytes.is_empty() {
        return writer.json.open_object(Some(0));
    }
    writer.json.open_object(Some(2))?;
    writer.json.string("@type")?;
    writer.json.string(&url)?;
    writer.json.string("value")?;
    match index {
        Some(index) => writer.message(index, bytes),
        None => writer.json.plain(|out| codec::push_base64(bytes, out)),
    }
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
    let is_valid = nanoseconds.abs() < 1_000_000_000
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
fn paths(fields: &[Field<'_>]) -> String {
    let own = fields.iter().filter(|field| field.number == 1);
    let own = own.filter_map(|field| content(field.value));
    let paths = own.map(|path| {
        let mut out = String::new();
        let mut raises = false;
        for c in String::from_utf8_lossy(path).chars() {
            match c {
                '_' => raises = true,
                c if raises => {
                    out.push(c.to_ascii_uppercase());
                    raises = false;
                }
                c => out.push(c),
            }
        }
        out
    });
    paths.collect::<Vec<_>>().join(",")
}

/// Writes the value of field 1 instead of the message.
fn first(
    writer: &mut Writer<'_>,
    special: Special,
    message: &MessageType,
    fields: &[Field<'_>],
) -> Result<()> {
    let own: Vec<_> = fields.iter().filter(|it| it.number == 1).copied().collect();
    let field = message.field(1);
    match (field, special) {
        (Some(field), _) if !own.is_empty() => writer.checked_field(field, &own),
        (Some(field), Special::Wrapper) => writer.default(field.kind),
        (_, Special::List) => writer.json.open_array(Some(0)),
        _ => writer.json.open_object(Some(0)),
    }
}

/// Any value of JSON: the last of its fields, of which there is one.
fn value(
    writer: &mut Writer<'_>,
    message: &MessageType,
    bytes: &[u8],
    fields: &[Field<'_>],
) -> Result<()> {
    let Some(last) = fields.last() else {
        return writer.json.null();
    };
    match message.field(last.number) {
        Some(_) if last.number == 1 => writer.json.null(),
        Some(field) => writer.checked_field(field, &[*last]),
        None => writer.object(message, bytes, None),
    }
}
