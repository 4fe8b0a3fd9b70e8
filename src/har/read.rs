//! Reads an archive. An entry that cannot be read loses no other.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Error;
use super::message::{self, Read};
use crate::close::Close;
use crate::record::connection::{Answer, Connection, Moment, What};
use crate::record::notes::{Notes, shown};

/// Clocks of a browser that differ by more than this have nothing to do with each other.
const DAY: Duration = Duration::from_secs(86_400);

/// The longest text of an error that is quoted, in characters.
const QUOTED: usize = 100;

/// A WebSocket of an archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub connection: Connection,
    /// The file that has the messages instead of the archive, as Playwright saves them. Untrusted.
    pub attached: Option<String>,
    /// What was left out, and why: a sentence each, safe for a terminal.
    pub skipped: Vec<String>,
}

impl Entry {
    /// Adds the messages of the attached file: a JSON object on each line.
    pub fn attach(&mut self, bytes: &[u8]) {
        let mut messages = Messages::of(std::mem::take(&mut self.connection));
        for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1u64..) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(message) => messages.push(number, message),
                Err(_) => messages.skip(number, "it is not JSON"),
            }
        }
        let (connection, skipped) = messages.finish(None);
        self.connection = connection;
        self.skipped.extend(skipped);
        self.attached = None;
    }
}

