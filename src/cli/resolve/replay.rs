//! The options of `wirecat replay`, and the recordings that the command line names.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::client::Client;
use super::credentials;
use super::mode::Mode;
use super::variables::Variables;
use crate::auth::sources::Via;
use crate::cli::args::{Cli, OutputArgs, ReplayArgs, Typed};
use crate::cli::choices::FormatArg;
use crate::cli::world::World;
use crate::convert::{self, Content, Form};
use crate::error::{Error, plain_words};
use crate::event::Peer;
use crate::http_token::is_http_token;
use crate::io::{saved_file, stdio};
use crate::json::jq::Interrupt;
use crate::message::Message;
use crate::output;
use crate::record::recording::Place;
use crate::record::replay::{Leg, Speed, Tape};
use crate::replay::compare::Rules;
use crate::replay::{exchange, prepare};
use crate::session;
use crate::session::policy::drain::{self, OnEof};
use crate::session::policy::stop;
use crate::session::reconnect::When;
use crate::template;

/// The largest recording, in bytes, because a device may have no end.
const MAX_SIZE: u64 = 1 << 30;

/// Options that say what is sent and when to stop, which the recording does.
const NOT_HERE: &[&str] = &[
    "data",
    "then",
    "frame",
    "exec",
    "mirror",
    "count",
    "until",
    "one-message",
    "on-eof",
    "idle",
    "reconnect",
    "confirm",
];

/// The options that have an effect where a recording is shown.
const OF_SHOWING: &[&str] = &[
    "speed",
    "entry",
    "format",
    "json",
    "filter",
    "timestamps",
    "show-ping-pong",
    "color",
    "output",
    "verbose",
    "silent",
    "stats",
    "config",
    "no-config",
];

/// Options of those that have none where replies are compared.
const ONLY_OF_SHOWING: &[&str] = &["filter", "timestamps", "output"];

#[derive(Debug)]
pub enum Replay {
    Show(Box<Showing>),
    Send(Box<Sending>),
}

/// A recording that is shown as it was.
#[derive(Debug)]
pub struct Showing {
    pub tape: Tape,
    pub speed: Speed,
    pub output: output::Options,
    /// `-o`; `None` is stdout.
    pub to: Option<PathBuf>,
    pub interrupt: Interrupt,
    /// Options that were typed and have no effect: one line each.
    pub notes: Vec<String>,
}

/// A recording of which is sent what was sent.
#[derive(Debug)]
pub struct Sending {
    pub client: Client,
    pub legs: Vec<Leg>,
    pub options: exchange::Options,
    /// `--json`: every event is printed.
    pub shows_messages: bool,
}

/// Resolves the options. `connect` resolves those of the client for a URL.
///
/// # Errors
/// Exit 2 or 3 for the first error.
pub(super) fn replay(
    args: &ReplayArgs,
    cli: &Cli,
    world: &World,
    connect: impl FnOnce(&str, &World, &Interrupt) -> Result<Client, Error>,
) -> Result<Replay, Error> {
    let source = Path::new(&args.recording.file);
    let output = &args.client.output;
    for (option, place) in [("-o", &output.output), ("--record", &output.record)] {
        if let Some(place) = place {
            saved_file::check_is_no_source((option, place), [source])?;
        }
    }
    check_order(source, cli.url.as_deref())?;
    // Nothing is typed here.
    let mut world = world.clone();
    world.stdin_tty = false;
    match &cli.url {
        None => show(args, &cli.typed, &world).map(|showing| Replay::Show(Box::new(showing))),
        Some(url) => {
            let connect = |interrupt: &Interrupt| connect(url, &world, interrupt);
            send(cli, args, &world, connect).map(|sending| Replay::Send(Box::new(sending)))
        }
    }
}

/// Refuses a URL in place of the recording: what looks like one, or has the name of a file after it.
fn check_order(recording: &Path, url: Option<&str>) -> Result<(), Error> {
    let name = recording.to_string_lossy();
    let is_url = name.contains("://") || name.starts_with(['@', ':']);
    let is_before_file = || url.is_some_and(|url| Path::new(url).is_file());
    if name == "-" || recording.exists() || !(is_url || is_before_file()) {
        return Ok(());
    }
    let message = format!("{name}: there is no such file, and the recording comes first");
    Err(Error::usage(message).advice("wirecat replay FILE URL"))
}

fn show(args: &ReplayArgs, typed: &Typed, world: &World) -> Result<Showing, Error> {
    let mode = Mode::new(&args.client, world, Peer::Server);
    let tty = mode.messages_tty;
    let output = output::Options {
        // As at the prompt, but for what a command would show the rest of.
        interactive: tty,
        show_sent: tty,
        fold: Some(output::UNFOLDED),
        ..super::output::options(&mode)?
    };
    if args.client.output.record.is_some() {
        return Err(Error::usage("--record: a recording is only shown")
            .advice("give a URL to send what it sent, and to record that"));
    }
    let interrupt = Interrupt::default();
    if let Some(filter) = &output.filter {
        filter.set_interrupt(&interrupt);
    }
    Ok(Showing {
        tape: tape(args)?,
        speed: args.play.speed.unwrap_or(match tty {
            true => Speed::Times(1.0),
            false => Speed::Max,
        }),
        output,
        to: args.client.output.output.clone(),
        interrupt,
        notes: typed
            .iter()
            .filter(|name| !OF_SHOWING.contains(&name.as_str()))
            .map(|name| format!("--{name} has no effect without a URL"))
            .collect(),
    })
}

