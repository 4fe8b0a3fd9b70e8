//! The strings and numbers of a JSON text, and where they are.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::secrets::push_member;
use crate::json::text::{Token, Tokens};

/// A string or a number.
pub(super) struct Leaf<'a> {
    pub(super) range: Range<usize>,
    /// As it is written, without quotes.
    pub(super) value: &'a str,
    pub(super) is_string: bool,
    levels: &'a [Level],
}

/// An object or array that is open.
enum Level {
    /// With the member whose value follows.
    Object(Option<String>),
    /// With the index of the value that follows.
    Array(usize),
}

/// Whether a text is an object or an array that a parser accepts, whose nesting is bounded.
pub(super) fn is_tree(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Calls `found` with each leaf of a text for which [`is_tree`] holds, in order.
pub(super) fn each(text: &str, mut found: impl FnMut(Leaf<'_>)) {
    let mut levels: Vec<Level> = Vec::new();
    for token in Tokens::new(text) {
        let (written, is_string) = match token {
            Token::Open(b'{') => {
                levels.push(Level::Object(None));
                continue;
            }
            Token::Open(_) => {
                levels.push(Level::Array(0));
                continue;
            }
            Token::Close(_) => {
                levels.pop();
                continue;
            }
            Token::Comma => {
                match levels.last_mut() {
                    Some(Level::Object(key)) => *key = None,
                    Some(Level::Array(index)) => *index += 1,
                    None => {}
                }
                continue;
            }
            Token::Colon => continue,
            Token::Str(written) => match levels.last_mut() {
                Some(Level::Object(key @ None)) => {
                    *key = Some(serde_json::from_str(written).unwrap_or_default());
                    continue;
                }
                _ => (written, true),
            },
            Token::Word(written) => (written, false),
        };
        if !is_string && !written.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            continue;
        }
        let start = written.as_ptr() as usize - text.as_ptr() as usize;
        let value = match is_string {
            true => written.get(1..written.len().saturating_sub(1)),
            false => Some(written),
        };
        found(Leaf {
            range: start..start + written.len(),
            value: value.unwrap_or_default(),
            is_string,
            levels: &levels,
        });
    }
}

impl Leaf<'_> {
    /// Where it is: a jq path.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for level in self.levels {
            match level {
                Level::Array(index) => path.push_str(&format!("[{index}]")),
                Level::Object(key) => push_member(key.as_deref(), &mut path),
            }
        }
        match path.starts_with('[') {
            true => format!(".{path}"),
            false => path,
        }
    }

    /// The name of the member that it is in.
    pub(super) fn name(&self) -> Option<&str> {
        self.levels.iter().rev().find_map(|level| match level {
            Level::Object(key) => key.as_deref(),
            Level::Array(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_strings_and_numbers_with_their_paths() {
        let text = r#"[{"a b":["x\"",true,-1.5],"c":{"d":null,"e":"y"}}, 2]"#;
        let mut found = Vec::new();
        each(text, |leaf| {
            let name = leaf.name().unwrap_or_default().to_owned();
            found.push((leaf.value.to_owned(), leaf.path(), name));
            let written = &text[leaf.range];
            assert_eq!(written.starts_with('"'), leaf.is_string);
        });
        let expected = [
            (r#"x\""#, r#".[0]."a b"[0]"#, "a b"),
            ("-1.5", r#".[0]."a b"[2]"#, "a b"),
            ("y", ".[0].c.e", "e"),
            ("2", ".[1]", ""),
        ];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(found, expected);
    }
}
