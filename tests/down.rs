//! The prompt while there is no connection.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::pty::Pty;
use crate::support::server::{header, raws, text};

/// Delays that no test outlives.
const LATER: [&str; 2] = ["--reconnect-delay=60s", "--reconnect-max-delay=60s"];

#[test]
fn a_line_is_refused_with_the_time_of_the_next_attempt_and_may_be_queued() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        let first = wire.message();
        if n == 1 {
            wire.reset();
            return vec![first];
        }
        wire.send(text("welcome back"));
        let all = vec![first, wire.message(), wire.message()];
        wire.answer_close();
        all
    });
    let mut pty = Pty::prompt(&LATER, &server.url("/"));
    pty.type_keys("go\r");
    pty.expect("(connection lost: connection reset by peer)");
    pty.expect("down> ");
    pty.type_keys("lost?\r");
    pty.expect("wirecat: not sent: there is no connection; the next try is in ");
    pty.expect("s (/queue TEXT keeps it until then)");
    for (keys, words) in [
        ("/ping\r", "not sent: there is no connection"),
        ("/bin hex:00\r", "not sent: there is no connection"),
        ("/queue one\r", "kept: 1 message\r"),
        ("/queue two\r", "kept: 2 messages\r"),
        ("/queue\r", "kept: 2 messages\r"),
        ("/status\r", "messages: 1 sent, 0 received, 2 kept"),
        ("/status\r", "(connection lost: connection reset by peer)"),
    ] {
        pty.type_keys(keys);
        pty.expect(words);
    }
    pty.type_keys("/reconnect\r");
    pty.expect("< welcome back");
    pty.type_keys("three\r/quit\r");
    let written = pty.exits(0);
    let expected = [vec!["go"], vec!["one", "two", "three"]];
    let got: Vec<Vec<String>> = server
        .result()
        .into_iter()
        .map(|lines| {
            lines
                .into_iter()
                .map(|line| String::from_utf8(line).unwrap())
                .collect()
        })
        .collect();
    assert_eq!(got, expected, "{written:?}");
}

#[test]
fn a_partial_line_survives_a_reconnect() {
    let (cut, cutting) = mpsc::channel();
    let (back, returning) = mpsc::channel::<()>();
    let server = raws(2, move |n, mut wire| {
        if n == 1 {
            wire.handshake();
            cutting.recv().unwrap();
            wire.close(1012, "restart");
            return Vec::new();
        }
        let request = wire.request();
        returning.recv().unwrap();
        wire.accept(&request, "", b"");
        wire.send(text("welcome back"));
        let line = wire.message();
        wire.answer_close();
        line
    });
    let args = ["--reconnect-delay=10ms"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys("half ");
    pty.expect("half ");
    cut.send(()).unwrap();
    pty.expect("retry 1 in ");
    pty.expect("dial> half ");
    back.send(()).unwrap();
    pty.expect("< welcome back\r\nopen> half ");
    pty.type_keys("done\r\x04");
    pty.exits(0);
    assert_eq!(server.result()[1], b"half done");
}

#[test]
fn reconnect_replaces_the_connection() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        wire.send(text(&format!("welcome {n}")));
        let close = wire.until_close().unwrap();
        wire.send([&[0x88, 2][..], &close.payload].concat());
        close.close_code()
    });
    let mut pty = Pty::prompt(&LATER, &server.url("/"));
    pty.type_keys("/reconnect\r");
    pty.expect("closed: 1000 (normal closure)");
    pty.expect("< welcome 2");
    pty.type_keys("/quit\r");
    pty.exits(0);
    assert_eq!(server.result(), [Some(1000), Some(1000)]);
}

/// A prompt whose connection is lost at once.
#[track_caller]
fn down(url: &str) -> Pty {
    let pty = Pty::start(&[&LATER[..], &[url]].concat());
    pty.expect("down> ");
    pty
}

#[test]
fn quitting_does_not_require_a_connection() {
    for keys in ["\x04", "/quit\r", "\x03\x03"] {
        let server = raws(1, |_, mut wire| {
            wire.handshake();
            wire.reset();
        });
        let mut pty = down(&server.url("/"));
        pty.type_keys(keys);
        pty.exits(0);
        server.result();
    }
}

#[test]
fn queued_messages_that_are_never_sent_are_reported() {
    let server = raws(1, |_, mut wire| {
        wire.handshake();
        wire.reset();
    });
    let mut pty = down(&server.url("/"));
    pty.type_keys("/queue one\r");
    pty.expect("kept: 1 message");
    pty.type_keys("\x04");
    let written = pty.exits(1);
    assert!(
        written.contains("wirecat: 1 message was not sent\r\n"),
        "{written:?}"
    );
    server.result();
}

#[test]
fn an_initial_failure_ends_the_run_without_reconnect() {
    let pty = Pty::start(&["ws://127.0.0.1:1/"]);
    pty.expect("could not connect to 127.0.0.1:1: connection refused");
    pty.exits(7);
    let pty = Pty::start(&[
        "--reconnect=1",
        "--reconnect-delay=10ms",
        "ws://127.0.0.1:1/",
    ]);
    pty.expect("retry 1 in ");
    pty.exits(113);
}

