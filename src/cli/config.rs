//! The command line as meant: every default settled, every file read, each module's options built.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::args::{
    AuthArgs, Cli, ClientArgs, DeflateArgs, Generate, OutputArgs, SendArgs, ServeArgs, StayArgs,
    Subcommands, WireArgs,
};
use super::choices::FormatArg;
use super::files::Files;
use super::ineffective::{self, Typed, Way};
use super::world::World;
use crate::auth::placement;
use crate::auth::sources::{Authorization, Basic, Credentials, Source, Token, Via};
use crate::drain::{Limits, OnEof};
use crate::error::{Error, Exit};
use crate::handshake::request::{self, HeaderLine};
use crate::http_token;
use crate::json::jq::{Filter, Interrupt};
use crate::message::{Kind, Message};
use crate::output::{self, Format, style};
use crate::payload::{Encoding, Payload};
use crate::pipe::framing::Frame;
use crate::pipe::{self, Input, pace};
use crate::secret::{Redactor, Secret};
use crate::session::backoff;
use crate::session::confirm::How;
use crate::session::connect::Plan;
use crate::session::keepalive;
use crate::session::reconnect::{self, Codes, Renewal, When};
use crate::session::resume::Memory;
use crate::session::state;
use crate::uri::Target;
use crate::wire::extension;
use crate::wire::fragments::Fragmentation;
use crate::{session, transport};

/// Pings in the interactive mode.
const INTERACTIVE_PINGS: Duration = Duration::from_secs(20);

/// What a timeout of 0 means, as in curl.
const NO_LIMIT: Duration = Duration::from_secs(10 * 365 * 86400);

/// Payload bytes of a frame that `-vvv` shows at most.
const DUMPED: usize = 64 * 1024;

/// The debug server's port where none is given.
const DEFAULT_PORT: u16 = 8765;

/// What is to be done.
#[derive(Debug)]
pub enum Job {
    Client(Box<Client>),
    /// The client of a server that is yet to be started; its target is a placeholder.
    Demo(Box<Client>),
    Serve(Serve),
    Generate(Generate),
}

#[derive(Debug)]
pub struct Serve {
    pub listen: SocketAddr,
    pub silent: bool,
    pub extensions: extension::Options,
    pub deflate_level: u8,
    pub seed: Option<u64>,
    pub ledger: Option<PathBuf>,
}

#[derive(Debug)]
pub struct Client {
    /// Options that were typed and do nothing, a line each.
    pub ineffective: Vec<String>,
    pub plan: Plan,
    pub session: session::Options,
    /// When `--max-time` is over.
    pub deadline: Option<Instant>,
    pub output: output::Options,
    pub front: FrontEnd,
    /// Ends the evaluation of any expression.
    pub interrupt: Interrupt,
}

impl Client {
    /// The expressions over messages, each with its option, and whether its failures are reported
    /// one by one.
    fn filters(&self) -> impl Iterator<Item = (String, &Filter, bool)> {
        let until = match &self.front {
            FrontEnd::Interactive(options) => options.until.as_ref(),
            FrontEnd::Pipe(options) => options.until.as_ref(),
        };
        let confirm = match &self.session.confirm {
            Some(How::Number(filter)) => Some(filter),
            _ => None,
        };
        let filter = self.output.filter.as_ref();
        let filter = filter.map(|it| ("--filter".to_owned(), it, true));
        let until = until.map(|it| ("--until".to_owned(), it, false));
        let confirm = confirm.map(|it| ("--confirm".to_owned(), it, false));
        let resume = self.session.memory.filters();
        let resume = resume.map(|(name, it)| (format!("--resume {name}"), it, false));
        filter.into_iter().chain(until).chain(confirm).chain(resume)
    }

    /// What the expressions left out of the messages of the run, in sentences.
    pub fn losses(&self) -> Vec<String> {
        let filters = self.filters();
        let losses = filters.map(|(option, filter, reported)| filter.losses(&option, !reported));
        losses.flatten().collect()
    }
}

