//! The wire options that client and server share.

use crate::cli::args::{DeflateArgs, WireArgs};
use crate::wire::extension;
use crate::wire::fragments::Fragmentation;

pub(super) fn extensions(args: &DeflateArgs) -> extension::Options {
    extension::Options {
        compress: !args.no_compress,
        server_no_context_takeover: args.server_no_context_takeover,
        client_no_context_takeover: args.client_no_context_takeover,
        server_max_window_bits: args.server_max_window_bits,
        client_max_window_bits: args.client_max_window_bits,
    }
}

pub(super) fn fragmentation(args: &WireArgs) -> Fragmentation {
    match args.fragment {
        None => Fragmentation::Large,
        Some(0) => Fragmentation::Never,
        Some(most) => Fragmentation::AtMost(most),
    }
}
