//! The client on the wire: what it makes of every violation, its fragments, masks and pongs, and
//! frames made by hand.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use wirecat::internals::serve::faults::{Deflate, FAULTS, Fault};

use crate::support::pty::Pty;
use crate::support::server::{Frame, Wire, close, frame_of, raw, serve, text};
use crate::support::{Output, output, peak_memory, wait, wirecat};

const MIB: usize = 1 << 20;

/// The header lines of an answer that agrees to compression or does not.
fn extension(deflate: bool) -> &'static str {
    match deflate {
        true => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        false => "",
    }
}

/// Reads to the end of the stream.
fn all_frames(wire: &mut Wire) -> Vec<Frame> {
    std::iter::from_fn(|| wire.frame()).collect()
}

fn closes(frames: &[Frame]) -> Vec<Option<u16>> {
    let closes = frames.iter().filter(|frame| frame.opcode == 8);
    closes.map(Frame::close_code).collect()
}

/// Sends a fault, with compression agreed on if `deflate`; what the client answers.
fn suffer(fault: &'static Fault, deflate: bool) -> (Output, Vec<Frame>) {
    let server = raw(move |mut wire| {
        let extension = extension(deflate);
        wire.handshake_with(extension, b"");
        for piece in fault.pieces() {
            for _ in 0..piece.times {
                wire.send(&piece.bytes);
            }
        }
        if fault.ends {
            wire.0.shutdown(std::net::Shutdown::Write).unwrap();
        }
        all_frames(&mut wire)
    });
    let url = server.url("/");
    let output = wirecat(["--max-message-size", "1MiB", "--on-eof", "stay", &url]).run();
    (output, server.result())
}

#[test]
fn every_fault_is_reported_and_answered_with_one_close() {
    for fault in FAULTS {
        for deflate in [false, true] {
            let fits = match fault.deflate {
                Deflate::Needed => deflate,
                Deflate::Forbidden => !deflate,
                Deflate::Either => true,
            };
            if !fits {
                continue;
            }
            let (output, frames) = suffer(fault, deflate);
            let name = fault.name;
            // What is valid comes first, and nothing of what is not.
            assert_eq!(output.stdout_text(), "before\n", "{name} {deflate}");
            let (exit, expected) = match fault.code {
                1000 => (0, vec![Some(1000)]),
                1006 => (56, vec![]),
                code => (110, vec![Some(code)]),
            };
            assert_eq!(output.code(), exit, "{name} {deflate}: {}", output.stderr);
            assert_eq!(
                closes(&frames),
                expected,
                "{name} {deflate}: {}",
                output.stderr
            );
            assert!(frames.iter().all(|frame| frame.masked), "{name}");
            if exit == 110 {
                let closed = format!("closed by us: {}", fault.code);
                output.complains(&[&closed, "\n  frame: FIN=", "\n  bytes: "]);
                let section = fault
                    .rule
                    .split_once("section ")
                    .map(|(_, section)| section);
                if let Some(section) = section.filter(|_| fault.code != 1009) {
                    let section = section.split([' ', ':', ')']).next().unwrap();
                    output.complains(&[&format!("section {section}")]);
                }
            }
        }
    }
}

/// Runs against a server that sends `bytes`; the most memory the client has had when its Close came.
fn memory_at_close(
    headers: &'static str,
    pieces: Vec<(Vec<u8>, usize)>,
    limit: &str,
) -> (usize, Output) {
    let (told, closed) = std::sync::mpsc::channel();
    let (measured, go_on) = std::sync::mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake_with(headers, b"");
        let mut reader = Wire::new(wire.0.try_clone().unwrap());
        let reading = std::thread::spawn(move || {
            told.send(reader.until_close()).unwrap();
        });
        for (bytes, times) in pieces {
            for _ in 0..times {
                wire.send(&bytes);
            }
        }
        reading.join().unwrap();
        let _ = go_on.recv();
    });
    let url = server.url("/");
    let child = wirecat(["--max-message-size", limit, "--on-eof", "stay", &url]).spawn();
    let close = closed.recv_timeout(crate::support::PATIENCE).unwrap();
    let peak = peak_memory(&child);
    drop(measured);
    assert_eq!(close.unwrap().close_code(), Some(1009));
    let output = output(child);
    server.result();
    (peak, output)
}

