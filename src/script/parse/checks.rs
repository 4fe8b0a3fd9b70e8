//! The sections below an expectation or `HTTP`: `[Captures]` and `[Asserts]`.

use super::asserts;
use super::error::Error;
use super::line;
use super::state::State;
use super::text::Part;
use crate::script::ast::{Assert, At, Capture, Checks, Expect, Expected, Property, Query};
use crate::script::excerpt::quoted;
use crate::similar::nearest;
use crate::template;

/// Every section.
const SECTIONS: &[&str] = &["Options", "Captures", "Asserts"];

/// Sections of hurl and of similar formats, each with what to write instead.
const OTHER_SECTIONS: &[(&str, &str)] = &[
    ("Query", "write the query in the URL"),
    ("QueryStringParams", "write the query in the URL"),
    ("Cookies", "write `cookie: NAME=VALUE` below [Options]"),
    ("BasicAuth", "write `user: NAME:PASSWORD` below [Options]"),
    ("OnOpen", "write `on-open: TEXT` below [Options]"),
    ("Headers", "put headers directly below WEBSOCKET"),
];

/// The formats of jq, which stand after `@` as our own words do.
const FORMATS: &[&str] = &[
    "base32", "base32d", "base64", "base64d", "csv", "html", "json", "sh", "text", "tsv", "uri",
    "urid",
];

/// What the checks are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Handshake,
    Message,
    /// A message that must not come.
    Absence,
    /// What has no message: a lost connection, or one that is open again.
    Event,
    /// A step that is wrong.
    Unknown,
}

impl Subject {
    pub(super) fn of(expect: &Expect) -> Subject {
        match expect.what {
            _ if expect.not => Subject::Absence,
            Expected::Drop | Expected::Open => Subject::Event,
            _ => Subject::Message,
        }
    }
}

/// Reads the sections that follow.
pub(super) fn read(state: &mut State<'_>, subject: Subject) -> Checks {
    let mut checks = Checks::default();
    loop {
        let before = state.lines;
        let name = skip_to_text(state).and_then(line::section);
        match name.map(Part::text) {
            Some("Captures") => {
                let head = state.lines.next();
                if let Some(head) = head.filter(|_| subject == Subject::Absence) {
                    let what = "nothing is captured of what must not come";
                    state.report(Error::new(head.trim().span(), what));
                }
                read_captures(state, subject, &mut checks.captures);
            }
            Some("Asserts") => {
                state.lines.next();
                read_asserts(state, subject, &mut checks.asserts);
            }
            _ => {
                state.lines = before;
                return checks;
            }
        }
    }
}

/// Goes to the next line that is neither empty nor a comment, and returns it without white space at
/// its ends.
pub(super) fn skip_to_text<'a>(state: &mut State<'a>) -> Option<Part<'a>> {
    loop {
        let line = state.lines.peek()?.trim();
        if !line.is_empty() && !line::is_comment(line) {
            return Some(line);
        }
        state.lines.next();
    }
}

/// The next line of a section, unless `ends` says that it belongs to something else.
pub(super) fn next_line<'a>(
    state: &mut State<'a>,
    ends: impl Fn(&State<'a>, Part<'a>) -> bool,
) -> Option<Part<'a>> {
    loop {
        let line = state.lines.peek()?.trim();
        if state.is_full() || ends(state, line) {
            return None;
        }
        state.lines.next();
        if !line::is_comment(line) {
            return Some(line);
        }
    }
}

/// Reports a section that is unknown, or stands in the wrong place, and passes over its lines.
pub(super) fn refuse(state: &mut State<'_>, name: Part<'_>) {
    let text = name.text();
    let other = OTHER_SECTIONS.iter().find(|(other, _)| *other == text);
    let capital =
        text.get(..1).unwrap_or_default().to_uppercase() + text.get(1..).unwrap_or_default();
    let near = nearest(&capital, SECTIONS.iter().copied());
    let error = match (text, other, near) {
        ("Options", ..) => Error::new(name.span(), "[Options] is in the wrong place")
            .advice("it belongs below WEBSOCKET and its headers, above HTTP"),
        ("Captures" | "Asserts", ..) => {
            let what = format!("[{text}] is in the wrong place");
            Error::new(name.span(), what).advice("it belongs below an expectation or HTTP")
        }
        (_, Some((_, instead)), _) => unknown(name).advice(*instead),
        (_, None, Some(near)) => unknown(name).advice(format!("did you mean [{near}]?")),
        (_, None, None) => unknown(name).advice("there are [Options], [Captures] and [Asserts]"),
    };
    state.report(error);
    state.lines.next();
    while next_line(state, |_, line| line::ends_section(line)).is_some() {}
}

