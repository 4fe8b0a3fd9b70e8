//! The options of frames, as typed.

use clap::Args;

use super::deflate::DeflateArgs;
use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Wire")]
pub struct WireArgs {
    /// Maximum size of a received message; a larger one is answered with Close 1009 and ends in
    /// exit 110
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::size, hide_short_help = true)]
    pub max_message_size: usize,

    #[command(flatten)]
    pub deflate: DeflateArgs,

    /// Maximum payload of a data frame to send; 0 never fragments [default: messages above 1 MiB
    /// are sent in fragments of 256 KiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size, hide_short_help = true)]
    pub fragment: Option<usize>,

    /// Send every received data message back until the server closes; stdin is not read
    #[arg(long, hide_short_help = true)]
    pub mirror: bool,
}
