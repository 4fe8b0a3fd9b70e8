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
pub(super) type Sent = (u8, Vec<u8>);

fn agreed(takeover: bool, bits: u8) -> Agreed {
    Agreed {
        server_no_context_takeover: !takeover,
        client_no_context_takeover: !takeover,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    }
}

pub(super) fn options(
    role: Role,
    deflate: Option<Agreed>,
    fragmentation: Fragmentation,
) -> Options {
    Options {
        deflate,
        fragmentation,
        ..Options::plain(role, 1 << 20)
    }
}

/// What an engine in `role` writes for these whole messages.
pub(super) fn engine(role: Role, sent: &[Sent]) -> Vec<u8> {
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

pub(super) type Received = (Vec<Sent>, Option<Result<Close, Box<Violation>>>);

/// Through the buffers.
pub(super) fn receive(options: &Options, wire: &[u8], cuts: &[usize]) -> Received {
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
pub(super) fn everywhere(options: &Options, wire: &[u8]) -> Received {
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

pub(super) fn plain_client() -> Options {
    options(Role::Client, None, Fragmentation::Never)
}

pub(super) fn deflating_client() -> Options {
    options(Role::Client, Some(agreed(true, 15)), Fragmentation::Never)
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
