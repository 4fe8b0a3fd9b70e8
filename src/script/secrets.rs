//! Secrets in the JSON of messages that nobody gave as such: members named like one
//! (`"password":"…"`), and the data of a message that is named like one
//! (`{"event":"token","data":"…"}`). In a script, variables stand for them, as they do for other values
//! that are others the next time.
//!
//! It examines names only, so it is no proof that a script has no secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::IgnoredAny;

use crate::json::text::{Token, Tokens};
use crate::message::KIND_MEMBERS;
use crate::output::push_string_for_terminal;
use crate::secret::{REDACTED, is_secret_name};
use crate::template::is_name;

/// Members that hold the content of a message.
const CONTENTS: &[&str] = &["data", "payload", "params"];

/// A value in a text that a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// Its place in the text; of a string in JSON with the quotes.
    pub(super) range: Range<usize>,
    pub(super) within: Within,
    /// The name that a variable for it may have.
    pub(super) name: String,
    /// Where it is: a jq path.
    pub(super) path: String,
}

/// What a value is in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// A string of JSON.
    Quotes,
    /// A number of JSON.
    Number,
    /// A part of a string, or of a text that is not JSON.
    Text,
}

/// A variable that stands for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Where its value is in the message: a jq path.
    pub(super) path: String,
    /// It has not been used before.
    pub(super) is_new: bool,
}

/// The variables of a script: the same secret has the same one, another of the same name has another.
#[derive(Debug, Default)]
pub(super) struct Variables {
    names: BTreeMap<(String, String), String>,
    counts: BTreeMap<String, usize>,
}

impl Variables {
    /// Keeps this name for what stands for a secret that was given.
    pub(super) fn reserve(&mut self, name: &str) {
        if !self.counts.contains_key(name) {
            self.name(name, REDACTED);
        }
    }

    fn name(&mut self, name: &str, value: &str) -> (String, bool) {
        let key = (name.to_owned(), value.to_owned());
        if let Some(known) = self.names.get(&key) {
            return (known.clone(), false);
        }
        let count = self.counts.entry(name.to_owned()).or_default();
        *count += 1;
        // No member is named like that.
        let variable = match *count {
            1 => name.to_owned(),
            count => format!("{name}.{count}"),
        };
        self.names.insert(key, variable.clone());
        (variable, true)
    }

    /// The variables for these secrets of a text.
    pub(super) fn of(&mut self, text: &str, secrets: &[Secret]) -> Vec<Variable> {
        let variable = |secret: &Secret| {
            let (name, is_new) = self.name(&secret.name, secret.value(text));
            Variable {
                name,
                path: secret.path.clone(),
                is_new,
            }
        };
        secrets.iter().map(variable).collect()
    }
}

impl Secret {
    /// The value, with its escapes as written.
    pub(super) fn value<'a>(&self, text: &'a str) -> &'a str {
        let written = text.get(self.range.clone()).unwrap_or_default();
        match self.within {
            Within::Quotes => written.trim_matches('"'),
            Within::Number | Within::Text => written,
        }
    }
}

/// The secrets in a text, in order; none if it is not JSON.
pub(super) fn find(text: &str) -> Vec<Secret> {
    // The parser limits the nesting, too, and with it the length of a path.
    if !text.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Vec::new();
    }
    let mut search = Search::default();
    for token in Tokens::new(text) {
        search.handle(token, text);
    }
    search.found.sort_by_key(|secret| secret.range.start);
    search.found
}

/// The text with a mark in place of each secret.
pub(super) fn mark<'a>(text: &'a str, secrets: &[Secret]) -> Cow<'a, str> {
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for (index, secret) in secrets.iter().enumerate() {
        out.push_str(&text[from..secret.range.start]);
        match secret.within {
            // A string in place of a number leaves the text JSON.
            Within::Quotes | Within::Number => out.push_str(&format!("\"{}\"", mark_of(index))),
            Within::Text => out.push_str(&mark_of(index)),
        }
        from = secret.range.end;
    }
    Cow::Owned(out + &text[from..])
}

/// A payload with the variables in place of the marks of `secrets`, which are in order.
pub(super) fn fill(payload: String, secrets: &[Secret], variables: &[Variable]) -> String {
    let (mut out, mut rest) = (String::new(), &*payload);
    for (index, (secret, variable)) in secrets.iter().zip(variables).enumerate() {
        let mark = match secret.within {
            Within::Number => format!("\"{}\"", mark_of(index)),
            Within::Quotes | Within::Text => mark_of(index),
        };
        if let Some((before, after)) = rest.split_once(&mark) {
            out.push_str(before);
            out.push_str(&format!("{{{{{}}}}}", variable.name));
            rest = after;
        }
    }
    out + rest
}

/// No form of a payload changes it.
fn mark_of(index: usize) -> String {
    format!("[secret {index}]")
}

#[derive(Default)]
struct Search {
    levels: Vec<Level>,
    found: Vec<Secret>,
}

/// An object or array that is open.
enum Level {
    Object {
        /// The member whose value follows.
        key: Option<String>,
        /// The object says that it is a secret: the word for it.
        kind: Option<String>,
        content: Option<Secret>,
    },
    Array(usize),
}

