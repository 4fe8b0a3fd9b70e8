//! Finds a text in messages, for `/grep`. As in many editors, a pattern in lower case also finds
//! capitals. It must read a message no more often than the pattern is long.

use std::ops::Range;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Whether capitals and small letters differ.
    exact: bool,
}

impl Pattern {
    /// A pattern that is not empty.
    ///
    /// # Errors
    /// It is.
    pub fn new(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("write /grep TEXT, for example /grep error".to_owned()),
            text => Ok(Pattern {
                text: text.to_owned(),
                exact: text.chars().any(char::is_uppercase),
            }),
        }
    }

    /// Where the pattern begins and ends in `text` at or after the byte `from`.
    pub fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let rest = text.get(from..)?;
        let found = match self.exact {
            true => memchr::memmem::find(rest.as_bytes(), self.text.as_bytes())
                .map(|at| at..at + self.text.len()),
            false => find_folded(rest, &self.text),
        }?;
        Some(from + found.start..from + found.end)
    }
}

/// A part of a text that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub text: &'a str,
    /// Whether it is a match.
    pub is_match: bool,
}

/// The part of a text around its first match, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// Whether something before it was left out.
    pub cut_before: bool,
    pub pieces: Vec<Piece<'a>>,
    /// Whether something after it was left out.
    pub cut_after: bool,
}

impl Pattern {
    /// About `most` characters of `text` around its first match, with all matches in them; `None`
    /// where there is none. The first match is always whole.
    pub fn excerpt<'a>(&self, text: &'a str, most: usize) -> Option<Excerpt<'a>> {
        let first = self.find(text, 0)?;
        let before = text[..first.start].char_indices().rev();
        let is_short = text.chars().nth(most).is_none();
        let start = match is_short {
            true => 0,
            false => before
                .take(most / 3)
                .last()
                .map_or(first.start, |(at, _)| at),
        };
        let end = text[start..].char_indices().nth(most);
        let end = end.map_or(text.len(), |(at, _)| start + at).max(first.end);
        Some(Excerpt {
            cut_before: start > 0,
            pieces: self.pieces(&text[..end], start),
            cut_after: end < text.len(),
        })
    }

    /// The text from the byte `from` on, in pieces.
    fn pieces<'a>(&self, text: &'a str, mut from: usize) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut push = |text: &'a str, is_match| {
            if !text.is_empty() {
                pieces.push(Piece { text, is_match });
            }
        };
        while let Some(found) = self.find(text, from) {
            push(&text[from..found.start], false);
            from = found.end;
            push(&text[found], true);
        }
        push(&text[from..], false);
        pieces
    }
}

/// Finds `pattern`, which has no capitals, whatever the case of the letters in `text`.
fn find_folded(text: &str, pattern: &str) -> Option<Range<usize>> {
    let first = pattern.chars().next()?;
    text.char_indices()
        .filter(|(_, c)| folds_to(*c, first))
        .find_map(|(at, _)| {
            let mut wanted = pattern.chars();
            let mut here = text[at..].char_indices();
            loop {
                let Some(want) = wanted.next() else {
                    let end = here.next().map_or(text.len(), |(len, _)| at + len);
                    return Some(at..end);
                };
                here.next().filter(|(_, c)| folds_to(*c, want))?;
            }
        })
}

/// Whether `c` is `small`, or the capital of it.
fn folds_to(c: char, small: char) -> bool {
    c == small || (c.to_lowercase().eq([small]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pattern: &str, text: &str) -> Vec<Range<usize>> {
        let pattern = Pattern::new(pattern).unwrap();
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(range) = pattern.find(text, from) {
            from = range.end;
            found.push(range);
        }
        found
    }

    #[test]
    fn a_pattern_in_lower_case_finds_capitals() {
        assert_eq!(all("err", "Error, err, ERR"), [0..3, 7..10, 12..15]);
        assert_eq!(all("Err", "Error, err, ERR"), std::slice::from_ref(&(0..3)));
        assert_eq!(all("öl", "Öl, öl"), [0..3, 5..8]);
    }

    #[test]
    fn a_match_may_begin_within_a_failed_one() {
        assert_eq!(all("aab", "aaab"), std::slice::from_ref(&(1..4)));
        assert_eq!(all("aa", "aaa"), std::slice::from_ref(&(0..2)));
        assert!(all("x", "abc").is_empty());
        assert!(all("abc", "ab").is_empty());
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        assert!(Pattern::new("").unwrap_err().contains("/grep TEXT"));
    }

    /// An excerpt with matches in brackets.
    fn shown(pattern: &str, text: &str, most: usize) -> Option<String> {
        let excerpt = Pattern::new(pattern).unwrap().excerpt(text, most)?;
        let cut = |cut| if cut { "…" } else { "" };
        let pieces = excerpt.pieces.iter().map(|it| match it.is_match {
            true => format!("[{}]", it.text),
            false => it.text.to_owned(),
        });
        let pieces: String = pieces.collect();
        let (before, after) = (cut(excerpt.cut_before), cut(excerpt.cut_after));
        Some(format!("{before}{pieces}{after}"))
    }

    #[test]
    fn an_excerpt_is_what_is_around_the_first_match() {
        for (text, most, excerpt) in [
            ("an error, an Error", 40, "an [error], an [Error]"),
            ("0123456789 error 0123456789", 12, "…789 [error] 01…"),
            ("ääääääääää error", 9, "…ää [error]"),
            ("error", 2, "[error]"),
            ("error and more", 2, "[error]…"),
            ("errorerror", 7, "[error]er…"),
        ] {
            assert_eq!(shown("error", text, most).as_deref(), Some(excerpt));
        }
        assert_eq!(shown("error", "fine", 10), None);
    }
}