#[test]
fn a_bomb_costs_less_than_twice_the_limit() {
    let bomb = FAULTS.iter().find(|fault| fault.name == "bomb").unwrap();
    for (limit, bytes) in [("64MiB", 64 * MIB), ("32MiB", 32 * MIB)] {
        let pieces = bomb.pieces().into_iter();
        let pieces = pieces.map(|piece| (piece.bytes.to_vec(), piece.times as usize));
        let (peak, output) = memory_at_close(extension(true), pieces.collect(), limit);
        output.exits(110).prints("before\n").complains(&[
            "after inflation",
            "--max-message-size",
            "closed by us: 1009",
        ]);
        assert!(
            peak > 0 && peak < 2 * bytes,
            "{peak} bytes for a limit of {bytes}"
        );
    }
}

#[test]
fn a_declared_gigabyte_costs_no_memory() {
    for (first, headers) in [
        (0x82, ""),
        (0xc2, "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    ] {
        let announced = [&[first, 0x7f][..], &(1u64 << 30).to_be_bytes()].concat();
        let (peak, output) = memory_at_close(headers, vec![(announced, 1)], "64MiB");
        output.exits(110).complains(&["at least 1073741824 bytes"]);
        assert!(peak > 0 && peak < 32 * MIB, "{peak}");
    }
}

#[test]
fn many_tiny_fragments_are_one_message_in_bounded_memory() {
    // Autobahn's are 64 bytes; these are one and none.
    let server = raw(|mut wire| {
        let mut fragments = frame_of(0x01, b"a");
        fragments.extend(frame_of(0x00, b"b").repeat(300_000));
        fragments.extend(frame_of(0x00, b"").repeat(300_000));
        fragments.extend(frame_of(0x80, b"c"));
        wire.handshake();
        wire.send(fragments);
        wire.close(1000, "")
    });
    let expected = "a".to_owned() + &"b".repeat(300_000) + "c\n";
    let output = wirecat([&server.url("/")]).run();
    output.exits(0);
    assert!(output.stdout == expected.as_bytes());
}

#[test]
fn a_truncated_message_is_reported() {
    for (bytes, within) in [
        (&b"\x81"[..], " within a frame"),
        (b"\x81\x05he", " within a frame"),
        (b"\x01\x02he", " within a message"),
        (b"\x81\x02he", ""),
    ] {
        let server = raw(move |mut wire| {
            wire.handshake_with("", bytes);
            wire.0.shutdown(std::net::Shutdown::Write).unwrap();
            all_frames(&mut wire)
        });
        let output = wirecat(["--on-eof", "stay", &server.url("/")]).run();
        let why = format!("the server ended the TCP connection{within}\n");
        output.exits(56).complains(&[&why]);
    }
}

#[test]
fn fragments_have_their_own_masking_keys() {
    for compress in [false, true] {
        let extension = extension(compress);
        let server = raw(move |mut wire| {
            wire.handshake_with(extension, b"");
            let mut frames = Vec::new();
            while let Some(frame) = wire.frame() {
                frames.push(frame);
                if frames.last().unwrap().opcode == 8 {
                    wire.send(close(1000, ""));
                }
            }
            frames
        });
        let message: String = (0..100).map(|n| format!("{n} ")).collect();
        let url = server.url("/");
        wirecat(["--fragment", "10", "--on-eof", "close", &url])
            .stdin(format!("{message}\n\n"))
            .run()
            .exits(0);
        let mut frames = server.result();
        assert_eq!(frames.pop().unwrap().opcode, 8);
        let empty = frames.pop().unwrap();
        assert_eq!((empty.fin, empty.opcode), (true, 1));
        assert_eq!(empty.payload, if compress { &b"\0"[..] } else { b"" });
        let last = frames.len() - 1;
        assert!(last > 5, "{frames:?}");
        for (n, frame) in frames.iter().enumerate() {
            assert_eq!(frame.opcode, if n == 0 { 1 } else { 0 });
            assert_eq!(frame.fin, n == last);
            assert_eq!(frame.rsv, if n == 0 && compress { 4 } else { 0 });
            assert!(frame.masked && (frame.payload.len() == 10 || n == last));
        }
        let keys: HashSet<[u8; 4]> = frames.iter().map(|frame| frame.key).collect();
        assert!(keys.len() > frames.len() / 2, "{keys:?}");
        if !compress {
            let whole: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
            assert_eq!(whole, message.as_bytes());
        }
    }
}

#[test]
fn no_auto_pong_leaves_pings_unanswered() {
    for compress in [false, true] {
        let extension = extension(compress);
        let server = raw(move |mut wire| {
            wire.handshake_with(extension, b"");
            wire.send(frame_of(0x89, b"one"));
            wire.send(frame_of(0x8a, b"two"));
            wire.send(text("three"));
            wire.send(close(1000, ""));
            all_frames(&mut wire)
        });
        let url = server.url("/");
        let output = wirecat(["--no-auto-pong", "--show-ping-pong", &url]).run();
        output.exits(0).prints("three\n");
        assert_eq!(output.stderr, "< ping \"one\"\n< pong \"two\"\n");
        let frames = server.result();
        assert_eq!(frames.len(), 1, "{frames:?}");
    }
}

#[test]
fn mirror_echoes_everything_before_it_closes() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(
            [
                text("one"),
                frame_of(0x82, b"\0\xff"),
                text(""),
                close(1000, ""),
            ]
            .concat(),
        );
        all_frames(&mut wire)
    });
    let url = server.url("/");
    let output = wirecat(["--mirror", &url]).stdin("not read\n").run();
    output.exits(0);
    let frames = server.result().into_iter();
    let frames: Vec<(u8, Vec<u8>)> = frames.map(|frame| (frame.opcode, frame.payload)).collect();
    let expected: [(u8, &[u8]); 4] = [(1, b"one"), (2, b"\0\xff"), (1, b""), (8, b"\x03\xe8")];
    assert_eq!(
        frames,
        expected.map(|(opcode, payload)| (opcode, payload.to_vec()))
    );
}

