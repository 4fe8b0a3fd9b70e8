//! The ways to break the protocol: what each of them sends, which rule that breaks, and the Close
//! code with which a strict client answers. Pure: a table, of which `frames` makes the bytes.
//!
//! Each kind breaks one rule and no other. Apart from that its bytes are harmless, so a client that
//! lets it through shows a message that says so. First comes the text message `before`, without
//! exception: whatever was valid before the violation is the client's to deliver.

mod frames;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::wire::frame::{BINARY, CLOSE, LengthForm, Masking, PING, RSV1, RawFrame};
use frames::{
    BAD_UTF8, KEY, NO_BLOCK, RSV2, RSV3, TOO_LONG, bomb, close, deflate_continuation,
    deflate_message, first, frame, last, once, text,
};

pub use frames::Piece;

/// The valid text message that every kind begins with.
pub const BEFORE: &str = "before";

/// Whether a fault goes with permessage-deflate (RFC 7692) on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deflate {
    /// It is the same violation with and without.
    Either,
    /// It does not exist without.
    Needed,
    /// It is none with: the server must not agree.
    Forbidden,
}

/// One way to break the protocol.
#[derive(Debug)]
pub struct Fault {
    /// `KIND` in `/frames/KIND`.
    pub name: &'static str,
    /// The code of the Close that a strict client answers with. Where the TCP connection ends there
    /// is no peer to answer, and it is 1006, which a client reports and never sends (RFC 6455 §7.1.5).
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
        self.deflate = Deflate::Forbidden;
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
