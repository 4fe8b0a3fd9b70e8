//! The options that keep a connection alive, as typed.

use std::time::Duration;

use clap::Args;

use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Staying connected")]
pub struct KeepaliveArgs {
    /// Send a ping this often [default: 20s at the prompt, never in a pipe]
    #[arg(long, value_name = "T", value_parser = units::duration, hide_short_help = true)]
    pub ping_interval: Option<Duration>,

    /// How long the server may be silent after a ping before it is considered dead
    #[arg(long, value_name = "T", default_value = "20s", value_parser = units::duration, hide_short_help = true)]
    pub ping_timeout: Duration,

    /// Do not answer pings, to see how the server reacts
    #[arg(long, hide_short_help = true)]
    pub no_auto_pong: bool,

    /// Send this text message at every --heartbeat-interval, for servers that expect messages from
    /// the application; @FILE, @- and @@ as with -d
    #[arg(
        long,
        value_name = "MESSAGE",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub heartbeat: Option<String>,

    /// How often to send the message of --heartbeat
    #[arg(long, value_name = "T", default_value = "30s", value_parser = units::duration, requires = "heartbeat", hide_short_help = true)]
    pub heartbeat_interval: Duration,
}
