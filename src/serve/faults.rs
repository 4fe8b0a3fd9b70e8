//! The rooms that break the protocol: what each of them sends, which rule that breaks, and the Close
//! code with which a strict client answers. Pure: a table, and the bytes that it stands for.
//!
//! Each kind breaks one rule and no other. Apart from that its bytes are harmless, so a client that
//! lets it through shows a message that says so. First comes the text message `before`, without
//! exception: whatever was valid before the violation is the client's to deliver.

use std::fmt;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

use crate::wire::frame::{
    BINARY, CLOSE, CONTINUATION, LengthForm, MAX_CONTROL, Masking, PING, RSV1, RawFrame, TEXT,
};

/// The valid text message that every kind begins with.
pub const BEFORE: &str = "before";

const RSV2: u8 = 2;
const RSV3: u8 = 1;

/// Whether a fault goes with permessage-deflate (RFC 7692) on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deflate {
    /// It is the same violation with and without.
    Either,
    /// It does not exist without.
    Needed,
    /// It is none with: the server must not agree.
    Spoils,
}

/// One way to break the protocol.
#[derive(Debug)]
pub struct Fault {
    /// `KIND` in `/frames/KIND`.
    pub name: &'static str,
    /// The code of the Close that a strict client answers with. Where the TCP connection ends there
    /// is nobody to answer, and it is 1006, which a client reports and never sends (RFC 6455 §7.1.5).
    pub code: u16,
    /// What is sent after [`BEFORE`].
    pub sends: &'static str,
    /// The rule that this breaks, after its section.
    pub rule: &'static str,
    pub deflate: Deflate,
    /// Whether the TCP connection ends right after the bytes.
    pub ends: bool,
    make: fn() -> Vec<Piece>,
}

/// The name is the identity; there is one table.
impl PartialEq for Fault {
    fn eq(&self, other: &Fault) -> bool {
        self.name == other.name
    }
}

impl Eq for Fault {}

/// Bytes, to be sent so many times in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub times: u32,
}

impl Fault {
    const fn new(
        name: &'static str,
        code: u16,
        sends: &'static str,
        rule: &'static str,
        make: fn() -> Vec<Piece>,
    ) -> Fault {
        Fault {
            name,
            code,
            sends,
            rule,
            deflate: Deflate::Either,
            ends: false,
            make,
        }
    }

    const fn deflated(mut self) -> Fault {
        self.deflate = Deflate::Needed;
        self
    }

    const fn never_deflated(mut self) -> Fault {
        self.deflate = Deflate::Spoils;
        self
    }

    const fn ending(mut self) -> Fault {
        self.ends = true;
        self
    }

    /// All that goes over the wire after the handshake, in order.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = once([text(BEFORE)]);
        pieces.extend((self.make)());
        pieces
    }
}

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name)
}

/// The body of `GET /frames`: one line per kind.
pub fn listing() -> String {
    FAULTS.iter().map(|fault| format!("{fault}\n")).collect()
}

/// `rsv                  1002 a text frame with RSV2 set (RFC 6455 §5.2: …)`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} {} {}", self.name, self.code, self.sends)?;
        if self.deflate == Deflate::Needed {
            f.write_str(" [permessage-deflate]")?;
        }
        write!(f, " ({})", self.rule)
    }
}

/// The names alone, a few to the line.
pub fn names() -> String {
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    let lines: Vec<String> = names.chunks(6).map(|names| names.join(", ")).collect();
    lines.join(",\n") + "\n"
}

