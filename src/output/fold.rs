//! Cuts what a message shows at the prompt, so that one message does not push everything else off
//! the screen.
//!
//! It is given text that is safe for a terminal, and counts rows of the terminal: a line that is
//! wider than the terminal has several. What is left out is counted, never lost: the caller keeps
//! the message.

use super::style::{Painter, Role};
use super::width;
use crate::units::counted;

/// Rows of a dump of binary data.
pub(super) const DUMP_ROWS: usize = 16;
/// Fewer rows than these are never folded.
const FEWEST: usize = 10;
/// Rows of the screen that stay for what came before, the note and the prompt.
const OTHERS: usize = 6;
/// Rows of a terminal that does not say how many it has.
const ROWS: usize = 24;

/// What a note about something left out looks like.
#[derive(Clone, Copy)]
pub(super) struct Notes {
    pub(super) painter: Painter,
    /// Whether the locale has ASCII only.
    pub(super) ascii: bool,
}

impl Notes {
    /// `…`, or what stands for it.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    /// `… 3,112 more bytes, /more`
    pub(super) fn text(self, count: usize, unit: &str) -> String {
        let more = counted(count as u64, &format!("more {unit}"));
        format!("{} {more}, /more", self.ellipsis())
    }

    /// Appends that as a line, indented like the lines of the message.
    pub(super) fn push(self, count: usize, unit: &str, out: &mut Vec<u8>) {
        let note = self.text(count, unit);
        out.extend_from_slice(b"  ");
        self.painter.paint(Role::Aside, out, |out| {
            out.extend_from_slice(note.as_bytes());
        });
        out.push(b'\n');
    }
}

/// How much of a message is shown.
#[derive(Clone, Copy)]
pub(super) struct Fold {
    pub(super) rows: usize,
    /// Columns of the terminal.
    pub(super) columns: usize,
    pub(super) notes: Notes,
    /// `--plain`: the message is one line, and so is what is left of it.
    pub(super) plain: bool,
}

/// The rows of a message that are shown on a terminal of this height.
pub(super) fn rows(height: Option<usize>) -> usize {
    height.unwrap_or(ROWS).saturating_sub(OTHERS).max(FEWEST)
}

impl Fold {
    /// Cuts the lines that were appended since `from`, and says how many rows are left out.
    pub(super) fn cut(self, from: usize, out: &mut Vec<u8>) {
        let shown = out.get(from..).unwrap_or_default();
        if shown.len() <= self.columns {
            return;
        }
        let Ok(text) = str::from_utf8(shown) else {
            return;
        };
        match self.plain {
            true => self.cut_line(from, text.to_owned(), out),
            false => {
                if let Some((end, hidden)) = self.end(text) {
                    self.cut_rows(from + end, hidden, out);
                }
            }
        }
    }

    fn cut_rows(self, end: usize, hidden: usize, out: &mut Vec<u8>) {
        out.truncate(end);
        if out.last() != Some(&b'\n') {
            self.notes.painter.reset(out);
            out.push(b'\n');
        }
        self.notes.push(hidden, "line", out);
    }

    /// Leaves the note on the same line.
    fn cut_line(self, from: usize, text: String, out: &mut Vec<u8>) {
        let line = text.trim_end_matches('\n');
        let end = width::fitting(line, self.rows * self.columns);
        let hidden = width::count(&line[end..]);
        if hidden > 0 {
            out.truncate(from + end);
            self.notes.painter.reset(out);
            let note = self.notes.text(hidden, "character");
            out.extend_from_slice(format!(" {note}\n").as_bytes());
        }
    }

    /// Where to cut, and the number of rows after that; `None` if all rows are shown.
    fn end(self, text: &str) -> Option<(usize, usize)> {
        let mut left = self.rows;
        let mut start = 0;
        let mut lines = text.split_inclusive('\n');
        let (cut, begun) = loop {
            let line = lines.next()?;
            let rows = self.rows_of(line);
            if rows > left {
                break (start + self.fitting(line, left), rows - left);
            }
            left -= rows;
            start += line.len();
        };
        let others: usize = lines.map(|line| self.rows_of(line)).sum();
        Some((cut, begun + others))
    }

    fn rows_of(self, line: &str) -> usize {
        let columns = match line.len() <= self.columns {
            true => line.len(),
            false => width::of_line(line.trim_end_matches('\n')),
        };
        columns.div_ceil(self.columns.max(1)).max(1)
    }

    fn fitting(self, line: &str, rows: usize) -> usize {
        match rows {
            0 => 0,
            _ => width::fitting(line, rows * self.columns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, rows: usize, columns: usize, color: bool) -> String {
        cut_to(text, (rows, columns), color, false)
    }

    fn cut_to(text: &str, (rows, columns): (usize, usize), color: bool, plain: bool) -> String {
        let painter = Painter::new(color);
        let notes = Notes {
            painter,
            ascii: false,
        };
        let mut out = b"before\n".to_vec();
        let from = out.len();
        out.extend_from_slice(text.as_bytes());
        Fold {
            rows,
            columns,
            notes,
            plain,
        }
        .cut(from, &mut out);
        let shown = String::from_utf8(out).unwrap();
        shown.strip_prefix("before\n").unwrap().to_owned()
    }

    #[test]
    fn the_lines_after_the_limit_are_counted() {
        let text: String = (1..=5).map(|n| format!("line {n}\n")).collect();
        assert_eq!(cut(&text, 5, 20, false), text);
        assert_eq!(
            cut(&text, 3, 20, false),
            "line 1\nline 2\nline 3\n  … 2 more lines, /more\n"
        );
        assert_eq!(
            cut(&text, 4, 20, true),
            "line 1\nline 2\nline 3\nline 4\n  \x1b[2m… 1 more line, /more\x1b[0m\n"
        );
    }

    #[test]
    fn a_long_line_counts_as_the_rows_that_it_takes() {
        let text = "0123456789".repeat(100) + "\nend\n";
        assert_eq!(
            cut(&text, 2, 10, false),
            "01234567890123456789\n  … 99 more lines, /more\n"
        );
        let text = format!("first\n{}\n", "世".repeat(12));
        assert_eq!(
            cut(&text, 2, 10, false),
            "first\n世世世世世\n  … 2 more lines, /more\n"
        );
        assert_eq!(cut(&text, 4, 10, false), text);
        // A colour that is cut ends.
        let text = format!("\x1b[32m{}\x1b[0m\n", "x".repeat(40));
        assert_eq!(
            cut(&text, 1, 10, true),
            "\x1b[32mxxxxxxxxxx\x1b[0m\n  \x1b[2m… 3 more lines, /more\x1b[0m\n"
        );
    }

    #[test]
    fn plain_output_stays_on_its_line() {
        let text = "0123456789".repeat(3) + "\n";
        assert_eq!(
            cut_to(&text, (2, 10), false, true),
            "01234567890123456789 … 10 more characters, /more\n"
        );
        assert_eq!(cut_to(&text, (3, 10), false, true), text);
    }

    #[test]
    fn the_limit_leaves_room_on_the_screen() {
        assert_eq!(
            [None, Some(24), Some(50), Some(5)].map(rows),
            [18, 18, 44, 10]
        );
    }
}
