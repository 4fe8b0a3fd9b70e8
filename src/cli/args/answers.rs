//! The options of messages that are answered, as typed.

use clap::{ArgAction, Args};

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What to send")]
pub struct AnswerArgs {
    /// Answer every received message of which the jq expression EXPR is true (repeatable); in REPLY,
    /// {{.id}} is a value of that message
    ///
    /// Every rule that is true answers, in order. A message that is not JSON is a string to EXPR. A value
    /// is quoted and escaped as its place in REPLY demands; @FILE and @@ as with -d. cmd:COMMAND runs a
    /// command in the shell: it gets the message on its stdin, and what it prints is the reply. Pings that
    /// are answered are shown only with --show-ping-pong; 'ping EXPR=REPLY' makes any message one.
    #[arg(
        long,
        value_name = "EXPR=REPLY",
        action = ArgAction::Append,
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub answer: Vec<String>,
}
