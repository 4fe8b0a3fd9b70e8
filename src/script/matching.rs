//! Whether a message is the one that a step expects.
//!
//! Most messages are passed over without anybody looking at them, so a comparison says no more than
//! that they differ, and [`super::diff`] looks for what differs once somebody wants to know.

use bytes::Bytes;
use regex_bites::{Regex, RegexBuilder};
use serde_json::Value;

use super::compare;
use super::shown::Shown;
use crate::message::{Data, Kind};
use crate::secret::Redactor;

/// Largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 1 << 20;

/// What a message must hold, once all variables are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text(String),
    Binary(Bytes),
}

impl Content {
    pub fn as_data(&self) -> Data<'_> {
        match self {
            Content::Text(text) => Data::Text(text),
            Content::Binary(bytes) => Data::Binary(bytes),
        }
    }
}

/// Says of messages whether they are expected.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Of the message; `None` is either.
    kind: Option<Kind>,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Any,
    Equal(Wanted),
    Contains(Wanted),
    Regex {
        regex: Regex,
        source: String,
        ignores_case: bool,
    },
}

/// A content, read once.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) content: Content,
    /// Its value, if it is JSON.
    pub(super) json: Option<Value>,
}

/// Why a message is not the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// This kind was expected, and the other one came.
    Kind(Kind),
    /// It is another value, or other bytes.
    Differs,
    /// It does not have all that it must have.
    Lacks,
    /// The regular expression finds nothing in it.
    NotFound,
}

impl Matcher {
    /// Any message, or any of this kind.
    pub fn any(kind: Option<Kind>) -> Matcher {
        Matcher {
            kind,
            pattern: Pattern::Any,
        }
    }

    /// `< …`: the same JSON value, otherwise the same bytes. Without a kind, that of the content.
    pub fn equal(kind: Option<Kind>, content: Content) -> Matcher {
        let kind = kind.or(Some(content.as_data().kind()));
        let pattern = Pattern::Equal(Wanted::new(content));
        Matcher { kind, pattern }
    }

    /// `<~ …`: JSON that has these members and items. What is neither an object nor an array, and
    /// what is expected of a message that is not JSON, must be a part of its text or bytes. Without a
    /// kind, that of the content.
    pub fn contains(kind: Option<Kind>, content: Content) -> Matcher {
        let kind = kind.or(Some(content.as_data().kind()));
        let pattern = Pattern::Contains(Wanted::new(content));
        Matcher { kind, pattern }
    }

    /// `</…/`: a text in which this regular expression finds something.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn regex(kind: Option<Kind>, source: &str, ignores_case: bool) -> Result<Matcher, String> {
        if kind == Some(Kind::Binary) {
            return Err("a regular expression looks at text, not at binary messages".to_owned());
        }
        Ok(Matcher {
            kind: Some(Kind::Text),
            pattern: Pattern::Regex {
                regex: compile(source, ignores_case)?,
                source: source.to_owned(),
                ignores_case,
            },
        })
    }

    /// Compares a message.
    ///
    /// # Errors
    /// Why it is not the expected one.
    pub fn check(&self, message: Data<'_>) -> Result<(), Mismatch> {
        if let Some(kind) = self.kind.filter(|kind| *kind != message.kind()) {
            return Err(Mismatch::Kind(kind));
        }
        let (holds, mismatch) = match &self.pattern {
            Pattern::Any => return Ok(()),
            Pattern::Equal(wanted) => (wanted.equals(message), Mismatch::Differs),
            Pattern::Contains(wanted) => (wanted.is_part_of(message), Mismatch::Lacks),
            Pattern::Regex { regex, .. } => (finds(regex, message), Mismatch::NotFound),
        };
        if holds { Ok(()) } else { Err(mismatch) }
    }

    /// What is expected, for people. Up to `most` characters of it.
    pub fn describe(&self, most: usize, redactor: &Redactor) -> Shown {
        match &self.pattern {
            Pattern::Any => Shown::fixed(match self.kind {
                None => "any message",
                Some(Kind::Text) => "any text message",
                Some(Kind::Binary) => "any binary message",
            }),
            Pattern::Equal(wanted) | Pattern::Contains(wanted) => {
                Shown::message(wanted.content.as_data(), most, redactor)
            }
            Pattern::Regex {
                source,
                ignores_case,
                ..
            } => {
                let flag = if *ignores_case { "i" } else { "" };
                Shown::cut(&format!("/{source}/{flag}"), most, redactor)
            }
        }
    }

    /// The content, if there is one, and whether a message may hold more.
    pub(super) fn wanted(&self) -> Option<(&Wanted, bool)> {
        match &self.pattern {
            Pattern::Equal(wanted) => Some((wanted, false)),
            Pattern::Contains(wanted) => Some((wanted, true)),
            Pattern::Any | Pattern::Regex { .. } => None,
        }
    }
}

