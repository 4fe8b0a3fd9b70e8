//! The command line: as typed ([`args`]), with the configuration file ([`config`]), as resolved
//! ([`resolve`]), the environment of the process ([`world`]), and what is printed before there are
//! options ([`early`]).

pub mod args;
mod choices;
pub mod config;
mod curl;
pub mod early;
mod examples;
pub mod generate;
pub mod resolve;
pub mod show;
mod skill;
pub mod world;

use std::borrow::Cow;
use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::{RawValues, ValueSource};
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::error::{EXITS, Error};
use crate::serve::endpoints;
use args::{Cli, Generate, Typed};
use examples::{CONVERT_EXAMPLES, LISTEN_EXAMPLES, REPLAY_EXAMPLES, SERVE_EXAMPLES, TEST_EXAMPLES};
pub use examples::{EXAMPLES, SCRIPT};
use world::World;

/// The environment variables that have an effect.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "not empty: no colours"),
    (
        "FORCE_COLOR, CLICOLOR_FORCE",
        "not empty and not 0: colours, terminal or not",
    ),
    ("CLICOLOR", "0: no colours"),
    (
        "XDG_CONFIG_HOME",
        "where wirecat/config.toml is (default: ~/.config)",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "trust these certificates instead of the system's (PEM file; directory)",
    ),
    (
        "SSLKEYLOGFILE",
        "append the keys of TLS sessions to this file, for Wireshark",
    ),
    (
        "ws_proxy, http_proxy",
        "proxy for ws://, the first that is set (http_proxy in lower case only)",
    ),
    (
        "wss_proxy, https_proxy",
        "proxy for wss://, the first that is set",
    ),
    ("all_proxy", "proxy for both, if none of these is set"),
    ("no_proxy", "connect to these hosts directly, as --noproxy"),
    (
        "AWS_ACCESS_KEY_ID",
        "keys of --aws-sigv4, with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    ),
    (
        "AWS_REGION",
        "region of --aws-sigv4 if nothing else says it, or AWS_DEFAULT_REGION",
    ),
    (
        "WIRECAT_*",
        "set for commands: the URL, the peer, --var as WIRECAT_VAR_NAME",
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
            with_examples(serve, SERVE_EXAMPLES)
                .after_help(format!(
                    "Endpoints:\n{}\n`wirecat serve --help` shows all options, and what each endpoint does.",
                    indented(&endpoints::paths())
                ))
                .after_long_help(format!(
                    "Endpoints:\n{}\nSIGINT and SIGTERM close every connection with 1001 and end the server with exit code 0.",
                    indented(&endpoints::help())
                ))
        })
        .mut_subcommand("listen", |listen| with_examples(listen, LISTEN_EXAMPLES))
        .mut_subcommand("test", |test| {
            with_examples(test, TEST_EXAMPLES)
                .after_help("`wirecat test --help` shows a script.")
                .after_long_help(format!(
                    "A script:\n{}\n`>` sends and `<` waits for a message that is equal, `<~` for one that has\nthis in it, `!<` sees to it that none comes. A script has any number of tests; docs/scripts.md\ndescribes everything that may stand in it.\n\nExit codes: 0 if all tests pass, 1 if an expectation does not come true, 2 if a script does not\nparse (then nothing is run), otherwise that of the first connection that failed.",
                    indented(SCRIPT)
                ))
        })
        .mut_subcommand("convert", |convert| with_examples(convert, CONVERT_EXAMPLES))
        .mut_subcommand("replay", |replay| with_examples(replay, REPLAY_EXAMPLES))
}

fn with_examples(command: clap::Command, examples: &[(&str, &str)]) -> clap::Command {
    let examples = format!("Examples:\n{}", table(examples));
    command
        .before_help(examples.clone())
        .before_long_help(examples)
}

/// Why there is no command line to resolve.
#[derive(Debug)]
pub enum ParseError {
    /// clap's message, which may be the help or the version if that was requested.
    CommandLine(Box<clap::Error>),
    /// A configuration file or a curl command line that cannot be used.
    Unusable {
        error: Error,
        /// `--silent`
        silent: bool,
    },
}

/// The world with the arguments that `--from-curl` stands for, and sentences about what was left out. It
/// also knows whether the request is only shown.
///
/// # Errors
/// What is wrong with the arguments or with the curl command line.
pub fn import(world: &World) -> Result<(Cow<'_, World>, Vec<String>), ParseError> {
    let is_one = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        let begins = |option| argument.starts_with(option);
        ["--from-curl", "--dry-run", "--to-curl"]
            .into_iter()
            .any(begins)
    };
    if !world.arguments.iter().any(is_one) {
        return Ok((Cow::Borrowed(world), Vec::new()));
    }
    let mut command = command();
    let (matches, _) = typed_matches(&mut command, &world.arguments)
        .map_err(|error| ParseError::CommandLine(Box::new(error)))?;
    let mut world = world.clone();
    world.is_dry_run = ["dry_run", "to_curl"].iter().any(|id| matches.get_flag(id));
    let Some(source) = matches.get_one::<String>("from_curl") else {
        return Ok((Cow::Owned(world), Vec::new()));
    };
    let given = given(&command, &matches);
    let has_url = matches.contains_id("url");
    let max_time = matches.get_one::<Duration>("max_time").copied();
    let max_time = max_time.filter(|time| !time.is_zero());
    let mut imported = curl::read(source, &given, has_url, max_time).map_err(|error| {
        let silent = matches.get_flag("silent");
        ParseError::Unusable { error, silent }
    })?;
    // Without an option for it, HTTP/1.1 is what is spoken.
    let mut known = command.get_arguments().filter_map(clap::Arg::get_long);
    if !known.any(|name| name == "http1.1") {
        imported
            .arguments
            .retain(|argument| argument != "--http1.1");
    }
    let begin = world.arguments.len().min(1);
    let arguments = imported.arguments.into_iter().map(OsString::from);
    world.arguments.splice(begin..begin, arguments);
    Ok((Cow::Owned(world), imported.notes))
}

