//! The text of a script: its lines, and parts of them that know their place.

use crate::script::ast::{At, Span};

/// The lines that are left. A copy is a place to come back to.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// Its number.
    number: u32,
}

impl<'a> Lines<'a> {
    /// The lines of a file, which may begin with a byte order mark.
    pub(super) fn new(text: &'a str) -> Self {
        Lines {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            at: 0,
            number: 1,
        }
    }

    /// The next line without its end, if there is one.
    pub(super) fn peek(&self) -> Option<Part<'a>> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or(rest);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Some(Part {
            line,
            number: self.number,
            start: self.at,
            from: 0,
            to: line.len(),
        })
    }

    /// Takes the next line.
    pub(super) fn next(&mut self) -> Option<Part<'a>> {
        let line = self.peek()?;
        let end = memchr::memchr(b'\n', self.rest().as_bytes());
        self.at = end.map_or(self.text.len(), |end| self.at + end + 1);
        self.number = self.number.saturating_add(1);
        Some(line)
    }

    /// The text from the beginning of a part to the end of the file.
    pub(super) fn text_from(&self, part: Part<'a>) -> &'a str {
        self.text.get(part.start + part.from..).unwrap_or_default()
    }

    /// What is at this byte of the text that begins with `part`, up to the end of its line.
    pub(super) fn place(&self, part: Part<'a>, at: usize) -> Part<'a> {
        let end = part.start + part.from + at;
        let before = self.text.get(part.start..end).unwrap_or_default();
        let feeds = memchr::memchr_iter(b'\n', before.as_bytes());
        let (count, last) = feeds.fold((0, None), |(count, _), feed| (count + 1_u32, Some(feed)));
        let start = part.start + last.map_or(0, |feed| feed + 1);
        let mut line = Lines {
            text: self.text,
            at: start,
            number: part.number.saturating_add(count),
        };
        match line.next() {
            Some(line) => line.after(end - start),
            None => part.after(part.to),
        }
    }

    /// Goes to the line after that of `part`, and not back.
    pub(super) fn skip_past(&mut self, part: Part<'a>) {
        while self.number <= part.number && self.next().is_some() {}
    }

    /// Goes to the line with this byte of the text that begins with `part`, and not back.
    pub(super) fn skip_to(&mut self, part: Part<'a>, at: usize) {
        let end = part.start + part.from + at;
        while self.peek().is_some_and(|line| line.start < end) {
            self.next();
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// A part of a line.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    line: &'a str,
    number: u32,
    /// Where the line begins in the text.
    start: usize,
    from: usize,
    to: usize,
}

impl<'a> Part<'a> {
    pub(super) fn text(self) -> &'a str {
        self.line.get(self.from..self.to).unwrap_or_default()
    }

    pub(super) fn is_empty(self) -> bool {
        self.from >= self.to
    }

    #[cfg(test)]
    pub(super) fn number(self) -> u32 {
        self.number
    }

    /// Without white space at its ends.
    pub(super) fn trim(self) -> Part<'a> {
        let text = self.text();
        let from = self.from + (text.len() - text.trim_start().len());
        let to = from + text.trim().len();
        Part { from, to, ..self }
    }

    /// What follows its first bytes.
    pub(super) fn after(self, bytes: usize) -> Part<'a> {
        let from = (self.from + bytes).min(self.to);
        Part { from, ..self }
    }

    /// Its first bytes.
    pub(super) fn first(self, bytes: usize) -> Part<'a> {
        let to = (self.from + bytes).min(self.to);
        Part { to, ..self }
    }

    /// What follows a prefix, if it begins with that.
    pub(super) fn strip(self, prefix: &str) -> Option<Part<'a>> {
        let has = self.text().starts_with(prefix);
        has.then(|| self.after(prefix.len()))
    }

    /// Without this end, if it has that.
    pub(super) fn strip_end(self, suffix: &str) -> Option<Part<'a>> {
        let length = self.text().strip_suffix(suffix)?.len();
        Some(self.first(length))
    }

    /// From here to the beginning of `other`, a later part of the same line.
    pub(super) fn up_to(self, other: Part<'a>) -> Part<'a> {
        let to = other.from.max(self.from);
        Part { to, ..self }
    }

    /// From here to the end of `other`, a later part of the same line.
    pub(super) fn through(self, other: Part<'a>) -> Part<'a> {
        let to = other.to.max(self.from);
        Part { to, ..self }
    }

    /// The beginning in which each character is one of these, and what follows.
    pub(super) fn split_while(self, these: impl Fn(char) -> bool) -> (Part<'a>, Part<'a>) {
        let text = self.text();
        let end = text.find(|c| !these(c)).unwrap_or(text.len());
        (self.first(end), self.after(end))
    }

    /// The part before the first of these, and the part after it.
    pub(super) fn split_once(self, divider: char) -> Option<(Part<'a>, Part<'a>)> {
        let (before, _) = self.text().split_once(divider)?;
        let end = before.len();
        Some((self.first(end), self.after(end + divider.len_utf8())))
    }

    /// The first word, and what follows it, without the white space around them.
    pub(super) fn word(self) -> (Part<'a>, Part<'a>) {
        let (word, rest) = self.trim().split_while(|c| !c.is_whitespace());
        (word, rest.trim())
    }

    pub(super) fn span(self) -> Span {
        let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let before = self.line.get(..self.from).unwrap_or_default();
        Span {
            line: self.number,
            column: count(before).saturating_add(1),
            width: count(self.text()).max(1),
        }
    }

    /// Its text, with its place.
    pub(super) fn owned(self) -> At<String> {
        At::new(self.text().to_owned(), self.span())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_any_line_end() {
        let mut lines = Lines::new("\u{feff}one\r\n\ntwo\rx\n three");
        let texts: Vec<_> = std::iter::from_fn(|| lines.next()).collect();
        let read = |line: &Part<'_>| (line.number(), line.text().to_owned());
        let read: Vec<_> = texts.iter().map(read).collect();
        let expected = [(1, "one"), (2, ""), (3, "two\rx"), (4, " three")];
        assert_eq!(
            read,
            expected.map(|(number, text)| (number, text.to_owned()))
        );
    }

    #[test]
    fn parts_know_their_place() {
        let lines = Lines::new("  é one  two ");
        let line = lines.peek().unwrap();
        let (first, rest) = line.word();
        assert_eq!((first.text(), rest.text()), ("é", "one  two"));
        let span = |line, column, width| Span {
            line,
            column,
            width,
        };
        assert_eq!(first.span(), span(1, 3, 1));
        assert_eq!(rest.span(), span(1, 5, 8));
        assert_eq!(rest.after(100).span(), span(1, 13, 1));
        assert_eq!(line.trim().up_to(rest).text(), "é ");
        assert_eq!(lines.text_from(rest), "one  two ");
    }

    #[test]
    fn what_spans_lines_is_skipped() {
        let mut lines = Lines::new("> [\r\n1] x\nnext\n");
        let first = lines.next().unwrap().after(2);
        let left = lines.place(first, "[\r\n1]".len());
        assert_eq!((left.number(), left.text()), (2, " x"));
        let same = lines.place(first, 0);
        assert_eq!((same.number(), same.text()), (1, "["));
        lines.skip_past(left);
        assert_eq!(lines.peek().unwrap().text(), "next");
        lines.skip_past(first);
        lines.skip_to(first, 3);
        assert_eq!(lines.peek().unwrap().text(), "next");
        assert!(lines.place(first, 1000).is_empty());
    }
}
