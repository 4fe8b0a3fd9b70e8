//! A place in a script for people: the line, with a caret below it. Pure.

use super::ast::Span;
use crate::output::{sanitize, width};

/// The most columns of a line that are shown.
const MAX_COLUMNS: usize = 100;

/// How many of them stand before the caret.
const MAX_BEFORE: usize = 60;

/// The most characters of a text that [`quoted`] and [`shown`] keep.
const MAX_QUOTED: usize = 40;
const MAX_SHOWN: usize = 120;

/// Several lines, each with a line feed:
///
/// ```text
/// FILE:LINE:COLUMN: message
///   12 | <~ {"a": tru}
///      |          ^^^
/// try: advice
/// ```
///
/// `text` is the whole file. Everything in the result is safe for a terminal, and long lines are cut.
pub fn render(file: &str, text: &str, span: Span, message: &str, advice: Option<&str>) -> String {
    render_line(file, line(text, span.line), span, message, advice)
}

/// The same, of a file of which only the line is known.
pub fn render_line(
    file: &str,
    line: Option<&str>,
    span: Span,
    message: &str,
    advice: Option<&str>,
) -> String {
    let place = format!("{file}:{}:{}: ", span.line, span.column);
    let mut out = Vec::new();
    sanitize::line(&place, &mut out);
    sanitize::lines(message, &mut out);
    out.push(b'\n');
    if let Some(line) = line {
        out.extend_from_slice(quote(line, span).as_bytes());
    }
    if let Some(advice) = advice {
        out.extend_from_slice(b"try: ");
        sanitize::lines(advice, &mut out);
        out.push(b'\n');
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The text between quotes, short and safe for a terminal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", cut(text, MAX_QUOTED))
}

/// The text on one line, not long and safe for a terminal.
pub(super) fn shown(text: &str) -> String {
    cut(text, MAX_SHOWN)
}

fn cut(text: &str, most: usize) -> String {
    let end = text.char_indices().nth(most).map_or(text.len(), |it| it.0);
    let (kept, rest) = text.split_at(end);
    let mut kept = safe(kept);
    if !rest.is_empty() {
        kept.push('…');
    }
    kept
}

/// The line of this number.
pub fn line(text: &str, number: u32) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    text.lines().nth(index)
}

/// The line, and a line with carets.
fn quote(line: &str, span: Span) -> String {
    let before_span = span.column.saturating_sub(1) as usize;
    let (before, rest) = split(line, before_span);
    let (marked, after) = split(rest, span.width.max(1) as usize);
    let mut shown = last_columns(before, MAX_BEFORE);
    let at = width::of(&shown);
    let marked = first_columns(marked, MAX_COLUMNS - at);
    let carets = width::of(&marked).max(1);
    shown.push_str(&marked);
    shown.push_str(&first_columns(
        after,
        MAX_COLUMNS.saturating_sub(at + carets),
    ));
    let number = span.line.to_string();
    let margin = " ".repeat(number.len());
    let indent = " ".repeat(at);
    let caret = "^".repeat(carets);
    format!(
        "  {number} | {}\n  {margin} | {indent}{caret}\n",
        shown.trim_end()
    )
}

/// The first characters of a text, and the others.
fn split(text: &str, characters: usize) -> (&str, &str) {
    let end = text.char_indices().nth(characters);
    text.split_at(end.map_or(text.len(), |it| it.0))
}

/// The end of a text, made safe, in at most so many columns.
fn last_columns(text: &str, columns: usize) -> String {
    let start = text.char_indices().rev().take(columns).last();
    let mut part = text
        .get(start.map_or(text.len(), |it| it.0)..)
        .unwrap_or("");
    let is_cut = |part: &str| part.len() < text.len();
    loop {
        let shown = safe(part);
        let room = columns - usize::from(is_cut(part));
        if width::of(&shown) <= room {
            return match is_cut(part) {
                true => format!("…{shown}"),
                false => shown,
            };
        }
        let mut characters = part.chars();
        characters.next();
        part = characters.as_str();
    }
}

/// The beginning of a text, made safe, in at most so many columns.
fn first_columns(text: &str, columns: usize) -> String {
    // A few more characters than fit, because some take no column.
    let (part, rest) = split(text, 4 * MAX_COLUMNS);
    let shown = safe(part);
    if rest.is_empty() && width::of(&shown) <= columns {
        return shown;
    }
    let end = width::fitting(&shown, columns.saturating_sub(1));
    match columns {
        0 => String::new(),
        // Some characters are safe only between others, and one of these may be cut off.
        _ => safe(&format!("{}…", shown.get(..end).unwrap_or_default())),
    }
}

/// The text with a space in place of each tab, and escapes in place of what is dangerous.
fn safe(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    sanitize::line(&text.replace('\t', " "), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, (line, column, width): (u32, u32, u32), expected: &str) {
        let span = Span {
            line,
            column,
            width,
        };
        let rendered = render("a.wst", text, span, "it is wrong", None);
        let expected = format!("a.wst:{line}:{column}: it is wrong\n{expected}");
        assert_eq!(rendered, expected);
    }

    /// A joiner is safe between letters that it joins.
    #[test]
    fn a_cut_leaves_nothing_invisible_at_the_end() {
        let line = "\u{756}\u{200c}".repeat(300);
        let span = Span {
            line: 1,
            column: 1,
            width: 600,
        };
        let rendered = render("a.wst", &line, span, "it is wrong", None);
        assert!(rendered.contains("\u{756}\u{200c}\u{756}"));
        assert_eq!(sanitize::find_dangerous(&rendered.replace('\n', "")), None);
    }

    #[test]
    fn the_caret_stands_below_its_place() {
        check(
            "one\r\ntwo words\n",
            (2, 5, 5),
            "  2 | two words\n    |     ^^^^^\n",
        );
        check("\tä\t世界x", (1, 5, 1), "  1 |  ä 世界x\n    |      ^^\n");
        check("\u{feff}abc", (1, 1, 1), "  1 | abc\n    | ^\n");
        check("abc", (1, 4, 1), "  1 | abc\n    |    ^\n");
        check(
            "\x1b[31m!",
            (1, 6, 1),
            "  1 | \\x1b[31m!\n    |         ^\n",
        );
        check("\u{202e}", (1, 1, 1), "  1 | \\u{202e}\n    | ^^^^^^^^\n");
        check("abc", (7, 1, 1), "");
        check("", (0, 0, 0), "");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        check(
            &text,
            (1, 501, 4),
            &format!(
                "  1 | …{}HERE{}…\n    | {}^^^^\n",
                "a".repeat(59),
                "b".repeat(35),
                " ".repeat(60)
            ),
        );
        let rendered = render(
            "f",
            &"\u{200d}世\u{7}".repeat(100_000),
            Span {
                line: 1,
                column: 150_000,
                width: 1000,
            },
            "",
            None,
        );
        assert!(rendered.len() < 1500, "{rendered}");
    }

    #[test]
    fn nothing_reaches_a_terminal() {
        let span = Span {
            line: 1,
            column: 2,
            width: 3,
        };
        let rendered = render("a\x1b", "\x1b\u{9b}x", span, "m\x1b", Some("t\x1b"));
        assert_eq!(
            rendered,
            "a\\x1b:1:2: m\\x1b\n  1 | \\x1b\\x9bx\n    |     ^^^^^\ntry: t\\x1b\n"
        );
    }

    #[test]
    fn quotations_are_short() {
        assert_eq!(quoted("a\nb"), "'a\\x0ab'");
        assert_eq!(quoted(&"x".repeat(41)), format!("'{}…'", "x".repeat(40)));
    }
}
