//! Redirects of the handshake: which answers are one, where they lead, and what may go there. Pure.

use url::{Host, Url};

use super::request::HeaderLine;
use crate::error::{Error, Exit, Stage};
use crate::event::Refusal;
use crate::secret::{Redactor, is_secret_header, is_secret_name};
use crate::uri::Target;

/// The longest Location that is followed, in bytes: hyper sends no longer target.
const LONGEST: usize = 60_000;

/// Whether redirects are followed, and how far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-L`
    pub follow: bool,
    /// `--max-redirs`; `None` is unlimited.
    pub most: Option<u32>,
    /// `--location-trusted`: credentials go to every origin.
    pub trusted: bool,
}

/// The way from the URL of the user to the current one.
#[derive(Clone, Debug)]
pub struct Redirects<'a> {
    options: &'a Options,
    origin: Target,
    /// The current URL.
    pub target: Target,
    count: u32,
    /// What was requested before: the URL with its secrets, and the cookies.
    seen: Vec<(String, String)>,
}

impl<'a> Redirects<'a> {
    /// Begins at the URL of the user.
    pub fn new(origin: &Target, options: &'a Options) -> Redirects<'a> {
        Redirects {
            options,
            origin: origin.clone(),
            target: origin.clone(),
            count: 0,
            seen: Vec::new(),
        }
    }

    /// Whether the current URL has another origin (scheme, host and port) than that of the user, so
    /// that no credential may go there.
    pub fn is_foreign(&self) -> bool {
        !self.options.trusted && !self.target.is_same_server(&self.origin)
    }

    /// Whether the current URL has another host than that of the user. A Host header that the user
    /// gave is for that one alone, as in curl.
    pub fn has_left_host(&self) -> bool {
        self.target.host != self.origin.host
    }

    /// Whether there was a redirect.
    pub fn is_redirected(&self) -> bool {
        self.count > 0
    }

    /// Whether a refusal is a redirect, and redirects are followed.
    pub fn leads_on(&self, refusal: &Refusal) -> bool {
        self.options.follow && location(refusal).is_some()
    }

    /// Follows a refusal that is a redirect. `cookies` is the Cookie header of the request that was
    /// redirected.
    ///
    /// # Errors
    /// Exit 47 for a circle or too many redirects, exit 22 for one that must not be followed.
    pub fn follow(&mut self, refusal: &Refusal, cookies: &str) -> Result<(), Error> {
        let location = location(refusal).unwrap_or_default();
        let target = lead(&self.target, location).map_err(|why| refused(refusal, location, why))?;
        self.seen.push((identity(&self.target), cookies.to_owned()));
        if self.options.most.is_some_and(|most| self.count >= most) {
            let most = self.count;
            let plural = if most == 1 { "" } else { "s" };
            return Err(
                too_many(format!("more than {most} redirect{plural}"), location)
                    .advice("--max-redirs N follows more"),
            );
        }
        let next = identity(&target);
        let circles = |(url, sent): &(String, String)| *url == next && sent == cookies;
        // A server that sets a cookie first redirects to the same URL.
        if !sets_cookie(refusal) && self.seen.iter().any(circles) {
            let message = "the redirects go round in a circle".to_owned();
            return Err(too_many(message, location));
        }
        self.count += 1;
        self.target = target;
        Ok(())
    }
}

/// The URL with its secrets.
fn identity(target: &Target) -> String {
    let place = target.host_port();
    format!("{} {place} {}", target.tls, target.path_and_query())
}

/// The Location of an answer that redirects.
fn location(refusal: &Refusal) -> Option<&str> {
    if !matches!(refusal.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut headers = refusal.headers.iter();
    let (_, location) = headers.find(|(name, _)| name == "location")?;
    Some(location)
}

fn sets_cookie(refusal: &Refusal) -> bool {
    let mut names = refusal.headers.iter().map(|(name, _)| name);
    names.any(|name| name == "set-cookie")
}

fn too_many(message: String, location: &str) -> Error {
    Error::new(Stage::Handshake, Exit::Redirects, message)
        .detail(format!("the last one leads to {location}"))
}

fn refused(refusal: &Refusal, location: &str, why: String) -> Error {
    let Refusal { status, reason, .. } = refusal;
    let message = format!("the redirect is not followed: {why}");
    Error::new(Stage::Handshake, Exit::Refused, message)
        .detail(format!("HTTP {status} {reason}").trim_end().to_owned())
        .detail(format!("location: {location}"))
}

/// The URL that `location` means at `from` (RFC 9110 §10.2.2). Its userinfo and its fragment do not
/// count.
fn lead(from: &Target, location: &str) -> Result<Target, String> {
    if location.is_empty() {
        return Err("its Location is empty".to_owned());
    }
    if location.len() > LONGEST {
        return Err(format!("its Location has more than {LONGEST} bytes"));
    }
    let malformed = |why: &dyn std::fmt::Display| format!("its Location is malformed: {why}");
    let base = base(from).map_err(|error| malformed(&error))?;
    let mut url = base.join(location).map_err(|error| malformed(&error))?;
    let tls = match url.scheme() {
        "http" | "ws" => false,
        "https" | "wss" => true,
        other => return Err(format!("it leads to '{other}:', which is no WebSocket")),
    };
    if from.tls && !tls {
        return Err("it leads from TLS (wss) to a connection without it (ws)".to_owned());
    }
    url.set_fragment(None);
    let host = url.host().ok_or_else(|| malformed(&"it has no host"))?;
    let stays = from.unix.is_some() && Url::origin(&url) == Url::origin(&base);
    Ok(Target {
        tls,
        zone: from.zone.clone().filter(|_| host == from.host),
        host: host.to_owned(),
        port: url.port().unwrap_or(if tls { 443 } else { 80 }),
        path: url.path().to_owned(),
        query: url.query().map(str::to_owned),
        user: None,
        unix: from.unix.clone().filter(|_| stays),
    })
}

/// The URL in the scheme of HTTP, without userinfo.
fn base(target: &Target) -> Result<Url, url::ParseError> {
    let scheme = if target.tls { "https" } else { "http" };
    let host = match &target.host {
        Host::Domain(name) => name.clone(),
        address => address.to_string(),
    };
    let rest = target.path_and_query();
    Url::parse(&format!("{scheme}://{host}:{}{rest}", target.port))
}

/// Splits the lines of `-H` into those that may go to another origin, and the names of those that
/// carry a credential.
pub fn without_credentials(
    lines: &[HeaderLine],
    redactor: &Redactor,
) -> (Vec<HeaderLine>, Vec<String>) {
    let mut harmless = Vec::new();
    let mut left_out = Vec::new();
    for line in lines {
        match line {
            HeaderLine::Set(name, value)
                if is_secret_header(name) || is_secret_name(name) || redactor.finds_in(value) =>
            {
                left_out.push(name.clone());
            }
            line => harmless.push(line.clone()),
        }
    }
    (harmless, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    fn redirect(location: &str) -> Refusal {
        Refusal {
            status: 302,
            reason: "Found".to_owned(),
            headers: vec![("location".to_owned(), location.to_owned())],
            body: Vec::new(),
            truncated: false,
        }
    }

    #[test]
    fn a_location_is_relative_or_absolute() {
        for (from, location, to) in [
            ("ws://h/a/b?c=d", "/x", "ws://h/x"),
            ("ws://h/a/b?c=d", "x?y=z", "ws://h/a/x?y=z"),
            ("ws://h/a/b?c=d", "?y=z", "ws://h/a/b?y=z"),
            ("ws://h/a/b", "../x", "ws://h/x"),
            ("ws://h:81/", "//o:82/x", "ws://o:82/x"),
            ("wss://h/", "//o/x", "wss://o/x"),
            ("ws://h/", "http://o/x", "ws://o/x"),
            ("ws://h/", "https://o/x", "wss://o/x"),
            ("ws://h/", "WSS://o:444/x", "wss://o:444/x"),
            ("wss://h/", "https://[::1]:9/x", "wss://[::1]:9/x"),
            ("ws://h/", "/x#fragment", "ws://h/x"),
            ("ws://u:p@h/", "ws://v:q@o/x", "ws://o/x"),
            ("ws://u:p@h/", "/x", "ws://h/x"),
            ("ws+unix:/s:/a", "/x", "ws+unix:/s:/x"),
            ("ws+unix:/s:/a", "ws://o/x", "ws://o/x"),
            ("ws://h/", "a b", "ws://h/a%20b"),
        ] {
            let lead = lead(&target(from), location).unwrap();
            assert_eq!(lead.to_string(), to, "{from} {location}");
            assert_eq!(lead.user, None);
        }
        for (from, location, why) in [
            ("ws://h/", "", "empty"),
            ("wss://h/", "ws://h/", "from TLS"),
            ("wss://h/", "http://h/", "from TLS"),
            ("ws://h/", "file:///etc/passwd", "'file:'"),
            ("ws://h/", "ws+unix:/run/x:/", "'ws+unix:'"),
            ("ws://h/", "javascript:x", "'javascript:'"),
            ("ws://h/", "data:x", "'data:'"),
            ("ws://h/", "http://", "malformed"),
            ("ws://h/", "http://h:99999/", "malformed"),
            ("ws://h/", "http://a b/", "malformed"),
        ] {
            let error = lead(&target(from), location).unwrap_err();
            assert!(error.contains(why), "{from} {location}: {error}");
        }
    }

    #[test]
    fn too_many_redirects_and_circles_end() {
        let options = |most| Options {
            follow: true,
            most,
            trusted: false,
        };
        let follow = options(Some(2));
        let mut way = Redirects::new(&target("ws://h/0"), &follow);
        assert_eq!(way.follow(&redirect("/1"), ""), Ok(()));
        assert_eq!(way.follow(&redirect("/2"), ""), Ok(()));
        let error = way.follow(&redirect("/3"), "").unwrap_err();
        assert_eq!((error.exit, error.transient), (Exit::Redirects, false));
        assert_eq!(error.message, "more than 2 redirects");

        let follow = options(None);
        let mut way = Redirects::new(&target("ws://h/0"), &follow);
        assert_eq!(way.follow(&redirect("/1"), ""), Ok(()));
        let error = way.follow(&redirect("/0"), "").unwrap_err();
        assert_eq!(error.message, "the redirects go round in a circle");

        // With a cookie it is not the same request.
        let mut way = Redirects::new(&target("ws://h/0"), &follow);
        let mut set = redirect("/0");
        set.headers
            .push(("set-cookie".to_owned(), "a=b".to_owned()));
        assert_eq!(way.follow(&set, ""), Ok(()));
        assert!(way.follow(&redirect("/0"), "a=b").is_err());

        let follow = Options::default();
        let way = Redirects::new(&target("ws://h/0"), &follow);
        assert!(!way.leads_on(&redirect("/1")));
    }

    #[test]
    fn another_origin_is_foreign() {
        for (to, foreign) in [
            ("/x", false),
            ("ws://h/", false),
            ("ws://h:80/", false),
            ("ws://h:81/", true),
            ("wss://h/", true),
            ("ws://o/", true),
        ] {
            let follow = Options {
                follow: true,
                ..Options::default()
            };
            let mut way = Redirects::new(&target("ws://h/0"), &follow);
            assert_eq!(way.follow(&redirect(to), "first"), Ok(()), "{to}");
            assert_eq!(way.is_foreign(), foreign, "{to}");
            let trusted = Options {
                trusted: true,
                ..follow
            };
            let mut way = Redirects::new(&target("ws://h/0"), &trusted);
            assert_eq!(way.follow(&redirect(to), "first"), Ok(()));
            assert!(!way.is_foreign());
        }
    }

    #[test]
    fn headers_with_credentials_stay_behind() {
        let redactor = Redactor::default();
        redactor.add("s3cr3t-value");
        let set = |name: &str, value: &str| HeaderLine::Set(name.to_owned(), value.to_owned());
        let lines = [
            set("X-Trace", "1"),
            set("Authorization", "Bearer a"),
            set("Cookie", "a=b"),
            set("X-Api-Key", "k"),
            set("X-Signature", "k"),
            set("X-Other", "a s3cr3t-value"),
            HeaderLine::Remove("User-Agent".to_owned()),
        ];
        let (kept, left_out) = without_credentials(&lines, &redactor);
        assert_eq!(
            kept,
            [
                set("X-Trace", "1"),
                HeaderLine::Remove("User-Agent".to_owned())
            ]
        );
        let names = [
            "Authorization",
            "Cookie",
            "X-Api-Key",
            "X-Signature",
            "X-Other",
        ];
        assert_eq!(left_out, names);
    }
}
