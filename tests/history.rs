//! The history of typed lines: what is in it, what is not, and who shares it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::support::pty::Pty;
use crate::support::server::{Raw, frame_of, raw, serve};

/// A prompt with its history below `state`, at a server that keeps what it gets.
struct Run {
    pty: Pty,
    server: Raw<Vec<String>>,
}

impl Run {
    #[track_caller]
    fn start(state: &Path, options: &[&str], host: &str) -> Run {
        let server = raw(|mut wire| {
            wire.handshake();
            let mut messages = Vec::new();
            while let Some(frame) = wire.frame() {
                match frame.opcode {
                    1 => messages.push(String::from_utf8(frame.payload).unwrap()),
                    8 => wire.send(frame_of(0x88, &frame.payload)),
                    _ => {}
                }
            }
            messages
        });
        let url = server.url("/").replace("127.0.0.1", host);
        let environment = [
            ("TERM", "xterm-256color"),
            ("NO_COLOR", "1"),
            ("XDG_STATE_HOME", state.to_str().unwrap()),
        ];
        let pty = Pty::start_with(&[options, &[&url]].concat(), &environment);
        pty.expect("open> ");
        pty.expect("Type a message");
        Run { pty, server }
    }

    /// Types `keys`, leaves, and gives the messages that arrived.
    #[track_caller]
    fn type_and_leave(mut self, keys: &str) -> Vec<String> {
        self.pty.type_keys(keys);
        self.pty.type_keys("\x04");
        self.pty.exits(0);
        self.server.result()
    }
}

fn history(state: &Path) -> String {
    fs::read_to_string(state.join("wirecat/history")).unwrap_or_default()
}

#[test]
fn lines_come_back_in_the_next_run_and_only_for_the_same_host() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    Run::start(state, &[], "127.0.0.1").type_and_leave("first\rsecond\r");
    assert_eq!(
        Run::start(state, &[], "127.0.0.1").type_and_leave("\x1b[A\x1b[A\r"),
        ["first"]
    );
    // A line that was typed twice is there once.
    assert_eq!(
        Run::start(state, &[], "127.0.0.1").type_and_leave("first\r\x1b[A\x1b[A\x1b[A\x1b[A\r"),
        ["first", "second"]
    );
    // Ctrl-R finds by what a line holds.
    assert_eq!(
        Run::start(state, &["--edit-mode", "vi"], "127.0.0.1").type_and_leave("\x12eco\r"),
        ["second"]
    );
    // Another host has its own, unless all are wanted.
    assert_eq!(
        Run::start(state, &[], "localhost").type_and_leave("other\x1b[A\r"),
        ["other"]
    );
    assert_eq!(
        Run::start(state, &[], "localhost").type_and_leave("\x18h\x1b[A\x1b[A\r"),
        ["second"]
    );
    let file = state.join("wirecat/history");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_message_of_several_lines_is_one_entry() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let pasted = "\x1b[200~one\rtwo\x1b[201~\r";
    let sent = ["{\"a\":\n[1,\n2]}", "one\ntwo"];
    let keys = format!("{{\"a\":\r[1,\r2]}}\r{pasted}");
    assert_eq!(
        Run::start(state, &[], "127.0.0.1").type_and_leave(&keys),
        sent
    );
    assert_eq!(history(state).lines().count(), 2);
    // It is found again by what one of its lines holds.
    assert_eq!(
        Run::start(state, &[], "127.0.0.1").type_and_leave("\x12[1,\r"),
        [sent[0]]
    );
    // It is the last one now, and the other comes before it.
    assert_eq!(
        Run::start(state, &["--edit-mode", "vi"], "127.0.0.1").type_and_leave("\x1b[A\r"),
        [sent[0]]
    );
}

#[test]
fn the_key_that_widens_the_history_says_so() {
    let state = tempfile::tempdir().unwrap();
    for mode in ["emacs", "vi"] {
        let mut run = Run::start(state.path(), &["--edit-mode", mode], "127.0.0.1");
        run.pty.type_keys("half\x18h");
        run.pty.expect("half (history of all hosts)");
        run.pty.type_keys("\x18h");
        run.pty.expect("half (history of this host)");
        assert_eq!(run.type_and_leave("\r"), ["half"]);
    }
}

