//! The URL as people write it, parsed into what to dial and what to request. Pure.

mod place;
mod source;

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

use crate::error::{Error, Exit, Stage};
use crate::secret::{REDACTED, Redactor, Secret};
pub use place::{HostPort, UnixSocket};
pub use source::UrlSource;

/// Query parameters whose value is never shown.
const SECRET_PARAMETERS: &[&str] = &[
    "token",
    "access_token",
    "auth_token",
    "id_token",
    "jwt",
    "key",
    "api_key",
    "apikey",
    "api-key",
    "secret",
    "password",
    "sig",
    "signature",
    "ticket",
    "session",
    "auth",
    "authorization",
    "passwd",
    "pwd",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
];

/// Characters that are encoded in the zone of an address: all but the unreserved ones (RFC 6874
/// section 2).
const ZONE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Shorter parts of a URL that is a secret as a whole are words such as `ws` or `v1`, in bytes.
const SHORTEST_PART: usize = 8;

/// A longer part of such a URL is a secret, even if it has nothing but letters, in bytes.
const LONGEST_WORD: usize = 15;

/// What is wrong with a URL, without the URL.
struct Fault {
    why: String,
    advice: Option<&'static str>,
}

impl Fault {
    fn advice(mut self, advice: &'static str) -> Fault {
        self.advice = Some(advice);
        self
    }

    /// The error, in which the URL is called `named`.
    fn error(self, named: &str) -> Error {
        let message = format!("malformed URL {named}: {}", self.why);
        let error = Error::new(Stage::Url, Exit::Url, message);
        match self.advice {
            Some(advice) => error.advice(advice),
            None => error,
        }
    }
}

fn fault(why: impl Into<String>) -> Fault {
    Fault {
        why: why.into(),
        advice: None,
    }
}

/// Where to connect and what to request.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// `wss` rather than `ws`.
    pub tls: bool,
    pub host: Host<String>,
    /// The zone of an IPv6 address, an interface's name or number: `eth0` in `[fe80::1%25eth0]`
    /// (RFC 6874). It has a meaning on this host only and is never sent.
    pub zone: Option<String>,
    pub port: u16,
    pub path: String,
    /// Without the `?`.
    pub query: Option<String>,
    pub user: Option<UserInfo>,
    /// The socket of a `ws+unix:` URL.
    pub unix: Option<UnixSocket>,
}

/// The `user:password@` of a URL, percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    pub name: String,
    pub password: Option<Secret>,
}

impl Target {
    /// Whether both are the same server, over the same kind of connection.
    pub fn is_same_server(&self, other: &Target) -> bool {
        let server = |target: &Target| (target.tls, target.host_port(), target.unix.clone());
        server(self) == server(other)
    }

    /// Parses a URL: `ws://`, `wss://`, `http(s)://` as `ws(s)://`, `host:port/path` as `ws://`,
    /// `:8080/x` as `ws://localhost:8080/x`, and `ws+unix:SOCKET:/path`.
    ///
    /// # Errors
    /// Exit 2 for a bare word (it may be a mistyped subcommand), exit 3 for anything malformed,
    /// including a fragment (RFC 6455 §3).
    pub fn parse(text: &str) -> Result<Target, Error> {
        refuse_bare_word(text)?;
        Target::read(text).map_err(|fault| fault.error(&quoted(text)))
    }

    /// Parses a URL that is a secret: `from` says in an error where it comes from.
    ///
    /// # Errors
    /// Exit 3 for anything malformed.
    pub fn parse_secret(text: &str, from: &str) -> Result<Target, Error> {
        let read = match is_bare_word(text) {
            true => Err(fault("it is a single word")),
            false => Target::read(text),
        };
        read.map_err(|fault| fault.error(&format!("from {from}")))
    }

