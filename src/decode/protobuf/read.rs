//! Reads a descriptor, which is itself a message in Protocol Buffers. Pure.

use std::collections::HashMap;

use super::schema::{EnumType, FieldKind, FieldType, MessageType, Place, Schema};
use super::wire::{self, Budget, Field, Value};
use crate::decode::wrong::{Result, Wrong};

/// Deepest type within types.
const MAX_DEPTH: usize = 100;

/// A message of the descriptor.
struct Part<'a>(Vec<Field<'a>>);

impl<'a> Part<'a> {
    fn all(&self, number: u32) -> impl Iterator<Item = Value<'a>> {
        let fields = self.0.iter().filter(move |field| field.number == number);
        fields.map(|field| field.value)
    }

    fn bytes(&self, number: u32) -> impl Iterator<Item = &'a [u8]> {
        self.all(number).filter_map(|value| match value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        })
    }

    fn text(&self, number: u32) -> Result<String> {
        let bytes = self.bytes(number).last().unwrap_or_default();
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned)
            .map_err(|_| Wrong::new("a name is not UTF-8"))
    }

    fn number(&self, number: u32) -> Option<u64> {
        self.all(number).last().and_then(|value| match value {
            Value::Varint(value) => Some(value),
            _ => None,
        })
    }
}

/// Collects the types, and the names of types that fields refer to.
#[derive(Default)]
struct Reading {
    schema: Schema,
    budget: Budget,
    /// The name of the type of each field: message, place of the field in it, name.
    references: Vec<(usize, usize, String)>,
    /// Whether the fields of the present file are packed unless they say otherwise.
    packs: bool,
}

/// Reads a `FileDescriptorSet`.
pub(super) fn read(descriptor: &[u8]) -> Result<Schema> {
    let mut reading = Reading::default();
    let files = reading.part(descriptor)?;
    for file in files.bytes(1) {
        reading.file(file)?;
    }
    if reading.schema.messages.is_empty() {
        return Err(Wrong::new("it has no message types"));
    }
    reading.resolve()
}

