//! permessage-deflate with programs that we did not write, byte by byte: ten thousand messages to an
//! echo on Python `websockets` and node's `ws` and back, under every kind of negotiation, and their
//! clients against wirecat's own echo.
//!
//! The peers are the scripts `interop` in `tests/peers/`. They count and digest what comes to them, so
//! that two mistakes of ours that undo each other do not pass.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use crate::peers::{Kind, Peer};
use crate::support::mixture::Mixture;
use crate::support::{output, wirecat};

/// Whether what wirecat sends is compressed.
#[derive(Clone, Copy, PartialEq)]
enum Sends {
    Deflated,
    Plain,
}
use Sends::{Deflated, Plain};

/// What both sides are told, and what must come of it.
struct Negotiation {
    wirecat: &'static [&'static str],
    peer: &'static [&'static str],
    sends: Sends,
    /// The `Sec-WebSocket-Extensions` of the answer.
    answer: &'static str,
}

/// Each negotiation once per peer, so that a failure names both.
macro_rules! negotiations {
    ($test:ident with $($name:ident $peers:tt: $wirecat:expr, $peer:expr => $sends:ident $answer:expr;)*) => { $(
        mod $name {
            use super::*;

            const NEGOTIATION: Negotiation = Negotiation {
                wirecat: &$wirecat,
                peer: &$peer,
                sends: $sends,
                answer: $answer,
            };

            negotiations!(@ $test $peers);
        }
    )* };
    (@ $test:ident [$($kind:ident $peer:ident),*]) => { $(
        #[test]
        #[ignore = "needs .ci/peers"]
        fn $peer() {
            $test(Kind::$kind, &NEGOTIATION);
        }
    )* };
    (@ $test:ident both) => { negotiations!(@ $test [Websockets17 websockets17, Ws8 ws8]); };
    (@ $test:ident python) => { negotiations!(@ $test [Websockets17 websockets17]); };
    (@ $test:ident node) => { negotiations!(@ $test [Ws8 ws8]); };
}

/// wirecat sends to an echo.
mod client {
    use super::*;

    negotiations! { ten_thousand_come_back with
        by_default both: [], []
            => Deflated "permessage-deflate";
        declined both: ["--fragment", "1000"], ["--no-compress"]
            => Plain "";
        not_offered both: ["--no-compress"], []
            => Plain "";
        client_9_bits both: ["--client-max-window-bits", "9"], []
            => Deflated "permessage-deflate; client_max_window_bits=9";
        server_9_bits both: ["--server-max-window-bits", "9", "--fragment", "65536"], []
            => Deflated "permessage-deflate; server_max_window_bits=9";
        server_12_client_10_bits both:
            ["--server-max-window-bits", "12", "--client-max-window-bits", "10", "--fragment", "1000"], []
            => Deflated "permessage-deflate; client_max_window_bits=10; server_max_window_bits=12";
        client_forgets both: ["--client-no-context-takeover"], []
            => Deflated "permessage-deflate; client_no_context_takeover";
        server_forgets both: ["--server-no-context-takeover"], []
            => Deflated "permessage-deflate; server_no_context_takeover";
        both_forget both: ["--client-no-context-takeover", "--server-no-context-takeover", "--fragment", "100"], []
            => Deflated "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
        level_0 both: ["--deflate-level", "0"], []
            => Plain "permessage-deflate";
        level_6 both: ["--deflate-level", "6"], []
            => Deflated "permessage-deflate";
        level_9 both: ["--deflate-level", "9", "--client-max-window-bits", "9", "--client-no-context-takeover"], []
            => Deflated "permessage-deflate; client_max_window_bits=9; client_no_context_takeover";
        peer_wants_small_windows both:
            [], ["--server-max-window-bits", "10", "--client-max-window-bits", "11"]
            => Deflated "permessage-deflate; client_max_window_bits=11; server_max_window_bits=10";
        peer_wants_to_forget both:
            [], ["--server-no-context-takeover", "--client-no-context-takeover"]
            => Deflated "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
        // zlib cannot compress with so small a window.
        peer_wants_8_bits both: [], ["--client-max-window-bits", "8"]
            => Plain "permessage-deflate; client_max_window_bits=8";
        // Python refuses to.
        peer_gives_8_bits node: [], ["--server-max-window-bits", "8"]
            => Deflated "permessage-deflate; server_max_window_bits=8";
        peer_as_it_comes python: [], ["--own-defaults"]
            => Deflated "permessage-deflate; client_max_window_bits=12; server_max_window_bits=12";
    }

    negotiations! { one_byte_frames_come_back with
        a_frame_per_byte both: ["--fragment", "1"], []
            => Deflated "permessage-deflate";
    }
}

/// wirecat is the echo.
mod server {
    use super::*;

    negotiations! { the_peer_gets_all_back with
        by_default both: [], []
            => Deflated "permessage-deflate";
        declined both: ["--no-compress"], []
            => Plain "";
        our_limits both:
            ["--server-max-window-bits", "10", "--client-max-window-bits", "9", "--server-no-context-takeover"], []
            => Deflated "permessage-deflate; client_max_window_bits=9; server_max_window_bits=10; server_no_context_takeover";
        its_limits both:
            ["--deflate-level", "9"],
            ["--server-max-window-bits", "9", "--client-max-window-bits", "12", "--client-no-context-takeover"]
            => Deflated "permessage-deflate; client_max_window_bits=12; client_no_context_takeover; server_max_window_bits=9";
        // zlib cannot compress with so small a window.
        its_8_bits both: [], ["--server-max-window-bits", "8"]
            => Plain "permessage-deflate; server_max_window_bits=8";
    }
}

