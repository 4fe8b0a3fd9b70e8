//! The command line: what was typed ([`args`]), what is meant ([`config`]), and the world it is
//! meant in ([`world`]).

pub mod args;
pub mod config;
pub mod generate;
pub mod value;
pub mod world;

use clap::{CommandFactory, FromArgMatches};

use crate::error::EXITS;
use crate::serve::endpoints::ROOMS;
use args::Cli;

/// The command as clap knows it, with the parts of the help that come from tables elsewhere.
pub fn command() -> clap::Command {
    Cli::command()
        .after_help("`wirecat --help` shows all options and the exit codes.")
        .after_long_help(exit_table())
        .mut_subcommand("serve", |serve| {
            serve.after_help(format!("Rooms:\n{}", indented(ROOMS)))
        })
}

/// Reads the arguments, the program's own name first.
///
/// # Errors
/// What clap has to say, which may be the help or the version that was asked for.
pub fn parse(arguments: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

fn exit_table() -> String {
    let rows: String = EXITS
        .iter()
        .map(|(exit, meaning)| format!("  {:>3}  {meaning}\n", exit.code()))
        .collect();
    format!("Exit codes:\n{rows}")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_nothing_wrong_with_the_definition() {
        command().debug_assert();
    }
}
