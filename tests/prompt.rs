//! The prompt and the terminal it is in: nothing is lost on the screen or on the way out.

use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc;

use crate::support::WIRECAT;
use crate::support::pty::Pty;
use crate::support::scripts::frames;
use crate::support::server::{close, frame_of, raw, text};

const TERM: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("NO_COLOR", "1")];

#[test]
fn a_partial_line_survives_incoming_messages() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        for n in 0..50 {
            wire.send(text(&format!("incoming {n}")));
        }
        let second = wire.message();
        wire.answer_close();
        (first, second)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    pty.type_keys("half a ");
    pty.expect("incoming 49");
    pty.type_keys("line\r");
    pty.type_keys("\x04");
    pty.exits(0);
    let (first, second) = server.result();
    assert_eq!((first, second), (b"go".to_vec(), b"half a line".to_vec()));
}

#[test]
fn quitting_waits_for_the_servers_close() {
    for keys in ["\x04", "\x03\x03", "/quit\r"] {
        let server = raw(|mut wire| {
            wire.handshake();
            let close = wire.until_close().unwrap();
            wire.send(text("one more thing"));
            wire.send(frame_of(0x88, &close.payload));
            close.close_code()
        });
        let mut pty = Pty::prompt(&[], &server.url("/"));
        pty.type_keys(keys);
        let written = pty.exits(0);
        assert!(written.contains("< one more thing\r\n"), "{written:?}");
        assert_eq!(server.result(), Some(1000), "{keys:?}");
    }
}

#[test]
fn quitting_works_if_the_server_does_not_answer_the_close() {
    let (done, over) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake();
        let close = wire.until_close().unwrap();
        wire.send(text("not yet"));
        let _ = over.recv();
        close.close_code()
    });
    let mut pty = Pty::prompt(&["--close-timeout", "10m"], &server.url("/"));
    pty.type_keys("\x04");
    pty.expect("< not yet");
    pty.type_keys("\x03");
    let (status, _) = pty.end();
    assert_eq!(status.signal(), Some(2), "{status:?}");
    drop(done);
    assert_eq!(server.result(), Some(1000));
}

/// The program between two looks at the terminal's settings.
#[track_caller]
fn quitting_restores_the_terminal(frames: Vec<u8>, keys: &str, words: &str, code: &str) {
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        wire.send(frames);
        wire.answer_close();
    });
    let script = "stty -g; \"$0\" --no-reconnect \"$1\"; code=$?; stty -g; echo \"exit $code\"";
    let mut pty = Pty::start_program("sh", &["-c", script, WIRECAT, &server.url("/")], TERM);
    pty.expect("open> ");
    // All at once: after the end there would be nobody to type to.
    pty.type_keys(&format!("go\r{keys}"));
    let (_, written) = pty.end();
    server.result();
    let written = String::from_utf8(written).unwrap();
    let lines: Vec<_> = written.lines().collect();
    let settings = lines[0];
    let after = lines[lines.len() - 2].trim_start_matches(|c: char| !c.is_ascii_hexdigit());
    assert!(
        settings.contains(':') && after.ends_with(settings),
        "{written:?}"
    );
    assert_eq!(lines[lines.len() - 1], code, "{written:?}");
    assert!(written.contains(words), "no {words:?} in {written:?}");
    // Bracketed paste is off again.
    let (on, off) = (written.rfind("\x1b[?2004h"), written.rfind("\x1b[?2004l"));
    assert!(off > on, "{written:?}");
}

#[test]
fn the_terminal_is_restored() {
    let closed = "closed by server: 4001 (private use) \"token expired\"\r\n";
    quitting_restores_the_terminal(
        close(4001, "token expired"),
        "half a li",
        closed,
        "exit 112",
    );
    for keys in ["/quit\r", "\x04", "\x03\x03"] {
        quitting_restores_the_terminal(vec![], keys, "closed 1000 after ", "exit 0");
    }
    quitting_restores_the_terminal(
        close(1000, ""),
        "half a li",
        "closed by server: 1000",
        "exit 0",
    );
    quitting_restores_the_terminal(
        frame_of(0x83, b""),
        "half a li",
        "broke the protocol",
        "exit 110",
    );
}

#[test]
fn the_last_messages_before_a_close_are_shown() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        let all: Vec<_> = (0..1000)
            .flat_map(|n| text(&format!("last {n};")))
            .collect();
        wire.send(all);
        wire.close(4001, "");
    });
    let mut pty = Pty::prompt(&["--no-reconnect"], &server.url("/"));
    pty.type_keys("go\r");
    let written = pty.exits(112);
    let close = written.find("closed by server: 4001").unwrap();
    assert!(close > written.find("last 999;").unwrap());
    // More than a person can read is counted, but for the first and the last of it.
    assert_eq!(shown_or_counted(&written, "last "), 1000);
    let shown = numbers(&written, "last ");
    assert!(shown.is_sorted() && shown.len() < 400, "{shown:?}");
    assert_eq!(shown[..200], (0..200).collect::<Vec<_>>());
    assert!(shown.ends_with(&(980..1000).collect::<Vec<_>>()));
    server.result();
}

