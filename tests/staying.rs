//! Staying connected: heartbeats, peers that are dead or only slow, a network that misbehaves, and
//! signals meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::SockRef;

use crate::support::killable::Killable;
use crate::support::proxy::{Cut, Proxy};
use crate::support::server::{frame_of, raw, raws, serve, text};
use crate::support::{PATIENCE, WIRECAT, output, peak_memory, wait, wirecat};

const MIB: usize = 1 << 20;

/// The most memory of a run. The code of a debug build, which counts as far as it was touched, takes 25 to 35.
const MEMORY: usize = if cfg!(debug_assertions) { 56 } else { 24 } * MIB;

/// wirecat's own server as a process of its own.
fn process() -> Killable {
    Killable::start(|port| {
        let mut command = Command::new(WIRECAT);
        command.args(["serve", "-s", &port.to_string()]);
        command
    })
}

/// The lines that a child says on stderr, as they come.
fn stderr(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.lines().map_while(Result::ok)
}

/// Starts the program with SIGHUP as it mostly is, also where these tests run under `nohup`.
fn heeding_hangups(args: &[&str]) -> Child {
    Command::new("env")
        .args(["--default-signal=HUP", WIRECAT])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn send(signal: Signal, child: &Child) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

#[test]
fn a_heartbeat_is_a_message_but_not_input() {
    let server = raw(|mut wire| {
        wire.handshake();
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(wire.message(), br#"{"op":"beat","last":""}"#);
        }
        let took = start.elapsed();
        wire.send(text(r#"{"id":7}"#));
        while wire.message() != br#"{"op":"beat","last":"7"}"# {}
        wire.close(1000, "");
        took
    });
    let args = [
        "--heartbeat",
        r#"{"op":"beat","last":"{{last}}"}"#,
        "--heartbeat-interval",
        "50ms",
        "--resume",
        "last=.id",
        "--on-eof",
        "stay",
        "--json",
        &server.url("/"),
    ];
    let run = wirecat(args).run();
    run.exits(0);
    assert!(
        !run.stdout_text().contains("\"n\":"),
        "{}",
        run.stdout_text()
    );
    let took = server.result();
    assert!(took >= Duration::from_millis(145), "{took:?}");
}

#[test]
fn a_dead_peer_is_reported_with_exit_28() {
    let server = raw(|mut wire| {
        wire.handshake();
        // Reads and says nothing, not even pongs.
        while wire.frame().is_some() {}
    });
    let args = [
        "--ping-interval=200ms",
        "--ping-timeout=300ms",
        "--on-eof=stay",
        "--json",
    ];
    let run = wirecat([&args[..], &[&server.url("/")]].concat()).run();
    run.exits(28)
        .complains(&["wirecat: no pong within ", " s (last byte ", " s ago)\n"]);
    assert!(
        run.stdout_text().contains(r#""code":1006"#),
        "{}",
        run.stdout_text()
    );
    server.result();
}

#[test]
fn round_trips_are_reported() {
    let server = serve();
    let url = server.url("/echo");
    let args = [
        "--ping-interval=20ms",
        "--stats",
        "--idle=300ms",
        "-d",
        "x",
        &url,
    ];
    let run = wirecat(args).run();
    run.exits(0);
    let line = run
        .stderr
        .lines()
        .find(|line| line.starts_with("rtt       min "))
        .unwrap();
    assert!(
        line.contains(" ms, median ") && line.contains(" ms, max ") && line.ends_with(" pings)"),
        "{line}"
    );
}

#[test]
fn a_frozen_server_is_detected_and_reconnected_to() {
    let server = process();
    let (interval, timeout) = (Duration::from_millis(300), Duration::from_millis(700));
    let url = server.url("/echo");
    let mut child = wirecat([
        "--reconnect",
        "--reconnect-delay=20ms",
        "--reconnect-max-delay=100ms",
        "--connect-timeout=500ms",
        "--ping-interval=300ms",
        "--ping-timeout=700ms",
        "--confirm=reply",
        "--idle=500ms",
        &url,
    ])
    .spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut told = stderr(&mut child);
    stdin.write_all(b"before\n").unwrap();
    let mut reply = String::new();
    stdout.read_line(&mut reply).unwrap();
    assert_eq!(reply, "before\n");
    server.freeze();
    let frozen = Instant::now();
    stdin.write_all(b"meanwhile\n").unwrap();
    let line = told.next().unwrap();
    let noticed = frozen.elapsed();
    assert!(line.contains("(no pong within "), "{line}");
    assert!(
        noticed <= interval + timeout + Duration::from_secs(1),
        "{noticed:?}"
    );
    // Nobody answers the handshake either, for as long as it is frozen.
    let line = told.next().unwrap();
    assert!(line.contains("timed out after 500ms"), "{line}");
    server.thaw();
    stdin.write_all(b"after\n").unwrap();
    drop(stdin);
    let mut replies = String::new();
    stdout.read_to_string(&mut replies).unwrap();
    assert_eq!(replies, "meanwhile\nafter\n");
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
}

#[test]
#[ignore = "slow: it has to take its time"]
fn a_slow_network_is_not_a_dead_peer() {
    const LINES: usize = 60;
    let server = serve();
    let proxy = Proxy::start(server.address);
    let url = proxy.url("/echo");
    let line = "x".repeat(99);
    // 1 kB/s: the echo takes six seconds each way, several times the interval and the timeout.
    proxy.throttle(1000);
    let input: String = (0..LINES).map(|_| format!("{line}\n")).collect();
    let args = [
        "--no-compress",
        "--reconnect",
        "--ping-interval=500ms",
        "--ping-timeout=2s",
        "--confirm=reply",
        "--idle=3s",
        &url,
    ];
    let run = wirecat(args).stdin(&input).run();
    run.exits(0).prints(&input).is_quiet();
    assert_eq!(proxy.counts().accepted, 1);
    // And one that is far away.
    proxy.heal();
    proxy.delay(Duration::from_millis(400));
    let run = wirecat(args).stdin(&input).run();
    run.exits(0).prints(&input).is_quiet();
}

#[test]
fn a_server_that_reads_nothing_for_a_while_is_not_dead() {
    const LINES: usize = 12 * 1024;
    let line = "x".repeat(1023);
    let expected = line.clone();
    let server = raw(move |mut wire| {
        // A small window, so that the send buffer on the other side is full long before the first ping:
        // a ping that had left would rightly be missed.
        SockRef::from(&wire.0)
            .set_recv_buffer_size(64 * 1024)
            .unwrap();
        wire.handshake();
        // Several intervals, and twice the timeout after the first ping.
        thread::sleep(Duration::from_secs(5));
        // After that it answers pings as it reads them, as any server does.
        let mut read = 0;
        while let Some(frame) = wire.frame() {
            match frame.opcode {
                1 => {
                    assert!(frame.payload == expected.as_bytes());
                    read += 1;
                }
                9 => wire.send(frame_of(0x8a, &frame.payload)),
                _ => wire.send(frame_of(0x88, &frame.payload)),
            }
        }
        read
    });
    let args = [
        "--ping-interval=1500ms",
        "--ping-timeout=1500ms",
        "--on-eof=close",
        "--reconnect",
        &server.url("/"),
    ];
    let input = format!("{line}\n").repeat(LINES);
    wirecat(args).stdin(input).run().exits(0).is_quiet();
    assert_eq!(server.result(), LINES);
}

#[test]
fn a_black_hole_is_detected_in_time_and_loses_nothing() {
    let server = serve();
    let proxy = Proxy::start(server.address);
    let url = proxy.url("/echo");
    let mut child = wirecat([
        "--reconnect",
        "--reconnect-delay=20ms",
        "--ping-interval=200ms",
        "--ping-timeout=300ms",
        "--confirm=reply",
        "--idle=400ms",
        &url,
    ])
    .spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut told = stderr(&mut child);
    stdin.write_all(b"one\n").unwrap();
    let mut reply = String::new();
    stdout.read_line(&mut reply).unwrap();
    proxy.black_hole_present();
    let lost = Instant::now();
    stdin.write_all(b"two\n").unwrap();
    let line = told.next().unwrap();
    assert!(
        line.starts_with("retry 1 in ") && line.contains("no pong within"),
        "{line}"
    );
    assert!(
        lost.elapsed() < Duration::from_millis(1500),
        "{:?}",
        lost.elapsed()
    );
    drop(stdin);
    stdout.read_line(&mut reply).unwrap();
    assert_eq!(reply, "one\ntwo\n");
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    assert_eq!(
        told.last().unwrap(),
        "message 2 was not confirmed and is sent again"
    );
}

#[test]
fn a_cut_within_a_frame_loses_nothing() {
    for cut in [Cut::Reset, Cut::Fin] {
        let server = serve();
        let proxy = Proxy::start(server.address);
        let url = proxy.url("/echo");
        // Within the second of two frames of some 100 KB, and later within a reply.
        proxy.cut_after(150_000, cut);
        proxy.cut_replies_after(250_000, cut);
        let input: String = "abc"
            .chars()
            .map(|c| c.to_string().repeat(100_000) + "\n")
            .collect();
        let args = [
            "--no-compress",
            "--reconnect",
            "--reconnect-delay=10ms",
            "--confirm=reply",
            "--idle=300ms",
            &url,
        ];
        wirecat(args).stdin(&input).run().exits(0).prints(&input);
        assert!(proxy.counts().cuts >= 1, "{cut:?}");
    }
}

#[test]
#[ignore = "slow: a flood"]
fn a_server_that_confirms_nothing_and_one_that_does_not_read_cost_bounded_memory() {
    let server = serve();
    // All at once: most of the time they wait for something to stand still.
    thread::scope(|scope| {
        for (path, confirm) in [
            ("/silent", "--confirm=reply"),
            ("/silent", "--confirm=.ack"),
            ("/silent", "--confirm=pong"),
            ("/freeze", "--confirm=reply"),
            ("/freeze", "--confirm=pong"),
        ] {
            let url = server.url(path);
            scope.spawn(move || unconfirmed_in_bounded_memory(confirm, &url));
        }
    });
}

/// Writes short lines until the program takes no more, or it has taken a million: one that kept
/// them would need at least 40 bytes for each.
#[track_caller]
fn unconfirmed_in_bounded_memory(confirm: &str, url: &str) {
    let mut child = wirecat(["--reconnect", confirm, url]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    let (told, taken) = mpsc::channel();
    thread::spawn(move || {
        let lines: String = (0..10_000).map(|n| format!("{n}\n")).collect();
        for _ in 0..100 {
            if stdin.write_all(lines.as_bytes()).is_err() || told.send(lines.len()).is_err() {
                return;
            }
        }
    });
    let mut total = 0;
    while let Ok(bytes) = taken.recv_timeout(Duration::from_millis(1500)) {
        total += bytes;
    }
    let peak = peak_memory(&child);
    assert!(
        total > 0 && peak > 0 && peak < MEMORY,
        "{url} {confirm}: {} KiB",
        peak / 1024
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_unread_stdout_costs_bounded_memory_over_connections() {
    let server = serve();
    // Reset every 3,000 messages, while the replies go nowhere.
    let url = server.url("/drop?after=3000&how=rst");
    let args = [
        "--reconnect",
        "--reconnect-delay=5ms",
        "--reconnect-max-delay=5ms",
        "--confirm=reply",
        &url,
    ];
    stops_reading_in_bounded_memory(&args);
}

/// Writes lines into a program whose output nobody reads, until it takes no more.
#[track_caller]
fn stops_reading_in_bounded_memory(args: &[&str]) {
    let mut child = wirecat(args).spawn();
    let mut stdin = child.stdin.take().unwrap();
    let (told, taken) = mpsc::channel();
    thread::spawn(move || {
        let lines = format!("{}\n", "x".repeat(1023)).repeat(64);
        while stdin.write_all(lines.as_bytes()).is_ok() && told.send(lines.len()).is_ok() {}
    });
    let mut total = 0;
    while let Ok(bytes) = taken.recv_timeout(Duration::from_millis(1500)) {
        total += bytes;
        assert!(total < 64 * MIB, "it never stops reading");
    }
    let peak = peak_memory(&child);
    assert!(peak > 0 && peak < MEMORY, "{} KiB", peak / 1024);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "slow: a flood"]
fn a_flood_of_pings_is_answered_in_bounded_memory_on_every_connection() {
    let server = raws(2, |_, mut wire| {
        wire.handshake();
        let pings = frame_of(0x89, b"0123456789abcdef").repeat(1000);
        let mut writer = wire.0.try_clone().unwrap();
        let flood = thread::spawn(move || {
            for _ in 0..200 {
                if writer.write_all(&pings).is_err() {
                    return;
                }
            }
        });
        for _ in 0..200_000 {
            let pong = wire.frame().unwrap();
            assert_eq!(
                (pong.opcode, &*pong.payload),
                (10, &b"0123456789abcdef"[..])
            );
        }
        flood.join().unwrap();
        wire.close(1012, "");
    });
    let mut child = wirecat([
        "--reconnect=1",
        "--reconnect-delay=5ms",
        "--on-eof=stay",
        &server.url("/"),
    ])
    .spawn();
    let mut peak = 0;
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < PATIENCE {
        peak = peak.max(peak_memory(&child));
        thread::sleep(Duration::from_millis(20));
    }
    server.result();
    assert!(peak > 0 && peak < MEMORY, "{} KiB", peak / 1024);
    output(child).exits(113);
}

#[test]
fn a_hangup_closes_with_going_away_and_is_raised_again() {
    use std::os::unix::process::ExitStatusExt;
    let (open, opened) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        // The pong tells that the connection is open.
        wire.send(frame_of(0x89, b"?"));
        assert_eq!(wire.frame().unwrap().opcode, 10);
        open.send(()).unwrap();
        let close = wire.until_close().unwrap();
        wire.send(frame_of(0x88, &close.payload));
        close.close_code()
    });
    let mut child = heeding_hangups(&["--reconnect", "--on-eof=stay", &server.url("/")]);
    opened.recv().unwrap();
    send(Signal::SIGHUP, &child);
    let status = wait(&mut child).unwrap();
    assert_eq!(status.signal(), Some(1), "{status:?}");
    assert_eq!(server.result(), Some(1001));
}

#[test]
fn nohup_is_respected() {
    let (open, opened) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        open.send(()).unwrap();
        let line = wire.message();
        wire.answer_close();
        line
    });
    let mut child = Command::new("nohup")
        .args([WIRECAT, "--idle=100ms", &server.url("/")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    opened.recv().unwrap();
    send(Signal::SIGHUP, &child);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"still here\n")
        .unwrap();
    assert_eq!(server.result(), b"still here");
    output(child).exits(0);
}

#[test]
fn a_signal_against_a_frozen_server_ends_within_the_close_timeout_and_a_second_one_at_once() {
    use std::os::unix::process::ExitStatusExt;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        for twice in [false, true] {
            let server = process();
            let timeout = if twice { "60s" } else { "500ms" };
            let url = server.url("/echo");
            let mut child = heeding_hangups(&["--reconnect", "--close-timeout", timeout, &url]);
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(b"x\n").unwrap();
            let mut reply = [0; 2];
            child
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut reply)
                .unwrap();
            server.freeze();
            let start = Instant::now();
            send(signal, &child);
            if twice {
                // Once it has been seen: two at once are one to the system.
                thread::sleep(Duration::from_millis(100));
                assert!(child.try_wait().unwrap().is_none());
                send(signal, &child);
            }
            let status = wait(&mut child).unwrap();
            assert_eq!(status.signal(), Some(signal as i32), "{status:?}");
            let limit = if twice { 2000 } else { 1500 };
            assert!(
                start.elapsed() < Duration::from_millis(limit),
                "{:?}",
                start.elapsed()
            );
        }
    }
}

#[test]
fn a_signal_while_there_is_no_connection_ends_it_at_once() {
    use std::os::unix::process::ExitStatusExt;
    let args = [
        "--reconnect",
        "--reconnect-delay=60s",
        "-d",
        "x",
        "ws://127.0.0.1:1/",
    ];
    let mut child = wirecat(args).spawn();
    let mut told = stderr(&mut child);
    assert!(told.next().unwrap().starts_with("retry 1 in "));
    send(Signal::SIGTERM, &child);
    assert_eq!(wait(&mut child).unwrap().signal(), Some(15));
    wirecat([
        "-m",
        "200ms",
        "--reconnect",
        "--reconnect-delay=60s",
        "-d",
        "x",
        "ws://127.0.0.1:1/",
    ])
    .run()
    .exits(28)
    .complains(&["--max-time is over"]);
}

#[test]
fn unread_events_cost_bounded_memory() {
    let server = serve();
    let url = server.url("/silent");
    stops_reading_in_bounded_memory(&["--json", &url]);
}

#[test]
fn mirror_sends_on_open_like_every_connection() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("greeting"));
        let first: Vec<_> = (0..3).map(|_| wire.message()).collect();
        wire.close(1000, "");
        first
    });
    let args = [
        "--mirror",
        "--token",
        "secret-token",
        "--token-message",
        "{{token}}",
        "--on-open",
        "sub",
        &server.url("/"),
    ];
    wirecat(args).run().exits(0);
    let first = [&b"secret-token"[..], b"sub", b"greeting"];
    assert_eq!(server.result(), first);
}