#[test]
fn mirror_does_not_pile_up_unread_echoes() {
    let (told, stalled) = std::sync::mpsc::channel();
    let (measured, go_on) = std::sync::mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        use std::io::Write;
        wire.handshake();
        wire.0
            .set_write_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        let block = frame_of(0x82, &[7; 64 << 10]);
        let mut taken = 0;
        while taken < 256 * MIB && wire.0.write_all(&block).is_ok() {
            taken += block.len();
        }
        told.send(taken).unwrap();
        let _ = go_on.recv();
    });
    let url = server.url("/");
    let mut child = wirecat(["--mirror", "-o", "/dev/null", &url]).spawn();
    let taken = stalled.recv().unwrap();
    let peak = peak_memory(&child);
    drop(measured);
    server.result();
    wait(&mut child);
    assert!(taken < 64 * MIB, "{taken}");
    assert!(peak > 0 && peak < 32 * MIB, "{peak}");
}

/// The frames that the server gets of these events; it answers nothing.
fn by_hand(events: &str) -> Vec<Frame> {
    let server = raw(|mut wire| {
        wire.handshake();
        all_frames(&mut wire)
    });
    let url = server.url("/");
    let output = wirecat([
        "--frame",
        "events",
        "--on-eof",
        "close",
        "--close-timeout",
        "100ms",
        &url,
    ])
    .stdin(events)
    .run();
    assert!(matches!(output.code(), 28 | 0), "{output:?}");
    server.result()
}

#[test]
fn raw_frames_are_sent_unchanged_and_in_order() {
    let frames = by_hand(
        r#"{"type":"send","data":"first"}
{"type":"frame","fin":false,"rsv":3,"opcode":3,"mask":false,"data":"bare"}
{"type":"frame","opcode":"ping","mask":"01020304","data":"key"}
{"type":"frame","opcode":"text","fin":false,"data":"he"}
{"type":"ping","data":"between"}
{"type":"frame","opcode":"continuation","length_bits":64,"data":"llo"}
{"type":"send","data":"last"}"#,
    );
    let seen: Vec<_> = frames
        .iter()
        .map(|frame| {
            let payload = String::from_utf8_lossy(&frame.payload).into_owned();
            (frame.fin, frame.rsv, frame.opcode, frame.masked, payload)
        })
        .collect();
    let expected = [
        (true, 0, 1, true, "first"),
        (false, 3, 3, false, "bare"),
        (true, 0, 9, true, "key"),
        (false, 0, 1, true, "he"),
        (true, 0, 9, true, "between"),
        (true, 0, 0, true, "llo"),
        (true, 0, 1, true, "last"),
        (true, 0, 8, true, "\u{3}\u{fffd}"),
    ];
    assert_eq!(
        seen,
        expected.map(|(fin, rsv, opcode, masked, payload)| (
            fin,
            rsv,
            opcode,
            masked,
            payload.to_owned()
        ))
    );
    assert_eq!(frames[2].key, [1, 2, 3, 4]);
}

