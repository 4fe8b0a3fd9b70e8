//! The options of the log of `wirecat serve`, as typed.

use std::path::PathBuf;

use clap::Args;

use crate::cli::choices::LogArg;

#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct ServeLogArgs {
    /// How each line of the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log: LogArg,

    /// Append the log to this file instead of writing it to stderr; SIGHUP opens it anew, for a
    /// program that rotates logs
    #[arg(long, value_name = "FILE", conflicts_with = "silent")]
    pub log_file: Option<PathBuf>,

    /// Log the last address of X-Forwarded-For, which the proxy in front of the server wrote, as that
    /// of the client
    #[arg(long, hide_short_help = true)]
    pub trust_proxy: bool,
}
