//! Messages from stdin or `-d` to the server, replies to stdout.

use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::scripts::{collect, collects, says, sh};
use crate::support::server::{Frame, Wire, frame_of, raw, serve, text};
use crate::support::{output, wirecat};

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// What the server gets of this input.
#[track_caller]
fn sends(args: &[&str], stdin: &[u8], expected: &[(u8, &[u8])]) {
    let server = collects();
    let url = server.url("/");
    wirecat([&["--on-eof", "close", &url], args].concat())
        .stdin(stdin)
        .run()
        .exits(0)
        .prints("")
        .is_quiet();
    let got = server.result();
    let got: Vec<(u8, &[u8])> = got.iter().map(|(op, data)| (*op, &data[..])).collect();
    assert_eq!(got, expected, "{args:?}");
}

#[test]
fn all_replies_arrive_whatever_the_delay() {
    for delay in ["0", "500ms", "1s"] {
        let server = serve();
        wirecat([server.url(&format!("/echo?delay={delay}"))])
            .stdin("one\ntwo\nthree\n")
            .run()
            .exits(0)
            .prints("one\ntwo\nthree\n")
            .is_quiet();
    }
}

#[test]
fn input_that_ends_before_the_connection_is_open_is_not_lost() {
    let (open, opened) = mpsc::channel();
    let server = raw(move |mut wire| {
        opened.recv().unwrap();
        wire.handshake();
        collect(&mut wire)
    });
    let mut child = wirecat(["--on-eof", "close", &server.url("/")]).spawn();
    child.stdin.take().unwrap().write_all(b"a\nb").unwrap();
    open.send(()).unwrap();
    output(child).exits(0).is_quiet();
    assert_eq!(
        server.result(),
        [(TEXT, b"a".to_vec()), (TEXT, b"b".to_vec())]
    );
}

#[test]
fn every_way_to_cut_stdin() {
    for (frame, stdin, expected) in [
        ("line", "a\n\nb\r\nc", &["a", "", "b", "c"][..]),
        ("line", "", &[]),
        ("nul", "a\nb\0\0c", &["a\nb", "", "c"]),
        ("whole", "a\nb\n", &["a\nb\n"]),
        (
            "json",
            "{\"a\":\n [1]}{} 2\n\"x\"",
            &["{\"a\":\n [1]}", "{}", "2", "\"x\""],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|s| (TEXT, s.as_bytes())).collect();
        sends(&["--frame", frame], stdin.as_bytes(), &expected);
    }
}

#[test]
fn every_way_to_write_bytes() {
    for (args, stdin, expected) in [
        (&["--text"][..], &b"\xc3\xa9\n"[..], (TEXT, "é".as_bytes())),
        (&["--binary"], b"\xff\n", (BINARY, b"\xff")),
        (&["--hex"], b"00 ff0A\n", (BINARY, b"\0\xff\n")),
        (&["--hex", "--text"], b"6869\n", (TEXT, b"hi")),
        (&["--base64"], b"AP8K\n", (BINARY, b"\0\xff\n")),
        (
            &["--escapes"],
            b"a\\n\\0\\x1e\\u2028\\\\\n",
            (TEXT, "a\n\0\x1e\u{2028}\\".as_bytes()),
        ),
        (&["--escapes", "--binary"], b"\\xff\n", (BINARY, b"\xff")),
        (&["--hex", "-d", "ff"], b"", (BINARY, b"\xff")),
    ] {
        sends(args, stdin, &[expected]);
    }
}

#[test]
fn a_long_line_is_one_message() {
    let line = "0123456789abcdef".repeat(5 << 16);
    sends(
        &[],
        format!("{line}\n").as_bytes(),
        &[(TEXT, line.as_bytes())],
    );
}

#[test]
fn data_replaces_stdin_and_on_open_is_sent_first() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "from\na file\n").unwrap();
    let at_file = format!("@{}", file.path().display());
    for (args, stdin, expected) in [
        (
            &["-d", "a", "-d", "", "-d", "b"][..],
            "not this\n",
            &["a", "", "b"][..],
        ),
        (&["-d", &at_file], "", &["from\na file\n"]),
        (
            &["-d", "@-", "-d", "x"],
            "all\nof it\n",
            &["all\nof it\n", "x"],
        ),
        (&["-d", "-1"], "", &["-1"]),
        (&["-d=-1"], "", &["-1"]),
        (&["--data=--x"], "", &["--x"]),
        (
            &["--on-open", "1", "--on-open", "2"],
            "3\n",
            &["1", "2", "3"],
        ),
        (&["-d", "3", "--on-open", "1"], "", &["1", "3"]),
        (&["--on-open", &at_file], "", &["from\na file\n"]),
    ] {
        let expected: Vec<_> = expected.iter().map(|s| (TEXT, s.as_bytes())).collect();
        sends(args, stdin.as_bytes(), &expected);
    }
}

