//! Hostile bytes at the prompt, from everywhere: they are something to read, and nothing else.
//!
//! `PAYLOADS` is what is hostile, [`WAYS`] is how it gets to the screen. A new way is a row of the table
//! and what sends one payload.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use wirecat::internals::handshake::response::accept_for;
use wirecat::internals::output::sanitize::find_dangerous;

use crate::support::hostile::PAYLOADS;
use crate::support::pty::Pty;
use crate::support::scripts::frames;
use crate::support::sequences::{Effect, sequences};
use crate::support::server::{Raw, Wire, frame_of, header, raw, raws, text};

/// How a payload gets to the screen.
struct Way {
    name: &'static str,
    args: &'static [&'static str],
    /// Whether it can be in this place.
    takes: fn(&[u8]) -> bool,
    sends: Sends,
}

enum Sends {
    /// Frames over an open connection.
    Frames(fn(&[u8]) -> Vec<u8>),
    /// What the server does with the next connection.
    Connection(fn(&mut Wire, &[u8])),
    /// The same, and these keys show it.
    ConnectionAndKeys(fn(&mut Wire, &[u8]), &'static str),
    /// What the server does with a first connection that comes to nothing.
    OnlyConnection(fn(&mut Wire, &[u8])),
    /// What the user's own files hold before the start, and the keys that show one of the payloads.
    Home(fn(&Path, &str, &[u8]), fn(&Path, &str, &[u8]) -> String),
}

const WAYS: &[Way] = &[
    Way {
        name: "text",
        args: &[],
        takes: is_text,
        sends: Sends::Frames(|payload| frame_of(0x81, payload)),
    },
    Way {
        name: "a JSON document",
        args: &[],
        takes: is_text,
        sends: Sends::Frames(|payload| {
            let said = String::from_utf8_lossy(payload).into_owned();
            let all = serde_json::json!({"first": said, said.clone(): [said, {"in": said}]});
            text(&all.to_string())
        }),
    },
    Way {
        name: "the envelope of an event",
        args: &["-t=relative"],
        takes: is_text,
        sends: Sends::Frames(|payload| {
            let said = String::from_utf8_lossy(payload);
            let all = serde_json::json!({"event": said, "room": said, "data": said});
            text(&all.to_string())
        }),
    },
    Way {
        name: "a binary message",
        args: &[],
        takes: |_| true,
        sends: Sends::Frames(|payload| frame_of(0x82, payload)),
    },
    Way {
        name: "--format raw",
        args: &["--format", "raw"],
        takes: |_| true,
        sends: Sends::Frames(|payload| {
            frame_of(if is_text(payload) { 0x81 } else { 0x82 }, payload)
        }),
    },
    Way {
        name: "--format line",
        args: &["--format", "line"],
        takes: |_| true,
        sends: Sends::Frames(|payload| {
            frame_of(if is_text(payload) { 0x81 } else { 0x82 }, payload)
        }),
    },
    Way {
        name: "--json",
        args: &["--json"],
        takes: is_text,
        sends: Sends::Frames(|payload| frame_of(0x81, payload)),
    },
    Way {
        name: "a ping and a pong",
        args: &["--show-ping-pong"],
        takes: is_short,
        sends: Sends::Frames(|payload| [frame_of(0x89, payload), frame_of(0x8a, payload)].concat()),
    },
    Way {
        name: "frames",
        args: &["-vvv"],
        takes: is_text,
        sends: Sends::Frames(|payload| frame_of(0x81, payload)),
    },
    Way {
        name: "a close reason",
        args: RETRY,
        takes: |payload| is_text(payload) && is_short(payload),
        sends: Sends::Connection(|wire, payload| {
            wire.handshake();
            wire.close(1012, std::str::from_utf8(payload).unwrap());
        }),
    },
    Way {
        name: "a header, with -v",
        args: VERBOSE_RETRY,
        takes: is_header,
        sends: Sends::Connection(|wire, payload| accept(wire, "X-Hostile", payload)),
    },
    Way {
        name: "a header, with /headers",
        args: RETRY,
        takes: is_header,
        sends: Sends::ConnectionAndKeys(
            |wire, payload| accept(wire, "X-Hostile", payload),
            "/headers\r",
        ),
    },
    Way {
        name: "a refusal",
        args: VERBOSE_RETRY,
        takes: is_header,
        sends: Sends::Connection(|wire, payload| {
            wire.request();
            let head = [b"HTTP/1.1 503 ", payload, b"\r\nRetry-After: ", payload].concat();
            wire.send(answer(&head, payload));
        }),
    },
    comes_to_nothing(
        "the body of a refusal",
        |_| true,
        |wire, payload| {
            wire.request();
            wire.send(answer(b"HTTP/1.1 403 Forbidden", payload));
        },
    ),
    comes_to_nothing("an address to go to", is_header, |wire, payload| {
        wire.request();
        let head = [b"HTTP/1.1 302 Found\r\nLocation: http://", payload].concat();
        wire.send(answer(&head, payload));
    }),
    comes_to_nothing("a subprotocol", is_header, |wire, payload| {
        accept(wire, "Sec-WebSocket-Protocol", payload);
    }),
    comes_to_nothing("an extension", is_header, |wire, payload| {
        accept(wire, "Sec-WebSocket-Extensions", payload);
    }),
    comes_to_nothing(
        "an answer that is no HTTP",
        |_| true,
        |wire, payload| {
            wire.request();
            wire.send([payload, b"\r\n\r\n"].concat());
        },
    ),
    Way {
        name: "a block that is pasted",
        args: &[],
        // The editor takes escape sequences out of it.
        takes: |payload| is_text(payload) && !payload.contains(&b'\x1b'),
        sends: Sends::Home(
            |_, _, _| {},
            |_, _, payload| format!("\x1b[200~{}\x1b[201~", String::from_utf8_lossy(payload)),
        ),
    },
    Way {
        name: "an entry of the history",
        args: &[],
        takes: is_text,
        sends: Sends::Home(
            |home, _, payload| {
                let line = String::from_utf8_lossy(payload);
                let entry = serde_json::json!({"t": 1, "host": "127.0.0.1", "line": line});
                append(&home.join("wirecat/history"), &format!("{entry}\n"));
            },
            // Ctrl-R
            |_, mark, _| format!("\x12{mark}"),
        ),
    },
    Way {
        name: "a variable and a message of the configuration file",
        args: &[],
        takes: is_text,
        sends: Sends::Home(
            |home, mark, payload| {
                let (name, value) = (number(mark), toml_string(payload));
                let path = home.join("wirecat/config.toml");
                append(
                    &path,
                    &format!("vars.v{name} = {value}\nmessages.m{name} = \"{{{{v{name}}}}}\"\n"),
                );
            },
            |_, mark, _| {
                let lists = if mark == "#0;" { "/vars\r/m\r" } else { "" };
                format!("{lists}/m m{}\r", number(mark))
            },
        ),
    },
    Way {
        name: "a recorded file",
        args: &[],
        takes: is_text,
        sends: Sends::Home(
            |home, mark, payload| {
                let said = String::from_utf8_lossy(payload);
                let event = serde_json::json!({"type": "receive", "opcode": 1, "data": said});
                append(&home.join(number(mark)), &format!("{event}\n"));
            },
            |home, mark, _| format!("/sendfile --lines {}/{}\r", home.display(), number(mark)),
        ),
    },
    Way {
        name: "a file that is sent as it is",
        args: &[],
        takes: is_text,
        sends: Sends::Home(
            |home, mark, payload| append_bytes(&home.join(number(mark)), payload),
            |home, mark, _| format!("/sendfile {}/{}\r", home.display(), number(mark)),
        ),
    },
    Way {
        name: "a line of a file of commands",
        args: &[],
        takes: is_text,
        sends: Sends::Home(
            |home, mark, payload| {
                append_bytes(&home.join(number(mark)), &[b"/", payload].concat());
            },
            |home, mark, _| format!("/source {}/{}\r", home.display(), number(mark)),
        ),
    },
    Way {
        name: "the name of a file",
        args: &[],
        takes: |payload| !payload.contains(&b'/') && !payload.contains(&0),
        sends: Sends::Home(
            |home, _, payload| append(&home.join(OsStr::from_bytes(payload)), ""),
            // Tab completes it, or shows those that begin so.
            |home, mark, _| {
                format!(
                    "/sendfile {}/{}\t\t",
                    home.display(),
                    &mark[..mark.len() - 1]
                )
            },
        ),
    },
];

const RETRY: &[&str] = &[
    "--reconnect-delay",
    "1ms",
    "--reconnect-max-delay",
    "1ms",
    "--reconnect-jitter",
    "none",
];
const VERBOSE_RETRY: &[&str] = &[
    "-v",
    "--reconnect-delay",
    "1ms",
    "--reconnect-max-delay",
    "1ms",
    "--reconnect-jitter",
    "none",
];

/// What a server does with a first connection that comes to nothing.
const fn comes_to_nothing(
    name: &'static str,
    takes: fn(&[u8]) -> bool,
    connection: fn(&mut Wire, &[u8]),
) -> Way {
    Way {
        name,
        args: RETRY,
        takes,
        sends: Sends::OnlyConnection(connection),
    }
}

/// The number in a mark.
fn number(mark: &str) -> &str {
    &mark[1..mark.len() - 1]
}

/// A string of TOML, in which everything is escaped that may be.
fn toml_string(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let escaped = text.chars().map(|c| match c {
        ' ' | '#' | ';' | '0'..='9' | 'a'..='z' => c.to_string(),
        c => format!("\\U{:08x}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn is_text(payload: &[u8]) -> bool {
    std::str::from_utf8(payload).is_ok()
}

/// Whether it fits into a control frame, with a mark.
fn is_short(payload: &[u8]) -> bool {
    payload.len() <= 100
}

/// Whether it can be in a header: hyper takes no other answer for HTTP.
fn is_header(payload: &[u8]) -> bool {
    !payload
        .iter()
        .any(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f)
}

/// Accepts a connection with this header.
fn accept(wire: &mut Wire, name: &str, value: &[u8]) {
    let request = wire.request();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{name}: ",
        accept_for(header(&request, "sec-websocket-key").unwrap())
    );
    wire.send([head.as_bytes(), value, b"\r\n\r\n"].concat());
}

fn answer(head: &[u8], body: &[u8]) -> Vec<u8> {
    let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    [head, length.as_bytes(), body].concat()
}

/// Half of a line, and the keys that take the cursor back before its last three characters.
const HALF: &str = "half a line";
const BACK: &str = "\x1b[D\x1b[D\x1b[D";
const AT: usize = HALF.len() - 3;

/// The payloads of a way, each after a mark that can be waited for.
fn marked(way: &Way) -> impl Iterator<Item = (String, Vec<u8>)> {
    let payloads = PAYLOADS.iter().enumerate();
    let payloads = payloads.filter(|(_, payload)| (way.takes)(payload));
    payloads.map(|(n, payload)| {
        let mark = format!("#{n};");
        let marked = [mark.as_bytes(), payload].concat();
        (mark, marked)
    })
}

/// A server for one connection, and then one for each payload.
fn serves(way: &'static Way, payloads: Receiver<Vec<u8>>) -> Raw<Vec<()>> {
    let connections = 1 + match way.sends {
        Sends::Frames(_) | Sends::Home(..) => 0,
        _ => marked(way).count(),
    };
    raws(connections, move |n, mut wire| {
        if n == 1 {
            wire.handshake();
            wire.message();
        }
        match way.sends {
            Sends::Frames(frames) => {
                payloads.iter().for_each(|it| wire.send(frames(&it)));
                wire.answer_close();
            }
            Sends::Home(..) => drop(frames(&mut wire)),
            Sends::Connection(connection)
            | Sends::ConnectionAndKeys(connection, _)
            | Sends::OnlyConnection(connection) => {
                if n > 1 {
                    connection(&mut wire, &payloads.recv().unwrap());
                }
            }
        }
    })
}

/// Sends every payload this way while half of a line is typed.
#[track_caller]
fn half_typed(way: &'static Way) {
    let (sender, payloads) = mpsc::channel();
    let server = serves(way, payloads);
    let mut pty = Pty::prompt(way.args, &server.url("/"));
    pty.type_keys("go\r");
    pty.type_keys(&format!("{HALF}{BACK}"));
    pty.expect_line(HALF, AT);
    for (mark, payload) in marked(way) {
        let before = pty.bytes().len();
        sender.send(payload).unwrap();
        if let Sends::ConnectionAndKeys(_, keys) = way.sends {
            pty.expect_after(before, "connected to ");
            // Ctrl-A and Ctrl-K take the line away.
            pty.type_keys(&format!("\x01\x0b{keys}{HALF}{BACK}"));
        }
        // What a ping holds may be shown in hex.
        let hex: String = mark.bytes().map(|byte| format!("{byte:02x}")).collect();
        pty.expect_one_after(before, &[&mark, &hex]);
        pty.expect_line(HALF, AT);
    }
    drop(sender);
    assert_harmless(way, &pty.bytes());
    pty.type_keys("\x03\x04");
    pty.end();
    server.result();
}

/// Whether what was written makes a terminal do nothing but what the editor wants.
#[track_caller]
fn assert_harmless(way: &Way, written: &[u8]) {
    let name = way.name;
    let text = std::str::from_utf8(written).unwrap_or_else(|why| panic!("{name}: {why}"));
    let mut rest = text.replace(['\r', '\n', '\t'], " ");
    for (effect, sequence) in sequences(written) {
        // Tab rings the bell where there is nothing to complete.
        let rings = effect == Effect::Bell && matches!(way.sends, Sends::Home(..));
        let expected = rings || is_the_editors(effect, &sequence);
        assert!(expected, "{name}: {sequence:?}");
        rest = rest.replacen(&sequence, "", 1);
    }
    let bad = find_dangerous(&rest);
    assert_eq!(bad, None, "{name}: {:?}", bad.map(|at| &rest[at..]));
    // Also what the editor might have written.
    let acted_on = |payload: &[u8]| payload.iter().any(|byte| matches!(byte, b'\x1b' | b'\x07'));
    for (mark, payload) in marked(way).filter(|(_, payload)| acted_on(payload)) {
        let found = memchr::memmem::find(written, &payload);
        assert_eq!(found, None, "{name}: {mark} as it is");
    }
}

/// The sequences that the editor writes, which are few.
fn is_the_editors(effect: Effect, sequence: &str) -> bool {
    let parameters = sequence.strip_prefix("\x1b[").unwrap_or_default();
    let number = |last| {
        parameters
            .strip_suffix(last)
            .is_some_and(|it: &str| it.parse::<u8>().is_ok())
    };
    match effect {
        Effect::Motion => ["A", "B", "C", "D"]
            .into_iter()
            .any(|last| parameters == last || number(last)),
        Effect::Erasure => matches!(parameters, "K" | "J"),
        Effect::Mode => matches!(
            parameters,
            "?2004h" | "?2004l" | "?2026h" | "?2026l" | "?25h"
        ),
        _ => false,
    }
}

#[test]
fn frames_that_come_while_a_line_is_typed() {
    for way in WAYS {
        if let Sends::Frames(_) = way.sends {
            half_typed(way);
        }
    }
}

#[test]
fn connections_that_come_and_go_while_a_line_is_typed() {
    for way in WAYS {
        if let Sends::Connection(_) | Sends::ConnectionAndKeys(..) = way.sends {
            half_typed(way);
        }
    }
}

/// Shows what the user's own files hold, one payload after the other, on the line being typed.
#[track_caller]
fn shown_on_the_line(way: &'static Way) {
    let Sends::Home(prepare, keys) = way.sends else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    for (mark, payload) in marked(way) {
        prepare(home, &mark, &payload);
    }
    let server = serves(way, mpsc::channel().1);
    let environment = [
        ("TERM", "xterm-256color"),
        ("NO_COLOR", "1"),
        ("XDG_STATE_HOME", home.to_str().unwrap()),
        ("XDG_CONFIG_HOME", home.to_str().unwrap()),
    ];
    let url = server.url("/");
    let mut pty = Pty::start_with(&[way.args, &[&url]].concat(), &environment);
    pty.expect("Ctrl-D leaves.");
    pty.type_keys("go\r");
    for (mark, payload) in marked(way) {
        let before = pty.bytes().len();
        pty.type_keys(&keys(home, &mark, &payload));
        // What follows may belong to its last character, which then is not shown either.
        pty.expect_after(before, &mark[..mark.len() - 1]);
        // The line goes, and with it a search for the history.
        pty.type_keys("\x03");
        pty.type_keys(&format!("{HALF}{BACK}"));
        pty.expect_line(HALF, AT);
        pty.type_keys("\x05\x15");
        pty.expect_line("", 0);
    }
    assert_harmless(way, &pty.bytes());
    pty.type_keys("\x04");
    pty.end();
    server.result();
}

/// Appends to a file, which is made with its folder where it is not there.
fn append(path: &Path, text: &str) {
    append_bytes(path, text.as_bytes());
}

fn append_bytes(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn what_the_user_has_already() {
    for way in WAYS {
        shown_on_the_line(way);
    }
}

#[test]
fn connections_that_come_to_nothing() {
    for way in WAYS {
        let Sends::OnlyConnection(connection) = way.sends else {
            continue;
        };
        for (mark, payload) in marked(way) {
            let server = raw(move |mut wire| connection(&mut wire, &payload));
            let pty = Pty::start(&["--no-reconnect", &server.url("/")]);
            let (status, written) = pty.end();
            server.result();
            assert!(!status.success(), "{}: {status:?}", way.name);
            assert_harmless(way, &written);
            let text = String::from_utf8_lossy(&written);
            assert!(text.contains(&mark), "{}: no {mark} in {text:?}", way.name);
        }
    }
}
