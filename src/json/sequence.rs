//! Several JSON values in one text: where each of them is, and what separates them. Pure.
//!
//! It never recurses and never looks at a byte more often than a fixed number of times: the text is a
//! peer's.

use std::ops::Range;

use super::grammar;
use super::scanner::Scanner;

/// How a message is cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// At line feeds, as in newline-delimited JSON.
    Nl,
    /// At NUL bytes, as in STOMP.
    Nul,
    /// At the byte 0x1E, the record separator of ASCII, as in SignalR.
    Rs,
    /// After each JSON value, with or without white space between them.
    Json,
}

impl Split {
    /// The name, as `--split` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Split::Nl => "nl",
            Split::Nul => "nul",
            Split::Rs => "rs",
            Split::Json => "json",
        }
    }

    /// The byte that ends a record; values need none.
    pub const fn separator(self) -> Option<u8> {
        match self {
            Split::Nl => Some(b'\n'),
            Split::Nul => Some(0),
            Split::Rs => Some(0x1e),
            Split::Json => None,
        }
    }
}

/// What stands at some place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A JSON value.
    Value(Range<usize>),
    /// Something else, with all that follows it.
    Rest(Range<usize>),
}

/// The next piece of `bytes` from `from` on; `None` if only white space is left. RFC 7464 puts the
/// byte 0x1E before each value, so that counts as white space here.
pub fn next_piece(bytes: &[u8], from: usize) -> Option<Piece> {
    let mut scanner = Scanner::default();
    let end = scanner.scan(bytes, from).unwrap_or(bytes.len());
    let start = scanner.start()?;
    let value = std::str::from_utf8(&bytes[start..end]);
    Some(match value.is_ok_and(grammar::is_value) {
        true => Piece::Value(start..end),
        false => Piece::Rest(start..bytes.len()),
    })
}

/// How a text that is not one JSON value would have to be cut, so that every record is one.
pub fn guess(text: &str) -> Option<Split> {
    let separated = [Split::Rs, Split::Nul, Split::Nl];
    let separated = separated.into_iter().find(|split| {
        let separator = split.separator().map(char::from);
        separator.is_some_and(|separator| holds_values(text, separator))
    });
    separated.or_else(|| is_sequence(text).then_some(Split::Json))
}

/// Whether `separator` occurs in the text, and every piece between is a JSON value, or empty.
fn holds_values(text: &str, separator: char) -> bool {
    let pieces = text.split(separator).map(str::trim_ascii);
    let mut pieces = pieces.filter(|piece| !piece.is_empty()).peekable();
    text.contains(separator) && pieces.peek().is_some() && pieces.all(grammar::is_value)
}

/// Whether the text is nothing but JSON values.
fn is_sequence(text: &str) -> bool {
    let mut at = 0;
    while let Some(piece) = next_piece(text.as_bytes(), at) {
        match piece {
            Piece::Value(value) => at = value.end,
            Piece::Rest(_) => return false,
        }
    }
    at > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn pieces(text: &str) -> Vec<&str> {
        let (mut at, mut found) = (0, Vec::new());
        while let Some(piece) = next_piece(text.as_bytes(), at) {
            let (Piece::Value(range) | Piece::Rest(range)) = piece.clone();
            at = range.end;
            found.push(&text[range]);
            if let Piece::Rest(_) = piece {
                found.push("REST");
            }
        }
        found
    }

    #[test]
    fn values_follow_each_other_with_or_without_white_space() {
        for (text, expected) in [
            ("", &[][..]),
            (" \r\n\t\x1e", &[]),
            (
                r#"{"a":1}{"b":[2,"}"]} 3"#,
                &[r#"{"a":1}"#, r#"{"b":[2,"}"]}"#, "3"],
            ),
            ("\x1e{}\n\x1e[]\n", &["{}", "[]"]),
            (r#""a""b"true null"#, &[r#""a""#, r#""b""#, "true", "null"]),
            ("1 2\n3", &["1", "2", "3"]),
            ("hello world", &["hello world", "REST"]),
            ("{} hello {} ", &["{}", "hello {} ", "REST"]),
            ("{},{}", &["{}", ",{}", "REST"]),
            ("{} [1,", &["{}", "[1,", "REST"]),
            ("{} ]", &["{}", "]", "REST"]),
            ("{1}{}", &["{1}{}", "REST"]),
        ] {
            assert_eq!(pieces(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_value() {
        assert_eq!(next_piece(b"{}\"\xff\"", 0), Some(Piece::Value(0..2)));
        assert_eq!(next_piece(b"{}\"\xff\" 1", 2), Some(Piece::Rest(2..7)));
    }

    #[test]
    fn a_guess_makes_every_record_a_value() {
        for (text, expected) in [
            ("{\"a\":1}\n{\"b\":2}", Some(Split::Nl)),
            ("{\"a\":1}\r\n{\"b\":2}\r\n", Some(Split::Nl)),
            ("{\"a\":1}\x1e", Some(Split::Rs)),
            ("{}\x1e{}\x1e", Some(Split::Rs)),
            ("{\"a\":1}\0", Some(Split::Nul)),
            ("{\"a\":1}{\"b\":2}", Some(Split::Json)),
            ("{\n\"a\":1}\n{\n}", Some(Split::Json)),
            ("1 2", Some(Split::Json)),
            ("MESSAGE\nid:1\n\n{}\0", None),
            ("hello", None),
            ("42[\"a\",1]", Some(Split::Json)),
            ("{} and more", None),
            ("", None),
            ("\n", None),
            ("\x1e", None),
        ] {
            assert_eq!(guess(text), expected, "{text:?}");
        }
    }
}