    fn read(text: &str) -> Result<Target, Fault> {
        if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return Err(fault("it contains a space or control character")
                .advice("percent-encode it (%20 is a space)"));
        }
        if let Some(rest) = text.strip_prefix("ws+unix:") {
            return on_unix_socket(rest);
        }
        let (tls, rest) = split_scheme(text)?;
        if rest.starts_with(['/', '\\', '?', '#']) {
            // The WHATWG parser would skip slashes until it finds a host.
            return Err(fault("it has no host"));
        }
        let (rest, zone) = split_zone(rest).map_err(fault)?;
        let url = Url::parse(&format!("{}://{rest}", scheme_of(tls)))
            .map_err(|error| fault(error.to_string()))?;
        if url.fragment().is_some() {
            return Err(
                fault("a WebSocket URL has no fragment (RFC 6455 section 3)")
                    .advice("write %23 if the # belongs to the path or the query"),
            );
        }
        let host = url.host().ok_or_else(|| fault("it has no host"))?;
        Ok(Target {
            tls,
            host: host.to_owned(),
            zone,
            port: url.port().unwrap_or(default_port(tls)),
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
            user: user_info(&url),
            unix: None,
        })
    }

    /// The `Host` header; it has a port only if that is not the scheme's default (RFC 6455 §4.1).
    pub fn authority(&self) -> String {
        self.with_port(self.host.to_string())
    }

    fn with_port(&self, host: String) -> String {
        if self.port == default_port(self.tls) {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The host as written in a URL, with its zone.
    fn host_in_url(&self) -> String {
        let host = self.host.to_string();
        match (&self.zone, host.strip_suffix(']')) {
            (Some(zone), Some(address)) => {
                format!("{address}%25{}]", utf8_percent_encode(zone, ZONE))
            }
            _ => host,
        }
    }

    /// What stands before the path, without userinfo: `wss://host:8443`, `ws+unix:/run/x.sock:`.
    fn server_in_url(&self) -> String {
        match &self.unix {
            Some(socket) => format!("ws+unix:{socket}:"),
            None => {
                format!("{}://{}", scheme_of(self.tls), self.host_and_port_in_url())
            }
        }
    }

    /// The host, with its zone, and the port as they are written in a URL: the port is left out if it is
    /// the scheme's default.
    pub fn host_and_port_in_url(&self) -> String {
        self.with_port(self.host_in_url())
    }

    /// The host and port, with the zone.
    pub fn host_port(&self) -> HostPort {
        HostPort {
            host: self.host.clone(),
            zone: self.zone.clone(),
            port: self.port,
        }
    }

    /// The target of the request line.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Adds a parameter to the query, percent-encoded.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Target {
        let pair = url::form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish();
        self.query = Some(match self.query.take() {
            Some(query) if !query.is_empty() => format!("{query}&{pair}"),
            _ => pair,
        });
        self
    }

    /// Whether the query has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameters().any(|(known, _)| known == name)
    }

    /// The URL as `redactor` permits: like its `Display`, or with its secrets.
    pub fn shown(&self, redactor: &Redactor) -> String {
        if !redactor.includes_secrets() {
            return self.to_string();
        }
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let user = match &self.user {
            None => String::new(),
            Some(UserInfo { name, password }) => {
                let password = password.as_ref();
                let password = password.map(|secret| format!(":{}", encoded(secret.expose())));
                format!("{}{}@", encoded(name), password.unwrap_or_default())
            }
        };
        let rest = self.path_and_query();
        if self.unix.is_some() {
            return format!("{}{rest}", self.server_in_url());
        }
        let scheme = scheme_of(self.tls);
        format!("{scheme}://{user}{}{rest}", self.authority())
    }

    /// Adds the values of parameters that are secret by their name to `redactor`.
    pub fn hide_secrets(&self, redactor: &Redactor) {
        for (name, value) in self.parameters() {
            if is_secret_parameter(name) {
                redactor.add(value);
                redactor.add(&percent_decode_str(value).decode_utf8_lossy());
            }
        }
    }

    /// Adds path, query and password of a URL that is a secret as a whole to `redactor`.
    pub fn hide(&self, redactor: &Redactor) {
        let whole = self.path_and_query();
        let segments = self.path.split('/');
        let values = self.query.iter().flat_map(|query| query.split('&'));
        let values = values.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        let parts = segments.chain(values).filter(|part| !is_word(part));
        for part in parts
            .chain([whole.as_str()])
            .filter(|part| part.len() >= SHORTEST_PART)
        {
            redactor.add_given(part);
            redactor.add_given(&percent_decode_str(part).decode_utf8_lossy());
        }
        self.hide_secrets(redactor);
        if let Some(password) = self.user.as_ref().and_then(|user| user.password.as_ref()) {
            redactor.add_given(password.expose());
        }
    }

    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let query = self.query.as_deref().unwrap_or_default();
        query.split('&').filter_map(|pair| pair.split_once('='))
    }
}

