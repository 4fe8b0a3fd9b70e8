//! Every way out of the prompt, and every way to stop it for a while, leaves the terminal as it was.

use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::termios::Termios;

use crate::support::pty::Pty;
use crate::support::scripts::frames;
use crate::support::server::{Raw, Wire, raw, serve, text};
use crate::support::{PATIENCE, WIRECAT};

/// Colours are on: they too must end.
const COLORED: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("CLICOLOR_FORCE", "1")];

const HALF: &str = "half a line";
const BACK: &str = "\x1b[D\x1b[D\x1b[D";
const AT: usize = HALF.len() - 3;

/// A server that gives the messages up to the client's Close.
fn listens() -> Raw<Vec<String>> {
    raw(|mut wire| {
        wire.handshake();
        let frames = frames(&mut wire).into_iter();
        let messages = frames.filter(|frame| frame.opcode == 1);
        messages
            .map(|frame| String::from_utf8(frame.payload).unwrap())
            .collect()
    })
}

/// The program with half of a line, in the middle of which the cursor stands.
#[track_caller]
fn half_typed(url: &str) -> Pty {
    let mut pty = Pty::start_with(&[url], COLORED);
    pty.expect("open> ");
    pty.type_keys(&format!("{HALF}{BACK}"));
    pty.expect_line(HALF, AT);
    pty
}

/// Whether the terminal is as it was before, and the cursor at the beginning of a fresh line.
#[track_caller]
fn assert_as_found(pty: &Pty, what: &str) {
    assert_eq!(&pty.settings(), pty.settings_before(), "{what}");
    let look = pty.look();
    let shown = look.text();
    assert!(!look.bracketed_paste, "{what}: bracketed paste\n{shown}");
    assert!(!look.hidden_cursor, "{what}: no cursor\n{shown}");
    assert!(!look.styled, "{what}: colours\n{shown}");
    assert!(!look.alternate, "{what}: the alternate screen\n{shown}");
    let (row, column) = look.cursor;
    assert_eq!((column, &*look.rows[row]), (0, ""), "{what}:\n{shown}");
}

/// Waits until the terminal has these settings.
#[track_caller]
fn until_set(pty: &Pty, wanted: impl Fn(&Termios) -> bool) {
    let start = Instant::now();
    while !wanted(&pty.settings()) {
        assert!(start.elapsed() < PATIENCE, "{:?}", pty.settings());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn keys_that_leave() {
    for keys in [
        "\x05\x15\x04",
        "\x05\x15/quit\r",
        "\x03\x03",
        "\x05\x15/close 4000 bye\r",
    ] {
        let server = listens();
        let mut pty = half_typed(&server.url("/"));
        pty.type_keys(keys);
        let status = pty.status();
        assert_eq!(status.code(), Some(0), "{keys:?}");
        assert_as_found(&pty, keys);
        server.result();
    }
}

#[test]
fn signals_that_end_the_program() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let server = listens();
        let mut pty = half_typed(&server.url("/"));
        pty.signal(signal);
        let status = pty.status();
        assert_eq!(status.signal(), Some(signal as i32), "{status:?}");
        assert_as_found(&pty, signal.as_str());
        server.result();
    }
}

#[test]
fn signals_while_text_is_searched_for_or_pasted() {
    for keys in ["one\r\x12on", "\x1b[200~first\nsecond"] {
        let server = serve();
        let mut pty = Pty::start_with(&[&server.url("/echo")], COLORED);
        pty.expect("open> ");
        pty.type_keys(keys);
        if keys.contains('\x12') {
            pty.expect_row("(reverse-i-search)`on': one");
        }
        pty.signal(Signal::SIGTERM);
        let status = pty.status();
        assert_eq!(status.signal(), Some(15), "{status:?}");
        assert_as_found(&pty, keys);
    }
}

#[test]
fn signals_while_the_users_editor_runs() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let folder = tempfile::tempdir().unwrap();
        let server = listens();
        let environment = [
            ("TERM", "xterm-256color"),
            ("TMPDIR", folder.path().to_str().unwrap()),
            // One that outlives us.
            (
                "VISUAL",
                "trap '' HUP; echo ready; exec sleep 2 </dev/null;",
            ),
        ];
        let mut pty = Pty::start_with(&[&server.url("/")], &environment);
        pty.expect("open> ");
        pty.type_keys(&format!("{HALF}\x18\x05"));
        pty.expect("ready");
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), 1);
        pty.signal(signal);
        let status = pty.status();
        assert_eq!(status.signal(), Some(signal as i32), "{status:?}");
        assert_eq!(files(), 0, "{signal}");
        assert_eq!(&pty.settings(), pty.settings_before(), "{signal}");
        server.result();
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_program() {
    // Without and with a shell that ignores SIGHUP, as nohup does.
    for (program, args, signal) in [
        (WIRECAT, &[][..], Some(1)),
        (
            "sh",
            &["-c", "trap '' HUP; exec \"$0\" \"$1\"", WIRECAT],
            None,
        ),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.until_close();
        });
        let url = server.url("/");
        let args: Vec<&str> = args.iter().copied().chain([&*url]).collect();
        let mut pty = Pty::start_program(program, &args, COLORED);
        pty.expect("open> ");
        pty.type_keys(HALF);
        pty.expect(HALF);
        pty.close_terminal();
        let status = pty.status();
        assert_eq!(status.signal(), signal, "{status:?}");
        server.result();
    }
}

