//! Writes the JSON text of everything that this program prints: events, states, ledgers, results of
//! filters. Pure.
//!
//! RFC 8259 §7 allows U+0085, U+2028 and U+2029 in a string, but for many readers they end a line
//! (Python's `str.splitlines`, JavaScript before 2019), and JSON on a line must stay one line. So
//! they are always escaped here.

use std::borrow::Cow;

/// Appends `text` as a JSON string with its quotes.
pub fn push_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    push_content(text, out);
    out.push(b'"');
}

/// The bytes that are escaped, and the first bytes of U+0085, U+2028 and U+2029. A table, because
/// every byte of every message is looked up.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        stops[control] = true;
        control += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops[0xc2] = true;
    stops[0xe2] = true;
    stops
};

/// Appends `text` as the content of a JSON string, without quotes.
pub fn push_content(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut from, mut at) = (0, 0);
    while let Some(skipped) = bytes[at..].iter().position(|b| STOPS[usize::from(*b)]) {
        at += skipped;
        let c = match bytes[at..] {
            [0xc2, 0x85, ..] => '\u{85}',
            [0xe2, 0x80, 0xa8, ..] => '\u{2028}',
            [0xe2, 0x80, 0xa9, ..] => '\u{2029}',
            [ascii, ..] if ascii.is_ascii() => char::from(ascii),
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[from..at]);
        push_escape(c, out);
        at += c.len_utf8();
        from = at;
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Appends a character as an escape: `\n`, `\"`, `\u2028`.
pub fn push_escape(c: char, out: &mut Vec<u8>) {
    match c {
        '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
}

/// Escapes the line ends above in JSON text that another library has written.
///
/// Outside strings JSON does not allow them, so they can be escaped wherever they occur.
pub fn escape_line_ends(json: &str) -> Cow<'_, str> {
    let is_first = |at: usize| json[at..].starts_with(is_line_end);
    let mut found = memchr::memchr2_iter(0xc2, 0xe2, json.as_bytes()).filter(|&at| is_first(at));
    if found.next().is_none() {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match is_line_end(c) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a character that JSON allows in a string ends a line for some readers.
fn is_line_end(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        push_string(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_kind_of_line_end_is_escaped() {
        for (text, written) in [
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\n\r\t\x1b\0", r#""\n\r\t\u001b\u0000""#),
            ("a\u{85}b\u{2028}\u{2029}", r#""a\u0085b\u2028\u2029""#),
            // They begin with the same bytes.
            (
                "\u{84}\u{a0}©—…\u{2027}\u{202a}",
                "\"\u{84}\u{a0}©—…\u{2027}\u{202a}\"",
            ),
        ] {
            assert_eq!(string(text), written);
        }
    }

    #[test]
    fn json_of_another_writer_keeps_its_meaning() {
        for (json, written) in [
            (r#"{"a":[1,"é—"]}"#, r#"{"a":[1,"é—"]}"#),
            (
                "{\"a\u{2028}b\":\"\u{85}\\\\\u{2029}\"}",
                r#"{"a\u2028b":"\u0085\\\u2029"}"#,
            ),
        ] {
            assert_eq!(escape_line_ends(json), written);
        }
    }

    proptest! {
        #[test]
        fn written_strings_are_parsed_back(text in "[\\PC\\x00-\\x1f\"\\\\\u{85}\u{2027}-\u{202a}]{0,20}") {
            let written = string(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.clone());
            prop_assert!(!written.contains(is_line_end));
            let theirs = serde_json::json!({ &text: [&text] });
            let escaped = theirs.to_string();
            let escaped = escape_line_ends(&escaped);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), theirs);
            prop_assert!(!escaped.contains(is_line_end));
        }
    }
}
