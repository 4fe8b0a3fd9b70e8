//! The configuration file: defaults, profiles, variables and named messages.
//!
//! The file becomes arguments of the command line, which stand before what was typed. So clap's
//! definition is the only one of what an option takes, and what was typed wins.

pub mod example;
mod matching;
mod merge;
mod parse;
mod profiles;
pub(super) mod reading;
mod secrets;
mod settings;
#[cfg(all(test, unix))]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use self::merge::merge;
use self::parse::{Document, Entry, Profile, Section};
use self::profiles::{choose, split_name};
use self::settings::{Argument, Setting, settings};
use self::text::{Show, Text};
use crate::auth::sources::Source;
use crate::error::Error;
use crate::secret::{Secret, is_secret_header, is_secret_name};
use crate::uri::{Target, UrlSource};

use super::world::World;
pub use merge::Given;
pub use parse::check_variable;
pub use settings::words;

/// Which configuration file to read.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// The default one, if there is one.
    Default,
    /// `--config FILE`.
    File(&'a Path),
    /// `--no-config`.
    Nothing,
}

/// A `{{NAME}}` that has a value.
#[derive(Clone, Debug)]
pub struct Variable {
    pub source: Source,
    /// Whether its name is that of a secret.
    pub is_secret: bool,
    /// Where it is defined, for an error about its source.
    pub place: String,
}

impl Variable {
    /// A variable of `--var`.
    pub fn literal(name: &str, value: &str) -> Variable {
        Variable {
            source: Source::Literal(Secret::new(value)),
            is_secret: is_secret_name(name),
            place: format!("--var {name}"),
        }
    }
}

/// What the configuration says besides options.
#[derive(Debug, Default)]
pub struct Configured {
    pub variables: BTreeMap<String, Variable>,
    /// The messages of `/m`, by name.
    pub messages: BTreeMap<String, String>,
    /// The names of all profiles.
    pub profiles: Vec<String>,
    /// A profile that applies because its `match` fits the host.
    pub matched: Option<Matched>,
    /// Where the options of the file stand.
    origins: Vec<Origin>,
}

/// A profile that was not named.
#[derive(Debug)]
pub struct Matched {
    /// A sentence about it.
    pub note: String,
    /// Whether other profiles would have fitted too.
    pub is_one_of_several: bool,
}

/// Where an option of the file stands.
#[derive(Debug)]
struct Origin {
    /// Its names as errors begin with them: `--header`, `-H`.
    names: Vec<String>,
    place: String,
    quote: Vec<String>,
}

impl Configured {
    /// Adds its place in the file to an error that begins with the name of an option of the file.
    pub fn locate(&self, mut error: Error) -> Error {
        let word = |it: char| it == ' ' || it == ':';
        let first = error.message.split(word).next().unwrap_or_default();
        let origin = self
            .origins
            .iter()
            .find(|origin| origin.names.iter().any(|it| it == first));
        if let Some(origin) = origin {
            error.message = format!("{}: {}", origin.place, error.message);
            error.details.splice(0..0, origin.quote.iter().cloned());
        }
        error
    }
}

/// What the file adds to the command line.
#[derive(Debug, Default)]
pub struct Additions {
    /// They stand before what was typed.
    pub arguments: Vec<OsString>,
    /// What `@PROFILE` stands for.
    pub url: Option<String>,
    pub configured: Configured,
}

/// Reads the file of `choice`, and what it says of `url`.
///
/// # Errors
/// Exit 2 for a file that cannot be used, a mistake in it, or a profile that it does not have.
pub fn additions(
    choice: Choice<'_>,
    url: Option<&str>,
    given: &Given,
    command: &mut clap::Command,
    world: &World,
) -> Result<Additions, Error> {
    // A URL that is computed names no profile.
    let url = url.filter(|url| UrlSource::parse(url).is_none());
    match read(choice, world)? {
        Some(text) => Reader::new(text, command)?.additions(url, given, world),
        None => match url.and_then(|url| url.strip_prefix('@')) {
            Some(name) => Err(no_file(split_name(name).0, choice, world)),
            None => Ok(Additions::default()),
        },
    }
}

fn read(choice: Choice<'_>, world: &World) -> Result<Option<Text>, Error> {
    match choice {
        Choice::Nothing => Ok(None),
        Choice::File(path) => reading::read(path, false),
        Choice::Default => match reading::default_path(world) {
            Some(path) => reading::read(&path, true),
            None => Ok(None),
        },
    }
}

/// The error for a profile where there is no file.
fn no_file(name: &str, choice: Choice<'_>, world: &World) -> Error {
    let why = match (choice, reading::default_path(world)) {
        (Choice::Nothing, _) => "--no-config reads no configuration file".to_owned(),
        (_, Some(path)) => format!("there is no file {}", path.display()),
        (_, None) => "neither XDG_CONFIG_HOME nor HOME is set".to_owned(),
    };
    let error = Error::usage(format!("there is no profile '{name}': {why}"));
    error.advice("`wirecat --generate config` shows how to write one")
}

/// A file whose every section has been checked.
struct Reader {
    document: Document,
    defaults: Vec<Setting>,
    /// In the order of the document's profiles.
    profiles: Vec<Vec<Setting>>,
}

impl Reader {
    fn new(text: Text, command: &mut clap::Command) -> Result<Reader, Error> {
        let document = parse::parse(text)?;
        secrets::check(&document)?;
        check_urls(&document)?;
        let text = &document.text;
        let mut read = |section: &Section| settings(section, text, command);
        let defaults = read(&document.defaults)?;
        let profiles = document.profiles.iter().map(|it| read(&it.section));
        Ok(Reader {
            profiles: profiles.collect::<Result<_, Error>>()?,
            defaults,
            document,
        })
    }

