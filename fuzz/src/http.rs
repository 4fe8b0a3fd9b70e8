//! The debug server over HTTP: the head of any request, and what it is answered.

use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Uri};
use wirecat::internals::serve::Options;
use wirecat::internals::serve::simulation::Server;

use super::input::Input;

const METHODS: [&str; 6] = ["GET", "GET", "HEAD", "DELETE", "OPTIONS", "BREW"];

/// Targets, to which more is added.
const TARGETS: [&str; 32] = [
    "/",
    "/echo",
    "/events",
    "/events?token=",
    "/events?after=",
    "/events/rooms",
    "/events/rooms/",
    "/events/rooms/news/messages?limit=",
    "/events/messages?after=",
    "/events/clients?token=",
    "/auth/header?token=",
    "/auth/subprotocol?token=",
    "/auth/basic?token=",
    "/cookies/set?",
    "/compress?",
    "/subprotocol?pick=",
    "/stream?size=16&count=2&rate=",
    "/burst?count=",
    "/slow?rate=",
    "/status/",
    "/redirect/",
    "/redirect/1?to=",
    "/delay/",
    "/expire?",
    "/flaky?fail=",
    "/drop?how=",
    "/close/",
    "/seq?after=",
    "/ledger?format=",
    "/frames/",
    "/handshake/",
    "/headers?",
];

/// Headers that mean something; some are those of a valid handshake.
const HEADERS: [(&str, &str); 16] = [
    ("host", "localhost"),
    ("host", "evil.example"),
    ("origin", SITE),
    ("origin", "http://localhost"),
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "chat, v2"),
    ("sec-websocket-extensions", "permessage-deflate"),
    ("authorization", "Bearer xiao"),
    ("authorization", "Basic eDp5"),
    ("cookie", "a=b; wirecat=1"),
    ("access-control-request-method", "GET"),
    ("accept", "text/html"),
    ("x-forwarded-for", "10.0.0.1, \u{202e}"),
];

/// Of the header that the pages of this site come with.
const SITE: &str = "https://evil.example";

const SECRET: &str = "s3cr3t-s3cr3t-s3cr3t";

/// Input: the method, the target and what is added to it, then headers.
///
/// # Panics
/// Where the server does, or its answer breaks what HTTP or its own options promise.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let Some(request) = request(&mut input) else {
        return;
    };
    let server = Server::new(Options::default()).expect("a runtime");
    // Twice, because some endpoints remember.
    for _ in 0..2 {
        if let Some((status, headers)) = server.answer(&request) {
            check(&request, status, &headers);
        }
    }
    let target = request.uri().to_string();
    let join = if target.contains('?') { '&' } else { '?' };
    if !target.contains('#') {
        let shown = Server::shown(&format!("{target}{join}token={SECRET}"));
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

fn check(request: &Request<()>, status: u16, headers: &HeaderMap) {
    assert!((101..=599).contains(&status), "{status}");
    let asked = |name: &str| request.headers().contains_key(name);
    if status == 101 {
        for name in ["upgrade", "connection", "sec-websocket-key", "host"] {
            assert!(asked(name), "a handshake without {name} was accepted");
        }
        assert!(headers.contains_key("sec-websocket-accept"));
    }
    let origins = request.headers().get_all("origin");
    if origins.iter().any(|origin| *origin == SITE) {
        assert!(status >= 400, "a page of {SITE} got {status}");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
}

fn request(input: &mut Input<'_>) -> Option<Request<()>> {
    let choice = input.byte();
    let method = METHODS[usize::from(choice >> 5) % METHODS.len()];
    let mut target = TARGETS[usize::from(choice) % TARGETS.len()]
        .as_bytes()
        .to_vec();
    let len = usize::from(input.byte() & 0x3f);
    target.extend(input.bytes(len));
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = Uri::try_from(target).ok()?;
    while !input.is_empty() {
        if let Some((name, value)) = header(input) {
            request.headers_mut().append(name, value);
        }
    }
    Some(request)
}

/// A byte of which header, and whether it is a known one or what follows.
fn header(input: &mut Input<'_>) -> Option<(HeaderName, HeaderValue)> {
    let choice = input.byte();
    let (name, value) = HEADERS[usize::from(choice & 0xf)];
    let name = HeaderName::from_static(name);
    if choice & 0x80 == 0 {
        return Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?));
    }
    let len = usize::from(input.byte() & 0x3f);
    let value = HeaderValue::from_bytes(input.bytes(len)).ok()?;
    Some((name, value))
}
