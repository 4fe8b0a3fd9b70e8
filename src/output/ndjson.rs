//! Events as JSON lines, the schema that `--json` shares with `--record` and `--frame events`.
//!
//! Written by hand, because a message must not cost a tree of values. Secrets are redacted, and in
//! the data of messages only those of which [`crate::secret`] says so; for a terminal everything
//! dangerous is escaped.

use std::time::Duration;

use super::clock;
use super::object::{Line, Reader, Seconds};
use crate::codec;
use crate::error::Error;
use crate::event::{By, Event, Opened, Origin, Refusal, Runs, Timing};
use crate::message::Data;
use crate::secret::{REDACTED, is_secret_header};
use crate::wire::frame::{Masking, RawFrame};

/// Version of the schema.
const SCHEMA: u32 = 1;

/// How events are written.
#[derive(Clone, Copy)]
pub(super) struct Ndjson<'a> {
    pub(super) to: Reader<'a>,
    /// Whether sent messages have their numbers with them.
    pub(super) numbers: bool,
}

impl Ndjson<'_> {
    /// Appends the line of an event; nothing for those that are not in the schema.
    pub(super) fn push(self, t: Duration, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Header { url, started } => self.header(url, *started, out),
            Event::Connecting {
                conn,
                attempt,
                address,
            } => {
                let line = self
                    .timed("connecting", t, out)
                    .raw("conn", conn)
                    .raw("attempt", attempt);
                line.text_or_null("address", address.map(|a| a.to_string()).as_deref())
                    .end();
            }
            Event::Open { conn, opened } => {
                self.open(self.timed("open", t, out).raw("conn", conn), opened);
            }
            Event::Refused { attempt, refusal } => {
                self.refused(
                    self.timed("refused", t, out).raw("attempt", attempt),
                    refusal,
                );
            }
            Event::Send {
                conn,
                message,
                number,
                origin,
            } => {
                let line = self.timed("send", t, out).raw("conn", conn);
                let line = match number.filter(|_| self.numbers) {
                    Some(number) => line.raw("n", number),
                    None => line,
                };
                // For readers from before there was an `origin`.
                let line = match origin {
                    Some(Origin::Repeat) => line.raw("repeat", true),
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
                .control("ping", t, (*conn, *by, *origin, data), out)
                .end(),
            Event::Pong {
                conn,
                by,
                origin,
                data,
                rtt,
                ..
            } => {
                let line = self.control("pong", t, (*conn, *by, *origin, data), out);
                match rtt {
                    Some(rtt) => line.raw("rtt", Seconds(*rtt)).end(),
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
                let by = match by {
                    By::Us => "us",
                    By::Peer => "peer",
                };
                self.timed("close", t, out)
                    .raw("conn", conn)
                    .text("by", by)
                    .origin(*origin)
                    .raw("code", close.reported_code())
                    .payload("reason", &close.reason)
                    .raw("clean", clean)
                    .end();
            }
            Event::Uncertain { conn, messages } => {
                runs(self.timed("uncertain", t, out).raw("conn", conn), messages);
            }
            Event::Repeated { conn, messages } => {
                runs(self.timed("repeated", t, out).raw("conn", conn), messages);
            }
            Event::Retry {
                attempt,
                delay,
                why,
            } => self
                .timed("retry", t, out)
                .raw("attempt", attempt)
                .raw("delay", Seconds(*delay))
                .text("why", &why.short())
                .end(),
            Event::GiveUp { attempts, why } => self
                .timed("give_up", t, out)
                .raw("attempts", attempts)
                .text("why", why)
                .end(),
            Event::Error(error) => self.error(self.timed("error", t, out), error),
            Event::End { exit, totals } => {
                let line = self
                    .timed("end", t, out)
                    .raw("exit", exit.code())
                    .raw("sent", totals.sent)
                    .raw("received", totals.received)
                    .raw("bytes_sent", totals.bytes_sent)
                    .raw("bytes_received", totals.bytes_received)
                    .raw("unconfirmed", totals.unconfirmed);
                match totals.delivery {
                    None => line.end(),
                    Some(delivery) => line
                        .raw("confirmed", delivery.confirmed)
                        .raw("repeated", delivery.repeated)
                        .end(),
                }
            }
            Event::Frame { conn, frame } => {
                frame_by_hand(self.timed("frame", t, out).raw("conn", conn), frame);
            }
            Event::Heads(_) | Event::Tls(_) | Event::Note(_) | Event::Traced(_) => {}
        }
    }

    /// Appends a data message that came.
    pub(super) fn received(self, t: Duration, conn: u32, message: Data<'_>, out: &mut Vec<u8>) {
        data(self.timed("receive", t, out).raw("conn", conn), message);
    }

    fn header(self, url: &str, started: Duration, out: &mut Vec<u8>) {
        Line::start(self.to, "header", out)
            .raw("v", SCHEMA)
            .text("tool", concat!("wirecat/", env!("CARGO_PKG_VERSION")))
            .text("url", url)
            .text("started", &clock::rfc3339(started))
            .end();
    }

    fn open(self, line: Line<'_>, opened: &Opened) {
        let line = line
            .raw("status", opened.status)
            .text("http", opened.http)
            .text_or_null("subprotocol", opened.subprotocol.as_deref())
            .text_or_null("extensions", opened.extensions.as_deref());
        line.raw("timing", timing(&opened.timing)).end();
    }

    fn refused(self, line: Line<'_>, refusal: &Refusal) {
        let mut line = line.raw("status", refusal.status).key("headers");
        line.out.push(b'[');
        for (number, (name, value)) in refusal.headers.iter().enumerate() {
            let value = match is_secret_header(name) && !self.to.redactor.includes_secrets() {
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
        let line = line.text("body", &String::from_utf8_lossy(&refusal.body));
        match refusal.truncated {
            true => line.raw("truncated", true).end(),
            false => line.end(),
        }
    }

    fn control<'o>(
        self,
        name: &str,
        t: Duration,
        (conn, by, origin, data): (u32, By, Option<Origin>, &[u8]),
        out: &'o mut Vec<u8>,
    ) -> Line<'o>
    where
        Self: 'o,
    {
        let dir = match by {
            By::Us => "send",
            By::Peer => "receive",
        };
        let line = self.timed(name, t, out).raw("conn", conn);
        let line = line.text("dir", dir).origin(origin);
        match std::str::from_utf8(data) {
            Ok(text) => line.payload("data", text),
            Err(_) => line.base64(data),
        }
    }

    fn error(self, line: Line<'_>, error: &Error) {
        let mut line = line
            .text("stage", error.stage.name())
            .raw("exit", error.exit.code())
            .text("message", &error.message);
        if !error.details.is_empty() {
            line = line.key("details");
            for (number, detail) in error.details.iter().enumerate() {
                line.out.push(if number > 0 { b',' } else { b'[' });
                // A frame that broke a rule is shown in hex.
                line = line.string(&self.to.redactor.redact_hex(detail));
            }
            line.out.push(b']');
        }
        line.end();
    }

    fn timed<'o>(self, name: &str, t: Duration, out: &'o mut Vec<u8>) -> Line<'o>
    where
        Self: 'o,
    {
        Line::start(self.to, name, out).raw("t", Seconds(t))
    }
}

/// As `--frame events` reads it back.
fn frame_by_hand(line: Line<'_>, frame: &RawFrame) {
    let mut line = line
        .text("dir", "send")
        .raw("fin", frame.fin)
        .raw("rsv", frame.rsv)
        .raw("opcode", frame.opcode);
    line = match frame.masking {
        Masking::Random => line.raw("mask", true),
        Masking::None => line.raw("mask", false),
        Masking::Key(key) => line.text("mask", &codec::hex(&key, "")),
    };
    if let Some(length) = frame.len {
        line = line.raw("length", length);
    }
    if let Some(form) = frame.form {
        line = line.raw("length_bits", form.bits());
    }
    match std::str::from_utf8(&frame.payload) {
        Ok(text) => line.payload("data", text).end(),
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
fn data(line: Line<'_>, data: Data<'_>) {
    let line = line.raw("opcode", data.kind().opcode());
    match data {
        Data::Text(text) => line.payload("data", text).end(),
        Data::Binary(data) => line.base64(data).end(),
    }
}

/// Appends `"messages":[[1,3],[5,5]]`, the last member of its line.
fn runs(line: Line<'_>, runs: &Runs) {
    let pairs: Vec<_> = runs
        .iter()
        .map(|(first, last)| format!("[{first},{last}]"))
        .collect();
    line.raw("messages", format_args!("[{}]", pairs.join(",")))
        .end();
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
        let to = Ndjson {
            numbers: true,
            to: Reader {
                terminal: false,
                redactor: &redactor,
            },
        };
        let mut out = Vec::new();
        to.push(Duration::from_millis(ms), event, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn a_run_begins_and_ends() {
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
        let address = Some(([127, 0, 0, 1], 443).into());
        let connecting = Event::Connecting {
            conn: 1,
            attempt: 2,
            address,
        };
        check(
            0,
            &connecting,
            r#"{"type":"connecting","t":0.0,"conn":1,"attempt":2,"address":"127.0.0.1:443"}"#,
        );
        let mut opened = Opened {
            address,
            status: 101,
            http: "1.1",
            subprotocol: Some("chat.v1".to_owned()),
            extensions: None,
            compression: None,
            tls: None,
            timing: Timing {
                dns: None,
                tcp: Some(Duration::from_micros(2_000)),
                tls: Some(Duration::from_micros(30_001)),
                upgrade: Some(Duration::from_secs(1)),
            },
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
    fn what_wirecat_sent_of_its_own_accord_says_so() {
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
}