/// Parses the arguments of `world`, and reads the configuration file that they name.
///
/// # Errors
/// What is wrong with the arguments or the file.
pub fn read(world: &World) -> Result<Cli, ParseError> {
    read_for(world, None)
}

/// Does the same for another URL or `@PROFILE` than the one that was typed.
///
/// # Errors
/// What is wrong with the arguments, the file, or the profile.
pub fn read_for(world: &World, other_url: Option<&str>) -> Result<Cli, ParseError> {
    let wrong = |error| ParseError::CommandLine(Box::new(error));
    // Its thousands of small pieces are not given back: that would take as long as making them.
    let mut command = ManuallyDrop::new(Cli::command());
    let (matches, is_complete) = typed_matches(&mut command, &world.arguments).map_err(wrong)?;
    let (subcommand, client) = match matches.subcommand() {
        None => (None, &matches),
        Some((name @ ("demo" | "replay"), matches)) => (Some(name), matches),
        Some(_) => return parse(&world.arguments).map_err(wrong),
    };
    if let (None, Some(kind)) = (subcommand, matches.get_one::<Generate>("generate")) {
        let mut cli = parse(&world.arguments).map_err(wrong)?;
        if *kind == Generate::Profiles {
            cli.configured = profiles(&mut command, world)?;
        }
        return Ok(cli);
    }
    let typed = client_command(&command, subcommand);
    let given = given(typed, client);
    let typed = typed_options(typed, client);
    let url = match (other_url, subcommand) {
        (Some(url), _) => Some(url),
        (None, Some("demo")) => None,
        (None, _) => client.get_one::<String>("url").map(String::as_str),
    };
    let choice = choice(client);
    let added = config::additions(choice, url, &given, &mut command, world);
    let added = added.map_err(|error| ParseError::Unusable {
        error,
        silent: client.get_flag("silent"),
    })?;
    let all = || {
        let mut arguments = world.arguments.clone();
        let begin = arguments.len().min(1 + usize::from(subcommand.is_some()));
        arguments.splice(begin..begin, added.arguments.iter().cloned());
        arguments
    };
    // Parsing takes a tenth of the time of a short run, so it is done once if once is enough.
    let parsed = match is_complete && added.arguments.is_empty() {
        true => Cli::from_arg_matches(&matches),
        false => parse(&all()),
    };
    let mut cli = parsed.map_err(wrong)?;
    if cli.curl.to_curl {
        cli.passed = passed(&all()).map_err(wrong)?;
    }
    cli.typed = typed;
    cli.url = added.url.or(url.map(str::to_owned));
    cli.configured = added.configured;
    Ok(cli)
}

/// The options of the command line that curl has too, in the order of their definitions.
fn passed(arguments: &[OsString]) -> Result<Vec<curl::Passed>, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    let mut passed = Vec::new();
    for argument in command.get_arguments() {
        let (id, name) = (
            argument.get_id().as_str(),
            argument.get_long().unwrap_or_default(),
        );
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        if !is_given || !curl::is_passed(name) {
            continue;
        }
        if !argument.get_action().takes_values() {
            passed.push((name.to_owned(), None));
            continue;
        }
        let values = matches.get_raw(id).unwrap_or_default();
        passed.extend(values.map(|value| {
            let value = value.to_string_lossy().into_owned();
            (name.to_owned(), Some(value))
        }));
    }
    Ok(passed)
}

/// What the configuration file says in its default place, for a list of its profiles.
fn profiles(command: &mut clap::Command, world: &World) -> Result<config::Configured, ParseError> {
    let choice = config::Choice::Default;
    let added = config::additions(choice, None, &config::Given::default(), command, world);
    let silent = false;
    added
        .map(|added| added.configured)
        .map_err(|error| ParseError::Unusable { error, silent })
}

/// What was typed, and whether it is complete: options may be missing that the configuration file adds.
fn typed_matches(
    command: &mut clap::Command,
    arguments: &[OsString],
) -> Result<(ArgMatches, bool), clap::Error> {
    match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => Ok((matches, true)),
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => self::command()
            .ignore_errors(true)
            .try_get_matches_from(arguments)
            .map(|matches| (matches, false)),
        // The help has parts that are made only for it.
        Err(error) => {
            let with_help = self::command().try_get_matches_from(arguments);
            Err(explained(with_help.err().unwrap_or(error)))
        }
    }
}

