//! Frames (RFC 6455 §5.2) as they are on the wire: the header, parsed and written, and raw frames.
//! Reserved bits, reserved opcodes and lengths that are not in the shortest form are reported, not
//! refused. The types are used everywhere, so this file depends only on the mask.

use std::fmt;

use bytes::Bytes;

use crate::codec;
use crate::wire::mask;

/// Longest header: two bytes, a 64-bit length and a masking key.
pub const MAX_HEADER: usize = 14;

/// Longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL: u64 = 125;

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;

/// RSV1 in [`FrameHeader::rsv`]: the message is compressed (RFC 7692 §6).
pub const RSV1: u8 = 4;

const FIN_BIT: u8 = 0x80;
const MASK_BIT: u8 = 0x80;

/// A frame header (RFC 6455 §5.2) as it is on the wire; it may break any rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub rsv: u8,
    /// 0 to 15.
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    /// Payload length in bytes, as declared.
    pub len: u64,
    pub form: LengthForm,
}

impl FrameHeader {
    /// A header without a mask, its length in the shortest form.
    pub fn plain(fin: bool, opcode: u8, len: u64) -> Self {
        FrameHeader {
            fin,
            rsv: 0,
            opcode,
            mask: None,
            len,
            form: LengthForm::shortest_for(len),
        }
    }

    /// Parses the header at the start of `bytes`; `None` while it is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<FrameHeader> {
        let &[first, second, ..] = bytes else {
            return None;
        };
        let (len, form) = match second & 0x7f {
            126 => (
                u64::from(u16::from_be_bytes(array(bytes, 2)?)),
                LengthForm::Bits16,
            ),
            127 => (u64::from_be_bytes(array(bytes, 2)?), LengthForm::Bits64),
            short => (u64::from(short), LengthForm::Bits7),
        };
        let mask = match second & MASK_BIT {
            0 => None,
            _ => Some(array(bytes, 2 + form.extra())?),
        };
        Some(FrameHeader {
            fin: first & FIN_BIT != 0,
            rsv: (first >> 4) & 0x7,
            opcode: first & 0xf,
            mask,
            len,
            form,
        })
    }

    /// Appends the header unchanged. A length that does not fit its form is truncated to the low
    /// bits.
    pub fn write(&self, out: &mut Vec<u8>) {
        let fin = if self.fin { FIN_BIT } else { 0 };
        out.push(fin | (self.rsv & 0x7) << 4 | (self.opcode & 0xf));
        let mask_bit = self.mask.map_or(0, |_| MASK_BIT);
        match self.form {
            LengthForm::Bits7 => out.push(mask_bit | (self.len as u8 & 0x7f)),
            LengthForm::Bits16 => {
                out.push(mask_bit | 126);
                out.extend_from_slice(&(self.len as u16).to_be_bytes());
            }
            LengthForm::Bits64 => {
                out.push(mask_bit | 127);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }

    /// Length of the header itself, in bytes.
    pub fn size(&self) -> usize {
        2 + self.form.extra() + self.mask.map_or(0, |key| key.len())
    }

    /// Close, ping, pong and the reserved opcodes above them (RFC 6455 §5.5).
    pub fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// Whether the length has the shortest form, as RFC 6455 §5.2 requires.
    pub fn is_minimal(&self) -> bool {
        self.form == LengthForm::shortest_for(self.len)
    }
}

/// `FIN=1 RSV1=0 RSV2=0 RSV3=0 opcode=1 (text) MASK=1 key=37fa213d length=5 (7 bit)`
impl fmt::Display for FrameHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rsv = |bit| u8::from(self.rsv & bit != 0);
        write!(
            f,
            "FIN={} RSV1={} RSV2={} RSV3={} opcode={} ({})",
            u8::from(self.fin),
            rsv(4),
            rsv(2),
            rsv(1),
            self.opcode,
            opcode_name(self.opcode),
        )?;
        match self.mask {
            None => write!(f, " MASK=0")?,
            Some(key) => write!(f, " MASK=1 key={}", codec::hex(&key, ""))?,
        }
        let minimal = if self.is_minimal() {
            ""
        } else {
            ", not minimal"
        };
        write!(
            f,
            " length={} ({} bit{minimal})",
            self.len,
            self.form.bits()
        )
    }
}

/// The form in which a frame header has the payload length (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LengthForm {
    /// In the second byte: at most 125.
    Bits7,
    /// In two more bytes: at most 65,535.
    Bits16,
    /// In eight more bytes.
    Bits64,
}