/// Runs the program as a job of a shell. It is stopped, the shell waits for a line and continues it.
#[track_caller]
fn job_of_a_shell(url: &str) -> Pty {
    let script =
        "set -m; \"$0\" \"$1\"; echo \"stopped\"; read line; fg >/dev/null; echo \"left $?\"";
    let pty = Pty::start_program("sh", &["-c", script, WIRECAT, url], COLORED);
    // The last of what is shown without being asked for.
    pty.expect("Ctrl-D leaves.");
    pty
}

/// Stops the program, checks the terminal that the shell has then, and continues the program.
#[track_caller]
fn stop_and_continue(pty: &mut Pty, what: &str) {
    let editing = pty.settings();
    pty.type_keys("\x1a");
    // The shell's line stands alone.
    let look = pty.until("a row of the shell", |look| {
        look.rows.iter().any(|row| row == "stopped")
    });
    assert_eq!(&pty.settings(), pty.settings_before(), "{what}");
    let shown = look.text();
    assert!(!look.bracketed_paste, "{what}: bracketed paste\n{shown}");
    assert!(!look.hidden_cursor, "{what}: no cursor\n{shown}");
    assert!(!look.styled, "{what}: colours\n{shown}");
    pty.type_keys("\n");
    until_set(pty, |settings| settings == &editing);
}

#[test]
fn ctrl_z_and_fg() {
    let server = listens();
    let mut pty = job_of_a_shell(&server.url("/"));
    pty.type_keys(&format!("{HALF}{BACK}"));
    pty.expect_line(HALF, AT);
    stop_and_continue(&mut pty, "a line");
    let look = pty.expect_line(HALF, AT);
    // What stood there before is there still.
    assert!(
        look.rows.iter().any(|row| row == &format!("open> {HALF}")),
        "{}",
        look.text()
    );
    pty.type_keys("X\r\x04");
    pty.expect_row("left 0");
    pty.status();
    assert_as_found(&pty, "the end");
    assert_eq!(server.result(), ["half a lXine"]);
}

#[test]
fn ctrl_z_on_a_line_of_several_rows() {
    let line = "0123456789".repeat(20);
    let server = listens();
    let mut pty = job_of_a_shell(&server.url("/"));
    // The cursor is in the second of three rows.
    pty.type_keys(&format!("{line}{}", "\x1b[D".repeat(100)));
    pty.expect_line(&line, 100);
    stop_and_continue(&mut pty, "three rows");
    let look = pty.expect_line(&line, 100);
    let above: Vec<_> = look.rows.iter().filter(|row| !row.is_empty()).collect();
    // The line as it was left, what the shell said, and the line again.
    let stopped = above.iter().position(|row| *row == "stopped").unwrap();
    assert!(
        above[stopped - 3].starts_with("open> 012"),
        "{}",
        look.text()
    );
    assert_eq!(above.len() - stopped, 4, "{}", look.text());
    pty.type_keys("X\r\x04");
    pty.expect_row("left 0");
    pty.end();
    assert_eq!(
        server.result(),
        [format!("{}X{}", &line[..100], &line[100..])]
    );
}

#[test]
fn ctrl_z_in_a_search_and_in_a_pasted_block() {
    let server = listens();
    let mut pty = job_of_a_shell(&server.url("/"));
    pty.type_keys("alpha\r");
    pty.type_keys("\x12alp");
    pty.expect_row("(reverse-i-search)`alp': alpha");
    stop_and_continue(&mut pty, "a search");
    // What was found is on the line.
    pty.until("what was found", |look| {
        look.typed_line().as_deref() == Some("alpha")
    });
    pty.type_keys("\x05\x15\x1b[200~one\ntwo\x1b[201~\r\x04");
    pty.expect_row("left 0");
    pty.end();
    assert_eq!(server.result(), ["alpha", "one\ntwo"]);

    let server = listens();
    let mut pty = job_of_a_shell(&server.url("/"));
    pty.type_keys("\x1b[200~one\ntwo\x1b[201~");
    pty.expect_row("two");
    stop_and_continue(&mut pty, "a pasted block");
    pty.expect_row("two");
    pty.type_keys(" three\r\x04");
    pty.expect_row("left 0");
    pty.end();
    assert_eq!(server.result(), ["one\ntwo three"]);
}

