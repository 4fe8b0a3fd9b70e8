//! A message of a known type, as the JSON mapping of Protocol Buffers says. Pure.
//!
//! What the type does not know is kept: its number stands for its name, and its value is guessed.

use super::guess;
use super::schema::{FieldKind, FieldType, MessageType, Schema, Type};
use super::special::{self, Special};
use super::wire::{self, Budget, Field, MAX_DEPTH, Value, content, too_deep};
use crate::codec;
use crate::decode::builder::Builder;
use crate::decode::bytes::Reader;
use crate::decode::wrong::{Result, Wrong};

/// Writes the message in `bytes`.
pub(super) fn write(
    bytes: &[u8],
    message: &Type,
    json: &mut Builder,
    budget: &mut Budget,
) -> Result<()> {
    let mut writer = Writer {
        schema: &message.schema,
        json,
        budget,
        depth: 0,
    };
    writer.message(message.index, bytes)
}

pub(super) struct Writer<'a> {
    pub(super) schema: &'a Schema,
    pub(super) json: &'a mut Builder,
    budget: &'a mut Budget,
    depth: usize,
}

impl Writer<'_> {
    /// Writes a message of the type with this place.
    pub(super) fn message(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let schema = self.schema;
        let message = &schema.messages[index];
        self.nested(|writer| match Special::named(&message.name) {
            Some(special) => writer.special(special, message, bytes),
            None => writer.object(message, bytes, None),
        })
    }

    /// Writes a message of `google.protobuf` that is not an object of its fields.
    fn special(&mut self, special: Special, message: &MessageType, bytes: &[u8]) -> Result<()> {
        let fields = self.fields(bytes)?;
        match special {
            Special::Any => self.any(&fields),
            Special::Value => self.any_value(message, bytes, &fields),
            Special::Wrapper | Special::Struct | Special::List => {
                self.first(special, message, &fields)
            }
            Special::Timestamp | Special::Duration | Special::FieldMask => {
                match special::text_of(special, &fields)? {
                    Some(text) => self.json.string(&text),
                    None => self.object(message, bytes, None),
                }
            }
        }
    }

    /// A message of any type, which it names: `{"@type":"type.googleapis.com/pkg.Type",…}`.
    fn any(&mut self, fields: &[Field<'_>]) -> Result<()> {
        let url = text(fields, 1)?.unwrap_or_default();
        let own = fields.iter().rfind(|field| field.number == 2);
        let bytes = own.and_then(|own| content(own.value)).unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        let index = self.schema.message_named(name);
        let special = Special::named(name);
        if let (Some(index), None) = (index, special) {
            let schema = self.schema;
            let message = &schema.messages[index];
            return self.nested(|writer| writer.object(message, bytes, Some(url)));
        }
        if url.is_empty() && bytes.is_empty() {
            return self.json.open_object(Some(0));
        }
        self.json.open_object(Some(2))?;
        self.json.string("@type")?;
        self.json.string(url)?;
        self.json.string("value")?;
        match index {
            Some(index) => self.message(index, bytes),
            None => self.json.plain(|out| codec::push_base64(bytes, out)),
        }
    }

    /// Writes the value of field 1 instead of the message.
    fn first(
        &mut self,
        special: Special,
        message: &MessageType,
        fields: &[Field<'_>],
    ) -> Result<()> {
        let own: Vec<_> = fields
            .iter()
            .filter(|writer| writer.number == 1)
            .copied()
            .collect();
        let field = message.field(1);
        match (field, special) {
            (Some(field), _) if !own.is_empty() => self.checked_field(field, &own),
            (Some(field), Special::Wrapper) => self.default(field.kind),
            (_, Special::List) => self.json.open_array(Some(0)),
            _ => self.json.open_object(Some(0)),
        }
    }

    /// Any value of JSON: the last of its fields, of which there is one.
    fn any_value(
        &mut self,
        message: &MessageType,
        bytes: &[u8],
        fields: &[Field<'_>],
    ) -> Result<()> {
        let Some(last) = fields.last() else {
            return self.json.null();
        };
        match message.field(last.number) {
            Some(_) if last.number == 1 => self.json.null(),
            Some(field) => self.checked_field(field, &[*last]),
            None => self.object(message, bytes, None),
        }
    }
    /// Writes something a level deeper.
    pub(super) fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let done = write(self);
        self.depth -= 1;
        done
    }

    /// Writes a field, the values of which may be of another kind than its own.
    pub(super) fn checked_field(&mut self, field: &FieldType, same: &[Field<'_>]) -> Result<()> {
        match suits(field, same) {
            true => self.field(field, same),
            false => guess::values(same, self.json, self.budget, self.depth),
        }
    }

    /// Writes an object with the fields of a message; before them, perhaps, the type of an `Any`.
    pub(super) fn object(
        &mut self,
        message: &MessageType,
        bytes: &[u8],
        url: Option<&str>,
    ) -> Result<()> {
        self.json.open_object(None)?;
        if let Some(url) = url {
            self.json.string("@type")?;
            self.json.string(url)?;
        }
        for same in self.fields(bytes)?.chunk_by(|a, b| a.number == b.number) {
            match message.field(same[0].number).filter(|it| suits(it, same)) {
                Some(field) => {
                    self.json.string(&field.json_name)?;
                    self.field(field, same)?;
                }
                None => {
                    self.json.string(&same[0].number.to_string())?;
                    guess::values(same, self.json, self.budget, self.depth)?;
                }
            }
        }
        self.json.close()
    }

    /// The fields of a message, by their numbers.
    pub(super) fn fields<'a>(&mut self, bytes: &'a [u8]) -> Result<Vec<Field<'a>>> {
        let mut fields = wire::fields(bytes, self.budget)?;
        fields.sort_by_key(|field| field.number);
        Ok(fields)
    }

    /// Writes the value of a field, which `same` are the parts of.
    pub(super) fn field(&mut self, field: &FieldType, same: &[Field<'_>]) -> Result<()> {
        if !field.is_repeated {
            return self.single(field.kind, same);
        }
        let schema = self.schema;
        if let FieldKind::Message(index) = field.kind
            && schema.messages[index].is_map_entry
        {
            return self.map(&schema.messages[index], same);
        }
        self.json.open_array(None)?;
        for part in same {
            self.part(field.kind, part.value)?;
        }
        self.json.close()
    }

    /// Writes a value of a repeated field, or several that are packed.
    fn part(&mut self, kind: FieldKind, value: Value<'_>) -> Result<()> {
        let Value::Bytes(bytes) = value else {
            return self.value(kind, value);
        };
        if !kind.is_number() {
            return self.value(kind, value);
        }
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let value = packed(kind, &mut reader)?;
            self.value(kind, value)?;
        }
        Ok(())
    }

    /// Writes the value of a field that has one: the last, or all parts of a message together.
    fn single(&mut self, kind: FieldKind, same: &[Field<'_>]) -> Result<()> {
        let Some((last, before)) = same.split_last() else {
            return Ok(());
        };
        if let FieldKind::Message(_) | FieldKind::Group(_) = kind
            && !before.is_empty()
        {
            let parts = same.iter().filter_map(|field| content(field.value));
            return self.value(kind, Value::Bytes(&parts.collect::<Vec<_>>().concat()));
        }
        match (last.value, kind.is_number()) {
            (Value::Bytes(bytes), true) => {
                let mut reader = Reader::new(bytes);
                let mut value = packed(kind, &mut reader)?;
                while !reader.is_empty() {
                    value = packed(kind, &mut reader)?;
                }
                self.value(kind, value)
            }
            (value, _) => self.value(kind, value),
        }
    }

    /// Writes the entries of a map as an object. Both fields of an entry may be missing.
    fn map(&mut self, entry: &MessageType, same: &[Field<'_>]) -> Result<()> {
        self.json.open_object(None)?;
        for part in same {
            let bytes = content(part.value).unwrap_or_default();
            let fields = self.fields(bytes)?;
            for number in [1, 2] {
                let Some(field) = entry.field(number) else {
                    return Err(Wrong::new("a map has no key or no value"));
                };
                let own = fields.iter().filter(|it| it.number == number).copied();
                let own: Vec<_> = own.filter(|it| suits(field, &[*it])).collect();
                match own.is_empty() {
                    true => self.default(field.kind)?,
                    false => self.single(field.kind, &own)?,
                }
            }
        }
        self.json.close()
    }

    /// Writes what a field is that is not on the wire.
    pub(super) fn default(&mut self, kind: FieldKind) -> Result<()> {
        match kind {
            FieldKind::String | FieldKind::Bytes => self.json.string(""),
            FieldKind::Message(index) | FieldKind::Group(index) => self.message(index, &[]),
            FieldKind::Fixed64 | FieldKind::SFixed64 | FieldKind::Double => {
                self.value(kind, Value::Fixed64(0))
            }
            FieldKind::Fixed32 | FieldKind::SFixed32 | FieldKind::Float => {
                self.value(kind, Value::Fixed32(0))
            }
            _ => self.value(kind, Value::Varint(0)),
        }
    }

    pub(super) fn value(&mut self, kind: FieldKind, value: Value<'_>) -> Result<()> {
        match value {
            Value::Varint(bits) => self.varint(kind, bits),
            Value::Fixed64(bits) => match kind {
                FieldKind::Double => self.float(f64::from_bits(bits)),
                FieldKind::SFixed64 => self.quoted(bits as i64),
                _ => self.quoted(bits),
            },
            Value::Fixed32(bits) => match kind {
                FieldKind::Float => self.single_float(f32::from_bits(bits)),
                FieldKind::SFixed32 => self.json.word(bits as i32),
                _ => self.json.word(bits),
            },
            Value::Bytes(bytes) | Value::Group(bytes) => match kind {
                FieldKind::Message(index) | FieldKind::Group(index) => self.message(index, bytes),
                FieldKind::String => self.json.string(wire::text(bytes)?),
                _ => self.json.plain(|out| codec::push_base64(bytes, out)),
            },
        }
    }

    fn varint(&mut self, kind: FieldKind, bits: u64) -> Result<()> {
        let schema = self.schema;
        match kind {
            FieldKind::Bool => self.json.word(bits != 0),
            FieldKind::Int32 => self.json.word(bits as i32),
            FieldKind::UInt32 => self.json.word(bits as u32),
            FieldKind::SInt32 => self.json.word(unfold(u64::from(bits as u32)) as i32),
            FieldKind::Int64 => self.quoted(bits as i64),
            FieldKind::SInt64 => self.quoted(unfold(bits)),
            FieldKind::Enum(index) => match schema.enums[index].name_of(bits as i32) {
                Some(name) => self.json.string(name),
                None => self.json.word(bits as i32),
            },
            _ => self.quoted(bits),
        }
    }

    /// An integer of 64 bits is a string, because not all readers of JSON can hold one.
    fn quoted(&mut self, value: impl std::fmt::Display) -> Result<()> {
        self.json.string(&value.to_string())
    }

    fn float(&mut self, value: f64) -> Result<()> {
        match not_finite(value) {
            Some(name) => self.json.string(name),
            None => self.json.float(value),
        }
    }

    fn single_float(&mut self, value: f32) -> Result<()> {
        match not_finite(f64::from(value)) {
            Some(name) => self.json.string(name),
            None => self.json.single(value),
        }
    }
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_finite() => None,
        _ if value.is_nan() => Some("NaN"),
        _ if value > 0.0 => Some("Infinity"),
        _ => Some("-Infinity"),
    }
}

/// A signed integer whose sign is its lowest bit (zigzag).
fn unfold(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ -((bits & 1) as i64)
}

/// The next of several values that are packed.
fn packed<'a>(kind: FieldKind, reader: &mut Reader<'_>) -> Result<Value<'a>> {
    Ok(match kind {
        FieldKind::Double | FieldKind::Fixed64 | FieldKind::SFixed64 => {
            Value::Fixed64(u64::from_le_bytes(reader.array()?))
        }
        FieldKind::Float | FieldKind::Fixed32 | FieldKind::SFixed32 => {
            Value::Fixed32(u32::from_le_bytes(reader.array()?))
        }
        _ => Value::Varint(wire::varint(reader)?),
    })
}