#[test]
fn a_token_is_prompted_for_again_only_after_a_refusal() {
    let start = Instant::now();
    let server = raws(3, move |n, mut wire| {
        let request = wire.handshake();
        let token = header(&request, "authorization").unwrap().to_owned();
        match n {
            1 => wire.reset(),
            2 => drop(wire.close(4401, "token expired")),
            _ => {
                wire.send(text("welcome"));
                let line = wire.message();
                assert_eq!(line, b"hello");
                wire.answer_close();
            }
        }
        token
    });
    let mut pty = Pty::start(&["--reconnect-delay=10ms", "--token=prompt", &server.url("/")]);
    pty.expect("Token: ");
    pty.type_keys("first-token\r");
    pty.expect("closed by server: 4401 (private use) \"token expired\"");
    pty.expect("Token:\r\n");
    pty.expect("pass> ");
    pty.type_keys("second-token\r");
    pty.expect("< welcome");
    pty.type_keys("hello\r");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert_eq!(
        server.result(),
        [
            "Bearer first-token",
            "Bearer first-token",
            "Bearer second-token"
        ]
    );
    assert!(
        !written.contains("first-token") && !written.contains("econd-token"),
        "{written:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_partially_typed_line_is_not_taken_as_a_token() {
    let (cut, cutting) = mpsc::channel();
    let server = raws(2, move |n, mut wire| {
        let request = wire.handshake();
        if n == 1 {
            cutting.recv().unwrap();
            wire.close(4401, "");
        } else {
            wire.send(text("welcome back"));
            wire.answer_close();
        }
        header(&request, "authorization").unwrap().to_owned()
    });
    let mut pty = Pty::start(&["--reconnect-delay=10ms", "--token=prompt", &server.url("/")]);
    pty.expect("Token: ");
    pty.type_keys("first-token\r");
    pty.expect("open> ");
    pty.type_keys("half a mess");
    pty.expect("half a mess");
    cut.send(()).unwrap();
    pty.expect("pass> ");
    pty.type_keys("age\r");
    pty.expect("that line was begun before the question");
    pty.type_keys("second-token\r");
    pty.expect("< welcome back");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert_eq!(
        server.result(),
        ["Bearer first-token", "Bearer second-token"]
    );
    assert!(!written.contains("econd-token"), "{written:?}");
}

#[test]
fn a_dumb_terminal_prompts_without_showing_the_token() {
    let server = raws(2, move |n, mut wire| {
        let request = wire.handshake();
        if n == 1 {
            wire.close(4401, "");
        } else {
            wire.send(text("welcome back"));
            wire.answer_close();
        }
        header(&request, "authorization").unwrap().to_owned()
    });
    let args = ["--reconnect-delay=10ms", "--token=prompt", &server.url("/")];
    let mut pty = Pty::start_with(&args, &[("TERM", "dumb"), ("NO_COLOR", "1")]);
    pty.expect("Token: ");
    pty.type_keys("first-token\r");
    pty.expect("Token:\r\n");
    pty.type_keys("second-token\r");
    pty.expect("< welcome back");
    pty.type_keys("/quit\r");
    let written = pty.exits(0);
    assert_eq!(
        server.result(),
        ["Bearer first-token", "Bearer second-token"]
    );
    assert!(!written.contains("-token"), "{written:?}");
}

#[test]
fn quitting_works_while_the_server_reads_nothing() {
    let (done, over) = mpsc::channel::<()>();
    let server = raws(1, move |_, mut wire| {
        wire.handshake();
        let _ = over.recv();
    });
    let big = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&big, vec![0; 32 << 20]).unwrap();
    let args = ["--close-timeout=300ms", "--no-reconnect"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys(&format!(
        "/bin @{}\rone\rtwo\r/status\r",
        big.path().display()
    ));
    // It is still listened to, though nothing goes out.
    pty.expect("2 kept");
    pty.type_keys("\x04");
    pty.expect("Ctrl-D again leaves at once");
    pty.type_keys("\x04");
    let start = Instant::now();
    let written = pty.exits(28);
    // The large one, of which the server took only a part, is the third.
    assert!(written.contains("3 messages were not sent"), "{written:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(done);
    server.result();
}

#[test]
fn a_signal_is_not_lost_while_reconnecting() {
    let (told, leaving) = mpsc::channel();
    let (done, over) = mpsc::channel::<()>();
    let server = raws(1, move |_, mut wire| {
        wire.handshake();
        wire.until_close();
        told.send(()).unwrap();
        // It is not answered.
        let _ = over.recv();
    });
    let args = ["--close-timeout=30s"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys("/reconnect\r");
    leaving.recv().unwrap();
    pty.signal(nix::sys::signal::Signal::SIGTERM);
    let (status, _) = pty.end();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(15)
    );
    drop(done);
    server.result();
}
