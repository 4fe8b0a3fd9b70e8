//! The options of what is shown and recorded, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::cli::choices::{ColorArg, FormatArg, TimestampsArg};

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How to show messages [default: pretty on a terminal, otherwise raw]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatArg>,

    /// Same as --format json: every event as a line of JSON
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Apply this jq expression to each JSON message and show the results instead of the message
    #[arg(long, value_name = "JQ")]
    pub filter: Option<String>,

    /// Show the time of each message
    #[arg(short, long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "short")]
    pub timestamps: Option<TimestampsArg>,

    /// Show pings and pongs
    #[arg(long, hide_short_help = true)]
    pub show_ping_pong: bool,

    // A help text is no Markdown.
    #[allow(rustdoc::broken_intra_doc_links)]
    /// Show secrets in URLs, headers, notices and events instead of [redacted]
    #[arg(long, hide_short_help = true)]
    pub include_secrets: bool,

    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_short_help = true
    )]
    pub color: ColorArg,

    /// Write messages to this file instead of stdout
    ///
    /// The file is created, or an existing one emptied, at the first write. A run that fails before
    /// that leaves an existing file unchanged; a run that ends well without a message leaves an
    /// empty file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Also append every event to this file as a line of JSON, whatever is shown
    ///
    /// A new file can be read only by its owner (mode 0600). Secrets are redacted. If the disk is
    /// full, that is reported, recording stops, and the run goes on.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Show the handshake and the TLS session; -vv also shows every frame, -vvv also its bytes
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print nothing on stderr, not even errors (--stats still prints)
    #[arg(short, long)]
    pub silent: bool,

    /// Print counts and times on stderr at the end
    #[arg(long, hide_short_help = true)]
    pub stats: bool,
}