/// Whether all of these can be values of the field. If not, the sender means another field.
fn suits(field: &FieldType, same: &[Field<'_>]) -> bool {
    same.iter().all(|part| match part.value {
        Value::Bytes(bytes) => match field.kind {
            FieldKind::Group(_) => false,
            kind if kind.is_number() => !bytes.is_empty() || field.is_repeated,
            _ => true,
        },
        Value::Group(_) => matches!(field.kind, FieldKind::Group(_)),
        Value::Fixed64(_) => matches!(
            field.kind,
            FieldKind::Double | FieldKind::Fixed64 | FieldKind::SFixed64
        ),
        Value::Fixed32(_) => matches!(
            field.kind,
            FieldKind::Float | FieldKind::Fixed32 | FieldKind::SFixed32
        ),
        Value::Varint(_) => {
            use FieldKind::{Bool, Enum, Int32, Int64, SInt32, SInt64, UInt32, UInt64};
            matches!(
                field.kind,
                Bool | Enum(_) | Int32 | Int64 | SInt32 | SInt64 | UInt32 | UInt64
            )
        }
    })
}

/// The text of a field that is a string.
fn text<'a>(fields: &[Field<'a>], number: u32) -> Result<Option<&'a str>> {
    let own = fields.iter().rfind(|field| field.number == number);
    let own = own.and_then(|field| content(field.value));
    own.map(wire::text).transpose()
}
