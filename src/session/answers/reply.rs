//! A reply as a template over the message that it answers: `{"id":{{.id}},"user":"{{user}}"}`. Pure.
//!
//! Between the braces stands the name of a variable, or a jq expression, whose first result is inserted.
//! The values are the peer's, and none may reach beyond its place: within a JSON string a value is
//! escaped as text of the string, elsewhere in JSON it is written as JSON. JSON may follow other text, as
//! in `42["event",…]`, and may be followed by separators, as in `{…}\x1e`. In other text a value is
//! inserted as it is, but without control characters, which begin lines and end frames in many
//! protocols; a value with one is refused, and so is one with a quote or a backslash between double
//! quotes. A reply that is nothing but one value is that value, whatever
//! it contains.

use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::codec::decode_escapes;
use crate::error::Error;
use crate::json::grammar;
use crate::json::jq::{Filter, Interrupt};
use crate::json::parsed::Parsed;
use crate::template::{self, Value};

/// Where a `{{` stands for itself, an error says so.
const ADVICE: &str = "{{NAME}} is a variable, and {{.id}} the member \"id\" of the message";

/// How many places are tried as the beginning of JSON.
const MOST_BEGINNINGS: usize = 64;

/// A reply; see the module.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Value(Source, Quoting),
}

/// Where a value comes from.
#[derive(Clone, Debug)]
enum Source {
    /// The message.
    Message(Filter),
    /// A variable with this name and value.
    Known(String, Known),
    /// A variable that may get a value during the run.
    Name(String),
}

/// How a value is written at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    /// The only piece of the reply.
    Alone,
    /// In text that is not JSON.
    Plain,
    /// The same, between double quotes.
    Quoted,
    /// Inside a JSON string.
    JsonString,
    /// In JSON, outside a string.
    Json,
}

/// Why there is no reply to a message. Each is a clause for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswerable(pub String);

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Text of the user's, which may be JSON itself.
    Given(String),
    /// JSON text, which may be a peer's.
    Learnt(String),
}

/// What a reply is made with.
pub struct Making<'a> {
    /// Whether the text between values has escapes (`--escapes`).
    pub escapes: bool,
    /// The value of a variable that is known.
    pub variable: &'a dyn Fn(&str) -> Option<Known>,
    /// Names and values for the environment of a command.
    pub environment: Arc<[(String, String)]>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Exit 2: what is between braces is no expression, an escape is none, or the reply begins like
    /// JSON and is not.
    pub fn compile(text: &str, making: &Making<'_>) -> Result<Template, Error> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, source, after)) = next_value(rest)? {
            push_literal(before, making, &mut pieces)?;
            let source = match source {
                Source::Name(name) => match (making.variable)(&name) {
                    Some(value) => Source::Known(name, value),
                    None => Source::Name(name),
                },
                other => other,
            };
            pieces.push(Piece::Value(source, Quoting::Alone));
            rest = after;
        }
        push_literal(rest, making, &mut pieces)?;
        let mut template = Template { pieces };
        template.quote()?;
        Ok(template)
    }

    /// The text of a template without values.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Finds out how each value is written at its place.
    fn quote(&mut self) -> Result<(), Error> {
        if !self.has_values() || self.pieces.len() == 1 {
            return Ok(());
        }
        let probe = self.probe();
        let json = json_start(&probe);
        if json != Some(0) && begins_like_json(&probe) {
            let what = "the reply begins like JSON and is not JSON";
            return Err(Error::usage(what).advice("for this check, 0 is in place of every {{…}}"));
        }
        let mut at = 0;
        for piece in &mut self.pieces {
            match piece {
                Piece::Literal(text) => at += text.len(),
                Piece::Value(_, quoting) => {
                    *quoting = quoting_at(&probe, at, json);
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// The names that no variable had when the template was read.
    pub fn unknown_names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(Source::Name(name), _) => Some(&**name),
            _ => None,
        })
    }

    fn has_values(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.any(|piece| matches!(piece, Piece::Value(..)))
    }

    /// The text with a digit for each value.
    fn probe(&self) -> String {
        let pieces = self.pieces.iter();
        let texts = pieces.map(|piece| match piece {
            Piece::Literal(text) => text,
            Piece::Value(..) => "0",
        });
        texts.collect()
    }

    /// Lets `interrupt` end the evaluation of its expressions.
    pub fn set_interrupt(&self, interrupt: &Interrupt) {
        for piece in &self.pieces {
            if let Piece::Value(Source::Message(filter), _) = piece {
                filter.set_interrupt(interrupt);
            }
        }
    }

    /// The reply to `message`, at most `limit` bytes long. `value` returns the value of a variable that
    /// has got one during the run; without one, its name is left as it is.
    ///
    /// # Errors
    /// An expression fails or has no result, a value must not stand at its place, or the reply is too
    /// long.
    pub fn fill<'v>(
        &self,
        message: &Parsed<'_>,
        value: impl Fn(&str) -> Option<Value<'v>>,
        limit: usize,
    ) -> Result<String, Unanswerable> {
        let mut reply = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => reply.push_str(text),
                Piece::Value(source, quoting) => {
                    source.push(*quoting, message, &value, &mut reply)?
                }
            }
            if reply.len() > limit {
                return Err(Unanswerable(format!(
                    "the reply is larger than {limit} bytes (--max-message-size)"
                )));
            }
        }
        Ok(reply)
    }
}