#[test]
fn an_empty_stdin_and_a_closed_one_are_alike() {
    for stdin in ["</dev/null", "<&-"] {
        for (data, expected) in [("-d a -d b", &["a", "b"][..]), ("", &[])] {
            let server = collects();
            let url = server.url("/");
            sh(
                &format!("\"$0\" {data} --on-eof close \"$1\" {stdin}"),
                &[&url],
            )
            .exits(0)
            .is_quiet();
            let expected: Vec<_> = expected
                .iter()
                .map(|s| (TEXT, s.as_bytes().to_vec()))
                .collect();
            assert_eq!(server.result(), expected, "{stdin}");
        }
    }
}

#[test]
fn bad_input_is_reported_after_earlier_messages_were_answered() {
    let server = serve();
    wirecat([server.url("/echo?delay=300ms")])
        .stdin(b"one\ntwo\nth\xffree\nfour\n")
        .run()
        .exits(2)
        .prints("one\ntwo\n")
        .complains(&["stdin, line 3: byte 3 (0xff) is not UTF-8", "--binary"]);
    for (args, stdin, place) in [
        (&["--hex"][..], "00\n0\n", "line 2: 1 hex digits"),
        (&["--base64"], "?\n", "line 1: it is not base64"),
        (&["--escapes"], "\\q\n", "line 1: '\\q' is not an escape"),
        (&["--frame", "json"], "{}\n{]\n", "line 2: not JSON"),
    ] {
        let server = collects();
        wirecat([args, &["--on-eof", "close", &server.url("/")]].concat())
            .stdin(stdin)
            .run()
            .exits(2)
            .complains(&[place]);
    }
}

#[test]
fn lockstep_waits_for_each_reply() {
    let server = raw(|mut wire| {
        wire.handshake();
        for expected in ["a", "b", "c"] {
            assert_eq!(wire.message(), expected.as_bytes());
            // A pong is no reply. Had the next message been sent, it would come before it.
            wire.send(frame_of(0x89, b"?"));
            assert_eq!(wire.frame().unwrap().opcode, 10);
            wire.send(text(&format!("to {expected}")));
        }
        wire.answer_close();
    });
    wirecat(["--lockstep", "--count", "3", &server.url("/")])
        .stdin("a\nb\nc\n")
        .run()
        .exits(0)
        .prints("to a\nto b\nto c\n")
        .is_quiet();
    server.result();
}

#[test]
fn lockstep_counts_replies_to_other_messages() {
    // A token, --on-open and a heartbeat, each of which has a reply of its own.
    let server = raw(|mut wire| {
        wire.handshake();
        assert!(wire.message().ends_with(b"\"secret-token\"}"));
        assert_eq!(wire.message(), b"hello");
        assert_eq!(wire.message(), b"a");
        assert_eq!(wire.message(), b"beat");
        for reply in ["to the token", "to hello"] {
            wire.send(text(reply));
            // Had the next message been sent, it would come before the pong.
            wire.send(frame_of(0x89, b"?"));
            let next = not_a_beat(&mut wire);
            assert_eq!(next.opcode, 10, "after the reply {reply}: {next:?}");
        }
        wire.send(text("to a"));
        assert_eq!(not_a_beat(&mut wire).payload, b"b");
        wire.close(1000, "");
    });
    wirecat([
        "--lockstep",
        "--token=secret-token",
        "--token-via=message",
        "--on-open=hello",
        "--heartbeat=beat",
        "--heartbeat-interval=300ms",
        &server.url("/"),
    ])
    .stdin("a\nb\n")
    .run()
    .exits(0)
    .prints("to the token\nto hello\nto a\n")
    .is_quiet();
    server.result();
}

/// The next frame but heartbeats.
fn not_a_beat(wire: &mut Wire) -> Frame {
    loop {
        let frame = wire.frame().unwrap();
        if frame.payload != b"beat" {
            return frame;
        }
    }
}

