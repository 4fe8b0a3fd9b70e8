//! Whole messages in both directions: what one side's engine writes, the other's reads, wherever
//! the stream is cut.

use bytes::Bytes;
use proptest::prelude::*;

use crate::close::Close;
use crate::wire::extension::Agreed;
use crate::wire::fragments::{Fragmentation, Fragments};
use crate::wire::frame::{BINARY, CONTINUATION, FrameHeader, PING, PONG, TEXT};
use crate::wire::inbound::Inbound;
use crate::wire::mask;
use crate::wire::outbound::Outbound;
use crate::wire::reader::{FrameReader, Piece};
use crate::wire::shim::Options;
use crate::wire::validate::{Role, Violation};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An opcode and a payload: a data message or a control frame.
type Sent = (u8, Vec<u8>);

fn agreed(takeover: bool, bits: u8) -> Agreed {
    Agreed {
        server_no_context_takeover: !takeover,
        client_no_context_takeover: !takeover,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    }
}

fn options(role: Role, deflate: Option<Agreed>, fragmentation: Fragmentation) -> Options {
    Options {
        deflate,
        fragmentation,
        ..Options::plain(role, 1 << 20)
    }
}

/// What an engine in `role` writes for these whole messages.
fn engine(role: Role, sent: &[Sent]) -> Vec<u8> {
    let whole = options(role, None, Fragmentation::Never);
    engine_of(&whole, sent, &mut std::iter::empty())
}

/// What an engine writes for these messages in fragments. Each fragment is followed by a control
/// frame, as long as there are any.
fn engine_of(
    options: &Options,
    sent: &[Sent],
    between: &mut impl Iterator<Item = Sent>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut write = |fin, opcode, payload: &[u8]| {
        let mask = (options.role == Role::Client).then_some(KEY);
        let header = FrameHeader {
            mask,
            ..FrameHeader::plain(fin, opcode, payload.len() as u64)
        };
        header.write(&mut out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = mask {
            mask::apply(key, 0, &mut out[start..]);
        }
    };
    for (opcode, payload) in sent {
        if FrameHeader::plain(true, *opcode, 0).is_control() {
            write(true, *opcode, payload);
            continue;
        }
        let payload = Bytes::from(payload.clone());
        let mut fragments = Fragments::new(*opcode, payload, options.parts());
        loop {
            let next = fragments.next_fragment();
            write(next.fin, next.opcode, &next.payload);
            if next.fin {
                break;
            }
            if let Some((opcode, payload)) = between.next() {
                write(true, opcode, &payload);
            }
        }
    }
    out
}

/// The messages and control frames in what an engine is given.
fn read(bytes: &[u8]) -> Vec<Sent> {
    let mut cutter = FrameReader::default();
    let mut done = Vec::new();
    let mut message: Option<Sent> = None;
    let mut frame = (FrameHeader::plain(true, 0, 0), Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, took) = cutter.next(rest);
        match piece {
            Some(Piece::Header(header)) => frame = (header, Vec::new()),
            Some(Piece::Payload(_)) => frame.1.extend_from_slice(&rest[..took]),
            None => {}
        }
        rest = &rest[took..];
        if piece.is_none() || cutter.left() > 0 {
            continue;
        }
        let (header, mut payload) = frame.clone();
        if let Some(key) = header.mask {
            mask::apply(key, 0, &mut payload);
        }
        match header.opcode {
            CONTINUATION => message.as_mut().expect("a message").1.append(&mut payload),
            TEXT | BINARY => message = Some((header.opcode, payload)),
            control => {
                done.push((control, payload));
                continue;
            }
        }
        if header.fin {
            done.extend(message.take());
        }
    }
    done
}

fn pieces<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    cuts.iter().copied().chain([usize::MAX]).map(move |cut| {
        let (piece, tail) = rest.split_at(cut.min(rest.len()));
        rest = tail;
        piece
    })
}

fn write(options: &Options, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut outbound = Outbound::new(options.outbound());
    let mut key = 0u32;
    let mut fresh = || {
        key = key.wrapping_add(0x9e37_79b9);
        key.to_be_bytes()
    };
    let mut wire = Vec::new();
    for piece in pieces(bytes, cuts) {
        outbound.handle_bytes(piece, &mut fresh, &mut wire);
    }
    wire
}

type Received = (Vec<Sent>, Option<Result<Close, Box<Violation>>>);

/// Through the buffers.
fn receive(options: &Options, wire: &[u8], cuts: &[usize]) -> Received {
    let mut inbound = Inbound::new(options.inbound());
    let mut engine = Vec::new();
    for mut piece in pieces(wire, cuts) {
        loop {
            let mut out = Vec::new();
            piece = &piece[inbound.handle_bytes(piece, &mut out)..];
            engine.append(&mut out);
            if inbound.closed() || (piece.is_empty() && !inbound.is_busy()) {
                break;
            }
        }
    }
    (read(&engine), inbound.take_close())
}

