//! Name lookup and TCP. Every address is tried.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use url::Host;

use super::{BoxedStream, Progress};
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::event::Address;
use crate::uri::HostPort;

/// Head start of one address before the next is tried in parallel (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// Looks the host up and connects to the address that answers first. `on_address` receives the first
/// address before it is tried.
///
/// # Errors
/// Exit 6 (name), 7 (connect).
pub(super) async fn open(
    place: &HostPort,
    progress: &Progress,
    on_address: &mut dyn FnMut(Address),
) -> Result<(BoxedStream, Address), Error> {
    let looking_up = format!("resolving the host name '{}'", place.host);
    progress.enter(Stage::Dns, looking_up);
    let addresses = resolve(place).await?;
    if matches!(place.host, Host::Domain(_)) {
        progress.finish("dns");
    }
    progress.enter(Stage::Connect, format!("connecting to {place}"));
    on_address(addresses[0].into());
    let (stream, address) = connect(place, &addresses).await?;
    progress.finish("tcp");
    Ok((Box::new(stream), address.into()))
}

/// The addresses of a host, address families alternating; never empty.
async fn resolve(place: &HostPort) -> Result<Vec<SocketAddr>, Error> {
    let port = place.port;
    let name = match &place.host {
        Host::Ipv4(ip) => return Ok(vec![SocketAddr::new(IpAddr::V4(*ip), port)]),
        Host::Ipv6(ip) => {
            let scope = place.zone.as_deref().map_or(Ok(0), scope_id)?;
            return Ok(vec![SocketAddrV6::new(*ip, port, 0, scope).into()]);
        }
        Host::Domain(name) => name,
    };
    let unknown = |why: String| {
        Error::new(
            Stage::Dns,
            Exit::Dns,
            format!("could not resolve the host name '{name}': {why}"),
        )
        .advice("check the spelling and your network")
        .transient()
    };
    let found: Vec<SocketAddr> = lookup_host((name.as_str(), port))
        .await
        .map_err(|error| unknown(error.to_string()))?
        .collect();
    if found.is_empty() {
        return Err(unknown("it has no address".to_owned()));
    }
    Ok(interleave(found))
}

/// The number of an interface that is given by name or number.
fn scope_id(zone: &str) -> Result<u32, Error> {
    if let Ok(number) = zone.parse() {
        return Ok(number);
    }
    #[cfg(unix)]
    if let Ok(number) = nix::net::if_::if_nametoindex(zone) {
        return Ok(number);
    }
    let error = Error::new(
        Stage::Dns,
        Exit::Dns,
        format!("there is no network interface '{zone}'"),
    )
    .transient();
    Err(match interfaces() {
        names if names.is_empty() => error.advice("the number of the interface"),
        names => error.advice(format!("one of its interfaces: {}", names.join(", "))),
    })
}

/// The names of the network interfaces, where the system lists them.
fn interfaces() -> Vec<String> {
    #[cfg(unix)]
    if let Ok(interfaces) = nix::net::if_::if_nameindex() {
        let names = interfaces.iter().map(|interface| interface.name());
        return names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
    }
    Vec::new()
}

/// Alternates the address families, beginning with that of the first address (RFC 8305 §4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses[0].is_ipv6();
    let (mut first, mut second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|a| a.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut mixed = Vec::new();
    while !first.is_empty() || !second.is_empty() {
        mixed.extend(first.pop());
        mixed.extend(second.pop());
    }
    mixed
}

/// Connects to the address that answers first. Each has a head start over the next.
async fn connect(
    place: &HostPort,
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), Error> {
    match race(addresses).await {
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

async fn race(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failures> {
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        match waiting.next() {
            Some(address) => {
                running.push(async move { (address, TcpStream::connect(address).await) })
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
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_families_alternate() {
        let addresses = |list: &[&str]| {
            list.iter()
                .map(|a| a.parse().unwrap())
                .collect::<Vec<SocketAddr>>()
        };
        let mixed = interleave(addresses(&[
            "[::1]:1",
            "[::2]:1",
            "[::3]:1",
            "1.1.1.1:1",
            "2.2.2.2:1",
        ]));
        assert_eq!(
            mixed,
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
    }
}
