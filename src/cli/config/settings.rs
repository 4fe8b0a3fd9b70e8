//! From the options of a section to arguments of the command line. clap's definition says what each
//! option takes, so a value in the file is read, and refused, as on the command line. Pure.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::parse::{Entry, Located, Section, Value};
use super::text::{Show, Span, Text};
use crate::error::Error;
use crate::handshake::request::HeaderLine;
use crate::similar::nearest;

/// Options that have no place in a file, each with what to do instead.
const NOT_IN_A_FILE: &[(&str, &str)] = &[
    ("var", "[vars] or [profile.NAME.vars]"),
    ("config", "--config on the command line"),
    ("no-config", "--no-config on the command line"),
    ("generate", "--generate on the command line"),
    ("from-curl", "--from-curl on the command line"),
    ("dry-run", "--dry-run on the command line"),
    ("to-curl", "--to-curl on the command line"),
    ("help", "--help on the command line"),
    ("version", "--version on the command line"),
];

/// Names beside those of options, for the suggestion of a similar one.
const OTHER_NAMES: &[&str] = &["url", "match", "vars", "messages"];

/// An option of the file as arguments.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The long name.
    pub(super) name: String,
    pub(super) short: Option<char>,
    /// Empty for `false`.
    pub(super) arguments: Vec<Argument>,
    /// Options without which clap refuses this one.
    pub(super) requires: Vec<String>,
    /// Options that clap refuses beside this one.
    pub(super) conflicts: Vec<String>,
    /// Whether its value is the name of a file.
    pub(super) is_path: bool,
    pub(super) key: Span,
}

/// An argument and the value it is made of.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) text: String,
    pub(super) span: Span,
}

/// Reads the options of `section`.
///
/// # Errors
/// Exit 2, with the place, for an unknown option, a value that it does not take, or two options that
/// exclude each other.
pub(super) fn settings(
    section: &Section,
    text: &Text,
    command: &mut Command,
) -> Result<Vec<Setting>, Error> {
    let mut settings: Vec<Setting> = Vec::new();
    for entry in &section.options {
        let setting = setting(entry, text, command)?;
        if let Some(other) = settings.iter().find(|other| excludes(&setting, other)) {
            let line = text.line_number(&other.key);
            let what = match setting.name == other.name {
                true => format!("'{}' is set in line {line} already", setting.name),
                false => format!(
                    "'{}' cannot be used with '{}' of line {line}",
                    setting.name, other.name
                ),
            };
            return Err(text.error(&setting.key, Show::Keys, &what));
        }
        settings.push(setting);
    }
    Ok(settings)
}

/// Whether only one of the two can be given.
pub(super) fn excludes(one: &Setting, other: &Setting) -> bool {
    one.name == other.name
        || !one.arguments.is_empty()
            && !other.arguments.is_empty()
            && (one.conflicts.contains(&other.name) || other.conflicts.contains(&one.name))
}

fn setting(entry: &Entry<Value>, text: &Text, command: &mut Command) -> Result<Setting, Error> {
    let (key, value) = (&entry.name, &entry.value);
    if let Some((_, instead)) = NOT_IN_A_FILE.iter().find(|(name, _)| *name == key.value) {
        let what = format!("'{}' has no place in a configuration file", key.value);
        return Err(text.error(&key.span, Show::Keys, &what).advice(*instead));
    }
    let Some(arg) = find(command, &key.value) else {
        return Err(unknown(key, text, command));
    };
    let (name, short) = (long(arg), arg.get_short());
    // A certificate may be followed by a password, and a pin may be a file.
    let may_be_path = ["cert", "pinnedpubkey"].contains(&arg.get_id().as_str());
    let is_path = may_be_path || arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let arguments = arguments(arg, &name, value, command)
        .map_err(|what| text.error(&value.span, Show::Keys, &what))?;
    let conflicts = conflicts(command, arg);
    let mut requires = Vec::new();
    for argument in &arguments {
        requires.extend(check(&name, argument, text, command)?);
    }
    Ok(Setting {
        name,
        short,
        arguments,
        requires,
        conflicts,
        is_path,
        key: key.span.clone(),
    })
}

fn find<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|arg| {
        let names = arg.get_long_and_visible_aliases();
        names.is_some_and(|names| names.contains(&name))
    })
}

