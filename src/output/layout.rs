//! JSON laid out for a width: what fits stands on one line, and in what does not, each array or
//! object that fits. Arrays of scalars that do not fit are filled line by line.
//!
//! It changes white space and which characters are escaped, but never digits, the order of keys, or
//! the meaning. Each value is measured once, from the inside out. A line is wider than the width
//! only if it holds nothing but a key, or a scalar or bracket with its key: these are not broken.

use super::json::push_token;
use super::style::{Painter, Role};
use super::{sanitize, width};
use crate::json::string;
use crate::json::text::{Token, Tokens};

/// Deeper JSON is shown unchanged, because laid out it would be mostly spaces. It also bounds the
/// recursion of [`Layout`].
pub(super) const MAX_DEPTH: usize = 100;
/// What each level is indented by.
const STEP: usize = 2;

/// Which characters of strings are escaped, besides those that JSON requires.
#[derive(Clone, Copy, Default)]
pub(super) struct Escapes {
    /// Those that are dangerous on a terminal.
    pub(super) terminal: bool,
    /// All that are not ASCII.
    pub(super) ascii: bool,
}

/// A value that has been measured.
#[derive(Default)]
pub(super) struct Document {
    /// Strings, numbers and words as they are shown, one after the other.
    shown: String,
    /// The value, then its elements with theirs, in the order of the text.
    nodes: Vec<Node>,
}

/// A value, with its key if it is a member of an object.
struct Node {
    key: Option<Piece>,
    value: Value,
    /// Of the value on one line, without its key.
    columns: usize,
    /// The index after the last of the values in it.
    end: usize,
}

enum Value {
    Scalar(Piece, Option<Role>),
    /// An array or an object, by its bracket.
    Container(u8),
}

/// A part of [`Document::shown`].
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    columns: usize,
}

impl Node {
    fn is_scalar(&self) -> bool {
        matches!(self.value, Value::Scalar(..))
    }

    /// Of the member on one line: the key, `: ` and the value.
    fn member_columns(&self) -> usize {
        self.key.map_or(0, |key| key.columns + 2) + self.columns
    }
}

impl Document {
    /// Measures a text for which [`crate::json::grammar::is_value`] holds. Returns `None` if it is
    /// nested too deeply.
    pub(super) fn read(text: &str, escapes: Escapes) -> Option<Document> {
        let mut reader = Reader {
            escapes,
            ..Reader::default()
        };
        Tokens::new(text).try_for_each(|token| reader.push(token))?;
        Some(reader.document)
    }

    /// The indices of the members or elements of a value.
    pub(super) fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        let end = self.nodes[at].end;
        let next = move |child: &usize| Some(self.nodes[*child].end).filter(|next| *next < end);
        std::iter::successors(Some(at + 1).filter(|first| *first < end), next)
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.nodes[0].value, Value::Container(b'{'))
    }

    /// The key of a member without its quotes.
    pub(super) fn key(&self, at: usize) -> Option<&str> {
        Some(self.unquoted(self.nodes[at].key?))
    }

    /// The content of a string, as it is shown; `None` if the value is not a string.
    pub(super) fn string(&self, at: usize) -> Option<&str> {
        match self.nodes[at].value {
            Value::Scalar(piece, Some(Role::Str)) => Some(self.unquoted(piece)),
            _ => None,
        }
    }

    /// The columns of a value on one line, without its key.
    pub(super) fn columns(&self, at: usize) -> usize {
        self.nodes[at].columns
    }

    fn text(&self, piece: Piece) -> &str {
        &self.shown[piece.start..piece.end]
    }

    fn unquoted(&self, piece: Piece) -> &str {
        let text = self.text(piece);
        text.get(1..text.len() - 1).unwrap_or_default()
    }
}

/// Builds a [`Document`].
#[derive(Default)]
struct Reader {
    escapes: Escapes,
    document: Document,
    /// The containers that are not closed yet.
    open: Vec<usize>,
    /// The key of the next value.
    key: Option<Piece>,
    /// Reused for each string.
    string: Vec<u8>,
}

