//! A connection that a script asks for, from the options of its `[Options]`, which are those of the
//! command line.

use std::cell::RefCell;
use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};

use super::client::Input;
use super::client::client as client_of;
use crate::cli::args::{Cli, Typed};
use crate::cli::config::{Configured, words};
use crate::cli::world::World;
use crate::error::Error;
use crate::event::Peer;
use crate::json::jq::Interrupt;
use crate::suite::{Dial, Folder, Request};
use crate::uri::{Target, UrlSource};

/// Options that have no place in a script, each with what to do instead.
pub const NOT_IN_A_SCRIPT: &[(&str, &str)] = &[
    ("data", "`> MESSAGE` sends a message"),
    ("then", "`> MESSAGE` sends a message"),
    ("frame", "`> MESSAGE` sends a message"),
    ("text", "`>text MESSAGE`"),
    ("binary", "`>binary hex:00ff`"),
    ("hex", "`>binary hex:00ff`"),
    ("base64", "`>binary base64:AP8=`"),
    ("escapes", "`>text escapes:a\\nb`"),
    ("lockstep", "`<` waits for a reply"),
    (
        "on-eof",
        "the test closes the connection after its last step",
    ),
    ("idle", "`@wait 200ms`"),
    ("count", "`<(x3)` expects three messages"),
    ("until", "`<` with [Asserts] waits for a message"),
    ("one-message", "`<` waits for one message"),
    ("filter", "`[Asserts]` and `[Captures]` take jq expressions"),
    ("format", "--report of `wirecat test`"),
    ("json", "--report json of `wirecat test`"),
    ("timestamps", "--record of `wirecat test`"),
    ("show-ping-pong", "`<ping` and `<pong` expect them"),
    ("include-secrets", "--include-secrets of `wirecat test`"),
    ("color", "--color of `wirecat test`"),
    ("output", "--record of `wirecat test`"),
    ("record", "--record of `wirecat test`"),
    ("verbose", "--record of `wirecat test`"),
    ("silent", "--report of `wirecat test`"),
    ("stats", "--report json of `wirecat test`"),
    ("exec", "`>` and `<` talk to the server"),
    ("exec-header", "`>` and `<` talk to the server"),
    ("edit-mode", "it is for the prompt"),
    ("no-history", "it is for the prompt"),
    ("scrollback", "it is for the prompt"),
    ("plain", "it is for the prompt"),
    ("var", "--var of `wirecat test`"),
    ("config", "tests do not depend on a configuration file"),
    ("no-config", "tests do not depend on a configuration file"),
    ("state", "`[Captures]` keep values"),
    (
        "cookie-jar",
        "the cookies of a connection are kept for its redirects",
    ),
    ("from-curl", "`WEBSOCKET URL`, headers and options"),
    ("dry-run", "it is for the command line"),
    ("to-curl", "it is for the command line"),
    ("generate", "it is for the command line"),
    ("help", "it is for the command line"),
    ("version", "it is for the command line"),
];

/// Options that run what they are given.
const COMMANDS: &[&str] = &["run", "run-after", "run-each"];

/// Options whose value is the name of a file.
const FILES: &[&str] = &[
    "cacert",
    "capath",
    "key",
    "crlfile",
    "proxy-cacert",
    "netrc-file",
];

/// Options that read the login of the person who runs the tests.
const LOGINS: &[&str] = &["netrc", "netrc-optional"];

/// The option of scripts that the command line does not have.
const STRICT: &str = "strict";

/// What scripts may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    pub commands: bool,
}

/// Makes connections for scripts. It keeps clap's definition of the options, which takes long to make.
pub struct Scripts {
    command: RefCell<Command>,
    world: World,
    rights: Rights,
    include_secrets: bool,
    interrupt: Interrupt,
}

/// The long names of all options, those that have no place in a script among them, and of what only scripts
/// have.
pub fn option_names() -> Vec<String> {
    let command = Cli::command();
    let names = command
        .get_arguments()
        .filter_map(Arg::get_long_and_visible_aliases);
    let mut names: Vec<String> = names.flatten().map(str::to_owned).collect();
    names.push(STRICT.to_owned());
    names
}

impl Scripts {
    /// `interrupt` stops the evaluation of their expressions.
    pub fn new(
        world: &World,
        rights: Rights,
        include_secrets: bool,
        interrupt: Interrupt,
    ) -> Scripts {
        let world = World {
            arguments: Vec::new(),
            stdin_tty: false,
            stdout_tty: false,
            stderr_tty: false,
            ..world.clone()
        };
        Scripts {
            command: RefCell::new(Cli::command()),
            world,
            rights,
            include_secrets,
            interrupt,
        }
    }

    /// What a connection of a script in this folder comes to.
    ///
    /// # Errors
    /// What is wrong with its URL, a header or an option, or what a script may not do.
    pub fn dial(&self, request: &Request, folder: &Folder) -> Result<Dial, Error> {
        let mut arguments = vec![OsString::from("wirecat")];
        for (name, value) in &request.headers {
            self.allow("header", value)?;
            let line = match value.is_empty() {
                true => format!("{name};"),
                false => format!("{name}: {value}"),
            };
            arguments.push(format!("--header={line}").into());
        }
        for (name, value) in &request.settings {
            let is_login = LOGINS.contains(&&**name) && value.as_deref() != Some("false");
            if is_login && !self.rights.commands {
                return Err(refused(name, "reads the logins of this user"));
            }
            let value = match value {
                Some(value) => Some(self.checked(name, value, folder)?),
                None => None,
            };
            if let Some((_, instead)) = NOT_IN_A_SCRIPT.iter().find(|(it, _)| it == name) {
                let message = format!("'{name}' has no place in a script");
                return Err(Error::usage(message).advice(*instead));
            }
            match value {
                Some(value) if self.is_flag(name) => match &*value {
                    "true" => arguments.push(format!("--{name}").into()),
                    "false" => {}
                    _ => return Err(Error::usage(format!("'{name}' is true or false"))),
                },
                Some(value) => arguments.push(format!("--{name}={value}").into()),
                None => arguments.push(format!("--{name}").into()),
            }
        }
        if self.include_secrets {
            arguments.push("--include-secrets".into());
        }
        if UrlSource::parse(&request.url).is_some() {
            self.allow_command("a URL", &request.url)?;
        }
        arguments.push("--".into());
        arguments.push(request.url.clone().into());
        self.resolve(&arguments, folder)
    }

