//! Writes the JSON strings of wirecat and of formatted messages; for a terminal without anything
//! that it would act on.

use super::sanitize;
use crate::json::string;

/// Appends `text` as a JSON string with quotes. Everything dangerous on a terminal is escaped.
pub fn push_string_for_terminal(text: &str, out: &mut Vec<u8>) {
    push_string(text, true, out);
}

/// Appends `text` as a JSON string with quotes. For a terminal everything dangerous is escaped,
/// otherwise what [`string`] escapes.
fn push_string(text: &str, terminal: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    push_content(text, terminal, out);
    out.push(b'"');
}

/// [`push_string`] without the quotes.
fn push_content(text: &str, terminal: bool, out: &mut Vec<u8>) {
    let mut from = 0;
    if terminal {
        sanitize::each_dangerous(text, |at, c| {
            string::push_content(&text[from..at], out);
            string::push_escape(c, out);
            from = at + c.len_utf8();
        });
    }
    string::push_content(&text[from..], out);
}

/// Appends a string token of a peer's JSON: escapes of harmless characters are decoded, all other
/// escapes stay, and for a terminal raw characters that are dangerous are escaped.
pub(super) fn push_token(token: &str, terminal: bool, out: &mut Vec<u8>) {
    let content = token.strip_prefix('"').unwrap_or(token);
    let content = content.strip_suffix('"').unwrap_or(content);
    if memchr::memchr(b'\\', content.as_bytes()).is_none() {
        return push_string(content, terminal, out);
    }
    // Whether a character is harmless depends on its neighbours, after all escapes are decoded.
    let (text, escapes) = resolved(content);
    let mut dangerous = Vec::new();
    sanitize::each_dangerous(&text, |at, _| dangerous.push(at));
    let mut dangerous = dangerous.into_iter().peekable();
    let mut escapes = escapes.into_iter().peekable();
    out.push(b'"');
    for (at, c) in text.char_indices() {
        let is_dangerous = dangerous.next_if_eq(&at).is_some();
        match escapes.next_if(|escape| escape.at == at) {
            Some(escape) if is_dangerous || !escape.is_character => {
                out.extend_from_slice(escape.written.as_bytes());
            }
            None if is_dangerous && terminal => string::push_escape(c, out),
            _ => string::push_content(c.encode_utf8(&mut [0; 4]), out),
        }
    }
    out.push(b'"');
}

/// An escape in the content of a string token.
struct Escape<'a> {
    /// The escape in the token.
    written: &'a str,
    /// The position of the decoded character in the decoded text.
    at: usize,
    /// False for a lone surrogate, which the decoded text has as U+FFFD.
    is_character: bool,
}

/// The decoded content of a string token, and the places of its escapes.
fn resolved(content: &str) -> (String, Vec<Escape<'_>>) {
    let mut text = String::with_capacity(content.len());
    let mut escapes = Vec::new();
    let mut rest = content;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let (c, len) = escape(&rest[at..]);
        escapes.push(Escape {
            written: &rest[at..at + len],
            at: text.len(),
            is_character: c.is_some(),
        });
        text.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = &rest[at + len..];
    }
    text.push_str(rest);
    (text, escapes)
}

/// The character of the escape at the beginning of `text`, if there is one, and the escape's
/// length.
fn escape(text: &str) -> (Option<char>, usize) {
    if let Some(found) = unicode_escape(text) {
        return found;
    }
    let second = text.chars().nth(1);
    let c = match second {
        Some(c @ ('"' | '\\' | '/')) => Some(c),
        Some('b') => Some('\x08'),
        Some('f') => Some('\x0c'),
        Some('n') => Some('\n'),
        Some('r') => Some('\r'),
        Some('t') => Some('\t'),
        _ => None,
    };
    (c, 1 + second.map_or(0, char::len_utf8))
}

/// The character of a `\uXXXX` escape or of a surrogate pair of them, and the length of the escape.
/// A lone surrogate is not a character.
fn unicode_escape(text: &str) -> Option<(Option<char>, usize)> {
    let first = code_unit(text)?;
    let second = code_unit(&text[6..]).filter(|_| (0xd800..0xdc00).contains(&first));
    let units = [first, second.unwrap_or(0)];
    let pair = second.and_then(|_| char::decode_utf16(units).next()?.ok());
    Some(match pair {
        Some(c) => (Some(c), 12),
        None => (char::from_u32(u32::from(first)), 6),
    })
}

fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str, terminal: bool) -> String {
        let mut out = Vec::new();
        push_string(text, terminal, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn token(text: &str, terminal: bool) -> String {
        let mut out = Vec::new();
        push_token(text, terminal, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pipe_gets_only_the_escapes_json_requires_and_a_terminal_more() {
        for (text, pipe, terminal) in [
            ("a\"b\\c", r#""a\"b\\c""#, r#""a\"b\\c""#),
            (
                "\n\r\t\x1b\0",
                r#""\n\r\t\u001b\u0000""#,
                r#""\n\r\t\u001b\u0000""#,
            ),
            ("\x7f", "\"\x7f\"", r#""\u007f""#),
            ("é\u{9b}", "\"é\u{9b}\"", r#""é\u009b""#),
            ("\u{202e}", "\"\u{202e}\"", r#""\u202e""#),
            ("\u{e0041}👍", "\"\u{e0041}👍\"", r#""\udb40\udc41👍""#),
            ("\u{85}\u{2028}", r#""\u0085\u2028""#, r#""\u0085\u2028""#),
            (
                "👩\u{200d}🚀 a\u{200d}b",
                "\"👩\u{200d}🚀 a\u{200d}b\"",
                "\"👩\u{200d}🚀 a\\u200db\"",
            ),
        ] {
            assert_eq!(string(text, false), pipe);
            assert_eq!(string(text, true), terminal);
        }
    }

    #[test]
    fn only_escapes_of_harmless_characters_are_decoded() {
        for (written, shown) in [
            (r#""gr\u00fc\u00dfe \/ \ud83d\udc4d""#, r#""grüße / 👍""#),
            (
                r#""\u001b[31m \n \b \u202e""#,
                r#""\u001b[31m \n \b \u202e""#,
            ),
            (r#""\u0022 \u005c \" \\u0041""#, r#""\" \\ \" \\u0041""#),
            (r#""\ud83d \udc4d \ud83dx""#, r#""\ud83d \udc4d \ud83dx""#),
        ] {
            assert_eq!(token(written, false), shown);
            assert_eq!(token(written, true), shown);
        }
        // Whether a joiner is harmless depends on its neighbours.
        for (written, terminal) in [
            (r#""\ud83d\udc69\u200d\ud83d\ude80""#, "\"👩\u{200d}🚀\""),
            (r#""👩\u200d🚀 \u2764\ufe0f""#, "\"👩\u{200d}🚀 ❤\u{fe0f}\""),
            ("\"\\ud83d\\udc69\u{200d}🚀\"", "\"👩\u{200d}🚀\""),
            ("\"\\ud83d\u{200d}🚀\"", r#""\ud83d\u200d🚀""#),
            (r#""pay\u200dpal \ufe0f""#, r#""pay\u200dpal \ufe0f""#),
            ("\"\\n\u{200d}\u{85}\"", r#""\n\u200d\u0085""#),
        ] {
            assert_eq!(token(written, true), terminal);
        }
        assert_eq!(
            token("\"\\n\u{200d}\u{85}\"", false),
            "\"\\n\u{200d}\\u0085\""
        );
        assert_eq!(token("\"\u{202e}\"", true), r#""\u202e""#);
        assert_eq!(token("\"\u{202e}\"", false), "\"\u{202e}\"");
    }

    proptest! {
        #[test]
        fn a_written_string_is_parsed_back(text: String, terminal: bool) {
            let written = string(&text, terminal);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.clone());
            let again = token(&written, terminal);
            prop_assert_eq!(serde_json::from_str::<String>(&again).unwrap(), text);
        }

        #[test]
        fn no_text_makes_the_tokenizer_panic(text: String, tail in r#"[\[\]{}:,"\\u0-9a ]*"#) {
            for text in [text.as_str(), tail.as_str()] {
                token(text, true);
            }
        }
    }
}
