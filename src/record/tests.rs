//! Every event of the schema is written and read back, and is what the JSON Schema says.

mod valid;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::read::Line;
use super::schema::{self, Form, Presence, Type};
use super::write::{Strings, Writer};
use crate::close::{Close, may_be_sent};
use crate::codec;
use crate::error::{EXITS, Error, Exit, Stage};
use crate::event::{Address, By, Cause, Delivery, Event, Opened, Origin, Refusal, Timing, Totals};
use crate::json::string;
use crate::message::Message;
use crate::secret::Redactor;
use crate::wire::frame::{LengthForm, Masking, RawFrame};

/// The values of the events of one case.
#[derive(Clone, Debug)]
struct Parts {
    t: Duration,
    small: u32,
    large: u64,
    some: Option<u64>,
    flag: bool,
    by: By,
    origin: Option<Origin>,
    text: String,
    words: Vec<String>,
    data: Bytes,
    message: Message,
    close: Close,
    frame: RawFrame,
    runs: Vec<(u64, u64)>,
    exit: Exit,
}

fn micros() -> impl Strategy<Value = Duration> {
    (0..1u64 << 40).prop_map(Duration::from_micros)
}

fn text() -> impl Strategy<Value = String> {
    "[\\PC\\x00-\\x1f\"\\\\\u{85}\u{2028}]{0,12}"
}

fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
    let any = prop::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from);
    prop_oneof![text().prop_map(Bytes::from), any]
}

fn side() -> impl Strategy<Value = By> {
    prop::sample::select(vec![By::Us, By::Peer])
}

fn origin() -> impl Strategy<Value = Option<Origin>> {
    use Origin::{Answer, Auto, Heartbeat, Keepalive, Mirror, OnOpen, Repeat, Token};
    prop::option::of(prop::sample::select(vec![
        OnOpen, Token, Heartbeat, Keepalive, Auto, Mirror, Repeat, Answer,
    ]))
}

fn message() -> impl Strategy<Value = Message> {
    let binary = prop::collection::vec(any::<u8>(), 0..40).prop_map(Message::binary);
    prop_oneof![text().prop_map(Message::text), binary]
}

fn close() -> impl Strategy<Value = Close> {
    let code = (1000..5000u16).prop_filter("it is sent", |code| may_be_sent(*code));
    let close = (code, text()).prop_map(|(code, reason)| Close::new(code, reason));
    prop_oneof![close, Just(Close::default())]
}

fn frame() -> impl Strategy<Value = RawFrame> {
    let masking = prop_oneof![
        Just(Masking::Random),
        Just(Masking::None),
        any::<[u8; 4]>().prop_map(Masking::Key),
    ];
    let form = prop::sample::select(vec![None, Some(7), Some(16), Some(64)]);
    let bits = (any::<bool>(), 0u8..8, 0u8..16);
    let length = (any::<Option<u64>>(), form);
    (bits, masking, length, bytes(200)).prop_map(|(bits, masking, (len, form), payload)| {
        let shortest = LengthForm::shortest_for(len.unwrap_or(payload.len() as u64));
        let form = form.and_then(LengthForm::of_bits);
        let (fin, rsv, opcode) = bits;
        RawFrame {
            fin,
            rsv,
            masking,
            len,
            form: form.map(|form| form.max(shortest)),
            ..RawFrame::new(opcode, payload)
        }
    })
}

prop_compose! {
    fn parts()(
        t in micros(),
        (small, large, some, flag) in any::<(u32, u64, Option<u64>, bool)>(),
        (by, origin) in (side(), origin()),
        (text, words) in (text(), prop::collection::vec(text(), 0..3)),
        (data, message, close, frame) in (bytes(125), message(), close(), frame()),
        runs in prop::collection::vec(any::<(u64, u64)>(), 0..3),
        exit in prop::sample::select(EXITS).prop_map(|(exit, _)| exit),
    ) -> Parts {
        Parts { t, small, large, some, flag, by, origin, text, words, data, message, close, frame, runs, exit }
    }
}