impl Reading {
    fn part<'a>(&mut self, bytes: &'a [u8]) -> Result<Part<'a>> {
        Ok(Part(wire::fields(bytes, &mut self.budget)?))
    }

    /// A `FileDescriptorProto`.
    fn file(&mut self, bytes: &[u8]) -> Result<()> {
        let file = self.part(bytes)?;
        let package = file.text(2)?;
        let options = self.part(file.bytes(8).last().unwrap_or_default())?;
        let is_modern = file.text(12)? == "proto3" || file.number(14).is_some();
        self.packs = self.packing(&options, 50)?.unwrap_or(is_modern);
        for message in file.bytes(4) {
            self.message(message, &package, 0)?;
        }
        for enumeration in file.bytes(5) {
            self.enumeration(enumeration, &package)?;
        }
        Ok(())
    }

    /// A `DescriptorProto` in the package or message `scope`.
    fn message(&mut self, bytes: &[u8], scope: &str, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Wrong::new("its types are nested too deep"));
        }
        let part = self.part(bytes)?;
        let name = full_name(scope, &part.text(1)?);
        let index = self.schema.messages.len();
        self.schema.messages.push(MessageType::default());
        let mut fields = Vec::new();
        for field in part.bytes(2) {
            let (field, reference) = self.field(field)?;
            fields.push((field, reference));
        }
        fields.sort_by_key(|(field, _)| field.number);
        for (at, (_, reference)) in fields.iter_mut().enumerate() {
            if !reference.is_empty() {
                let name = std::mem::take(reference);
                self.references.push((index, at, name));
            }
        }
        let options = part.bytes(7).last().unwrap_or_default();
        self.schema.messages[index] = MessageType {
            name: name.clone(),
            fields: fields.into_iter().map(|(field, _)| field).collect(),
            is_map_entry: self.part(options)?.number(7) == Some(1),
        };
        self.schema
            .names
            .insert(name.clone(), Place::Message(index));
        for nested in part.bytes(3) {
            self.message(nested, &name, depth + 1)?;
        }
        for enumeration in part.bytes(4) {
            self.enumeration(enumeration, &name)?;
        }
        Ok(())
    }

    /// A `FieldDescriptorProto`, and the name of its type.
    fn field(&mut self, bytes: &[u8]) -> Result<(FieldType, String)> {
        let part = self.part(bytes)?;
        let name = part.text(1)?;
        let number = part.number(3).and_then(|number| u32::try_from(number).ok());
        let kind = kind(part.number(5).unwrap_or_default())
            .ok_or_else(|| Wrong::new("a field has an unknown type"))?;
        let json_name = match part.text(10)? {
            given if !given.is_empty() => given,
            _ => camel_case(&name),
        };
        let options = self.part(part.bytes(8).last().unwrap_or_default())?;
        let packed = options.number(2).map(|packed| packed == 1);
        let packed = packed.or(self.packing(&options, 21)?);
        let field = FieldType {
            number: number.ok_or_else(|| Wrong::new("a field has no number"))?,
            name,
            json_name,
            is_repeated: part.number(4) == Some(3),
            is_packed: packed.unwrap_or(self.packs),
            is_required: part.number(4) == Some(2),
            oneof: part.number(9),
            kind,
        };
        Ok((field, part.text(6)?))
    }

    /// Whether the features in `options`, under this number, ask for packed fields.
    fn packing(&mut self, options: &Part<'_>, features: u32) -> Result<Option<bool>> {
        let features = self.part(options.bytes(features).last().unwrap_or_default())?;
        Ok(features.number(3).map(|encoding| encoding == 1))
    }

    /// An `EnumDescriptorProto`.
    fn enumeration(&mut self, bytes: &[u8], scope: &str) -> Result<()> {
        let part = self.part(bytes)?;
        let name = full_name(scope, &part.text(1)?);
        let mut values = Vec::new();
        for value in part.bytes(2) {
            let value = self.part(value)?;
            let number = value.number(2).unwrap_or_default() as i32;
            values.push((value.text(1)?, number));
        }
        let index = self.schema.enums.len();
        self.schema.names.insert(name, Place::Enum(index));
        self.schema.enums.push(EnumType { values });
        Ok(())
    }

    /// Puts the places of types in for their names.
    fn resolve(mut self) -> Result<Schema> {
        let names: &HashMap<String, Place> = &self.schema.names;
        for (message, at, name) in &self.references {
            let name = name.trim_start_matches('.');
            let kind = &mut self.schema.messages[*message].fields[*at].kind;
            *kind = match (*kind, names.get(name)) {
                (FieldKind::Message(_), Some(Place::Message(index))) => FieldKind::Message(*index),
                (FieldKind::Group(_), Some(Place::Message(index))) => FieldKind::Group(*index),
                (FieldKind::Enum(_), Some(Place::Enum(index))) => FieldKind::Enum(*index),
                (kind, _) if kind.is_number() && !matches!(kind, FieldKind::Enum(_)) => kind,
                (FieldKind::String | FieldKind::Bytes, _) => *kind,
                _ => {
                    let what = format!("the type {name} is missing: --include_imports adds it");
                    return Err(Wrong::new(what));
                }
            };
        }
        Ok(self.schema)
    }
}

fn full_name(scope: &str, name: &str) -> String {
    match scope {
        "" => name.to_owned(),
        _ => format!("{scope}.{name}"),
    }
}

/// The kinds in the order of their numbers. The places of types are put in later.
fn kind(number: u64) -> Option<FieldKind> {
    use FieldKind::{
        Bool, Bytes, Double, Enum, Fixed32, Fixed64, Float, Group, Int32, Int64, Message, SFixed32,
        SFixed64, SInt32, SInt64, String, UInt32, UInt64,
    };
    const UNKNOWN: usize = usize::MAX;
    let kinds = [
        Double,
        Float,
        Int64,
        UInt64,
        Int32,
        Fixed64,
        Fixed32,
        Bool,
        String,
        Group(UNKNOWN),
        Message(UNKNOWN),
        Bytes,
        UInt32,
        Enum(UNKNOWN),
        SFixed32,
        SFixed64,
        SInt32,
        SInt64,
    ];
    kinds
        .get(usize::try_from(number).ok()?.checked_sub(1)?)
        .copied()
}

/// `user_id` as JSON has it: `userId`.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raises = false;
    for c in name.chars() {
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
}
