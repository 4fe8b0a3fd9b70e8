//! Sent messages at the prompt: one line each, however long the message is, because the person has
//! typed it, or knows where it came from.
//!
//! Secrets are redacted before anything is cut, so that no part of one is left.

use std::borrow::Cow;

use super::fold::Notes;
use super::options::Format;
use super::pretty::Pretty;
use super::style::Role;
use super::{payload, sanitize, width};
use crate::codec;
use crate::message::{Data, Message};
use crate::secret::{REDACTED, Redactor};

/// Longer JSON is not made readable: most of it is cut anyway.
const MAX_JSON: usize = 4 << 10;
/// The bytes of a binary message that its line may show.
const MAX_BINARY: usize = 1 << 10;

/// A sent message as it may be shown: with every secret replaced.
pub(super) fn redacted(data: Data<'_>, redactor: &Redactor) -> Message {
    match data {
        Data::Text(text) => Message::text(redactor.redact(text).into_owned()),
        Data::Binary(data) => {
            let text = String::from_utf8_lossy(data);
            match redactor.redact(&text) {
                Cow::Borrowed(_) => Message::binary(data.to_vec()),
                Cow::Owned(_) => Message::text(REDACTED),
            }
        }
    }
}

/// The line of a sent message, without its mark.
pub(super) struct SentLine<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) format: Format,
    /// Lays JSON out on one line, without colours.
    pub(super) pretty: Pretty,
    pub(super) notes: Notes,
    /// The columns after the mark.
    pub(super) columns: usize,
}

impl SentLine<'_> {
    /// Appends the message, cut to the line and ended by a line feed.
    pub(super) fn push(&self, data: Data<'_>, out: &mut Vec<u8>) {
        let mut line = Vec::new();
        match redacted(data, self.redactor).as_data() {
            Data::Text(text) => self.text(text, &mut line),
            Data::Binary(data) => self.binary(data, &mut line),
        }
        if self.notes.ascii {
            sanitize::to_ascii(&mut line, 0, sanitize::push_char);
        }
        let line = String::from_utf8_lossy(&line);
        let line = self.cut(line.trim_end_matches('\n'));
        self.notes.painter.paint(Role::Aside, out, |out| {
            out.extend_from_slice(line.as_bytes());
        });
        out.push(b'\n');
    }

    fn text(&self, text: &str, line: &mut Vec<u8>) {
        // A character may have no column, but the marks of a readable text are few.
        let most = text.floor_char_boundary(self.columns.saturating_mul(16));
        match self.format {
            Format::Pretty if text.len() <= MAX_JSON && self.pretty.push_json(text, 0, line) => {}
            Format::Hex | Format::Base64 | Format::Line | Format::ForProgram => {
                self.one_line(&text.as_bytes()[..most], line);
            }
            Format::Pretty if text.len() > MAX_JSON && text.starts_with(['{', '[']) => {
                sanitize::line(&without_line_ends(&text[..most]), line);
            }
            Format::Pretty | Format::Raw | Format::Json => sanitize::line(&text[..most], line),
        }
        if most < text.len() && line.last() != Some(&b'\n') {
            line.extend_from_slice(self.notes.ellipsis().as_bytes());
        }
    }

    fn binary(&self, data: &[u8], line: &mut Vec<u8>) {
        let first = &data[..data.len().min(MAX_BINARY)];
        match self.format {
            Format::Pretty => {
                let bytes = if data.len() == 1 { "byte" } else { "bytes" };
                let hex = codec::hex(first, " ");
                let shown = format!("binary, {} {bytes} {hex}", data.len());
                line.extend_from_slice(shown.trim_end().as_bytes());
            }
            Format::Raw => sanitize::line_bytes(first, line),
            _ => self.one_line(first, line),
        }
    }

    fn one_line(&self, data: &[u8], line: &mut Vec<u8>) {
        match self.format {
            Format::Hex => payload::push_hex(data, line),
            Format::Base64 => payload::push_base64(data, line),
            _ => payload::push_line(data, true, line),
        }
    }

    fn cut<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if width::of_line(line) <= self.columns {
            return Cow::Borrowed(line);
        }
        let ellipsis = self.notes.ellipsis();
        let room = self.columns.saturating_sub(width::of(ellipsis));
        Cow::Owned(line[..width::fitting(line, room)].to_owned() + ellipsis)
    }
}

/// The beginning of a JSON document with a space for each line end and the indentation after it, which
/// are between its tokens: a string has none.
fn without_line_ends(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    lines.join(" ")
}
