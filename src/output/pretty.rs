//! Messages for people: JSON laid out and coloured, the name of an event first, binary as a dump.
//!
//! Digits, the order of keys and the meaning never change. Every line of a message but the first is
//! indented under the mark, so that none looks like another message.

use super::fold::{DUMP_ROWS, Fold};
use super::layout::{Document, Escapes, Layout, Place, newline};
use super::style::{Painter, Role};
use super::{hexdump, sanitize, width};
use crate::codec;
use crate::json::grammar;
use crate::message::Data;

/// Longer JSON is shown unchanged, because the run waits while it is laid out.
const MAX_BYTES: usize = 256 << 10;
/// The indentation of continuation lines: the width of the mark.
pub(super) const INDENT: usize = 2;

/// The distance of tab stops, from the beginning of the text.
const TAB: usize = 8;

/// The output and its settings.
#[derive(Clone, Copy)]
pub(super) struct Pretty {
    /// Whether the output is a terminal, for which dangerous characters must be escaped.
    pub(super) terminal: bool,
    /// Whether it has ASCII only.
    pub(super) ascii: bool,
    pub(super) painter: Painter,
    /// Columns of a line.
    pub(super) width: usize,
    /// `--plain`: every message is one line.
    pub(super) plain: bool,
    /// How a dump is cut, if it is.
    pub(super) folded: Option<Fold>,
}

impl Pretty {
    /// Appends a message, ended by a line feed, after a time stamp and a mark of `column` columns.
    pub(super) fn push(self, data: Data<'_>, column: usize, out: &mut Vec<u8>) {
        match data {
            Data::Text(text) if self.push_json(text, column, out) => {}
            Data::Text(text) if self.plain => {
                sanitize::line(text, out);
                out.push(b'\n');
            }
            Data::Text(text) => self.push_text(text, out),
            Data::Binary(data) => self.push_binary(data, out),
        }
    }