/// The way of working.
#[derive(Debug)]
pub enum FrontEnd {
    Interactive(crate::repl::Options),
    Pipe(pipe::Options),
}

/// Settles what was typed.
///
/// # Errors
/// Exit 2 or 3, for the first thing that is wrong.
pub fn settle(cli: Cli, world: &World) -> Result<Job, Error> {
    if let Some(kind) = cli.generate {
        return Ok(Job::Generate(kind));
    }
    let typed = &cli.typed;
    match cli.command {
        Some(Subcommands::Serve(args)) => Ok(Job::Serve(serve(&args)?)),
        Some(Subcommands::Demo(args)) => {
            let placeholder = Target::parse("ws://127.0.0.1/echo")?;
            Ok(Job::Demo(Box::new(client(
                placeholder,
                &args.client,
                typed,
                world,
            )?)))
        }
        None => {
            let url = cli.url.unwrap_or_default();
            let target = Target::parse(&url).map_err(|error| suggest_subcommand(error, &url))?;
            Ok(Job::Client(Box::new(client(
                target,
                &cli.client,
                typed,
                world,
            )?)))
        }
    }
}

fn suggest_subcommand(mut error: Error, typed: &str) -> Error {
    let near = ["serve", "demo"]
        .into_iter()
        .find(|name| strsim::damerau_levenshtein(name, typed) <= 2);
    if near == Some(typed) {
        error.message = format!("'{typed}' must come before the options");
        error.advice = vec![format!("wirecat {typed} [OPTIONS]")];
    } else if let Some(name) = near {
        error
            .advice
            .insert(0, format!("did you mean `wirecat {name}`?"));
    } else if typed == "help" {
        error.advice = vec!["`wirecat --help`".to_owned()];
    }
    error
}

fn serve(args: &ServeArgs) -> Result<Serve, Error> {
    let mut listen = match args.address.as_ref().or(args.listen.as_ref()) {
        Some(text) => listen_address(text)?,
        None => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT),
    };
    if let Some(port) = args.port {
        listen.set_port(port);
    }
    if let Some(host) = args.host {
        listen.set_ip(host);
    }
    Ok(Serve {
        listen,
        silent: args.silent,
        extensions: extensions(&args.deflate),
        deflate_level: args.deflate.deflate_level,
        seed: args.seed,
        ledger: args.ledger.clone(),
    })
}

fn extensions(args: &DeflateArgs) -> extension::Options {
    extension::Options {
        compress: !args.no_compress,
        server_no_context_takeover: args.server_no_context_takeover,
        client_no_context_takeover: args.client_no_context_takeover,
        server_max_window_bits: args.server_max_window_bits,
        client_max_window_bits: args.client_max_window_bits,
    }
}

/// `ADDRESS:PORT`, `:PORT`, `PORT` or `ADDRESS`; loopback where there is no address.
fn listen_address(text: &str) -> Result<SocketAddr, Error> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let named = text.replacen("localhost", "127.0.0.1", 1);
    let port = named.strip_prefix(':').unwrap_or(&named).parse().ok();
    named
        .parse()
        .ok()
        .or(port.map(|port| SocketAddr::new(loopback, port)))
        .or(named
            .parse()
            .ok()
            .map(|ip| SocketAddr::new(ip, DEFAULT_PORT)))
        .ok_or_else(|| {
            Error::usage(format!("cannot listen on '{text}': that is no address"))
                .advice("127.0.0.1:8765, [::1]:8765, :8765 or 8765; port 0 takes a free one")
        })
}

