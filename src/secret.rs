//! Values that must not be seen: they print as `[redacted]` wherever they are printed.
//!
//! Some are secrets because they were given as such: a token, a password. Others look like one by
//! the name of their parameter or header. Both are taken out of URLs, headers and notices. What
//! messages hold is data, which must not change: there only a given secret is looked for that is
//! too long to be a word of the data.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, RwLock};

use crate::codec::hex;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not searched for in text that came from elsewhere: `"a"` would blank half a
/// message. In a header or the query, where wirecat itself places it, a secret is redacted whatever
/// its length.
const SHORTEST_SEARCHED: usize = 4;

/// Bytes of a given secret that is looked for in the data of messages as well.
const SHORTEST_IN_DATA: usize = 16;

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
pub struct Redactor {
    list: Arc<RwLock<List>>,
    includes_secrets: bool,
}

#[derive(Default)]
struct List {
    hidden: Vec<Hidden>,
    additions: u64,
}

/// Secrets kept at most. A run that fetches a token for every connection would otherwise collect them
/// without end, and look for all of them in every line; the oldest are the first to be of no use.
const KEPT: usize = 128;

/// What is looked for, and what stands in its place.
#[derive(Clone, PartialEq, Eq)]
struct Hidden {
    text: String,
    shown: String,
    /// Whether it was given as a secret, and does not only look like one.
    given: bool,
    /// When it was last added, in additions.
    added: u64,
}

impl Hidden {
    fn is_searched_in_data(&self) -> bool {
        self.given && self.text.len() >= SHORTEST_IN_DATA
    }
}

impl Redactor {
    /// A redactor for `--include-secrets`, where that is true: it leaves everything as it is.
    pub fn new(includes_secrets: bool) -> Redactor {
        Redactor {
            includes_secrets,
            ..Redactor::default()
        }
    }

    /// Whether secrets are shown.
    pub fn includes_secrets(&self) -> bool {
        self.includes_secrets
    }

    /// Adds a value that looks like a secret by its name.
    pub fn add(&self, secret: &str) {
        if secret.len() >= SHORTEST_SEARCHED {
            self.hide(secret.to_owned(), REDACTED.to_owned(), false);
        }
    }

    /// Adds a secret that was given as one (`--token`, `--user`, `--oauth2-bearer`), or a form of it
    /// that goes over the wire.
    pub fn add_given(&self, secret: &str) {
        if secret.len() >= SHORTEST_SEARCHED {
            self.hide(secret.to_owned(), REDACTED.to_owned(), true);
        }
    }

    /// Adds a given secret that stands after `label`, where it is redacted whatever its length.
    pub fn add_after(&self, label: &str, secret: &str) {
        self.add_given(secret);
        if (1..SHORTEST_SEARCHED).contains(&secret.len()) {
            let (text, shown) = (format!("{label}{secret}"), format!("{label}{REDACTED}"));
            self.hide(text, shown, false);
        }
    }

    fn hide(&self, text: String, shown: String, given: bool) {
        if self.includes_secrets {
            return;
        }
        let mut list = self
            .list
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        list.additions += 1;
        let added = list.additions;
        let hidden = &mut list.hidden;
        if let Some(known) = hidden.iter_mut().find(|known| known.text == text) {
            known.added = added;
            known.given |= given;
            return;
        }
        if hidden.len() == KEPT {
            let oldest = hidden.iter().map(|known| known.added).min();
            hidden.retain(|known| Some(known.added) != oldest);
        }
        hidden.push(Hidden {
            text,
            shown,
            given,
            added,
        });
        // Longest first, so that a secret which contains another is replaced whole.
        hidden.sort_by_key(|known| std::cmp::Reverse(known.text.len()));
    }

    /// A dump of bytes in hex, divided by spaces or not at all, with every secret replaced. It may
    /// show only the beginning of one.
    pub fn redact_hex<'a>(&self, dump: &'a str) -> Cow<'a, str> {
        let list = self
            .list
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut out = Cow::Borrowed(dump);
        for hidden in &list.hidden {
            for divider in ["", " "] {
                if let Some(redacted) = redact_beginning(&out, &hidden.text, divider) {
                    out = Cow::Owned(redacted);
                }
            }
        }
        out
    }

    /// A URL, a header or a notice with every secret of at least four bytes replaced.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, |_| true)
    }

    /// The data of a message with every given secret of at least 16 bytes replaced.
    pub fn redact_data<'a>(&self, data: &'a str) -> Cow<'a, str> {
        self.replace(data, Hidden::is_searched_in_data)
    }

    fn replace<'a>(&self, text: &'a str, which: impl Fn(&Hidden) -> bool) -> Cow<'a, str> {
        let list = self
            .list
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut out = Cow::Borrowed(text);
        for hidden in list.hidden.iter().filter(|hidden| which(hidden)) {
            if out.contains(hidden.text.as_str()) {
                out = Cow::Owned(out.replace(hidden.text.as_str(), &hidden.shown));
            }
        }
        out
    }
}

