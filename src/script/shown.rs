//! The text of results and reports: without secrets, and no longer than a report has room for.
//!
//! [`Shown`] is made with a [`Redactor`] and in no other way, so that no result can hold a secret. A text
//! is redacted as a whole before it is cut: the beginning of a secret would not be found. It may still
//! hold anything that a terminal acts on; every report escapes it as its format needs.

use std::borrow::Cow;

use crate::codec;
use crate::message::Data;
use crate::secret::Redactor;

/// Longest text, in characters, where the caller names no other limit.
const MOST: usize = 4000;

/// A text without secrets; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// The text without secrets, up to 4,000 characters of it.
    pub fn new(text: &str, redactor: &Redactor) -> Shown {
        Shown::cut(text, MOST, redactor)
    }

    /// The text without secrets, up to `most` characters of it. `…` stands for the rest.
    pub fn cut(text: &str, most: usize, redactor: &Redactor) -> Shown {
        let text = redact(text, redactor);
        let mut places = text.char_indices().skip(most);
        Shown(match places.next() {
            None => text.into_owned(),
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        })
    }

    /// A message: its text, or its bytes in hex. Up to `most` characters or bytes of it.
    pub fn message(data: Data<'_>, most: usize, redactor: &Redactor) -> Shown {
        match data {
            Data::Text(text) => Shown::cut(text, most, redactor),
            Data::Binary(bytes) => {
                let redacted = redactor.redact_bytes(bytes);
                let beginning = redacted.get(..most).unwrap_or(&redacted);
                let more = if beginning.len() < redacted.len() {
                    " …"
                } else {
                    ""
                };
                let hex = codec::hex(beginning, " ");
                Shown(redactor.redact_hex(&hex).into_owned() + more)
            }
        }
    }

    /// A text of our own, without anything that a script or a peer chose.
    pub fn fixed(text: &'static str) -> Shown {
        Shown(text.to_owned())
    }

    /// The text, with all its control characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text without secrets. If one stands in it as JSON writes it, the text is shown without escapes.
fn redact<'a>(text: &'a str, redactor: &Redactor) -> Cow<'a, str> {
    let redacted = redactor.redact(text);
    if redacted.contains('\\')
        && let Cow::Owned(redacted) = redactor.redact(&unescaped(&redacted))
    {
        return Cow::Owned(redacted);
    }
    redacted
}

/// A text in which JSON's escapes are decoded; others lose their backslash.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let mut characters = escape.chars();
        let decoded = match characters.next() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let digits = characters.as_str().get(..4);
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                characters = characters.as_str().get(4..).unwrap_or_default().chars();
                code.and_then(char::from_u32).unwrap_or('\u{fffd}')
            }
            Some(other) => other,
            None => break,
        };
        out.push(decoded);
        rest = characters.as_str();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let redactor = Redactor::default();
        redactor.add("pass \"word\"");
        redactor.add_given("sixteen bytes !!");
        redactor
    }

    #[test]
    fn a_text_is_redacted_before_it_is_cut() {
        for (text, most, shown) in [
            ("a pass \"word\" b", 100, "a [redacted] b"),
            ("a pass \"word\" b", 7, "a [reda…"),
            ("äöü", 3, "äöü"),
            ("äöü", 2, "äö…"),
            ("", 0, ""),
        ] {
            assert_eq!(Shown::cut(text, most, &redactor()).as_str(), shown);
        }
        let long = Shown::new(&"x".repeat(10_000), &redactor());
        assert_eq!(long.as_str().chars().count(), MOST + 1);
    }

    #[test]
    fn a_secret_is_found_as_json_writes_it() {
        for (text, shown) in [
            (r#"{"a":"pass \"word\""}"#, r#"{"a":"[redacted]"}"#),
            (
                r#"{"a":"p\u0061ss \u0022word\" \n\/"}"#,
                "{\"a\":\"[redacted] \n/\"}",
            ),
            (r"C:\new \u12 \", r"C:\new \u12 \"),
        ] {
            assert_eq!(Shown::new(text, &redactor()).as_str(), shown);
        }
    }

    #[test]
    fn bytes_are_shown_in_hex() {
        let shown = |bytes: &[u8], most| Shown::message(Data::Binary(bytes), most, &redactor());
        assert_eq!(shown(b"\0\xff", 2).as_str(), "00 ff");
        assert_eq!(shown(b"\0\xff\x10", 2).as_str(), "00 ff …");
        let secret = shown(b"\xffsixteen bytes !!", 100);
        assert_eq!(secret.as_str(), "ff 5b 72 65 64 61 63 74 65 64 5d");
        let text = Shown::message(Data::Text("hello"), 4, &redactor());
        assert_eq!(text.as_str(), "hell…");
    }
}