impl LengthForm {
    /// The only form allowed for this length.
    pub fn shortest_for(len: u64) -> Self {
        match len {
            0..=125 => LengthForm::Bits7,
            126..=0xffff => LengthForm::Bits16,
            _ => LengthForm::Bits64,
        }
    }

    /// Number of length bytes after the first two bytes of the header.
    fn extra(self) -> usize {
        match self {
            LengthForm::Bits7 => 0,
            LengthForm::Bits16 => 2,
            LengthForm::Bits64 => 8,
        }
    }

    /// 7, 16 or 64
    pub fn bits(self) -> u8 {
        match self {
            LengthForm::Bits7 => 7,
            LengthForm::Bits16 => 16,
            LengthForm::Bits64 => 64,
        }
    }

    /// The form with this number of [`LengthForm::bits`].
    pub fn of_bits(bits: u64) -> Option<Self> {
        match bits {
            7 => Some(LengthForm::Bits7),
            16 => Some(LengthForm::Bits16),
            64 => Some(LengthForm::Bits64),
            _ => None,
        }
    }
}

/// The name of an opcode (RFC 6455 §11.8).
pub fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        0x0 => "continuation",
        0x1 => "text",
        0x2 => "binary",
        0x8 => "close",
        0x9 => "ping",
        0xa => "pong",
        _ => "reserved",
    }
}

/// The opcode with a name of [`opcode_name`].
pub fn opcode_named(name: &str) -> Option<u8> {
    (0..16).find(|&opcode| opcode_name(opcode) == name && name != "reserved")
}

/// How a raw frame is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// As the role of the sender requires (RFC 6455 §5.1).
    AsRequired,
    /// With a new random key, as required of a client (RFC 6455 §5.3).
    Random,
    None,
    Key([u8; 4]),
}

impl Masking {
    /// The masking by a sender that must mask its frames, or must not.
    pub fn required(self, masks: bool) -> Self {
        match self {
            Masking::AsRequired if masks => Masking::Random,
            Masking::AsRequired => Masking::None,
            other => other,
        }
    }

    /// The masking with a key written as eight hex digits.
    pub fn of_hex(digits: &str) -> Option<Self> {
        let plain = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let key = plain.then(|| u32::from_str_radix(digits, 16).ok())??;
        Some(Masking::Key(key.to_be_bytes()))
    }
}

/// A raw frame, which may break any rule. It is sent unchanged: never compressed, never fragmented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub rsv: u8,
    /// 0 to 15.
    pub opcode: u8,
    pub masking: Masking,
    /// The length to declare, if it is not that of the payload.
    pub len: Option<u64>,
    /// `None` is the shortest form. If a form is too short for the length, the next longer one is
    /// used.
    pub form: Option<LengthForm>,
    /// The payload before masking.
    pub payload: Bytes,
}

impl RawFrame {
    /// A single valid frame.
    pub fn new(opcode: u8, payload: Bytes) -> Self {
        RawFrame {
            fin: true,
            rsv: 0,
            opcode,
            masking: Masking::AsRequired,
            len: None,
            form: None,
            payload,
        }
    }

    /// Whether the given form, if any, is long enough for the length.
    ///
    /// # Errors
    /// A sentence that says that it is not.
    pub fn check_form(&self) -> Result<(), String> {
        let len = self.len.unwrap_or(self.payload.len() as u64);
        match self.form {
            Some(form) if form < LengthForm::shortest_for(len) => Err(format!(
                "a length of {len} does not fit in {} bits",
                form.bits()
            )),
            _ => Ok(()),
        }
    }

    /// The header to send, with `key` unless the masking is another one, or none.
    pub fn header(&self, key: [u8; 4]) -> FrameHeader {
        let len = self.len.unwrap_or(self.payload.len() as u64);
        let shortest = LengthForm::shortest_for(len);
        FrameHeader {
            fin: self.fin,
            rsv: self.rsv,
            opcode: self.opcode,
            mask: match self.masking {
                Masking::AsRequired | Masking::Random => Some(key),
                Masking::None => None,
                Masking::Key(key) => Some(key),
            },
            len,
            form: self.form.unwrap_or(shortest).max(shortest),
        }
    }

    /// Appends the frame as it is sent.
    pub fn write(&self, key: [u8; 4], out: &mut Vec<u8>) {
        let header = self.header(key);
        header.write(out);
        let start = out.len();
        out.extend_from_slice(&self.payload);
        if let Some(key) = header.mask {
            mask::apply(key, 0, &mut out[start..]);
        }
    }
}

