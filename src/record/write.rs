//! Formats events as lines of a record.
//!
//! It does not use serde, because a message must not cost a tree of values. Secrets are redacted;
//! in the data of messages only those that [`crate::secret`] searches for there. The caller chooses
//! how strings are escaped ([`Strings`]).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use super::object::Strings;
use super::object::{Object, Seconds};
use super::schema::{self, Type};
use crate::codec;
use crate::error::Error;
use crate::event::{By, Event, Opened, Origin, Refusal, Runs, Timing};
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
                data(line.origin(*origin), message.as_data());
            }
            Event::Receive { conn, message } => {
                self.received(t, *conn, message.as_data(), out);
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

    /// Appends a received data message.
    pub fn received(self, t: Duration, conn: u32, message: Data<'_>, out: &mut Vec<u8>) {
        data(
            self.timed(Type::Receive, t, out).raw(schema::CONN, conn),
            message,
        );
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
        line.raw(schema::TIMING, timing(&opened.timing)).end();
    }

    fn refused(self, line: Object<'_>, refusal: &Refusal) {
        let mut line = line
            .raw(schema::STATUS, refusal.status)
            .key(schema::HEADERS);
        line.out.push(b'[');
        for (number, (name, value)) in refusal.headers.iter().enumerate() {
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
        Masking::Random => line.raw(schema::MASK, true),
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

/// Appends a data message, the last member of its line.
fn data(line: Object<'_>, data: Data<'_>) {
    let line = line.raw(schema::OPCODE, data.kind().opcode());
    match data {
        Data::Text(text) => line.payload(schema::DATA, text).end(),
        Data::Binary(data) => line.base64(data).end(),
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
fn rfc3339(since_epoch: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::Close;
    use crate::error::{Exit, Stage};
    use crate::event::Totals;
    use crate::message::Message;
    use crate::secret::Redactor;

    #[track_caller]
    fn check(ms: u64, event: &Event<'_>, expected: &str) {
        let redactor = Redactor::default();
        let to = Writer {
            numbers: true,
            strings: Strings {
                redactor: &redactor,
                push: crate::json::string::push_string,
            },
        };
        let mut out = Vec::new();
        to.push(Duration::from_millis(ms), event, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn the_header_and_the_end_of_a_run() {
        let version = env!("CARGO_PKG_VERSION");
        let header = Event::Header {
            url: "wss://api.example/feed",
            started: Duration::from_secs(1_795_168_800),
        };
        check(
            0,
            &header,
            &format!(
                r#"{{"type":"header","v":1,"tool":"wirecat/{version}","url":"wss://api.example/feed","started":"2026-11-20T10:00:00.000000Z"}}"#
            ),
        );
        let totals = Totals {
            sent: 3,
            received: 4,
            bytes_sent: 11,
            bytes_received: 12,
            ..Totals::default()
        };
        let end = Event::End {
            exit: Exit::PeerPrivate,
            totals: &totals,
        };
        check(
            9000,
            &end,
            r#"{"type":"end","t":9.0,"exit":112,"sent":3,"received":4,"bytes_sent":11,"bytes_received":12,"unconfirmed":0}"#,
        );
    }

    #[test]
    fn a_connection_opens() {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 443));
        let connecting = Event::Connecting {
            conn: 1,
            attempt: 2,
            address: Some(address.into()),
        };
        check(
            0,
            &connecting,
            r#"{"type":"connecting","t":0.0,"conn":1,"attempt":2,"address":"127.0.0.1:443"}"#,
        );
        let mut opened = Opened {
            proxy: None,
            address: Some(address.into()),
            status: 101,
            http: "1.1",
            subprotocol: Some("chat.v1".to_owned()),
            extensions: None,
            compression: None,
            tls: None,
            timing: Timing::from([
                ("tcp", Duration::from_micros(2_000)),
                ("tls", Duration::from_micros(30_001)),
                ("upgrade", Duration::from_secs(1)),
            ]),
        };
        check(
            51,
            &Event::Open {
                conn: 1,
                opened: &opened,
            },
            r#"{"type":"open","t":0.051,"conn":1,"status":101,"http":"1.1","subprotocol":"chat.v1","extensions":null,"timing":{"tcp":0.002,"tls":0.030001,"upgrade":1.0}}"#,
        );
        opened.timing = Timing::default();
        opened.extensions = Some("permessage-deflate".to_owned());
        check(
            51,
            &Event::Open {
                conn: 1,
                opened: &opened,
            },
            r#"{"type":"open","t":0.051,"conn":1,"status":101,"http":"1.1","subprotocol":"chat.v1","extensions":"permessage-deflate","timing":{}}"#,
        );
    }

    #[test]
    fn a_connection_is_refused_or_fails() {
        let refusal = Refusal {
            status: 401,
            reason: "Unauthorized".to_owned(),
            headers: vec![
                ("www-authenticate".to_owned(), "Bearer".to_owned()),
                ("set-cookie".to_owned(), "sid=1".to_owned()),
            ],
            body: b"no\xff".to_vec(),
            truncated: false,
        };
        check(
            100,
            &Event::Refused {
                attempt: 1,
                refusal: &refusal,
            },
            "{\"type\":\"refused\",\"t\":0.1,\"attempt\":1,\"status\":401,\"headers\":[[\"www-authenticate\",\"Bearer\"],[\"set-cookie\",\"[redacted]\"]],\"body\":\"no\u{fffd}\"}",
        );
        let error = Error::new(
            Stage::Tls,
            Exit::Untrusted,
            "certificate expired 3 days ago",
        );
        check(
            100,
            &Event::Error(&error),
            r#"{"type":"error","t":0.1,"stage":"tls","exit":60,"message":"certificate expired 3 days ago"}"#,
        );
        let error = error.detail("subject: x").detail("issuer: y");
        check(
            100,
            &Event::Error(&error),
            r#"{"type":"error","t":0.1,"stage":"tls","exit":60,"message":"certificate expired 3 days ago","details":["subject: x","issuer: y"]}"#,
        );
    }

    #[test]
    fn events_have_the_origin_of_automatic_messages() {
        let message = &Message::text("x");
        for (origin, members) in [
            (None, ""),
            (Some(Origin::OnOpen), r#""origin":"on-open","#),
            (Some(Origin::Token), r#""origin":"token","#),
            (Some(Origin::Heartbeat), r#""origin":"heartbeat","#),
            (Some(Origin::Mirror), r#""origin":"mirror","#),
            (Some(Origin::Repeat), r#""repeat":true,"origin":"repeat","#),
        ] {
            check(
                60,
                &Event::Send {
                    conn: 1,
                    message,
                    number: None,
                    origin,
                },
                &format!(r#"{{"type":"send","t":0.06,"conn":1,{members}"opcode":1,"data":"x"}}"#),
            );
        }
        let (conn, by) = (1, By::Us);
        check(
            60,
            &Event::Ping {
                conn,
                by,
                origin: Some(Origin::Keepalive),
                data: b"1",
            },
            r#"{"type":"ping","t":0.06,"conn":1,"dir":"send","origin":"keepalive","data":"1"}"#,
        );
        check(
            60,
            &Event::Pong {
                conn,
                by,
                origin: Some(Origin::Auto),
                data: b"1",
                rtt: None,
                asked: false,
            },
            r#"{"type":"pong","t":0.06,"conn":1,"dir":"send","origin":"auto","data":"1"}"#,
        );
        check(
            60,
            &Event::Close {
                conn,
                by,
                origin: Some(Origin::Auto),
                close: &Close::new(1002, ""),
                clean: false,
            },
            r#"{"type":"close","t":0.06,"conn":1,"by":"us","origin":"auto","code":1002,"reason":"","clean":false}"#,
        );
    }

    #[test]
    fn control_frames_say_who_sent_them() {
        let (conn, by) = (1, By::Peer);
        check(
            2000,
            &Event::Ping {
                conn,
                by,
                origin: None,
                data: b"",
            },
            r#"{"type":"ping","t":2.0,"conn":1,"dir":"receive","data":""}"#,
        );
        let rtt = Some(Duration::from_micros(12_300));
        check(
            2000,
            &Event::Pong {
                conn,
                by,
                origin: None,
                data: b"a\"",
                rtt,
                asked: true,
            },
            r#"{"type":"pong","t":2.0,"conn":1,"dir":"receive","data":"a\"","rtt":0.0123}"#,
        );
        let by = By::Us;
        check(
            2000,
            &Event::Pong {
                conn,
                by,
                origin: None,
                data: b"\0\xff\x10",
                rtt: None,
                asked: false,
            },
            r#"{"type":"pong","t":2.0,"conn":1,"dir":"send","encoding":"base64","data":"AP8Q","len":3}"#,
        );
        let close = &Close::default();
        check(
            4200,
            &Event::Close {
                conn,
                by,
                origin: None,
                close,
                clean: true,
            },
            r#"{"type":"close","t":4.2,"conn":1,"by":"us","code":1005,"reason":"","clean":true}"#,
        );
    }

    #[test]
    fn the_header_has_utc_and_accepts_every_time() {
        let started = Duration::from_millis(1_795_168_800_250);
        assert_eq!(rfc3339(started), "2026-11-20T10:00:00.250000Z");
        assert!(rfc3339(Duration::MAX).starts_with("9999-12-30T"));
    }
}
