//! Rules that send a connection elsewhere: `--resolve` and `--connect-to`, with curl's syntax and
//! meaning. Pure.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use crate::error::Error;
use crate::uri::HostPort;

/// The rules of `--resolve`, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolve {
    rules: Vec<ResolveRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ResolveRule {
    /// In lower case; `*` is any host.
    host: String,
    port: u16,
    /// Empty if the rule takes back an earlier one.
    addresses: Vec<IpAddr>,
}

impl Resolve {
    /// Parses the values of `--resolve`: `HOST:PORT:ADDRESS[,ADDRESS]…`, where HOST may be `*`.
    /// `+` before it is accepted, and has no meaning without a cache. `-HOST:PORT` takes an earlier
    /// rule back.
    ///
    /// # Errors
    /// Exit 2, naming the value and what is wrong with it.
    pub fn parse(values: &[String]) -> Result<Resolve, Error> {
        let rules = values.iter().map(|value| {
            resolve_rule(value).map_err(|why| {
                Error::usage(format!("--resolve '{value}': {why}"))
                    .advice("--resolve example.org:443:127.0.0.1, with [::1] for IPv6")
            })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok(Resolve { rules })
    }

    /// The addresses of a host, if a rule gives them. The last rule for it counts; those for `*`
    /// only where none names it.
    pub(super) fn find(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let last = |host: &str| {
            let mut rules = self.rules.iter().rev();
            let rule = rules.find(|rule| rule.port == port && rule.host == host)?;
            (!rule.addresses.is_empty()).then_some(rule)
        };
        let host = host.to_ascii_lowercase();
        let rule = last(host.strip_suffix('.').unwrap_or(&host)).or_else(|| last("*"))?;
        let addresses = rule.addresses.iter();
        Some(addresses.map(|ip| SocketAddr::new(*ip, port)).collect())
    }
}

fn resolve_rule(value: &str) -> Result<ResolveRule, String> {
    let (rule, takes_back) = match value.strip_prefix('-') {
        Some(rule) => (rule, true),
        None => (value.strip_prefix('+').unwrap_or(value), false),
    };
    let (host, rest) = split_host(rule)?;
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host).to_owned();
    let rest = rest.ok_or("the port is missing")?;
    let (port, addresses) = match rest.split_once(':') {
        Some((port, addresses)) => (port, Some(addresses)),
        None => (rest, None),
    };
    let port = port_number(port)?;
    let addresses = match (takes_back, addresses) {
        (true, None) => Vec::new(),
        (true, Some(_)) => return Err("a rule with - has no addresses".to_owned()),
        (false, None | Some("")) => return Err("the address is missing".to_owned()),
        (false, Some(list)) => list.split(',').map(address).collect::<Result<_, _>>()?,
    };
    Ok(ResolveRule {
        host,
        port,
        addresses,
    })
}

fn address(text: &str) -> Result<IpAddr, String> {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let parsed = inner.unwrap_or(text).parse();
    parsed.map_err(|_| format!("'{text}' is not an IP address"))
}

fn port_number(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.then(|| text.parse().ok()).flatten();
    port.ok_or_else(|| format!("'{text}' is not a port (0 to 65535)"))
}

/// Splits a host, which may be an IPv6 address in brackets, from what follows its colon.
fn split_host(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a ] is missing")?;
        return match rest.strip_prefix(':') {
            Some(rest) => Ok((host, Some(rest))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("a colon must follow the ]".to_owned()),
        };
    }
    Ok(match text.split_once(':') {
        Some((host, rest)) => (host, Some(rest)),
        None => (text, None),
    })
}

/// The rules of `--connect-to`, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectTo {
    rules: Vec<ConnectToRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ConnectToRule {
    /// In lower case; `None` is any.
    host: Option<String>,
    port: Option<u16>,
    /// `None` keeps the one requested.
    to_host: Option<Host<String>>,
    to_port: Option<u16>,
}

