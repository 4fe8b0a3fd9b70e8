//! A line of `[Asserts]`: `duration < 200ms`, `schema FILE`, or a jq expression.

use super::error::Error;
use super::line;
use super::state::State;
use super::text::Part;
use crate::http_token::is_http_token;
use crate::json::jq::is_assignment;
use crate::script::ast::{Assert, Predicate, Property};
use crate::script::excerpt::{quoted, shown};
use crate::script::values;
use crate::similar::nearest;
use crate::template;
use crate::units;

/// The words for properties.
const PROPERTIES: &[(&str, Property)] = &[
    ("duration", Property::Duration),
    ("opcode", Property::Opcode),
    ("code", Property::Code),
    ("reason", Property::Reason),
    ("status", Property::Status),
    ("subprotocol", Property::Subprotocol),
    ("extensions", Property::Extensions),
    ("attempts", Property::Attempts),
    ("body", Property::Body),
];

/// Those that two characters begin come first.
const SYMBOLS: &[(&str, Predicate)] = &[
    ("==", Predicate::Equal),
    ("!=", Predicate::NotEqual),
    ("<=", Predicate::AtMost),
    (">=", Predicate::AtLeast),
    ("<", Predicate::Less),
    (">", Predicate::Greater),
];

const WORDS: &[(&str, Predicate)] = &[
    ("contains", Predicate::Contains),
    ("startsWith", Predicate::StartsWith),
    ("endsWith", Predicate::EndsWith),
    ("matches", Predicate::Matches),
    ("exists", Predicate::Exists),
    ("isEmpty", Predicate::IsEmpty),
];

/// What a property is, and so with what it can be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Time,
    Number,
    Text,
}

fn type_of(property: &Property) -> Type {
    match property {
        Property::Duration => Type::Time,
        Property::Opcode | Property::Code | Property::Status | Property::Attempts => Type::Number,
        Property::Reason
        | Property::Subprotocol
        | Property::Extensions
        | Property::Header(_)
        | Property::Body => Type::Text,
    }
}

/// Whether a word is that of a property.
pub(super) fn is_property(word: &str) -> bool {
    word == "header" || PROPERTIES.iter().any(|(name, _)| *name == word)
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The property that a text begins with, and what follows.
pub(super) fn property(part: Part<'_>) -> Result<Option<(Property, Part<'_>)>, Error> {
    let (word, rest) = part.split_while(is_in_word);
    if word.text() == "header" {
        return header(word, rest.trim()).map(Some);
    }
    let found = PROPERTIES.iter().find(|(name, _)| *name == word.text());
    Ok(found.map(|(_, property)| (property.clone(), rest.trim())))
}

/// `header NAME` and `header "NAME"`.
fn header<'a>(word: Part<'a>, rest: Part<'a>) -> Result<(Property, Part<'a>), Error> {
    let (name, after) = match rest.strip("\"") {
        None => rest.word(),
        Some(inner) => inner.split_once('"').ok_or_else(|| {
            Error::new(rest.span(), "the name of a header without a closing quote")
                .advice("header \"X-Name\" contains \"y\"")
        })?,
    };
    let is_name = is_http_token(name.text()) || template::has_placeholder(name.text());
    match is_name {
        true => Ok((Property::Header(name.text().to_owned()), after.trim())),
        false => Err(Error::new(
            if name.is_empty() {
                word.span()
            } else {
                name.span()
            },
            "the name of a header is missing",
        )
        .advice("header \"X-Name\" contains \"y\"")),
    }
}

/// Reads a line.
pub(super) fn read<'a>(state: &mut State<'a>, line: Part<'a>) -> Result<Assert, Error> {
    let (word, rest) = line.word();
    if word.text() == "schema" {
        return schema(state, word, rest);
    }
    if let Some((property, rest)) = property(line)? {
        return compare(state, property, rest, line);
    }
    if word.text() == "not" && is_property(rest.word().0.text()) {
        let (name, comparison) = rest.word();
        let (name, comparison) = (shown(name.text()), shown(comparison.text()));
        return Err(
            Error::new(word.span(), "'not' stands before the comparison")
                .advice(format!("{name} not {comparison}")),
        );
    }
    state.check_jq(line).map_err(|error| {
        let (word, _) = line.split_while(is_in_word);
        let names = PROPERTIES.iter().map(|(name, _)| *name);
        let near = nearest(word.text(), names.chain(["header", "schema"]));
        error.advice_if(near.map(|near| format!("did you mean '{near}'?")))
    })?;
    if !template::has_placeholder(line.text()) && is_assignment(line.text()) {
        return Err(
            Error::new(line.span(), "this assigns a value, and compares nothing")
                .advice("`==` compares"),
        );
    }
    Ok(Assert::Jq(line.text().to_owned()))
}