/// Appends text between values.
fn push_literal(text: &str, making: &Making<'_>, pieces: &mut Vec<Piece>) -> Result<(), Error> {
    if !text.is_empty() {
        let read = match making.escapes {
            true => unescaped(text).map_err(Error::usage)?,
            false => text.to_owned(),
        };
        pieces.push(Piece::Literal(read));
    }
    Ok(())
}

fn unescaped(text: &str) -> Result<String, String> {
    let bytes = decode_escapes(text.as_bytes())?;
    String::from_utf8(bytes).map_err(|_| format!("'{text}' is not UTF-8"))
}

/// The text before the first value, the value, and the text after it; `None` if there is no value.
///
/// # Errors
/// Exit 2: what is between braces is no expression.
fn next_value(text: &str) -> Result<Option<(&str, Source, &str)>, Error> {
    let Some(start) = text.find("{{") else {
        return Ok(None);
    };
    let body = &text[start + 2..];
    let mut fault = None;
    let mut from = 0;
    // A third closing brace may belong to the expression.
    while let Some(found) = body[from..].find("}}") {
        let end = from + found;
        let (inner, after) = (&body[..end], &body[end + 2..]);
        match source(inner) {
            Ok(source) => return Ok(Some((&text[..start], source, after))),
            Err(error) => fault = fault.or(Some((inner, error))),
        }
        from = end + 1;
    }
    match fault {
        Some((inner, mut error)) => {
            error.message = format!("{{{{{inner}}}}}: {}", error.message);
            Err(error.advice(ADVICE))
        }
        None => Err(Error::usage("{{ without }}").advice(ADVICE)),
    }
}

/// What stands between braces.
fn source(inner: &str) -> Result<Source, Error> {
    let begins_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if inner.starts_with(begins_name) && template::is_name(inner) {
        return Ok(Source::Name(inner.to_owned()));
    }
    if inner.trim().is_empty() {
        return Err(Error::usage("there is no expression"));
    }
    let filter = Filter::compile(inner)?;
    Ok(Source::Message(filter.reading_text()))
}

/// Whether it begins with an object, or with an array whose first item is a string, an object, or a
/// number with more after it. White space, as in a file, makes no difference.
fn begins_like_json(text: &str) -> bool {
    let mut begin = text.chars().filter(|c| !c.is_whitespace());
    match (begin.next(), begin.next()) {
        (Some('{'), Some('"')) | (Some('['), Some('"' | '{')) => true,
        (Some('['), Some(c)) if c == '-' || c.is_ascii_digit() => {
            begin.find(|c| !c.is_ascii_digit()) == Some(',')
        }
        _ => false,
    }
}

/// Where the JSON in `text` begins, which goes on to the end of it; `None` if there is none.
fn json_start(text: &str) -> Option<usize> {
    // What separates messages is white space for this. In a string there is none of it.
    let spaced = text.replace(['\x1e', '\0'], " ");
    let beginnings = spaced
        .char_indices()
        .filter(|(_, c)| matches!(c, '{' | '[' | '"'));
    let mut beginnings = beginnings.map(|(at, _)| at).take(MOST_BEGINNINGS);
    let start = beginnings.find(|at| is_json_sequence(&spaced[*at..]))?;
    let nothing_before = spaced[..start].trim().is_empty();
    Some(if nothing_before { 0 } else { start })
}

