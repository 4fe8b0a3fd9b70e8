//! A peer's silence: it is judged only after everything that has arrived was read, and the time in
//! which this process did not run, or did not read, is not silence.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::pty::Pty;
use crate::support::server::{Wire, close, frame_of, raw, serve, text};
use crate::support::{Output, PATIENCE, output, wirecat};

/// The limit that each test sets, and a pause of the program that is much longer.
const LIMIT: &str = "1s";
const PAUSE: Duration = Duration::from_millis(2500);

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// The two ends of what keeps a test and its server in step.
fn steps() -> (mpsc::Sender<()>, mpsc::Receiver<()>) {
    mpsc::channel()
}

/// Runs the program against `script`, and stops it for [`PAUSE`] when the script says so. The second
/// channel tells the script that the program is stopped, the third that it has gone on.
fn paused(
    args: &[&str],
    script: impl FnOnce(Wire, &mpsc::Sender<()>, &mpsc::Receiver<()>, &mpsc::Receiver<()>)
    + Send
    + 'static,
) -> Output {
    let (ready, aim) = steps();
    let (stop, stopped) = steps();
    let (go_on, gone_on) = steps();
    let server = raw(move |wire| script(wire, &ready, &stopped, &gone_on));
    let child = wirecat([args, &[&server.url("/")]].concat()).spawn();
    aim.recv().unwrap();
    signal(&child, Signal::SIGSTOP);
    stop.send(()).unwrap();
    thread::sleep(PAUSE);
    signal(&child, Signal::SIGCONT);
    let _ = go_on.send(());
    let output = output(child);
    server.result();
    output
}

/// Waits for `time`, in which the client must not send anything: a Close above all.
#[track_caller]
fn hears_nothing(wire: &Wire, time: Duration) {
    wire.0.set_read_timeout(Some(time)).unwrap();
    let peeked = wire.0.peek(&mut [0; 1]).map_err(|error| error.kind());
    assert!(
        matches!(peeked, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        "{peeked:?}"
    );
    wire.0.set_read_timeout(Some(PATIENCE)).unwrap();
}

/// Waits until the client has read everything that was sent.
fn has_read(wire: &mut Wire) {
    wire.send(frame_of(0x89, b"read?"));
    assert_eq!(wire.frame().unwrap().opcode, 10);
}

fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{n}\n")).collect()
}

#[test]
fn messages_that_arrived_while_the_program_was_stopped_are_read_before_idle_is_checked() {
    const MESSAGES: usize = 30;
    for count in [&["--count=30"][..], &[]] {
        let args = [&["--idle", LIMIT, "-d", "x"], count].concat();
        let run = paused(&args, |mut wire, ready, stopped, gone_on| {
            wire.handshake();
            wire.message();
            (0..5).for_each(|n| wire.send(text(&n.to_string())));
            ready.send(()).unwrap();
            stopped.recv().unwrap();
            (5..20).for_each(|n| wire.send(text(&n.to_string())));
            gone_on.recv().unwrap();
            for n in 20..MESSAGES {
                hears_nothing(&wire, Duration::from_millis(50));
                wire.send(text(&n.to_string()));
            }
            wire.answer_close();
        });
        run.exits(0).prints(lines(MESSAGES)).is_quiet();
    }
}

#[test]
fn a_peer_is_not_idle_for_the_time_in_which_the_program_was_stopped() {
    let args = ["--idle", LIMIT, "-d", "x"];
    let run = paused(&args, |mut wire, ready, _, gone_on| {
        wire.handshake();
        wire.message();
        wire.send(text("0"));
        has_read(&mut wire);
        ready.send(()).unwrap();
        gone_on.recv().unwrap();
        // The server slept as well, and needs a moment.
        hears_nothing(&wire, Duration::from_millis(500));
        wire.send(text("1"));
        wire.answer_close();
    });
    run.exits(0).prints(lines(2)).is_quiet();
}

#[test]
fn a_pong_that_arrived_while_the_program_was_stopped_counts() {
    let args = [
        "--ping-interval=500ms",
        "--ping-timeout",
        LIMIT,
        "--on-eof=stay",
    ];
    let run = paused(&args, |mut wire, ready, stopped, _| {
        wire.handshake();
        let ping = wire.frame().unwrap();
        assert_eq!(ping.opcode, 9);
        ready.send(()).unwrap();
        stopped.recv().unwrap();
        wire.send(frame_of(0x8a, &ping.payload));
        // The next ping proves that the connection outlived the pause.
        let next = wire.frame().unwrap();
        assert_eq!(next.opcode, 9);
        wire.close(1000, "");
    });
    run.exits(0).is_quiet();
}

