//! An entry of the log as a JSON object. Its members are documented in `docs/debug-server.md`.

use std::time::UNIX_EPOCH;

use super::ended::{By, Ended, Traffic};
use super::entry::{Entry, Event, Tls};
use crate::output::push_string_for_terminal;
use crate::record::write::timestamp;

/// The object on one line, without its line feed.
pub(super) fn object(entry: &Entry<'_>) -> String {
    let mut object = Object::default();
    let since_epoch = entry.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    object.text("time", &format!("{:.3}", timestamp(since_epoch)));
    let name = match (entry.event, entry.visitor) {
        (Event::Request { .. }, _) => "request",
        (Event::Closed { .. }, _) => "closed",
        (Event::Note(_), Some(_)) => "error",
        (Event::Note(_), None) => "notice",
    };
    object.text("event", name);
    if let Some(visitor) = entry.visitor {
        object.text("peer", &visitor.to_string());
        if visitor.forwarded.is_some() {
            object.text("proxy", &visitor.peer.to_string());
        }
        if let Some(tls) = &visitor.tls {
            object.raw("tls", tls_object(tls).end());
        }
    }
    match entry.event {
        Event::Request {
            method,
            path,
            status,
        } => {
            object.text("method", method);
            object.text("path", path);
            object.raw("status", status);
        }
        Event::Closed { path, ended } => closed(path, ended, &mut object),
        Event::Note(note) => object.text("message", note),
    }
    object.end()
}

fn tls_object(tls: &Tls) -> Object {
    let mut object = Object::default();
    object.text("version", tls.version);
    if let Some(subject) = &tls.subject {
        object.text("subject", subject);
    }
    object
}

fn closed(path: &str, ended: &Ended, object: &mut Object) {
    let volume = ended.volume();
    object.text("path", path);
    if let Some(user) = &volume.user {
        object.text("user", user);
    }
    let seconds = volume.duration.as_secs_f64();
    object.raw("duration", format_args!("{seconds:.3}"));
    object.raw("received", traffic(volume.received));
    object.raw("sent", traffic(volume.sent));
    object.raw("code", ended.code());
    object.text("reason", ended.reason());
    match ended.by() {
        By::Server => object.text("by", "server"),
        By::Client => object.text("by", "client"),
        By::Nobody => object.raw("by", "null"),
    }
}

fn traffic(traffic: Traffic) -> String {
    let mut object = Object::default();
    object.raw("messages", traffic.messages);
    object.raw("bytes", traffic.bytes);
    object.end()
}

/// An object that is being written.
#[derive(Default)]
struct Object(String);

impl Object {
    fn raw(&mut self, name: &str, value: impl std::fmt::Display) {
        let separator = if self.0.is_empty() { '{' } else { ',' };
        self.0.push_str(&format!("{separator}\"{name}\":{value}"));
    }

    fn text(&mut self, name: &str, value: &str) {
        let mut quoted = Vec::new();
        push_string_for_terminal(value, &mut quoted);
        self.raw(name, String::from_utf8_lossy(&quoted));
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
