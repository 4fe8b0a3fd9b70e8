//! Whether a text is JSON, strictly by RFC 8259.
//!
//! It never recurses: nesting costs one byte of memory per level, so a peer cannot exhaust the
//! stack with brackets.

use super::text::{Token, Tokens};

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
}

/// Whether `text` is exactly one JSON value.
pub(crate) fn is_value(text: &str) -> bool {
    let mut tokens = Tokens::new(text);
    let mut open = Vec::new();
    let mut next = Some(Next::Value);
    while let Some(state) = next {
        let Some(token) = tokens.next() else {
            return state == Next::CommaOrClose && open.is_empty() && tokens.is_at_end();
        };
        next = step(state, token, &mut open);
    }
    false
}

/// The state after `token`; `None` if it is not allowed there.
fn step(state: Next, token: Token<'_>, open: &mut Vec<u8>) -> Option<Next> {
    use Next::{Colon, CommaOrClose, Key, KeyOrClose, Value, ValueOrClose};
    match (state, token) {
        (Value | ValueOrClose, Token::Str(s)) => is_string(s).then_some(CommaOrClose),
        (Value | ValueOrClose, Token::Word(w)) => is_word(w).then_some(CommaOrClose),
        (Value | ValueOrClose, Token::Open(bracket)) => {
            open.push(bracket);
            Some(if bracket == b'{' {
                KeyOrClose
            } else {
                ValueOrClose
            })
        }
        (Key | KeyOrClose, Token::Str(s)) => is_string(s).then_some(Colon),
        (Colon, Token::Colon) => Some(Value),
        (CommaOrClose, Token::Comma) => open
            .last()
            .map(|bracket| if *bracket == b'{' { Key } else { Value }),
        (ValueOrClose | KeyOrClose | CommaOrClose, Token::Close(bracket)) => {
            // In ASCII, a closing bracket is its opening bracket plus two.
            (open.pop()? + 2 == bracket).then_some(CommaOrClose)
        }
        _ => None,
    }
}

fn is_string(token: &str) -> bool {
    let mut bytes = token.as_bytes()[1..].iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return bytes.next().is_none(),
            0..=0x1f => return false,
            b'\\' if !is_escape(&mut bytes) => return false,
            _ => {}
        }
    }
    false
}

fn is_escape(bytes: &mut std::slice::Iter<'_, u8>) -> bool {
    match bytes.next() {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
        Some(b'u') => (0..4).all(|_| bytes.next().is_some_and(u8::is_ascii_hexdigit)),
        _ => false,
    }
}

fn is_word(word: &str) -> bool {
    matches!(word, "true" | "false" | "null") || is_number(word)
}

fn is_number(word: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    let (number, exponent) = match word.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (word, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|e| is_digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_is_distinguished_from_other_text() {
        for json in [
            "null",
            " true\r\n\t",
            "0",
            "-0",
            "12.50e+10",
            "1E-2",
            r#""\u00e9\n\/""#,
            "[]",
            "{}",
            r#"{"a":[1,{"b":[]}],"a":2}"#,
            r#""\ud800""#,
        ] {
            assert!(is_value(json), "{json}");
        }
        for text in [
            "",
            " ",
            "nul",
            "NaN",
            "Infinity",
            "+1",
            "01",
            "1.",
            ".5",
            "1e",
            "--1",
            "1 2",
            "[1,]",
            "[,1]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "{1:2}",
            "[1}",
            "{\"a\":1]",
            "]",
            "[",
            r#"""#,
            r#""\"#,
            r#""\""#,
            r#""\x""#,
            r#""\u12g4""#,
            "\"\n\"",
            "'a'",
            "\x0c1",
            "1 # x",
            "\u{feff}1",
            "[1]]",
            "b\"a\"",
        ] {
            assert!(!is_value(text), "{text}");
        }
    }

    #[test]
    fn a_million_brackets_do_not_overflow_the_stack() {
        assert!(is_value(&("[".repeat(1_000_000) + &"]".repeat(1_000_000))));
        assert!(!is_value(&"[{\"a\":".repeat(1_000_000)));
    }

    proptest! {
        /// Built from JSON's own characters, so that many are almost JSON.
        #[test]
        fn it_agrees_with_serde_json(text in r#"[\[\]{}:,"\\u0-2a\-+.eE ]{0,12}"#) {
            // serde_json refuses lone surrogates, which the grammar allows.
            prop_assume!(!text.contains("\\u"));
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(is_value(&text), theirs);
        }
    }
}
