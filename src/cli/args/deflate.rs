//! The options of compression, as typed.

use clap::Args;

use crate::units;

/// The options of permessage-deflate (RFC 7692), for the client and the debug server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Wire")]
pub struct DeflateArgs {
    /// Disable permessage-deflate
    #[arg(long, conflicts_with_all = [
        "deflate_level",
        "client_max_window_bits",
        "server_max_window_bits",
        "client_no_context_takeover",
        "server_no_context_takeover",
    ])]
    pub no_compress: bool,

    /// Compression level: 0 (none) to 9 (best and slowest)
    #[arg(long, value_name = "0..9", default_value = "1", value_parser = |text: &str| units::whole(text, 0, 9), hide_short_help = true)]
    pub deflate_level: u8,

    /// Limit the client's compression window, in bits: 9 (512 bytes) to 15 (32 KiB)
    #[arg(long, value_name = "9..15", value_parser = |text: &str| units::whole(text, 9, 15), hide_short_help = true)]
    pub client_max_window_bits: Option<u8>,

    /// Limit the server's compression window, in bits: 9 (512 bytes) to 15 (32 KiB)
    #[arg(long, value_name = "9..15", value_parser = |text: &str| units::whole(text, 9, 15), hide_short_help = true)]
    pub server_max_window_bits: Option<u8>,

    /// Reset the client's compression context after each message
    #[arg(long, hide_short_help = true)]
    pub client_no_context_takeover: bool,

    /// Reset the server's compression context after each message
    #[arg(long, hide_short_help = true)]
    pub server_no_context_takeover: bool,
}