/// How much of the payload is shown with a violation depends on the cuts.
fn without_payload((messages, mut close): Received) -> Received {
    if let Some(Err(violation)) = &mut close {
        violation.frame.truncate(1);
    }
    (messages, close)
}

/// The boundaries of the frames.
fn watch(options: &Options, wire: &[u8], cuts: &[usize]) -> Received {
    let mut inbound = Inbound::new(options.inbound());
    let mut engine = Vec::new();
    for piece in pieces(wire, cuts) {
        let mut piece = piece.to_vec();
        let passed = inbound.handle_in_place(&mut piece);
        engine.extend_from_slice(&piece[..passed]);
    }
    (read(&engine), inbound.take_close())
}

/// What is received of these server frames, cut in every way.
#[track_caller]
fn everywhere(options: &Options, wire: &[u8]) -> Received {
    let whole = receive(options, wire, &[]);
    let same = |received| assert_eq!(without_payload(received), without_payload(whole.clone()));
    let bytes = vec![1; wire.len()];
    same(receive(options, wire, &bytes));
    if options.deflate.is_none() {
        same(watch(options, wire, &[]));
        same(watch(options, wire, &bytes));
    }
    whole
}

fn plain_client() -> Options {
    options(Role::Client, None, Fragmentation::Never)
}

fn deflating_client() -> Options {
    options(Role::Client, Some(agreed(true, 15)), Fragmentation::Never)
}

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

#[test]
fn hidden_pings_are_distinguished_from_pongs() {
    let wire = b"\x89\x01a\x8a\x01b\x89\x00";
    let hiding = Options {
        hide_pings: true,
        ..plain_client()
    };
    let expected = [
        (PONG, b"a".to_vec()),
        (PONG, b"b".to_vec()),
        (PONG, Vec::new()),
    ];
    assert_eq!(everywhere(&hiding, wire).0, expected);
    let mut inbound = Inbound::new(hiding.inbound());
    inbound.handle_in_place(&mut wire.to_vec());
    assert_eq!(
        [(); 3].map(|()| inbound.next_was_ping()),
        [true, false, true]
    );
}

fn control() -> impl Strategy<Value = Sent> {
    let payload = prop::collection::vec(any::<u8>(), 0..126);
    (prop_oneof![Just(PING), Just(PONG)], payload)
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let text = prop::collection::vec(any::<char>(), 0..200)
        .prop_map(|text| (TEXT, text.into_iter().collect::<String>().into_bytes()));
    let binary = prop::collection::vec(0u8..9, 0..3000).prop_map(|bytes| (BINARY, bytes));
    let large = (1usize..200_000).prop_map(|len| (BINARY, vec![7; len]));
    prop::collection::vec(
        prop_oneof![3 => text, 3 => binary, 1 => large, 2 => control()],
        0..8,
    )
}

fn fragmentation() -> impl Strategy<Value = Fragmentation> {
    prop_oneof![
        Just(Fragmentation::Large),
        Just(Fragmentation::Never),
        (1usize..2000).prop_map(Fragmentation::AtMost),
        (1usize..100_000).prop_map(Fragmentation::AtMost),
    ]
}

/// Data messages, and control frames, which may have changed places with them.
fn apart(messages: Vec<Sent>) -> (Vec<Sent>, Vec<Sent>) {
    let is_data = |(opcode, _): &Sent| [TEXT, BINARY].contains(opcode);
    messages.into_iter().partition(is_data)
}

/// The largest payload of a data frame, and the frames with RSV1 and without FIN.
fn survey(wire: &[u8]) -> (usize, usize, usize) {
    let (mut largest, mut compressed, mut unfinished) = (0, 0, 0);
    let mut cutter = FrameReader::default();
    let mut rest = wire;
    while !rest.is_empty() {
        let (piece, took) = cutter.next(rest);
        rest = &rest[took..];
        if let Some(Piece::Header(header)) = piece
            && !header.is_control()
        {
            largest = largest.max(header.len as usize);
            compressed += usize::from(header.rsv != 0);
            unfinished += usize::from(!header.fin);
        }
    }
    (largest, compressed, unfinished)
}

