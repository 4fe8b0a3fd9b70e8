//! wirecat against the servers people run: Python `websockets` (newest and legacy) and node's `ws`.
//!
//! `.ci/peers` installs them. The servers are scripts in `tests/peers/`; each test starts its own on a
//! free port, and nothing is shared between tests.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any run here takes on a busy machine; what passes it hangs.
const HANGS: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Websockets17,
    Websockets10,
    Ws8,
}

impl Kind {
    /// A command that runs a script of `tests/peers/`, in the peer's language.
    pub(crate) fn script(self, name: &str) -> Command {
        let peers = peers();
        let (program, suffix) = match self {
            Kind::Websockets17 => (peers.join("websockets17/bin/python"), "py"),
            Kind::Websockets10 => (peers.join("websockets10/bin/python"), "py"),
            Kind::Ws8 => (PathBuf::from("node"), "mjs"),
        };
        let script = format!("tests/peers/{name}.{suffix}");
        let mut command = Command::new(program);
        command
            .arg(repository().join(script))
            .env("WIRECAT_PEERS", peers);
        command
    }
}

/// Each test once per peer, so that a failure names the peer.
macro_rules! against_every_peer {
    ($($test:ident),* $(,)?) => { $(mod $test {
        use super::Kind;

        #[test]
        #[ignore = "needs .ci/peers"]
        fn websockets17() {
            super::$test(Kind::Websockets17);
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn websockets10() {
            super::$test(Kind::Websockets10);
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn ws8() {
            super::$test(Kind::Ws8);
        }
    })* };
}

against_every_peer!(
    prompt_replies_arrive_after_stdin_ended,
    late_replies_arrive_after_stdin_ended,
    very_late_replies_arrive_after_stdin_ended,
    data_option_needs_no_stdin,
    peer_close_sets_exit_code,
    close_instead_of_an_answer_sets_exit_code,
    subprotocol_is_negotiated,
    long_line_makes_the_round_trip,
    binary_makes_the_round_trip,
);

fn prompt_replies_arrive_after_stdin_ended(kind: Kind) {
    replies_arrive_after_stdin_ended(kind, "0");
}

fn late_replies_arrive_after_stdin_ended(kind: Kind) {
    replies_arrive_after_stdin_ended(kind, "0.5");
}

fn very_late_replies_arrive_after_stdin_ended(kind: Kind) {
    replies_arrive_after_stdin_ended(kind, "1");
}

fn replies_arrive_after_stdin_ended(kind: Kind, delay: &str) {
    let peer = Peer::start(kind, &["--delay", delay]);
    wirecat(&peer, &[], b"one\ntwo\nthree\n").ends(0, "one\ntwo\nthree\n");
}

fn data_option_needs_no_stdin(kind: Kind) {
    let peer = Peer::start(kind, &[]);
    wirecat(&peer, &["-d", "hello"], b"").ends(0, "hello\n");
}

fn peer_close_sets_exit_code(kind: Kind) {
    for (code, reason, exit) in [
        ("4001", "nope", 112),
        ("1011", "broken", 111),
        ("1000", "bye", 0),
    ] {
        let peer = Peer::start(kind, &["--close", code, reason]);
        let run = wirecat(&peer, &[], b"one\n");
        run.ends(exit, "one\n");
        if exit != 0 {
            run.complains_of(&[code, reason]);
        }
    }
}

fn close_instead_of_an_answer_sets_exit_code(kind: Kind) {
    let peer = Peer::start(kind, &["--close-on-open", "4001", "nope"]);
    let run = wirecat(&peer, &[], b"");
    run.ends(112, "");
    run.complains_of(&["4001", "nope"]);
}

fn subprotocol_is_negotiated(kind: Kind) {
    let peer = Peer::start(kind, &["--subprotocol", "chat.v1"]);
    let offers = ["--subprotocol", "chat.v2", "--subprotocol", "chat.v1"];
    let run = wirecat(&peer, &[&offers[..], &["--json", "-d", "x"]].concat(), b"");
    run.exits(0);
    let events = String::from_utf8_lossy(&run.stdout);
    assert!(events.contains(r#""subprotocol":"chat.v1""#), "{events}");
}

fn long_line_makes_the_round_trip(kind: Kind) {
    let mut line: Vec<u8> = (0..5 << 20).map(|i| b'a' + (i % 23) as u8).collect();
    line.push(b'\n');
    let peer = Peer::start(kind, &[]);
    let run = wirecat(&peer, &[], &line);
    run.exits(0);
    assert_eq!(run.stdout.len(), line.len());
    assert!(run.stdout == line, "the line came back changed");
}

fn binary_makes_the_round_trip(kind: Kind) {
    let peer = Peer::start(kind, &[]);
    let run = wirecat(&peer, &["--hex", "--format", "raw"], b"00ff0afe\n");
    run.exits(0);
    assert_eq!(run.stdout, b"\x00\xff\x0a\xfe");
}

/// A running peer server; dropping it ends it.
pub(crate) struct Peer {
    pub(crate) port: u16,
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    #[track_caller]
    fn start(kind: Kind, args: &[&str]) -> Peer {
        Peer::listening(kind.script("echo").args(args))
    }

    /// Starts a server that says `listening PORT`.
    #[track_caller]
    pub(crate) fn listening(command: &mut Command) -> Peer {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}; run .ci/peers first"));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let port = 0;
        let mut peer = Peer {
            port,
            child,
            stdout,
        };
        let line = peer.line();
        peer.port = line
            .strip_prefix("listening ")
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("{command:?} did not start: {line:?}"));
        peer
    }

    /// The next line that it writes; empty where it has ended.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stdout.read_line(&mut line);
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Either may fail only because the peer is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `.ci/peers` put the peers; a relative WIRECAT_PEERS counts from the repository.
pub(crate) fn peers() -> PathBuf {
    repository().join(env::var_os("WIRECAT_PEERS").unwrap_or_else(|| "target/peers".into()))
}

/// What a finished wirecat left behind.
struct Run {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn ends(&self, code: i32, stdout: &str) {
        self.exits(code);
        assert_eq!(String::from_utf8_lossy(&self.stdout), stdout);
    }

    #[track_caller]
    fn exits(&self, code: i32) {
        let Run { status, stderr, .. } = self;
        assert_eq!(status.code(), Some(code), "{status}, stderr:\n{stderr}");
    }

    #[track_caller]
    fn complains_of(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "no {word} in:\n{}", self.stderr);
        }
    }
}

/// Run wirecat against `peer` with `stdin` (nothing: /dev/null) and collect everything.
#[track_caller]
fn wirecat(peer: &Peer, args: &[&str], stdin: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirecat"))
        .args(args)
        .arg(format!("ws://127.0.0.1:{}", peer.port))
        .stdin(match stdin {
            [] => Stdio::null(),
            _ => Stdio::piped(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(mut pipe) = child.stdin.take() {
        let bytes = stdin.to_vec();
        // A program that ends early breaks the pipe; its exit code tells.
        thread::spawn(move || drop(pipe.write_all(&bytes)));
    }
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    let status = wait(&mut child);
    let stdout = stdout.join().unwrap();
    let stderr = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
    let Some(status) = status else {
        panic!(
            "wirecat hangs; {} bytes on stdout; stderr:\n{stderr}",
            stdout.len()
        );
    };
    Run {
        status,
        stdout,
        stderr,
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// The exit status, or `None` after killing a child that hangs.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + HANGS;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
