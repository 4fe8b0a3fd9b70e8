//! How a line looks while it is typed: what is coloured in it, and what of it must not reach the
//! terminal. Pure. The result is as wide as the line, because the editor counts columns by the line.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::output::sanitize::{find_dangerous, is_dangerous};
use crate::output::style::{ESCAPE, Painter, Role};

/// Longer lines are not coloured, in bytes.
pub(super) const COLOURED: usize = 4096;

/// What is known of the names in a line.
pub(super) struct Known<'a> {
    /// Whether there is a command of this name.
    pub(super) command: &'a dyn Fn(&str) -> bool,
    /// Whether there is a variable of this name.
    pub(super) variable: &'a dyn Fn(&str) -> bool,
}

/// A part of the line, and its colour.
type Span = (Range<usize>, Role);

/// Whether anything in this line is coloured.
pub(super) fn has_colours(line: &str) -> bool {
    line.len() <= COLOURED
        && (line.trim_start().starts_with(['/', '!', '{', '[']) || line.contains("{{"))
}

/// The line in colour, for `painter`, where it is safe as it is. `width` is that of a grapheme as the editor counts it.
pub(super) fn paint(
    line: &str,
    known: &Known<'_>,
    painter: Painter,
    width: &dyn Fn(&str) -> usize,
) -> String {
    if !is_safe(line) {
        return safe(line, width);
    }
    let mut out = Vec::with_capacity(line.len() * 2);
    let mut at = 0;
    for (range, role) in spans(line, known) {
        out.extend_from_slice(&line.as_bytes()[at..range.start]);
        painter.paint(role, &mut out, |out| {
            out.extend_from_slice(&line.as_bytes()[range.clone()]);
        });
        at = range.end;
    }
    out.extend_from_slice(&line.as_bytes()[at..]);
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the line can be shown as it is.
pub(super) fn is_safe(line: &str) -> bool {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    let mut parts = line.split(['\n', '\t']);
    line.as_bytes().iter().all(plain) || parts.all(|part| find_dangerous(part).is_none())
}

/// The line without colours, and without what must not reach the terminal.
pub(super) fn safe(line: &str, width: &dyn Fn(&str) -> usize) -> String {
    let mut out = Vec::with_capacity(line.len());
    Safe::new(width).push(line, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Replaces what a terminal would act on by as many `?` as the editor counts columns for it: usually
/// none. The editor counts none for what looks like an escape sequence, so that is left out as well.
struct Safe<'a> {
    width: &'a dyn Fn(&str) -> usize,
    sequence: Sequence,
}

/// The escape sequences that the editor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sequence {
    None,
    Escape,
    /// `ESC [` and its parameters.
    Control,
}

impl<'a> Safe<'a> {
    fn new(width: &'a dyn Fn(&str) -> usize) -> Self {
        Safe {
            width,
            sequence: Sequence::None,
        }
    }

    fn push(&mut self, text: &str, out: &mut Vec<u8>) {
        for grapheme in text.graphemes(true) {
            if self.is_left_out(grapheme) {
                continue;
            }
            match grapheme {
                "\n" | "\t" => out.extend_from_slice(grapheme.as_bytes()),
                _ if find_dangerous(grapheme).is_none() => {
                    out.extend_from_slice(grapheme.as_bytes());
                }
                _ => out.extend(std::iter::repeat_n(b'?', (self.width)(grapheme))),
            }
        }
    }

    fn is_left_out(&mut self, grapheme: &str) -> bool {
        let parameter = grapheme == ";" || grapheme.starts_with(|c: char| c.is_ascii_digit());
        if matches!(grapheme, "\n" | "\t") {
            return false;
        }
        self.sequence = match self.sequence {
            Sequence::None if grapheme == ESCAPE => Sequence::Escape,
            Sequence::None => return false,
            Sequence::Escape if grapheme == "[" => Sequence::Control,
            Sequence::Control if parameter => Sequence::Control,
            Sequence::Escape | Sequence::Control => {
                self.sequence = Sequence::None;
                return true;
            }
        };
        true
    }
}

/// What is coloured, in order.
fn spans(line: &str, known: &Known<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    let rest = command(line, known, &mut spans);
    let json = rest + (line[rest..].len() - line[rest..].trim_start().len());
    if line[json..].starts_with(['{', '[']) {
        Json::new(line, json).spans(&mut spans);
    }
    for (range, name) in placeholders(line, rest) {
        let role = match (known.variable)(name) {
            true => Role::Name,
            false => Role::Failure,
        };
        insert(&mut spans, range, role);
    }
    spans
}

/// Colours the command, and returns where its arguments begin, or the message.
fn command(line: &str, known: &Known<'_>, spans: &mut Vec<Span>) -> usize {
    if line.starts_with('!') {
        spans.push((0..1, Role::Name));
        return line.len();
    }
    let Some(rest) = line.strip_prefix('/') else {
        return 0;
    };
    if rest.starts_with('/') {
        spans.push((0..1, Role::Aside));
        return 1;
    }
    let word = rest.split([' ', '\n']).next().unwrap_or(rest);
    let end = 1 + word.len();
    match (known.command)(word) {
        true => spans.push((0..end, Role::Name)),
        false => spans.push((0..end, Role::Failure)),
    }
    end
}

/// Puts a span into those that there are; it covers what they have there.
fn insert(spans: &mut Vec<Span>, range: Range<usize>, role: Role) {
    let mut result = Vec::with_capacity(spans.len() + 2);
    for (other, theirs) in spans.drain(..) {
        let before = other.start..other.end.min(range.start);
        let after = other.start.max(range.end)..other.end;
        for part in [before, after] {
            if part.start < part.end {
                result.push((part, theirs));
            }
        }
    }
    let at = result.partition_point(|(other, _)| other.start < range.start);
    result.insert(at, (range, role));
    *spans = result;
}

/// Every `{{NAME}}` from `from` on; a generated one begins with `$`.
fn placeholders(line: &str, from: usize) -> impl Iterator<Item = (Range<usize>, &str)> {
    let rest = &line[from..];
    rest.match_indices("{{").filter_map(move |(at, _)| {
        let name = &rest[at + 2..];
        let name = &name[..name.find("}}")?];
        let plain = name.strip_prefix('$').unwrap_or(name);
        let start = from + at;
        crate::template::is_name(plain).then(|| (start..start + name.len() + 4, name))
    })
}

/// JSON that need not be complete.
struct Json<'a> {
    line: &'a str,
    at: usize,
    /// Where the brackets are that are open.
    open: Vec<usize>,
}