#[test]
fn a_rate_is_not_exceeded() {
    let server = raw(|mut wire| {
        let request = wire.request();
        let start = Instant::now();
        wire.accept(&request, "", b"");
        (collect(&mut wire), start.elapsed())
    });
    wirecat(["--rate", "20", "--on-eof", "close", &server.url("/")])
        .stdin("1\n2\n3\n4\n5\n")
        .run()
        .exits(0);
    let (messages, took) = server.result();
    let texts: Vec<_> = messages.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, [b"1", b"2", b"3", b"4", b"5"]);
    assert!(took >= Duration::from_millis(200), "{took:?}");
}

#[test]
fn output_goes_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let server = says(&[text("x"), frame_of(0x82, b"\0\xff")]);
    wirecat(["-o", path.to_str().unwrap(), &server.url("/")])
        .run()
        .exits(0)
        .prints("")
        .is_quiet();
    assert_eq!(std::fs::read(&path).unwrap(), b"x\n\0\xff");
    let server = says(&[text("x")]);
    wirecat([&server.url("/"), "-o", "-"])
        .run()
        .exits(0)
        .prints("x\n");
    wirecat(["-o", "/nowhere/at/all", "ws://127.0.0.1:9/"])
        .run()
        .exits(2)
        .complains(&["wirecat: -o /nowhere/at/all: No such file"]);
}

#[test]
fn a_failing_disk_is_reported() {
    let server = says(&[text("x")]);
    wirecat(["-o", "/dev/full", &server.url("/")])
        .run()
        .exits(2)
        .complains(&["wirecat: cannot write the output: No space left on device"]);
}

#[test]
fn usage_errors() {
    for (args, words) in [
        (&["--idle", "2 days", "ws://h/"][..], "'--idle <T>'"),
        (&["--count", "x", "ws://h/"], "'--count <N>'"),
        (&["--rate", "0", "ws://h/"], "'--rate <N>'"),
        (&["--frobnicate", "ws://h/"], "'--frobnicate'"),
        (&["-1", "--count", "2", "ws://h/"], "cannot be used with"),
        (
            &["--json", "--format", "raw", "ws://h/"],
            "cannot be used with",
        ),
        (&["--hex", "--base64", "ws://h/"], "cannot be used with"),
        (
            &["--frame", "word", "ws://h/"],
            "possible values: line, nul, whole, json",
        ),
        (&["ws://h/", "extra"], "'extra'"),
        (
            &["-d", "@/nowhere", "ws://h/"],
            "-d @/nowhere: No such file",
        ),
        (
            &["--hex", "-d", "xx", "ws://h/"],
            "-d: 'x' is not a hex digit",
        ),
        (&[], "<URL>"),
    ] {
        wirecat(args).run().exits(2).prints("").complains(&[words]);
    }
}

#[test]
fn options_may_follow_the_url() {
    let server = serve();
    wirecat([&server.url("/echo"), "-d", "x", "-1"])
        .run()
        .exits(0)
        .prints("x\n");
}

#[test]
fn an_option_without_effect_is_reported_once_on_stderr() {
    let server = serve();
    let url = server.url("/echo");
    let options = [
        "-d", "x", "-1", "--frame", "events", "--outbox", "1MB", &url,
    ];
    let run = wirecat(options).run();
    run.exits(0).prints("x\n");
    assert_eq!(
        run.stderr,
        "wirecat: --frame has no effect with -d, as stdin is not read\n\
         wirecat: --outbox has no effect without --confirm\n"
    );
    wirecat([&options[..], &["-s"]].concat())
        .run()
        .exits(0)
        .prints("x\n")
        .is_quiet();
}

#[test]
fn a_leading_at_is_written_as_two() {
    let server = serve();
    let url = server.url("/echo");
    let options = ["-d", "@@all", "--on-open", "@@@", "--count", "2", &url];
    wirecat(options)
        .run()
        .exits(0)
        .prints("@@\n@all\n")
        .is_quiet();
    for option in ["-d", "--on-open", "--heartbeat"] {
        let run = wirecat([option, "@all", &url]).run();
        run.exits(2).prints("");
        assert_eq!(
            run.stderr,
            format!(
                "wirecat: {option} @all: No such file or directory\n  \
                 try: @FILE reads a file; a message that begins with @ is written as @@all\n"
            )
        );
    }
    let beats = [
        "--heartbeat",
        "@@beat",
        "--heartbeat-interval",
        "50ms",
        "-1",
    ];
    wirecat([&beats[..], &["--on-eof", "stay", &url]].concat())
        .run()
        .exits(0)
        .prints("@beat\n");
}