/// The WebSockets of an archive, in its order.
///
/// # Errors
/// If the text is not an archive.
pub fn read(text: &str) -> Result<Vec<Entry>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let not_archive = |why: String| Error {
        message: format!("not an HTTP archive: {why}"),
        advice: "browsers save one in the network tab of their tools: \"Save all as HAR\""
            .to_owned(),
    };
    let parsed: Value = serde_json::from_str(text)
        .map_err(|error| not_archive(format!("not JSON: {}", shown(&error.to_string(), QUOTED))))?;
    let Value::Object(mut root) = parsed else {
        return Err(not_archive("it is not a JSON object".to_owned()));
    };
    let mut log = match root.remove("log") {
        Some(Value::Object(log)) => log,
        _ => root,
    };
    let Some(Value::Array(entries)) = log.remove("entries") else {
        return Err(not_archive(r#"it has no "entries" in a "log""#.to_owned()));
    };
    Ok(entries.into_iter().filter_map(entry).collect())
}

/// The WebSocket of an entry; `None` if it is an ordinary request.
fn entry(entry: Value) -> Option<Entry> {
    let Value::Object(mut entry) = entry else {
        return None;
    };
    let request = take_object(&mut entry, "request");
    let response = take_object(&mut entry, "response");
    let url = text(&request, "url").unwrap_or_default();
    if !is_websocket(&entry, &url, &response) {
        return None;
    }
    let mut answer = Answer {
        status: response.get("status").and_then(message::close_code),
        headers: headers(&response),
        ..Answer::default()
    };
    answer.status = answer.status.filter(|status| (100..1000).contains(status));
    answer.subprotocol = header(&answer.headers, "sec-websocket-protocol");
    answer.extensions = header(&answer.headers, "sec-websocket-extensions");
    let connection = Connection {
        url: websocket_url(&url),
        started: entry.get("startedDateTime").and_then(message::time),
        headers: headers(&request),
        answer,
        moments: Vec::new(),
    };
    let mut messages = Messages::of(connection);
    let listed = entry.remove("_webSocketMessages");
    let has_messages = matches!(&listed, Some(Value::Array(list)) if !list.is_empty());
    if let Some(Value::Array(list)) = listed {
        for (number, message) in (1u64..).zip(list) {
            messages.push(number, message);
        }
    }
    let (connection, skipped) = messages.finish(end(&entry));
    let content = response.get("content").and_then(Value::as_object);
    let file = content.and_then(|content| text(content, "_file"));
    Some(Entry {
        connection,
        attached: file.filter(|_| !has_messages),
        skipped,
    })
}

fn is_websocket(entry: &Map<String, Value>, url: &str, response: &Map<String, Value>) -> bool {
    let is_type = |name| text(entry, name).is_some_and(|it| it.eq_ignore_ascii_case("websocket"));
    let upgrade = || header(&headers(response), "upgrade");
    matches!(entry.get("_webSocketMessages"), Some(Value::Array(_)))
        || is_type("_resourceType")
        || is_type("_type")
        || url.starts_with("ws://")
        || url.starts_with("wss://")
        || upgrade().is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// How the connection ended, and when, where an entry says it apart from the messages: ours, and HTTP
/// Toolkit's `_webSocketClose`.
fn end(entry: &Map<String, Value>) -> Option<(Option<Duration>, What)> {
    if let Some(code) = entry.get("_closeCode").and_then(message::close_code) {
        let is_ours = text(entry, "_closeBy").as_deref() == Some("us");
        let close = Close::new(code, text(entry, "_closeReason").unwrap_or_default());
        let time = entry.get("_closeTime").and_then(message::time);
        return Some((time, message::closed(close, is_ours)));
    }
    match entry.get("_webSocketClose")? {
        Value::Object(close) => {
            let code = close.get("code").and_then(message::close_code);
            let reason = text(close, "reason").unwrap_or_default();
            let time = close.get("timestamp").or_else(|| close.get("time"));
            let close = Close { code, reason };
            Some((time.and_then(message::time), message::closed(close, false)))
        }
        Value::String(how) if how == "aborted" => Some((None, What::Lost)),
        _ => None,
    }
}

/// The messages of a connection, which are being added.
struct Messages {
    connection: Connection,
    notes: Notes,
    /// Whether times are since [`Connection::started`].
    has_base: bool,
    /// The last thing was that the browser reported an error.
    failed: bool,
}

impl Messages {
    fn of(connection: Connection) -> Messages {
        Messages {
            connection,
            notes: Notes::default(),
            has_base: false,
            failed: false,
        }
    }

    fn push(&mut self, number: u64, message: Value) {
        let Value::Object(mut message) = message else {
            return self.skip(number, "it is not an object");
        };
        let time = message.get("time").or_else(|| message.get("timestamp"));
        let time = time.and_then(message::time);
        match message::read(&mut message) {
            Ok(Read::What(what)) => {
                let at = self.at(time);
                self.failed = false;
                self.connection.moments.push(Moment { at, what });
            }
            Ok(Read::Failure(why)) => {
                self.failed = true;
                let why = shown(&why, QUOTED);
                self.notes.push(&format!(
                    "message {number} is an error of the browser: {why}"
                ));
            }
            Err(why) => self.skip(number, &why),
        }
    }

    fn skip(&mut self, number: u64, why: &str) {
        self.notes
            .push(&format!("message {number} is left out: {why}"));
    }

    /// The time since the beginning of the connection: that of the message before, if this one has none or
    /// an earlier one.
    fn at(&mut self, time: Option<Duration>) -> Duration {
        let last = self
            .connection
            .moments
            .last()
            .map_or(Duration::ZERO, |last| last.at);
        let Some(time) = time else {
            return last;
        };
        if !self.has_base {
            self.has_base = true;
            let started = self.connection.started;
            let fits = started.is_some_and(|it| it.abs_diff(time) < DAY);
            if !fits {
                self.connection.started = Some(time.saturating_sub(last));
            }
        }
        let since = time.saturating_sub(self.connection.started.unwrap_or_default());
        since.max(last)
    }

    /// The connection with its end, and what was left out.
    fn finish(mut self, end: Option<(Option<Duration>, What)>) -> (Connection, Vec<String>) {
        let lost = (None, What::Lost);
        if let Some((time, what)) = end.or(self.failed.then_some(lost)) {
            let at = self.at(time);
            let moments = &mut self.connection.moments;
            let is_over =
                |what: &What| matches!(what, What::Closing(_) | What::Closed(_) | What::Lost);
            if !moments.last().is_some_and(|last| is_over(&last.what)) {
                moments.push(Moment { at, what });
            }
        }
        (self.connection, self.notes.into_sentences())
    }
}

fn take_object(object: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match object.remove(name) {
        Some(Value::Object(value)) => value,
        _ => Map::new(),
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}

/// The headers of a request or a response; what is none is left out.
fn headers(object: &Map<String, Value>) -> Vec<(String, String)> {
    let header = |header: &Value| {
        let name = header.get("name")?.as_str()?;
        Some((name.to_owned(), header.get("value")?.as_str()?.to_owned()))
    };
    match object.get("headers") {
        Some(Value::Array(headers)) => headers.iter().filter_map(header).collect(),
        _ => Vec::new(),
    }
}

fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let found = headers.iter().find(|it| it.0.eq_ignore_ascii_case(name));
    found
        .map(|it| it.1.clone())
        .filter(|value| !value.is_empty())
}

/// Proxies save the URL of the request that became a WebSocket.
fn websocket_url(url: &str) -> String {
    let rest = url.strip_prefix("http");
    match rest.filter(|rest| rest.starts_with("://") || rest.starts_with("s://")) {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}
