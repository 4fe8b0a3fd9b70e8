//! The opening request (RFC 6455 §4.1), built from options. Pure.

use std::fmt;

use crate::auth::placement::ResolvedCredentials;
use crate::error::Error;
use crate::http_token::is_http_token;
use crate::secret::{REDACTED, Redactor, is_secret_header};
use crate::uri::Target;
use crate::wire::extension;

/// Shorter values of a cookie are words such as `dark` more often than secrets, in bytes.
const SHORTEST_COOKIE: usize = 8;

/// What the user asked for; the rest of the request follows from the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-H`, in order.
    pub headers: Vec<HeaderLine>,
    pub origin: Option<String>,
    /// `-A`; `None` is `wirecat/VERSION`.
    pub user_agent: Option<String>,
    /// `--subprotocol`, in order of preference.
    pub subprotocols: Vec<String>,
    /// The value of the Cookie header.
    pub cookies: Option<String>,
    pub extensions: extension::Options,
}

/// One `-H`.
#[derive(Clone, PartialEq, Eq)]
pub enum HeaderLine {
    /// `Name: value`, and `Name;` for an empty value.
    Set(String, String),
    /// `Name:` removes one of wirecat's own headers.
    Remove(String),
}

impl HeaderLine {
    /// Parses `Name: value`, `Name;` or `Name:`.
    ///
    /// # Errors
    /// Exit 2 for a name that is not an HTTP token, or a value with a control character: a line
    /// break there would inject a second header.
    pub fn parse(line: &str) -> Result<HeaderLine, Error> {
        let wrong = |why: &str| {
            Error::usage(format!("header '{}': {why}", shown_name(line)))
                .advice("-H 'Name: value', 'Name;' for an empty value, 'Name:' to leave one out")
        };
        let (name, value) = match (line.split_once(':'), line.strip_suffix(';')) {
            (Some((name, value)), _) => (name, Some(value.trim_matches([' ', '\t']))),
            (None, Some(name)) => (name, None),
            (None, None) => return Err(wrong("there is no colon")),
        };
        if !is_http_token(name) {
            return Err(wrong(
                "the name is empty or contains a character not allowed in header names",
            ));
        }
        let name = name.to_owned();
        match value {
            Some(value) if value.chars().any(|c| c.is_control() && c != '\t') => {
                Err(wrong("the value contains a control character"))
            }
            Some("") => Ok(HeaderLine::Remove(name)),
            Some(value) => Ok(HeaderLine::Set(name, value.to_owned())),
            None => Ok(HeaderLine::Set(name, String::new())),
        }
    }

    /// The name of the header.
    pub fn name(&self) -> &str {
        match self {
            HeaderLine::Set(name, _) | HeaderLine::Remove(name) => name,
        }
    }
}

impl fmt::Debug for HeaderLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderLine::Set(name, _) if is_secret_header(name) => {
                write!(f, "Set({name:?}, {REDACTED})")
            }
            HeaderLine::Set(name, value) => write!(f, "Set({name:?}, {value:?})"),
            HeaderLine::Remove(name) => write!(f, "Remove({name:?})"),
        }
    }
}

impl Options {
    /// Adds the values of headers that are secret by their name to `redactor`.
    pub fn hide_secrets(&self, redactor: &Redactor) {
        for line in &self.headers {
            if let HeaderLine::Set(name, value) = line
                && is_secret_header(name)
            {
                redactor.add(value);
                if let Some((_, credentials)) = value.split_once(' ') {
                    redactor.add(credentials);
                }
                if name.eq_ignore_ascii_case("cookie") {
                    hide_cookies(value, redactor);
                }
            }
        }
        if let Some(cookies) = &self.cookies {
            redactor.add(cookies);
            hide_cookies(cookies, redactor);
        }
    }
}

/// Adds the values of a Cookie header to `redactor`.
fn hide_cookies(header: &str, redactor: &Redactor) {
    cookie_values(header).for_each(|value| redactor.add(value));
}

/// The values of a Cookie header that are long enough to be a session's.
fn cookie_values(header: &str) -> impl Iterator<Item = &str> {
    let pairs = header.split(';').filter_map(|pair| pair.split_once('='));
    let values = pairs.map(|(_, value)| value.trim());
    values.filter(|value| value.len() >= SHORTEST_COOKIE)
}

/// Redacts a header that does not parse: a secret may follow its colon.
fn shown_name(line: &str) -> &str {
    line.split([':', '\r', '\n']).next().unwrap_or_default()
}

/// A request ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub path_and_query: String,
    pub headers: Vec<(String, String)>,
    /// The local limits on the extensions that `headers` offer.
    pub extensions: extension::Options,
}

