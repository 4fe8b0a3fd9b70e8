//! `--frame chunk`: stdin as a stream of bytes, for tunnels and audio; and `--then` after its end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::scripts::{collect, collects, frames};
use crate::support::server::{Wire, close, frame_of, raw, raws, text};
use crate::support::{output, peak_memory, wirecat};

const TEXT: u8 = 1;
const BINARY: u8 = 2;

const MIB: usize = 1 << 20;

/// The most memory that the program may have had, in a debug build.
const MEMORY: usize = 40 * MIB;

/// The opcode and the size of each message that the server gets of this input.
#[track_caller]
fn sizes(args: &[&str], stdin: &[u8]) -> Vec<(u8, usize)> {
    let server = collects();
    let url = server.url("/");
    wirecat([&["--on-eof", "close", &url], args].concat())
        .stdin_file(stdin)
        .run()
        .exits(0)
        .prints("")
        .is_quiet();
    let got = server.result();
    let (kinds, data): (Vec<u8>, Vec<Vec<u8>>) = got.into_iter().unzip();
    assert!(data.concat() == stdin, "the bytes differ");
    let sizes = data.iter().map(Vec::len);
    kinds.into_iter().zip(sizes).collect()
}

/// Bytes that are no text, and of which none is like its neighbours.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u64)
        .map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

#[test]
fn a_size_is_filled_and_the_last_message_is_shorter() {
    let sent = sizes(&["--binary", "--frame", "chunk:8000"], &noise(20_000));
    assert_eq!(sent, [(BINARY, 8000), (BINARY, 8000), (BINARY, 4000)]);
    assert_eq!(sizes(&["--binary", "--frame=chunk:1KiB"], b""), []);
    let lines = sizes(&["--frame", "chunk:4"], "a\nb\u{20ac}\0".as_bytes());
    assert_eq!(lines, [(TEXT, 3), (TEXT, 4)]);
}

#[test]
fn without_a_size_a_message_is_what_one_read_gave() {
    let sent = sizes(&["--binary", "--frame", "chunk"], &noise(200_000));
    assert_eq!(sent.len(), 4, "{sent:?}");
    assert!(
        sent.iter()
            .all(|(kind, size)| *kind == BINARY && *size <= 65_536)
    );
}

#[test]
fn a_message_waits_for_nothing_else() {
    let server = raw(|mut wire| {
        wire.handshake();
        for _ in 0..3 {
            let frame = wire.frame().unwrap();
            wire.send(frame_of(0x82, &frame.payload));
        }
        wire.answer_close();
    });
    let url = server.url("/");
    let mut child = wirecat(["--frame", "chunk", "--binary", "--format", "raw", &url]).spawn();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for part in [&b"SSH-2.0-x\r\n"[..], b"\0\x01", b"\xff"] {
        stdin.write_all(part).unwrap();
        let mut reply = vec![0; part.len()];
        stdout.read_exact(&mut reply).unwrap();
        assert_eq!(reply, part);
    }
    drop(stdin);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "no byte is added");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    server.result();
}

/// A server that accepts a connection and sends back what it gets, until the end of that.
fn tcp_echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = stream.try_clone().unwrap();
        let _ = std::io::copy(&mut reader, &mut stream);
    });
    address
}

/// As websockify does: binary messages to TCP, and what comes from there in binary messages.
fn bridge(mut wire: Wire, to: std::net::SocketAddr) {
    wire.handshake();
    let mut upstream = TcpStream::connect(to).unwrap();
    let (mut from, mut back) = (upstream.try_clone().unwrap(), wire.0.try_clone().unwrap());
    let returning = thread::spawn(move || {
        let mut buffer = vec![0; 32 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if back.write_all(&frame_of(0x82, &buffer[..read])).is_err() {
                return;
            }
        }
        let _ = back.write_all(&close(1000, ""));
    });
    while let Some(frame) = wire.frame() {
        match frame.opcode {
            2 | 0 => upstream.write_all(&frame.payload).unwrap(),
            8 => break,
            _ => {}
        }
    }
    let _ = upstream.shutdown(std::net::Shutdown::Write);
    returning.join().unwrap();
}

