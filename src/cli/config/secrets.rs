//! Refuses secrets that are written out in a configuration file: files are copied, shown and
//! committed. A secret is a reference to where it is kept. The secret itself is never printed. Pure.

mod command;
mod message;
mod url;

use super::parse::{Document, Entry, Located, Section, Value};
use super::text::{Show, Span, Text};
use crate::auth::sources::Source;
use crate::error::Error;
use crate::secret::{is_secret_header, is_secret_name};
use crate::template;
use crate::uri::UrlSource;
use url::UrlSecret;

/// Begins a command: one that gives a secret, a URL or a reply, or that decodes.
const COMMAND: &str = "cmd:";

/// Checks every section, used or not.
///
/// # Errors
/// Exit 2, with the place of the first secret and how to refer to it.
pub(super) fn check(document: &Document) -> Result<(), Error> {
    let checker = Checker {
        text: &document.text,
    };
    for url in document.profiles.iter().filter_map(|it| it.url.as_ref()) {
        match UrlSource::parse(&url.value) {
            Some(UrlSource::Command(line)) => checker.command(&line, &url.span)?,
            Some(UrlSource::File(_)) => {}
            None => checker.url("url", url)?,
        }
    }
    document.sections().try_for_each(|it| checker.section(it))
}

/// Whether a value names where a secret is kept.
fn is_reference(text: &str) -> bool {
    Source::is_reference(text) || template::has_placeholder(text)
}

struct Checker<'t> {
    text: &'t Text,
}

