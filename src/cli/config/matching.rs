//! `match = "*.example.com"`: the hosts that a profile applies to by itself. Pure.

use crate::uri::Target;

/// A host, in which `*` stands for any characters, and where it is given a scheme and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As written.
    pub(super) text: String,
    tls: Option<bool>,
    host: String,
    port: Option<u16>,
}

impl Pattern {
    /// Parses `[SCHEME://]HOST[:PORT]`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let (tls, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("ws" | "http", rest)) => (Some(false), rest),
            Some(("wss" | "https", rest)) => (Some(true), rest),
            Some((scheme, _)) => return Err(format!("the scheme '{scheme}' is not ws or wss")),
        };
        let (host, port) = match rest.rsplit_once(':') {
            // The last colon of an IPv6 address is inside its brackets.
            Some((host, port)) if !port.contains(']') => {
                let number = port.parse();
                let number = number.map_err(|_| format!("'{port}' is not a port"))?;
                (host, Some(number))
            }
            _ => (rest, None),
        };
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return Err(
                "match takes a host, such as \"*.example.com\", with an optional scheme and port"
                    .to_owned(),
            );
        }
        Ok(Pattern {
            text: text.to_owned(),
            tls,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    pub(super) fn fits(&self, target: &Target) -> bool {
        let host = target.host.to_string();
        self.tls.is_none_or(|tls| tls == target.tls)
            && self.port.is_none_or(|port| port == target.port)
            && is_like(&host, &self.host)
    }

    /// The greater, the fewer targets it fits: a whole host before one with `*`, then the longer
    /// one, then one with a port, then one with a scheme.
    pub(super) fn specificity(&self) -> (bool, usize, bool, bool) {
        let literal = self.host.chars().filter(|c| *c != '*').count();
        let whole = !self.host.contains('*');
        (whole, literal, self.port.is_some(), self.tls.is_some())
    }
}

/// Whether `text` is `pattern` with something, or nothing, in place of each `*`.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_a_pattern_fits() {
        for (pattern, url, fits) in [
            ("example.com", "wss://example.com/x", true),
            ("Example.com", "ws://EXAMPLE.com", true),
            ("example.com", "wss://a.example.com", false),
            ("*.example.com", "wss://a.example.com", true),
            ("*.example.com", "wss://a.b.example.com", true),
            ("*.example.com", "wss://example.com", false),
            ("*.example.com", "wss://example.com.evil.net", false),
            ("*.example.com", "wss://evilexample.com", false),
            ("*", "ws://anything", true),
            ("a*b*c", "ws://aXbYc", true),
            ("a*b*c", "ws://acb", false),
            ("a*a", "ws://a", false),
            ("wss://*.example.com", "ws://a.example.com", false),
            ("https://*.example.com", "wss://a.example.com", true),
            ("localhost:8765", ":8765/x", true),
            ("localhost:8765", ":8766/x", false),
            ("wss://h:443", "wss://h/", true),
            ("[::1]", "ws://[::1]:9/", true),
            ("[::1]:9", "ws://[::1]:9/", true),
            ("[::1]:9", "ws://[::1]:8/", false),
        ] {
            let target = Target::parse(url).unwrap();
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(parsed.fits(&target), fits, "{pattern} {url}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for text in ["", "a/b", "ftp://a", "a:b", "a:99999", "user@host", "ws://"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_most_specific_pattern() {
        let order = [
            "*",
            "*.com",
            "*.example.com",
            "a.*.example.com",
            "b.com",
            "a.example.com",
            "wss://a.example.com",
            "a.example.com:443",
        ];
        let rank = |text: &&str| Pattern::parse(text).unwrap().specificity();
        assert!(order.is_sorted_by_key(rank));
    }
}
