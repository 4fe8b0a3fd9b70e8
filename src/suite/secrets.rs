//! The secrets of scripts: given variables and captures that are named like one, and what a script has
//! as literals. The redactor of the run learns of them before anything can be shown.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::options::Request;
use crate::auth::sources::Source;
use crate::script::ast::Open;
use crate::script::subprotocol_token;
use crate::secret::{Redactor, is_secret_header, is_secret_name};
use crate::template::{self, json_text};
use crate::uri::is_secret_parameter;

/// Options whose value is a secret.
const SECRETS: &[&str] = &["token", "oauth2-bearer", "pass", "cookie"];
/// Options with a secret after a colon.
const PASSWORDS: &[&str] = &["user", "proxy-user", "cert"];
/// Options whose value is a header.
const HEADERS: &[&str] = &["header", "proxy-header"];
/// An option whose values are subprotocols, among which there may be a token.
const SUBPROTOCOL: &str = "subprotocol";
/// The header with all of them.
const OFFERED: &str = "sec-websocket-protocol";

/// Adds the values of variables that are named like secrets.
pub fn hide_variables(variables: &BTreeMap<String, String>, redactor: &Redactor) {
    let secrets = variables.iter().filter(|(name, _)| is_secret_name(name));
    secrets.for_each(|(_, value)| hide("", value, redactor));
}

/// Adds a captured value that is named like a secret. Texts and numbers are hidden, also inside of lists and
/// objects.
pub(super) fn hide_captured(name: &str, value: &Json, redactor: &Redactor) {
    if is_secret_name(name) {
        hide_json(value, redactor);
    }
}

fn hide_json(value: &Json, redactor: &Redactor) {
    match value {
        Json::String(text) => hide("", text, redactor),
        Json::Number(number) => redactor.add_given(&number.to_string()),
        Json::Array(values) => values.iter().for_each(|it| hide_json(it, redactor)),
        Json::Object(members) => members.values().for_each(|it| hide_json(it, redactor)),
        Json::Null | Json::Bool(_) => {}
    }
}

/// Adds the literal secrets of a connection, as they are written. They are kept for good.
pub(super) fn hide_written(open: &Open, redactor: &Redactor) {
    let written = Redactor::default();
    hide_url(&open.url.value, &written);
    for header in &open.headers {
        hide_header(&header.value.name, &header.value.value, &written);
    }
    for option in &open.options {
        if let Some(value) = &option.value.value {
            hide_option(&option.value.name, value, &written);
        }
    }
    let offered = open
        .options
        .iter()
        .filter(|it| it.value.name == SUBPROTOCOL);
    let offered = offered.filter_map(|it| it.value.value.as_deref());
    hide_offered(offered, &written);
    written.keep();
    redactor.add_all(&written);
}

/// Adds the secrets of a connection whose variables are filled in.
pub(super) fn hide_filled(request: &Request, redactor: &Redactor) {
    hide_url(&request.url, redactor);
    for (name, value) in &request.headers {
        hide_header(name, value, redactor);
    }
    for (name, value) in &request.settings {
        if let Some(value) = value {
            hide_option(name, value, redactor);
        }
    }
    let offered = request
        .settings
        .iter()
        .filter(|(name, _)| name == SUBPROTOCOL);
    hide_offered(offered.filter_map(|(_, value)| value.as_deref()), redactor);
}

/// The tokens among subprotocols, of which each text has one or more.
fn hide_offered<'a>(offered: impl Iterator<Item = &'a str>, redactor: &Redactor) {
    let subprotocols = offered.flat_map(|it| it.split(',')).map(str::trim);
    let tokens = subprotocol_token::find(subprotocols);
    tokens
        .into_iter()
        .flatten()
        .for_each(|it| hide("", it, redactor));
}

