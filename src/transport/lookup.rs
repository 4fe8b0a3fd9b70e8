//! From a host to its addresses: by `--resolve`, or by the system.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use tokio::net::lookup_host;
use url::Host;

use super::local::interfaces;
use super::rules::Resolve;
use crate::error::{Error, Exit, Stage};
use crate::uri::HostPort;

/// The address families that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    /// `-4`
    V4,
    /// `-6`
    V6,
}

impl Family {
    fn includes(self, address: &SocketAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        }
    }
}

/// The addresses of a host, address families alternating; never empty.
///
/// # Errors
/// Exit 6.
pub(super) async fn addresses(
    place: &HostPort,
    family: Family,
    rules: &Resolve,
) -> Result<Vec<SocketAddr>, Error> {
    let found = match rules.find(&bare(&place.host), place.port) {
        Some(found) => found,
        None => ask(place).await?,
    };
    let mut found = interleave(found);
    found.retain(|address| family.includes(address));
    match (found.is_empty(), family) {
        (false, _) => Ok(found),
        (true, Family::Any) => Err(unknown(place, "it has no address")),
        (true, Family::V4) => Err(unknown(place, &lacks(place, "IPv4", "-4"))),
        (true, Family::V6) => Err(unknown(place, &lacks(place, "IPv6", "-6"))),
    }
}

/// The host without brackets.
fn bare(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    }
}

fn lacks(place: &HostPort, family: &str, option: &str) -> String {
    match place.host {
        Host::Domain(_) => format!("it has no {family} address ({option})"),
        _ => format!("{option} uses {family} addresses only"),
    }
}

fn unknown(place: &HostPort, why: &str) -> Error {
    let message = match &place.host {
        Host::Domain(name) => format!("could not resolve the host name '{name}': {why}"),
        ip => format!("could not use the address {ip}: {why}"),
    };
    let error = Error::new(Stage::Dns, Exit::Dns, message);
    match &place.host {
        Host::Domain(_) => error
            .advice("check the spelling and your network")
            .transient(),
        _ => error,
    }
}

/// Asks the system.
async fn ask(place: &HostPort) -> Result<Vec<SocketAddr>, Error> {
    let port = place.port;
    match &place.host {
        Host::Ipv4(ip) => Ok(vec![SocketAddr::new(IpAddr::V4(*ip), port)]),
        Host::Ipv6(ip) => {
            let scope = place.zone.as_deref().map_or(Ok(0), scope_id)?;
            Ok(vec![SocketAddrV6::new(*ip, port, 0, scope).into()])
        }
        Host::Domain(name) => {
            let found = lookup_host((name.as_str(), port)).await;
            let found = found.map_err(|error| unknown(place, &error.to_string()))?;
            Ok(found.collect())
        }
    }
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

/// Alternates the address families, beginning with that of the first address (RFC 8305 §4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
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
