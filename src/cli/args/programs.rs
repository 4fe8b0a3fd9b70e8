//! The options of commands that run beside a connection, as typed.

use clap::Args;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Programs")]
pub struct ProgramsArgs {
    /// Run this shell command once the connection is open and --on-open is sent; if it fails, the run
    /// ends with exit 1
    ///
    /// Its stdin is empty, and its stdout goes to stderr. It runs once, not again after a reconnect.
    /// While it runs, --idle does not count, and a stop condition that is met waits for it. What it left
    /// running is ended with it. WIRECAT_URL, WIRECAT_SUBPROTOCOL, WIRECAT_PEER and WIRECAT_CONNECTION
    /// in its environment describe the connection.
    #[arg(long, value_name = "COMMAND")]
    pub run: Option<String>,

    /// Start --run after the first message for which this jq expression is true
    #[arg(long, value_name = "JQ", requires = "run", hide_short_help = true)]
    pub run_after: Option<String>,

    /// Start --run again on every connection
    #[arg(long, requires = "run", hide_short_help = true)]
    pub run_each: bool,
}