fn client(
    target: Target,
    args: &ClientArgs,
    typed: &Typed,
    world: &World,
) -> Result<Client, Error> {
    let max_time = args.time.max_time.filter(|time| !time.is_zero());
    let deadline = max_time.and_then(|time| Instant::now().checked_add(time));
    let resolve =
        |target, files: &mut Files| client_with(target, args, typed, world, files, deadline);
    let mut files = Files::not_blocking();
    let client = resolve(target.clone(), &mut files)?;
    if files.have_skipped() {
        return resolve(target, &mut Files::blocking(deadline));
    }
    Ok(client)
}

fn client_with(
    target: Target,
    args: &ClientArgs,
    typed: &Typed,
    world: &World,
    files: &mut Files,
    deadline: Option<Instant>,
) -> Result<Client, Error> {
    let interactive = world.stdin_tty && world.stdout_tty && args.send.data.is_empty();
    let ineffective = ineffective::lines(typed, &Way { args, interactive });
    let output = output_options(args, world, interactive)?;
    let plan = plan(target, args, world, files)?;
    let session = session(args, &plan, interactive, files)?;
    let interrupt = Interrupt::default();
    let front = front_end(args, world, interactive, files, interrupt.clone())?;
    let client = Client {
        ineffective,
        plan,
        session,
        deadline,
        output,
        front,
        interrupt,
    };
    for (_, filter, _) in client.filters() {
        filter.set_interrupt(&client.interrupt);
    }
    Ok(client)
}

fn session(
    args: &ClientArgs,
    plan: &Plan,
    interactive: bool,
    files: &mut Files,
) -> Result<session::Options, Error> {
    let stay = &args.stay;
    let reconnect = reconnect(stay, &plan.credentials, interactive);
    let heartbeat = stay.heartbeat.as_slice();
    let (memory, state) = memory(stay)?;
    Ok(session::Options {
        keepalive: keepalive::Options {
            close_timeout: args.time.close_timeout,
            ping_interval: stay
                .ping_interval
                .or(interactive.then_some(INTERACTIVE_PINGS))
                .filter(|interval| !interval.is_zero()),
            ping_timeout: stay.ping_timeout,
            heartbeat: stay
                .heartbeat
                .as_ref()
                .map(|_| stay.heartbeat_interval)
                .filter(|interval| !interval.is_zero()),
        },
        max_message_size: args.wire.max_message_size,
        deflate_level: args.wire.deflate.deflate_level,
        fragmentation: fragmentation(&args.wire),
        trace: match args.output.verbose {
            0 | 1 => None,
            2 => Some(0),
            _ => Some(DUMPED),
        },
        tells_sends: args.output.json || matches!(args.output.format, Some(FormatArg::Json)),
        auto_pong: !stay.no_auto_pong,
        mirror: args.wire.mirror,
        heartbeat: given(heartbeat, "--heartbeat", Payload::default(), files)?.pop(),
        opening: given(&args.send.on_open, "--on-open", Payload::default(), files)?,
        tell_uncertain: reconnect.when == When::Always && !interactive,
        reconnect,
        confirm: confirm(stay.confirm.as_deref())?,
        counts_replies: args.send.lockstep,
        outbox: stay.outbox,
        memory,
        state,
    })
}

fn reconnect(args: &StayArgs, credentials: &Credentials, interactive: bool) -> reconnect::Options {
    let codes = |lists: &[Codes]| {
        let mut all = Codes::default();
        lists.iter().cloned().for_each(|list| all.extend(list));
        all
    };
    let asked = args.reconnect.is_some() || !args.reconnect_on.is_empty();
    let when = match args.reconnect {
        _ if args.no_reconnect => When::Never,
        Some(Some(0)) => When::Never,
        _ if asked => When::Always,
        _ if interactive => When::AfterOpen,
        _ => When::Never,
    };
    reconnect::Options {
        when,
        limit: args.reconnect.flatten(),
        max_time: args.reconnect_max_time.filter(|time| !time.is_zero()),
        backoff: backoff::Options {
            base: args.reconnect_delay,
            max: args.reconnect_max_delay,
            jitter: args.reconnect_jitter.into(),
        },
        on: codes(&args.reconnect_on),
        never_on: codes(&args.no_reconnect_on),
        renewal: match credentials.is_renewable() {
            true => Renewal::Renewable,
            false => Renewal::Fixed,
        },
    }
}

