//! The options of the version of HTTP, as typed.

use clap::Args;

/// As in curl, the last one counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub struct HttpArgs {
    /// Use HTTP/1.1 for the handshake (the default)
    #[arg(long = "http1.1", overrides_with_all = ["http2", "http2_only", "http2_prior_knowledge"], hide_short_help = true)]
    pub http1_1: bool,

    /// Use HTTP/2 (RFC 8441) if the server chooses it in the TLS handshake and accepts WebSocket over
    /// it, otherwise HTTP/1.1; -v shows which
    #[arg(long, overrides_with_all = ["http1_1", "http2_only", "http2_prior_knowledge"], hide_short_help = true)]
    pub http2: bool,

    /// Use HTTP/2 or fail; ws:// implies --http2-prior-knowledge
    #[arg(long, overrides_with_all = ["http1_1", "http2", "http2_prior_knowledge"], hide_short_help = true)]
    pub http2_only: bool,

    /// Use HTTP/2 over ws:// without asking the server first; over wss:// same as --http2-only
    #[arg(long, overrides_with_all = ["http1_1", "http2", "http2_only"], hide_short_help = true)]
    pub http2_prior_knowledge: bool,
}