/// How many messages were shown with their number after `mark`, or counted.
#[track_caller]
fn shown_or_counted(written: &str, mark: &str) -> usize {
    let counts = written.split("… ").skip(1);
    let counts = counts.filter_map(|piece| piece.split_once(" message"));
    let counted = counts.map(|(count, _)| count.replace(',', "").parse::<usize>().unwrap());
    counted.sum::<usize>() + numbers(written, mark).len()
}

/// The numbers between `mark` and `;`, in order.
fn numbers(written: &str, mark: &str) -> Vec<usize> {
    let pieces = written.split(mark).skip(1);
    let numbers = pieces.filter_map(|piece| piece.split_once(';')?.0.parse().ok());
    numbers.collect()
}

#[test]
fn ten_thousand_messages_while_typing() {
    const COUNT: usize = 10_000;
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        for n in 0..COUNT {
            wire.send(text(&format!("number {n};")));
        }
        let message = wire.message();
        wire.answer_close();
        message
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    pty.expect("number 0;");
    let typed = "abcdefghij".repeat(5);
    for key in typed.chars() {
        pty.type_keys(&key.to_string());
        pty.expect(&key.to_string());
    }
    pty.expect(&format!("number {};", COUNT - 1));
    pty.type_keys("\r\x04");
    let written = pty.exits(0);
    assert_eq!(shown_or_counted(&written, "number "), COUNT);
    assert!(numbers(&written, "number ").is_sorted());
    assert_eq!(server.result(), typed.as_bytes());
}

#[test]
fn a_dumb_terminal_works() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        wire.send(text("an answer"));
        (first, frames(&mut wire))
    });
    let url = server.url("/");
    let mut pty = Pty::start_with(&[&url], &[("TERM", "dumb"), ("NO_COLOR", "")]);
    pty.expect("/help");
    pty.type_keys("hello\n");
    pty.expect("< an answer\r\n");
    pty.type_keys("/pnig\n");
    pty.expect("did you mean /ping?");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert!(!written.contains('\x1b'), "{written:?}");
    let (first, frames) = server.result();
    assert_eq!(first, b"hello");
    assert_eq!((frames.len(), frames[0].close_code()), (1, Some(1000)));
}

#[test]
fn a_condition_ends_the_prompt_like_a_pipe() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send([text("1"), text("2"), text("3")].concat());
        wire.until_close().unwrap().close_code()
    });
    let mut pty = Pty::prompt(
        &["--count", "2", "--close-timeout", "200ms"],
        &server.url("/"),
    );
    pty.type_keys("go\r");
    let written = pty.exits(0);
    assert!(
        written.contains("< 2\r\n") && !written.contains("< 3\r\n"),
        "{written:?}"
    );
    assert_eq!(server.result(), Some(1000));
}

#[test]
fn no_prompt_is_left_behind() {
    let server = crate::support::server::serve();
    for _ in 0..10 {
        let mut pty = Pty::prompt(&[], &server.url("/echo"));
        pty.type_keys("/close\r");
        let (status, bytes) = pty.end();
        assert_eq!(status.code(), Some(0));
        assert!(
            bytes.ends_with(b"\r\x1b[J"),
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn a_blocked_terminal_does_not_block_the_exit() {
    let server = raw(|mut wire| {
        use std::io::Write;
        wire.handshake();
        let frames = text(&"x".repeat(100)).repeat(64);
        while wire.0.write_all(&frames).is_ok() {}
    });
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let mut child = pty_process::blocking::Command::new(WIRECAT)
        .arg(server.url("/"))
        .envs(TERM.iter().copied())
        .spawn(pts)
        .unwrap();
    // Time for the terminal, which nobody reads, to fill up.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let id = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    let status = crate::support::wait(&mut child).expect("it must not hang");
    assert_eq!(status.signal(), Some(15), "{status:?}");
    drop(pty);
}

#[test]
fn status_does_not_show_a_token() {
    let server = raw(|mut wire| {
        wire.handshake_with("Sec-WebSocket-Protocol: hunter2hunter2\r\n", b"");
        wire.answer_close();
    });
    let args = ["--token", "hunter2hunter2", "--token-via", "subprotocol"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys("/status\r");
    pty.expect("subprotocol [redacted]");
    pty.type_keys("\x04");
    let (_, bytes) = pty.end();
    assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
}

#[test]
fn a_search_through_the_history_is_shown() {
    let server = crate::support::server::serve();
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    pty.type_keys("alpha one\r");
    pty.expect("< alpha one");
    pty.type_keys("\x12alp");
    pty.expect("(reverse-i-search)`alp': alpha one");
}

#[test]
fn a_pipe_or_device_is_not_sent_as_a_file() {
    let server = crate::support::server::serve();
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    pty.type_keys("/bin @/dev/zero\r");
    pty.expect("/dev/zero is not a regular file");
    pty.type_keys("\x04");
    let (status, _) = pty.end();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_option_without_effect_at_the_prompt_is_reported() {
    for (options, named) in [
        (&["--rate", "5"][..], "--rate"),
        (&["--lockstep"], "--lockstep"),
        (&["--on-eof", "close"], "--on-eof"),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.until_close();
            wire.send(close(1000, ""));
        });
        let mut pty = Pty::prompt(options, &server.url("/"));
        pty.type_keys("\x04");
        let written = pty.exits(0);
        let line = format!("wirecat: {named} has no effect at the prompt\r\n");
        assert_eq!(written.matches(&line).count(), 1, "{written:?}");
        server.result();
    }
}
