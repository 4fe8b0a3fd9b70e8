//! The values of options that take one of several names. clap and its help stay in `cli`, so each
//! of these mirrors an enum of the module that uses it. This module decides nothing.

use std::ffi::OsStr;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};

use crate::auth::sources::Via;
use crate::output::{Format, Timestamps, style::ColorChoice};
use crate::pipe::framing::Framing;
use crate::records::Split;
use crate::repl::EditMode;
use crate::serve;
use crate::serve::hub::SlowClient;
use crate::session::backoff::Jitter;
use crate::session::policy::drain::OnEof;
use crate::units;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TokenVia {
    /// Authorization: Bearer TOKEN, or the header named by --token-name
    Header,
    /// ?token=TOKEN, or the parameter named by --token-name
    Query,
    /// The first message, as given by --token-message
    Message,
    /// A subprotocol offered in Sec-WebSocket-Protocol
    Subprotocol,
}

impl From<TokenVia> for Via {
    fn from(via: TokenVia) -> Via {
        match via {
            TokenVia::Header => Via::Header,
            TokenVia::Query => Via::Query,
            TokenVia::Message => Via::Message,
            TokenVia::Subprotocol => Via::Subprotocol,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SlowClientArg {
    /// Its connection is closed with 1013
    Close,
    /// Those who send to it are not read until there is room
    Block,
}

impl From<SlowClientArg> for SlowClient {
    fn from(slow_client: SlowClientArg) -> SlowClient {
        match slow_client {
            SlowClientArg::Close => SlowClient::Close,
            SlowClientArg::Block => SlowClient::Block,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum JitterArg {
    /// Half of the delay is fixed, half is random
    Equal,
    /// The whole delay is random
    Full,
    /// Random, up to three times the previous delay
    Decorrelated,
    /// The delay is not randomized
    None,
}

impl From<JitterArg> for Jitter {
    fn from(jitter: JitterArg) -> Jitter {
        match jitter {
            JitterArg::Equal => Jitter::Equal,
            JitterArg::Full => Jitter::Full,
            JitterArg::Decorrelated => Jitter::Decorrelated,
            JitterArg::None => Jitter::None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FrameArg {
    /// Each line is a message
    Line,
    /// A NUL byte ends each message
    Nul,
    /// All of stdin is one message
    Whole,
    /// Each JSON value is a message and may span any number of lines
    Json,
    /// Each line is an event as --json prints it; send, ping, pong, close and frame are carried
    /// out, others are skipped
    Events,
    /// What was read is sent as it comes, at most 64 KiB a message; chunk:SIZE sends exactly SIZE
    /// bytes a message, and what is left at the end
    Chunk,
}

/// Reads the value of `--frame`: one of the names, or `chunk:SIZE`.
#[derive(Clone, Copy, Debug)]
pub struct FrameParser;

impl TypedValueParser for FrameParser {
    type Value = Framing;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Framing, clap::Error> {
        if let Some(size) = value.to_str().and_then(|text| text.strip_prefix("chunk:")) {
            return chunk(size).map_err(|why| {
                let why = format!("invalid value for --frame chunk:SIZE: {why}\n");
                clap::Error::raw(ErrorKind::ValueValidation, why).with_cmd(command)
            });
        }
        let parsed = EnumValueParser::<FrameArg>::new().parse_ref(command, option, value)?;
        Ok(match parsed {
            FrameArg::Line => Framing::Line,
            FrameArg::Nul => Framing::Nul,
            FrameArg::Whole => Framing::Whole,
            FrameArg::Json => Framing::Json,
            FrameArg::Events => Framing::Events,
            FrameArg::Chunk => Framing::Chunk(None),
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = FrameArg::value_variants().iter();
        Some(Box::new(names.filter_map(ValueEnum::to_possible_value)))
    }
}

/// The largest chunk, in bytes. No server takes a message of nearly that size.
const LARGEST_CHUNK: usize = 1 << 30;

fn chunk(size: &str) -> Result<Framing, String> {
    match units::size(size)? {
        0 => Err("a chunk has at least one byte".to_owned()),
        size if size > LARGEST_CHUNK => Err(format!(
            "a chunk is kept in memory until it is full, and has at most {}",
            units::written_size(LARGEST_CHUNK)
        )),
        size => Ok(Framing::Chunk(Some(size))),
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SplitArg {
    /// Each line is a record
    Nl,
    /// A NUL byte ends each record
    Nul,
    /// The byte 0x1E ends each record
    Rs,
    /// Each JSON value is a record; what is not JSON is one, with all that follows it
    Json,
}

impl From<SplitArg> for Split {
    fn from(split: SplitArg) -> Split {
        match split {
            SplitArg::Nl => Split::Nl,
            SplitArg::Nul => Split::Nul,
            SplitArg::Rs => Split::Rs,
            SplitArg::Json => Split::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnEofArg {
    /// Keep receiving until nothing happens for --idle, --count or --until is met, or the server
    /// closes
    Drain,
    /// Close as soon as everything is sent
    Close,
    /// Stay connected until the server closes
    Stay,
}

impl From<OnEofArg> for OnEof {
    fn from(on_eof: OnEofArg) -> OnEof {
        match on_eof {
            OnEofArg::Drain => OnEof::Drain,
            OnEofArg::Close => OnEof::Close,
            OnEofArg::Stay => OnEof::Stay,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogArg {
    /// A sentence
    Text,
    /// A JSON object
    Json,
}

impl From<LogArg> for serve::Format {
    fn from(format: LogArg) -> serve::Format {
        match format {
            LogArg::Text => serve::Format::Text,
            LogArg::Json => serve::Format::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FormatArg {
    /// For people: JSON formatted and coloured, binary as a hex dump
    Pretty,
    /// The payload; a newline follows text, binary is unchanged
    Raw,
    /// One line per message, with newlines and backslashes escaped as --escapes reads them
    Line,
    /// One line of hex per message
    Hex,
    /// One line of base64 per message
    Base64,
    /// Every event as a line of JSON
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Format {
        match format {
            FormatArg::Pretty => Format::Pretty,
            FormatArg::Raw => Format::Raw,
            FormatArg::Line => Format::Line,
            FormatArg::Hex => Format::Hex,
            FormatArg::Base64 => Format::Base64,
            FormatArg::Json => Format::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TimestampsArg {
    /// Local time of day
    Short,
    /// RFC 3339, local time with its offset
    Iso,
    /// Time since the start
    Relative,
    /// Time since the previous line
    Delta,
}

impl From<TimestampsArg> for Timestamps {
    fn from(form: TimestampsArg) -> Timestamps {
        match form {
            TimestampsArg::Short => Timestamps::Short,
            TimestampsArg::Iso => Timestamps::Iso,
            TimestampsArg::Relative => Timestamps::Relative,
            TimestampsArg::Delta => Timestamps::Delta,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ColorArg {
    Auto,
    Always,
    Never,
}

impl From<ColorArg> for ColorChoice {
    fn from(color: ColorArg) -> ColorChoice {
        match color {
            ColorArg::Auto => ColorChoice::Auto,
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EditModeArg {
    /// The keys of bash and readline
    Emacs,
    /// The keys of vi
    Vi,
}

impl From<EditModeArg> for EditMode {
    fn from(mode: EditModeArg) -> EditMode {
        match mode {
            EditModeArg::Emacs => EditMode::Emacs,
            EditModeArg::Vi => EditMode::Vi,
        }
    }
}
