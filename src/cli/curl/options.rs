//! The options of curl: what each takes, and what it means here. Pure.

/// What is done with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It has the same name and meaning here.
    Same,
    /// `-x` with this scheme.
    Proxy(&'static str),
    Url,
    Header,
    Cookie,
    UserAgent,
    Referer,
    Method,
    /// `-g`: braces and brackets in the URL stand for themselves.
    GlobOff,
    /// It asks for what is done here anyway.
    Usual,
    /// It has no effect here, which a note says.
    None,
    /// It would make another request, or go another way: the reason.
    Refused(&'static str),
}

/// An option of curl.
#[derive(Debug)]
pub(super) struct CurlOption {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes_value: bool,
    pub(super) meaning: Meaning,
}

const BODY: &str = "a WebSocket handshake has no body";
const AUTH: &str = "of the kinds of authentication there are only Basic (-u), Bearer (--oauth2-bearer) and --aws-sigv4";
const ROUTE: &str = "there is no such way to the server here";

const fn flag(long: &'static str, short: Option<char>, meaning: Meaning) -> CurlOption {
    CurlOption {
        long,
        short,
        takes_value: false,
        meaning,
    }
}

const fn value(long: &'static str, short: Option<char>, meaning: Meaning) -> CurlOption {
    CurlOption {
        long,
        short,
        takes_value: true,
        meaning,
    }
}

/// The options that matter here. Others have no effect.
pub(super) const OPTIONS: &[CurlOption] = &[
    value("url", None, Meaning::Url),
    value("header", Some('H'), Meaning::Header),
    value("cookie", Some('b'), Meaning::Cookie),
    value("user-agent", Some('A'), Meaning::UserAgent),
    value("referer", Some('e'), Meaning::Referer),
    value("request", Some('X'), Meaning::Method),
    flag("globoff", Some('g'), Meaning::GlobOff),
    // Request and credentials.
    value("user", Some('u'), Meaning::Same),
    value("oauth2-bearer", None, Meaning::Same),
    value("aws-sigv4", None, Meaning::Same),
    flag("netrc", Some('n'), Meaning::Same),
    value("netrc-file", None, Meaning::Same),
    flag("netrc-optional", None, Meaning::Same),
    value("cookie-jar", Some('c'), Meaning::Same),
    flag("location", Some('L'), Meaning::Same),
    flag("location-trusted", None, Meaning::Same),
    value("max-redirs", None, Meaning::Same),
    // TLS.
    flag("insecure", Some('k'), Meaning::Same),
    value("cacert", None, Meaning::Same),
    value("capath", None, Meaning::Same),
    value("crlfile", None, Meaning::Same),
    value("cert", Some('E'), Meaning::Same),
    value("key", None, Meaning::Same),
    value("pass", None, Meaning::Same),
    value("pinnedpubkey", None, Meaning::Same),
    value("ciphers", None, Meaning::Same),
    value("tls-max", None, Meaning::Same),
    flag("tlsv1.2", None, Meaning::Same),
    flag("tlsv1.3", None, Meaning::Same),
    // The way to the server.
    value("proxy", Some('x'), Meaning::Same),
    value("proxy-user", Some('U'), Meaning::Same),
    value("proxy-header", None, Meaning::Same),
    value("proxy-cacert", None, Meaning::Same),
    flag("proxy-insecure", None, Meaning::Same),
    value("noproxy", None, Meaning::Same),
    value("socks4", None, Meaning::Proxy("socks4")),
    value("socks4a", None, Meaning::Proxy("socks4a")),
    value("socks5", None, Meaning::Proxy("socks5")),
    value("socks5-hostname", None, Meaning::Proxy("socks5h")),
    value("resolve", None, Meaning::Same),
    value("connect-to", None, Meaning::Same),
    value("interface", None, Meaning::Same),
    value("local-port", None, Meaning::Same),
    flag("ipv4", Some('4'), Meaning::Same),
    flag("ipv6", Some('6'), Meaning::Same),
    value("happy-eyeballs-timeout-ms", None, Meaning::Same),
    value("unix-socket", None, Meaning::Same),
    value("abstract-unix-socket", None, Meaning::Same),
    flag("http1.1", None, Meaning::Same),
    flag("http2", None, Meaning::Same),
    flag("http2-prior-knowledge", None, Meaning::Same),
    // Time and output.
    value("connect-timeout", None, Meaning::Same),
    value("max-time", Some('m'), Meaning::Same),
    value("output", Some('o'), Meaning::Same),
    flag("verbose", Some('v'), Meaning::Same),
    // Done anyway.
    flag("compressed", None, Meaning::Usual),
    flag("silent", Some('s'), Meaning::Usual),
    flag("show-error", Some('S'), Meaning::Usual),
    flag("include", Some('i'), Meaning::Usual),
    flag("no-buffer", Some('N'), Meaning::Usual),
    flag("fail", Some('f'), Meaning::Usual),
    flag("fail-with-body", None, Meaning::Usual),
    flag("basic", None, Meaning::Usual),
    flag("proxy-basic", None, Meaning::Usual),
    flag("proxytunnel", Some('p'), Meaning::Usual),
    flag("path-as-is", None, Meaning::Usual),
    flag("get", Some('G'), Meaning::Usual),
    flag("disable", Some('q'), Meaning::Usual),
    flag("progress-bar", Some('#'), Meaning::Usual),
    flag("no-progress-meter", None, Meaning::Usual),
    flag("tcp-nodelay", None, Meaning::Usual),
    flag("no-sessionid", None, Meaning::Usual),
    flag("no-npn", None, Meaning::Usual),
    // Another request.
    value("data", Some('d'), Meaning::Refused(BODY)),
    value("data-ascii", None, Meaning::Refused(BODY)),
    value("data-binary", None, Meaning::Refused(BODY)),
    value("data-raw", None, Meaning::Refused(BODY)),
    value("data-urlencode", None, Meaning::Refused(BODY)),
    value("json", None, Meaning::Refused(BODY)),
    value("form", Some('F'), Meaning::Refused(BODY)),
    value("form-string", None, Meaning::Refused(BODY)),
    value("upload-file", Some('T'), Meaning::Refused(BODY)),
    flag(
        "head",
        Some('I'),
        Meaning::Refused("a WebSocket handshake is a GET"),
    ),
    value(
        "request-target",
        None,
        Meaning::Refused("the URL says what is requested"),
    ),
    value(
        "url-query",
        None,
        Meaning::Refused("write the query into the URL"),
    ),
    flag(
        "next",
        Some(':'),
        Meaning::Refused("it begins another request"),
    ),
    value(
        "config",
        Some('K'),
        Meaning::Refused("files with options of curl are not read"),
    ),
    value(
        "variable",
        None,
        Meaning::Refused("variables of curl are not expanded"),
    ),
    flag(
        "http1.0",
        Some('0'),
        Meaning::Refused("a WebSocket handshake needs HTTP/1.1 or later"),
    ),
    flag(
        "http3-only",
        None,
        Meaning::Refused("there is no HTTP/3 here"),
    ),
    // Credentials and ways that there are not: without them the request would be another one.
    flag("digest", None, Meaning::Refused(AUTH)),
    flag("ntlm", None, Meaning::Refused(AUTH)),
    flag("ntlm-wb", None, Meaning::Refused(AUTH)),
    flag("negotiate", None, Meaning::Refused(AUTH)),
    flag("anyauth", None, Meaning::Refused(AUTH)),
    flag("proxy-digest", None, Meaning::Refused(AUTH)),
    flag("proxy-ntlm", None, Meaning::Refused(AUTH)),
    flag("proxy-negotiate", None, Meaning::Refused(AUTH)),
    flag("proxy-anyauth", None, Meaning::Refused(AUTH)),
    flag("socks5-gssapi", None, Meaning::Refused(AUTH)),
    value("tlsuser", None, Meaning::Refused(AUTH)),
    value("tlspassword", None, Meaning::Refused(AUTH)),
    value("preproxy", None, Meaning::Refused(ROUTE)),
    value("proxy1.0", None, Meaning::Refused(ROUTE)),
    flag("haproxy-protocol", None, Meaning::Refused(ROUTE)),
];

/// Options without effect here that take a value; it must be known where they end.
const VALUES_WITHOUT_EFFECT: &[(&str, Option<char>)] = &[
    ("alt-svc", None),
    ("cert-type", None),
    ("continue-at", Some('C')),
    ("create-file-mode", None),
    ("curves", None),
    ("delegation", None),
    ("dns-interface", None),
    ("dns-ipv4-addr", None),
    ("dns-ipv6-addr", None),
    ("dns-servers", None),
    ("doh-url", None),
    ("dump-header", Some('D')),
    ("ech", None),
    ("engine", None),
    ("etag-compare", None),
    ("etag-save", None),
    ("expect100-timeout", None),
    ("hsts", None),
    ("ip-tos", None),
    ("keepalive-cnt", None),
    ("keepalive-time", None),
    ("key-type", None),
    ("libcurl", None),
    ("limit-rate", None),
    ("max-filesize", None),
    ("output-dir", None),
    ("parallel-max", None),
    ("proto", None),
    ("proto-default", None),
    ("proto-redir", None),
    ("proxy-capath", None),
    ("proxy-cert", None),
    ("proxy-cert-type", None),
    ("proxy-ciphers", None),
    ("proxy-crlfile", None),
    ("proxy-key", None),
    ("proxy-key-type", None),
    ("proxy-pass", None),
    ("proxy-pinnedpubkey", None),
    ("proxy-service-name", None),
    ("proxy-tls13-ciphers", None),
    ("range", Some('r')),
    ("rate", None),
    ("retry", None),
    ("retry-delay", None),
    ("retry-max-time", None),
    ("service-name", None),
    ("sigalgs", None),
    ("speed-limit", Some('Y')),
    ("speed-time", Some('y')),
    ("stderr", None),
    ("time-cond", Some('z')),
    ("tls13-ciphers", None),
    ("trace", None),
    ("trace-ascii", None),
    ("trace-config", None),
    ("vlan-priority", None),
    ("write-out", Some('w')),
];

/// Options without effect here that take none.
const FLAGS_WITHOUT_EFFECT: &[(&str, Option<char>)] = &[
    ("append", Some('a')),
    ("ca-native", None),
    ("cert-status", None),
    ("create-dirs", None),
    ("disallow-username-in-url", None),
    ("doh-cert-status", None),
    ("doh-insecure", None),
    ("fail-early", None),
    ("false-start", None),
    ("http0.9", None),
    ("http3", None),
    ("ignore-content-length", None),
    ("junk-session-cookies", Some('j')),
    ("mptcp", None),
    ("no-alpn", None),
    ("no-clobber", None),
    ("no-keepalive", None),
    ("parallel", Some('Z')),
    ("parallel-immediate", None),
    ("post301", None),
    ("post302", None),
    ("post303", None),
    ("proxy-ssl-allow-beast", None),
    ("proxy-ssl-auto-client-cert", None),
    ("proxy-tlsv1", None),
    ("raw", None),
    ("remote-header-name", Some('J')),
    ("remote-name", Some('O')),
    ("remote-name-all", None),
    ("remote-time", Some('R')),
    ("remove-on-error", None),
    ("retry-all-errors", None),
    ("retry-connrefused", None),
    ("skip-existing", None),
    ("socks5-basic", None),
    ("ssl", None),
    ("ssl-allow-beast", None),
    ("ssl-auto-client-cert", None),
    ("ssl-no-revoke", None),
    ("ssl-reqd", None),
    ("ssl-revoke-best-effort", None),
    ("sslv2", Some('2')),
    ("sslv3", Some('3')),
    ("styled-output", None),
    ("suppress-connect-headers", None),
    ("tcp-fastopen", None),
    ("tls-earlydata", None),
    ("tlsv1", Some('1')),
    ("tlsv1.0", None),
    ("tlsv1.1", None),
    ("tr-encoding", None),
    ("trace-ids", None),
    ("trace-time", None),
    ("use-ascii", Some('B')),
    ("xattr", None),
];

/// What an option takes, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) long: &'static str,
    pub(super) takes_value: bool,
    pub(super) meaning: Meaning,
}

