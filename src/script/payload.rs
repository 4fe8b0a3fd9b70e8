//! How a payload stands in a script, so that reading it gives the same bytes.
//!
//! A payload follows a mark and a space. It is the first of these forms that it can have:
//!
//! - JSON: as it is, over any number of lines until it is closed. What begins with `{`, `[` or `"` is
//!   JSON.
//! - Text to the end of the line, as it is. It is not empty, no white space is at its ends, and it does
//!   not begin with `/`, because `< /…/` is a regular expression.
//! - Text between backticks, on one line: `` `  two spaces` ``. An empty one is an empty message.
//! - A block: three or more backticks, the lines, and a line of as many backticks. The last line feed
//!   is not part of the payload.
//! - `escapes:`, to the end of the line, with the escapes of `--escapes`.
//! - `hex:` and `base64:`, to the end of the line.
//!
//! - `file:` or `@`, and the path of a file from the folder of the script. None is written.
//!
//! The last four need the kind in the mark (`>text escapes:a\nb`), because `> hex:00` is text.
//! `{{NAME}}` is a variable in every form; it is found before escapes are decoded, so that
//! `\x7b{NAME}}` is none. Text in JSON's place that is no JSON may be written as it is on one line if its
//! brackets are closed (`> [info] x`), but never is by us. In an expectation, `/…/` is a regular
//! expression.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::ast::{self, Form};
use super::secrets::{self, Secret, Variable, Variables};
use crate::codec;
use crate::message::Data;
use crate::output::sanitize;
use crate::secret::{REDACTED, Redactor};

/// The variable that stands for a secret that was left out.
pub(super) const TOKEN: &str = "{{token}}";

/// Binary data up to this length is written in hex, in bytes.
const MAX_HEX: usize = 64;

/// What would not be read as text at the beginning of a payload.
const PREFIXES: &[&str] = &["hex:", "base64:", "escapes:", "file:", "@", "`", "/"];

/// A payload as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) text: String,
    /// Whether the mark must name the kind.
    pub(super) needs_kind: bool,
    /// Those in it, besides [`TOKEN`].
    pub(super) variables: Vec<Variable>,
}

/// Writes a payload without its secrets: in text, variables stand for them.
pub(super) fn write(data: Data<'_>, redactor: &Redactor, variables: &mut Variables) -> Payload {
    match data {
        Data::Text(text) => {
            let redacted = redactor.redact_data(text);
            let is_redacted = matches!(redacted, Cow::Owned(_));
            write_text((&redacted, is_redacted), &[], redactor, variables)
        }
        Data::Binary(data) => write_binary(&redactor.redact_bytes(data)),
    }
}

/// Writes a text of a recording, in which secrets may have been redacted then. Variables stand for the
/// values at `places` too, which are in order and apart.
pub(super) fn write_recorded(
    text: &str,
    places: &[Secret],
    redactor: &Redactor,
    variables: &mut Variables,
) -> Payload {
    write_text((text, text.contains(REDACTED)), places, redactor, variables)
}

fn write_text(
    (redacted, is_redacted): (&str, bool),
    places: &[Secret],
    redactor: &Redactor,
    variables: &mut Variables,
) -> Payload {
    if is_redacted {
        variables.reserve("token");
    }
    let secrets = match redactor.includes_secrets() {
        true => places.to_vec(),
        false => join(secrets::find(redacted), places),
    };
    let variables = variables.of(redacted, &secrets);
    let marked = secrets::mark(redacted, &secrets);
    let (text, needs_kind) = match plain(&marked) {
        Some(text) => (text, false),
        None => (format!("escapes:{}", escaped(&marked, true)), true),
    };
    let text = secrets::fill(text, &secrets, &variables);
    Payload {
        text: match is_redacted {
            true => text.replace(REDACTED, TOKEN),
            false => text,
        },
        needs_kind,
        variables,
    }
}

