//! Writes JSON like jaq, with a limit; each step is counted by [`meter`].

use std::io;

use jaq_json::{Val, write};

use super::meter;

/// Formats a value as JSON, or as jaq's superset of it.
///
/// # Errors
/// If it is longer than `limit` bytes.
pub(super) fn to_json(value: &Val, limit: usize) -> io::Result<Vec<u8>> {
    let mut json = Json {
        bytes: Vec::new(),
        limit,
    };
    json.push_value(value)?;
    Ok(json.bytes)
}

/// Collects JSON in jaq's format.
struct Json {
    bytes: Vec<u8>,
    limit: usize,
}

impl Json {
    fn push_value(&mut self, value: &Val) -> io::Result<()> {
        meter::tick();
        match value {
            Val::Null => self.push(b"null"),
            Val::Bool(true) => self.push(b"true"),
            Val::Bool(false) => self.push(b"false"),
            Val::TStr(text) => self.push_string(text),
            Val::Arr(items) => {
                self.push(b"[")?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.push(b",")?;
                    }
                    self.push_value(item)?;
                }
                self.push(b"]")
            }
            Val::Obj(members) => {
                self.push(b"{")?;
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        self.push(b",")?;
                    }
                    self.push_value(key)?;
                    self.push(b":")?;
                    self.push_value(value)?;
                }
                self.push(b"}")
            }
            Val::Num(_) | Val::BStr(_) => write::write(self, &write::Pp::default(), 0, value),
        }
    }

    fn push_string(&mut self, text: &[u8]) -> io::Result<()> {
        self.push(b"\"")?;
        let mut from = 0;
        for (at, &byte) in text.iter().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0x08 => "\\b",
                0x0c => "\\f",
                0..0x20 | 0x7f => "",
                _ => continue,
            };
            self.push(&text[from..at])?;
            from = at + 1;
            match escape {
                "" => self.push(format!("\\u{byte:04x}").as_bytes())?,
                escape => self.push(escape.as_bytes())?,
            }
        }
        self.push(&text[from..])?;
        self.push(b"\"")
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = self.bytes.len() + bytes.len();
        if len > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if len > self.bytes.capacity() {
            // It grows to twice its size, while the old buffer still exists.
            meter::tick();
            meter::charge(2 * len);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl io::Write for Json {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
