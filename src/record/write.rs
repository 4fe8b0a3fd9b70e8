//! Formats events as lines of a record.
//!
//! It does not use serde, because a message must not cost a tree of values. Secrets are redacted;
//! in the data of messages only those that [`crate::secret`] searches for there. The caller chooses
//! how strings are escaped ([`Strings`]).

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use super::object::Strings;
use super::object::{Object, Seconds};
use super::schema::{self, Type};
use crate::codec;
use crate::error::Error;
use crate::event::{Asked, By, Event, Opened, Origin, Refusal, Runs, Timing};
use crate::message::Data;
use crate::secret::{REDACTED, is_secret_header};
use crate::wire::frame::{Masking, RawFrame};

/// Writes events.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    pub strings: Strings<'a>,
    /// Whether sent messages have their numbers.
    pub numbers: bool,
}

impl Writer<'_> {
    /// Appends the line of an event; nothing for events that are not in the schema.
    pub fn push(self, t: Duration, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Header { url, started } => self.header(url, *started, out),
            Event::Connecting {
                conn,
                attempt,
                address,
            } => {
                let line = self
                    .timed(Type::Connecting, t, out)
                    .raw(schema::CONN, conn)
                    .raw(schema::ATTEMPT, attempt);
                line.text_or_null(
                    schema::ADDRESS,
                    address.as_ref().map(|a| a.to_string()).as_deref(),
                )
                .end();
            }
            Event::Open { conn, opened } => {
                self.open(
                    self.timed(Type::Open, t, out).raw(schema::CONN, conn),
                    opened,
                );
            }
            Event::Refused { attempt, refusal } => {
                self.refused(
                    self.timed(Type::Refused, t, out)
                        .raw(schema::ATTEMPT, attempt),
                    refusal,
                );
            }
            Event::Send {
                conn,
                message,
                number,
                origin,
            } => {
                let line = self.timed(Type::Send, t, out).raw(schema::CONN, conn);
                let line = match number.filter(|_| self.numbers) {
                    Some(number) => line.raw(schema::N, number),
                    None => line,
                };
                // For readers from before `origin` existed.
                let line = match origin {
                    Some(Origin::Repeat) => line.raw(schema::REPEAT, true),
                    _ => line,
                };
                data(line.origin(*origin), message.as_data()).end();
            }
            Event::Receive {
                conn,
                message,
                record,
            } => {
                let data = (message.as_data(), None);
                self.received(t, (*conn, *record), data, out);
            }
            Event::Ping {
                conn,
                by,
                origin,
                data,
            } => self
                .control(Type::Ping, t, (*conn, *by, *origin, data), out)
                .end(),
            Event::Pong {
                conn,
                by,
                origin,
                data,
                rtt,
                ..
            } => {
                let line = self.control(Type::Pong, t, (*conn, *by, *origin, data), out);
                match rtt {
                    Some(rtt) => line.raw(schema::RTT, Seconds(*rtt)).end(),
                    None => line.end(),
                }
            }
            Event::Close {
                conn,
                by,
                origin,
                close,
                clean,
            } => {
                let by = schema::side(*by, schema::SIDES);
                self.timed(Type::Close, t, out)
                    .raw(schema::CONN, conn)
                    .text(schema::BY, by)
                    .origin(*origin)
                    .raw(schema::CODE, close.reported_code())
                    .payload(schema::REASON, &close.reason)
                    .raw(schema::CLEAN, clean)
                    .end();
            }
            Event::Listening { url } => self
                .timed(Type::Listening, t, out)
                .text(schema::URL, url)
                .end(),
            Event::Uncertain { conn, messages } => {
                runs(
                    self.timed(Type::Uncertain, t, out).raw(schema::CONN, conn),
                    messages,
                );
            }
            Event::Repeated { conn, messages } => {
                runs(
                    self.timed(Type::Repeated, t, out).raw(schema::CONN, conn),
                    messages,
                );
            }
            Event::Retry {
                attempt,
                delay,
                why,
            } => self
                .timed(Type::Retry, t, out)
                .raw(schema::ATTEMPT, attempt)
                .raw(schema::DELAY, Seconds(*delay))
                .text(schema::WHY, &why.short())
                .end(),
            Event::GiveUp { attempts, why } => self
                .timed(Type::GiveUp, t, out)
                .raw(schema::ATTEMPTS, attempts)
                .text(schema::WHY, why)
                .end(),
            Event::Error(error) => self.error(self.timed(Type::Error, t, out), error),
            Event::Warning(text) => self
                .timed(Type::Warning, t, out)
                .text(schema::MESSAGE, text)
                .end(),
            Event::End { exit, totals } => {
                let line = self
                    .timed(Type::End, t, out)
                    .raw(schema::EXIT, exit.code())
                    .raw(schema::SENT, totals.sent)
                    .raw(schema::RECEIVED, totals.received)
                    .raw(schema::BYTES_SENT, totals.bytes_sent)
                    .raw(schema::BYTES_RECEIVED, totals.bytes_received)
                    .raw(schema::UNCONFIRMED, totals.unconfirmed);
                match totals.delivery {
                    None => line.end(),
                    Some(delivery) => line
                        .raw(schema::CONFIRMED, delivery.confirmed)
                        .raw(schema::REPEATED, delivery.repeated)
                        .end(),
                }
            }
            Event::Frame { conn, frame } => {
                frame_by_hand(
                    self.timed(Type::Frame, t, out).raw(schema::CONN, conn),
                    frame,
                );
            }
            Event::Heads(_)
            | Event::Route { .. }
            | Event::Tls(_)
            | Event::Note(_)
            | Event::Detail(_)
            | Event::Traced(_) => {}
        }
    }

    /// Appends a received data message, or the record of one with this number; and what it, or the
    /// record, decoded to.
    pub fn received(
        self,
        t: Duration,
        (conn, record): (u32, Option<u64>),
        (message, decoded): (Data<'_>, Option<Data<'_>>),
        out: &mut Vec<u8>,
    ) {
        let line = self.timed(Type::Receive, t, out).raw(schema::CONN, conn);
        let line = match record {
            Some(record) => line.raw(schema::RECORD, record),
            None => line,
        };
        let line = data(line, message);
        match decoded {
            Some(Data::Text(text)) => line.json_or_text(schema::DECODED, text).end(),
            Some(Data::Binary(_)) | None => line.end(),
        }
    }

    fn header(self, url: &str, started: Duration, out: &mut Vec<u8>) {
        Object::start(self.strings, Type::Header, out)
            .raw(schema::V, schema::VERSION)
            .text(schema::TOOL, concat!("wirecat/", env!("CARGO_PKG_VERSION")))
            .text(schema::URL, url)
            .text(schema::STARTED, &rfc3339(started))
            .end();
    }

    fn open(self, line: Object<'_>, opened: &Opened) {
        let line = line
            .raw(schema::STATUS, opened.status)
            .text(schema::HTTP, opened.http)
            .text_or_null(schema::SUBPROTOCOL, opened.subprotocol.as_deref())
            .text_or_null(schema::EXTENSIONS, opened.extensions.as_deref());
        let line = line.raw(schema::TIMING, timing(&opened.timing));
        match &opened.asked {
            None => line.end(),
            Some(asked) => self.asked(line, opened, asked),
        }
    }

    /// The members about the request of a client.
    fn asked(self, line: Object<'_>, opened: &Opened, asked: &Asked) {
        let line = match &opened.address {
            None => line,
            Some(address) => line.text(schema::FROM, &address.to_string()),
        };
        let line = line
            .text(schema::METHOD, &asked.method)
            .text(schema::TARGET, &asked.target)
            .key(schema::REQUEST_HEADERS);
        self.headers(line, &asked.headers).end();
    }

    /// The value of a member with headers.
    fn headers<'o>(self, mut line: Object<'o>, headers: &[(String, String)]) -> Object<'o> {
        line.out.push(b'[');
        for (number, (name, value)) in headers.iter().enumerate() {
            let value = match is_secret_header(name) && !self.strings.redactor.includes_secrets() {
                true => REDACTED,
                false => value,
            };
            line.out
                .extend_from_slice(if number > 0 { b",[" } else { b"[" });
            line = line.string(name);
            line.out.push(b',');
            line = line.string(value);
            line.out.push(b']');
        }
        line.out.push(b']');
        line
    }

    fn refused(self, line: Object<'_>, refusal: &Refusal) {
        let line = line
            .raw(schema::STATUS, refusal.status)
            .key(schema::HEADERS);
        let line = self.headers(line, &refusal.headers);
        let line = line.text(schema::BODY, &String::from_utf8_lossy(&refusal.body));
        match refusal.truncated {
            true => line.raw(schema::TRUNCATED, true).end(),
            false => line.end(),
        }
    }

    fn control<'o>(
        self,
        kind: Type,
        t: Duration,
        (conn, by, origin, data): (u32, By, Option<Origin>, &[u8]),
        out: &'o mut Vec<u8>,
    ) -> Object<'o>
    where
        Self: 'o,
    {
        let dir = schema::side(by, schema::DIRS);
        let line = self.timed(kind, t, out).raw(schema::CONN, conn);
        let line = line.text(schema::DIR, dir).origin(origin);
        match std::str::from_utf8(data) {
            Ok(text) => line.payload(schema::DATA, text),
            Err(_) => line.base64(data),
        }
    }

    fn error(self, line: Object<'_>, error: &Error) {
        let mut line = line
            .text(schema::STAGE, error.stage.name())
            .raw(schema::EXIT, error.exit.code())
            .text(schema::MESSAGE, &error.message);
        if !error.details.is_empty() {
            line = line.key(schema::DETAILS);
            for (number, detail) in error.details.iter().enumerate() {
                line.out.push(if number > 0 { b',' } else { b'[' });
                // The frame that broke a rule is shown in hex.
                line = line.string(&self.strings.redactor.redact_hex(detail));
            }
            line.out.push(b']');
        }
        line.end();
    }

    fn timed<'o>(self, kind: Type, t: Duration, out: &'o mut Vec<u8>) -> Object<'o>
    where
        Self: 'o,
    {
        Object::start(self.strings, kind, out).at(t)
    }
}

