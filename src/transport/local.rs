//! The local end of a TCP connection: `--interface` and `--local-port`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use tokio::net::{TcpSocket, lookup_host};

/// Where connections come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub interface: Option<Interface>,
    /// The first free port of these is taken.
    pub ports: Option<RangeInclusive<u16>>,
}

/// The value of `--interface`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The interface's name; with `either`, perhaps a host.
    name: Option<String>,
    /// The address to come from, or a name that has it.
    host: Option<String>,
}

impl Interface {
    /// Parses `NAME`, `HOST`, `if!NAME`, `host!HOST` or `ifhost!NAME!HOST`, as in curl.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Interface, String> {
        let given = |text: &str| match text {
            "" => Err("a name is missing".to_owned()),
            text => Ok(Some(text.to_owned())),
        };
        let (name, host) = if let Some(name) = text.strip_prefix("if!") {
            (given(name)?, None)
        } else if let Some(host) = text.strip_prefix("host!") {
            (None, given(host)?)
        } else if let Some(both) = text.strip_prefix("ifhost!") {
            let (name, host) = both.split_once('!').ok_or("write ifhost!NAME!HOST")?;
            (given(name)?, given(host)?)
        } else if exists(text) {
            (given(text)?, None)
        } else {
            (None, given(text)?)
        };
        Ok(Interface { name, host })
    }
}

/// Parses `--local-port`: `N` or `N-M`.
///
/// # Errors
/// What to write instead.
pub fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let number = |text: &str| text.parse().ok().filter(|port: &u16| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (Some(_), Some(_)) => Err("the range is empty; write 4000-4010".to_owned()),
        _ => Err("write a port from 1 to 65535, or a range such as 4000-4010".to_owned()),
    }
}

/// Makes the socket for a connection to `remote`, bound as `options` say.
///
/// # Errors
/// If there is no such interface or address, or no port is free.
pub(super) async fn socket(remote: SocketAddr, options: &Options) -> io::Result<TcpSocket> {
    let socket = match remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    let mut ip = None;
    if let Some(interface) = &options.interface {
        if let Some(host) = &interface.host {
            ip = Some(address_of_host(host, remote).await?);
        }
        if let Some(name) = &interface.name {
            let bound = bind_device(&socket, name, remote)?;
            ip = ip.or(bound);
        }
    }
    bind(&socket, ip, options.ports.clone(), remote)?;
    Ok(socket)
}

fn bind(
    socket: &TcpSocket,
    ip: Option<IpAddr>,
    ports: Option<RangeInclusive<u16>>,
    remote: SocketAddr,
) -> io::Result<()> {
    let any = match remote {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let Some(ports) = ports else {
        return ip.map_or(Ok(()), |ip| bind_to(socket, ip, 0));
    };
    // A reconnect comes from the same port, which the system keeps for minutes.
    socket.set_reuseaddr(true)?;
    let mut last = None;
    for port in ports.clone() {
        match socket.bind(SocketAddr::new(ip.unwrap_or(any), port)) {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(String::new, |error| format!(": {}", plain(&error)));
    let ports = match (ports.start(), ports.end()) {
        (first, last) if first == last => format!("the local port {first} cannot be used"),
        (first, last) => format!("none of the local ports {first}-{last} can be used"),
    };
    Err(io::Error::other(format!("{ports}{why}")))
}

fn bind_to(socket: &TcpSocket, ip: IpAddr, port: u16) -> io::Result<()> {
    let bound = socket.bind(SocketAddr::new(ip, port));
    bound.map_err(|error| {
        let why = plain(&error);
        io::Error::other(format!("connections cannot come from {ip}: {why}"))
    })
}

fn plain(error: &io::Error) -> String {
    crate::error::plain_clause(error)
}

/// Binds to an interface; where the system does not allow that, the result is an address of it.
fn bind_device(socket: &TcpSocket, name: &str, remote: SocketAddr) -> io::Result<Option<IpAddr>> {
    if !exists(name) {
        let known = interfaces().join(", ");
        let message = format!("there is no network interface '{name}' (there are: {known})");
        return Err(io::Error::other(message));
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if socket.bind_device(Some(name.as_bytes())).is_ok() {
        return Ok(None);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
    let found = addresses_of(name).into_iter();
    let mut found = found.filter(|ip| ip.is_ipv4() == remote.is_ipv4());
    match found.next() {
        Some(ip) => Ok(Some(ip)),
        None => Err(io::Error::other(format!(
            "the interface '{name}' has no {} address",
            family(remote)
        ))),
    }
}

async fn address_of_host(host: &str, remote: SocketAddr) -> io::Result<IpAddr> {
    let failed = |why: &str| {
        io::Error::other(format!(
            "'{host}' is neither a network interface nor an address of this host: {why}"
        ))
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let found = match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) => {
            let found = lookup_host((host, 0)).await;
            let found = found.map_err(|error| failed(&error.to_string()))?;
            found.map(|address| address.ip()).collect()
        }
    };
    let mut found = found.into_iter();
    found
        .find(|ip| ip.is_ipv4() == remote.is_ipv4())
        .ok_or_else(|| failed(&format!("it has no {} address", family(remote))))
}

fn family(address: SocketAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn exists(name: &str) -> bool {
    #[cfg(unix)]
    return nix::net::if_::if_nametoindex(name).is_ok();
    #[cfg(not(unix))]
    return name.is_empty();
}

/// The names of the network interfaces, where the system lists them.
pub(super) fn interfaces() -> Vec<String> {
    #[cfg(unix)]
    if let Ok(interfaces) = nix::net::if_::if_nameindex() {
        let names = interfaces.iter().map(|interface| interface.name());
        return names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
    }
    Vec::new()
}

#[cfg(unix)]
fn addresses_of(name: &str) -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let own = all.filter(|interface| interface.interface_name == name);
    let addresses = own.filter_map(|interface| interface.address);
    addresses
        .filter_map(|address| {
            let v4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
        })
        .collect()
}

#[cfg(not(unix))]
fn addresses_of(_: &str) -> Vec<IpAddr> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_a_name_or_an_address() {
        let parts = |text: &str| -> Result<(String, String), String> {
            let Interface { name, host } = Interface::parse(text)?;
            Ok((name.unwrap_or_default(), host.unwrap_or_default()))
        };
        let (nothing, lo) = (String::new(), "lo".to_owned());
        if cfg!(target_os = "linux") {
            assert_eq!(parts("lo"), Ok((lo.clone(), nothing.clone())));
        }
        assert_eq!(parts("if!lo"), Ok((lo, nothing.clone())));
        assert_eq!(
            parts("127.0.0.1"),
            Ok((nothing.clone(), "127.0.0.1".to_owned()))
        );
        assert_eq!(parts("host!eth9"), Ok((nothing, "eth9".to_owned())));
        assert_eq!(
            parts("ifhost!eth9!10.0.0.1"),
            Ok(("eth9".to_owned(), "10.0.0.1".to_owned()))
        );
        for wrong in [
            "",
            "if!",
            "host!",
            "ifhost!",
            "ifhost!a",
            "ifhost!a!",
            "ifhost!!b",
        ] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn local_ports_are_one_or_a_range() {
        assert_eq!(ports("80"), Ok(80..=80));
        assert_eq!(ports("4000-4010"), Ok(4000..=4010));
        for wrong in ["", "0", "0-5", "x", "1-", "-1", "5-4", "65536", "1-2-3"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
