//! The options of `wirecat listen`: where it listens, whom it lets in, and the conversation, which has the
//! options of a client.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args as _, Command, FromArgMatches as _};
use hyper::StatusCode;

use super::client::{self, Client, Input};
use super::listening::{DEFAULT_PORT, guard, listen_address, refuse_strangers, tls, with_parts};
use super::wire::extensions;
use crate::auth::sources::Source;
use crate::cli::args::{
    ClientArgs, ClientsArgs, DeflateArgs, ListenArgs, SafetyArgs, StopArgs, Typed,
};
use crate::cli::choices::OnEofArg;
use crate::cli::config::Configured;
use crate::cli::world::World;
use crate::error::Error;
use crate::event::Peer;
use crate::handshake::bearer;
use crate::json::jq::Interrupt;
use crate::serve::{Place, TlsOptions};
use crate::session::door;
use crate::uri::Target;

/// How other machines are let in.
const ADVICE: &str = "--token @FILE to require one, --allow-anyone to do without, or 127.0.0.1";

/// How many programs of `--exec` run at the same time, unless it is said: each is a process, and a client
/// that connects without end must not start them without end.
const MOST_PROGRAMS: u32 = 64;

#[derive(Debug)]
pub struct Listen {
    pub address: SocketAddr,
    pub door: door::Options,
    pub tls: Option<TlsOptions>,
    /// The tokens that clients need, if they need any.
    pub tokens: Vec<Source>,
    /// The conversation. Its plan is that of a client on this machine.
    pub client: Client,
}

/// # Errors
/// Exit 2 for the first error.
pub(super) fn listen(mut args: ListenArgs, typed: &Typed, world: &World) -> Result<Listen, Error> {
    let address = match &args.address {
        Some(text) => listen_address(text)?,
        None => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT),
    };
    let address = with_parts(address, &args.place);
    let tokens = tokens(&args.clients.tokens)?;
    let is_allowed = !tokens.is_empty() || args.safety.allow_anyone;
    refuse_strangers(address.ip(), is_allowed, ADVICE)?;
    let tls = tls(&args.tls, &[Place::Tcp(address)])?;
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let clients = std::mem::take(&mut args.clients);
    let safety = std::mem::take(&mut args.safety);
    let patience = args.time.connect_timeout;
    let args = conversation(args).map_err(|error| Error::usage(error.to_string()))?;
    let input = Input {
        args: &args,
        typed,
        notes: &[],
        configured: &Configured::default(),
        world,
        interrupt: &Interrupt::default(),
        peer: Peer::Client,
        folder: None,
    };
    let client = client::client(&format!("{scheme}://{address}/"), &input, Target::parse)?;
    let one_at_a_time = match &client.front {
        client::FrontEnd::Interactive(_) => false,
        client::FrontEnd::Pipe(pipe) => pipe.program.is_none(),
    };
    if one_at_a_time && clients.max_connections.is_some() {
        return Err(Error::usage(
            "--max-connections: in a pipe without --exec there is one client at a time",
        )
        .advice("--clients N serves N of them, one after another"));
    }
    let mut door = door(&clients, &safety, &args.wire.deflate, one_at_a_time);
    if args.programs.exec.is_some() && door.clients.is_none() {
        door.at_once = door.at_once.or(Some(MOST_PROGRAMS));
    }
    door.patience = patience.filter(|time| !time.is_zero());
    Ok(Listen {
        address,
        door,
        tls,
        tokens,
        client,
    })
}

/// Where the tokens are that clients need.
///
/// # Errors
/// Exit 2 for a source that a server has not.
fn tokens(given: &[String]) -> Result<Vec<Source>, Error> {
    let source = |text: &String| match Source::parse(text) {
        Source::File(path) if path == "-" => {
            Err(Error::usage("--token @-: stdin carries messages")
                .advice("--token @FILE, env:VAR or cmd:COMMAND"))
        }
        Source::Prompt => Err(Error::usage("--token prompt: nobody is asked here")
            .advice("--token @FILE, env:VAR or cmd:COMMAND")),
        source => Ok(source),
    };
    given.iter().map(source).collect()
}

/// The options of a client that talks in the same way; those about connecting have their defaults.
///
/// # Errors
/// If a default is no value of its own option.
fn conversation(args: ListenArgs) -> Result<ClientArgs, clap::Error> {
    let command = ClientArgs::augment_args(Command::new("listen").no_binary_name(true));
    let matches = command.try_get_matches_from(std::iter::empty::<&str>())?;
    let mut client = ClientArgs::from_arg_matches(&matches)?;
    client.time.close_timeout = args.time.close_timeout;
    client.time.max_time = args.time.max_time;
    client.send = args.send;
    client.config.vars = args.variables.vars;
    let defaults = (client.stop.on_eof, client.stop.idle);
    client.stop = args.stop;
    if awaits(&client.stop) && (client.stop.on_eof, client.stop.idle) == defaults {
        client.stop.on_eof = OnEofArg::Stay;
    }
    client.output = args.output;
    client.records = args.records;
    client.programs = args.programs;
    client.decoding = args.decoding;
    client.prompt = args.prompt;
    client.stay.keepalive = args.keepalive;
    client.stay.no_reconnect = true;
    client.wire = args.wire;
    Ok(client)
}

/// Whether there is a condition to wait for. The client may take its time to meet it, as it is the one
/// that acts.
fn awaits(stop: &StopArgs) -> bool {
    stop.until.is_some() || stop.count.is_some_and(|count| count > 0) || stop.one_message
}

fn door(
    args: &ClientsArgs,
    safety: &SafetyArgs,
    deflate: &DeflateArgs,
    one_at_a_time: bool,
) -> door::Options {
    door::Options {
        extensions: extensions(deflate),
        subprotocols: args.subprotocols.clone(),
        status: args.status.and_then(|code| StatusCode::from_u16(code).ok()),
        guard: guard(safety),
        clients: match args.clients {
            None => one_at_a_time.then_some(1),
            Some(count) => Some(count).filter(|count| *count > 0),
        },
        side_by_side: !one_at_a_time,
        at_once: args.max_connections,
        tokens: bearer::Expected::default(),
        patience: None,
    }
}
