//! The debug server: endpoints that echo, refuse, close, stay silent or break the protocol, so that a
//! client can be tried with nothing else installed. It accepts every client, and what it remembers of
//! one connection for the next is bounded; it is not meant for the open internet, yet no client may
//! take it down or grow its memory without end.
//!
//! This file listens and shuts down; `accept` takes one connection from TCP to its endpoint,
//! `connection` is what an endpoint sees of the wire, and [`endpoints`] has the endpoints.

mod accept;
mod chat;
mod client;
mod connection;
mod descriptors;
pub mod endpoints;
mod entrance;
pub mod faults;
mod forwarded;
pub mod handshake_faults;
mod header_case;
pub mod heartbeat;
mod http2;
pub mod hub;
mod incoming;
mod ledger;
pub mod limits;
mod link;
mod listener;
mod log;
mod log_lines;
mod opening;
mod options;
mod patience;
mod peer;
mod preface;
mod range;
mod raw_answer;
mod replay;
mod response;
mod self_signed;
mod shared;
#[cfg(feature = "internals")]
pub mod simulation;
mod state;
mod stream;
mod throttle;
mod tls;
#[cfg(unix)]
mod unix_socket;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::handshake::guard::Arrival;
use crate::transport::tls::server::Acceptor;
use client::Client;
use entrance::{Entrance, Slot};
use incoming::Incoming;
use ledger::store::LedgerStore;
pub use listener::{Listeners, Place, listen};
pub use log::Format;
pub use log_lines::LogLines;
pub use options::Options;
pub use replay::Replay;
pub use self_signed::Authority;
use shared::{Shared, lock};
use state::ServerState;
pub use tls::{Certificate, TlsOptions, prepare as prepare_tls};

/// How long clients may take to answer the Close of a server that is going away.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// The server, ready to serve.
pub struct Server {
    options: Arc<Options>,
    shared: Shared,
    acceptor: Option<Acceptor>,
    authority: Option<Authority>,
}

impl Server {
    /// Reads or makes what TLS needs. Locks the ledger, where there is one, and reads it back; nothing
    /// is written to it before [`Server::run`].
    ///
    /// # Errors
    /// Exit 2, for a ledger or a store of the hub that cannot be used, or that another server is using; 7
    /// for a store that cannot be reached; 58 for a certificate that cannot be used.
    pub async fn new(options: Options) -> Result<Server, Error> {
        let prepared = options.tls.as_ref().map(tls::prepare).transpose()?;
        let (acceptor, authority) = prepared.unzip();
        let mut store = LedgerStore::default();
        if let Some(path) = &options.ledger {
            let (opened, found) = LedgerStore::open(path)?;
            store = opened;
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
        let mut state = ServerState::new(options.seed);
        let notes = options.clone();
        let note = Arc::new(move |line: &str| notes.log(format_args!("{line}")));
        let hub = hub::open(&options.hub, &mut state.rng, note).await?;
        let replay = options.replay.clone();
        for note in replay.iter().flat_map(|replay| &replay.notes) {
            options.log(format_args!("--replay: {note}"));
        }
        let shared = Shared::new(state, store, hub).playing(replay);
        Ok(Server {
            options: Arc::new(options),
            shared,
            acceptor,
            authority: authority.flatten(),
        })
    }

    /// Whether TCP ports speak TLS.
    pub fn has_tls(&self) -> bool {
        self.acceptor.is_some()
    }

    /// What clients are to trust, if it was made.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Serves until `shutdown` completes; then every WebSocket client gets a Close 1001 and two
    /// seconds to answer it. Dropping the future ends all connections at once. A connection's error
    /// ends that connection only, and a failing `accept`, as with too many open files, is logged and
    /// tried again.
    pub async fn run(self, listeners: impl Into<Listeners>, shutdown: impl Future<Output = ()>) {
        let mut listeners = listeners.into();
        descriptors::make_room(self.options.limits.max_connections);
        let (stop, stopping) = watch::channel(false);
        lock(self.shared.ledger()).mend();
        let mut connections = JoinSet::new();
        let mut entrance = Entrance::default();
        let mut shutdown = pin!(shutdown);
        let hub = self.shared.hub().clone();
        let mut hub_work = pin!(hub.work());
        loop {
            tokio::select! {
                (incoming, slot) = accept(&mut listeners, &mut entrance, &self.options) => {
                    let client = Client {
                        peer: incoming.peer,
                        arrival: Arrival::at(incoming.io.address(), self.options.trust_proxy),
                        tls: None,
                        options: Arc::clone(&self.options),
                        shared: self.shared.clone(),
                        _slot: slot,
                    };
                    let acceptor = self.acceptor.clone();
                    let stopping = stopping.clone();
                    connections.spawn(accept::serve(client, incoming.io, acceptor, stopping));
                }
                Some(_) = connections.join_next() => {}
                never = &mut hub_work => match never {},
                () = &mut shutdown => break,
            }
        }
        drop(listeners);
        self.shared.stop();
        self.shared.hub().stop();
        stop.send_replace(true);
        let all_gone = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            _ = timeout(SHUTDOWN_TIMEOUT, all_gone) => {}
            never = &mut hub_work => match never {},
        }
        // Those that are left will not see what becomes of what they sent.
        connections.shutdown().await;
        hub.close().await;
    }
}

/// A new [`Server`]'s [`Server::run`].
///
/// # Errors
/// Those of [`Server::new`].
pub async fn run(
    listeners: impl Into<Listeners>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    Server::new(options).await?.run(listeners, shutdown).await;
    Ok(())
}

/// The next connection for which there is a place, however long that takes.
async fn accept(
    listeners: &mut Listeners,
    entrance: &mut Entrance,
    options: &Options,
) -> (Incoming, Slot) {
    let mut backoff = MIN_BACKOFF;
    loop {
        match listeners.accept().await {
            Ok(incoming) => {
                if let Some(admitted) = entrance.admit(incoming, options) {
                    return admitted;
                }
                continue;
            }
            // Out of file descriptors, most likely: at once, it would only fail again.
            Err(error) => entrance.report_failure(&error, options),
        }
        sleep(backoff).await;
        backoff = MAX_BACKOFF.min(backoff * 2);
    }
}
