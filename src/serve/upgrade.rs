//! The server's side of the opening handshake (RFC 6455 §4.2): what a request is answered with, and
//! whether a room follows. Pure: a request head comes in, a response goes out. Every refusal says
//! in its body what was wrong, because the person behind the client is debugging exactly that.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use hyper::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, PROXY_AUTHENTICATE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::endpoints::{self, Flaky, Format, ROOMS, Refused, RetryAfter, Room};
use super::ledger::Emptied;
use super::ledger::book::Pages;
use super::memory::Mark;
use super::{Shared, faults};
use crate::handshake::verify::accept_for;
use crate::wire::extension::{self, Agreed};

pub(super) type Answer = Response<Either<Full<Bytes>, Pages>>;

const REALM: &str = "Bearer realm=\"wirecat\"";

/// What follows a 101.
#[derive(Debug, PartialEq)]
pub(super) struct Entered {
    pub(super) room: Room,
    /// How messages may be compressed.
    pub(super) deflate: Option<Agreed>,
    /// The token that the request carried.
    pub(super) token: Option<Mark>,
}

/// The answer to a request. A room goes with a 101 and with nothing else.
pub(super) fn answer<B>(
    request: &Request<B>,
    options: &extension::Options,
    shared: &Shared,
    now: SystemTime,
) -> (Answer, Option<Entered>) {
    match request.uri().path() {
        "/" => return (index(), None),
        "/frames" => return (text(StatusCode::OK, faults::listing()), None),
        _ => {}
    }
    let room = endpoints::parse(target(request), &mut shared.memory().rng);
    match room {
        Ok(Room::Status(code)) => (status(code), None),
        Ok(Room::Ledger(recorder)) if !wants_websocket(request) => {
            (ledger(request.method(), recorder.format, shared), None)
        }
        Ok(room) => match enter(request, room, options, shared, now) {
            Ok((switching, entered)) => (switching, Some(entered)),
            Err(refusal) => (*refusal, None),
        },
        Err(Refused::NotFound(body)) => (text(StatusCode::NOT_FOUND, body), None),
        Err(Refused::BadRequest(body)) => (text(StatusCode::BAD_REQUEST, body), None),
    }
}

/// The path and query as they were requested.
fn target<B>(request: &Request<B>) -> &str {
    let target = request.uri().path_and_query();
    target.map_or("", |target| target.as_str())
}

fn wants_websocket<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), UPGRADE, "websocket")
}

fn index() -> Answer {
    let body =
        format!("The debug server of wirecat. Connect with a WebSocket client to:\n\n{ROOMS}");
    text(StatusCode::OK, body)
}

/// The checks of RFC 6455 §4.2.1, in an order that gives the most telling refusal first.
fn accept<B>(
    request: &Request<B>,
    options: &extension::Options,
) -> Result<(Answer, Option<Agreed>), Box<Answer>> {
    let headers = request.headers();
    if request.method() != Method::GET {
        let body = "A WebSocket handshake is a GET request.\n";
        return Err(Box::new(wrong_method(body, "GET")));
    }
    if !wants_websocket(request) {
        let body = "This is a WebSocket room: the request must carry `Upgrade: websocket`.\n";
        return Err(Box::new(upgrade_required(body)));
    }
    if request.version() != Version::HTTP_11 {
        return Err(bad_request("A WebSocket handshake needs HTTP/1.1."));
    }
    if !headers.contains_key(HOST) {
        return Err(bad_request("The Host header is missing."));
    }
    if !has_token(headers, CONNECTION, "upgrade") {
        return Err(bad_request("The Connection header must contain `Upgrade`."));
    }
    if only(headers, SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let body = "Sec-WebSocket-Version must be 13.\n";
        return Err(Box::new(upgrade_required(body)));
    }
    match only(headers, SEC_WEBSOCKET_KEY) {
        Some(key) if is_nonce(key) => {
            switching(key, headers, options).ok_or_else(|| Box::new(status(500)))
        }
        Some(_) => Err(bad_request("Sec-WebSocket-Key must be 16 bytes in base64.")),
        None => Err(bad_request(
            "There must be exactly one Sec-WebSocket-Key header.",
        )),
    }
}

