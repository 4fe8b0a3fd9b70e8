//! Which web pages may use the debug server, and by which names it may be asked. Pure.
//!
//! A browser connects to a local server for any page of any site. Its `Origin` header says which page
//! asks, and no page can change that (RFC 6455 §10.2). A page whose own name is made to lead to this
//! machine has the right origin, but the wrong `Host` (DNS rebinding). A program that is no browser
//! sends no `Origin`, and is not kept out here: that is what tokens are for.
//!
//! Nothing that a client sends may widen what the options allow.

use std::fmt;
use std::net::IpAddr;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, StatusCode};
use url::{Host, Url};

use super::response::{Answer, insert, status, text};
use crate::uri::without_userinfo;

/// Stands for every origin but `null`, and for every host name.
const ANY: &str = "*";

/// The origin of a page that has none: of a file, or in a sandbox.
const NO_ORIGIN: &str = "null";

/// How much of a client's header is repeated to it and in the log, in bytes.
const MAX_SHOWN: usize = 200;

/// What is allowed beyond the server's own pages and addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The origins of other sites, as [`origin`] writes them.
    pub origins: Vec<String>,
    /// Other names of the server, as [`host_name`] writes them.
    pub host_names: Vec<String>,
}

/// How a connection came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The address of the server that it came to; none for a Unix socket.
    pub(super) address: Option<IpAddr>,
    /// Whether it has TLS; `None` where a proxy in front may have ended TLS.
    pub(super) tls: Option<bool>,
}

impl Arrival {
    /// A connection without TLS to this address of the server. A Unix socket has none, and a proxy in
    /// front of it, as in front of a server that trusts one, may have TLS.
    pub(super) fn at(address: Option<IpAddr>, trusts_proxy: bool) -> Arrival {
        let tls = address.filter(|_| !trusts_proxy).map(|_| false);
        Arrival { address, tls }
    }
}

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Denied {
    /// Why, for the log.
    pub(super) why: String,
    pub(super) answer: Answer,
}

/// Returns the form in which an allowed origin is compared.
///
/// # Errors
/// What an origin looks like.
pub fn origin(text: &str) -> Result<String, String> {
    if text == ANY || text == NO_ORIGIN {
        return Ok(text.to_owned());
    }
    let wrong = || {
        "write an origin such as https://app.example or http://localhost:3000, without a path; '*' for any, or 'null'".to_owned()
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.has_host() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    Ok(match url.scheme() {
        "http" | "https" => url.origin().ascii_serialization(),
        // Of an extension, say: `chrome-extension://…`.
        _ => text.trim_end_matches('/').to_ascii_lowercase(),
    })
}

/// Returns the form in which an allowed host name is compared.
///
/// # Errors
/// What a host name looks like.
pub fn host_name(text: &str) -> Result<String, String> {
    if text == ANY {
        return Ok(text.to_owned());
    }
    let address = text.parse::<IpAddr>().ok().map(Host::from_address);
    address
        .or_else(|| Host::parse(text).ok())
        .map(|host| host.name())
        .ok_or_else(|| "write a host name such as dev.example, without a port; '*' for any".into())
}

/// What two kinds of hosts have in common here.
trait Named {
    fn from_address(address: IpAddr) -> Self;
    fn name(&self) -> String;
}

impl Named for Host<String> {
    fn from_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        }
    }

    /// The name without the dot of the root, in small letters.
    fn name(&self) -> String {
        let name = self.to_string();
        name.strip_suffix('.').unwrap_or(&name).to_owned()
    }
}

impl Options {
    fn allows_any_origin(&self) -> bool {
        self.origins.iter().any(|origin| origin == ANY)
    }

    fn allows_origin(&self, origin: &str) -> bool {
        let named = |known: &String| known.eq_ignore_ascii_case(origin);
        self.origins.iter().any(named) || (self.allows_any_origin() && origin != NO_ORIGIN)
    }

    fn allows_name(&self, name: &str) -> bool {
        let mut known = self.host_names.iter();
        known.any(|known| known == ANY || known == name)
    }

    /// Whether the server may be asked by this host, with or without a port.
    fn allows_host(&self, authority: &str, arrival: Arrival) -> bool {
        let Ok(host) = Host::parse(without_port(authority)) else {
            return self.allows_name(ANY);
        };
        let name = host.name();
        let is_own = match host {
            Host::Domain(_) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => is_own_address(address.into(), arrival),
            Host::Ipv6(address) => is_own_address(address.into(), arrival),
        };
        is_own || self.allows_name(&name)
    }
}

/// No name leads to an address that is asked for as such, so these need not be named.
fn is_own_address(address: IpAddr, arrival: Arrival) -> bool {
    let address = address.to_canonical();
    let reached = arrival.address.map(|reached| reached.to_canonical());
    address.is_loopback() || address.is_unspecified() || Some(address) == reached
}

