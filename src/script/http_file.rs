//! `.http` files (JetBrains, httpYac, Kulala) with WebSocket requests, as scripts.
//!
//! A request of the method `WEBSOCKET` is a test: its messages, which `===` divides, are sent, and
//! `=== wait-for-server` expects any message. Other requests, and what only an editor or a script of
//! theirs understands, are left out, and a note says so.

mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::Value;

use self::variables::{Fault, Variables};
use super::ast::{
    At, Expect, Expected, File, Form, Handshake, Header, Open, Outgoing, Payload, Send, Span, Step,
    Test,
};
use super::parse::Error;
use crate::error::Error as FaultyUrl;
use crate::http_token::is_http_token;
use crate::message::Kind;
use crate::record::notes::{Notes, shown};
use crate::template::{self, Place};
use crate::uri::{Target, UrlSource};

/// The most errors of a file that are reported.
const MAX_ERRORS: usize = 20;

/// The longest text that a sentence quotes, in characters.
const QUOTED: usize = 40;

/// Methods that open a WebSocket.
const METHODS: &[&str] = &["WEBSOCKET", "WS", "WSS"];

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpFile {
    pub file: File,
    /// Requests that are left out, and why: a sentence each, safe for a terminal.
    pub notes: Vec<String>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it, in order, at most 20.
pub fn parse(text: &str) -> Result<HttpFile, Vec<Error>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<Line<'_>> = (1u32..)
        .zip(text.lines())
        .map(|(number, text)| Line { number, text })
        .collect();
    let mut reader = Reader {
        variables: Variables::new(),
        tests: Vec::new(),
        notes: Notes::default(),
        errors: Vec::new(),
    };
    let mut rest = &lines[..];
    while let Some((first, after)) = rest.split_first() {
        let title = first.text.strip_prefix("###");
        let body = if title.is_some() { after } else { rest };
        let end = body.iter().position(|line| line.text.starts_with("###"));
        let (block, next) = body.split_at(end.unwrap_or(body.len()));
        let title = title.map(|title| At::new(title.trim().to_owned(), first.after(title)));
        reader.block(title, block);
        rest = next;
    }
    reader.errors.truncate(MAX_ERRORS);
    match reader.errors.is_empty() {
        true => Ok(HttpFile {
            file: File {
                tests: reader.tests,
            },
            notes: reader.notes.into_sentences(),
        }),
        false => Err(reader.errors),
    }
}

/// The variables of an environment in `http-client.env.json`, with those that all environments share.
///
/// # Errors
/// If it is not such a file, or has no environment of that name.
pub fn environment(json: &str, name: &str) -> Result<BTreeMap<String, String>, String> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    let parsed: Value = serde_json::from_str(json)
        .map_err(|error| format!("not JSON: {}", shown(&error.to_string(), 2 * QUOTED)))?;
    let Value::Object(environments) = parsed else {
        return Err("not a JSON object with an object for each environment".to_owned());
    };
    let Some(Value::Object(chosen)) = environments.get(name) else {
        let names = environments.keys().filter(|it| !it.starts_with('$'));
        let names: Vec<_> = names.take(10).map(|it| shown(it, QUOTED)).collect();
        return Err(match names.is_empty() {
            true => "it has no environment".to_owned(),
            false => format!(
                "it has no environment {}; there are {}",
                shown(name, QUOTED),
                names.join(", ")
            ),
        });
    };
    let shared = environments.get("$shared").and_then(Value::as_object);
    let variables = shared.into_iter().flatten().chain(chosen);
    let variables = variables.filter_map(|(name, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Null => return None,
            other => other.to_string(),
        };
        template::is_name(name).then(|| (name.clone(), value))
    });
    Ok(variables.collect())
}

/// A line without its end.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: u32,
    text: &'a str,
}

impl<'a> Line<'a> {
    /// Where a part of the line is.
    fn span(&self, start: usize, len: usize) -> Span {
        let columns = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
        let width = columns(self.text.get(start..start + len));
        Span {
            line: self.number,
            column: u32::try_from(columns(self.text.get(..start)) + 1).unwrap_or(u32::MAX),
            width: u32::try_from(width.max(1)).unwrap_or(u32::MAX),
        }
    }

    /// Where the text is that ends the line, without the space around it.
    fn after(&self, part: &str) -> Span {
        let start = self.text.len() - part.trim_start().len();
        self.span(start, part.trim().len())
    }

