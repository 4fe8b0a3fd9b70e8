//! What a hostile peer says reaches a terminal only as something to read, and a pipe as it was.

use std::io::{Read, Write};
use std::net::TcpStream;

use wirecat::internals::output::sanitize::find_dangerous;

use crate::support::pty::Pty;
use crate::support::scripts::{collect, sh};
use crate::support::server::{Raw, Wire, close, frame_of, raw, text};
use crate::support::wirecat;

const HOSTILE: &[&str] = &[
    "\x1b[2J\x1b[41mred",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b]0;title\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\u{9b}31m\u{9d}0;title\u{9c}",
    "\u{202e}txt.exe\u{2066}\u{200f}",
    "zero\u{200b}width\u{feff}\u{ad}\u{2060}",
    "\u{e0041}\u{fffa}\u{2028}",
    "safe\rforged",
    "\0\x08\x7f\x0b\x0c",
];

/// No colour, so that not one escape is our own.
const PLAIN: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("NO_COLOR", "1")];

/// Whether what was written holds nothing that a terminal acts on.
#[track_caller]
fn assert_harmless(written: &[u8], what: &str) {
    let text = std::str::from_utf8(written).unwrap_or_else(|why| panic!("{what}: {why}"));
    // The terminal itself makes CR LF of LF.
    let text = text.replace("\r\n", "").replace('\t', "");
    let bad = find_dangerous(&text);
    assert_eq!(bad, None, "{what}: {text:?}");
}

/// Runs it in a terminal to its end, and gives what it wrote, which must be harmless.
#[track_caller]
fn shows<T>(args: &[&str], server: Raw<T>, what: &str) -> String {
    let url = server.url("/");
    let (_, written) = Pty::start_with(&[args, &[&url]].concat(), PLAIN).end();
    server.result();
    assert_harmless(&written, what);
    String::from_utf8(written).unwrap()
}

/// Answers the first message with these frames and closes.
fn answers(frames: Vec<u8>) -> Raw<()> {
    raw(move |mut wire| {
        wire.handshake();
        wire.message();
        wire.send(frames);
        wire.close(1000, "");
    })
}

/// The text itself, in JSON as key and value, and as an envelope; and bytes that are no text.
fn messages(text: &str) -> [Vec<u8>; 5] {
    let object = serde_json::json!({ text: [text] }).to_string();
    let envelope = serde_json::json!({"event": text, "data": text}).to_string();
    let unescaped = format!("[\"{}\"]", text.replace(|c: char| c < ' ', ""));
    [
        frame_of(0x81, text.as_bytes()),
        frame_of(0x81, object.as_bytes()),
        frame_of(0x81, envelope.as_bytes()),
        frame_of(0x81, unescaped.as_bytes()),
        frame_of(0x82, &[text.as_bytes(), b"\xff\x1b\x9b"].concat()),
    ]
}

#[test]
fn messages_in_every_format() {
    for format in ["pretty", "raw", "line", "hex", "base64", "json"] {
        let all: Vec<u8> = HOSTILE
            .iter()
            .flat_map(|text| messages(text).concat())
            .collect();
        let shown = shows(
            &["--format", format, "-d", "x", "-t=relative"],
            answers([all, text("the end")].concat()),
            format,
        );
        if !matches!(format, "hex" | "base64") {
            assert!(shown.contains("the end"), "{format}: {shown}");
        }
    }
}

