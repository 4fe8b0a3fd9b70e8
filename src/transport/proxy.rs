//! Which proxy a connection goes through, by curl's rules: `-x`, then the variables of the environment,
//! unless `NO_PROXY` names the host. Pure: it never looks at the environment itself, and never shows a
//! password.

mod bypass;

use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;
use url::Host;

use super::tls;
use crate::auth::sources::Basic;
use crate::codec;
use crate::error::{Error, Exit};
use crate::handshake::request::{self, HeaderLine};
use crate::secret::{REDACTED, Redactor, Secret};
use crate::uri::{HostPort, Target};

/// The variables that name a proxy, in the order in which they are asked: for `ws://` and `wss://`.
///
/// `HTTP_PROXY` is not among them, as in curl: a web server gives it to a CGI program as the value of
/// a request's `Proxy` header.
const VARIABLES: [&[&str]; 2] = [
    &[
        "ws_proxy",
        "WS_PROXY",
        "http_proxy",
        "all_proxy",
        "ALL_PROXY",
    ],
    &[
        "wss_proxy",
        "WSS_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ],
];

/// The variables that name hosts to connect to directly, in their order.
const BYPASS_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The port of a proxy whose URL has none, as in curl.
const DEFAULT_PORT: u16 = 1080;

/// The same for `https://`.
const DEFAULT_TLS_PORT: u16 = 443;

/// What the user said of proxies.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `-x`; it takes precedence over the environment.
    pub given: Option<Given>,
    /// The variables that name a proxy, those that are set.
    pub environment: Vec<(&'static str, Secret)>,
    /// `--noproxy`, or the variable.
    pub bypass: String,
    /// `-U`, which takes precedence over the user in a proxy's URL.
    pub user: Option<Basic>,
    /// `--proxy-header`
    pub headers: Vec<HeaderLine>,
    /// `--proxy-cacert`, `--proxy-insecure`
    pub tls: tls::Options,
}

/// The proxy that an option names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// `None` for an empty name: no proxy, whatever the environment says.
    pub proxy: Option<Proxy>,
    /// `-x`
    pub option: &'static str,
}

/// How to talk to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT over TLS.
    Https,
    /// SOCKS4, with an IPv4 address.
    Socks4,
    /// SOCKS4 with a name that the proxy resolves.
    Socks4a,
    /// SOCKS5 with an address.
    Socks5,
    /// SOCKS5 with a name that the proxy resolves.
    Socks5h,
}

/// The schemes of proxies. `socks` is a name of SOCKS4, as in curl.
const SCHEMES: &[(&str, Kind)] = &[
    ("http", Kind::Http),
    ("https", Kind::Https),
    ("socks4", Kind::Socks4),
    ("socks4a", Kind::Socks4a),
    ("socks5", Kind::Socks5),
    ("socks5h", Kind::Socks5h),
    ("socks", Kind::Socks4),
];

impl Kind {
    fn scheme(self) -> &'static str {
        let mut schemes = SCHEMES.iter();
        schemes
            .find(|(_, kind)| *kind == self)
            .map_or("http", |(scheme, _)| scheme)
    }

    /// Whether a user has a password.
    pub fn has_passwords(self) -> bool {
        !matches!(self, Kind::Socks4 | Kind::Socks4a)
    }

    fn default_port(self) -> u16 {
        match self {
            Kind::Https => DEFAULT_TLS_PORT,
            _ => DEFAULT_PORT,
        }
    }
}

/// A proxy, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub kind: Kind,
    pub place: HostPort,
    pub user: Option<Basic>,
}

/// `http://user:[redacted]@host:3128/`
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.kind.scheme())?;
        if let Some(Basic { user, password }) = &self.user {
            f.write_str(user)?;
            if password.as_ref().is_some_and(|it| !it.expose().is_empty()) {
                write!(f, ":{REDACTED}")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}/", self.place)
    }
}

/// The proxy of a connection, and what named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub proxy: Proxy,
    /// An option or a variable.
    pub from: &'static str,
}

/// `http://host:3128/ (from wss_proxy)`
impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.proxy, self.from)
    }
}

impl Options {
    /// Takes what the environment says of proxies from `variable`, which returns those that are set
    /// and not empty.
    pub fn with_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Options {
        for name in VARIABLES.concat() {
            let is_known = self.environment.iter().any(|(known, _)| *known == name);
            if let Some(value) = variable(name).filter(|_| !is_known) {
                self.environment.push((name, Secret::new(value)));
            }
        }
        self
    }

