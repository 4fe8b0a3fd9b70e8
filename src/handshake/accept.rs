//! The server's side of the handshake over HTTP/1.1: hyper reads one request and writes one answer.
//! What the answer is, its caller decides; nothing here lets a client in by itself.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::tap::{RecordingStream, Transcript};
use crate::transport::BoxedStream;

/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of the request head.
const MAX_HEAD: usize = 64 * 1024;

/// The names of response headers, as RFC 6455 and RFC 9110 write them. Case means nothing to HTTP, but
/// many small clients compare the names byte by byte.
const NAMES: &[&str] = &[
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Max-Age",
    "Allow",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Date",
    "Retry-After",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Upgrade",
    "Vary",
    "X-Content-Type-Options",
];

/// The answer to a request.
pub type Answer = Response<Full<Bytes>>;

/// A connection after the 101.
pub struct Admitted<T> {
    pub stream: BoxedStream,
    /// Bytes that arrived together with the request: the first frames.
    pub early: Bytes,
    /// What the judge gave with its 101.
    pub with: T,
}

/// Reads a request and answers as `judge` says, with a copy of both in `log`. A 101 must come with
/// something for the connection, and nothing else must. `None` where there is no 101.
///
/// # Errors
/// What is wrong with the connection or with its HTTP, as a clause.
pub async fn accept<T, F>(
    stream: BoxedStream,
    log: &Transcript,
    judge: impl Fn(Request<()>) -> F,
) -> Result<Option<Admitted<T>>, String>
where
    F: Future<Output = (Answer, Option<T>)>,
{
    let names = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let tap = RecordingStream::new(stream, log.clone(), names);
    let admitted = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let mut head = request.map(drop);
        let upgrade = hyper::upgrade::on(&mut head);
        let judging = judge(head);
        let admitted = &admitted;
        async move {
            let (mut answer, with) = judging.await;
            if with.is_none() {
                // There is one request to a connection.
                let close = HeaderValue::from_static("close");
                answer.headers_mut().append(CONNECTION, close);
            }
            let mut admitted = admitted.lock().unwrap_or_else(PoisonError::into_inner);
            *admitted = with.map(|with| (upgrade, with));
            Ok::<_, Infallible>(answer)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(MAX_HEAD)
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(tap), service)
        .with_upgrades()
        .await
        .map_err(|error| why(&error))?;
    let admitted = admitted
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match admitted {
        None => Ok(None),
        Some((upgrade, with)) => upgraded(upgrade, with).await.map(Some),
    }
}

/// Why no request could be read, as a clause.
fn why(error: &hyper::Error) -> String {
    match error.is_timeout() {
        true => format!("no request came within {} s", HEADER_TIMEOUT.as_secs()),
        false => error.to_string(),
    }
}

/// The connection, once the 101 is written.
async fn upgraded<T>(upgrade: OnUpgrade, with: T) -> Result<Admitted<T>, String> {
    let upgraded: Upgraded = upgrade.await.map_err(|error| error.to_string())?;
    let parts = upgraded.downcast::<TokioIo<RecordingStream<BoxedStream>>>();
    let parts = parts.map_err(|_| "the connection was lost during the handshake".to_owned())?;
    Ok(Admitted {
        stream: parts.io.into_inner().into_inner(),
        early: parts.read_buf,
        with,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_no_request_is_not_waited_for() {
        let (_client, server) = tokio::io::duplex(64);
        let judge = |_: Request<()>| async { (Answer::default(), None::<()>) };
        let accepted = accept(Box::new(server), &Transcript::default(), judge).await;
        let why = accepted.err();
        assert_eq!(why.as_deref(), Some("no request came within 10 s"));
    }
}
