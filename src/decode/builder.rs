//! Writes JSON text value by value, as decoders meet them: no tree is built and nothing recurses, so
//! a peer can exhaust neither memory nor stack. Pure.

use std::fmt::Display;
use std::io::Write as _;

use super::wrong::{Result, Wrong};
use crate::json::jq::MAX_DEPTH;
use crate::json::string;

/// An array or object that is being written.
#[derive(Debug)]
struct Level {
    is_object: bool,
    /// Values that are still to come, the keys of an object included; `None` until it is closed.
    left: Option<u64>,
    /// Values so far, keys included.
    count: u64,
    /// Where the present key begins.
    key_at: usize,
}

impl Level {
    /// Whether the next value is a key.
    fn is_at_key(&self) -> bool {
        self.is_object && self.count.is_multiple_of(2)
    }
}

/// Collects the text of one JSON value after another.
#[derive(Debug)]
pub(super) struct Builder {
    out: Vec<u8>,
    limit: usize,
    levels: Vec<Level>,
    /// Levels within the key that is being written.
    key_levels: usize,
    /// Values at the top.
    values: usize,
}

impl Builder {
    /// A text of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Builder {
            out: Vec::new(),
            limit,
            levels: Vec::new(),
            key_levels: 0,
            values: 0,
        }
    }

    /// The number of arrays and objects around the next value.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Whether the innermost array or object ends with [`Builder::close`], and may end here.
    pub(super) fn may_close(&self) -> bool {
        let level = self.levels.last();
        level.is_some_and(|it| it.left.is_none() && (!it.is_object || it.is_at_key()))
    }

    /// The text: the value, or an array of the values where there are several.
    ///
    /// # Errors
    /// If there is none, or it is too large.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        match self.values {
            0 => return Err(Wrong::new("the message is empty")),
            1 => {}
            _ => {
                self.out.insert(0, b'[');
                self.out.push(b']');
            }
        }
        self.check(0)?;
        Ok(self.out)
    }

    pub(super) fn null(&mut self) -> Result<()> {
        self.word("null")
    }

    /// `true`, `false`, `null` or a number.
    pub(super) fn word(&mut self, word: impl Display) -> Result<()> {
        self.begin();
        // Writing to a Vec cannot fail.
        let _ = write!(self.out, "{word}");
        self.end(false)
    }

    /// A number with a fraction; JSON has none that is not finite (RFC 8949 §6.1).
    pub(super) fn float(&mut self, value: f64) -> Result<()> {
        match value.is_finite() {
            true => self.number(value),
            false => self.null(),
        }
    }

    /// A finite number of 32 bits, with no more digits than that has.
    pub(super) fn single(&mut self, value: f32) -> Result<()> {
        self.number(value)
    }

    /// A finite number with a fraction.
    fn number(&mut self, value: impl serde::Serialize) -> Result<()> {
        self.begin();
        // Writing to a Vec cannot fail.
        let _ = serde_json::to_writer(&mut self.out, &value);
        self.end(false)
    }

    pub(super) fn string(&mut self, text: &str) -> Result<()> {
        self.check(text.len())?;
        self.begin();
        string::push_string(text, &mut self.out);
        self.end(true)
    }

    /// A string of characters that need no escape, which `push` writes.
    pub(super) fn plain(&mut self, push: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.begin();
        self.out.push(b'"');
        push(&mut self.out);
        self.out.push(b'"');
        self.end(true)
    }

    /// An array of `len` values; of any number until [`Builder::close`] if `None`.
    pub(super) fn open_array(&mut self, len: Option<u64>) -> Result<()> {
        self.open(false, len)
    }

    /// An object of `len` members, or of any number.
    pub(super) fn open_object(&mut self, len: Option<u64>) -> Result<()> {
        let values = len.map(|len| len.checked_mul(2));
        if values == Some(None) {
            return Err(Wrong::new("a map of more members than there are bytes"));
        }
        self.open(true, values.flatten())
    }

    fn open(&mut self, is_object: bool, left: Option<u64>) -> Result<()> {
        let is_in_key = self.key_levels > 0 || self.levels.last().is_some_and(Level::is_at_key);
        if is_object && is_in_key {
            // Each key within a key would double the escapes.
            return Err(Wrong::new("a map within the key of a map"));
        }
        if self.levels.len() >= MAX_DEPTH {
            return Err(Wrong::new(format!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.begin();
        self.key_levels += usize::from(is_in_key);
        self.out.push(if is_object { b'{' } else { b'[' });
        self.levels.push(Level {
            is_object,
            left,
            count: 0,
            key_at: 0,
        });
        match left {
            Some(0) => self.close(),
            _ => Ok(()),
        }
    }

    /// Ends the array or object, which [`Builder::may_close`].
    pub(super) fn close(&mut self) -> Result<()> {
        self.close_one();
        self.end(false)
    }

    fn close_one(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.key_levels = self.key_levels.saturating_sub(1);
            self.out.push(if level.is_object { b'}' } else { b']' });
        }
    }

    /// Writes what stands before a value.
    fn begin(&mut self) {
        let Some(level) = self.levels.last_mut() else {
            if self.values > 0 {
                self.out.push(b',');
            }
            return;
        };
        let is_key = level.is_at_key();
        if level.is_object && !is_key {
            self.out.push(b':');
        } else if level.count > 0 {
            self.out.push(b',');
        }
        if is_key {
            level.key_at = self.out.len();
        }
    }

    /// A value has been written. Arrays and objects of which it was the last are, too.
    fn end(&mut self, mut is_string: bool) -> Result<()> {
        loop {
            self.check(0)?;
            let Some(level) = self.levels.last_mut() else {
                self.values += 1;
                return Ok(());
            };
            let key = level.is_at_key().then_some(level.key_at);
            level.count += 1;
            level.left = level.left.map(|left| left.saturating_sub(1));
            let is_full = level.left == Some(0);
            if let Some(from) = key.filter(|_| !is_string) {
                self.quote(from);
            }
            if !is_full {
                return Ok(());
            }
            self.close_one();
            is_string = false;
        }
    }

    /// Makes a string of the JSON text from `from` on: the key of an object must be one.
    fn quote(&mut self, from: usize) {
        let text = self.out.split_off(from);
        string::push_string(&String::from_utf8_lossy(&text), &mut self.out);
    }

    /// Whether there is room for so many bytes more.
    fn check(&self, more: usize) -> Result<()> {
        match self.out.len().saturating_add(more) > self.limit {
            true => Err(Wrong::too_large(self.limit)),
            false => Ok(()),
        }
    }
}
