//! The address of a client behind a proxy, from `X-Forwarded-For`. Pure.
//!
//! Each proxy appends the address that it was connected from, to whatever the client sent. So only the
//! last address was written by our own proxy; those before it are what anyone may claim.

use std::net::{IpAddr, SocketAddr};

use hyper::header::HeaderMap;

/// The client's address as the last proxy saw it; `None` if it does not say, or not as an address.
pub(super) fn client(headers: &HeaderMap) -> Option<IpAddr> {
    let header = headers.get_all("x-forwarded-for").iter().next_back()?;
    let last = header.to_str().ok()?.rsplit(',').next()?;
    address(last.trim())
}

/// An address, which some proxies write with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    bare.unwrap_or(text).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_counts() {
        for (values, expected) in [
            (&[][..], None),
            (&["203.0.113.9"], Some("203.0.113.9")),
            (&["10.0.0.1, 203.0.113.9"], Some("203.0.113.9")),
            (&["10.0.0.1", "10.0.0.2,\t203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9:4711"], Some("203.0.113.9")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            // What is claimed before it does not help.
            (&["203.0.113.9, unknown"], None),
            (&["203.0.113.9, "], None),
            (&["203.0.113.9", ""], None),
            (&["_hidden"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(client(&headers), expected, "{values:?}");
        }
    }
}