/// Whether a part of a URL is a plain word, such as `websocket`. Hidden, it would vanish from headers and
/// messages too. A longer one may be several words that are a secret together.
fn is_word(part: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.');
    part.len() <= LONGEST_WORD && part.bytes().all(plain)
}

/// The URL without userinfo, and without the values of parameters that are secret by their name.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server_in_url(), self.path)?;
        let Some(query) = &self.query else {
            return Ok(());
        };
        write!(f, "?{}", shown_query(query))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, {:?})", self.user)
    }
}

/// The target of a request line, `/path?query` or a whole URL, without userinfo and the values of
/// parameters that are secret by their name.
pub fn shown_target(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{}", shown_query(query))),
        None => (target, String::new()),
    };
    let Some((scheme, rest)) = path.split_once("://").filter(|it| !it.0.contains('/')) else {
        return format!("{path}{query}");
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}://{}{path}{query}", without_userinfo(authority))
}

/// An authority, or an origin, without a name and a password in front of the host.
pub fn without_userinfo(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |it| it.1)
}

fn shown_query(query: &str) -> String {
    let shown = query.split('&').map(shown_pair);
    shown.collect::<Vec<_>>().join("&")
}

/// A pair of a query. Some servers end one at a `;`, too: what follows the first secret there is not shown
/// either, as it may be a part of it.
fn shown_pair(pair: &str) -> String {
    let mut start = 0;
    for part in pair.split(';') {
        let equals = part.find('=').map(|at| (at, 1));
        let encoded = || {
            let lowercase = part.to_ascii_lowercase();
            Some((lowercase.find("%3d")?, 3))
        };
        if let Some((at, len)) = equals.or_else(encoded)
            && is_secret_parameter(&part[..at])
        {
            return format!("{}{REDACTED}", &pair[..start + at + len]);
        }
        start += part.len() + 1;
    }
    pair.to_owned()
}

/// Whether the value of a query parameter of this name is never shown. Servers decode names, and some
/// trim them.
pub fn is_secret_parameter(parameter: &str) -> bool {
    let decoded = percent_decode_str(parameter).decode_utf8_lossy();
    let bare = decoded.trim_matches(|char: char| !char.is_ascii_alphanumeric());
    let mut names = SECRET_PARAMETERS.iter();
    names.any(|name| bare.eq_ignore_ascii_case(name))
}

/// The target of a URL on a Unix socket, `SOCKET:/path?query`, as in node's ws and wscat. Its host is
/// `localhost`.
fn on_unix_socket(rest: &str) -> Result<Target, Fault> {
    // `ws+unix:///run/x.sock` is the older form.
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (socket, path) = rest.split_once(':').unwrap_or((rest, "/"));
    if socket.is_empty() {
        return Err(fault("it has no path of a socket").advice("ws+unix:/run/server.sock:/path"));
    }
    if !path.starts_with('/') {
        return Err(fault("the path after the socket's does not begin with /")
            .advice("ws+unix:/run/server.sock:/path"));
    }
    let target = Target::read(&format!("ws://localhost{path}"))?;
    Ok(Target {
        unix: Some(UnixSocket::Path(socket.to_owned())),
        ..target
    })
}