impl Mismatch {
    /// One sentence without a full stop.
    pub fn describe(self) -> &'static str {
        match self {
            Mismatch::Kind(Kind::Text) => "a binary message came where text was expected",
            Mismatch::Kind(Kind::Binary) => "a text message came where binary was expected",
            Mismatch::Differs => "the message differs from the expected one",
            Mismatch::Lacks => "the message does not contain what was expected",
            Mismatch::NotFound => "the regular expression does not match the message",
        }
    }
}

impl Wanted {
    fn new(content: Content) -> Wanted {
        let json = text_of(content.as_data()).and_then(compare::parse);
        Wanted { content, json }
    }

    fn equals(&self, message: Data<'_>) -> bool {
        self.content.as_data().as_bytes() == message.as_bytes()
            || self.compares(message, compare::equal).unwrap_or(false)
    }

    fn is_part_of(&self, message: Data<'_>) -> bool {
        let is_container = matches!(self.json, Some(Value::Object(_) | Value::Array(_)));
        let by_value = self.compares(message, compare::contains);
        if let Some(contains) = by_value.filter(|contains| *contains || is_container) {
            return contains;
        }
        let part = self.content.as_data().as_bytes();
        memchr::memmem::find(message.as_bytes(), part).is_some()
    }

    /// Compares both as JSON. `None` if one of them is not JSON.
    fn compares(&self, message: Data<'_>, fits: fn(&Value, &Value) -> bool) -> Option<bool> {
        let wanted = self.json.as_ref()?;
        let text = text_of(message)?;
        let first = text.trim_ascii_start().bytes().next()?;
        // Most messages need not be read to see that they are of another type.
        let may_fit = match wanted {
            Value::Object(_) => first == b'{',
            Value::Array(_) => first == b'[',
            Value::String(_) => first == b'"',
            _ => !matches!(first, b'{' | b'[' | b'"'),
        };
        match may_fit {
            true => Some(fits(&compare::parse(text)?, wanted)),
            false => None,
        }
    }
}

/// Compiles a regular expression of a script.
///
/// # Errors
/// What is wrong with it.
pub(super) fn compile(source: &str, ignores_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .case_insensitive(ignores_case)
        .size_limit(MAX_REGEX)
        .build()
        .map_err(|error| format!("not a regular expression: {error}"))
}

fn finds(regex: &Regex, message: Data<'_>) -> bool {
    text_of(message).is_some_and(|text| regex.is_match(text))
}

