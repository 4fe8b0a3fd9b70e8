//! Messages for people: JSON laid out and coloured, the name of an event first, binary as a dump.
//!
//! Digits, the order of keys and the meaning never change. Every line of a message but the first is
//! indented under the mark, so that none looks like another message.

use super::layout::{Document, Layout, Place, newline};
use super::style::{Painter, Role};
use super::{hexdump, sanitize, width};
use crate::json::grammar;
use crate::message::Data;

/// Longer JSON is shown unchanged, because the run waits while it is laid out.
const MAX_BYTES: usize = 256 << 10;
/// The indentation of continuation lines: the width of the mark.
pub(super) const INDENT: usize = 2;

/// The output and its settings.
#[derive(Clone, Copy)]
pub(super) struct Pretty {
    /// Whether the output is a terminal, for which dangerous characters must be escaped.
    pub(super) terminal: bool,
    pub(super) painter: Painter,
    /// Columns of a line.
    pub(super) width: usize,
}

impl Pretty {
    /// Appends a message, ended by a line feed, after a time stamp and a mark of `column` columns.
    pub(super) fn push(self, data: Data<'_>, column: usize, out: &mut Vec<u8>) {
        match data {
            Data::Text(text) if self.push_json(text, column, out) => {}
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

    /// Returns `false` and appends nothing if `text` is not JSON that can be laid out.
    fn push_json(self, text: &str, column: usize, out: &mut Vec<u8>) -> bool {
        let Some(document) = read(text, self.terminal) else {
            return false;
        };
        let layout = Layout {
            document: &document,
            painter: self.painter,
            width: self.width,
        };
        let place = Place {
            indent: INDENT,
            column,
            after: 0,
        };
        match Envelope::find(&document) {
            Some(envelope) => envelope.push(layout, place, out),
            None => layout.value(0, place, out),
        }
        out.push(b'\n');
        true
    }
}

/// An object with an event name, its data, and other members. The name is without its quotes; the
/// other parts are indices in the document.
struct Envelope<'a> {
    name: &'a str,
    fields: Vec<usize>,
    data: usize,
}

impl<'a> Envelope<'a> {
    fn find(document: &'a Document) -> Option<Self> {
        if !document.is_object() {
            return None;
        }
        let mut fields: Vec<usize> = document.children(0).collect();
        // A second one would be hidden: such an object is shown unchanged.
        let mut take = |key: &str| {
            let is_key = |at: &usize| document.key(*at) == Some(key);
            let at = fields.iter().position(is_key)?;
            let only = !fields[at + 1..].iter().any(is_key);
            only.then(|| fields.remove(at))
        };
        let data = take("data").or_else(|| take("payload"))?;
        let name = take("event").or_else(|| take("type"))?;
        let name = document.string(name)?;
        Some(Envelope { name, fields, data })
    }

    /// Appends `name key=value … data`. If the name and the other members do not fit on one line,
    /// each has its own; if the data does not fit after them, it begins on the next.
    fn push(&self, layout: Layout<'_>, place: Place, out: &mut Vec<u8>) {
        push_bare(layout.painter, Role::Tag, self.name, out);
        let head = place.column + width::of(self.name) + self.fields_columns(layout.document);
        let head_fits = head <= layout.width;
        for &field in &self.fields {
            push_field(field, layout, head_fits, out);
        }
        if head_fits && head + 1 + layout.document.columns(self.data) <= layout.width {
            out.push(b' ');
            return layout.flat(self.data, out);
        }
        newline(INDENT, out);
        let column = INDENT;
        layout.value(self.data, Place { column, ..place }, out);
    }

    /// The columns of ` key=value` for each field on one line.
    fn fields_columns(&self, document: &Document) -> usize {
        let columns = |field: &usize| {
            let key = document.key(*field).unwrap_or_default();
            2 + width::of(key) + document.columns(*field)
        };
        self.fields.iter().map(columns).sum()
    }
}

/// Appends ` key=value`, or that on a line of its own.
fn push_field(at: usize, layout: Layout<'_>, same_line: bool, out: &mut Vec<u8>) {
    let key = layout.document.key(at).unwrap_or_default();
    match same_line {
        true => out.push(b' '),
        false => newline(INDENT, out),
    }
    push_bare(layout.painter, Role::Key, key, out);
    out.push(b'=');
    if same_line {
        return layout.flat(at, out);
    }
    let place = Place {
        indent: INDENT,
        column: INDENT + width::of(key) + 1,
        after: 0,
    };
    layout.value(at, place, out);
}

/// Appends the content of a string without its quotes; its escapes keep it on one line.
fn push_bare(painter: Painter, role: Role, text: &str, out: &mut Vec<u8>) {
    painter.paint(role, out, |out| out.extend_from_slice(text.as_bytes()));
}

/// Measures a text if it is an array or an object that can be laid out.
fn read(text: &str, terminal: bool) -> Option<Document> {
    let is_candidate = text.len() <= MAX_BYTES && text.trim_start().starts_with(['{', '[']);
    (is_candidate && grammar::is_value(text))
        .then(|| Document::read(text, terminal))
        .flatten()
}

fn push_binary(data: &[u8], out: &mut Vec<u8>) {
    let bytes = if data.len() == 1 { "byte" } else { "bytes" };
    out.extend_from_slice(format!("binary, {} {bytes}\n", data.len()).as_bytes());
    hexdump::push(data, INDENT, out);
}

#[cfg(test)]
mod tests {
    use super::super::layout::MAX_DEPTH;
    use super::*;

