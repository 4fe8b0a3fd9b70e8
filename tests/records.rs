//! `--split`: what is shown, examined and recorded of messages that hold several records.

use serde_json::{Value, json};

use crate::support::pty::Pty;
use crate::support::server::{Raw, close, frame_of, raw, text};
use crate::support::{output, peak_memory, wirecat};

/// Sends `frames` after the handshake and answers the client's Close. The result is what the client
/// sent before it.
fn sends(frames: Vec<u8>) -> Raw<Vec<Vec<u8>>> {
    raw(move |mut wire| {
        wire.handshake_with("", &frames);
        let mut received = Vec::new();
        while let Some(frame) = wire.frame() {
            if frame.close_code().is_some() {
                wire.close(1000, "");
                break;
            }
            received.push(frame.payload);
        }
        received
    })
}

/// Sends these frames and a Close.
fn ends_after(frames: &[Vec<u8>]) -> Raw<Vec<Vec<u8>>> {
    sends([&frames.concat()[..], &close(1000, "")].concat())
}

#[test]
fn each_record_is_a_line() {
    for (split, message, expected) in [
        (
            "nl",
            "{\"id\":1}\n{\"id\":2}\r\n{\"id\":3}\n",
            "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n",
        ),
        ("rs", "{}\x1e{\"type\":6}\x1e", "{}\n{\"type\":6}\n"),
        (
            "nul",
            "CONNECTED\nversion:1.2\n\n\0",
            "CONNECTED\nversion:1.2\n\n\n",
        ),
        ("json", "{\"a\":\n1}[2] \"}\"", "{\"a\":\n1}\n[2]\n\"}\"\n"),
    ] {
        let server = ends_after(&[text(message)]);
        let output = wirecat(["--split", split, &server.url("/")]).run();
        output.exits(0).prints(expected).is_quiet();
        server.result();
    }
}

#[test]
fn a_text_stays_text_and_binary_stays_binary() {
    let server = ends_after(&[text("a\x1eb\x1e"), frame_of(0x82, b"\xff\x1e\xfe\x1e")]);
    let output = wirecat(["--split", "rs", "--json", "-s", &server.url("/")]).run();
    let stdout = output.stdout_text();
    let lines = stdout.lines().map(serde_json::from_str::<Value>);
    let received: Vec<Value> = lines
        .map(Result::unwrap)
        .filter(|event| event["type"] == "receive")
        .map(|event| json!([event["record"], event["opcode"], event["data"]]))
        .collect();
    assert_eq!(
        json!(received),
        json!([[1, 1, "a"], [2, 1, "b"], [1, 2, "/w=="], [2, 2, "/g=="]])
    );
    let end: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&end["received"], &end["bytes_received"]),
        (&json!(2), &json!(8))
    );
    server.result();
}

#[test]
fn without_split_an_event_has_no_record() {
    let server = ends_after(&[text("a")]);
    let output = wirecat(["--json", "-s", &server.url("/")]).run();
    assert!(output.stdout_text().contains("\"opcode\":1,\"data\":\"a\""));
    assert!(!output.stdout_text().contains("record"));
    server.result();
}

#[test]
fn until_is_met_by_a_record_and_nothing_after_it_is_shown() {
    let server = sends([text("{\"n\":1}\n{\"n\":2}\n{\"n\":3}"), text("{\"n\":2}")].concat());
    let args = ["--split", "nl", "--until", ".n == 2", "--on-eof", "stay"];
    let output = wirecat(args).arg(&server.url("/")).run();
    output.exits(0).prints("{\"n\":1}\n{\"n\":2}\n").is_quiet();
    server.result();
}

#[test]
fn count_counts_messages_and_shows_all_records_of_the_last() {
    let server = sends([text("1\n2"), text("3\n4"), text("5\n6")].concat());
    let args = ["--split", "nl", "--count", "2", "--on-eof", "stay"];
    let output = wirecat(args).arg(&server.url("/")).run();
    output.exits(0).prints("1\n2\n3\n4\n").is_quiet();
    server.result();
}

#[test]
fn filter_and_confirm_see_records() {
    let server = raw(|mut wire| {
        wire.handshake();
        for _ in 0..2 {
            wire.message();
        }
        wire.send(text("{\"ack\":1}\x1e{\"x\":true}\x1e{\"ack\":2}\x1e"));
        wire.answer_close();
    });
    let output = wirecat([
        "--split",
        "rs",
        "--confirm=.ack",
        "--filter",
        ".ack // empty",
    ])
    .arg(&server.url("/"))
    .stdin("one\ntwo\n")
    .run();
    output.exits(0).prints("1\n2\n").is_quiet();
    server.result();
}

#[test]
fn resume_remembers_the_last_record() {
    let server = sends(text("{\"id\":7}\n{\"id\":8}\n"));
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let args = ["--split", "nl", "--resume", "last=.id", "--state", state];
    let output = wirecat(args).arg(&server.url("/")).run();
    output.exits(0);
    let saved = std::fs::read_to_string(state).unwrap();
    assert_eq!(saved, "{\"v\":1,\"resume\":{\"last\":8}}\n");
    server.result();
}

#[test]
fn mirror_sends_whole_messages_back() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("a\nb\n"));
        let back = wire.message();
        wire.close(1000, "");
        back
    });
    let output = wirecat(["--split", "nl", "--mirror", &server.url("/")]).run();
    output.exits(0).prints("a\nb\n");
    assert_eq!(server.result(), b"a\nb\n");
}

