//! Archives as programs save them, and ours.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read::{Entry, read};
use super::write::write;
use crate::close::Close;
use crate::message::Message;
use crate::record::connection::{Answer, Connection, Moment, What};
use crate::secret::Redactor;

/// 2026-11-20T10:00:00Z, in seconds.
const TEN: u64 = 1_795_168_800;

fn archive(entry: Value) -> String {
    json!({"log": {"version": "1.2", "pages": [], "entries": [entry]}}).to_string()
}

/// An entry with these messages, and with other members.
fn entry(messages: Value, more: Value) -> Entry {
    let mut entry = json!({
        "startedDateTime": "2026-11-20T10:00:00.000Z",
        "request": {"method": "GET", "url": "wss://api.example/feed", "headers": [
            {"name": "Origin", "value": "https://example"}, {"name": "broken"}]},
        "response": {"status": 101, "headers": [
            {"name": "Sec-WebSocket-Protocol", "value": "chat"}]},
        "_resourceType": "websocket",
        "_webSocketMessages": messages,
    });
    let members = entry.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let mut entries = read(&archive(entry)).unwrap();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn sent(text: &str) -> What {
    What::Sent {
        message: Message::text(text),
        by_itself: false,
    }
}

fn received(text: &str) -> What {
    What::Received(Message::text(text))
}

/// The moments, with their times in milliseconds.
fn moments(entry: &Entry) -> Vec<(u128, What)> {
    let moments = entry.connection.moments.iter();
    moments
        .map(|it| (it.at.as_millis(), it.what.clone()))
        .collect()
}

#[test]
fn chrome_saves_seconds_and_errors() {
    let entry = entry(
        json!([
            {"type": "send", "time": 1_795_168_800.101, "opcode": 1, "data": "{\"op\":\"sub\"}"},
            {"type": "receive", "time": 1_795_168_800.14, "opcode": 2, "data": "AP8Q"},
            {"type": "error", "time": 1_795_168_801.0, "opcode": -1, "data": "\u{1b}reset"},
        ]),
        json!({}),
    );
    assert_eq!(
        moments(&entry),
        [
            (101, sent(r#"{"op":"sub"}"#)),
            (140, What::Received(Message::binary(&b"\x00\xff\x10"[..]))),
            (140, What::Lost),
        ]
    );
    assert_eq!(
        entry.skipped,
        [r"message 3 is an error of the browser: \x1breset"]
    );
    let connection = &entry.connection;
    assert_eq!(connection.started, Some(Duration::from_secs(TEN)));
    assert_eq!(connection.answer.subprotocol.as_deref(), Some("chat"));
    let origin = ("Origin".to_owned(), "https://example".to_owned());
    assert_eq!(connection.headers, [origin]);
}

#[test]
fn playwright_saves_milliseconds_or_none() {
    let at = TEN * 1000;
    let timed = entry(
        json!([
            {"type": "send", "time": at + 7, "opcode": 1, "data": "a"},
            {"type": "receive", "time": at + 9, "opcode": 1, "data": "b"},
        ]),
        json!({}),
    );
    assert_eq!(moments(&timed), [(7, sent("a")), (9, received("b"))]);
    let untimed = entry(
        json!([{"type": "send", "time": -1, "opcode": 1, "data": "a"}]),
        json!({"startedDateTime": null}),
    );
    assert_eq!(moments(&untimed), [(0, sent("a"))]);
    assert_eq!(untimed.connection.started, None);
}

#[test]
fn the_messages_may_be_in_a_file() {
    let mut entry = entry(
        json!([]),
        json!({"response": {"status": 101, "content": {"_file": "abc.jsonl"}}}),
    );
    assert_eq!(entry.attached.as_deref(), Some("abc.jsonl"));
    entry.attach(
        b"{\"type\":\"send\",\"time\":1795168800500,\"opcode\":1,\"data\":\"a\"}\n\n\xff\n[]\n",
    );
    assert_eq!(moments(&entry), [(500, sent("a"))]);
    assert_eq!(entry.attached, None);
    assert_eq!(
        entry.skipped,
        [
            "message 3 is left out: it is not JSON",
            "message 4 is left out: it is not an object"
        ]
    );
}

#[test]
fn proxies_have_their_own_ways() {
    let entry = entry(
        json!([
            {"type": "sent", "timestamp": "2026-11-20T10:00:01Z", "data": "no opcode"},
            {"direction": "incoming", "time": "1795168802", "opcode": "binary", "data": "not base64"},
            {"type": "receive", "time": 1_795_168_801.0, "data": {"a": 1}},
            {"type": "receive", "opcode": 1, "encoding": "base64", "data": "aGk="},
            {"type": "receive", "opcode": 9, "data": "cGluZw=="},
            {"type": "send", "opcode": 10},
        ]),
        json!({
            "request": {"url": "https://api.example/feed"},
            "_webSocketClose": {"code": 1001, "reason": "bye", "timestamp": 1_795_168_803.5},
        }),
    );
    assert_eq!(entry.connection.url, "wss://api.example/feed");
    assert_eq!(
        moments(&entry),
        [
            (1000, sent("no opcode")),
            (2000, What::Received(Message::binary("not base64"))),
            (2000, received(r#"{"a":1}"#)),
            (2000, received("hi")),
            (2000, What::ReceivedPing(b"ping".to_vec())),
            (
                2000,
                What::SentPong {
                    data: Vec::new(),
                    by_itself: true
                }
            ),
            (3500, What::Closed(Close::new(1001, "bye"))),
        ]
    );
    let aborted = self::entry(json!([]), json!({"_webSocketClose": "aborted"}));
    assert_eq!(moments(&aborted), [(0, What::Lost)]);
}

#[test]
fn a_close_may_be_a_message() {
    for (message, close) in [
        (
            json!({"type": "receive", "opcode": 8, "data": "A+g="}),
            What::Closed(Close::normal()),
        ),
        (
            json!({"type": "receive", "opcode": 8, "data": "", "code": 4001, "reason": "no"}),
            What::Closed(Close::new(4001, "no")),
        ),
        (
            json!({"type": "send", "opcode": 8, "data": ""}),
            What::Closing(Close::default()),
        ),
    ] {
        // It is the end, whatever else the entry says.
        let entry = entry(json!([message]), json!({"_closeCode": 1000}));
        assert_eq!(moments(&entry), [(0, close)]);
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let entry = entry(
        json!([
            1,
            {"opcode": 1, "data": "a"},
            {"type": "\u{202e}x", "data": "a"},
            {"type": "send", "opcode": 1},
            {"type": "send", "opcode": 0, "data": "YQ=="},
            {"type": "send", "opcode": {}, "data": "a"},
            {"type": "send", "opcode": 1, "data": "kept"},
        ]),
        json!({}),
    );
    assert_eq!(moments(&entry), [(0, sent("kept"))]);
    assert_eq!(
        entry.skipped,
        [
            "message 1 is left out: it is not an object",
            r#"message 2 is left out: it has no "type""#,
            r"message 3 is left out: its type is \u{202e}x",
            r#"message 4 is left out: it has no "data""#,
            "message 5 is left out: its opcode is 0, which is no whole message",
            "message 6 is left out: its opcode is {}",
        ]
    );
}

#[test]
fn other_requests_and_broken_entries_lose_nothing() {
    let text = json!({"log": {"entries": [
        {"request": {"url": "https://x/"}, "response": {"status": 200}},
        null,
        {"_webSocketMessages": [{"type": "send", "data": "a"}]},
        {"request": 5, "response": {"status": "101", "headers": [{"name": "Upgrade", "value": "WebSocket"}]}},
        {"request": {"url": "ws://x/"}, "response": {"status": 0}},
    ]}});
    let entries = read(&text.to_string()).unwrap();
    let statuses: Vec<_> = entries
        .iter()
        .map(|entry| entry.connection.answer.status)
        .collect();
    assert_eq!(statuses, [None, Some(101), None]);
}

#[test]
fn what_is_no_archive_is_refused() {
    for (text, message) in [
        (
            "{\"log\":",
            "not JSON: EOF while parsing a value at line 1 column 7",
        ),
        ("[]", "it is not a JSON object"),
        ("{\"log\":{}}", "it has no \"entries\" in a \"log\""),
        (
            &"[".repeat(100_000),
            "not JSON: recursion limit exceeded at line 1 column 128",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.message, format!("not an HTTP archive: {message}"));
    }
}

fn connection(moments: Vec<What>) -> Connection {
    let moments = moments.into_iter().zip(1u64..);
    Connection {
        url: "wss://api.example/feed?token=abcdef&a=%20b".to_owned(),
        started: Some(Duration::from_secs(TEN)),
        headers: vec![
            ("Cookie".to_owned(), "id=abcdef".to_owned()),
            ("X-A".to_owned(), "1".to_owned()),
        ],
        answer: Answer {
            status: Some(101),
            headers: vec![("Sec-WebSocket-Protocol".to_owned(), "chat".to_owned())],
            subprotocol: Some("chat".to_owned()),
            extensions: None,
        },
        moments: moments
            .map(|(what, n)| Moment {
                at: Duration::from_micros(n * 1001),
                what,
            })
            .collect(),
    }
}

#[test]
fn an_archive_has_what_importers_ask_for() {
    let written = write(
        &[connection(vec![
            sent("hi"),
            What::Received(Message::binary(&b"\xff"[..])),
            What::ReceivedPing(b"p".to_vec()),
            What::Closed(Close::new(1000, "bye")),
        ])],
        &Redactor::default(),
        "1.0",
    );
    let archive: Value = serde_json::from_str(&written).unwrap();
    let log = &archive["log"];
    assert_eq!(log["pages"], json!([]));
    assert_eq!(log["creator"], json!({"name": "wirecat", "version": "1.0"}));
    let entry = &log["entries"][0];
    assert_eq!(entry["startedDateTime"], "2026-11-20T10:00:00.000000Z");
    assert_eq!(
        entry["request"],
        json!({
            "method": "GET",
            "url": "wss://api.example/feed?token=[redacted]&a=%20b",
            "httpVersion": "HTTP/1.1",
            "headers": [
                {"name": "Cookie", "value": "[redacted]"}, {"name": "X-A", "value": "1"}],
            "queryString": [
                {"name": "token", "value": "[redacted]"}, {"name": "a", "value": " b"}],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        })
    );
    assert_eq!(
        entry["_webSocketMessages"].to_string(),
        r#"[{"type":"send","time":1795168800.001001,"opcode":1,"data":"hi"},{"type":"receive","time":1795168800.002002,"opcode":2,"data":"/w=="},{"type":"receive","time":1795168800.003003,"opcode":9,"data":"cA=="}]"#
    );
    assert_eq!(entry["_closeCode"], 1000);
    assert_eq!(entry["_closeReason"], "bye");
    assert!(entry["response"]["content"].is_object() && entry["timings"].is_object());
}

#[test]
fn a_connection_that_was_made_again_is_several_entries() {
    let written = write(
        &[connection(vec![
            sent("a"),
            What::Lost,
            What::Reopened,
            sent("b"),
        ])],
        &Redactor::default(),
        "1.0",
    );
    let entries = read(&written).unwrap();
    let found: Vec<_> = entries.iter().map(moments).collect();
    assert_eq!(found[0], [(1, sent("a")), (2, What::Lost)]);
    // Since the new beginning.
    assert_eq!(found[1], [(2, sent("b"))]);
    assert_eq!(entries.len(), 2);
}

fn what() -> impl Strategy<Value = What> {
    let message = prop_oneof![
        any::<String>().prop_map(Message::text),
        any::<Vec<u8>>().prop_map(Message::binary),
    ];
    (message, any::<Vec<u8>>(), any::<bool>(), 0..6).prop_map(
        |(message, data, by_itself, choice)| match choice {
            0 => What::Sent { message, by_itself },
            1 => What::Received(message),
            2 => What::SentPing { data, by_itself },
            3 => What::SentPong { data, by_itself },
            4 => What::ReceivedPing(data),
            _ => What::ReceivedPong(data),
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        whats in prop::collection::vec(what(), 0..9),
        end in prop_oneof![
            Just(None),
            Just(Some(What::Lost)),
            Just(Some(What::Closed(Close::default()))),
            any::<String>().prop_map(|reason| Some(What::Closing(Close::new(4000, reason)))),
        ],
    ) {
        let whats = whats.into_iter().chain(end).collect();
        let connections = [connection(whats)];
        let written = write(&connections, &Redactor::new(true), "1.0");
        let entries = read(&written).unwrap();
        prop_assert_eq!(&entries[0].connection, &connections[0]);
        prop_assert_eq!(&entries[0].skipped[..], &[] as &[String]);
    }

    #[test]
    fn any_values_can_be_read(
        messages in r#"(\{("(type|time|opcode|data|encoding)":("send"|"receive"|"error"|-1|1e400|9|8|2|null|\[\{\}\]|"x"),){0,4}"a":0\},){0,5}"#,
        start in r#"("[0-9TZ:+.-]{0,24}"|-?[0-9]{1,25}|null)"#,
        text in any::<String>(),
    ) {
        let _ = read(&text);
        let _ = read(&format!(
            "{{\"log\":{{\"entries\":[{{\"startedDateTime\":{start},\"_webSocketMessages\":[{messages}1]}}]}}}}"
        ));
    }
}