#[test]
fn a_length_may_be_false_and_frames_may_follow_a_close() {
    let server = raw(|mut wire| {
        wire.handshake();
        // The declared length takes what follows in, as a server would.
        let lying = wire.frame().unwrap();
        let close = wire.frame().unwrap();
        let after = wire.frame().unwrap();
        wire.send(super::support::server::close(1002, ""));
        (lying, close, after, all_frames(&mut wire))
    });
    let url = server.url("/");
    let output = wirecat(["--frame", "events", "--on-eof", "stay", &url])
        .stdin(concat!(
            r#"{"type":"frame","mask":false,"length":6,"data":"abc"}"#,
            "\n",
            r#"{"type":"frame","opcode":1,"mask":false,"data":"x"}"#,
            "\n",
            r#"{"type":"frame","opcode":"close","code":1005}"#,
            "\n",
            r#"{"type":"send","data":"after"}"#,
            "\n"
        ))
        .run();
    output.exits(111);
    let (lying, close, after, rest) = server.result();
    assert_eq!(lying.payload, b"abc\x81\x01x");
    assert_eq!(close.close_code(), Some(1005));
    assert_eq!(after.payload, b"after");
    // The Close by hand was ours: the server's is not answered by another.
    assert_eq!(rest, []);
}

#[test]
fn an_end_after_a_raw_close_is_not_a_loss() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.frame()
    });
    let url = server.url("/");
    let output = wirecat(["--frame", "events", "--on-eof", "stay", &url])
        .stdin(r#"{"type":"frame","opcode":"close","code":1000}"#)
        .run();
    output.exits(0).is_quiet();
}