/// In the form that `--frame events` reads.
fn frame_by_hand(line: Object<'_>, frame: &RawFrame) {
    let mut line = line
        .text(schema::DIR, schema::side(By::Us, schema::DIRS))
        .raw(schema::FIN, frame.fin)
        .raw(schema::RSV, frame.rsv)
        .raw(schema::OPCODE, frame.opcode);
    line = match frame.masking {
        Masking::AsRequired | Masking::Random => line.raw(schema::MASK, true),
        Masking::None => line.raw(schema::MASK, false),
        Masking::Key(key) => line.text(schema::MASK, &codec::hex(&key, "")),
    };
    if let Some(length) = frame.len {
        line = line.raw(schema::LENGTH, length);
    }
    if let Some(form) = frame.form {
        line = line.raw(schema::LENGTH_BITS, form.bits());
    }
    match std::str::from_utf8(&frame.payload) {
        Ok(text) => line.payload(schema::DATA, text).end(),
        Err(_) => line.base64(&frame.payload).end(),
    }
}

fn timing(timing: &Timing) -> String {
    let members: Vec<_> = timing
        .steps()
        .map(|(name, took)| format!("\"{name}\":{}", Seconds(took)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Appends a data message.
fn data<'o>(line: Object<'o>, data: Data<'_>) -> Object<'o> {
    let line = line.raw(schema::OPCODE, data.kind().opcode());
    match data {
        Data::Text(text) => line.payload(schema::DATA, text),
        Data::Binary(data) => line.base64(data),
    }
}

/// Appends `"messages":[[1,3],[5,5]]`, the last member of its line.
fn runs(line: Object<'_>, runs: &Runs) {
    let pairs: Vec<_> = runs
        .iter()
        .map(|(first, last)| format!("[{first},{last}]"))
        .collect();
    line.raw(schema::MESSAGES, format_args!("[{}]", pairs.join(",")))
        .end();
}

/// RFC 3339 in UTC with microseconds.
pub fn rfc3339(since_epoch: Duration) -> String {
    timestamp(since_epoch)
        .strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        .to_string()
}

/// The moment at this time after the Unix epoch, or the last one of the calendar.
pub fn timestamp(since_epoch: Duration) -> Timestamp {
    SignedDuration::try_from(since_epoch)
        .and_then(Timestamp::from_duration)
        .unwrap_or(Timestamp::MAX)
}
