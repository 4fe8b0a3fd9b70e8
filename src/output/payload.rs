//! The payload of a data message in the formats for programs: unchanged, or as one line.
//!
//! Only the line feed at the end is added, and nothing is lost: each line decodes to the original
//! bytes. The raw format on a terminal is the exception; it is for people.

use serde::de::IgnoredAny;

use super::sanitize;
use crate::codec;
use crate::message::{Data, Kind};

/// What ends a line.
const LINE_BREAKS: [char; 2] = ['\r', '\n'];

/// Appends the payload unchanged; a line feed ends a text.
pub(super) fn push_raw(data: Data<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(data.as_bytes());
    if data.kind() == Kind::Text {
        out.push(b'\n');
    }
}

/// Appends one line that a program can parse: a text as it is; JSON over several lines with spaces for
/// its line breaks, which stand only between its parts; anything else as [`push_line`] has it.
pub(super) fn push_for_program(data: Data<'_>, out: &mut Vec<u8>) {
    match data {
        Data::Text(text) if !text.contains(LINE_BREAKS) => out.extend_from_slice(text.as_bytes()),
        Data::Text(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            let bytes = text.bytes();
            out.extend(bytes.map(|b| if b"\r\n".contains(&b) { b' ' } else { b }));
        }
        _ => codec::push_escaped(data.as_bytes(), out),
    }
    out.push(b'\n');
}

/// Binary gets its own line here: a terminal has no use for the exact bytes, and the next output
/// must begin on a new line.
pub(super) fn push_raw_for_terminal(data: Data<'_>, out: &mut Vec<u8>) {
    match data {
        Data::Text(text) => sanitize::lines(text, out),
        Data::Binary(data) => sanitize::line_bytes(data, out),
    }
    out.push(b'\n');
}

/// Characters are escaped byte by byte, so that `--escapes` decodes the same bytes.
pub(super) fn push_line(data: &[u8], tty: bool, out: &mut Vec<u8>) {
    if !tty {
        codec::push_escaped(data, out);
        return out.push(b'\n');
    }
    for chunk in data.utf8_chunks() {
        push_text_for_terminal(chunk.valid(), out);
        codec::push_escaped(chunk.invalid(), out);
    }
    out.push(b'\n');
}

fn push_text_for_terminal(text: &str, out: &mut Vec<u8>) {
    let mut from = 0;
    sanitize::each_dangerous(text, |at, c| {
        codec::push_escaped_text(&text[from..at], out);
        codec::push_escape(c, out);
        from = at + c.len_utf8();
    });
    codec::push_escaped_text(&text[from..], out);
}

/// Appends the payload as one line of lower-case hex digits.
pub(super) fn push_hex(data: &[u8], out: &mut Vec<u8>) {
    codec::push_hex(data, out);
    out.push(b'\n');
}

/// Appends the payload as one line of standard base64 (RFC 4648 §4).
pub(super) fn push_base64(data: &[u8], out: &mut Vec<u8>) {
    codec::push_base64(data, out);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    type Push = fn(&[u8], &mut Vec<u8>);

    #[test]
    fn one_line_holds_any_bytes() {
        let line: Push = |data, out| push_line(data, false, out);
        let terminal: Push = |data, out| push_line(data, true, out);
        let text = "a\\b\r\n\t\u{1b}\u{7f}é\u{9b}".as_bytes();
        for (push, data, expected) in [
            (line, text, "a\\\\b\\r\\n\\x09\\x1b\\x7fé\u{9b}\n"),
            // Byte by byte, because `\x9b` would decode to the byte 9b instead of the character.
            (terminal, text, "a\\\\b\\r\\n\\x09\\x1b\\x7fé\\xc2\\x9b\n"),
            (line, b"\x00\xff\xe2\x82", "\\x00\\xff\\xe2\\x82\n"),
            (
                terminal,
                "👩\u{200d}🚀\\a\u{200d}b".as_bytes(),
                "👩\u{200d}🚀\\\\a\\xe2\\x80\\x8db\n",
            ),
            (push_hex, b"\x00\xff\n", "00ff0a\n"),
            (push_hex, b"", "\n"),
            (push_base64, b"\x00\xff\x10>", "AP8QPg==\n"),
        ] {
            let mut out = Vec::new();
            push(data, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn raw_is_exact_and_on_a_terminal_harmless() {
        let (mut pipe, mut terminal) = (Vec::new(), Vec::new());
        for data in [Data::Text("a\tb\n\x1bc"), Data::Binary(b"\xff\n")] {
            push_raw(data, &mut pipe);
            push_raw_for_terminal(data, &mut terminal);
        }
        assert_eq!(pipe, b"a\tb\n\x1bc\n\xff\n");
        assert_eq!(terminal, b"a\tb\n\\x1bc\n\\xff\\x0a\n");
    }
}