/// The type of an event, if it is in the schema. The match names every event, so that a new one is
/// not forgotten here.
fn type_of(event: &Event<'_>) -> Option<Type> {
    Some(match event {
        Event::Header { .. } => Type::Header,
        Event::Connecting { .. } => Type::Connecting,
        Event::Open { .. } => Type::Open,
        Event::Refused { .. } => Type::Refused,
        Event::Send { .. } => Type::Send,
        Event::Receive { .. } => Type::Receive,
        Event::Ping { .. } => Type::Ping,
        Event::Pong { .. } => Type::Pong,
        Event::Frame { .. } => Type::Frame,
        Event::Close { .. } => Type::Close,
        Event::Uncertain { .. } => Type::Uncertain,
        Event::Repeated { .. } => Type::Repeated,
        Event::Retry { .. } => Type::Retry,
        Event::GiveUp { .. } => Type::GiveUp,
        Event::Error(_) => Type::Error,
        Event::Warning(_) => Type::Warning,
        Event::End { .. } => Type::End,
        Event::Listening { .. } => Type::Listening,
        Event::Heads(_)
        | Event::Route { .. }
        | Event::Tls(_)
        | Event::Note(_)
        | Event::Detail(_)
        | Event::Traced(_) => return None,
    })
}

/// Writes the event, checks the line against the table, and returns its members.
fn written(t: Duration, event: &Event<'_>) -> (Vec<u8>, Map<String, Value>) {
    let redactor = Redactor::default();
    let writer = Writer {
        strings: Strings {
            redactor: &redactor,
            push: string::push_string,
        },
        numbers: true,
    };
    let mut line = Vec::new();
    writer.push(t, event, &mut line);
    let Ok(Value::Object(members)) = serde_json::from_slice(&line) else {
        panic!("{} is no object", String::from_utf8_lossy(&line));
    };
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    check(type_of(event).unwrap(), &members);
    valid::assert_valid(&Value::Object(members.clone()));
    (line, members)
}

/// The members are those of the table, in its order and of the given form.
fn check(kind: Type, members: &Map<String, Value>) {
    assert_eq!(members["type"], kind.name());
    let mut names = members.keys().map(String::as_str).skip(1);
    if kind != Type::Header {
        assert_eq!(names.next(), Some("t"));
        assert!(fits(Form::Seconds, &members["t"]));
    }
    let mut names = names.peekable();
    for member in kind.spec().members {
        let there = names.next_if_eq(&member.name).is_some();
        match member.presence {
            Presence::Always => assert!(there, "{} without {}", kind.name(), member.name),
            Presence::Sometimes => {}
            Presence::ReadOnly => assert!(!there, "{} with {}", kind.name(), member.name),
        }
        if there {
            let value = &members[member.name];
            assert!(fits(member.form, value), "{}: {value}", member.name);
        }
    }
    assert_eq!(names.next(), None, "{}", kind.name());
}

fn fits(form: Form, value: &Value) -> bool {
    let texts = |value: &Value, len: usize| {
        let items = value.as_array();
        items.is_some_and(|items| items.len() == len && items.iter().all(Value::is_string))
    };
    match form {
        Form::Any => true,
        Form::Number => value.is_u64(),
        Form::Seconds => value.as_f64().is_some_and(|seconds| seconds >= 0.0) && !value.is_u64(),
        Form::Flag => value.is_boolean(),
        Form::Text => value.is_string(),
        Form::TextOrNull => value.is_string() || value.is_null(),
        Form::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        Form::Time => value
            .as_str()
            .is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
        Form::Mask => {
            value.is_boolean()
                || value
                    .as_str()
                    .is_some_and(|key| Masking::of_hex(key).is_some())
        }
        Form::Texts => value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_string)),
        Form::Headers => value
            .as_array()
            .is_some_and(|items| items.iter().all(|item| texts(item, 2))),
        Form::Runs => serde_json::from_value::<Vec<(u64, u64)>>(value.clone()).is_ok(),
        Form::Steps => value
            .as_object()
            .is_some_and(|steps| steps.values().all(|took| fits(Form::Seconds, took))),
    }
}

/// The expected members: seconds in whole microseconds.
fn meant(kind: Type, members: &Map<String, Value>) -> Value {
    let micros = |value: &Value| json!((value.as_f64().unwrap() * 1e6).round() as u64);
    let mut meant = members.clone();
    for (name, value) in &mut meant {
        let member = kind.spec().members.iter().find(|it| it.name == name);
        match member.map_or(schema::T, |member| *member).form {
            Form::Seconds if name != "type" => *value = micros(value),
            Form::Steps => {
                let steps = value.as_object_mut().unwrap();
                steps.values_mut().for_each(|took| *took = micros(took));
            }
            _ => {}
        }
    }
    Value::Object(meant)
}

