//! Payloads: which form one has, and where it ends. [`crate::script::payload`] describes the forms.

use super::error::Error;
use super::json::{self, End};
use super::line;
use super::state::State;
use super::text::Part;
use crate::close::MAX_REASON;
use crate::codec;
use crate::script::ast::{At, Form, Payload};
use crate::script::excerpt::{quoted, shown};
use crate::template;

/// The longest payload of a control frame (RFC 6455 §5.5), in bytes.
const MAX_CONTROL: usize = 125;

/// What a payload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Text,
    Binary,
    /// Of a ping or a pong.
    Control,
    /// Of a Close.
    Reason,
}

/// Where a payload stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) what: Use,
    /// Whether the mark names the kind, so that there are more forms.
    pub(super) is_named: bool,
    /// Whether it is expected, and not sent.
    pub(super) is_expected: bool,
}

/// Reads the payload that begins with `first`, and takes the lines that belong to it.
pub(super) fn read<'a>(
    state: &mut State<'a>,
    first: Part<'a>,
    place: Place,
) -> Result<At<Payload>, Error> {
    let payload = form(state, first, place)?;
    check(state, &payload.value, place).map_err(|why| Error::new(payload.span, why))?;
    Ok(payload)
}

fn form<'a>(state: &mut State<'a>, first: Part<'a>, place: Place) -> Result<At<Payload>, Error> {
    let text = first.text();
    if text.starts_with("```") {
        return block(state, first);
    }
    if text.starts_with('`') {
        return backticks(first);
    }
    if let Some(payload) = prefixed(first).filter(|_| place.is_named) {
        return Ok(payload);
    }
    let is_json = text.starts_with(['{', '[', '"'])
        && template::placeholder_at_start(text.as_bytes()).is_none();
    match is_json {
        true => read_json(state, first, place),
        false => Ok(payload(Form::Text, first)),
    }
}

fn payload(form: Form, part: Part<'_>) -> At<Payload> {
    let text = part.text().to_owned();
    At::new(Payload { form, text }, part.span())
}

/// The forms that need the kind in the mark.
fn prefixed(first: Part<'_>) -> Option<At<Payload>> {
    for (prefix, form) in [
        ("escapes:", Form::Escapes),
        ("hex:", Form::Hex),
        ("base64:", Form::Base64),
        ("file:", Form::File),
        ("@", Form::File),
    ] {
        if let Some(rest) = first.strip(prefix) {
            let is_exact = form == Form::Escapes;
            return Some(payload(form, if is_exact { rest } else { rest.trim() }));
        }
    }
    None
}

/// `` `text` ``
fn backticks(first: Part<'_>) -> Result<At<Payload>, Error> {
    let inner = first.after(1);
    let Some((text, after)) = inner.split_once('`') else {
        return Err(Error::new(first.span(), "text without a closing backtick")
            .advice("put text of several lines in a block, between two lines of ```"));
    };
    match after.is_empty() {
        true => Ok(payload(Form::Text, text)),
        false => Err(
            Error::new(after.span(), "something follows the closing backtick")
                .advice("put text with backticks in a block, between two lines of ```"),
        ),
    }
}

/// Lines between two lines of backticks.
fn block<'a>(state: &mut State<'a>, first: Part<'a>) -> Result<At<Payload>, Error> {
    let (fence, after) = first.split_while(|c| c == '`');
    let before = state.lines;
    let payload = lines_to(state, fence);
    if !after.is_empty() {
        return Err(Error::new(after.span(), "something follows the backticks")
            .advice("the text of a block begins on the next line"));
    }
    if payload.is_none() {
        // The block has taken all that follows. The tests after it can still be read.
        state.lines = before;
        let is_test = |line: Part<'a>| line::is_test(line.trim());
        while state.lines.peek().is_some_and(|line| !is_test(line)) {
            state.lines.next();
        }
    }
    payload.ok_or_else(|| {
        Error::new(fence.span(), "a block that is not closed")
            .advice(format!("a line {} ends it", shown(fence.text())))
    })
}

