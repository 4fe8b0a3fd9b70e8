//! A recorded message as text, a piece at a time. Pure.

use crate::codec;
use crate::json::string;
use crate::message::Kind;

/// The most that is escaped at once.
const PIECE: usize = 3 << 13;

/// Appends the next piece of `data` as a part of a line, as `--format line` has it and `--escapes`
/// reads it; how many bytes of it that was.
pub(super) fn push_line(data: &[u8], out: &mut Vec<u8>) -> usize {
    let piece = codec::text_piece(data, PIECE);
    codec::push_escaped(piece, out);
    piece.len()
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
            let piece = codec::text_piece(data, PIECE);
            string::push_content(&String::from_utf8_lossy(piece), out);
            piece.len()
        }
        Kind::Binary => {
            let piece = codec::base64_piece(data, PIECE);
            codec::push_base64(piece, out);
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
    fn a_line_is_escaped_like_the_clients_output() {
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
    fn characters_stay_whole_and_invalid_bytes_stay_bytes() {
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
                    let written = push_line(rest, &mut out);
                    assert!((1..=PIECE).contains(&written));
                    rest = &rest[written..];
                }
                let mut whole = Vec::new();
                codec::push_escaped(&data, &mut whole);
                assert!(out == whole, "{unit:x?} {shift}");
            }
        }
    }
}