/// Lets a client in, unless the room has something against it that other rooms have not.
fn enter<B>(
    request: &Request<B>,
    room: Room,
    options: &extension::Options,
    shared: &Shared,
    now: SystemTime,
) -> Result<(Answer, Entered), Box<Answer>> {
    let options = extension::Options {
        compress: options.compress && room.allows_deflate(),
        ..*options
    };
    let (switching, deflate) = accept(request, &options)?;
    if room.needs_deflate() && deflate.is_none() {
        return Err(bad_request(
            "This fault is one of compression: the client must offer permessage-deflate.",
        ));
    }
    let token = token(request);
    match &room {
        Room::Flaky(flaky) if shared.memory().refuses(target(request), flaky.fail) => {
            return Err(Box::new(not_yet(flaky, now)));
        }
        Room::Expire {
            via_message: false, ..
        } if token.is_none() => return Err(Box::new(token_required())),
        _ => {}
    }
    let entered = Entered {
        room,
        deflate,
        token,
    };
    Ok((switching, entered))
}

/// The token of the `Authorization` header, with whatever scheme, or else of the query.
fn token<B>(request: &Request<B>) -> Option<Mark> {
    let header = request.headers().get(AUTHORIZATION);
    let header = header.map(|value| without_scheme(value.as_bytes()).trim_ascii());
    if let Some(token) = header.filter(|token| !token.is_empty()) {
        return Some(Mark::of(token));
    }
    // Only under its plain name, under which it is kept out of the log.
    let mut pairs = request.uri().query().unwrap_or_default().split('&');
    let pair = pairs.find(|pair| pair.starts_with("token="))?;
    let (_, token) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(Mark::of(token.as_bytes())).filter(|_| !token.is_empty())
}

/// Of `Bearer X` the `X`, so that a token is the same wherever it is put.
fn without_scheme(value: &[u8]) -> &[u8] {
    const BEARER: &[u8] = b"bearer ";
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => token,
        _ => value,
    }
}

fn token_required() -> Answer {
    let body = "This room wants a token: in `Authorization: Bearer TOKEN`, as `token=TOKEN` in the \
                query, or, with `via=message`, as {\"event\":\"token\",\"data\":\"TOKEN\"} in the first \
                message.\n";
    let mut answer = text(StatusCode::UNAUTHORIZED, body);
    insert(answer.headers_mut(), WWW_AUTHENTICATE, REALM);
    answer
}

/// The refusal of `/flaky`.
fn not_yet(flaky: &Flaky, now: SystemTime) -> Answer {
    let mut answer = status(flaky.status);
    let headers = answer.headers_mut();
    match flaky.retry_after {
        RetryAfter::Seconds(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        RetryAfter::Date => {
            let date = http_date(now + Duration::from_secs(1));
            headers.insert(RETRY_AFTER, date.unwrap_or(HeaderValue::from(1)));
        }
        RetryAfter::No => {
            headers.remove(RETRY_AFTER);
        }
    }
    answer
}

/// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. A clock that is wrong by millennia shows a year
/// that has no such form.
fn http_date(time: SystemTime) -> Option<HeaderValue> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let printed = printer.timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::try_from(printed).ok()
}

/// The ledger for those who do not speak WebSocket.
fn ledger(method: &Method, format: Format, shared: &Shared) -> Answer {
    match *method {
        Method::GET => pages(Pages::new(&shared.book, format), format),
        Method::DELETE => match shared.book().clear() {
            Ok(()) => status(204),
            Err(why) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("The ledger cannot be emptied: {why}\n"),
            ),
        },
        _ => wrong_method(
            "The ledger can be read (GET), emptied (DELETE) and written to (WebSocket).\n",
            "GET, DELETE",
        ),
    }
}

