//! `--decode` and `--encode`: what binary messages say, in every output and for every expression.

use flate2::{Compress, Compression, FlushCompress};

use crate::support::pty::Pty;
use crate::support::server::{frame_of, raw, raws, serve, text};
use crate::support::wirecat;

/// An opcode with the final bit.
const BINARY: u8 = 0x82;

/// The items of `#commit` as the firehose of AT Protocol sends them: a header and a body.
const COMMIT: &[u8] = b"\xa2\x61t\x67#commit\x62op\x01\xa2\x63seq\x18\x2a\x64repo\x6bdid:plc:abc";

/// The parts of one zlib stream, each flushed.
fn zlib_stream(messages: &[&str]) -> Vec<Vec<u8>> {
    let mut zlib = Compress::new(Compression::default(), true);
    let each = messages.iter().map(|message| {
        let mut out = Vec::with_capacity(message.len() + 1024);
        zlib.compress_vec(message.as_bytes(), &mut out, FlushCompress::Sync)
            .unwrap();
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out
    });
    each.collect()
}

#[test]
fn what_is_sent_as_messagepack_comes_back_as_json() {
    let server = serve();
    for form in ["msgpack", "cbor", "gzip", "zlib", "zstd", "gzip+cbor"] {
        let lines = "{\"op\":1,\"n\":9007199254740993}\n[1,-2.5,null]\n";
        wirecat(["--encode", form, "--decode", form, "--count=2"])
            .arg(&server.url("/echo"))
            .stdin(lines)
            .run()
            .exits(0)
            .prints(lines)
            .is_quiet();
    }
}

#[test]
fn what_is_sent_is_binary() {
    let server = raw(|mut wire| {
        wire.handshake();
        let frames = [wire.message(), wire.message()];
        wire.answer_close();
        frames
    });
    wirecat([
        "--encode=msgpack",
        "--on-open",
        r#"{"hello":1}"#,
        "-d",
        "[7]",
    ])
    .arg("--on-eof=close")
    .arg(&server.url("/"))
    .run()
    .exits(0);
    assert_eq!(
        server.result(),
        [b"\x81\xa5hello\x01".to_vec(), b"\x91\x07".to_vec()]
    );
}

#[test]
fn expressions_and_events_see_what_a_message_says() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(BINARY, COMMIT));
        wire.send(text("plain"));
        wire.until_close();
    });
    let run = wirecat(["--decode=cbor", "--json", "--until=. == \"plain\""])
        .arg(&server.url("/"))
        .stdin("")
        .run();
    let out = run.stdout_text();
    assert!(
        out.contains(
            r##","len":39,"decoded":[{"t":"#commit","op":1},{"seq":42,"repo":"did:plc:abc"}]}"##
        ),
        "{out}"
    );
    assert!(out.contains(r#""opcode":1,"data":"plain"}"#), "{out}");
    server.result();
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(BINARY, COMMIT));
        wire.until_close();
    });
    wirecat(["--decode=cbor", "--until=.[1].seq == 42", "--filter=.[0].t"])
        .arg(&server.url("/"))
        .stdin("")
        .run()
        .exits(0)
        .prints("\"#commit\"\n");
}

#[test]
fn a_zlib_stream_goes_on_from_message_to_message() {
    let said = [
        r#"{"op":10}"#,
        r#"{"op":0,"t":"READY"}"#,
        r#"{"op":0,"t":"READY","s":2}"#,
    ];
    let server = raw(move |mut wire| {
        wire.handshake();
        let parts = zlib_stream(&said);
        // The second comes in two messages.
        let (begin, end) = parts[1].split_at(5);
        for part in [&parts[0], begin, end, &parts[2]] {
            wire.send(frame_of(BINARY, part));
        }
        wire.until_close();
    });
    wirecat(["--decode=zlib-stream", "--until=.s == 2"])
        .arg(&server.url("/"))
        .stdin("")
        .run()
        .exits(0)
        .prints(said.join("\n") + "\n")
        .is_quiet();
    server.result();
}

#[test]
fn what_is_encoded_as_a_zlib_stream_comes_back() {
    let server = serve();
    let lines = "{\"op\":1}\n\n\n{\"op\":1}\n";
    for form in ["zlib-stream", "zlib-stream+zstd"] {
        wirecat(["--encode", form, "--decode", form, "--count=4"])
            .arg(&server.url("/echo"))
            .stdin(lines)
            .run()
            .exits(0)
            .prints(lines)
            .is_quiet();
    }
}