/// Checks the payload of a ping or pong that the user sends.
///
/// # Errors
/// A sentence that says that it is too long.
pub fn check_control_payload(data: &[u8]) -> Result<(), String> {
    match data.len() {
        len if len as u64 > MAX_CONTROL => Err(format!(
            "{len} bytes; a ping or pong has at most {MAX_CONTROL}"
        )),
        _ => Ok(()),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(len: u64, form: LengthForm) -> FrameHeader {
        FrameHeader {
            form,
            ..FrameHeader::plain(true, TEXT, len)
        }
    }

    #[test]
    fn every_form_of_length() {
        use LengthForm::{Bits7, Bits16, Bits64};
        for (bytes, header) in [
            (&[0x81, 5][..], plain(5, Bits7)),
            (&[0x81, 126, 1, 0], plain(256, Bits16)),
            (&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], plain(65536, Bits64)),
            // It is not minimal, which the parser does not check.
            (&[0x81, 126, 0, 5], plain(5, Bits16)),
            (&[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 5], plain(5, Bits64)),
        ] {
            assert_eq!(FrameHeader::parse(bytes), Some(header));
            assert_eq!(header.size(), bytes.len());
        }
        assert!(!plain(5, Bits16).is_minimal());
        assert!(plain(126, Bits16).is_minimal() && plain(0x10000, Bits64).is_minimal());
    }

    #[test]
    fn flags_and_mask() {
        let read = FrameHeader::parse(&[0x5b, 0x82, 1, 2, 3, 4, 9, 9]).unwrap();
        assert_eq!((read.fin, read.rsv, read.opcode), (false, 5, 0xb));
        assert_eq!(
            (read.mask, read.len, read.size()),
            (Some([1, 2, 3, 4]), 2, 6)
        );
        assert_eq!(
            read.to_string(),
            "FIN=0 RSV1=1 RSV2=0 RSV3=1 opcode=11 (reserved) MASK=1 key=01020304 length=2 (7 bit)"
        );
    }

    #[test]
    fn an_incomplete_header_is_none_at_every_length() {
        for whole in [
            &[0x81, 0xfe, 1, 0, 1, 2, 3, 4][..],
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4],
        ] {
            for cut in 0..whole.len() {
                assert_eq!(FrameHeader::parse(&whole[..cut]), None, "{cut}");
            }
            assert!(FrameHeader::parse(whole).is_some());
        }
    }

    #[test]
    fn a_key_is_eight_hex_digits() {
        let key = Masking::Key([0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(Masking::of_hex("37FA213d"), Some(key));
        for digits in [
            "",
            "37fa213",
            "37fa213d0",
            "+7fa213d",
            "0x37fa21",
            "37fa213g",
        ] {
            assert_eq!(Masking::of_hex(digits), None, "{digits}");
        }
    }

    #[test]
    fn a_raw_frame_may_declare_a_false_length() {
        let frame = RawFrame {
            fin: false,
            rsv: 2,
            opcode: 3,
            masking: Masking::None,
            len: Some(300),
            form: Some(LengthForm::Bits7),
            payload: Bytes::from_static(b"ab"),
        };
        let mut out = Vec::new();
        frame.write([9; 4], &mut out);
        assert_eq!(out, b"\x23\x7e\x01\x2cab");
        let masked = RawFrame {
            masking: Masking::Key([1, 2, 3, 4]),
            len: None,
            form: Some(LengthForm::Bits64),
            ..frame
        };
        out.clear();
        masked.write([9; 4], &mut out);
        assert_eq!(out, b"\x23\xff\0\0\0\0\0\0\0\x02\x01\x02\x03\x04\x60\x60");
    }

    proptest! {
        #[test]
        fn written_headers_are_parsed(
            fin: bool, rsv in 0u8..8, opcode in 0u8..16, mask: Option<[u8; 4]>, len: u64, longer in 0usize..3,
        ) {
            use LengthForm::{Bits7, Bits16, Bits64};
            let len = len >> (len % 64);
            let form = [Bits7, Bits16, Bits64][longer].max(LengthForm::shortest_for(len));
            let header = FrameHeader { fin, rsv, opcode, mask, len, form };
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            prop_assert_eq!(bytes.len(), header.size());
            prop_assert_eq!(FrameHeader::parse(&bytes), Some(header));
        }
    }
}