/// The lines up to one that is a fence; `None` if there is no such line.
fn lines_to<'a>(state: &mut State<'a>, fence: Part<'a>) -> Option<At<Payload>> {
    let (mut text, mut first) = (String::new(), None);
    loop {
        let line = state.lines.next()?;
        if line.trim().text() == fence.text() {
            let form = Form::Text;
            let span = first.unwrap_or(fence).span();
            return Some(At::new(Payload { form, text }, span));
        }
        match first {
            None => first = Some(line),
            Some(_) => text.push('\n'),
        }
        text.push_str(line.text());
    }
}

fn read_json<'a>(
    state: &mut State<'a>,
    first: Part<'a>,
    place: Place,
) -> Result<At<Payload>, Error> {
    let rest = state.lines.text_from(first);
    let length = match json::end(rest) {
        End::Closed(length) => length,
        End::InString(at) => return Err(in_string(state, first, at)),
        End::Open(at) => {
            let error = Error::new(first.span(), "JSON that is not closed");
            // The next step is looked for where it can no longer be JSON.
            state.lines.skip_to(first, at);
            return Err(error.advice("close its brackets, or put text between backticks"));
        }
    };
    let text = rest.get(..length).unwrap_or_default();
    let is_line = length <= first.text().len();
    let after = state.lines.place(first, length);
    state.lines.skip_past(after);
    let checked = json::check(text);
    if !after.trim().is_empty() {
        return match (is_line, checked) {
            (true, Err(_)) => Ok(payload(Form::Text, first)),
            _ => Err(
                Error::new(after.trim().span(), "something follows the JSON")
                    .advice("put text that begins like JSON between backticks"),
            ),
        };
    }
    let Err(wrong) = checked else {
        let text = match text.contains('\r') {
            true => text.replace("\r\n", "\n"),
            false => text.to_owned(),
        };
        let form = Form::Json;
        return Ok(At::new(Payload { form, text }, first.span()));
    };
    let looks_like_json = text
        .strip_prefix('{')
        .is_some_and(|rest| rest.trim_start().starts_with('"'));
    if is_line && !(place.is_expected && looks_like_json) {
        return Ok(payload(Form::Text, first));
    }
    let span = state.lines.place(first, wrong.at).first(0).span();
    let error = Error::new(span, format!("this is not JSON: {}", wrong.why));
    Err(error.advice("put text that begins like JSON between backticks"))
}

/// A string that is not closed, at this byte of the payload.
fn in_string<'a>(state: &mut State<'a>, first: Part<'a>, at: usize) -> Error {
    let place = state.lines.place(first, at);
    state.lines.skip_past(place);
    // What seems to be the rest of it is no step.
    while let Some(line) = state.lines.peek().map(Part::trim) {
        if line.is_empty() || !json::continues(line.text()) {
            break;
        }
        state.lines.next();
    }
    Error::new(place.span(), "a string that is not closed on its line")
        .advice("put text that begins like JSON between backticks")
}

/// Checks what is known before the variables are filled in.
fn check(state: &State<'_>, payload: &Payload, place: Place) -> Result<(), String> {
    let text = &*payload.text;
    if template::has_placeholder(text) {
        return Ok(());
    }
    let decoded = match payload.form {
        Form::File => return state.check_path(text),
        Form::Json | Form::Text => return check_length(text.len(), place),
        Form::Escapes => codec::decode_escapes(text.as_bytes()),
        Form::Hex => codec::decode_hex(text.as_bytes()),
        Form::Base64 => codec::decode_base64(text.as_bytes()),
    };
    let decoded =
        decoded.map_err(|why| format!("{} cannot be decoded: {}", quoted(text), shown(&why)))?;
    let is_text = matches!(place.what, Use::Text | Use::Reason);
    if is_text && std::str::from_utf8(&decoded).is_err() {
        return Err("text must be UTF-8, and these bytes are not".to_owned());
    }
    check_length(decoded.len(), place)
}

fn check_length(bytes: usize, place: Place) -> Result<(), String> {
    match place.what {
        Use::Control if bytes > MAX_CONTROL => Err(format!(
            "a ping or pong has at most {MAX_CONTROL} bytes; these are {bytes} (RFC 6455 section 5.5)"
        )),
        Use::Reason if bytes > MAX_REASON => Err(format!(
            "a reason has at most {MAX_REASON} bytes; these are {bytes} (RFC 6455 section 5.5)"
        )),
        _ => Ok(()),
    }
}