    /// The hosts to connect to directly, as the environment says.
    pub fn bypass_from(variable: impl Fn(&str) -> Option<String>) -> String {
        let mut found = BYPASS_VARIABLES.into_iter().filter_map(variable);
        found.next().unwrap_or_default()
    }

    /// The proxy on the way to `target`.
    ///
    /// # Errors
    /// Exit 2 if a variable that applies names no proxy.
    pub fn choose(&self, target: &Target) -> Result<Option<Chosen>, Error> {
        if bypass::covers(&self.bypass, &target.host, target.port) {
            return Ok(None);
        }
        let (proxy, from) = match &self.given {
            Some(given) => (given.proxy.clone(), given.option),
            None => match self.variable(target.tls) {
                Some((name, value)) => (parse(name, value.expose())?, *name),
                None => return Ok(None),
            },
        };
        let with_user = |proxy: Proxy| Chosen {
            proxy: Proxy {
                user: self.user.clone().or(proxy.user),
                ..proxy
            },
            from,
        };
        Ok(proxy.map(with_user))
    }

    fn variable(&self, tls: bool) -> Option<&(&'static str, Secret)> {
        let mut names = VARIABLES[usize::from(tls)].iter();
        names.find_map(|name| self.environment.iter().find(|(known, _)| known == name))
    }

    /// Adds the secrets that are for the proxy on the way to `target` to `redactor`.
    pub fn hide_secrets(&self, target: &Target, redactor: &Redactor) {
        let headers = request::Options {
            headers: self.headers.clone(),
            ..request::Options::default()
        };
        headers.hide_secrets(redactor);
        let chosen = self.choose(target).ok().flatten();
        if let Some(Basic {
            user,
            password: Some(password),
        }) = chosen.and_then(|chosen| chosen.proxy.user)
        {
            redactor.add_given(password.expose());
            redactor.add_given(&basic(&user, &password));
        }
    }
}

/// The credentials of Basic authentication (RFC 7617 §2).
pub(super) fn basic(user: &str, password: &Secret) -> String {
    codec::base64(format!("{user}:{}", password.expose()).as_bytes())
}

/// Parses the proxy that `from`, an option or a variable, names: `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`.
/// An empty text is none. A path is ignored, as in curl.
///
/// # Errors
/// Exit 2, without what stands before the `@`.
pub fn parse(from: &str, text: &str) -> Result<Option<Proxy>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let shown = match text.rsplit_once('@') {
        Some((_, host)) => format!("{REDACTED}@{host}"),
        None => text.to_owned(),
    };
    let wrong = |why: &str| {
        Error::usage(format!("{from} '{shown}': {why}"))
            .advice("[SCHEME://]HOST[:PORT], with http, https, socks4, socks4a, socks5 or socks5h")
    };
    if text.chars().any(|c| c.is_control() || c == ' ') {
        return Err(wrong("it contains a space or control character"));
    }
    if lacks_slashes(text) {
        return Err(wrong("two slashes must follow the colon of the scheme"));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let mut schemes = SCHEMES.iter();
    let known = schemes.find(|(name, _)| name.eq_ignore_ascii_case(scheme));
    let Some((_, kind)) = known else {
        return Err(wrong("there is no such scheme of proxies"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user_info(user).map_err(wrong)?), place),
        None => (None, authority),
    };
    let place = host_port(place, kind.default_port()).map_err(wrong)?;
    let kind = *kind;
    Ok(Some(Proxy { kind, place, user }))
}

/// Whether the text is a scheme, a colon and something else than `//` or a port: `socks5:localhost`.
fn lacks_slashes(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_scheme = SCHEMES
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(scheme));
    let is_port = rest.bytes().all(|byte| byte.is_ascii_digit());
    is_scheme && !is_port && !rest.starts_with("//") && !rest.contains('@')
}

/// `user:password`, percent-decoded. As in other URLs, a missing password is empty.
fn user_info(text: &str) -> Result<Basic, &'static str> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(part) => Ok(part.into_owned()),
        Err(_) => Err("the user or the password is not UTF-8"),
    };
    Ok(Basic {
        user: decoded(user)?,
        password: Some(Secret::new(decoded(password)?)),
    })
}

fn host_port(text: &str, default_port: u16) -> Result<HostPort, &'static str> {
    let (host, zone, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("the bracket is not closed")?;
            let (host, zone) = ipv6(address)?;
            (host, zone, after)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            if port[1.min(port.len())..].contains(':') {
                return Err("an IPv6 address needs brackets: [::1]:1080");
            }
            (name(host)?, None, port)
        }
    };
    let port = match port.strip_prefix(':') {
        None if !port.is_empty() => return Err("only a port may follow the address"),
        None | Some("") => default_port,
        Some(port) => match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err("the port is not a number from 1 to 65535"),
        },
    };
    Ok(HostPort { host, zone, port })
}

