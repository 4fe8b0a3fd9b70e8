//! The options of `wirecat serve` about how much its clients may use, as typed.

use std::time::Duration;

use clap::Args;

use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Maximum number of connections; more are answered with 503; 0 for no limit
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    pub max_connections: usize,

    /// Maximum number of connections from one IP address; 0 for no limit
    #[arg(long, value_name = "N", default_value = "0", value_parser = count, hide_short_help = true)]
    pub max_connections_per_address: usize,

    /// Maximum time for TLS, and to receive the head of the request
    #[arg(long, value_name = "T", default_value = "10s", value_parser = positive, hide_short_help = true)]
    pub handshake_timeout: Duration,

    /// Maximum size of the head of a request; a larger one is answered with 431
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = units::size, hide_short_help = true)]
    pub max_head_size: usize,

    /// Maximum size of a message, after inflation; a larger one is answered with Close 1009
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::size)]
    pub max_message_size: usize,

    /// Maximum number of messages per second that a connection may send; more are answered with
    /// Close 1008 [default: no limit]
    #[arg(long, value_name = "N", value_parser = units::rate)]
    pub max_rate: Option<Duration>,

    /// Maximum number of rooms of /events that a user may be in; 0 for no limit
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count, hide_short_help = true)]
    pub max_rooms: usize,

    /// Maximum number of users of /events with connections at a time; more get Close 1013; 0 for no limit
    #[arg(long, value_name = "N", default_value = "0", value_parser = count, hide_short_help = true)]
    pub max_users: usize,

    /// Time between two pings to a client, or 'none'
    #[arg(long, value_name = "T", default_value = "20s", value_parser = Period::parse)]
    pub ping_interval: Period,

    /// How long a client may be silent after a ping before it gets Close 1011, or 'none'
    #[arg(long, value_name = "T", default_value = "20s", value_parser = Period::parse, hide_short_help = true)]
    pub ping_timeout: Period,
}

/// A time, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Option<Duration>);

impl Period {
    fn parse(text: &str) -> Result<Period, String> {
        if text == "none" {
            return Ok(Period(None));
        }
        positive(text).map(|time| Period(Some(time)))
    }
}

fn positive(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        Duration::ZERO => Err("write a time above 0".to_owned()),
        time => Ok(time),
    }
}

fn count(text: &str) -> Result<usize, String> {
    let number = units::times(text)?;
    usize::try_from(number).map_err(|_| "write a smaller number".to_owned())
}