/// Bytes of a secret that give it away in a dump, which may show no more than its beginning.
const TELLING: usize = 8;

/// Replaces `secret`, or as much of it from its beginning on as is there, in a dump whose bytes
/// `divider` divides.
fn redact_beginning(dump: &str, secret: &str, divider: &str) -> Option<String> {
    let least = secret.len().min(TELLING);
    let beginning = hex(
        &secret.as_bytes()[..secret.floor_char_boundary(least)],
        divider,
    );
    let whole = hex(secret.as_bytes(), divider);
    let width = 2 + divider.len();
    let mut out = String::new();
    let mut rest = dump;
    while let Some(at) = rest.find(&beginning) {
        let there = rest[at..].bytes().zip(whole.bytes());
        let same = there.take_while(|(one, other)| one == other).count();
        let bytes = (same + divider.len()) / width;
        out.push_str(&rest[..at]);
        out.push_str(REDACTED);
        rest = &rest[at + bytes * width - divider.len()..];
    }
    (rest.len() < dump.len()).then(|| out + rest)
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
    fn the_secrets_of_a_long_run_do_not_pile_up() {
        let redactor = Redactor::default();
        for number in 0..1000 {
            redactor.add("the password");
            redactor.add(&format!("token-{number:04}"));
        }
        assert!(redactor.list.read().unwrap().hidden.len() <= KEPT);
        assert_eq!(
            redactor.redact("the password, token-0999, token-0900, token-0001"),
            "[redacted], [redacted], [redacted], token-0001"
        );
    }

    #[test]
    fn in_data_only_a_long_secret_that_was_given_is_redacted() {
        let redactor = Redactor::default();
        redactor.add("name");
        redactor.add("the value of an API key");
        redactor.add_given("fifteen bytes !");
        redactor.add_given("sixteen bytes !!");
        redactor.add_after("X-Some-Long-Header: ", "abc");
        let text = "name, the value of an API key, fifteen bytes !, sixteen bytes !!";
        assert_eq!(
            redactor.redact(text),
            "[redacted], [redacted], [redacted], [redacted]"
        );
        assert_eq!(
            redactor.redact_data(text),
            "name, the value of an API key, fifteen bytes !, [redacted]"
        );
        assert_eq!(
            redactor.redact_data("X-Some-Long-Header: abc"),
            "X-Some-Long-Header: abc"
        );
        // One that was first met under its name.
        redactor.add_given("the value of an API key");
        assert_eq!(
            redactor.redact_data("the value of an API key"),
            "[redacted]"
        );
    }

    #[test]
    fn with_secrets_included_nothing_is_redacted() {
        let redactor = Redactor::new(true);
        redactor.add("hunter2");
        redactor.add_given("sixteen bytes !!");
        let text = "hunter2 sixteen bytes !!";
        assert_eq!(redactor.redact(text), text);
        assert_eq!(redactor.redact_data(text), text);
        assert_eq!(redactor.redact_hex("68756e74657232"), "68756e74657232");
    }

    #[test]
    fn a_secret_is_found_in_a_dump_even_where_only_its_beginning_is_there() {
        let redactor = Redactor::default();
        redactor.add("abcdefghijkl");
        redactor.add("wxyz");
        for (dump, shown) in [
            ("80 05 01 02", "80 05 01 02"),
            (
                "bytes: 80 0c 61 62 63 64 65 66 67 68 69 6a 6b 6c 21",
                "bytes: 80 0c [redacted] 21",
            ),
            ("61 62 63 64 65 66 67 68 69 …", "[redacted] …"),
            ("61 62 63 64 65 66 67 …", "61 62 63 64 65 66 67 …"),
            ("ff616263646566676869", "ff[redacted]"),
            ("7778797a7778797aff", "[redacted][redacted]ff"),
            ("77 78 79 7a", "[redacted]"),
        ] {
            assert_eq!(redactor.redact_hex(dump), shown);
        }
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
