//! Colours: whether to use them, and which.
//!
//! The caller's arguments decide, never the environment. Only the terminal's own 16 colours are
//! used and the background is never set, so that the text is readable on any theme.

use std::sync::LazyLock;

use colored::{ColoredString, Colorize};

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Whether output to a stream is coloured. `env` looks up an environment variable, `tty` says
/// whether the stream is a terminal. In order: `--color`, `NO_COLOR` (no-color.org),
/// `FORCE_COLOR` and `CLICOLOR_FORCE`, `CLICOLOR` (bixense.com/clicolors), the terminal.
pub fn decide(choice: ColorChoice, env: &dyn Fn(&str) -> Option<String>, tty: bool) -> bool {
    let set = |name| env(name).is_some_and(|value| !value.is_empty());
    let forced = |name| env(name).is_some_and(|value| !value.is_empty() && value != "0");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") => true,
        ColorChoice::Auto if env("CLICOLOR").as_deref() == Some("0") => false,
        ColorChoice::Auto => tty && env("TERM").is_some_and(|t| !t.is_empty() && t != "dumb"),
    }
}

/// What is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The key of a JSON object.
    Key,
    /// A JSON string.
    Str,
    /// JSON's null.
    Null,
    /// A name of our own, such as the state in the prompt.
    Name,
    /// The name of an event.
    Tag,
    /// The mark of a sent message.
    Sent,
    /// Less important text: time stamps, offsets.
    Aside,
    /// The label of a failure.
    Failure,
    /// That of what is as it should be.
    Success,
}

/// What escape sequences begin with.
pub const ESCAPE: &str = "\x1b";

/// Moves nothing and shows nothing.
pub const NOTHING: &[u8] = b"\x1b[A\n";

/// The same, told apart from it: it makes a line editor draw its line again.
pub const REDRAW: &[u8] = b"\x1b[A\n\x1b[A\n";

/// Empties the screen, where a line feed follows.
pub const CLEAR: &[u8] = b"\x1b[2J\x1b[H\n";

/// Begins bracketed paste.
pub const BEGIN_OF_EDITING: &[u8] = b"\x1b[?2004h";

/// Ends what a line editor may have begun: a synchronized update, bracketed paste, a hidden cursor, a
/// colour; then takes its line and what stands below it away.
pub const END_OF_EDITING: &[u8] = b"\x1b[?2026l\x1b[?25h\x1b[0m\x1b[?2004l\r\x1b[J";

/// The same, but the line stays: goes down its rows `below` the cursor, to a row after it.
pub fn end_of_line(below: usize) -> Vec<u8> {
    let down = "\n".repeat(below + 1);
    format!("\x1b[?2026l\x1b[?25h\x1b[0m\x1b[?2004l\r{down}").into_bytes()
}

/// Makes room for a line with so many rows after its first, and so many of them below the cursor.
pub fn room_for(rows: usize, below: usize) -> Vec<u8> {
    let room = "\n".repeat(rows);
    match below {
        0 => room.into_bytes(),
        below => format!("{room}\x1b[{below}A").into_bytes(),
    }
}

/// Writes with or without colour.
#[derive(Clone, Copy, Debug)]
pub struct Painter(bool);

impl Painter {
    pub fn new(color: bool) -> Self {
        Painter(color)
    }

    /// Appends what `write` appends, in the colour of `role`.
    pub fn paint(self, role: Role, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.0 {
            return write(out);
        }
        let (before, after) = &CODES[role as usize];
        out.extend_from_slice(before.as_bytes());
        write(out);
        out.extend_from_slice(after.as_bytes());
    }

    /// Ends every colour, where a text was cut.
    pub(super) fn reset(self, out: &mut Vec<u8>) {
        if self.0 {
            out.extend_from_slice(b"\x1b[0m");
        }
    }
}

/// The escape sequences before and after the text of each [`Role`], in its order.
static CODES: LazyLock<[(String, String); 9]> = LazyLock::new(|| {
    // `decide` has made the decision; the environment must not override it.
    colored::control::set_override(true);
    const TEXT: &str = "text";
    [
        around(TEXT.blue().bold()),
        around(TEXT.green()),
        around(TEXT.bright_black()),
        around(TEXT.bold()),
        around(TEXT.magenta().bold()),
        around(TEXT.cyan().bold()),
        around(TEXT.dimmed()),
        around(TEXT.red()),
        around(TEXT.green()),
    ]
});

fn around(styled: ColoredString) -> (String, String) {
    let shown = styled.to_string();
    let (before, after) = shown.split_once(&*styled).unwrap_or_default();
    (before.to_owned(), after.to_owned())
}

#[cfg(test)]
mod tests {
    use super::ColorChoice::{Always, Auto, Never};
    use super::*;

    #[test]
    fn the_option_overrides_the_environment_and_that_the_terminal() {
        for (choice, env, tty, colored) in [
            (Auto, "TERM=xterm", true, true),
            (Auto, "TERM=xterm", false, false),
            (Auto, "TERM=dumb", true, false),
            (Auto, "TERM=", true, false),
            (Auto, "", true, false),
            (Auto, "TERM=xterm NO_COLOR=1", true, false),
            (Auto, "TERM=xterm NO_COLOR=", true, true),
            (Auto, "NO_COLOR=1 FORCE_COLOR=1", true, false),
            (Auto, "FORCE_COLOR=1", false, true),
            (Auto, "FORCE_COLOR=0", false, false),
            (Auto, "FORCE_COLOR=", false, false),
            (Auto, "CLICOLOR_FORCE=1 CLICOLOR=0", false, true),
            (Auto, "CLICOLOR_FORCE=0", false, false),
            (Auto, "TERM=xterm CLICOLOR=0", true, false),
            (Auto, "TERM=xterm CLICOLOR=1", true, true),
            (Always, "NO_COLOR=1", false, true),
            (Never, "FORCE_COLOR=1 TERM=xterm", true, false),
        ] {
            let lookup = |name: &str| {
                let mut pairs = env.split(' ').filter_map(|pair| pair.split_once('='));
                pairs
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.to_owned())
            };
            assert_eq!(
                decide(choice, &lookup, tty),
                colored,
                "{choice:?} {env:?} {tty}"
            );
        }
    }

    #[test]
    fn every_role_has_a_colour_without_a_background() {
        let painted = |role| {
            let mut out = Vec::new();
            Painter::new(true).paint(role, &mut out, |out| out.push(b'x'));
            String::from_utf8(out).unwrap()
        };
        for (role, code) in [
            (Role::Key, "1;34"),
            (Role::Str, "32"),
            (Role::Null, "90"),
            (Role::Name, "1"),
            (Role::Tag, "1;35"),
            (Role::Sent, "1;36"),
            (Role::Aside, "2"),
            (Role::Failure, "31"),
            (Role::Success, "32"),
        ] {
            assert_eq!(painted(role), format!("\x1b[{code}mx\x1b[0m"));
        }
    }

    #[test]
    fn without_colour_nothing_is_added() {
        let mut out = Vec::new();
        Painter::new(false).paint(Role::Key, &mut out, |out| out.push(b'x'));
        assert_eq!(out, b"x");
    }
}
