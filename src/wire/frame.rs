//! Frame headers (RFC 6455 §5.2), read as they stand: reserved bits, reserved opcodes and lengths in
//! a longer form than needed are reported, not refused.

/// Longest header: two bytes, a 64-bit length and a mask.
pub const MAX_HEADER: usize = 14;

/// The Close opcode (RFC 6455 §5.5.1).
pub const CLOSE: u8 = 0x8;

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub rsv: u8,
    /// 0 to 15.
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    /// Payload length in bytes.
    pub len: u64,
    /// Bytes that the header itself takes.
    pub size: usize,
}

impl Header {
    /// Reads the header at the start of `bytes`, or `None` while it is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let &[first, second, ..] = bytes else {
            return None;
        };
        let (len, after_len) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(array(bytes, 2)?)), 4),
            127 => (u64::from_be_bytes(array(bytes, 2)?), 10),
            short => (u64::from(short), 2),
        };
        let (mask, size) = if second & 0x80 == 0 {
            (None, after_len)
        } else {
            (Some(array(bytes, after_len)?), after_len + 4)
        };
        Some(Header {
            fin: first & 0x80 != 0,
            rsv: (first >> 4) & 0x7,
            opcode: first & 0xf,
            mask,
            len,
            size,
        })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: u64, size: usize) -> Header {
        Header {
            fin: true,
            rsv: 0,
            opcode: 1,
            mask: None,
            len,
            size,
        }
    }

    #[test]
    fn every_form_of_length() {
        assert_eq!(Header::parse(&[0x81, 5]), Some(header(5, 2)));
        assert_eq!(Header::parse(&[0x81, 126, 1, 0]), Some(header(256, 4)));
        assert_eq!(
            Header::parse(&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            Some(header(65536, 10))
        );
        // Not minimal, and not this parser's business.
        assert_eq!(Header::parse(&[0x81, 126, 0, 5]), Some(header(5, 4)));
    }

    #[test]
    fn flags_and_mask() {
        let read = Header::parse(&[0x5b, 0x82, 1, 2, 3, 4, 9, 9]).unwrap();
        assert_eq!((read.fin, read.rsv, read.opcode), (false, 5, 0xb));
        assert_eq!((read.mask, read.len, read.size), (Some([1, 2, 3, 4]), 2, 6));
    }

    #[test]
    fn incomplete_is_none_at_every_cut() {
        for whole in [
            &[0x81, 0xfe, 1, 0, 1, 2, 3, 4][..],
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4],
        ] {
            for cut in 0..whole.len() {
                assert_eq!(Header::parse(&whole[..cut]), None, "{cut}");
            }
            assert!(Header::parse(whole).is_some());
        }
    }
}