#[test]
fn the_ping_timeout_restarts_after_the_program_was_stopped() {
    let args = [
        "--ping-interval=500ms",
        "--ping-timeout",
        LIMIT,
        "--on-eof=stay",
    ];
    let run = paused(&args, |mut wire, ready, _, gone_on| {
        wire.handshake();
        let ping = wire.frame().unwrap();
        ready.send(()).unwrap();
        gone_on.recv().unwrap();
        thread::sleep(Duration::from_millis(100));
        wire.send(frame_of(0x8a, &ping.payload));
        assert_eq!(wire.frame().unwrap().opcode, 9);
        wire.close(1000, "");
    });
    run.exits(0).is_quiet();
}

#[test]
fn an_answer_to_our_close_that_arrived_while_the_program_was_stopped_counts() {
    let args = ["-d", "x", "--on-eof=close", "--close-timeout", LIMIT];
    let run = paused(&args, |mut wire, ready, stopped, _| {
        wire.handshake();
        let ours = wire.until_close().unwrap();
        ready.send(()).unwrap();
        stopped.recv().unwrap();
        wire.send(text("last words"));
        wire.send(frame_of(0x88, &ours.payload));
    });
    run.exits(0).prints("last words\n").is_quiet();
}

#[test]
fn an_answer_to_the_handshake_that_arrived_while_the_program_was_stopped_counts() {
    let args = ["-d", "x", "--count=1", "--connect-timeout", LIMIT];
    let run = paused(&args, |mut wire, ready, stopped, _| {
        let request = wire.request();
        ready.send(()).unwrap();
        stopped.recv().unwrap();
        wire.accept(&request, "", b"");
        let message = wire.message();
        wire.send(frame_of(0x81, &message));
        wire.answer_close();
    });
    run.exits(0).prints("x\n").is_quiet();
}

#[test]
fn the_prompt_reads_what_arrived_while_it_was_stopped_before_it_decides() {
    let (go_on, gone_on) = steps();
    let (answered, pinged) = steps();
    let server = raw(move |mut wire| {
        wire.handshake();
        let ping = wire.frame().unwrap();
        answered.send(()).unwrap();
        gone_on.recv().unwrap();
        wire.send(frame_of(0x8a, &ping.payload));
        wire.send(text("still here"));
        answered.send(()).unwrap();
        wire.answer_close();
    });
    let args = ["--ping-interval=500ms", "--ping-timeout", LIMIT];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pinged.recv().unwrap();
    pty.signal(Signal::SIGSTOP);
    go_on.send(()).unwrap();
    pinged.recv().unwrap();
    thread::sleep(PAUSE);
    pty.signal(Signal::SIGCONT);
    pty.expect("still here");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert!(!written.contains("no pong"), "{written:?}");
    server.result();
}

#[test]
fn a_server_with_unread_pings_is_not_dead() {
    let (filled, stalled) = steps();
    let (read, going_on) = steps();
    let server = raw(move |mut wire| {
        wire.handshake();
        let mut theirs = Wire::new(wire.0.try_clone().unwrap());
        let answers = thread::spawn(move || theirs.until_close().is_some());
        // Frames of one size: what the client has taken ends between two of them, or within one,
        // which is completed below.
        let ping = frame_of(0x89, &[b'p'; 62]);
        let sent = fill(&wire.0, &ping);
        filled.send(()).unwrap();
        going_on.recv().unwrap();
        wire.0.set_write_timeout(None).unwrap();
        wire.send(&ping[sent % ping.len()..]);
        wire.send(close(1000, ""));
        answers.join().unwrap()
    });
    let args = [
        "--json",
        "--ping-interval=300ms",
        "--ping-timeout=300ms",
        "--on-eof=stay",
    ];
    let mut child = wirecat([&args[..], &[&server.url("/")]].concat()).spawn();
    stalled.recv().unwrap();
    // Several intervals and timeouts.
    thread::sleep(Duration::from_secs(2));
    read.send(()).unwrap();
    let mut events = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut events)
        .unwrap();
    let run = output(child);
    run.exits(0);
    assert!(
        events.contains(r#""by":"peer","code":1000"#),
        "{}",
        run.stderr
    );
    assert!(server.result(), "the client closes");
}

