//! One JSON object on one line, written member by member.
//!
//! Every string goes through the redactor before it is escaped; there is no other way in. What
//! messages hold goes in by [`Line::payload`] and [`Line::base64`], which change it as little as may be.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use super::json;
use crate::codec;
use crate::event::Origin;
use crate::secret::Redactor;

/// Who reads it, and what they must not see.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) terminal: bool,
    pub(super) redactor: &'a Redactor,
}

/// One object on one line.
pub(super) struct Line<'a> {
    to: Reader<'a>,
    pub(super) out: &'a mut Vec<u8>,
}

impl<'a> Line<'a> {
    pub(super) fn start(to: Reader<'a>, name: &str, out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
        Line { to, out }
    }

    pub(super) fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    pub(super) fn key(self, key: &str) -> Self {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    /// Appends a number, a bool or an object that is written already.
    pub(super) fn raw(self, key: &str, value: impl Display) -> Self {
        use std::io::Write;
        let line = self.key(key);
        // Writing to a Vec cannot fail.
        let _ = write!(line.out, "{value}");
        line
    }

    pub(super) fn text(self, key: &str, value: &str) -> Self {
        self.key(key).string(value)
    }

    pub(super) fn text_or_null(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// Appends why it was sent; nothing where the user sent it.
    pub(super) fn origin(self, origin: Option<Origin>) -> Self {
        match origin {
            Some(origin) => self.text("origin", origin.name()),
            None => self,
        }
    }

    pub(super) fn string(self, value: &str) -> Self {
        json::push_string(&self.to.redactor.redact(value), self.to.terminal, self.out);
        self
    }

    /// Appends what a message or a control frame holds, where that is text.
    pub(super) fn payload(self, key: &str, text: &str) -> Self {
        let line = self.key(key);
        let text = line.to.redactor.redact_data(text);
        json::push_string(&text, line.to.terminal, line.out);
        line
    }

    /// Appends what one holds that is binary. A secret is looked for before it is encoded, when it could not be found
    /// any more; `len` is that of the data shown.
    pub(super) fn base64(self, data: &[u8]) -> Self {
        let data = &*redact_bytes(self.to.redactor, data);
        let line = self.text("encoding", "base64").key("data");
        line.out.push(b'"');
        codec::push_base64(data, line.out);
        line.out.push(b'"');
        line.raw("len", data.len())
    }
}

/// `data` with every secret replaced that is looked for in data, in the parts that are text.
fn redact_bytes<'a>(redactor: &Redactor, data: &'a [u8]) -> Cow<'a, [u8]> {
    let text = String::from_utf8_lossy(data);
    if let Cow::Borrowed(_) = redactor.redact_data(&text) {
        return Cow::Borrowed(data);
    }
    let parts = data.utf8_chunks().flat_map(|chunk| {
        let text = redactor.redact_data(chunk.valid()).into_owned();
        [text.into_bytes(), chunk.invalid().to_vec()]
    });
    Cow::Owned(parts.flatten().collect())
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

    #[test]
    fn a_secret_is_found_between_bytes_that_are_no_text() {
        let redactor = Redactor::default();
        redactor.add_given("sixteen bytes !!");
        assert_eq!(
            *redact_bytes(&redactor, b"\xff\x00sixteen bytes !!\xfe"),
            *b"\xff\x00[redacted]\xfe"
        );
        assert_eq!(*redact_bytes(&redactor, b"\xff\x00"), *b"\xff\x00");
    }
}