/// One page has a length; more of them are made as they are read.
fn pages(mut pages: Pages, format: Format) -> Answer {
    let mut answer = text(StatusCode::OK, "");
    match pages.next() {
        Some(Ok(page)) if pages.is_over() => *answer.body_mut() = Either::Left(Full::new(page)),
        Some(Ok(first)) => *answer.body_mut() = Either::Right(pages.after(first)),
        _ => {}
    }
    if format == Format::Json {
        insert(answer.headers_mut(), CONTENT_TYPE, "application/x-ndjson");
    }
    answer
}

impl Body for Pages {
    type Data = Bytes;
    type Error = Emptied;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Emptied>>> {
        Poll::Ready(self.next().map(|page| page.map(Frame::data)))
    }
}

/// The answer that lets a client in; `None` where a header could not be made, which what is put into
/// them rules out.
fn switching(
    key: &HeaderValue,
    request: &HeaderMap,
    options: &extension::Options,
) -> Option<(Answer, Option<Agreed>)> {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    offer_upgrade(headers);
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept_value(key)?);
    if let Some(protocol) = first_protocol(request) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let Some((agreed, said)) = extension::answer(&offered_extensions(request), options) else {
        return Some((answer, None));
    };
    let said = HeaderValue::try_from(said).ok()?;
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, said);
    Some((answer, Some(agreed)))
}

/// Over all the lines that the list is spread on. What is no UTF-8 is no token either, and the
/// grammar refuses what stands in its place.
fn offered_extensions(headers: &HeaderMap) -> String {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(", ")
}

fn accept_value(key: &HeaderValue) -> Option<HeaderValue> {
    // What is no ASCII is no nonce, and has been refused.
    let accept = accept_for(key.to_str().unwrap_or_default());
    HeaderValue::try_from(accept).ok()
}

fn is_nonce(key: &HeaderValue) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// The first subprotocol offered. A debug server has no preference of its own.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let first = tokens(headers, SEC_WEBSOCKET_PROTOCOL).next()?;
    HeaderValue::from_bytes(first).ok()
}

fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The items of a comma-separated header, over all the lines it is spread on (RFC 9110 §5.6.1).
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

