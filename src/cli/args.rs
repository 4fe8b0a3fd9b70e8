//! The command line as typed. This module decides nothing: defaults that depend on terminals, files
//! and other options are resolved in [`super::resolve`].

mod answers;
mod config;
mod convert;
mod cookies;
mod curl;
mod decoding;
mod deferred;
mod deflate;
mod http;
mod hub;
mod keepalive;
mod listen;
mod messages;
mod network;
mod output;
mod programs;
mod prompt;
mod proxy;
mod records;
mod replay;
mod safety;
mod serve;
mod serve_limits;
mod serve_log;
mod serve_tls;
mod sigv4;
mod test;
pub mod tls;
mod wire;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::choices::{JitterArg, TokenVia};
use super::config::Configured;
use super::curl::Passed;
use crate::session::reconnect::Codes;
use crate::units;
pub use config::ConfigArgs;
pub use convert::ConvertArgs;
pub use cookies::{CookieArgs, NetrcArgs};
pub use curl::CurlArgs;
pub use decoding::DecodingArgs;
use deferred::Deferred;
pub use deflate::DeflateArgs;
pub use http::HttpArgs;
pub use hub::HubArgs;
pub use keepalive::KeepaliveArgs;
pub use listen::{ClientsArgs, ListenArgs};
pub use messages::{SendArgs, StopArgs};
pub use network::NetworkArgs;
pub use output::OutputArgs;
pub use programs::ProgramsArgs;
pub use prompt::PromptArgs;
pub use proxy::ProxyArgs;
pub use records::RecordsArgs;
pub use replay::{PlayArgs, RecordingArgs, ServeReplayArgs};
pub use safety::SafetyArgs;
pub use serve::{PlaceArgs, ServeArgs};
pub use serve_limits::LimitArgs;
pub use serve_tls::ServeTlsArgs;
pub use sigv4::SigV4Args;
pub use test::TestArgs;
pub use tls::TlsArgs;
pub use wire::WireArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// The long names of the options that were typed with a value other than their default.
pub type Typed = BTreeSet<String>;

#[derive(Debug, Parser)]
#[command(
    name = "wirecat",
    version,
    about = "A WebSocket client for the command line: talk by hand, pipe messages, test auth, debug servers",
    override_usage = "wirecat [OPTIONS] URL\n       wirecat [OPTIONS] @PROFILE[/PATH]\n       wirecat demo [OPTIONS]\n       wirecat serve [OPTIONS] [ADDRESS...]\n       wirecat listen [OPTIONS] [ADDRESS]\n       wirecat test [OPTIONS] FILE...\n       wirecat replay [OPTIONS] FILE [URL]\n       wirecat convert [OPTIONS] FILE",
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    // As in curl, the last one counts.
    args_override_self = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    styles = STYLES
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Subcommands>,

    /// ws:// or wss:// (http:// and https:// mean the same), HOST:PORT/PATH, :PORT/PATH on
    /// localhost, or @PROFILE of the configuration file; cmd:COMMAND or @FILE.url gives the URL of
    /// each connection
    #[arg(value_name = "URL", required_unless_present_any = ["generate", "from_curl"])]
    pub url: Option<String>,

    #[command(flatten)]
    pub client: ClientArgs,

    #[command(flatten)]
    pub curl: CurlArgs,

    /// What `--from-curl` left out: one sentence each.
    #[arg(skip)]
    pub notes: Vec<String>,

    /// The options that curl has too, for `--to-curl`.
    #[arg(skip)]
    pub passed: Vec<Passed>,

    /// The options that were typed, which clap reports separately from the values.
    #[arg(skip)]
    pub typed: Typed,

    /// What the configuration file says besides options.
    #[arg(skip)]
    pub configured: Configured,

    /// Print the manual page, completions, an example of the configuration file, the JSON Schema of
    /// events, or a page for agents
    #[arg(
        long,
        value_name = "KIND",
        hide_short_help = true,
        help_heading = "Other",
        exclusive = true
    )]
    pub generate: Option<Generate>,
}

