//! The options of `wirecat serve`, as typed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;

use super::deflate::DeflateArgs;
use super::hub::HubArgs;
use super::replay::ServeReplayArgs;
use super::safety::SafetyArgs;
use super::serve_limits::LimitArgs;
use super::serve_log::ServeLogArgs;
use super::serve_tls::{ServeTlsArgs, ServeUnixArgs};

/// Parts of the address to listen on, for `serve` and `listen`.
#[derive(Debug, Default, Args)]
pub struct PlaceArgs {
    /// Set only the port; 0 takes any free port
    #[arg(short, long)]
    pub port: Option<u16>,

    /// Set only the IP address; any but a loopback address lets other machines connect
    #[arg(long, value_name = "IP", visible_alias = "bind", value_parser = host)]
    pub host: Option<IpAddr>,
}

fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let why = "write an IP address of this machine, such as 127.0.0.1 or 0.0.0.0, or localhost";
    text.parse().map_err(|_| why.to_owned())
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Addresses to listen on: ADDRESS:PORT, ADDRESS, :PORT or PORT; port 0 takes any free port
    /// [default: 127.0.0.1:8765, or the sockets of LISTEN_FDS]
    #[arg(value_name = "ADDRESS", conflicts_with = "listen")]
    pub address: Vec<String>,

    /// Same as the argument ADDRESS
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    pub listen: Option<String>,

    #[command(flatten)]
    pub place: PlaceArgs,

    /// Seed for the random numbers of ranges like after=2-5; the same seed gives the same numbers
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub seed: Option<u64>,

    /// Append each message that /ledger receives to this file before acknowledging it, and read the
    /// file at the start; only one server can use the file at a time
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub ledger: Option<PathBuf>,

    /// Do not log requests and closed connections on stderr
    #[arg(short, long)]
    pub silent: bool,

    #[command(flatten)]
    pub replay: ServeReplayArgs,

    #[command(flatten)]
    pub hub: HubArgs,

    #[command(flatten)]
    pub unix: ServeUnixArgs,

    #[command(flatten)]
    pub tls: ServeTlsArgs,

    #[command(flatten)]
    pub safety: SafetyArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub log: ServeLogArgs,

    #[command(flatten)]
    pub deflate: DeflateArgs,
}
