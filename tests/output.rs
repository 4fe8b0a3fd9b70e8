//! What goes to stdout in which form, and what goes to stderr.

use serde_json::{Value, json};

use crate::support::pty::Pty;
use crate::support::scripts::{collects, says};
use crate::support::server::{close, frame_of, raw, serve, text};
use crate::support::{Output, WIRECAT, wirecat};

/// Text, several lines, binary, and nothing.
fn samples() -> Vec<Vec<u8>> {
    vec![
        text("hi"),
        text("a\nb"),
        frame_of(0x82, &[0, 0xff, 0x0a, 0xfe]),
        text(""),
    ]
}

#[track_caller]
fn receives(args: &[&str], frames: &[Vec<u8>]) -> Output {
    let server = says(frames);
    let output = wirecat([args, &[&server.url("/")]].concat()).run();
    server.result();
    output
}

#[test]
fn every_format() {
    for (format, expected) in [
        ("raw", &b"hi\na\nb\n\0\xff\n\xfe\n"[..]),
        ("line", b"hi\na\\nb\n\\x00\\xff\\n\\xfe\n\n"),
        ("hex", b"6869\n610a62\n00ff0afe\n\n"),
        ("base64", b"aGk=\nYQpi\nAP8K/g==\n\n"),
        ("pretty", b"< hi\n< a\n  b\n< binary, 4 bytes\n  00000000  00 ff 0a fe                                       |....|\n< \n"),
    ] {
        let output = receives(&["--format", format], &samples());
        assert_eq!(
            output.stdout.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{format}"
        );
        output.exits(0).is_quiet();
    }
    receives(&[], &samples()).prints(b"hi\na\nb\n\0\xff\n\xfe\n");
}

