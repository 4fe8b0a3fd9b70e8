//! Secrets in the JSON of messages that nobody gave as such: members named like one
//! (`"password":"…"`), and the data of a message that is named like one
//! (`{"event":"token","data":"…"}`). In a script, variables stand for them.
//!
//! It examines names only, so it is no proof that a script has no secret.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::grammar::is_value;
use crate::json::string;
use crate::json::text::{Token, Tokens};
use crate::secret::is_secret_name;
use crate::template::is_name;

/// Members that say what a message is.
const KINDS: &[&str] = &["event", "type", "op", "action", "command", "method"];

/// Members that hold the content of a message.
const CONTENTS: &[&str] = &["data", "payload", "params"];

/// A string that is a secret by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// The string in the text, with its quotes.
    range: Range<usize>,
    /// The variable that stands for it.
    pub(super) variable: String,
    /// Where it is: a jq path.
    pub(super) path: String,
}

/// The secrets in a text, in order; none if it is not JSON.
pub(super) fn find(text: &str) -> Vec<Secret> {
    if !text.starts_with(['{', '[']) || !is_value(text) {
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
    for secret in secrets {
        out.push_str(&text[from..secret.range.start]);
        out.push_str(&format!("\"{}\"", mark_of(secret)));
        from = secret.range.end;
    }
    Cow::Owned(out + &text[from..])
}

/// A payload with the variables in place of the marks.
pub(super) fn fill(payload: String, secrets: &[Secret]) -> String {
    secrets.iter().fold(payload, |payload, secret| {
        let variable = format!("{{{{{}}}}}", secret.variable);
        payload.replace(&mark_of(secret), &variable)
    })
}

/// No form of a payload changes it.
fn mark_of(secret: &Secret) -> String {
    format!("[variable {}]", secret.variable)
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
                variable: variable(&kind),
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
            variable: variable(name),
            path,
        };
        if is_secret_member(name) {
            self.found.push(secret);
        } else if KINDS.contains(&&**name) && is_secret_member(&decoded) {
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

fn push_member(name: Option<&str>, path: &mut String) {
    let name = name.unwrap_or_default();
    path.push('.');
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_word)
    {
        return path.push_str(name);
    }
    let mut quoted = Vec::new();
    string::push_string(name, &mut quoted);
    path.push_str(&String::from_utf8_lossy(&quoted));
}

/// In data, `key` is usually that of an entry.
fn is_secret_member(name: &str) -> bool {
    !name.eq_ignore_ascii_case("key") && is_secret_name(name)
}

/// The name of a variable for a member of this name.
fn variable(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let variable = name.replace(|c| !allowed(c), "_");
    match is_name(&variable) {
        true => variable,
        false => "secret".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let secrets = find(text).into_iter();
        secrets.map(|it| (it.variable, it.path)).collect()
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
        let filled = fill(mark(text, &secrets).into_owned(), &secrets);
        let expected = r#"{ "user":"ann", "password" : "{{password}}", "data":["token", {"token":"{{token}}"}] }"#;
        assert_eq!(filled, expected);
        assert_eq!(mark("plain", &find("plain")), "plain");
    }
}
