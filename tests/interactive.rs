//! What is typed at the prompt, and what comes of it.

use std::sync::mpsc;

use crate::support::pty::Pty;
use crate::support::scripts::frames;
use crate::support::server::{Raw, frame_of, raw, text};

fn listens() -> Raw<Vec<(u8, Vec<u8>)>> {
    raw(|mut wire| {
        wire.handshake();
        let frames = frames(&mut wire).into_iter();
        frames.map(|frame| (frame.opcode, frame.payload)).collect()
    })
}

const BYE: (u8, &[u8]) = (8, &[0x03, 0xe8]);

/// What the server gets when these keys are typed at once, and what is shown.
#[track_caller]
fn typing(args: &[&str], keys: &str, expected: &[(u8, &[u8])]) -> String {
    let server = listens();
    let mut pty = Pty::prompt(args, &server.url("/"));
    pty.type_keys(keys);
    let written = pty.exits(0);
    let got = server.result();
    let got: Vec<(u8, &[u8])> = got.iter().map(|(op, data)| (*op, &data[..])).collect();
    assert_eq!(got, expected, "{keys:?}: {written:?}");
    written
}

#[test]
fn each_line_sends_its_frame() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, b"\0file\xff").unwrap();
    let bin_file = format!("/bin @{}", file.path().display());
    for (line, expected) in [
        ("hello", &[(1, &b"hello"[..])][..]),
        ("grüße, 世界 👍", &[(1, "grüße, 世界 👍".as_bytes())]),
        ("//x", &[(1, b"/x")]),
        ("", &[]),
        ("/send  a b", &[(1, b" a b")]),
        ("/send /x", &[(1, b"/x")]),
        ("/send", &[(1, b"")]),
        ("/send -e CONNECT\\n\\n\\0", &[(1, b"CONNECT\n\n\0")]),
        (
            "/send -e \\x01\\x1b\\u00e9 \\\\",
            &[(1, b"\x01\x1b\xc3\xa9 \\")],
        ),
        ("/send -e \\xff", &[]),
        ("/send \\0", &[(1, b"\\0")]),
        ("/bin hex:00 ff", &[(2, b"\0\xff")]),
        ("/bin base64:AP8K", &[(2, b"\0\xff\n")]),
        (&bin_file, &[(2, b"\0file\xff")]),
        ("/bin @/nowhere", &[]),
        ("/ping hey", &[(9, b"hey")]),
        ("/pong yo", &[(10, b"yo")]),
        ("/frame", &[]),
        ("/frame no opcode", &[]),
        ("/frame text @/nowhere", &[]),
        ("/frobnicate", &[]),
        ("/help send", &[]),
    ] {
        typing(&[], &format!("{line}\r\x04"), &[expected, &[BYE]].concat());
    }
}

#[test]
fn options_apply_to_typed_lines() {
    typing(&["--hex"], "00ff\rxyz\r\x04", &[(2, b"\0\xff"), BYE]);
    typing(&["--escapes"], "a\\nb\r/quit\r", &[(1, b"a\nb"), BYE]);
    typing(
        &["--on-open", "first"],
        "then\r\x04",
        &[(1, b"first"), (1, b"then"), BYE],
    );
    let written = typing(
        &["--idle", "10ms", "--rate", "1"],
        "x\r\x04",
        &[(1, b"x"), BYE],
    );
    assert!(written.contains("closed 1000 after "), "{written:?}");
}

#[test]
fn many_lines_typed_ahead_are_all_sent() {
    let lines: Vec<_> = (0..200).map(|n| format!("line {n}")).collect();
    let mut expected: Vec<_> = lines.iter().map(|line| (1, line.as_bytes())).collect();
    expected.push(BYE);
    typing(&[], &(lines.join("\r") + "\r/quit\r"), &expected);
}

#[test]
fn lines_typed_before_the_connection_opens_are_queued() {
    let (open, opened) = mpsc::channel();
    let server = raw(move |mut wire| {
        let request = wire.request();
        opened.recv().unwrap();
        wire.accept(&request, "", b"");
        (wire.message(), wire.message())
    });
    let mut pty = Pty::start(&[&server.url("/")]);
    pty.type_keys("early\rhalf ");
    // The terminal shows it by itself.
    pty.expect("half ");
    open.send(()).unwrap();
    pty.expect("open> ");
    pty.type_keys("done\r");
    assert_eq!(server.result(), (b"early".to_vec(), b"half done".to_vec()));
}

