//! Large messages leave in fragments, and control frames pass between them (RFC 6455 §5.4): the
//! peers here read slowly or stop, and say at which byte of the stream each frame came.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::SockRef;
use wirecat::internals::wire::deflate::{Inflated, Inflater};
use wirecat::internals::wire::mask;

use crate::support::pty::Pty;
use crate::support::server::{Serve, Wire, close, frame_of, raw, raws, serve};
use crate::support::{Output, output, peak_memory, wirecat};

const MIB: usize = 1 << 20;

/// What the two kernels and the program may hold when a control frame is handed over: it comes no
/// later than this after the bytes that the peer had read. A message must be larger on the wire, so
/// that a control frame which waits for its end comes too late.
const IN_FLIGHT: usize = 9 * MIB;

/// A payload that does not compress away, and differs from place to place.
fn payload(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b"0123456789abcdef"[state as usize % 16]
    };
    // Longer than the window of a compressor.
    let block: Vec<u8> = std::iter::repeat_with(&mut noise).take(64 * 1024).collect();
    let mut payload = block.repeat(len.div_ceil(block.len()));
    payload.truncate(len);
    for (number, block) in payload.chunks_mut(block.len()).enumerate() {
        let number = format!("{number:08}");
        let len = block.len().min(number.len());
        block[..len].copy_from_slice(&number.as_bytes()[..len]);
    }
    payload
}

/// A frame, and the place in the stream where it began.
struct Seen {
    at: usize,
    fin: bool,
    rsv: u8,
    opcode: u8,
    payload: Vec<u8>,
}

type Act = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// The peer's end of a connection, which reads as slowly as a test wants.
struct Peer {
    stream: TcpStream,
    at: usize,
    /// What to do once so many bytes have been read.
    acts: Vec<(usize, Act)>,
    /// After every 64 KiB.
    pause: Duration,
}

impl Peer {
    fn new(wire: Wire) -> Self {
        SockRef::from(&wire.0)
            .set_recv_buffer_size(MIB / 4)
            .unwrap();
        Peer {
            stream: wire.0,
            at: 0,
            acts: Vec::new(),
            pause: Duration::ZERO,
        }
    }

    fn slowly(mut self) -> Self {
        self.pause = Duration::from_millis(5);
        self
    }

    /// After the first megabyte.
    fn then(mut self, act: impl FnOnce(&mut TcpStream) + Send + 'static) -> Self {
        self.acts.push((MIB, Box::new(act)));
        self
    }

    fn then_send(self, bytes: Vec<u8>) -> Self {
        self.then(move |stream| stream.write_all(&bytes).unwrap())
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        let mut done = 0;
        while done < count {
            while let Some((_, act)) = self.acts.pop_if(|(at, _)| *at <= self.at) {
                act(&mut self.stream);
            }
            let end = count.min(done + 64 * 1024);
            match self.stream.read(&mut bytes[done..end]) {
                Ok(0) => return None,
                Ok(read) => (done, self.at) = (done + read, self.at + read),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error} after {} bytes", self.at),
            }
            if count > 14 {
                thread::sleep(self.pause);
            }
        }
        Some(bytes)
    }

    fn frame(&mut self) -> Option<Seen> {
        let at = self.at;
        let head = self.take(2)?;
        let len = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.take(2)?.try_into().unwrap())),
            127 => u64::from_be_bytes(self.take(8)?.try_into().unwrap()),
            short => u64::from(short),
        };
        let key = match head[1] & 0x80 {
            0 => None,
            _ => Some(self.take(4)?.try_into().unwrap()),
        };
        let mut payload = self.take(len as usize)?;
        if let Some(key) = key {
            mask::apply(key, 0, &mut payload);
        }
        Some(Seen {
            at,
            fin: head[0] & 0x80 != 0,
            rsv: head[0] >> 4 & 7,
            opcode: head[0] & 0xf,
            payload,
        })
    }

    /// Reads frames up to one of this opcode. The client's Close is answered.
    #[track_caller]
    fn until(&mut self, opcode: u8) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(frame) = self.frame() {
            let over = frame.opcode == opcode && frame.fin;
            if frame.opcode == 8 {
                let _ = self.stream.write_all(&frame_of(0x88, &frame.payload));
            }
            seen.push(frame);
            if over {
                return seen;
            }
        }
        panic!("the stream ended without a frame of opcode {opcode}");
    }
}