fn client_command<'a>(command: &'a clap::Command, name: Option<&str>) -> &'a clap::Command {
    let subcommand = name.and_then(|name| command.find_subcommand(name));
    subcommand.unwrap_or(command)
}

fn choice(matches: &ArgMatches) -> config::Choice<'_> {
    match matches.get_one::<PathBuf>("config") {
        _ if matches.get_flag("no_config") => config::Choice::Nothing,
        Some(path) => config::Choice::File(path),
        None => config::Choice::Default,
    }
}

/// The options that were typed, and what they exclude.
fn given(command: &clap::Command, matches: &ArgMatches) -> config::Given {
    let long = |argument: &clap::Arg| argument.get_long().map(str::to_owned);
    let mut given = config::Given::default();
    for argument in command.get_arguments() {
        if matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine) {
            let conflicts = command.get_arg_conflicts_with(argument);
            given.names.extend(long(argument));
            given
                .conflicts
                .extend(conflicts.into_iter().filter_map(long));
        }
    }
    let headers = matches.get_many::<String>("headers").unwrap_or_default();
    given.headers = headers.cloned().collect();
    given
}

/// Parses the arguments alone; the first is the program's name.
///
/// # Errors
/// clap's message, which may be the help or the version if that was requested.
pub fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command
        .try_get_matches_from_mut(arguments)
        .map_err(explained)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.typed = match matches.subcommand() {
        Some((name, matches)) => command
            .find_subcommand(name)
            .map_or_else(Typed::new, |command| typed_options(command, matches)),
        None => typed_options(&command, &matches),
    };
    Ok(cli)
}

/// The options that were typed with a value other than their default.
fn typed_options(command: &clap::Command, matches: &ArgMatches) -> Typed {
    let typed = command.get_arguments().filter(|argument| {
        let id = argument.get_id().as_str();
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let defaults = argument.get_default_values();
        let is_default = |values: RawValues<'_>| {
            // An option whose value may be missing has none then, and no default either.
            !defaults.is_empty() && values.eq(defaults.iter().map(|value| value.as_os_str()))
        };
        given && !matches.get_raw(id).is_some_and(is_default)
    });
    let names = typed.filter_map(|argument| argument.get_long());
    names.map(str::to_owned).collect()
}

/// Explains an option of curl that is refused. Where a subcommand is not allowed, clap takes any word
/// for one, even a second URL.
fn explained(error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && let Some(why) = args::tls::refusal(option)
    {
        let why = format!("{option} is not supported: {why}\n");
        return clap::Error::raw(ErrorKind::UnknownArgument, why).with_cmd(&command());
    }
    if let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && let Some(why) = misplaced(option, &error)
    {
        return clap::Error::raw(ErrorKind::UnknownArgument, why + "\n").with_cmd(&command());
    }
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

/// Says where an option belongs that another subcommand has, or wscat.
fn misplaced(option: &str, error: &clap::Error) -> Option<String> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    let is_wscats = matches!(option, "-l" | "--listen");
    let why = if usage.contains("wirecat [OPTIONS] URL") {
        is_wscats.then_some("no option of the client; `wirecat listen PORT` waits for clients")
    } else if usage.contains("wirecat listen") {
        if has::<args::ServeArgs>(option) {
            Some("an option of `wirecat serve`; listen has no Unix sockets and no event hub")
        } else if has::<args::ClientArgs>(option) {
            Some("about connecting, and listen does not connect: it waits for clients")
        } else {
            None
        }
    } else {
        (usage.contains("wirecat serve") && has::<args::ClientArgs>(option))
            .then_some("an option of the client, and none of `wirecat serve`")
    };
    why.map(|why| format!("{option} is {why}"))
}

/// Whether there is this option, `--long` or `-s`, among these.
fn has<A: clap::Args>(option: &str) -> bool {
    let command = A::augment_args(clap::Command::new("options"));
    command.get_arguments().any(|argument| {
        let long = option.strip_prefix("--");
        let mut letters = option.trim_start_matches('-').chars();
        match long {
            Some(long) => argument.get_long() == Some(long),
            None => argument.get_short().is_some() && argument.get_short() == letters.next(),
        }
    })
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

    #[test]
    fn an_option_counts_as_typed_unless_it_says_its_default() {
        for (arguments, typed) in [
            ("wirecat --reconnect ws://a", &["reconnect"][..]),
            ("wirecat --reconnect=3 ws://a", &["reconnect"]),
            ("wirecat replay a ws://a --reconnect", &["reconnect"]),
            (
                "wirecat --connect-timeout 9s -k ws://a",
                &["connect-timeout", "insecure"],
            ),
            ("wirecat --connect-timeout 10s ws://a", &[]),
        ] {
            let split: Vec<_> = arguments.split(' ').map(Into::into).collect();
            let found = parse(&split).unwrap().typed;
            assert!(found.iter().eq(typed), "{arguments}: {found:?}");
        }
    }
}