impl Checker<'_> {
    fn section(&self, section: &Section) -> Result<(), Error> {
        for entry in &section.options {
            self.option(entry)?;
        }
        for Entry { name, value } in &section.variables {
            self.command_after(COMMAND, value)?;
            if is_secret_name(&name.value) && !is_reference(&value.value) {
                let what = format!("the variable '{}' looks like a secret", name.value);
                let how = sources(&format!("{} = ", name.value), "");
                return Err(self.refused(&value.span, &what, how));
            }
        }
        for Entry { name, value } in &section.messages {
            if is_secret_name(&name.value) && !template::has_placeholder(&value.value) {
                let what = format!("the message '{}' looks like a secret", name.value);
                let how = format!(
                    "{} = '…{{{{NAME}}}}…' takes it from a variable: NAME = \"env:VARIABLE\" under [vars]",
                    name.value
                );
                return Err(self.refused(&value.span, &what, vec![how]));
            }
            self.message(value)?;
        }
        Ok(())
    }

    fn option(&self, entry: &Entry<Value>) -> Result<(), Error> {
        let (name, value) = (entry.name.value.as_str(), &entry.value);
        let one;
        let values = match &value.value {
            Value::Flag(_) => return Ok(()),
            Value::Many(values) => values.as_slice(),
            Value::One(text) => {
                one = [Located {
                    value: text.clone(),
                    span: value.span.clone(),
                }];
                &one
            }
        };
        for value in values {
            self.command_after(COMMAND, value)?;
            self.value(name, value)?;
        }
        Ok(())
    }

    fn value(&self, name: &str, value: &Located<String>) -> Result<(), Error> {
        match name {
            "token" | "oauth2-bearer" | "pass" => self.whole(name, value),
            "cert" => self.certificate(value),
            "user" | "proxy-user" => self.password(name, value),
            "header" | "proxy-header" => self.header(name, value),
            "cookie" => self.cookie(value),
            "answer" => self.reply(value, "="),
            "on-open" => self.reply(value, ":"),
            "data" | "heartbeat" | "then" | "token-message" => self.message(value),
            "run" | "exec" => self.command(&value.value, &value.span),
            "decode" => self.command_after("+cmd:", value),
            "proxy" | "socks4" | "socks4a" | "socks5" | "socks5-hostname" | "origin" => {
                self.url(name, value)
            }
            _ => Ok(()),
        }
    }

    fn whole(&self, name: &str, value: &Located<String>) -> Result<(), Error> {
        match &value.value {
            // A placeholder is no source: only variables are filled in.
            text if is_reference(text) && (name != "token" || Source::is_reference(text)) => Ok(()),
            _ => {
                let mut how = sources(&format!("{name} = "), "");
                how.extend((name == "token").then(|| format!("{name} = \"prompt\"")));
                Err(self.refused(&value.span, &format!("'{name}' is a secret"), how))
            }
        }
    }

    fn password(&self, name: &str, value: &Located<String>) -> Result<(), Error> {
        self.command_after(":cmd:", value)?;
        match value.value.split_once(':') {
            Some((user, password)) if !is_reference(password) => {
                let mut how = sources(&format!("{name} = "), &format!("{user}:"));
                how.push(format!("{name} = \"{user}\" asks for the password"));
                let what = format!("'{name}' contains a password");
                Err(self.refused(&value.span, &what, how))
            }
            _ => Ok(()),
        }
    }

    /// The text of a cookie, which names a file if it has no `=`.
    fn cookie(&self, value: &Located<String>) -> Result<(), Error> {
        if !value.value.contains('=') || is_reference(&value.value) {
            return Ok(());
        }
        let how = "cookie = \"FILE\" reads cookies from a file in Netscape's format".to_owned();
        Err(self.refused(&value.span, "a cookie may be a secret", vec![how]))
    }

    /// `FILE:PASSWORD`
    fn certificate(&self, value: &Located<String>) -> Result<(), Error> {
        let plain = value.value.replace(r"\\", "").replace(r"\:", "");
        match plain.split_once(':') {
            Some((_, password)) if !password.is_empty() => {
                let mut how = sources("pass = ", "");
                how.push(r"'\:' for a colon in the name of the file".to_owned());
                Err(self.refused(&value.span, "'cert' contains a password", how))
            }
            _ => Ok(()),
        }
    }

    fn header(&self, option: &str, line: &Located<String>) -> Result<(), Error> {
        let Some((name, value)) = line.value.split_once(':') else {
            return Ok(());
        };
        let (name, value) = (name.trim(), value.trim());
        if let Some(command) = value.strip_prefix(COMMAND) {
            return self.command(command, &line.span);
        }
        if value.is_empty() || !is_secret_header(name) || is_reference(value) {
            return Ok(());
        }
        let how = sources(&format!("{option} = ["), &format!("{name}: "));
        let how = how.into_iter().map(|line| line + "]").collect();
        let what = format!("the header '{name}' is a secret");
        Err(self.refused(&line.span, &what, how))
    }

    /// A message with a member, or a header line, that holds a secret by its name.
    fn message(&self, text: &Located<String>) -> Result<(), Error> {
        let Some(member) = message::secret_in(&text.value) else {
            return Ok(());
        };
        let what = format!("the member '{member}' of this message is a secret");
        let how = format!(
            "\"{member}\":\"{{{{NAME}}}}\" takes it from a variable: NAME = \"env:VARIABLE\" under [vars]"
        );
        Err(self.refused(&text.span, &what, vec![how]))
    }

    /// A message, or a command, after an expression and a separator. The expression is not compiled, as
    /// that takes time in every run.
    fn reply(&self, text: &Located<String>, separator: &str) -> Result<(), Error> {
        self.message(text)?;
        for space in ["", " "] {
            self.command_after(&format!("{separator}{space}{COMMAND}"), text)?;
        }
        Ok(())
    }

    /// The command that begins after the first `mark`. [`COMMAND`] itself stands at the beginning.
    fn command_after(&self, mark: &str, text: &Located<String>) -> Result<(), Error> {
        let command = match mark {
            COMMAND => text.value.strip_prefix(COMMAND),
            _ => text.value.split_once(mark).map(|(_, command)| command),
        };
        command.map_or(Ok(()), |command| self.command(command, &text.span))
    }

    fn command(&self, line: &str, span: &Span) -> Result<(), Error> {
        let Some(what) = command::secret_in(line) else {
            return Ok(());
        };
        let how = "\"$NAME\" takes it from the environment, and \"$(cat FILE)\" from a file";
        Err(self.refused(span, &format!("{what} is a secret"), vec![how.to_owned()]))
    }

    fn url(&self, name: &str, url: &Located<String>) -> Result<(), Error> {
        let is_written_out = |value: &str| !template::has_placeholder(value);
        let Some(secret) = url::secret_in(&url.value, &is_written_out) else {
            return Ok(());
        };
        let how = match secret {
            UrlSecret::Password => {
                let option = match name {
                    "url" | "origin" => "user",
                    _ => "proxy-user",
                };
                format!("{option} = \"NAME:env:VARIABLE\" in place of NAME:PASSWORD@")
            }
            UrlSecret::Parameter(name) => format!(
                "token = \"env:VARIABLE\", token-via = \"query\" and token-name = \"{name}\""
            ),
        };
        let what = match secret {
            UrlSecret::Password => format!("'{name}' contains a password"),
            UrlSecret::Parameter(_) => format!("{secret} of '{name}' is a secret"),
        };
        Err(self.refused(&url.span, &what, vec![how]))
    }

    fn refused(&self, span: &Span, what: &str, how: Vec<String>) -> Error {
        let what = format!("{what}, and must not be written out in a file");
        let mut error = self.text.error(span, Show::Redacted, &what);
        error.advice = how;
        error
    }
}

/// The ways to refer to a secret.
fn sources(before: &str, prefix: &str) -> Vec<String> {
    ["env:VARIABLE", "cmd:COMMAND", "@FILE"]
        .iter()
        .map(|source| format!("{before}\"{prefix}{source}\""))
        .collect()
}
