//! The layers of a connection, from the network up. Pure.

use std::fmt;

use url::Host;

use crate::uri::{HostPort, Target};

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
}

/// A layer above: it takes the stream of the one below, and returns a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// TLS with the server of this name.
    Tls(Host<String>),
}

impl Route {
    /// The way to `target`.
    pub(super) fn plan(target: &Target) -> Route {
        let mut layers = Vec::new();
        if target.tls {
            layers.push(Layer::Tls(target.host.clone()));
        }
        Route {
            network: Network::Tcp(target.host_port()),
            layers,
        }
    }
}

impl Network {
    fn name(&self) -> &'static str {
        match self {
            Network::Tcp(_) => "tcp",
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

    #[test]
    fn the_layers_are_in_order() {
        for (url, layers) in [("ws://h", "tcp"), ("wss://h", "tcp → tls")] {
            let target = Target::parse(url).unwrap();
            assert_eq!(Route::plan(&target).to_string(), layers);
        }
    }
}