fn long(arg: &Arg) -> String {
    arg.get_long().unwrap_or_default().to_owned()
}

fn conflicts(command: &Command, arg: &Arg) -> Vec<String> {
    let conflicts = command.get_arg_conflicts_with(arg);
    conflicts.into_iter().map(long).collect()
}

fn unknown(key: &Located<String>, text: &Text, command: &Command) -> Error {
    let known = command
        .get_arguments()
        .filter_map(Arg::get_long_and_visible_aliases)
        .flatten()
        .chain(OTHER_NAMES.iter().copied());
    let what = format!("unknown option '{}'", key.value);
    let error = text.error(&key.span, Show::Keys, &what);
    match nearest(&key.value.replace('_', "-"), known) {
        Some(name) => error.advice(format!("did you mean '{name}'?")),
        None => error.advice("`wirecat --help` lists the options; the file has their long names"),
    }
}

/// The arguments that stand for `value`.
///
/// # Errors
/// A sentence that says what the option takes.
fn arguments(
    arg: &Arg,
    name: &str,
    value: &Located<Value>,
    command: &Command,
) -> Result<Vec<Argument>, String> {
    let argument = |text: String, span: &Span| Argument {
        text,
        span: span.clone(),
    };
    let takes = arg.get_action().takes_values();
    let optional = arg
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    let repeats = matches!(arg.get_action(), ArgAction::Append);
    match &value.value {
        Value::Flag(false) if !takes || optional => {
            let opposite = find(command, &format!("no-{name}"));
            let opposite = opposite.map(|arg| argument(format!("--{}", long(arg)), &value.span));
            Ok(opposite.into_iter().collect())
        }
        Value::Flag(true) if !takes || optional => {
            Ok(vec![argument(format!("--{name}"), &value.span)])
        }
        Value::One(text) if matches!(arg.get_action(), ArgAction::Count) => {
            let count: u8 = text
                .parse()
                .map_err(|_| format!("'{name}' takes a number"))?;
            let again = argument(format!("--{name}"), &value.span);
            Ok(vec![again; usize::from(count)])
        }
        Value::One(text) if takes => Ok(vec![argument(format!("--{name}={text}"), &value.span)]),
        Value::Many(texts) if repeats => {
            let each =
                |text: &Located<String>| argument(format!("--{name}={}", text.value), &text.span);
            Ok(texts.iter().map(each).collect())
        }
        Value::Many(_) if takes => Err(format!("'{name}' takes one value, not a list")),
        Value::Flag(_) => Err(format!(
            "'{name}' takes a value: a string in quotes, or a number"
        )),
        Value::One(_) | Value::Many(_) => Err(format!("'{name}' is true or false")),
    }
}

/// Has clap check a single argument, and returns the options that it requires.
fn check(
    name: &str,
    argument: &Argument,
    text: &Text,
    command: &mut Command,
) -> Result<Vec<String>, Error> {
    if let Some(line) = argument
        .text
        .strip_prefix("--header=")
        .filter(|it| !it.starts_with('@'))
    {
        HeaderLine::parse(line).map_err(|error| {
            let mut placed = text.error(&argument.span, Show::Keys, &error.message);
            placed.advice = vec![
                r#"header = ["Name: value"]; "Name;" for an empty value, "Name:" to leave one out"#
                    .to_owned(),
            ];
            placed
        })?;
    }
    let line = ["wirecat", &argument.text, "ws://localhost/"].map(OsString::from);
    let Err(error) = command.try_get_matches_from_mut(line) else {
        return Ok(Vec::new());
    };
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return Ok(required(&error));
    }
    let what = format!("'{name}': {}", words(&error));
    Err(text.error(&argument.span, Show::Line, &what))
}

/// The long names of the options that `error` misses.
fn required(error: &clap::Error) -> Vec<String> {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
        return Vec::new();
    };
    let long = |text: &String| {
        let name = text.strip_prefix("--")?.split([' ', '=', '[']).next()?;
        Some(name.to_owned())
    };
    missing.iter().filter_map(long).collect()
}

/// clap's own words about a value, without what belongs to the command line.
pub fn words(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = text
        .find("\n\nUsage:")
        .or_else(|| text.find("\n\nFor more"));
    let lines = text[..end.unwrap_or(text.len())].lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
