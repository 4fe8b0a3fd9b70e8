//! The values of `{{NAME}}`: `--var`, and the variables of the configuration file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::sources::Source;
use crate::cli::args::ClientArgs;
use crate::cli::config::{self, Configured, Variable, reading};
use crate::cli::world::World;
use crate::error::Error;
use crate::handshake::request::HeaderLine;
use crate::message::Message;
use crate::secret::Redactor;
use crate::session::answers::rules::environment_name;
use crate::template::{self, Place, Value};

/// What is kept in the environment, a file or the output of a command is a secret, whatever its name, from
/// this length on, in bytes. A shorter one may be an ordinary word.
const SHORTEST_SECRET: usize = 16;

/// The variables of a run.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    secrets: Vec<String>,
}

impl Variables {
    /// Reads the variables. One whose value is kept elsewhere is only read if it may be used: at
    /// the prompt it always may.
    ///
    /// # Errors
    /// Exit 2 for a `--var` that is malformed, or a value that cannot be read.
    pub(super) fn read(
        url: &str,
        args: &ClientArgs,
        configured: &Configured,
        interactive: bool,
        world: &World,
    ) -> Result<Variables, Error> {
        let mut variables = Variables::default();
        for (name, variable) in definitions(args, configured)? {
            let is_literal = matches!(variable.source, Source::Literal(_));
            if !is_literal && !interactive && !may_mention(url, args, &name) {
                continue;
            }
            let value = reading::source(&variable.source, world);
            let value = value.map_err(|why| {
                Error::usage(format!("{}: {{{{{name}}}}}: {why}", variable.place))
            })?;
            if variable.is_secret || (!is_literal && value.len() >= SHORTEST_SECRET) {
                variables.secrets.push(value.clone());
            }
            variables.values.insert(name, value);
        }
        Ok(variables)
    }

    /// All values, by name.
    pub(super) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Names and values for the environment of these commands. A secret is there only if one of them names
    /// it: `$WIRECAT_VAR_NAME`. They are not put into command lines, which other users can see.
    pub(super) fn environment<'c>(
        &self,
        commands: impl IntoIterator<Item = &'c str> + Clone,
    ) -> Arc<[(String, String)]> {
        let named = self
            .values
            .iter()
            .map(|(name, value)| (environment_name(name), value));
        let given = named.filter(|(name, value)| {
            let mut commands = commands.clone().into_iter();
            !self.secrets.contains(value) || commands.any(|command| command.contains(name))
        });
        given.map(|(name, value)| (name, value.clone())).collect()
    }

    /// Adds the values of secrets to `redactor`, in each form in which a template has them.
    pub(super) fn hide_secrets(&self, redactor: &Redactor) {
        for secret in &self.secrets {
            let forms = template::forms(secret);
            forms.iter().for_each(|form| redactor.add_given(form));
        }
    }

    /// The error without the values of secrets, which a URL may contain.
    pub(super) fn redacted(&self, mut error: Error) -> Error {
        let redactor = Redactor::default();
        self.hide_secrets(&redactor);
        error.message = redactor.redact(&error.message).into_owned();
        error
    }

    /// Fills in the path and the query of a URL. What is no name of a variable stays, as it may be
    /// filled in later, or belong to the server.
    pub(super) fn fill_url(&self, url: &str) -> String {
        let (base, query) = match url.split_once('?') {
            Some((base, query)) => (base, Some(query)),
            None => (url, None),
        };
        let begin = base.find("://").map_or(0, |at| at + 3);
        let end = base[begin..].find('/').map_or(base.len(), |at| begin + at);
        let (host, path) = base.split_at(end);
        let path = self.fill(path, Place::Path);
        match query {
            Some(query) => format!("{host}{path}?{}", self.fill(query, Place::Query)),
            None => format!("{host}{path}"),
        }
    }

    /// Fills in the value of a header.
    ///
    /// # Errors
    /// Exit 2 if it would contain a control character.
    pub(super) fn fill_header(&self, line: HeaderLine) -> Result<HeaderLine, Error> {
        let HeaderLine::Set(name, value) = line else {
            return Ok(line);
        };
        let value = self.fill(&value, Place::Header);
        if value.chars().any(|c| c.is_control() && c != '\t') {
            let what =
                format!("header '{name}': the value of a variable contains a control character");
            return Err(Error::usage(what));
        }
        Ok(HeaderLine::Set(name, value))
    }

    /// Fills in a text message.
    pub(super) fn fill_message(&self, message: Message) -> Message {
        match message.as_text().filter(|_| !self.values.is_empty()) {
            Some(text) => Message::text(self.fill(text, Place::Message)),
            None => message,
        }
    }

    fn fill(&self, template: &str, place: Place) -> String {
        let value = |name: &str| self.values.get(name).map(|it| Value::Text(it));
        template::fill(template, place, value)
    }
}

