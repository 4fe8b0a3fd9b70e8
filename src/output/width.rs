//! How many columns a text takes on a terminal, and where to cut it so that it takes no more.
//!
//! A wide character takes two columns, a combining mark none, a sequence of emoji as many as its
//! picture. What is measured has been made safe for a terminal before: the only escape sequences in
//! it are our own colours, which take no column.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Begins a colour, and ends it: [`super::style`] writes no other sequences into a line.
const COLOR: (char, char) = ('\x1b', 'm');

/// The columns of a text without colours.
pub fn of(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.width(),
    }
}

/// The columns of a line that may contain colours.
pub(super) fn of_line(line: &str) -> usize {
    pieces(line).map(|(_, text)| of(text)).sum()
}

/// The length in bytes of the longest beginning of a line that takes at most `columns`. A character
/// stays whole, with the marks and joiners that belong to it.
pub fn fitting(line: &str, columns: usize) -> usize {
    let mut left = columns;
    for (start, text) in pieces(line) {
        for (at, cluster) in text.grapheme_indices(true) {
            match left.checked_sub(of(cluster)) {
                Some(rest) => left = rest,
                None => return start + at,
            }
        }
    }
    line.len()
}

/// The number of characters in a line, as people count them.
pub(super) fn count(line: &str) -> usize {
    pieces(line)
        .map(|(_, text)| text.graphemes(true).count())
        .sum()
}

/// The texts between colours, each with its position.
fn pieces(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = line.get(at..).filter(|rest| !rest.is_empty())?;
        let text = rest.split(COLOR.0).next().unwrap_or(rest);
        let start = at;
        let after = &rest[text.len()..];
        at += text.len() + after.find(COLOR.1).map_or(after.len(), |end| end + 1);
        Some((start, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts, and the columns that they take.
    const TEXTS: &[(&str, usize)] = &[
        ("", 0),
        ("plain", 5),
        ("世界", 4),
        ("Grüße", 5),
        ("e\u{301}", 1),
        ("👩\u{200d}🚀", 2),
        ("👍🏽", 2),
        ("🇩🇪", 2),
        ("हिन्दी", 5),
    ];

    #[test]
    fn columns_are_those_of_a_terminal() {
        for (text, columns) in TEXTS {
            assert_eq!(of(text), *columns, "{text}");
            let colored = format!("\x1b[32m{text}\x1b[0m\x1b[1m{text}\x1b[0m");
            assert_eq!(of_line(&colored), 2 * columns, "{text}");
            assert_eq!(count(&colored), 2 * count(text), "{text}");
        }
    }

    #[test]
    fn characters_are_counted_with_their_marks() {
        assert_eq!(count("e\u{301}👩\u{200d}🚀世"), 3);
    }

    #[test]
    fn a_character_is_not_cut() {
        for (line, columns, cut) in [
            ("abc", 2, "ab"),
            ("abc", 3, "abc"),
            ("世界", 3, "世"),
            ("e\u{301}a", 1, "e\u{301}"),
            ("a👩\u{200d}🚀b", 2, "a"),
            ("a👩\u{200d}🚀b", 3, "a👩\u{200d}🚀"),
            ("\x1b[32mab\x1b[0mc", 1, "\x1b[32ma"),
            ("\x1b[32mab\x1b[0mc", 2, "\x1b[32mab\x1b[0m"),
            ("", 0, ""),
        ] {
            assert_eq!(&line[..fitting(line, columns)], cut, "{line:?} {columns}");
        }
    }
}
