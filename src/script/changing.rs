//! Values that are others in the next run, by their looks: identifiers, tokens, times.
//!
//! It cannot know. A value that is taken for one makes an expectation weaker; one that is not makes a test
//! that fails, and shows where.

use std::ops::Range;

/// The shortest token that is random rather than a word, in bytes.
const SHORTEST_TOKEN: usize = 16;

/// How often the letters and digits of a random token change their kind, at least.
const CHANGES: usize = 6;

/// Whether a string or a number looks like one that changes, or has a part that does.
pub(super) fn is_changing(value: &str) -> bool {
    parts(value).any(|_| true)
}

/// The parts of a text that look like values that change, in order.
pub(super) fn parts(text: &str) -> impl Iterator<Item = Range<usize>> {
    words(text, is_wide).flat_map(move |wide| {
        let whole = text.get(wide.clone()).unwrap_or_default();
        let is_whole = is_value(whole);
        let narrow = words(whole, is_narrow).filter(move |part| {
            let part = whole.get(part.clone()).unwrap_or_default();
            !is_whole && is_value(part)
        });
        let start = wide.start;
        let narrow = narrow.map(move |part| start + part.start..start + part.end);
        is_whole.then_some(wide).into_iter().chain(narrow)
    })
}

/// The parts of a text that may be a value by themselves, in order: whole words, and what `:` and the like
/// divide in them.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    words(text, is_wide).flat_map(move |wide| {
        let whole = text.get(wide.clone()).unwrap_or_default();
        let start = wide.start;
        let length = whole.len();
        let narrow = words(whole, is_narrow).filter(move |part| part.len() < length);
        let narrow = narrow.map(move |part| start + part.start..start + part.end);
        std::iter::once(wide).chain(narrow)
    })
}

/// Names of members whose strings and numbers are others in the next run, however they look.
const IDS: &[&str] = &[
    "id", "sid", "uid", "uuid", "guid", "cursor", "nonce", "epoch", "etag",
];

/// Names of members whose numbers are.
const COUNTED: &[&str] = &[
    "seq",
    "last",
    "offset",
    "at",
    "ts",
    "time",
    "timestamp",
    "uptime",
    "elapsed",
];

/// Names of members that say which one is meant.
const REFERENCES: &[&str] = &[
    "after",
    "since",
    "before",
    "from",
    "ref",
    "ack",
    "parent",
    "subscription",
];

/// The longest value that is judged by its name, in bytes.
const LONGEST_NAMED: usize = 64;

/// Whether a value of this name changes, though it does not look like that.
pub(super) fn has_changing_name(name: &str, value: &str) -> bool {
    let is_number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && value
            .bytes()
            .all(|it| it.is_ascii_digit() || b"+-.eE".contains(&it));
    let is_named = is_or_ends(name, IDS) || (is_number && is_or_ends(name, COUNTED));
    is_named && !value.is_empty() && value.len() <= LONGEST_NAMED
}

/// Whether a value of this name may be one that came under another name.
pub(super) fn refers(name: &str, value: &str) -> bool {
    has_changing_name(name, value) || (is_or_ends(name, REFERENCES) && value.len() <= LONGEST_NAMED)
}

/// Whether a name is one of these, or ends with one: `last_id`, `lastId`, `lastID`.
fn is_or_ends(name: &str, words: &[&str]) -> bool {
    let ends = |word: &&str| {
        let Some(at) = name.len().checked_sub(word.len()) else {
            return false;
        };
        let (Some(before), Some(end)) = (name.get(..at), name.get(at..)) else {
            return false;
        };
        end.eq_ignore_ascii_case(word)
            && (before.is_empty()
                || before.ends_with(['_', '-', '.'])
                || (end.starts_with(|c: char| c.is_ascii_uppercase())
                    && before.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())))
    };
    words.iter().any(ends)
}

fn is_wide(byte: u8) -> bool {
    is_narrow(byte) || byte == b':' || byte == b'+'
}

fn is_narrow(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The longest runs of such bytes.
fn words(text: &str, is_part: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.as_bytes().get(at..)?;
        let start = at + rest.iter().position(|byte| is_part(*byte))?;
        let rest = text.as_bytes().get(start..)?;
        let length = rest.iter().position(|byte| !is_part(*byte));
        at = start + length.unwrap_or(rest.len());
        Some(start..at)
    })
}

