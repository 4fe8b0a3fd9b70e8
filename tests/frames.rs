//! `--frame events`: events as `--json` prints them go in, and what a client does of them is done.

use crate::support::scripts::{collect, frames, sh};
use crate::support::server::{Raw, frame_of, raw, serve, text};
use crate::support::{Output, wirecat};

/// A server that gives the opcode and payload of every frame up to the client's Close, which it
/// answers as it does pings.
fn listens() -> Raw<Vec<(u8, Vec<u8>)>> {
    raw(|mut wire| {
        wire.handshake();
        let frames = frames(&mut wire).into_iter();
        frames.map(|frame| (frame.opcode, frame.payload)).collect()
    })
}

const BYE: (u8, &[u8]) = (8, &[0x03, 0xe8]);

/// What the server gets of these events.
#[track_caller]
fn sends(events: &str, expected: &[(u8, &[u8])]) -> Output {
    let server = listens();
    let url = server.url("/");
    let output = wirecat(["--frame", "events", "--on-eof", "close", &url])
        .stdin(events)
        .run();
    let got = server.result();
    let got: Vec<(u8, &[u8])> = got.iter().map(|(op, data)| (*op, &data[..])).collect();
    assert_eq!(got, expected, "{events}\n{}", output.stderr);
    output
}

#[test]
fn messages_pings_and_pongs_are_sent_in_order() {
    let events = r#"{"type":"send","data":"grüße"}
{"type":"ping","data":"p"}

{"type":"send","opcode":2,"encoding":"base64","data":"AP8K"}
{"type":"pong","encoding":"hex","data":"00ff"}
{"type":"send","data":""}"#;
    let expected = [
        (1, "grüße".as_bytes()),
        (9, b"p"),
        (2, b"\0\xff\n"),
        (10, b"\0\xff"),
        (1, b""),
        BYE,
    ];
    sends(events, &expected).exits(0).prints("").is_quiet();
}