/// Both lists, in order; of what overlaps only those of `places`.
fn join(secrets: Vec<Secret>, places: &[Secret]) -> Vec<Secret> {
    let mut joined: Vec<Secret> = Vec::with_capacity(secrets.len() + places.len());
    let (mut secrets, mut places) = (secrets.into_iter().peekable(), places.iter().peekable());
    loop {
        let place = places.peek().map(|place| place.range.clone());
        let secret = secrets.peek().map(|secret| secret.range.clone());
        let next = match (secret, place) {
            (None, None) => return joined,
            (Some(secret), Some(place)) if secret.end <= place.start => secrets.next(),
            (Some(secret), Some(place)) if secret.start < place.end => {
                secrets.next();
                continue;
            }
            (Some(_), None) => secrets.next(),
            (_, Some(_)) => places.next().cloned(),
        };
        joined.extend(next);
    }
}

fn write_binary(data: &[u8]) -> Payload {
    let text = match data.len() <= MAX_HEX {
        true => format!("hex:{}", codec::hex(data, "")),
        false => format!("base64:{}", codec::base64(data)),
    };
    Payload {
        text,
        needs_kind: true,
        variables: Vec::new(),
    }
}

/// The text in a form without escapes, if it has one.
fn plain(text: &str) -> Option<String> {
    if text.contains("{{") || has_dangerous(text) {
        return None;
    }
    let is_line = !text.contains('\n');
    match is_bare(text, is_line) {
        true => Some(text.to_owned()),
        false => Some(quoted(text)),
    }
}

/// The text between backticks, on a line or as a block.
fn quoted(text: &str) -> String {
    if !text.contains(['\n', '`']) {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest_run_of_backticks(text).max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

/// Writes a payload of a script that was read, after its mark; returns whether the mark must name the
/// kind.
pub(super) fn write_again(payload: &ast::Payload) -> (String, bool) {
    let text = &payload.text;
    match payload.form {
        Form::Json => (text.clone(), false),
        Form::Text if has_dangerous(text) => {
            let escapes = escaped(text, false);
            (format!("escapes:{escapes}"), true)
        }
        Form::Text => {
            let is_bare = !text.starts_with(['{', '[', '"']) && is_bare(text, !text.contains('\n'));
            (if is_bare { text.clone() } else { quoted(text) }, false)
        }
        Form::Escapes => (format!("escapes:{text}"), true),
        Form::Hex => (format!("hex:{text}"), true),
        Form::Base64 => (format!("base64:{text}"), true),
        Form::File => (format!("file:{text}"), true),
    }
}

/// Whether the text can stand there as it is.
fn is_bare(text: &str, is_line: bool) -> bool {
    if text.is_empty() || text.trim() != text {
        return false;
    }
    match text.starts_with(['{', '[', '"']) {
        true => serde_json::from_str::<IgnoredAny>(text).is_ok(),
        false => is_line && !PREFIXES.iter().any(|prefix| text.starts_with(prefix)),
    }
}

/// Whether the text has a character that a terminal would act on, or that ends a line for some
/// readers. Scripts are for people to look at.
fn has_dangerous(text: &str) -> bool {
    let mut dangerous = false;
    sanitize::each_dangerous(text, |_, c| dangerous |= !matches!(c, '\n' | '\t'));
    dangerous
}

fn longest_run_of_backticks(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

/// The text on one line, as `--escapes` decodes it. Braces that `hides` are escaped, so that they name no
/// variable.
fn escaped(text: &str, hides: bool) -> String {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut dangerous = Vec::new();
    sanitize::each_dangerous(text, |at, _| dangerous.push(at));
    let mut dangerous = dangerous.into_iter().peekable();
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let is_dangerous = dangerous.next_if_eq(&at).is_some();
        let opens = hides && c == '{' && next == Some('{');
        let ends = next.is_none() && c.is_whitespace();
        match is_dangerous || opens || ends || c == '\\' {
            true => codec::push_escape(c, &mut out),
            false => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
