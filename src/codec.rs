//! Bytes as text and back: hex, base64, and escapes on one line.
//!
//! Decoding returns the bytes that were encoded. Large data can be encoded in pieces:
//! [`text_piece`] and [`base64_piece`] cut it so that the encoded pieces together equal the encoded
//! whole. This module does not make text safe for a terminal: `output::sanitize` does.

use std::io::Write as _;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Appends two lower-case hex digits.
pub fn push_hex_byte(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// Appends `data` as lower-case hex digits.
pub fn push_hex(data: &[u8], out: &mut Vec<u8>) {
    out.reserve(2 * data.len());
    data.iter().for_each(|byte| push_hex_byte(*byte, out));
}

/// `data` as lower-case hex digits, with `divider` between the bytes.
pub fn hex(data: &[u8], divider: &str) -> String {
    let mut out = Vec::with_capacity(data.len() * (2 + divider.len()));
    for (at, byte) in data.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(divider.as_bytes());
        }
        push_hex_byte(*byte, &mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Decodes pairs of hex digits. White space, `:` and a leading `0x` are skipped.
///
/// # Errors
/// A sentence that says what is wrong with the input.
pub fn decode_hex(input: &[u8]) -> Result<Vec<u8>, String> {
    let input = input.strip_prefix(b"0x").unwrap_or(input);
    let mut nibbles = Vec::with_capacity(input.len());
    for &byte in input
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b':')
    {
        let digit = char::from(byte).to_digit(16);
        nibbles.push(
            digit.ok_or_else(|| format!("'{}' is not a hex digit", byte.escape_ascii()))? as u8,
        );
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

/// Appends `data` as standard base64 with padding (RFC 4648 §4).
pub fn push_base64(data: &[u8], out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", Base64Display::new(data, &STANDARD));
}

/// `data` as standard base64 with padding (RFC 4648 §4).
pub fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// The longest prefix of `data` of at most `most` bytes that base64 encodes without padding. `most`
/// is at least 3.
pub fn base64_piece(data: &[u8], most: usize) -> &[u8] {
    match data.len() <= most {
        true => data,
        false => &data[..most - most % 3],
    }
}

/// Decodes base64 in the standard or the URL alphabet, with or without padding. White space is
/// skipped.
///
/// # Errors
/// A sentence that says what is wrong with the input.
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

/// Appends `data` on one line. Text is unchanged except for the backslash and the ASCII controls;
/// every byte that is not UTF-8 becomes `\xHH`. [`decode_escapes`] decodes it.
pub fn push_escaped(data: &[u8], out: &mut Vec<u8>) {
    for chunk in data.utf8_chunks() {
        push_escaped_text(chunk.valid(), out);
        for byte in chunk.invalid() {
            push_escaped_byte(*byte, out);
        }
    }
}

/// Appends `text` like [`push_escaped`].
pub fn push_escaped_text(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| needs_escape(*byte)) {
        out.extend_from_slice(&rest[..at]);
        push_escape(char::from(rest[at]), out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn needs_escape(byte: u8) -> bool {
    byte.is_ascii_control() || byte == b'\\'
}

/// Appends a character as an escape that [`decode_escapes`] decodes: `\\`, `\n`, `\r`, or each of
/// its bytes as `\xHH`.
pub fn push_escape(c: char, out: &mut Vec<u8>) {
    match c {
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        _ => {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                push_escaped_byte(byte, out);
            }
        }
    }
}

/// Appends one byte as `\xHH`.
pub fn push_escaped_byte(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\x");
    push_hex_byte(byte, out);
}

/// The longest prefix of `data` of at most `most` bytes that does not cut a character in two.
/// `most` is at least 4.
pub fn text_piece(data: &[u8], most: usize) -> &[u8] {
    if data.len() <= most {
        return data;
    }
    // A character that continues here began at most three bytes before. If none of these bytes
    // begins one, the last of them is invalid by itself.
    let begins = |at: &usize| data[*at] & 0xc0 != 0x80;
    let at = (most - 3..=most).rev().find(begins);
    &data[..at.unwrap_or(most)]
}

/// Decodes text with the escapes `\n \r \t \0 \e \a \b \f \v \\ \" \' \/ \xHH \uHHHH \u{H…}`.
///
/// # Errors
/// A sentence that says what is wrong with the input.
pub fn decode_escapes(input: &[u8]) -> Result<Vec<u8>, String> {
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
                "'\\{}' is not an escape; write \\\\ for a backslash",
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
        char::from_u32(value).ok_or_else(|| format!("U+{value:04X} is not a character"))?;
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
        .ok_or_else(|| format!("this escape needs {count} hex digits"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(push: fn(&[u8], &mut Vec<u8>), data: &[u8]) -> String {
        let mut out = Vec::new();
        push(data, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bytes_are_written() {
        for (push, data, expected) in [
            (
                push_hex as fn(&[u8], &mut Vec<u8>),
                &b"\x00\xff\n"[..],
                "00ff0a",
            ),
            (push_hex, b"", ""),
            (push_base64, b"\x00\xff\x10>", "AP8QPg=="),
            (push_base64, b"", ""),
            (
                push_escaped,
                "a\\b\r\n\t\u{1b}\u{7f}é\u{9b}".as_bytes(),
                "a\\\\b\\r\\n\\x09\\x1b\\x7fé\u{9b}",
            ),
            (push_escaped, b"\x00\xff\xe2\x82", "\\x00\\xff\\xe2\\x82"),
        ] {
            assert_eq!(written(push, data), expected);
        }
        assert_eq!(hex(b"\x01\xab\x00", " "), "01 ab 00");
        assert_eq!(hex(b"", " "), "");
    }

    #[test]
    fn text_is_read() {
        type Decode = fn(&[u8]) -> Result<Vec<u8>, String>;
        for (decode, input, output) in [
            (
                decode_hex as Decode,
                &b"00ff 0A:fe"[..],
                &[0, 255, 10, 254][..],
            ),
            (decode_hex, b"0x41", b"A"),
            (decode_hex, b"", b""),
            (decode_base64, b"AP8K/g==", &[0, 255, 10, 254]),
            (decode_base64, b"AP8K_g", &[0, 255, 10, 254]),
            (decode_base64, b"QQ = =", b"A"),
            (
                decode_escapes,
                br"a\n\0\x1e\\\u2028\u{1F600}\ud83d\ude00",
                "a\n\0\x1e\\\u{2028}😀😀".as_bytes(),
            ),
            (
                decode_escapes,
                br#"\e\a\b\f\v\"\'\/\xff"#,
                b"\x1b\x07\x08\x0c\x0b\"'/\xff",
            ),
        ] {
            assert_eq!(decode(input).as_deref(), Ok(output), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn encoded_data_is_decoded_back(data: Vec<u8>) {
            prop_assert_eq!(decode_hex(written(push_hex, &data).as_bytes()), Ok(data.clone()));
            prop_assert_eq!(decode_hex(hex(&data, " ").as_bytes()), Ok(data.clone()));
            prop_assert_eq!(decode_base64(written(push_base64, &data).as_bytes()), Ok(data.clone()));
            prop_assert_eq!(decode_base64(base64(&data).as_bytes()), Ok(data.clone()));
            let line = written(push_escaped, &data);
            prop_assert!(!line.contains(|c: char| c.is_ascii_control()));
            prop_assert_eq!(decode_escapes(line.as_bytes()), Ok(data));
        }

        #[test]
        fn every_character_can_be_escaped(c: char) {
            let mut out = Vec::new();
            push_escape(c, &mut out);
            prop_assert!(out.is_ascii());
            prop_assert_eq!(decode_escapes(&out), Ok(c.to_string().into_bytes()));
        }

        #[test]
        fn pieces_encode_like_the_whole(
            data in prop_oneof![
                any::<Vec<u8>>(),
                "[a\\\\é€𝄞]{0,40}".prop_map(String::into_bytes),
            ],
            most in 4usize..20,
        ) {
            type Cut = fn(&[u8], usize) -> &[u8];
            for (cut, push) in [
                (text_piece as Cut, push_escaped as fn(&[u8], &mut Vec<u8>)),
                (base64_piece, push_base64),
            ] {
                let (mut out, mut rest) = (Vec::new(), &data[..]);
                while !rest.is_empty() {
                    let piece = cut(rest, most);
                    prop_assert!(!piece.is_empty() && piece.len() <= most);
                    push(piece, &mut out);
                    rest = &rest[piece.len()..];
                }
                prop_assert_eq!(String::from_utf8(out).unwrap(), written(push, &data));
            }
        }
    }
}
