//! Whether a typed line looks as if it held a password or token, so that it is kept out of the history.
//! Pure. It errs on the side of caution: a line too many is typed again, a token too many is lost.

use crate::message::KIND_MEMBERS;
use crate::secret::{self, REDACTED};
use crate::uri::UrlSource;

/// Parts of names whose value is a secret, in lower case, without `-`, `_` and spaces.
const PARTS: &[&str] = &[
    "authorization",
    "accesskey",
    "apikey",
    "authkey",
    "clientkey",
    "cookie",
    "credential",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "session",
    "signature",
    "token",
    "xauth",
];

/// Names whose value is a secret, but which are parts of harmless words.
const WHOLE: &[&str] = &[
    "auth", "bearer", "otp", "pass", "passcode", "pin", "pwd", "sid", "totp",
];

/// The same, in a query only: elsewhere they are usually harmless.
const IN_A_QUERY: &[&str] = &["code", "key", "sig"];

/// Messages of this kind carry a secret in another member: `{"event":"token","data":"…"}`.
const KINDS: &[&str] = &["auth", "authenticate", "authorize", "login", "signin"];

/// Words after which a secret follows without a sign in between.
const FOLLOWED: &[&str] = &[
    "auth", "basic", "bearer", "login", "pass", "password", "token",
];

/// The longest line that is looked at, in bytes; a longer one counts as confidential.
const LONGEST: usize = 1024 * 1024;

/// Whether a line looks as if it held a secret.
pub(super) fn is_confidential(line: &str) -> bool {
    line.len() > LONGEST
        || sets_a_secret(line)
        || computes_a_url(line)
        || has_userinfo(line)
        || has_json_web_token(line)
        || names_a_secret(line)
        || names_a_secret(&unescaped(line))
}

/// `/set NAME …`, `/token …`, `AUTH …`, `Bearer …`
fn sets_a_secret(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    if first == "/set" {
        return words.next().is_some_and(is_secret_name);
    }
    let mut before = first.trim_start_matches('/');
    // In the middle of a line these are words of a sentence, but for `Bearer` and options.
    for word in words {
        let is_sign = matches!(word, "=" | ":" | "|");
        let label = before.trim_start_matches(['"', '\'', '-']);
        if !is_sign && FOLLOWED.iter().any(|it| it.eq_ignore_ascii_case(label)) {
            let begins = before == first.trim_start_matches('/');
            return begins || before.starts_with("--") || label.eq_ignore_ascii_case("bearer");
        }
        before = word;
    }
    false
}

/// `/connect cmd:COMMAND`, of which the arguments are shown nowhere either.
fn computes_a_url(line: &str) -> bool {
    let url = line.trim_start().strip_prefix("/connect ");
    let source = url.and_then(|url| UrlSource::parse(url.trim()));
    source.is_some_and(|source| source.to_string().contains(REDACTED))
}

/// `scheme://user:password@host`
fn has_userinfo(line: &str) -> bool {
    line.match_indices("://").any(|(at, sign)| {
        let rest = &line[at + sign.len()..];
        let end = rest.find(|c: char| "/?# \t\n\"'".contains(c));
        rest[..end.unwrap_or(rest.len())].contains('@')
    })
}

/// `eyJ….….…` (RFC 7519)
fn has_json_web_token(line: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    line.split(|c| !is_part(c))
        .any(|word| word.starts_with("eyJ") && word.matches('.').count() >= 2)
}

/// Whether a name is followed by a value: `"token":"x"`, `Authorization: x`, `?token=x`. A name may
/// stand in JSON within JSON, and the text need not be valid.
fn names_a_secret(line: &str) -> bool {
    let mut names = Names { line, at: 0 };
    names.any(|(name, sign, value)| match sign {
        _ if has_no_value(name, value) => false,
        '=' if IN_A_QUERY.contains(&&*normal(name)) => true,
        ':' if KIND_MEMBERS.contains(&&*normal(name)) => is_secret_kind(value),
        _ => is_secret_name(name),
    })
}

