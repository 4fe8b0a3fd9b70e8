//! Writes an archive, a message on each line. What Chrome's importer asks for is all there: `pages`, and
//! four members of each message.

use std::time::Duration;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::message::BY_ITSELF;
use crate::close::Close;
use crate::codec;
use crate::json::string;
use crate::message::Data;
use crate::record::connection::{Connection, Moment, What};
use crate::record::write::timestamp;
use crate::secret::{REDACTED, Redactor, is_secret_header};
use crate::uri;
use crate::wire::frame::{PING, PONG};

/// The connections as an archive that browsers import. `version` is that of wirecat. A connection that was
/// made again becomes several entries.
pub fn write(connections: &[Connection], redactor: &Redactor, version: &str) -> String {
    let creator = json!({"name": "wirecat", "version": version});
    let mut out =
        format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"pages\":[],\"entries\":[");
    let mut is_first = true;
    for connection in connections {
        let mut from = Duration::ZERO;
        for moments in connection.moments.split(|it| it.what == What::Reopened) {
            out.push_str(if is_first { "\n" } else { ",\n" });
            is_first = false;
            let writer = Writer {
                connection,
                redactor,
                from,
            };
            writer.entry(moments, &mut out);
            from = moments.last().map_or(from, |last| last.at);
        }
    }
    out.push_str("\n]}}\n");
    out
}

/// Writes the entry of one connection.
struct Writer<'a> {
    connection: &'a Connection,
    redactor: &'a Redactor,
    /// When it begins, since the beginning of the recording.
    from: Duration,
}

impl Writer<'_> {
    fn entry(&self, moments: &[Moment], out: &mut String) {
        let last = moments.last().map_or(self.from, |last| last.at);
        let time = millis(last.saturating_sub(self.from));
        let started = timestamp(self.wall(self.from));
        let mut entry = json!({
            "startedDateTime": started.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "time": time,
            "request": self.request(),
            "response": self.response(),
            "cache": {},
            "timings": {"send": 0, "wait": 0, "receive": time},
            "_resourceType": "websocket",
        });
        if let Some(end) = moments.iter().rev().find_map(|it| self.end(it))
            && let (Value::Object(entry), Value::Object(end)) = (&mut entry, end)
        {
            entry.extend(end);
        }
        let head = entry.to_string();
        out.push_str(head.strip_suffix('}').unwrap_or(&head));
        out.push_str(",\"_webSocketMessages\":[");
        let mut is_first = true;
        for Moment { at, what } in moments {
            let before = out.len();
            out.push_str(if is_first { "\n" } else { ",\n" });
            match self.message(*at, what, out) {
                true => is_first = false,
                false => out.truncate(before),
            }
        }
        out.push_str("]}");
    }

    /// The wall clock at a moment.
    fn wall(&self, at: Duration) -> Duration {
        let started = self.connection.started.unwrap_or_default();
        started.saturating_add(at)
    }

    fn request(&self) -> Value {
        let url = self.url();
        let query = url.split_once('?').map_or("", |it| it.1);
        let query = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect::<Vec<_>>();
        json!({
            "method": if self.is_http2() { "CONNECT" } else { "GET" },
            "url": url,
            "httpVersion": self.version(),
            "headers": self.headers(&self.connection.headers),
            "queryString": query,
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        })
    }

    fn response(&self) -> Value {
        let answer = &self.connection.answer;
        let status = answer
            .status
            .unwrap_or(match self.connection.moments.is_empty() {
                true => 0,
                false => 101,
            });
        let mut headers = answer.headers.clone();
        for (name, value) in [
            ("Sec-WebSocket-Protocol", &answer.subprotocol),
            ("Sec-WebSocket-Extensions", &answer.extensions),
        ] {
            let is_missing = !headers.iter().any(|it| it.0.eq_ignore_ascii_case(name));
            if let Some(value) = value.as_ref().filter(|_| is_missing) {
                headers.push((name.to_owned(), value.clone()));
            }
        }
        let text = match status {
            101 => "Switching Protocols",
            200 => "OK",
            _ => "",
        };
        json!({
            "status": status,
            "statusText": text,
            "httpVersion": self.version(),
            "headers": self.headers(&headers),
            "cookies": [],
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        })
    }

    /// A WebSocket over HTTP/2 opens with 200 (RFC 8441).
    fn is_http2(&self) -> bool {
        self.connection.answer.status == Some(200)
    }

    fn version(&self) -> &'static str {
        match self.is_http2() {
            true => "HTTP/2",
            false => "HTTP/1.1",
        }
    }

    fn url(&self) -> String {
        let url = &self.connection.url;
        match self.redactor.includes_secrets() {
            true => url.clone(),
            false => self.redactor.redact(&uri::shown_target(url)).into_owned(),
        }
    }

    fn headers(&self, headers: &[(String, String)]) -> Vec<Value> {
        let header = |(name, value): &(String, String)| {
            let hides = is_secret_header(name) && !self.redactor.includes_secrets();
            let value = match hides {
                true => REDACTED.into(),
                false => self.redactor.redact(value),
            };
            json!({"name": name, "value": value})
        };
        headers.iter().map(header).collect()
    }

    /// The members that say how the connection ended.
    fn end(&self, Moment { at, what }: &Moment) -> Option<Value> {
        let lost = Close::new(1006, "");
        let (by, close) = match what {
            What::Closing(close) => ("us", close),
            What::Closed(close) => ("peer", close),
            What::Lost => ("peer", &lost),
            _ => return None,
        };
        Some(json!({
            "_closeCode": close.reported_code(),
            "_closeReason": self.redactor.redact_data(&close.reason),
            "_closeBy": by,
            "_closeTime": self.wall(*at).as_secs_f64(),
        }))
    }

    /// Appends what was sent or received; returns whether there is anything.
    fn message(&self, at: Duration, what: &What, out: &mut String) -> bool {
        let (kind, opcode, data, by_itself) = match what {
            What::Sent { message, by_itself } => {
                let data = message.as_data();
                ("send", data.kind().opcode(), data, *by_itself)
            }
            What::Received(message) => {
                let data = message.as_data();
                ("receive", data.kind().opcode(), data, false)
            }
            What::SentPing { data, by_itself } => ("send", PING, Data::Binary(data), *by_itself),
            What::SentPong { data, by_itself } => ("send", PONG, Data::Binary(data), *by_itself),
            What::ReceivedPing(data) => ("receive", PING, Data::Binary(data), false),
            What::ReceivedPong(data) => ("receive", PONG, Data::Binary(data), false),
            What::Closing(_) | What::Closed(_) | What::Lost | What::Reopened => return false,
        };
        let wall = self.wall(at);
        out.push_str(&format!(
            "{{\"type\":\"{kind}\",\"time\":{}.{:06},\"opcode\":{opcode},\"data\":",
            wall.as_secs(),
            wall.subsec_micros()
        ));
        match data {
            Data::Text(text) => {
                let mut quoted = Vec::new();
                string::push_string(&self.redactor.redact_data(text), &mut quoted);
                out.push_str(&String::from_utf8_lossy(&quoted));
            }
            Data::Binary(data) => {
                out.push('"');
                out.push_str(&codec::base64(&self.redactor.redact_bytes(data)));
                out.push('"');
            }
        }
        let is_control = opcode == PING || opcode == PONG;
        if by_itself || (is_control && kind == "send") {
            out.push_str(&format!(",\"{BY_ITSELF}\":{by_itself}"));
        }
        out.push('}');
        true
    }
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
