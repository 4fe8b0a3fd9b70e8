//! The handshake over HTTP/2 (RFC 8441): an extended CONNECT, sent and answered by the `h2` library,
//! whose stream then carries the WebSocket. It waits for the server's SETTINGS first, and never sends
//! the request to a server that does not take it.

mod io;
mod request;
mod settings;
mod tunnel;
mod words;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use hyper::Response as HttpResponse;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::opening::Opening;
use super::outcome::{Failed, Upgraded};
use super::refusal::{self, header_pairs};
use super::request::Request;
use super::response::{self, Response};
use crate::error::{Error, Exit, Stage};
use crate::transport::BoxedStream;
use crate::uri::Target;
pub use io::{Io, Written};
use request::Head;
use settings::Preface;
pub use tunnel::Tunnel;

/// The request for people, where its path and headers are given as they may be shown: a line for each
/// field, and an empty one.
pub fn shown_request(target: &Target, path: &str, headers: &[(String, String)]) -> String {
    let head = Head::with_headers(target, path, headers).to_text();
    String::from_utf8_lossy(&head).into_owned()
}

/// What the server may send before any of it is read, in bytes.
const WINDOW: u32 = 4 << 20;

/// Maximum size of the response head, as the library counts it.
const MAX_HEAD: u32 = 64 * 1024;

/// How long a connection whose stream is over may take to say so.
const GOODBYE: Duration = Duration::from_secs(1);

/// How often the library may be asked for a setting that has arrived.
const LOOKS: usize = 64;

/// A connection that has no stream yet.
struct Http2 {
    sender: SendRequest<Bytes>,
    connection: Connection<Io<BoxedStream>, Bytes>,
    written: Arc<Written>,
}

/// Sends the request and checks the response. `detail` receives lines for `-v`.
///
/// # Errors
/// Exit 22 for a status other than 2xx, exit 8 for anything else that is not a handshake.
pub async fn upgrade(
    stream: BoxedStream,
    Opening {
        target,
        request,
        log,
        progress,
        deadline,
        ..
    }: Opening<'_>,
    detail: &mut dyn FnMut(&str),
) -> Result<Upgraded, Box<Failed>> {
    let head = Head::new(target, request);
    let http_request = head.to_request()?;
    progress.enter(Stage::Handshake, "waiting for the server's HTTP/2 SETTINGS");
    let mut http = Http2::start(stream).await?;
    let extended_connect = http.extended_connect().await?;
    detail(match extended_connect {
        true => "HTTP/2: the server advertises extended CONNECT (RFC 8441)",
        false => "HTTP/2: the server does not advertise extended CONNECT (RFC 8441)",
    });
    if !extended_connect {
        return Err(not_advertised());
    }
    let waiting = "waiting for the server to answer the handshake over HTTP/2";
    progress.enter(Stage::Handshake, waiting);
    log.lock().sent = head.to_text();
    let sent = http.sender.send_request(http_request, false);
    let (answer, send) = sent.map_err(|error| http.broken(&error))?;
    let answer = http.answer(answer).await?;
    log.lock().received = request::response_text(&answer);
    if !answer.status().is_success() {
        return Err(http.refused(answer, deadline).await);
    }
    http.open(request, answer, send)
}

impl Http2 {
    /// Sends the client's preface.
    async fn start(stream: BoxedStream) -> Result<Http2, Box<Failed>> {
        let written = Arc::new(Written::default());
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(MAX_HEAD)
            .enable_push(false);
        let io = Io::new(stream, Arc::clone(&written));
        match builder.handshake(io).await {
            Ok((sender, connection)) => Ok(Http2 {
                sender,
                connection,
                written,
            }),
            Err(error) => Err(broken(&error, &written)),
        }
    }

    /// Waits for the server's SETTINGS, and returns whether they allow an extended CONNECT.
    async fn extended_connect(&mut self) -> Result<bool, Box<Failed>> {
        poll_fn(|cx| match self.poll_preface(cx) {
            Err(failed) => Poll::Ready(Err(failed)),
            Ok(Preface::Incomplete) => Poll::Pending,
            Ok(Preface::Settings { extended_connect }) => Poll::Ready(Ok(extended_connect)),
            Ok(Preface::Other) => Poll::Ready(Err(not_http2(&self.written))),
        })
        .await
        // The library has read the same frame, or does so in its next turn.
        .map(|advertised| advertised && self.sender.is_extended_connect_protocol_enabled())
    }

    /// What the server has sent so far, once the library has read it.
    fn poll_preface(&mut self, cx: &mut Context<'_>) -> Result<Preface, Box<Failed>> {
        for _ in 0..LOOKS {
            let ended = Pin::new(&mut self.connection).poll(cx);
            let preface = self.written.preface();
            match (ended, preface) {
                (_, Preface::Other) => return Ok(preface),
                (Poll::Ready(Err(error)), _) => return Err(self.broken(&error)),
                (Poll::Ready(Ok(())), _) => return Err(closed()),
                (
                    Poll::Pending,
                    Preface::Settings {
                        extended_connect: true,
                    },
                ) if !self.sender.is_extended_connect_protocol_enabled() => {}
                (Poll::Pending, _) => return Ok(preface),
            }
        }
        Ok(Preface::Incomplete)
    }