#[test]
fn a_recording_has_whole_messages() {
    let server = ends_after(&[text("a\nb\n")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.jsonl");
    let output = wirecat(["--split", "nl", "--record", file.to_str().unwrap()])
        .arg(&server.url("/"))
        .run();
    output.exits(0).prints("a\nb\n");
    let recorded = std::fs::read_to_string(&file).unwrap();
    let received: Vec<&str> = recorded
        .lines()
        .filter(|line| line.contains("\"receive\""))
        .collect();
    assert_eq!(received.len(), 1, "{recorded}");
    assert!(received[0].contains("\"opcode\":1,\"data\":\"a\\nb\\n\""));
    assert!(!received[0].contains("record"));
    server.result();
}

#[test]
fn what_is_no_json_is_one_record_and_reported_once() {
    let frames = [text("{\"a\":1} oops {\"b\":2}"), text("hello")];
    let server = ends_after(&frames);
    let output = wirecat(["--split", "json", &server.url("/")]).run();
    output.exits(0).prints("{\"a\":1}\noops {\"b\":2}\nhello\n");
    assert_eq!(
        output.stderr,
        "wirecat: --split json: record 2 of a message is not JSON, and holds all that follows\n"
    );
    server.result();
}

#[test]
fn a_message_that_an_expression_could_not_read_is_reported_with_the_cause() {
    for (message, split) in [
        ("{\"id\":1}\n{\"id\":2}", "nl"),
        ("{\"id\":1}\x1e", "rs"),
        ("{\"id\":1}\0", "nul"),
        ("{\"id\":1}{\"id\":2}", "json"),
    ] {
        let server = ends_after(&[text(message), text(message)]);
        let output = wirecat(["--until", ".id == 9", &server.url("/")]).run();
        output.exits(1);
        let skipped: Vec<&str> = output
            .stderr
            .lines()
            .filter(|line| line.contains("skipped"))
            .collect();
        assert_eq!(
            skipped,
            [format!(
                "wirecat: --until skipped 2 messages that are not JSON; --split {split} cuts such a message into JSON values"
            )]
        );
        server.result();
        let server = ends_after(&[text(message)]);
        let output = wirecat(["--split", split, "--until", ".id == 1"])
            .arg(&server.url("/"))
            .run();
        output.exits(0).prints("{\"id\":1}\n");
        server.result();
    }
}

#[test]
fn at_the_prompt_the_first_unreadable_message_is_reported_at_once() {
    for option in ["--filter", "--until"] {
        let server = raw(|mut wire| {
            wire.handshake();
            for _ in 0..2 {
                wire.message();
                wire.send(text("{\"id\":1}\n{\"id\":2}"));
            }
            wire.message();
            wire.send(text("{\"id\":\"last\"}"));
            wire.answer_close();
        });
        let mut pty = Pty::prompt(&[option, ".id == 9"], &server.url("/"));
        let note =
            format!("{option} skipped a message that is not JSON; --split nl cuts such a message");
        pty.type_keys("one\r");
        pty.expect(&note);
        for line in ["two\r", "three\r"] {
            pty.type_keys(line);
        }
        pty.expect(if option == "--filter" {
            "false"
        } else {
            "last"
        });
        let shown = String::from_utf8_lossy(&pty.bytes()).into_owned();
        assert_eq!(shown.matches(&note).count(), 1, "{shown}");
        pty.type_keys("\x04");
        pty.end();
        server.result();
    }
}

#[test]
fn at_the_prompt_each_record_is_a_row() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text("{\"id\":1}\n{\"id\":2,\"found\":true}\n{\"id\":3}\n"));
        wire.answer_close();
    });
    let mut pty = Pty::prompt(&["--split", "nl"], &server.url("/"));
    pty.type_keys("/set id = .found | select(.) | 42\r");
    pty.type_keys("go\r");
    pty.expect("< {\"id\": 3}");
    pty.type_keys("/expect .id == 2 within 5s\r");
    pty.expect("ok: .id == 2");
    let before = pty.bytes().len();
    pty.type_keys("/last 2\r");
    pty.expect_after(before, "{\"id\": 2");
    let before = pty.bytes().len();
    pty.type_keys("/grep found\r");
    pty.expect_after(before, "1 of 4 messages in the scrollback");
    let before = pty.bytes().len();
    pty.type_keys("/vars\r");
    pty.expect_after(before, "42");
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

/// A message may have as many records as bytes. Their events must wait for a reader as messages do.
#[test]
fn a_million_records_wait_for_a_slow_reader() {
    const RECORDS: usize = 1 << 20;
    let message = "\n".repeat(RECORDS);
    let server = ends_after(&[text(&message)]);
    let child = wirecat(["--split", "nl", "--json", "-s"])
        .arg(&server.url("/"))
        .spawn();
    // Its memory no longer grows once it waits for a reader of stdout.
    let mut peaks = vec![0];
    while peaks
        .iter()
        .rev()
        .take(5)
        .any(|peak| *peak != peaks[peaks.len() - 1])
        || peaks.len() < 8
    {
        std::thread::sleep(std::time::Duration::from_millis(200));
        peaks.push(peak_memory(&child));
    }
    let peak = peaks[peaks.len() - 1];
    assert!((1..64 << 20).contains(&peak), "{peak}");
    let output = output(child);
    assert_eq!(output.stdout_text().matches("\"receive\"").count(), RECORDS);
    output.exits(0);
    server.result();
}