/// Every kind there is.
pub static FAULTS: &[Fault] = &[
    Fault::new(
        "rsv",
        1002,
        "a text frame with RSV2 set",
        "RFC 6455 §5.2: reserved bits are 0 unless an extension uses them",
        || {
            once([RawFrame {
                rsv: RSV2,
                ..text("RSV2 was set")
            }])
        },
    ),
    Fault::new(
        "rsv1",
        1002,
        "a text frame with RSV1 set, on a connection without compression",
        "RFC 6455 §5.2: reserved bits are 0 unless an extension uses them",
        || {
            once([RawFrame {
                rsv: RSV1,
                ..text("RSV1 was set")
            }])
        },
    )
    .never_deflated(),
    Fault::new(
        "rsv3",
        1002,
        "a text frame with RSV3 set",
        "RFC 6455 §5.2: reserved bits are 0 unless an extension uses them",
        || {
            once([RawFrame {
                rsv: RSV3,
                ..text("RSV3 was set")
            }])
        },
    ),
    Fault::new(
        "opcode",
        1002,
        "a frame with opcode 3",
        "RFC 6455 §5.2: an unknown opcode fails the connection",
        || once([frame(true, 3, "opcode 3")]),
    ),
    Fault::new(
        "control-opcode",
        1002,
        "a frame with opcode 11",
        "RFC 6455 §5.2: an unknown opcode fails the connection",
        || once([frame(true, 11, "opcode 11")]),
    ),
    Fault::new(
        "masked",
        1002,
        "a text frame that is masked",
        "RFC 6455 §5.1: a server does not mask",
        || {
            once([RawFrame {
                masking: Masking::Key(KEY),
                ..text("this was masked")
            }])
        },
    ),
    Fault::new(
        "utf8",
        1007,
        "a text message with the byte 0xff in it",
        "RFC 6455 §8.1: text is UTF-8",
        || once([text(BAD_UTF8)]),
    ),
    Fault::new(
        "utf8-fragment",
        1007,
        "a text message whose second fragment holds the byte 0xff",
        "RFC 6455 §8.1: text is UTF-8",
        || once([first("good, "), last(BAD_UTF8)]),
    ),
    Fault::new(
        "utf8-truncated",
        1007,
        "a text message that ends after the first byte of a character of two",
        "RFC 6455 §8.1: text is UTF-8",
        || once([text(&b"caf\xc3"[..])]),
    ),
    Fault::new(
        "utf8-close",
        1007,
        "a Close 1000 with the byte 0xff in its reason",
        "RFC 6455 §5.5.1: the reason of a Close is UTF-8",
        || once([close(1000, BAD_UTF8)]),
    ),
    Fault::new(
        "fragmented-ping",
        1002,
        "a ping without FIN",
        "RFC 6455 §5.5: control frames are not fragmented",
        || once([frame(false, PING, "fragment")]),
    ),
    Fault::new(
        "long-ping",
        1002,
        "a ping of 126 bytes",
        "RFC 6455 §5.5: control frames hold at most 125 bytes",
        || once([frame(true, PING, vec![b'x'; TOO_LONG])]),
    ),
    Fault::new(
        "close-1",
        1002,
        "a Close with a body of one byte",
        "RFC 6455 §5.5.1: the body of a Close begins with a code of two bytes",
        || once([frame(true, CLOSE, vec![3])]),
    ),
    Fault::new(
        "close-999",
        1002,
        "a Close 999",
        "RFC 6455 §7.4.2: codes below 1000 are not used",
        || once([close(999, b"")]),
    ),
    Fault::new(
        "close-1005",
        1002,
        "a Close 1005",
        "RFC 6455 §7.4.1: 1005 is never sent",
        || once([close(1005, b"")]),
    ),
    Fault::new(
        "close-1006",
        1002,
        "a Close 1006",
        "RFC 6455 §7.4.1: 1006 is never sent",
        || once([close(1006, b"")]),
    ),
    Fault::new(
        "close-long",
        1002,
        "a Close 1000 with a body of 126 bytes",
        "RFC 6455 §5.5: control frames hold at most 125 bytes",
        || once([close(1000, &[b'x'; TOO_LONG - 2])]),
    ),
    Fault::new(
        "fragmented-close",
        1002,
        "a Close 1000 without FIN",
        "RFC 6455 §5.5: control frames are not fragmented",
        || {
            once([RawFrame {
                fin: false,
                ..close(1000, b"")
            }])
        },
    ),
    Fault::new(
        "orphan-continuation",
        1002,
        "a continuation frame with nothing to continue",
        "RFC 6455 §5.4: a fragmented message begins with another opcode",
        || once([last("continues nothing")]),
    ),
    Fault::new(
        "interleaved",
        1002,
        "a text frame inside a fragmented message",
        "RFC 6455 §5.4: the fragments of two messages are not interleaved",
        || once([first("one, "), text("two")]),
    ),
    Fault::new(
        "length-16",
        1002,
        "a text frame of 5 bytes with a length of 16 bits",
        "RFC 6455 §5.2: a length takes the shortest form",
        || {
            once([RawFrame {
                form: Some(LengthForm::Bits16),
                ..text("hello")
            }])
        },
    ),
    Fault::new(
        "length-64",
        1002,
        "a text frame of 5 bytes with a length of 64 bits",
        "RFC 6455 §5.2: a length takes the shortest form",
        || {
            once([RawFrame {
                form: Some(LengthForm::Bits64),
                ..text("hello")
            }])
        },
    ),
    Fault::new(
        "length-63",
        1002,
        "a text frame with a length of 2^63 + 5, of which 5 bytes follow",
        "RFC 6455 §5.2: the top bit of a 64-bit length is 0",
        || {
            once([RawFrame {
                len: Some((1 << 63) + 5),
                ..text("hello")
            }])
        },
    ),
    Fault::new(
        "too-big",
        1009,
        "a binary frame that announces 1 GiB, of which 6 bytes follow",
        "RFC 6455 §10.4: the limit is the client's own",
        || {
            once([RawFrame {
                len: Some(1 << 30),
                ..frame(true, BINARY, "little")
            }])
        },
    ),
    Fault::new(
        "after-close",
        1000,
        "a Close 1000, then a text message and a ping, neither of which counts",
        "RFC 6455 §5.5.1: nothing follows a Close",
        || {
            once([
                close(1000, b"done"),
                text("after"),
                frame(true, PING, "after"),
            ])
        },
    ),
    Fault::new(
        "unfinished",
        1006,
        "4 of the 10 bytes of a text frame, then the end of TCP",
        "RFC 6455 §7.1.5: without a Close it is 1006",
        || {
            once([RawFrame {
                len: Some(10),
                ..text("half")
            }])
        },
    )
    .ending(),
    Fault::new(
        "unclosed",
        1006,
        "the first fragment of a text message, then the end of TCP",
        "RFC 6455 §7.1.5: without a Close it is 1006",
        || once([first("half")]),
    )
    .ending(),
    Fault::new(
        "deflate-garbage",
        1007,
        "a compressed text message that does not inflate",
        "RFC 7692 §7.2.2: compressed data is DEFLATE",
        || {
            once([RawFrame {
                rsv: RSV1,
                ..text(NO_BLOCK)
            }])
        },
    )
    .deflated(),
    Fault::new(
        "deflate-continuation",
        1002,
        "a compressed text message with RSV1 on both of its fragments",
        "RFC 7692 §6.1: RSV1 is set on the first fragment only",
        deflate_continuation,
    )
    .deflated(),
    Fault::new(
        "deflate-ping",
        1002,
        "a ping with RSV1 set",
        "RFC 7692 §6.1: control frames are not compressed",
        || {
            once([RawFrame {
                rsv: RSV1,
                ..frame(true, PING, "RSV1 was set")
            }])
        },
    )
    .deflated(),
    Fault::new(
        "deflate-utf8",
        1007,
        "a compressed text message that inflates to the byte 0xff and others",
        "RFC 6455 §8.1: text is UTF-8",
        || {
            once([RawFrame {
                rsv: RSV1,
                ..text(deflate_message(BAD_UTF8))
            }])
        },
    )
    .deflated(),
    Fault::new(
        "bomb",
        1009,
        "a compressed binary message in fragments that inflates from 5 MB to 4 GiB of zeros",
        "RFC 6455 §10.4: the limit is the client's own",
        bomb,
    )
    .deflated(),
];

