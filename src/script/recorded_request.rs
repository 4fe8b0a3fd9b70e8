//! What a script says of the request of a recorded connection. It may come from a stranger, so nothing of it
//! is anything else than a line of a request.

use super::hiding;
use crate::http_token::is_http_token;
use crate::output::sanitize;
use crate::record::connection::Connection;
use crate::secret::{REDACTED, Redactor, Secret, is_secret_header};
use crate::template;
use crate::uri::{self, Target, UrlSource, UserInfo};

/// What stands for a URL that a script cannot have.
const ANY_URL: &str = "{{url}}";

/// Headers that wirecat makes itself, or that say what a browser is.
const OWN_HEADERS: &[&str] = &[
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-length",
    "pragma",
    "user-agent",
    "dnt",
    "priority",
];

/// Beginnings of the names of such headers. `:` begins those of HTTP/2.
const OWN_PREFIXES: &[&str] = &[":", "sec-fetch-", "sec-ch-", "sec-gpc"];

/// A request as a script can say it.
pub(super) struct RecordedRequest {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    /// Headers that a script cannot have: the name of each, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
    pub(super) subprotocols: Vec<String>,
    /// `NAME:PASSWORD` of the URL, which the URL here does not have.
    pub(super) user: Option<String>,
}

impl RecordedRequest {
    pub(super) fn of(connection: &Connection, redactor: &Redactor) -> RecordedRequest {
        hiding::add_of_handshake(connection, redactor);
        let (mut headers, mut left_out) = (Vec::new(), Vec::new());
        for (name, value) in connection.headers.iter().filter(|it| is_kept(&it.0)) {
            // A variable stands for its value.
            let is_hidden = is_secret_header(name) && !redactor.includes_secrets();
            match why_left_out(value) {
                Some(why) if !is_hidden => left_out.push((name.clone(), why)),
                _ => headers.push((name.clone(), value.clone())),
            }
        }
        let url = url(&connection.url, redactor);
        // The header says who the user is where there is one, and a variable is the whole URL.
        let authorizes = |(name, _): &(String, _)| name.eq_ignore_ascii_case("authorization");
        let is_known = redactor.includes_secrets() || url == ANY_URL;
        let is_known = is_known || headers.iter().any(authorizes);
        RecordedRequest {
            user: user(&connection.url).filter(|_| !is_known),
            url,
            headers,
            left_out,
            subprotocols: subprotocols(connection),
        }
    }
}

/// Why a script cannot have a header of this value.
fn why_left_out(value: &str) -> Option<&'static str> {
    if sanitize::find_dangerous(value).is_some() {
        return Some("its value has characters that a script cannot show");
    }
    template::has_placeholder(value).then_some("its value has {{…}}, which is a variable here")
}

/// The URL of a request, which may come from a stranger: a variable in place of one that is no URL, as a
/// command is none.
fn url(url: &str, redactor: &Redactor) -> String {
    let url = match redactor.includes_secrets() {
        true => url.to_owned(),
        false => uri::shown_target(url),
    };
    let is_plain = !url.starts_with('@')
        && !url.contains(char::is_whitespace)
        && sanitize::find_dangerous(&url).is_none();
    match is_plain && UrlSource::parse(&url).is_none() && Target::parse(&url).is_ok() {
        true => url.replace("{{", "%7B%7B"),
        false => ANY_URL.to_owned(),
    }
}

/// The user whom a URL names, always with a colon: a name alone may be a token.
fn user(url: &str) -> Option<String> {
    let UserInfo { name, password } = Target::parse(url).ok()?.user?;
    let password = password.as_ref().map_or("", Secret::expose);
    Some(format!("{name}:{password}"))
}

/// Whether a header of a request is one that the script has, or names: of the user.
fn is_kept(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_own = OWN_HEADERS.contains(&&*lower)
        || OWN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    !is_own && is_http_token(name)
}

/// Those that were offered, or else the one that was agreed on.
fn subprotocols(connection: &Connection) -> Vec<String> {
    let headers = connection.headers.iter();
    let offers = headers.filter(|it| it.0.eq_ignore_ascii_case("sec-websocket-protocol"));
    let offered = offers.flat_map(|it| it.1.split(','));
    let offered = offered.map(|it| it.trim().to_owned());
    let mut subprotocols: Vec<_> = offered.filter(|it| !it.is_empty()).collect();
    if subprotocols.is_empty() {
        subprotocols.extend(connection.answer.subprotocol.clone());
    }
    subprotocols.retain(|it| is_http_token(it) || it == REDACTED);
    subprotocols
}
