//! The server's side of the opening handshake (RFC 6455 §4.2): whether a request is one, and the
//! response to it. Pure: the head of a request comes in, a response goes out. This module does not
//! decide which paths are WebSocket endpoints. The body of every refusal says what was wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::response::accept_for;
use crate::http_token::is_http_token;
use crate::wire::extension::{self, Agreed};

/// A handshake that succeeds.
#[derive(Debug)]
pub struct Accepted {
    /// The 101, or over HTTP/2 the 200.
    pub response: Response<()>,
    /// The negotiated compression.
    pub deflate: Option<Agreed>,
}

impl Accepted {
    /// Picks the subprotocol that comes first in `ours` of those that the client offers, or none of them
    /// (RFC 6455 §4.2.2, /subprotocol/).
    pub fn pick_subprotocol(&mut self, offered: &HeaderMap, ours: &[String]) {
        let is_offered = |name: &&String| {
            tokens(offered, SEC_WEBSOCKET_PROTOCOL).any(|it| it == name.as_bytes())
        };
        let picked = ours.iter().find(is_offered);
        let picked = picked.and_then(|name| HeaderValue::try_from(name).ok());
        let headers = self.response.headers_mut();
        headers.remove(SEC_WEBSOCKET_PROTOCOL);
        if let Some(picked) = picked {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, picked);
        }
    }
}

/// A response that refuses: its body is one sentence of plain text.
pub type Rejection = Box<Response<&'static str>>;

/// Whether the request asks for a WebSocket at all.
pub fn wants_websocket<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), UPGRADE, "websocket") || is_extended_connect(request)
}

/// Whether the request is an extended CONNECT for a WebSocket (RFC 8441 §5).
fn is_extended_connect<B>(request: &Request<B>) -> bool {
    let protocol = request.extensions().get::<Protocol>();
    protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Performs the checks of RFC 6455 §4.2.1, or over HTTP/2 those of RFC 8441 §5, in an order that gives the most informative refusal.
///
/// # Errors
/// What is wrong with the handshake: 400, 405, or 426.
pub fn accept<B>(
    request: &Request<B>,
    options: &extension::Options,
) -> Result<Accepted, Rejection> {
    let headers = request.headers();
    if request.version() == Version::HTTP_2 {
        return accept_http2(request, options);
    }
    if request.method() != Method::GET {
        return Err(wrong_method());
    }
    if !wants_websocket(request) {
        return Err(upgrade_required(
            "This is a WebSocket endpoint: the request must have the header `Upgrade: websocket`.\n",
        ));
    }
    if request.version() != Version::HTTP_11 {
        return Err(bad_request("A WebSocket handshake requires HTTP/1.1.\n"));
    }
    if !headers.contains_key(HOST) {
        return Err(bad_request("The Host header is missing.\n"));
    }
    if !has_token(headers, CONNECTION, "upgrade") {
        return Err(bad_request(
            "The Connection header must contain `Upgrade`.\n",
        ));
    }
    if only(headers, SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(upgrade_required("Sec-WebSocket-Version must be 13.\n"));
    }
    let Some(key) = only(headers, SEC_WEBSOCKET_KEY) else {
        return Err(bad_request(
            "There must be exactly one Sec-WebSocket-Key header.\n",
        ));
    };
    if !is_nonce(key) {
        return Err(bad_request(
            "Sec-WebSocket-Key must be 16 bytes in base64.\n",
        ));
    }
    check_protocols(headers)?;
    switching(key, headers, options).ok_or_else(failed)
}

/// The status alone accepts: there are neither a key nor headers of the connection (RFC 8441 §5).
fn accept_http2<B>(
    request: &Request<B>,
    options: &extension::Options,
) -> Result<Accepted, Rejection> {
    let headers = request.headers();
    if !is_extended_connect(request) {
        return Err(bad_request(
            "This is a WebSocket endpoint: over HTTP/2, the request must be a CONNECT with `:protocol: websocket` (RFC 8441).\n",
        ));
    }
    if only(headers, SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let body = "Sec-WebSocket-Version must be 13.\n";
        let mut response = text(StatusCode::BAD_REQUEST, body);
        insert(response.headers_mut(), SEC_WEBSOCKET_VERSION, "13");
        return Err(Box::new(response));
    }
    check_protocols(headers)?;
    choosing(Response::new(()), headers, options).ok_or_else(failed)
}

/// Each name is a token (RFC 6455 §4.1); the one that is chosen goes back to the client.
fn check_protocols(headers: &HeaderMap) -> Result<(), Rejection> {
    let is_name = |name: &[u8]| str::from_utf8(name).is_ok_and(is_http_token);
    if tokens(headers, SEC_WEBSOCKET_PROTOCOL).all(is_name) {
        return Ok(());
    }
    Err(bad_request(
        "Sec-WebSocket-Protocol must be names such as chat.v1, separated by commas: ASCII, without \
         spaces, quotes or any of ()<>@,;:\\/[]?={}.\n",
    ))
}

fn failed() -> Rejection {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Box::new(text(status, "500 Internal Server Error\n"))
}

/// The response that accepts a client; `None` if a header could not be made, which its values rule
/// out.
fn switching(
    key: &HeaderValue,
    request: &HeaderMap,
    options: &extension::Options,
) -> Option<Accepted> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    offer_upgrade(headers);
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept_value(key)?);
    choosing(response, request, options)
}

