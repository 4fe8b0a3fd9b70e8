//! What in a JSON value does not fit a message type, and where. Pure.

use std::fmt;

use serde_json::Value;

use crate::decode::protobuf::schema::MessageType;
use crate::encode::number::shortened;

/// `.points[2].x: "a" is no int32`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// `.points[2].x`; empty at the top.
    path: String,
    what: String,
}

pub(super) type Result<T> = std::result::Result<T, Wrong>;

impl Wrong {
    pub(super) fn new(what: impl Into<String>) -> Wrong {
        Wrong {
            path: String::new(),
            what: what.into(),
        }
    }

    /// The value should be another one.
    pub(super) fn wanted(what: &str, value: &Value) -> Wrong {
        Wrong::new(format!("{} stands where {what} should be", shown(value)))
    }

    /// The value is none of this type.
    pub(super) fn wanted_by(message: &MessageType, value: &Value) -> Wrong {
        Wrong::new(format!("{} is no {}", shown(value), message.name))
    }

    /// The type has no field of this name.
    pub(super) fn unknown(message: &MessageType, name: &str) -> Wrong {
        let near = message.fields.iter().map(|field| &field.json_name);
        let near = near
            .map(|it| (strsim::damerau_levenshtein(it, name), it))
            .filter(|(distance, _)| *distance <= 2 && 2 * distance < name.len())
            .min_by_key(|(distance, _)| *distance);
        let (of, name) = (&message.name, shortened(name));
        Wrong::new(match near {
            Some((_, near)) => format!("{of} has no field '{name}'; did you mean '{near}'?"),
            None => format!("{of} has no field '{name}'"),
        })
    }

    /// The same, within a member of an object.
    pub(super) fn within(self, member: &str) -> Wrong {
        let path = format!(".{}{}", shortened(member), self.path);
        Wrong { path, ..self }
    }

    /// The same, within an item of an array.
    pub(super) fn within_item(self, at: usize) -> Wrong {
        let path = format!("[{at}]{}", self.path);
        Wrong { path, ..self }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.what),
            false => write!(f, "{}: {}", self.path, self.what),
        }
    }
}

/// The value in a sentence.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        _ => shortened(&value.to_string()),
    }
}