impl ConnectTo {
    /// Parses the values of `--connect-to`: `HOST1:PORT1:HOST2:PORT2`, each of which may be empty.
    ///
    /// # Errors
    /// Exit 2, naming the value and what is wrong with it.
    pub fn parse(values: &[String]) -> Result<ConnectTo, Error> {
        let rules = values.iter().map(|value| {
            connect_to_rule(value).map_err(|why| {
                Error::usage(format!("--connect-to '{value}': {why}")).advice(
                    "--connect-to example.org:443:127.0.0.1:8443; what is empty stays as it is",
                )
            })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok(ConnectTo { rules })
    }

    /// Where to connect instead: the first rule that fits counts.
    pub(super) fn apply(&self, place: HostPort) -> HostPort {
        let host = written(&place.host);
        let rule = self.rules.iter().find(|rule| {
            rule.host.as_ref().is_none_or(|wanted| *wanted == host)
                && rule.port.is_none_or(|wanted| wanted == place.port)
        });
        let Some(rule) = rule else {
            return place;
        };
        let port = rule.to_port.unwrap_or(place.port);
        match &rule.to_host {
            Some(host) => HostPort {
                host: host.clone(),
                zone: None,
                port,
            },
            None => HostPort { port, ..place },
        }
    }
}

/// The host without brackets, in lower case.
fn written(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.to_ascii_lowercase(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    }
}

fn connect_to_rule(value: &str) -> Result<ConnectToRule, String> {
    const PARTS: &str = "it has four parts, HOST1:PORT1:HOST2:PORT2";
    let (host, rest) = split_host(value)?;
    let (port, rest) = rest.and_then(|rest| rest.split_once(':')).ok_or(PARTS)?;
    let (to_host, to_port) = split_host(rest)?;
    let to_port = to_port.ok_or(PARTS)?;
    let optional_port = |text: &str| match text {
        "" => Ok(None),
        text => port_number(text).map(Some),
    };
    let given = |host: &str| (!host.is_empty()).then(|| host.to_owned());
    let host = given(host).map(|host| match host.parse::<IpAddr>() {
        // In its canonical form, as in the URL.
        Ok(ip) => ip.to_string(),
        Err(_) => host.to_ascii_lowercase(),
    });
    Ok(ConnectToRule {
        host,
        port: optional_port(port)?,
        to_host: given(to_host).map(|host| parse_host(&host)).transpose()?,
        to_port: optional_port(to_port)?,
    })
}

fn parse_host(text: &str) -> Result<Host<String>, String> {
    if let Ok(ip) = text.parse() {
        return Ok(Host::Ipv6(ip));
    }
    Host::parse(text).map_err(|error| format!("'{text}' is not a host: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    fn place(text: &str) -> HostPort {
        let (host, port) = text.rsplit_once(':').unwrap();
        HostPort {
            host: Host::parse(host).unwrap(),
            zone: None,
            port: port.parse().unwrap(),
        }
    }

    #[test]
    fn resolve_finds_the_last_rule_for_the_host_and_then_for_any() {
        for (rules, host, port, found) in [
            (&["a:80:1.1.1.1"][..], "a", 80, Some("1.1.1.1:80")),
            (&["A:80:1.1.1.1"], "a", 80, Some("1.1.1.1:80")),
            (&["a.:80:1.1.1.1"], "a", 80, Some("1.1.1.1:80")),
            (&["a:80:1.1.1.1"], "a.", 80, Some("1.1.1.1:80")),
            (&["a:80:1.1.1.1"], "a", 81, None),
            (&["a:80:1.1.1.1"], "b", 80, None),
            (&["+a:80:1.1.1.1"], "a", 80, Some("1.1.1.1:80")),
            (
                &["a:80:[::1],2.2.2.2"],
                "a",
                80,
                Some("[::1]:80 2.2.2.2:80"),
            ),
            (&["a:80:::1"], "a", 80, Some("[::1]:80")),
            (
                &["*:80:1.1.1.1", "a:80:2.2.2.2"],
                "a",
                80,
                Some("2.2.2.2:80"),
            ),
            (
                &["a:80:2.2.2.2", "*:80:1.1.1.1"],
                "a",
                80,
                Some("2.2.2.2:80"),
            ),
            (&["*:80:1.1.1.1"], "b", 80, Some("1.1.1.1:80")),
            (
                &["a:80:1.1.1.1", "a:80:2.2.2.2"],
                "a",
                80,
                Some("2.2.2.2:80"),
            ),
            (&["a:80:1.1.1.1", "-a:80"], "a", 80, None),
            (&["*:80:1.1.1.1", "-*:80"], "a", 80, None),
            (
                &["a:80:1.1.1.1", "-a:80", "*:80:3.3.3.3"],
                "a",
                80,
                Some("3.3.3.3:80"),
            ),
        ] {
            let rules = Resolve::parse(&strings(rules)).unwrap();
            let addresses = rules.find(host, port).map(|addresses| {
                let addresses = addresses.iter().map(SocketAddr::to_string);
                addresses.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(addresses.as_deref(), found, "{rules:?} {host}:{port}");
        }
    }

    #[test]
    fn a_malformed_rule_is_named() {
        for (value, why) in [
            ("", "the host is missing"),
            ("a", "the port is missing"),
            ("a:80", "the address is missing"),
            ("a:80:", "the address is missing"),
            ("a:x:1.1.1.1", "'x' is not a port"),
            ("a:65536:1.1.1.1", "'65536' is not a port"),
            ("a:+80:1.1.1.1", "'+80' is not a port"),
            ("a:80:host", "'host' is not an IP address"),
            ("a:80:1.1.1.1,", "'' is not an IP address"),
            ("-a:80:1.1.1.1", "a rule with - has no addresses"),
            ("[::1:80:1.1.1.1", "a ] is missing"),
            ("[::1]80:1.1.1.1", "a colon must follow the ]"),
        ] {
            let error = Resolve::parse(&strings(&[value])).unwrap_err();
            assert!(error.message.contains(why), "{value}: {}", error.message);
        }
        for (value, why) in [
            ("", "four parts"),
            ("a:1:b", "four parts"),
            ("a:x:b:1", "'x' is not a port"),
            ("a:1:b:x", "'x' is not a port"),
            ("a:1:b c:1", "'b c' is not a host"),
        ] {
            let error = ConnectTo::parse(&strings(&[value])).unwrap_err();
            assert!(error.message.contains(why), "{value}: {}", error.message);
        }
    }

    #[test]
    fn the_first_rule_that_fits_says_where_to_connect() {
        for (rules, from, to) in [
            (&["a:80:b:81"][..], "a:80", "b:81"),
            (&["A:80:b:81"], "a:80", "b:81"),
            (&["a:80:b:81"], "a:82", "a:82"),
            (&["a:80:b:81"], "c:80", "c:80"),
            (&[":80:b:81"], "c:80", "b:81"),
            (&["a::b:81"], "a:99", "b:81"),
            (&["::b:81"], "x:1", "b:81"),
            (&["::b:"], "x:1", "b:1"),
            (&[":::81"], "x:1", "x:81"),
            (&["a:80:b:81", "::c:82"], "a:80", "b:81"),
            (&["z:80:b:81", "::c:82"], "a:80", "c:82"),
            (&["[::1]:80:[::2]:81"], "[::1]:80", "[::2]:81"),
            (&["[0:0::1]:80:b:81"], "[::1]:80", "b:81"),
        ] {
            let rules = ConnectTo::parse(&strings(rules)).unwrap();
            assert_eq!(rules.apply(place(from)), place(to), "{rules:?} {from}");
        }
    }
}
