//! The mark of a step with its kind and what is in parentheses: `alice<~text(2s, x3)`.

use std::time::Duration;

use super::error::Error;
use super::line::Head;
use super::text::Part;
use crate::script::ast::{At, Given, Span};
use crate::script::excerpt::{quoted, shown};
use crate::script::values;
use crate::similar::nearest;
use crate::template;

/// What can be sent.
const SENT: &[(&str, Kind)] = &[
    ("text", Kind::Text),
    ("binary", Kind::Binary),
    ("ping", Kind::Ping),
    ("pong", Kind::Pong),
    ("close", Kind::Close),
    ("frame", Kind::Frame),
];

/// What can be expected.
const EXPECTED: &[(&str, Kind)] = &[
    ("text", Kind::Text),
    ("binary", Kind::Binary),
    ("ping", Kind::Ping),
    ("pong", Kind::Pong),
    ("close", Kind::Close),
    ("drop", Kind::Drop),
    ("open", Kind::Open),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
    Frame,
    Drop,
    Open,
}

/// A mark, and what follows it.
pub(super) struct Mark<'a> {
    /// From the beginning of the line to the kind.
    pub(super) span: Span,
    pub(super) connection: Option<At<String>>,
    /// `>` rather than `<`.
    pub(super) sends: bool,
    /// `!`
    pub(super) not: bool,
    /// `~`
    pub(super) contains: bool,
    pub(super) kind: Option<Kind>,
    pub(super) limit: Option<At<Given<Duration>>>,
    pub(super) times: Option<At<Given<u32>>>,
    /// What follows, without white space at its ends.
    pub(super) rest: Part<'a>,
    /// Whether no space stands before it.
    pub(super) is_attached: bool,
}

/// Reads the mark that begins with `head`.
pub(super) fn read<'a>(line: Part<'a>, head: &Head<'a>) -> Result<Mark<'a>, Error> {
    let contains = head.after.strip("~").filter(|_| !head.sends);
    let mut mark = Mark {
        span: line.span(),
        connection: head.name.map(Part::owned),
        sends: head.sends,
        not: head.not,
        contains: contains.is_some(),
        kind: None,
        limit: None,
        times: None,
        rest: line,
        is_attached: false,
    };
    let mut after = contains.unwrap_or(head.after);
    if head.sends && head.not {
        return Err(Error::new(
            line.up_to(head.after).span(),
            "only an expectation can have a '!'",
        )
        .advice("!< says what must not come"));
    }
    let mut has_mods = false;
    loop {
        let (word, rest) = after.split_while(|c| c.is_ascii_alphabetic());
        if !word.is_empty() && mark.kind.is_none() {
            mark.kind = Some(kind(word, rest, head)?);
            after = rest;
        } else if after.text().starts_with('(') && !has_mods {
            after = mods(&mut mark, after, head)?;
            has_mods = true;
        } else {
            break;
        }
    }
    mark.span = line.up_to(after).span();
    mark.rest = after.trim();
    mark.is_attached = !after.is_empty() && !after.text().starts_with(char::is_whitespace);
    if let (true, Some(rest)) = (has_mods && !head.sends, after.strip("~")) {
        let span = after.up_to(rest).span();
        let mods = line.up_to(after);
        let mods = mods.text().split_once('<').map_or("", |(_, mods)| mods);
        let advice = format!("<~{} {}", shown(mods), shown(rest.trim().text()));
        return Err(Error::new(span, "'~' stands right behind the '<'").advice(advice));
    }
    if mark.is_attached && (head.sends || !mark.rest.text().starts_with('/')) {
        return Err(unspaced(line, after));
    }
    Ok(mark)
}

fn unspaced(line: Part<'_>, after: Part<'_>) -> Error {
    let mark = line.up_to(after);
    Error::new(after.span(), "there is no space between mark and payload").advice(format!(
        "put a space: {} {}",
        shown(mark.text()),
        shown(after.text())
    ))
}

