//! Messages for people: JSON indented and coloured, the name of an event first, binary as a dump.
//!
//! It changes the spacing of JSON and which characters are escaped, but never digits, the order of
//! keys, or the meaning. Every line of a message but the first is indented under the mark.

use super::json::push_token;
use super::style::{Painter, Role};
use super::{hexdump, sanitize};
use crate::json::grammar;
use crate::json::text::{Token, Tokens, measure, members};
use crate::message::Data;

/// Longer JSON is shown unchanged, because formatting would not make it readable.
const MAX_BYTES: usize = 256 << 10;
/// Deeper JSON is shown unchanged, because formatting it would be mostly spaces.
const MAX_DEPTH: usize = 100;
/// The indentation of continuation lines: the width of the mark.
const INDENT: usize = 2;

/// The output and its settings.
#[derive(Clone, Copy)]
pub(super) struct Pretty {
    /// Whether the output is a terminal, for which dangerous characters must be escaped.
    pub(super) terminal: bool,
    pub(super) painter: Painter,
}

impl Pretty {
    /// Appends a message without its mark, ended by a line feed.
    pub(super) fn push(self, data: Data<'_>, out: &mut Vec<u8>) {
        match data {
            Data::Text(text) if self.push_json(text, out) => {}
            Data::Text(text) => self.push_text(text, out),
            Data::Binary(data) => push_binary(data, out),
        }
    }

    fn push_text(self, text: &str, out: &mut Vec<u8>) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                newline(INDENT, out);
            }
            match self.terminal {
                true => sanitize::lines(line, out),
                false => out.extend_from_slice(line.as_bytes()),
            }
        }
        out.push(b'\n');
    }

    /// Returns `false` and appends nothing if `text` is not JSON that can be formatted.
    fn push_json(self, text: &str, out: &mut Vec<u8>) -> bool {
        let shown = is_laid_out(text);
        if shown {
            match Envelope::find(text) {
                Some(envelope) => self.push_envelope(&envelope, out),
                None => self.push_value(text, Some(INDENT), out),
            }
            out.push(b'\n');
        }
        shown
    }

    fn push_envelope(self, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
        self.push_bare(Role::Name, envelope.name, out);
        for (key, value) in &envelope.fields {
            out.push(b' ');
            self.push_bare(Role::Key, key, out);
            out.push(b'=');
            self.push_value(value, None, out);
        }
        match measure(envelope.data).depth {
            0 => out.push(b' '),
            _ => newline(INDENT, out),
        }
        self.push_value(envelope.data, Some(INDENT), out);
    }

    /// Appends a string token without its quotes; its escapes keep it on one line.
    fn push_bare(self, role: Role, token: &str, out: &mut Vec<u8>) {
        let mut quoted = Vec::new();
        push_token(token, self.terminal, &mut quoted);
        let bare = &quoted[1..quoted.len() - 1];
        self.painter
            .paint(role, out, |out| out.extend_from_slice(bare));
    }

    /// Appends a value: on several lines if `indent` gives their indentation, otherwise on one.
    fn push_value(self, text: &str, indent: Option<usize>, out: &mut Vec<u8>) {
        let mut depth = 0_usize;
        let line = |depth: usize, out: &mut Vec<u8>| {
            if let Some(indent) = indent {
                newline(indent + 2 * depth, out);
            }
        };
        let mut tokens = Tokens::new(text).peekable();
        while let Some(token) = tokens.next() {
            let next = tokens.peek().copied();
            match token {
                Token::Open(bracket) => {
                    out.push(bracket);
                    depth += 1;
                    if !matches!(next, Some(Token::Close(_))) {
                        line(depth, out);
                    }
                }
                Token::Close(bracket) => {
                    depth = depth.saturating_sub(1);
                    if !out.ends_with(b"{") && !out.ends_with(b"[") {
                        line(depth, out);
                    }
                    out.push(bracket);
                }
                Token::Comma => {
                    out.push(b',');
                    line(depth, out);
                }
                Token::Colon if indent.is_some() => out.extend_from_slice(b": "),
                Token::Colon => out.push(b':'),
                Token::Str(text) => self.push_string(text, next == Some(Token::Colon), out),
                Token::Word("null") => {
                    self.painter
                        .paint(Role::Null, out, |out| out.extend_from_slice(b"null"));
                }
                Token::Word(word) => out.extend_from_slice(word.as_bytes()),
            }
        }
    }

    fn push_string(self, token: &str, is_key: bool, out: &mut Vec<u8>) {
        let role = if is_key { Role::Key } else { Role::Str };
        self.painter
            .paint(role, out, |out| push_token(token, self.terminal, out));
    }
}

/// An object with an event name, its data, and other members.
struct Envelope<'a> {
    /// A string token.
    name: &'a str,
    /// String tokens and values.
    fields: Vec<(&'a str, &'a str)>,
    data: &'a str,
}