/// The data message in these frames, and the place where its last frame began. Nothing of another
/// message stands between its fragments.
#[track_caller]
fn message(frames: &[Seen]) -> (Vec<u8>, usize) {
    let data: Vec<&Seen> = frames.iter().filter(|frame| frame.opcode < 8).collect();
    let last = data.len() - 1;
    for (number, frame) in data.iter().enumerate() {
        assert_eq!(frame.opcode == 0, number > 0, "frame {number}");
        assert_eq!(frame.fin, number == last, "frame {number}");
        assert!(frame.rsv == 0 || number == 0, "frame {number}");
    }
    let payloads: Vec<&[u8]> = data.iter().map(|frame| &*frame.payload).collect();
    (payloads.concat(), data[last].at)
}

fn inflate(compressed: &[u8]) -> Vec<u8> {
    let mut inflater = Inflater::new(15, true);
    let mut chunk = vec![0; 64 * 1024];
    let (mut rest, mut plain) = (compressed, Vec::new());
    loop {
        let Inflated { took, made } = inflater.inflate(rest, &mut chunk).unwrap();
        rest = &rest[took..];
        plain.extend_from_slice(&chunk[..made]);
        if rest.is_empty() && made < chunk.len() {
            inflater.finish().unwrap();
            return plain;
        }
    }
}

/// Where the only frame of this opcode began.
#[track_caller]
fn place_of(opcode: u8, frames: &[Seen]) -> usize {
    let found = frames.iter().find(|frame| frame.opcode == opcode);
    found.expect("such a frame").at
}

#[track_caller]
fn passed(place: usize, end: usize) {
    assert!(place < MIB + IN_FLIGHT, "it came at {place} of {end}");
    assert!(place < end, "it came at {place} of {end}");
}

fn line(payload: &[u8]) -> Vec<u8> {
    [payload, b"\n"].concat()
}

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// Gives the frames up to the Close, to a client that sends `payload` to a server that pings it.
#[track_caller]
fn pinged(options: &[&str], extensions: &'static str, payload: &[u8]) -> Vec<Seen> {
    let server = raw(move |mut wire| {
        wire.handshake_with(extensions, b"");
        let mut peer = Peer::new(wire).then_send(frame_of(0x89, b"still there?"));
        peer.until(8)
    });
    let url = server.url("/");
    let output = wirecat(options.iter().copied().chain(["--on-eof", "close", &url]))
        .stdin(line(payload))
        .run();
    output.exits(0).is_quiet();
    server.result()
}

#[test]
fn a_pong_passes_between_the_fragments_of_a_large_message() {
    let payload = payload(16_000_000);
    for options in [&["--no-compress"][..], &["--fragment", "64KiB"]] {
        let frames = pinged(options, "", &payload);
        let (whole, end) = message(&frames);
        assert!(whole == payload, "{options:?}");
        passed(place_of(10, &frames), end);
        let pong = frames.iter().find(|frame| frame.opcode == 10).unwrap();
        assert_eq!(pong.payload, b"still there?");
    }
}

#[test]
fn a_pong_passes_between_the_fragments_of_a_compressed_message() {
    let payload = payload(24_000_000);
    for options in [&[][..], &["--fragment", "64KiB"]] {
        let frames = pinged(options, DEFLATE, &payload);
        assert_eq!(frames[0].rsv, 4);
        let (whole, end) = message(&frames);
        assert!(whole.len() < payload.len(), "{}", whole.len());
        assert!(inflate(&whole) == payload, "{options:?}");
        passed(place_of(10, &frames), end);
    }
}