#[test]
fn pretty_formats_json() {
    receives(
        &["--format", "pretty"],
        &[text(r#"{"b":[1.0,{}],"a":null}"#), text(r#"["x"]"#)],
    )
    .prints("< {\"b\": [1.0, {}], \"a\": null}\n< [\"x\"]\n");
}

#[test]
fn lines_are_decoded_as_the_same_messages() {
    let all: String = (1..0x300).filter_map(char::from_u32).collect();
    let messages = [
        text(&all),
        text("\\n\\\r\n"),
        text(""),
        text("\u{2028}\u{1f600}"),
    ];
    let lines = receives(&["--format", "line"], &messages).stdout;
    let server = collects();
    wirecat([
        "--frame",
        "line",
        "--escapes",
        "--on-eof",
        "close",
        &server.url("/"),
    ])
    .stdin(lines)
    .run()
    .exits(0);
    let sent: Vec<_> = server
        .result()
        .iter()
        .map(|(_, data)| frame_of(0x81, data))
        .collect();
    assert_eq!(sent, messages);
}

fn events(output: &Output) -> Vec<Value> {
    let stdout = output.stdout_text();
    assert!(stdout.ends_with('\n'), "{stdout}");
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

/// Replaces what no test can know by its type, after a look at it.
#[track_caller]
fn settled(mut event: Value) -> Value {
    let fields = event.as_object_mut().unwrap();
    if let Some(t) = fields.remove("t") {
        assert!((0.0..60.0).contains(&t.as_f64().unwrap()), "{t}");
    }
    event
}

#[test]
fn json_shows_a_whole_run() {
    let server = raw(|mut wire| {
        wire.handshake_with("Sec-WebSocket-Protocol: chat.v1\r\n", b"");
        assert_eq!(wire.message(), b"sub");
        wire.send(frame_of(0x89, b"p"));
        wire.send(text("t\u{1b}"));
        wire.send(frame_of(0x82, &[0, 0xff, 0x0a]));
        wire.close(4001, "token expired");
    });
    let url = server.url("/feed");
    let address = server.address.to_string();
    let output = wirecat(["--json", "--subprotocol", "chat.v1", "-d", "sub", &url]).run();
    output.exits(112);
    let mut events: Vec<_> = events(&output).into_iter().map(settled).collect();
    let header = events.remove(0);
    let started = header["started"].as_str().unwrap();
    assert_eq!(
        (started.len(), &started[10..11], &started[26..]),
        (27, "T", "Z")
    );
    let tool = format!("wirecat/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        header,
        json!({"type": "header", "v": 1, "tool": tool, "url": url, "started": started})
    );
    let timing = events[1].as_object_mut().unwrap().remove("timing").unwrap();
    assert!(
        timing["tcp"].is_number() && timing["upgrade"].is_number(),
        "{timing}"
    );
    assert_eq!(
        events,
        [
            json!({"type": "connecting", "conn": 1, "attempt": 1, "address": address}),
            json!({"type": "open", "conn": 1, "status": 101, "http": "1.1", "subprotocol": "chat.v1", "extensions": null}),
            json!({"type": "send", "conn": 1, "opcode": 1, "data": "sub"}),
            json!({"type": "ping", "conn": 1, "dir": "receive", "data": "p"}),
            json!({"type": "pong", "conn": 1, "dir": "send", "origin": "auto", "data": "p"}),
            json!({"type": "receive", "conn": 1, "opcode": 1, "data": "t\u{1b}"}),
            json!({"type": "receive", "conn": 1, "opcode": 2, "encoding": "base64", "data": "AP8K", "len": 3}),
            json!({"type": "close", "conn": 1, "by": "peer", "code": 4001, "reason": "token expired", "clean": true}),
            json!({"type": "end", "exit": 112, "sent": 1, "received": 2, "bytes_sent": 3, "bytes_received": 5, "unconfirmed": 0}),
        ]
    );
    server.result();
}

#[test]
fn json_shows_our_close() {
    let server = serve();
    let output = wirecat(["--json", "-d", "x", "-1", &server.url("/echo")]).run();
    output.exits(0).is_quiet();
    let close = events(&output)
        .into_iter()
        .map(settled)
        .find(|event| event["type"] == "close");
    assert_eq!(
        close,
        Some(
            json!({"type": "close", "conn": 1, "by": "us", "code": 1000, "reason": "", "clean": true})
        )
    );
}

#[test]
fn json_shows_a_refusal_and_a_failure() {
    let server = raw(|mut wire| {
        wire.request();
        wire.send("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nSet-Cookie: sid=1\r\nContent-Length: 2\r\n\r\nno");
    });
    let output = wirecat(["--json", "-d", "x", &server.url("/")]).run();
    output.exits(22);
    let events: Vec<_> = events(&output).into_iter().map(settled).collect();
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["header", "connecting", "refused", "error", "end"]);
    assert_eq!(
        events[2],
        json!({"type": "refused", "attempt": 1, "status": 401, "body": "no",
            "headers": [["www-authenticate", "Bearer"], ["set-cookie", "[redacted]"], ["content-length", "2"]]})
    );
    assert_eq!(
        (&events[3]["stage"], &events[3]["exit"]),
        (&json!("handshake"), &json!(22))
    );
    assert!(events[3]["message"].as_str().unwrap().contains("401"));
    assert_eq!(
        (&events[4]["exit"], &events[4]["sent"]),
        (&json!(22), &json!(0))
    );
}

#[test]
fn filter_shows_the_results_of_jq() {
    let frames = [
        text(r#"{"a":[1,"x"]}"#),
        text("no json"),
        text(r#"{"a":[]}"#),
        text("7"),
    ];
    receives(&["--filter", ".a[]?"], &frames).prints("1\n\"x\"\n");
    receives(&["--filter", ".a[]"], &frames)
        .exits(0)
        .prints("1\n\"x\"\n")
        .complains(&["wirecat: --filter: cannot index 7 with \"a\"\n"]);
}

#[test]
fn json_has_no_characters_that_split_lines() {
    let ends = ['\u{85}', '\u{2028}', '\u{2029}'];
    let message = "{\"k\u{2028}\":\"a\u{85}b\u{2029}c\"}";
    let value: Value = serde_json::from_str(message).unwrap();
    let frames = [
        text(message),
        frame_of(0x89, "\u{2028}".as_bytes()),
        close(4001, "a\u{85}b\u{2028}"),
    ];
    for args in [
        &["--json"][..],
        &["--json", "--filter", "."],
        &["--filter", "."],
        &["--filter", ".", "--format", "line"],
        &["--filter", ".", "--format", "pretty"],
        &["--format", "pretty"],
    ] {
        let server = says(&frames);
        let output = wirecat([args, &["-d", "\u{2028}", &server.url("/")]].concat()).run();
        server.result();
        let shown = output.stdout_text();
        assert!(!shown.contains(ends), "{args:?}: {shown:?}");
        if args[0] == "--json" {
            let close = events(&output).into_iter().find(|e| e["type"] == "close");
            assert_eq!(close.unwrap()["reason"], "a\u{85}b\u{2028}");
        }
        if args == ["--filter", "."] {
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        }
    }
    // A payload goes out byte for byte.
    receives(&["--format", "raw"], &[text(message)]).prints(format!("{message}\n"));
}

#[test]
fn a_bad_expression_is_shown_with_a_caret() {
    for option in ["--filter", "--until"] {
        let output = wirecat([option, ".a | (.b", "ws://127.0.0.1:9/"]).run();
        output.exits(2).prints("");
        assert_eq!(
            output.stderr,
            format!(
                "wirecat: {option}: not a valid jq expression: expected closing parenthesis\n  .a | (.b\n          ^\n"
            )
        );
    }
}

/// Digits as `0`, so that a time has a shape.
fn shape(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect()
}

#[test]
fn timestamps_in_every_format() {
    for (option, expected) in [
        ("-t", "00:00:00.000 x\n"),
        ("-t=short", "00:00:00.000 x\n"),
        ("--timestamps", "00:00:00.000 x\n"),
        ("--timestamps=relative", "+0.000s x\n"),
        ("-t=delta", "+0.000s x\n"),
        ("-t=iso", "0000-00-00T00:00:00.000+00:00 x\n"),
    ] {
        let server = says(&[text("x")]);
        let output = wirecat([option, &server.url("/")]).env("TZ", "UTC").run();
        assert_eq!(shape(&output.stdout_text()), expected, "{option}");
    }
}

#[test]
fn stats_go_to_stderr_even_when_silent() {
    for args in [
        &["--stats", "--no-compress"][..],
        &["--stats", "-s", "--no-compress"],
    ] {
        let server = serve();
        let output = wirecat([args, &["-d", "abc", "-1", &server.url("/echo")]].concat()).run();
        output.exits(0).prints("abc\n");
        let lines: Vec<_> = output.stderr.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "sent      1 message, 3 bytes",
                "received  1 message, 3 bytes"
            ]
        );
        assert!(lines[2].starts_with("duration  "), "{lines:?}");
        assert!(lines[3].starts_with("timings   tcp "), "{lines:?}");
        assert_eq!(lines[4..], ["exit      0"]);
    }
    let server = serve();
    wirecat(["--stats", "-d", "abc", "-1", &server.url("/echo")])
        .run()
        .exits(0)
        .complains(&["bytes\nwire sent ", "\nwire rcvd ", "\nduration  "]);
}

#[test]
fn silent_hides_failures_and_closes() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.close(4001, "no");
    });
    wirecat(["-s", "-v", &server.url("/")])
        .run()
        .exits(112)
        .is_quiet();
    let server = serve();
    wirecat(["-s", &server.url("/status/503")])
        .run()
        .exits(22)
        .is_quiet();
}

