//! How messages look at the prompt: the sent ones among the received ones, and the long ones.

use crate::support::pty::Pty;
use crate::support::server::{Raw, close, frame_of, raw, text};

/// Sends these frames once it has received so many messages.
fn answers(messages: usize, frames: &[Vec<u8>]) -> Raw<()> {
    let frames = frames.concat();
    raw(move |mut wire| {
        wire.handshake();
        for _ in 0..messages {
            wire.message();
        }
        wire.send([&frames[..], &close(1000, "")].concat());
        wire.until_close();
    })
}

/// What is written after `line` was typed and answered by these frames. `args` may have one
/// `--on-open`.
fn shown(args: &[&str], line: &str, frames: &[Vec<u8>]) -> String {
    let messages = 1 + usize::from(args.contains(&"--on-open"));
    let server = answers(messages, frames);
    let args = [&["--no-reconnect"], args].concat();
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys(&format!("{line}\r"));
    pty.expect("closed by server");
    let (_, written) = pty.end();
    String::from_utf8(written).unwrap()
}

#[track_caller]
fn assert_contains(written: &str, lines: &[&str]) {
    let mut rest = written;
    for line in lines {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("no {line:?} where it should be in {written:?}");
        };
        rest = after;
    }
}

#[test]
fn what_was_sent_stands_before_its_answer() {
    let answer = text(r#"{"event":"tick","data":{"n":1,"price":1.50}}"#);
    let written = shown(&["--on-open", "hello"], r#"{"op":"sub"}"#, &[answer]);
    assert_contains(
        &written,
        &[
            "> hello\r\n",
            "> {\"op\": \"sub\"}\r\n",
            "< tick {\"n\": 1, \"price\": 1.50}\r\n",
        ],
    );
}

#[test]
fn long_messages_are_folded() {
    let lines: Vec<String> = (1..=230).map(|n| format!("line {n}")).collect();
    let frames = [text(&lines.join("\n")), frame_of(0x82, &[7; 3368])];
    let written = shown(&[], "x", &frames);
    assert_contains(
        &written,
        &[
            "< line 1\r\n",
            "  line 18\r\n  … 212 more lines, /more\r\n",
            "< binary, 3368 bytes\r\n",
            "  000000f0 ",
            "|\r\n  … 3,112 more bytes, /more\r\n",
        ],
    );
}

#[test]
fn json_has_colours_and_the_name_of_an_event_its_own() {
    let server = answers(
        1,
        &[text(
            r#"{"event":"tick","data":{"s":"x","n":1.50,"b":null}}"#,
        )],
    );
    let environment = [
        ("TERM", "xterm-256color"),
        ("NO_COLOR", ""),
        ("CLICOLOR_FORCE", "1"),
    ];
    let mut pty = Pty::start_with(&["--no-reconnect", &server.url("/")], &environment);
    pty.expect("open> ");
    pty.type_keys("go\r");
    pty.expect("closed by server");
    let (_, written) = pty.end();
    let written = String::from_utf8(written).unwrap();
    assert_contains(
        &written,
        &[
            "< \x1b[1;35mtick\x1b[0m {\x1b[1;34m\"s\"\x1b[0m: \x1b[32m\"x\"\x1b[0m, ",
            "\x1b[1;34m\"n\"\x1b[0m: 1.50, \x1b[1;34m\"b\"\x1b[0m: \x1b[90mnull\x1b[0m}\r\n",
        ],
    );
}

#[test]
fn plain_output_has_words_for_marks_and_one_line_for_a_message() {
    let frames = [text("a\nb"), text(r#"[{"a":1},2]"#)];
    let written = shown(&["--plain"], "x", &frames);
    assert_contains(
        &written,
        &[
            "sent: x\r\n",
            "received: a\\x0ab\r\n",
            "received: [{\"a\": 1}, 2]\r\n",
        ],
    );
}

#[test]
fn more_shows_what_was_folded() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x82, &[7; 300]));
        wire.until_close();
    });
    let mut pty = Pty::prompt(&["--no-reconnect"], &server.url("/"));
    pty.expect("|\r\n  … 44 more bytes, /more\r\n");
    assert!(!String::from_utf8_lossy(&pty.bytes()).contains("  00000120 "));
    pty.type_keys("/more\r");
    pty.expect("  00000120 ");
    pty.type_keys("\x04");
    pty.end();
}

/// A prompt with this pager, which has received `frames`.
fn paging(pager: &str, frames: &[Vec<u8>]) -> (Pty, Raw<Vec<u8>>) {
    let frames = frames.concat();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.send(frames);
        let message = wire.message();
        wire.answer_close();
        message
    });
    let environment = [
        ("TERM", "xterm-256color"),
        ("NO_COLOR", "1"),
        ("PAGER", pager),
    ];
    let pty = Pty::start_with(&["--no-reconnect", &server.url("/")], &environment);
    pty.expect("open> ");
    (pty, server)
}

/// Types a command, and waits for what it shows and for the next prompt.
#[track_caller]
fn types(pty: &mut Pty, command: &str, shown: &str) {
    let before = pty.bytes().len();
    pty.type_keys(&format!("{command}\r"));
    pty.expect_after(before, shown);
    pty.until("an empty line", |look| {
        look.prompt() == Some("open>") && look.typed_line().as_deref() == Some("")
    });
}

#[test]
fn what_is_taller_than_the_screen_is_shown_in_the_pager() {
    let lines: Vec<String> = (1..=40).map(|n| format!("line {n}")).collect();
    // One line, which takes more rows than there are.
    let long = "0123456789".repeat(400);
    let (mut pty, server) = paging(
        "sed 's/^/PAGED /'",
        &[text(&lines.join("\n")), text(&long), text("short")],
    );
    pty.expect("< short");
    types(&mut pty, "/more", " < short\r\n");
    types(&mut pty, "/help send", "usage:   /send");
    assert!(!String::from_utf8_lossy(&pty.bytes()).contains("PAGED"));
    types(&mut pty, "/more 2", "PAGED #2 ");
    types(&mut pty, "/more 3", "PAGED   line 40\r\n");
    types(&mut pty, "/help", "PAGED   /pipe [COMMAND|off] ");
    types(&mut pty, "/help keys", "PAGED --edit-mode=vi ");
    pty.type_keys("on\r\x04");
    pty.exits(0);
    assert_eq!(server.result(), b"on");
}

#[test]
fn without_a_pager_what_is_tall_is_printed() {
    let (mut pty, server) = paging("no-such-pager", &[]);
    types(&mut pty, "/help", "  /pipe [COMMAND|off] ");
    pty.type_keys("on\r\x04");
    let written = pty.exits(0);
    assert!(
        written.contains("no-such-pager' cannot be run; set $PAGER\r\n"),
        "{written:?}"
    );
    assert_eq!(server.result(), b"on");
}
