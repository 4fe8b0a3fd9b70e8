//! The layers of a connection, from the network up. Pure.

use std::fmt;

use url::Host;

use super::options::Options;
use crate::uri::{HostPort, Target, UnixSocket};

/// The layers between the network and the WebSocket handshake, as data: [`super::Dialer`] goes
/// through them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub(super) network: Network,
    pub(super) layers: Vec<Layer>,
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
    /// TLS with the server of this name.
    Tls(Host<String>),
}

impl Route {
    /// The way to `target`. The socket of the URL takes precedence over `--unix-socket`.
    pub(super) fn plan(target: &Target, options: &Options) -> Route {
        let mut layers = Vec::new();
        if target.tls {
            layers.push(Layer::Tls(target.host.clone()));
        }
        let network = match target.unix.as_ref().or(options.unix.as_ref()) {
            Some(socket) => Network::Unix(socket.clone()),
            None => Network::Tcp(options.network.connect_to.apply(target.host_port())),
        };
        Route { network, layers }
    }
}

impl Network {
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
            Layer::Tls(_) => "tls",
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
    use crate::transport::rules::ConnectTo;

    #[test]
    fn the_layers_are_in_order() {
        let socket = Options {
            unix: Some(UnixSocket::Abstract("x".to_owned())),
            ..Options::default()
        };
        let plain = Options::default();
        for (url, options, layers) in [
            ("ws://h", &plain, "tcp"),
            ("wss://h", &plain, "tcp → tls"),
            ("ws+unix:/s:/", &plain, "unix"),
            ("wss://h", &socket, "unix → tls"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(Route::plan(&target, options).to_string(), layers);
        }
    }

    #[test]
    fn connect_to_changes_where_to_connect_and_not_the_name_in_tls() {
        let mut options = Options::default();
        options.network.connect_to = ConnectTo::parse(&["h:443:o:1".to_owned()]).unwrap();
        let route = Route::plan(&Target::parse("wss://h/").unwrap(), &options);
        let Network::Tcp(place) = &route.network else {
            panic!("{route}")
        };
        assert_eq!(place.to_string(), "o:1");
        assert_eq!(route.layers, [Layer::Tls(Host::Domain("h".to_owned()))]);
    }
}