impl Reader {
    fn push(&mut self, token: Token<'_>) -> Option<()> {
        match token {
            Token::Open(_) if self.open.len() == MAX_DEPTH => return None,
            Token::Open(bracket) => {
                self.open.push(self.document.nodes.len());
                self.node(Value::Container(bracket), 2);
            }
            Token::Close(_) => {
                let at = self.open.pop()?;
                self.complete(at);
            }
            Token::Comma | Token::Colon => {}
            Token::Str(token) => {
                let piece = self.string(token);
                match self.expects_key() {
                    true => self.key = Some(piece),
                    false => self.scalar(piece, Some(Role::Str)),
                }
            }
            Token::Word(word) => {
                let piece = self.piece(word);
                self.scalar(piece, Some(Role::Null).filter(|_| word == "null"));
            }
        }
        Some(())
    }

    fn expects_key(&self) -> bool {
        let parent = self.open.last().map(|at| &self.document.nodes[*at].value);
        self.key.is_none() && matches!(parent, Some(Value::Container(b'{')))
    }

    fn string(&mut self, token: &str) -> Piece {
        let mut string = std::mem::take(&mut self.string);
        string.clear();
        push_token(token, self.escapes.terminal, &mut string);
        if self.escapes.ascii {
            sanitize::to_ascii(&mut string, 0, string::push_escape);
        }
        let piece = self.piece(&String::from_utf8_lossy(&string));
        self.string = string;
        piece
    }

    fn piece(&mut self, text: &str) -> Piece {
        let start = self.document.shown.len();
        self.document.shown.push_str(text);
        Piece {
            start,
            end: self.document.shown.len(),
            columns: width::of(text),
        }
    }

    fn scalar(&mut self, piece: Piece, role: Option<Role>) {
        let at = self.document.nodes.len();
        self.node(Value::Scalar(piece, role), piece.columns);
        self.complete(at);
    }

    fn node(&mut self, value: Value, columns: usize) {
        let end = self.document.nodes.len() + 1;
        let key = self.key.take();
        self.document.nodes.push(Node {
            key,
            value,
            columns,
            end,
        });
    }

    /// All of a value is known: adds its columns to those of the value around it.
    fn complete(&mut self, at: usize) {
        let end = self.document.nodes.len();
        let node = &mut self.document.nodes[at];
        node.end = end;
        let columns = node.member_columns();
        if let Some(&parent) = self.open.last() {
            let comma = if at == parent + 1 { 0 } else { 2 };
            self.document.nodes[parent].columns += columns + comma;
        }
    }
}

/// Writes a document.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) document: &'a Document,
    pub(super) painter: Painter,
    /// Columns of a line.
    pub(super) width: usize,
}

/// Where a value begins, and what follows it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The indentation of the line that it begins on.
    pub(super) indent: usize,
    /// The columns of that line before it.
    pub(super) column: usize,
    /// The columns after it on its last line: that of a comma, or none.
    pub(super) after: usize,
}