    fn additions(
        mut self,
        url: Option<&str>,
        given: &Given,
        world: &World,
    ) -> Result<Additions, Error> {
        let document = &self.document;
        let choice = url.map(|url| choose(document, url)).transpose()?;
        let profile = choice.as_ref().and_then(|it| it.profile);
        let chosen = profile.and_then(|it| {
            document
                .profiles
                .iter()
                .position(|other| std::ptr::eq(it, other))
        });
        let of_profile = chosen.map(|at| std::mem::take(&mut self.profiles[at]));
        let merged = merge(given, of_profile.unwrap_or_default(), self.defaults);
        let mut arguments = Vec::new();
        for setting in &merged {
            for argument in &setting.arguments {
                let argument = with_secret(argument, &document.text, world)?;
                arguments.push(with_home(argument, setting.is_path, world).into());
            }
        }
        let mut configured = configured(document, profile);
        configured.origins = origins(&merged, &document.text);
        let mut url = None;
        if let Some(choice) = choice {
            url = Some(choice.url);
            configured.matched = choice.matched.map(|note| Matched {
                note,
                is_one_of_several: choice.is_one_of_several,
            });
        }
        Ok(Additions {
            arguments,
            url,
            configured,
        })
    }
}

fn check_urls(document: &Document) -> Result<(), Error> {
    let urls = document.profiles.iter().filter_map(|it| it.url.as_ref());
    for url in urls.filter(|url| UrlSource::parse(&url.value).is_none()) {
        Target::parse(&url.value).map_err(|error| {
            let mut placed = document.text.error(&url.span, Show::Keys, &error.message);
            placed.advice = error.advice;
            placed
        })?;
    }
    Ok(())
}

fn configured(document: &Document, profile: Option<&Profile>) -> Configured {
    let mut configured = Configured {
        profiles: document
            .profiles
            .iter()
            .map(|it| it.name.value.clone())
            .collect(),
        ..Configured::default()
    };
    // Later ones replace earlier ones.
    let sections = [Some(&document.defaults), profile.map(|it| &it.section)];
    for section in sections.into_iter().flatten() {
        for entry in &section.variables {
            let variable = variable(entry, &document.text);
            configured
                .variables
                .insert(entry.name.value.clone(), variable);
        }
        for Entry { name, value } in &section.messages {
            configured
                .messages
                .insert(name.value.clone(), value.value.clone());
        }
    }
    configured
}

fn variable(entry: &Entry<String>, text: &Text) -> Variable {
    let is_secret = is_secret_name(&entry.name.value);
    let source = match Source::parse(&entry.value.value) {
        // An ordinary word, unless a secret is expected.
        Source::Prompt if !is_secret => Source::Literal(Secret::new("prompt")),
        source => source,
    };
    Variable {
        source,
        is_secret,
        place: text.place(&entry.value.span),
    }
}

/// The argument with the secret that it refers to, where the option itself takes no source.
fn with_secret(argument: &Argument, text: &Text, world: &World) -> Result<String, Error> {
    let Some((before, reference)) = reference(&argument.text) else {
        return Ok(argument.text.clone());
    };
    match Source::parse(reference) {
        // Without a password, wirecat asks for it.
        Source::Prompt if before.starts_with("--user=") || before.starts_with("--proxy-user=") => {
            Ok(before.trim_end_matches(':').to_owned())
        }
        source => match reading::source(&source, world) {
            Ok(secret) => Ok(format!("{before}{secret}")),
            Err(why) => Err(text.error(&argument.span, Show::Keys, &why)),
        },
    }
}

/// The argument with the user's home in place of `~`, as the shell would have it.
fn with_home(argument: String, is_path: bool, world: &World) -> String {
    let Some((option, value)) = argument.split_once('=') else {
        return argument;
    };
    match value.strip_prefix('@') {
        Some(path) => format!("{option}=@{}", reading::in_home(path, world)),
        None if is_path => format!("{option}={}", reading::in_home(value, world)),
        None => argument,
    }
}

/// Splits an argument before the place of a secret.
fn reference(argument: &str) -> Option<(&str, &str)> {
    let (option, value) = argument.split_once('=')?;
    let secret = match option {
        "--oauth2-bearer" | "--pass" => value,
        "--user" | "--proxy-user" => value.split_once(':')?.1,
        "--header" | "--proxy-header" => {
            let (name, secret) = value.split_once(':')?;
            is_secret_header(name).then_some(secret.trim_start())?
        }
        _ => return None,
    };
    let begin = argument.len() - secret.len();
    Some((&argument[..begin], secret)).filter(|(_, secret)| !secret.is_empty())
}

/// Options whose values are not shown in an error.
const HIDDEN: &[&str] = &[
    "cert",
    "data",
    "header",
    "heartbeat",
    "oauth2-bearer",
    "on-open",
    "pass",
    "proxy",
    "proxy-header",
    "proxy-user",
    "socks4",
    "socks4a",
    "socks5",
    "socks5-hostname",
    "token",
    "token-message",
    "user",
];

fn origins(settings: &[Setting], text: &Text) -> Vec<Origin> {
    let origin = |setting: &Setting| {
        let first = setting.arguments.first()?;
        let show = match HIDDEN.contains(&setting.name.as_str()) {
            true => Show::Keys,
            false => Show::Line,
        };
        let short = setting.short.map(|short| format!("-{short}"));
        Some(Origin {
            names: [format!("--{}", setting.name)]
                .into_iter()
                .chain(short)
                .collect(),
            place: text.place(&first.span),
            quote: text.quote(&first.span, show),
        })
    };
    settings.iter().filter_map(origin).collect()
}