#[test]
fn a_large_compressed_message_is_sent_in_full_frames_as_it_is_compressed() {
    let mut state = 1u32;
    let noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let message: Vec<u8> = std::iter::repeat_with(noise).take(1 << 20).collect();
    let message = [&message[..], &[0; 5], &message[..]].concat();
    let deflate = Some(agreed(true, 15));
    let reader = Options {
        max_message_size: 4 << 20,
        ..options(Role::Client, deflate, Fragmentation::Never)
    };
    for (fragmentation, largest, unfinished) in [
        (Fragmentation::Large, 256 * 1024, 8),
        (Fragmentation::AtMost(1 << 20), 1 << 20, 2),
        (Fragmentation::Never, usize::MAX, 0),
    ] {
        let writer = options(Role::Server, deflate, fragmentation);
        let sent = [(BINARY, message.clone())];
        let ping = (PING, b"between".to_vec());
        let mut between = std::iter::once(ping.clone());
        let wire = write(&writer, &engine_of(&writer, &sent, &mut between), &[]);
        let found = survey(&wire);
        assert!(found.0 <= largest, "{fragmentation:?}: {found:?}");
        assert_eq!((found.1, found.2), (1, unfinished), "{fragmentation:?}");
        let expected = vec![ping, sent[0].clone()];
        assert!(receive(&reader, &wire, &[]) == (expected, None));
    }
}

proptest! {
    #[test]
    fn messages_survive_pieces_of_any_size(
        sent in sent(),
        between in prop::collection::vec(control(), 0..4),
        client_sends: bool,
        takeover: bool,
        bits in prop::option::of(9u8..=15),
        fragmentation in fragmentation(),
        level in 0u8..=9,
        cuts in prop::collection::vec(1usize..5000, 0..60),
        more_cuts in prop::collection::vec(prop_oneof![1usize..20, 1usize..5000], 0..60),
    ) {
        let (from, to) = if client_sends { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
        let deflate = bits.map(|bits| agreed(takeover, bits));
        let writer = Options { deflate_level: level, ..options(from, deflate, fragmentation) };
        let reader = options(to, deflate, Fragmentation::Never);
        let mut left = between.iter().cloned();
        let wire = write(&writer, &engine_of(&writer, &sent, &mut left), &cuts);
        let passed = between.len() - left.len();
        let (received, close) = receive(&reader, &wire, &more_cuts);
        prop_assert_eq!(close, None);
        let (data, controls) = apart(received);
        let (sent_data, mut sent_controls) = apart(sent);
        prop_assert_eq!(&data, &sent_data);
        sent_controls.extend(between[..passed].iter().cloned());
        let sorted = |mut frames: Vec<Sent>| { frames.sort(); frames };
        prop_assert_eq!(sorted(controls), sorted(sent_controls));
        let (largest, compressed, unfinished) = survey(&wire);
        prop_assert_eq!(compressed, if deflate.is_some() { sent_data.len() } else { 0 });
        match fragmentation {
            Fragmentation::AtMost(most) => prop_assert!(largest <= most),
            Fragmentation::Large | Fragmentation::Never => prop_assert_eq!(unfinished, 0),
        }
        if deflate.is_none() {
            prop_assert_eq!(apart(watch(&reader, &wire, &more_cuts).0).0, sent_data);
        }
    }

    #[test]
    fn frames_that_are_handed_over_are_received(
        sent in sent(),
        client_sends: bool,
        bits in prop::option::of(9u8..=15),
        fragmentation in fragmentation(),
    ) {
        let (from, to) = if client_sends { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
        let deflate = bits.map(|bits| agreed(true, bits));
        let writer = options(from, deflate, fragmentation);
        let mut outbound = Outbound::new(writer.outbound());
        let mut wire = Vec::new();
        for (opcode, payload) in &sent {
            if FrameHeader::plain(true, *opcode, 0).is_control() {
                let frame = engine(from, &[(*opcode, payload.clone())]);
                outbound.handle_bytes(&frame, &mut || KEY, &mut wire);
                continue;
            }
            let mut fragments = Fragments::new(*opcode, payload.clone().into(), writer.parts());
            loop {
                let next = fragments.next_fragment();
                outbound.handle_frame(&next, client_sends, &mut || KEY, &mut wire);
                if next.fin {
                    break;
                }
            }
        }
        let (largest, compressed, _) = survey(&wire);
        let data = apart(sent.clone()).0.len();
        prop_assert_eq!(compressed, if deflate.is_some() { data } else { 0 });
        if let Fragmentation::AtMost(most) = fragmentation {
            prop_assert!(largest <= most);
        }
        let reader = options(to, deflate, Fragmentation::Never);
        prop_assert_eq!(receive(&reader, &wire, &[]), (sent, None));
    }

    #[test]
    fn invalid_input_never_panics_and_both_paths_agree(
        bytes in prop::collection::vec(prop_oneof![Just(0x81u8), Just(0xc1), Just(0x89), Just(0), Just(0x88), Just(0x7e), any::<u8>()], 0..300),
        cuts in prop::collection::vec(1usize..50, 0..30),
    ) {
        let rewritten = without_payload(receive(&plain_client(), &bytes, &cuts));
        prop_assert_eq!(without_payload(watch(&plain_client(), &bytes, &cuts)), rewritten);
        receive(&deflating_client(), &bytes, &cuts);
    }
}
