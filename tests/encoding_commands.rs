//! `--encode cmd:COMMAND`: a command makes binary messages of the texts that are sent. Whatever it does, the
//! order stays, and what is not sent is told.

use std::fs;
use std::time::{Duration, Instant};

use crate::programs::is_gone;
use crate::support::server::{Raw, close, raw, raws, serve, text};
use crate::support::wirecat;

/// A server that returns the messages that it gets, each with its opcode.
fn receives() -> Raw<Vec<(u8, Vec<u8>)>> {
    raw(|mut wire| {
        wire.handshake();
        let mut messages = Vec::new();
        while let Some(frame) = wire.frame() {
            if frame.opcode == 8 {
                wire.send(close(1000, ""));
                break;
            }
            messages.push((frame.opcode, frame.payload));
        }
        messages
    })
}

fn binary(messages: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
    let each = messages.iter().map(|message| (2, message.to_vec()));
    each.collect()
}

#[test]
fn all_that_is_sent_goes_through_the_command_in_its_order() {
    let server = receives();
    // The first takes longest, and stays the first.
    let command = "cmd:read -r x; [ \"$x\" = first ] && sleep 0.5; printf '<%s\\0>' \"$x\"";
    wirecat(["--encode", command, "--on-open=first", "--then=last"])
        .arg("--on-eof=close")
        .arg(&server.url("/"))
        .stdin("one\ntwo\n")
        .run()
        .exits(0)
        .is_quiet();
    let sent: [&[u8]; 4] = [b"<first\0>", b"<one\0>", b"<two\0>", b"<last\0>"];
    assert_eq!(server.result(), binary(&sent));
}

#[test]
fn the_forms_around_a_command_take_what_it_prints() {
    let server = serve();
    let command = r#"msgpack+cmd:sed 's/.*/{"line":"&","of":"'"$WIRECAT_VAR_me"'"}/'"#;
    wirecat(["--encode", command, "--decode=msgpack", "--count=2"])
        .arg("--var=me=x")
        .arg(&server.url("/echo"))
        .stdin("one\ntwo\n")
        .run()
        .exits(0)
        .prints("{\"line\":\"one\",\"of\":\"x\"}\n{\"line\":\"two\",\"of\":\"x\"}\n")
        .is_quiet();
    wirecat(["--encode=cbor+cmd:cat", "--decode=cbor", "--idle=1s"])
        .arg(&server.url("/echo"))
        .stdin("[1]\noops\n[2]\n")
        .run()
        .exits(2)
        .prints("[1]\n[2]\n")
        .complains(&["--encode: not JSON: expected value; the message was not sent"]);
}

#[test]
fn a_message_whose_command_fails_is_not_sent() {
    let server = receives();
    wirecat(["--encode=cmd:grep good", "--on-eof=close"])
        .arg(&server.url("/"))
        .stdin("good 1\nbad\ngood 2\n")
        .run()
        .exits(2)
        .complains(&[
            "--encode: cmd: the command failed (exit status: 1); the message was not sent",
        ]);
    assert_eq!(server.result(), binary(&[b"good 1\n", b"good 2\n"]));
}

/// Nothing is read for a message that waits, and answers wait behind it.
#[test]
fn answers_keep_their_place() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        wire.send(text(r#"{"n":1}"#));
        wire.send(text(r#"{"n":2}"#));
        let answers = [wire.message(), wire.message()];
        wire.close(1000, "");
        (first, answers)
    });
    wirecat([
        "--encode=cmd:sed 's/1/1!/'",
        "--answer=.n=got {{.n}}",
        "-d1",
    ])
    .arg("--on-eof=stay")
    .arg(&server.url("/"))
    .run()
    .exits(0);
    let (first, answers) = server.result();
    assert_eq!(first, b"1!");
    assert_eq!(answers, [&b"got 1!"[..], b"got 2"]);
}

#[test]
fn what_a_command_had_not_encoded_is_sent_on_the_next_connection() {
    let server = raws(2, |connection, mut wire| {
        wire.handshake();
        if connection == 1 {
            std::thread::sleep(Duration::from_millis(500));
            return Vec::new();
        }
        let message = wire.message();
        wire.answer_close();
        message
    });
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let command = format!(
        "cmd:echo run >> {runs}; [ $(wc -l < {runs}) = 1 ] && exec sleep 600; cat",
        runs = runs.display()
    );
    wirecat([
        "--encode",
        &command,
        "--reconnect",
        "-d",
        "kept",
        "--idle=1s",
    ])
    .arg("--reconnect-delay=10ms")
    .arg(&server.url("/"))
    .run()
    .exits(0);
    assert_eq!(server.result(), [Vec::new(), b"kept".to_vec()]);
}

#[test]
fn a_message_that_no_connection_took_is_told() {
    let server = raw(|mut wire| {
        wire.handshake();
        std::thread::sleep(Duration::from_millis(500));
        wire.close(1000, "");
    });
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let command = format!("cmd:echo $$ > {}; exec sleep 600", id.display());
    let begun = Instant::now();
    wirecat(["--encode", &command, "-d", "lost", &server.url("/")])
        .run()
        .exits(1);
    assert!(begun.elapsed() < Duration::from_secs(9));
    server.result();
    is_gone(fs::read_to_string(id).unwrap().trim());
}

#[test]
fn a_heartbeat_and_binary_messages_do_not_overtake() {
    let server = receives();
    let event = |data: &str| format!("{{\"type\":\"send\",\"opcode\":1,\"data\":\"{data}\"}}\n");
    let raw = "{\"type\":\"send\",\"opcode\":2,\"encoding\":\"hex\",\"data\":\"00ff\"}\n";
    let input = [event("one"), raw.to_owned(), event("two")].concat();
    wirecat([
        "--encode=cmd:sleep 1; printf '%s' \"$(cat)\"",
        "--frame=events",
    ])
    .arg("--heartbeat=hb")
    .arg("--heartbeat-interval=300ms")
    .arg("--on-eof=close")
    .arg(&server.url("/"))
    .stdin(input)
    .run()
    .exits(0);
    let mut sent = server.result();
    sent.retain(|(_, payload)| payload != b"hb");
    assert_eq!(sent, binary(&[b"one", b"\0\xff", b"two"]));
}