#[test]
fn a_close_ends_the_input() {
    for (event, payload) in [
        (r#"{"type":"close"}"#, &b""[..]),
        (r#"{"type":"close","by":"us","code":1005}"#, b""),
        (r#"{"type":"close","code":1000}"#, b"\x03\xe8"),
        (
            r#"{"type":"close","code":4001,"reason":"bye"}"#,
            b"\x0f\xa1bye",
        ),
    ] {
        let events = format!("{{\"type\":\"send\",\"data\":\"a\"}}\n{event}\n");
        let expected = [(1, &b"a"[..]), (8, payload)];
        sends(&events, &expected).exits(0).is_quiet();
        // Not without a word.
        let events = events + "{\"type\":\"send\",\"data\":\"b\"}\n{\"type\":\"end\"}\n";
        let output = sends(&events, &expected);
        output.exits(1);
        assert_eq!(output.stderr, "wirecat: 1 message was not sent\n");
    }
}

/// A recording of several connections has a Close for each, and one connection needs one.
#[test]
fn a_close_after_the_close_is_not_missed() {
    let close = r#"{"type":"close","by":"us","code":1000}"#;
    let events = format!("{{\"type\":\"send\",\"data\":\"a\"}}\n{close}\n{close}\n");
    let expected = [(1, &b"a"[..]), (8, &b"\x03\xe8"[..])];
    sends(&events, &expected).exits(0).is_quiet();
}

#[test]
fn events_that_a_client_does_not_send_are_skipped() {
    let events = r#"{"type":"header","v":1,"tool":"wirecat/0.1.0","url":"ws://h/","started":"2026-11-20T10:00:00.000000Z"}
{"type":"connecting","t":0.0,"conn":1,"attempt":1,"address":"127.0.0.1:443"}
{"type":"refused","t":0.1,"attempt":1,"status":401,"headers":[["www-authenticate","Bearer"]],"body":""}
{"type":"retry","t":0.1,"attempt":2,"delay":0.73,"why":"status 401"}
{"type":"open","t":0.2,"conn":1,"status":101,"http":"1.1","subprotocol":null,"extensions":null,"timing":{"tcp":0.002}}
{"type":"send","t":0.3,"conn":1,"opcode":1,"data":"a"}
{"type":"receive","t":0.4,"conn":1,"opcode":1,"data":"not this"}
{"type":"ping","t":0.5,"conn":1,"dir":"receive","data":"nor this"}
{"type":"pong","t":0.5,"conn":1,"dir":"send","data":"but this"}
{"type":"frame","t":0.6,"conn":1,"dir":"receive","opcode":3}
{"type":"close","t":4.2,"conn":1,"by":"peer","code":1012,"reason":"restart","clean":true}
{"type":"error","t":4.2,"stage":"receive","exit":56,"message":"x"}
{"type":"end","t":9.0,"exit":0,"sent":1,"received":1,"bytes_sent":1,"bytes_received":1,"unconfirmed":0}
"#;
    let expected = [(1, &b"a"[..]), (10, b"but this"), BYE];
    sends(events, &expected).exits(0).is_quiet();
}

#[test]
fn a_bad_line_is_named_and_earlier_lines_are_sent() {
    let good = r#"{"type":"send","data":"a"}"#;
    for (line, words) in [
        (
            "hello",
            &["line 3: not JSON: expected value; nothing", "--frame line"][..],
        ),
        (
            r#"{"type":"sned","data":"x"}"#,
            &[
                r#"line 3: there is no event of type "sned"; nothing from there on was sent"#,
                "try: the types to send are send, ping, pong, close, frame; skipped are header",
            ],
        ),
        (
            r#"{"type":"frame","rsv":8}"#,
            &[
                r#"line 3: "rsv" must not be 8"#,
                "try: a whole number from 0 to 7",
            ],
        ),
        (
            r#"{"type":"close","code":1006}"#,
            &[
                "line 3: the close code 1006 must not be sent",
                r#"try: {"type":"frame","opcode":"close","code":1006} sends it"#,
            ],
        ),
    ] {
        let events = format!("{good}\n\n{line}\n{good}\n");
        let output = sends(&events, &[(1, b"a"), BYE]);
        output.exits(2).prints("").complains(words);
    }
}

#[test]
fn events_name_their_own_encoding() {
    for option in ["--hex", "--base64", "--escapes", "--binary"] {
        wirecat(["--frame", "events", option, "ws://h/"])
            .stdin("")
            .run()
            .exits(2)
            .complains(&[
                "--frame events: each event names its own encoding",
                "\"encoding\"",
            ]);
    }
}

#[test]
fn lockstep_holds_back_messages_and_the_close() {
    let server = raw(|mut wire| {
        wire.handshake();
        for expected in ["a", "b"] {
            let frame = wire.frame().unwrap();
            assert_eq!((frame.opcode, &*frame.payload), (1, expected.as_bytes()));
            // A ping waits for nothing. Had what follows it gone out, it would come before the pong.
            assert_eq!(wire.frame().unwrap().opcode, 9);
            wire.send(frame_of(0x89, b"?"));
            assert_eq!(wire.frame().unwrap().opcode, 10);
            wire.send(text(&format!("to {expected}")));
        }
        collect(&mut wire)
    });
    let events = r#"{"type":"send","data":"a"}
{"type":"ping"}
{"type":"send","data":"b"}
{"type":"ping"}
{"type":"close","code":1000}
"#;
    wirecat(["--lockstep", "--frame", "events", &server.url("/")])
        .stdin(events)
        .run()
        .exits(0)
        .prints("to a\nto b\n")
        .is_quiet();
    assert_eq!(server.result(), []);
}

#[test]
fn one_run_is_the_input_of_another() {
    let echo = serve();
    let server = listens();
    let file = tempfile::NamedTempFile::new().unwrap();
    let input = "one\n\ngrüße \u{1f600} \"\\\t\n{\"type\":\"close\"}\n";
    std::fs::write(&file, input).unwrap();
    sh(
        "\"$0\" --json --on-open first --count 4 \"$1\" <\"$3\" | \"$0\" --frame events --on-open first \"$2\"",
        &[
            &echo.url("/echo"),
            &server.url("/"),
            file.path().to_str().unwrap(),
        ],
    )
    .exits(0)
    .prints("")
    .is_quiet();
    let mut expected = vec![(1, b"first".to_vec())];
    expected.extend(input.lines().map(|line| (1, line.as_bytes().to_vec())));
    expected.push((8, BYE.1.to_vec()));
    assert_eq!(server.result(), expected);
}

/// A server that sends a message and a ping, and closes when it has got these messages, the pong and
/// a ping.
fn provokes(messages: &'static [&'static str]) -> Raw<()> {
    raw(|mut wire| {
        wire.handshake();
        wire.send([text("mirror me"), frame_of(0x89, b"auto")].concat());
        let mut awaited = vec![(10, b"auto".to_vec())];
        awaited.extend(messages.iter().map(|text| (1, text.as_bytes().to_vec())));
        let mut pinged = false;
        while !awaited.is_empty() || !pinged {
            let frame = wire.frame().expect("what is awaited");
            if frame.opcode == 9 {
                wire.send(frame_of(0x8a, &frame.payload));
                pinged = true;
            }
            awaited.retain(|(opcode, data)| (*opcode, data) != (frame.opcode, &frame.payload));
        }
        wire.close(1000, "");
    })
}

/// What a run with everything on that sends by itself says of what it sent, and its recording.
#[track_caller]
fn origins(more: &[&str], server: Raw<()>) -> (Vec<(String, Option<String>)>, String) {
    let url = server.url("/");
    let args = [
        "--json",
        "--on-open=hello",
        "--token=secret-token",
        "--token-via=message",
        "--token-message=TOKEN {{token}}",
        "--heartbeat=beat",
        "--heartbeat-interval=100ms",
        "--ping-interval=100ms",
        "--on-eof=stay",
        &url,
    ];
    let run = wirecat([&args, more].concat())
        .stdin("from the user\n")
        .run();
    run.exits(0);
    server.result();
    let recording = run.stdout_text();
    let mut told = Vec::new();
    for line in recording.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let sent = event["type"] == "send" || event["dir"] == "send";
        let what = match event["type"].as_str() {
            Some("ping") => "ping",
            _ => event["data"].as_str().unwrap_or_default(),
        };
        let pair = (what.to_owned(), event["origin"].as_str().map(str::to_owned));
        if sent && !told.contains(&pair) {
            told.push(pair);
        }
        assert!(sent || event["origin"].is_null(), "{line}");
    }
    told.sort();
    (told, recording)
}

#[test]
fn automatic_messages_have_an_origin_and_are_not_replayed() {
    for (more, last, origin, played) in [
        (
            &[][..],
            "from the user",
            None,
            &[(1, &b"from the user"[..]), BYE][..],
        ),
        (&["--mirror"], "mirror me", Some("mirror"), &[BYE]),
    ] {
        let server = match origin {
            None => provokes(&["TOKEN secret-token", "hello", "beat", "from the user"]),
            Some(_) => provokes(&["TOKEN secret-token", "hello", "beat", "mirror me"]),
        };
        let (told, recording) = origins(more, server);
        let mut expected = [
            ("TOKEN [redacted]", Some("token")),
            ("auto", Some("auto")),
            ("beat", Some("heartbeat")),
            ("hello", Some("on-open")),
            ("ping", Some("keepalive")),
            (last, origin),
        ]
        .map(|(what, origin)| (what.to_owned(), origin.map(str::to_owned)));
        expected.sort();
        assert_eq!(told, expected, "{recording}");
        sends(&recording, played).exits(0);
    }
}

#[test]
fn a_close_for_a_violation_has_an_origin() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &frame_of(0x83, b""));
        wire.until_close();
    });
    let run = wirecat(["--json", "--on-eof=stay", "-d", "x", &server.url("/")]).run();
    server.result();
    run.exits(110);
    let recording = run.stdout_text();
    let close = recording
        .lines()
        .find(|line| line.contains(r#""type":"close""#));
    let close = close.unwrap();
    assert!(
        close.contains(r#""by":"us","origin":"auto","code":1002"#),
        "{close}"
    );
    sends(close, &[BYE]).exits(0);
}

#[test]
fn bytes_are_the_same_after_a_recording() {
    let echo = serve();
    let server = listens();
    sh(
        "\"$0\" --json --hex -d 00ff0a -d '' -1 \"$1\" | \"$0\" --frame events \"$2\"",
        &[&echo.url("/echo"), &server.url("/")],
    )
    .exits(0)
    .prints("")
    .is_quiet();
    let expected = [
        (2, b"\0\xff\n".to_vec()),
        (2, Vec::new()),
        (8, BYE.1.to_vec()),
    ];
    assert_eq!(server.result(), expected);
}