/// The answer of `/status/CODE`, with the headers that a client expects to go with it.
fn status(code: u16) -> Answer {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match code {
        // No content is allowed here (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
        204 | 205 | 304 => String::new(),
        _ => format!(
            "{code} {}\n",
            status.canonical_reason().unwrap_or("as asked for")
        ),
    };
    let mut answer = text(status, body);
    let headers = answer.headers_mut();
    match code {
        300..=399 => insert(headers, LOCATION, "/echo"),
        401 => insert(headers, WWW_AUTHENTICATE, REALM),
        407 => insert(headers, PROXY_AUTHENTICATE, "Basic realm=\"wirecat\""),
        426 => insert(headers, SEC_WEBSOCKET_VERSION, "13"),
        429 | 503 => insert(headers, RETRY_AFTER, "1"),
        _ => {}
    }
    answer
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    insert(
        answer.headers_mut(),
        CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    answer
}

fn bad_request(sentence: &str) -> Box<Answer> {
    Box::new(text(StatusCode::BAD_REQUEST, format!("{sentence}\n")))
}

fn wrong_method(body: &'static str, allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, body);
    insert(answer.headers_mut(), ALLOW, allowed);
    answer
}

/// 426 names the protocol (RFC 9110 §15.5.22) and the version (RFC 6455 §4.4) it wants.
fn upgrade_required(body: &'static str) -> Answer {
    let mut answer = text(StatusCode::UPGRADE_REQUIRED, body);
    offer_upgrade(answer.headers_mut());
    insert(answer.headers_mut(), SEC_WEBSOCKET_VERSION, "13");
    answer
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
    fn handshake(path: &str) -> Builder {
        Request::get(path)
            .header("Host", "server.example.com")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13")
    }

    fn without(name: &str) -> Builder {
        let mut builder = handshake("/echo");
        builder.headers_mut().unwrap().remove(name);
        builder
    }

    fn ask(builder: Builder) -> (Answer, Option<Entered>) {
        ask_again(builder, &Shared::default())
    }

    fn ask_again(builder: Builder, shared: &Shared) -> (Answer, Option<Entered>) {
        let request = builder.body(()).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_776);
        answer(&request, &extension::Options::default(), shared, now)
    }

    #[track_caller]
    fn is_refused(builder: Builder, code: u16) -> Answer {
        let (answer, room) = ask(builder);
        assert_eq!((answer.status().as_u16(), room), (code, None));
        answer
    }

    #[track_caller]
    fn has(answer: &Answer, name: &str, value: &str) {
        assert_eq!(answer.headers().get(name).unwrap(), value);
    }

    #[test]
    fn the_handshake_of_the_rfc_is_accepted() {
        let (answer, entered) = ask(handshake("/silent"));
        assert_eq!(answer.status(), 101);
        let expected = Entered {
            room: Room::Silent,
            deflate: None,
            token: None,
        };
        assert_eq!(entered, Some(expected));
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

    #[test]
    fn lists_of_tokens_are_read_as_lists() {
        let request = without("connection")
            .header("Connection", "keep-alive")
            .header("Connection", "foo , UPGRADE");
        assert_eq!(ask(request).0.status(), 101);
        let request = without("upgrade").header("Upgrade", "h2c, WebSocket");
        assert_eq!(ask(request).0.status(), 101);
    }

    #[test]
    fn the_first_subprotocol_is_selected() {
        let request = handshake("/echo")
            .header("Sec-WebSocket-Protocol", " , chat.v2, chat.v1")
            .header("Sec-WebSocket-Protocol", "other");
        has(&ask(request).0, "sec-websocket-protocol", "chat.v2");
    }

    #[test]
    fn an_extension_is_agreed_on_over_all_lines() {
        let request = handshake("/echo")
            .header("Sec-WebSocket-Extensions", "x-foo")
            .header(
                "Sec-WebSocket-Extensions",
                "permessage-deflate; server_max_window_bits=10",
            );
        let (answer, entered) = ask(request);
        has(
            &answer,
            "sec-websocket-extensions",
            "permessage-deflate; server_max_window_bits=10",
        );
        let agreed = entered.unwrap().deflate.unwrap();
        assert_eq!(agreed.server_max_window_bits, 10);
        let unreadable = HeaderValue::from_bytes(b"permessage-deflate; \xff").unwrap();
        let request = handshake("/echo").header("Sec-WebSocket-Extensions", unreadable);
        assert_eq!(ask(request).1.unwrap().deflate, None);
    }

    #[test]
    fn a_plain_get_is_told_to_upgrade() {
        let answer = is_refused(Request::get("/echo").header("Host", "x"), 426);
        has(&answer, "sec-websocket-version", "13");
        has(&answer, "upgrade", "websocket");
    }

    #[test]
    fn what_the_rfc_does_not_allow_is_refused() {
        has(
            &is_refused(handshake("/echo").method("POST"), 405),
            "allow",
            "GET",
        );
        is_refused(handshake("/echo").version(Version::HTTP_10), 400);
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
    fn the_key_is_sixteen_bytes_once() {
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
        let twice = handshake("/echo").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        is_refused(twice, 400);
    }

    #[test]
    fn a_status_brings_the_headers_it_needs() {
        has(
            &is_refused(handshake("/status/302"), 302),
            "location",
            "/echo",
        );
        let unauthorized = is_refused(handshake("/status/401"), 401);
        has(
            &unauthorized,
            "www-authenticate",
            "Bearer realm=\"wirecat\"",
        );
        let proxy = is_refused(Request::get("/status/407"), 407);
        has(&proxy, "proxy-authenticate", "Basic realm=\"wirecat\"");
        has(
            &is_refused(handshake("/status/429"), 429),
            "retry-after",
            "1",
        );
        has(
            &is_refused(handshake("/status/503"), 503),
            "retry-after",
            "1",
        );
    }

    #[test]
    fn a_fault_of_compression_needs_it() {
        let offering =
            |path| handshake(path).header("Sec-WebSocket-Extensions", "permessage-deflate");
        let agreed = |path| {
            let (answer, entered) = ask(offering(path));
            assert_eq!(answer.status(), 101, "{path}");
            entered.unwrap().deflate.is_some()
        };
        assert!(agreed("/frames/bomb") && agreed("/frames/rsv"));
        // RSV1 would be no fault with it.
        assert!(!agreed("/frames/rsv1"));
        is_refused(handshake("/frames/bomb"), 400);
        is_refused(Request::get("/frames/bomb").header("Host", "x"), 426);
    }

    #[test]
    fn a_flaky_room_refuses_good_handshakes_only() {
        let shared = Shared::default();
        let flaky = |query: &str| {
            let request = handshake(&format!("/flaky?{query}"));
            let (answer, entered) = ask_again(request, &shared);
            assert_eq!(entered.is_some(), answer.status() == 101);
            answer
        };
        let bad = Request::get("/flaky?fail=2").header("Host", "x");
        assert_eq!(ask_again(bad, &shared).0.status(), 426);
        has(&flaky("fail=2"), "retry-after", "1");
        assert_eq!(flaky("fail=2").status(), 503);
        assert_eq!(flaky("fail=2").status(), 101);
        let dated = flaky("status=429&retry-after=date");
        assert_eq!(dated.status(), 429);
        has(&dated, "retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        let bare = flaky("retry-after=no");
        assert!(!bare.headers().contains_key("retry-after"));
        has(&flaky("status=302"), "location", "/echo");
    }

    #[test]
    fn a_token_is_the_same_wherever_it_is() {
        let token = |request: Builder| ask(request).1.unwrap().token;
        let expected = Some(Mark::of(b"s p"));
        for value in ["Bearer s p", "bearer  s p ", "s p"] {
            let request = handshake("/expire?token=other").header("Authorization", value);
            assert_eq!(token(request), expected, "{value}");
        }
        assert_eq!(token(handshake("/expire?x&token=s+p")), expected);
        assert_eq!(token(handshake("/expire?token=s%20p&token=y")), expected);
        let basic = handshake("/expire").header("Authorization", "Basic abc");
        assert_eq!(token(basic), Some(Mark::of(b"Basic abc")));
        assert_eq!(token(handshake("/expire?via=message")), None);
        for path in ["/expire", "/expire?token=", "/expire?%74oken=x"] {
            let refused = is_refused(handshake(path), 401);
            has(&refused, "www-authenticate", "Bearer realm=\"wirecat\"");
        }
    }

    #[test]
    fn a_ledger_is_read_and_emptied_without_an_upgrade() {
        let plain = |method, path| Request::builder().method(method).uri(path);
        let text = is_refused(plain("GET", "/ledger"), 200);
        has(&text, "content-type", "text/plain; charset=utf-8");
        let json = is_refused(plain("GET", "/ledger?format=json"), 200);
        has(&json, "content-type", "application/x-ndjson");
        is_refused(plain("DELETE", "/ledger"), 204);
        let posted = is_refused(plain("POST", "/ledger"), 405);
        has(&posted, "allow", "GET, DELETE");
        assert_eq!(ask(handshake("/ledger")).0.status(), 101);
    }

    #[test]
    fn the_root_lists_and_the_rest_is_refused() {
        is_refused(Request::get("/?x"), 200);
        is_refused(Request::get("/frames?x"), 200);
        is_refused(handshake("/frames/nothing"), 404);
        is_refused(handshake("/nowhere"), 404);
        is_refused(handshake("/close/1"), 400);
    }
}
