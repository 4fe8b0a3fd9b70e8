//! When a pipe stops, and what it says of what it leaves behind.

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::scripts::{says, sh};
use crate::support::server::{close, frame_of, raw, serve, text};
use crate::support::{output, wait, wirecat};

#[test]
fn every_stop_condition() {
    for (args, expected) in [
        (&["--count", "2"][..], "{\"n\":1}\n{\"n\":2}\n"),
        (&["--until", ".n == 2"], "{\"n\":1}\n{\"n\":2}\n"),
        (&["-1"], "{\"n\":1}\n"),
        (&["--one-message"], "{\"n\":1}\n"),
        (&["--count", "3", "--until", ".n == 1"], "{\"n\":1}\n"),
    ] {
        // All at once, and the server does not close by itself.
        let server = raw(|mut wire| {
            wire.handshake_with(
                "",
                &["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"].map(text).concat(),
            );
            let close = wire.until_close().unwrap();
            wire.send(frame_of(0x88, &close.payload));
            close.close_code()
        });
        wirecat([args, &[&server.url("/")]].concat())
            .run()
            .exits(0)
            .prints(expected)
            .is_quiet();
        assert_eq!(server.result(), Some(1000), "{args:?}");
    }
}

#[test]
fn a_condition_that_is_not_met_is_exit_1() {
    for args in [
        &["--count", "2"][..],
        &["--until", ".x"],
        &["-1", "--filter", "."],
    ] {
        let frames = if args[0] == "-1" {
            vec![]
        } else {
            vec![text("{}")]
        };
        let server = says(&frames);
        wirecat([args, &[&server.url("/")]].concat())
            .run()
            .exits(1)
            .complains(&["wirecat: the connection ended before --count, --until or -1 was met\n"]);
    }
}

/// The message of each event of this type.
fn messages_of(kind: &str, events: &str) -> Vec<String> {
    let events = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let events = events.filter(|event: &serde_json::Value| event["type"] == kind);
    let messages = events.map(|event| {
        if kind == "error" {
            assert_eq!(event["exit"], 1, "{event}");
        }
        event["message"].as_str().unwrap().to_owned()
    });
    messages.collect()
}

#[test]
fn every_reason_for_exit_1_is_an_event() {
    let server = serve();
    let echo = server.url("/echo");
    let unmet = "the connection ended before --count, --until or -1 was met";
    let after = "--on-open 'after .ready: …' was never met, so it was not sent";
    for (args, errors) in [
        (&["-d", "x", "--until", ".x"][..], &[unmet][..]),
        (&["-d", "x", "--count", "2"], &[unmet]),
        (&["--on-open", "after .ready: x"], &[after]),
        (
            &["--until", ".x", "--on-open", "after .ready: x"],
            &[unmet, after],
        ),
        (&["--run", "exit 3"], &["--run: exited with status 3"]),
    ] {
        let run = wirecat([args, &["--json", "-s", "--idle", "300ms", &echo]].concat())
            .stdin("")
            .run();
        run.exits(1);
        assert_eq!(messages_of("error", &run.stdout_text()), errors, "{args:?}");
    }
}

#[test]
fn what_was_lost_is_a_warning_among_the_events() {
    let server = serve();
    let run = wirecat([
        "--json",
        "-s",
        "-1",
        "-d",
        "x",
        "--answer",
        "true=A {{.[0]}}",
        &server.url("/echo"),
    ])
    .run();
    run.exits(0);
    let warnings = messages_of("warning", &run.stdout_text());
    assert!(
        matches!(&warnings[..], [one] if one.contains(".[0]")),
        "{warnings:?}"
    );
}

#[test]
fn every_way_to_end_the_input() {
    let server = serve();
    // Nothing ever comes: drain leaves after --idle, stay does not.
    let start = Instant::now();
    wirecat(["--idle", "300ms", &server.url("/silent")])
        .stdin("x\n")
        .run()
        .exits(0)
        .is_quiet();
    assert!(start.elapsed() >= Duration::from_millis(300));
    wirecat([
        "--on-eof",
        "stay",
        "--idle",
        "10ms",
        "-m",
        "500ms",
        &server.url("/silent"),
    ])
    .stdin("x\n")
    .run()
    .exits(28)
    .complains(&["--max-time is over"]);
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        thread::sleep(Duration::from_millis(300));
        wire.send(text("late"));
        wire.close(1000, "");
    });
    wirecat(["--on-eof", "stay", "--idle", "10ms", &server.url("/")])
        .stdin("x\n")
        .run()
        .exits(0)
        .prints("late\n")
        .is_quiet();
}

#[test]
fn a_reply_that_trickles_in_is_not_truncated() {
    let reply = "x".repeat(30);
    let frame = text(&reply);
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        // Longer than --idle as a whole.
        for byte in frame {
            wire.send([byte]);
            thread::sleep(Duration::from_millis(50));
        }
        wire.answer_close();
    });
    wirecat(["--idle", "1s", &server.url("/")])
        .stdin("x\n")
        .run()
        .exits(0)
        .prints(format!("{reply}\n"));
}

#[test]
fn input_not_sent_before_the_servers_close_is_exit_1() {
    for args in [
        &["--lockstep"][..],
        &["--lockstep", "-d", "a", "-d", "b", "-d", "c"],
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.message();
            wire.close(1000, "");
        });
        wirecat([args, &[&server.url("/")]].concat())
            .stdin("a\nb\nc\n")
            .run()
            .exits(1)
            .prints("")
            .complains(&["wirecat: 2 messages were not sent\n"]);
    }
}

