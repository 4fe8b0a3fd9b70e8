//! The handshake over HTTP/1.1 (RFC 6455 §4.1), sent and received by hyper.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::outcome::{Failed, Upgraded};
use super::refusal::{self, header_pairs};
use super::request::Request;
use super::response::{self, Response};
use super::tap::{RecordingStream, Transcript};
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::transport::{BoxedStream, tls};

/// Maximum size of the response head.
const MAX_HEAD: usize = 64 * 1024;

/// Maximum number of header lines in the response.
const MAX_HEADERS: usize = 256;

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
        return Err(refusal::read(response, deadline).await);
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
            cookies: answer.cookies(),
            status: 101,
            http: "1.1",
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

fn to_response(response: &hyper::Response<Incoming>) -> Response {
    Response {
        http11: response.version() == hyper::Version::HTTP_11,
        headers: header_pairs(response),
    }
}

/// The error for an exchange that hyper could not parse, or that was cut off.
fn broken(error: &hyper::Error, log: &Transcript) -> Box<Failed> {
    // In TLS 1.3 the server verifies the client after the handshake.
    if let Some(failure) = io_error(error).and_then(tls::Failure::of) {
        return failure.clone().into();
    }
    let early = {
        let log = log.lock();
        log.sent.is_empty() && !log.received.is_empty()
    };
    let mut failure = broken_error(error, log);
    // The server may be starting or stopping.
    failure.transient = !error.is_parse() && !early;
    failure.into()
}

/// The error of the stream below HTTP.
fn io_error(error: &hyper::Error) -> Option<&std::io::Error> {
    // A request that was never begun has it below another error of hyper.
    let sources = std::iter::successors(std::error::Error::source(error), |it| it.source());
    sources.filter_map(|it| it.downcast_ref()).next()
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
    let (source, io) = (std::error::Error::source(error), io_error(error));
    let cause = match (io, source) {
        (Some(io), _) => plain_clause(io),
        (None, Some(source)) => source.to_string(),
        (None, None) => error.to_string(),
    };
    invalid(format!(
        "the connection broke during the handshake: {cause}"
    ))
}

/// The error for bytes of another protocol, which it quotes.
pub(super) fn not_http(message: &str, received: &[u8]) -> Error {
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