#[test]
fn verbose_shows_both_heads() {
    let server = says(&[text("x")]);
    let output = wirecat([
        "-v",
        "-u",
        "me:secret",
        "-H",
        "X-A: b",
        &server.url("/p?q=1"),
    ])
    .run();
    let address = server.address;
    output.exits(0).prints("x\n").complains(&[
        &format!("* connecting to {address}\n> GET /p?q=1 HTTP/1.1\n> Host: {address}\n"),
        "> X-A: b\n",
        "> Authorization: Basic [redacted]\n",
        "< HTTP/1.1 101 Switching Protocols\n",
        &format!("connected to {address}\n"),
        "closed by server: 1000 (normal closure)\n",
    ]);
    assert!(!output.stderr.contains("bWU6c2VjcmV0"), "{}", output.stderr);
}

#[test]
fn show_ping_pong_shows_pings() {
    let frames = [frame_of(0x89, b"hey"), frame_of(0x8a, &[0, 1])];
    receives(&[], &frames).exits(0).prints("").is_quiet();
    let output = receives(&["--show-ping-pong"], &frames);
    assert_eq!(
        output.stderr,
        "< ping \"hey\"\n> pong \"hey\"\n< pong 0001\n"
    );
}

#[test]
fn colour_follows_options_and_environment() {
    let server = || says(&[text("{\"a\":1}")]);
    for (args, variables, colored) in [
        (&[][..], &[][..], false),
        (&["--color", "always"], &[], true),
        (&["--color=never"], &[("FORCE_COLOR", "1")], false),
        (&[], &[("FORCE_COLOR", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&["--color=always"], &[("NO_COLOR", "1")], true),
    ] {
        let server = server();
        let url = server.url("/");
        let mut command = wirecat([&["--format", "pretty", &url], args].concat());
        for (name, value) in variables {
            command = command.env(name, value);
        }
        let expected = match colored {
            true => "< {\x1b[1;34m\"a\"\x1b[0m: 1}\n",
            false => "< {\"a\": 1}\n",
        };
        command.run().prints(expected);
    }
}

#[test]
fn a_terminal_has_colour_and_pretty_by_default() {
    for (variables, expected) in [
        (
            &[("TERM", "xterm"), ("NO_COLOR", "")][..],
            "< {\x1b[1;34m\"a\"\x1b[0m: 1}\r\n",
        ),
        (&[("TERM", "dumb"), ("NO_COLOR", "")], "< {\"a\": 1}\r\n"),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.message();
            wire.send([text("{\"a\":1}"), close(1000, "")].concat());
            wire.until_close();
        });
        let pty = Pty::start_with(&["-d", "x", &server.url("/")], variables);
        let (status, written) = pty.end();
        assert_eq!(status.code(), Some(0));
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}

#[test]
fn a_narrow_terminal_has_json_laid_out_for_it() {
    let message = r#"{"id":1,"tags":["first","second"],"name":"a"}"#;
    for (columns, expected) in [
        (
            80,
            "< {\"id\": 1, \"tags\": [\"first\", \"second\"], \"name\": \"a\"}\r\n",
        ),
        (
            40,
            "< {\r\n    \"id\": 1,\r\n    \"tags\": [\"first\", \"second\"],\r\n    \"name\": \"a\"\r\n  }\r\n",
        ),
    ] {
        let server = raw(move |mut wire| {
            wire.handshake();
            wire.message();
            wire.send([text(message), close(1000, "")].concat());
            wire.until_close();
        });
        let script = format!("stty cols {columns}; exec \"$0\" \"$@\"");
        let args = ["-c", &script, WIRECAT, "-d", "x", &server.url("/")];
        let (_, written) = Pty::start_program("sh", &args, &[("TERM", "dumb")]).end();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}

#[test]
fn a_terminal_whose_locale_is_not_utf8_gets_ascii() {
    for (locale, expected) in [("C", "< \\xe9\r\n"), ("C.UTF-8", "< é\r\n")] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.message();
            wire.send([text("é"), close(1000, "")].concat());
            wire.until_close();
        });
        let environment = [("TERM", "dumb"), ("LC_ALL", locale)];
        let pty = Pty::start_with(&["-d", "x", &server.url("/")], &environment);
        assert_eq!(String::from_utf8(pty.end().1).unwrap(), expected);
    }
}