fn name(text: &str) -> Result<Host<String>, &'static str> {
    if text.is_empty() {
        return Err("it has no host");
    }
    Host::parse(text).map_err(|_| "the host is not valid")
}

/// An address, and its zone (RFC 6874): `fe80::1%25eth0`, `fe80::1%eth0`.
fn ipv6(text: &str) -> Result<(Host<String>, Option<String>), &'static str> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (text, None),
    };
    let address: Ipv6Addr = address
        .parse()
        .map_err(|_| "the IPv6 address is not valid")?;
    if zone == Some("") {
        return Err("the zone of its address is empty");
    }
    Ok((Host::Ipv6(address), zone.map(str::to_owned)))
}

/// The failure to reach a host, where that host is a proxy: exit 5 for its name.
pub(super) fn unreachable(mut error: Error, chosen: &Chosen) -> Error {
    let from = chosen.from;
    let advice = match (error.exit, chosen.proxy.place.port) {
        (Exit::Connect, DEFAULT_PORT) => format!(
            "check the proxy, which {from} names, and its port ({DEFAULT_PORT} unless given); --noproxy '*' uses none"
        ),
        _ => format!("check the proxy, which {from} names; --noproxy '*' uses none"),
    };
    match error.exit {
        Exit::Dns => {
            error.exit = Exit::ProxyDns;
            error.message = of_proxy(&error.message, "the host name", "the name of the proxy");
            error.advice = vec![advice];
        }
        Exit::Connect => {
            error.message = of_proxy(&error.message, "connect to", "connect to the proxy");
            error.advice = vec![advice];
        }
        _ => {}
    }
    error
}

