//! The prompt with programs and answers: `--run`, `--answer` and `/answer` while a line is being typed,
//! and `--exec`, which needs no prompt.

use std::sync::mpsc;

use crate::support::pty::Pty;
use crate::support::server::{Wire, raw, raws, text};

/// Half of a line, and the keys that take the cursor back before its last three characters.
const HALF: &str = "half a line";
const BACK: &str = "\x1b[D\x1b[D\x1b[D";
const AT: usize = HALF.len() - 3;
const FINISHED: &[u8] = b"half a lXine";

#[track_caller]
fn type_half(pty: &mut Pty) {
    pty.type_keys(HALF);
    pty.type_keys(BACK);
    pty.expect_line(HALF, AT);
}

#[test]
fn what_a_command_prints_stands_above_the_line_being_typed() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let server = raw(|mut wire| {
        wire.handshake();
        let line = wire.message();
        wire.answer_close();
        line
    });
    // No newline at the end, a control sequence, and both streams.
    let run = format!(
        "echo started; until [ -e {} ]; do sleep 0.05; done; seq 1 300; printf '\\033[31mred\\r\\n'; echo to stderr >&2; printf 'no end'",
        go.display()
    );
    let mut pty = Pty::prompt(&["--run", &run], &server.url("/"));
    pty.expect_row("started");
    type_half(&mut pty);
    std::fs::write(&go, "").unwrap();
    pty.expect_row("no end");
    pty.expect("to stderr");
    let look = pty.expect_line(HALF, AT);
    assert_eq!(look.prompt(), Some("open>"), "{}", look.text());
    assert!(!look.styled, "{}", look.text());
    let shown = pty.bytes();
    for line in ["wirecat: 300\r\n", "wirecat: \\x1b[31mred\r\n"] {
        let shown = String::from_utf8_lossy(&shown);
        assert!(shown.contains(line), "no {line:?} in {shown}");
    }
    pty.type_keys("X\r\x04");
    pty.exits(0);
    assert_eq!(server.result(), FINISHED);
}

#[test]
fn a_command_that_fails_ends_the_prompt_with_1() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.answer_close();
    });
    let url = server.url("/");
    let pty = Pty::start(&["--run", "sleep 0.3; exit 3", &url]);
    let written = pty.exits(1);
    assert!(written.contains("--run: exited with status 3"), "{written}");
}

#[test]
fn a_message_that_run_after_cannot_read_is_told_once() {
    let (typed, ready) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        ready.recv().unwrap();
        wire.send(text("no JSON"));
        wire.send(text("nor this"));
        wire.send(text(r#"{"ready":true}"#));
        let line = wire.message();
        wire.answer_close();
        line
    });
    let run = ["--run-after", ".ready", "--run", "echo started"];
    let mut pty = Pty::prompt(&run, &server.url("/"));
    pty.type_keys("go\r");
    type_half(&mut pty);
    typed.send(()).unwrap();
    pty.expect_row("started");
    pty.expect_row("--run-after skipped a message that is not JSON");
    pty.expect_line(HALF, AT);
    pty.type_keys("X\r\x04");
    let written = pty.exits(0);
    let told = "--run-after skipped a message that is not JSON";
    assert_eq!(written.matches(told).count(), 1, "{written}");
    assert!(written.contains("--run-after skipped 2 messages that are not JSON"));
    assert_eq!(server.result(), FINISHED);
}

#[test]
fn a_command_runs_once_or_on_each_connection() {
    for (each, expected) in [(&[][..], "1"), (&["--run-each"], "1 2")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ran");
        let (ended, over) = mpsc::channel();
        let path = file.clone();
        let server = raws(2, move |n, mut wire: Wire| {
            wire.handshake();
            wire.message();
            if n == 1 {
                // The command has ended before its connection does.
                crate::programs::lines_of(&path, 1);
                wire.close(1012, "");
            } else {
                wire.send(text("here again"));
                over.recv().unwrap();
                wire.answer_close();
            }
        });
        let run = format!("echo \"$WIRECAT_CONNECTION\" >> {}", file.display());
        let args = [each, &["--reconnect-delay", "10ms", "--run", &run]].concat();
        let mut pty = Pty::prompt(&args, &server.url("/"));
        pty.type_keys("one\r");
        pty.until("two connections", |look| {
            let opened = look
                .rows
                .iter()
                .filter(|it| it.starts_with("connected to "));
            opened.count() == 2 && look.prompt() == Some("open>")
        });
        pty.type_keys("two\r");
        pty.expect_row("< here again");
        let count = expected.split(' ').count();
        crate::programs::lines_of(&file, count);
        ended.send(()).unwrap();
        pty.type_keys("\x04");
        pty.exits(0);
        let ran = std::fs::read_to_string(&file).unwrap();
        assert_eq!(ran.trim().replace('\n', " "), expected);
        server.result();
    }
}

