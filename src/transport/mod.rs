//! From a host name to a byte stream: name lookup, TCP, TLS. Each layer takes a stream and returns
//! a stream. This module knows neither HTTP nor WebSocket.

mod tcp;
pub mod tls;

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::event::{Timing, TlsInfo};
use crate::uri::Target;

/// The interface of every layer: a bidirectional byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Boxed, because the layers differ between connections. It costs one virtual call per system call.
pub type BoxedStream = Box<dyn Stream>;

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub tls: tls::Options,
}

/// The current step of a connection attempt, for the message after a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading certificates, only for `wss://`.
    Roots,
    Lookup,
    Connect,
    Tls,
    Upgrade,
}

/// A byte stream to the server.
pub struct Dialed {
    pub stream: BoxedStream,
    pub address: SocketAddr,
    pub tls: Option<TlsInfo>,
    /// All steps but `upgrade`.
    pub timing: Timing,
}

/// Makes byte streams to servers, and keeps what is read once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    tls: tls::Config,
}

impl Dialer {
    /// Does no I/O yet.
    pub fn new(options: Options) -> Dialer {
        Dialer {
            tls: tls::Config::new(options.tls),
        }
    }

    /// Connects to `target`. `on_address` receives the first address before it is tried; `step`
    /// always holds the current step. The caller sets the deadline.
    ///
    /// # Errors
    /// Exit 6 (name), 7 (connect), 35 (TLS), 60 (certificate), 2 (`--cacert` unreadable).
    pub async fn dial(
        &self,
        target: &Target,
        step: &Cell<Step>,
        on_address: &mut dyn FnMut(SocketAddr),
    ) -> Result<Dialed, Error> {
        let tls = match target.tls {
            true => {
                step.set(Step::Roots);
                Some(tls::Client::new(&target.host, &self.tls).await?)
            }
            false => None,
        };
        let mut timing = Timing::default();
        let started = Instant::now();
        step.set(Step::Lookup);
        let addresses = tcp::resolve(target).await?;
        if matches!(target.host, url::Host::Domain(_)) {
            timing.dns = Some(started.elapsed());
        }

        let started = Instant::now();
        step.set(Step::Connect);
        on_address(addresses[0]);
        let (tcp, address) = tcp::connect(target, &addresses).await?;
        timing.tcp = Some(started.elapsed());

        let Some(tls) = tls else {
            return Ok(Dialed {
                stream: Box::new(tcp),
                address,
                tls: None,
                timing,
            });
        };
        let started = Instant::now();
        step.set(Step::Tls);
        let (stream, info) = tls.connect(tcp).await?;
        timing.tls = Some(started.elapsed());
        Ok(Dialed {
            stream: Box::new(stream),
            address,
            tls: Some(info),
            timing,
        })
    }
}
