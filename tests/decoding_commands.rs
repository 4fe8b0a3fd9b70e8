//! `--decode cmd:COMMAND`: a command says what each binary message is. Whatever it does, no message is
//! lost, their order stays, and nothing of it outlives the run.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::programs::is_gone;
use crate::support::server::{Raw, frame_of, raw, text};
use crate::support::wirecat;

/// An opcode with the final bit.
const BINARY: u8 = 0x82;

/// A server that sends these binary messages, and waits for the end.
fn sends(messages: &[&[u8]]) -> Raw<()> {
    let frames: Vec<u8> = messages
        .iter()
        .flat_map(|message| frame_of(BINARY, message))
        .collect();
    raw(move |mut wire| {
        wire.handshake();
        wire.send(frames);
        wire.answer_close();
    })
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn each_message_goes_through_the_command() {
    let server = sends(&[b"one", b"two\n", b"three"]);
    // The first takes longest, and stays the first.
    let command =
        r#"cmd:read -r line; [ "$line" = one ] && sleep 0.3; printf '{"is":"%s"}\n' "$line""#;
    wirecat(["--decode", command, "--until", r#".is == "three""#])
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .prints("{\"is\":\"one\"}\n{\"is\":\"two\"}\n{\"is\":\"three\"}\n")
        .is_quiet();
    server.result();
}

#[test]
fn a_command_follows_other_forms_and_knows_its_connection() {
    let server = raw(|mut wire| {
        wire.handshake_with("Sec-WebSocket-Protocol: packed\r\n", b"");
        wire.send(text("as it is"));
        wire.send(frame_of(BINARY, &gzip("a+b")));
        wire.answer_close();
    });
    let command = "gzip+cmd:echo \"$(cat) $WIRECAT_SUBPROTOCOL $WIRECAT_VAR_key 1+1\"";
    wirecat(["--decode", command, "--var", "key=k", "--count=2"])
        .arg("--subprotocol=packed")
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .prints("as it is\na+b packed k 1+1\n");
    server.result();
}

#[test]
fn what_a_command_does_not_decode_is_shown_as_it_is() {
    let server = sends(&[b"<good>", b"<bad>", b"<bad>", b"<good>"]);
    let command = "cmd:grep good";
    wirecat(["--decode", command, "--count=4", "--format=line"])
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .prints("<good>\n<bad>\n<bad>\n<good>\n")
        .complains(&[
            "--decode cmd: the command failed (exit status: 1); such a message is shown as it is",
            "--decode: 2 messages did not decode",
        ]);
    server.result();
    let server = sends(&[&gzip("x")[..10]]);
    wirecat(["--decode=gzip+cmd:cat", "--count=1", "--format=hex"])
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .complains(&["--decode gzip: the message is cut off; such a message is shown as it is"]);
    server.result();
}

#[test]
fn a_command_that_does_not_read_gets_a_large_message_all_the_same() {
    let server = sends(&[&[b'x'; 3_000_000]]);
    wirecat(["--decode=cmd:echo unread", "--count=1"])
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .prints("unread\n")
        .is_quiet();
    server.result();
}

#[test]
fn a_command_that_floods_is_ended() {
    let server = sends(&[b"flood"]);
    wirecat([
        "--decode=cmd:yes",
        "--count=1",
        "--max-message-size=64KiB",
        "--format=line",
    ])
    .arg(&server.url("/"))
    .run()
    .exits(0)
    .prints("flood\n")
    .complains(&["--decode cmd: its output is larger than 64 KiB"]);
    server.result();
}

#[test]
fn a_command_that_does_not_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let server = sends(&[b"one", b"two"]);
    let command = format!(
        "cmd:[ \"$(cat)\" = two ] && exec echo 2; echo $$ > {}; exec sleep 600",
        id.display()
    );
    wirecat(["--decode", &command, "--count=2", "--format=line"])
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .prints("one\n2\n")
        .complains(&["--decode cmd: it had not ended after 10 s and was killed"]);
    server.result();
    is_gone(fs::read_to_string(id).unwrap().trim());
}

#[test]
fn what_a_command_leaves_running_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let server = sends(&[b"one"]);
    let command = format!("cmd:sleep 600 >&2 & echo $! > {}; cat", id.display());
    wirecat(["--decode", &command, "--count=1"])
        .arg(&server.url("/"))
        .run()
        .exits(0)
        .prints("one\n");
    server.result();
    is_gone(fs::read_to_string(id).unwrap().trim());
}

/// The time is over, and so is the command.
#[test]
fn a_run_that_ends_ends_its_command() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let server = sends(&[b"one"]);
    let command = format!("cmd:echo $$ > {}; exec sleep 600", id.display());
    let begun = Instant::now();
    wirecat(["--decode", &command, "-m", "2", &server.url("/")])
        .run()
        .exits(28)
        .prints("");
    assert!(begun.elapsed() < Duration::from_secs(9));
    server.result();
    is_gone(fs::read_to_string(id).unwrap().trim());
}

/// The server's messages wait in the socket, and not in memory; nothing runs for those that nobody
/// wants any more.
#[test]
fn a_server_that_sends_faster_than_the_command_works_is_held_back() {
    const PIECE: usize = 1 << 20;
    let server = raw(|mut wire| {
        wire.handshake();
        wire.0
            .set_write_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        let frame = frame_of(BINARY, &[b'x'; PIECE]);
        let mut written = 0;
        while written < 64 && wire.0.write_all(&frame).is_ok() {
            written += 1;
        }
        let held_back = written < 64;
        let _ = wire.0.shutdown(std::net::Shutdown::Both);
        held_back
    });
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let command = format!(
        "cmd:echo run >> {}; cat > /dev/null; sleep 4; echo x",
        runs.display()
    );
    wirecat(["--decode", &command, "--count=1", &server.url("/")])
        .run()
        .prints("x\n");
    assert!(server.result());
    assert_eq!(fs::read_to_string(runs).unwrap(), "run\n");
}

/// A message that has come is given, though its connection has ended meanwhile.
#[test]
fn the_end_of_the_connection_waits_for_the_command() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(BINARY, b"last"));
        wire.close(1000, "");
    });
    wirecat(["--decode=cmd:sleep 1; cat", &server.url("/")])
        .run()
        .exits(0)
        .prints("last\n")
        .is_quiet();
    server.result();
}

#[test]
fn a_command_must_be_there() {
    for (args, complaint) in [
        (
            ["--decode", "cmd:"],
            "--decode: cmd: is followed by no command",
        ),
        (
            ["--decode", "gzip+cmd: "],
            "--decode: cmd: is followed by no command",
        ),
        (
            ["--encode", "cmd:"],
            "--encode: cmd: is followed by no command",
        ),
    ] {
        wirecat(args)
            .arg("ws://127.0.0.1:9/")
            .run()
            .exits(2)
            .complains(&[complaint]);
    }
    let server = sends(&[b"one"]);
    wirecat([
        "--decode=cmd:/no/such/program",
        "--count=1",
        "--format=line",
    ])
    .arg(&server.url("/"))
    .run()
    .exits(0)
    .prints("one\n")
    .complains(&["--decode cmd: the command failed (exit status: 127)"]);
    server.result();
}