    fn push_text(self, text: &str, out: &mut Vec<u8>) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                newline(INDENT, out);
            }
            match self.terminal {
                true => self.push_expanded(line, out),
                false => out.extend_from_slice(line.as_bytes()),
            }
        }
        out.push(b'\n');
    }

    /// Appends a line of text whose tabs are spaces, so that its columns are known.
    fn push_expanded(self, line: &str, out: &mut Vec<u8>) {
        let mut column = 0;
        for (number, text) in line.split('\t').enumerate() {
            if number > 0 {
                let spaces = TAB - column % TAB;
                out.resize(out.len() + spaces, b' ');
                column += spaces;
            }
            let from = out.len();
            sanitize::line(text, out);
            if self.ascii {
                sanitize::to_ascii(out, from, sanitize::push_char);
            }
            column += width::of(&String::from_utf8_lossy(&out[from..]));
        }
    }

    fn push_binary(self, data: &[u8], out: &mut Vec<u8>) {
        let bytes = if data.len() == 1 { "byte" } else { "bytes" };
        out.extend_from_slice(format!("binary, {} {bytes}", data.len()).as_bytes());
        let count = match self.plain {
            true => 16,
            false => hexdump::bytes_per_line(self.width, INDENT),
        };
        let rows = self.folded.map(|fold| fold.rows.min(DUMP_ROWS));
        let most = rows.map_or(data.len(), |rows| data.len().min(rows * count));
        let (shown, rest) = data.split_at(most);
        let notes = self.folded.filter(|_| !rest.is_empty());
        let notes = notes.map(|fold| fold.notes);
        if self.plain {
            out.push(b' ');
            codec::push_hex(shown, out);
            let note = notes.map(|notes| format!(" {}", notes.text(rest.len(), "byte")));
            out.extend_from_slice(note.unwrap_or_default().as_bytes());
            return out.push(b'\n');
        }
        out.push(b'\n');
        hexdump::push_lines(shown, count, INDENT, out);
        if let Some(notes) = notes {
            notes.push(rest.len(), "byte", out);
        }
    }

    /// Returns `false` and appends nothing if `text` is not JSON that can be laid out.
    pub(super) fn push_json(self, text: &str, column: usize, out: &mut Vec<u8>) -> bool {
        let escapes = Escapes {
            terminal: self.terminal,
            ascii: self.ascii,
        };
        let Some(document) = read(text, escapes) else {
            return false;
        };
        let layout = Layout {
            document: &document,
            painter: self.painter,
            width: if self.plain { usize::MAX } else { self.width },
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
fn read(text: &str, escapes: Escapes) -> Option<Document> {
    let is_candidate = text.len() <= MAX_BYTES && text.trim_start().starts_with(['{', '[']);
    (is_candidate && grammar::is_value(text))
        .then(|| Document::read(text, escapes))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::super::fold::Notes;
    use super::super::layout::MAX_DEPTH;
    use super::*;
    use proptest::prelude::*;

    fn laid_out(text: &str, width: usize, color: bool) -> String {
        let pretty = Pretty {
            terminal: true,
            ascii: false,
            painter: Painter::new(color),
            width,
            plain: false,
            folded: None,
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
        assert_eq!(shown("a\n< b\tc", false), "a\n  < b     c\n");
        assert_eq!(shown("", false), "\n");
    }

    #[test]
    fn tabs_are_spaces_and_other_controls_escapes() {
        for (text, expected) in [
            ("a\tb\t\tc", "a       b               c\n"),
            ("世界\tb", "世界    b\n"),
            ("\x1b\t1234567\tx", "\\x1b    1234567 x\n"),
            ("a\r\nb", "a\\x0d\n  b\n"),
        ] {
            assert_eq!(shown(text, false), expected);
        }
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

    fn binary(data: &[u8], width: usize, plain: bool, folds: bool) -> String {
        let painter = Painter::new(false);
        let notes = Notes {
            painter,
            ascii: false,
        };
        let fold = Fold {
            rows: 18,
            columns: width,
            notes,
            plain,
        };
        let pretty = Pretty {
            terminal: true,
            ascii: false,
            painter,
            width,
            plain,
            folded: folds.then_some(fold),
        };
        let mut out = Vec::new();
        pretty.push(Data::Binary(data), 2, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn binary_is_a_dump() {
        let dump = format!("  00000000  00 ff 5b 5d{}  |..[]|", " ".repeat(37));
        assert_eq!(
            binary(b"\x00\xff[]", 80, false, true),
            format!("binary, 4 bytes\n{dump}\n")
        );
        assert_eq!(binary(b"", 80, false, true), "binary, 0 bytes\n");
        assert_eq!(
            binary(b"\x00\xff[]", 40, false, true),
            "binary, 4 bytes\n  00000000  00 ff 5b 5d  |..[]|\n"
        );
        assert_eq!(binary(b"x\xff", 80, true, true), "binary, 2 bytes 78ff\n");
    }

    #[test]
    fn a_dump_ends_after_sixteen_rows() {
        let data = [7; 3368];
        let shown = binary(&data, 80, false, true);
        assert_eq!(shown.lines().count(), 18);
        assert!(
            shown.ends_with("|\n  … 3,112 more bytes, /more\n"),
            "{shown}"
        );
        assert_eq!(binary(&data[..256], 80, false, true).lines().count(), 17);
        assert_eq!(binary(&data, 80, false, false).lines().count(), 1 + 211);
        let shown = binary(&data, 80, true, true);
        assert!(
            shown.ends_with("0707 … 3,112 more bytes, /more\n"),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), 1);
    }

    /// The text without white space; no string in the tests below has any.
    fn squeezed(text: &str) -> String {
        text.split_whitespace().collect()
    }

    proptest! {
        #[test]
        fn the_width_of_an_event_changes_only_white_space(
            name in "[a-zé世]{1,20}",
            fields in prop::collection::vec(("[f-k]{1,9}", VALUES), 0..5),
            data in VALUES,
            width in 10_usize..120,
        ) {
            let member = |(key, value): &(String, String)| format!("\"{key}\":{value},");
            let members: String = fields.iter().map(member).collect();
            let text = format!("{{\"event\":\"{name}\",{members}\"data\":{data}}}");
            let field = |(key, value): &(String, String)| format!("{key}={value}");
            let fields: String = fields.iter().map(field).collect();
            let shown = laid_out(&text, width, false);
            prop_assert_eq!(squeezed(&shown), format!("{name}{fields}{data}"));
        }
    }

    /// Values without white space, of several shapes.
    const VALUES: &str = r#"-?[1-9][0-9]{0,9}|null|"[a-zé]{0,30}"|\[([1-9],){0,9}1\]|\{"a":\[("x{0,9}",){0,3}\{"b":true\}\]\}"#;
}