fn without_port(authority: &str) -> &str {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => authority,
    }
}

/// Whether the request may be answered, and the origin of the page that sent it, if a page did.
///
/// # Errors
/// The answer to one that may not.
pub(super) fn check<B>(
    options: &Options,
    arrival: Arrival,
    request: &Request<B>,
) -> Result<Option<HeaderValue>, Box<Denied>> {
    check_host(options, arrival, request)?;
    let headers = request.headers();
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return check_without_origin(options, headers).map(|()| None);
    };
    let Some(text) = origin.to_str().ok().filter(|_| origins.next().is_none()) else {
        return Err(denied_origin(&lossy(origin)));
    };
    if options.allows_origin(text) || is_same_origin(text, arrival, request) {
        return Ok(Some(origin.clone()));
    }
    Err(denied_origin(text))
}

/// A client that names several hosts means none of them.
fn check_host<B>(
    options: &Options,
    arrival: Arrival,
    request: &Request<B>,
) -> Result<(), Box<Denied>> {
    let headers = request.headers().get_all(HOST).iter().map(lossy);
    let authority = request.uri().authority().map(ToString::to_string);
    for host in authority.into_iter().chain(headers) {
        // A Unix socket has no address that a name could lead to.
        if arrival.address.is_some() && !options.allows_host(&host, arrival) {
            return Err(denied_host(&host));
        }
    }
    Ok(())
}

/// A page that asks for an image or a script sends no `Origin`, but browsers say where it is from
/// (Fetch Metadata). A link that is followed is not a page's doing.
fn check_without_origin(options: &Options, headers: &HeaderMap) -> Result<(), Box<Denied>> {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let from_elsewhere = is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site");
    if from_elsewhere && !is("sec-fetch-mode", "navigate") && !options.allows_any_origin() {
        return Err(denied(
            "a page of another site asked for this (--origin)".to_owned(),
            format_args!(
                "A page of another site asked for this, and this server answers its own pages only. \
                 Let the page ask with fetch(), and allow its origin with `--origin`.\n"
            ),
        ));
    }
    Ok(())
}

/// Whether the page came from the server that it asks.
fn is_same_origin<B>(origin: &str, arrival: Arrival, request: &Request<B>) -> bool {
    let Some((scheme, page)) = origin.split_once("://") else {
        return false;
    };
    let default_port = match (scheme, arrival.tls) {
        ("http", None | Some(false)) => ":80",
        ("https", None | Some(true)) => ":443",
        _ => return false,
    };
    let header = request.headers().get(HOST).map(lossy);
    let authority = request.uri().authority().map(ToString::to_string);
    let Some(host) = authority.or(header) else {
        return false;
    };
    let bare = |authority: &str| {
        let name = authority.strip_suffix(default_port).unwrap_or(authority);
        name.to_ascii_lowercase()
    };
    bare(page) == bare(&host)
}

/// The answer to a browser that asks whether a page may send a request, once its origin is allowed.
pub(super) fn preflight<B>(request: &Request<B>) -> Option<Answer> {
    let headers = request.headers();
    let asks = headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) && headers.contains_key(ORIGIN);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut answer = status(StatusCode::NO_CONTENT);
    insert(
        &mut answer,
        ACCESS_CONTROL_ALLOW_METHODS,
        "GET, HEAD, POST, DELETE",
    );
    insert(
        &mut answer,
        ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type",
    );
    insert(&mut answer, ACCESS_CONTROL_MAX_AGE, "600");
    // Asked by Chromium before version 142; later ones ask the person at the browser.
    if headers.contains_key("access-control-request-private-network") {
        let name = HeaderName::from_static("access-control-allow-private-network");
        insert(&mut answer, name, "true");
    }
    Some(answer)
}

