//! The messages of SOCKS, and its codes in sentences. Pure.

use std::net::{IpAddr, Ipv4Addr};

/// What a SOCKS proxy is asked to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Address(IpAddr, u16),
    /// At most 255 bytes.
    Name(String, u16),
}

impl Destination {
    /// A name, unless it is too long.
    pub(super) fn named(name: String, port: u16) -> Option<Destination> {
        (name.len() <= usize::from(u8::MAX)).then_some(Destination::Name(name, port))
    }
}

/// A proxy's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) why: String,
    /// Whether another attempt may succeed.
    pub(super) transient: bool,
    pub(super) advice: Option<&'static str>,
}

/// Methods of authentication (RFC 1928 §3).
pub(super) const NO_AUTHENTICATION: u8 = 0;
pub(super) const PASSWORD: u8 = 2;

/// Types of addresses (RFC 1928 §5).
pub(super) const IPV4: u8 = 1;
pub(super) const NAME: u8 = 3;
pub(super) const IPV6: u8 = 4;

/// Offers the methods of authentication.
pub(super) fn greeting(has_user: bool) -> &'static [u8] {
    match has_user {
        true => &[5, 2, NO_AUTHENTICATION, PASSWORD],
        false => &[5, 1, NO_AUTHENTICATION],
    }
}

/// The refusal of a proxy that chose `method`: none of those offered.
pub(super) fn no_method(method: u8, has_user: bool) -> Refused {
    let why = match (method, has_user) {
        (0xff, false) => "it requires authentication".to_owned(),
        (0xff, true) => "it accepts neither a password nor no authentication".to_owned(),
        _ => format!("it chose the authentication method {method}, which was not offered"),
    };
    let advice = (!has_user).then_some("-U USER:PASSWORD sends credentials to the proxy");
    permanent(why, advice)
}

/// The user and the password (RFC 1929 §2).
///
/// # Errors
/// One of them is longer than 255 bytes.
pub(super) fn password(user: &str, password: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = vec![1];
    for part in [user, password] {
        let length = u8::try_from(part.len());
        bytes.push(length.map_err(|_| "SOCKS5 has users and passwords of at most 255 bytes")?);
        bytes.extend_from_slice(part.as_bytes());
    }
    Ok(bytes)
}

/// The refusal of the user and the password.
pub(super) fn wrong_password() -> Refused {
    permanent(
        "it does not accept the user and the password".to_owned(),
        Some("check the user and the password: -U USER:PASSWORD"),
    )
}

/// A request to connect (RFC 1928 §4).
pub(super) fn request5(destination: &Destination) -> Vec<u8> {
    let mut bytes = vec![5, 1, 0];
    let port = match destination {
        Destination::Address(IpAddr::V4(ip), port) => {
            bytes.push(IPV4);
            bytes.extend_from_slice(&ip.octets());
            port
        }
        Destination::Address(IpAddr::V6(ip), port) => {
            bytes.push(IPV6);
            bytes.extend_from_slice(&ip.octets());
            port
        }
        Destination::Name(name, port) => {
            // `Destination::named` allows no longer ones.
            let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
            bytes.extend_from_slice(&[NAME, length]);
            bytes.extend_from_slice(&name.as_bytes()[..usize::from(length)]);
            port
        }
    };
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes
}

/// Whether a reply (RFC 1928 §6) grants the request.
///
/// # Errors
/// It refuses.
pub(super) fn granted5(code: u8) -> Result<(), Refused> {
    Err(match code {
        0 => return Ok(()),
        1 => transient("general failure (SOCKS5 code 1)"),
        2 => permanent(
            "its rules do not allow this connection (SOCKS5 code 2)".to_owned(),
            Some("--noproxy HOST connects directly"),
        ),
        3 => transient("the network cannot be reached from it (SOCKS5 code 3)"),
        4 => transient("the host cannot be reached from it (SOCKS5 code 4)"),
        5 => transient("the server refused the connection (SOCKS5 code 5)"),
        6 => transient("the server did not answer in time (TTL expired, SOCKS5 code 6)"),
        7 => permanent("it cannot CONNECT (SOCKS5 code 7)".to_owned(), None),
        8 => permanent(
            "it does not support this type of address (SOCKS5 code 8)".to_owned(),
            Some("socks5h:// sends the name, socks5:// an address"),
        ),
        _ => transient(&format!(
            "it gave the code {code}, which has no meaning in SOCKS5"
        )),
    })
}

