//! Makes text from elsewhere safe for a terminal: characters that could move the cursor, make the
//! terminal reply, or reorder or hide text are shown as readable escapes.
//!
//! No byte is dropped, harmless text is unchanged, and no encoding is guessed: bytes that are not
//! UTF-8 are shown one by one. Invisible characters that belong to visible ones, such as the
//! joiners within an emoji, are harmless; [`super::invisible`] decides.

use super::invisible;
use crate::codec::push_escaped_byte;

/// The number of lines that a text may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One: TAB and LF are escaped like every other control character.
    One,
    /// Any number: TAB and LF stay.
    Many,
}

/// Whether a terminal would act on this character, or show nothing for it, when it is alone.
pub fn is_dangerous(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // C0, DEL and C1 (ECMA-48).
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
        _ => invisible::is_invisible(c),
    }
}

/// Calls `found` with the position of every character of `text` that must be escaped, in order.
///
/// The time is proportional to the length of `text`, whatever its content.
pub fn each_dangerous(text: &str, mut found: impl FnMut(usize, char)) {
    let mut belonging = invisible::Belonging::default();
    for (at, c) in text.char_indices() {
        if is_dangerous(c) && !belonging.holds(text, at, c) {
            found(at, c);
        }
    }
}

/// The position of the first character of `text` that must be escaped.
pub fn find_dangerous(text: &str) -> Option<usize> {
    let mut first = None;
    each_dangerous(text, |at, _| {
        first.get_or_insert(at);
    });
    first
}

/// Appends `text` as one line.
pub fn line(text: &str, out: &mut Vec<u8>) {
    escape(text, Layout::One, out);
}

/// Appends `text`, which may have several lines.
pub fn lines(text: &str, out: &mut Vec<u8>) {
    escape(text, Layout::Many, out);
}

/// Appends `bytes` as one line; bytes that are not UTF-8 as `\xNN`.
pub fn line_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        escape(chunk.valid(), Layout::One, out);
        for &byte in chunk.invalid() {
            push_escaped_byte(byte, out);
        }
    }
}

/// Escapes the characters that are not ASCII in what was appended since `from`, each as `escape`
/// writes it: a terminal whose locale is not UTF-8 would show other characters, and take some of the
/// bytes for controls (ECMA-48 C1).
pub(super) fn to_ascii(out: &mut Vec<u8>, from: usize, escape: impl Fn(char, &mut Vec<u8>)) {
    let shown = out.get(from..).unwrap_or_default();
    if shown.is_ascii() {
        return;
    }
    let text = String::from_utf8_lossy(shown).into_owned();
    out.truncate(from);
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => out.push(byte),
            _ => escape(c, out),
        }
    }
}

fn escape(text: &str, layout: Layout, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // Most messages are plain ASCII, and need no check of each character.
    if bytes.iter().all(|b| matches!(b, 0x20..=0x7e)) {
        return out.extend_from_slice(bytes);
    }
    let mut from = 0;
    each_dangerous(text, |at, c| {
        if layout == Layout::Many && matches!(c, '\t' | '\n') {
            return;
        }
        out.extend_from_slice(&bytes[from..at]);
        push_char(c, out);
        from = at + c.len_utf8();
    });
    out.extend_from_slice(&bytes[from..]);
}

