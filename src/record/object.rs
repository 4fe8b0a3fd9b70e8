//! Writes one JSON object on one line, member by member.
//!
//! Every string passes through the redactor before it is escaped; there is no other way in. The
//! content of messages is added by [`Object::payload`] and [`Object::base64`], which change it as
//! little as possible.

use std::fmt::Display;
use std::time::Duration;

use super::schema::{self, Member, Type};
use crate::codec;
use crate::event::Origin;
use crate::json::grammar;
use crate::secret::Redactor;

/// How strings are written.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    pub redactor: &'a Redactor,
    /// Appends a text as a JSON string with its quotes. For a terminal it escapes more.
    pub push: fn(&str, &mut Vec<u8>),
}

/// An object that is being written.
pub(super) struct Object<'a> {
    strings: Strings<'a>,
    kind: Type,
    pub(super) out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    pub(super) fn start(strings: Strings<'a>, kind: Type, out: &'a mut Vec<u8>) -> Self {
        for part in ["{\"", schema::TYPE.name, "\":\"", kind.name(), "\""] {
            out.extend_from_slice(part.as_bytes());
        }
        Object { strings, kind, out }
    }

    /// Appends the time of the event.
    pub(super) fn at(self, t: Duration) -> Self {
        self.name(schema::T.name).value(Seconds(t))
    }

    pub(super) fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    /// Appends the name of a member; its value follows.
    pub(super) fn key(self, member: Member) -> Self {
        let members = self.kind.spec().members;
        debug_assert!(
            members.iter().any(|known| known.name == member.name),
            "{} has no {}",
            self.kind.name(),
            member.name
        );
        self.name(member.name)
    }

    fn name(self, name: &str) -> Self {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    fn value(self, value: impl Display) -> Self {
        use std::io::Write;
        // Writing to a Vec cannot fail.
        let _ = write!(self.out, "{value}");
        self
    }

    /// Appends a number, a bool or an object that is already formatted.
    pub(super) fn raw(self, member: Member, value: impl Display) -> Self {
        self.key(member).value(value)
    }

    pub(super) fn text(self, member: Member, value: &str) -> Self {
        self.key(member).string(value)
    }

    pub(super) fn text_or_null(self, member: Member, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(member, value),
            None => self.raw(member, "null"),
        }
    }

    /// Appends the origin; nothing if the user sent it.
    pub(super) fn origin(self, origin: Option<Origin>) -> Self {
        match origin {
            Some(origin) => self.text(schema::ORIGIN, origin.name()),
            None => self,
        }
    }

    /// Appends a string that is not a member.
    pub(super) fn string(self, value: &str) -> Self {
        (self.strings.push)(&self.strings.redactor.redact(value), self.out);
        self
    }

    /// Appends the content of a message or a control frame that is text.
    pub(super) fn payload(self, member: Member, text: &str) -> Self {
        let object = self.key(member);
        let text = object.strings.redactor.redact_data(text);
        (object.strings.push)(&text, object.out);
        object
    }

    /// Appends what a message says: JSON as it is, on one line, and other text as a string.
    pub(super) fn json_or_text(self, member: Member, text: &str) -> Self {
        if !grammar::is_value(text) {
            return self.payload(member, text);
        }
        let object = self.key(member);
        let text = object.strings.redactor.redact_data(text);
        let mut quoted = Vec::new();
        for run in text.as_bytes().chunk_by(|a, b| class(*a) == class(*b)) {
            match (class(run[0]), std::str::from_utf8(run)) {
                (Class::Space, _) => object.out.push(b' '),
                (Class::Other, Ok(run)) => {
                    quoted.clear();
                    (object.strings.push)(run, &mut quoted);
                    let content = quoted.get(1..quoted.len() - 1).unwrap_or_default();
                    object.out.extend_from_slice(content);
                }
                _ => object.out.extend_from_slice(run),
            }
        }
        object
    }

    /// Appends binary content. Secrets are searched for before it is encoded, because they could
    /// not be found later; the length is that of the redacted data.
    pub(super) fn base64(self, data: &[u8]) -> Self {
        let data = &*self.strings.redactor.redact_bytes(data);
        let object = self.text(schema::ENCODING, schema::BASE64);
        let object = object.key(schema::DATA);
        object.out.push(b'"');
        codec::push_base64(data, object.out);
        object.out.push(b'"');
        object.raw(schema::LEN, data.len())
    }
}

/// What a byte of JSON is for one who writes it on a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Printable ASCII.
    Plain,
    /// White space, which strings do not contain as it is.
    Space,
    /// Part of a string.
    Other,
}

fn class(byte: u8) -> Class {
    match byte {
        b'\n' | b'\r' | b'\t' => Class::Space,
        0x20..0x7f => Class::Plain,
        _ => Class::Other,
    }
}

/// Seconds with at most six decimals and at least one.
pub(super) struct Seconds(pub(super) Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut fraction, mut digits) = (self.0.subsec_micros(), 6);
        while digits > 1 && fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{}.{fraction:0digits$}", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_one_to_six_decimals() {
        for (nanos, expected) in [
            (0, "0.0"),
            (51_000_000, "0.051"),
            (2_000_000_000, "2.0"),
            (1_000_001_999, "1.000001"),
            (90_061_100_000_000, "90061.1"),
        ] {
            assert_eq!(Seconds(Duration::from_nanos(nanos)).to_string(), expected);
        }
    }
}
