//! The command line as resolved: every default chosen, every file read, the options of each module
//! built.

mod client;
mod credentials;
mod expressions;
mod files;
mod ineffective;
mod messages;
mod mode;
mod output;
mod request;
mod serve;
mod session;
mod wire;

use crate::cli::args::{Cli, Generate, Subcommands};
use crate::cli::world::World;
use crate::error::Error;
use crate::uri::Target;

pub use self::client::{Client, FrontEnd};
pub use self::serve::Serve;

/// The job of the process.
#[derive(Debug)]
pub enum Job {
    Client(Box<Client>),
    /// The client of a server that has not started yet; its target is a placeholder.
    Demo(Box<Client>),
    Serve(Serve),
    Generate(Generate),
}

/// Resolves what was typed.
///
/// # Errors
/// Exit 2 or 3, for the first error.
pub fn job(cli: Cli, world: &World) -> Result<Job, Error> {
    if let Some(kind) = cli.generate {
        return Ok(Job::Generate(kind));
    }
    let typed = &cli.typed;
    match cli.command {
        Some(Subcommands::Serve(args)) => Ok(Job::Serve(serve::serve(&args)?)),
        Some(Subcommands::Demo(args)) => {
            let placeholder = Target::parse("ws://127.0.0.1/echo")?;
            Ok(Job::Demo(Box::new(client::client(
                placeholder,
                &args.client,
                typed,
                world,
            )?)))
        }
        None => {
            let url = cli.url.unwrap_or_default();
            let target = Target::parse(&url).map_err(|error| suggest_subcommand(error, &url))?;
            Ok(Job::Client(Box::new(client::client(
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
