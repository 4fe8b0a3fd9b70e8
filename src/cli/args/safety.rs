//! The options of `wirecat serve` and `wirecat listen` about who may use them, as typed.

use clap::Args;

use crate::handshake::guard;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Safety")]
pub struct SafetyArgs {
    /// Allow web pages of this origin, such as http://localhost:3000, besides the server's own; '*'
    /// allows any site that you visit, 'null' pages from files (repeatable)
    #[arg(long = "origin", value_name = "ORIGIN", value_parser = guard::origin)]
    pub origins: Vec<String>,

    /// Answer requests for this host name, besides localhost and the address; '*' for any
    /// (repeatable)
    #[arg(long = "host-name", value_name = "NAME", value_parser = guard::host_name)]
    pub host_names: Vec<String>,

    /// Listen on an address that other machines can reach although no token is required
    #[arg(long)]
    pub allow_anyone: bool,
}
