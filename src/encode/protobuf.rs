//! JSON as a message in Protocol Buffers, as the language's own JSON mapping says
//! (<https://protobuf.dev/programming-guides/json/>). Pure.
//!
//! A field has its JSON name or the one of the `.proto` file. What stands in the JSON is written, a zero
//! too; what is `null` is not. A name that the type does not have is an error, and never left out.
//! Fields are written in the order of their numbers.

mod scalar;
mod special;
mod wire;
mod wrong;

use serde_json::{Map, Value};

use crate::codec;
use crate::decode::protobuf::schema::{FieldKind, FieldType, MessageType, Schema, Type};
use crate::decode::protobuf::special::Special;
use wrong::{Result, Wrong};

/// Deepest message within messages, as in decoding.
const MAX_DEPTH: usize = 100;

/// A message of this type.
///
/// # Errors
/// A sentence that says what does not fit the type, and where.
pub(super) fn encode(value: &Value, of: &Type) -> std::result::Result<Vec<u8>, String> {
    let mut writer = Writer {
        schema: &of.schema,
        depth: 0,
    };
    let mut out = Vec::new();
    let done = writer.message(of.index, value, &mut out);
    done.map_err(|wrong| wrong.to_string())?;
    Ok(out)
}

struct Writer<'a> {
    schema: &'a Schema,
    depth: usize,
}

impl<'a> Writer<'a> {
    /// Writes the fields of a message of the type with this place.
    fn message(&mut self, index: usize, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let message = &self.schema.messages[index];
        self.nested(|writer| match Special::named(&message.name) {
            Some(special) => writer.special(special, message, value, out),
            None => writer.object(message, value, out),
        })
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.depth > MAX_DEPTH {
            let what = format!("it is nested deeper than {MAX_DEPTH} messages");
            return Err(Wrong::new(what));
        }
        self.depth += 1;
        let done = write(self);
        self.depth -= 1;
        done
    }

    fn object(&mut self, message: &'a MessageType, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let members = object(value)?.iter();
        self.members(message, members, out)
    }

