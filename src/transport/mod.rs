//! From a host name to a byte stream. A [`route::Route`] says which layers there are, from the
//! network up; each has a file of its own, takes the stream of the layer below, and returns a stream.
//! This module knows neither HTTP responses to the handshake nor WebSocket.

mod connect;
mod early;
pub mod local;
pub mod lookup;
mod options;
mod progress;
pub mod proxy;
mod route;
pub mod rules;
mod socks;
mod stream;
pub mod tcp;
pub mod tls;
#[cfg(unix)]
mod unix;

use std::collections::VecDeque;
use std::sync::Arc;

use self::route::{Layer, Network};
use crate::error::{Error, Stage};
use crate::event::{Address, TlsInfo};
use crate::secret::{Redactor, Secret};
use crate::uri::Target;

pub use self::options::Options;
pub use self::progress::Progress;
pub use self::route::Route;
pub use self::stream::{BoxedStream, Stream};

/// What is offered to a proxy by ALPN.
const PROXY_ALPN: &[&str] = &["http/1.1"];

/// A byte stream to the server.
pub struct Dialed {
    pub stream: BoxedStream,
    pub address: Address,
    pub tls: Option<TlsInfo>,
    /// What the user should know of the connection: sentences for stderr.
    pub notes: Vec<String>,
    /// What proxies answered, for `-v`.
    pub details: Vec<String>,
}

/// Makes byte streams to servers, and keeps what is read once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    options: Arc<Options>,
    tls: tls::Config,
    proxy_tls: tls::Config,
}

impl Dialer {
    /// Does no I/O yet.
    pub fn new(options: Options) -> Dialer {
        Dialer {
            tls: tls::Config::new(options.tls.clone()),
            proxy_tls: tls::Config::new(options.proxy.tls.clone()),
            options: Arc::new(options),
        }
    }

    /// The way to `target`.
    ///
    /// # Errors
    /// Exit 2 if the environment names a proxy that cannot be one.
    pub fn route(&self, target: &Target) -> Result<Route, Error> {
        Route::plan(target, &self.options)
    }

    /// The user of the proxy on `route`, if the password is missing and there is a place for one.
    pub fn user_without_password(&self, route: &Route) -> Option<String> {
        let proxy = &route.proxy.as_ref()?.proxy;
        let user = proxy.user.as_ref()?;
        (user.password.is_none() && proxy.kind.has_passwords()).then(|| user.user.clone())
    }

    /// The same dialer, with this password for `-U`.
    #[must_use]
    pub fn with_proxy_password(mut self, password: Secret) -> Dialer {
        if let Some(user) = &mut Arc::make_mut(&mut self.options).proxy.user {
            user.password = Some(password);
        }
        self
    }

    /// Whether there is a client certificate for servers.
    pub fn has_client_certificate(&self) -> bool {
        self.options.tls.client_certificate.is_some()
    }

    /// The same dialer without the client certificate, which is not for every server.
    #[must_use]
    pub fn without_client_certificate(mut self) -> Dialer {
        self.tls = self.tls.anonymous();
        self
    }

    /// Adds the secrets of the way to `target` to `redactor`.
    pub fn hide_secrets(&self, target: &Target, redactor: &Redactor) {
        self.options.proxy.hide_secrets(target, redactor);
    }

    /// Connects to `target`, layer by layer. `alpn` is offered in the TLS handshake with the server,
    /// in order of preference. `on_address` receives the first address before it is tried. The caller
    /// sets the deadline, and finds in `progress` what was being waited for.
    ///
    /// # Errors
    /// Exit 5 (name of the proxy), 6 (name), 7 (connect), 35 (TLS), 58 (client certificate), 60
    /// (certificate), 90 (public key), 97 (proxy), 2 (`--cacert` unreadable).
    pub async fn dial(
        &self,
        target: &Target,
        alpn: &[&str],
        progress: &Progress,
        on_address: &mut dyn FnMut(Address),
    ) -> Result<Dialed, Error> {
        let route = self.route(target)?;
        let mut clients = self.tls_clients(&route, alpn, progress).await?;
        let (mut stream, address) = match &route.network {
            Network::Tcp(place) => {
                let network = &self.options.network;
                let opened = tcp::open(place, network, progress, on_address).await;
                opened.map_err(|error| route.unreachable(error))?
            }
            #[cfg(unix)]
            Network::Unix(socket) => unix::open(socket, progress, on_address).await?,
            #[cfg(not(unix))]
            Network::Unix(_) => return Err(Error::usage("this system has no Unix sockets")),
        };
        let (mut tls, mut notes, mut details) = (None, Vec::new(), Vec::new());
        for layer in &route.layers {
            stream = match layer {
                Layer::Connect(request) => {
                    let (stream, said) = connect::open(stream, request, progress).await?;
                    details.push(said);
                    stream
                }
                Layer::Socks(request) => {
                    socks::open(stream, request, &self.options.network, progress).await?
                }
                Layer::ProxyTls(_) | Layer::Tls(_) => {
                    progress.enter(Stage::Tls, layer.doing());
                    // There is one for each of these layers.
                    let Some(client) = clients.pop_front() else {
                        continue;
                    };
                    let secured = client.connect(stream).await?;
                    // The last one is the server.
                    tls = matches!(layer, Layer::Tls(_)).then_some(secured.info);
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
            details,
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
            let (host, config, alpn) = match layer {
                Layer::Tls(host) => (host, &self.tls, alpn),
                Layer::ProxyTls(host) => (host, &self.proxy_tls, PROXY_ALPN),
                Layer::Connect(_) | Layer::Socks(_) => continue,
            };
            progress.enter(Stage::Input, "reading the root certificates");
            clients.push_back(tls::Client::new(host, config, alpn).await?);
        }
        Ok(clients)
    }
}
