//! Text from elsewhere made harmless for a terminal: whatever could move the cursor, talk to the
//! terminal, reorder or hide text is shown as an escape that can be read.
//!
//! It never drops a byte, never changes text that is harmless, and never guesses an encoding: what
//! is not UTF-8 is shown byte by byte.

/// How many lines a text may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One: TAB and LF are escaped like every other control.
    One,
    /// As many as it has: TAB and LF stay.
    Many,
}

/// Whether a terminal would act on this character, or a reader not see it.
///
/// The list: C0, DEL and C1 (ECMA-48), the bidi controls (Unicode Annex 9), and characters of no
/// width or no glyph. Variation selectors (FE00-FE0F) pass: emoji need them.
pub fn is_dangerous(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Appends `text` as one line.
pub fn line(text: &str, out: &mut Vec<u8>) {
    escape(text, Layout::One, out);
}

/// Appends `text`, which may have several lines.
pub fn lines(text: &str, out: &mut Vec<u8>) {
    escape(text, Layout::Many, out);
}

/// Appends `bytes` as one line; what is not UTF-8 as `\xNN`.
pub fn line_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        escape(chunk.valid(), Layout::One, out);
        for &byte in chunk.invalid() {
            push_byte(byte, out);
        }
    }
}

/// Appends one byte as `\xNN`.
pub(super) fn push_byte(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\x");
    push_hex(byte, out);
}

/// Appends two lower-case hex digits.
pub(super) fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

fn escape(text: &str, layout: Layout, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // Most messages are plain ASCII; they are not looked at character by character.
    if bytes.iter().all(|b| matches!(b, 0x20..=0x7e)) {
        return out.extend_from_slice(bytes);
    }
    let mut from = 0;
    for (at, c) in text.char_indices().filter(|&(_, c)| must_escape(c, layout)) {
        out.extend_from_slice(&bytes[from..at]);
        push_char(c, out);
        from = at + c.len_utf8();
    }
    out.extend_from_slice(&bytes[from..]);
}

fn must_escape(c: char, layout: Layout) -> bool {
    is_dangerous(c) && !(layout == Layout::Many && matches!(c, '\t' | '\n'))
}

fn push_char(c: char, out: &mut Vec<u8>) {
    match u8::try_from(c) {
        Ok(byte) => push_byte(byte, out),
        Err(_) => out.extend_from_slice(format!("\\u{{{:x}}}", u32::from(c)).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> String {
        let mut out = Vec::new();
        line(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn many(text: &str) -> String {
        let mut out = Vec::new();
        lines(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown() {
        for (text, shown) in [
            ("plain text", "plain text"),
            ("Grüße, 世界 👍🏽 ❤\u{fe0f}", "Grüße, 世界 👍🏽 ❤\u{fe0f}"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("\x1b]52;c;cm0=\x07", "\\x1b]52;c;cm0=\\x07"),
            ("a\rb\x08\x7f", "a\\x0db\\x08\\x7f"),
            ("\u{9b}31m \u{85}", "\\x9b31m \\x85"),
            ("\u{ad}", "\\xad"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{e0041}", "\\u{e0041}"),
            ("a\tb\nc", "a\\x09b\\x0ac"),
        ] {
            assert_eq!(one(text), shown, "{text:?}");
        }
    }

    #[test]
    fn tab_and_line_feed_stay_where_lines_are_allowed() {
        assert_eq!(many("a\tb\nc\r\n\x1b"), "a\tb\nc\\x0d\n\\x1b");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_one_by_one() {
        let mut out = Vec::new();
        line_bytes(b"ok\xff\xc3\xa9\xe2\x82\x1b\n", &mut out);
        assert_eq!(out, "ok\\xffé\\xe2\\x82\\x1b\\x0a".as_bytes());
    }

    proptest! {
        #[test]
        fn nothing_dangerous_survives(bytes: Vec<u8>, text: String) {
            let mut out = Vec::new();
            line_bytes(&bytes, &mut out);
            line(&text, &mut out);
            prop_assert!(!std::str::from_utf8(&out).unwrap().contains(is_dangerous));
            prop_assert!(!many(&text).replace(['\t', '\n'], "").contains(is_dangerous));
        }

        #[test]
        fn harmless_text_is_not_changed(text in "[ -~à-ÿ一-丐]*") {
            prop_assert_eq!(one(&text), text);
        }
    }
}