impl Layout<'_> {
    /// Appends a value without its key, on as many lines as it needs.
    pub(super) fn value(self, at: usize, place: Place, out: &mut Vec<u8>) {
        let node = &self.document.nodes[at];
        let is_empty = node.end == at + 1;
        if is_empty || place.column + node.columns + place.after <= self.width {
            return self.flat(at, out);
        }
        self.bracket(at, 0, out);
        self.elements(at, self.indent(place.indent + STEP), out);
        newline(place.indent, out);
        self.bracket(at, 2, out);
    }

    /// Appends the elements of a container that does not fit, each line with its line feed before
    /// it.
    fn elements(self, at: usize, indent: usize, out: &mut Vec<u8>) {
        let Document { nodes, .. } = self.document;
        let fills = self.is_filled(at);
        let mut column = self.width;
        for child in self.document.children(at) {
            let after = usize::from(nodes[child].end < nodes[at].end);
            let columns = nodes[child].member_columns() + after;
            match fills && column + 1 + columns <= self.width {
                true => {
                    out.push(b' ');
                    column += 1;
                }
                false => {
                    newline(indent, out);
                    column = indent;
                }
            }
            let place = Place {
                indent,
                column: column + self.key(child, out),
                after,
            };
            self.value(child, place, out);
            out.extend_from_slice(&b","[..after]);
            column += columns;
        }
    }

    /// Whether a container is an array of scalars, which may share a line.
    fn is_filled(self, at: usize) -> bool {
        let Document { nodes, .. } = self.document;
        matches!(nodes[at].value, Value::Container(b'['))
            && self
                .document
                .children(at)
                .all(|child| nodes[child].is_scalar())
    }

    /// Deep levels share an indentation, so that there is room for what is in them.
    fn indent(self, indent: usize) -> usize {
        indent.min(self.width / 2)
    }

    /// Appends a value on one line, without its key.
    pub(super) fn flat(self, at: usize, out: &mut Vec<u8>) {
        if let Value::Scalar(piece, role) = self.document.nodes[at].value {
            return self.piece(piece, role, out);
        }
        self.bracket(at, 0, out);
        for child in self.document.children(at) {
            if child > at + 1 {
                out.extend_from_slice(b", ");
            }
            self.key(child, out);
            self.flat(child, out);
        }
        self.bracket(at, 2, out);
    }

    /// Appends the bracket that opens a container, or the one that closes it: `[` and `]`, `{` and
    /// `}` are two apart.
    fn bracket(self, at: usize, offset: u8, out: &mut Vec<u8>) {
        if let Value::Container(bracket) = self.document.nodes[at].value {
            out.push(bracket + offset);
        }
    }

    /// Appends the key of a member and `: `; returns their columns.
    fn key(self, at: usize, out: &mut Vec<u8>) -> usize {
        let Some(key) = self.document.nodes[at].key else {
            return 0;
        };
        self.piece(key, Some(Role::Key), out);
        out.extend_from_slice(b": ");
        key.columns + 2
    }

    fn piece(self, piece: Piece, role: Option<Role>, out: &mut Vec<u8>) {
        let text = self.document.text(piece).as_bytes();
        match role {
            Some(role) => self
                .painter
                .paint(role, out, |out| out.extend_from_slice(text)),
            None => out.extend_from_slice(text),
        }
    }
}