    fn laid_out(text: &str, width: usize, color: bool) -> String {
        let pretty = Pretty {
            terminal: true,
            painter: Painter::new(color),
            width,
        };
        let mut out = b"< ".to_vec();
        pretty.push(Data::Text(text), 2, &mut out);
        let shown = String::from_utf8(out).unwrap();
        shown.strip_prefix("< ").unwrap().to_owned()
    }

    fn shown(text: &str, color: bool) -> String {
        laid_out(text, 80, color)
    }

    #[test]
    fn json_is_laid_out_and_nothing_in_it_changes() {
        for (text, expected) in [
            (
                r#"{"b":1.10,"a":[1E400,-0,{}],"b":[]}"#,
                "{\"b\": 1.10, \"a\": [1E400, -0, {}], \"b\": []}\n",
            ),
            (" [ ] ", "[]\n"),
            (r#"["\u001b[31m","\u00e9"]"#, "[\"\\u001b[31m\", \"é\"]\n"),
            ("\"text\"", "\"text\"\n"),
            ("[1", "[1\n"),
            (
                r#"{"$serde_json::private::Number":"1"}"#,
                "{\"$serde_json::private::Number\": \"1\"}\n",
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
                "message room=\"a b\" seq=7 {\"x\": 1}\n",
            ),
            (
                r#"{"type":"tick","data":42,"to":[1, 2]}"#,
                "tick to=[1, 2] 42\n",
            ),
            (
                r#"{"event":"joined","payload":{},"ref":null}"#,
                "joined ref=null {}\n",
            ),
            (r#"{"event":"e","payload":1,"data":2}"#, "e payload=1 2\n"),
            (
                r#"{"type":"t","event":"e","data":null}"#,
                "e type=\"t\" null\n",
            ),
            (
                r#"{"event":"a\nwirecat: b","data":"x"}"#,
                "a\\nwirecat: b \"x\"\n",
            ),
            (r#"{"event":"e","data":[]}"#, "e []\n"),
        ] {
            assert_eq!(shown(text, false), expected, "{text}");
        }
        // Not an envelope: the name is not a string, nothing is named, or a member would be hidden.
        for text in [
            r#"{"event":1,"data":2}"#,
            r#"{"event":"e"}"#,
            r#"{"event":"e","data":1,"data":2}"#,
            r#"[{"event":"e","data":1}]"#,
        ] {
            assert!(shown(text, false).starts_with(['{', '[']), "{text}");
        }
    }

    #[test]
    fn an_event_that_does_not_fit_has_its_data_below_it() {
        let text = r#"{"event":"message","room":"news","seq":7,"data":{"from":"xiao","x":[1,2]}}"#;
        for (width, expected) in [
            (
                57,
                "message room=\"news\" seq=7 {\"from\": \"xiao\", \"x\": [1, 2]}\n",
            ),
            (
                56,
                "message room=\"news\" seq=7\n  {\"from\": \"xiao\", \"x\": [1, 2]}\n",
            ),
            (
                30,
                "message room=\"news\" seq=7\n  {\n    \"from\": \"xiao\",\n    \"x\": [1, 2]\n  }\n",
            ),
            (
                26,
                "message\n  room=\"news\"\n  seq=7\n  {\n    \"from\": \"xiao\",\n    \"x\": [1, 2]\n  }\n",
            ),
        ] {
            assert_eq!(laid_out(text, width, false), expected, "{width}");
        }
        let text = r#"{"event":"e","f":[[1,2],[3,4]],"data":1}"#;
        assert_eq!(
            laid_out(text, 14, false),
            "e\n  f=[\n    [1, 2],\n    [3, 4]\n  ]\n  1\n"
        );
    }

    #[test]
    fn colours_are_those_of_jq() {
        assert_eq!(
            shown(r#"{"k":["s",null,1,true]}"#, true),
            "{\x1b[1;34m\"k\"\x1b[0m: [\x1b[32m\"s\"\x1b[0m, \x1b[90mnull\x1b[0m, 1, true]}\n"
        );
        assert_eq!(
            shown(r#"{"event":"e","k":"v","data":1}"#, true),
            "\x1b[1;35me\x1b[0m \x1b[1;34mk\x1b[0m=\x1b[32m\"v\"\x1b[0m 1\n"
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
        assert!(shown(&nested(MAX_DEPTH), false).starts_with("[\n"));
        assert_eq!(
            shown(&nested(MAX_DEPTH + 1), false),
            nested(MAX_DEPTH + 1) + "\n"
        );
        let large = format!("[\"{}\"]", "x".repeat(MAX_BYTES));
        assert_eq!(shown(&large, false), large + "\n");
    }

    #[test]
    fn binary_is_a_dump() {
        let pretty = Pretty {
            terminal: false,
            painter: Painter::new(false),
            width: 80,
        };
        let mut out = Vec::new();
        pretty.push(Data::Binary(b"\x00\xff[]"), 2, &mut out);
        pretty.push(Data::Binary(b""), 2, &mut out);
        let dump = format!("  00000000  00 ff 5b 5d{}  |..[]|", " ".repeat(37));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("binary, 4 bytes\n{dump}\nbinary, 0 bytes\n")
        );
    }
}
