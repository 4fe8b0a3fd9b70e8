//! The cookies of a run: those of `-b`, and those that servers set in their answers, with the matching
//! rules of RFC 6265. Files are read and written elsewhere.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use cookie_store::{Cookie, CookieDomain, CookieExpiration, CookieStore};
use url::{Host, Url};

use crate::uri::Target;

/// Maximum number of cookies kept (RFC 6265 §6.1 asks for at least as many).
const MOST: usize = 3000;

/// Maximum size of the name and the value of a cookie, and of its path and its domain, in bytes (RFC
/// 6265bis §5.7 and §5.6).
const LONGEST: usize = 4096;
const LONGEST_ATTRIBUTE: usize = 1024;

/// Begins the domain of a cookie in a file that scripts of a page cannot see.
const HTTP_ONLY: &str = "#HttpOnly_";

/// The first lines of a file.
const HEADING: &str = "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n";

/// The cookies. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    store: Arc<Mutex<CookieStore>>,
}

impl Jar {
    fn lock(&self) -> MutexGuard<'_, CookieStore> {
        self.store
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds the cookies of a file in Netscape's format, as curl and browsers' exports have it.
    ///
    /// # Errors
    /// The number of the first malformed line, from 1, and what is wrong with it.
    pub fn read(&self, text: &str) -> Result<(), (usize, &'static str)> {
        let mut store = self.lock();
        for (number, line) in text.lines().enumerate() {
            let is_comment = line.starts_with('#') && !line.starts_with(HTTP_ONLY);
            if line.trim().is_empty() || is_comment {
                continue;
            }
            add_line(&mut store, line).map_err(|why| (number + 1, why))?;
        }
        Ok(())
    }

    /// Adds those cookies of another jar that are not known here, not even as ones that were taken
    /// back.
    pub fn add_new(&self, other: &Jar) {
        if Arc::ptr_eq(&self.store, &other.store) {
            return;
        }
        let (mut store, other) = (self.lock(), other.lock());
        for cookie in other.iter_unexpired() {
            let url = domain(cookie).and_then(|it| Url::parse(&format!("https://{it}/")).ok());
            if let Some(url) = url.filter(|_| known(&store, cookie).is_none()) {
                // The other jar has accepted it.
                let _ = store.insert(cookie.clone(), &url);
            }
        }
    }

    /// Takes the cookies that the server at `target` set: the values of its Set-Cookie headers. Those
    /// that RFC 6265 §5.3 refuses are left out.
    pub fn handle_answer<'a>(&self, target: &Target, values: impl Iterator<Item = &'a str>) {
        let Some(url) = url_of(target) else {
            return;
        };
        let mut store = self.lock();
        for value in values {
            let Ok(cookie) = Cookie::parse(value.to_owned(), &url) else {
                continue;
            };
            let is_new = known(&store, &cookie).is_none();
            let is_full = is_new && store.iter_any().count() >= MOST;
            if !is_full && is_acceptable(&cookie, &url) && !replaces_secure(&store, &cookie, &url) {
                // What it refuses is the server's mistake, and no one's here.
                let _ = store.insert(cookie, &url);
            }
        }
    }

    /// The value of the Cookie header for a request to `target`: those with longer paths first.
    pub fn header(&self, target: &Target) -> Option<String> {
        let url = url_of(target)?;
        let store = self.lock();
        let mut cookies = store.matches(&url);
        cookies.sort_by_key(|it| (usize::MAX - it.path.len(), it.name().to_owned()));
        let pairs = cookies
            .iter()
            .map(|it| format!("{}={}", it.name(), it.value()));
        let pairs = pairs.collect::<Vec<_>>();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The cookies as a file in Netscape's format. Those of the session are there too, as in curl.
    pub fn written(&self) -> String {
        let store = self.lock();
        let mut lines: Vec<String> = store.iter_unexpired().filter_map(line).collect();
        lines.sort();
        HEADING.to_owned() + &lines.concat()
    }
}

/// The URL in the scheme of HTTP, by which cookies are matched.
fn url_of(target: &Target) -> Option<Url> {
    let scheme = if target.tls { "https" } else { "http" };
    let path = &target.path;
    Url::parse(&format!("{scheme}://{}:{}{path}", target.host, target.port)).ok()
}

/// The cookie that another one replaces (RFC 6265 §5.3, step 11).
fn known<'a>(store: &'a CookieStore, cookie: &Cookie<'_>) -> Option<&'a Cookie<'static>> {
    store.get_any(domain(cookie)?, &cookie.path, cookie.name())
}

