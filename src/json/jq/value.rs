//! The values of jaq ([`Val`]) as the interpreter sees them here: the same values, but every
//! operation is a step that [`meter`] counts, and what it builds is charged in advance.
//!
//! Operations on a whole value that take jaq one call are done here if they may take long or
//! recurse: values share their parts, so a small one may represent a huge tree. The semantics are
//! jaq's; the tests of [`super`] compare the two.

use std::cmp::Ordering;
use std::fmt;
use std::io;

use bytes::Bytes;
use jaq_core::val::Range;
use jaq_json::{Rc, Val};

use super::cost::{ITEM, STRING, charge_part};
use super::order::{self, order, same};
use super::{meter, write};

pub(super) type Error = jaq_core::Error<Value>;

/// A value; see the module.
#[derive(Clone)]
pub(in crate::json) struct Value(pub(super) Val);

impl Drop for Value {
    fn drop(&mut self) {
        if is_container(&self.0) && meter::may_be_deep() {
            dismantle(std::mem::take(&mut self.0));
        }
    }
}

pub(super) fn is_container(value: &Val) -> bool {
    matches!(value, Val::Arr(_) | Val::Obj(_))
}

/// Drops a value of any depth without recursion.
fn dismantle(value: Val) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Val::Arr(items) => {
                if let Ok(items) = Rc::try_unwrap(items) {
                    rest.extend(items.into_iter().filter(is_container));
                }
            }
            Val::Obj(members) => {
                if let Ok(members) = Rc::try_unwrap(members) {
                    rest.extend(
                        members
                            .into_iter()
                            .map(|(_, value)| value)
                            .filter(is_container),
                    );
                }
            }
            _ => {}
        }
    }
}

impl Value {
    pub(super) fn take(mut self) -> Val {
        std::mem::take(&mut self.0)
    }

    pub(super) fn text(bytes: impl Into<Bytes>) -> Value {
        Value(Val::utf8_str(bytes))
    }

    pub(super) fn array(items: Vec<Val>) -> Value {
        Value(Val::Arr(items.into()))
    }

    /// Formats the value as JSON, or as jaq's superset of it.
    ///
    /// # Errors
    /// If it is longer than `limit` bytes.
    pub(super) fn to_json(&self, limit: usize) -> io::Result<Vec<u8>> {
        write::to_json(&self.0, limit)
    }

    /// [`Value::to_json`] without its own limit.
    pub(super) fn json(&self) -> Vec<u8> {
        self.to_json(usize::MAX).unwrap_or_default()
    }

    /// Whether it contains `part`, in jq's sense.
    pub(super) fn contains(&self, part: &Value) -> bool {
        order::contains(&self.0, &part.0)
    }

    pub(super) fn binary(&self) -> bool {
        matches!(self.0, Val::BStr(_))
    }

    /// The same kind of string, with other bytes.
    pub(super) fn with_bytes(&self, bytes: impl Into<Bytes>) -> Value {
        Value(match self.binary() {
            true => Val::byte_str(bytes),
            false => Val::utf8_str(bytes),
        })
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value(value.into())
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Value(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value(value.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        meter::charge(STRING + text.len());
        Value(text.into())
    }
}

impl From<Range<Value>> for Value {
    fn from(range: Range<Value>) -> Self {
        Value(Val::from(
            range.start.map(Value::take)..range.end.map(Value::take),
        ))
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<T: IntoIterator<Item = Self>>(iter: T) -> Self {
        let mut items = Vec::new();
        for item in iter {
            meter::tick();
            charge_part(&item.0, ITEM);
            items.push(item.take());
        }
        Value::array(items)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.json()))
    }
}

/// An error of jaq's own. Its text is made at once, so it must not quote a large value.
pub(super) fn carried(error: jaq_json::Error) -> Error {
    Error::new(Value(error.into_val()))
}