#[test]
fn no_secret_is_written() {
    let lines = [
        "{\"token\":\"s3cret\"}",
        "{\"a\":[{\"api_key\":\"s3cret\"}]}",
        "/send {\"password\":\"s3cret\"}",
        "/queue Authorization: Bearer s3cret",
        "/set token s3cret",
        "the-token-in-use",
        "/send x the-token-in-use x",
        " with a space in front",
    ];
    let keys = lines.map(|line| format!("{line}\r")).concat() + "harmless\r";
    let token = ["--token", "the-token-in-use"];
    // Secrets that are shown are not written either.
    for more in [&[][..], &["--include-secrets"]] {
        let state = tempfile::tempdir().unwrap();
        let run = Run::start(state.path(), &[&token, more].concat(), "127.0.0.1");
        run.type_and_leave(&keys);
        let written = history(state.path());
        assert_eq!(written.lines().count(), 1, "{written}");
        assert!(written.contains("harmless"));
    }
}

#[test]
fn without_a_history_nothing_is_written_and_lines_come_back_within_the_run() {
    let state = tempfile::tempdir().unwrap();
    let run = Run::start(state.path(), &["--no-history"], "127.0.0.1");
    assert_eq!(run.type_and_leave("one\r\x1b[A\r"), ["one", "one"]);
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn two_sessions_at_once_and_a_kill_lose_no_line() {
    let state = tempfile::tempdir().unwrap();
    let mut one = Run::start(state.path(), &[], "127.0.0.1");
    let two = Run::start(state.path(), &[], "127.0.0.1");
    for n in 0..20 {
        one.pty.type_keys(&format!("one {n}\r"));
    }
    one.pty.type_keys("/help\r");
    one.pty.expect("Commands:");
    one.pty.signal(Signal::SIGKILL);
    // What the other has written comes with the next line.
    assert_eq!(
        two.type_and_leave("two\r/status\r\x1b[A\x1b[A\x1b[A\x1b[A\r")
            .last()
            .unwrap(),
        "one 19"
    );
    let written = history(state.path());
    for n in 0..20 {
        assert!(written.contains(&format!("\"one {n}\"")), "{n}");
    }
    for line in written.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn a_history_that_cannot_be_used_is_said_once_and_does_no_harm() {
    let state = tempfile::tempdir().unwrap();
    fs::create_dir_all(state.path().join("wirecat/history")).unwrap();
    let mut run = Run::start(state.path(), &[], "127.0.0.1");
    run.pty.expect("history cannot be read");
    run.pty.type_keys("one\r\x1b[A\r\x04");
    let written = run.pty.exits(0);
    assert_eq!(written.matches("cannot be").count(), 1, "{written}");
    assert_eq!(run.server.result(), ["one", "one"]);
}
#[test]
fn what_a_history_holds_does_not_reach_the_terminal_raw() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("wirecat");
    fs::create_dir_all(&folder).unwrap();
    let line = "a\x1b]0;title\x07b\u{9b}31m\u{202e}c\x1b[2J";
    let entry = serde_json::json!({"t": 1, "host": "127.0.0.1", "line": line});
    fs::write(
        folder.join("history"),
        format!("\x1b[31m\n\u{0}\n{entry}\n"),
    )
    .unwrap();
    let mut run = Run::start(state.path(), &[], "127.0.0.1");
    run.pty.type_keys("\x1b[A\r\x04");
    let written = run.pty.exits(0);
    for bad in ["\x1b]0;", "\x07", "\u{9b}", "\u{202e}", "\x1b[2J"] {
        assert!(!written.contains(bad), "{bad:?} in {written:?}");
    }
    assert_eq!(run.server.result(), [line]);
}

/// The lines of a session that hold a secret in every place where there may be one.
fn confidential_lines(address: SocketAddr) -> Vec<String> {
    let mut lines = Vec::new();
    // What the options hold: typed alone, and as what commands take.
    let known = [
        "SECRET-of-the-token",
        "SECRET-of-the-user",
        "SECRET-of-a-header",
        "SECRET-of-a-cookie",
        "SECRET-of-the-query",
        "SECRET-of-a-variable",
        // user:SECRET-of-the-user
        "dXNlcjpTRUNSRVQtb2YtdGhlLXVzZXI=",
    ];
    for secret in known {
        lines.push(secret.to_owned());
        for line in ["/grep", "/send -e a", "/set a", "/ping", "!:", "/edit"] {
            lines.push(format!("{line} {secret}"));
        }
        // What /edit has put into the line is sent.
        lines.push(String::new());
    }
    lines.extend(
        [
            "{\"token\":\"SECRET 1\"}",
            "{\"a\":[{\"apiKey\":\"SECRET 2\"}]}",
            "{\"event\":\"login\",\"data\":\"SECRET 3\"}",
            "[\n{\"password\":\n\"SECRET 4\"}]",
            "/set token SECRET 5",
            "/set session = \"SECRET 6\"",
            "/m login token=SECRET7",
            "/m login x=1 password=SECRET8",
            "/queue {\"secret\":\"SECRET 9\"}",
            "/repeat 1 {\"jwt\":\"SECRET 10\"}",
            "/expect .token == \"SECRET 11\" within 1ms",
            &format!("/connect ws://user:SECRET12@{address}/echo"),
            &format!("/connect ws://{address}/echo?token=SECRET13"),
            "Authorization: Bearer SECRET 14",
            "AUTH SECRET 15",
            " SECRET after a space",
        ]
        .map(|line| line.replace('\n', "\r")),
    );
    lines
}

/// A prompt whose options hold a secret in each place, too, leaves none of them in the history.
#[track_caller]
fn leaves_no_secret(more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = folder.join("config.toml");
    let profile = "[messages]\nlogin = '{\"op\":\"sub\",\"x\":\"{{x}}\"}'\n[vars]\npassword = \"env:VARIABLE\"\n";
    fs::write(&config, profile).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    // Each has a word in it that is in no other line.
    let options = [
        "--config",
        config.to_str().unwrap(),
        "--token",
        "SECRET-of-the-token",
        "--token-via",
        "message",
        "-u",
        "user:SECRET-of-the-user",
        "-H",
        "X-Api-Key: SECRET-of-a-header",
        "-H",
        "Cookie: sid=SECRET-of-a-cookie",
        "--on-open",
        "{\"{{password}}\":1}",
    ];
    let server = serve();
    let state = folder.join("state");
    fs::create_dir(&state).unwrap();
    let environment = [
        ("TERM", "xterm-256color"),
        ("NO_COLOR", "1"),
        ("XDG_STATE_HOME", state.to_str().unwrap()),
        ("VARIABLE", "SECRET-of-a-variable"),
    ];
    let url = server.url("/echo?token=SECRET-of-the-query");
    let mut pty = Pty::start_with(&[&options[..], more, &[&url]].concat(), &environment);
    pty.expect("open> ");
    for line in confidential_lines(server.address) {
        // The next prompt: a terminal loses what is typed far ahead while another program has it.
        let before = pty.bytes().len();
        pty.type_keys(&format!("{line}\r"));
        pty.expect_after(before, "> ");
    }
    pty.type_keys("/help queue\r");
    pty.expect("usage:   /queue");
    pty.signal(Signal::SIGKILL);
    pty.end();
    let written = history(&state);
    assert!(!written.contains("SECRET"), "{written}");
    assert!(!written.contains("dXNlcjpT"), "{written}");
    assert!(written.contains("/help queue"), "{written}");
}

#[test]
fn tokens_in_every_place_are_not_in_the_history() {
    leaves_no_secret(&[]);
    // What may be shown and recorded is kept for no later run.
    leaves_no_secret(&["--include-secrets"]);
}