/// The option of this long name, without the dashes.
pub(super) fn by_long(name: &str) -> Option<Known> {
    all().find(|(known, _)| known.long == name).map(|it| it.0)
}

/// The option of this letter.
pub(super) fn by_short(letter: char) -> Option<Known> {
    let mut all = all();
    all.find(|(_, short)| *short == Some(letter)).map(|it| it.0)
}

fn all() -> impl Iterator<Item = (Known, Option<char>)> {
    let without = |list: &'static [(&'static str, Option<char>)], takes_value| {
        list.iter().map(move |&(long, short)| {
            let meaning = Meaning::None;
            let known = Known {
                long,
                takes_value,
                meaning,
            };
            (known, short)
        })
    };
    OPTIONS
        .iter()
        .map(|option| {
            let known = Known {
                long: option.long,
                takes_value: option.takes_value,
                meaning: option.meaning,
            };
            (known, option.short)
        })
        .chain(without(VALUES_WITHOUT_EFFECT, true))
        .chain(without(FLAGS_WITHOUT_EFFECT, false))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        let names: BTreeSet<_> = all().map(|(known, _)| known.long).collect();
        assert_eq!(names.len(), all().count());
        let letters: BTreeSet<_> = all().filter_map(|(_, short)| short).collect();
        assert_eq!(
            letters.len(),
            all().filter(|(_, short)| short.is_some()).count()
        );
    }
}
