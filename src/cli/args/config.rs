//! The options of variables and the configuration file, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args};

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// Replace {{NAME}} in the path and query of the URL, headers, --on-open, -d, --then, --answer and
    /// --heartbeat (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub vars: Vec<String>,

    /// Read defaults and profiles from this file [default:
    /// $XDG_CONFIG_HOME/wirecat/config.toml]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub config: Option<PathBuf>,

    /// Read no configuration file
    #[arg(long, conflicts_with = "config", hide_short_help = true)]
    pub no_config: bool,
}
