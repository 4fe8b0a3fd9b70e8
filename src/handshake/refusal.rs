//! An answer that is a valid HTTP response and opens no connection: what of it is read, and the error
//! that shows it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::outcome::Failed;
use crate::error::{Error, Exit, Stage};
use crate::event::Refusal;

/// Number of bytes of a refusal's body that are read and shown.
const BODY_SHOWN: usize = 4096;

/// Maximum time to wait for a refusal's body: the status matters more.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The body of a response, of either version of HTTP.
pub(super) trait Body {
    /// Returns the next part; `None` at the end, and where no more can come.
    async fn part(&mut self) -> Option<Bytes>;
}

impl Body for Incoming {
    async fn part(&mut self) -> Option<Bytes> {
        loop {
            let frame = self.frame().await?.ok()?;
            // Trailers are no part of it.
            if let Ok(data) = frame.into_data() {
                return Some(data);
            }
        }
    }
}

impl Body for h2::RecvStream {
    async fn part(&mut self) -> Option<Bytes> {
        self.data().await?.ok()
    }
}

/// Reads the refusal as far as it comes before `deadline`.
pub(super) async fn read(response: Response<impl Body>, deadline: Instant) -> Box<Failed> {
    let refusal = read_refusal(response, deadline).await;
    Box::new(Failed {
        refusal: Some(refusal.clone()),
        ..Failed::from(refused(&refusal))
    })
}

/// The header lines of a response, names in lower case.
pub(super) fn header_pairs<B>(response: &Response<B>) -> Vec<(String, String)> {
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

async fn read_refusal(response: Response<impl Body>, deadline: Instant) -> Refusal {
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

async fn read_body(mut incoming: impl Body, body: &mut Vec<u8>) {
    while body.len() <= BODY_SHOWN {
        let Some(data) = incoming.part().await else {
            return;
        };
        body.extend_from_slice(&data[..data.len().min(BODY_SHOWN + 1)]);
    }
}

/// The error for a valid response that opens no WebSocket: the status, the headers that explain it, the
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
    error.details = refusal.lines(&[
        "www-authenticate",
        "location",
        "retry-after",
        "sec-websocket-version",
    ]);
    match advice_for(refusal) {
        Some(advice) => error.advice(advice),
        None => error,
    }
}

fn advice_for(refusal: &Refusal) -> Option<&'static str> {
    let leads_on = refusal.headers.iter().any(|(name, _)| name == "location");
    Some(match refusal.status {
        200..=299 => "this is a web page, not a WebSocket endpoint: check the path",
        301 | 302 | 303 | 307 | 308 if !leads_on => {
            "the redirect has no Location: the server is at fault"
        }
        301 | 302 | 303 | 307 | 308 => "connect to the Location above, or -L follows it",
        300..=399 if leads_on => "connect to the Location above",
        400 if speaks_tls(&refusal.body) => "wss:// instead of ws://",
        400 => "-v shows the request; a missing --origin or --subprotocol is a frequent cause",
        401 => "--token SOURCE or -u USER sends credentials",
        403 => "check the token or password; some servers check the Origin: --origin https://HOST",
        404 => "check the path of the URL",
        407 => "the proxy requires credentials",
        426 => "the server requires another protocol or version; -v shows its answer",
        429 | 503 => "try again later",
        502 | 504 => "the server behind the proxy does not answer",
        _ => return None,
    })
}

/// Whether the body of a 400 says that a plain request came to a port that speaks TLS: in the words of
/// wirecat, nginx, Go and Apache.
fn speaks_tls(body: &[u8]) -> bool {
    const SIGNS: [&str; 4] = [
        "This port speaks TLS",
        "request was sent to HTTPS port",
        "HTTP request to an HTTPS server",
        "plain HTTP to an SSL-enabled server port",
    ];
    let body = String::from_utf8_lossy(body);
    SIGNS.iter().any(|sign| body.contains(sign))
}