impl Cli {
    /// Whether errors are hidden too.
    pub fn is_silent(&self) -> bool {
        match &self.command {
            Some(Subcommands::Demo(demo)) => demo.args.output.silent,
            Some(Subcommands::Listen(listen)) => listen.args.output.silent,
            Some(Subcommands::Serve(_) | Subcommands::Test(_) | Subcommands::Convert(_)) => false,
            Some(Subcommands::Replay(replay)) => replay.args.client.output.silent,
            None => self.client.output.silent,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Start the debug server on a free port in this process and connect to it
    Demo(Box<Deferred<ClientArgs>>),
    /// Run the debug server: endpoints that answer and misbehave on demand, and an event hub
    Serve(Box<Deferred<ServeArgs>>),
    /// Wait for clients, and talk to them by hand or from a pipe as their server
    Listen(Box<Deferred<ListenArgs>>),
    /// Run scripts (.wst) that say what is sent and what is expected
    Test(Box<Deferred<TestArgs>>),
    /// Make a script of a recording, and recordings of other programs' files, and back
    Convert(Box<Deferred<ConvertArgs>>),
    /// Show a recording as it was, or send what it sent to a server and compare the replies
    Replay(Box<Deferred<ReplayArgs>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// An example of the configuration file
    Config,
    /// The profiles of the configuration file, one a line
    Profiles,
    /// The manual page
    Man,
    /// The JSON Schema of the events of --json
    Schema,
    /// A page for agents: when to use wirecat, recipes, exit codes
    Skill,
    /// Completions for bash
    CompleteBash,
    /// Completions for zsh
    CompleteZsh,
    /// Completions for fish
    CompleteFish,
    /// Completions for PowerShell
    CompletePowershell,
    /// Completions for elvish
    CompleteElvish,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub recording: RecordingArgs,
    #[command(flatten)]
    pub play: PlayArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

#[derive(Debug, Args)]
pub struct ClientArgs {
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub cookies: CookieArgs,
    #[command(flatten)]
    pub http: HttpArgs,
    #[command(flatten)]
    pub auth: AuthArgs,
    #[command(flatten)]
    pub netrc: NetrcArgs,
    #[command(flatten)]
    pub tls: TlsArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub proxy: ProxyArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    #[command(flatten)]
    pub send: SendArgs,
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
    pub config: ConfigArgs,
    #[command(flatten)]
    pub stay: StayArgs,
    #[command(flatten)]
    pub wire: WireArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub struct RequestArgs {
    /// Send a header, 'Name: value' (repeatable); 'Name;' sends it empty, 'Name:' removes it, @FILE
    /// reads headers from a file, @- from stdin
    #[arg(short = 'H', long = "header", value_name = "LINE", action = ArgAction::Append)]
    pub headers: Vec<String>,

    /// Send this Origin header; browsers send one, and some servers check it
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,

    /// Send this User-Agent header; '' sends none [default: wirecat/VERSION]
    #[arg(short = 'A', long, value_name = "NAME", hide_short_help = true)]
    pub user_agent: Option<String>,

    /// Offer a subprotocol (repeatable, in order of preference)
    #[arg(long = "subprotocol", visible_alias = "protocol", value_name = "NAME", action = ArgAction::Append)]
    pub subprotocols: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthArgs {
    /// Use Basic authentication; asks for the password if none is given
    #[arg(short, long, value_name = "USER[:PASSWORD]")]
    pub user: Option<String>,

    /// Use Bearer authentication with this token, as in curl
    #[arg(long, value_name = "TOKEN", hide_short_help = true)]
    pub oauth2_bearer: Option<String>,

    /// Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself,
    /// with @@ for a leading @
    #[arg(long, value_name = "SOURCE")]
    pub token: Option<String>,

    /// Where to put the token: in a header, the query, the first message or a subprotocol [default:
    /// header]
    #[arg(
        long,
        value_name = "PLACE",
        value_enum,
        requires = "token",
        hide_short_help = true
    )]
    pub token_via: Option<TokenVia>,

    /// Name of the header [default: Authorization, with Bearer before the token] or of the query
    /// parameter [default: token]; with subprotocol, a prefix of the token
    #[arg(long, value_name = "NAME", requires = "token", hide_short_help = true)]
    pub token_name: Option<String>,

    /// Message that carries the token, which replaces {{token}}; implies --token-via message
    /// [default: {"event":"token","data":"{{token}}"}]
    #[arg(
        long,
        value_name = "TEMPLATE",
        requires = "token",
        hide_short_help = true
    )]
    pub token_message: Option<String>,

    #[command(flatten)]
    pub sigv4: SigV4Args,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Time (500ms, 2s, 1m, or seconds)")]
pub struct TimeArgs {
    /// Maximum time for name lookup, TCP, proxy, TLS and handshake together; also for reading
    /// --token @FILE, and for a URL that is @FILE or cmd:COMMAND
    #[arg(long, value_name = "T", default_value = "10s", value_parser = units::duration)]
    pub connect_timeout: Duration,

    /// Maximum time to wait for the server's answer to a Close
    #[arg(long, value_name = "T", default_value = "5s", value_parser = units::duration, hide_short_help = true)]
    pub close_timeout: Duration,

    /// Maximum time for the whole run; when it is over, exit 28
    #[arg(short, long, value_name = "T", value_parser = units::duration)]
    pub max_time: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Staying connected")]
pub struct StayArgs {
    /// Reconnect when the connection is lost, at most N times in a row (unlimited without N)
    /// [default: on at the prompt, off in a pipe]
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, overrides_with = "no_reconnect", value_parser = units::times)]
    pub reconnect: Option<Option<u32>>,

    /// Do not reconnect
    #[arg(long, overrides_with = "reconnect", hide_short_help = true)]
    pub no_reconnect: bool,

    /// Delay before the first retry; it doubles with each retry
    #[arg(long, value_name = "T", default_value = "500ms", value_parser = units::duration, hide_short_help = true)]
    pub reconnect_delay: Duration,

    /// Maximum delay between retries (a server's Retry-After may exceed it)
    #[arg(long, value_name = "T", default_value = "20s", value_parser = units::duration, hide_short_help = true)]
    pub reconnect_max_delay: Duration,

    /// How retry delays are randomized (jitter), so that the clients of a restarted server do not
    /// all connect at once
    #[arg(
        long,
        value_name = "FORM",
        value_enum,
        default_value = "equal",
        hide_short_help = true
    )]
    pub reconnect_jitter: JitterArg,