fn domain<'a>(cookie: &'a Cookie<'_>) -> Option<&'a str> {
    match &cookie.domain {
        CookieDomain::HostOnly(domain) | CookieDomain::Suffix(domain) => Some(domain),
        _ => None,
    }
}

/// Whether a server at `url` may set a cookie like this, and a file can hold it.
fn is_acceptable(cookie: &Cookie<'_>, url: &Url) -> bool {
    let Some(domain) = domain(cookie) else {
        return false;
    };
    let (name, value) = cookie.name_value();
    let texts = [name, value, &cookie.path, domain];
    let is_short = name.len() + value.len() <= LONGEST
        && cookie.path.len() <= LONGEST_ATTRIBUTE
        && domain.len() <= LONGEST_ATTRIBUTE;
    is_short
        && !texts.into_iter().any(is_unwritable)
        && !is_for_top_level(cookie, url)
        && keeps_promise(cookie, url)
}

/// Whether a field of a file cannot hold this text.
fn is_unwritable(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == ';')
}

/// Whether a cookie is what it claims to be: `Secure`, and so set over TLS (or by this host), or what
/// its name says (RFC 6265bis §4.1.3).
fn keeps_promise(cookie: &Cookie<'_>, url: &Url) -> bool {
    let is_secure = cookie.secure() == Some(true);
    let begins = |prefix: &str| {
        let begin = cookie.name().get(..prefix.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    let is_of_host = matches!(cookie.domain, CookieDomain::HostOnly(_)) && &*cookie.path == "/";
    (!is_secure || is_protected(url))
        && (!begins("__Secure-") || is_secure)
        && (!begins("__Host-") || is_secure && is_of_host)
}

/// Whether nobody on the way can have changed an answer from `url`.
fn is_protected(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    is_loopback || url.scheme() == "https"
}

/// Whether an answer that anyone may have changed would replace, or hide, a cookie that only TLS can set
/// (RFC 6265bis §5.7, step 16).
fn replaces_secure(store: &CookieStore, cookie: &Cookie<'_>, url: &Url) -> bool {
    let mut over_tls = url.clone();
    if is_protected(url) || over_tls.set_scheme("https").is_err() {
        return false;
    }
    let mut known = store.iter_unexpired();
    known.any(|it| {
        it.secure() == Some(true) && it.name() == cookie.name() && it.domain.matches(&over_tls)
    })
}

/// Whether a cookie is for a whole top-level domain, `Domain=com`. There is no list of public suffixes
/// here, as in most builds of curl.
fn is_for_top_level(cookie: &Cookie<'_>, url: &Url) -> bool {
    match &cookie.domain {
        CookieDomain::Suffix(domain) => {
            !domain.contains('.') && url.host_str() != Some(domain.as_str())
        }
        _ => false,
    }
}

fn add_line(store: &mut CookieStore, line: &str) -> Result<(), &'static str> {
    let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
        Some(line) => (line, true),
        None => (line, false),
    };
    let fields: Vec<&str> = line.split('\t').collect();
    let (fields, value) = match fields[..] {
        [ref fields @ .., value] if fields.len() == 6 => (fields, value),
        // The value is empty, and an editor took the tab away.
        ref fields if fields.len() == 6 => (fields, ""),
        _ => return Err("it has not seven fields with tabs between them"),
    };
    let &[domain, subdomains, path, secure, expires, name] = fields else {
        return Err("it has not seven fields with tabs between them");
    };
    let texts = [name, value, path, domain];
    if texts.into_iter().any(is_unwritable) || name.is_empty() {
        return Err("a field of it contains a character that cookies cannot have");
    }
    let host = domain.trim_start_matches('.');
    let url = Url::parse(&format!("https://{host}/"));
    let url = url.map_err(|_| "its domain is no host")?;
    let seconds: u64 = expires.parse().map_err(|_| "its expiry is no number")?;
    let mut cookie = format!("{name}={value}; Path={path}");
    let is_address = !matches!(url.host(), Some(Host::Domain(_)));
    if subdomains.eq_ignore_ascii_case("TRUE") && !is_address {
        let _ = write!(cookie, "; Domain={host}");
    }
    if secure.eq_ignore_ascii_case("TRUE") {
        cookie += "; Secure";
    }
    if http_only {
        cookie += "; HttpOnly";
    }
    // Later than the year 9999 is for ever.
    let latest = 253_402_300_799;
    if seconds > 0 {
        let when = UNIX_EPOCH + Duration::from_secs(seconds.min(latest));
        let _ = write!(cookie, "; Expires={}", httpdate::fmt_http_date(when));
    }
    // One that has expired is left out.
    let _ = store.parse(&cookie, &url);
    Ok(())
}