fn confirm(how: Option<&str>) -> Result<Option<How>, Error> {
    Ok(match how {
        None => None,
        Some("pong") => Some(How::Pong),
        Some("reply") => Some(How::Reply),
        Some(expression) => compile("--confirm", Some(expression))?.map(How::Number),
    })
}

/// What is remembered to begin with, and where it is kept.
fn memory(args: &StayArgs) -> Result<(Memory, Option<PathBuf>), Error> {
    let mut memory = Memory::default();
    for definition in &args.resume {
        memory.add(definition)?;
    }
    let state = args.state.as_ref();
    let state = state.map(|path| state::load(path, &mut memory));
    Ok((memory, state.transpose()?))
}

fn plan(
    target: Target,
    args: &ClientArgs,
    world: &World,
    files: &mut Files,
) -> Result<Plan, Error> {
    Ok(Plan {
        credentials: credentials(&args.auth, &target)?,
        target,
        request: request::Options {
            headers: headers(&args.request.headers, files)?,
            origin: checked("--origin", args.request.origin.clone())?,
            user_agent: checked("--user-agent", args.request.user_agent.clone())?,
            subprotocols: subprotocols(&args.request.subprotocols)?,
            extensions: extensions(&args.wire.deflate),
        },
        transport: transport::Dialer::new(transport::Options {
            tls: transport::tls::Options {
                insecure: args.tls.insecure,
                cacert: args.tls.cacert.clone(),
                cert_file: world.variable("SSL_CERT_FILE").map(Into::into),
                cert_dir: world.variable("SSL_CERT_DIR").map(Into::into),
            },
        }),
        connect_timeout: Some(args.time.connect_timeout)
            .filter(|time| !time.is_zero())
            .unwrap_or(NO_LIMIT),
        redactor: Redactor::new(args.output.include_secrets),
    })
}

fn front_end(
    args: &ClientArgs,
    world: &World,
    interactive: bool,
    files: &mut Files,
    interrupt: Interrupt,
) -> Result<FrontEnd, Error> {
    let payload = payload(&args.send);
    let limits = limits(args);
    let until = compile("--until", args.stop.until.as_deref())?;
    let output = args.output.output.clone();
    if interactive {
        return Ok(FrontEnd::Interactive(crate::repl::Options {
            payload,
            limits,
            until,
            output,
            queue: args.stay.outbox,
            interrupt,
            color: color(&args.output, world, world.stdout_tty),
        }));
    }
    Ok(FrontEnd::Pipe(pipe::Options {
        input: input(args, payload, files)?,
        pace: pace::Options {
            interval: args.send.rate,
            lockstep: args.send.lockstep,
        },
        limits,
        until,
        output,
    }))
}

fn payload(args: &SendArgs) -> Payload {
    let encoding = match (args.hex, args.base64, args.escapes) {
        (true, _, _) => Encoding::Hex,
        (_, true, _) => Encoding::Base64,
        (_, _, true) => Encoding::Escapes,
        _ => Encoding::Plain,
    };
    let bytes = matches!(encoding, Encoding::Hex | Encoding::Base64);
    let kind = if args.binary || (bytes && !args.text) {
        Kind::Binary
    } else {
        Kind::Text
    };
    Payload { encoding, kind }
}