#[test]
fn joiners_and_selectors_that_belong_to_a_visible_character_reach_the_terminal() {
    let written = [
        "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}",
        "क्\u{200d}ष",
        "می\u{200c}خواهم",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    ];
    for format in ["pretty", "raw", "line", "json"] {
        let mut all: Vec<u8> = written.iter().flat_map(|t| messages(t).concat()).collect();
        // The same written in escapes, and what joins nothing.
        all.extend(text(r#"["\ud83d\udc68\u200d\ud83d\ude80","pay\u200dpal"]"#));
        all.extend(text("pay\u{200d}pal"));
        let shown = shows(&["--format", format, "-d", "x"], answers(all), format);
        for text in written {
            // As text, as key and value, in the envelope twice, and once more as key and value.
            let times = if format == "json" { 5 } else { 6 };
            let found = shown.matches(text).count();
            assert!(found >= times, "{format}: {found} {text:?} in {shown:?}");
        }
        assert!(!shown.contains("pay\u{200d}pal"), "{format}: {shown:?}");
        if format == "pretty" {
            assert!(shown.contains("\"👨\u{200d}🚀\""), "{shown:?}");
        }
    }
    // And in what goes to stderr.
    let args = ["-d", "x"];
    let shown = shows(&args, answers(close(4000, written[0])), "a reason");
    assert!(shown.contains(written[0]), "{shown:?}");
}

#[test]
fn filtered_messages() {
    let all: Vec<u8> = HOSTILE
        .iter()
        .flat_map(|text| messages(text).concat())
        .collect();
    for format in ["pretty", "raw", "line", "json"] {
        let args = ["--filter", ".[], error(.)", "--format", format, "-d", "x"];
        let shown = shows(&args, answers(all.clone()), format);
        assert!(shown.contains("forged"), "{shown}");
    }
}

#[test]
fn pings_and_close_reasons() {
    for hostile in HOSTILE {
        let frames = [
            frame_of(0x89, hostile.as_bytes()),
            frame_of(0x8a, b"\x1b\x9b\xff"),
            close(4000, hostile),
        ];
        let args = ["--show-ping-pong", "-d", "x"];
        let shown = shows(&args, answers(frames.concat()), hostile);
        assert!(shown.contains("closed by server: 4000"), "{shown}");
    }
}

#[test]
fn handshakes_that_are_refused() {
    for hostile in HOSTILE {
        for head in [
            format!("HTTP/1.1 403 {hostile}\r\n"),
            format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {hostile}\r\nRetry-After: {hostile}\r\n"),
            format!("HTTP/1.1 302 Found\r\nLocation: http://{hostile}/\r\n"),
            format!("{hostile}\r\n"),
        ] {
            let body = [hostile.as_bytes(), b"\xff\x9b\x1b"].concat();
            let answer = [
                format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                &body,
            ]
            .concat();
            let server = raw(move |mut wire: Wire| {
                wire.request();
                wire.send(answer);
            });
            shows(&["-v", "-d", "x"], server, hostile);
        }
    }
}

#[test]
fn handshakes_that_are_accepted() {
    // Of these, hyper lets only what is no ASCII control through.
    for hostile in HOSTILE {
        let lines = format!(
            "X-Hostile: {hostile}\r\nSec-WebSocket-Protocol: {hostile}\r\nSec-WebSocket-Extensions: {hostile}\r\n"
        );
        for line in lines.split_inclusive('\n').map(str::to_owned) {
            let server = raw(move |mut wire: Wire| {
                wire.handshake_with(&line, b"");
                collect(&mut wire);
            });
            shows(&["-v", "-d", "x", "--on-eof", "close"], server, hostile);
        }
    }
}

#[test]
fn errors_that_quote_what_was_typed() {
    for hostile in HOSTILE.iter().filter(|text| !text.contains('\0')) {
        for args in [
            &["-d", "x", hostile][..],
            &["-d", "x", "--subprotocol", hostile, "ws://127.0.0.1:9/"],
            &["-d", "x", "--filter", hostile, "ws://127.0.0.1:9/"],
            &["-d", &format!("@/{hostile}"), "ws://127.0.0.1:9/"],
            &["-d", "x", "-H", hostile, "ws://127.0.0.1:9/"],
            &["-d", "x", "--idle", hostile, "ws://127.0.0.1:9/"],
            &["-d", "x", "--format", hostile, "ws://127.0.0.1:9/"],
            &["-d", "x", "ws://127.0.0.1:9/", hostile],
            &[&format!("--{hostile}"), "ws://127.0.0.1:9/"],
            &[
                "-d",
                "x",
                "-o",
                &format!("/nowhere/{hostile}"),
                "ws://127.0.0.1:9/",
            ],
        ] {
            let (status, written) = Pty::start_with(args, PLAIN).end();
            assert!(
                matches!(status.code(), Some(2 | 3 | 6)),
                "{status:?} {args:?}"
            );
            assert_harmless(&written, &format!("{args:?}"));
        }
    }
}

#[test]
fn only_stderr_is_a_terminal() {
    // The messages go to a pipe as they are, the reason to the terminal as something to read.
    for hostile in HOSTILE {
        let server = answers([text(hostile), close(4000, hostile)].concat());
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("out");
        let url = server.url("/");
        let args = ["-d", "x", "-o", file.to_str().unwrap(), &url];
        let (status, written) = Pty::start_with(&args, PLAIN).end();
        assert_eq!(status.code(), Some(112));
        assert_harmless(&written, hostile);
        assert_eq!(
            std::fs::read(&file).unwrap(),
            format!("{hostile}\n").as_bytes()
        );
    }
}

#[test]
fn a_pipe_gets_every_byte() {
    let frames = || {
        HOSTILE
            .iter()
            .flat_map(|text| messages(text).concat())
            .collect::<Vec<_>>()
    };
    let mut expected = Vec::new();
    for hostile in HOSTILE {
        for frame in messages(hostile) {
            // Every frame here has a short head.
            assert!(frame.len() < 128, "{hostile}");
            expected.extend_from_slice(&frame[2..]);
            if frame[0] == 0x81 {
                expected.push(b'\n');
            }
        }
    }
    wirecat(["-d", "x", &answers(frames()).url("/")])
        .run()
        .exits(0)
        .prints(&expected);
    // Also where stderr is a terminal and where a shell stands between.
    let output = sh("\"$0\" -d x \"$1\" | cat", &[&answers(frames()).url("/")]);
    assert!(output.stdout == expected);
}

#[test]
fn at_the_prompt() {
    let server = raw(|mut wire: Wire| {
        wire.handshake();
        wire.message();
        for hostile in HOSTILE {
            wire.send(messages(hostile).concat());
            wire.send(frame_of(0x89, hostile.as_bytes()));
        }
        wire.send(text("the last"));
        wire.message();
        wire.close(4000, HOSTILE[0]);
    });
    let mut pty = Pty::start(&["--no-reconnect", "--show-ping-pong", &server.url("/")]);
    pty.expect("open> ");
    pty.type_keys("go\r");
    pty.expect("the last");
    pty.type_keys("on\r");
    let (status, written) = pty.end();
    assert_eq!(status.code(), Some(112));
    server.result();
    let text = String::from_utf8(written).unwrap();
    // The line editor moves the cursor; what it writes for that is a short list.
    for evil in [
        "\x1b[2J", "\x1b[41m", "\x1b]", "\x1bP", "\x07", "\u{9b}", "\u{202e}", "\u{200b}",
        "\u{2028}", "\x7f",
    ] {
        assert!(!text.contains(evil), "{evil:?} in {text:?}");
    }
    assert!(!text.contains("safe\rforged"));
    assert!(
        text.contains("closed by server: 4000 (private use) \"\\x1b[2J\\x1b[41mred\""),
        "{text:?}"
    );
}

#[test]
fn the_log_of_the_debug_server() {
    let pty = Pty::start_with(&["serve", "0"], PLAIN);
    pty.expect("\r\n");
    let announced = String::from_utf8(pty.bytes()).unwrap();
    let address = announced
        .split("ws://")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    for hostile in HOSTILE {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let payload = [&4000_u16.to_be_bytes(), hostile.as_bytes()].concat();
        // A mask of zeros leaves the payload as it is.
        let frame = [&[0x88, 0x80 | payload.len() as u8, 0, 0, 0, 0], &*payload].concat();
        stream.write_all(head.as_bytes()).unwrap();
        stream
            .write_all(&[b"X: y\r\n\r\n", &*frame].concat())
            .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(format!("GET /{hostile} HTTP/1.0\r\n\r\n").as_bytes())
            .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    pty.expect("x08\\x7f");
    assert_harmless(&pty.bytes(), "log");
}
