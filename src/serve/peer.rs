//! Who is at the other end of a connection to the debug server. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The peer of a connection, as the system tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Tcp(SocketAddr),
    /// A Unix socket's peer has no address.
    Unix {
        /// The process that connected, where the system says so.
        pid: Option<i32>,
        /// Its user.
        uid: Option<u32>,
    },
}

impl Peer {
    /// The address that a limit for each address goes by; a Unix socket's peer has none.
    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix { .. } => None,
        }
    }
}

/// As the log shows it.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix { .. } => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_its_address_or_unix() {
        let peer = Peer::Tcp("[::1]:8765".parse().unwrap());
        assert_eq!(peer.to_string(), "[::1]:8765");
        assert_eq!(peer.ip(), Some("::1".parse().unwrap()));
        let (pid, uid) = (Some(1), None);
        let peer = Peer::Unix { pid, uid };
        assert_eq!((peer.to_string().as_str(), peer.ip()), ("unix", None));
    }
}
