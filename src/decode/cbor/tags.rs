//! The tags of CBOR that change how a value is written. Pure.

use crate::decode::bignum;
use crate::decode::times;

/// How byte strings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ByteForm {
    #[default]
    Base64Url,
    Base64,
    Base16,
}

/// A tag (RFC 8949 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    /// 1: seconds since the Unix epoch.
    Time,
    /// 2: an integer of any size.
    Large,
    /// 3: -1 minus that.
    LargeNegative,
    /// 21 to 23: how byte strings become text.
    Form(ByteForm),
    /// 42: a content identifier of IPLD.
    Content,
    Other,
}

impl Tag {
    pub(super) fn numbered(number: u64) -> Tag {
        match number {
            1 => Tag::Time,
            2 => Tag::Large,
            3 => Tag::LargeNegative,
            21 => Tag::Form(ByteForm::Base64Url),
            22 => Tag::Form(ByteForm::Base64),
            23 => Tag::Form(ByteForm::Base16),
            42 => Tag::Content,
            _ => Tag::Other,
        }
    }

    pub(super) fn form(self) -> Option<ByteForm> {
        match self {
            Tag::Form(form) => Some(form),
            _ => None,
        }
    }

    /// The time that so many seconds are.
    pub(super) fn time(self, seconds: i128) -> Option<String> {
        let seconds = i64::try_from(seconds).ok().filter(|_| self == Tag::Time);
        times::rfc3339(seconds?, 0)
    }

    pub(super) fn time_from_float(self, seconds: f64) -> Option<String> {
        match self {
            Tag::Time => times::rfc3339_from_float(seconds),
            _ => None,
        }
    }

    /// The digits of the integer that a byte string is, unless it is very long.
    pub(super) fn integer(self, bytes: &[u8]) -> Option<String> {
        match self {
            Tag::Large => bignum::to_decimal(bytes, 0),
            Tag::LargeNegative => Some(format!("-{}", bignum::to_decimal(bytes, 1)?)),
            _ => None,
        }
    }

    /// The text of a content identifier (version 1), in base32: `bafyrei…`. Its bytes follow a zero.
    pub(super) fn content_identifier(self, bytes: &[u8]) -> Option<String> {
        match (self, bytes) {
            (Tag::Content, [0, identifier @ ..]) if identifier.first() == Some(&1) => {
                Some(format!("b{}", base32(identifier)))
            }
            _ => None,
        }
    }
}

/// Lower-case base32 without padding (RFC 4648 §6).
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits);
        for digit in 0..(group.len() * 8).div_ceil(5) {
            let index = bits >> (35 - 5 * digit) & 0x1f;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}
