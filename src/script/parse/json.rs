//! Where the JSON of a payload ends, and whether it is JSON. `{{NAME}}` may stand in it and in its
//! strings. Nothing here recurses.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::template;

/// Where JSON that begins a text ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After this many bytes.
    Closed(usize),
    /// It does not; the string that begins at this byte is not closed on its line.
    InString(usize),
    /// It does not; the line that begins at this byte, or the end of the text, is no JSON.
    Open(usize),
}

/// Finds the end of the JSON that begins with `{`, `[` or `"`.
///
/// A line that cannot continue JSON ends the search, so that one missing bracket does not take the
/// rest of a script.
pub(super) fn end(text: &str) -> End {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match string_end(text, at) {
                Some(end) => at = end,
                None => return End::InString(at),
            },
            b'{' => match placeholder(text, at) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => {
                    depth += 1;
                    at += 1;
                }
            },
            b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'\n' => {
                at += 1;
                if !continues(text.get(at..).unwrap_or_default()) {
                    return End::Open(at);
                }
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return End::Closed(at);
        }
    }
    End::Open(text.len())
}

/// Where the string that begins at `start` ends, if that is on its line.
fn string_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\n' => return None,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 2,
            b'{' => at += placeholder(text, at).unwrap_or(1),
            _ => at += 1,
        }
    }
    None
}

/// The length of the `{{NAME}}` at this byte, if there is one.
fn placeholder(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    template::placeholder_at_start(rest).map(|name| name.len() + 4)
}

/// Whether JSON that is open can go on with this line, or seems to. No line of JSON looks like the
/// beginning of a section.
pub(super) fn continues(rest: &str) -> bool {
    let line = rest.split('\n').next().unwrap_or_default().trim();
    let inner = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_section = inner.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_uppercase()));
    let after_word = line.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let is_word = after_word.len() < line.len()
        && (after_word.is_empty() || after_word.starts_with([',', '}', ']']));
    let begins = |c: char| c.is_ascii_digit() || "{}[]\",:-".contains(c);
    line.is_empty() && !rest.is_empty() || is_word || line.starts_with(begins) && !is_section
}

/// Why something is not JSON, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    pub(super) at: usize,
    pub(super) why: String,
}

/// Checks that a text is JSON, whatever the values of its variables are.
pub(super) fn check(text: &str) -> Result<(), NotJson> {
    let probe = with_numbers(text, false);
    if serde_json::from_str::<IgnoredAny>(&probe).is_ok() {
        return Ok(());
    }
    // The same length, so that the error has a place.
    let probe = with_numbers(text, true);
    let Err(error) = serde_json::from_str::<IgnoredAny>(&probe) else {
        return Err(NotJson {
            at: 0,
            why: "two values stand one after the other".to_owned(),
        });
    };
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .by_ref()
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = (before + error.column().saturating_sub(1)).min(text.len());
    let why = error.to_string();
    let why = why.rsplit_once(" at line ").map_or(&*why, |(why, _)| why);
    Err(NotJson {
        at: text.floor_char_boundary(at),
        why: why.to_owned(),
    })
}

/// The text with a number in place of each variable.
fn with_numbers(text: &str, pads: bool) -> Cow<'_, str> {
    if !template::has_placeholder(text) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for (at, name) in template::placeholders(text) {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push('0');
        if pads {
            out.extend(std::iter::repeat_n(' ', name.len() + 3));
        }
        from = at + name.len() + 4;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_ends_where_its_brackets_close() {
        for (text, expected) in [
            ("{} x", End::Closed(2)),
            (r#"{"a":"}\"{","b":[]}}"#, End::Closed(19)),
            (r#"{"a":{{n}}} rest"#, End::Closed(11)),
            (r#"{"a":"{{n}}\\"}"#, End::Closed(15)),
            ("\"text\" x", End::Closed(6)),
            ("[\n1,\n\n 2]\n> x", End::Closed(9)),
            ("[{{$n}},\n{{b}}]", End::Closed(15)),
            ("{{{a}}}", End::Closed(7)),
            ("[ \"a\n", End::InString(2)),
            ("\"a\\", End::InString(0)),
            ("\"a\\\n\"", End::InString(0)),
            ("[1,\n> next]", End::Open(4)),
            ("[1,\n[Asserts]\n1]", End::Open(4)),
            ("[1,\n[2],\ntrue]", End::Closed(14)),
            ("[1,\n", End::Open(4)),
            ("[1,", End::Open(3)),
        ] {
            assert_eq!(end(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_json_has_a_place() {
        assert_eq!(check(r#"{"a":{{n}},"{{b}}":"{{c}}"}"#), Ok(()));
        for (text, at, why) in [
            ("{\"{{name}}\":1,\n \"b\": tru}", 24, "expected ident"),
            ("[1,]", 3, "expected value"),
            ("{\"é\":{{n}}", 10, "EOF while parsing an object"),
            ("[{{a}}{{b}}]", 6, "expected `,` or `]`"),
        ] {
            let why = why.to_owned();
            assert_eq!(check(text), Err(NotJson { at, why }), "{text}");
        }
        assert!(check(&"[".repeat(1_000_000)).is_err());
    }
}