/// Every variable. What `--var` says replaces what the file says.
fn definitions(
    args: &ClientArgs,
    configured: &Configured,
) -> Result<BTreeMap<String, Variable>, Error> {
    let resumed = |name: &str| {
        let mut names = args.stay.resume.iter().filter_map(|it| it.split_once('='));
        names.any(|(known, _)| known == name)
    };
    let mut variables = configured.variables.clone();
    variables.retain(|name, _| !resumed(name));
    for definition in &args.config.vars {
        let Some((name, value)) = definition.split_once('=') else {
            return Err(Error::usage("--var: it must have the form NAME=VALUE")
                .advice("--var room=news fills in {{room}}"));
        };
        config::check_variable(name).map_err(|why| Error::usage(format!("--var {name}: {why}")))?;
        if resumed(name) {
            let what = format!("--var {name}: --resume defines {{{{{name}}}}} already");
            return Err(Error::usage(what));
        }
        variables.insert(name.to_owned(), Variable::literal(name, value));
    }
    Ok(variables)
}

/// Whether something of the command line may use the variable: a template that contains `{{name}}`, or a
/// command that names it as it is in its environment.
fn may_mention(url: &str, args: &ClientArgs, name: &str) -> bool {
    let messages = [
        &args.send.data,
        &args.send.on_open,
        &args.send.then,
        &args.send.answers.answer,
    ];
    let texts = messages.into_iter().flatten().chain(&args.request.headers);
    let mut texts = texts
        .chain(&args.stay.keepalive.heartbeat)
        .chain(&args.decoding.decode)
        .chain(&args.decoding.encode)
        .map(String::as_str);
    let in_environment = environment_name(name);
    let commands = [&args.programs.run, &args.programs.exec, &args.auth.token];
    let commands = commands.into_iter().flatten().map(String::as_str);
    commands.chain([url]).any(|command| command.contains(&in_environment))
        || template::mentions(url.as_bytes(), name)
        // A file may mention it.
        || texts.any(|text| may_mention_all(text) || template::mentions(text.as_bytes(), name))
}

/// Whether a text names a file or a command, which may use any variable.
fn may_mention_all(text: &str) -> bool {
    text.starts_with('@') || text.contains("cmd:") || text.contains("=@")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(values: &[(&str, &str)]) -> Variables {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Variables {
            values: values.iter().map(owned).collect(),
            secrets: Vec::new(),
        }
    }

    #[test]
    fn path_and_query_of_a_url_are_filled_in() {
        let variables = variables(&[("r", "a b/c?"), ("h", "evil")]);
        for (url, expected) in [
            ("ws://h/{{r}}/x", "ws://h/a%20b%2Fc%3F/x"),
            (
                "ws://h?x={{r}}&y={{later}}",
                "ws://h?x=a+b%2Fc%3F&y={{later}}",
            ),
            ("ws://{{h}}/", "ws://{{h}}/"),
            (":80/{{r}}", ":80/a%20b%2Fc%3F"),
            ("h:80", "h:80"),
        ] {
            assert_eq!(variables.fill_url(url), expected, "{url}");
        }
    }

    #[test]
    fn a_header_stays_one_header() {
        let line = || HeaderLine::parse("X-Room: {{r}}").unwrap();
        let filled = variables(&[("r", "")]).fill_header(line()).unwrap();
        assert_eq!(filled, HeaderLine::Set("X-Room".into(), String::new()));
        assert!(
            variables(&[("r", "a\r\nX: y")])
                .fill_header(line())
                .is_err()
        );
    }
}