/// A cookie as a line of a file.
fn line(cookie: &Cookie<'_>) -> Option<String> {
    let truth = |it: bool| if it { "TRUE" } else { "FALSE" };
    let (domain, subdomains) = match &cookie.domain {
        CookieDomain::HostOnly(host) => (host.clone(), false),
        CookieDomain::Suffix(domain) => (format!(".{domain}"), true),
        _ => return None,
    };
    let expires = match &cookie.expires {
        CookieExpiration::AtUtc(when) => when.unix_timestamp(),
        CookieExpiration::SessionEnd => 0,
    };
    Some(format!(
        "{}{domain}\t{}\t{}\t{}\t{expires}\t{}\t{}\n",
        if cookie.http_only() == Some(true) {
            HTTP_ONLY
        } else {
            ""
        },
        truth(subdomains),
        &*cookie.path,
        truth(cookie.secure() == Some(true)),
        cookie.name(),
        cookie.value(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    /// A jar with what these URLs set.
    fn jar(answers: &[(&str, &str)]) -> Jar {
        let jar = Jar::default();
        for (url, value) in answers {
            jar.handle_answer(&target(url), [*value].into_iter());
        }
        jar
    }

    #[test]
    fn a_cookie_goes_where_rfc_6265_says() {
        for (from, value, to, sent) in [
            ("ws://a.example/x", "k=v", "ws://a.example/y", Some("k=v")),
            (
                "ws://a.example/x/y",
                "k=v",
                "ws://a.example/x/z",
                Some("k=v"),
            ),
            ("ws://a.example/x/y", "k=v", "ws://a.example/z", None),
            (
                "ws://a.example/",
                "k=v; Path=/z",
                "ws://a.example/z/1",
                Some("k=v"),
            ),
            ("ws://a.example/", "k=v; Path=/z", "ws://a.example/zz", None),
            ("ws://a.example/", "k=v", "ws://b.example/", None),
            ("ws://a.example/", "k=v", "ws://b.a.example/", None),
            (
                "ws://a.example/",
                "k=v; Domain=a.example",
                "ws://b.a.example/",
                Some("k=v"),
            ),
            (
                "ws://b.a.example/",
                "k=v; Domain=a.example",
                "ws://a.example/",
                Some("k=v"),
            ),
            (
                "ws://a.example/",
                "k=v; Domain=b.example",
                "ws://b.example/",
                None,
            ),
            (
                "ws://a.example/",
                "k=v; Domain=example",
                "ws://b.example/",
                None,
            ),
            (
                "ws://localhost/",
                "k=v; Domain=localhost",
                "ws://localhost/",
                Some("k=v"),
            ),
            ("ws://a.example/", "k=v", "wss://a.example:99/", Some("k=v")),
            (
                "wss://a.example/",
                "k=v; Secure",
                "wss://a.example/",
                Some("k=v"),
            ),
            ("wss://a.example/", "k=v; Secure", "ws://a.example/", None),
            ("ws://127.0.0.1:1/", "k=v", "ws://127.0.0.1:2/", Some("k=v")),
            ("ws://[::1]:1/", "k=v", "ws://[::1]:1/", Some("k=v")),
            (
                "ws://a.example/",
                "k=v; HttpOnly; Max-Age=60",
                "ws://a.example/",
                Some("k=v"),
            ),
            ("ws://a.example/", "k=v; Max-Age=0", "ws://a.example/", None),
            (
                "ws://a.example/",
                "k=v; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
                "ws://a.example/",
                None,
            ),
            ("ws://a.example/", "nonsense", "ws://a.example/", None),
            ("ws://a.example/", "", "ws://a.example/", None),
        ] {
            let jar = jar(&[(from, value)]);
            assert_eq!(
                jar.header(&target(to)).as_deref(),
                sent,
                "{from} {value} {to}"
            );
        }
    }

    #[test]
    fn later_values_replace_and_longer_paths_come_first() {
        let jar = jar(&[
            ("ws://h/a/b", "x=1; Path=/"),
            ("ws://h/a/b", "y=2; Path=/a"),
            ("ws://h/a/b", "x=3; Path=/"),
            ("ws://h/a/b", "z=4; Path=/"),
            ("ws://h/a/b", "z=; Path=/; Max-Age=0"),
        ]);
        assert_eq!(
            jar.header(&target("ws://h/a/b")).as_deref(),
            Some("y=2; x=3")
        );
    }

    #[test]
    fn the_number_of_cookies_is_limited() {
        let jar = Jar::default();
        let values: Vec<String> = (0..MOST + 10).map(|n| format!("k{n}=v")).collect();
        jar.handle_answer(&target("ws://h/"), values.iter().map(String::as_str));
        assert_eq!(jar.lock().iter_any().count(), MOST);
    }

    #[test]
    fn a_file_is_read_and_written_alike() {
        let text = "# a comment\n\n.a.example\tTRUE\t/\tFALSE\t0\tone\t1\n#HttpOnly_b.example\tFALSE\t/p\tTRUE\t4102444800\ttwo\t2=3\nc.example\tFALSE\t/\tFALSE\t1\told\tx\n127.0.0.1\tFALSE\t/\tFALSE\t0\tip\t\n";
        let jar = Jar::default();
        jar.read(text).unwrap();
        assert_eq!(
            jar.header(&target("ws://x.a.example/")).as_deref(),
            Some("one=1")
        );
        assert_eq!(
            jar.header(&target("wss://b.example/p/q")).as_deref(),
            Some("two=2=3")
        );
        assert_eq!(jar.header(&target("ws://b.example/p")), None);
        assert_eq!(jar.header(&target("ws://c.example/")), None);
        assert_eq!(
            jar.header(&target("ws://127.0.0.1:8/")).as_deref(),
            Some("ip=")
        );
        let written = jar.written();
        assert_eq!(
            written,
            format!(
                "{HEADING}#HttpOnly_b.example\tFALSE\t/p\tTRUE\t4102444800\ttwo\t2=3\n.a.example\tTRUE\t/\tFALSE\t0\tone\t1\n127.0.0.1\tFALSE\t/\tFALSE\t0\tip\t\n"
            )
        );
        let again = Jar::default();
        again.read(&written).unwrap();
        assert_eq!(again.written(), written);
    }

    #[test]
    fn a_malformed_line_is_named() {
        for (text, line, why) in [
            ("a=b", 1, "seven fields"),
            ("\n#\na\tb\n", 3, "seven fields"),
            ("a\tFALSE\t/\tFALSE\tsoon\tk\tv", 1, "expiry"),
            ("a\tFALSE\t/\tFALSE\t0\tk\tv; Domain=x", 1, "cannot have"),
            ("a\tFALSE\t/\tFALSE\t0\t\tv", 1, "cannot have"),
            ("a b\tFALSE\t/\tFALSE\t0\tk\tv", 1, "no host"),
        ] {
            let (at, message) = Jar::default().read(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn an_answer_without_tls_changes_no_cookie_that_tls_protects() {
        let header = |answers: &[(&str, &str)]| {
            let jar = jar(answers);
            jar.header(&target("wss://h.example/")).unwrap_or_default()
        };
        let (tls, plain) = ("wss://h.example/", "ws://h.example/");
        for (answers, sent) in [
            (&[(tls, "a=1; Secure"), (plain, "a=2")][..], "a=1"),
            (
                &[(tls, "a=1; Secure"), (plain, "a=2; Domain=h.example")],
                "a=1",
            ),
            (&[(tls, "a=1; Secure"), (plain, "a=; Max-Age=0")], "a=1"),
            (&[(tls, "a=1; Secure"), (tls, "a=2; Secure")], "a=2"),
            (&[(tls, "a=1"), (plain, "a=2")], "a=2"),
            (&[(plain, "a=1; Secure")], ""),
            (&[("ws://o.example/", "a=1; Domain=h.example")], ""),
        ] {
            assert_eq!(header(answers), sent, "{answers:?}");
        }
    }

    #[test]
    fn another_jar_adds_only_what_is_new() {
        let here = "ws://h.example/";
        let taken_back = [(here, "a=1"), (here, "b=1"), (here, "b=; Max-Age=0")];
        let other = jar(&[(here, "a=0"), (here, "b=0"), (here, "c=3; HttpOnly")]);
        let jar = jar(&taken_back);
        jar.add_new(&other);
        jar.add_new(&jar.clone());
        assert_eq!(jar.header(&target(here)).as_deref(), Some("a=1; c=3"));
    }
}
