//! Where a connection goes. Pure.

use std::fmt;

use url::Host;

/// Where to connect to over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    pub host: Host<String>,
    /// The zone of an IPv6 address, as in [`Target::zone`].
    pub zone: Option<String>,
    pub port: u16,
}

/// As written outside URLs: `[fe80::1%eth0]:80`.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.to_string();
        match (&self.zone, host.strip_suffix(']')) {
            (Some(zone), Some(address)) => write!(f, "{address}%{zone}]:{}", self.port),
            _ => write!(f, "{host}:{}", self.port),
        }
    }
}

/// A Unix domain socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnixSocket {
    Path(String),
    /// A name in the abstract namespace of Linux.
    Abstract(String),
}

/// Its path, or `@` and its name.
impl fmt::Display for UnixSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixSocket::Path(path) => f.write_str(path),
            UnixSocket::Abstract(name) => write!(f, "@{name}"),
        }
    }
}
