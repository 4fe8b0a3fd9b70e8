//! Any text at all.

use proptest::prelude::*;

use super::super::{Allowed, parse, parse_included};
use super::{ALLOWED, rendered};

#[test]
fn large_and_deep_texts_take_no_longer_than_others() {
    for unit in [
        "> {\n",
        "> [",
        "[",
        "```\n",
        "@repeat 2\n",
        "> \"{{a}}",
        "<\n[Asserts]\n",
        "\n",
        "# \n",
        "<\n[Asserts]\n.a\n",
        "< /a/\n",
        "{{",
        "> {\"a\":",
        "WEBSOCKET ws://x\n",
        "> a\n",
        "((((",
        "<(x1",
        "a: b\n",
        "[Options]\na: b\n",
        "###\n",
        "@include a\n",
        "> `",
    ] {
        for begin in [
            "WEBSOCKET ws://x\n",
            "WEBSOCKET ws://x\n> ",
            "WEBSOCKET ws://x\n> {\n",
        ] {
            let text = format!("{begin}{}", unit.repeat(60_000 / unit.len()));
            let _ = parse(&text, Allowed::default());
        }
    }
}

/// Pieces of scripts.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "\n",
        "\n",
        "\n",
        " ",
        "\r\n",
        "### a",
        "WEBSOCKET ",
        "ws://x",
        "alice",
        "HTTP 101",
        "[Options]",
        "[Captures]",
        "[Asserts]",
        "a: b",
        "no-compress",
        "> ",
        "< ",
        "<",
        ">",
        "!",
        "~",
        "(2s)",
        "(x3",
        ")",
        ",",
        "{{a}}",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "`",
        "```",
        "/a/",
        "/i",
        "ping",
        "close 1000",
        "frame text",
        "drop",
        "open",
        "escapes:",
        "hex:00",
        "base64:",
        "file:",
        "@",
        "@repeat 2",
        "@end",
        "@wait 1s",
        "@include a",
        "duration < 1s",
        "reason",
        "header",
        "matches",
        "not",
        "schema",
        ".a == 1",
        "|",
        "é",
        "世",
        "\u{202e}",
        "\u{1b}",
        "#",
        "==",
        "x",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in pieces(), begin in prop::sample::select(vec!["", "WEBSOCKET ws://x\n"])) {
        let text = format!("{begin}{text}");
        for result in [parse(&text, ALLOWED).map(drop), parse_included(&text, Allowed::default()).map(drop)] {
            let Err(errors) = result else { continue };
            prop_assert!(!errors.is_empty() && errors.len() <= 20);
            let rendered = rendered("f", &text, &errors);
            let plain = rendered.replace('\n', "");
            prop_assert_eq!(crate::output::sanitize::find_dangerous(&plain), None, "{}", rendered);
        }
    }
}
