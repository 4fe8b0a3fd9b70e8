//! What is shown, in which form, and where it goes.

use jiff::tz::TimeZone;

use crate::json::jq;

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: a mark, JSON laid out, binary as a dump.
    Pretty,
    /// The payload: text and a line feed, binary as it is.
    Raw,
    /// One line a message, which `--escapes` reads back.
    Line,
    /// One line of hex digits a message.
    Hex,
    /// One line of base64 a message.
    Base64,
    /// Every event as a line of JSON.
    Json,
}

/// `--timestamps`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// Local time of day.
    Short,
    /// RFC 3339 with the local offset.
    Iso,
    /// Since the start.
    Relative,
    /// Since the line before.
    Delta,
}

/// What to show, and where it goes.
#[derive(Clone, Debug)]
pub struct Options {
    pub format: Format,
    pub timestamps: Option<Timestamps>,
    /// Whether stdout is a terminal: then what is dangerous there is escaped.
    pub stdout_tty: bool,
    pub stderr_tty: bool,
    pub stdout_color: bool,
    pub stderr_color: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    /// Nothing on stderr but the statistics.
    pub silent: bool,
    pub stats: bool,
    pub show_ping_pong: bool,
    /// `--confirm`: the numbers of sent messages matter.
    pub numbers: bool,
    /// A person types: show when the connection opens and closes.
    pub interactive: bool,
    pub filter: Option<jq::Filter>,
    /// For the local time of [`Timestamps`].
    pub time_zone: TimeZone,
}

impl Options {
    /// Raw messages to a pipe, plain notices to a file.
    pub fn plain() -> Options {
        Options {
            format: Format::Raw,
            timestamps: None,
            stdout_tty: false,
            stderr_tty: false,
            stdout_color: false,
            stderr_color: false,
            verbose: 0,
            silent: false,
            stats: false,
            show_ping_pong: false,
            numbers: false,
            interactive: false,
            filter: None,
            time_zone: TimeZone::UTC,
        }
    }
}