#[test]
fn ctrl_z_where_nobody_could_continue_the_program() {
    let server = listens();
    let mut pty = half_typed(&server.url("/"));
    pty.type_keys("\x1aX");
    pty.expect_line("half a lXine", AT + 1);
    pty.type_keys("\r\x04");
    pty.exits(0);
    assert_eq!(server.result(), ["half a lXine"]);
}

#[test]
fn a_stopped_program_that_is_ended_leaves_the_terminal_to_the_shell() {
    let server = listens();
    let script = "set -m; sh -c 'echo $$ >\"$2\"; exec \"$0\" \"$1\"' \"$0\" \"$1\" \"$2\"; echo stopped; \
        read pid <\"$2\"; kill -TERM $pid; kill -CONT $pid; \
        while kill -0 $pid 2>/dev/null; do sleep 0.05; done; echo ended";
    let pid = tempfile::NamedTempFile::new().unwrap();
    let args = [
        "-c",
        script,
        WIRECAT,
        &server.url("/"),
        pid.path().to_str().unwrap(),
    ];
    let mut pty = Pty::start_program("sh", &args, COLORED);
    pty.expect("open> ");
    pty.type_keys(&format!("{HALF}\x1a"));
    // In the background it writes nothing.
    let look = pty.expect_row("ended");
    assert_eq!(
        look.rows[look.cursor.0 - 2..look.cursor.0],
        ["stopped", "ended"]
    );
    pty.status();
    assert_eq!(&pty.settings(), pty.settings_before());
    server.result();
}

#[test]
fn stopped_and_continued_from_outside() {
    let (go, going) = mpsc::channel();
    let server = raw(move |mut wire: Wire| {
        wire.handshake();
        going.recv().unwrap();
        wire.send(text("meanwhile"));
        let line = wire.message();
        wire.answer_close();
        line
    });
    let mut pty = half_typed(&server.url("/"));
    let editing = pty.settings();
    assert_ne!(&editing, pty.settings_before());
    pty.signal(Signal::SIGSTOP);
    pty.until_stopped();
    // As a shell does.
    pty.set(pty.settings_before());
    go.send(()).unwrap();
    pty.signal(Signal::SIGCONT);
    until_set(&pty, |settings| settings == &editing);
    pty.expect_row("< meanwhile");
    pty.expect_line(HALF, AT);
    pty.type_keys("X\r\x04");
    let status = pty.status();
    assert_eq!(status.code(), Some(0));
    assert_as_found(&pty, "the end");
    assert_eq!(server.result(), b"half a lXine");
}

#[test]
fn stopped_and_continued_in_the_middle_of_a_paste() {
    let server = listens();
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("\x1b[200~first\nsec");
    let editing = pty.settings();
    pty.signal(Signal::SIGSTOP);
    pty.until_stopped();
    pty.set(pty.settings_before());
    pty.signal(Signal::SIGCONT);
    until_set(&pty, |settings| settings == &editing);
    pty.type_keys("ond\x1b[201~\r\x04");
    pty.exits(0);
    assert_eq!(server.result(), ["first\nsecond"]);
}

#[test]
fn a_panic_of_the_editor() {
    // select(2) knows no descriptor from 1024 on, which the editor does not expect.
    let script = "ulimit -n 2048; for n in {3..1100}; do eval \"exec $n</dev/null\"; done; exec \"$0\" \"$1\"";
    let server = raw(|mut wire| {
        wire.handshake();
        wire.answer_close();
    });
    let args = ["-c", script, WIRECAT, &server.url("/")];
    let mut pty = Pty::start_program("bash", &args, COLORED);
    let status = pty.status();
    let written = pty.bytes();
    let written = String::from_utf8_lossy(&written);
    // The last words are ours, and stand in a terminal that is as it was.
    let last = written
        .split_once(" the line editor has failed: ")
        .unwrap()
        .1;
    assert!(last.contains("FD_SETSIZE"), "{written}");
    assert!(
        last.contains("\r\n  try: --plain reads lines without it\r\n"),
        "{written}"
    );
    assert!(last.contains("closed 1000 after "), "{written}");
    assert_eq!(status.code(), Some(1), "{written}");
    assert_as_found(&pty, "a panic");
    server.result();
}
