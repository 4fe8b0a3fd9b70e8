//! TCP: every address of a host is tried.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use url::Host;

use super::local;
use super::lookup::{self, Family};
use super::progress::Progress;
use super::rules::{ConnectTo, Resolve};
use super::stream::BoxedStream;
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::event::Address;
use crate::uri::HostPort;

/// How TCP connections are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub family: Family,
    /// `--resolve`
    pub resolve: Resolve,
    /// `--connect-to`
    pub connect_to: ConnectTo,
    pub local: local::Options,
    /// Head start of one address before the next is tried in parallel.
    pub stagger: Duration,
}

/// The head start in milliseconds, as in curl (RFC 8305 §5 recommends 250).
pub const STAGGER_MS: &str = "200";

/// Looks the host up and connects to the address that answers first. `on_address` receives the first
/// address before it is tried.
///
/// # Errors
/// Exit 6 (name), 7 (connect).
pub(super) async fn open(
    place: &HostPort,
    options: &Options,
    progress: &Progress,
    on_address: &mut dyn FnMut(Address),
) -> Result<(BoxedStream, Address), Error> {
    let looking_up = format!("resolving the host name '{}'", place.host);
    progress.enter(Stage::Dns, looking_up);
    let addresses = lookup::addresses(place, options.family, &options.resolve).await?;
    if matches!(place.host, Host::Domain(_)) {
        progress.finish("dns");
    }
    progress.enter(Stage::Connect, format!("connecting to {place}"));
    on_address(addresses[0].into());
    let (stream, address) = connect(place, &addresses, options).await?;
    progress.finish("tcp");
    Ok((Box::new(stream), address.into()))
}

/// Connects to the address that answers first. Each has a head start over the next.
async fn connect(
    place: &HostPort,
    addresses: &[SocketAddr],
    options: &Options,
) -> Result<(TcpStream, SocketAddr), Error> {
    match race(addresses, options).await {
        Ok((stream, address)) => {
            // wirecat batches its own writes; Nagle's algorithm would only add delay. A socket that
            // refuses the option is still usable.
            let _ = stream.set_nodelay(true);
            Ok((stream, address))
        }
        Err(failures) => Err(unreachable_error(place, &failures)),
    }
}

type Failures = Vec<(SocketAddr, io::Error)>;

async fn race(
    addresses: &[SocketAddr],
    options: &Options,
) -> Result<(TcpStream, SocketAddr), Failures> {
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        match waiting.next() {
            Some(address) => {
                running.push(async move { (address, connect_one(address, &options.local).await) })
            }
            None if running.is_empty() => return Err(failures),
            None => {}
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some((address, result)) = running.next() => match result {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => failures.push((address, error)),
            },
            () = tokio::time::sleep(options.stagger), if more => {}
        }
    }
}

async fn connect_one(address: SocketAddr, local: &local::Options) -> io::Result<TcpStream> {
    if *local == local::Options::default() {
        return TcpStream::connect(address).await;
    }
    local::socket(address, local).await?.connect(address).await
}

fn unreachable_error(place: &HostPort, failures: &Failures) -> Error {
    let place = place.to_string();
    let why = failures.first().map_or_else(String::new, |(_, error)| {
        format!(": {}", plain_clause(error))
    });
    let mut error = Error::new(
        Stage::Connect,
        Exit::Connect,
        format!("could not connect to {place}{why}"),
    )
    .transient();
    for (address, failure) in failures {
        if failures.len() > 1 || address.to_string() != place {
            error = error.detail(format!("{address}: {}", plain_clause(failure)));
        }
    }
    if failures
        .iter()
        .any(|(_, error)| error.kind() == io::ErrorKind::ConnectionRefused)
    {
        return error.advice("check that the server is running and listens on that port");
    }
    let lacks_zone = |address: &SocketAddr| match address {
        SocketAddr::V6(address) => address.ip().is_unicast_link_local() && address.scope_id() == 0,
        SocketAddr::V4(_) => false,
    };
    if failures.iter().any(|(address, _)| lacks_zone(address)) {
        return error
            .advice("name the interface that this link-local address is on: [fe80::1%25eth0]");
    }
    error.advice("check the address, your network and any firewall")
}