impl Request {
    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every subprotocol that the request offers, from `--subprotocol` or `-H`.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.all("sec-websocket-protocol")
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
    }

    /// Every extension that the request offers, from wirecat or `-H`.
    pub fn offered_extensions(&self) -> String {
        let values: Vec<&str> = self.all("sec-websocket-extensions").collect();
        values.join(", ")
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Builds the request. `key` is 16 random bytes in base64 (RFC 6455 §4.1 item 7).
///
/// A header given with `-H` replaces wirecat's own header of that name; a name given more than once
/// is sent more than once.
pub fn build(
    target: &Target,
    options: &Options,
    placed: &ResolvedCredentials,
    key: String,
) -> Request {
    let mut headers = own_headers(target, options, placed, key);
    headers.retain(|(name, _)| {
        !options
            .headers
            .iter()
            .any(|line| line.name().eq_ignore_ascii_case(name))
    });
    for line in &options.headers {
        if let HeaderLine::Set(name, value) = line {
            headers.push((name.clone(), value.clone()));
        }
    }
    Request {
        path_and_query: target.path_and_query(),
        headers,
        extensions: options.extensions,
    }
}

fn own_headers(
    target: &Target,
    options: &Options,
    placed: &ResolvedCredentials,
    key: String,
) -> Vec<(String, String)> {
    let agent = concat!("wirecat/", env!("CARGO_PKG_VERSION"));
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    add("Host", target.authority());
    add("Upgrade", "websocket".to_owned());
    add("Connection", "Upgrade".to_owned());
    add("Sec-WebSocket-Key", key);
    add("Sec-WebSocket-Version", "13".to_owned());
    if let Some(offer) = extension::offer(&options.extensions) {
        add("Sec-WebSocket-Extensions", offer);
    }
    if let Some(origin) = &options.origin {
        add("Origin", origin.clone());
    }
    match options.user_agent.as_deref() {
        // As in curl, an empty agent sends none.
        Some("") => {}
        given => add("User-Agent", given.unwrap_or(agent).to_owned()),
    }
    let token = placed
        .subprotocol
        .as_ref()
        .map(|secret| secret.expose().to_owned());
    let offered: Vec<String> = options.subprotocols.iter().cloned().chain(token).collect();
    if !offered.is_empty() {
        add("Sec-WebSocket-Protocol", offered.join(", "));
    }
    for (name, value) in &placed.headers {
        add(name, value.expose().to_owned());
    }
    if let Some(cookies) = &options.cookies {
        add("Cookie", cookies.clone());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn built(lines: &[&str]) -> Vec<String> {
        let options = Options {
            headers: lines
                .iter()
                .map(|line| HeaderLine::parse(line).unwrap())
                .collect(),
            ..Options::default()
        };
        let target = Target::parse("ws://h:81/x?y").unwrap();
        let request = build(
            &target,
            &options,
            &ResolvedCredentials::default(),
            "KEY".into(),
        );
        request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn each_value_of_a_cookie_is_a_secret() {
        let line = HeaderLine::parse("Cookie: theme=dark; sid=0123456789").unwrap();
        let options = Options {
            headers: vec![line],
            ..Options::default()
        };
        let redactor = Redactor::default();
        options.hide_secrets(&redactor);
        let redacted = redactor.redact("dark 0123456789");
        assert_eq!(redacted, "dark [redacted]");
    }

    #[test]
    fn the_plain_request() {
        let expected = [
            "Host: h:81",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: KEY",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            concat!("User-Agent: wirecat/", env!("CARGO_PKG_VERSION")),
        ];
        assert_eq!(built(&[]), expected);
    }

    #[test]
    fn user_headers_replace_repeat_and_remove() {
        let headers = built(&[
            "host: other",
            "X-A: 1",
            "X-A: 2",
            "User-Agent:",
            "X-E;",
            "sec-websocket-version: 8",
        ]);
        assert_eq!(
            headers[4..],
            [
                "host: other",
                "X-A: 1",
                "X-A: 2",
                "X-E: ",
                "sec-websocket-version: 8"
            ]
        );
        assert!(
            !headers
                .iter()
                .any(|header| header.starts_with("User-Agent"))
        );
    }

    #[test]
    fn extensions_are_offered_by_default_by_header_or_not_at_all() {
        let offered = |lines: &[&str]| -> Vec<String> {
            let headers = built(lines).into_iter();
            headers
                .filter_map(|line| Some(line.split_once("Extensions: ")?.1.to_owned()))
                .collect()
        };
        assert_eq!(offered(&[]), ["permessage-deflate; client_max_window_bits"]);
        let by_hand = [
            "sec-websocket-Extensions: x-foo",
            "sec-websocket-Extensions: x-bar",
        ];
        assert_eq!(offered(&by_hand), ["x-foo", "x-bar"]);
        assert!(offered(&["Sec-WebSocket-Extensions:"]).is_empty());
    }

    #[test]
    fn a_header_injection_is_refused_and_not_shown() {
        for line in ["X-A: 1\r\nX-B: 2", "no colon", ": x", "X A: 1"] {
            let error = HeaderLine::parse(line).unwrap_err();
            assert!(!error.message.contains("X-B"), "{error}");
        }
        let error = HeaderLine::parse("Authorization: s3cret\n").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn tokens_are_put_into_their_places() {
        let placed = ResolvedCredentials {
            headers: vec![("X-Token".into(), Secret::new("h"))],
            subprotocol: Some(Secret::new("tok")),
            ..ResolvedCredentials::default()
        };
        let options = Options {
            subprotocols: vec!["chat".into()],
            ..Options::default()
        };
        let request = build(
            &Target::parse("ws://h/").unwrap(),
            &options,
            &placed,
            "K".into(),
        );
        assert_eq!(request.header("x-token"), Some("h"));
        assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "tok"]);
    }
}
