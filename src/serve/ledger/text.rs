//! A recorded message as text, a piece at a time. Pure.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::string;
use crate::message::Kind;

/// The most that is escaped at once. Base64 is cut in threes, so that no padding comes between.
const PIECE: usize = 3 << 13;

/// The beginning of `data`, cut where no character is cut in two.
pub(super) fn characters(data: &[u8]) -> &[u8] {
    if data.len() <= PIECE {
        return data;
    }
    // A character that goes on here began at most three bytes before. Where none of these bytes
    // begins one, the last of them is invalid by itself.
    let begins = |at: &usize| data[*at] & 0xc0 != 0x80;
    let at = (PIECE - 3..=PIECE).rev().find(begins);
    &data[..at.unwrap_or(PIECE)]
}

/// The beginning of `data`, cut where base64 needs no padding.
fn triples(data: &[u8]) -> &[u8] {
    &data[..data.len().min(PIECE)]
}

/// Appends a piece of a line as `--format line` has it, and as `--escapes` reads it.
pub(super) fn push_line(piece: &[u8], out: &mut Vec<u8>) {
    for chunk in piece.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        while let Some(at) = rest.iter().position(|byte| needs_escape(*byte)) {
            out.extend_from_slice(&rest[..at]);
            push_escape(rest[at], out);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        for byte in chunk.invalid() {
            push_hex(*byte, out);
        }
    }
}

fn needs_escape(byte: u8) -> bool {
    byte.is_ascii_control() || byte == b'\\'
}

fn push_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        _ => push_hex(byte, out),
    }
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble)];
    out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 0xf)]);
}

/// Appends a JSON object up to its data, in the words of `--json`.
pub(super) fn push_object_start(conn: u64, kind: Kind, out: &mut Vec<u8>) {
    let opcode = kind.opcode();
    let encoding = match kind {
        Kind::Text => "",
        Kind::Binary => "\"encoding\":\"base64\",",
    };
    let start = format!("{{\"conn\":{conn},\"opcode\":{opcode},{encoding}\"data\":\"");
    out.extend_from_slice(start.as_bytes());
}

/// Appends the next piece of `data` as a part of a JSON string; how many bytes of it that was.
pub(super) fn push_object_data(kind: Kind, data: &[u8], out: &mut Vec<u8>) -> usize {
    match kind {
        Kind::Text => {
            let piece = characters(data);
            string::push_content(&String::from_utf8_lossy(piece), out);
            piece.len()
        }
        Kind::Binary => {
            let piece = triples(data);
            let _ = write!(out, "{}", STANDARD.encode(piece));
            piece.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(data: &[u8]) -> String {
        let mut out = Vec::new();
        push_line(data, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_escaped_as_the_client_does_it() {
        for (data, expected) in [
            (&b"a\\b\r\n\t\x1b\x7f"[..], "a\\\\b\\r\\n\\x09\\x1b\\x7f"),
            ("é\u{9b}".as_bytes(), "é\u{9b}"),
            (b"\x00\xff\xe2\x82", "\\x00\\xff\\xe2\\x82"),
        ] {
            assert_eq!(line(data), expected);
        }
    }

    #[test]
    fn an_object_is_one_line_for_every_reader() {
        let mut out = Vec::new();
        let data = "a\"\u{85}b\u{2028}\u{2029}é".as_bytes();
        assert_eq!(push_object_data(Kind::Text, data, &mut out), data.len());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"a\"\u0085b\u2028\u2029é"#
        );
    }

    /// In pieces, the same comes out as in one.
    #[test]
    fn no_character_is_cut_in_two_and_no_byte_made_one() {
        let fillers = ["x", "é", "€", "𝄞"].map(str::as_bytes);
        for unit in fillers.into_iter().chain([
            &b"\x80"[..],
            b"\xe2\x82",
            b"\xf0\x9d\x84",
            b"\xe2\x82\xac\x80",
            b"\xf0\x9d\x84\x9e\x80",
        ]) {
            for shift in 0..5 {
                let data = [&b"xxxxx"[..shift], &unit.repeat(PIECE)].concat();
                let (mut out, mut rest) = (Vec::new(), &data[..]);
                while !rest.is_empty() {
                    let piece = characters(rest);
                    assert!(!piece.is_empty() && piece.len() <= PIECE);
                    push_line(piece, &mut out);
                    rest = &rest[piece.len()..];
                }
                assert!(out == line(&data).as_bytes(), "{unit:x?} {shift}");
            }
        }
    }
}