#[test]
fn answers_leave_the_line_being_typed_alone() {
    let (typed, ready) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        ready.recv().unwrap();
        for n in 0..50 {
            wire.send(text(&format!(r#"{{"ask":{n}}}"#)));
        }
        let answers: Vec<Vec<u8>> = (0..50).map(|_| wire.message()).collect();
        wire.send(text("answered"));
        let line = wire.message();
        wire.answer_close();
        (answers, line)
    });
    let rule = ".ask=cmd:echo trouble >&2; cat";
    let mut pty = Pty::prompt(&["--answer", rule], &server.url("/"));
    pty.type_keys("go\r");
    type_half(&mut pty);
    typed.send(()).unwrap();
    pty.expect_row("< answered");
    let look = pty.expect_line(HALF, AT);
    assert_eq!(look.prompt(), Some("open>"), "{}", look.text());
    pty.type_keys("X\r\x04");
    let written = pty.exits(0);
    assert_eq!(written.matches("trouble\r\n").count(), 50, "{written}");
    let (answers, line) = server.result();
    let expected = (0..50).map(|n| format!(r#"{{"ask":{n}}}"#).into_bytes());
    assert!(answers.into_iter().eq(expected));
    assert_eq!(line, FINISHED);
}

#[test]
fn connect_tells_which_answers_stay_behind() {
    let server = || {
        raw(|mut wire: Wire| {
            wire.handshake();
            wire.send(text(r#"{"ask":1,"all":1}"#));
            let answer = wire.message();
            wire.answer_close();
            answer
        })
    };
    let (first, second) = (server(), server());
    let mut pty = Pty::prompt(&["--no-reconnect", "--answer", ".all=all"], &first.url("/"));
    pty.expect("\"ask\"");
    pty.type_keys("/answer .ask={\"re\":{{.ask}}}\r");
    pty.expect("answer 2: .ask=");
    pty.type_keys("/answer .more=more\r");
    pty.expect("answer 3: .more=");
    let switched = pty.bytes().len();
    pty.type_keys(&format!("/connect {}\r", second.url("/")));
    pty.expect("no longer answered: .ask={\"re\":{{.ask}}}\r\n");
    pty.expect("no longer answered: .more=more\r\n");
    pty.expect_after(switched, "\"ask\"");
    pty.type_keys("/answer\r");
    pty.expect("1  .all=all  (");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert!(!written.contains("no longer answered: .all"), "{written}");
    assert_eq!(
        (first.result(), second.result()),
        (b"all".to_vec(), b"all".to_vec())
    );
}

#[test]
fn a_server_that_is_returned_to_has_its_answers_again() {
    let server = raws(2, |n, mut wire: Wire| {
        wire.handshake();
        if n == 1 {
            wire.answer_close();
            return vec![];
        }
        wire.send(text(r#"{"ask":7}"#));
        let answer = wire.message();
        wire.answer_close();
        answer
    });
    let mut pty = Pty::prompt(&["--reconnect-delay", "10ms"], &server.url("/"));
    pty.type_keys("/answer .ask={\"re\":{{.ask}}}\r");
    pty.expect("answer 1: ");
    pty.type_keys("/connect ws://127.0.0.1:1/\r");
    pty.expect("no longer answered: .ask=");
    pty.expect("going back to");
    pty.expect("answered again: .ask={\"re\":{{.ask}}}\r\n");
    pty.expect("\"ask\"");
    pty.type_keys("\x04");
    pty.exits(0);
    assert_eq!(server.result()[1], br#"{"re":7}"#);
}

#[test]
fn a_program_in_place_of_the_keyboard_needs_no_prompt() {
    let server = raw(|mut wire| {
        wire.handshake();
        let hello = wire.message();
        wire.send(text("to the program"));
        let heard = wire.message();
        wire.close(1000, "");
        [hello, heard]
    });
    let url = server.url("/");
    let program = "echo hello; read line; echo \"$line\"; cat >/dev/null";
    let mut pty = Pty::start(&["--exec", program, &url]);
    pty.type_keys("not read\r");
    let written = pty.exits(0);
    assert!(!written.contains("open>"), "{written}");
    assert_eq!(server.result(), [&b"hello"[..], b"to the program"]);
}