/// Each connection has a stream of its own.
#[test]
fn a_zlib_stream_begins_anew_with_each_connection() {
    let server = raws(2, |connection, mut wire| {
        wire.handshake();
        let message = wire.message();
        let [first] = &zlib_stream(&["\"hi\""])[..] else {
            panic!("a message");
        };
        wire.send(frame_of(BINARY, first));
        if connection == 2 {
            wire.until_close();
        }
        message
    });
    wirecat([
        "--decode=zlib-stream",
        "--encode=zlib-stream",
        "--reconnect",
    ])
    .arg("--reconnect-delay=10ms")
    .arg("--on-open=\"hello\"")
    .arg("--count=2")
    .arg(&server.url("/"))
    .run()
    .exits(0)
    .prints("\"hi\"\n\"hi\"\n");
    let sent = server.result();
    assert_eq!(sent[0], sent[1]);
    assert!(sent[0].starts_with(b"\x78"), "{sent:?}");
}

#[test]
fn a_message_whose_end_never_came_is_told() {
    let server = raw(|mut wire| {
        wire.handshake();
        let parts = zlib_stream(&["\"whole\"", "\"torn\""]);
        wire.send(frame_of(BINARY, &parts[0]));
        wire.send(frame_of(BINARY, &parts[1][..6]));
        wire.close(1000, "");
    });
    let run = wirecat(["--decode=zlib-stream", &server.url("/")]).run();
    run.exits(0).prints("\"whole\"\n");
    run.complains(&["--decode zlib-stream: the end of a message did not come; 6 bytes of it, "]);
    server.result();
}

#[test]
fn json_is_encoded_by_its_descriptor() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decode/test.desc");
    let typed = format!("protobuf:{file}#wirecat.test.Point");
    let server = serve();
    wirecat(["--encode", &typed, "--format=hex", "--count=1", "-d"])
        .arg(r#"{"y":-1,"x":5}"#)
        .arg(&server.url("/echo"))
        .run()
        .exits(0)
        .prints("08051001\n");
    wirecat(["--encode", &typed, "--decode", &typed, "--idle=1s"])
        .arg(&server.url("/echo"))
        .stdin("{\"x\":5}\n{\"z\":1}\n{\"x\":6}\n")
        .run()
        .exits(2)
        .prints("{\"x\":5}\n")
        .complains(&["stdin, line 2: wirecat.test.Point has no field 'z'"]);
}

#[test]
fn what_does_not_decode_is_shown_as_it_is_and_told_once() {
    let server = raw(|mut wire| {
        wire.handshake();
        for payload in [&b"\x82\x01"[..], b"\x82\x02", b"\x07"] {
            wire.send(frame_of(BINARY, payload));
        }
        wire.until_close();
    });
    let run = wirecat(["--decode=cbor", "--count=3"])
        .arg(&server.url("/"))
        .stdin("")
        .run();
    run.exits(0).prints(b"\x82\x01\x82\x027\n");
    run.complains(&[
        "--decode cbor: the message is cut off (byte 3); such a message is shown as it is",
        "--decode: 2 messages did not decode",
    ]);
}

#[test]
fn a_bomb_is_cut_off() {
    let server = serve();
    let zeros = format!("\"{}\"\n", "0".repeat(1_000_000));
    wirecat([
        "--encode=gzip+gzip",
        "--decode=gzip+gzip",
        "--max-message-size=64KiB",
        "--count=1",
    ])
    .arg("--format=hex")
    .arg(&server.url("/echo"))
    .stdin(zeros)
    .run()
    .exits(0)
    .complains(&["--decode gzip: it decodes to more than 65536 bytes (--max-message-size)"]);
}