fn send(
    cli: &Cli,
    args: &ReplayArgs,
    world: &World,
    connect: impl FnOnce(&Interrupt) -> Result<Client, Error>,
) -> Result<Sending, Error> {
    if let Some(name) = NOT_HERE.iter().find(|name| cli.typed.contains(**name)) {
        return Err(Error::usage(format!(
            "--{name}: wirecat replay sends what was recorded, and ends when it did"
        )));
    }
    let interrupt = Interrupt::default();
    let rules = Rules::new(&args.play.ignore, args.play.unordered)?;
    for filter in rules.filters() {
        filter.set_interrupt(&interrupt);
    }
    let mut client = connect(&interrupt)?;
    leave_to_the_recording(&mut client.session);
    let sends_token = args.client.auth.token.is_some()
        && matches!(credentials::via(&args.client.auth), Via::Message);
    let tape = tape(args)?;
    let notes = tape.notes.clone();
    client.notes.extend(notes);
    let shows_messages = prints_events(&args.client.output);
    if !shows_messages {
        let without_effect = ONLY_OF_SHOWING.iter();
        let without_effect = without_effect.filter(|name| cli.typed.contains(**name));
        client.notes.extend(without_effect.map(|name| {
            format!("--{name} has no effect with a URL, as replies are compared and not shown")
        }));
    }
    let legs = tape.legs();
    let variables = match legs.iter().any(has_placeholder) {
        true => Variables::read("", &args.client, &cli.configured, true, world)?,
        false => Variables::default(),
    };
    variables.hide_secrets(&client.plan.redactor);
    let fill = |message: &Message| variables.fill_message(message.clone());
    let legs = prepare::prepare(legs, sends_token, fill)?;
    offer_recorded(&mut client, &legs);
    Ok(Sending {
        client,
        legs,
        options: exchange::Options {
            speed: args.play.speed.unwrap_or(Speed::Times(1.0)),
            lockstep: args.client.send.lockstep,
            reply_timeout: args.play.reply_timeout,
            rules,
        },
        shows_messages,
    })
}

/// Takes back what says when messages are sent and when a run is over, which a profile may have said.
fn leave_to_the_recording(session: &mut session::Options) {
    session.policy.pace.lockstep = false;
    session.counts_replies = false;
    session.policy.stop = stop::Options::default();
    session.policy.drain = drain::Options {
        on_eof: OnEof::Stay,
        ..drain::Options::default()
    };
    session.confirm = None;
    session.reconnect.when = When::Never;
}

/// Whether every event is printed.
fn prints_events(args: &OutputArgs) -> bool {
    args.json || matches!(args.format, Some(FormatArg::Json))
}

/// Whether a variable may have to be filled in.
fn has_placeholder(leg: &Leg) -> bool {
    leg.moments
        .iter()
        .any(|(moment, _)| match moment.what.message() {
            Some(message) => message.as_text().is_some_and(template::has_placeholder),
            None => false,
        })
}

/// Offers the subprotocol that was agreed on, unless others are offered.
fn offer_recorded(client: &mut Client, legs: &[Leg]) {
    let offered = &mut client.plan.request.subprotocols;
    if offered.is_empty() {
        let agreed = legs.iter().find_map(|leg| leg.answer.subprotocol.clone());
        offered.extend(agreed.filter(|name| is_http_token(name)));
    }
}

/// The recording of the command line, or the connection of it that is wanted.
fn tape(args: &ReplayArgs) -> Result<Tape, Error> {
    let tape = read_tape("", &args.recording.file)?;
    match args.play.entry {
        None => Ok(tape),
        Some(number) => tape
            .only(number.get())
            .map_err(|why| Error::usage(format!("--entry {number}: {why}"))),
    }
}

/// Reads a recording that `option` names; `-` is stdin.
///
/// # Errors
/// Exit 2 if it cannot be read, or is none.
pub(super) fn read_tape(option: &str, path: &Path) -> Result<Tape, Error> {
    let name = path.display();
    let bytes = read(path)
        .map_err(|error| Error::usage(format!("{option}{name}: {}", plain_words(&error))))?;
    if Form::of(path) == Some(Form::Har) {
        return archive(path, &bytes);
    }
    Tape::read(&bytes).map_err(|error| {
        Error::usage(format!("{option}{name}: {}", error.message)).advice(error.advice)
    })
}

/// The connections of an HTTP archive, with the messages that are in files beside it.
fn archive(path: &Path, bytes: &[u8]) -> Result<Tape, Error> {
    let input = convert::read(path, bytes, |name| {
        read(&path.with_file_name(name)).map_err(|error| plain_words(&error))
    })?;
    let connections = match input.content {
        Content::Connections(connections) => connections,
        Content::Script(_) => Vec::new(),
    };
    let placed = connections.into_iter().map(|it| (it, Place::default()));
    Ok(Tape::new(placed, input.notes))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.as_os_str() == "-" {
        true => stdio::stdin()?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?,
        false => File::open(path)?
            .take(MAX_SIZE + 1)
            .read_to_end(&mut bytes)?,
    };
    match bytes.len() as u64 > MAX_SIZE {
        true => Err(io::Error::other("it is larger than 1 GiB")),
        false => Ok(bytes),
    }
}