fn text_of(data: Data<'_>) -> Option<&str> {
    match data {
        Data::Text(text) => Some(text),
        Data::Binary(bytes) => std::str::from_utf8(bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    fn bytes(bytes: &'static [u8]) -> Content {
        Content::Binary(Bytes::from_static(bytes))
    }

    #[test]
    fn json_is_equal_by_value_and_text_by_its_bytes() {
        for (expected, message, equal) in [
            (r#"{"a":1,"b":2}"#, r#" {"b": 2, "a": 1.0} "#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            ("[1,2]", "[1, 2]", true),
            ("1", "1.0", true),
            ("true", "true ", true),
            (r#""é""#, r#""\u00e9""#, true),
            ("hello", "hello", true),
            ("hello", "Hello", false),
            ("hello", "hello ", false),
            ("", "", true),
            ("{", "{", true),
            ("1", "one", false),
            ("null", "", false),
        ] {
            let found = Matcher::equal(None, text(expected)).check(Data::Text(message));
            let wanted = if equal {
                Ok(())
            } else {
                Err(Mismatch::Differs)
            };
            assert_eq!(found, wanted, "{expected} {message}");
        }
    }

    #[test]
    fn a_part_is_contained_by_value_or_as_text() {
        for (expected, message, contained) in [
            (r#"{"a":1}"#, r#"{"b":2,"a":1}"#, true),
            (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":2}}"#, true),
            (r#"{"a":1}"#, r#"{"a":12}"#, false),
            (r#"{"a":1}"#, r#"[{"a":1}]"#, true),
            ("[1,3]", "[1,2,3]", true),
            ("[3,1]", "[1,2,3]", false),
            ("ell", "hello", true),
            ("ello!", "hello", false),
            ("200", "status 200", true),
            ("1.0", "1", true),
            (r#"{"a":1}"#, "{\"a\":1}\n{\"a\":2}", true),
            ("", "anything", true),
        ] {
            let found = Matcher::contains(None, text(expected)).check(Data::Text(message));
            let wanted = if contained {
                Ok(())
            } else {
                Err(Mismatch::Lacks)
            };
            assert_eq!(found, wanted, "{expected} {message}");
        }
    }

    #[test]
    fn a_message_is_of_the_kind_of_its_content_unless_one_is_named() {
        let hello = || text("hello");
        let binary = Some(Kind::Binary);
        for (matcher, message, result) in [
            (Matcher::any(None), Data::Binary(b"\xff"), Ok(())),
            (
                Matcher::any(binary),
                Data::Text("a"),
                Err(Mismatch::Kind(Kind::Binary)),
            ),
            (
                Matcher::equal(None, hello()),
                Data::Binary(b"hello"),
                Err(Mismatch::Kind(Kind::Text)),
            ),
            (
                Matcher::equal(binary, hello()),
                Data::Binary(b"hello"),
                Ok(()),
            ),
            (
                Matcher::equal(binary, text(r#"{"a":1}"#)),
                Data::Binary(b"{\"a\": 1}"),
                Ok(()),
            ),
            (
                Matcher::equal(None, bytes(b"\0\xff")),
                Data::Binary(b"\0\xff"),
                Ok(()),
            ),
            (
                Matcher::equal(None, bytes(b"a")),
                Data::Text("a"),
                Err(Mismatch::Kind(Kind::Binary)),
            ),
            (
                Matcher::contains(None, bytes(b"\xff\0")),
                Data::Binary(b"a\xff\0b"),
                Ok(()),
            ),
            (
                Matcher::contains(None, bytes(b"\0\xff")),
                Data::Binary(b"a\xff\0b"),
                Err(Mismatch::Lacks),
            ),
        ] {
            assert_eq!(matcher.check(message), result, "{matcher:?} {message:?}");
        }
    }

    #[test]
    fn a_regular_expression_looks_for_a_part_of_a_text() {
        let matches = |source: &str, ignores_case, message: &str| {
            let matcher = Matcher::regex(None, source, ignores_case).unwrap();
            matcher.check(Data::Text(message))
        };
        assert_eq!(matches(r"^\d+ users$", false, "12 users"), Ok(()));
        assert_eq!(matches("HELLO", true, "oh, hello"), Ok(()));
        assert_eq!(matches("HELLO", false, "hello"), Err(Mismatch::NotFound));
        let wrong = Matcher::regex(None, "a(", false).unwrap_err();
        assert!(wrong.starts_with("not a regular expression: "), "{wrong}");
        assert!(Matcher::regex(None, &"((a{9}){99}){999}".repeat(9), false).is_err());
        assert!(Matcher::regex(Some(Kind::Binary), "a", false).is_err());
    }

    #[test]
    fn what_is_expected_is_described_without_secrets() {
        let redactor = Redactor::default();
        redactor.add("hunter2");
        for (matcher, shown) in [
            (Matcher::any(None), "any message"),
            (Matcher::any(Some(Kind::Binary)), "any binary message"),
            (
                Matcher::equal(None, text("password hunter2")),
                "password [redacted]",
            ),
            (Matcher::contains(None, bytes(b"\0\xff\x10")), "00 ff 10"),
            (
                Matcher::regex(None, "a|hunter2", true).unwrap(),
                "/a|[redacted]/i",
            ),
        ] {
            assert_eq!(matcher.describe(100, &redactor).as_str(), shown);
        }
    }

    #[test]
    fn a_mismatch_says_what_is_wrong() {
        for (mismatch, part) in [
            (Mismatch::Kind(Kind::Text), "binary message came"),
            (Mismatch::Kind(Kind::Binary), "text message came"),
            (Mismatch::Differs, "differs"),
            (Mismatch::Lacks, "does not contain"),
            (Mismatch::NotFound, "does not match"),
        ] {
            assert!(mismatch.describe().contains(part), "{mismatch:?}");
        }
    }

    #[test]
    fn a_thousand_expectations_are_quick() {
        let message = r#"{"event":"tick","data":{"price":12.5,"volume":100},"id":"abcdefghijklmnopqrstuvwxyz0123456"}"#;
        let started = std::time::Instant::now();
        for number in 0..1000 {
            let expected = format!(r#"{{"event":"tick","data":{{"volume":{number}}}}}"#);
            let matcher = Matcher::contains(None, Content::Text(expected));
            let found = matcher.check(Data::Text(message));
            assert_eq!(found.is_ok(), number == 100);
        }
        assert!(
            started.elapsed().as_millis() < 500,
            "{:?}",
            started.elapsed()
        );
    }
}
