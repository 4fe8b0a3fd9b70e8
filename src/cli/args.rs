//! The command line as typed. Nothing here decides anything: defaults that depend on terminals,
//! files and other options are settled in [`super::config`].

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::value;
use crate::auth::Via;
use crate::drain::OnEof;
use crate::output::{Format, Timestamps, style::ColorChoice};

use crate::pipe::framing::Frame;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  wirecat ws://localhost:8080/chat            talk to a server by hand
  echo hello | wirecat wss://example.com/ws   send lines, print the replies
  wirecat -d '{\"op\":\"sub\"}' --count 3 URL     send one message, take three
  wirecat --token env:TOKEN -v URL            with a token, showing the handshake
  wirecat demo                                try it, with a server of its own
";

#[derive(Debug, Parser)]
#[command(
    name = "wirecat",
    version,
    about = "A WebSocket client for the command line: talk by hand, pipe messages, test auth, debug servers",
    before_help = EXAMPLES,
    before_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    styles = STYLES
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Subcommands>,

    /// ws://, wss:// (http:// and https:// mean the same), HOST:PORT/PATH, or :PORT/PATH
    #[arg(value_name = "URL", required_unless_present = "generate")]
    pub url: Option<String>,

    #[command(flatten)]
    pub client: ClientArgs,

    /// Print the manual page or a shell completion
    #[arg(
        long,
        value_name = "KIND",
        hide_short_help = true,
        help_heading = "Other",
        exclusive = true
    )]
    pub generate: Option<Generate>,
}

#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Start the debug server on a free port in this process and connect to it
    Demo(Box<DemoArgs>),
    /// Run the debug server: echo, refusals and closes on demand
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub client: ClientArgs,
}

#[derive(Debug, Args)]
#[command(after_help = concat!("Rooms:\n", "  See the list at http://HOST:PORT/ or below in the manual."))]
pub struct ServeArgs {
    /// Where to listen: ADDRESS:PORT, :PORT or PORT; port 0 takes a free one [default: 127.0.0.1:8765]
    #[arg(value_name = "ADDRESS", conflicts_with = "listen")]
    pub address: Option<String>,

    /// The same as an option
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// The port alone; 0 takes a free one
    #[arg(short, long)]
    pub port: Option<u16>,

    /// The address alone; anything but loopback lets other machines in
    #[arg(long, value_name = "IP", visible_alias = "bind")]
    pub host: Option<IpAddr>,