fn unknown(name: Part<'_>) -> Error {
    let what = format!("unknown section {}", quoted(name.text()));
    Error::new(name.span(), what)
}

fn read_captures(state: &mut State<'_>, subject: Subject, captures: &mut Vec<Capture>) {
    while let Some(line) = next_line(state, |_, line| line::ends_section(line)) {
        let capture = read_capture(state, line, subject);
        captures.extend(state.ok(capture));
    }
}

fn read_capture<'a>(
    state: &mut State<'a>,
    line: Part<'a>,
    subject: Subject,
) -> Result<Capture, Error> {
    let Some((name, query)) = line.split_once(':') else {
        return Err(
            Error::new(line.span(), "a capture has the form NAME: QUERY")
                .advice("last: .data.last captures that member as {{last}}"),
        );
    };
    let (name, query) = (name.trim(), query.trim());
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !template::is_name(name.text()) || !name.text().starts_with(begins) {
        let what = format!("{} is not the name of a variable", quoted(name.text()));
        return Err(Error::new(name.span(), what)
            .advice("a name has letters, digits and _ - . and begins with a letter or _"));
    }
    if query.is_empty() {
        return Err(Error::new(line.span(), "nothing is captured")
            .advice("a jq expression follows the colon, or a word such as duration or code"));
    }
    let value = match asserts::property(query)? {
        Some((property, rest)) if rest.is_empty() => Query::Property(property),
        _ => {
            state.check_jq(query)?;
            Query::Jq(query.text().to_owned())
        }
    };
    check_subject(query, subject, is_of_message(&value))?;
    Ok(Capture {
        name: name.owned(),
        query: At::new(value, query.span()),
    })
}

fn is_of_message(query: &Query) -> bool {
    matches!(query, Query::Jq(_) | Query::Property(Property::Body))
}

fn check_subject(part: Part<'_>, subject: Subject, is_of_message: bool) -> Result<(), Error> {
    match subject == Subject::Event && is_of_message {
        false => Ok(()),
        true => Err(Error::new(part.span(), "there is no message here")
            .advice("there are duration, attempts, status, header NAME and others")),
    }
}

fn read_asserts(state: &mut State<'_>, subject: Subject, asserts: &mut Vec<At<Assert>>) {
    while let Some(line) = next_line(state, ends_asserts) {
        let assert = asserts::read(state, line).and_then(|assert| {
            let is_of_message = match &assert {
                Assert::Jq(_) | Assert::Schema(_) => true,
                Assert::Property { property, .. } => *property == Property::Body,
            };
            check_subject(line, subject, is_of_message)?;
            Ok(At::new(assert, line.span()))
        });
        asserts.extend(state.ok(assert));
    }
}

/// Whether a line is no assert. `length>3` is one, although it looks like the mark of a connection, and so
/// is `@base64 == "…"`.
fn ends_asserts<'a>(state: &State<'a>, line: Part<'a>) -> bool {
    let (format, _) = line.after(1).split_while(|c| c.is_ascii_alphanumeric());
    if line.text().starts_with('@') && FORMATS.contains(&format.text()) {
        return false;
    }
    if line::begins_other(line) {
        return true;
    }
    let Some(head) = line::head(line) else {
        return false;
    };
    let Some(name) = head.name.map(Part::text) else {
        return true;
    };
    let begins = |c: char| c.is_whitespace() || c.is_ascii_alphabetic() || "~(/".contains(c);
    let is_mark = head.after.is_empty() || head.after.text().starts_with(begins);
    state.connections.has(name) || is_mark && !asserts::is_property(name)
}
