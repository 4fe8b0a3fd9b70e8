//! The options of `wirecat replay` beside those of the client, and of `wirecat serve --replay`, as typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use crate::record::replay::Speed;
use crate::units;

#[derive(Debug, Args)]
pub struct RecordingArgs {
    /// A recording of --record; - reads it from stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Connect to this URL, or @PROFILE of the configuration file, send what was sent, and compare the
    /// replies; without it, the recording is shown as it was
    #[arg(value_name = "URL")]
    pub url: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Replay")]
pub struct PlayArgs {
    /// So many times as fast as it was recorded: 1, 10, 0.5, or max without any waiting [default: 1; max
    /// where a recording is shown in a pipe]
    #[arg(long, value_name = "N|max")]
    pub speed: Option<Speed>,

    /// Take only the N-th connection of the recording [default: all of them, in order]
    #[arg(long, value_name = "N")]
    pub entry: Option<NonZeroUsize>,

    /// Delete this jq path, such as .ts, from the replies on both sides before they are compared
    /// (repeatable)
    #[arg(long, value_name = "JQ", action = ArgAction::Append, requires = "url")]
    pub ignore: Vec<String>,

    /// Take the replies in any order
    #[arg(long, requires = "url")]
    pub unordered: bool,

    /// How long a reply may be late
    #[arg(long, value_name = "T", default_value = "5s", value_parser = units::duration)]
    pub reply_timeout: Duration,
}

#[derive(Debug, Default, Args)]
pub struct ServeReplayArgs {
    /// Play the server's half of this recording to each client, whatever its path: the first client
    /// gets the first connection of it, the second one the next, and then from the beginning again
    // That several are given is refused, and not the last one taken without a word.
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    pub replay: Vec<PathBuf>,

    /// So many times as fast as it was recorded: 1, 10, 0.5, or max without any waiting [default: 1]
    #[arg(
        long,
        value_name = "N|max",
        requires = "replay",
        hide_short_help = true
    )]
    pub replay_speed: Option<Speed>,
}