/// An event that the pipe's reader skips: none of it is lost either.
#[track_caller]
fn keeps(parts: &Parts, event: &Event<'_>, members: Value) {
    let kind = type_of(event).unwrap();
    let (line, found) = written(parts.t, event);
    let mut expected = json!({"type": kind.name()});
    if kind != Type::Header {
        expected["t"] = json!(parts.t.as_micros() as u64);
    }
    for (name, value) in members.as_object().unwrap() {
        expected[name] = value.clone();
    }
    assert_eq!(meant(kind, &found), expected);
    let line = Line::parse(&line).unwrap().unwrap();
    assert_eq!(line.type_name().unwrap(), Some(kind.name()));
}

fn read(parts: &Parts, event: &Event<'_>) -> Line {
    let (line, members) = written(parts.t, event);
    let line = Line::parse(&line).unwrap().unwrap();
    let kind = type_of(event).unwrap();
    assert_eq!(Type::named(line.type_name().unwrap().unwrap()), Some(kind));
    assert_eq!(members["conn"], parts.small);
    line
}

proptest! {
    #[test]
    fn messages_and_frames_are_parsed_back(parts in parts()) {
        let Parts { small: conn, by, origin, ref data, ref message, ref close, ref frame, .. } = parts;
        let sent = read(&parts, &Event::Send { conn, message, number: parts.some, origin });
        prop_assert_eq!(sent.message().unwrap(), message.clone());
        prop_assert_eq!(sent.has_origin().unwrap(), origin.is_some());
        prop_assert_eq!(sent.is_repeat().unwrap(), origin == Some(Origin::Repeat));

        let received = read(&parts, &Event::Receive { conn, message, record: parts.some });
        prop_assert_eq!(received.message().unwrap(), message.clone());

        let rtt = parts.flag.then_some(parts.t);
        let pong = Event::Pong { conn, by, origin, data, rtt, asked: parts.flag };
        for line in [read(&parts, &Event::Ping { conn, by, origin, data }), read(&parts, &pong)] {
            prop_assert_eq!(line.control_data().unwrap(), data.clone());
            prop_assert_eq!(line.sender().unwrap(), by);
            prop_assert_eq!(line.has_origin().unwrap(), origin.is_some());
        }

        let line = read(&parts, &Event::Close { conn, by, origin, close, clean: parts.flag });
        prop_assert_eq!(line.close().unwrap(), close.clone());
        prop_assert_eq!(line.closer().unwrap(), by);

        let line = read(&parts, &Event::Frame { conn, frame });
        prop_assert_eq!(line.frame().unwrap(), frame.clone());
        prop_assert_eq!(line.sender().unwrap(), By::Us);
    }

    #[test]
    fn raw_frames_and_messages_are_recorded(parts in parts()) {
        let Parts { small: conn, by, origin, ref data, ref message, .. } = parts;
        let mut members = json!({"conn": conn});
        if let Some(number) = parts.some {
            members["n"] = json!(number);
        }
        if origin == Some(Origin::Repeat) {
            members["repeat"] = json!(true);
        }
        if let Some(origin) = origin {
            members["origin"] = json!(origin.name());
        }
        members["opcode"] = json!(message.kind().opcode());
        match message.as_text() {
            Some(text) => members["data"] = json!(text),
            None => encoded(&mut members, message.payload()),
        }
        keeps(&parts, &Event::Send { conn, message, number: parts.some, origin }, members);

        let dir = schema::side(by, schema::DIRS);
        let mut members = json!({"conn": conn, "dir": dir});
        match std::str::from_utf8(data) {
            Ok(text) => members["data"] = json!(text),
            Err(_) => encoded(&mut members, data),
        }
        members["rtt"] = json!(parts.t.as_micros() as u64);
        let rtt = Some(parts.t);
        let pong = Event::Pong { conn, by, origin: None, data, rtt, asked: true };
        keeps(&parts, &pong, members);
    }

    #[test]
    fn a_connection_is_recorded(parts in parts(), steps in prop::collection::vec(micros(), 4)) {
        let Parts { small: conn, ref text, ref runs, .. } = parts;
        keeps(&parts, &Event::Header { url: text, started: Duration::from_secs(1) }, json!({
            "v": 1,
            "tool": concat!("wirecat/", env!("CARGO_PKG_VERSION")),
            "url": text,
            "started": "1970-01-01T00:00:01.000000Z",
        }));
        let address = parts.flag.then(|| Address::from(SocketAddr::from(([127, 0, 0, 1], 443))));
        keeps(&parts, &Event::Connecting { conn, attempt: conn, address: address.clone() }, json!({
            "conn": conn,
            "attempt": conn,
            "address": address.as_ref().map(Address::to_string),
        }));
        let optional = parts.flag.then(|| text.clone());
        let opened = Opened {
            asked: None,
            proxy: None,
            address,
            status: 101,
            http: "1.1",
            subprotocol: optional.clone(),
            extensions: optional.clone(),
            compression: None,
            tls: None,
            timing: Timing::from([
                ("dns", steps[0]),
                ("tcp", steps[1]),
                ("tls", steps[2]),
                ("upgrade", steps[3]),
            ]),
        };
        let micros: Vec<u64> = steps.iter().map(|step| step.as_micros() as u64).collect();
        keeps(&parts, &Event::Open { conn, opened: &opened }, json!({
            "conn": conn,
            "status": 101,
            "http": "1.1",
            "subprotocol": optional,
            "extensions": optional,
            "timing": {"dns": micros[0], "tcp": micros[1], "tls": micros[2], "upgrade": micros[3]},
        }));
        let members = json!({"conn": conn, "messages": runs});
        keeps(&parts, &Event::Uncertain { conn, messages: runs }, members.clone());
        keeps(&parts, &Event::Repeated { conn, messages: runs }, members);
        let why = Cause::Lost(text.clone());
        keeps(&parts, &Event::Retry { attempt: conn, delay: parts.t, why: &why }, json!({
            "attempt": conn,
            "delay": parts.t.as_micros() as u64,
            "why": why.short(),
        }));
    }

    #[test]
    fn the_end_of_a_run_is_recorded(parts in parts()) {
        let Parts { small, large, ref text, ref words, exit, .. } = parts;
        let refusal = Refusal {
            status: 401,
            reason: String::new(),
            headers: words.iter().map(|it| (it.clone(), text.clone())).collect(),
            body: text.clone().into_bytes(),
            truncated: parts.flag,
        };
        let mut members = json!({
            "attempt": small,
            "status": 401,
            "headers": refusal.headers,
            "body": text,
        });
        if parts.flag {
            members["truncated"] = json!(true);
        }
        keeps(&parts, &Event::Refused { attempt: small, refusal: &refusal }, members);
        keeps(&parts, &Event::GiveUp { attempts: small, why: text }, json!({
            "attempts": small,
            "why": text,
        }));
        let error = words.iter().fold(Error::new(Stage::Tls, exit, text.clone()), |error, word| {
            error.detail(word.clone())
        });
        let mut members = json!({"stage": "tls", "exit": exit.code(), "message": text});
        if !words.is_empty() {
            members["details"] = json!(words);
        }
        keeps(&parts, &Event::Error(&error), members);
        keeps(&parts, &Event::Warning(text), json!({"message": text}));
        let delivery = Delivery { confirmed: large, repeated: 2 };
        let totals = Totals {
            sent: large,
            received: 4,
            bytes_sent: 5,
            bytes_received: 6,
            unconfirmed: 7,
            delivery: parts.flag.then_some(delivery),
            ..Totals::default()
        };
        let mut members = json!({
            "exit": exit.code(),
            "sent": large,
            "received": 4,
            "bytes_sent": 5,
            "bytes_received": 6,
            "unconfirmed": 7,
        });
        if parts.flag {
            members["confirmed"] = json!(large);
            members["repeated"] = json!(2);
        }
        keeps(&parts, &Event::End { exit, totals: &totals }, members);
    }

    #[test]
    fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Line::parse(&line);
    }
}

fn encoded(members: &mut Value, data: &[u8]) {
    members["encoding"] = json!("base64");
    members["data"] = json!(codec::base64(data));
    members["len"] = json!(data.len());
}
