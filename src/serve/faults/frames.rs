//! The bytes of the faults: frames that no WebSocket library would write, and what is compressed in
//! them. Pure.

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

use crate::wire::frame::{BINARY, CLOSE, CONTINUATION, MAX_CONTROL, Masking, RSV1, RawFrame, TEXT};

pub(super) const RSV2: u8 = 2;
pub(super) const RSV3: u8 = 1;

/// Bytes, and how many times in a row to send them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub times: u32,
}

pub(super) const BAD_UTF8: &[u8] = b"bad: \xff";

/// DEFLATE has three kinds of block; these bits begin a fourth (RFC 1951 §3.2.3).
pub(super) const NO_BLOCK: &[u8] = &[0xff; 8];

pub(super) const TOO_LONG: usize = MAX_CONTROL as usize + 1;

/// The key of the examples in RFC 6455 §5.7.
pub(super) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(super) fn frame(fin: bool, opcode: u8, payload: impl Into<Bytes>) -> RawFrame {
    RawFrame {
        fin,
        rsv: 0,
        opcode,
        masking: Masking::None,
        len: None,
        form: None,
        payload: payload.into(),
    }
}

pub(super) fn text(payload: impl Into<Bytes>) -> RawFrame {
    frame(true, TEXT, payload)
}

pub(super) fn first(payload: impl Into<Bytes>) -> RawFrame {
    frame(false, TEXT, payload)
}

pub(super) fn last(payload: impl Into<Bytes>) -> RawFrame {
    frame(true, CONTINUATION, payload)
}

pub(super) fn close(code: u16, reason: &[u8]) -> RawFrame {
    frame(true, CLOSE, [&code.to_be_bytes(), reason].concat())
}

pub(super) fn once<const N: usize>(frames: [RawFrame; N]) -> Vec<Piece> {
    let mut bytes = Vec::new();
    for frame in frames {
        // No frame here wants a random mask.
        frame.write([0; 4], &mut bytes);
    }
    vec![Piece { bytes, times: 1 }]
}

fn repeated(times: u32, frame: RawFrame) -> Vec<Piece> {
    let mut pieces = once([frame]);
    pieces[0].times = times;
    pieces
}

pub(super) fn deflate_continuation() -> Vec<Piece> {
    let message = deflate_message(b"RSV1 was set on both fragments");
    let (head, tail) = message.split_at(message.len() / 2);
    once([
        RawFrame {
            rsv: RSV1,
            ..first(head.to_vec())
        },
        RawFrame {
            rsv: RSV1,
            ..last(tail.to_vec())
        },
    ])
}

/// What one chunk of the bomb inflates to.
pub(super) const CHUNK: usize = 256 << 10;
pub(super) const CHUNKS_PER_FRAGMENT: usize = 64;
const FRAGMENTS: u32 = 256;

/// The same chunk of zeros over and over: it ends on a byte boundary and refers to nothing before
/// itself, so it inflates wherever it stands, and only one has to be made and kept.
pub(super) fn bomb() -> Vec<Piece> {
    let fragment = deflate(&vec![0; CHUNK]).repeat(CHUNKS_PER_FRAGMENT);
    let end = without_tail(&fragment).to_vec();
    let begin = RawFrame {
        rsv: RSV1,
        ..frame(false, BINARY, fragment.clone())
    };
    [
        once([begin]),
        repeated(FRAGMENTS - 2, frame(false, CONTINUATION, fragment)),
        once([last(end)]),
    ]
    .concat()
}

/// The payload of a compressed message (RFC 7692 §7.2.1).
pub(super) fn deflate_message(plain: &[u8]) -> Vec<u8> {
    without_tail(&deflate(plain)).to_vec()
}

/// What a sync flush ends with, and the receiver puts back (RFC 7692 §7.2.1).
pub(super) const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

fn without_tail(deflated: &[u8]) -> &[u8] {
    deflated.strip_suffix(TAIL).unwrap_or(deflated)
}

/// With the smallest window that zlib has, for it is in every window that can be agreed.
const WINDOW_BITS: u8 = 9;

/// Compresses by itself, up to and with a sync flush.
fn deflate(plain: &[u8]) -> Vec<u8> {
    // More than DEFLATE ever adds to inputs as short as ours.
    let mut out = Vec::with_capacity(plain.len() + 64);
    // DEFLATE takes any bytes, and the tests inflate what came of ours.
    let _ = Compress::new_with_window_bits(Compression::default(), false, WINDOW_BITS)
        .compress_vec(plain, &mut out, FlushCompress::Sync);
    out
}
