//! The options of what is sent, and when to stop, as typed.

use std::time::Duration;

use clap::{ArgAction, Args};

use super::answers::AnswerArgs;
use crate::cli::choices::{FrameParser, OnEofArg};
use crate::pipe::framing::Framing;
use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "What to send")]
pub struct SendArgs {
    /// Send this message instead of stdin (repeatable); @FILE sends a file as one message, @- all
    /// of stdin, and @@ stands for a leading @
    #[arg(short, long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub data: Vec<String>,

    /// Send this message first on every connection, before stdin or -d (repeatable); @FILE, @- and
    /// @@ as with -d
    ///
    /// 'after EXPR: MESSAGE' waits until a message has come of which the jq expression EXPR is true.
    /// MESSAGE is then a template, as REPLY of --answer is. Messages after it wait for it; without a
    /// MESSAGE they only wait.
    #[arg(long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub on_open: Vec<String>,

    #[command(flatten)]
    pub answers: AnswerArgs,

    /// How to split stdin into messages
    #[arg(
        long,
        value_name = "HOW",
        value_parser = FrameParser,
        default_value = "line",
        hide_short_help = true
    )]
    pub frame: Framing,

    /// Send this text message after the end of stdin or -d (repeatable), also with --binary; @FILE
    /// and @@ as with -d
    #[arg(long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true, hide_short_help = true)]
    pub then: Vec<String>,

    /// Send text messages (the default)
    #[arg(long, overrides_with = "binary", hide_short_help = true)]
    pub text: bool,

    /// Send binary messages
    #[arg(long)]
    pub binary: bool,

    /// Read -d, stdin and typed lines as hex; sends binary messages unless --text is given
    #[arg(long, conflicts_with_all = ["base64", "escapes"], hide_short_help = true)]
    pub hex: bool,

    /// Read -d, stdin and typed lines as base64; sends binary messages unless --text is given
    #[arg(long, conflicts_with = "escapes", hide_short_help = true)]
    pub base64: bool,

    /// Interpret escapes in -d, stdin, typed lines, --then, --on-open, --heartbeat and the replies of
    /// --answer: \n \0 \x1e \u2028 \\
    #[arg(long, hide_short_help = true)]
    pub escapes: bool,

    /// Wait for the reply to a message before sending the next one, however long that takes (-m
    /// limits it)
    ///
    /// The n-th data message received on a connection counts as the reply to the n-th one sent on
    /// it, --on-open, a token and heartbeats included. What --answer answers, and its answers, do not
    /// count.
    #[arg(long, hide_short_help = true)]
    pub lockstep: bool,

    /// Send at most N messages of the input per second
    ///
    /// Answers (--answer), heartbeats and the messages of --on-open are sent at once.
    #[arg(long, value_name = "N", value_parser = units::rate, hide_short_help = true)]
    pub rate: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When to stop")]
pub struct StopArgs {
    /// What to do after the last message is sent
    #[arg(long, value_name = "WHAT", value_enum, default_value = "drain")]
    pub on_eof: OnEofArg,

    /// Idle time after which --on-eof drain closes
    #[arg(long, value_name = "T", default_value = "2s", value_parser = units::duration)]
    pub idle: Duration,

    /// Stop after receiving N messages; exit 1 if there are fewer. 0 is a check: connect, send
    /// --on-open and -d, close
    #[arg(long, value_name = "N", value_parser = units::messages)]
    pub count: Option<u64>,

    /// Stop after the first message for which this jq expression is true; exit 1 if there is none
    #[arg(long, value_name = "JQ")]
    pub until: Option<String>,

    /// Same as --count 1
    #[arg(short = '1', long, conflicts_with = "count")]
    pub one_message: bool,
}

impl StopArgs {
    /// `--count 0`
    pub fn is_check(&self) -> bool {
        self.count == Some(0)
    }
}