/// Adds the subprotocol and the extensions that the server chooses.
fn choosing(
    mut response: Response<()>,
    request: &HeaderMap,
    options: &extension::Options,
) -> Option<Accepted> {
    let headers = response.headers_mut();
    if let Some(protocol) = first_protocol(request) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let mut deflate = None;
    if let Some((agreed, said)) = extension::answer(&offered_extensions(request), options) {
        let said = HeaderValue::try_from(said).ok()?;
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, said);
        deflate = Some(agreed);
    }
    Some(Accepted { response, deflate })
}

/// The list may be spread over several lines. What is not UTF-8 is not a token either, and the
/// grammar refuses its replacement.
fn offered_extensions(headers: &HeaderMap) -> String {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(", ")
}

fn accept_value(key: &HeaderValue) -> Option<HeaderValue> {
    // A nonce that is not ASCII has been refused before.
    let accept = accept_for(key.to_str().unwrap_or_default());
    HeaderValue::try_from(accept).ok()
}

fn is_nonce(key: &HeaderValue) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// The first subprotocol offered: the client lists them in its order of preference (RFC 6455 §4.1).
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let first = tokens(headers, SEC_WEBSOCKET_PROTOCOL).next()?;
    HeaderValue::from_bytes(first).ok()
}

fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The items of a comma-separated header, which may be spread over several lines (RFC 9110 §5.6.1).
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// The value of a header that must not be repeated (RFC 6455 §11.3.1, §11.3.5).
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    values.next().filter(|_| values.next().is_none())
}

fn text(status: StatusCode, body: &'static str) -> Response<&'static str> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let plain = "text/plain; charset=utf-8";
    insert(response.headers_mut(), CONTENT_TYPE, plain);
    response
}

fn bad_request(body: &'static str) -> Rejection {
    Box::new(text(StatusCode::BAD_REQUEST, body))
}

fn wrong_method() -> Rejection {
    let body = "A WebSocket handshake must be a GET request.\n";
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, body);
    insert(response.headers_mut(), ALLOW, "GET");
    Box::new(response)
}

/// 426 names the required protocol (RFC 9110 §15.5.22) and version (RFC 6455 §4.4).
fn upgrade_required(body: &'static str) -> Rejection {
    let mut response = text(StatusCode::UPGRADE_REQUIRED, body);
    offer_upgrade(response.headers_mut());
    insert(response.headers_mut(), SEC_WEBSOCKET_VERSION, "13");
    Box::new(response)
}

