//! The options of records inside messages, as typed.

use clap::Args;

use crate::cli::choices::SplitArg;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct RecordsArgs {
    /// Cut each received message into records, which --filter, --until, --confirm, --resume and the
    /// output get in its place
    ///
    /// This is for servers that put several JSON values into a message, or end each with a separator.
    /// A separator at the end of a message begins no other record, and a record never spans two
    /// messages. --count and --stats count messages.
    #[arg(long, value_name = "HOW", value_enum, hide_short_help = true)]
    pub split: Option<SplitArg>,
}