impl<'a> Envelope<'a> {
    fn find(text: &'a str) -> Option<Self> {
        let mut fields = members(text)?;
        // A second one would be hidden: such an object is shown unchanged.
        let mut take = |key: &str| {
            let at = fields.iter().position(|(name, _)| *name == key)?;
            let rest = &fields[at + 1..];
            let only = rest.iter().all(|(name, _)| *name != key);
            only.then(|| fields.remove(at).1)
        };
        let data = take("\"data\"")?;
        let name = match take("\"event\"") {
            Some(name) => name,
            None => take("\"type\"")?,
        };
        name.starts_with('"')
            .then_some(Envelope { name, fields, data })
    }
}

fn is_laid_out(text: &str) -> bool {
    text.len() <= MAX_BYTES
        && text.trim_start().starts_with(['{', '['])
        && grammar::is_value(text)
        && measure(text).depth <= MAX_DEPTH
}

fn push_binary(data: &[u8], out: &mut Vec<u8>) {
    let bytes = if data.len() == 1 { "byte" } else { "bytes" };
    out.extend_from_slice(format!("binary, {} {bytes}\n", data.len()).as_bytes());
    hexdump::push(data, INDENT, out);
}

fn newline(indent: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, color: bool) -> String {
        let painter = Painter::new(color);
        let mut out = Vec::new();
        let pretty = Pretty {
            terminal: true,
            painter,
        };
        pretty.push(Data::Text(text), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_laid_out_and_nothing_in_it_changes() {
        for (text, expected) in [
            (
                r#"{"b":1.10,"a":[1E400,-0,{}],"b":[]}"#,
                "{\n    \"b\": 1.10,\n    \"a\": [\n      1E400,\n      -0,\n      {}\n    ],\n    \"b\": []\n  }\n",
            ),
            (" [ ] ", "[]\n"),
            (
                r#"["\u001b[31m","\u00e9"]"#,
                "[\n    \"\\u001b[31m\",\n    \"é\"\n  ]\n",
            ),
            ("\"text\"", "\"text\"\n"),
            ("[1", "[1\n"),
            (
                r#"{"$serde_json::private::Number":"1"}"#,
                "{\n    \"$serde_json::private::Number\": \"1\"\n  }\n",
            ),
        ] {
            assert_eq!(shown(text, false), expected, "{text}");
        }
    }

    #[test]
    fn an_event_shows_its_name_then_the_rest_then_its_data() {
        for (text, expected) in [
            (
                r#"{"event":"message","room":"a b","seq":7,"data":{"x":1}}"#,
                "message room=\"a b\" seq=7\n  {\n    \"x\": 1\n  }\n",
            ),
            (
                r#"{"type":"tick","data":42,"to":[1, 2]}"#,
                "tick to=[1,2] 42\n",
            ),
            (
                r#"{"type":"t","event":"e","data":null}"#,
                "e type=\"t\" null\n",
            ),
            (
                r#"{"event":"a\nwirecat: b","data":"x"}"#,
                "a\\nwirecat: b \"x\"\n",
            ),
            (r#"{"event":"e","data":[]}"#, "e\n  []\n"),
        ] {
            assert_eq!(shown(text, false), expected, "{text}");
        }
        // Not an envelope: the name is not a string, nothing is named, or a member would be hidden.
        for text in [
            r#"{"event":1,"data":2}"#,
            r#"{"event":"e"}"#,
            r#"{"event":"e","data":1,"data":2}"#,
        ] {
            assert!(shown(text, false).starts_with("{\n"), "{text}");
        }
    }

    #[test]
    fn colours_are_those_of_jq() {
        assert_eq!(
            shown(r#"{"k":["s",null,1,true]}"#, true),
            "{\n    \x1b[1;34m\"k\"\x1b[0m: [\n      \x1b[32m\"s\"\x1b[0m,\n      \x1b[90mnull\x1b[0m,\n      1,\n      true\n    ]\n  }\n"
        );
        assert_eq!(
            shown(r#"{"event":"e","k":"v","data":1}"#, true),
            "\x1b[1me\x1b[0m \x1b[1;34mk\x1b[0m=\x1b[32m\"v\"\x1b[0m 1\n"
        );
    }

    #[test]
    fn text_continues_below_its_first_line() {
        assert_eq!(shown("a\n< b\tc", false), "a\n  < b\tc\n");
        assert_eq!(shown("", false), "\n");
    }

    #[test]
    fn large_and_deep_json_is_shown_unchanged() {
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(shown(&nested(MAX_DEPTH), false).contains('\n'));
        assert_eq!(
            shown(&nested(MAX_DEPTH + 1), false),
            nested(MAX_DEPTH + 1) + "\n"
        );
        let large = format!("[\"{}\"]", "x".repeat(MAX_BYTES));
        assert_eq!(shown(&large, false), large + "\n");
    }

    #[test]
    fn binary_is_a_dump() {
        let painter = Painter::new(false);
        let pretty = Pretty {
            terminal: false,
            painter,
        };
        let mut out = Vec::new();
        pretty.push(Data::Binary(b"\x00\xff[]"), &mut out);
        pretty.push(Data::Binary(b""), &mut out);
        let dump = format!("  00000000  00 ff 5b 5d{}  |..[]|", " ".repeat(37));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("binary, 4 bytes\n{dump}\nbinary, 0 bytes\n")
        );
    }
}