fn offer_upgrade(headers: &mut HeaderMap) {
    insert(headers, UPGRADE, "websocket");
    insert(headers, CONNECTION, "Upgrade");
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::http::request::Builder;

    /// The request of RFC 6455 §1.2.
    fn handshake() -> Builder {
        Request::get("/chat")
            .header("Host", "server.example.com")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13")
    }

    fn without(name: &str) -> Builder {
        let mut builder = handshake();
        builder.headers_mut().unwrap().remove(name);
        builder
    }

    fn ask(builder: Builder) -> Result<Accepted, Rejection> {
        accept(&builder.body(()).unwrap(), &extension::Options::default())
    }

    #[track_caller]
    fn is_accepted(builder: Builder) -> Accepted {
        let accepted = ask(builder).unwrap();
        assert_eq!(accepted.response.status(), 101);
        accepted
    }

    #[track_caller]
    fn is_refused(builder: Builder, code: u16) -> Rejection {
        let rejection = ask(builder).unwrap_err();
        assert_eq!(rejection.status(), code);
        rejection
    }

    #[track_caller]
    fn has<B>(response: &Response<B>, name: &str, value: &str) {
        assert_eq!(response.headers().get(name).unwrap(), value);
    }

    #[test]
    fn the_handshake_of_the_rfc_is_accepted() {
        let accepted = is_accepted(handshake());
        assert_eq!(accepted.deflate, None);
        let answer = accepted.response;
        has(&answer, "upgrade", "websocket");
        has(&answer, "connection", "Upgrade");
        has(
            &answer,
            "sec-websocket-accept",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        );
        assert!(!answer.headers().contains_key("sec-websocket-protocol"));
        assert!(!answer.headers().contains_key("sec-websocket-extensions"));
    }

    /// The request of RFC 8441 §5.1.
    fn extended_connect(protocol: &'static str) -> Builder {
        let request = Request::connect("https://server.example.com/chat");
        let request = request.version(Version::HTTP_2);
        let request = request.extension(Protocol::from_static(protocol));
        request
            .header("Sec-WebSocket-Protocol", "chat, superchat")
            .header("Sec-WebSocket-Extensions", "permessage-deflate")
            .header("Sec-WebSocket-Version", "13")
    }

    #[test]
    fn an_extended_connect_is_accepted_by_its_status() {
        let accepted = ask(extended_connect("websocket")).unwrap();
        assert!(accepted.deflate.is_some());
        let answer = accepted.response;
        assert_eq!(answer.status(), 200);
        has(&answer, "sec-websocket-protocol", "chat");
        for name in ["upgrade", "connection", "sec-websocket-accept"] {
            assert!(!answer.headers().contains_key(name), "{name}");
        }
    }

    #[test]
    fn an_extended_connect_must_be_for_a_websocket_of_version_13() {
        is_refused(extended_connect("webtransport"), 400);
        is_refused(handshake().version(Version::HTTP_2), 400);
        let version_8 = extended_connect("websocket").header("Sec-WebSocket-Version", "8");
        has(&is_refused(version_8, 400), "sec-websocket-version", "13");
    }

    #[test]
    fn token_lists_are_parsed_as_lists() {
        let request = without("connection")
            .header("Connection", "keep-alive")
            .header("Connection", "foo , UPGRADE");
        is_accepted(request);
        let request = without("upgrade").header("Upgrade", "h2c, WebSocket");
        is_accepted(request);
    }

    #[test]
    fn the_first_subprotocol_is_selected() {
        let request = handshake()
            .header("Sec-WebSocket-Protocol", " , chat.v2, chat.v1")
            .header("Sec-WebSocket-Protocol", "other");
        has(
            &is_accepted(request).response,
            "sec-websocket-protocol",
            "chat.v2",
        );
    }

    #[test]
    fn a_subprotocol_is_a_token() {
        for offered in ["chat v1", "chat, a=b", "\"chat\"", "caf\u{e9}", "a/b"] {
            let value = HeaderValue::from_bytes(offered.as_bytes()).unwrap();
            let request = handshake().header("Sec-WebSocket-Protocol", value);
            let refused = is_refused(request, 400);
            assert!(
                refused.body().contains("Sec-WebSocket-Protocol"),
                "{offered}"
            );
        }
    }

    #[test]
    fn our_order_of_preference_picks_the_subprotocol() {
        let request = handshake().header("Sec-WebSocket-Protocol", "chat.v1, chat.v2");
        let request = request.body(()).unwrap();
        let picked = |ours: &[&str]| {
            let ours: Vec<String> = ours.iter().map(|name| (*name).to_owned()).collect();
            let mut accepted = accept(&request, &extension::Options::default()).unwrap();
            accepted.pick_subprotocol(request.headers(), &ours);
            let header = accepted.response.headers().get("sec-websocket-protocol");
            header.map(|it| it.to_str().unwrap().to_owned())
        };
        assert_eq!(picked(&["chat.v2", "chat.v1"]).as_deref(), Some("chat.v2"));
        assert_eq!(picked(&["chat.v3", "chat.v1"]).as_deref(), Some("chat.v1"));
        assert_eq!(picked(&["chat"]), None);
    }

    #[test]
    fn an_extension_is_negotiated_over_all_header_lines() {
        let request = handshake()
            .header("Sec-WebSocket-Extensions", "x-foo")
            .header(
                "Sec-WebSocket-Extensions",
                "permessage-deflate; server_max_window_bits=10",
            );
        let accepted = is_accepted(request);
        has(
            &accepted.response,
            "sec-websocket-extensions",
            "permessage-deflate; server_max_window_bits=10",
        );
        let agreed = accepted.deflate.unwrap();
        assert_eq!(agreed.server_max_window_bits, 10);
        let unreadable = HeaderValue::from_bytes(b"permessage-deflate; \xff").unwrap();
        let request = handshake().header("Sec-WebSocket-Extensions", unreadable);
        assert_eq!(is_accepted(request).deflate, None);
    }

    #[test]
    fn a_plain_get_is_answered_with_426() {
        let answer = is_refused(Request::get("/chat").header("Host", "x"), 426);
        has(&answer, "sec-websocket-version", "13");
        has(&answer, "upgrade", "websocket");
    }

    #[test]
    fn invalid_handshakes_are_refused() {
        has(&is_refused(handshake().method("POST"), 405), "allow", "GET");
        is_refused(handshake().version(Version::HTTP_10), 400);
        is_refused(without("host"), 400);
        is_refused(without("connection"), 400);
        is_refused(
            without("connection").header("Connection", "keep-alive"),
            400,
        );
        is_refused(without("upgrade").header("Upgrade", "h2c"), 426);
        is_refused(without("sec-websocket-version"), 426);
        let version_8 = without("sec-websocket-version").header("Sec-WebSocket-Version", "8");
        has(&is_refused(version_8, 426), "sec-websocket-version", "13");
    }

    #[test]
    fn the_key_is_a_single_header_of_sixteen_bytes() {
        is_refused(without("sec-websocket-key"), 400);
        for key in [
            "",
            "short",
            "dGhlIHNhbXBsZSBub25jZQ",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            is_refused(
                without("sec-websocket-key").header("Sec-WebSocket-Key", key),
                400,
            );
        }
        let twice = handshake().header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        is_refused(twice, 400);
    }
}