/// Adds what may be a secret in the text of a script with errors, of which nothing else is known. More is
/// hidden than of a script that can be run: who mends it has the file.
pub(super) fn hide_text(text: &str, redactor: &Redactor) {
    let mut is_capture = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with(['[', '#', '>', '<', '@']) || line.starts_with("WEBSOCKET") {
            is_capture = line.starts_with("[Captures");
        }
        for word in line.split_whitespace() {
            if word.contains("://") || line.starts_with("WEBSOCKET") {
                hide_url(word, redactor);
            }
        }
        hide_named(line, is_capture, redactor);
    }
}

/// Adds what follows the name of a secret at the beginning of a line, whatever stands between them.
fn hide_named(line: &str, is_capture: bool, redactor: &Redactor) {
    let divides = |c: char| c == ':' || c == '=' || c.is_whitespace();
    let Some((name, rest)) = line
        .find(divides)
        .and_then(|end| line.split_at_checked(end))
    else {
        return;
    };
    let value = rest.trim_start_matches(divides);
    let label = line.strip_suffix(value).unwrap_or_default();
    let name = name.trim_start_matches(['-', '@']).to_ascii_lowercase();
    if HEADERS.contains(&&*name) {
        return hide_named(value, is_capture, redactor);
    }
    if name == SUBPROTOCOL || name == OFFERED {
        return hide_offered([value].into_iter(), redactor);
    }
    let is_option = SECRETS.contains(&&*name) || PASSWORDS.contains(&&*name);
    // An option `key` is a file.
    let is_secret = is_secret_header(&name) || (name != "key" && is_secret_name(&name));
    let is_query = is_capture && (value.starts_with('.') || value.starts_with("header "));
    // An error about a variable shows its place.
    let mut parts = value.split(divides).filter(|it| !it.is_empty());
    let is_variable = parts.next_back().is_some_and(is_placeholder) && parts.count() <= 1;
    let is_known = is_query || is_variable || Source::is_reference(value);
    if !(is_option || is_secret) || is_known {
        return;
    }
    hide(label, value, redactor);
    for divider in [' ', ':'] {
        if let Some((_, credentials)) = value.split_once(divider) {
            hide("", credentials.trim(), redactor);
        }
    }
    hide_cookies(value, redactor);
}

/// The password of a URL, and the values of parameters that are secret by their name. The URL need not
/// be a valid one.
fn hide_url(url: &str, redactor: &Redactor) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = before.split('/').next().unwrap_or_default();
    // A password with a slash in it is not valid, and no less a secret. What begins like a port is none.
    let has_user = authority.contains('@');
    let part = if has_user { authority } else { before };
    if let Some((user, _)) = part.rsplit_once('@')
        && let Some((user, password)) = user.split_once(':')
        && (has_user || !password.starts_with(|c: char| c.is_ascii_digit()))
    {
        hide_encoded(&format!("{user}:"), password, redactor);
    }
    for pair in query.split('&').chain(fragment.split('&')) {
        if let Some((name, value)) = pair.split_once('=') {
            let decoded = percent_decode_str(name).decode_utf8_lossy();
            if is_secret_parameter(name) || is_secret_name(&decoded) {
                hide_encoded(&format!("{name}="), value, redactor);
            }
        }
    }
}

fn hide_header(name: &str, value: &str, redactor: &Redactor) {
    if name.eq_ignore_ascii_case(OFFERED) {
        hide_offered([value].into_iter(), redactor);
    }
    if !is_secret_header(name) {
        return;
    }
    hide(&format!("{name}: "), value, redactor);
    if let Some((_, credentials)) = value.split_once(' ') {
        hide("", credentials.trim(), redactor);
    }
    if name.eq_ignore_ascii_case("cookie") {
        hide_cookies(value, redactor);
    }
}