    /// Give up after this time without a connection
    #[arg(long, value_name = "T", value_parser = units::duration, hide_short_help = true)]
    pub reconnect_max_time: Option<Duration>,

    /// Also reconnect after these close codes, ranges of codes and HTTP statuses:
    /// 1000,4000-4099,404. pusher, discord, graphql, centrifugo and phoenix stand for the codes
    /// after which clients of these protocols do, and do not, reconnect
    #[arg(long, value_name = "LIST", action = ArgAction::Append, value_parser = Codes::parse, hide_short_help = true)]
    pub reconnect_on: Vec<Codes>,

    /// Do not reconnect after these (1006 is a lost connection); takes precedence over
    /// --reconnect-on. The name of a protocol stands for the codes after which its clients stay away
    #[arg(long, value_name = "LIST", action = ArgAction::Append, value_parser = Codes::parse, hide_short_help = true)]
    pub no_reconnect_on: Vec<Codes>,

    /// Send messages again after a reconnect unless they are confirmed: by a pong to a later ping
    /// (the default), by the n-th reply, or by the number that a jq expression finds in a reply.
    ///
    /// With pong (the same as --confirm alone), a pong shows that the server's endpoint has read
    /// the messages before the ping, because frames are handled in order. This is not an
    /// acknowledgement by the application: a server process that is killed between reading and
    /// handling a message loses it.
    ///
    /// With reply, the n-th data message received on a connection confirms the n-th one sent on it,
    /// --on-open and --heartbeat included. This is for servers that answer every message.
    ///
    /// With an expression, as in --confirm=.ack, its value for a received message is the number, or
    /// an array of numbers, of the messages that are acknowledged. Messages are numbered from 1
    /// over the whole run. To put its number into a message, write the letter n in two pairs of
    /// braces.
    ///
    /// If a message is not confirmed at the end, the exit code is 1.
    #[arg(long, value_name = "pong|reply|JQ", num_args = 0..=1, require_equals = true, default_missing_value = "pong")]
    pub confirm: Option<String>,

    /// Maximum size of unconfirmed messages to keep; reading pauses when it is reached
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = units::size, hide_short_help = true)]
    pub outbox: usize,

    /// Remember the last value of a jq expression over the received messages (repeatable); it
    /// replaces {{NAME}} in --on-open, --heartbeat, headers and the query of the URL
    #[arg(long, value_name = "NAME=JQ", action = ArgAction::Append, hide_short_help = true)]
    pub resume: Vec<String>,

    /// Keep the values of --resume in this file from one run to the next
    #[arg(long, value_name = "FILE", requires = "resume", hide_short_help = true)]
    pub state: Option<PathBuf>,

    #[command(flatten)]
    pub keepalive: KeepaliveArgs,
}
