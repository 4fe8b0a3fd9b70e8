//! The command line: as typed ([`args`]), as resolved ([`resolve`]), the environment of the process
//! ([`world`]), and what is printed before there are options ([`early`]).

pub mod args;
mod choices;
pub mod early;
pub mod generate;
pub mod resolve;
pub mod world;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::error::EXITS;
use crate::serve::endpoints;
use args::{Cli, Typed};

/// The examples at the beginning of the help and the manual: a command and its purpose.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("wirecat demo", "try it with a built-in server"),
    (
        "wirecat ws://localhost:8080/chat",
        "talk to a server by hand",
    ),
    (
        "echo hello | wirecat wss://example.com/ws",
        "send lines, print the replies",
    ),
    (
        "wirecat -d '{\"op\":\"sub\"}' --count 3 URL",
        "send one message, receive three",
    ),
    (
        "tail -f log | wirecat --reconnect --confirm=reply URL",
        "lose no line when the server restarts",
    ),
    (
        "wirecat --token env:TOKEN -v URL",
        "send a token and show the handshake",
    ),
];

/// The environment variables that have an effect.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "not empty: no colours"),
    (
        "FORCE_COLOR, CLICOLOR_FORCE",
        "not empty and not 0: colours, terminal or not",
    ),
    ("CLICOLOR", "0: no colours"),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "trust these certificates instead of the system's (PEM file; directory)",
    ),
];

/// The clap command, with the parts of the help that come from tables.
pub fn command() -> clap::Command {
    let examples = format!("Examples:\n{}", table(EXAMPLES));
    Cli::command()
        .before_help(examples.clone())
        .before_long_help(examples)
        .after_help("`wirecat --help` shows all options and the exit codes.")
        .after_long_help(format!(
            "{}\nEnvironment:\n{}",
            exit_table(),
            table(ENVIRONMENT)
        ))
        .mut_subcommand("serve", |serve| {
            serve.after_help(format!(
                "Endpoints:\n{}\nSIGINT and SIGTERM close every connection with 1001 and end the server with exit code 0.",
                indented(&endpoints::help())
            ))
        })
}

/// Parses the arguments; the first is the program's name.
///
/// # Errors
/// clap's message, which may be the help or the version if that was requested.
pub fn parse(arguments: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command
        .try_get_matches_from_mut(arguments)
        .map_err(not_a_subcommand)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.typed = match matches.subcommand() {
        Some((name, matches)) => command
            .find_subcommand(name)
            .map_or_else(Typed::new, |command| typed(command, matches)),
        None => typed(&command, &matches),
    };
    Ok(cli)
}

/// The options that were typed with a value other than their default.
fn typed(command: &clap::Command, matches: &ArgMatches) -> Typed {
    let typed = command.get_arguments().filter(|argument| {
        let id = argument.get_id().as_str();
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        given
            && matches.get_raw(id).is_none_or(|values| {
                !values.eq(argument
                    .get_default_values()
                    .iter()
                    .map(|value| value.as_os_str()))
            })
    });
    let names = typed.filter_map(|argument| argument.get_long());
    names.map(str::to_owned).collect()
}

/// Where a subcommand is not allowed, clap takes any word for one, even a second URL.
fn not_a_subcommand(error: clap::Error) -> clap::Error {
    let conflict = error.kind() == ErrorKind::ArgumentConflict;
    let Some(ContextValue::String(word)) = error
        .get(ContextKind::InvalidSubcommand)
        .filter(|_| conflict)
    else {
        return error;
    };
    let why = format!("unexpected argument '{word}': there is a URL already");
    clap::Error::raw(ErrorKind::UnknownArgument, why + "\n").with_cmd(&command())
}

fn exit_table() -> String {
    let rows: String = EXITS
        .iter()
        .map(|(exit, meaning)| format!("  {:>3}  {meaning}\n", exit.code()))
        .collect();
    format!("Exit codes:\n{rows}")
}

fn table(rows: &[(&str, &str)]) -> String {
    let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    rows.iter()
        .map(|(left, right)| format!("  {left:<width$}   {right}\n"))
        .collect()
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

    #[test]
    fn an_extra_argument_is_reported_as_such() {
        for (arguments, told) in [
            (
                "wirecat ws://a ws://b",
                "unexpected argument 'ws://b': there is a URL already",
            ),
            (
                "wirecat --timestamps iso ws://a",
                "unexpected argument 'ws://a': there is a URL already",
            ),
        ] {
            let arguments: Vec<_> = arguments.split(' ').map(Into::into).collect();
            let error = parse(&arguments).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
