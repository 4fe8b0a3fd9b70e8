//! Where clients come in: it accepts TCP connections, reads their handshakes side by side, and lets in
//! those that the rules allow, one by one or as they come. What is said over a connection is none of its
//! business. A client that is slow, or wrong, holds up no other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
};
use hyper::{Request, Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::close::Close;
use crate::error::plain_clause;
use crate::handshake::accept::{self, Answer};
use crate::handshake::{Transcript, server};
use crate::transport::BoxedStream;
use crate::wire::extension::{self, Agreed};
use crate::wire::frame::{CLOSE, Masking, RawFrame};
use crate::wire::linger::Linger;

/// Handshakes that are read at the same time; more wait in the backlog of the system.
const MAX_HANDSHAKES: usize = 256;

/// Clients and refusals that wait to be looked at. Refusals beyond that are not reported.
const MAX_ARRIVALS: usize = 64;

/// How long to wait when the system has no more file descriptors.
const BACKOFF: Duration = Duration::from_millis(200);

/// How long each of those may take who came too late.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Which clients are let in.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub extensions: extension::Options,
    /// The subprotocols to pick from, in order of preference; empty for the one that the client
    /// prefers.
    pub subprotocols: Vec<String>,
    /// `--status`: what every valid handshake is refused with.
    pub status: Option<StatusCode>,
    /// `--origin`: the pages that may connect, besides those of the same host; `*` is any.
    pub origins: Vec<String>,
    /// How many clients there are to be; `None` is without end.
    pub clients: Option<u32>,
    /// Whether they may be there at the same time.
    pub side_by_side: bool,
    /// `--connect-timeout`: how long a client is waited for.
    pub patience: Option<Duration>,
}

/// A client that was let in.
pub struct Guest {
    pub(super) stream: BoxedStream,
    /// Frames that came with the request.
    pub(super) early: Bytes,
    pub(super) deflate: Option<Agreed>,
    pub(super) address: SocketAddr,
    pub(super) request: Request<()>,
    pub(super) subprotocol: Option<String>,
    pub(super) extensions: Option<String>,
    pub(super) log: Transcript,
    /// From 1.
    pub number: u32,
    /// While it lives, no other client is let in, unless they may be there at the same time.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

/// Who or what came to the door.
pub enum Arrival {
    Guest(Box<Guest>),
    /// A request that was refused, or none at all; one line about it.
    Refused(String),
}

/// Where clients come in.
pub struct Door {
    arrivals: mpsc::Receiver<Arrival>,
    rules: Arc<Rules>,
    task: JoinHandle<()>,
}

impl Door {
    /// Lets clients in from here on. Must run inside the runtime.
    pub fn open(listener: TcpListener, options: Options) -> Door {
        let (sender, arrivals) = mpsc::channel(MAX_ARRIVALS);
        let turns = (!options.side_by_side).then(|| Arc::new(Semaphore::new(1)));
        let rules = Arc::new(Rules {
            left: AtomicU32::new(options.clients.unwrap_or(u32::MAX)),
            options,
            turns,
            last: AtomicU32::new(0),
        });
        let task = tokio::spawn(receive(listener, Arc::clone(&rules), sender));
        Door {
            arrivals,
            rules,
            task,
        }
    }

