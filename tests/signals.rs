//! SIGINT, SIGTERM, and how whoever waits for the program learns of them.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::server::{Raw, Wire, frame_of, raw, text};
use crate::support::{output, send, wait, wirecat};

#[track_caller]
fn died_of(signal: Signal, status: Option<ExitStatus>) {
    let died = status.expect("it must not hang").signal();
    assert_eq!(died, Some(signal as i32), "{status:?}");
}

/// A server that does `script` and tells when it may be shot at.
fn aimed<T: Send + 'static>(
    script: impl FnOnce(Wire, &dyn Fn()) -> T + Send + 'static,
) -> (Raw<T>, mpsc::Receiver<()>) {
    let (ready, aim) = mpsc::channel();
    let server = raw(move |wire| script(wire, &|| ready.send(()).unwrap()));
    (server, aim)
}

#[test]
fn the_server_sees_a_close_and_the_parent_the_signal() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (server, ready) = aimed(|mut wire, ready| {
            wire.handshake();
            wire.message();
            ready();
            let close = wire.until_close();
            wire.close(1000, "");
            close.and_then(|frame| frame.close_code())
        });
        let child = wirecat(["--on-eof", "stay", "-d", "x", &server.url("/")]).spawn();
        ready.recv().unwrap();
        send(signal, &child);
        let output = output(child);
        died_of(signal, Some(output.status));
        output.is_quiet();
        assert_eq!(server.result(), Some(1001));
    }
}

#[test]
fn the_second_signal_does_not_wait_for_the_server() {
    let (done, over) = mpsc::channel::<()>();
    let (server, ready) = aimed(move |mut wire, ready| {
        wire.handshake();
        wire.message();
        ready();
        assert!(wire.until_close().is_some());
        ready();
        let _ = over.recv();
    });
    let url = server.url("/");
    let mut child = wirecat([
        "--close-timeout",
        "10m",
        "--on-eof",
        "stay",
        "-d",
        "x",
        &url,
    ])
    .spawn();
    for _ in 0..2 {
        ready.recv().unwrap();
        send(Signal::SIGINT, &child);
    }
    died_of(Signal::SIGINT, wait(&mut child));
    drop(done);
    server.result();
}

#[test]
fn a_frozen_server_gets_the_close_timeout() {
    // The second time a message fills the socket, so that not even the Close can be sent.
    for size in [1, 32 << 20] {
        let (done, over) = mpsc::channel::<()>();
        let (server, ready) = aimed(move |mut wire, ready| {
            wire.handshake();
            wire.message();
            ready();
            let _ = over.recv();
        });
        let url = server.url("/");
        let mut child = wirecat(["--close-timeout", "300ms", "--on-eof", "stay", &url]).spawn();
        let mut stdin = child.stdin.take().unwrap();
        thread::spawn(move || {
            let _ = stdin.write_all(b"first\n");
            let _ = stdin.write_all(&vec![b'x'; size]);
            let _ = stdin.write_all(b"\n");
        });
        ready.recv().unwrap();
        let start = Instant::now();
        send(Signal::SIGTERM, &child);
        died_of(Signal::SIGTERM, wait(&mut child));
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
        drop(done);
        server.result();
    }
}

#[test]
fn connecting_is_abandoned_at_once() {
    let (done, over) = mpsc::channel::<()>();
    let (server, ready) = aimed(move |mut wire, ready| {
        wire.request();
        ready();
        let _ = over.recv();
    });
    let url = server.url("/");
    let mut child = wirecat(["--connect-timeout", "10m", "-d", "x", &url]).spawn();
    ready.recv().unwrap();
    send(Signal::SIGINT, &child);
    died_of(Signal::SIGINT, wait(&mut child));
    drop(done);
    server.result();
}

#[test]
fn an_unread_output_does_not_delay_the_exit() {
    let (server, ready) = aimed(|mut wire, ready| {
        wire.handshake();
        wire.send(text(&"x".repeat(500_000)));
        // The pong tells that the message is with the client.
        wire.send(frame_of(0x89, b"?"));
        assert_eq!(wire.frame().unwrap().opcode, 10);
        ready();
        wire.answer_close();
    });
    let mut child = wirecat(["--on-eof", "stay", &server.url("/")]).spawn();
    ready.recv().unwrap();
    send(Signal::SIGINT, &child);
    died_of(Signal::SIGINT, wait(&mut child));
    server.result();
}

#[test]
fn the_server_closes_with_going_away_and_exits_with_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = wirecat(["serve", "0"]).spawn();
        let mut line = String::new();
        let mut stdout = BufReader::new(server.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap();
        let mut client = wirecat(["--json", "--on-eof", "stay", &format!("{url}/echo")]).spawn();
        let mut events = BufReader::new(client.stdout.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("\"type\":\"open\"") {
            assert_ne!(events.read_line(&mut seen).unwrap(), 0, "{seen}");
        }
        send(signal, &server);
        let output = output(server);
        output.exits(0);
        let closed = events
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("\"type\":\"close\""))
            .unwrap();
        assert!(
            closed.ends_with(
                r#""by":"peer","code":1001,"reason":"server shutting down","clean":true}"#
            ),
            "{closed}"
        );
        assert_eq!(wait(&mut client).unwrap().code(), Some(0));
    }
}
