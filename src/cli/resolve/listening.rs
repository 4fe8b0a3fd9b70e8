//! Where a server listens, which pages and machines it is open to, and with which certificate.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::tls::certificate;
use crate::cli::args::{PlaceArgs, SafetyArgs, ServeArgs, ServeTlsArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::handshake::guard;
use crate::serve::{Certificate, Place, TlsOptions};

/// The debug server's default port.
pub(super) const DEFAULT_PORT: u16 = 8765;

/// Every place to listen at. Sockets that were passed on (`LISTEN_FDS`) are in place of an address.
///
/// # Errors
/// Exit 2
pub(super) fn places(args: &ServeArgs, world: &World) -> Result<Vec<Place>, Error> {
    let unix = args.unix.unix.as_ref().map(|path| Place::Unix {
        path: path.clone(),
        mode: args.unix.unix_mode,
    });
    let typed: Vec<&String> = args.address.iter().chain(&args.listen).collect();
    let is_typed = !typed.is_empty() || args.place.port.is_some() || args.place.host.is_some();
    let mut places = match (is_typed, are_sockets_passed(world)) {
        (true, true) => {
            let message =
                "the sockets to listen on were passed by LISTEN_FDS, and an address is given";
            return Err(Error::usage(message).advice("one of the two"));
        }
        (false, true) => vec![Place::Inherited],
        (false, false) if unix.is_some() => Vec::new(),
        (_, false) => addresses(args, &typed)?,
    };
    places.extend(unix);
    Ok(places)
}

/// Whether `sd_listen_fds(3)` would find any: the variables may be meant for another process.
fn are_sockets_passed(world: &World) -> bool {
    let number = |name| world.variable(name)?.parse::<u32>().ok();
    number("LISTEN_PID") == Some(std::process::id())
        && number("LISTEN_FDS").is_some_and(|count| count > 0)
}

fn addresses(args: &ServeArgs, typed: &[&String]) -> Result<Vec<Place>, Error> {
    let default = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT);
    let addresses: Result<Vec<SocketAddr>, Error> =
        typed.iter().map(|text| listen_address(text)).collect();
    let mut addresses = addresses?;
    match &mut addresses[..] {
        [] => addresses.push(with_parts(default, &args.place)),
        [only] => *only = with_parts(*only, &args.place),
        _ if args.place.port.is_some() || args.place.host.is_some() => {
            let message = "--port and --host are for one address, and several are given";
            return Err(Error::usage(message).advice("each as ADDRESS:PORT"));
        }
        _ => {}
    }
    Ok(addresses.into_iter().map(Place::Tcp).collect())
}

/// The address with the port and the host that were given apart from it.
pub(super) fn with_parts(mut address: SocketAddr, args: &PlaceArgs) -> SocketAddr {
    if let Some(port) = args.port {
        address.set_port(port);
    }
    if let Some(host) = args.host {
        address.set_ip(host);
    }
    address
}

/// TLS, if it is served. A certificate that is made is for the addresses among `places`, too.
///
/// # Errors
/// Exit 2
pub(super) fn tls(typed: &ServeTlsArgs, places: &[Place]) -> Result<Option<TlsOptions>, Error> {
    let certificate = match &typed.cert {
        Some(cert) => {
            Certificate::Files(certificate(cert, typed.key.as_ref(), typed.pass.as_ref()))
        }
        None if typed.self_signed => Certificate::SelfSigned {
            names: places.iter().filter_map(name).collect(),
            ca_file: typed.ca_file.clone(),
        },
        None if typed.client_ca.is_some() => {
            let message = "--client-ca needs TLS";
            return Err(Error::usage(message).advice("--cert FILE --key FILE, or --self-signed"));
        }
        None => return Ok(None),
    };
    if places
        .iter()
        .all(|place| matches!(place, Place::Unix { .. }))
    {
        let message = "a Unix socket speaks no TLS, and there is no address to listen on";
        return Err(Error::usage(message)
            .advice("an ADDRESS beside --unix, such as 127.0.0.1:8765, or no options of TLS"));
    }
    let client_ca = typed.client_ca.clone();
    Ok(Some(TlsOptions {
        certificate,
        client_ca,
    }))
}

/// The address by which clients may reach a place.
fn name(place: &Place) -> Option<String> {
    match place {
        Place::Tcp(address) if !address.ip().is_unspecified() => Some(address.ip().to_string()),
        _ => None,
    }
}

/// Refuses an address that other machines can reach, unless a token is required or anyone is welcome
/// (`is_allowed`). `advice` says how it is allowed.
///
/// # Errors
/// Exit 2.
pub(super) fn refuse_strangers(ip: IpAddr, is_allowed: bool, advice: &str) -> Result<(), Error> {
    if ip.to_canonical().is_loopback() || is_allowed {
        return Ok(());
    }
    Err(Error::usage(format!(
        "refusing to listen on {ip}: other machines can reach it, and no token is required"
    ))
    .advice(advice))
}

/// What the options of safety allow.
pub(super) fn guard(args: &SafetyArgs) -> guard::Options {
    guard::Options {
        origins: args.origins.clone(),
        host_names: args.host_names.clone(),
    }
}

/// Parses `ADDRESS:PORT`, `:PORT`, `PORT` or `ADDRESS`; the default address is loopback.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, Error> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let named = text.replacen("localhost", "127.0.0.1", 1);
    let port = named.strip_prefix(':').unwrap_or(&named).parse().ok();
    named
        .parse()
        .ok()
        .or(port.map(|port| SocketAddr::new(loopback, port)))
        .or(named
            .parse()
            .ok()
            .map(|ip| SocketAddr::new(ip, DEFAULT_PORT)))
        .ok_or_else(|| no_address(text))
}

/// The error for a word that is not an address, as one writes a URL or the name of a host.
fn no_address(text: &str) -> Error {
    let why = if text.contains('/') {
        "an address has no scheme and no path"
    } else {
        "that is not an IP address with a port up to 65535"
    };
    Error::usage(format!("cannot listen on '{text}': {why}"))
        .advice("127.0.0.1:8765, [::1]:8765, :8765 or 8765; port 0 takes a free one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_welcome_only_if_that_is_said() {
        let refuses =
            |ip: &str, allowed| refuse_strangers(ip.parse().unwrap(), allowed, "").is_err();
        for ip in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(!refuses(ip, false), "{ip}");
        }
        for ip in ["0.0.0.0", "::", "10.0.0.1", "2001:db8::1"] {
            assert!(refuses(ip, false) && !refuses(ip, true), "{ip}");
        }
    }

    #[test]
    fn listen_addresses() {
        for (text, address) in [
            ("0", "127.0.0.1:0"),
            (":9", "127.0.0.1:9"),
            ("localhost:9", "127.0.0.1:9"),
            ("0.0.0.0:9", "0.0.0.0:9"),
            ("[::1]:9", "[::1]:9"),
            ("10.0.0.1", "10.0.0.1:8765"),
        ] {
            assert_eq!(listen_address(text).unwrap().to_string(), address, "{text}");
        }
        for (text, why) in [
            ("nonsense", "not an IP address"),
            ("example.com:8765", "not an IP address"),
            ("70000", "a port up to 65535"),
            ("ws://localhost:9", "no scheme and no path"),
            ("/echo", "no scheme and no path"),
        ] {
            let error = listen_address(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
