//! What must not happen while something stands still: a living server taken for dead, memory that
//! grows, a limit that does not hold.

use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::server::{Wire, close, frame_of, raw, serve, text};
use crate::support::{PATIENCE, output, peak_memory, wait, wirecat};

const MIB: usize = 1 << 20;

/// Sends `frames` again and again until the client has gone.
fn flood(wire: &mut Wire, frames: &[u8]) {
    use std::io::Write;
    while wire.0.write_all(frames).is_ok() {}
}

#[test]
fn a_server_is_not_dead_because_our_reader_is_slow() {
    const MESSAGES: usize = 6 * 1024;
    let message = "x".repeat(1023);
    let frame = text(&message);
    let server = raw(move |mut wire| {
        wire.handshake();
        let mut theirs = Wire::new(wire.0.try_clone().unwrap());
        // Answers pings from the side, as a real server does while it sends.
        let pongs = thread::spawn(move || theirs.until_close());
        for _ in 0..MESSAGES {
            wire.send(&frame);
        }
        wire.send(close(1000, ""));
        pongs.join().unwrap()
    });
    let url = server.url("/");
    let mut child = wirecat([
        "--ping-interval",
        "200ms",
        "--ping-timeout",
        "200ms",
        "--on-eof",
        "stay",
        &url,
    ])
    .spawn();
    // Longer than a ping and its timeout, several times.
    thread::sleep(Duration::from_millis(1500));
    let mut bytes = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes.len(), MESSAGES * 1024);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    assert!(server.result().is_some());
}

#[test]
#[ignore = "slow: a flood"]
fn shown_pings_do_not_pile_up_without_a_reader() {
    for option in ["--json", "--show-ping-pong"] {
        let (told, flooding) = mpsc::channel();
        let server = raw(move |mut wire| {
            use std::io::Write;
            wire.handshake();
            let pings = frame_of(0x89, &[b'x'; 100]).repeat(1024);
            // A client that stops reading stops this too; one that does not would take it all.
            wire.0
                .set_write_timeout(Some(Duration::from_secs(2)))
                .unwrap();
            let mut taken = 0;
            while taken < 64 * MIB {
                match wire.0.write(&pings) {
                    Ok(bytes) => taken += bytes,
                    Err(_) => break,
                }
            }
            told.send(taken).unwrap();
            flood(&mut wire, &pings);
        });
        let mut child = wirecat([option, "--on-eof", "stay", &server.url("/")]).spawn();
        let taken = flooding.recv().unwrap();
        let peak = peak_memory(&child);
        assert!(
            taken < 32 * MIB,
            "{option}: {taken} bytes of pings were taken"
        );
        assert!(peak < 32 * MIB, "{option}: {} KiB", peak / 1024);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn the_close_timeout_applies_with_a_busy_server_and_a_slow_reader() {
    let server = raw(|mut wire| {
        wire.handshake();
        flood(&mut wire, &text(&"x".repeat(1000)).repeat(64));
    });
    let url = server.url("/");
    let arguments = [
        "-d",
        "x",
        "--on-eof",
        "close",
        "--close-timeout",
        "300ms",
        &url,
    ];
    let mut child = wirecat(arguments).spawn();
    let mut stdout = child.stdout.take().unwrap();
    thread::spawn(move || {
        let mut bytes = vec![0; 128 * 1024];
        while matches!(stdout.read(&mut bytes), Ok(1..)) {
            thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(output(child).code(), 28);
}

#[test]
fn an_unread_stderr_delays_neither_limits_nor_signals() {
    for signal in [None, Some(Signal::SIGTERM)] {
        let server = raw(|mut wire| {
            wire.handshake();
            flood(&mut wire, &frame_of(0x89, &[b'x'; 100]).repeat(64));
        });
        let limit = if signal.is_some() { "10m" } else { "1s" };
        let arguments = [
            "--show-ping-pong",
            "--on-eof",
            "stay",
            "-m",
            limit,
            &server.url("/"),
        ];
        let mut child = wirecat(arguments).spawn();
        if let Some(signal) = signal {
            // Time for stderr to fill up.
            thread::sleep(Duration::from_millis(500));
            kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        }
        let status = wait(&mut child).expect("it must not hang");
        if signal.is_none() {
            assert_eq!(status.code(), Some(28));
        }
    }
}

#[test]
fn zero_means_no_limit_and_no_ping() {
    let server = serve();
    let url = server.url("/echo");
    for option in ["--max-time", "--connect-timeout", "--ping-interval"] {
        wirecat([option, "0", "-d", "x", "--idle", "300ms", &url])
            .run()
            .exits(0)
            .prints("x\n")
            .is_quiet();
    }
}

#[test]
fn the_last_of_repeated_options_counts() {
    let server = serve();
    let url = server.url("/echo");
    wirecat([
        "-k", "-k", "--idle", "10m", "--idle", "100ms", "-s", "-s", "-d", "x", &url,
    ])
    .run()
    .exits(0)
    .prints("x\n");
}

#[test]
fn a_second_signal_ends_a_program_that_is_busy() {
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;

    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text("{}"));
        wire.until_close()
    });
    let url = server.url("/");
    // The expression never gives anything, and the loop never gets its turn again.
    let mut child = wirecat(["--filter", "last(repeat(1))", "--on-eof", "stay", &url]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    // Against a client that still looks, the first would be enough.
    let start = Instant::now();
    let status = loop {
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it does not end");
        }
        let _ = stdin.write_all(b"x\n");
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        thread::sleep(Duration::from_millis(50));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.signal(), Some(15));
}

#[test]
fn silent_hides_errors_before_and_after() {
    let server = serve();
    let url = server.url("/echo");
    wirecat(["-s", "-d", "@/nowhere", &url])
        .run()
        .exits(2)
        .is_quiet();
    if std::path::Path::new("/dev/full").exists() {
        wirecat(["-s", "-1", "-d", "x", "-o", "/dev/full", &url])
            .run()
            .exits(2)
            .is_quiet();
    }
}

#[test]
fn an_unread_trace_stops_the_reading() {
    for first in [&b"\x01\x00"[..], b"\x41\x00"] {
        let (told, flooding) = mpsc::channel();
        let server = raw(move |mut wire| {
            use std::io::Write;
            wire.handshake_with("Sec-WebSocket-Extensions: permessage-deflate\r\n", b"");
            wire.send(first);
            wire.0
                .set_write_timeout(Some(Duration::from_secs(2)))
                .unwrap();
            // One message all the time.
            let fragments = frame_of(0x00, b"").repeat(32 * 1024);
            let mut taken = 0;
            while taken < 32 * MIB {
                match wire.0.write(&fragments) {
                    Ok(bytes) => taken += bytes,
                    Err(_) => break,
                }
            }
            told.send(taken).unwrap();
            flood(&mut wire, &fragments);
        });
        let mut child = wirecat(["-vv", "--on-eof", "stay", &server.url("/")]).spawn();
        let taken = flooding.recv().unwrap();
        let peak = peak_memory(&child);
        assert!(taken < 16 * MIB, "{taken} bytes of fragments were taken");
        assert!(peak > 0 && peak < 32 * MIB, "{} KiB", peak / 1024);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
