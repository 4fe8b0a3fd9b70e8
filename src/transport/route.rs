//! The layers of a connection, from the network up. Pure.

use std::fmt;

use url::Host;

use super::options::Options;
use super::proxy::{self, Chosen, Kind};
use super::{connect, socks};
use crate::error::Error;
use crate::handshake::request::HeaderLine;
use crate::uri::{HostPort, Target, UnixSocket};

/// The layers between the network and the WebSocket handshake, as data: [`super::Dialer`] goes
/// through them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub(super) network: Network,
    pub(super) layers: Vec<Layer>,
    pub(super) proxy: Option<Chosen>,
}

/// The lowest layer: it makes the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// Name lookup and TCP.
    Tcp(HostPort),
    Unix(UnixSocket),
}

/// A layer above: it takes the stream of the one below, and returns a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// TLS with the proxy of this name.
    ProxyTls(Host<String>),
    /// HTTP CONNECT.
    Connect(connect::Request),
    Socks(socks::Request),
    /// TLS with the server of this name.
    Tls(Host<String>),
}

impl Route {
    /// What is dialled: the server, a proxy or a socket.
    pub fn beginning(&self) -> String {
        self.network.place()
    }

    /// The way to `target`. The socket of the URL takes precedence over `--unix-socket`, and a socket
    /// over a proxy.
    ///
    /// # Errors
    /// Exit 2 if the environment names a proxy that cannot be one.
    pub(super) fn plan(target: &Target, options: &Options) -> Result<Route, Error> {
        let socket = target.unix.as_ref().or(options.unix.as_ref());
        let server = options.network.connect_to.apply(target.host_port());
        let proxy = match socket {
            Some(_) => None,
            None => options.proxy.choose(target)?,
        };
        let mut layers = Vec::new();
        let network = match (socket, &proxy) {
            (Some(socket), _) => Network::Unix(socket.clone()),
            (None, None) => Network::Tcp(server),
            (None, Some(chosen)) => {
                push_proxy(server, chosen, &options.proxy.headers, &mut layers);
                Network::Tcp(chosen.proxy.place.clone())
            }
        };
        if target.tls {
            layers.push(Layer::Tls(target.host.clone()));
        }
        Ok(Route {
            network,
            layers,
            proxy,
        })
    }

    /// Whether it is TCP alone, or TLS over TCP.
    pub fn is_direct(&self) -> bool {
        matches!(self.network, Network::Tcp(_))
            && self.layers.iter().all(|it| matches!(it, Layer::Tls(_)))
    }

    /// The failure to reach its first host.
    pub(super) fn unreachable(&self, error: Error) -> Error {
        match &self.proxy {
            Some(chosen) => proxy::unreachable(error, chosen),
            None => error,
        }
    }

    /// The proxy, and what named it: `http://host:3128/ (from wss_proxy)`.
    pub fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(Chosen::to_string)
    }
}

/// The layers between a proxy and the server.
fn push_proxy(
    server: HostPort,
    Chosen { proxy, .. }: &Chosen,
    headers: &[HeaderLine],
    layers: &mut Vec<Layer>,
) {
    // A zone means nothing on another host.
    let to = HostPort {
        zone: None,
        ..server
    };
    if proxy.kind == Kind::Https {
        layers.push(Layer::ProxyTls(proxy.place.host.clone()));
    }
    let (version, resolves) = match proxy.kind {
        Kind::Http | Kind::Https => {
            layers.push(Layer::Connect(connect::Request {
                to,
                proxy: proxy.place.clone(),
                user: proxy.user.clone(),
                headers: headers.to_vec(),
            }));
            return;
        }
        Kind::Socks4 => (socks::Version::Four, false),
        Kind::Socks4a => (socks::Version::Four, true),
        Kind::Socks5 => (socks::Version::Five, false),
        Kind::Socks5h => (socks::Version::Five, true),
    };
    layers.push(Layer::Socks(socks::Request {
        version,
        resolves,
        to,
        proxy: proxy.place.clone(),
        user: proxy.user.clone(),
    }));
}

