//! JSON as text: measures it, and iterates over its tokens.
//!
//! No tree is built, so digits, the order of keys and duplicate keys are unchanged. Nothing here
//! recurses, so nesting cannot exhaust the stack.

/// The properties that decide whether a recursive parser may process a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Levels of nesting; 0 for a scalar.
    pub(crate) depth: usize,
    /// Bytes of the longest number.
    pub(crate) number: usize,
}

/// Measures a value for which [`super::grammar::is_value`] holds.
pub(crate) fn measure(json: &str) -> Measure {
    let mut found = Measure::default();
    let mut depth = 0_usize;
    for token in Tokens::new(json) {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => depth = depth.saturating_sub(1),
            Token::Word(word) => found.number = found.number.max(word.len()),
            Token::Comma | Token::Colon | Token::Str(_) => {}
        }
        found.depth = found.depth.max(depth);
    }
    found
}

/// The members of an object for which [`super::grammar::is_value`] holds: the name with its quotes, and
/// the text of the value. Names that are there twice come twice. Other values have no members.
pub(crate) fn members(json: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut tokens = Tokens::new(json);
    let is_object = tokens.next() == Some(Token::Open(b'{'));
    std::iter::from_fn(move || {
        if !is_object {
            return None;
        }
        let mut token = tokens.next()?;
        if token == Token::Comma {
            token = tokens.next()?;
        }
        let Token::Str(name) = token else {
            return None;
        };
        tokens.next()?;
        Some((name, tokens.value()?))
    })
}

/// JSON with U+FFFD for each escape of a surrogate that is not part of a pair, like jq reads it.
pub(crate) fn whole_characters(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    // In JSON a backslash only occurs before the character that it escapes.
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let len = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                whole.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            _ => 2,
        };
        let (escape, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        whole.push_str(escape);
        rest = after;
    }
    whole.push_str(rest);
    whole
}

/// The code unit of the `\uXXXX` at the beginning of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A piece of JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `{` or `[`
    Open(u8),
    /// `}` or `]`
    Close(u8),
    Comma,
    Colon,
    /// A string with its quotes, escapes as written.
    Str(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
}

/// The tokens of a value for which [`super::grammar::is_value`] holds. For other text it ends at
/// some point.
#[derive(Clone)]
pub(crate) struct Tokens<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(json: &'a str) -> Self {
        Tokens { json, at: 0 }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.json.len()
    }

    /// The text of the value that is next.
    fn value(&mut self) -> Option<&'a str> {
        self.skip(is_space);
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                Token::Open(_) => depth += 1,
                Token::Close(_) => depth = depth.checked_sub(1)?,
                Token::Comma | Token::Colon | Token::Str(_) | Token::Word(_) => {}
            }
            if depth == 0 {
                return self.json.get(start..self.at);
            }
        }
    }

    fn skip(&mut self, these: impl Fn(u8) -> bool) {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| these(**b)).count();
    }

    fn string_end(&self) -> usize {
        let bytes = self.json.as_bytes();
        let mut at = self.at + 1;
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
            if bytes[at + found] == b'"' {
                return at + found + 1;
            }
            at += found + 2;
        }
        bytes.len()
    }

    fn take_to(&mut self, end: usize) -> Option<&'a str> {
        let start = std::mem::replace(&mut self.at, end);
        self.json.get(start..end)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip(is_space);
        let first = *self.json.as_bytes().get(self.at)?;
        let single = match first {
            b'{' | b'[' => Token::Open(first),
            b'}' | b']' => Token::Close(first),
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => return self.take_to(self.string_end()).map(Token::Str),
            _ => {
                let start = self.at;
                self.skip(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
                let word = self.json.get(start..self.at)?;
                return (!word.is_empty()).then_some(Token::Word(word));
            }
        };
        self.at += 1;
        Some(single)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nesting_and_numbers_are_measured_outside_strings() {
        let measured = |json| (measure(json).depth, measure(json).number);
        assert_eq!(measured("1"), (0, 1));
        assert_eq!(measured(r#"{"a":[-12.5e3,"[[[[ 123456789"]}"#), (2, 7));
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(measured(&deep), (100_000, 0));
    }

    #[test]
    fn the_members_of_an_object_keep_their_text() {
        let found = |json| members(json).collect::<Vec<_>>();
        assert_eq!(
            found(r#" { "a" : 1.50 ,"b\u0020":[{"c":"}"} , 2], "a":"x,y" } "#),
            [
                (r#""a""#, "1.50"),
                (r#""b\u0020""#, r#"[{"c":"}"} , 2]"#),
                (r#""a""#, r#""x,y""#),
            ]
        );
        for json in ["{}", "[]", r#"["a",1]"#, r#""a""#, "1"] {
            assert_eq!(found(json), [], "{json}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_tokenizer_panic(text: String, tail in r#"[\[\]{}:,"\\u0-9a ]*"#) {
            for text in [text.as_str(), tail.as_str()] {
                Tokens::new(text).for_each(drop);
                members(text).for_each(drop);
            }
        }
    }
}
