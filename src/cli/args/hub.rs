//! The options of the event hub of `wirecat serve`, as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::choices::SlowClientArg;
use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Event hub")]
pub struct HubArgs {
    /// Token of /events and the name of its user (repeatable; @FILE reads one per line) [default: each
    /// token is the name of its user]
    ///
    /// TOKEN= refuses a token with 403.
    #[arg(long = "token", value_name = "TOKEN=USER")]
    pub tokens: Vec<String>,

    /// What to do about a client that reads too slowly
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value = "close",
        hide_short_help = true
    )]
    pub slow_client: SlowClientArg,

    /// Keep the messages of /events in this SQLite file [default: in memory]
    ///
    /// It is created if it does not exist. Only one server can use it at a time.
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,

    /// Number of messages of /events to keep [default: 100000 in memory]
    #[arg(long, value_name = "N", value_parser = units::count, hide_short_help = true)]
    pub retain_count: Option<u64>,

    /// How long to keep messages of /events
    #[arg(long, value_name = "T", value_parser = units::duration, hide_short_help = true)]
    pub retain_age: Option<Duration>,

    /// Keep users, rooms and messages of /events in Redis, so that all servers with the same URL are one
    /// hub
    ///
    /// redis://[USER][:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS; @FILE reads the URL from a
    /// file.
    #[arg(long, value_name = "URL", conflicts_with = "db")]
    pub redis: Option<String>,
}