    fn resolve(&self, arguments: &[OsString], folder: &Folder) -> Result<Dial, Error> {
        let matches = self
            .command
            .borrow_mut()
            .try_get_matches_from_mut(arguments)
            .map_err(|error| Error::usage(words(&error)))?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| Error::usage(words(&error)))?;
        let input = Input {
            args: &cli.client,
            typed: &Typed::new(),
            notes: &[],
            configured: &Configured::default(),
            world: &self.world,
            interrupt: &self.interrupt,
            peer: Peer::Server,
            folder: Some(folder),
        };
        let url = cli.url.as_deref().unwrap_or_default();
        let client = client_of(url, &input, Target::parse)?;
        Ok(Dial {
            plan: client.plan,
            session: client.session,
            max_time: cli.client.time.max_time.filter(|time| !time.is_zero()),
        })
    }

    /// Whether an option takes no value.
    fn is_flag(&self, name: &str) -> bool {
        let command = self.command.borrow();
        let mut arguments = command.get_arguments();
        let option = arguments.find(|it| {
            let names = it.get_long_and_visible_aliases();
            names.is_some_and(|names| names.contains(&name))
        });
        option.is_some_and(|it| !it.get_action().takes_values())
    }

    /// The value of an option, with the path of the file that it names.
    fn checked(&self, name: &str, value: &str, folder: &Folder) -> Result<String, Error> {
        if COMMANDS.contains(&name) {
            self.allow_command(&format!("'{name}'"), value)?;
        }
        if FILES.contains(&name) {
            return path(name, value, folder);
        }
        match name {
            "token" if value == "prompt" => {
                Err(Error::usage("'token': a script cannot ask for a token")
                    .advice("token: env:VAR, or {{token}} with --var token=…"))
            }
            "token" | "header" | "on-open" | "heartbeat" | "proxy-header" => {
                self.allow(name, value)?;
                // The message of `after EXPR: MESSAGE` may be a command, as that of `answer`.
                let is_after = name == "on-open" && value.trim_start().starts_with("after");
                if is_after && value.contains("cmd:") {
                    self.allow_command("'on-open'", value)?;
                }
                match value.strip_prefix('@') {
                    Some(file) if !file.starts_with('@') => {
                        Ok(format!("@{}", path(name, file, folder)?))
                    }
                    _ => Ok(value.to_owned()),
                }
            }
            "answer" | "decode" | "encode" => self.with_parts(name, value, folder),
            // A file, possibly with a password after it.
            "cert" => {
                let (file, password) = match value.split_once(':') {
                    Some((file, password)) => (file, Some(password)),
                    None => (value, None),
                };
                let file = path(name, file, folder)?;
                Ok(password.map_or_else(|| file.clone(), |it| format!("{file}:{it}")))
            }
            "pinnedpubkey" if !value.starts_with("sha256//") => path(name, value, folder),
            "cookie" if !value.contains('=') => path(name, value, folder),
            _ => Ok(value.to_owned()),
        }
    }

    /// Values that may have commands or files in them.
    fn with_parts(&self, name: &str, value: &str, folder: &Folder) -> Result<String, Error> {
        if value.contains("cmd:") {
            self.allow_command(&format!("'{name}'"), value)?;
        }
        if name == "answer" {
            return Ok(value.to_owned());
        }
        let steps = value.split('+').map(|step| {
            let Some(rest) = step.strip_prefix("protobuf:") else {
                return Ok(step.to_owned());
            };
            let (file, kind) = rest.split_once('#').unwrap_or((rest, ""));
            let file = path(name, file, folder)?;
            Ok(format!("protobuf:{file}#{kind}"))
        });
        let steps: Vec<String> = match value.contains("cmd:") {
            true => return Ok(value.to_owned()),
            false => steps.collect::<Result<_, Error>>()?,
        };
        Ok(steps.join("+"))
    }

    /// Refuses what runs a command or is no line.
    fn allow(&self, name: &str, value: &str) -> Result<(), Error> {
        if value.contains(['\r', '\n', '\0']) && name != "on-open" && name != "heartbeat" {
            return Err(Error::usage(format!(
                "'{name}': the value has a line break or a NUL in it"
            )));
        }
        match name == "token" && value.starts_with("cmd:") {
            true => self.allow_command("'token'", value),
            false => Ok(()),
        }
    }

    fn allow_command(&self, what: &str, command: &str) -> Result<(), Error> {
        match self.rights.commands {
            true => Ok(()),
            false => {
                let shown: String = command.chars().take(60).collect();
                Err(refused(
                    what.trim_matches('\''),
                    &format!("runs a command or reads a file: {shown}"),
                ))
            }
        }
    }
}

fn refused(name: &str, what: &str) -> Error {
    Error::usage(format!("'{name}' {what}; a script may not do that"))
        .advice("--allow-commands, for scripts that you trust")
}

fn path(name: &str, value: &str, folder: &Folder) -> Result<String, Error> {
    let path = folder.path_of(value);
    let path = path.map_err(|why| Error::usage(format!("'{name}': {why}")))?;
    Ok(path.display().to_string())
}