    /// Waits for the response, while the connection goes on.
    async fn answer(
        &mut self,
        mut answer: ResponseFuture,
    ) -> Result<HttpResponse<RecvStream>, Box<Failed>> {
        let ended = tokio::select! {
            biased;
            answered = &mut answer => return answered.map_err(|error| self.broken(&error)),
            ended = &mut self.connection => ended,
        };
        // It may have come just before the end.
        let answered = match (answer.now_or_never(), ended) {
            (Some(answered), _) => answered,
            (None, Err(error)) => Err(error),
            (None, Ok(())) => return Err(closed()),
        };
        answered.map_err(|error| self.broken(&error))
    }

    async fn refused(self, answer: HttpResponse<RecvStream>, deadline: Instant) -> Box<Failed> {
        let Http2 { connection, .. } = self;
        let read = refusal::read(answer, deadline);
        tokio::pin!(read, connection);
        tokio::select! {
            biased;
            failed = &mut read => return failed,
            _ = &mut connection => {}
        }
        // What has arrived can still be read.
        read.await
    }

    /// Makes a byte stream of the request's stream.
    fn open(
        self,
        request: &Request,
        answer: HttpResponse<RecvStream>,
        send: SendStream<Bytes>,
    ) -> Result<Upgraded, Box<Failed>> {
        let status = answer.status().as_u16();
        let said = Response {
            http11: false,
            headers: header_pairs(&answer),
        };
        let agreed = response::verify_choices(request, &said)?;
        let (alive, ended) = oneshot::channel();
        let written = Arc::clone(&self.written);
        // Dropped, because the connection lives as long as something may use it.
        drop(self.sender);
        tokio::spawn(drive(self.connection, self.written, ended));
        let tunnel = Tunnel::new(send, answer.into_body(), written).owning(alive);
        Ok(Upgraded {
            stream: Box::new(tunnel),
            early: Bytes::new(),
            agreed,
            cookies: said.cookies(),
            status,
            http: "2",
        })
    }

    fn broken(&self, error: &h2::Error) -> Box<Failed> {
        broken(error, &self.written)
    }
}

/// Lets the connection read and write until it ends, soon after its stream has.
async fn drive(
    mut connection: Connection<Io<BoxedStream>, Bytes>,
    written: Arc<Written>,
    ended: oneshot::Receiver<()>,
) {
    let mut driven = std::pin::pin!(poll_fn(|cx| {
        let connection = Pin::new(&mut connection);
        written.drive(|| connection.poll(cx))
    }));
    let goes_on = tokio::select! {
        // The stream learns by itself how it ended.
        _ = &mut driven => false,
        _ = ended => true,
    };
    if goes_on {
        let _ = timeout(GOODBYE, driven).await;
    }
    written.end();
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Stage::Handshake, Exit::Handshake, message)
}

/// The server can do HTTP/2, but no WebSocket over it.
fn not_advertised() -> Box<Failed> {
    let message = "the server does not accept WebSocket over HTTP/2: its SETTINGS lack ENABLE_CONNECT_PROTOCOL (RFC 8441)";
    let error =
        invalid(message).advice("--http2 falls back to HTTP/1.1, --http1.1 uses it at once");
    Box::new(Failed {
        needs_http1: true,
        ..Failed::from(error)
    })
}

fn closed() -> Box<Failed> {
    let message = "the server closed the connection without answering the handshake over HTTP/2";
    let error = invalid(message).advice("--http1.1, if the server does not speak HTTP/2");
    error.transient().into()
}

fn not_http2(written: &Written) -> Box<Failed> {
    let first = written.first();
    let error = match first.starts_with(b"HTTP/1.") {
        true => super::h1::not_http("the server answered HTTP/2 with HTTP/1.1", &first),
        false => super::h1::not_http("the server's answer is not HTTP/2", &first),
    };
    error.advice("--http1.1, which is the default").into()
}

/// The error for a request that got no response.
fn broken(error: &h2::Error, written: &Written) -> Box<Failed> {
    if written.preface() == Preface::Other {
        return not_http2(written);
    }
    if error.is_io() && written.first().is_empty() {
        return closed();
    }
    let what = words::describe(error);
    let message = match error.is_remote() {
        true => format!("the server did not accept the handshake: {what}"),
        false => format!("the connection broke during the handshake: {what}"),
    };
    let mut failed = Failed::from(invalid(message));
    failed.error.transient = words::is_transient(error);
    // A server that knows no extended CONNECT takes it for a mistake.
    failed.needs_http1 = error.is_remote()
        && matches!(
            error.reason(),
            Some(Reason::HTTP_1_1_REQUIRED | Reason::PROTOCOL_ERROR)
        );
    if failed.needs_http1 {
        failed.error = failed.error.advice("--http1.1");
    }
    Box::new(failed)
}