/// The kind that `word` names.
fn kind(word: Part<'_>, rest: Part<'_>, head: &Head<'_>) -> Result<Kind, Error> {
    let (kinds, others, arrow) = match head.sends {
        true => (SENT, EXPECTED, '>'),
        false => (EXPECTED, SENT, '<'),
    };
    let named = |kinds: &[(&str, Kind)]| {
        let found = kinds.iter().find(|(name, _)| *name == word.text());
        found.map(|(_, kind)| *kind)
    };
    if let Some(kind) = named(kinds) {
        return Ok(kind);
    }
    let text = word.text();
    let all = shown(word.through(rest).text());
    if named(others).is_some() {
        return Err(match head.sends {
            true => Error::new(word.span(), format!("{} cannot be sent", quoted(text)))
                .advice(format!("<{text} expects it")),
            false => Error::new(word.span(), format!("{} cannot be expected", quoted(text)))
                .advice("a frame that comes is part of a message: <text, <binary, <ping, …"),
        });
    }
    let names = kinds.iter().map(|(name, _)| *name);
    let near = nearest(&text.to_lowercase(), names);
    let ends = rest.is_empty() || rest.text().starts_with([' ', '\t', '(']);
    let advice = match near.filter(|_| ends) {
        Some(near) => {
            format!("did you mean {arrow}{near}? Put a space before text: {arrow} {all}")
        }
        None => format!("put a space before the payload: {arrow} {all}"),
    };
    let what = format!("{} is not a kind of message", quoted(text));
    Err(Error::new(word.span(), what).advice(advice))
}

/// Reads what stands in parentheses, and returns what follows.
fn mods<'a>(mark: &mut Mark<'a>, at: Part<'a>, head: &Head<'a>) -> Result<Part<'a>, Error> {
    let Some((all, after)) = at.split_once(')') else {
        return Err(Error::new(at.first(1).span(), "there is no ')'")
            .advice("close the parenthesis: <(2s) or <(2s, x3)"));
    };
    if head.sends {
        let span = at.up_to(after).span();
        return Err(
            Error::new(span, "only an expectation has a limit or a count").advice(
                "@repeat 3 … @end sends several times; put a space before a text that begins with (",
            ),
        );
    }
    let mut left = Some(all.after(1));
    while let Some(rest) = left {
        let (part, others) = match rest.split_once(',') {
            Some((part, others)) => (part, Some(others)),
            None => (rest, None),
        };
        modifier(mark, part.trim())?;
        left = others;
    }
    Ok(after)
}

fn modifier(mark: &mut Mark<'_>, part: Part<'_>) -> Result<(), Error> {
    let wrong = |why: String| Error::new(part.span(), why);
    let twice = |what: &str| Err(wrong(format!("there are two {what}")));
    if let Some(count) = part.strip("x") {
        let times = given(count, values::times).map_err(wrong)?;
        return match mark.times.replace(times) {
            None => Ok(()),
            Some(_) => twice("counts"),
        };
    }
    if part.is_empty() {
        return Err(
            wrong("a limit or a count is missing".to_owned()).advice("for example <(2s, x3)")
        );
    }
    let limit = given(part, values::duration).map_err(|why| {
        let number = part.text().trim_end_matches('x');
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let advice = is_number.then(|| format!("({number}s) is a limit, (x{number}) a count"));
        wrong(why).advice_if(advice)
    })?;
    match mark.limit.replace(limit) {
        None => Ok(()),
        Some(_) => twice("limits"),
    }
}

/// A value, or the text of one with variables.
pub(super) fn given<T>(
    part: Part<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<At<Given<T>>, String> {
    let text = part.text();
    let value = match template::has_placeholder(text) {
        true => Given::Template(text.to_owned()),
        false => Given::Value(parse(text)?),
    };
    Ok(At::new(value, part.span()))
}
