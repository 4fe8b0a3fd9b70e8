//! The prompt where nothing is redrawn: `--plain`, a terminal that cannot do it, one without colours or
//! without UTF-8.

use std::sync::mpsc;

use crate::support::pty::Pty;
use crate::support::scripts::frames;
use crate::support::sequences::{Effect, sequences};
use crate::support::server::{close, raw, raws, text};

const COLORED: (&str, &str) = ("TERM", "xterm-256color");

/// Whether not one sequence was written, of any kind.
#[track_caller]
fn assert_plain(written: &[u8]) {
    let shown = String::from_utf8_lossy(written);
    assert_eq!(sequences(written), [], "{shown:?}");
}

#[test]
fn each_event_is_a_line_and_nothing_is_redrawn() {
    for (args, environment) in [
        (&["--plain"][..], &[COLORED][..]),
        (&["--plain"], &[("TERM", "dumb")]),
        (&[], &[("TERM", "dumb")]),
    ] {
        let server = raws(2, |n, mut wire| {
            wire.handshake();
            let line = wire.message();
            if n == 1 {
                wire.send(text(r#"{"event":"tick","data":{"n":1}}"#));
                wire.send(text("two\nrows"));
                wire.close(1012, "restart");
            } else {
                wire.answer_close();
            }
            line
        });
        let url = server.url("/");
        let args = [args, &["--reconnect-delay", "10ms", &url]].concat();
        let mut pty = Pty::start_with(&args, environment);
        pty.expect("/help lists the commands");
        pty.type_keys("first\n");
        pty.expect("restart");
        pty.expect("connecting\r\n");
        pty.until("two connections", |look| {
            let opened = look
                .rows
                .iter()
                .filter(|row| row.starts_with("connected to "));
            opened.count() == 2
        });
        pty.type_keys("second\n/close\n");
        let status = pty.status();
        assert_eq!(status.code(), Some(0));
        let written = pty.bytes();
        assert_plain(&written);
        let shown = String::from_utf8(written).unwrap();
        for line in ["first\r\n", "closing\r\n", "second\r\n"] {
            assert!(shown.contains(line), "no {line:?} in {shown:?}");
        }
        assert!(!shown.contains("open>"), "{shown:?}");
        // The server's Close says so itself.
        assert_eq!(shown.matches("closing\r\n").count(), 1, "{shown:?}");
        assert_eq!(server.result(), [b"first".to_vec(), b"second".to_vec()]);
        assert_eq!(&pty.settings(), pty.settings_before());
    }
}

#[test]
fn plain_lines_may_have_colours_that_were_asked_for() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text(r#"{"event":"tick","data":{"n":1}}"#));
        wire.answer_close();
    });
    let args = ["--plain", "--color", "always", &server.url("/")];
    let mut pty = Pty::start_with(&args, &[COLORED]);
    pty.expect("/help lists the commands");
    pty.type_keys("go\n");
    pty.expect("tick");
    pty.type_keys("\x04");
    let (status, written) = pty.end();
    assert_eq!(status.code(), Some(0));
    server.result();
    let found = sequences(&written);
    assert!(
        !found.is_empty() && found.iter().all(|(effect, _)| *effect == Effect::Style),
        "{found:?}"
    );
}

#[test]
fn a_secret_is_not_shown_and_the_echo_comes_back() {
    let server = raw(|mut wire| {
        let request = wire.handshake();
        wire.answer_close();
        request
    });
    let mut pty = Pty::start_with(
        &["--plain", "--token", "prompt", &server.url("/")],
        &[COLORED],
    );
    pty.expect("oken");
    pty.type_keys("hunter2hunter2\n");
    pty.expect("/help lists the commands");
    pty.type_keys("/status\n");
    pty.expect("readyState");
    pty.type_keys("\x04");
    let status = pty.status();
    assert_eq!(status.code(), Some(0));
    assert_eq!(&pty.settings(), pty.settings_before());
    let shown = String::from_utf8(pty.bytes()).unwrap();
    assert!(!shown.contains("hunter2"), "{shown:?}");
    assert!(server.result().contains("hunter2hunter2"));
}

#[test]
fn without_colours_there_are_none() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send([text(r#"{"event":"tick","data":{"n":1}}"#), close(4000, "")].concat());
        wire.until_close();
    });
    let args = ["--no-reconnect", &server.url("/")];
    let mut pty = Pty::start_with(&args, &[COLORED, ("NO_COLOR", "1")]);
    pty.expect("open> ");
    pty.type_keys("go\r");
    let (_, written) = pty.end();
    server.result();
    let found = sequences(&written);
    let styles: Vec<_> = found
        .iter()
        .filter(|(effect, _)| *effect == Effect::Style)
        .collect();
    // What ends a colour may stand at the end.
    assert!(
        styles.iter().all(|(_, sequence)| sequence == "\x1b[0m"),
        "{styles:?}"
    );
}

#[test]
fn without_utf_8_the_prompt_works() {
    let (typed, ready) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake();
        ready.recv().unwrap();
        wire.send(text("grüße"));
        frames(&mut wire)
    });
    let environment = [COLORED, ("LC_ALL", "C"), ("LANG", "C"), ("NO_COLOR", "1")];
    let mut pty = Pty::start_with(&[&server.url("/")], &environment);
    pty.expect("open> ");
    pty.type_keys("half a line");
    typed.send(()).unwrap();
    pty.expect("gr");
    pty.expect_line("half a line", 11);
    pty.type_keys("\r\x04");
    pty.exits(0);
    let frames = server.result();
    assert_eq!(frames[0].payload, b"half a line");
}
