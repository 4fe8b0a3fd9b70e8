//! From what is typed or piped to the payload of a message: plain text, bytes, hex, base64,
//! escapes. Pure.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::message::{Kind, Message};

/// How input stands for bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    #[default]
    Plain,
    Hex,
    Base64,
    /// `\n \r \t \0 \\ \xHH \uHHHH \u{H…}`
    Escapes,
}

/// What becomes of a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    pub encoding: Encoding,
    pub kind: Kind,
}

impl Default for Payload {
    fn default() -> Self {
        Payload {
            encoding: Encoding::Plain,
            kind: Kind::Text,
        }
    }
}

impl Payload {
    /// Makes a message of one piece of input.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the input, to be put behind where it stands.
    pub fn message(&self, input: Bytes) -> Result<Message, String> {
        let data = match self.encoding {
            Encoding::Plain => input,
            Encoding::Hex => Bytes::from(decode_hex(&input)?),
            Encoding::Base64 => Bytes::from(decode_base64(&input)?),
            Encoding::Escapes => Bytes::from(decode_escapes(&input)?),
        };
        // The clone is for the message of an error; it shares the bytes.
        let bytes = data.clone();
        Message::new(self.kind, data)
            .map_err(|at| format!("byte {} (0x{:02x}) is not UTF-8", at + 1, bytes[at]))
    }
}

/// Hex digits in pairs; white space, `:` and a leading `0x` do not count.
///
/// # Errors
/// What is wrong with it.
pub fn decode_hex(input: &[u8]) -> Result<Vec<u8>, String> {
    let input = input.strip_prefix(b"0x").unwrap_or(input);
    let mut nibbles = Vec::with_capacity(input.len());
    for &byte in input
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b':')
    {
        let digit = char::from(byte).to_digit(16);
        nibbles
            .push(digit.ok_or_else(|| format!("'{}' is no hex digit", byte.escape_ascii()))? as u8);
    }
    if nibbles.len() % 2 == 1 {
        return Err(format!(
            "{} hex digits do not make whole bytes",
            nibbles.len()
        ));
    }
    Ok(nibbles
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}

/// Base64 in the standard or the URL alphabet, with or without padding; white space does not count.
///
/// # Errors
/// What is wrong with it.
pub fn decode_base64(input: &[u8]) -> Result<Vec<u8>, String> {
    let compact: Vec<u8> = input
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let unpadded = compact
        .strip_suffix(b"==")
        .or_else(|| compact.strip_suffix(b"="))
        .unwrap_or(&compact);
    STANDARD
        .decode(&compact)
        .or_else(|_| STANDARD_NO_PAD.decode(unpadded))
        .or_else(|_| URL_SAFE_NO_PAD.decode(unpadded))
        .map_err(|_| "it is not base64".to_owned())
}

fn decode_escapes(input: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = decode_escape(&rest[at + 1..], &mut out)?;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Decodes what follows a backslash and returns what follows that.
fn decode_escape<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], String> {
    let Some((&letter, rest)) = rest.split_first() else {
        return Err(
            "a backslash at the end escapes nothing; write \\\\ for a backslash".to_owned(),
        );
    };
    let simple = match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0' => 0,
        b'e' => 0x1b,
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'v' => 0x0b,
        b'\\' | b'"' | b'\'' | b'/' => letter,
        b'x' => {
            let (value, rest) = hex_digits(rest, 2)?;
            out.push(value as u8);
            return Ok(rest);
        }
        b'u' => return decode_unicode(rest, out),
        other => {
            return Err(format!(
                "'\\{}' is no escape; write \\\\ for a backslash",
                other.escape_ascii()
            ));
        }
    };
    out.push(simple);
    Ok(rest)
}

/// `\u{1F600}`, `\u2028`, or a surrogate pair as JSON writes it.
fn decode_unicode<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], String> {
    let (value, rest) = match rest.strip_prefix(b"{") {
        Some(braced) => {
            let end = memchr::memchr(b'}', braced).ok_or("'\\u{' has no closing brace")?;
            let (value, left) = hex_digits(&braced[..end], end.clamp(1, 6))?;
            if !left.is_empty() {
                return Err("'\\u{…}' takes one to six hex digits".to_owned());
            }
            (value, &braced[end + 1..])
        }
        None => hex_digits(rest, 4)?,
    };
    let (value, rest) = match (value, rest.strip_prefix(b"\\u")) {
        (high @ 0xd800..=0xdbff, Some(after)) => {
            let (low, rest) = hex_digits(after, 4)?;
            match low {
                0xdc00..=0xdfff => (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), rest),
                _ => (high, rest),
            }
        }
        (value, _) => (value, rest),
    };
    let character =
        char::from_u32(value).ok_or_else(|| format!("U+{value:04X} is no character"))?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

fn hex_digits(input: &[u8], count: usize) -> Result<(u32, &[u8]), String> {
    let digits = input
        .get(..count)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    digits
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .map(|value| (value, &input[count..]))
        .ok_or_else(|| format!("an escape wants {count} hex digits here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, kind: Kind, input: &[u8]) -> Result<Vec<u8>, String> {
        let message = Payload { encoding, kind }.message(Bytes::copy_from_slice(input))?;
        assert_eq!(message.kind(), kind);
        Ok(message.payload().to_vec())
    }

    #[test]
    fn every_encoding() {
        use Encoding::{Base64, Escapes, Hex, Plain};
        for (encoding, input, output) in [
            (Plain, &b"a\\n"[..], &b"a\\n"[..]),
            (Hex, b"00ff 0A:fe", &[0, 255, 10, 254]),
            (Hex, b"0x41", b"A"),
            (Hex, b"", b""),
            (Base64, b"AP8K/g==", &[0, 255, 10, 254]),
            (Base64, b"AP8K_g", &[0, 255, 10, 254]),
            (Base64, b"QQ = =", b"A"),
            (
                Escapes,
                br"a\n\0\x1e\\\u2028\u{1F600}\ud83d\ude00",
                "a\n\0\x1e\\\u{2028}😀😀".as_bytes(),
            ),
        ] {
            assert_eq!(
                decoded(encoding, Kind::Binary, input).as_deref(),
                Ok(output),
                "{input:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        use Encoding::{Base64, Escapes, Hex, Plain};
        for (encoding, input, word) in [
            (Plain, &b"ab\xff"[..], "byte 3 (0xff) is not UTF-8"),
            (Hex, b"0g", "'g'"),
            (Hex, b"abc", "3 hex digits"),
            (Base64, b"?", "not base64"),
            (Escapes, br"\q", r"'\q'"),
            (Escapes, br"x\", "at the end"),
            (Escapes, br"\x1", "2 hex digits"),
            (Escapes, br"\u{}", "hex digits"),
            (Escapes, br"\u{1234567}", "six"),
            (Escapes, br"\ud800", "U+D800"),
            (Escapes, br"\ud800\u0041", "no character"),
            (Escapes, br"\ud800\ue000", "no character"),
            (Escapes, br"\xff", "not UTF-8"),
        ] {
            let error = decoded(encoding, Kind::Text, input).unwrap_err();
            assert!(error.contains(word), "{input:?}: {error}");
        }
    }
}
