//! The rules of the protocol: every violation has its code and its words, wherever the stream is cut.

use super::roundtrip::{deflating_client, engine, everywhere, options, plain_client, receive};
use crate::wire::fragments::Fragmentation;
use crate::wire::frame::{BINARY, FrameHeader, TEXT};
use crate::wire::inbound::Inbound;
use crate::wire::shim::Options;
use crate::wire::validate::Role;

/// The rule that these server frames break, after a valid message.
#[track_caller]
fn broken(options: &Options, frames: &[u8]) -> (u16, String) {
    let wire = [b"\x81\x02ok", frames].concat();
    let (messages, close) = everywhere(options, &wire);
    assert_eq!(messages[0], (TEXT, b"ok".to_vec()));
    assert!(messages.len() == 1, "{messages:?}");
    let violation = close.expect("an end").expect_err("a violation");
    (violation.code, violation.rule)
}

#[test]
fn every_rule_has_its_code_and_section() {
    for (frames, code, words) in [
        (&b"\x83\x00"[..], 1002, "opcode 3 (RFC 6455 section 5.2)"),
        (b"\x8b\x00", 1002, "opcode 11"),
        (b"\xc1\x00", 1002, "RSV1 set, with no extension"),
        (b"\xb1\x00", 1002, "RSV2 and RSV3 set"),
        (
            b"\x81\x80abcd",
            1002,
            "masked frame from a server (RFC 6455 section 5.1)",
        ),
        (
            b"\x09\x00",
            1002,
            "a fragmented ping frame (RFC 6455 section 5.5)",
        ),
        (b"\x08\x00", 1002, "a fragmented Close frame"),
        (
            b"\x89\x7e\x00\x7e",
            1002,
            "a ping frame of 126 bytes, where 125",
        ),
        (
            b"\x81\x7e\x00\x05hello",
            1002,
            "a length of 5 in 16 bits, which is not the shortest",
        ),
        (
            b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
            1002,
            "65535 in 64 bits",
        ),
        (
            b"\x82\x7f\xff\x00\x00\x00\x00\x00\x00\x00",
            1002,
            "top bit set",
        ),
        (
            b"\x80\x00",
            1002,
            "no message to continue (RFC 6455 section 5.4)",
        ),
        (
            b"\x01\x01a\x81\x01b",
            1002,
            "a text frame within a fragmented message",
        ),
        (
            b"\x82\x7f\x00\x00\x00\x00\x40\x00\x00\x00",
            1009,
            "a message of at least 1073741824 bytes",
        ),
        (
            b"\x81\x03a\xffb",
            1007,
            "not UTF-8 from byte 2 on (RFC 6455 section 8.1)",
        ),
        (
            b"\x01\x01\xe2\x00\x01\x82\x80\x01a",
            1007,
            "not UTF-8 from byte 1 on",
        ),
        (b"\x01\x01\xe2\x80\x00", 1007, "ends within a character"),
        (
            b"\x88\x01\x03",
            1002,
            "a body of one byte (RFC 6455 section 5.5.1)",
        ),
        (b"\x88\x02\x03\xed", 1002, "the code 1005"),
        (b"\x88\x03\x03\xe8\xff", 1007, "reason is not UTF-8"),
    ] {
        let (found, rule) = broken(&plain_client(), frames);
        assert_eq!(found, code, "{rule}");
        assert!(rule.contains(words), "{rule}");
    }
}

#[test]
fn compressed_frames_have_their_own_rules() {
    for (frames, code, words) in [
        (&b"\xa1\x00"[..], 1002, "RSV2 set, with no extension"),
        (
            b"\x01\x01a\xc0\x00",
            1002,
            "RSV1 set on a continuation frame",
        ),
        (b"\xc9\x00", 1002, "RSV1 set on a ping frame"),
        (b"\xc8\x00", 1002, "RSV1 set on a Close frame"),
        (
            b"\xc1\x04\xff\xff\xff\xff",
            1007,
            "does not inflate (RFC 7692",
        ),
        // A stored block with a byte that is invalid in text.
        (
            b"\xc1\x07\x00\x01\x00\xfe\xff\xff\x00",
            1007,
            "not UTF-8 from byte 1 on",
        ),
        // A reserved block type.
        (b"\x41\x01\x06\x80\x01\xff", 1007, "does not inflate"),
    ] {
        let (found, rule) = broken(&deflating_client(), frames);
        assert_eq!(found, code, "{rule}");
        assert!(rule.contains(words), "{rule}");
    }
}

