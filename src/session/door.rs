//! Where clients come in: it accepts TCP connections, reads their handshakes side by side, and lets in
//! those that the rules allow, one by one or as they come. What is said over a connection is none of its
//! business. A client that is slow, or wrong, holds up no other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::close::Close;
use crate::error::plain_clause;
use crate::handshake::accept::{self, Answer};
use crate::handshake::bearer;
use crate::handshake::guard::{self, Denied};
use crate::handshake::{Transcript, server};
use crate::transport::BoxedStream;
use crate::transport::tls::server::Acceptor;
use crate::wire::extension::{self, Agreed};
use crate::wire::frame::{CLOSE, Masking, RawFrame};
use crate::wire::linger::Linger;

/// Handshakes that are read at the same time; more wait in the backlog of the system.
const MAX_HANDSHAKES: usize = 256;

/// Clients and refusals that wait to be looked at. Refusals beyond that are not reported.
const MAX_ARRIVALS: usize = 64;

/// How long to wait when the system has no more file descriptors.
const BACKOFF: Duration = Duration::from_millis(200);

/// How long a client may take for the handshake of TLS.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// Which pages may connect, and by which names of this machine.
    pub guard: guard::Options,
    /// `--token`: a client needs one of them.
    pub tokens: bearer::Expected,
    /// How many clients there are to be; `None` is without end.
    pub clients: Option<u32>,
    /// Whether they may be there at the same time.
    pub side_by_side: bool,
    /// `--max-connections`: how many of them at most; `None` is any number.
    pub at_once: Option<u32>,
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
    /// That of its URL.
    pub(super) scheme: &'static str,
    /// From 1.
    pub number: u32,
    /// While it lives, no other client is let in in its place.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl Guest {
    /// What keeps its place from others, for those who need that for longer than the connection lasts.
    pub fn take_place(&mut self) -> Option<OwnedSemaphorePermit> {
        self.turn.take()
    }
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
    /// Lets clients in from here on, with TLS if there is an acceptor. Must run inside the runtime.
    pub fn open(listener: TcpListener, acceptor: Option<&Acceptor>, options: Options) -> Door {
        let (sender, arrivals) = mpsc::channel(MAX_ARRIVALS);
        let rules = Arc::new(Rules::new(options, acceptor.map(Acceptor::without_http2)));
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

    /// Answers those who come from now on with 503.
    pub(super) fn turn_away(&self) {
        self.rules.left.store(0, Ordering::Relaxed);
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

    /// That of the URLs of this server.
    pub fn scheme(&self) -> &'static str {
        self.rules.scheme()
    }

    /// How long a client is waited for.
    pub fn patience(&self) -> Option<Duration> {
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
    turn: Turn,
}

/// What a client holds until it goes.
struct Turn {
    /// One of the clients there are to be.
    turn: Option<OwnedSemaphorePermit>,
    /// One of those that may be there at the same time.
    place: Option<OwnedSemaphorePermit>,
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
    let reached = stream.local_addr().ok().map(|local| local.ip());
    let stream = match secured(stream, rules.acceptor.as_ref()).await {
        Ok(stream) => stream,
        Err(why) => {
            let line = format!("{address}: no TLS: {why}");
            let _ = arrivals.try_send(Arrival::Refused(line));
            return;
        }
    };
    let reached = guard::Arrival {
        address: reached,
        tls: Some(rules.acceptor.is_some()),
    };
    let judge = |request: Request<()>| {
        let rules = Arc::clone(&rules);
        let arrivals = arrivals.clone();
        async move {
            let said = format!("{address}: {} {}", request.method(), shown(&request));
            match rules.judge(request, reached).await {
                Verdict::Admitted(answer, admission) => (answer, Some(*admission)),
                Verdict::Answered(answer) => (answer, None),
                Verdict::Refused(answer, why) => {
                    let why = why.map_or(String::new(), |why| format!(": {why}"));
                    let line = format!("{said} was answered with {}{why}", answer.status());
                    let _ = arrivals.try_send(Arrival::Refused(line));
                    (answer, None)
                }
            }
        }
    };
    match accept::accept(stream, &log, judge).await {
        Ok(None) => {}
        Ok(Some(admitted)) => {
            let Admission {
                request,
                deflate,
                subprotocol,
                extensions,
                turn,
            } = admitted.with;
            let turn = rules.count(turn);
            let guest = Guest {
                stream: admitted.stream,
                early: admitted.early,
                deflate,
                address,
                request,
                subprotocol,
                extensions,
                log,
                scheme: rules.scheme(),
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

/// The stream after the handshake of TLS, if there is any.
///
/// # Errors
/// What went wrong in it, as a clause.
async fn secured(stream: TcpStream, acceptor: Option<&Acceptor>) -> Result<BoxedStream, String> {
    let Some(acceptor) = acceptor else {
        return Ok(Box::new(stream));
    };
    let handshake = timeout(TLS_TIMEOUT, acceptor.accept(stream)).await;
    let late = |_| format!("no handshake within {} s", TLS_TIMEOUT.as_secs());
    let (stream, _) = handshake.map_err(late)??;
    Ok(Box::new(stream))
}

/// The target of a request, as it may be shown.
fn shown(request: &Request<()>) -> String {
    crate::uri::shown_target(&request.uri().to_string())
}

/// What becomes of a request.
enum Verdict {
    /// With a 101.
    Admitted(Answer, Box<Admission>),
    /// It was no handshake, and nothing is wrong with that.
    Answered(Answer),
    /// And why, where the status does not say it.
    Refused(Answer, Option<String>),
}

/// The rules at the door, and how many were let in.
struct Rules {
    options: Options,
    /// One client at a time, or as many as there are to be; `None` is without end.
    turns: Option<Arc<Semaphore>>,
    /// Those that may be there at the same time; `None` for any number.
    places: Option<Arc<Semaphore>>,
    /// Clients that are still to come.
    left: AtomicU32,
    /// The number of the last one.
    last: AtomicU32,
    acceptor: Option<Acceptor>,
}

impl Rules {
    fn scheme(&self) -> &'static str {
        match self.acceptor {
            Some(_) => "wss",
            None => "ws",
        }
    }

    fn new(options: Options, acceptor: Option<Acceptor>) -> Rules {
        let turns = match options.side_by_side {
            true => options.clients,
            false => Some(1),
        };
        let semaphore = |count| {
            usize::try_from(count)
                .ok()
                .map(Semaphore::new)
                .map(Arc::new)
        };
        Rules {
            left: AtomicU32::new(options.clients.unwrap_or(u32::MAX)),
            turns: turns.and_then(semaphore),
            places: options.at_once.and_then(semaphore),
            options,
            last: AtomicU32::new(0),
            acceptor,
        }
    }

    /// A client has been let in. Returns what it holds until it goes; the place of one among several is
    /// never free again.
    fn count(&self, Turn { turn, place }: Turn) -> Option<OwnedSemaphorePermit> {
        if self.options.clients.is_some() {
            let one_less = |left: u32| Some(left.saturating_sub(1));
            let _ = self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        }
        if !self.options.side_by_side {
            return turn;
        }
        if let Some(turn) = turn {
            turn.forget();
        }
        place
    }

    /// Whether a client waits for the one before it.
    fn waits(&self) -> bool {
        !self.options.side_by_side && self.options.clients != Some(1)
    }

    /// The answer to a request: a 101 where it is a handshake and nothing is against it. A page that may
    /// use the server may read every answer.
    async fn judge(&self, request: Request<()>, arrival: guard::Arrival) -> Verdict {
        let page = match guard::check(&self.options.guard, arrival, &request) {
            Ok(page) => page,
            Err(denied) => {
                let Denied { why, answer } = *denied;
                return Verdict::Refused(answer.map(Full::from), Some(why));
            }
        };
        let mut verdict = match self.answer(&request) {
            Some(answer) => Verdict::Answered(answer),
            None => match self.check_token(&request) {
                Err((answer, why)) => Verdict::Refused(*answer, Some(why)),
                Ok(()) => match self.admit(request).await {
                    Ok((answer, admission)) => Verdict::Admitted(answer, Box::new(admission)),
                    Err(answer) => Verdict::Refused(*answer, None),
                },
            },
        };
        let (Verdict::Admitted(answer, _)
        | Verdict::Answered(answer)
        | Verdict::Refused(answer, _)) = &mut verdict;
        guard::share(answer, page);
        verdict
    }

    /// The answer to a request that asks whether a page may send another, or whether the server is
    /// there, as browsers and scripts do before they connect.
    fn answer(&self, request: &Request<()>) -> Option<Answer> {
        if let Some(answer) = guard::preflight(request) {
            return Some(answer.map(|()| Full::default()));
        }
        let is_full = self.is_full();
        let answer = match (request.uri().path(), request.method()) {
            ("/health" | "/ready", _) if request.headers().contains_key(UPGRADE) => return None,
            ("/health" | "/ready", method) if !is_read(method) => {
                let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "This takes GET.\n");
                let allowed = HeaderValue::from_static("GET, HEAD");
                answer.headers_mut().insert(ALLOW, allowed);
                answer
            }
            ("/health", _) => plain(StatusCode::OK, "ok\n"),
            ("/ready", _) if is_full => busy(),
            ("/ready", _) => plain(StatusCode::OK, "ready\n"),
            _ => return None,
        };
        Some(*answer)
    }

    /// Whether the request has a token that is expected.
    ///
    /// # Errors
    /// A 401, and why.
    fn check_token(&self, request: &Request<()>) -> Result<(), (Box<Answer>, String)> {
        let query = request.uri().query().unwrap_or_default();
        let Err(denied) = self.options.tokens.check(request.headers(), query) else {
            return Ok(());
        };
        let (body, challenge, why) = match denied {
            bearer::Denied::Missing => (
                "A token is missing; send it as `Authorization: Bearer TOKEN` or as ?token=TOKEN.\n",
                bearer::CHALLENGE,
                "it has no token",
            ),
            bearer::Denied::Unknown => (
                "The token is not known.\n",
                bearer::CHALLENGE_INVALID,
                "its token is not that of --token",
            ),
        };
        let mut answer = plain(StatusCode::UNAUTHORIZED, body);
        let challenge = HeaderValue::from_static(challenge);
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        Err((answer, why.to_owned()))
    }

    /// Admits a client whose handshake is right.
    ///
    /// # Errors
    /// The answer that refuses it.
    async fn admit(&self, request: Request<()>) -> Result<(Answer, Admission), Box<Answer>> {
        let accepted = server::accept(&request, &self.options.extensions);
        let mut accepted = accepted.map_err(|rejection| Box::new(rejection.map(full)))?;
        if let Some(status) = self.options.status {
            return Err(plain(status, "Refused, as --status says.\n"));
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

    /// Whether a client would be sent away that connects now.
    fn is_full(&self) -> bool {
        let is_taken = |turns: &Arc<Semaphore>| turns.available_permits() == 0;
        self.left.load(Ordering::Relaxed) == 0
            || (!self.waits() && self.turns.as_ref().is_some_and(is_taken))
            || self.places.as_ref().is_some_and(is_taken)
    }

    /// Waits until it is this client's turn. Nobody waits for the end of the only client there is to be, or
    /// of clients that are there at the same time.
    async fn take_turn(&self) -> Result<Turn, Box<Answer>> {
        let turn = match self.turns.clone() {
            None => None,
            Some(turns) if self.waits() => Some(turns.acquire_owned().await.map_err(|_| busy())?),
            Some(turns) => Some(turns.try_acquire_owned().map_err(|_| busy())?),
        };
        let place = self.places.clone().map(Semaphore::try_acquire_owned);
        let place = place.transpose().map_err(|_| busy())?;
        match self.left.load(Ordering::Relaxed) {
            0 => Err(busy()),
            _ => Ok(Turn { turn, place }),
        }
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// The answer to a client that there is no room for.
fn busy() -> Box<Answer> {
    let body = "This server takes no other client now.\n";
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, body);
    let soon = HeaderValue::from_static("1");
    answer.headers_mut().insert(RETRY_AFTER, soon);
    answer
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn full(body: &'static str) -> Full<Bytes> {
    Full::from(body)
}

/// An answer of plain text.
fn plain(status: StatusCode, body: &'static str) -> Box<Answer> {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, text);
    Box::new(answer)
}

#[cfg(test)]
mod tests;