pub(super) fn newline(indent: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Document> {
        let (terminal, ascii) = (true, false);
        Document::read(text, Escapes { terminal, ascii })
    }

    /// The value after a mark of two columns, whose lines are indented by as much.
    fn laid_out(text: &str, width: usize) -> String {
        let document = read(text).unwrap();
        let layout = Layout {
            document: &document,
            painter: Painter::new(false),
            width,
        };
        let place = Place {
            indent: 2,
            column: 2,
            after: 0,
        };
        let mut out = b"< ".to_vec();
        layout.value(0, place, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_fits_stands_on_one_line() {
        let text = r#"{"n":1,"price":1.50,"tags":[ "a",null ],"e":{},"f":[]}"#;
        let line = r#"< {"n": 1, "price": 1.50, "tags": ["a", null], "e": {}, "f": []}"#;
        assert_eq!(laid_out(text, line.len()), line);
        let broken = [
            "< {",
            "    \"n\": 1,",
            "    \"price\": 1.50,",
            "    \"tags\": [\"a\", null],",
            "    \"e\": {},",
            "    \"f\": []",
            "  }",
        ];
        assert_eq!(laid_out(text, line.len() - 1), broken.join("\n"));
    }

    #[test]
    fn a_comma_needs_its_column_too() {
        let text = r#"[{"a":10},{"b":20}]"#;
        for (width, first) in [
            (15, "    {\"a\": 10},"),
            (14, "    {\"a\": 10},"),
            (13, "    {"),
        ] {
            let shown = laid_out(text, width);
            assert_eq!(shown.lines().nth(1), Some(first), "{width}");
        }
    }

    #[test]
    fn scalars_of_an_array_share_lines() {
        let shown = laid_out("[100,200,300,400,\"五百\",600]", 18);
        let expected = "< [\n    100, 200, 300,\n    400, \"五百\",\n    600\n  ]";
        assert_eq!(shown, expected);
        // With an object among them each has its line.
        let shown = laid_out("[100,200,{\"a\":100}]", 18);
        assert_eq!(shown, "< [\n    100,\n    200,\n    {\"a\": 100}\n  ]");
    }

    #[test]
    fn deep_levels_leave_room() {
        let deep = "[".repeat(MAX_DEPTH - 1) + r#"{"key":[1]}"# + &"]".repeat(MAX_DEPTH - 1);
        assert!(read(&deep).is_none());
        let deep = "[".repeat(50) + r#"{"key":[1]}"# + &"]".repeat(50);
        let shown = laid_out(&deep, 40);
        let inner = shown.lines().find(|line| line.contains("key")).unwrap();
        assert!(inner.starts_with(&(" ".repeat(20) + "[")), "{shown}");
        assert!(shown.lines().all(|line| line.len() <= 40), "{shown}");
    }

    /// JSON with everything that a layout could lose.
    fn json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            prop::sample::select(vec![
                "null",
                "true",
                "false",
                "\"\"",
                "\"世界 👩\u{200d}🚀\""
            ])
            .prop_map(str::to_owned),
            "\"[a-z ,:{}\\[\\]é世]{0,30}\"",
            prop::sample::select(vec![r#""\u001b\n\"\\""#, r#""\ud83d""#]).prop_map(str::to_owned),
        ];
        scalar.prop_recursive(6, 60, 8, |inner| {
            let member = ("\"[abé ]{0,12}\"", inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..8).prop_map(|all| format!("[{}]", all.join(","))),
                prop::collection::vec(member, 0..8).prop_map(|all| {
                    let all = all.into_iter().map(|(key, value)| format!("{key}:{value}"));
                    format!("{{{}}}", all.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    /// Whether there is nowhere to break a line: after its key there is one scalar, a bracket that
    /// opens a value, or an empty value.
    fn is_unbreakable(line: &str) -> bool {
        let mut tokens: Vec<Token<'_>> = Tokens::new(line).collect();
        tokens.pop_if(|token| matches!(token, Token::Comma));
        let value = match tokens[..] {
            [Token::Str(_), Token::Colon, ref value @ ..] => value,
            ref value => value,
        };
        value.len() == 1 || matches!(value, [Token::Open(_), Token::Close(_)])
    }

    proptest! {
        #[test]
        fn only_white_space_changes(text in json(), width in 10_usize..200) {
            let shown = laid_out(&text, width);
            let value = shown.strip_prefix("< ").unwrap();
            let tokens = |text: &str| -> Vec<String> {
                Tokens::new(text).map(|token| format!("{token:?}")).collect()
            };
            // Only escapes of harmless characters would change, and there are none.
            prop_assert_eq!(tokens(value), tokens(&text));
        }

        #[test]
        fn no_line_is_too_wide(text in json(), width in 10_usize..200) {
            let shown = laid_out(&text, width);
            for line in shown.lines() {
                let line = line.strip_prefix("< ").map_or(line.to_owned(), |rest| format!("  {rest}"));
                let fits = width::of(&line) <= width;
                prop_assert!(fits || is_unbreakable(&line), "{}", shown);
            }
        }

        #[test]
        fn a_value_that_fits_is_not_broken(text in json()) {
            prop_assert_eq!(laid_out(&text, usize::MAX).lines().count(), 1);
        }
    }
}