impl Network {
    /// Where it goes: a host and port, or a socket.
    fn place(&self) -> String {
        match self {
            Network::Tcp(place) => place.to_string(),
            Network::Unix(socket) => socket.to_string(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Network::Tcp(_) => "tcp",
            Network::Unix(_) => "unix",
        }
    }
}

impl Layer {
    /// The name of the layer, and of its step in the timing.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Layer::ProxyTls(_) => "proxy-tls",
            Layer::Connect(_) => "connect",
            Layer::Socks(request) => request.version.name(),
            Layer::Tls(_) => "tls",
        }
    }
}

impl Layer {
    /// What is waited for in a handshake of TLS.
    pub(super) fn doing(&self) -> &'static str {
        match self {
            Layer::ProxyTls(_) => "waiting for the proxy in the TLS handshake",
            _ => "waiting for the server in the TLS handshake",
        }
    }
}

/// `tcp → tls`
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.network.name())?;
        for layer in &self.layers {
            write!(f, " → {}", layer.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::proxy::Given;
    use crate::transport::rules::ConnectTo;

    /// By a proxy of this scheme.
    fn by(scheme: &str) -> Options {
        let proxy = proxy::parse("-x", &format!("{scheme}://p:3128")).unwrap();
        let mut options = Options::default();
        options.proxy.given = Some(Given {
            proxy,
            option: "-x",
        });
        options
    }

    #[test]
    fn the_layers_are_in_order() {
        let socket = Options {
            unix: Some(UnixSocket::Abstract("x".to_owned())),
            ..Options::default()
        };
        let plain = Options::default();
        let [http, https, socks5, socks5h, socks4, socks4a] =
            ["http", "https", "socks5", "socks5h", "socks4", "socks4a"].map(by);
        let socket_and_proxy = Options {
            unix: socket.unix.clone(),
            ..by("http")
        };
        for (url, options, layers) in [
            ("ws://h", &plain, "tcp"),
            ("wss://h", &plain, "tcp → tls"),
            ("ws+unix:/s:/", &plain, "unix"),
            ("wss://h", &socket, "unix → tls"),
            ("ws://h", &http, "tcp → connect"),
            ("wss://h", &http, "tcp → connect → tls"),
            ("ws://h", &https, "tcp → proxy-tls → connect"),
            ("wss://h", &https, "tcp → proxy-tls → connect → tls"),
            ("wss://h", &socks5, "tcp → socks5 → tls"),
            ("wss://h", &socks5h, "tcp → socks5 → tls"),
            ("ws://h", &socks4, "tcp → socks4"),
            ("ws://h", &socks4a, "tcp → socks4"),
            ("wss://h", &socket_and_proxy, "unix → tls"),
            ("ws+unix:/s:/", &http, "unix"),
        ] {
            let target = Target::parse(url).unwrap();
            let route = Route::plan(&target, options).unwrap();
            assert_eq!(route.to_string(), layers);
            assert_eq!(route.is_direct(), matches!(layers, "tcp" | "tcp → tls"));
        }
    }

    #[test]
    fn connect_to_changes_where_to_connect_and_not_the_name_in_tls() {
        let mut options = Options::default();
        options.network.connect_to = ConnectTo::parse(&["h:443:o:1".to_owned()]).unwrap();
        let route = Route::plan(&Target::parse("wss://h/").unwrap(), &options).unwrap();
        let Network::Tcp(place) = &route.network else {
            panic!("{route}")
        };
        assert_eq!(place.to_string(), "o:1");
        assert_eq!(route.layers, [Layer::Tls(Host::Domain("h".to_owned()))]);
    }

    #[test]
    fn the_proxy_is_dialled_and_asked_for_the_server() {
        let target = Target::parse("ws://[fe80::1%25eth0]:81").unwrap();
        let mut options = by("http");
        let asked = |options: &Options| {
            let route = Route::plan(&target, options).unwrap();
            let Network::Tcp(place) = &route.network else {
                panic!("{route}");
            };
            assert_eq!(place.to_string(), "p:3128");
            match &route.layers[..] {
                [Layer::Connect(request)] => request.to.to_string(),
                _ => panic!("{route}"),
            }
        };
        assert_eq!(asked(&options), "[fe80::1]:81");
        // As in curl, the proxy is asked for the other place.
        options.network.connect_to = ConnectTo::parse(&["::o:1".to_owned()]).unwrap();
        assert_eq!(asked(&options), "o:1");
    }
}
