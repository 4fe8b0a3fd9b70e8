//! What is shown, in which format, and where.

use jiff::tz::TimeZone;

use crate::json::jq;

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: a mark, JSON formatted, binary as a dump.
    Pretty,
    /// The payload: text and a line feed, binary unchanged.
    Raw,
    /// One line per message, which `--escapes` decodes.
    Line,
    /// One line of hex digits per message.
    Hex,
    /// One line of base64 per message.
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
    /// Since the previous line.
    Delta,
}

/// Columns of a terminal that does not say how many it has, and of what is not a terminal.
const COLUMNS: usize = 80;

/// What to show, and where.
#[derive(Clone, Debug)]
pub struct Options {
    pub format: Format,
    pub timestamps: Option<Timestamps>,
    /// Whether stdout is a terminal: then characters that are dangerous there are escaped.
    pub stdout_tty: bool,
    pub stderr_tty: bool,
    pub stdout_color: bool,
    pub stderr_color: bool,
    /// Columns of the terminal, if known.
    pub width: Option<usize>,
    /// Rows of the terminal, if known.
    pub height: Option<usize>,
    /// The number of `-v` options.
    pub verbose: u8,
    /// Print nothing but the statistics on stderr.
    pub silent: bool,
    pub stats: bool,
    pub show_ping_pong: bool,
    /// `--confirm` is given: show the numbers of sent messages.
    pub numbers: bool,
    /// The prompt runs: show when the connection opens and closes.
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
            width: None,
            height: None,
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
    /// The columns that a message is laid out for.
    pub(super) fn columns(&self) -> usize {
        self.width.unwrap_or(COLUMNS)
    }
}
