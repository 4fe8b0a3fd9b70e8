//! What a terminal would act on in what was written to it: escape sequences and control characters,
//! each with what it does. It follows ECMA-48 and xterm's list of control sequences.

/// What a terminal does for a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It moves the cursor.
    Motion,
    /// It takes away or shifts what is shown.
    Erasure,
    /// It sets colours and attributes (SGR).
    Style,
    /// It switches a mode on or off.
    Mode,
    /// It makes the terminal answer: DA, DSR, DECRQM, XTGETTCAP, ENQ, OSC with `?`.
    Query,
    /// It sets the title of the window or icon.
    Title,
    /// OSC 52
    Clipboard,
    /// OSC 8
    Link,
    Bell,
    /// Anything else.
    Other,
}

/// Every sequence and control character in `written`, in order, without the line ends and tabs.
pub(crate) fn sequences(written: &[u8]) -> Vec<(Effect, String)> {
    let text = String::from_utf8_lossy(written);
    let mut rest = text.as_ref();
    let mut found = Vec::new();
    while let Some(at) = rest.find(|c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t')) {
        rest = &rest[at..];
        let (effect, length) = first(rest);
        found.push((effect, rest[..length].to_owned()));
        rest = &rest[length..];
    }
    found
}

/// The sequence at the beginning of `text`: its effect, and its length in bytes.
fn first(text: &str) -> (Effect, usize) {
    let mut chars = text.chars();
    let lead = chars.next().unwrap_or_default();
    let second = chars.next().unwrap_or_default();
    match (lead, second) {
        ('\x1b', '[') => csi(text, 2),
        ('\x1b', ']') => string(text, 2, osc),
        ('\x1b', 'P') => string(text, 2, dcs),
        ('\x1b', '_' | '^' | 'X') => string(text, 2, |_| Effect::Other),
        ('\x1b', 'Z') => (Effect::Query, 2),
        ('\x1b', '7' | '8' | 'D' | 'E' | 'M') => (Effect::Motion, 2),
        ('\x1b', _) => (Effect::Other, 1 + second.len_utf8()),
        ('\u{9b}', _) => csi(text, 2),
        ('\u{9d}', _) => string(text, 2, osc),
        ('\u{90}', _) => string(text, 2, dcs),
        ('\u{98}' | '\u{9e}' | '\u{9f}', _) => string(text, 2, |_| Effect::Other),
        ('\u{9a}' | '\x05', _) => (Effect::Query, lead.len_utf8()),
        ('\x07', _) => (Effect::Bell, 1),
        ('\x08' | '\x0b' | '\x0c' | '\u{84}' | '\u{85}' | '\u{8d}', _) => {
            (Effect::Motion, lead.len_utf8())
        }
        _ => (Effect::Other, lead.len_utf8()),
    }
}

fn csi(text: &str, start: usize) -> (Effect, usize) {
    let end = text[start..].find(|c: char| !(' '..='?').contains(&c));
    let Some(end) = end.map(|end| start + end) else {
        return (Effect::Other, text.len());
    };
    let last = text[end..].chars().next().unwrap_or_default();
    let parameters = &text[start..end];
    let effect = match last {
        'A'..='H' | '`' | 'a' | 'd' | 'e' | 'f' | 's' | 'I' | 'Z' => Effect::Motion,
        'J' | 'K' | 'L' | 'M' | 'P' | 'S' | 'T' | 'X' | '@' => Effect::Erasure,
        'm' if !parameters.starts_with(['>', '?']) => Effect::Style,
        'h' | 'l' => Effect::Mode,
        'c' | 'n' | 't' | 'x' => Effect::Query,
        'p' if parameters.ends_with('$') => Effect::Query,
        'q' if parameters.starts_with('>') => Effect::Query,
        'u' if parameters.starts_with('?') => Effect::Query,
        'u' => Effect::Motion,
        _ => Effect::Other,
    };
    (effect, end + last.len_utf8())
}

/// A string that BEL or ST ends; `effect` is told what stands in it.
fn string(text: &str, start: usize, effect: fn(&str) -> Effect) -> (Effect, usize) {
    let ends = ["\x07", "\x1b\\", "\u{9c}"];
    let ends = ends.iter().filter_map(|end| {
        let at = text[start..].find(end)?;
        Some((start + at, end.len()))
    });
    let (end, length) = ends.min().unwrap_or((text.len(), 0));
    (effect(&text[start..end]), end + length)
}

fn osc(text: &str) -> Effect {
    let (number, value) = text.split_once(';').unwrap_or((text, ""));
    match number {
        "52" => Effect::Clipboard,
        _ if value.split(';').any(|part| part == "?") => Effect::Query,
        "0" | "1" | "2" => Effect::Title,
        "8" => Effect::Link,
        _ => Effect::Other,
    }
}

fn dcs(text: &str) -> Effect {
    match text.starts_with("+q") || text.starts_with("$q") {
        true => Effect::Query,
        false => Effect::Other,
    }
}

#[test]
fn sequences_are_told_apart() {
    for (written, effect) in [
        ("\x1b[2A", Effect::Motion),
        ("\x1b[K", Effect::Erasure),
        ("\x1b[38;5;1m", Effect::Style),
        ("\x1b[?2004h", Effect::Mode),
        ("\x1b[c", Effect::Query),
        ("\x1b[>c", Effect::Query),
        ("\x1b[6n", Effect::Query),
        ("\x1b[?1$p", Effect::Query),
        ("\x1b[>q", Effect::Query),
        ("\x1bP+q544e\x1b\\", Effect::Query),
        ("\x1b]11;?\x07", Effect::Query),
        ("\u{9b}6n", Effect::Query),
        ("\x05", Effect::Query),
        ("\x1b]0;title\x1b\\", Effect::Title),
        ("\u{9d}2;title\u{9c}", Effect::Title),
        ("\x1b]52;c;eA==\x07", Effect::Clipboard),
        ("\x1b]8;;https://example.com\x1b\\", Effect::Link),
        ("\x1b_G\x1b\\", Effect::Other),
        ("\x07", Effect::Bell),
        ("\x08", Effect::Motion),
        ("\x1bc", Effect::Other),
        ("\0", Effect::Other),
    ] {
        let found = sequences(format!("before\r\n{written}after\t").as_bytes());
        assert_eq!(found, [(effect, written.to_owned())]);
    }
}