#[test]
fn a_raw_frame_is_an_event() {
    let server = serve();
    let frame = r#"{"type":"frame","opcode":1,"rsv1":true,"mask":"37fa213d","encoding":"hex","data":"f248cdc9c90700"}"#;
    let output = wirecat(["--frame", "events", "--json", "-1", &server.url("/echo")])
        .stdin(format!("{frame}\n"))
        .run();
    output.exits(0);
    let stdout = output.stdout_text();
    assert!(
        stdout.contains(r#""type":"receive""#) && stdout.contains(r#""data":"Hello""#),
        "{stdout}"
    );
    let told = stdout
        .lines()
        .find(|line| line.contains(r#""type":"frame""#))
        .unwrap();
    for word in [
        r#""fin":true"#,
        r#""rsv":4"#,
        r#""opcode":1"#,
        r#""mask":"37fa213d""#,
        r#""encoding":"base64""#,
    ] {
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn frames_are_made_at_the_prompt() {
    let server = serve();
    let mut pty = Pty::start(&["--no-compress", &server.url("/echo")]);
    pty.expect("open> ");
    pty.type_keys("/frame fin=0 text hel\r/frame continuation lo\r");
    pty.expect("< hello");
    pty.type_keys("/frame rsv2 text x\r");
    pty.expect("closed by server: 1002 (protocol error) \"RSV2 set");
    let (status, _) = pty.end();
    assert_eq!(status.code(), Some(111));
}

#[test]
fn the_statistics_show_the_ratio_in_both_directions() {
    let server = serve();
    let line = "abcdefgh".repeat(100) + "\n";
    let output = wirecat(["--stats", "--count", "5", &server.url("/echo")])
        .stdin(line.repeat(5))
        .run();
    output
        .exits(0)
        .complains(&["wire sent", "wire rcvd", "compressed from 4000, ratio 0.0"]);
}

#[test]
fn a_violation_after_our_close_is_reported_at_once_without_another_close() {
    let server = raw(|mut wire| {
        wire.handshake();
        let close = wire.until_close().unwrap();
        let answered = Instant::now();
        wire.send(frame_of(0x83, b"x"));
        let rest = all_frames(&mut wire);
        (close.close_code(), rest, answered.elapsed())
    });
    let url = server.url("/");
    let output = wirecat(["--on-eof", "close", "--json", &url]).run();
    output.exits(110).complains(&["closed by us: 1000"]);
    let close = r#""by":"us","code":1000,"reason":"","clean":false"#;
    assert!(output.stdout_text().contains(close), "{output:?}");
    let (close, rest, took) = server.result();
    assert_eq!((close, rest), (Some(1000), vec![]));
    assert!(took < Duration::from_millis(800), "{took:?}");
}

#[test]
fn nothing_automatic_follows_a_raw_close() {
    for options in [&[][..], &["--no-compress"]] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.send(frame_of(0x89, b"before"));
            let mut frames = vec![wire.frame().unwrap()];
            frames.extend(wire.frame());
            wire.send([frame_of(0x89, b"after"), frame_of(0x83, b"")].concat());
            frames.extend(all_frames(&mut wire));
            frames
        });
        let url = server.url("/");
        let options = options.iter().copied().chain([
            "--frame",
            "events",
            "--on-eof",
            "stay",
            "--show-ping-pong",
        ]);
        let mut child = wirecat(options.chain([&*url])).spawn();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let close = r#"{"type":"frame","opcode":"close","code":1000}"#;
        std::io::Write::write_all(&mut stdin, close.as_bytes()).unwrap();
        drop(stdin);
        let output = output(child);
        output
            .exits(110)
            .complains(&["< ping \"after\"", "closed by us: 1000"]);
        assert!(!output.stderr.contains("> pong \"after\""), "{output:?}");
        let frames: Vec<u8> = server.result().iter().map(|frame| frame.opcode).collect();
        assert_eq!(frames, [10, 8]);
    }
}

#[test]
fn a_message_of_the_largest_size_may_take_more_on_the_wire() {
    let message: Vec<u8> = (0..1000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    // One stored block, as it is.
    let compressed = [b"\x00\xe8\x03\x17\xfc", &message[..], b"\x00"].concat();
    let server = raw(move |mut wire| {
        wire.handshake_with(extension(true), b"");
        wire.send(frame_of(0xc2, &compressed));
        wire.close(1000, "");
    });
    let url = server.url("/");
    let output = wirecat(["--max-message-size", "1000", &url]).run();
    output.exits(0);
    assert!(output.stdout == message);
}

#[test]
fn a_truncated_compressed_message_is_not_delivered() {
    let server = raw(|mut wire| {
        wire.handshake_with(extension(true), b"");
        // The first bytes of "Hello" (RFC 7692 section 7.2.3.1).
        wire.send(frame_of(0xc1, b"\xf2\x48\xcd"));
        closes(&all_frames(&mut wire))
    });
    let url = server.url("/");
    let output = wirecat(["--on-eof", "stay", &url]).run();
    output
        .exits(110)
        .prints("")
        .complains(&["compressed data that does not inflate"]);
    assert_eq!(server.result(), [Some(1007)]);
}

#[test]
fn a_secret_is_redacted_in_the_bytes_of_a_violating_frame() {
    const TOKEN: &str = "S3CRET-0123456789-0123456789-0123456789";
    for option in ["--show-ping-pong", "--json"] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.send(frame_of(0x89, &[b"\xff", TOKEN.as_bytes()].concat()));
            wire.send(frame_of(0x80, TOKEN.as_bytes()));
            all_frames(&mut wire)
        });
        let url = server.url("/");
        let output = wirecat(["--token", TOKEN, option, "--on-eof", "stay", &url]).run();
        output.exits(110).complains(&["bytes: 80 27 [redacted]"]);
        let told = output.stdout_text() + &output.stderr;
        for beginning in ["53 33 43 52 45 54", "533343524554", "S3CRET"] {
            assert!(!told.contains(beginning), "{told}");
        }
        server.result();
    }
}
