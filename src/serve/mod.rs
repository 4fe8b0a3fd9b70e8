//! The debug server: rooms that echo, refuse, close, stay silent or break the protocol, so that a
//! client can be tried with nothing else installed. It accepts everybody, and what it remembers of
//! one connection for the next is bounded; it is not meant for the open internet, yet no client may
//! take it down or grow its memory without end.

mod connection;
pub mod endpoints;
mod fault_room;
pub mod faults;
mod ledger;
mod ledger_room;
mod log;
mod memory;
mod rooms;
mod seq_room;
mod spelling;
mod upgrade;

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use url::Host;

use crate::error::{Error, Exit, Stage, plain_words};
use crate::uri::Target;
use crate::wire::extension;
use crate::wire::shim;
use endpoints::Room;
use ledger::book::Book;
use memory::Memory;
use upgrade::{Answer, Entered};

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long clients may take to answer the Close of a server that is going away.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Takes one line without its end.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What the caller decides about the server.
#[derive(Clone)]
pub struct Options {
    /// Told one line per request (`127.0.0.1:5555 GET /echo -> 101`) and one per end of a
    /// connection (`127.0.0.1:5555 closed by client: 1000 (normal closure)`). The lines hold bytes
    /// that a client chose; whoever prints them escapes them first.
    pub log: Option<Log>,
    /// What the server answers to offers of permessage-deflate.
    pub extensions: extension::Options,
    /// 0, not at all, to 9.
    pub deflate_level: u8,
    /// Where everything random comes from; without it, the server differs from run to run.
    pub seed: Option<u64>,
    /// Where the messages of `/ledger` are kept, too.
    pub ledger: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            log: None,
            extensions: extension::Options::default(),
            deflate_level: 1,
            seed: None,
            ledger: None,
        }
    }
}

impl Options {
    fn log(&self, line: fmt::Arguments<'_>) {
        if let Some(log) = &self.log {
            log(&line.to_string());
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("log", &self.log.is_some())
            .field("extensions", &self.extensions)
            .field("deflate_level", &self.deflate_level)
            .field("seed", &self.seed)
            .field("ledger", &self.ledger)
            .finish()
    }
}

/// Listens on `address`; port 0 takes a free one, and the address that comes back says which.
///
/// # Errors
/// Exit 7 where the address cannot be had.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |error: io::Error| {
        let message = format!("cannot listen on {address}: {}", plain_words(&error));
        Error::new(Stage::Connect, Exit::Connect, message)
            .advice("another port, or 0 for a free one")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// What the connections have in common.
#[derive(Default)]
struct Shared {
    memory: Mutex<Memory>,
    book: Arc<Mutex<Book>>,
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

/// Locks `mutex`, also where a connection has panicked under the lock: that ends this connection,
/// and what is kept there is whole after every single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The server, ready to serve.
pub struct Server {
    options: Options,
    shared: Arc<Shared>,
}

impl Server {
    /// Locks the ledger, where there is one, and reads it back. Nothing is written to it before
    /// [`Server::run`].
    ///
    /// # Errors
    /// Exit 2, for a ledger that cannot be used, or that another server is using.
    pub fn new(options: Options) -> Result<Server, Error> {
        let mut book = Book::default();
        if let Some(path) = &options.ledger {
            let (opened, found) = Book::open(path)?;
            book = opened;
            let (name, torn) = (path.display(), found.torn);
            if torn > 0 {
                options.log(format_args!(
                    "ledger {name}: the last line was torn, its {torn} bytes were cut off"
                ));
            }
            if found.unlocked {
                options.log(format_args!(
                    "ledger {name}: its file system has no locks; no other server may use it"
                ));
            }
        }
        let shared = Shared {
            memory: Mutex::new(Memory::new(options.seed)),
            book: Arc::new(Mutex::new(book)),
        };
        Ok(Server {
            options,
            shared: Arc::new(shared),
        })
    }

    /// Serves until `shutdown` completes; then every WebSocket client gets a Close 1001 and two
    /// seconds to answer it. Dropping the future ends all connections at once. A connection's error
    /// ends that connection only, and a failing `accept`, as with too many open files, is logged and
    /// tried again.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        self.shared.book().mend();
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                (stream, peer) = accept(&listener, &self.options) => {
                    let connection = Connection {
                        peer,
                        options: self.options.clone(),
                        shared: Arc::clone(&self.shared),
                    };
                    connections.spawn(connection.serve(stream, stopping.clone()));
                }
                Some(_) = connections.join_next() => {}
                () = &mut shutdown => break,
            }
        }
        drop(listener);
        stop.send_replace(true);
        let all_gone = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(SHUTDOWN_TIMEOUT, all_gone).await;
    }
}