/// A request to connect of SOCKS4, or of SOCKS4a if the destination is a name.
///
/// # Errors
/// The destination or the user cannot be expressed.
pub(super) fn request4(destination: &Destination, user: &str) -> Result<Vec<u8>, &'static str> {
    let (ip, port, name) = match destination {
        Destination::Address(IpAddr::V4(ip), port) => (*ip, port, None),
        Destination::Address(IpAddr::V6(_), _) => return Err("SOCKS4 has no IPv6 addresses"),
        // An address that cannot be one says that a name follows.
        Destination::Name(name, port) => (Ipv4Addr::new(0, 0, 0, 1), port, Some(name)),
    };
    let name = name.map_or("", String::as_str);
    if user.contains('\0') || name.contains('\0') {
        return Err("SOCKS4 has no NUL in names");
    }
    let mut bytes = vec![4, 1];
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes.extend_from_slice(&ip.octets());
    bytes.extend_from_slice(user.as_bytes());
    bytes.push(0);
    if !name.is_empty() {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
    }
    Ok(bytes)
}

/// Whether a reply of SOCKS4 grants the request.
///
/// # Errors
/// It refuses.
pub(super) fn granted4(code: u8) -> Result<(), Refused> {
    const USER: Option<&str> = Some("-U USER names the user");
    Err(match code {
        90 => return Ok(()),
        91 => transient("rejected or failed (SOCKS4 code 91)"),
        92 => permanent(
            "it cannot reach identd on this host (SOCKS4 code 92)".to_owned(),
            None,
        ),
        93 => permanent(
            "identd names another user (SOCKS4 code 93)".to_owned(),
            USER,
        ),
        _ => transient(&format!(
            "it gave the code {code}, which has no meaning in SOCKS4"
        )),
    })
}

fn transient(why: &str) -> Refused {
    Refused {
        why: why.to_owned(),
        transient: true,
        advice: None,
    }
}

fn permanent(why: String, advice: Option<&'static str>) -> Refused {
    Refused {
        why,
        transient: false,
        advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: &str) -> Destination {
        Destination::Address(ip.parse().unwrap(), 0x1234)
    }

    fn named(name: &str) -> Destination {
        Destination::named(name.to_owned(), 80).unwrap()
    }

    #[test]
    fn requests_have_the_bytes_of_the_rfc() {
        for (destination, expected) in [
            (
                address("1.2.3.4"),
                &b"\x05\x01\x00\x01\x01\x02\x03\x04\x12\x34"[..],
            ),
            (
                address("::1"),
                b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34",
            ),
            (named("a.b"), b"\x05\x01\x00\x03\x03a.b\x00\x50"),
        ] {
            assert_eq!(request5(&destination), expected);
        }
        let long = request5(&named(&"x".repeat(255)));
        assert_eq!((long[4], long.len()), (255, 4 + 1 + 255 + 2));
        assert_eq!(Destination::named("x".repeat(256), 80), None);
    }

    #[test]
    fn requests_of_version_4_end_with_nul() {
        for (destination, user, expected) in [
            (
                address("1.2.3.4"),
                "",
                Ok(&b"\x04\x01\x12\x34\x01\x02\x03\x04\0"[..]),
            ),
            (
                address("1.2.3.4"),
                "me",
                Ok(b"\x04\x01\x12\x34\x01\x02\x03\x04me\0"),
            ),
            (
                named("a.b"),
                "me",
                Ok(b"\x04\x01\x00\x50\0\0\0\x01me\0a.b\0"),
            ),
            (address("::1"), "", Err("SOCKS4 has no IPv6 addresses")),
            (
                address("1.2.3.4"),
                "m\0e",
                Err("SOCKS4 has no NUL in names"),
            ),
        ] {
            assert_eq!(request4(&destination, user), expected.map(<[u8]>::to_vec));
        }
    }

    #[test]
    fn users_and_passwords_have_lengths() {
        assert_eq!(password("me", "pw").unwrap(), b"\x01\x02me\x02pw");
        assert_eq!(password("", "").unwrap(), b"\x01\0\0");
        assert!(password(&"x".repeat(255), "").is_ok());
        assert!(password(&"x".repeat(256), "").is_err());
        assert!(password("", &"x".repeat(256)).is_err());
    }

    #[test]
    fn every_code_has_a_sentence_and_a_future() {
        for code in 0..=255 {
            match granted5(code) {
                Ok(()) => assert_eq!(code, 0),
                Err(refused) => {
                    assert!(refused.why.contains(&format!("code {code}")), "{refused:?}");
                    assert_eq!(refused.transient, !matches!(code, 2 | 7 | 8), "{code}");
                }
            }
            match granted4(code) {
                Ok(()) => assert_eq!(code, 90),
                Err(refused) => {
                    assert!(refused.why.contains(&format!("code {code}")), "{refused:?}");
                    assert_eq!(refused.transient, !matches!(code, 92 | 93), "{code}");
                }
            }
        }
    }
}