    fn whole(&self) -> Span {
        self.after(self.text)
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// What a comment says.
    fn comment(&self) -> Option<&'a str> {
        let text = self.text.trim_start();
        text.strip_prefix("//").or_else(|| text.strip_prefix('#'))
    }
}

/// Reads one request after another.
struct Reader {
    variables: Variables,
    tests: Vec<Test>,
    notes: Notes,
    errors: Vec<Error>,
}

impl Reader {
    /// Reads what is between two lines of `###`.
    fn block(&mut self, title: Option<At<String>>, lines: &[Line<'_>]) {
        let mut name = title.filter(|title| !title.value.is_empty());
        let mut rest = lines;
        let request = loop {
            let Some((line, after)) = rest.split_first() else {
                return;
            };
            rest = after;
            if let Some(comment) = line.comment() {
                if let Some(found) = word_after(comment, "@name") {
                    let found = found.trim_start_matches('=').trim();
                    name.get_or_insert(At::new(found.to_owned(), line.after(found)));
                }
            } else if line.text.starts_with('@') {
                self.definition(line);
            } else if is_script(line.text) {
                rest = self.skip_script(line, rest);
            } else if !line.is_blank() {
                break line;
            }
        };
        let (method, target) = method(request.text);
        if !METHODS.contains(&&*method.to_ascii_uppercase()) {
            let method = shown(method, QUOTED);
            self.notes.push(&format!(
                "line {}: {method} is left out, because only requests with WEBSOCKET are run",
                request.number
            ));
            // The rest may define variables.
            let definitions = rest.iter().take_while(|line| !line.is_blank());
            return definitions
                .filter(|line| line.text.starts_with('@'))
                .for_each(|line| self.definition(line));
        }
        let name = name.unwrap_or_else(|| At::new(String::new(), request.whole()));
        if let Some(steps) = self.request(request, (method, target), rest) {
            self.tests.push(Test { name, steps });
        }
    }

    /// `@name = value`
    fn definition(&mut self, line: &Line<'_>) {
        let Some((name, value)) = line.text.trim_start_matches('@').split_once('=') else {
            return self.error(
                line.whole(),
                "a variable without a value".to_owned(),
                Some("write @name = value".to_owned()),
            );
        };
        let name = name.trim();
        if !template::is_name(name) {
            let message = format!("{} is not the name of a variable", shown(name, QUOTED));
            let advice = "a name has letters, digits, -, _ and .".to_owned();
            return self.error(line.whole(), message, Some(advice));
        }
        if let Err(fault) = self.variables.define(name, value.trim()) {
            self.fault(line, line.text.len() - value.trim_start().len(), fault);
        }
    }

    /// Skips a script, which runs to `%}` or is in a file; returns the lines after it.
    fn skip_script<'l, 'a>(&mut self, line: &Line<'a>, rest: &'l [Line<'a>]) -> &'l [Line<'a>] {
        self.notes.push(&format!(
            "line {}: a script is left out, because wirecat runs none",
            line.number
        ));
        if !line.text.contains("{%") || line.text.contains("%}") {
            return rest;
        }
        let end = rest.iter().position(|line| line.text.contains("%}"));
        end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
    }

    /// Reads a request from its first line to its last message.
    fn request<'a>(
        &mut self,
        first: &Line<'a>,
        (method, target): (&str, &'a str),
        lines: &[Line<'a>],
    ) -> Option<Vec<Step>> {
        let failed = self.errors.len();
        let (mut url, mut rest) = (without_version(target).to_owned(), lines);
        // A long URL goes on in lines that are indented.
        while let Some((line, after)) = rest.split_first()
            && line.text.starts_with([' ', '\t'])
            && !line.is_blank()
        {
            if line.comment().is_none() {
                url.push_str(line.text.trim());
            }
            rest = after;
        }
        if url.is_empty() {
            let advice = Some("write WEBSOCKET ws://host/path".to_owned());
            self.error(first.whole(), "a request without a URL".to_owned(), advice);
        }
        let start = first.text.len() - target.len();
        let mut url = self.filled(first, start, &url);
        if method.eq_ignore_ascii_case("WSS") && !url.contains("://") {
            url = format!("wss://{url}");
        }
        if let Err(error) = check_url(&url) {
            let span = first.span(start, target.trim_end().len());
            let advice = error.advice.first().map(|advice| shown(advice, 3 * QUOTED));
            self.error(span, shown(&error.message, 3 * QUOTED), advice);
        }
        let mut headers = Vec::new();
        while let Some((line, after)) = rest.split_first()
            && !line.is_blank()
        {
            rest = after;
            if line.text.starts_with('@') {
                self.definition(line);
            } else if line.comment().is_none() {
                headers.extend(self.header(line));
            }
        }
        let open = Open {
            span: first.span(0, method.len()),
            name: None,
            url: At::new(url, first.span(start, target.trim_end().len())),
            headers,
            options: Vec::new(),
            handshake: Handshake::default(),
        };
        let mut steps = vec![Step::Open(Box::new(open))];
        self.messages(rest, &mut steps);
        (self.errors.len() == failed).then_some(steps)
    }

    /// A header; `None` for the type of the messages, which is for editors.
    fn header(&mut self, line: &Line<'_>) -> Option<At<Header>> {
        let Some((name, value)) = line.text.split_once(':').filter(|it| is_http_token(it.0)) else {
            let message = format!("not a header: {}", shown(line.text.trim(), QUOTED));
            let advice = "an empty line divides the headers from the first message".to_owned();
            self.error(line.whole(), message, Some(advice));
            return None;
        };
        if name.eq_ignore_ascii_case("content-type") {
            return None;
        }
        let start = line.text.len() - value.trim_start().len();
        let value = self.filled(line, start, value.trim());
        let name = name.to_owned();
        Some(At::new(Header { name, value }, line.whole()))
    }

    /// The messages, and what waits between them.
    fn messages(&mut self, lines: &[Line<'_>], steps: &mut Vec<Step>) {
        let mut message: Vec<Line<'_>> = Vec::new();
        let mut rest = lines;
        while let Some((line, after)) = rest.split_first() {
            rest = after;
            if is_script(line.text) {
                rest = self.skip_script(line, rest);
            } else if line.text.starts_with("??") || line.text.starts_with(">>") {
                self.notes.push(&format!(
                    "line {}: it is left out: {}",
                    line.number,
                    shown(line.text.trim(), QUOTED)
                ));
            } else if let Some(word) = line.text.strip_prefix("===") {
                steps.extend(self.message(&std::mem::take(&mut message)));
                steps.extend(self.separator(line, word));
            } else if !line.text.starts_with("<> ") {
                message.push(*line);
            }
        }
        steps.extend(self.message(&message));
    }

    /// What follows `===`: nothing, or that a message of the server is awaited.
    fn separator(&mut self, line: &Line<'_>, word: &str) -> Option<Step> {
        let word = word.trim_start_matches('=').trim();
        let end = word.find("//").or_else(|| word.find('#'));
        match word.get(..end.unwrap_or(word.len())).unwrap_or(word).trim() {
            "" => None,
            "wait-for-server" => Some(Step::Expect(Box::new(Expect {
                span: line.whole(),
                connection: None,
                not: false,
                what: Expected::Any(None),
                limit: None,
                times: None,
                checks: Default::default(),
            }))),
            other => {
                let message = format!("=== {} is not known", shown(other, QUOTED));
                let advice = "write === or === wait-for-server".to_owned();
                self.error(line.whole(), message, Some(advice));
                None
            }
        }
    }

    /// A message, if the lines have any.
    fn message(&mut self, lines: &[Line<'_>]) -> Option<Step> {
        let start = lines.iter().position(|line| !line.is_blank())?;
        let end = lines.iter().rposition(|line| !line.is_blank())?;
        let lines = lines.get(start..=end)?;
        let first = lines.first()?;
        let (kind, payload) = match lines {
            [line] if let Some(path) = file(line.text) => {
                let start = line.text.len() - path.len();
                let text = self.filled(line, start, path);
                if leaves_folder(&text) {
                    let message = format!("the path {} leaves the folder", shown(path, QUOTED));
                    let advice = "files are read from the folder of the script".to_owned();
                    self.error(line.span(start, path.len()), message, Some(advice));
                }
                let form = Form::File;
                (Some(Kind::Text), Payload { form, text })
            }
            _ => (None, self.content(lines)),
        };
        Some(Step::Send(Send {
            span: first.whole(),
            connection: None,
            what: Outgoing::Message {
                kind,
                payload: At::new(payload, first.whole()),
            },
        }))
    }

    fn content(&mut self, lines: &[Line<'_>]) -> Payload {
        let filled = lines.iter().map(|line| self.filled(line, 0, line.text));
        let text = filled.collect::<Vec<_>>().join("\n");
        let text = text.trim_end();
        if is_json(text) {
            let (form, text) = (Form::Json, text.to_owned());
            return Payload { form, text };
        }
        let uncommented = without_comments(text);
        match text.starts_with(['{', '[']) && is_json(&uncommented) {
            true => Payload {
                form: Form::Json,
                text: uncommented,
            },
            false => Payload {
                form: Form::Text,
                text: text.to_owned(),
            },
        }
    }

    /// A part of a line with its variables, which begins at `start`.
    fn filled(&mut self, line: &Line<'_>, start: usize, text: &str) -> String {
        match self.variables.fill(text) {
            Ok(filled) => filled,
            Err(fault) => {
                self.fault(line, start, fault);
                String::new()
            }
        }
    }

    fn fault(&mut self, line: &Line<'_>, start: usize, fault: Fault) {
        let span = line.span(start + fault.at, fault.len);
        self.error(span, fault.message, Some(fault.advice));
    }

    fn error(&mut self, span: Span, message: String, advice: Option<String>) {
        if self.errors.len() <= MAX_ERRORS {
            self.errors.push(Error {
                span,
                message,
                advice,
            });
        }
    }
}

/// The method of a request, and its target. A bare URL of a WebSocket is enough.
fn method(line: &str) -> (&str, &str) {
    let line = line.trim_end();
    if ["ws://", "wss://"].iter().any(|it| line.starts_with(it)) {
        return ("WEBSOCKET", line);
    }
    match line.split_once([' ', '\t']) {
        Some((method, target)) => (method, target.trim_start()),
        None => (line, ""),
    }
}

/// A target without the version of HTTP after it.
fn without_version(target: &str) -> &str {
    match target.trim().rsplit_once([' ', '\t']) {
        Some((target, version)) if version.starts_with("HTTP/") => target.trim_end(),
        _ => target.trim(),
    }
}

/// What follows a word at the beginning of a comment.
fn word_after<'a>(comment: &'a str, word: &str) -> Option<&'a str> {
    let rest = comment.trim_start().strip_prefix(word)?;
    rest.starts_with([' ', '\t', '=']).then(|| rest.trim())
}

/// Whether a line begins a script, or names the file of one.
fn is_script(line: &str) -> bool {
    let rest = line.strip_prefix("< ").or_else(|| line.strip_prefix("> "));
    let is_code = |rest: &str| {
        let path = rest.trim_end();
        rest.starts_with("{%") || path.ends_with(".js") || path.ends_with(".lua")
    };
    line.starts_with("{{@") || rest.is_some_and(|rest| is_code(rest.trim_start()))
}

/// The path of the file that is a message.
fn file(line: &str) -> Option<&str> {
    let path = line
        .strip_prefix("< ")
        .or_else(|| line.strip_prefix("<@ "))?;
    let path = path.trim();
    let path = path.strip_prefix("./").unwrap_or(path);
    (!path.is_empty()).then_some(path)
}

/// Checks a URL without variables. Commands and profiles are for the command line.
fn check_url(url: &str) -> Result<(), FaultyUrl> {
    if url.is_empty() || template::has_placeholder(url) {
        return Ok(());
    }
    if url.starts_with('@') || UrlSource::parse(url).is_some() {
        return Err(FaultyUrl::usage("it is not the URL of a WebSocket").advice("ws://host/path"));
    }
    Target::parse(url).map(drop)
}

/// Whether a path leaves the folder of the file.
fn leaves_folder(path: &str) -> bool {
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    path.starts_with(['/', '\\', '~']) || is_drive || path.split(['/', '\\']).any(|it| it == "..")
}

/// Whether a text is a JSON value that has parts, whatever its variables are.
fn is_json(text: &str) -> bool {
    if !text.starts_with(['{', '[', '"']) {
        return false;
    }
    let probe = template::fill(text, Place::Header, |_| Some(template::Value::Number(0)));
    serde_json::from_str::<IgnoredAny>(&probe).is_ok()
}

/// JSON without the comments that JetBrains allows in it: from `//` to the end of the line, outside of
/// strings.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let (mut inside, mut escaped, mut end) = (false, false, line.len());
        for (at, c) in line.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if inside => escaped = true,
                '"' => inside = !inside,
                '/' if !inside && line.get(at..).is_some_and(|it| it.starts_with("//")) => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        out.push_str(line.get(..end).unwrap_or(line).trim_end());
    }
    out
}
