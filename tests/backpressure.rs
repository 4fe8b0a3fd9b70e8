//! A side that stops reading stops the other: memory stays flat, nothing is lost, and control
//! frames are still answered.

use std::io::{Read, Write};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::support::server::{close, frame_of, raw, text};
use crate::support::{output, peak_memory, wait, wirecat};

const MIB: usize = 1 << 20;

/// What the buffers of two kernels and ours may take before everything stands still.
const IN_FLIGHT: usize = 12 * MIB;

/// The most memory that the program may have had, in a debug build.
const MEMORY: usize = 32 * MIB;

/// A counter that has not moved for this long stands still.
const STILL: Duration = Duration::from_millis(700);

/// A line of 1 KiB that says where it belongs.
fn line(number: usize) -> Vec<u8> {
    format!("{number:08}{}", "x".repeat(1015)).into_bytes()
}

/// Waits until `counter` stands still, and gives where.
fn stall(counter: &AtomicUsize) -> usize {
    loop {
        let before = counter.load(Ordering::SeqCst);
        thread::sleep(STILL);
        if before > 0 && counter.load(Ordering::SeqCst) == before {
            return before;
        }
    }
}

#[track_caller]
fn assert_flat(child: &Child) {
    let peak = peak_memory(child);
    assert!(peak < MEMORY, "{} KiB", peak / 1024);
}

/// Pipes so many lines into a server that reads nothing until told to.
fn a_server_that_stops_reading(lines: usize) {
    let (go_on, gate) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        SockRef::from(&wire.0)
            .set_recv_buffer_size(MIB / 4)
            .unwrap();
        wire.handshake();
        gate.recv().unwrap();
        for number in 0..lines {
            assert!(wire.message() == line(number), "line {number}");
        }
        wire.answer_close();
    });
    let mut child = wirecat(["--on-eof", "close", &server.url("/")]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    let taken = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&taken);
    thread::spawn(move || {
        for number in 0..lines {
            let line = [line(number), b"\n".to_vec()].concat();
            if stdin.write_all(&line).is_err() {
                return;
            }
            count.fetch_add(line.len(), Ordering::SeqCst);
        }
    });
    let stalled = stall(&taken);
    assert!(stalled < IN_FLIGHT, "{stalled} bytes were taken");
    assert_flat(&child);
    go_on.send(()).unwrap();
    server.result();
    assert_eq!(taken.load(Ordering::SeqCst), lines * 1024);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
}

#[test]
fn a_server_that_disconnects_while_messages_wait_is_a_failed_send() {
    let (go, gate) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake();
        gate.recv().unwrap();
        // Closed with bytes unread, which the client sees as a reset.
    });
    let mut child = wirecat([server.url("/")]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    let taken = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&taken);
    thread::spawn(move || {
        while stdin
            .write_all(b"a line of thirty-two characters\n")
            .is_ok()
        {
            count.fetch_add(32, Ordering::SeqCst);
        }
    });
    stall(&taken);
    go.send(()).unwrap();
    server.result();
    let output = output(child);
    output.exits(55).prints("").complains(&[
        "wirecat: sending failed: connection lost (1006): ",
        " messages were not sent\n",
    ]);
}

#[test]
fn a_server_that_does_not_read_stops_the_reading_of_stdin() {
    a_server_that_stops_reading(24 * 1024);
}

#[test]
#[ignore = "takes long in a debug build"]
fn a_gigabyte_into_a_server_that_does_not_read() {
    a_server_that_stops_reading(1024 * 1024);
}

#[test]
fn an_unread_stdout_stops_the_server_but_not_the_pongs() {
    const LINES: usize = 24 * 1024;
    let (go_on, gate) = mpsc::channel::<()>();
    let sent = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&sent);
    let server = raw(move |mut wire| {
        SockRef::from(&wire.0)
            .set_send_buffer_size(MIB / 4)
            .unwrap();
        wire.handshake();
        for number in 0..300 {
            wire.send(text(std::str::from_utf8(&line(number)).unwrap()));
        }
        wire.send(frame_of(0x89, b"still there?"));
        let pong = wire.frame().unwrap();
        assert_eq!((pong.opcode, &*pong.payload), (10, &b"still there?"[..]));
        for number in 300..LINES {
            let frame = text(std::str::from_utf8(&line(number)).unwrap());
            wire.send(&frame);
            count.fetch_add(frame.len(), Ordering::SeqCst);
        }
        gate.recv().unwrap();
        wire.send(close(1000, ""));
        wire.until_close();
    });
    let mut child = wirecat(["--on-eof", "stay", &server.url("/")]).spawn();
    let stalled = stall(&sent);
    assert!(stalled < IN_FLIGHT, "{stalled} bytes were taken");
    assert_flat(&child);
    let mut stdout = child.stdout.take().unwrap();
    let mut bytes = [0; 1024];
    for number in 0..LINES {
        stdout.read_exact(&mut bytes).unwrap();
        assert!(
            bytes[..1023] == line(number) && bytes[1023] == b'\n',
            "line {number}"
        );
    }
    assert_flat(&child);
    go_on.send(()).unwrap();
    assert_eq!(stdout.read(&mut bytes).unwrap(), 0);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    server.result();
}
