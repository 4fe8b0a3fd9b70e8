//! How connections are made: names, addresses and sockets.

use crate::cli::args::NetworkArgs;
use crate::error::Error;
use crate::transport::lookup::Family;
use crate::transport::rules::{ConnectTo, Resolve};
use crate::transport::{local, tcp};
use crate::uri::UnixSocket;

pub(super) fn options(args: &NetworkArgs) -> Result<tcp::Options, Error> {
    Ok(tcp::Options {
        family: match (args.ipv4, args.ipv6) {
            (true, _) => Family::V4,
            (false, true) => Family::V6,
            (false, false) => Family::Any,
        },
        resolve: Resolve::parse(&args.resolve)?,
        connect_to: ConnectTo::parse(&args.connect_to)?,
        local: local::Options {
            interface: args.interface.clone(),
            ports: args.local_port.clone(),
        },
        stagger: args.happy_eyeballs_timeout_ms,
    })
}

/// The socket to connect to instead of the host of the URL.
pub(super) fn unix_socket(args: &NetworkArgs) -> Option<UnixSocket> {
    let path = args.unix_socket.clone().map(UnixSocket::Path);
    path.or_else(|| {
        let name = args.abstract_unix_socket.clone();
        name.map(UnixSocket::Abstract)
    })
}
