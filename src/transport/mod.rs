//! From a host name to a byte stream. A [`route::Route`] says which layers there are, from the
//! network up; each has a file of its own, takes the stream of the layer below, and returns a stream.
//! This module knows neither HTTP responses to the handshake nor WebSocket.

pub mod local;
pub mod lookup;
mod options;
mod progress;
mod route;
pub mod rules;
mod stream;
pub mod tcp;
pub mod tls;
#[cfg(unix)]
mod unix;

use std::collections::VecDeque;
use std::sync::Arc;

use self::route::{Layer, Network, Route};
use crate::error::{Error, Stage};
use crate::event::{Address, TlsInfo};
use crate::uri::Target;

pub use self::options::Options;
pub use self::progress::Progress;
pub use self::stream::BoxedStream;

/// A byte stream to the server.
pub struct Dialed {
    pub stream: BoxedStream,
    pub address: Address,
    pub tls: Option<TlsInfo>,
}

/// Makes byte streams to servers, and keeps what is read once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    options: Arc<Options>,
    tls: tls::Config,
}

impl Dialer {
    /// Does no I/O yet.
    pub fn new(options: Options) -> Dialer {
        Dialer {
            tls: tls::Config::new(options.tls.clone()),
            options: Arc::new(options),
        }
    }

    /// Where the way to `target` begins, and its layers: `host:443 (tcp → tls)`. Does no I/O.
    pub fn route(&self, target: &Target) -> String {
        let route = Route::plan(target, &self.options);
        match &route.network {
            Network::Tcp(place) => format!("{place} ({route})"),
            Network::Unix(socket) => format!("{socket} ({route})"),
        }
    }

    /// Connects to `target`, layer by layer. `on_address` receives the first address before it is
    /// tried. The caller sets the deadline, and finds in `progress` what was being waited for.
    ///
    /// # Errors
    /// Exit 6 (name), 7 (connect), 35 (TLS), 60 (certificate), 2 (`--cacert` unreadable).
    pub async fn dial(
        &self,
        target: &Target,
        progress: &Progress,
        on_address: &mut dyn FnMut(Address),
    ) -> Result<Dialed, Error> {
        let route = Route::plan(target, &self.options);
        let mut clients = self.tls_clients(&route, progress).await?;
        let (mut stream, address) = match &route.network {
            Network::Tcp(place) => {
                tcp::open(place, &self.options.network, progress, on_address).await?
            }
            #[cfg(unix)]
            Network::Unix(socket) => unix::open(socket, progress, on_address).await?,
            #[cfg(not(unix))]
            Network::Unix(_) => return Err(Error::usage("this system has no Unix sockets")),
        };
        let mut tls = None;
        for layer in &route.layers {
            stream = match layer {
                Layer::Tls(_) => {
                    let waiting = "waiting for the server in the TLS handshake";
                    progress.enter(Stage::Tls, waiting);
                    // There is one for each of these layers.
                    let Some(client) = clients.pop_front() else {
                        continue;
                    };
                    let (stream, info) = client.connect(stream).await?;
                    tls = Some(info);
                    stream
                }
            };
            progress.finish(layer.name());
        }
        Ok(Dialed {
            stream,
            address,
            tls,
        })
    }

    /// The TLS clients of a route, in its order. Whatever they need is read and checked before
    /// anything is sent.
    async fn tls_clients(
        &self,
        route: &Route,
        progress: &Progress,
    ) -> Result<VecDeque<tls::Client>, Error> {
        let mut clients = VecDeque::new();
        for layer in &route.layers {
            match layer {
                Layer::Tls(host) => {
                    progress.enter(Stage::Tls, "reading the root certificates");
                    clients.push_back(tls::Client::new(host, &self.tls).await?);
                }
            }
        }
        Ok(clients)
    }
}
