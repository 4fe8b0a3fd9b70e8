//! Lines that are nothing: what may have been meant.

use super::asserts;
use super::error::Error;
use super::line;
use super::text::Part;
use crate::http_token::is_http_token;
use crate::script::excerpt::{quoted, shown};
use crate::similar::nearest;

/// First words of requests elsewhere.
const METHODS: &[&str] = &["WS", "WSS", "GET", "CONNECT", "WEBSOCKETS", "POST"];

/// What is wrong with a line that is neither a step nor belongs to one.
pub(super) fn error(line: Part<'_>) -> Error {
    let (word, rest) = line.word();
    let text = word.text();
    let what = format!("{} does not begin a step", quoted(text));
    let error = Error::new(word.span(), what);
    let upper = text.to_uppercase();
    let is_request = METHODS.contains(&&*upper)
        || upper == "WEBSOCKET"
        || nearest(&upper, ["WEBSOCKET"].into_iter()).is_some();
    let advice = if is_request {
        format!("did you mean WEBSOCKET {}?", shown(rest.word().0.text()))
    } else if upper == "HTTP" || upper.starts_with("HTTP/") {
        "did you mean HTTP?".to_owned()
    } else if text.starts_with("//") {
        "a comment begins with #".to_owned()
    } else if text.starts_with("===") {
        "that is of a .http file; > sends a message, and < waits for one".to_owned()
    } else if text.starts_with(['{', '"', '[']) {
        "put a mark before a message: > sends it, and < expects it".to_owned()
    } else if rest.text().starts_with(['>', '<']) && line::is_name(text) {
        format!(
            "leave out the space between the name and the mark: {text}{}",
            shown(rest.text())
        )
    } else if text.starts_with('.') || asserts::is_property(text) {
        "asserts stand below [Asserts], without an empty line between".to_owned()
    } else if let Some((name, _)) = header(line) {
        format!(
            "put headers directly below WEBSOCKET or HTTP; {} may be one",
            quoted(name.text())
        )
    } else if is_almost_header(line) {
        "a header is NAME: VALUE, without white space in its name".to_owned()
    } else {
        "a step begins with > (send), < (expect), WEBSOCKET, @wait, @repeat or @include".to_owned()
    };
    error.advice(advice)
}

/// Whether a line would be a header if its name had no white space.
fn is_almost_header(line: Part<'_>) -> bool {
    let name = line.split_once(':').map(|(name, _)| name.text());
    name.is_some_and(|name| name.len() < 40 && name.split_whitespace().all(is_http_token))
}

fn header(line: Part<'_>) -> Option<(Part<'_>, Part<'_>)> {
    let (name, value) = line.split_once(':')?;
    is_http_token(name.text()).then_some((name, value))
}