/// A new [`Server`]'s [`Server::run`].
///
/// # Errors
/// Those of [`Server::new`].
pub async fn run(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    Server::new(options)?.run(listener, shutdown).await;
    Ok(())
}

/// The next connection, however long that takes.
async fn accept(listener: &TcpListener, options: &Options) -> (TcpStream, SocketAddr) {
    let mut backoff = MIN_BACKOFF;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // Out of file descriptors, most likely: at once, it would only fail again.
            Err(error) => options.log(format_args!("accept: {error}")),
        }
        sleep(backoff).await;
        backoff = MAX_BACKOFF.min(backoff * 2);
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stop| *stop).await;
}

struct Connection {
    peer: SocketAddr,
    options: Options,
    shared: Arc<Shared>,
}

impl Connection {
    /// HTTP requests first; if one of them turned the connection into a WebSocket, its room.
    async fn serve(self, stream: TcpStream, stopping: watch::Receiver<bool>) {
        let Some((upgrade, entered)) = self.serve_http(stream, stopped(stopping.clone())).await
        else {
            return;
        };
        match upgrade.await {
            Ok(upgraded) => {
                let wire = self.wire(&entered);
                let stopped = stopped(stopping);
                let ended = rooms::serve(upgraded, entered, &wire, &self.shared, stopped).await;
                self.log(format_args!("{ended}"));
            }
            Err(error) => self.log(format_args!("upgrade: {error}")),
        }
    }

    fn wire(&self, entered: &Entered) -> shim::Options {
        shim::Options {
            deflate: entered.deflate,
            // The ledger's pongs wait until what came before the ping is written.
            hide_pings: matches!(entered.room, Room::Ledger(_)),
            deflate_level: self.options.deflate_level,
            ..connection::wire_options()
        }
    }

    async fn serve_http(
        &self,
        stream: TcpStream,
        stopped: impl Future<Output = ()>,
    ) -> Option<(OnUpgrade, Entered)> {
        // Without it a small echo waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let upgrade = Mutex::new(None);
        let service = service_fn(|request| {
            let (answer, wanted) = self.answer(request);
            if wanted.is_some() {
                *lock(&upgrade) = wanted;
            }
            ready(Ok::<_, Infallible>(answer))
        });
        let mut http = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .title_case_headers(true)
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let served = tokio::select! {
            served = http.as_mut() => served,
            () = stopped => {
                http.as_mut().graceful_shutdown();
                http.as_mut().await
            }
        };
        if let Err(error) = served {
            self.log(format_args!("HTTP: {error}"));
        }
        lock(&upgrade).take()
    }

    fn answer(&self, mut request: Request<Incoming>) -> (Answer, Option<(OnUpgrade, Entered)>) {
        let now = SystemTime::now();
        let (mut answer, entered) =
            upgrade::answer(&request, &self.options.extensions, &self.shared, now);
        let (method, target) = (request.method(), shown(request.uri()));
        self.log(format_args!(
            "{method} {target} -> {}",
            answer.status().as_u16()
        ));
        *answer.extensions_mut() = spelling::extensions().clone();
        let upgrade = entered.map(|entered| (hyper::upgrade::on(&mut request), entered));
        (answer, upgrade)
    }

    fn log(&self, line: fmt::Arguments<'_>) {
        self.options.log(format_args!("{} {line}", self.peer));
    }
}

/// The target of a request as it may be logged: without what a [`Target`] does not show of its
/// query.
fn shown(uri: &Uri) -> String {
    let uri = uri.to_string();
    let Some((path, query)) = uri.split_once('?') else {
        return uri;
    };
    let nowhere = Target {
        tls: false,
        host: Host::Domain(String::new()),
        zone: None,
        port: 80,
        path: path.to_owned(),
        query: Some(query.to_owned()),
        user: None,
    };
    let shown = nowhere.to_string();
    shown.strip_prefix("ws://").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_panicked_takes_no_other_with_it() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let panicked = std::thread::spawn(move || {
            let (_memory, _book) = (theirs.memory(), theirs.book());
            std::panic::resume_unwind(Box::new("a mistake of ours"));
        });
        assert!(panicked.join().is_err() && shared.book.is_poisoned());
        drop(shared.memory());
        drop(shared.book());
    }

    #[test]
    fn a_token_is_not_logged() {
        for (target, expected) in [
            ("/echo", "/echo"),
            ("/echo?", "/echo?"),
            ("/echo?x=y&z", "/echo?x=y&z"),
            ("/expire?a=1&token=hunter2", "/expire?a=1&token=[redacted]"),
            ("/expire?token=a?b", "/expire?token=[redacted]"),
            ("*", "*"),
        ] {
            let uri = Uri::try_from(target).unwrap();
            assert_eq!(shown(&uri), expected);
        }
    }
}