impl<'a> Json<'a> {
    fn new(line: &'a str, at: usize) -> Self {
        Json {
            line,
            at,
            open: Vec::new(),
        }
    }

    /// Appends the colours of strings, keys, words, and brackets that are open or wrong.
    fn spans(mut self, spans: &mut Vec<Span>) {
        let bytes = self.line.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            let start = self.at;
            self.at += 1;
            match byte {
                b'"' => {
                    self.at = self.string_end();
                    spans.push((start..self.at, self.role_of_string()));
                }
                b'{' | b'[' => self.open.push(start),
                b'}' | b']' => {
                    let opened = self.open.pop().map(|at| bytes[at]);
                    if opened != Some(if *byte == b'}' { b'{' } else { b'[' }) {
                        spans.push((start..self.at, Role::Failure));
                    }
                }
                b't' | b'f' | b'n' => self.word(start, spans),
                _ => {}
            }
        }
        for at in std::mem::take(&mut self.open) {
            insert(spans, at..at + 1, Role::Name);
        }
    }

    fn string_end(&self) -> usize {
        let bytes = self.line.as_bytes();
        let mut at = self.at;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        bytes.len()
    }

    fn role_of_string(&self) -> Role {
        match self.line[self.at..].trim_start().starts_with(':') {
            true => Role::Key,
            false => Role::Str,
        }
    }

    fn word(&mut self, start: usize, spans: &mut Vec<Span>) {
        let rest = &self.line[start..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        self.at = start + end.unwrap_or(rest.len());
        if matches!(&self.line[start..self.at], "true" | "false" | "null") {
            spans.push((start..self.at, Role::Null));
        }
    }
}