/// `"token":{`, `"tokens":5` and `{{token}}`: the value is elsewhere, a count, or a variable's.
fn has_no_value(name: &str, value: &str) -> bool {
    let counts = name.to_ascii_lowercase().ends_with("tokens");
    value.is_empty()
        || value.starts_with("{{")
        || ["null", "true", "false"]
            .iter()
            .any(|it| value.starts_with(it))
        || (counts && value.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_secret_kind(value: &str) -> bool {
    let end = value.find(|c: char| !is_name_char(c));
    let kind = normal(&value[..end.unwrap_or(value.len())]);
    KINDS.contains(&&*kind) || is_secret_name(&kind)
}

fn is_secret_name(name: &str) -> bool {
    let letters = normal(name);
    // A member `key` is that of a pair more often than a secret.
    let is_known = letters != "key" && secret::is_secret_name(name);
    is_known || WHOLE.contains(&&*letters) || PARTS.iter().any(|part| letters.contains(part))
}

fn normal(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' '));
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// With the escapes of JSON that can stand for letters replaced.
fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\\u") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6);
        let found = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        match found {
            Some(c) => {
                out.push(c);
                rest = &rest[at + 6..];
            }
            None => {
                out.push_str("\\u");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Every name that a `:` or `=` follows: the name, the sign, and the text of the value.
struct Names<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Iterator for Names<'a> {
    type Item = (&'a str, char, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
        loop {
            let found = self.line.get(self.at..)?.find([':', '='])? + self.at;
            self.at = found + 1;
            let before = self.line[..found].trim_end_matches(quotes);
            let start = before
                .char_indices()
                .rev()
                .take_while(|(_, c)| is_name_char(*c))
                .last();
            let Some((start, _)) = start else {
                continue;
            };
            let sign = if self.line[found..].starts_with(':') {
                ':'
            } else {
                '='
            };
            let value = self.line[found + 1..].trim_start_matches(quotes);
            return Some((&before[start..], sign, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_secret() {
        for line in [
            r#"{"token":"x"}"#,
            r#"{"a":[{"b":{"Api-Key" : "x"}}]}"#,
            r#"{"user_password":1234}"#,
            r#"{"pass":"x"}"#,
            r#"{"auth":"x"}"#,
            r#"{"session_id":"x"}"#,
            r#"{"event":"token","data":"x"}"#,
            r#"{"type":"auth","key":"x"}"#,
            r#"{"op" : "login", "args":["x"]}"#,
            r#"{"data":"{\"token\":\"x\"}"}"#,
            r#"{"pass\u0077ord":"x"}"#,
            r#"{"a":1, "access_token":"x"#,
            "{\n  \"secret\": \"x\"\n}",
            "/send {\"token\":\"x\"}",
            "/connect cmd:./ticket.sh --key x",
            " /connect  cmd:KEY=x ./ticket.sh",
            "/queue {\"apiKey\":\"x\"}",
            "/set token x",
            "/set my_password = .data.p",
            "/set API-KEY x",
            "/connect wss://u:p@host/",
            "/connect wss://host/?token=x",
            "/connect wss://host/?a=1&key=x",
            "Authorization: Bearer x",
            "cookie: a=b",
            "AUTH x",
            "PASS x",
            "/send AUTH eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "/m sub token=x",
            "!curl -H 'Authorization: x' http://h",
            "!tool --token x",
            "x Bearer abc",
        ] {
            assert!(is_confidential(line), "{line}");
        }
    }

    #[test]
    fn lines_without() {
        for line in [
            "",
            "hello",
            "the password was changed",
            "a token ring",
            r#"{"op":"sub","channel":"news"}"#,
            r#"{"event":"message","data":"hi","room":"news"}"#,
            r#"{"max_tokens":100}"#,
            r#"{"token":null}"#,
            r#"{"event":"token","data":"#,
            r#"{"token":"{{token}}"}"#,
            r#"{"key":"value"}"#,
            r#"{"author":"x","compass":"n"}"#,
            "/set user = .data.user",
            "/connect wss://host/path?x=1",
            "/connect cmd:./ticket.sh",
            "/connect @ticket.url",
            "/close 4001 bye",
            "mail me at a@b.c",
        ] {
            let expected = line == r#"{"event":"token","data":"#;
            assert_eq!(is_confidential(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_without_a_name_is_looked_through_once() {
        assert!(!is_confidential(&":".repeat(100_000)));
        assert!(is_confidential(&"x".repeat(LONGEST + 1)));
    }
}