const BAD_UTF8: &[u8] = b"bad: \xff";

/// DEFLATE has three kinds of block; these bits begin a fourth (RFC 1951 §3.2.3).
const NO_BLOCK: &[u8] = &[0xff; 8];

const TOO_LONG: usize = MAX_CONTROL as usize + 1;

/// The key of the examples in RFC 6455 §5.7.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn frame(fin: bool, opcode: u8, payload: impl Into<Bytes>) -> RawFrame {
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

fn text(payload: impl Into<Bytes>) -> RawFrame {
    frame(true, TEXT, payload)
}

fn first(payload: impl Into<Bytes>) -> RawFrame {
    frame(false, TEXT, payload)
}

fn last(payload: impl Into<Bytes>) -> RawFrame {
    frame(true, CONTINUATION, payload)
}

fn close(code: u16, reason: &[u8]) -> RawFrame {
    frame(true, CLOSE, [&code.to_be_bytes(), reason].concat())
}

fn once<const N: usize>(frames: [RawFrame; N]) -> Vec<Piece> {
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

fn deflate_continuation() -> Vec<Piece> {
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
const CHUNK: usize = 256 << 10;
const CHUNKS_PER_FRAGMENT: usize = 64;
const FRAGMENTS: u32 = 256;

/// The same chunk of zeros over and over: it ends on a byte boundary and refers to nothing before
/// itself, so it inflates wherever it stands, and only one has to be made and kept.
fn bomb() -> Vec<Piece> {
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
fn deflate_message(plain: &[u8]) -> Vec<u8> {
    without_tail(&deflate(plain)).to_vec()
}

/// What a sync flush ends with, and the receiver puts back (RFC 7692 §7.2.1).
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use flate2::{Decompress, FlushDecompress};

    use super::*;
    use crate::wire::frame::FrameHeader;

    /// Bytes once each, without the message that all begin with.
    fn bytes(name: &str) -> Vec<u8> {
        let pieces = find(name).unwrap().pieces();
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
        let before = b"\x81\x06before";
        bytes.strip_prefix(before).expect(name).to_vec()
    }

    /// Headers and payloads. The last payload may be shorter than its header says.
    fn frames(name: &str) -> Vec<(FrameHeader, Vec<u8>)> {
        let bytes = bytes(name);
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let header = FrameHeader::parse(rest).expect(name);
            rest = &rest[header.size()..];
            let length = rest.len().min(usize::try_from(header.len).unwrap());
            let (payload, after) = rest.split_at(length);
            frames.push((header, payload.to_vec()));
            rest = after;
        }
        frames
    }

    fn payload(name: &str) -> Vec<u8> {
        frames(name)
            .into_iter()
            .flat_map(|(_, payload)| payload)
            .collect()
    }

    /// FIN, RSV, opcode, length and its bits of each frame; a `*` marks what breaks a rule. The bomb
    /// has a test of its own.
    const HEADERS: &[(&str, &str)] = &[
        ("rsv", "1 2* 1 12/7"),
        ("rsv1", "1 4* 1 12/7"),
        ("rsv3", "1 1* 1 12/7"),
        ("opcode", "1 0 3* 8/7"),
        ("control-opcode", "1 0 11* 9/7"),
        ("masked", "1 0 1 15/7 masked*"),
        ("utf8", "1 0 1 6/7"),
        ("utf8-fragment", "0 0 1 6/7, 1 0 0 6/7"),
        ("utf8-truncated", "1 0 1 4/7"),
        ("utf8-close", "1 0 8 8/7"),
        ("fragmented-ping", "0* 0 9 8/7"),
        ("long-ping", "1 0 9 126/16*"),
        ("close-1", "1 0 8 1/7*"),
        ("close-999", "1 0 8 2/7"),
        ("close-1005", "1 0 8 2/7"),
        ("close-1006", "1 0 8 2/7"),
        ("close-long", "1 0 8 126/16*"),
        ("fragmented-close", "0* 0 8 2/7"),
        ("orphan-continuation", "1 0 0* 17/7"),
        ("interleaved", "0 0 1 5/7, 1 0 1* 3/7"),
        ("length-16", "1 0 1 5/16*"),
        ("length-64", "1 0 1 5/64*"),
        ("length-63", "1 0 1 9223372036854775813/64*"),
        ("too-big", "1 0 2 1073741824/64"),
        ("after-close", "1 0 8 6/7, 1 0 1* 5/7, 1 0 9* 5/7"),
        ("unfinished", "1 0 1 10/7*"),
        ("unclosed", "0 0 1 4/7"),
        ("deflate-garbage", "1 4 1 8/7"),
        ("deflate-continuation", "0 4 1 16/7, 1 4* 0 16/7"),
        ("deflate-ping", "1 4* 9 12/7"),
        ("deflate-utf8", "1 4 1 8/7"),
    ];

    #[test]
    fn every_kind_sends_the_frames_that_it_says() {
        for (fault, (name, headers)) in FAULTS.iter().zip(HEADERS) {
            assert_eq!(fault.name, *name);
            let found: Vec<String> = frames(name)
                .iter()
                .map(|(header, _)| brief(header))
                .collect();
            assert_eq!(found.join(", "), headers.replace('*', ""), "{name}");
        }
        let [untold] = &FAULTS[HEADERS.len()..] else {
            panic!("one is left to a test of its own");
        };
        assert_eq!(untold.name, "bomb");
    }

    fn brief(header: &FrameHeader) -> String {
        let FrameHeader {
            fin,
            rsv,
            opcode,
            len,
            form,
            mask,
        } = header;
        let masked = mask.map_or("", |_| " masked");
        format!(
            "{} {rsv} {opcode} {len}/{}{masked}",
            u8::from(*fin),
            form.bits()
        )
    }

    #[test]
    fn only_the_texts_for_it_are_no_utf8() {
        for fault in FAULTS.iter().filter(|fault| fault.name != "bomb") {
            for (header, payload) in frames(fault.name) {
                let text = match header.opcode {
                    CLOSE => payload.get(2..).unwrap_or_default().to_vec(),
                    _ if header.rsv & RSV1 != 0 || header.mask.is_some() => continue,
                    _ => payload,
                };
                let is_bad = std::str::from_utf8(&text).is_err();
                let wanted = fault.name.starts_with("utf8") && header.fin;
                assert_eq!(is_bad, wanted, "{}", fault.name);
            }
        }
    }

    #[test]
    fn the_codes_of_the_closes_are_those_of_the_names() {
        for (name, code) in [
            ("close-999", 999_u16),
            ("close-1005", 1005),
            ("close-1006", 1006),
            ("close-long", 1000),
            ("fragmented-close", 1000),
            ("utf8-close", 1000),
            ("after-close", 1000),
        ] {
            assert_eq!(payload(name)[..2], code.to_be_bytes(), "{name}");
        }
    }

    /// What a receiver makes of a compressed message (RFC 7692 §7.2.2).
    fn inflate(payload: &[u8]) -> Result<Vec<u8>, flate2::DecompressError> {
        let mut out = Vec::with_capacity(64);
        Decompress::new(false).decompress_vec(
            &[payload, TAIL].concat(),
            &mut out,
            FlushDecompress::Sync,
        )?;
        Ok(out)
    }

    #[test]
    fn the_compressed_messages_inflate_where_they_should() {
        assert!(inflate(&payload("deflate-garbage")).is_err());
        assert_eq!(inflate(&payload("deflate-utf8")).unwrap(), BAD_UTF8);
        assert_eq!(
            inflate(&payload("deflate-continuation")).unwrap(),
            b"RSV1 was set on both fragments"
        );
    }

    #[test]
    fn the_bomb_is_four_gibibytes_in_five_megabytes() {
        let pieces = find("bomb").unwrap().pieces();
        let wire: u64 = pieces
            .iter()
            .map(|piece| piece.bytes.len() as u64 * u64::from(piece.times))
            .sum();
        let frames = frames("bomb").into_iter();
        let heads: Vec<_> = frames
            .map(|(head, _)| (head.fin, head.rsv, head.opcode))
            .collect();
        let (begin, middle) = ((false, RSV1, BINARY), (false, 0, CONTINUATION));
        assert_eq!(heads, [begin, middle, (true, 0, CONTINUATION)]);
        let fragments: u32 = pieces[1..].iter().map(|piece| piece.times).sum();
        assert!(wire < 5_000_000, "{wire}");
        assert_eq!(
            u64::from(fragments) * (CHUNK * CHUNKS_PER_FRAGMENT) as u64,
            4 << 30
        );
        assert_eq!(zeros(&payload("bomb")), 3 * CHUNK * CHUNKS_PER_FRAGMENT);
    }

    /// How many zeros, and nothing else, the payload inflates to.
    fn zeros(payload: &[u8]) -> usize {
        let input = [payload, TAIL].concat();
        let mut inflater = Decompress::new(false);
        let mut out = vec![0; CHUNK];
        loop {
            let (read, written) = (inflater.total_in() as usize, inflater.total_out() as usize);
            out.fill(1);
            inflater
                .decompress(&input[read..], &mut out, FlushDecompress::Sync)
                .unwrap();
            let fresh = inflater.total_out() as usize - written;
            assert!(out[..fresh].iter().all(|byte| *byte == 0));
            if fresh == 0 {
                assert_eq!(read, input.len());
                return written;
            }
        }
    }

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), FAULTS.len());
        for fault in FAULTS {
            assert_eq!(find(fault.name), Some(fault));
        }
        assert_eq!(find("RSV"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn the_list_has_a_line_for_each_kind() {
        let list = listing();
        assert_eq!(list.lines().count(), FAULTS.len());
        for (line, fault) in list.lines().zip(FAULTS) {
            let code = fault.code.to_string();
            let words: Vec<&str> = line.split_whitespace().take(2).collect();
            assert_eq!(words, [fault.name, &code]);
            assert!(fault.rule.starts_with("RFC "), "{line}");
            assert!(
                line.contains(fault.sends) && line.contains(fault.rule),
                "{line}"
            );
        }
        let names = names();
        let names: Vec<&str> = names
            .split([',', '\n'])
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        assert!(names.into_iter().eq(FAULTS.iter().map(|fault| fault.name)));
    }

    #[test]
    fn a_code_is_for_sending_where_somebody_can_answer() {
        for fault in FAULTS {
            assert_eq!(fault.code == 1006, fault.ends, "{}", fault.name);
            assert!(matches!(fault.code, 1000 | 1002 | 1006 | 1007 | 1009));
        }
    }
}
