//! From a host name to a byte stream: name lookup, TCP, TLS. Each layer takes a stream and gives a
//! stream. It knows nothing of HTTP or WebSocket.

mod tcp;
pub mod tls;

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::event::{Timing, TlsInfo};
use crate::uri::Target;

/// What every layer is: a stream of bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Boxed, because the layers differ from one connection to the next. One virtual call a system call.
pub type BoxedStream = Box<dyn Stream>;

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub tls: tls::Options,
}

/// The step that a connection attempt is in, for the message when its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading certificates, for `wss://` only.
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
    /// All but `upgrade`.
    pub timing: Timing,
}

/// Makes byte streams to servers, with what is read once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    tls: tls::Config,
}

impl Dialer {
    /// Reads nothing yet.
    pub fn new(options: Options) -> Dialer {
        Dialer {
            tls: tls::Config::new(options.tls),
        }
    }

    /// Connects to `target`. `on_address` hears the first address before it is tried; `step` always
    /// holds the step in progress. The caller sets the deadline.
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