fn schema(state: &State<'_>, word: Part<'_>, rest: Part<'_>) -> Result<Assert, Error> {
    let unquoted = rest.strip("\"").and_then(|rest| rest.strip_end("\""));
    let path = unquoted.unwrap_or(rest);
    let place = if path.is_empty() { word } else { path };
    let checked = state.check_fixed_path(path.text());
    checked.map_err(|why| Error::new(place.span(), why))?;
    Ok(Assert::Schema(path.owned()))
}

/// `[not] PREDICATE [VALUE]`
fn compare<'a>(
    state: &mut State<'a>,
    property: Property,
    rest: Part<'a>,
    line: Part<'a>,
) -> Result<Assert, Error> {
    let (first, after) = rest.word();
    let (not, rest) = match first.text() {
        "not" => (true, after),
        _ => (false, rest),
    };
    let (predicate, value) = predicate(rest, line)?;
    let place = if value.is_empty() { line } else { value };
    let wrong = |what: String| Error::new(place.span(), what);
    let is_alone = matches!(predicate, Predicate::Exists | Predicate::IsEmpty);
    match (is_alone, value.is_empty()) {
        (true, false) => return Err(wrong("exists and isEmpty have no value".to_owned())),
        (false, true) => return Err(wrong("there is no value to compare with".to_owned())),
        _ => {}
    }
    check_type(type_of(&property), predicate)
        .map_err(|(what, advice)| Error::new(rest.word().0.span(), what).advice(advice))?;
    if !is_alone {
        check_value(state, type_of(&property), predicate, value)?;
    }
    Ok(Assert::Property {
        property,
        not,
        predicate,
        value: (!is_alone).then(|| value.owned()),
    })
}

/// The predicate that a text begins with, and what follows.
fn predicate<'a>(rest: Part<'a>, line: Part<'a>) -> Result<(Predicate, Part<'a>), Error> {
    for (symbol, predicate) in SYMBOLS {
        if let Some(value) = rest.strip(symbol) {
            return Ok((*predicate, value.trim()));
        }
    }
    let (word, value) = rest.word();
    if let Some((_, predicate)) = WORDS.iter().find(|(name, _)| *name == word.text()) {
        return Ok((*predicate, value));
    }
    let names = WORDS.iter().map(|(name, _)| *name);
    let advice = match nearest(word.text(), names) {
        Some(near) => format!("did you mean '{near}'?"),
        None if word.text() == "=" => "did you mean '=='?".to_owned(),
        None => "== != < <= > >= contains startsWith endsWith matches exists isEmpty; \
             a member of the message begins with a dot"
            .to_owned(),
    };
    let (place, what) = match word.is_empty() {
        true => (line, "a comparison is missing".to_owned()),
        false => (word, format!("{} is not a comparison", quoted(word.text()))),
    };
    Err(Error::new(place.span(), what).advice(advice))
}

/// Checks that something of this type can be compared like that.
fn check_type(kind: Type, predicate: Predicate) -> Result<(), (&'static str, &'static str)> {
    let is_order = matches!(
        predicate,
        Predicate::Less | Predicate::AtMost | Predicate::Greater | Predicate::AtLeast
    );
    let is_any = matches!(
        predicate,
        Predicate::Equal | Predicate::NotEqual | Predicate::Exists
    );
    match kind {
        Type::Text if is_order => Err((
            "this is text, which has no order",
            "compare it with ==, contains or matches",
        )),
        Type::Time | Type::Number if !is_order && !is_any => Err((
            "this is a number, not text",
            "compare it with ==, !=, <, <=, > or >=",
        )),
        _ => Ok(()),
    }
}

fn check_value<'a>(
    state: &mut State<'a>,
    kind: Type,
    predicate: Predicate,
    value: Part<'a>,
) -> Result<(), Error> {
    if predicate == Predicate::Matches {
        let (source, _) = line::slashed(value).ok_or_else(|| {
            Error::new(
                value.span(),
                "a regular expression is written between slashes",
            )
            .advice("matches /…/ or matches /…/i")
        })?;
        return state.check_regex(source);
    }
    let text = value.text();
    let has_variable = template::has_placeholder(text);
    let checked = match kind {
        Type::Text => check_text(text),
        _ if has_variable => Ok(()),
        Type::Time => values::duration(text).map(drop),
        Type::Number => match units::digits(text, u64::MAX) {
            Some(_) => Ok(()),
            None => Err(format!("{} is not a whole number", quoted(text))),
        },
    };
    checked.map_err(|why| Error::new(value.span(), why))
}

/// One bare word, or a JSON string.
fn check_text(text: &str) -> Result<(), String> {
    if text.starts_with('"') {
        let string: Result<String, _> = serde_json::from_str(text);
        return string
            .map(drop)
            .map_err(|_| format!("{} is not a JSON string", quoted(text)));
    }
    match text.contains(char::is_whitespace) {
        true => Err("put text of several words between double quotes".to_owned()),
        false => Ok(()),
    }
}