#[test]
fn a_paste_of_several_lines_is_one_message() {
    let keys = "\x1b[200~one\ntwo\r\nthree\x1b[201~\r\x04";
    typing(&[], keys, &[(1, b"one\ntwo\nthree"), BYE]);
}

#[test]
fn a_ping_shows_its_pong_with_the_time() {
    let server = listens();
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("/ping hey\r");
    pty.expect("< pong \"hey\" (");
    pty.expect(" ms)");
    pty.type_keys("/status\r");
    pty.expect("last round trip: ");
    pty.type_keys("\x04");
    pty.exits(0);
}

#[test]
fn keepalive_is_not_shown() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x89, b"theirs"));
        let mut pings = 0;
        while pings < 3 {
            let frame = wire.frame().unwrap();
            if frame.opcode == 9 {
                wire.send(frame_of(0x8a, &frame.payload));
                pings += 1;
            }
        }
        wire.send(text("alive"));
        wire.answer_close();
    });
    let mut pty = Pty::prompt(&["--ping-interval", "20ms"], &server.url("/"));
    pty.expect("< alive");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert!(
        !written.contains("ping") && !written.contains("pong"),
        "{written:?}"
    );
    server.result();
}

#[test]
fn a_typed_close() {
    for (keys, code, payload) in [
        ("/close\r", 1000, &b"\x03\xe8"[..]),
        ("/close 4001 bye now\r", 4001, b"\x0f\xa1bye now"),
        ("/quit\r", 1000, b"\x03\xe8"),
    ] {
        let written = typing(&[], keys, &[(8, payload)]);
        // One line sums the run up, and no other says that it has been closed.
        assert!(
            written.contains(&format!("closed {code} after ")),
            "{written:?}"
        );
        assert!(!written.contains("closed: "), "{written:?}");
    }
    let written = typing(&["-v"], "/quit\r", &[BYE]);
    assert!(
        written.contains("closed: 1000 (normal closure)\r\n"),
        "{written:?}"
    );
    let written = typing(&[], "/close 1006\r/close x\r\x04", &[BYE]);
    assert!(
        written.contains("wirecat: 1006 must not be sent"),
        "{written:?}"
    );
    assert!(
        written.contains("wirecat: 'x' is not a close code"),
        "{written:?}"
    );
}

#[test]
fn unknown_commands() {
    let written = typing(&[], "/pnig\r/x\r\x04", &[BYE]);
    for words in [
        "wirecat: there is no command /pnig; did you mean /ping? (//pnig sends it)\r\n",
        "wirecat: there is no command /x; /help lists them (//x sends it)\r\n",
    ] {
        assert!(written.contains(words), "no {words:?} in {written:?}");
    }
}

#[test]
fn status_and_headers() {
    let server = raw(|mut wire| {
        wire.handshake_with(
            "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: sid=hidden\r\n",
            b"",
        );
        frames(&mut wire);
    });
    let address = server.address;
    let url = server.url("/feed");
    let args = [
        "--subprotocol",
        "chat",
        "-H",
        "Cookie: sid=hidden",
        "--token",
        "hidden",
    ];
    let mut pty = Pty::prompt(&args, &url);
    pty.type_keys("one\r/status\r/headers\r\x04");
    let written = pty.exits(0);
    for words in [
        &format!("connected to {address}, subprotocol chat\r\n"),
        &format!("open: {url} ({address}) for 0 s\r\n"),
        "subprotocol chat\r\n",
        "messages: 1 sent, 0 received\r\n",
        "> GET /feed HTTP/1.1\r\n",
        "> Authorization: Bearer [redacted]\r\n",
        "> Cookie: [redacted]\r\n",
        "< HTTP/1.1 101 Switching Protocols\r\n",
        "< Set-Cookie: [redacted]\r\n",
    ] {
        assert!(written.contains(words), "no {words:?} in {written:?}");
    }
    assert!(!written.contains("hidden"), "{written:?}");
    server.result();
}

#[test]
fn interrupts() {
    typing(&[], "half\x03whole\r\x04", &[(1, b"whole"), BYE]);
    typing(&[], "half\x03\x03", &[BYE]);
    // The second counts only right after the first.
    typing(&[], "one\x03two\x03three\r\x04", &[(1, b"three"), BYE]);
    typing(&[], "\x03x\r\x03y\r\x04", &[(1, b"x"), (1, b"y"), BYE]);
}
