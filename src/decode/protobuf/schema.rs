//! The types of a descriptor, as `protoc --include_imports --descriptor_set_out=FILE` writes it
//! (`google/protobuf/descriptor.proto`). Pure.

use std::collections::HashMap;
use std::sync::Arc;

/// The types of a descriptor.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) messages: Vec<MessageType>,
    pub(crate) enums: Vec<EnumType>,
    /// Where messages and enums are by their full names.
    pub(super) names: HashMap<String, Place>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Message(usize),
    Enum(usize),
}

#[derive(Debug, Default)]
pub(crate) struct MessageType {
    /// With the package: `chat.v1.Event`.
    pub(crate) name: String,
    /// By their numbers.
    pub(crate) fields: Vec<FieldType>,
    /// An entry of a map, whose fields 1 and 2 are key and value.
    pub(crate) is_map_entry: bool,
}

#[derive(Debug)]
pub(crate) struct FieldType {
    pub(crate) number: u32,
    /// As the `.proto` file has it.
    pub(crate) name: String,
    pub(crate) json_name: String,
    pub(crate) is_repeated: bool,
    /// Several numbers are written together.
    pub(crate) is_packed: bool,
    pub(crate) is_required: bool,
    /// The oneof that it is of, among those of its message.
    pub(crate) oneof: Option<u64>,
    pub(crate) kind: FieldKind,
}

/// `FieldDescriptorProto.Type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Double,
    Float,
    Int64,
    UInt64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    Group(usize),
    Message(usize),
    Bytes,
    UInt32,
    Enum(usize),
    SFixed32,
    SFixed64,
    SInt32,
    SInt64,
}

#[derive(Debug, Default)]
pub(crate) struct EnumType {
    /// Names and numbers.
    pub(crate) values: Vec<(String, i32)>,
}

/// A message type, and all the types that it may refer to.
#[derive(Clone, Debug)]
pub struct Type {
    pub(crate) schema: Arc<Schema>,
    pub(crate) index: usize,
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema) && self.index == other.index
    }
}

impl Eq for Type {}

impl MessageType {
    pub(crate) fn field(&self, number: u32) -> Option<&FieldType> {
        let at = self.fields.binary_search_by_key(&number, |it| it.number);
        self.fields.get(at.ok()?)
    }

    /// The field with this name in JSON, or else in the `.proto` file.
    pub(crate) fn field_named(&self, name: &str) -> Option<&FieldType> {
        let by_json = self.fields.iter().find(|it| it.json_name == name);
        by_json.or_else(|| self.fields.iter().find(|it| it.name == name))
    }
}

impl EnumType {
    /// The first name with this number.
    pub(crate) fn name_of(&self, number: i32) -> Option<&str> {
        let value = self.values.iter().find(|(_, it)| *it == number);
        value.map(|(name, _)| name.as_str())
    }

    pub(crate) fn number_of(&self, name: &str) -> Option<i32> {
        let value = self.values.iter().find(|(it, _)| it == name);
        value.map(|(_, number)| *number)
    }
}

impl FieldKind {
    /// Whether its values can be packed.
    pub(crate) fn is_number(self) -> bool {
        !matches!(
            self,
            FieldKind::String | FieldKind::Bytes | FieldKind::Message(_) | FieldKind::Group(_)
        )
    }
}

impl Schema {
    pub(crate) fn message_named(&self, name: &str) -> Option<usize> {
        match self.names.get(name)? {
            Place::Message(index) => Some(*index),
            Place::Enum(_) => None,
        }
    }
}