#[test]
fn the_offending_frame_is_shown_unchanged() {
    let (_, close) = everywhere(&plain_client(), b"\x81\x7e\x00\x05hello");
    let violation = close.unwrap().unwrap_err();
    assert_eq!(
        violation.frame[0],
        "frame: FIN=1 RSV1=0 RSV2=0 RSV3=0 opcode=1 (text) MASK=0 length=5 (16 bit, not minimal)"
    );
    assert!(
        violation.frame[1].starts_with("bytes: 81 7e 00 05"),
        "{violation:?}"
    );
}

#[test]
fn a_server_requires_masks_and_validates_the_unmasked_payload() {
    let server = options(Role::Server, None, Fragmentation::Never);
    let text = |text: &[u8]| engine(Role::Client, &[(TEXT, text.to_vec())]);
    assert_eq!(
        everywhere(&server, &text(b"hello")).0,
        [(TEXT, b"hello".to_vec())]
    );
    let code = |wire: &[u8]| everywhere(&server, wire).1.unwrap().unwrap_err().code;
    assert_eq!(code(&text(b"\xff")), 1007);
    assert_eq!(code(b"\x81\x01x"), 1002);
}

#[test]
fn a_bomb_is_inflated_up_to_the_limit_only() {
    let mut deflater = crate::wire::deflate::Deflater::new(9, 15, true).unwrap();
    let mut body = Vec::new();
    for _ in 0..64 {
        deflater.push(&[0; 1 << 16], &mut body);
    }
    deflater.finish(&mut body);
    let mut wire = Vec::new();
    let header = FrameHeader {
        rsv: 4,
        ..FrameHeader::plain(true, BINARY, body.len() as u64)
    };
    header.write(&mut wire);
    wire.append(&mut body);
    let mut inbound = Inbound::new(deflating_client().inbound());
    let (mut rest, mut given) = (&wire[..], 0);
    while !inbound.closed() {
        let mut out = Vec::new();
        rest = &rest[inbound.handle_bytes(rest, &mut out)..];
        assert!(out.len() <= 2 << 16, "{}", out.len());
        given += out.len();
    }
    assert!(given <= (1 << 20) + 1000, "{given}");
    let violation = inbound.take_close().unwrap().unwrap_err();
    assert_eq!(violation.code, 1009);
    assert!(violation.rule.contains("after inflation"), "{violation:?}");
}

#[test]
fn the_first_violation_is_reported_wherever_the_stream_is_cut() {
    let mut long = Vec::new();
    let mut deflater = crate::wire::deflate::Deflater::new(9, 15, true).unwrap();
    deflater.push(&[b'a'; 100], &mut long);
    deflater.finish(&mut long);
    long.extend_from_slice(b"\x00\x00\xff\xff");
    let long = &long[..];
    // A stored block with a byte that is invalid in text, and a block of a reserved type.
    let (bad, garbage) = (&b"\x00\x01\x00\xfe\xff\xff"[..], &b"\xff"[..]);
    let small = Options {
        max_message_size: 50,
        ..deflating_client()
    };
    for (blocks, code, words) in [
        ([bad, long, garbage], 1007, "not UTF-8 from byte 1 on"),
        ([bad, garbage, long], 1007, "not UTF-8 from byte 1 on"),
        ([long, bad, garbage], 1009, "after inflation"),
        ([long, garbage, bad], 1009, "after inflation"),
        ([garbage, long, bad], 1007, "does not inflate"),
    ] {
        let body = blocks.concat();
        let wire = [&[0xc1, body.len() as u8], &body[..]].concat();
        for cuts in [vec![], vec![1; wire.len()]] {
            let violation = receive(&small, &wire, &cuts).1.unwrap().unwrap_err();
            assert_eq!(violation.code, code, "{violation:?}");
            assert!(violation.rule.contains(words), "{violation:?}");
        }
    }
}