    fn members<'v>(
        &mut self,
        message: &'a MessageType,
        members: impl Iterator<Item = (&'v String, &'v Value)>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let mut given: Vec<(&FieldType, &Value)> = Vec::new();
        for (name, value) in members {
            let field = message.field_named(name);
            let field = field.ok_or_else(|| Wrong::unknown(message, name))?;
            if !value.is_null() || self.takes_null(field) {
                given.push((field, value));
            }
        }
        given.sort_by_key(|(field, _)| field.number);
        check(message, &given)?;
        for (field, value) in given {
            let done = self.field(field, value, out);
            done.map_err(|wrong| wrong.within(&field.json_name))?;
        }
        Ok(())
    }

    /// Whether `null` is a value of this field, and not that it is missing.
    fn takes_null(&self, field: &FieldType) -> bool {
        let FieldKind::Message(index) = field.kind else {
            return false;
        };
        let name = &self.schema.messages[index].name;
        !field.is_repeated && Special::named(name) == Some(Special::Value)
    }

    fn field(&mut self, field: &FieldType, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let schema = self.schema;
        if !field.is_repeated {
            return self.single(field, value, out);
        }
        if let FieldKind::Message(index) = field.kind
            && schema.messages[index].is_map_entry
        {
            return self.map(field, &schema.messages[index], value, out);
        }
        let Value::Array(items) = value else {
            return Err(Wrong::wanted("an array", value));
        };
        let mut packed = Vec::new();
        let is_packed = field.is_packed && field.kind.is_number();
        for (at, item) in items.iter().enumerate() {
            let done = match is_packed {
                true => scalar::put(schema, field.kind, item, &mut packed),
                false => self.single(field, item, out),
            };
            done.map_err(|wrong| wrong.within_item(at))?;
        }
        if !packed.is_empty() {
            wire::put_bytes_field(field.number, &packed, out);
        }
        Ok(())
    }

    /// Writes one value, with the number of its field.
    fn single(&mut self, field: &FieldType, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        match field.kind {
            FieldKind::Message(index) => {
                let mut inner = Vec::new();
                self.message(index, value, &mut inner)?;
                wire::put_bytes_field(field.number, &inner, out);
                Ok(())
            }
            FieldKind::Group(index) => {
                wire::put_tag(field.number, wire::GROUP_START, out);
                self.message(index, value, out)?;
                wire::put_tag(field.number, wire::GROUP_END, out);
                Ok(())
            }
            kind => {
                wire::put_tag(field.number, wire::type_of(kind), out);
                scalar::put(self.schema, kind, value, out)
            }
        }
    }

    /// Writes a map: a message for each of its entries, with the fields 1 and 2.
    fn map(
        &mut self,
        field: &FieldType,
        entry: &MessageType,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let (Some(key), Some(item)) = (entry.field(1), entry.field(2)) else {
            return Err(Wrong::new("the descriptor has a map without key or value"));
        };
        for (name, value) in object(value)? {
            let mut inner = Vec::new();
            let done = self
                .single(key, &key_of(key.kind, name), &mut inner)
                .and_then(|()| self.single(item, value, &mut inner));
            done.map_err(|wrong| wrong.within(name))?;
            wire::put_bytes_field(field.number, &inner, out);
        }
        Ok(())
    }

    /// Writes a message of `google.protobuf` that is not an object of its fields.
    fn special(
        &mut self,
        special: Special,
        message: &'a MessageType,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match (special, value) {
            (Special::Timestamp, Value::String(text)) => {
                put_time(special::timestamp(text)?, out);
                Ok(())
            }
            (Special::Duration, Value::String(text)) => {
                put_time(special::duration(text)?, out);
                Ok(())
            }
            (Special::FieldMask, Value::String(text)) => {
                let paths = special::paths(text);
                paths.for_each(|path| wire::put_bytes_field(1, path.as_bytes(), out));
                Ok(())
            }
            (Special::Wrapper | Special::Struct | Special::List, _) => match message.field(1) {
                Some(field) => self.field(field, value, out),
                None => Err(Wrong::wanted_by(message, value)),
            },
            (Special::Value, _) => self.any_value(message, value, out),
            (Special::Any, _) => self.any(message, value, out),
            // What a decoder writes of one that has no text.
            (_, Value::Object(_)) => self.object(message, value, out),
            (Special::Timestamp | Special::Duration | Special::FieldMask, _) => {
                Err(Wrong::wanted("a string", value))
            }
        }
    }

    /// Writes any value of JSON.
    fn any_value(
        &mut self,
        message: &'a MessageType,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let number = match value {
            Value::Null => 1,
            Value::Number(_) => 2,
            Value::String(_) => 3,
            Value::Bool(_) => 4,
            Value::Object(_) => 5,
            Value::Array(_) => 6,
        };
        match message.field(number) {
            Some(field) if number == 1 => self.single(field, &Value::from(0), out),
            Some(field) => self.single(field, value, out),
            None => Err(Wrong::wanted_by(message, value)),
        }
    }

    /// Writes a message of any type, which it names: `{"@type":"type.googleapis.com/pkg.Type",…}`.
    fn any(&mut self, message: &'a MessageType, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let members = object(value)?;
        let Some(url) = members.get("@type") else {
            return self.object(message, value, out);
        };
        let Value::String(url) = url else {
            return Err(Wrong::wanted("a string", url).within("@type"));
        };
        let mut inner = Vec::new();
        self.contained(url, members, &mut inner)?;
        wire::put_bytes_field(1, url.as_bytes(), out);
        if !inner.is_empty() {
            wire::put_bytes_field(2, &inner, out);
        }
        Ok(())
    }

    /// Writes the message that an `Any` contains.
    fn contained(
        &mut self,
        url: &str,
        members: &Map<String, Value>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let own = members.get("value");
        match (self.schema.message_named(name), Special::named(name)) {
            (Some(index), None) => {
                let message = &self.schema.messages[index];
                let members = members.iter().filter(|(name, _)| *name != "@type");
                self.nested(|writer| writer.members(message, members, out))
            }
            (Some(index), Some(_)) => {
                let done = self.message(index, own.unwrap_or(&Value::Null), out);
                done.map_err(|wrong| wrong.within("value"))
            }
            // Of an unknown type the bytes themselves.
            (None, _) => match own {
                Some(Value::String(base64)) if members.len() == 2 => {
                    let bytes = codec::decode_base64(base64.as_bytes());
                    let bytes = bytes.map_err(|what| Wrong::new(what).within("value"))?;
                    out.extend(bytes);
                    Ok(())
                }
                _ => Err(Wrong::new(format!(
                    "the descriptor has no message type '{name}'"
                ))),
            },
        }
    }
}

/// Looks whether these fields, by number, may stand in one message.
fn check(message: &MessageType, given: &[(&FieldType, &Value)]) -> Result<()> {
    let names = |a: &FieldType, b: &FieldType| format!("{} and {}", a.json_name, b.json_name);
    for pair in given.windows(2) {
        let (before, after) = (pair[0].0, pair[1].0);
        if before.number == after.number {
            let (json, own) = (&before.json_name, &before.name);
            return Err(Wrong::new(format!("{json} and {own} are the same field")));
        }
    }
    let mut chosen: Vec<&FieldType> = Vec::new();
    for (field, _) in given.iter().filter(|(field, _)| field.oneof.is_some()) {
        if let Some(other) = chosen.iter().find(|it| it.oneof == field.oneof) {
            let what = format!("{} are of one oneof", names(other, field));
            return Err(Wrong::new(what));
        }
        chosen.push(field);
    }
    let is_given = |field: &&FieldType| given.iter().any(|(it, _)| it.number == field.number);
    let mut required = message.fields.iter().filter(|field| field.is_required);
    match required.find(|field| !is_given(field)) {
        Some(missing) => Err(Wrong::new(format!("{} is required", missing.json_name))),
        None => Ok(()),
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Wrong::wanted("an object", value)),
    }
}

/// The key of a map, which in JSON is a string.
fn key_of(kind: FieldKind, name: &str) -> Value {
    match (kind, name) {
        (FieldKind::Bool, "true") => Value::Bool(true),
        (FieldKind::Bool, "false") => Value::Bool(false),
        _ => Value::String(name.to_owned()),
    }
}

/// Seconds and nanoseconds, as far as they are not zero.
fn put_time((seconds, nanoseconds): (i64, i32), out: &mut Vec<u8>) {
    for (number, value) in [(1, seconds), (2, i64::from(nanoseconds))] {
        if value != 0 {
            wire::put_tag(number, wire::VARINT, out);
            wire::put_varint(value as u64, out);
        }
    }
}
