//! The text of a configuration file, and errors that show where in it something is wrong. Pure.
//!
//! A line that an error quotes may hold a password. Its values are masked, unless the caller knows
//! that there is no secret in it.

use std::ops::Range;

use crate::error::Error;
use crate::secret::REDACTED;

/// A range of bytes of the text.
pub(super) type Span = Range<usize>;

/// The most characters of a line that an error quotes.
const MAX_QUOTED: usize = 120;

/// The place of each character of a value that is not shown.
const MASK: char = '*';

/// How much of a line an error may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// All of it.
    Line,
    /// Keys, quotes and brackets; every other character of a value is masked.
    Keys,
    /// The same, with `[redacted]` in place of the value that the error is about.
    Redacted,
}

/// A configuration file as read.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The name of the file, as messages show it.
    pub(super) path: String,
    pub(super) content: String,
}

impl Text {
    /// An error at `span`: file, line and column, the line, and a caret below it.
    pub(super) fn error(&self, span: &Span, show: Show, what: &str) -> Error {
        let mut error = Error::usage(format!("{}: {what}", self.place(span)));
        error.details = self.quote(span, show);
        error
    }

    /// `FILE:LINE:COLUMN`, both counted from 1, the column in characters.
    pub(super) fn place(&self, span: &Span) -> String {
        let (number, line, at) = self.line(span);
        let column = line[..at].chars().count() + 1;
        format!("{}:{number}:{column}", self.path)
    }

    /// The number of the line where `span` begins.
    pub(super) fn line_number(&self, span: &Span) -> usize {
        self.line(span).0
    }

    /// The line where `span` begins, and a line with a caret.
    pub(super) fn quote(&self, span: &Span, show: Show) -> Vec<String> {
        let (number, line, at) = self.line(span);
        let end = line.floor_char_boundary((at + span.len()).min(line.len()));
        let (shown, width) = match show {
            Show::Line => (line.to_owned(), line[at..end].chars().count()),
            Show::Keys => (masked(line), line[at..end].chars().count()),
            Show::Redacted => {
                let masked: Vec<char> = masked(line).chars().collect();
                let (from, to) = (chars(line, at), chars(line, end));
                let before: String = masked[..from].iter().collect();
                let after: String = masked[to..].iter().collect();
                (format!("{before}{REDACTED}{after}"), REDACTED.len())
            }
        };
        quoted(number, &shown, chars(line, at), width)
    }

    /// The number of the line where `span` begins, the line, and the offset of `span` in it.
    fn line(&self, span: &Span) -> (usize, &str, usize) {
        let at = self.content.floor_char_boundary(span.start);
        let before = &self.content[..at];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let line = self.content[start..].lines().next().unwrap_or_default();
        // The place of a missing line end is behind the line.
        (number, line, (at - start).min(line.len()))
    }
}

fn chars(line: &str, at: usize) -> usize {
    line[..at].chars().count()
}

/// `line` with everything after the first `=` masked but quotes and brackets; of a line without one, all but
/// that of a header of a table.
fn masked(line: &str) -> String {
    let begin = match line.find('=') {
        Some(at) => at,
        None if line.trim_start().starts_with('[') && !line.contains(['"', '\'']) => line.len(),
        None => 0,
    };
    let mask = |c: char| match c {
        '=' | '"' | '\'' | ',' | '[' | ']' | '{' | '}' | '#' => c,
        c if c.is_whitespace() => c,
        _ => MASK,
    };
    line[..begin]
        .chars()
        .chain(line[begin..].chars().map(mask))
        .collect()
}

/// The lines of an error's quotation; of a long line, the part around the caret.
fn quoted(number: usize, line: &str, at: usize, width: usize) -> Vec<String> {
    let from = at.saturating_sub(MAX_QUOTED / 2);
    let part = line.chars().skip(from).take(MAX_QUOTED);
    let part: String = part.map(|c| if c == '\t' { ' ' } else { c }).collect();
    let number = number.to_string();
    let caret = "^".repeat(width.clamp(1, (MAX_QUOTED + from - at).max(1)));
    vec![
        format!("{number} | {part}"),
        format!(
            "{} | {}{caret}",
            " ".repeat(number.len()),
            " ".repeat(at - from)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Text {
        Text {
            path: "c.toml".to_owned(),
            content: content.to_owned(),
        }
    }

    #[test]
    fn an_error_shows_line_column_and_caret() {
        let text = text("a = 1\n\tidle = \"ä\" # x\n");
        let at = text.content.find("\"ä").unwrap();
        let error = text.error(&(at..at + 4), Show::Line, "no");
        assert_eq!(
            error.to_string(),
            "c.toml:2:9: no\n  2 |  idle = \"ä\" # x\n    |         ^^^"
        );
    }

    #[test]
    fn values_are_masked() {
        let text = text("token = \"hunter-2\", x = 5\n\"X-Key: hunter2\",\n[profile.a]\n");
        for (value, show, expected) in [
            ("token", Show::Keys, "1 | token = \"********\", * = *"),
            (
                "\"hunter-2\"",
                Show::Redacted,
                "1 | token = [redacted], * = *",
            ),
            ("\"X-Key", Show::Keys, "2 | \"****** *******\","),
            ("[profile", Show::Keys, "3 | [profile.a]"),
        ] {
            let at = text.content.find(value).unwrap();
            let shown = &text.quote(&(at..at + value.len()), show)[0];
            assert_eq!(shown, expected, "{value}");
        }
    }

    #[test]
    fn the_end_of_the_file_and_a_long_line_are_quoted() {
        let text = text(&format!("a = {}", "x".repeat(500)));
        let end = text.content.len();
        let lines = text.quote(&(end..end), Show::Line);
        assert!(lines[0].len() < 130 && lines[1].ends_with('^'), "{lines:?}");
        let lines = text.quote(&(4..end), Show::Line);
        assert!(lines[1].len() < 130, "{lines:?}");
    }
}
