//! The command line as typed. This module decides nothing: defaults that depend on terminals, files
//! and other options are resolved in [`super::resolve`].

mod config;
mod cookies;
mod curl;
mod deferred;
mod deflate;
mod http;
mod hub;
mod network;
mod prompt;
mod proxy;
mod serve;
mod serve_limits;
mod serve_log;
mod serve_tls;
mod serve_safety;
pub mod tls;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::choices::{ColorArg, FormatArg, FrameArg, JitterArg, OnEofArg, TimestampsArg, TokenVia};
use super::config::Configured;
use super::curl::Passed;
use crate::session::reconnect::Codes;
use crate::units;
pub use config::ConfigArgs;
pub use cookies::{CookieArgs, NetrcArgs};
pub use curl::CurlArgs;
use deferred::Deferred;
pub use deflate::DeflateArgs;
pub use http::HttpArgs;
pub use hub::HubArgs;
pub use network::NetworkArgs;
pub use prompt::PromptArgs;
pub use proxy::ProxyArgs;
pub use serve::ServeArgs;
pub use serve_limits::LimitArgs;
pub use tls::TlsArgs;

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
    override_usage = "wirecat [OPTIONS] URL\n       wirecat [OPTIONS] @PROFILE[/PATH]\n       wirecat demo [OPTIONS]\n       wirecat serve [OPTIONS] [ADDRESS]",
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
    /// localhost, or @PROFILE of the configuration file
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

    /// Print the manual page, a shell completion or an example of the configuration file
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
            Some(Subcommands::Serve(_)) => false,
            None => self.client.output.silent,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Start the debug server on a free port in this process and connect to it
    Demo(Box<Deferred<ClientArgs>>),
    /// Run the debug server: echo, refusals, closes and invalid frames on demand
    Serve(Box<ServeArgs>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    Config,
    Profiles,
    Man,
    CompleteBash,
    CompleteZsh,
    CompleteFish,
    CompletePowershell,
    CompleteElvish,
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
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Time (500ms, 2s, 1m, or seconds)")]
pub struct TimeArgs {
    /// Maximum time for name lookup, TCP, proxy, TLS and handshake together; also for reading
    /// --token @FILE
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
    /// 1000,4000-4099,404
    #[arg(long, value_name = "LIST", action = ArgAction::Append, value_parser = Codes::parse, hide_short_help = true)]
    pub reconnect_on: Vec<Codes>,

    /// Do not reconnect after these (1006 is a lost connection); takes precedence over
    /// --reconnect-on
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

#[derive(Debug, Args)]
#[command(next_help_heading = "What to send")]
pub struct SendArgs {
    /// Send this message instead of stdin (repeatable); @FILE sends a file as one message, @- all
    /// of stdin, and @@ stands for a leading @
    #[arg(short, long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub data: Vec<String>,

    /// Send this message first on every connection, before stdin or -d (repeatable); @FILE, @- and
    /// @@ as with -d
    #[arg(long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub on_open: Vec<String>,

    /// How to split stdin into messages
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value = "line",
        hide_short_help = true
    )]
    pub frame: FrameArg,

    /// Send text messages (the default)
    #[arg(long, overrides_with = "binary", hide_short_help = true)]
    pub text: bool,

    /// Send binary messages
    #[arg(long)]
    pub binary: bool,

    /// Read -d, stdin and typed lines as hex; sends binary messages unless --text is given
    #[arg(long, conflicts_with_all = ["base64", "escapes"], hide_short_help = true)]
    pub hex: bool,

    /// Read -d, stdin and typed lines as base64; sends binary messages unless --text is given
    #[arg(long, conflicts_with = "escapes", hide_short_help = true)]
    pub base64: bool,

    /// Interpret escapes in -d, stdin and typed lines: \n \0 \x1e \u2028 \\
    #[arg(long, hide_short_help = true)]
    pub escapes: bool,

    /// Wait for the reply to a message before sending the next one, however long that takes (-m
    /// limits it)
    ///
    /// The n-th data message received on a connection counts as the reply to the n-th one sent on
    /// it, --on-open, a token and heartbeats included.
    #[arg(long, hide_short_help = true)]
    pub lockstep: bool,

    /// Send at most N messages per second
    #[arg(long, value_name = "N", value_parser = units::rate, hide_short_help = true)]
    pub rate: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When to stop")]
pub struct StopArgs {
    /// What to do after the last message is sent
    #[arg(long, value_name = "WHAT", value_enum, default_value = "drain")]
    pub on_eof: OnEofArg,

    /// Idle time after which --on-eof drain closes
    #[arg(long, value_name = "T", default_value = "2s", value_parser = units::duration)]
    pub idle: Duration,

    /// Stop after receiving N messages; exit 1 if there are fewer
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub count: Option<u64>,

    /// Stop after the first message for which this jq expression is true; exit 1 if there is none
    #[arg(long, value_name = "JQ")]
    pub until: Option<String>,

    /// Same as --count 1
    #[arg(short = '1', long, conflicts_with = "count")]
    pub one_message: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How to show messages [default: pretty on a terminal, otherwise raw]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatArg>,

    /// Same as --format json: every event as a line of JSON
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Apply this jq expression to each JSON message and show the results instead of the message
    #[arg(long, value_name = "JQ")]
    pub filter: Option<String>,

    /// Show the time of each message
    #[arg(short, long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "short")]
    pub timestamps: Option<TimestampsArg>,

    /// Show pings and pongs
    #[arg(long, hide_short_help = true)]
    pub show_ping_pong: bool,

    // A help text is no Markdown.
    #[allow(rustdoc::broken_intra_doc_links)]
    /// Show secrets in URLs, headers, notices and events instead of [redacted]
    #[arg(long, hide_short_help = true)]
    pub include_secrets: bool,

    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_short_help = true
    )]
    pub color: ColorArg,

    /// Write messages to this file instead of stdout
    ///
    /// The file is created, or an existing one emptied, at the first write. A run that fails before
    /// that leaves an existing file unchanged; a run that ends well without a message leaves an
    /// empty file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Also append every event to this file as a line of JSON, whatever is shown
    ///
    /// A new file can be read only by its owner (mode 0600). Secrets are redacted. If the disk is
    /// full, that is reported, recording stops, and the run goes on.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Show the handshake and the TLS session; -vv also shows every frame, -vvv also its bytes
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print nothing on stderr, not even errors (--stats still prints)
    #[arg(short, long)]
    pub silent: bool,

    /// Print counts and times on stderr at the end
    #[arg(long, hide_short_help = true)]
    pub stats: bool,
}

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
