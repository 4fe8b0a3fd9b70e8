//! The opening handshake over HTTP/1.1: hyper sends and receives it, [`request`] builds the request
//! and [`response`] checks the response. This module never decides whether to retry. [`server`] is
//! the server's side.

mod heads;
pub mod request;
pub mod response;
pub mod retry_after;
pub mod server;
mod tap;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::error::{Error, Exit, Stage, plain_clause};
use crate::event::Refusal;
use crate::transport::{BoxedStream, tls};
use request::Request;
use response::{Negotiated, Response};
use tap::RecordingStream;
pub use tap::Transcript;

/// Maximum size of the response head.
const MAX_HEAD: usize = 64 * 1024;

/// Maximum number of header lines in the response.
const MAX_HEADERS: usize = 256;

/// Number of bytes of a refusal's body that are read and shown.
const BODY_SHOWN: usize = 4096;

/// Maximum time to wait for a refusal's body: the status matters more.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection after the upgrade to WebSocket.
pub struct Upgraded {
    pub stream: BoxedStream,
    /// Bytes that arrived together with the 101: the first frames.
    pub early: Bytes,
    pub agreed: Negotiated,
}

/// A handshake that did not open a connection.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// Set if the server sent a valid response with a status other than 101.
    pub refusal: Option<Refusal>,
}

impl From<Error> for Box<Failed> {
    fn from(error: Error) -> Self {
        Box::new(Failed {
            error,
            refusal: None,
        })
    }
}

/// 16 random bytes in base64 (RFC 6455 §4.1 item 7).
pub fn new_key() -> String {
    STANDARD.encode(rand::random::<[u8; 16]>())
}

/// Sends `request` and checks the response, with a copy of both in `log`. The caller cancels it at
/// `deadline`; a refusal is returned before that.
///
/// # Errors
/// Exit 22 for a valid response that is not 101, exit 8 for anything else that is not a handshake.
pub async fn upgrade(
    stream: BoxedStream,
    request: &Request,
    log: &Transcript,
    deadline: Instant,
) -> Result<Upgraded, Box<Failed>> {
    let http_request = to_http(request)?;
    let names = request.headers.iter().map(|(name, _)| name.clone());
    let tap = RecordingStream::new(stream, log.clone(), names.collect());
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(tap))
        .await
        .map_err(|error| broken(&error, log))?;
    let _driver = AbortOnDrop(tokio::spawn(connection.with_upgrades()));
    let mut response = sender
        .send_request(http_request)
        .await
        .map_err(|error| broken(&error, log))?;
    if response.status() != hyper::StatusCode::SWITCHING_PROTOCOLS {
        let refusal = read_refusal(response, deadline).await;
        return Err(Box::new(Failed {
            error: refused(&refusal),
            refusal: Some(refusal),
        }));
    }
    let answer = to_response(&response);
    let agreed = response::verify(request, &answer)?;
    let upgraded = hyper::upgrade::on(&mut response)
        .await
        .map_err(|error| broken(&error, log))?;
    match upgraded.downcast::<TokioIo<RecordingStream<BoxedStream>>>() {
        Ok(parts) => Ok(Upgraded {
            stream: parts.io.into_inner().into_inner(),
            early: parts.read_buf,
            agreed,
        }),
        Err(_) => Err(Error::new(
            Stage::Handshake,
            Exit::Handshake,
            "the connection was lost during the handshake",
        )
        .into()),
    }
}

/// Ends hyper's task when the handshake is over or abandoned.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn to_http(request: &Request) -> Result<hyper::Request<Empty<Bytes>>, Error> {
    let mut http = hyper::Request::new(Empty::new());
    *http.uri_mut() = request.path_and_query.parse().map_err(|error| {
        Error::new(
            Stage::Url,
            Exit::Url,
            format!("malformed URL: the path or query cannot be sent: {error}"),
        )
    })?;
    for (name, value) in &request.headers {
        let bad = |what: &str| Error::usage(format!("header '{name}': the {what} cannot be sent"));
        http.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("name"))?,
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad("value"))?,
        );
    }
    Ok(http)
}

fn header_pairs(response: &hyper::Response<Incoming>) -> Vec<(String, String)> {
    response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

fn to_response(response: &hyper::Response<Incoming>) -> Response {
    Response {
        http11: response.version() == hyper::Version::HTTP_11,
        headers: header_pairs(response),
    }
}

async fn read_refusal(response: hyper::Response<Incoming>, deadline: Instant) -> Refusal {
    let status = response.status();
    let phrase = response
        .extensions()
        .get::<hyper::ext::ReasonPhrase>()
        .cloned();
    let reason = match &phrase {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let headers = header_pairs(&response);
    let mut body = Vec::new();
    // The part of the body that has arrived is used even if the rest does not come, so a refusal
    // never becomes a timeout.
    let left = deadline.saturating_duration_since(Instant::now());
    let patience = BODY_TIMEOUT.min(left / 2);
    let _ = tokio::time::timeout(patience, read_body(response.into_body(), &mut body)).await;
    let truncated = body.len() > BODY_SHOWN;
    body.truncate(BODY_SHOWN);
    Refusal {
        status: status.as_u16(),
        reason,
        headers,
        body,
        truncated,
    }
}

async fn read_body(mut incoming: Incoming, body: &mut Vec<u8>) {
    while body.len() <= BODY_SHOWN {
        match incoming.frame().await {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    body.extend_from_slice(&data[..data.len().min(BODY_SHOWN + 1)]);
                }
            }
            Some(Err(_)) | None => return,
        }
    }
}

