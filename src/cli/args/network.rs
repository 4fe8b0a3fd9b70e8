//! The options of names, addresses and sockets, as typed.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::{ArgAction, Args};

use crate::transport::local::{self, Interface};
use crate::transport::tcp;
use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Use IPv4 addresses only
    #[arg(short = '4', long, overrides_with = "ipv6", hide_short_help = true)]
    pub ipv4: bool,

    /// Use IPv6 addresses only
    #[arg(short = '6', long, overrides_with = "ipv4", hide_short_help = true)]
    pub ipv6: bool,

    /// Use these addresses for a host and port instead of looking the name up (repeatable); * is any
    /// host, and -HOST:PORT takes an earlier one back
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]", action = ArgAction::Append, allow_hyphen_values = true, hide_short_help = true)]
    pub resolve: Vec<String>,

    /// Connect to HOST2:PORT2 instead of HOST1:PORT1 (repeatable); the request and the name in the
    /// certificate stay those of the URL. What is left empty is any host or port, or stays as it is
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", action = ArgAction::Append, hide_short_help = true)]
    pub connect_to: Vec<String>,

    /// Connect from this network interface, address or host name: NAME, HOST, if!NAME, host!HOST or
    /// ifhost!NAME!HOST
    #[arg(long, value_name = "NAME", value_parser = Interface::parse, hide_short_help = true)]
    pub interface: Option<Interface>,

    /// Connect from this local port, or from the first free one of a range
    #[arg(long, value_name = "PORT[-PORT]", value_parser = local::ports, hide_short_help = true)]
    pub local_port: Option<RangeInclusive<u16>>,

    /// How many milliseconds an address may take before the next one is tried as well
    #[arg(long, value_name = "N", default_value = tcp::STAGGER_MS, value_parser = milliseconds, hide_short_help = true)]
    pub happy_eyeballs_timeout_ms: Duration,

    /// Connect to this Unix socket; the host of the URL is only sent
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "abstract_unix_socket",
        hide_short_help = true
    )]
    pub unix_socket: Option<String>,

    /// Connect to this socket in the abstract namespace of Linux
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub abstract_unix_socket: Option<String>,
}

/// As in curl, a number without a unit.
fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = units::digits(text, u64::from(u32::MAX));
    let number = number.ok_or("write a whole number of milliseconds")?;
    Ok(Duration::from_millis(number))
}