#[test]
fn what_cannot_be_encoded_is_bad_input() {
    let server = serve();
    wirecat(["--encode=msgpack", "--decode=msgpack", "--idle=1s"])
        .arg(&server.url("/echo"))
        .stdin("[1]\nhello\n[2]\n")
        .run()
        .exits(2)
        .prints("[1]\n")
        .complains(&["stdin, line 2: not JSON: expected value; nothing from there on was sent"]);
    wirecat(["--encode=cbor", "-d", "{", "ws://127.0.0.1:9/"])
        .run()
        .exits(2)
        .complains(&["-d: not JSON: EOF while parsing an object"]);
    for option in ["--then", "--on-open", "--heartbeat"] {
        wirecat(["--encode=cbor", option, "end", "ws://127.0.0.1:9/"])
            .stdin("")
            .run()
            .exits(2)
            .complains(&[&format!("{option}: not JSON: expected value")]);
    }
    // What is filled in later may be JSON.
    wirecat([
        "--encode=cbor",
        "--resume",
        "last=.id",
        "--on-open",
        "{{last}}",
    ])
    .arg("ws://127.0.0.1:1/")
    .stdin("")
    .run()
    .exits(7);
    wirecat([
        "--encode=cbor",
        "-d=1",
        "--answer",
        "true=no JSON",
        "--idle=1s",
    ])
    .arg(&server.url("/echo"))
    .run()
    .exits(2)
    .complains(&["--encode: not JSON: expected value; the answer was not sent"]);
}

#[test]
fn messages_of_options_are_checked_first() {
    for (option, message) in [
        ("--on-open", "hello"),
        ("--heartbeat", "ping"),
        ("--then", "{\"eof\" : }"),
    ] {
        wirecat(["--encode=cbor", option, message, "ws://127.0.0.1:9/"])
            .run()
            .exits(2)
            .complains(&[&format!("{option}: not JSON: ")]);
    }
    // What is filled in later may make it JSON.
    let server = serve();
    wirecat([
        "--encode=cbor",
        "--decode=cbor",
        "--resume=last=.n",
        "--count=1",
    ])
    .arg("--on-open={\"last\":{{last}}}")
    .arg(&server.url("/echo"))
    .run()
    .exits(0)
    .prints("{\"last\":null}\n");
}

#[test]
fn the_prompt_refuses_what_cannot_be_encoded() {
    let server = raw(|mut wire| {
        wire.handshake();
        let message = wire.message();
        wire.send(frame_of(BINARY, &message));
        wire.answer_close();
        message
    });
    let args = ["--no-reconnect", "--encode=msgpack", "--decode=msgpack"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys("hello\r");
    pty.expect("--encode: not JSON: expected value");
    pty.type_keys("{\"op\":1}\r");
    pty.expect("< {\"op\": 1}");
    pty.type_keys("\x04");
    pty.exits(0);
    assert_eq!(server.result(), b"\x81\xa2op\x01");
}

#[test]
fn forms_are_checked_first() {
    for (args, complaint) in [
        (["--decode", "bson"], "--decode: 'bson' is not a known form"),
        (
            ["--decode", "cbor+gzip"],
            "nothing follows cbor, which gives JSON",
        ),
        (["--decode", "protobuf:x.desc"], "which message type?"),
        (
            ["--decode", "protobuf:/no/such.desc#a.B"],
            "--decode protobuf:/no/such.desc: No such file",
        ),
        (
            ["--encode", "protobuf"],
            "--encode protobuf: only a message type says how fields are written",
        ),
    ] {
        wirecat(args)
            .arg("ws://127.0.0.1:9/")
            .run()
            .exits(2)
            .complains(&[complaint]);
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decode/test.desc");
    wirecat(["--decode", &format!("protobuf:{file}#wirecat.test.Poin")])
        .arg("ws://127.0.0.1:9/")
        .run()
        .exits(2)
        .complains(&[
            "it has no message type 'wirecat.test.Poin'",
            "did you mean 'wirecat.test.Point'?",
        ]);
}

#[test]
fn a_descriptor_gives_names_and_without_one_there_are_numbers() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decode/test.desc");
    let typed = format!("protobuf:{file}#wirecat.test.Point");
    for (form, json) in [
        (typed.as_str(), "{\"x\":5,\"y\":-1}\n"),
        ("protobuf", "{\"1\":5,\"2\":1}\n"),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.send(frame_of(BINARY, b"\x08\x05\x10\x01"));
            wire.until_close();
        });
        wirecat(["--decode", form, "--count=1", &server.url("/")])
            .stdin("")
            .run()
            .exits(0)
            .prints(json);
        server.result();
    }
}