/// The error for a valid response that is not 101: the status, the headers that explain it, the
/// body.
fn refused(refusal: &Refusal) -> Error {
    let mut error = Error::new(
        Stage::Handshake,
        Exit::Refused,
        format!(
            "the server refused the handshake: HTTP {} {}",
            refusal.status, refusal.reason
        )
        .trim_end(),
    );
    for (name, value) in &refusal.headers {
        if matches!(
            name.as_str(),
            "www-authenticate" | "location" | "retry-after" | "sec-websocket-version"
        ) {
            error = error.detail(format!("{name}: {value}"));
        }
    }
    for line in String::from_utf8_lossy(&refusal.body).lines() {
        error = error.detail(format!("| {line}"));
    }
    if refusal.truncated {
        error = error.detail("| … (more was sent)");
    }
    match advice_for(refusal.status) {
        Some(advice) => error.advice(advice),
        None => error,
    }
}

fn advice_for(status: u16) -> Option<&'static str> {
    Some(match status {
        200..=299 => "this is a web page, not a WebSocket endpoint: check the path",
        300..=399 => "connect to the Location above",
        400 => "-v shows the request; a missing --origin or --subprotocol is a frequent cause",
        401 => "--token SOURCE or -u USER sends credentials",
        403 => "some servers check the Origin: --origin https://HOST",
        404 => "check the path of the URL",
        407 => "the proxy requires credentials",
        426 => "the server requires another protocol or version; -v shows its answer",
        429 | 503 => "try again later",
        502 | 504 => "the server behind the proxy does not answer",
        _ => return None,
    })
}

/// The error for an exchange that hyper could not parse, or that was cut off.
fn broken(error: &hyper::Error, log: &Transcript) -> Box<Failed> {
    let early = {
        let log = log.lock();
        log.sent.is_empty() && !log.received.is_empty()
    };
    let mut failure = broken_error(error, log);
    // The server may be starting or stopping.
    failure.transient = !error.is_parse() && !early;
    failure.into()
}

fn broken_error(error: &hyper::Error, log: &Transcript) -> Error {
    let log = log.lock();
    let invalid = |message: String| Error::new(Stage::Handshake, Exit::Handshake, message);
    if error.is_parse_too_large() {
        return invalid(format!(
            "the server sent more than {MAX_HEADERS} headers or {} KiB of them",
            MAX_HEAD / 1024
        ));
    }
    if error.is_parse() {
        return not_http("the server's answer is not HTTP/1.1", &log.received);
    }
    if log.sent.is_empty() && !log.received.is_empty() {
        return not_http(
            "the server sent data before the request, which HTTP does not allow",
            &log.received,
        );
    }
    if log.received.is_empty()
        && (error.is_incomplete_message() || error.is_closed() || error.is_canceled())
    {
        return invalid(
            "the server closed the connection without answering the handshake".to_owned(),
        )
        .advice("check the port, and whether the server expects TLS (wss://)");
    }
    let source = std::error::Error::source(error);
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    // In TLS 1.3 the server verifies the client after the handshake.
    let tls = io.and_then(std::io::Error::get_ref);
    if let Some(failure) = tls.and_then(|inner| inner.downcast_ref::<tls::Failure>()) {
        return Error::new(Stage::Tls, Exit::Tls, format!("TLS failed: {failure}"));
    }
    let cause = match (io, source) {
        (Some(io), _) => plain_clause(io),
        (None, Some(source)) => source.to_string(),
        (None, None) => error.to_string(),
    };
    invalid(format!(
        "the connection broke during the handshake: {cause}"
    ))
}

fn not_http(message: &str, received: &[u8]) -> Error {
    let error = Error::new(Stage::Handshake, Exit::Handshake, message);
    if received.starts_with(&[0x15, 0x03]) {
        return error
            .detail("it answered with a TLS alert")
            .advice("wss:// instead of ws://");
    }
    let line = received
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let quoted = String::from_utf8_lossy(&line[..line.len().min(200)])
        .trim_end()
        .to_owned();
    error
        .detail(format!("it said: {quoted}"))
        .advice("check the port: this may be another service")
}
