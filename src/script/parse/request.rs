//! `WEBSOCKET URL` and what belongs to it: headers, options, and what the handshake must answer.

use super::checks::{self, Subject, next_line, skip_to_text};
use super::error::Error;
use super::line;
use super::mark::given;
use super::state::State;
use super::text::Part;
use crate::error::{Error as FaultyUrl, Exit};
use crate::http_token::is_http_token;
use crate::script::ast::{At, Given, Handshake, Header, Open, Setting, Step};
use crate::script::excerpt::{quoted, shown};
use crate::script::values;
use crate::template;
use crate::uri::Target;

/// Reads the request that begins on `first`; `rest` follows its first word.
pub(super) fn read<'a>(state: &mut State<'a>, first: Part<'a>, rest: Part<'a>) -> Option<Step> {
    let target = target(first, rest);
    let target = state.ok(target);
    let name = target.as_ref().and_then(|(name, _)| name.as_ref());
    state.connections.open(name.map(|name| name.value.as_str()));
    let headers = read_headers(state);
    let options = read_options(state);
    let handshake = read_handshake(state);
    let (name, url) = target?;
    Some(Step::Open(Box::new(Open {
        span: first.word().0.span(),
        name,
        url,
        headers,
        options,
        handshake,
    })))
}

type Names = (Option<At<String>>, At<String>);

/// The name, if there is one, and the URL.
fn target(first: Part<'_>, rest: Part<'_>) -> Result<Names, Error> {
    let (word, after) = rest.word();
    let (name, url) = match after.is_empty() {
        true => (None, word),
        false => (Some(word), after),
    };
    if url.is_empty() {
        return Err(
            Error::new(first.span(), "there is no URL").advice("WEBSOCKET ws://localhost:8080/")
        );
    }
    if let Some(name) = name.filter(|name| !line::is_name(name.text())) {
        let what = format!("{} is not the name of a connection", quoted(name.text()));
        return Err(Error::new(name.span(), what)
            .advice("a name has letters, digits, _ and -; a URL has no white space"));
    }
    if url.text().contains(char::is_whitespace) {
        let (_, more) = url.word();
        return Err(Error::new(more.span(), "something follows the URL")
            .advice("put options below [Options], one on each line"));
    }
    check_url(url)?;
    Ok((name.map(Part::owned), url.owned()))
}

/// Checks a URL without variables that is not that of a profile.
fn check_url(url: Part<'_>) -> Result<(), Error> {
    let text = url.text();
    if text.starts_with('@') || template::has_placeholder(text) {
        return Ok(());
    }
    let wrong = |error: FaultyUrl| {
        if error.exit == Exit::Usage {
            return Error::new(url.span(), format!("{} is not a URL", quoted(text)))
                .advice(format!("ws://{}/ if it is a host", shown(text)));
        }
        let advice = error.advice.first().map(|advice| shown(advice));
        Error::new(url.span(), shown(&error.message)).advice_if(advice)
    };
    Target::parse(text).map(drop).map_err(wrong)
}

/// The headers on the lines that follow.
fn read_headers(state: &mut State<'_>) -> Vec<At<Header>> {
    let mut headers = Vec::new();
    while let Some(line) = next_line(state, |_, line| !is_header(line)) {
        let header = header(line);
        headers.extend(state.ok(header));
    }
    headers
}

/// Whether a line is a header, or a comment between headers.
fn is_header(line: Part<'_>) -> bool {
    let name = line.split_once(':').map(|(name, _)| name);
    line::is_comment(line)
        || name.is_some_and(|name| is_http_token(name.text())) && !line::is_test(line)
}

fn header(line: Part<'_>) -> Result<At<Header>, Error> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| Error::new(line.span(), "there is no colon"))?;
    let value = value.trim();
    let is_control = |c: char| c.is_control() && c != '\t';
    if value.text().contains(is_control) {
        return Err(Error::new(
            value.span(),
            "a header has no control characters",
        ));
    }
    let header = Header {
        name: name.text().to_owned(),
        value: value.text().to_owned(),
    };
    Ok(At::new(header, line.span()))
}

/// The sections `[Options]` that follow.
fn read_options(state: &mut State<'_>) -> Vec<At<Setting>> {
    let mut options = Vec::new();
    loop {
        let before = state.lines;
        let section = skip_to_text(state).and_then(line::section);
        if section.is_none_or(|name| name.text() != "Options") {
            state.lines = before;
            return options;
        }
        state.lines.next();
        while let Some(line) = next_line(state, |_, line| line::ends_section(line)) {
            let option = option(state, line);
            options.extend(state.ok(option));
        }
    }
}

fn option<'a>(state: &State<'a>, line: Part<'a>) -> Result<At<Setting>, Error> {
    let plain = line.strip("--").unwrap_or(line);
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let (name, after) = plain.split_while(is_in_name);
    let after = after.trim();
    let value = after.strip(":").map(Part::trim);
    if name.is_empty() || value.is_none() && !after.is_empty() {
        let error = Error::new(line.span(), "an option has the form NAME: VALUE, or NAME");
        let value = after.strip("=").unwrap_or(after).trim();
        let written = format!("{}: {}", name.text(), shown(value.text()));
        return Err(error.advice_if((!name.is_empty()).then_some(written)));
    }
    state.check_option(name)?;
    let setting = Setting {
        name: name.text().to_owned(),
        value: value.map(|value| value.text().to_owned()),
    };
    Ok(At::new(setting, line.span()))
}

/// `HTTP STATUS` with headers, and the sections below.
fn read_handshake(state: &mut State<'_>) -> Handshake {
    let mut handshake = Handshake::default();
    let before = state.lines;
    match skip_to_text(state).and_then(|line| Some((line, line::http(line)?))) {
        None => state.lines = before,
        Some((line, rest)) => {
            state.lines.next();
            let status = status(line, rest);
            handshake.status = state.ok(status);
            handshake.headers = read_headers(state);
        }
    }
    handshake.checks = checks::read(state, Subject::Handshake);
    handshake
}

fn status(line: Part<'_>, rest: Part<'_>) -> Result<At<Given<u16>>, Error> {
    let (word, after) = rest.word();
    if word.is_empty() {
        return Err(Error::new(line.span(), "there is no status").advice("HTTP 101"));
    }
    if !after.is_empty() {
        return Err(Error::new(after.span(), "something follows the status")
            .advice("[Asserts] below says what else must be true of the answer"));
    }
    given(word, values::status).map_err(|why| Error::new(word.span(), why))
}