#[test]
fn our_ping_passes_between_the_fragments_of_a_large_message() {
    let payload = payload(16_000_000);
    let server = raw(|mut wire| {
        wire.handshake();
        let mut peer = Peer::new(wire).slowly();
        let mut frames = peer.until(9);
        let ping = frames.last().unwrap().payload.clone();
        peer.stream.write_all(&frame_of(0x8a, &ping)).unwrap();
        peer.pause = Duration::ZERO;
        frames.append(&mut peer.until(8));
        frames
    });
    let url = server.url("/");
    let output = wirecat([
        "--no-compress",
        "--ping-interval",
        "50ms",
        "--json",
        "--on-eof",
        "close",
        &url,
    ])
    .stdin(line(&payload))
    .run();
    output.exits(0);
    let frames = server.result();
    let (whole, end) = message(&frames);
    assert!(whole == payload);
    let ping = place_of(9, &frames);
    assert!(ping < end, "it came at {ping} of {end}");
    // The pong came long before the end of the message, and is known for what it is.
    let stdout = output.stdout_text();
    let pong = stdout
        .lines()
        .find(|line| line.contains(r#""type":"pong""#));
    assert!(pong.unwrap().contains(r#""rtt":"#), "{pong:?}");
}

#[test]
fn a_close_passes_between_the_fragments_and_the_message_counts_as_not_sent() {
    let (ready, aim) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        let mut peer = Peer::new(wire).then(move |_| ready.send(()).unwrap());
        peer.until(8)
    });
    let url = server.url("/");
    let mut child = wirecat(["--no-compress", "--on-eof", "stay", "--stats", &url]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    thread::spawn(move || stdin.write_all(&line(&payload(16_000_000))));
    aim.recv().unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = output(child);
    let frames = server.result();
    let close = frames.last().unwrap();
    passed(close.at, 16_000_000);
    assert_eq!(&close.payload[..2], 1001_u16.to_be_bytes());
    assert!(frames.iter().all(|frame| !frame.fin || frame.opcode == 8));
    output.complains(&[
        "wirecat: 1 message was not sent\n",
        "sent      0 messages, 0 bytes",
    ]);
}

/// A server that reads a megabyte, closes with this code, and gives the frames up to the answer.
fn closing(code: u16) -> crate::support::server::Raw<Vec<Seen>> {
    raw(move |mut wire| {
        wire.handshake();
        Peer::new(wire).then_send(close(code, "")).until(8)
    })
}

#[track_caller]
fn cut_off(frames: &[Seen]) {
    passed(place_of(8, frames), usize::MAX);
    assert!(frames.iter().all(|frame| !frame.fin || frame.opcode == 8));
}

#[test]
fn a_message_interrupted_by_the_servers_close_was_not_sent() {
    let payload = payload(16_000_000);
    for (code, exit) in [(1000, 1), (1011, 111)] {
        let server = closing(code);
        let output = wirecat(["--no-compress", "--json", &server.url("/")])
            .stdin(line(&payload))
            .run();
        cut_off(&server.result());
        let end = output.stdout_text().lines().last().unwrap().to_owned();
        assert!(end.contains(r#""sent":0,"#), "{end}");
        assert!(end.contains(r#""bytes_sent":0,"#), "{end}");
        output
            .exits(exit)
            .complains(&["wirecat: 1 message was not sent\n"]);
    }
}

#[test]
fn an_interrupted_message_is_sent_on_the_next_connection() {
    let payload = payload(16_000_000);
    for options in [&[][..], &["--confirm=reply"], &["--confirm=pong"]] {
        let expected = payload.clone();
        let server = raws(2, move |number, mut wire| {
            wire.handshake();
            let mut peer = Peer::new(wire);
            if number == 1 {
                cut_off(&peer.then_send(close(1012, "")).until(8));
                return;
            }
            let (mut frames, mut messages) = (Vec::new(), Vec::new());
            while let Some(frame) = peer.frame() {
                let answer = match frame.opcode {
                    9 => frame_of(0x8a, &frame.payload),
                    8 => frame_of(0x88, &frame.payload),
                    _ if !frame.fin => {
                        frames.push(frame);
                        continue;
                    }
                    _ => {
                        frames.push(frame);
                        messages.push(message(&frames).0);
                        frames.clear();
                        frame_of(0x81, b"reply")
                    }
                };
                peer.stream.write_all(&answer).unwrap();
            }
            assert!(messages == [&expected[..], b"second"]);
        });
        let url = server.url("/");
        let more = [
            "--no-compress",
            "--reconnect",
            "--reconnect-delay",
            "10ms",
            "--on-eof",
            "close",
            &url,
        ];
        let output = wirecat(options.iter().copied().chain(more))
            .stdin([&payload[..], b"\nsecond\n"].concat())
            .run();
        server.result();
        output.exits(0);
    }
}

#[test]
fn a_ping_within_a_message_does_not_confirm_it() {
    let payload = payload(16_000_000);
    let server = raw(|mut wire| {
        wire.handshake();
        let mut peer = Peer::new(wire).slowly();
        // Pings come before the message too.
        loop {
            let frames = peer.until(9);
            let ping = &frames.last().unwrap().payload;
            peer.stream.write_all(&frame_of(0x8a, ping)).unwrap();
            if frames.len() > 1 {
                assert!(frames.iter().all(|frame| !frame.fin || frame.opcode == 9));
                break;
            }
        }
        // The client has read the pong when it answers what comes after it.
        peer.stream.write_all(&frame_of(0x89, b"read?")).unwrap();
        peer.until(10);
        peer.stream.write_all(&close(1000, "")).unwrap();
        peer.until(8);
    });
    let url = server.url("/");
    let output = wirecat([
        "--no-compress",
        "--confirm=pong",
        "--ping-interval",
        "20ms",
        "--json",
        &url,
    ])
    .stdin(line(&payload))
    .run();
    server.result();
    let end = output.stdout_text().lines().last().unwrap().to_owned();
    assert!(end.contains(r#""unconfirmed":1"#), "{end}");
    output.exits(1);
}

#[test]
fn another_message_waits_for_the_last_fragment() {
    let payload = payload(16_000_000);
    let server = raw(|mut wire| {
        wire.handshake();
        let mut peer = Peer::new(wire).slowly();
        let mut frames = Vec::new();
        // Beats come before the message too.
        while frames.last().is_none_or(|frame: &Seen| !frame.fin) {
            frames.extend(peer.frame().filter(|frame| frame.payload != b"beat"));
        }
        let next = peer.frame().unwrap();
        peer.until(8);
        (message(&frames).0, next.payload)
    });
    let url = server.url("/");
    wirecat([
        "--no-compress",
        "--heartbeat",
        "beat",
        "--heartbeat-interval",
        "20ms",
        "--on-eof",
        "close",
        &url,
    ])
    .stdin(line(&payload))
    .run()
    .exits(0);
    let (whole, next) = server.result();
    assert!(whole == payload);
    assert_eq!(next, b"beat");
}

#[test]
fn a_ping_that_is_typed_passes_between_the_fragments_of_a_large_message() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let payload = payload(24_000_000);
    std::fs::write(file.path(), &payload).unwrap();
    let (go_on, gate) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake();
        let mut peer = Peer::new(wire).then(move |_| gate.recv().unwrap());
        peer.until(8)
    });
    let mut pty = Pty::prompt(&["--no-compress", "--no-reconnect"], &server.url("/"));
    pty.type_keys(&format!("/bin @{}\r", file.path().display()));
    pty.type_keys("/ping between\r/status\r");
    pty.expect("1 sent, 0 received");
    go_on.send(()).unwrap();
    pty.type_keys("/quit\r");
    pty.exits(0);
    let frames = server.result();
    let (whole, end) = message(&frames);
    assert!(whole == payload);
    passed(place_of(9, &frames), end);
}

#[test]
fn raw_frames_wait_for_the_last_fragment() {
    let server = raw(|mut wire| {
        wire.handshake();
        Peer::new(wire).slowly().until(8)
    });
    let payload = payload(3 * MIB);
    let events = format!(
        "{{\"type\":\"send\",\"data\":\"{}\"}}\n\
         {{\"type\":\"frame\",\"opcode\":\"pong\",\"data\":\"raw\"}}\n\
         {{\"type\":\"frame\",\"opcode\":\"text\",\"data\":\"raw\"}}\n",
        str::from_utf8(&payload).unwrap()
    );
    let url = server.url("/");
    let options = ["--no-compress", "--frame", "events", "--on-eof", "close"];
    wirecat(options.into_iter().chain([&*url]))
        .stdin(events)
        .run()
        .exits(0);
    let mut frames = server.result();
    let rest = frames.split_off(frames.iter().position(|frame| frame.fin).unwrap() + 1);
    assert!(message(&frames).0 == payload);
    let rest: Vec<_> = rest.iter().map(|it| (it.opcode, &it.payload[..])).collect();
    assert_eq!(rest[..2], [(10, &b"raw"[..]), (1, b"raw")]);
}

#[test]
fn a_message_is_sent_even_if_its_trace_is_not_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let payload = payload(16_000_000);
    std::fs::write(file.path(), &payload).unwrap();
    let server = raw(|mut wire| {
        wire.handshake();
        let mut peer = Peer::new(wire);
        let mut frames = Vec::new();
        while frames.last().is_none_or(|frame: &Seen| !frame.fin) {
            frames.push(peer.frame().unwrap());
        }
        message(&frames).0
    });
    let data = format!("@{}", file.path().display());
    let url = server.url("/");
    let mut child = wirecat(["--no-compress", "--json", "-d", &data, &url]).spawn();
    assert!(server.result() == payload);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The payload sizes of the frames in which a message of `len` bytes leaves.
#[track_caller]
fn sizes(options: &[&str], len: usize) -> Vec<usize> {
    let payload = payload(len);
    let frames = pinged_not(options, &payload);
    assert!(message(&frames).0 == payload);
    let data = frames.iter().filter(|frame| frame.opcode < 8);
    data.map(|frame| frame.payload.len()).collect()
}

#[track_caller]
fn pinged_not(options: &[&str], payload: &[u8]) -> Vec<Seen> {
    let server = raw(|mut wire| {
        wire.handshake();
        Peer::new(wire).until(8)
    });
    let url = server.url("/");
    let arguments = options.iter().copied().chain(["--on-eof", "close", &url]);
    wirecat(arguments).stdin(line(payload)).run().exits(0);
    server.result()
}

#[test]
fn messages_above_a_mebibyte_are_sent_in_fragments_of_256_kib() {
    const KIB_256: usize = 256 * 1024;
    assert_eq!(sizes(&[], MIB), [MIB]);
    assert_eq!(sizes(&[], MIB + 1), [KIB_256, KIB_256, KIB_256, KIB_256, 1]);
    assert_eq!(sizes(&["--fragment", "0"], 3 * MIB), [3 * MIB]);
    assert_eq!(sizes(&["--fragment", "1MiB"], 2 * MIB), [MIB, MIB]);
    assert_eq!(sizes(&["--fragment", "1000"], 1001), [1000, 1]);
}

#[test]
fn fragment_0_never_fragments_compressed_messages_either() {
    let payload = payload(3 * MIB);
    let frames = pinged(&["--fragment", "0"], DEFLATE, &payload);
    assert!(inflate(&message(&frames).0) == payload);
    let data = frames.iter().filter(|frame| frame.opcode < 8);
    assert_eq!(data.count(), 1);
}

#[test]
fn mirror_answers_pings_while_it_echoes_a_large_message() {
    let payload = payload(24_000_000);
    let expected = payload.clone();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.send(frame_of(0x82, &payload));
        let mut peer = Peer::new(wire).then_send(frame_of(0x89, b"p"));
        let mut frames = Vec::new();
        while frames
            .last()
            .is_none_or(|frame: &Seen| !frame.fin || frame.opcode == 10)
        {
            frames.extend(peer.frame());
        }
        peer.stream.write_all(&close(1000, "")).unwrap();
        peer.until(8);
        frames
    });
    let url = server.url("/");
    let output = wirecat(["--mirror", "--no-compress", &url]).run();
    output.exits(0);
    let frames = server.result();
    let (whole, end) = message(&frames);
    assert!(whole == expected);
    passed(place_of(10, &frames), end);
}

#[test]
fn memory_for_a_large_message_is_one_copy_and_a_few_fragments() {
    let (told, peak) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake();
        let act = move |_: &mut TcpStream| {
            told.send(()).unwrap();
            gate.recv().unwrap();
        };
        Peer::new(wire).then(act).until(8);
    });
    let url = server.url("/");
    let mut child = wirecat(["--no-compress", "--on-eof", "close", &url]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    thread::spawn(move || stdin.write_all(&line(&payload(64 * MIB))));
    peak.recv().unwrap();
    let memory = peak_memory(&child);
    go_on.send(()).unwrap();
    output(child).exits(0);
    server.result();
    assert!(memory < 96 * MIB, "{} KiB", memory / 1024);
}

#[test]
fn one_byte_frames_are_traced_as_they_are_sent() {
    const LEN: usize = 256 * 1024;
    let server = raw(|mut wire| {
        wire.handshake();
        let mut bytes = vec![0; MIB];
        // Each frame of a byte takes seven.
        let mut left = LEN * 7;
        while left > 0 {
            left -= wire.0.read(&mut bytes[..left.min(MIB)]).unwrap();
        }
        let close = wire.frame().unwrap();
        wire.send(frame_of(0x88, &close.payload));
    });
    let url = server.url("/");
    let arguments = ["-vv", "--fragment", "1", "--no-compress"];
    let mut child = wirecat(arguments.into_iter().chain(["--on-eof", "close", &url])).spawn();
    let mut stdin = child.stdin.take().unwrap();
    thread::spawn(move || stdin.write_all(&line(&payload(LEN))));
    let mut stderr = child.stderr.take().unwrap();
    let (mut lines, mut peak) = (0, 0);
    let mut bytes = vec![0; 256 * 1024];
    while let Ok(read @ 1..) = stderr.read(&mut bytes) {
        lines += bytes[..read].iter().filter(|&&byte| byte == b'\n').count();
        peak = peak.max(peak_memory(&child));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    server.result();
    assert!(lines > LEN, "{lines}");
    assert!(peak < 32 * MIB, "{} KiB", peak / 1024);
}

#[test]
fn redacted_payload_stays_redacted_over_fragments() {
    for compress in [&["--no-compress"][..], &[]] {
        let server = serve();
        let url = server.url("/echo");
        let secret = "s3cr3t-t0ken".repeat(500);
        let options = [
            "-vvv",
            "--token",
            &secret,
            "--token-via",
            "message",
            "--fragment",
            "700",
            "--count",
            "2",
            &url,
        ];
        let output: Output = wirecat(compress.iter().copied().chain(options))
            .stdin("harmless\n")
            .run();
        let sent: Vec<&str> = output
            .stderr
            .split("> frame")
            .map(|block| block.split("< frame").next().unwrap_or_default())
            .filter(|block| block.contains("(text)") || block.contains("(continuation)"))
            .collect();
        let hidden = sent
            .iter()
            .filter(|block| !block.contains("00000000  "))
            .count();
        assert!(!output.stderr.contains("s3cr"), "{}", output.stderr);
        assert!(hidden < sent.len(), "the second message is shown");
    }
}

/// A client of `server` that has asked for an echo of `payload`, which it does not read yet.
fn echoing(server: &Serve, path: &str, payload: &[u8]) -> (Peer, TcpStream) {
    let stream = TcpStream::connect(server.address).unwrap();
    let mut wire = Wire::new(stream);
    wire.send(format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    let head = wire.request();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let mut sending = wire.0.try_clone().unwrap();
    sending.write_all(&masked(0x82, payload)).unwrap();
    (Peer::new(wire), sending)
}

/// A frame of a client, whose key masks nothing.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_of(first, payload);
    let header = frame.len() - payload.len();
    frame[1] |= 0x80;
    frame.splice(header..header, [0; 4]);
    frame
}

#[test]
fn the_server_answers_pings_while_it_echoes_a_large_message() {
    let payload = payload(24_000_000);
    for path in ["/echo", "/echo?delay=1ms", "/close/1000?after=1"] {
        let server = serve();
        let (peer, _sending) = echoing(&server, path, &payload);
        let mut peer = peer.then_send(masked(0x89, b"still there?"));
        let mut frames = Vec::new();
        while frames
            .last()
            .is_none_or(|frame: &Seen| !frame.fin || frame.opcode == 10)
        {
            frames.push(peer.frame().unwrap());
        }
        let (whole, end) = message(&frames);
        assert!(whole == payload, "{path}");
        passed(place_of(10, &frames), end);
    }
}

#[test]
fn the_server_answers_a_close_in_the_middle_of_an_echo() {
    let payload = payload(24_000_000);
    let server = serve();
    let (peer, _sending) = echoing(&server, "/echo", &payload);
    let frames = peer.then_send(masked(0x88, b"\x03\xe8")).until(8);
    passed(place_of(8, &frames), payload.len());
    assert!(frames.iter().all(|frame| !frame.fin || frame.opcode == 8));
}

#[test]
fn a_stopping_server_closes_in_the_middle_of_an_echo() {
    let payload = payload(24_000_000);
    let mut server = serve();
    let (peer, _sending) = echoing(&server, "/echo", &payload);
    // At once: in another thread it might be too late.
    let stop = server.stopper();
    let mut peer = peer.then(move |_| drop(stop));
    let frames = peer.until(8);
    assert!(frames.last().unwrap().payload.starts_with(b"\x03\xe9"));
    assert!(place_of(8, &frames) < payload.len());
}

#[test]
fn messages_that_follow_a_large_one_are_echoed_after_it() {
    let payload = payload(5_000_000);
    let server = serve();
    let (mut peer, mut sending) = echoing(&server, "/echo", &payload);
    let large = masked(0x82, &payload);
    // In a thread: an echo that nobody reads stops reading, and then there is no room for these.
    let sender = thread::spawn(move || {
        sending.write_all(&masked(0x81, b"second")).unwrap();
        sending.write_all(&large).unwrap();
        sending.write_all(&masked(0x81, b"fourth")).unwrap();
    });
    let mut messages = Vec::new();
    for _ in 0..4 {
        let mut frames = Vec::new();
        while frames.last().is_none_or(|frame: &Seen| !frame.fin) {
            frames.push(peer.frame().unwrap());
        }
        messages.push(message(&frames).0);
    }
    sender.join().unwrap();
    assert!(messages == [&payload[..], b"second", &payload[..], b"fourth"]);
}