/// Appends the escape of a character in text: `\x1b`, `\u{202e}`.
pub(super) fn push_char(c: char, out: &mut Vec<u8>) {
    match u8::try_from(c) {
        Ok(byte) => push_escaped_byte(byte, out),
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
    fn control_characters_are_shown_as_escapes() {
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

    /// Words and emoji as people write them.
    const WRITTEN: &[&str] = &[
        // ZWJ sequences: family, skin tones, with and without VS16, gender, rainbow, pirates, service dog.
        "👨\u{200d}👩\u{200d}👧",
        "👩🏽\u{200d}🚀 👨🏻\u{200d}🤝\u{200d}👨🏿",
        "❤\u{fe0f}\u{200d}🔥 👩\u{200d}❤\u{200d}👨 👁\u{fe0f}\u{200d}🗨\u{fe0f}",
        "🏃\u{200d}♀\u{fe0f} 🏃🏾\u{200d}♀\u{fe0f}\u{200d}➡\u{fe0f}",
        "🏳\u{fe0f}\u{200d}🌈 🏳\u{fe0f}\u{200d}⚧\u{fe0f} 🏴\u{200d}☠\u{fe0f} 🐕\u{200d}🦺",
        // Styles, keycaps, flags, skin tones.
        "❤\u{fe0f} ❤\u{fe0e} ☎\u{fe0f} ©\u{fe0f} ™\u{fe0e}",
        "1\u{fe0f}\u{20e3}#\u{fe0f}\u{20e3}*\u{fe0e}\u{20e3} 5\u{20e3}",
        "🇩🇪🇯🇵 👍🏽 ☝🏿",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}🏴\u{e0075}\u{e0073}\u{e0063}\u{e0061}\u{e007f}",
        "㊗\u{fe0f} 〰\u{fe0f}",
        // Indic: half and explicit forms, chillu, Sinhala, Bengali ra with ya, khanda ta, nukta.
        "क्\u{200d}ष क्\u{200c}ष",
        "അവന്\u{200d} ശ്രീ ක්\u{200d}රිකට් ශ්\u{200d}රී",
        "র\u{200d}্যাব ত্\u{200d} হ্যাঁ উদ্\u{200c}ঘাটন",
        "ಕ್\u{200c}ಷ ಇರ್\u{200c}ವಿನ್ క్\u{200c}ష க்\u{200c}ஷ",
        "फ़्\u{200d}ल",
        // Cursive: Persian, with marks between, Hejri, Urdu, Syriac, Mongolian.
        "می\u{200c}خواهم خانه\u{200c}ها نمی\u{200c}دانم",
        "بَ\u{200c}بَ",
        "۱۴۰۲ ه\u{200d}.ش",
        "ܒ\u{200c}ܒ ᠠ\u{200c}ᠠ",
        // Variation selectors of Mongolian, Myanmar, Phags-pa, mathematics and ideographs.
        "ᠨ\u{180b}ᠡ\u{180c} က\u{fe00} ꡦ\u{fe00} ∩\u{fe00} 不\u{fe00}",
        "葛\u{e0100}飾区 辻\u{e0101} 、\u{fe00}",
        // Nothing that joins at all.
        "Grüße, 世界 👍🏽 ❤\u{fe0f} עברית مرحبا नमस्ते",
    ];

    #[test]
    fn invisible_characters_that_belong_to_visible_ones_pass() {
        for text in WRITTEN {
            assert_eq!(one(text), *text, "{}", text.escape_unicode());
            assert_eq!(find_dangerous(text), None);
            // The neighbours do not matter.
            let among = format!("a{text}\x1b{text}z");
            assert_eq!(one(&among), format!("a{text}\\x1b{text}z"));
        }
    }

    #[test]
    fn other_invisible_characters_are_escaped() {
        for (text, shown) in [
            // Joiners alone, at an edge, repeated.
            ("\u{200d}", "\\u{200d}"),
            ("\u{200c}\u{200c}", "\\u{200c}\\u{200c}"),
            ("\u{200d}👩", "\\u{200d}👩"),
            ("👩\u{200d}", "👩\\u{200d}"),
            ("👩\u{200d} 👩", "👩\\u{200d} 👩"),
            ("👩\u{200d}\u{200d}👩", "👩\\u{200d}\\u{200d}👩"),
            ("می\u{200c}", "می\\u{200c}"),
            ("می\u{200c}\u{200c}خ", "می\\u{200c}\\u{200c}خ"),
            ("می\u{200c} خ", "می\\u{200c} خ"),
            ("क्\u{200d}\u{200d}ष", "क्\u{200d}\\u{200d}ष"),
            ("क\u{200d}ष", "क\\u{200d}ष"),
            // Between letters that do not join, or that join anyway.
            ("د\u{200c}س", "د\\u{200c}س"),
            ("ب\u{200d}ب", "ب\\u{200d}ب"),
            // In scripts that do not use them.
            ("pay\u{200d}pal", "pay\\u{200d}pal"),
            ("pay\u{200c}pal 1\u{200d}2", "pay\\u{200c}pal 1\\u{200d}2"),
            ("те\u{200d}ст α\u{200c}β", "те\\u{200d}ст α\\u{200c}β"),
            ("世\u{200d}界 한\u{200c}글", "世\\u{200d}界 한\\u{200c}글"),
            ("★\u{200d}★ 1\u{200d}👩", "★\\u{200d}★ 1\\u{200d}👩"),
            ("🇩\u{200d}🇪", "🇩\\u{200d}🇪"),
            // A virama where it has no letter of its own.
            ("a\u{94d}\u{200d}b", "a\u{94d}\\u{200d}b"),
            ("\u{94d}\u{200d}", "\u{94d}\\u{200d}"),
            ("ক\u{94d}\u{200d}ষ", "ক\u{94d}\\u{200d}ষ"),
            ("क\u{34f}\u{94d}\u{200d}ष", "क\\u{34f}\u{94d}\\u{200d}ष"),
            // Variation selectors after nothing, after letters and digits, repeated, or of the
            // wrong kind.
            ("\u{fe0f}", "\\u{fe0f}"),
            ("a\u{fe0f}b\u{fe00}", "a\\u{fe0f}b\\u{fe00}"),
            ("1\u{fe0f}2\u{fe0f}", "1\\u{fe0f}2\\u{fe0f}"),
            ("❤\u{fe0f}\u{fe0f}\u{fe0e}", "❤\u{fe0f}\\u{fe0f}\\u{fe0e}"),
            ("👍🏽\u{fe0f} 🇩🇪\u{fe0f}", "👍🏽\\u{fe0f} 🇩🇪\\u{fe0f}"),
            ("👍\u{fe01}👍\u{e0101}", "👍\\u{fe01}👍\\u{e0101}"),
            (
                "葛\u{e0100}\u{e0101}a\u{e0100}",
                "葛\u{e0100}\\u{e0101}a\\u{e0100}",
            ),
            ("a\u{180b}世\u{180b}", "a\\u{180b}世\\u{180b}"),
            // Tags that are not a flag: alone, without an end, on the wrong flag, of the wrong
            // form, too long.
            ("\u{e0061}\u{e007f}", "\\u{e0061}\\u{e007f}"),
            ("🏴\u{e0067}\u{e0062}x", "🏴\\u{e0067}\\u{e0062}x"),
            ("🏴\u{e007f}", "🏴\\u{e007f}"),
            (
                "🏳\u{e0075}\u{e0073}\u{e0061}\u{e007f}",
                "🏳\\u{e0075}\\u{e0073}\\u{e0061}\\u{e007f}",
            ),
            (
                "🏴\u{e0061}\u{e0031}\u{e0061}\u{e007f}",
                "🏴\\u{e0061}\\u{e0031}\\u{e0061}\\u{e007f}",
            ),
            (
                "🏴\u{e0075}\u{e0073}\u{e0061}\u{e007f}\u{e0061}",
                "🏴\u{e0075}\u{e0073}\u{e0061}\u{e007f}\\u{e0061}",
            ),
            ("🏴\u{e0001}\u{e0041}", "🏴\\u{e0001}\\u{e0041}"),
            // Bidi controls and fillers, also within a word that has joiners.
            (
                "می\u{202e}\u{200c}خ\u{2067}\u{200f}\u{61c}",
                "می\\u{202e}\\u{200c}خ\\u{2067}\\u{200f}\\u{61c}",
            ),
            (
                "가\u{3164}\u{115f}\u{ffa0}",
                "가\\u{3164}\\u{115f}\\u{ffa0}",
            ),
            ("a\u{2060}\u{180e}\u{17b4}", "a\\u{2060}\\u{180e}\\u{17b4}"),
            // Format controls of shorthand and of music.
            ("\u{1bca0}\u{1d173}", "\\u{1bca0}\\u{1d173}"),
        ] {
            assert_eq!(one(text), shown, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn a_long_text_of_joiners_takes_no_longer_than_another() {
        // Each of them would take hours if a joiner examined all text before or after it.
        for unit in [
            "\u{200d}",
            "\u{94d}\u{200d}",
            "ب\u{200c}",
            "\u{64e}",
            "🏴\u{e0061}",
            "👩\u{200d}",
        ] {
            let many = unit.repeat(50_000);
            for text in [format!("ب{many}"), format!("{many}\u{200c}{many}ب")] {
                each_dangerous(&text, |_, _| {});
            }
        }
    }

    #[test]
    fn tab_and_line_feed_stay_where_lines_are_allowed() {
        assert_eq!(many("a\tb\nc\r\n\x1b"), "a\tb\nc\\x0d\n\\x1b");
    }

    #[test]
    fn other_characters_than_ascii_are_escaped_where_they_are_unknown() {
        let mut out = "é".as_bytes().to_vec();
        let from = out.len();
        out.extend_from_slice("a\té世\x1b[0m".as_bytes());
        to_ascii(&mut out, from, push_char);
        assert_eq!(String::from_utf8(out).unwrap(), "éa\t\\xe9\\u{4e16}\x1b[0m");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_one_by_one() {
        let mut out = Vec::new();
        line_bytes(b"ok\xff\xc3\xa9\xe2\x82\x1b\n", &mut out);
        assert_eq!(out, "ok\\xffé\\xe2\\x82\\x1b\\x0a".as_bytes());
    }

    /// Text of characters that affect one another.
    fn mixed() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "\u{200c}",
            "\u{200d}",
            "\u{fe0e}",
            "\u{fe0f}",
            "\u{fe00}",
            "\u{e0100}",
            "\u{180b}",
            "\u{34f}",
            "\u{202e}",
            "\u{64e}",
            "\u{94d}",
            "\u{9cd}",
            "\u{93c}",
            "\u{20e3}",
            "क",
            "ষ",
            "ب",
            "د",
            "ᠨ",
            "不",
            "👩",
            "❤",
            "🏽",
            "🏴",
            "🇩",
            "1",
            "a",
            " ",
            "\u{e0075}\u{e0073}",
            "\u{e0061}",
            "\u{e007f}",
            "\u{3164}",
            "\u{1b}",
        ];
        prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|all| all.concat())
    }

    proptest! {
        #[test]
        fn sanitized_text_is_harmless(text in mixed()) {
            let shown = one(&text);
            prop_assert_eq!(find_dangerous(&shown), None, "{}", shown.escape_unicode());
            prop_assert!(shown.chars().filter(|c| is_dangerous(*c)).count() <= text.chars().count());
        }

        #[test]
        fn nothing_dangerous_survives(bytes: Vec<u8>, text: String) {
            let mut out = Vec::new();
            line_bytes(&bytes, &mut out);
            line(&text, &mut out);
            prop_assert_eq!(find_dangerous(std::str::from_utf8(&out).unwrap()), None);
            prop_assert_eq!(find_dangerous(&many(&text).replace(['\t', '\n'], "")), None);
        }

        #[test]
        fn harmless_text_is_unchanged(text in "[ -~à-ÿ一-丐]*") {
            prop_assert_eq!(one(&text), text);
        }
    }
}