    /// Who comes next.
    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        match self.arrivals.poll_recv(cx) {
            Poll::Ready(Some(arrival)) => Poll::Ready(arrival),
            // It never ends by itself.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Whether other clients are to be let in.
    pub fn expects_more(&self) -> bool {
        self.rules.left.load(Ordering::Relaxed) > 0
    }

    /// Closes the connections of those who were let in too late for anybody to talk to them, and lets
    /// nobody in any more.
    pub(super) async fn close(&mut self) {
        self.task.abort();
        let close = RawFrame {
            masking: Masking::None,
            ..RawFrame::new(CLOSE, Close::new(1001, "").payload())
        };
        let mut bytes = Vec::new();
        close.write([0; 4], &mut bytes);
        while let Ok(arrival) = self.arrivals.try_recv() {
            if let Arrival::Guest(mut guest) = arrival {
                let _ = timeout(LAST_WORDS, guest.stream.write_all(&bytes)).await;
                let linger = Linger {
                    patience: LAST_WORDS,
                    drain: true,
                };
                linger.close(&mut guest.stream).await;
            }
        }
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        self.rules.options.patience
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections, without end.
async fn receive(listener: TcpListener, rules: Arc<Rules>, arrivals: mpsc::Sender<Arrival>) {
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if handshakes.len() < MAX_HANDSHAKES => match accepted {
                Ok((stream, address)) => {
                    handshakes.spawn(greet(stream, address, Arc::clone(&rules), arrivals.clone()));
                }
                Err(error) => {
                    let line = format!("accept: {}", plain_clause(&error));
                    let _ = arrivals.try_send(Arrival::Refused(line));
                    tokio::time::sleep(BACKOFF).await;
                }
            },
            Some(_) = handshakes.join_next() => {}
        }
    }
}

/// What goes with a 101.
struct Admission {
    request: Request<()>,
    deflate: Option<Agreed>,
    subprotocol: Option<String>,
    extensions: Option<String>,
    turn: Option<OwnedSemaphorePermit>,
}

/// Reads and answers the request of one client.
async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    rules: Arc<Rules>,
    arrivals: mpsc::Sender<Arrival>,
) {
    // Without it a small answer waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let log = Transcript::default();
    let judge = |request: Request<()>| {
        let rules = Arc::clone(&rules);
        let arrivals = arrivals.clone();
        async move {
            let said = format!("{address}: {} {}", request.method(), shown(&request));
            match rules.judge(request).await {
                Ok((answer, admission)) => (answer, Some(admission)),
                Err(answer) => {
                    let line = format!("{said} was answered with {}", answer.status());
                    let _ = arrivals.try_send(Arrival::Refused(line));
                    (*answer, None)
                }
            }
        }
    };
    match accept::accept(Box::new(stream), &log, judge).await {
        Ok(None) => {}
        Ok(Some(admitted)) => {
            let Admission {
                request,
                deflate,
                subprotocol,
                extensions,
                turn,
            } = admitted.with;
            rules.count();
            let guest = Guest {
                stream: admitted.stream,
                early: admitted.early,
                deflate,
                address,
                request,
                subprotocol,
                extensions,
                log,
                number: rules.last.fetch_add(1, Ordering::Relaxed) + 1,
                turn,
            };
            let _ = arrivals.send(Arrival::Guest(Box::new(guest))).await;
        }
        Err(why) => {
            let line = format!("{address}: no handshake: {why}");
            let _ = arrivals.try_send(Arrival::Refused(line));
        }
    }
}

/// The target of a request, as it may be shown.
fn shown(request: &Request<()>) -> String {
    crate::uri::shown_target(&request.uri().to_string())
}

/// The rules at the door, and how many were let in.
struct Rules {
    options: Options,
    /// One client at a time.
    turns: Option<Arc<Semaphore>>,
    /// Clients that are still to come.
    left: AtomicU32,
    /// The number of the last one.
    last: AtomicU32,
}

impl Rules {
    /// A client has been let in.
    fn count(&self) {
        if self.options.clients.is_some() {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The answer to a request: a 101 where it is a handshake and nothing is against it.
    ///
    /// # Errors
    /// The answer that refuses it.
    async fn judge(&self, request: Request<()>) -> Result<(Answer, Admission), Box<Answer>> {
        let accepted = server::accept(&request, &self.options.extensions);
        let mut accepted = accepted.map_err(|rejection| Box::new(rejection.map(full)))?;
        if !may_connect(request.headers(), &self.options.origins) {
            let body = "Pages of this origin may not connect; --origin allows it.\n";
            return Err(refusal(StatusCode::FORBIDDEN, body));
        }
        if let Some(status) = self.options.status {
            return Err(refusal(status, "Refused, as --status says.\n"));
        }
        if !self.options.subprotocols.is_empty() {
            accepted.pick_subprotocol(request.headers(), &self.options.subprotocols);
        }
        let turn = self.take_turn().await?;
        let headers = accepted.response.headers();
        let admission = Admission {
            subprotocol: text_of(headers, SEC_WEBSOCKET_PROTOCOL),
            extensions: text_of(headers, SEC_WEBSOCKET_EXTENSIONS),
            deflate: accepted.deflate,
            request,
            turn,
        };
        Ok((accepted.response.map(|()| Full::default()), admission))
    }

    /// Waits until it is this client's turn; if it is the only one there is to be, nobody waits for
    /// that.
    async fn take_turn(&self) -> Result<Option<OwnedSemaphorePermit>, Box<Answer>> {
        let busy = || {
            let body = "This server has its client already.\n";
            let mut answer = refusal(StatusCode::SERVICE_UNAVAILABLE, body);
            let soon = HeaderValue::from_static("1");
            answer.headers_mut().insert(RETRY_AFTER, soon);
            answer
        };
        let Some(turns) = self.turns.clone() else {
            return Ok(None);
        };
        let turn = match self.options.clients {
            Some(1) => turns.try_acquire_owned().ok(),
            _ => turns.acquire_owned().await.ok(),
        };
        let turn = turn.filter(|_| self.left.load(Ordering::Relaxed) > 0);
        turn.map(Some).ok_or_else(busy)
    }
}

/// Whether a page may connect: one of the same host, or of an origin in `allowed`. What is no browser
/// sends no Origin (RFC 6455 §10.2). A name other than `localhost` may have been made to lead here, so
/// that a page of its owner seems to be of the same host (DNS rebinding).
fn may_connect(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    if origins.next().is_some() {
        return false;
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let host = host.filter(|host| is_of_this_machine(host));
    let same = [&b"http://"[..], b"https://"].iter().any(|scheme| {
        let named = origin.as_bytes().strip_prefix(*scheme);
        named.is_some_and(|named| host.is_some_and(|host| named.eq_ignore_ascii_case(host)))
    });
    same || allowed
        .iter()
        .any(|it| it == "*" || it.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

/// Whether a Host header has an address, or the name `localhost`.
fn is_of_this_machine(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn full(body: &'static str) -> Full<Bytes> {
    Full::from(body)
}

fn refusal(status: StatusCode, body: &'static str) -> Box<Answer> {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    Box::new(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(options: Options) -> Rules {
        let turns = (!options.side_by_side).then(|| Arc::new(Semaphore::new(1)));
        Rules {
            left: AtomicU32::new(options.clients.unwrap_or(u32::MAX)),
            options,
            turns,
            last: AtomicU32::new(0),
        }
    }

    fn handshake(origin: Option<&str>) -> Request<()> {
        let builder = Request::get("/chat")
            .header("Host", "localhost:8765")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13");
        let builder = match origin {
            Some(origin) => builder.header("Origin", origin),
            None => builder,
        };
        builder.body(()).unwrap()
    }

    async fn status(rules: &Rules, request: Request<()>) -> u16 {
        let answer = match rules.judge(request).await {
            Ok((answer, _)) => answer,
            Err(answer) => *answer,
        };
        answer.status().as_u16()
    }

    fn one() -> Options {
        Options {
            clients: Some(1),
            ..Options::default()
        }
    }

    #[tokio::test]
    async fn what_is_no_handshake_is_told_why() {
        let plain = Request::get("/").header("Host", "x").body(()).unwrap();
        assert_eq!(status(&rules(one()), plain).await, 426);
        assert_eq!(status(&rules(one()), handshake(None)).await, 101);
    }

    #[tokio::test]
    async fn a_page_of_another_host_may_not_connect_unless_it_is_named() {
        for (origin, allowed, expected) in [
            ("http://localhost:8765", &[][..], 101),
            ("https://LOCALHOST:8765", &[], 101),
            ("http://localhost:8766", &[], 403),
            ("https://evil.example", &[], 403),
            ("null", &[], 403),
            ("https://app.example", &["https://app.example"], 101),
            ("https://evil.example", &["https://app.example"], 403),
            ("https://evil.example", &["*"], 101),
        ] {
            let origins = allowed.iter().map(|it| (*it).to_owned()).collect();
            let rules = rules(Options { origins, ..one() });
            let got = status(&rules, handshake(Some(origin))).await;
            assert_eq!(got, expected, "{origin} {allowed:?}");
        }
    }

    #[test]
    fn only_addresses_and_localhost_are_names_of_this_machine() {
        for (host, ours) in [
            ("localhost", true),
            ("LocalHost:8765", true),
            ("127.0.0.1:8765", true),
            ("192.0.2.1", true),
            ("[::1]:8765", true),
            ("[::1]", true),
            ("evil.example:8765", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_of_this_machine(host.as_bytes()), ours, "{host}");
        }
    }

    #[tokio::test]
    async fn a_valid_handshake_is_refused_with_the_status_of_the_option() {
        let status_of = Some(StatusCode::IM_A_TEAPOT);
        let rules = rules(Options {
            status: status_of,
            ..one()
        });
        assert_eq!(status(&rules, handshake(None)).await, 418);
        let plain = Request::get("/").header("Host", "x").body(()).unwrap();
        assert_eq!(status(&rules, plain).await, 426);
    }

    #[tokio::test]
    async fn the_only_client_is_not_waited_for() {
        let rules = rules(one());
        let (_, admission) = rules.judge(handshake(None)).await.ok().unwrap();
        let refused = rules.judge(handshake(None)).await.err().unwrap();
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["retry-after"], "1");
        // It went away before it was let in.
        drop(admission);
        assert_eq!(status(&rules, handshake(None)).await, 101);
        rules.count();
        assert_eq!(status(&rules, handshake(None)).await, 503);
    }

    #[tokio::test]
    async fn the_next_of_several_clients_waits_for_its_turn() {
        let rules = rules(Options {
            clients: Some(2),
            ..Options::default()
        });
        let (_, first) = rules.judge(handshake(None)).await.ok().unwrap();
        rules.count();
        let mut second = std::pin::pin!(rules.judge(handshake(None)));
        let waits = futures_util::FutureExt::now_or_never(second.as_mut()).is_none();
        assert!(waits);
        drop(first);
        assert!(second.await.is_ok());
        rules.count();
        assert_eq!(status(&rules, handshake(None)).await, 503);
    }
}