fn is_json_sequence(text: &str) -> bool {
    let values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.into_iter().all(|value| value.is_ok())
}

fn quoting_at(probe: &str, at: usize, json: Option<usize>) -> Quoting {
    match json {
        Some(start) if start <= at => match template::has_odd_quotes(&probe[start..at]) {
            true => Quoting::JsonString,
            false => Quoting::Json,
        },
        _ if template::has_odd_quotes(&probe[..at]) => Quoting::Quoted,
        _ => Quoting::Plain,
    }
}

impl Source {
    fn push<'v>(
        &self,
        quoting: Quoting,
        message: &Parsed<'_>,
        value: impl Fn(&str) -> Option<Value<'v>>,
        reply: &mut String,
    ) -> Result<(), Unanswerable> {
        match self {
            Source::Message(filter) => {
                let json = evaluate(filter, message)?;
                return push_json(&json, quoting, filter.text(), reply);
            }
            Source::Known(_, Known::Given(text)) => push_given(text, quoting, reply),
            Source::Known(name, Known::Learnt(json)) => {
                return push_json(json, quoting, name, reply);
            }
            Source::Name(name) => match value(name) {
                Some(Value::Json(json)) => {
                    return push_json(&json.to_string(), quoting, name, reply);
                }
                Some(Value::Text(text)) => push_given(text, quoting, reply),
                Some(Value::Number(number)) => push_given(&number.to_string(), quoting, reply),
                Some(Value::Nothing) if quoting == Quoting::Json => reply.push_str("null"),
                Some(Value::Nothing) => {}
                None => reply.push_str(&format!("{{{{{name}}}}}")),
            },
        }
        Ok(())
    }
}

/// The first result of an expression, as JSON.
fn evaluate(filter: &Filter, message: &Parsed<'_>) -> Result<String, Unanswerable> {
    let unanswerable = |why: &str| Unanswerable(format!("{{{{{}}}}} {why}", filter.text()));
    match filter.first_of(message) {
        Some(Ok(Some(json))) if grammar::is_value(&json) => Ok(json),
        Some(Ok(Some(_))) => Err(unanswerable("is no JSON")),
        Some(Ok(None)) => Err(unanswerable("has no result")),
        Some(Err(why)) => Err(unanswerable(&format!("failed: {why}"))),
        None => Err(unanswerable("cannot read the message")),
    }
}

/// Appends a value of the user's, which may be JSON itself.
fn push_given(text: &str, quoting: Quoting, reply: &mut String) {
    match quoting {
        Quoting::JsonString => reply.push_str(&template::json_text(text)),
        Quoting::Alone | Quoting::Plain | Quoting::Quoted | Quoting::Json => reply.push_str(text),
    }
}

/// Appends a value of the peer's, which is JSON text.
fn push_json(
    json: &str,
    quoting: Quoting,
    name: &str,
    reply: &mut String,
) -> Result<(), Unanswerable> {
    if quoting == Quoting::Json {
        reply.push_str(json);
        return Ok(());
    }
    let string = json
        .starts_with('"')
        .then(|| serde_json::from_str::<String>(json));
    let text = string.and_then(Result::ok);
    let text = text.as_deref().unwrap_or(json);
    match quoting {
        Quoting::JsonString => reply.push_str(&template::json_text(text)),
        Quoting::Quoted if text.contains(['"', '\\']) => {
            return Err(Unanswerable(format!(
                "the value of {{{{{name}}}}} has a quote or a backslash, which is escaped only in JSON"
            )));
        }
        Quoting::Plain | Quoting::Quoted if text.chars().any(char::is_control) => {
            return Err(Unanswerable(format!(
                "the value of {{{{{name}}}}} has a control character, which is escaped only in JSON"
            )));
        }
        Quoting::Alone | Quoting::Plain | Quoting::Quoted | Quoting::Json => reply.push_str(text),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
