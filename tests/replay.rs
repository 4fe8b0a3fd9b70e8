//! `wirecat replay` and `wirecat serve --replay`: a recording as it was shown, sent again, and played to
//! clients.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::pty::Pty;
use crate::support::server::{Wire, close, raw, raws, serve, text};
use crate::support::serving::Serving;
use crate::support::{Output, PATIENCE, output, send, wait, wirecat};

/// A recording in a directory that goes when it is dropped.
struct Recording {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Recording {
    /// A recording of these lines.
    fn of(lines: &[&str]) -> Recording {
        let recording = Recording::empty();
        fs::write(&recording.path, lines.join("\n") + "\n").unwrap();
        recording
    }

    fn empty() -> Recording {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recording.jsonl");
        Recording {
            _directory: directory,
            path,
        }
    }

    /// What a run against `/echo` with these messages records.
    fn echoed(url: &str, messages: &[&str]) -> Recording {
        let recording = Recording::empty();
        let data = messages.iter().flat_map(|message| ["-d", message]);
        let options = ["--record", recording.name(), "--idle", "100ms", url];
        let run = wirecat(options.into_iter().chain(data)).run();
        run.exits(0);
        recording
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Replaces a text that is in it.
    #[track_caller]
    fn replace(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&self.path, text.replacen(from, to, 1)).unwrap();
    }

    /// Shows it.
    fn show(&self, options: &[&str]) -> Output {
        wirecat([&["replay", self.name()], options].concat()).run()
    }