impl Search {
    fn handle(&mut self, token: Token<'_>, text: &str) {
        match token {
            Token::Open(b'{') => self.levels.push(Level::Object {
                key: None,
                kind: None,
                content: None,
            }),
            Token::Open(_) => self.levels.push(Level::Array(0)),
            Token::Close(_) => self.close(),
            Token::Comma => match self.levels.last_mut() {
                Some(Level::Object { key, .. }) => *key = None,
                Some(Level::Array(index)) => *index += 1,
                None => {}
            },
            Token::Str(string) => self.string(string, text),
            Token::Colon | Token::Word(_) => {}
        }
    }

    fn close(&mut self) {
        if let Some(Level::Object {
            kind: Some(kind),
            content: Some(secret),
            ..
        }) = self.levels.pop()
        {
            self.found.push(Secret {
                name: allowed(&kind),
                ..secret
            });
        }
    }

    fn string(&mut self, written: &str, text: &str) {
        let path = self.path();
        let Some(Level::Object { key, kind, content }) = self.levels.last_mut() else {
            return;
        };
        let decoded: String = serde_json::from_str(written).unwrap_or_default();
        let Some(name) = key else {
            *key = Some(decoded);
            return;
        };
        let start = written.as_ptr() as usize - text.as_ptr() as usize;
        let secret = Secret {
            range: start..start + written.len(),
            within: Within::Quotes,
            name: allowed(name),
            path,
        };
        if is_secret_member(name) {
            self.found.push(secret);
        } else if KIND_MEMBERS.contains(&&**name) && is_secret_member(&decoded) {
            *kind = Some(decoded);
        } else if CONTENTS.contains(&&**name) {
            *content = Some(secret);
        }
    }

    /// Where the next value is.
    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Array(index) => path.push_str(&format!("[{index}]")),
                Level::Object { key, .. } => push_member(key.as_deref(), &mut path),
            }
        }
        match path.starts_with('[') {
            true => format!(".{path}"),
            false => path,
        }
    }
}

pub(super) fn push_member(name: Option<&str>, path: &mut String) {
    let name = name.unwrap_or_default();
    path.push('.');
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_word)
    {
        return path.push_str(name);
    }
    // A name may be a stranger's, and braces in an expression are those of a variable.
    let mut quoted = Vec::new();
    push_string_for_terminal(name, &mut quoted);
    path.push_str(&String::from_utf8_lossy(&quoted).replace("{{", "\\u007b\\u007b"));
}

/// In data, `key` is usually that of an entry.
fn is_secret_member(name: &str) -> bool {
    !name.eq_ignore_ascii_case("key") && is_secret_name(name)
}

/// The name that a variable for a member of this name may have.
pub(super) fn allowed(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = name.replace(|c| !is_allowed(c), "_");
    match is_name(&name) {
        true => name,
        false => "secret".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let secrets = find(text).into_iter();
        secrets.map(|it| (it.name, it.path)).collect()
    }

    #[test]
    fn strings_are_secrets_by_the_name_of_their_member() {
        for (text, variable, path) in [
            (r#"{"password":"x"}"#, "password", ".password"),
            (r#"{"a":[1,{"api key":"x"}]}"#, "", ""),
            (
                r#"{"a":[1,{"api-key":"x"}]}"#,
                "api-key",
                r#".a[1]."api-key""#,
            ),
            (r#"[{"to\u006ben":"x"}]"#, "token", ".[0].token"),
            (r#"{"event":"token","data":"x"}"#, "token", ".data"),
            (r#"{"data":"x","type":"auth"}"#, "auth", ".data"),
            (r#"{"event":"message","data":"x"}"#, "", ""),
            (r#"{"key":"x","password":1,"n":"token"}"#, "", ""),
            (r#"{"password":{"a":"x"}}"#, "", ""),
            (r#"{"password":"x""#, "", ""),
            ("password", "", ""),
            (
                r#"{"{{a}}\u202e":{"token":"x"}}"#,
                "token",
                r#"."\u007b\u007ba}}\u202e".token"#,
            ),
        ] {
            let expected = match variable {
                "" => vec![],
                variable => vec![(variable.to_owned(), path.to_owned())],
            };
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_stand_for_them() {
        let text = r#"{ "user":"ann", "password" : "x\"", "data":["token", {"token":""}] }"#;
        let secrets = find(text);
        let variables = Variables::default().of(text, &secrets);
        let filled = fill(mark(text, &secrets).into_owned(), &secrets, &variables);
        let expected = r#"{ "user":"ann", "password" : "{{password}}", "data":["token", {"token":"{{token}}"}] }"#;
        assert_eq!(filled, expected);
        assert_eq!(mark("plain", &find("plain")), "plain");
    }

    #[test]
    fn the_same_secret_has_the_same_variable() {
        let mut variables = Variables::default();
        variables.reserve("token");
        let mut of = |value: &str| {
            let text = format!("{{\"token\":\"{value}\"}}");
            let variable = variables.of(&text, &find(&text)).remove(0);
            (variable.name, variable.is_new)
        };
        for (value, name, is_new) in [
            (REDACTED, "token", false),
            ("a", "token.2", true),
            ("b", "token.3", true),
            ("a", "token.2", false),
        ] {
            assert_eq!(of(value), (name.to_owned(), is_new));
        }
    }
}