fn hide_option(name: &str, value: &str, redactor: &Redactor) {
    let label = format!("{name}: ");
    match name {
        "token" if Source::is_reference(value) => {}
        "cookie" if !value.contains('=') => {}
        "cookie" => {
            hide(&label, value, redactor);
            hide_cookies(value, redactor);
        }
        _ if SECRETS.contains(&name) => {
            let literal = value.strip_prefix('@').filter(|it| it.starts_with('@'));
            hide(&label, literal.unwrap_or(value), redactor);
        }
        _ if PASSWORDS.contains(&name) => {
            if let Some((before, password)) = value.split_once(':') {
                hide(&format!("{before}:"), password, redactor);
            }
        }
        _ if HEADERS.contains(&name) => {
            if let Some((name, value)) = value.split_once(':') {
                hide_header(name.trim(), value.trim(), redactor);
            }
        }
        "proxy" => hide_url(value, redactor),
        _ if value.contains("://") && !value.starts_with(['{', '[']) => hide_url(value, redactor),
        _ => {}
    }
}

fn hide_cookies(cookies: &str, redactor: &Redactor) {
    let values = cookies.split(';').filter_map(|pair| pair.split_once('='));
    values.for_each(|(_, value)| redactor.add(value.trim().trim_matches('"')));
}

/// A secret in a URL, as it is and decoded.
fn hide_encoded(label: &str, secret: &str, redactor: &Redactor) {
    hide(label, secret, redactor);
    let decoded = percent_decode_str(secret).decode_utf8_lossy();
    if decoded != secret {
        hide("", &decoded, redactor);
    }
}

/// A secret in all its forms. A very short one is redacted after its label only. What is a variable
/// alone is none.
fn hide(label: &str, secret: &str, redactor: &Redactor) {
    if is_placeholder(secret) {
        return;
    }
    if label.is_empty() {
        redactor.add_given(secret);
    } else {
        redactor.add_after(label, secret);
    }
    for form in template::forms(secret) {
        redactor.add_given(&form);
    }
    // A message in JSON may stand in a string of JSON, as in a recording.
    let in_json = json_text(secret);
    redactor.add_given(&json_text(&in_json));
    if secret.contains('/') {
        // As PHP writes it.
        let in_json = in_json.replace('/', "\\/");
        let within = json_text(&in_json);
        for form in [&in_json, &within, &within.replace('/', "\\/")] {
            redactor.add_given(form);
        }
    }
}

fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix("{{").and_then(|it| it.strip_suffix("}}"));
    name.is_some_and(|name| template::is_name(name) || name.starts_with('$'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literal_secrets_of_a_url_are_hidden() {
        for (url, shown) in [
            ("ws://bob:hunter2@h/x", "ws://bob:[redacted]@h/x"),
            ("ws://bob:PW@h/x", "ws://bob:[redacted]@h/x"),
            ("ws://bob:a/b@h:99999/x", "ws://bob:[redacted]@h:99999/x"),
            ("h/x?a=12345&token=TOK", "h/x?a=12345&token=[redacted]"),
            ("h/x?my_token=12345#f", "h/x?my_token=[redacted]#f"),
            ("h/x?token={{token}}", "h/x?token={{token}}"),
            ("ws://h:8080/@me", "ws://h:8080/@me"),
        ] {
            let redactor = Redactor::default();
            hide_url(url, &redactor);
            assert_eq!(redactor.redact(url), shown);
        }
    }

    #[test]
    fn literal_secrets_of_options_are_hidden() {
        for (name, value, shown) in [
            ("user", "a:PW", "a:[redacted]"),
            ("user", "alice", "alice"),
            ("cert", "x.pem:PASS", "x.pem:[redacted]"),
            ("oauth2-bearer", "SECRET", "[redacted]"),
            ("token", "env:TOKEN", "env:TOKEN"),
            ("token", "@@literal", "@[redacted]"),
            ("token-via", "message", "message"),
            ("cookie", "jar.txt", "jar.txt"),
            ("cookie", "sid=abcd1234", "[redacted]"),
            ("proxy", "http://u:hunter2@h:1", "http://u:[redacted]@h:1"),
            ("header", "X-Api-Key: abcd", "X-Api-Key: [redacted]"),
            ("header", "X-Room: abcd", "X-Room: abcd"),
        ] {
            let redactor = Redactor::default();
            hide_option(name, value, &redactor);
            assert_eq!(redactor.redact(value), shown);
        }
    }

    #[test]
    fn secrets_in_the_lines_of_a_script_with_errors_are_hidden() {
        for (text, shown) in [
            (
                "WEBSOCKET ws://bob:S3CRpw@localhost:80800/?token=S3CRq",
                "WEBSOCKET ws://bob:[redacted]@localhost:80800/?token=[redacted]",
            ),
            (
                "WEBSOCKET b:S3CRpw@h/?token=S3CRq extra",
                "WEBSOCKET b:[redacted]@h/?token=[redacted] extra",
            ),
            (
                "[Options]\n token = S3CRx",
                "[Options]\n token = [redacted]",
            ),
            ("[Options]\nuser S3CRx", "[Options]\nuser [redacted]"),
            ("pass: x", "pass: [redacted]"),
            ("Authorization Bearer S3CRx", "Authorization [redacted]"),
            ("authorization: Bearer S3CRx", "authorization: [redacted]"),
            ("header: X-Api-Key S3CRx", "header: X-Api-Key [redacted]"),
            (
                "subprotocol bearer, S3CRxy",
                "subprotocol bearer, [redacted]",
            ),
            ("@accessKey = S3CRx", "@accessKey = [redacted]"),
            ("[Captures]\ntoken: .a |", "[Captures]\ntoken: .a |"),
            ("[Options]\ntoken: .abc", "[Options]\ntoken: [redacted]"),
            ("token: env:TOKEN", "token: env:TOKEN"),
            ("Authorization: Bearer {{x}}", "Authorization: Bearer {{x}}"),
            ("user: bob:{{x}}", "user: bob:{{x}}"),
            ("token: ab{{x}}", "token: [redacted]"),
            ("key: client.pem", "key: client.pem"),
            ("> token is what", "> token is what"),
            ("token", "token"),
            ("Host: a.example", "Host: a.example"),
        ] {
            let redactor = Redactor::default();
            hide_text(text, &redactor);
            assert_eq!(redactor.redact(text), shown);
        }
        // Its parts are hidden elsewhere, too.
        let redactor = Redactor::default();
        hide_text("Authorization Bearer S3CRx\nuser: bob:S3CRpw", &redactor);
        assert_eq!(redactor.redact("S3CRx S3CRpw"), "[redacted] [redacted]");
    }

    #[test]
    fn tokens_among_subprotocols_are_hidden() {
        let request = Request {
            url: "ws://h".to_owned(),
            headers: vec![(
                "sec-websocket-protocol".to_owned(),
                "bearer, HSUB1234, chat".to_owned(),
            )],
            settings: vec![
                ("subprotocol".to_owned(), Some("access_token".to_owned())),
                (
                    "subprotocol".to_owned(),
                    Some("OSUB1234, graphql-ws".to_owned()),
                ),
            ],
        };
        let redactor = Redactor::default();
        hide_filled(&request, &redactor);
        assert_eq!(
            redactor.redact("bearer HSUB1234 chat access_token OSUB1234 graphql-ws"),
            "bearer [redacted] chat access_token [redacted] graphql-ws"
        );
    }

    #[test]
    fn a_secret_with_a_slash_is_hidden_as_php_writes_it() {
        let redactor = Redactor::default();
        hide("", "ab/c\"d", &redactor);
        for text in [
            r#"ab/c"d"#,
            r#"ab\/c\"d"#,
            r#"ab\\/c\\\"d"#,
            r#"ab\\\/c\\\"d"#,
        ] {
            assert_eq!(redactor.redact(text), "[redacted]", "{text}");
        }
    }

    #[test]
    fn captured_secrets_are_hidden_by_their_name() {
        let redactor = Redactor::default();
        let value = json!({"a": ["tok\"en", 12345]});
        hide_captured("access_token", &value, &redactor);
        hide_captured("room", &json!("news"), &redactor);
        assert_eq!(
            redactor.redact(r#"tok"en "tok\"en" 12345 tok%22en news"#),
            r#"[redacted] "[redacted]" [redacted] [redacted] news"#
        );
    }
}