fn is_value(word: &str) -> bool {
    let word = word.trim_matches(['.', ':', '-', '+', '_']);
    is_uuid(word)
        || is_hex(word)
        || is_time(word)
        || is_number(word)
        || is_ulid(word)
        || is_jwt(word)
        || is_token(word)
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_hex(word: &str) -> bool {
    word.len() >= SHORTEST_TOKEN
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// `2026-11-20`, with a time or without, and `10:00:00`.
fn is_time(word: &str) -> bool {
    let begins = |form: &[u8]| {
        let bytes = word.as_bytes().get(..form.len());
        bytes.is_some_and(|bytes| {
            let fits = |(byte, form): (&u8, &u8)| match form {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            };
            bytes.iter().zip(form).all(fits)
        })
    };
    begins(b"00:00:00")
        || (begins(b"0000-00-00") && (word.len() == 10 || word.as_bytes().get(10) == Some(&b'T')))
}

/// Seconds since 1970, or what has even more digits.
fn is_number(word: &str) -> bool {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let digits = whole.bytes().all(|byte| byte.is_ascii_digit());
    let is_seconds = whole.len() == 10 && whole.starts_with(['1', '2', '3', '4']);
    digits
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && (is_seconds || whole.len() >= 12)
}

/// 26 digits of Crockford's base 32.
fn is_ulid(word: &str) -> bool {
    let is_digit = |byte: u8| {
        byte.is_ascii_digit()
            || (byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'L' | b'O' | b'U'))
    };
    word.len() == 26
        && word.bytes().all(is_digit)
        && word.starts_with(|first: char| ('0'..='7').contains(&first))
}

fn is_jwt(word: &str) -> bool {
    word.starts_with("eyJ") && word.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// A long word whose letters and digits are mixed.
fn is_token(word: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let bytes = word.as_bytes();
    let changes = bytes.windows(2).filter(|pair| match pair {
        [one, other] => kind(*one) != kind(*other),
        _ => false,
    });
    word.len() >= SHORTEST_TOKEN
        && !word.contains(['.', ':'])
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && changes.count() >= CHANGES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_tokens_and_times_change() {
        for value in [
            "123e4567-e89b-12d3-a456-426614174000",
            "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "V1StGXR8_Z5jdHi6B-myT",
            "lv_VI97HAXpY6yYWAAAC",
            "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc",
            "2026-11-20T10:00:00.000Z",
            "2026-11-20",
            "at 10:00:01",
            "1795168800",
            "1795168800.123",
            "1795168800123",
            "175928847299117063",
            "/join/123e4567-e89b-12d3-a456-426614174000?x",
        ] {
            assert!(is_changing(value), "{value}");
        }
    }

    #[test]
    fn words_and_small_numbers_stay() {
        for value in [
            "",
            "hello",
            "connected",
            "graphql-transport-ws",
            "permessage-deflate-v10",
            "12.5",
            "123456789",
            "9999999999",
            "2026-11",
            "v1.2.3",
            "deadbeef",
            "a-fairly-long-name-of-a-room",
            "über/größe",
        ] {
            assert!(!is_changing(value), "{value}");
        }
    }

    #[test]
    fn some_names_are_those_of_values_that_change() {
        for (name, value, changes) in [
            ("id", "7", true),
            ("id", "n7", true),
            ("last_id", "7", true),
            ("lastId", "7", true),
            ("lastID", "7", true),
            ("created_at", "12", true),
            ("last", "7", true),
            ("last", "Smith", false),
            ("valid", "7", false),
            ("format", "7", false),
            ("é", "7", false),
            ("id", "", false),
        ] {
            assert_eq!(has_changing_name(name, value), changes, "{name} {value}");
        }
        assert!(refers("after", "7") && refers("id", "7"));
        assert!(!refers("limit", "7"));
    }

    #[test]
    fn the_parts_of_a_text_are_found() {
        let found =
            |text: &str| -> Vec<String> { parts(text).map(|part| text[part].to_owned()).collect() };
        assert_eq!(
            found("id=1795168800123 at 2026-11-20T10:00:00Z: é ok"),
            ["1795168800123", "2026-11-20T10:00:00Z:"]
        );
        let tokens: Vec<_> = tokens("a:b c").collect();
        assert_eq!(tokens, [0..3, 0..1, 2..3, 4..5]);
    }
}
