//! The options of commands that run beside a connection, as typed.

use clap::{ArgAction, Args};

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Programs")]
pub struct ProgramsArgs {
    /// Talk to this shell command instead of stdin and stdout: each message is a line on its stdin, each
    /// line that it prints a message
    ///
    /// Its stderr is ours. It starts with the first connection, and its end ends the run: exit 0 if it
    /// ended with 0, else 1. At the end of the run its stdin ends, and after --close-timeout it is ended
    /// with all that it started. --frame, --format and --on-eof apply as to a pipe. Its environment
    /// describes the connection as that of --run.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["data", "output", "mirror"])]
    pub exec: Option<String>,

    /// Give --exec this header of the client's request as WIRECAT_HEADER_NAME (repeatable)
    #[arg(long, value_name = "NAME", requires = "exec", action = ArgAction::Append, hide_short_help = true)]
    pub exec_header: Vec<String>,

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