#[test]
fn a_tunnel_carries_bytes_both_ways_in_bounded_memory() {
    const LEN: usize = 96 * MIB;
    let echo = tcp_echo();
    let server = raw(move |wire| bridge(wire, echo));
    let url = server.url("/");
    let args = [
        "--frame",
        "chunk",
        "--binary",
        "--format",
        "raw",
        "--no-compress",
        &url,
    ];
    let mut child = wirecat(args).spawn();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let block = noise(MIB);
    let sent = block.clone();
    let (done, finished) = mpsc::channel::<()>();
    thread::spawn(move || {
        for _ in 0..LEN / MIB {
            stdin.write_all(&sent).unwrap();
        }
        // The end of stdin would begin the end of the tunnel.
        let _ = finished.recv();
        drop(stdin);
    });
    let mut received = vec![0; MIB];
    for number in 0..LEN / MIB {
        stdout.read_exact(&mut received).unwrap();
        assert!(received == block, "block {number}");
    }
    let peak = peak_memory(&child);
    assert!(peak < MEMORY, "{} KiB", peak / 1024);
    done.send(()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    server.result();
}

#[test]
fn a_server_that_does_not_read_stops_the_reading_of_stdin() {
    const LEN: usize = 48 * MIB;
    let (go_on, gate) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        SockRef::from(&wire.0)
            .set_recv_buffer_size(MIB / 4)
            .unwrap();
        wire.handshake();
        gate.recv().unwrap();
        collect(&mut wire)
            .iter()
            .map(|(_, data)| data.len())
            .sum::<usize>()
    });
    let url = server.url("/");
    let args = [
        "--frame",
        "chunk:8000",
        "--binary",
        "--no-compress",
        "--on-eof",
        "close",
        &url,
    ];
    let mut child = wirecat(args).spawn();
    let mut stdin = child.stdin.take().unwrap();
    let (report, taken) = mpsc::channel();
    thread::spawn(move || {
        for _ in 0..LEN / MIB {
            stdin.write_all(&noise(MIB)).unwrap();
            let _ = report.send(());
        }
    });
    let mut before = 0;
    while taken.recv_timeout(Duration::from_secs(3)).is_ok() {
        before += 1;
        assert!(before < 24, "{before} MiB were read that nobody takes");
    }
    let peak = peak_memory(&child);
    assert!(peak < MEMORY, "{} KiB", peak / 1024);
    go_on.send(()).unwrap();
    output(child).exits(0).is_quiet();
    assert_eq!(server.result(), LEN);
}

/// The server of vosk as far as its protocol is known: a result for each piece of audio, and the final
/// one for a text that is exactly `{"eof" : 1}`.
fn vosk(mut wire: Wire) -> (Vec<usize>, Duration) {
    let request = wire.request();
    let start = Instant::now();
    wire.accept(&request, "", b"");
    let mut pieces = Vec::new();
    loop {
        let frame = wire.frame().expect("audio or the end of it");
        match (frame.opcode, &frame.payload[..]) {
            (2, audio) => {
                pieces.push(audio.len());
                wire.send(text("{\"partial\" : \"\"}"));
            }
            (1, b"{\"eof\" : 1}") => break,
            other => panic!("{other:?}"),
        }
    }
    wire.send(text("{\"text\" : \"one two\"}"));
    wire.close(1000, "");
    (pieces, start.elapsed())
}

#[test]
fn audio_goes_in_pieces_at_a_pace_and_a_text_ends_it() {
    let server = raw(vosk);
    let url = server.url("/");
    let args = [
        "--binary",
        "--frame",
        "chunk:8000",
        "--rate",
        "20",
        "--then",
        r#"{"eof" : 1}"#,
        "--filter",
        ".text // empty",
        &url,
    ];
    wirecat(args)
        .stdin(noise(36_000))
        .run()
        .exits(0)
        .prints("\"one two\"\n")
        .is_quiet();
    let (pieces, took) = server.result();
    assert_eq!(pieces, [8000, 8000, 8000, 8000, 4000]);
    assert!(took >= Duration::from_millis(250), "{took:?}");
}

