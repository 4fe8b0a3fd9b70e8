//! What is shown, in which format, and where.

use jiff::tz::TimeZone;

use super::fold;
use crate::event::Peer;
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
    /// One line per message, as a program of `--exec` reads it: what is text or JSON stays that.
    ForProgram,
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

/// As many rows as a message takes, because nothing shows the rest of it.
pub const UNFOLDED: usize = usize::MAX;

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
    /// Rows that a message may take at the prompt; `None` for a number that fits the height, and
    /// [`UNFOLDED`] for any number.
    pub fold: Option<usize>,
    /// Show sent messages at the prompt.
    pub show_sent: bool,
    /// `/timing`: show how long after the last sent message each message was received.
    pub timing: bool,
    /// `--plain`: one line for each event, and words for marks.
    pub plain: bool,
    /// The locale is not UTF-8: a terminal gets ASCII only.
    pub ascii: bool,
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
    /// What the other side is, for the sentences about it.
    pub peer: Peer,
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
            fold: None,
            show_sent: false,
            timing: false,
            plain: false,
            ascii: false,
            verbose: 0,
            silent: false,
            stats: false,
            show_ping_pong: false,
            numbers: false,
            interactive: false,
            peer: Peer::Server,
            filter: None,
            time_zone: TimeZone::UTC,
        }
    }
    /// The columns that a message is laid out for.
    pub(super) fn columns(&self) -> usize {
        self.width.unwrap_or(COLUMNS)
    }

    /// The rows that a message may take.
    pub(super) fn rows(&self) -> usize {
        self.fold.unwrap_or_else(|| fold::rows(self.height))
    }

    /// Whether long messages are folded: only where a command shows the rest.
    pub(super) fn folds(&self) -> bool {
        self.interactive && self.stdout_tty && self.fold != Some(UNFOLDED)
    }

    /// Whether a received message has a mark in front. In a format for programs it has one at the prompt
    /// only, where it stands among sent messages; a raw message is shown as it is.
    pub(super) fn marks_lines(&self) -> bool {
        match self.format {
            Format::Pretty => true,
            Format::Line | Format::Hex | Format::Base64 => self.interactive && self.stdout_tty,
            Format::Raw | Format::ForProgram | Format::Json => false,
        }
    }

    /// Whether sent messages have lines of their own among the received ones.
    pub(super) fn shows_sent(&self) -> bool {
        self.show_sent && self.interactive && self.stdout_tty && self.format != Format::Json
    }
}
