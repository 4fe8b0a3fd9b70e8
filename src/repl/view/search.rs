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
        assert_eq!(all("Err", "Error, err, ERR"), [0..3]);
        assert_eq!(all("öl", "Öl, öl"), [0..3, 5..8]);
    }

    #[test]
    fn a_match_may_begin_within_a_failed_one() {
        assert_eq!(all("aab", "aaab"), [1..4]);
        assert_eq!(all("aa", "aaa"), std::slice::from_ref(&(0..2)));
        assert!(all("x", "abc").is_empty());
        assert!(all("abc", "ab").is_empty());
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        assert!(Pattern::new("").unwrap_err().contains("/grep TEXT"));
    }
}