    /// Sends what it sent, as fast as possible.
    fn send_to(&self, url: &str, options: &[&str]) -> Output {
        let fast = ["replay", "--speed", "max", self.name(), url];
        wirecat([&fast, options].concat()).run()
    }
}

const HEADER: &str =
    r#"{"type":"header","v":1,"url":"ws://x/","started":"2026-11-20T10:00:00.000000Z"}"#;
const OPEN: &str = r#"{"type":"open","t":0.5,"conn":1,"status":101,"http":"1.1","subprotocol":null,"extensions":null,"timing":{}}"#;

fn sent(t: f64, text: &str) -> String {
    format!(r#"{{"type":"send","t":{t:?},"conn":1,"opcode":1,"data":"{text}"}}"#)
}

fn received(t: f64, text: &str) -> String {
    format!(r#"{{"type":"receive","t":{t:?},"conn":1,"opcode":1,"data":"{text}"}}"#)
}

/// A binary message in base64.
fn binary(data: &str) -> String {
    format!(
        r#"{{"type":"receive","t":701.0,"conn":1,"opcode":2,"encoding":"base64","data":"{data}"}}"#
    )
}

const CLOSED: &str =
    r#"{"type":"close","t":9,"conn":1,"by":"peer","code":1000,"reason":"","clean":true}"#;

/// A recording of one connection with these lines after its opening.
fn connection(lines: &[&str]) -> Recording {
    Recording::of(&[&[HEADER, OPEN], lines].concat())
}

#[test]
fn in_a_pipe_the_messages_are_shown_as_they_came() {
    let (hello, one, two) = (
        sent(1.0, "hello"),
        received(2.0, "one"),
        received(700.0, r#"{\"n\":2}"#),
    );
    let binary = binary("AP8=");
    let recording = connection(&[&hello, &one, &two, &binary, CLOSED]);
    let shown = recording.show(&[]);
    shown.exits(0).prints(b"one\n{\"n\":2}\n\0\xff").is_quiet();
    let hex = recording.show(&["--format", "hex"]);
    hex.exits(0).prints("6f6e65\n7b226e223a327d\n00ff\n");
    recording.show(&["--filter", ".n"]).exits(0).prints("2\n");
    let times = recording.show(&["-t=relative", "--format", "line"]);
    times.exits(0);
    assert!(times.stdout_text().contains("700.000"), "{times:?}");
    let events = recording.show(&["--json"]);
    events.exits(0);
    let lines = events.stdout_text();
    assert!(lines.contains(&hello) && lines.contains(binary.trim_end_matches('}')));
    assert_eq!(lines.lines().count(), 8, "{lines}");
    // From stdin.
    let bytes = fs::read(&recording.path).unwrap();
    let piped = wirecat(["replay", "-", "--filter", ".n"])
        .stdin(bytes)
        .run();
    piped.exits(0).prints("2\n");
}

#[test]
fn on_a_terminal_a_recording_looks_as_it_did() {
    let lines = [sent(0.6, "hello"), received(0.7, r"a\u001b[2J\u202eb")];
    let lost =
        r#"{"type":"close","t":0.8,"conn":1,"by":"peer","code":1006,"reason":"","clean":false}"#;
    let recording = connection(&[&lines[0], &lines[1], lost]);
    let pty = Pty::start(&["replay", recording.name()]);
    let written = pty.exits(0);
    // There is no command that would show the rest.
    let long = Recording::of(&[
        HEADER,
        OPEN,
        &received(0.6, &"x".repeat(9000)),
        &binary(&"AAAA".repeat(900)),
    ]);
    let whole = Pty::start(&["replay", "--speed", "max", long.name()]).exits(0);
    assert!(!whole.contains("/more"), "{whole}");
    assert_eq!(whole.matches('x').count(), 9000);
    assert!(whole.contains("00000a80"), "{whole}");
    for expected in [
        "> ",
        "hello",
        r"a\x1b[2J\u{202e}b",
        "connected",
        "connection lost",
    ] {
        assert!(written.contains(expected), "{expected}: {written:?}");
    }
    assert!(!written.contains("\u{1b}[2J") && !written.contains('\u{202e}'));
}

#[test]
fn gaps_are_kept_at_the_speed_that_is_wanted() {
    let lines = [received(1.0, "one"), received(3.0, "two")];
    let recording = connection(&[&lines[0], &lines[1]]);
    let begun = Instant::now();
    recording
        .show(&["--speed", "10"])
        .exits(0)
        .prints("one\ntwo\n");
    assert!(begun.elapsed() >= Duration::from_millis(250));
    for wrong in ["0", "-1", "fast"] {
        let option = format!("--speed={wrong}");
        recording.show(&[&option]).exits(2).complains(&["above 0"]);
    }
}

#[test]
fn a_signal_ends_a_long_gap_at_once() {
    let lines = [received(1.0, "one"), received(1000.0, "two")];
    let recording = connection(&[&lines[0], &lines[1]]);
    let mut child = wirecat(["replay", "--speed", "1", recording.name()]).spawn();
    let mut first = [0; 4];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    assert_eq!(&first, b"one\n");
    send(Signal::SIGINT, &child);
    let status = wait(&mut child).unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(2)
    );
}

#[test]
fn what_cannot_be_read_is_named_by_its_line() {
    let one = received(1.0, "one");
    let recording = connection(&[r#"{"type":"receive","data":7}"#, &one, r#"{"type":"rec"#]);
    let text = fs::read_to_string(&recording.path).unwrap();
    fs::write(&recording.path, text.trim_end()).unwrap();
    let shown = recording.show(&[]);
    shown.exits(0).prints("one\n").complains(&[
        "line 3 is left out: \"data\" must not be 7",
        "the last line is cut off, and left out: line 5",
    ]);
    let nothing = Recording::of(&["hello \u{1b}[2J"]);
    let refused = nothing.show(&[]);
    refused.exits(2).complains(&["not a recording: not JSON"]);
    let none = wirecat(["replay", "/nowhere"]).run();
    none.exits(2).complains(&["/nowhere: No such file"]);
    let empty = Recording::of(&[HEADER]);
    empty
        .show(&[])
        .exits(2)
        .complains(&["there is no connection"]);
}

#[test]
fn one_of_several_connections_is_taken() {
    let lines = [received(1.0, "one"), received(1.0, "two")];
    let recording = Recording::of(&[HEADER, OPEN, &lines[0], HEADER, OPEN, &lines[1]]);
    recording.show(&[]).exits(0).prints("one\ntwo\n");
    recording.show(&["--entry", "2"]).exits(0).prints("two\n");
    let third = recording.show(&["--entry", "3"]);
    third
        .exits(2)
        .complains(&["--entry 3: the recording has the connections 1 to 2"]);
}

#[test]
fn a_recording_of_a_deterministic_endpoint_compares_equal() {
    let server = serve();
    let url = server.url("/echo");
    let messages = ["one", r#"{"n":1}"#, "\u{85} zwei"];
    let recording = Recording::echoed(&url, &messages);
    for options in [&[][..], &["--lockstep"], &["--unordered"]] {
        let run = recording.send_to(&url, options);
        run.exits(0)
            .prints("3 replies came as recorded\n")
            .is_quiet();
    }
    // What is replayed can be recorded, and compares equal again.
    let again = Recording::empty();
    let run = recording.send_to(&url, &["--record", again.name()]);
    run.exits(0);
    again.send_to(&url, &[]).exits(0);
}

#[test]
fn a_changed_reply_fails_and_is_named() {
    let server = serve();
    let url = server.url("/echo");
    let recording = Recording::echoed(&url, &["one", r#"{"n":1,"x":2}"#, "three"]);
    recording.replace(r#""receive","t""#, r#""receive","unknown":1,"t""#);
    let text = fs::read_to_string(&recording.path).unwrap();
    let place = text.find(r#"\"n\":1,\"x\":2}"#).unwrap();
    let (before, after) = text.split_at(place + 1);
    let changed = after.replacen(r#"\"n\":1"#, r#"\"n\":7"#, 1);
    fs::write(&recording.path, format!("{before}{changed}")).unwrap();
    let line = 1 + fs::read_to_string(&recording.path)
        .unwrap()
        .lines()
        .position(|line| line.contains(r#"\"n\":7"#))
        .unwrap();
    let run = recording.send_to(&url, &[]);
    let expected = format!(
        "reply 2 (line {line} of the recording) differs\n  {{\n-   \"n\": 7\n+   \"n\": 1\n    \"x\": 2\n  }}\n"
    );
    run.exits(1).prints(expected);
    run.complains(&["not as recorded: 1 reply changed; 2 replies equal"]);
    recording.send_to(&url, &["--ignore", ".n"]).exits(0);
    let wrong = recording.send_to(&url, &["--ignore", ".n +"]);
    wrong.exits(2).complains(&["--ignore: "]);
    let ordered = recording.send_to(&url, &["--ignore", "1"]);
    ordered.exits(2).complains(&["--ignore: 1 is no path"]);
}

#[test]
fn replies_that_are_missing_or_not_recorded_fail() {
    let server = serve();
    let url = server.url("/echo");
    let recording = Recording::echoed(&url, &["one", "two"]);
    let text = fs::read_to_string(&recording.path).unwrap();
    let is_reply = |line: &&str| line.contains("receive") && line.contains("two");
    let without: Vec<_> = text.lines().filter(|line| !is_reply(line)).collect();
    let extra = Recording::of(&without).send_to(&url, &[]);
    extra
        .exits(1)
        .prints("reply 2 is not in the recording\n+ two\n");
    let three = received(0.2, "three");
    let more: Vec<_> = text.lines().take(7).chain([&*three]).collect();
    let begun = Instant::now();
    let missing = Recording::of(&more).send_to(&url, &["--reply-timeout", "200ms"]);
    missing
        .exits(1)
        .prints("reply 3 (line 8 of the recording) did not come\n- three\n");
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn replies_in_another_order_are_equal_if_that_is_allowed() {
    let lines = [sent(1.0, "go"), received(1.0, "a"), received(1.0, "b")];
    let recording = connection(&[&lines[0], &lines[1], &lines[2], CLOSED]);
    let server = || {
        raws(1, |_, mut wire| {
            wire.handshake();
            wire.message();
            wire.send([text("b"), text("a"), close(1000, "")].concat());
            wire.until_close();
        })
    };
    let first = server();
    let ordered = recording.send_to(&first.url("/"), &[]);
    ordered.exits(1);
    first.result();
    let second = server();
    let unordered = recording.send_to(&second.url("/"), &["--unordered"]);
    unordered.exits(0).prints("2 replies came as recorded\n");
    second.result();
}

/// The client sends nothing for a while.
#[track_caller]
fn hears_nothing(wire: &Wire) {
    let while_it_waits = Some(Duration::from_millis(200));
    wire.0.set_read_timeout(while_it_waits).unwrap();
    assert!(wire.0.peek(&mut [0]).is_err());
    wire.0.set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn in_lockstep_a_message_waits_for_the_replies_before_it() {
    let lines = [
        received(1.0, "hi"),
        sent(1.0, "one"),
        received(1.1, "1"),
        sent(1.1, "two"),
        received(1.2, "2"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain([CLOSED]).collect();
    let recording = connection(&lines);
    let server = raw(|mut wire| {
        wire.handshake();
        hears_nothing(&wire);
        wire.send(text("hi"));
        assert_eq!(wire.message(), b"one");
        hears_nothing(&wire);
        wire.send(text("1"));
        assert_eq!(wire.message(), b"two");
        wire.send([text("2"), close(1000, "")].concat());
        wire.until_close();
    });
    let run = recording.send_to(&server.url("/"), &["--lockstep"]);
    run.exits(0).prints("3 replies came as recorded\n");
    server.result();
}

#[test]
fn the_end_of_the_connection_is_compared_too() {
    let server = serve();
    let closed =
        r#"{"type":"close","t":1,"conn":1,"by":"peer","code":4001,"reason":"x","clean":true}"#;
    let recording = connection(&[closed]);
    let same = recording.send_to(&server.url("/close/4001"), &[]);
    same.exits(0).prints("0 replies came as recorded\n");
    let other = recording.send_to(&server.url("/close/4002"), &[]);
    other
        .exits(112)
        .prints("the server closed with 4002, and with 4001 before (line 3 of the recording)\n");
    let none = recording.send_to(&server.url("/echo"), &["--reply-timeout", "100ms"]);
    none.exits(1).prints(
        "the server did not close, and closed with 4001 before (line 3 of the recording)\n",
    );
    let refused = r#"{"type":"refused","t":0.1,"attempt":1,"status":401,"headers":[],"body":""}"#;
    let recording = Recording::of(&[HEADER, refused]);
    recording.send_to(&server.url("/status/401"), &[]).exits(0);
    recording.send_to(&server.url("/status/403"), &[]).exits(22);
    recording.send_to(&server.url("/echo"), &[]).exits(1);
}

#[test]
fn variables_are_filled_in_and_a_missing_secret_is_no_message() {
    let server = serve();
    let url = server.url("/echo");
    let lines = [
        sent(1.0, "join {{room}} {{x}}"),
        received(1.0, "join news {{x}}"),
    ];
    let recording = connection(&[&lines[0], &lines[1]]);
    recording.send_to(&url, &["--var", "room=news"]).exits(0);
    recording.send_to(&url, &[]).exits(1);
    let lines = [sent(1.0, "a"), sent(1.0, r#"{\"token\":\"[redacted]\"}"#)];
    let recording = connection(&[&lines[0], &lines[1]]);
    let run = recording.send_to(&url, &[]);
    run.exits(2).complains(&[
        "message 2 of the recording (line 4) has [redacted] in place of a secret",
        "--include-secrets",
    ]);
    let other = recording.send_to(&url, &["-d", "x"]);
    other
        .exits(2)
        .complains(&["--data: wirecat replay sends what was recorded"]);
}

#[test]
fn a_failure_of_the_connection_keeps_its_code() {
    let recording = connection(&[&received(1.0, "one")]);
    let run = recording.send_to("ws://127.0.0.1:1/", &[]);
    run.exits(7).complains(&["connection refused"]);
}

#[test]
fn a_server_plays_what_was_recorded() {
    let lines = [
        received(0.5, "hello"),
        sent(1.0, "beat").replace(r#""opcode""#, r#""origin":"heartbeat","opcode""#),
        sent(1.0, "ask"),
        received(1.1, "answer"),
    ];
    let closed =
        r#"{"type":"close","t":1.2,"conn":1,"by":"peer","code":4001,"reason":"bye","clean":true}"#;
    let open = OPEN.replace(r#""subprotocol":null"#, r#""subprotocol":"chat""#);
    let refused = r#"{"type":"refused","t":0.1,"attempt":1,"status":403,"headers":[["x-why","no"]],"body":""}"#;
    let recording = Recording::of(&[
        HEADER, &open, &lines[0], &lines[1], &lines[2], &lines[3], closed, HEADER, refused,
    ]);
    let server = Serving::start(&["-p", "0", "--replay", recording.name()]);
    let url = server.url("/any/path?x");
    let talk = |options: &[&str]| wirecat([options, &[&url]].concat()).run();
    let first = talk(&[
        "--subprotocol",
        "other",
        "--subprotocol",
        "chat",
        "-v",
        "-d",
        "beat",
        "-d",
        "x",
        "--on-eof",
        "stay",
    ]);
    first.exits(112).prints("hello\nanswer\n");
    first.complains(&["closed by server: 4001", "\"bye\"", "subprotocol chat"]);
    let second = talk(&["-d", "x", "-v"]);
    second.exits(22).complains(&["403", "X-Why: no"]);
    // From the beginning again, without the subprotocol that is not offered.
    let third = recording.send_to(&url, &["--entry", "1"]);
    third.exits(0).prints("2 replies came as recorded\n");
    drop(server.end());
}

#[test]
fn a_refusal_is_played_with_each_header_once() {
    let server = serve();
    for status in ["401", "429"] {
        let recording = Recording::empty();
        let url = server.url(&format!("/status/{status}"));
        let recorded = wirecat(["--record", recording.name(), "-v", &url]).run();
        recorded.exits(22);
        let playing = Serving::start(&["-p", "0", "--replay", recording.name()]);
        let played = wirecat(["-v", &playing.url("/")]).run();
        played.exits(22);
        let headers = |run: &Output| {
            let text = run.stderr.to_ascii_lowercase();
            let lines = text.lines().filter(|line| line.starts_with("< "));
            let lines = lines.filter(|line| !line.starts_with("< date"));
            let mut lines: Vec<_> = lines.map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        assert!(headers(&recorded).len() > 2, "{recorded:?}");
        assert_eq!(headers(&played), headers(&recorded));
        drop(playing.end());
    }
}

#[test]
fn a_server_plays_one_recording() {
    let recording = connection(&[CLOSED]);
    let twice = ["--replay", recording.name()].repeat(2);
    let run = wirecat([&["serve", "-p", "0"], &twice[..]].concat()).run();
    run.exits(2).complains(&[
        "--replay: one recording is played, and there are 2",
        "try: cat FILE FILE > BOTH",
    ]);
}

#[test]
fn a_url_in_place_of_the_recording_is_named() {
    let recording = connection(&[CLOSED]);
    for url in ["ws://localhost:1/", "localhost:1/x", "@there", ":1"] {
        let run = wirecat(["replay", url, recording.name()]).run();
        run.exits(2)
            .complains(&[url, "try: wirecat replay FILE URL"]);
    }
    let run = wirecat(["replay", "ws://localhost:1/"]).run();
    run.exits(2).complains(&["try: wirecat replay FILE URL"]);
    let mistyped = wirecat(["replay", "/nowhere"]).run();
    mistyped.exits(2);
    assert!(!mistyped.stderr.contains("try:"), "{mistyped:?}");
}

#[test]
fn a_server_plays_a_loss_and_keeps_the_times() {
    let lines = [received(0.6, "one"), received(0.9, "two")];
    let lost =
        r#"{"type":"close","t":1,"conn":1,"by":"peer","code":1006,"reason":"","clean":false}"#;
    let recording = connection(&[&lines[0], &lines[1], lost]);
    let server = Serving::start(&["-p", "0", "--replay", recording.name()]);
    let begun = Instant::now();
    let run = wirecat(["--on-eof", "stay", &server.url("/")]).run();
    run.exits(56).prints("one\ntwo\n");
    assert!(begun.elapsed() >= Duration::from_millis(490));
    // A recorded loss is as recorded.
    recording.send_to(&server.url("/"), &[]).exits(0);
    let fast = [
        "-p",
        "0",
        "--replay",
        recording.name(),
        "--replay-speed",
        "max",
    ];
    let fast = Serving::start(&fast);
    let health = wirecat(["--count", "0", &fast.url("/")]).run();
    assert!(matches!(health.code(), 0 | 56), "{health:?}");
    let wrong = wirecat(["serve", "--replay", "/nowhere"]).run();
    wrong
        .exits(2)
        .complains(&["--replay /nowhere: No such file"]);
}

#[test]
fn a_hostile_recording_is_played_as_far_as_the_protocol_allows() {
    let long = "x".repeat(300);
    for (code, reason) in [(1015, "x"), (4000, long.as_str())] {
        let closed = format!(
            r#"{{"type":"close","t":0.5,"conn":1,"by":"peer","code":{code},"reason":"{reason}"}}"#
        );
        let open = OPEN.replace(r#""subprotocol":null"#, r#""subprotocol":"a\r\nX: y""#);
        let ping = format!(r#"{{"type":"ping","t":0.5,"conn":1,"dir":"receive","data":"{long}"}}"#);
        let recording = Recording::of(&[HEADER, &open, &ping, &closed]);
        let server = Serving::start(&["-p", "0", "--replay", recording.name()]);
        let run = wirecat(["--json", "--on-eof", "stay", &server.url("/")]).run();
        assert!(matches!(run.code(), 0 | 112), "{run:?}");
        assert!(run.stdout_text().contains(r#""by":"peer""#), "{run:?}");
        let log = server.end().stderr;
        assert!(log.contains("--replay: line 3 is left out"), "{log}");
    }
}

/// A connection that was lost, and made again.
fn reconnected() -> Recording {
    let lost =
        r#"{"type":"close","t":1.0,"conn":1,"by":"peer","code":1006,"reason":"","clean":false}"#;
    let again = OPEN.replace(r#""t":0.5,"conn":1"#, r#""t":2.0,"conn":2"#);
    connection(&[
        &received(0.6, "first"),
        &sent(0.7, "a"),
        lost,
        &again,
        &sent(2.1, "b"),
        &received(2.2, "second"),
        CLOSED,
    ])
}

#[test]
fn a_connection_that_was_made_again_is_made_again() {
    let recording = reconnected();
    let server = raws(2, |number, mut wire| {
        wire.handshake();
        if number == 1 {
            wire.send(text("first"));
            assert_eq!(wire.message(), b"a");
        } else {
            assert_eq!(wire.message(), b"b");
            wire.send([text("second"), close(1000, "")].concat());
            wire.until_close();
        }
    });
    let run = recording.send_to(&server.url("/"), &["--lockstep"]);
    run.exits(0).prints("2 replies came as recorded\n");
    server.result();
    // What fails on the second one says so.
    let server = raws(2, |number, mut wire| {
        wire.handshake();
        if number == 1 {
            wire.send(text("first"));
            assert_eq!(wire.message(), b"a");
        } else {
            wire.send([text("other"), close(1000, "")].concat());
            wire.until_close();
        }
    });
    let run = recording.send_to(&server.url("/"), &[]);
    run.exits(1)
        .prints("connection 2:\nreply 1 (line 8 of the recording) differs\n- second\n+ other\n");
    server.result();
}

#[test]
fn a_client_that_reconnects_is_played_what_came_after_that() {
    let recording = reconnected();
    let server = Serving::start(&[
        "-p",
        "0",
        "--replay",
        recording.name(),
        "--replay-speed",
        "max",
    ]);
    let options = [
        "--reconnect",
        "--reconnect-delay",
        "10ms",
        "--on-open",
        "x",
        "--on-eof",
        "stay",
    ];
    let run = wirecat([&options[..], &[&server.url("/")]].concat()).run();
    run.exits(0).prints("first\nsecond\n");
}

#[test]
fn a_signal_ends_a_replay_with_a_close_and_what_was_found() {
    let (server, lines) = (
        serve(),
        [sent(0.5, "one"), received(0.5, "one"), sent(900.0, "two")],
    );
    let recording = connection(&[&lines[0], &lines[1], &lines[2]]);
    let log = Recording::empty();
    let url = server.url("/echo");
    let child = wirecat(["replay", "--record", log.name(), recording.name(), &url]).spawn();
    let begun = Instant::now();
    while !fs::read_to_string(&log.path).is_ok_and(|text| text.contains(r#""receive""#)) {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    send(Signal::SIGINT, &child);
    let ended = output(child);
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended.status);
    assert_eq!(signal, Some(Signal::SIGINT as i32), "{ended:?}");
    ended.prints("1 reply came as recorded\n");
    assert!(
        fs::read_to_string(&log.path)
            .unwrap()
            .contains(r#""clean":true"#)
    );
}

#[test]
fn a_profile_says_where_and_how_to_connect_and_not_when_to_stop() {
    let server = serve();
    let recording = Recording::echoed(&server.url("/echo"), &["{{room}}", "two", "three"]);
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("wirecat")).unwrap();
    let url = server.url("/echo");
    let profile = format!(
        "[defaults]\ncount = 1\nlockstep = true\n[profile.here]\nurl = \"{url}\"\nreconnect = true\nconfirm = \"reply\"\n"
    );
    fs::write(directory.path().join("wirecat/config.toml"), profile).unwrap();
    let home = directory.path().to_str().unwrap();
    let run = wirecat(["replay", "--speed", "max", recording.name(), "@here", "-v"])
        .env("XDG_CONFIG_HOME", home)
        .run();
    run.exits(0).prints("3 replies came as recorded\n");
    let none = wirecat(["replay", recording.name(), "@there"])
        .env("XDG_CONFIG_HOME", home)
        .run();
    none.exits(2).complains(&["there"]);
}

#[test]
fn options_that_the_recording_decides_are_refused() {
    let recording = connection(&[CLOSED]);
    for option in [
        "--reconnect",
        "--reconnect=3",
        "--confirm=reply",
        "--count=1",
    ] {
        let run = recording.send_to("ws://localhost:1/", &[option]);
        let name = option.split('=').next().unwrap();
        run.exits(2).complains(&[&format!(
            "{name}: wirecat replay sends what was recorded, and ends when it did"
        )]);
    }
}

#[test]
fn an_archive_of_a_browser_is_replayed_too() {
    let server = serve();
    let url = server.url("/echo");
    let recording = Recording::echoed(&url, &["one", r#"{"n":2}"#]);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("chat.har");
    let archive = archive.to_str().unwrap();
    wirecat(["convert", recording.name(), "-o", archive])
        .run()
        .exits(0);
    wirecat(["replay", archive])
        .run()
        .exits(0)
        .prints("one\n{\"n\":2}\n");
    wirecat(["replay", "--speed", "max", archive, &url])
        .run()
        .exits(0)
        .prints("2 replies came as recorded\n");
}