/// Writes `frame` over and over until nothing more is taken for a while; how many bytes were.
fn fill(mut stream: &TcpStream, frame: &[u8]) -> usize {
    stream
        .set_write_timeout(Some(Duration::from_millis(700)))
        .unwrap();
    let many = frame.repeat(1024);
    let mut sent = 0;
    loop {
        match stream.write(&many[sent % frame.len()..]) {
            Ok(count) => sent += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return sent;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_server_that_reads_echoes_late_is_not_dead() {
    let server = raw(|mut wire| {
        wire.handshake();
        let ping = wire.frame().unwrap();
        assert_eq!(ping.opcode, 9);
        let message = frame_of(0x82, &vec![b'm'; 32 * 1024]);
        let sent = fill(&wire.0, &message);
        // Several timeouts, in which the pong waits behind what the client does not read.
        thread::sleep(Duration::from_secs(2));
        wire.0.set_write_timeout(None).unwrap();
        let rest = message[sent % message.len()..].to_vec();
        let mut ours = Wire::new(wire.0.try_clone().unwrap());
        let writer = thread::spawn(move || {
            ours.send(rest);
            ours.send(frame_of(0x8a, &ping.payload));
            ours.send(close(1000, ""));
        });
        let end = wire.until_close();
        writer.join().unwrap();
        end.and_then(|frame| frame.close_code())
    });
    let args = ["--mirror", "--ping-interval=500ms", "--ping-timeout=500ms"];
    let run = wirecat([&args[..], &[&server.url("/")]].concat()).run();
    run.exits(0);
    assert_eq!(server.result(), Some(1000));
}

#[test]
fn silence_does_not_count_while_our_own_output_is_full() {
    // The server sends on after the output stood still for longer than --idle.
    let (filled, stalled) = steps();
    let (read, going_on) = steps();
    let message = "x".repeat(32 * 1024 - 1);
    let frame = text(&message);
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        let sent = fill(&wire.0, &frame);
        filled.send(()).unwrap();
        going_on.recv().unwrap();
        hears_nothing(&wire, Duration::from_millis(1));
        wire.0.set_write_timeout(None).unwrap();
        wire.send(&frame[sent % frame.len()..]);
        let whole = sent.div_ceil(frame.len());
        wire.send(text("last"));
        wire.answer_close();
        whole
    });
    let url = server.url("/");
    let mut child = wirecat(["-d", "x", "--idle=500ms", &url]).spawn();
    stalled.recv().unwrap();
    thread::sleep(Duration::from_secs(2));
    read.send(()).unwrap();
    let mut bytes = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_to_end(&mut bytes).unwrap();
    output(child).exits(0);
    let whole = server.result();
    assert_eq!(bytes.len(), whole * (message.len() + 1) + "last\n".len());
}

#[test]
fn output_is_complete_even_if_the_server_does_not_answer_our_close() {
    const MESSAGES: usize = 500;
    let message = "x".repeat(1000);
    let frame = text(&message).repeat(MESSAGES);
    let (over, end) = steps();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        wire.send(frame);
        wire.until_close();
        // No answer, and no end of the connection.
        let _ = end.recv();
    });
    let args = ["-d", "x", "--idle=300ms", "--close-timeout=300ms"];
    let mut child = wirecat([&args[..], &[&server.url("/")]].concat()).spawn();
    let mut told = [0; 64];
    let count = child.stderr.as_mut().unwrap().read(&mut told).unwrap();
    let told = String::from_utf8_lossy(&told[..count]).into_owned();
    assert!(
        told.starts_with("wirecat: the server did not answer"),
        "{told}"
    );
    // Longer than a signal would leave for it.
    thread::sleep(Duration::from_millis(1500));
    let mut bytes = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), MESSAGES * (message.len() + 1));
    output(child).exits(28);
    over.send(()).unwrap();
    server.result();
}

#[test]
fn heartbeats_and_their_answers_do_not_keep_a_drain_from_ending() {
    let debug = serve();
    let beats = ["--heartbeat", "hb", "--heartbeat-interval", "200ms"];
    let args = ["-d", "x", "--idle", "500ms", "-m", "20s"];
    let echo = debug.url("/echo");
    let silent = debug.url("/silent");
    for url in [&echo, &silent] {
        let run = wirecat([&args[..], &beats, &[url]].concat()).run();
        run.exits(0);
    }
    // An answer in other words than the heartbeat's.
    let server = raw(|mut wire| {
        wire.handshake();
        loop {
            match wire.frame() {
                Some(frame) if frame.opcode == 1 && frame.payload == b"hb" => {
                    wire.send(text(r#"{"op":11}"#));
                }
                Some(frame) if frame.opcode == 8 => {
                    wire.send(frame_of(0x88, &frame.payload));
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    });
    let start = Instant::now();
    let run = wirecat([&args[..], &beats, &[&server.url("/")]].concat()).run();
    run.exits(0);
    assert!(start.elapsed() < Duration::from_secs(15));
    server.result();
}
