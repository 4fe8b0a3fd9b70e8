//! `--to-curl`: the command line of curl that makes the same handshake, quoted for a POSIX shell. Pure.
//!
//! Secrets are left out of it, unless the caller asks for them.

use super::options::{Meaning, OPTIONS};
use crate::cli::args::tls::file_and_password;
use crate::secret::{REDACTED, is_secret_header};
use crate::units;

/// Options that say nothing of the handshake, or that the request has already.
const NOT_PASSED: &[&str] = &[
    "user",
    "oauth2-bearer",
    "aws-sigv4",
    "output",
    "verbose",
    "http1.1",
    "http2",
    "http2-prior-knowledge",
];

/// Headers that curl would send of its own accord.
const OF_CURL: &[&str] = &["Accept", "User-Agent"];

/// An option with its value, if it takes one.
pub type Passed = (String, Option<String>);

/// What the command line is made of.
#[derive(Debug)]
pub struct Command<'a> {
    /// `http://` or `https://`, without userinfo.
    pub url: &'a str,
    /// The Host header that follows from the URL.
    pub authority: &'a str,
    /// `NAME:PASSWORD` of Basic authentication, in place of its header.
    pub user: Option<&'a str>,
    /// The request's own, as they may be shown.
    pub headers: &'a [(String, String)],
    /// The options of the command line that curl has too.
    pub passed: &'a [Passed],
    pub includes_secrets: bool,
}

/// Whether an option has the same name and meaning in curl, and belongs into its command line.
pub fn is_passed(name: &str) -> bool {
    let same = |meaning| matches!(meaning, Meaning::Same | Meaning::Proxy(_));
    let mut options = OPTIONS.iter().filter(|option| same(option.meaning));
    !NOT_PASSED.contains(&name) && options.any(|option| option.long == name)
}

/// Writes the command line, an option a line.
pub fn export(command: &Command<'_>) -> String {
    let mut parts = vec!["curl --include --no-buffer --http1.1".to_owned()];
    if command.url.contains(['[', ']', '{', '}']) {
        parts.push("--globoff".to_owned());
    }
    for (name, value) in command.passed {
        parts.push(match value {
            None => format!("--{name}"),
            Some(value) => format!("--{name} {}", quoted(&option_value(name, value, command))),
        });
    }
    parts.extend(command.user.map(|user| format!("--user {}", quoted(user))));
    for name in OF_CURL {
        if !command
            .headers
            .iter()
            .any(|(it, _)| it.eq_ignore_ascii_case(name))
        {
            parts.push(format!("--header '{name}:'"));
        }
    }
    let has_host = command
        .headers
        .iter()
        .any(|(it, _)| it.eq_ignore_ascii_case("host"));
    parts.extend((!has_host).then(|| "--header 'Host:'".to_owned()));
    for (name, value) in command.headers {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("host") && value == command.authority || is("authorization") && command.user.is_some()
        {
            continue;
        }
        let line = match value.as_str() {
            "" => format!("{name};"),
            value => format!("{name}: {value}"),
        };
        parts.push(format!("--header {}", quoted(&line)));
    }
    parts.push(quoted(command.url));
    parts.join(" \\\n  ") + "\n"
}

/// The value of an option as curl takes it, without its secret.
fn option_value(name: &str, value: &str, command: &Command<'_>) -> String {
    if matches!(name, "connect-timeout" | "max-time")
        && let Ok(time) = units::duration(value)
    {
        return time.as_secs_f64().to_string();
    }
    if command.includes_secrets {
        return value.to_owned();
    }
    match name {
        "pass" => REDACTED.to_owned(),
        "proxy-user" => without_password(value),
        "cert" => match file_and_password(value).1 {
            Some(password) => {
                let file = &value[..value.len() - password.len()];
                format!("{file}{REDACTED}")
            }
            None => value.to_owned(),
        },
        "proxy-header" => match value.split_once(':') {
            Some((name, _)) if is_secret_header(name) => format!("{name}: {REDACTED}"),
            _ => value.to_owned(),
        },
        "proxy" | "socks4" | "socks4a" | "socks5" | "socks5-hostname" => {
            let at = value.find("://").map_or(0, |at| at + "://".len());
            let (scheme, rest) = value.split_at(at);
            match rest.rsplit_once('@') {
                Some((user, host)) => format!("{scheme}{}@{host}", without_password(user)),
                None => value.to_owned(),
            }
        }
        _ => value.to_owned(),
    }
}

/// `NAME:PASSWORD` without the password.
pub fn without_password(user: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) => format!("{name}:{REDACTED}"),
        None => user.to_owned(),
    }
}

/// `text` as one word of a POSIX shell. Control characters are written as escapes, which bash, zsh and
/// ksh read.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped = text.chars().map(|c| match c {
        '\'' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(passed: &[(&str, Option<&str>)], includes_secrets: bool) -> String {
        let owned =
            |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        let passed: Vec<Passed> = passed.iter().map(owned).collect();
        export(&Command {
            url: "http://h/",
            authority: "h",
            user: None,
            headers: &[
                ("Host".to_owned(), "h".to_owned()),
                ("User-Agent".to_owned(), "w".to_owned()),
            ],
            passed: &passed,
            includes_secrets,
        })
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (text, word) in [
            ("a/b:c", "a/b:c"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's $x `y` \\", r"'it'\''s $x `y` \'"),
            ("a\tb'\\", r"$'a\u0009b\'\\'"),
        ] {
            assert_eq!(quoted(text), word, "{text}");
        }
    }

    #[test]
    fn secrets_of_options_are_left_out() {
        for (name, value, shown) in [
            ("pass", "pw", "'[redacted]'"),
            ("proxy-user", "u:pw", "'u:[redacted]'"),
            ("cert", "c.pem:pw", "'c.pem:[redacted]'"),
            ("cert", "c.pem", "c.pem"),
            ("cert", "c.pem:p/w:x", "'c.pem:[redacted]'"),
            ("cert", r"c\:d.pem:p\w", r"'c\:d.pem:[redacted]'"),
            ("cert", r"c\:d.pem", r"'c\:d.pem'"),
            ("proxy", "http://u:pw@p:1", "'http://u:[redacted]@p:1'"),
            ("proxy", "u:pw@p:1", "'u:[redacted]@p:1'"),
            ("socks5", "u:p@w@p:1", "'u:[redacted]@p:1'"),
            ("proxy", "p:1", "p:1"),
            (
                "proxy-header",
                "Authorization: pw",
                "'Authorization: [redacted]'",
            ),
            ("max-time", "500ms", "0.5"),
        ] {
            let line = exported(&[(name, Some(value))], false);
            assert!(line.contains(&format!("--{name} {shown} ")), "{line}");
        }
        assert!(exported(&[("pass", Some("pw"))], true).contains("--pass pw "));
    }

    #[test]
    fn what_curl_would_add_is_turned_off() {
        assert_eq!(
            exported(&[("insecure", None)], false),
            "curl --include --no-buffer --http1.1 \\\n  --insecure \\\n  --header 'Accept:' \\\n  \
             --header 'User-Agent: w' \\\n  http://h/\n"
        );
    }
}
