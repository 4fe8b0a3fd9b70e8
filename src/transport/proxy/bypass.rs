//! `NO_PROXY` and `--noproxy`: which hosts are connected to directly. Pure: no name is resolved, so an
//! address in the list matches only a URL with that address.

use std::net::IpAddr;

use url::Host;

/// Whether `list` names this host. As in curl, entries are divided by commas and blanks; a name
/// includes its subdomains, `*` is every host, and addresses may be networks (`10.0.0.0/8`). An entry
/// with a port is for that port only, which curl does not know.
pub(super) fn covers(list: &str, host: &Host<String>, port: u16) -> bool {
    let entries = list.split(|c: char| c == ',' || c.is_whitespace());
    let mut entries = entries.filter(|entry| !entry.is_empty());
    entries.any(|entry| {
        let (pattern, only_port) = split_port(entry);
        only_port.is_none_or(|only| only == port) && matches(pattern, host)
    })
}

/// Splits off the port of `HOST:PORT` and `[ADDRESS]:PORT`. An IPv6 address without brackets has none.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let split = entry
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match split.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host, Some(port)),
        None => (entry, None),
    }
}

fn matches(pattern: &str, host: &Host<String>) -> bool {
    if pattern == "*" {
        return true;
    }
    match host {
        Host::Domain(name) => is_within(name, pattern),
        Host::Ipv4(ip) => is_in_network((*ip).into(), pattern),
        Host::Ipv6(ip) => is_in_network((*ip).into(), pattern),
    }
}

/// Whether a name is `domain` or below it. A leading dot or `*.` changes nothing.
fn is_within(name: &str, domain: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let domain = domain.strip_prefix('*').unwrap_or(domain);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let above = name.strip_suffix(&domain.to_ascii_lowercase());
    !domain.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Whether an address is the one of `network`, or in it: `10.0.0.0/8`, `fe80::/10`, `[::1]`.
fn is_in_network(ip: IpAddr, network: &str) -> bool {
    let (address, length) = match network.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (network, None),
    };
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let Ok(address) = bare.unwrap_or(address).parse::<IpAddr>() else {
        return false;
    };
    match length.map(str::parse::<u32>) {
        None => ip == address,
        Some(Ok(length)) => shares_prefix(ip, address, length),
        Some(Err(_)) => false,
    }
}

/// Whether the first `length` bits are the same.
fn shares_prefix(one: IpAddr, other: IpAddr, length: u32) -> bool {
    let (different, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let different = one.to_bits() ^ other.to_bits();
            (u128::from(different), u32::BITS)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits(), u128::BITS),
        _ => return false,
    };
    // A shift by all bits leaves nothing: a length of 0 is every address of the family.
    length <= width && different.checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_covers_names_addresses_networks_and_ports() {
        for (list, host, port, covered) in [
            ("", "example.com", 80, false),
            ("*", "example.com", 80, true),
            ("a, *", "example.com", 80, true),
            ("example.com", "example.com", 80, true),
            ("example.com", "EXAMPLE.com", 80, true),
            ("Example.COM", "example.com", 80, true),
            ("example.com", "www.example.com", 80, true),
            (".example.com", "www.example.com", 80, true),
            (".example.com", "example.com", 80, true),
            ("*.example.com", "www.example.com", 80, true),
            ("example.com", "notexample.com", 80, false),
            ("example.com", "example.com.evil.org", 80, false),
            ("www.example.com", "example.com", 80, false),
            ("example.com.", "example.com", 80, true),
            ("example.com", "www.example.com.", 80, true),
            ("a,b example.com", "example.com", 80, true),
            (",, ,example.com", "example.com", 80, true),
            (".", "example.com", 80, false),
            ("example.com:8080", "example.com", 8080, true),
            ("example.com:8080", "example.com", 80, false),
            ("*:8080", "example.com", 8080, true),
            ("127.0.0.1", "127.0.0.1", 80, true),
            ("127.0.0.1", "127.0.0.2", 80, false),
            ("127.0.0.1:81", "127.0.0.1", 80, false),
            ("127.0.0.1:80", "127.0.0.1", 80, true),
            ("0.0.1", "127.0.0.1", 80, false),
            ("10.0.0.0/8", "10.20.30.40", 80, true),
            ("10.0.0.0/8", "11.20.30.40", 80, false),
            ("10.0.0.0/8:80", "10.1.1.1", 80, true),
            ("192.168.1.128/25", "192.168.1.127", 80, false),
            ("192.168.1.128/25", "192.168.1.255", 80, true),
            ("1.2.3.4/32", "1.2.3.4", 80, true),
            ("1.2.3.4/32", "1.2.3.5", 80, false),
            ("0.0.0.0/0", "9.9.9.9", 80, true),
            ("0.0.0.0/0", "[::1]", 80, false),
            ("10.0.0.0/33", "10.0.0.0", 80, false),
            ("10.0.0.0/x", "10.0.0.0", 80, false),
            ("::1", "[::1]", 80, true),
            ("[::1]", "[::1]", 80, true),
            ("[::1]:80", "[::1]", 80, true),
            ("[::1]:81", "[::1]", 80, false),
            ("0:0:0:0:0:0:0:1", "[::1]", 80, true),
            ("::2", "[::1]", 80, false),
            ("fe80::/10", "[fe80::1]", 80, true),
            ("fe80::/10", "[fec0::1]", 80, false),
            ("::/0", "[2001:db8::1]", 80, true),
            ("2001:db8::/129", "[2001:db8::]", 80, false),
        ] {
            let parsed = Host::parse(host).unwrap();
            assert_eq!(covers(list, &parsed, port), covered, "{list:?} {host}");
        }
    }
}
