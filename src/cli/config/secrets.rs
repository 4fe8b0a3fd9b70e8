//! Refuses secrets that are written out in a configuration file: files are copied, shown and
//! committed. A secret is a reference to where it is kept. The secret itself is never printed. Pure.

use serde_json::Value as Json;

use super::parse::{Document, Entry, Located, Section, Value};
use super::text::{Show, Span, Text};
use crate::auth::sources::Source;
use crate::error::Error;
use crate::secret::{is_secret_header, is_secret_name};
use crate::template;
use crate::uri;

/// Checks every section, used or not.
///
/// # Errors
/// Exit 2, with the place of the first secret and how to refer to it.
pub(super) fn check(document: &Document) -> Result<(), Error> {
    let checker = Checker {
        text: &document.text,
    };
    for profile in &document.profiles {
        if let Some(url) = &profile.url {
            checker.url("url", url)?;
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
        values.iter().try_for_each(|value| match name {
            "token" | "oauth2-bearer" | "pass" => self.whole(name, value),
            "cert" => self.certificate(value),
            "user" | "proxy-user" => self.password(name, value),
            "header" | "proxy-header" => self.header(name, value),
            "cookie" => self.cookie(value),
            "answer" => self.reply(value, '='),
            "on-open" if value.value.starts_with("after ") => self.reply(value, ':'),
            "data" | "heartbeat" | "on-open" | "token-message" => self.message(value),
            "proxy" | "socks4" | "socks4a" | "socks5" | "socks5-hostname" | "origin" => {
                self.url(name, value)
            }
            _ => Ok(()),
        })
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
        if value.is_empty() || !is_secret_header(name) || is_reference(value) {
            return Ok(());
        }
        let how = sources(&format!("{option} = ["), &format!("{name}: "));
        let how = how.into_iter().map(|line| line + "]").collect();
        let what = format!("the header '{name}' is a secret");
        Err(self.refused(&line.span, &what, how))
    }

    /// A JSON message whose member holds a secret by its name.
    fn message(&self, text: &Located<String>) -> Result<(), Error> {
        match serde_json::from_str(&text.value) {
            Ok(message) => self.json(&message, &text.span),
            Err(_) => Ok(()),
        }
    }

    /// The same after an expression and a separator. The expression is not compiled, as that takes time
    /// in every run: what is JSON to the end is the message.
    fn reply(&self, text: &Located<String>, separator: char) -> Result<(), Error> {
        let separators = text.value.match_indices(separator);
        let rests = separators.map(|(at, _)| text.value[at + 1..].trim_start());
        let mut messages = rests.filter(|rest| rest.starts_with(['{', '[']));
        let message = messages.find_map(|rest| serde_json::from_str(&without_values(rest)).ok());
        message.map_or(Ok(()), |message| self.json(&message, &text.span))
    }

    fn json(&self, message: &Json, span: &Span) -> Result<(), Error> {
        let Some(member) = secret_member(message) else {
            return Ok(());
        };
        let what = format!("the member '{member}' of this message is a secret");
        let how = format!(
            "\"{member}\":\"{{{{NAME}}}}\" takes it from a variable: NAME = \"env:VARIABLE\" under [vars]"
        );
        Err(self.refused(span, &what, vec![how]))
    }

    fn url(&self, name: &str, url: &Located<String>) -> Result<(), Error> {
        let (rest, query) = url.value.split_once('?').unwrap_or((&url.value, ""));
        let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
        let authority = rest.split(['/', '#', '\\']).next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@')
            && let Some((_, password)) = user.split_once(':')
            && !password.is_empty()
            && !template::has_placeholder(password)
        {
            let option = match name {
                "url" | "origin" => "user",
                _ => "proxy-user",
            };
            let how = vec![format!(
                "{option} = \"NAME:env:VARIABLE\" in place of NAME:PASSWORD@"
            )];
            return Err(self.refused(&url.span, &format!("'{name}' contains a password"), how));
        }
        let secret = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut secret = secret.filter(|(name, value)| {
            uri::is_secret_parameter(name) && !value.is_empty() && !template::has_placeholder(value)
        });
        let Some((parameter, _)) = secret.next() else {
            return Ok(());
        };
        let what = format!("the parameter '{parameter}' of '{name}' is a secret");
        let how = vec![format!(
            "token = \"env:VARIABLE\", token-via = \"query\" and token-name = \"{parameter}\""
        )];
        Err(self.refused(&url.span, &what, how))
    }

    fn refused(&self, span: &Span, what: &str, how: Vec<String>) -> Error {
        let what = format!("{what}, and must not be written out in a file");
        let mut error = self.text.error(span, Show::Redacted, &what);
        error.advice = how;
        error
    }
}

/// A template with a name in place of each value in a string, and `0` elsewhere.
fn without_values(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((_, after)) = after.split_once("}}") else {
            break;
        };
        text.push_str(before);
        text.push_str(match template::has_odd_quotes(&text) {
            true => "{{value}}",
            false => "0",
        });
        rest = after;
    }
    text + rest
}

/// The name of a member whose value is a password or token that is written out.
fn secret_member(message: &Json) -> Option<&str> {
    let is_written_out = |value: &Json| {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.is_some_and(|text| !template::has_placeholder(text))
    };
    match message {
        Json::Array(items) => items.iter().find_map(secret_member),
        Json::Object(members) => members.iter().find_map(|(name, value)| {
            match is_credential(name) && is_written_out(value) {
                true => Some(name.as_str()),
                false => secret_member(value),
            }
        }),
        _ => None,
    }
}

/// Whether a member of this name is a credential without doubt. A `session` or `auth` of a message
/// may be anything.
fn is_credential(name: &str) -> bool {
    const PARTS: &[&str] = &["token", "password", "passwd", "secret", "apikey"];
    let name = name.to_ascii_lowercase().replace(['_', '-', '.'], "");
    PARTS.iter().any(|part| name.contains(part))
}

/// The ways to refer to a secret.
fn sources(before: &str, prefix: &str) -> Vec<String> {
    ["env:VARIABLE", "cmd:COMMAND", "@FILE"]
        .iter()
        .map(|source| format!("{before}\"{prefix}{source}\""))
        .collect()
}
