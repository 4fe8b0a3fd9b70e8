//! The options of `wirecat listen`, as typed: those of the client that do not connect, and its own.

use std::time::Duration;

use clap::{ArgAction, Args};

use super::decoding::DecodingArgs;
use super::keepalive::KeepaliveArgs;
use super::messages::{SendArgs, StopArgs};
use super::output::OutputArgs;
use super::programs::ProgramsArgs;
use super::prompt::PromptArgs;
use super::records::RecordsArgs;
use super::safety::SafetyArgs;
use super::serve::PlaceArgs;
use super::serve_tls::ServeTlsArgs;
use super::wire::WireArgs;
use crate::units;

#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Address to listen on: ADDRESS:PORT, ADDRESS, :PORT or PORT; port 0 takes any free port
    /// [default: 127.0.0.1:8765]
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,

    #[command(flatten)]
    pub place: PlaceArgs,

    #[command(flatten)]
    pub clients: ClientsArgs,
    #[command(flatten)]
    pub safety: SafetyArgs,
    #[command(flatten)]
    pub tls: ServeTlsArgs,
    #[command(flatten)]
    pub time: ListenTimeArgs,
    #[command(flatten)]
    pub send: SendArgs,
    #[command(flatten)]
    pub variables: ListenVariablesArgs,
    #[command(flatten)]
    pub stop: StopArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub records: RecordsArgs,
    #[command(flatten)]
    pub programs: ProgramsArgs,
    #[command(flatten)]
    pub decoding: DecodingArgs,
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub keepalive: KeepaliveArgs,
    #[command(flatten)]
    pub wire: WireArgs,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Clients")]
pub struct ClientsArgs {
    /// Serve N clients, one after another, and then end; 0 is without end [default: 1 in a pipe, any
    /// number at the same time at the prompt or with --exec]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32))]
    pub clients: Option<u32>,

    /// Maximum number of clients at the same time, at the prompt or with --exec; more are answered with
    /// 503 [default: any number at the prompt; with --exec the N of --clients, or 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), hide_short_help = true)]
    pub max_connections: Option<u32>,

    /// Answer clients with 401 that have no such token, as `Authorization: Bearer TOKEN` or ?token=TOKEN
    /// (repeatable): from @FILE with one a line, env:VAR or cmd:COMMAND; anything else is the token itself,
    /// which other users of the machine see
    #[arg(long = "token", value_name = "SOURCE", action = ArgAction::Append)]
    pub tokens: Vec<String>,

    /// Pick this subprotocol if the client offers it (repeatable, in order of preference) [default:
    /// the first that the client offers]
    #[arg(long = "subprotocol", visible_alias = "protocol", value_name = "NAME", action = ArgAction::Append)]
    pub subprotocols: Vec<String>,

    /// Refuse every valid handshake with this HTTP status, until -m or a signal ends it
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(200..=599))]
    pub status: Option<u16>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What to send")]
pub struct ListenVariablesArgs {
    /// Replace {{NAME}} in --on-open, -d and typed lines (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub vars: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Time (500ms, 2s, 1m, or seconds)")]
pub struct ListenTimeArgs {
    /// Maximum time to wait for a client; when it is over, exit 28 [default: without end]
    #[arg(long, value_name = "T", value_parser = units::duration)]
    pub connect_timeout: Option<Duration>,

    /// Maximum time to wait for the client's answer to a Close
    #[arg(long, value_name = "T", default_value = "5s", value_parser = units::duration, hide_short_help = true)]
    pub close_timeout: Duration,

    /// Maximum time for the whole run; when it is over, exit 28
    #[arg(short, long, value_name = "T", value_parser = units::duration)]
    pub max_time: Option<Duration>,
}