fn scheme_of(tls: bool) -> &'static str {
    if tls { "wss" } else { "ws" }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn quoted(text: &str) -> String {
    // A URL that does not parse may still contain a password: neither the part before the @ nor a
    // secret parameter is shown.
    let mut shown = match text.rsplit_once('@') {
        Some((_, host)) => format!("{REDACTED}@{host}"),
        None => text.to_owned(),
    };
    if let Some((path, rest)) = shown.split_once('?') {
        let (query, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
        shown = format!("{path}?{}{fragment}", shown_query(query));
    }
    format!("'{shown}'")
}

/// A word without `:`, `/` or `.` is never taken for a host name: it is a subcommand that does not
/// exist.
fn refuse_bare_word(text: &str) -> Result<(), Error> {
    if !is_bare_word(text) {
        return Ok(());
    }
    let error = Error::usage(format!("'{text}' is neither a subcommand nor a URL"));
    Err(if text.is_empty() {
        error.advice("wirecat ws://HOST:PORT/PATH")
    } else {
        error.advice(format!(
            "ws://{text}/ if it is a host; `wirecat --help` lists the subcommands"
        ))
    })
}

fn is_bare_word(text: &str) -> bool {
    !text.contains([':', '/', '.'])
}

/// Removes the zone from an IPv6 address at the beginning of `rest`, because the URL parser does
/// not know zones: `[fe80::1%25eth0]` (RFC 6874), or `[fe80::1%eth0]` as typed elsewhere.
fn split_zone(rest: String) -> Result<(String, Option<String>), &'static str> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let begin = rest[..end].rfind('@').map_or(0, |at| at + 1);
    let host = &rest[begin..end];
    let found = host
        .starts_with('[')
        .then(|| host.split_once(']'))
        .flatten();
    let Some((address, zone)) = found.and_then(|(inside, _)| inside.split_once('%')) else {
        return Ok((rest, None));
    };
    // As in curl, a zone may be 25 itself.
    let encoded = zone.strip_prefix("25").filter(|zone| !zone.is_empty());
    let decoded = percent_decode_str(encoded.unwrap_or(zone)).decode_utf8();
    let decoded = decoded.map_err(|_| "the zone of its address is not UTF-8")?;
    if decoded.is_empty() || decoded.contains(|c: char| c.is_control() || c == '/' || c == '%') {
        return Err(
            "the zone of its address is empty or contains a character not allowed in interface names",
        );
    }
    let (before, after) = (
        begin + address.len(),
        begin + address.len() + 1 + zone.len(),
    );
    let without = format!("{}{}", &rest[..before], &rest[after..]);
    Ok((without, Some(decoded.into_owned())))
}

/// Splits off the scheme, if there is one. Returns whether it means TLS, and the rest.
fn split_scheme(text: &str) -> Result<(bool, String), Fault> {
    if let Some(rest) = text.strip_prefix(':') {
        return Ok((false, format!("localhost:{rest}")));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok((false, text.to_owned()));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Ok((false, rest.to_owned())),
        "wss" | "https" => Ok((true, rest.to_owned())),
        // In `host/path?next=http://…` the scheme is not the URL's.
        _ if scheme.contains(['/', '?', ':', '@']) => Ok((false, text.to_owned())),
        other => Err(fault(format!("the scheme '{other}' is not ws or wss"))
            .advice("ws://, wss://, http:// or https://")),
    }
}

fn user_info(url: &Url) -> Option<UserInfo> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(UserInfo {
        name: decode(url.username()),
        password: url.password().map(|password| Secret::new(decode(password))),
    })
}

#[cfg(test)]
mod tests;