/// Lets the page of this origin read the answer.
pub(super) fn share(answer: &mut Answer, origin: Option<HeaderValue>) {
    if let Some(origin) = origin {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

fn denied_origin(origin: &str) -> Box<Denied> {
    let origin = shortened(origin);
    let quoted = origin.escape_debug();
    denied(
        format!("pages of \"{quoted}\" are not allowed (--origin)"),
        format_args!(
            "Pages of \"{quoted}\" may not use this server: only its own pages may. \
             Start it with `--origin {origin}` to allow them.\n"
        ),
    )
}

fn denied_host(host: &str) -> Box<Denied> {
    let host = shortened(host);
    let quoted = host.escape_debug();
    let name = without_port(host);
    denied(
        format!("the Host \"{quoted}\" is not ours (--host-name)"),
        format_args!(
            "This server does not answer for the host \"{quoted}\". Use `localhost` or the server's \
             address, or start it with `--host-name {name}`.\n"
        ),
    )
}

fn denied(why: String, body: fmt::Arguments<'_>) -> Box<Denied> {
    let mut answer = text(StatusCode::FORBIDDEN, body.to_string());
    // It repeats what a client chose.
    insert(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    Box::new(Denied { why, answer })
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn shortened(text: &str) -> &str {
    let text = without_userinfo(text);
    &text[..text.floor_char_boundary(MAX_SHOWN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Arrival = Arrival {
        address: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
        tls: Some(false),
    };

    const UNIX: Arrival = Arrival {
        address: None,
        tls: None,
    };

    fn allowing(origins: &[&str], names: &[&str]) -> Options {
        Options {
            origins: origins.iter().map(|text| origin(text).unwrap()).collect(),
            host_names: names.iter().map(|text| host_name(text).unwrap()).collect(),
        }
    }

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::get("/ledger");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    /// Whether a page of `origin` may ask for `host`.
    fn allows(options: &Options, arrival: Arrival, origin: &str, host: &str) -> bool {
        let request = request(&[("Host", host), ("Origin", origin)]);
        let checked = check(options, arrival, &request);
        if let Err(denied) = &checked {
            assert_eq!(denied.answer.status(), 403);
        }
        checked.is_ok()
    }

    #[test]
    fn only_pages_of_the_server_itself_are_allowed() {
        let own = |origin, host| allows(&Options::default(), LOOPBACK, origin, host);
        for (origin, host) in [
            ("http://localhost:8765", "localhost:8765"),
            ("http://LOCALHOST:8765", "localhost:8765"),
            ("http://127.0.0.1:8765", "127.0.0.1:8765"),
            ("http://[::1]:8765", "[::1]:8765"),
            ("http://localhost", "localhost"),
            ("http://localhost", "localhost:80"),
        ] {
            assert!(own(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://localhost:8765", "localhost:8765"),
            ("http://localhost:8766", "localhost:8765"),
            ("http://127.0.0.1:8765", "localhost:8765"),
            ("http://localhost:8765.evil.example", "localhost:8765"),
            ("http://evil.example", "localhost:8765"),
            ("https://evil.example", "127.0.0.1:8765"),
            ("null", "localhost:8765"),
            ("", "localhost:8765"),
            ("localhost:8765", "localhost:8765"),
            ("ws://localhost:8765", "localhost:8765"),
            ("http://evil.example", "evil.example"),
        ] {
            assert!(!own(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn other_origins_are_allowed_exactly_as_named() {
        let options = allowing(&["https://App.example", "http://localhost:3000/"], &[]);
        let page = |origin| allows(&options, LOOPBACK, origin, "localhost:8765");
        assert!(page("https://app.example") && page("http://localhost:3000"));
        for origin in [
            "http://app.example",
            "https://app.example:444",
            "https://app.example.evil.example",
            "https://evil.example",
            "null",
        ] {
            assert!(!page(origin), "{origin}");
        }
        let any = allowing(&["*"], &[]);
        assert!(allows(&any, LOOPBACK, "https://any.example", "localhost"));
        assert!(!allows(&any, LOOPBACK, "null", "localhost"));
        let file = allowing(&["null"], &[]);
        assert!(allows(&file, LOOPBACK, "null", "localhost"));
        assert!(!allows(&file, LOOPBACK, "https://any.example", "localhost"));
    }

    #[test]
    fn the_scheme_is_that_of_the_connection_where_it_is_known() {
        let tls = Arrival {
            tls: Some(true),
            ..LOOPBACK
        };
        let none = Options::default();
        assert!(allows(&none, tls, "https://localhost", "localhost:443"));
        assert!(!allows(&none, tls, "http://localhost", "localhost"));
        for origin in ["https://site.example", "http://site.example"] {
            assert!(allows(&none, UNIX, origin, "site.example"), "{origin}");
        }
        assert!(!allows(&none, UNIX, "https://evil.example", "site.example"));
    }

    /// Whether a program that is no browser may ask for `host`.
    fn serves(options: &Options, arrival: Arrival, host: &str) -> bool {
        check(options, arrival, &request(&[("Host", host)])).is_ok()
    }

    #[test]
    fn the_host_is_an_address_of_the_server_or_named() {
        let outside = Arrival {
            address: Some("::ffff:10.0.0.5".parse().unwrap()),
            ..LOOPBACK
        };
        let none = Options::default();
        for host in [
            "localhost",
            "LocalHost.:1",
            "app.localhost:8765",
            "127.0.0.1:8765",
            "127.9.9.9",
            "[::1]:8765",
            "0.0.0.0:8765",
            "10.0.0.5:8765",
            "[::ffff:10.0.0.5]",
        ] {
            assert!(serves(&none, outside, host), "{host}");
        }
        let bad = [
            "evil.example:8765",
            "localhost.evil.example",
            "notlocalhost",
            "10.0.0.6",
            "[2001:db8::1]:8765",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "::1",
        ];
        for host in bad {
            assert!(!serves(&none, outside, host), "{host}");
            assert!(serves(&none, UNIX, host), "{host}");
            assert!(serves(&allowing(&[], &["*"]), outside, host), "{host}");
        }
        let named = allowing(&[], &["Dev.example", "10.0.0.6", "2001:db8::1"]);
        for host in [
            "dev.example:1",
            "DEV.example.",
            "10.0.0.6",
            "[2001:db8::1]:8765",
        ] {
            assert!(serves(&named, outside, host), "{host}");
        }
        assert!(!serves(&named, outside, "www.dev.example"));
    }

    #[test]
    fn every_host_of_a_request_counts() {
        let none = Options::default();
        let twice = request(&[("Host", "localhost"), ("Host", "evil.example")]);
        assert!(check(&none, LOOPBACK, &twice).is_err());
        let absolute = Request::get("http://evil.example/").header("Host", "localhost");
        assert!(check(&none, LOOPBACK, &absolute.body(()).unwrap()).is_err());
        // As over HTTP/1.0.
        assert!(check(&none, LOOPBACK, &request(&[])).is_ok());
        let page = request(&[("Origin", "http://localhost")]);
        assert!(check(&none, LOOPBACK, &page).is_err());
    }

    #[test]
    fn a_page_that_hides_its_origin_is_not_allowed() {
        let none = Options::default();
        let site = |site, mode| {
            let headers = [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode)];
            request(&headers)
        };
        for (from, mode, allowed) in [
            ("cross-site", "no-cors", false),
            ("same-site", "no-cors", false),
            ("cross-site", "navigate", true),
            ("same-origin", "no-cors", true),
            ("none", "navigate", true),
        ] {
            let checked = check(&none, LOOPBACK, &site(from, mode));
            assert_eq!(checked.is_ok(), allowed, "{from} {mode}");
        }
        let any = allowing(&["*"], &[]);
        assert!(check(&any, LOOPBACK, &site("cross-site", "no-cors")).is_ok());
        let two = request(&[
            ("Host", "localhost"),
            ("Origin", "http://localhost"),
            ("Origin", "http://evil.example"),
        ]);
        assert!(check(&none, LOOPBACK, &two).is_err());
    }

    #[test]
    fn a_refusal_names_the_option_and_escapes_what_the_client_sent() {
        let mut page = request(&[("Host", "localhost")]);
        let hostile = HeaderValue::from_bytes(b"http://\xe2\x80\xae\xff").unwrap();
        page.headers_mut().insert(ORIGIN, hostile);
        let denied = check(&Options::default(), LOOPBACK, &page).unwrap_err();
        assert!(denied.why.contains("--origin"), "{}", denied.why);
        assert!(denied.why.contains("\\u{202e}"), "{}", denied.why);
        let long = "x".repeat(5000);
        let denied = check(&Options::default(), LOOPBACK, &request(&[("Host", &long)]));
        let why = denied.unwrap_err().why;
        assert!(why.contains("--host-name") && why.len() < 300, "{why}");
    }

    #[test]
    fn what_is_allowed_is_an_origin_or_a_host_name() {
        for (text, expected) in [
            ("https://a.example:443", "https://a.example"),
            ("http://A.example:8080/", "http://a.example:8080"),
            ("chrome-extension://AbC", "chrome-extension://abc"),
            ("*", "*"),
            ("null", "null"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "a.example",
            "https://a/b",
            "https://u@a",
            "https://a?b",
            "*.a",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
        assert_eq!(host_name("::1").as_deref(), Ok("[::1]"));
        for text in ["", "a b", "a.example:80", "http://a"] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_preflight_is_answered_for_its_page() {
        let asking = [
            ("Origin", "http://localhost"),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Private-Network", "true"),
        ];
        let mut request = request(&asking);
        assert!(preflight(&request).is_none());
        *request.method_mut() = Method::OPTIONS;
        let mut answer = preflight(&request).unwrap();
        share(
            &mut answer,
            Some(HeaderValue::from_static("http://localhost")),
        );
        let expected = [
            ("access-control-allow-origin", "http://localhost"),
            ("vary", "Origin"),
            (
                "access-control-allow-headers",
                "authorization, content-type",
            ),
            ("access-control-allow-private-network", "true"),
        ];
        for (name, value) in expected {
            assert_eq!(answer.headers()[name], value, "{name}");
        }
        assert_eq!(answer.status(), 204);
        request
            .headers_mut()
            .remove("access-control-request-method");
        assert!(preflight(&request).is_none());
    }
}
