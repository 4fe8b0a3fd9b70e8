//! The entrance of the debug server: a connection is let in, or told that there is no place for it. One
//! that is turned away costs little, and the next one does not wait for it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::incoming::{Incoming, Io};
use super::limits::{Connections, Full, Outage};
use super::log::Visitor;
use super::options::Options;
use super::shared::lock;
use crate::wire::linger::Linger;

/// How many are told at a time that they are turned away. The others only see that they are.
const MAX_TOLD: usize = 64;

/// How long it may take to tell a client, and then to let it read that.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts those who are in, and turns others away.
#[derive(Default)]
pub(super) struct Entrance {
    open: Arc<Mutex<Connections>>,
    server_full: Outage,
    address_full: Outage,
    accept_fails: Outage,
    told: JoinSet<()>,
}

/// A connection's place, which is free again when it is dropped.
pub(super) struct Slot {
    open: Arc<Mutex<Connections>>,
    address: Option<IpAddr>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.open).leave(self.address);
    }
}

impl Entrance {
    /// Lets a connection in if there is a place for it.
    pub(super) fn admit(
        &mut self,
        incoming: Incoming,
        options: &Options,
    ) -> Option<(Incoming, Slot)> {
        let address = incoming.peer.ip();
        let entered = lock(&self.open).enter(address, &options.limits);
        match entered {
            Ok(()) => {
                let open = Arc::clone(&self.open);
                Some((incoming, Slot { open, address }))
            }
            Err(full) => {
                self.turn_away(incoming, full, options);
                None
            }
        }
    }

    fn turn_away(&mut self, incoming: Incoming, full: Full, options: &Options) {
        let why = full.words(&options.limits);
        let outage = match full {
            Full::Server => &mut self.server_full,
            Full::Address => &mut self.address_full,
        };
        if outage.begins(Instant::now()) {
            let visitor = Visitor {
                peer: incoming.peer,
                forwarded: None,
                tls: None,
            };
            options.note(Some(&visitor), format_args!("refused: {why}"));
        }
        while self.told.try_join_next().is_some() {}
        // One that expects TLS could not read it.
        let expects_tls = options.tls.is_some() && incoming.io.is_tcp();
        if self.told.len() < MAX_TOLD && !expects_tls {
            self.told.spawn(tell(incoming.io, why));
        }
    }

    /// Logs that no connection can be accepted, once for many attempts.
    pub(super) fn report_failure(&mut self, error: &std::io::Error, options: &Options) {
        if self.accept_fails.begins(Instant::now()) {
            options.log(format_args!(
                "accept: {error}; new clients wait until connections end"
            ));
        }
    }
}

/// Answers a request that has not been read. It may still be on its way: closed before that, the
/// connection would be reset, and the answer lost.
async fn tell(mut io: Io, why: String) {
    let body = format!("{why}\n");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = timeout(PATIENCE, io.write_all(answer.as_bytes())).await;
    let linger = Linger {
        patience: PATIENCE,
        drain: true,
    };
    linger.close(&mut io).await;
}
