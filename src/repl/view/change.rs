//! What a command asks of the view: a value, which the screen obeys.

use super::search::Pattern;
use crate::output::Format;

/// A request to the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewChange {
    /// How messages are shown.
    Format(Format),
    /// Whether sent messages are shown.
    Sent(bool),
    /// Whether it is shown how long after the last sent message each one was received.
    Timing(bool),
    /// The jq expression over received messages; none shows all of them.
    Filter(Option<String>),
    /// Counts messages, and shows none.
    Pause,
    /// Shows messages again.
    Resume,
    /// Empties the screen.
    Clear,
    /// Shows this many of the last messages again.
    Last(usize),
    /// Shows the messages in which this is found.
    Grep(Pattern),
}

/// One of the messages that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The n-th last that was received, from 1.
    Last(usize),
    /// The one with this number.
    Number(u64),
}

/// The word that `/view` has for a format.
pub fn word(format: Format) -> &'static str {
    FORMATS
        .iter()
        .find(|(_, other)| *other == format)
        .map_or("json", |(word, _)| word)
}

/// What `/view` may be given.
pub const FORMATS: &[(&str, Format)] = &[
    ("pretty", Format::Pretty),
    ("line", Format::Line),
    ("raw", Format::Raw),
    ("hex", Format::Hex),
    ("base64", Format::Base64),
];