fn ten_thousand_come_back(kind: Kind, negotiation: &Negotiation) {
    static MIXTURE: LazyLock<Mixture> = LazyLock::new(|| Mixture::new(10_000, usize::MAX));
    all_come_back(&MIXTURE, kind, negotiation).shows_that_we(negotiation.sends, &MIXTURE);
}

fn one_byte_frames_come_back(kind: Kind, negotiation: &Negotiation) {
    all_come_back(&Mixture::new(1_000, 300), kind, negotiation);
}

fn all_come_back(mixture: &Mixture, kind: Kind, negotiation: &Negotiation) -> Report {
    let script = &mut kind.script("interop");
    let mut peer = Peer::listening(script.arg("serve").args(negotiation.peer));
    let count = mixture.messages.len().to_string();
    let url = format!("ws://127.0.0.1:{}", peer.port);
    // Not to stdout: a run that fails shows that, whole.
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = file.path().to_str().unwrap();
    let args = [
        "--json", "-o", output, "--frame", "events", "--count", &count, &url,
    ];
    wirecat(args.iter().chain(negotiation.wirecat))
        .stdin(&mixture.events)
        .run()
        .exits(0)
        .is_quiet();

    let written = std::fs::read_to_string(&file).unwrap();
    let told = Told::read(&written);
    assert_eq!(in_order(&told.extensions), negotiation.answer);
    told.has_all_of(mixture);
    assert_eq!(told.pongs, mixture.pings);

    let report = Report::read(&peer.line());
    report.tells_of(mixture, negotiation);
    assert_eq!(report.number("pings"), told.pings);
    report
}

fn the_peer_gets_all_back(kind: Kind, negotiation: &Negotiation) {
    static MIXTURE: LazyLock<Mixture> = LazyLock::new(|| Mixture::new(2_000, usize::MAX));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &MIXTURE.events).unwrap();
    let server = Serve::start(negotiation.wirecat);
    let peer = kind
        .script("interop")
        .args(["connect", &server.url])
        .arg(file.path())
        .args(negotiation.peer)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = output(peer);
    assert_eq!((run.code(), &*run.stderr), (0, ""));
    let report = Report::read(&run.stdout_text());
    report.tells_of(&MIXTURE, negotiation);
    report.shows_that_we(negotiation.sends, &MIXTURE);
}

/// What wirecat says of a run.
#[derive(Default)]
struct Told<'a> {
    /// As in the answer.
    extensions: String,
    /// What each event has from `"opcode"` on.
    messages: Vec<&'a str>,
    /// The payloads.
    pongs: Vec<String>,
    pings: u64,
}

impl<'a> Told<'a> {
    fn read(lines: &'a str) -> Told<'a> {
        let mut told = Told::default();
        for line in lines.lines() {
            // Large ones are not parsed, for the sake of time.
            if line.starts_with(r#"{"type":"receive","#) {
                let at = line.find(r#""opcode""#).unwrap();
                told.messages.push(&line[at..]);
            } else if !line.starts_with(r#"{"type":"send","#) {
                told.event(&serde_json::from_str(line).unwrap());
            }
        }
        told
    }

    fn event(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        match (text("type"), text("dir")) {
            ("open", _) => self.extensions = text("extensions").to_owned(),
            ("pong", "receive") => self.pongs.push(text("data").to_owned()),
            ("ping", "receive") => self.pings += 1,
            _ => {}
        }
    }

    /// Every message came back, with its kind and in its place.
    #[track_caller]
    fn has_all_of(&self, mixture: &Mixture) {
        assert_eq!(self.messages.len(), mixture.messages.len());
        let pairs = self.messages.iter().zip(&mixture.messages);
        for (number, (reply, sent)) in pairs.enumerate() {
            if reply != sent {
                let same = reply.bytes().zip(sent.bytes());
                let same = same.take_while(|(a, b)| a == b).count();
                panic!("message {number} of {} differs at {same}", sent.len());
            }
        }
    }
}

/// The answer with its parameters sorted: every library has an order of its own.
fn in_order(answer: &str) -> String {
    let mut parts: Vec<_> = answer.split(';').map(str::trim).collect();
    parts[1..].sort_unstable();
    parts.join("; ")
}

/// What the peer says of a connection when it is over.
struct Report(Value);

impl Report {
    #[track_caller]
    fn read(line: &str) -> Report {
        Report(serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}")))
    }

    #[track_caller]
    fn number(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap()
    }

    #[track_caller]
    fn tells_of(&self, mixture: &Mixture, negotiation: &Negotiation) {
        let Report(report) = self;
        let answer = in_order(report["extensions"].as_str().unwrap());
        assert_eq!(answer, negotiation.answer);
        assert_eq!(report["messages"], mixture.messages.len());
        assert_eq!(report["sha1"], mixture.sha1());
        assert_eq!(report["pings"], report["pongs"]);
        assert!(self.number("pings") > 0);
    }

    /// By the bytes on the wire. A quarter does not compress, and the rest more or less.
    #[track_caller]
    fn shows_that_we(&self, sends: Sends, mixture: &Mixture) {
        let deflated = self.number("wire") < mixture.bytes * 9 / 10;
        assert_eq!(deflated, sends == Deflated, "{} {}", self.0, mixture.bytes);
    }
}

/// wirecat's debug server, as its users start it.
struct Serve {
    child: Child,
    url: String,
}

impl Serve {
    #[track_caller]
    fn start(options: &[&str]) -> Serve {
        let args = ["serve", "0", "--silent"];
        let mut child = wirecat(args.iter().chain(options)).spawn();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap();
        let url = format!("{url}/echo");
        Serve { child, url }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // Either may fail only because it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