    /// Print no line for each request
    #[arg(short, long)]
    pub silent: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Generate {
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
    pub auth: AuthArgs,
    #[command(flatten)]
    pub tls: TlsArgs,
    #[command(flatten)]
    pub time: TimeArgs,
    #[command(flatten)]
    pub send: SendArgs,
    #[command(flatten)]
    pub stop: StopArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub wire: WireArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub struct RequestArgs {
    /// Add a header, 'Name: value'; 'Name;' sends it empty, 'Name:' leaves one out, @FILE reads them
    #[arg(short = 'H', long = "header", value_name = "LINE", action = ArgAction::Append)]
    pub headers: Vec<String>,

    /// The Origin header, which browsers send and some servers check
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,

    /// The User-Agent header; '' sends none
    #[arg(short = 'A', long, value_name = "NAME", hide_short_help = true)]
    pub user_agent: Option<String>,

    /// Offer a subprotocol (repeatable, the preferred one first)
    #[arg(long = "subprotocol", visible_alias = "protocol", value_name = "NAME", action = ArgAction::Append)]
    pub subprotocols: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthArgs {
    /// Basic auth; asks for the password where it is missing
    #[arg(short, long, value_name = "USER[:PASSWORD]")]
    pub user: Option<String>,

    /// Bearer auth
    #[arg(long, value_name = "TOKEN", hide_short_help = true)]
    pub oauth2_bearer: Option<String>,

    /// A token: the text itself, @FILE, env:VAR, cmd:COMMAND or prompt
    #[arg(long, value_name = "SOURCE")]
    pub token: Option<String>,

    /// Where the token goes [default: header]
    #[arg(long, value_name = "PLACE", value_enum, requires = "token")]
    pub token_via: Option<TokenVia>,

    /// The header [default: Authorization, as a bearer] or query parameter [default: token]; with
    /// subprotocol, what stands before the token
    #[arg(long, value_name = "NAME", requires = "token", hide_short_help = true)]
    pub token_name: Option<String>,

    /// The first message [default: {"event":"token","data":"{{token}}"}]
    #[arg(
        long,
        value_name = "TEMPLATE",
        requires = "token",
        hide_short_help = true
    )]
    pub token_message: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TokenVia {
    Header,
    Query,
    Message,
    Subprotocol,
}

impl From<TokenVia> for Via {
    fn from(via: TokenVia) -> Via {
        match via {
            TokenVia::Header => Via::Header,
            TokenVia::Query => Via::Query,
            TokenVia::Message => Via::Message,
            TokenVia::Subprotocol => Via::Subprotocol,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Do not check the server's certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Time (500ms, 2s, 1m, or seconds)")]
pub struct TimeArgs {
    /// For name lookup, TCP, TLS and handshake together
    #[arg(long, value_name = "T", default_value = "10s", value_parser = value::duration)]
    pub connect_timeout: Duration,

    /// For the server's answer to our Close
    #[arg(long, value_name = "T", default_value = "5s", value_parser = value::duration, hide_short_help = true)]
    pub close_timeout: Duration,

    /// For everything; then exit 28
    #[arg(short, long, value_name = "T", value_parser = value::duration)]
    pub max_time: Option<Duration>,

    /// Send a ping this often [interactive: 20s, otherwise never]
    #[arg(long, value_name = "T", value_parser = value::duration, hide_short_help = true)]
    pub ping_interval: Option<Duration>,

    /// How long after a ping the server may be silent before it counts as dead
    #[arg(long, value_name = "T", default_value = "20s", value_parser = value::duration, hide_short_help = true)]
    pub ping_timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What to send")]
pub struct SendArgs {
    /// Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message
    #[arg(short, long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub data: Vec<String>,

    /// Send this first, before stdin or -d (repeatable)
    #[arg(long, value_name = "MESSAGE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub on_open: Vec<String>,

    /// How stdin is cut into messages
    #[arg(long, value_name = "HOW", value_enum, default_value = "line")]
    pub frame: FrameArg,

    /// Send text messages (the default)
    #[arg(long, overrides_with = "binary")]
    pub text: bool,

    /// Send binary messages
    #[arg(long)]
    pub binary: bool,

    /// Input is hex; sends binary unless --text
    #[arg(long, conflicts_with_all = ["base64", "escapes"])]
    pub hex: bool,

    /// Input is base64; sends binary unless --text
    #[arg(long, conflicts_with = "escapes")]
    pub base64: bool,

    /// Input has escapes: \n \0 \x1e \u2028 \\
    #[arg(long)]
    pub escapes: bool,

    /// Send the next message only after a reply
    #[arg(long, hide_short_help = true)]
    pub lockstep: bool,

    /// Send at most this many messages a second
    #[arg(long, value_name = "N", value_parser = value::rate, hide_short_help = true)]
    pub rate: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FrameArg {
    /// A message a line
    Line,
    /// Messages end in NUL
    Nul,
    /// All of it is one message
    Whole,
    /// A message a JSON value, over any number of lines
    Json,
}

impl From<FrameArg> for Frame {
    fn from(frame: FrameArg) -> Frame {
        match frame {
            FrameArg::Line => Frame::Line,
            FrameArg::Nul => Frame::Nul,
            FrameArg::Whole => Frame::Whole,
            FrameArg::Json => Frame::Json,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When to stop")]
pub struct StopArgs {
    /// After the end of the input
    #[arg(long, value_name = "WHAT", value_enum, default_value = "drain")]
    pub on_eof: OnEofArg,

    /// How long nothing must be sent or received for drain to end
    #[arg(long, value_name = "T", default_value = "2s", value_parser = value::duration)]
    pub idle: Duration,

    /// After N messages received; exit 1 if there are fewer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// After the first message for which this jq expression is true; exit 1 if there is none
    #[arg(long, value_name = "JQ")]
    pub until: Option<String>,

    /// The same as --count 1
    #[arg(short = '1', long, conflicts_with = "count")]
    pub one_message: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OnEofArg {
    /// Receive until --idle, --count or --until, or until the server closes
    Drain,
    /// Close as soon as everything is sent
    Close,
    /// Stay until the server closes
    Stay,
}

impl From<OnEofArg> for OnEof {
    fn from(on_eof: OnEofArg) -> OnEof {
        match on_eof {
            OnEofArg::Drain => OnEof::Drain,
            OnEofArg::Close => OnEof::Close,
            OnEofArg::Stay => OnEof::Stay,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How messages are shown [terminal: pretty, otherwise raw]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatArg>,

    /// The same as --format json: every event as a line of JSON
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Show what this jq expression makes of each JSON message
    #[arg(long, value_name = "JQ")]
    pub filter: Option<String>,

    /// Show the time of each message: short, iso, relative or delta
    #[arg(short, long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "short")]
    pub timestamps: Option<TimestampsArg>,

    /// Show pings and pongs
    #[arg(long, hide_short_help = true)]
    pub show_ping_pong: bool,

    /// When to colour
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_short_help = true
    )]
    pub color: ColorArg,

    /// Write messages to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Show the handshake and TLS
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say nothing on stderr
    #[arg(short, long)]
    pub silent: bool,

    /// Print counts and times at the end
    #[arg(long)]
    pub stats: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FormatArg {
    /// For people: JSON laid out and coloured, binary as a hex dump
    Pretty,
    /// The payload; text ends in a line feed, binary is left as it is
    Raw,
    /// One line a message, line feeds and backslashes escaped as --escapes reads them
    Line,
    /// One line of hex a message
    Hex,
    /// One line of base64 a message
    Base64,
    /// Every event as a line of JSON
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Format {
        match format {
            FormatArg::Pretty => Format::Pretty,
            FormatArg::Raw => Format::Raw,
            FormatArg::Line => Format::Line,
            FormatArg::Hex => Format::Hex,
            FormatArg::Base64 => Format::Base64,
            FormatArg::Json => Format::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TimestampsArg {
    Short,
    Iso,
    Relative,
    Delta,
}

impl From<TimestampsArg> for Timestamps {
    fn from(form: TimestampsArg) -> Timestamps {
        match form {
            TimestampsArg::Short => Timestamps::Short,
            TimestampsArg::Iso => Timestamps::Iso,
            TimestampsArg::Relative => Timestamps::Relative,
            TimestampsArg::Delta => Timestamps::Delta,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ColorArg {
    Auto,
    Always,
    Never,
}

impl From<ColorArg> for ColorChoice {
    fn from(color: ColorArg) -> ColorChoice {
        match color {
            ColorArg::Auto => ColorChoice::Auto,
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Wire")]
pub struct WireArgs {
    /// The largest message to receive; a larger one is answered with Close 1009
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = value::size, hide_short_help = true)]
    pub max_message_size: usize,
}