#[test]
fn everything_that_was_read_ahead_is_counted() {
    const LINES: usize = 100_000;
    let (written, all_written) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        all_written.recv().unwrap();
        wire.close(1000, "");
    });
    let mut child = wirecat(["--lockstep", &server.url("/")]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all("x\n".repeat(LINES).as_bytes()).unwrap();
    written.send(()).unwrap();
    let output = output(child);
    output.exits(1);
    let number = output.stderr.split(' ').nth(1).unwrap();
    let unsent: usize = number
        .parse()
        .unwrap_or_else(|_| panic!("{}", output.stderr));
    // All but the one that was sent, what the pipe still holds, and perhaps the last piece read.
    assert!((LINES - 64 * 1024..LINES).contains(&unsent), "{unsent}");
    drop(stdin);
}

#[test]
fn a_reader_that_closes_stdout_ends_the_run_quietly() {
    let script = "{ seq 100000 | \"$0\" --on-eof stay \"$1\"; echo \"exit $?\" >&2; } | head -1";
    let server = serve();
    let output = sh(script, &[&server.url("/echo")]);
    assert_eq!(
        (&*output.stdout_text(), &*output.stderr),
        ("1\n", "exit 0\n")
    );
    // The server hears a Close, also when nothing of it was asked for any more.
    let server = raw(|mut wire| {
        wire.handshake();
        while wire.frame().is_some_and(|frame| frame.opcode != 8) {
            wire.send(text("more"));
        }
    });
    let script =
        "{ yes \"$2\" | \"$0\" --close-timeout 1m \"$1\"; echo \"exit $?\" >&2; } | head -1";
    // Long ones, so that those on their way are few.
    let output = sh(script, &[&server.url("/"), &"y".repeat(4000)]);
    assert_eq!(
        (&*output.stdout_text(), &*output.stderr),
        ("more\n", "exit 0\n")
    );
    server.result();
}

#[test]
fn a_stdout_closed_from_the_start_is_not_a_failure() {
    let server = says(&[text("x")]);
    sh("\"$0\" \"$1\" >&-", &[&server.url("/")])
        .exits(0)
        .is_quiet();
}

#[test]
fn a_close_with_a_reason_ends_a_pipe_with_its_code() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &[text("x"), close(4001, "no")].concat());
        wire.until_close().unwrap().close_code()
    });
    wirecat([server.url("/")])
        .run()
        .exits(112)
        .prints("x\n")
        .complains(&["closed by server: 4001 (private use) \"no\"\n"]);
    assert_eq!(server.result(), Some(4001));
}

#[test]
fn a_connection_that_breaks_is_exit_56() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text("x"));
        // The second message tells that the reply is there.
        wire.message();
        wire.reset();
    });
    wirecat(["--on-eof", "stay", "--lockstep", &server.url("/")])
        .stdin("a\nb\n")
        .run()
        .exits(56)
        .prints("x\n")
        .complains(&["connection lost without a Close frame (1006)", "  try: "]);
    server.result();
}

#[test]
fn lockstep_with_nothing_left_to_send_drains_like_any_other() {
    let server = serve();
    let url = server.url("/silent");
    wirecat(["--lockstep", "-d", "x", "--idle", "100ms", &url])
        .run()
        .exits(0)
        .is_quiet();
}

#[test]
fn pings_do_not_keep_a_drain_from_ending() {
    let server = serve();
    let url = server.url("/echo");
    wirecat([
        "--ping-interval",
        "50ms",
        "-d",
        "x",
        "--idle",
        "400ms",
        &url,
    ])
    .run()
    .exits(0)
    .prints("x\n");
}

#[test]
fn a_reader_that_goes_is_detected_while_nothing_is_received() {
    let server = serve();
    let mut child = wirecat(["--on-eof", "stay", &server.url("/silent")]).spawn();
    // stdin stays open and nothing is ever written.
    drop(child.stdout.take());
    let status = wait(&mut child).expect("it must not hang");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_server_that_closes_before_the_input_is_over_is_exit_1() {
    // The same with each Close that is a clean end, and with a Close of ours that crosses it.
    for code in [1000, 1001] {
        let server = raw(move |mut wire| {
            wire.handshake();
            (0..3).for_each(|_| drop(wire.message()));
            wire.close(code, "");
        });
        let input: String = (0..100).map(|n| format!("{n}\n")).collect();
        wirecat(["--rate=1000", &server.url("/")])
            .stdin(input)
            .run()
            .exits(1)
            .complains(&[" messages were not sent\n"]);
        server.result();
    }
    // What the user wanted came first, so the rest does not matter.
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text("enough"));
        wire.close(1000, "");
    });
    wirecat(["--lockstep", "--count=1", &server.url("/")])
        .stdin("a\nb\nc\n")
        .run()
        .exits(0)
        .prints("enough\n")
        .is_quiet();
    server.result();
}

#[test]
fn what_was_given_is_sent_though_the_server_speaks_first() {
    for condition in [&["-1"][..], &["--count", "1"], &["--until", ".hello"]] {
        let server = raw(|mut wire| {
            wire.handshake_with("", &text(r#"{"hello":1}"#));
            let messages = [wire.message(), wire.message(), wire.message()];
            wire.answer_close();
            messages
        });
        let url = server.url("/");
        let given = ["-d", "one", "-d", "two", "--then", "three", &url];
        wirecat([condition, &given].concat())
            .run()
            .exits(0)
            .prints("{\"hello\":1}\n")
            .is_quiet();
        assert_eq!(server.result(), [&b"one"[..], b"two", b"three"]);
    }
}
