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
use crate::secret::Secret;
use crate::uri::Target;

pub use self::options::Options;
pub use self::progress::Progress;
pub use self::stream::{BoxedStream, Stream};

/// A byte stream to the server.
pub struct Dialed {
    pub stream: BoxedStream,
    pub address: Address,
    pub tls: Option<TlsInfo>,
    /// What the user should know of the connection: sentences for stderr.
    pub notes: Vec<String>,
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

    /// Connects to `target`, layer by layer. `alpn` is offered in the TLS handshake with the server, in
    /// order of preference. `on_address` receives the first address before it is tried. The caller sets the deadline, and finds in `progress` what was being waited for.
    ///
    /// # Errors
    /// Exit 6 (name), 7 (connect), 35 (TLS), 58 (client certificate), 60 (certificate), 90 (public
    /// key), 2 (`--cacert` unreadable).
    pub async fn dial(
        &self,
        target: &Target,
        alpn: &[&str],
        progress: &Progress,
        on_address: &mut dyn FnMut(Address),
    ) -> Result<Dialed, Error> {
        let route = Route::plan(target, &self.options);
        let mut clients = self.tls_clients(&route, alpn, progress).await?;
        let (mut stream, address) = match &route.network {
            Network::Tcp(place) => {
                tcp::open(place, &self.options.network, progress, on_address).await?
            }
            #[cfg(unix)]
            Network::Unix(socket) => unix::open(socket, progress, on_address).await?,
            #[cfg(not(unix))]
            Network::Unix(_) => return Err(Error::usage("this system has no Unix sockets")),
        };
        let (mut tls, mut notes) = (None, Vec::new());
        for layer in &route.layers {
            stream = match layer {
                Layer::Tls(_) => {
                    let waiting = "waiting for the server in the TLS handshake";
                    progress.enter(Stage::Tls, waiting);
                    // There is one for each of these layers.
                    let Some(client) = clients.pop_front() else {
                        continue;
                    };
                    let secured = client.connect(stream).await?;
                    tls = Some(secured.info);
                    notes.extend(secured.notes);
                    secured.stream
                }
            };
            progress.finish(layer.name());
        }
        Ok(Dialed {
            stream,
            address,
            tls,
            notes,
        })
    }

    /// The question for the passphrase that the client certificate for `target` needs and that
    /// nobody has given yet. It reads files where that may be so.
    ///
    /// # Errors
    /// Those of reading what TLS needs: exit 2, 58, 60.
    pub async fn question(&self, target: &Target) -> Result<Option<String>, Error> {
        match target.tls {
            true => self.tls.question().await,
            false => Ok(None),
        }
    }

    /// Decrypts the key of the client certificate.
    ///
    /// # Errors
    /// Exit 58 if the passphrase is wrong, or the key cannot be used.
    pub async fn unlock(&self, passphrase: Secret) -> Result<(), Error> {
        self.tls.unlock(passphrase).await
    }

    /// The TLS clients of a route, in its order. Whatever they need is read and checked before
    /// anything is sent.
    async fn tls_clients(
        &self,
        route: &Route,
        alpn: &[&str],
        progress: &Progress,
    ) -> Result<VecDeque<tls::Client>, Error> {
        let mut clients = VecDeque::new();
        for layer in &route.layers {
            match layer {
                Layer::Tls(host) => {
                    progress.enter(Stage::Tls, "reading the root certificates");
                    clients.push_back(tls::Client::new(host, &self.tls, alpn).await?);
                }
            }
        }
        Ok(clients)
    }
}