/// Text from elsewhere that may be put into a line as it is.
pub(super) fn may_be_inserted(text: &str) -> bool {
    !text
        .chars()
        .any(|c| is_dangerous(c) && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: Known<'static> = Known {
        command: &|name| name == "send",
        variable: &|name| name == "x",
    };

    fn roles(line: &str) -> String {
        let spans = spans(line, &KNOWN).into_iter();
        let shown = spans.map(|(range, role)| format!("{role:?} {}", &line[range]));
        shown.collect::<Vec<_>>().join("|")
    }

    fn none(_: &str) -> usize {
        0
    }

    #[test]
    fn parts_of_a_line_have_colours() {
        for (line, shown) in [
            ("hello", ""),
            ("/send a", "Name /send"),
            ("/sned a", "Failure /sned"),
            ("//sned", "Aside /"),
            ("!ls", "Name !"),
            (r#"{"a":"b",1:null}"#, r#"Key "a"|Str "b"|Null null"#),
            (r#"/send {"a" : true}"#, r#"Name /send|Key "a"|Null true"#),
            (r#"{"a":["#, r#"Name {|Key "a"|Name ["#),
            ("[1}", "Failure }"),
            (r#"{"a":"unclo"#, r#"Name {|Key "a"|Str "unclo"#),
            (
                "a {{x}} {{y}} {{$n}}",
                "Name {{x}}|Failure {{y}}|Failure {{$n}}",
            ),
            (r#"{"a":"b{{x}}c"}"#, r#"Key "a"|Str "b|Name {{x}}|Str c""#),
            (r#"{"a":{{x}}}"#, r#"Key "a"|Name {{x}}"#),
            ("{nulls:nul", "Name {"),
        ] {
            assert_eq!(roles(line), shown, "{line}");
        }
    }

    #[test]
    fn what_a_terminal_acts_on_is_left_out_as_the_editor_counts_it() {
        for (line, shown) in [
            ("plain", "plain"),
            ("a\nb\tc", "a\nb\tc"),
            ("a\x07b\x08c", "abc"),
            ("a\x1b[31mb", "ab"),
            ("a\x1b[31;1mb", "ab"),
            ("a\x1b]0;t\x07b", "a0;tb"),
            ("a\u{9b}31mb", "a31mb"),
            ("a\u{202e}b", "ab"),
            ("a\x1b\nbc", "a\nc"),
            ("日本 👍🏽 é", "日本 👍🏽 é"),
        ] {
            assert_eq!(safe(line, &none), shown, "{line:?}");
        }
        assert_eq!(safe("a\u{3164}b", &|_| 2), "a??b");
    }

    #[test]
    fn a_command_that_ends_with_line_ends_stays_safe() {
        let shown = safe("/\r\n", &none);
        assert_eq!(paint("/\r\n", &KNOWN, Painter::new(false), &none), shown);
        assert!(is_safe(&shown));
    }

    proptest! {
        #[test]
        fn no_line_reaches_the_terminal_raw_and_no_other_character_is_lost(line in "(?s)[/{]?.{0,40}") {
            let shown = safe(&line, &none);
            let painted = paint(&line, &KNOWN, Painter::new(false), &none);
            prop_assert_eq!(&painted, &shown);
            prop_assert!(is_safe(&shown), "{:?}", shown);
            if is_safe(&line) {
                prop_assert_eq!(shown, line);
            }
        }

        #[test]
        fn spans_are_in_order_and_do_not_overlap(line in "[/{\\[\\]}\":, \\\\x$ntrue]{0,40}") {
            let mut at = 0;
            for (range, _) in spans(&line, &KNOWN) {
                prop_assert!(at <= range.start && range.start < range.end, "{:?}", line);
                at = range.end;
            }
            prop_assert!(at <= line.len());
        }
    }
}
