//! The command line as resolved: every default chosen, every file read, the options of each module
//! built.

mod answers;
mod check;
mod client;
mod convert;
mod cookies;
mod credentials;
mod decoding;
mod expressions;
mod files;
mod headers;
mod hub;
mod ineffective;
mod listen;
mod listening;
mod messages;
mod mode;
mod network;
mod output;
mod programs;
mod proxy;
mod replay;
mod request;
mod saving;
mod script;
mod serve;
mod session;
mod sigv4;
mod test;
mod tls;
mod variables;
mod wire;

use crate::cli::args::{Cli, CurlArgs, Generate, Subcommands};
use crate::cli::curl::Passed;
use crate::cli::world::World;
use crate::cli::{self, ParseError};
use crate::error::Error;
use crate::event::Peer;
use crate::json::jq::Interrupt;
use crate::uri::Target;

use self::client::Input;
pub use self::client::{Client, FrontEnd};
pub use self::convert::Convert;
pub use self::listen::Listen;
pub use self::replay::{Replay, Sending, Showing};
pub use self::script::{NOT_IN_A_SCRIPT, Rights, Scripts};
pub use self::serve::Serve;
pub use self::test::{Destination, Test};

/// The job of the process.
#[derive(Debug)]
pub enum Job {
    Client(Box<Client>),
    /// Shows the request of this client.
    DryRun(Box<Client>),
    /// Shows the command line of curl for this client, with the options that it passes on.
    ToCurl(Box<Client>, Vec<Passed>),
    /// The client of a server that has not started yet; its target is a placeholder.
    Demo(Box<Client>),
    Serve(Box<Serve>),
    Listen(Box<Listen>),
    /// Runs scripts.
    Test(Box<Test>),
    Convert(Box<Convert>),
    Replay(Replay),
    /// What to print, and the names of the profiles.
    Generate(Generate, Vec<String>),
}

/// Resolves what was typed.
///
/// # Errors
/// Exit 2 or 3, for the first error.
pub fn job(cli: Cli, world: &World) -> Result<Job, Error> {
    if let Some(kind) = cli.generate {
        return Ok(Job::Generate(kind, cli.configured.profiles));
    }
    match cli.command {
        Some(Subcommands::Serve(args)) => {
            Ok(Job::Serve(Box::new(serve::serve(&args.args, world)?)))
        }
        Some(Subcommands::Test(args)) => Ok(Job::Test(Box::new(test::test(&args.args, world)?))),
        Some(Subcommands::Listen(listen)) => {
            let listen = listen::listen(listen.args, &cli.typed, world)?;
            Ok(Job::Listen(Box::new(listen)))
        }
        Some(Subcommands::Convert(convert)) => {
            Ok(Job::Convert(Box::new(convert::convert(convert.args))))
        }
        Some(Subcommands::Demo(_)) => {
            let interrupt = Interrupt::default();
            // No proxy reaches a server in this process.
            let world = &world.without_proxies();
            let placeholder = client_for(&cli, "ws://127.0.0.1/echo", world, &interrupt)?;
            Ok(Job::Demo(Box::new(placeholder)))
        }
        Some(Subcommands::Replay(ref deferred)) => {
            let connect = |url: &str, world: &World, interrupt: &Interrupt| {
                client_for(&cli, url, world, interrupt)
            };
            let replay = replay::replay(&deferred.args, &cli, world, connect)?;
            Ok(Job::Replay(replay))
        }
        None => {
            let url = cli.url.as_deref().unwrap_or_default();
            let client = Box::new(client_for(&cli, url, world, &Interrupt::default())?);
            Ok(match cli.curl {
                CurlArgs { dry_run: true, .. } => Job::DryRun(client),
                CurlArgs { to_curl: true, .. } => Job::ToCurl(client, cli.passed),
                _ => Job::Client(client),
            })
        }
    }
}

/// Resolves the same command line and configuration for another URL or `@PROFILE`, as `/connect`
/// needs it. A profile that was named or matched before applies only if it does again. Credentials that
/// were typed are for `first` alone, and not for another server.
///
/// It may run the commands and read the files that the command line and the configuration name, and
/// so may block.
///
/// # Errors
/// Exit 2 or 3, for the first error.
pub fn reconnect_to(
    world: &World,
    url: &str,
    first: &Target,
    interrupt: &Interrupt,
) -> Result<Client, Error> {
    let mut cli = cli::read_for(world, Some(url)).map_err(|error| match error {
        ParseError::Unusable { error, .. } => error,
        ParseError::CommandLine(error) => Error::usage(error.to_string()),
    })?;
    let url = cli.url.clone().unwrap_or_else(|| url.to_owned());
    let client = client_for(&cli, &url, world, interrupt)?;
    if client.plan.source.is_none() && client.plan.target.is_same_server(first) {
        return Ok(client);
    }
    let left_out = credentials::forget_typed(&mut cli);
    if left_out.is_empty() {
        return Ok(client);
    }
    let mut client = client_for(&cli, &url, world, interrupt)?;
    let options: Vec<String> = left_out.iter().map(|name| format!("--{name}")).collect();
    client.notes.push(format!(
        "what {} gave on the command line is not sent to another server; a profile can have its own",
        options.join(", ")
    ));
    Ok(client)
}

fn client_for(cli: &Cli, url: &str, world: &World, interrupt: &Interrupt) -> Result<Client, Error> {
    let args = match &cli.command {
        Some(Subcommands::Demo(demo)) => &demo.args,
        Some(Subcommands::Replay(replay)) => &replay.args.client,
        _ => &cli.client,
    };
    let input = Input {
        args,
        typed: &cli.typed,
        notes: &cli.notes,
        configured: &cli.configured,
        world,
        interrupt,
        peer: Peer::Server,
        folder: None,
    };
    let profiles = &cli.configured.profiles;
    let parse = |url: &str| Target::parse(url).map_err(|error| suggest(error, url, profiles));
    client::client(url, &input, parse).map_err(|error| cli.configured.locate(error))
}

/// Adds the profile or subcommand that may have been meant.
fn suggest(mut error: Error, typed: &str, profiles: &[String]) -> Error {
    if profiles.iter().any(|name| name == typed) {
        error
            .advice
            .insert(0, format!("did you mean `wirecat @{typed}`?"));
        return error;
    }
    let near = ["serve", "listen", "demo", "test", "replay", "convert"]
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