fn input(args: &ClientArgs, payload: Payload, files: &mut Files) -> Result<Input, Error> {
    let (send, mirror) = (&args.send, args.wire.mirror);
    // What is sent back is all the input that --mirror wants.
    if send.data.is_empty() && !mirror {
        let frame = send.frame.into();
        if frame == Frame::Events && payload != Payload::default() {
            return Err(Error::usage(
                "--frame events: each event says itself what its data is, so --binary, --hex, --base64 and --escapes have no meaning",
            )
            .advice(r#"{"type":"send","encoding":"hex","data":"00ff"}"#));
        }
        return Ok(Input::Stdin { frame, payload });
    }
    Ok(Input::Given(given(&send.data, "-d", payload, files)?))
}

/// A file that cannot be read may have been meant as a message.
fn suggest_at(error: Error, value: &str) -> Error {
    match error.exit {
        Exit::Usage => error.advice(format!(
            "@FILE reads a file; a message that begins with @ is written @{value}"
        )),
        _ => error,
    }
}

/// The messages of `-d`, `--on-open` or `--heartbeat`: `@FILE` and `@-` are read, and `@@` is an `@`,
/// as `//` is a `/` at the prompt. Those whose files are passed over are left out.
fn given(
    values: &[String],
    option: &str,
    payload: Payload,
    files: &mut Files,
) -> Result<Vec<Message>, Error> {
    let message = |value: &String| {
        let (bytes, named) = match value.strip_prefix('@') {
            None => (Bytes::from(value.clone()), ""),
            Some(text) if text.starts_with('@') => (Bytes::from(text.to_owned()), ""),
            Some(path) => match files
                .read(option, path)
                .map_err(|error| suggest_at(error, value))?
            {
                Some(bytes) => (Bytes::from(bytes), value.as_str()),
                None => return Ok(None),
            },
        };
        payload.message(bytes).map(Some).map_err(|why| {
            Error::usage(format!(
                "{} {why}",
                format!("{option} {named}").trim_end().to_owned() + ":"
            ))
        })
    };
    let messages = values.iter().map(message);
    messages.filter_map(Result::transpose).collect()
}

fn limits(args: &ClientArgs) -> Limits {
    let stop = &args.stop;
    Limits {
        on_eof: if args.wire.mirror {
            OnEof::Stay
        } else {
            stop.on_eof.into()
        },
        idle: stop.idle,
        count: stop.count.or(stop.one_message.then_some(1)),
        until: stop.until.is_some(),
        confirm: args.stay.confirm.is_some(),
    }
}

fn compile(option: &str, expression: Option<&str>) -> Result<Option<Filter>, Error> {
    expression
        .map(|text| {
            Filter::compile(text).map_err(|mut error| {
                error.message = format!("{option}: {}", error.message);
                error
            })
        })
        .transpose()
}

fn color(args: &OutputArgs, world: &World, tty: bool) -> bool {
    style::decide(args.color.into(), &|name| world.variable(name), tty)
}

fn output_options(
    client: &ClientArgs,
    world: &World,
    interactive: bool,
) -> Result<output::Options, Error> {
    let args = &client.output;
    // A file is no terminal, wherever stdout goes.
    let stdout_tty = world.stdout_tty
        && args
            .output
            .as_ref()
            .is_none_or(|path| path.as_os_str() == "-");
    let default = if stdout_tty {
        Format::Pretty
    } else {
        Format::Raw
    };
    let format = if args.json {
        Format::Json
    } else {
        args.format.map_or(default, Into::into)
    };
    Ok(output::Options {
        format,
        timestamps: args.timestamps.map(Into::into),
        stdout_tty,
        // At the prompt notices share the terminal with it, wherever stderr goes.
        stderr_tty: world.stderr_tty || interactive,
        stdout_color: color(args, world, stdout_tty),
        stderr_color: color(args, world, world.stderr_tty || interactive),
        verbose: args.verbose,
        silent: args.silent,
        stats: args.stats,
        show_ping_pong: args.show_ping_pong,
        numbers: client.stay.confirm.is_some(),
        interactive,
        filter: compile("--filter", args.filter.as_deref())?,
        // Looking the zone up reads files; without a time to show there is no need.
        time_zone: if args.timestamps.is_some() {
            jiff::tz::TimeZone::system()
        } else {
            jiff::tz::TimeZone::UTC
        },
    })
}

fn fragmentation(args: &WireArgs) -> Fragmentation {
    match args.fragment {
        None => Fragmentation::Large,
        Some(0) => Fragmentation::Never,
        Some(most) => Fragmentation::AtMost(most),
    }
}

fn headers(lines: &[String], files: &mut Files) -> Result<Vec<HeaderLine>, Error> {
    let mut headers = Vec::new();
    for line in lines {
        let Some(path) = line.strip_prefix('@') else {
            headers.push(HeaderLine::parse(line)?);
            continue;
        };
        let Some(text) = files.read("-H", path)? else {
            continue;
        };
        let text = String::from_utf8(text)
            .map_err(|_| Error::usage(format!("-H @{path}: it is not UTF-8")))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            headers.push(HeaderLine::parse(line)?);
        }
    }
    Ok(headers)
}

/// A value that goes into a header as it is.
fn checked(option: &str, value: Option<String>) -> Result<Option<String>, Error> {
    match &value {
        Some(text) if text.chars().any(char::is_control) => Err(Error::usage(format!(
            "{option}: the value holds a control character"
        ))),
        _ => Ok(value),
    }
}

/// Each may be a list, as the header itself is.
fn subprotocols(values: &[String]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .collect();
    match names.iter().find(|name| !http_token::is_http_token(name)) {
        Some(name) => Err(Error::usage(format!(
            "--subprotocol '{name}' holds a character that a subprotocol may not have (RFC 6455 section 4.1)"
        ))),
        None => Ok(names),
    }
}

fn credentials(args: &AuthArgs, target: &Target) -> Result<Credentials, Error> {
    let token = args
        .token
        .as_ref()
        .map(|source| token(source, args))
        .transpose()?;
    let in_header = token.as_ref().is_some_and(Token::is_authorization);
    let chosen = [args.user.is_some(), args.oauth2_bearer.is_some(), in_header];
    if chosen.iter().filter(|set| **set).count() > 1 {
        return Err(Error::usage(
            "-u, --oauth2-bearer and --token all want the Authorization header",
        )
        .advice("give one of them, or move the token with --token-via or --token-name"));
    }
    let from_url = target.user.as_ref().map(|user| Basic {
        user: user.name.clone(),
        password: Some(user.password.clone().unwrap_or_else(|| Secret::new(""))),
    });
    let basic = args.user.as_deref().map(Basic::parse).or(from_url);
    let authorization = match &args.oauth2_bearer {
        _ if in_header => None,
        Some(bearer) => Some(Authorization::Bearer(Secret::new(bearer.as_str()))),
        None => basic.map(Authorization::Basic),
    };
    Ok(Credentials {
        authorization,
        token,
    })
}

fn token(source: &str, args: &AuthArgs) -> Result<Token, Error> {
    let message = args
        .token_message
        .clone()
        .unwrap_or_else(|| placement::DEFAULT_MESSAGE.to_owned());
    placement::check_template(&message)?;
    if source == "@-" {
        return Err(Error::usage("--token @-: stdin carries messages")
            .advice("--token @FILE, env:VAR, cmd:COMMAND or prompt"));
    }
    let via = match (args.token_via, &args.token_message) {
        (Some(via), _) => via.into(),
        (None, Some(_)) => Via::Message,
        (None, None) => Via::Header,
    };
    Ok(Token {
        source: Source::parse(source),
        via,
        name: args.token_name.clone(),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for (text, address) in [
            ("0", "127.0.0.1:0"),
            (":9", "127.0.0.1:9"),
            ("localhost:9", "127.0.0.1:9"),
            ("0.0.0.0:9", "0.0.0.0:9"),
            ("[::1]:9", "[::1]:9"),
            ("10.0.0.1", "10.0.0.1:8765"),
        ] {
            assert_eq!(listen_address(text).unwrap().to_string(), address, "{text}");
        }
        assert!(listen_address("nonsense").is_err());
    }
}