#[test]
fn then_follows_the_input_in_order_and_is_text() {
    for (input, stdin) in [
        (&["-d", "a"][..], ""),
        (&[][..], "a\n"),
        (&["--frame", "whole"], "a"),
    ] {
        let server = collects();
        let url = server.url("/");
        let rest = [
            "--binary", "--then", "one", "--then", "{{n}}", "--on-eof", "close", &url,
        ];
        wirecat([input, &rest].concat())
            .stdin(stdin)
            .run()
            .exits(0)
            .is_quiet();
        let expected = [
            (BINARY, b"a".to_vec()),
            (TEXT, b"one".to_vec()),
            (TEXT, b"{{n}}".to_vec()),
        ];
        assert_eq!(server.result(), expected);
    }
    let server = collects();
    let url = server.url("/");
    let args = [
        "--escapes",
        "--var",
        "x=y",
        "-d",
        r"a\n",
        "--then",
        r"{{x}}\x1e",
        "--on-eof=close",
        &url,
    ];
    wirecat(args).run().exits(0).is_quiet();
    let expected = [(TEXT, b"a\n".to_vec()), (TEXT, b"y\x1e".to_vec())];
    assert_eq!(server.result(), expected);
}

#[test]
fn then_says_nothing_of_an_input_that_is_not_complete() {
    let server = collects();
    let run = wirecat(["--then", "end", &server.url("/")])
        .stdin(b"good\nb\xffd\n")
        .run();
    run.exits(2);
    assert_eq!(server.result(), [(TEXT, b"good".to_vec())]);
}

#[test]
fn a_server_that_closes_before_then_has_not_got_all() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.close(1000, "");
    });
    let run = wirecat([
        "-d",
        "a",
        "--rate",
        "0.2",
        "--then",
        "end",
        &server.url("/"),
    ])
    .run();
    run.exits(1);
    assert!(
        run.stderr.contains("1 message was not sent"),
        "{}",
        run.stderr
    );
}

#[test]
fn then_is_sent_again_like_every_message_of_the_input() {
    let server = raws(2, |number, mut wire| {
        wire.handshake();
        if number == 1 {
            let first = [wire.message(), wire.message()];
            assert_eq!(first, [b"a".to_vec(), b"end".to_vec()]);
            return Vec::new();
        }
        let frames = frames(&mut wire).into_iter();
        frames
            .filter(|it| it.opcode < 8)
            .map(|it| (it.opcode, it.payload))
            .collect()
    });
    let url = server.url("/");
    let args = [
        "--reconnect=3",
        "--reconnect-delay",
        "10ms",
        "--confirm",
        "--binary",
        "-d",
        "a",
        "--then",
        "end",
        "--idle",
        "300ms",
        &url,
    ];
    wirecat(args).run().exits(0);
    let again = server.result().pop().unwrap();
    assert_eq!(again, [(BINARY, b"a".to_vec()), (TEXT, b"end".to_vec())]);
}

#[test]
fn what_cannot_be_cut_is_refused() {
    for (args, why) in [
        (&["--frame", "chunk:0"][..], "at least one byte"),
        (&["--frame", "chunk:many"], "chunk:SIZE"),
        (
            &["--frame", "chunk:3"],
            "a character of text may have 4 bytes",
        ),
        (&["--frame", "chunk", "--hex"], "as they are"),
        (&["--frame", "chunks"], "chunk"),
    ] {
        let run = wirecat([args, &["ws://127.0.0.1:9/"]].concat())
            .stdin("x")
            .run();
        run.exits(2);
        assert!(run.stderr.contains(why), "{args:?}: {}", run.stderr);
    }
    let server = collects();
    let run = wirecat(["--frame", "chunk:4", &server.url("/")])
        .stdin(b"abcd\xff")
        .run();
    run.exits(2);
    assert!(
        run.stderr.contains("stdin, from byte 5 on"),
        "{}",
        run.stderr
    );
    assert_eq!(server.result(), [(TEXT, b"abcd".to_vec())]);
}
