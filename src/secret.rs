//! Values that must not be seen: they print as `[redacted]` wherever they are printed.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, RwLock};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not searched for in text that came from elsewhere: `"a"` would blank half a
/// message. In a header or the query, where wirecat itself places it, a secret is redacted whatever
/// its length.
const SHORTEST_SEARCHED: usize = 4;

/// A password or token. `Debug` and `Display` print `[redacted]`; [`Secret::expose`] is the one way
/// to the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The secrets of a run, to be taken out of everything that is shown, traced or recorded.
///
/// Clones share one list: a token that is read again for a later attempt is redacted by every
/// holder from then on.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Vec<Hidden>>>);

/// What is looked for, and what stands in its place.
#[derive(Clone, PartialEq, Eq)]
struct Hidden {
    text: String,
    shown: String,
}

impl Redactor {
    /// Adds a secret, and every form of it that goes over the wire should be added likewise.
    pub fn add(&self, secret: &str) {
        if secret.len() >= SHORTEST_SEARCHED {
            self.hide(secret.to_owned(), REDACTED.to_owned());
        }
    }

    /// Adds a secret that stands after `label`, where it is redacted whatever its length.
    pub fn add_after(&self, label: &str, secret: &str) {
        self.add(secret);
        if (1..SHORTEST_SEARCHED).contains(&secret.len()) {
            self.hide(format!("{label}{secret}"), format!("{label}{REDACTED}"));
        }
    }

    fn hide(&self, text: String, shown: String) {
        let mut list = self
            .0
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if !list.iter().any(|known| known.text == text) {
            list.push(Hidden { text, shown });
            // Longest first, so that a secret which contains another is replaced whole.
            list.sort_by_key(|known| std::cmp::Reverse(known.text.len()));
        }
    }

    /// `text` with every secret of at least four bytes replaced.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let list = self
            .0
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut out = Cow::Borrowed(text);
        for hidden in list.iter() {
            if out.contains(hidden.text.as_str()) {
                out = Cow::Owned(out.replace(hidden.text.as_str(), &hidden.shown));
            }
        }
        out
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// Whether a header's value is a credential by its name, whoever set it.
pub fn is_secret_header(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "authorization",
        "cookie",
        "token",
        "secret",
        "password",
        "passwd",
        "credential",
        "session",
        "api-key",
        "apikey",
        "x-auth",
    ];
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_redacted() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn every_holder_of_the_list_redacts_what_any_of_them_added() {
        let redactor = Redactor::default();
        let other = redactor.clone();
        other.add("abcd");
        other.add("abcdef");
        assert_eq!(
            redactor.redact("x abcdef y abcd z"),
            "x [redacted] y [redacted] z"
        );
        assert_eq!(redactor.redact("nothing here"), "nothing here");
    }

    #[test]
    fn headers_that_hold_credentials() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "PRIVATE-TOKEN",
            "X-Api-Key",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in [
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Accept",
            "Host",
            "Origin",
            "WWW-Authenticate",
        ] {
            assert!(!is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn a_very_short_secret_does_not_blank_other_peoples_text() {
        let redactor = Redactor::default();
        redactor.add("a");
        assert_eq!(redactor.redact("banana"), "banana");
        redactor.add_after("X-A: ", "a");
        assert_eq!(redactor.redact("X-A: a, banana"), "X-A: [redacted], banana");
    }
}