fn of_proxy(message: &str, server: &str, proxy: &str) -> String {
    message.replacen(server, proxy, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        parse("-x", text).unwrap().unwrap().to_string()
    }

    #[test]
    fn a_proxy_is_read_as_in_curl() {
        for (text, expected) in [
            ("p", "http://p:1080/"),
            ("p:3128", "http://p:3128/"),
            ("p:", "http://p:1080/"),
            ("http:8080", "http://http:8080/"),
            ("http:p@h", "http://http:[redacted]@h:1080/"),
            ("HTTP://P:80/", "http://p:80/"),
            ("http://p:80/path?query", "http://p:80/"),
            ("https://p", "https://p:443/"),
            ("socks://p", "socks4://p:1080/"),
            ("socks4://p", "socks4://p:1080/"),
            ("socks4a://p", "socks4a://p:1080/"),
            ("socks5://10.0.0.1:9", "socks5://10.0.0.1:9/"),
            ("socks5h://[::1]", "socks5h://[::1]:1080/"),
            ("[fe80::1%25eth0]:1", "http://[fe80::1%eth0]:1/"),
            ("u:p@h:1", "http://u:[redacted]@h:1/"),
            ("u@h", "http://u@h:1080/"),
            ("http://a%40b:c%3Ad@h", "http://a@b:[redacted]@h:1080/"),
            ("u:p@ss@h", "http://u:[redacted]@h:1080/"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(parse("-x", ""), Ok(None));
        let user = parse("-x", "a%40b:c%3Ad@h").unwrap().unwrap().user.unwrap();
        assert_eq!(user.user, "a@b");
        assert_eq!(user.password.unwrap().expose(), "c:d");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for (text, why) in [
            ("ftp://u:s3cret@h", "no such scheme"),
            ("://h", "no such scheme"),
            ("socks5:/h", "two slashes"),
            ("SOCKS5H:h:1080", "two slashes"),
            ("http:h", "two slashes"),
            ("http://", "no host"),
            ("u:s3cret@", "no host"),
            (":80", "no host"),
            ("u:s3cret@h:0", "port"),
            ("h:65536", "port"),
            ("h:http", "port"),
            ("::1", "brackets"),
            ("[::1", "not closed"),
            ("[::1]80", "only a port"),
            ("[::g]", "not valid"),
            ("[::1%]", "zone"),
            ("u:s3cret@h h", "space"),
            ("h\n", "control"),
            ("u:%ff@h", "UTF-8"),
            ("a<b", "not valid"),
        ] {
            let error = parse("http_proxy", text).unwrap_err();
            assert_eq!(error.exit, Exit::Usage);
            assert!(error.message.contains(why), "{text}: {error}");
            assert!(error.message.starts_with("http_proxy '"), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    fn options(variables: &[(&str, &str)]) -> Options {
        let variable = |name: &str| {
            let mut found = variables.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        Options {
            bypass: Options::bypass_from(variable),
            ..Options::default()
        }
        .with_environment(variable)
    }

    #[track_caller]
    fn choice(options: &Options, url: &str) -> String {
        let chosen = options.choose(&Target::parse(url).unwrap()).unwrap();
        chosen.map_or_else(|| "none".to_owned(), |chosen| chosen.to_string())
    }

    #[test]
    fn the_variables_are_asked_in_curls_order() {
        // Each is removed after it was chosen.
        let ws = [
            "ws_proxy",
            "WS_PROXY",
            "http_proxy",
            "all_proxy",
            "ALL_PROXY",
        ];
        let wss = [
            "wss_proxy",
            "WSS_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ];
        for (url, names) in [("ws://h", &ws[..]), ("wss://h", &wss[..])] {
            for first in 0..names.len() {
                let set: Vec<_> = names[first..].iter().map(|name| (*name, "p:1")).collect();
                let expected = format!("http://p:1/ (from {})", names[first]);
                assert_eq!(choice(&options(&set), url), expected);
            }
        }
        for (name, url) in [
            ("HTTP_PROXY", "ws://h"),
            ("https_proxy", "ws://h"),
            ("http_proxy", "wss://h"),
            ("wss_proxy", "ws://h"),
            ("ws_proxy", "wss://h"),
        ] {
            assert_eq!(
                choice(&options(&[(name, "p:1")]), url),
                "none",
                "{name} {url}"
            );
        }
    }

    #[test]
    fn a_variable_that_does_not_apply_may_be_anything() {
        let options = options(&[("ws_proxy", "ftp://p"), ("no_proxy", "direct")]);
        assert_eq!(choice(&options, "wss://h"), "none");
        assert_eq!(choice(&options, "ws://direct"), "none");
        let error = options
            .choose(&Target::parse("ws://h").unwrap())
            .unwrap_err();
        assert!(error.message.starts_with("ws_proxy 'ftp://p'"), "{error}");
    }

    #[test]
    fn an_option_goes_before_variables_and_no_proxy_before_both() {
        let given = |text: &str| {
            Some(Given {
                proxy: parse("-x", text).unwrap(),
                option: "-x",
            })
        };
        let environment = options(&[("all_proxy", "e:1"), ("NO_PROXY", "direct")]);
        let with = |text: &str, bypass: Option<&str>| {
            let mut options = environment.clone();
            options.given = given(text);
            options.bypass = bypass.map_or(options.bypass, str::to_owned);
            options
        };
        for (options, url, expected) in [
            (
                environment.clone(),
                "ws://h",
                "http://e:1/ (from all_proxy)",
            ),
            (environment.clone(), "ws://direct", "none"),
            (with("o:2", None), "ws://h", "http://o:2/ (from -x)"),
            (with("o:2", None), "wss://direct", "none"),
            (
                with("o:2", Some("")),
                "ws://direct",
                "http://o:2/ (from -x)",
            ),
            (with("o:2", Some("*")), "ws://h", "none"),
            (with("", None), "ws://h", "none"),
        ] {
            assert_eq!(choice(&options, url), expected, "{url}");
        }
        let lower = options(&[("all_proxy", "e:1"), ("no_proxy", "a"), ("NO_PROXY", "b")]);
        assert_eq!(choice(&lower, "ws://a"), "none");
        assert_eq!(choice(&lower, "ws://b"), "http://e:1/ (from all_proxy)");
    }

    #[test]
    fn secrets_for_the_proxy_are_redacted_in_every_form() {
        let mut options = options(&[("all_proxy", "user:pass%20word@e:1")]);
        options.headers = vec![HeaderLine::parse("Proxy-Authorization: Bearer t0ken").unwrap()];
        assert!(!format!("{options:?}").contains("word"), "{options:?}");
        let redactor = Redactor::default();
        options.hide_secrets(&Target::parse("ws://h").unwrap(), &redactor);
        for secret in ["pass word", "dXNlcjpwYXNzIHdvcmQ=", "t0ken"] {
            assert!(redactor.finds_in(secret), "{secret}");
        }
        options.user = Some(Basic::parse("other:phrase"));
        options.hide_secrets(&Target::parse("ws://h").unwrap(), &redactor);
        assert!(redactor.finds_in("phrase"));
    }
}
