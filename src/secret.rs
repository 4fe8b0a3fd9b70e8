//! Values that must not be shown: they print as `[redacted]` everywhere.
//!
//! Some are secrets because they were given as such: a token, a password. Others look like one by
//! the name of their parameter or header. Both are removed from URLs, headers and notices. The
//! content of messages is data, which must not change: there, only given secrets are replaced that
//! are too long to be ordinary words of the data.

mod names;

use std::borrow::Cow;
use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, RwLock};

use sha2::{Digest as _, Sha256};

use crate::codec::hex;

pub use self::names::{is_secret_header, is_secret_name};

/// The replacement for a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not searched for in text from elsewhere: `"a"` would blank half a message.
/// In a header or the query, where wirecat itself puts it, a secret of any length is redacted.
const SHORTEST_SEARCHED: usize = 4;

/// Minimum length of a given secret that is searched for in message data too, in bytes.
const SHORTEST_IN_DATA: usize = 16;

/// A password or token. `Debug` and `Display` print `[redacted]`; only [`Secret::expose`] gives the
/// text.
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

/// The digest of a secret that is expected of others. Two are compared in the same time whatever they
/// are, and a client that guesses chooses no byte of them: the time says nothing about how much of a guess
/// is right, or how long it should be.
#[derive(Clone, Copy)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of(secret: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(secret).into())
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Fingerprint) -> bool {
        let differences = self.0.iter().zip(&other.0).map(|(one, other)| one ^ other);
        black_box(differences.fold(0, |all, difference| all | difference)) == 0
    }
}

impl Eq for Fingerprint {}

/// The secrets of a run, to be removed from everything that is shown, traced or recorded.
///
/// Clones share one list: a token that is read again for a later attempt is redacted by every clone
/// from then on. With `--include-secrets` the list is kept too, for what must not be written in any
/// case.
#[derive(Clone, Default)]
pub struct Redactor {
    list: Arc<RwLock<List>>,
    includes_secrets: bool,
    /// Whether data is searched for every secret.
    is_thorough: bool,
}

#[derive(Default)]
struct List {
    hidden: Vec<Hidden>,
    additions: u64,
}

/// Maximum number of secrets kept besides those that are kept for good. A run that fetches a token for
/// every connection would otherwise collect them without end and search for all of them in every line.
/// The oldest are dropped first.
const KEPT: usize = 128;

/// What to search for, and its replacement.
#[derive(Clone, PartialEq, Eq)]
struct Hidden {
    text: String,
    shown: String,
    /// Whether it was given as a secret, or only looks like one.
    given: bool,
    /// When it was last added, in additions.
    added: u64,
    /// Whether it is kept for good, however many are added later.
    for_good: bool,
}

impl Hidden {
    fn is_searched_in_data(&self) -> bool {
        self.given && self.text.len() >= SHORTEST_IN_DATA
    }
}

impl Redactor {
    /// A redactor that changes nothing if `--include-secrets` is true.
    pub fn new(includes_secrets: bool) -> Redactor {
        Redactor {
            includes_secrets,
            ..Redactor::default()
        }
    }

    /// The same list, for what is kept where others read it: there, the data of messages is searched
    /// for every secret of at least four bytes.
    #[must_use]
    pub fn thorough(&self) -> Redactor {
        Redactor {
            is_thorough: true,
            ..self.clone()
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

    /// Adds a secret that was given as one (`--token`, `--user`, `--oauth2-bearer`), or a form of
    /// it that is sent.
    pub fn add_given(&self, secret: &str) {
        if secret.len() >= SHORTEST_SEARCHED {
            self.hide(secret.to_owned(), REDACTED.to_owned(), true);
        }
    }

    /// Adds a given secret that follows `label`, where it is redacted whatever its length.
    pub fn add_after(&self, label: &str, secret: &str) {
        self.add_given(secret);
        if (1..SHORTEST_SEARCHED).contains(&secret.len()) {
            let (text, shown) = (format!("{label}{secret}"), format!("{label}{REDACTED}"));
            self.hide(text, shown, false);
        }
    }

    /// Adds all secrets of another list.
    pub fn add_all(&self, other: &Redactor) {
        let hidden = {
            let list = other.list.read();
            let list = list.unwrap_or_else(|poisoned| poisoned.into_inner());
            list.hidden.clone()
        };
        for hidden in hidden {
            self.insert(hidden);
        }
    }

    /// Keeps for good what has been added up to now: the secrets of the command line and the
    /// configuration, which are read once.
    pub fn keep(&self) {
        let mut list = self
            .list
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        list.hidden
            .iter_mut()
            .for_each(|known| known.for_good = true);
    }

    fn hide(&self, text: String, shown: String, given: bool) {
        self.insert(Hidden {
            text,
            shown,
            given,
            added: 0,
            for_good: false,
        });
    }

    fn insert(&self, new: Hidden) {
        let mut list = self
            .list
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        list.additions += 1;
        let added = list.additions;
        let hidden = &mut list.hidden;
        if let Some(known) = hidden.iter_mut().find(|known| known.text == new.text) {
            known.added = added;
            known.given |= new.given;
            known.for_good |= new.for_good;
            return;
        }
        let passing = || hidden.iter().filter(|known| !known.for_good);
        if !new.for_good && passing().count() >= KEPT {
            let oldest = passing().map(|known| known.added).min();
            hidden.retain(|known| known.for_good || Some(known.added) != oldest);
        }
        hidden.push(Hidden { added, ..new });
        // Longest first, so that a secret that contains another is replaced as a whole.
        hidden.sort_by_key(|known| std::cmp::Reverse(known.text.len()));
    }

    /// Whether `text` holds a secret, also where secrets are shown.
    pub fn finds_in(&self, text: &str) -> bool {
        let list = self
            .list
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut hidden = list.hidden.iter();
        hidden.any(|it| text.contains(it.text.as_str()))
    }

    /// A hex dump, divided by spaces or undivided, with every secret replaced. A dump may end
    /// within a secret.
    pub fn redact_hex<'a>(&self, dump: &'a str) -> Cow<'a, str> {
        if self.includes_secrets {
            return Cow::Borrowed(dump);
        }
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

    /// The data of a message with every given secret of at least 16 bytes replaced, or with every secret
    /// if this is [`Redactor::thorough`].
    pub fn redact_data<'a>(&self, data: &'a str) -> Cow<'a, str> {
        self.replace(data, |it| self.is_thorough || it.is_searched_in_data())
    }

    /// Binary data with every secret replaced that [`Redactor::redact_data`] replaces, in the parts
    /// that are text.
    pub fn redact_bytes<'a>(&self, data: &'a [u8]) -> Cow<'a, [u8]> {
        let text = String::from_utf8_lossy(data);
        if let Cow::Borrowed(_) = self.redact_data(&text) {
            return Cow::Borrowed(data);
        }
        let parts = data.utf8_chunks().flat_map(|chunk| {
            let text = self.redact_data(chunk.valid()).into_owned();
            [text.into_bytes(), chunk.invalid().to_vec()]
        });
        Cow::Owned(parts.flatten().collect())
    }

    fn replace<'a>(&self, text: &'a str, which: impl Fn(&Hidden) -> bool) -> Cow<'a, str> {
        if self.includes_secrets {
            return Cow::Borrowed(text);
        }
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

/// Minimum number of leading bytes of a secret that are redacted at the end of a dump.
const MIN_PREFIX: usize = 8;

/// Replaces `secret`, or the beginning of it at the end, in a hex dump whose bytes `divider`
/// separates.
fn redact_beginning(dump: &str, secret: &str, divider: &str) -> Option<String> {
    let least = secret.len().min(MIN_PREFIX);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_another_list_are_added() {
        let (ours, theirs) = (Redactor::default(), Redactor::default());
        theirs.add_given("correct-horse-battery");
        theirs.add_after("token=", "abc");
        ours.add_all(&theirs);
        ours.add_all(&ours.clone());
        let shown = ours.redact_data("correct-horse-battery");
        assert_eq!(shown, REDACTED);
        assert_eq!(ours.redact("token=abc"), format!("token={REDACTED}"));
    }

    #[test]
    fn secrets_are_compared_as_a_whole() {
        assert!(
            Fingerprint::of(b"") == Fingerprint::of(b"")
                && Fingerprint::of(b"hunter2") == Fingerprint::of(b"hunter2")
        );
        for other in [&b""[..], b"hunter", b"hunter22", b"Hunter2"] {
            assert!(
                Fingerprint::of(b"hunter2") != Fingerprint::of(other),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_secret_prints_as_redacted() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn clones_of_a_redactor_share_their_secrets() {
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
    fn the_secrets_of_a_long_run_are_limited() {
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
    fn what_is_read_once_is_kept_for_good() {
        let configured = Redactor::default();
        configured.add_given("the password");
        configured.keep();
        let redactor = Redactor::default();
        redactor.add_all(&configured);
        for number in 0..1000 {
            for redactor in [&configured, &redactor] {
                redactor.add(&format!("token-{number:04}"));
            }
        }
        for redactor in [&configured, &redactor] {
            assert_eq!(
                redactor.redact("the password, token-0999, token-0001"),
                "[redacted], [redacted], token-0001"
            );
            assert!(redactor.list.read().unwrap().hidden.len() <= KEPT + 1);
        }
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
        // A value that was first seen by its parameter's name.
        redactor.add_given("the value of an API key");
        assert_eq!(
            redactor.redact_data("the value of an API key"),
            "[redacted]"
        );
    }

    #[test]
    fn data_that_is_kept_is_searched_for_every_secret() {
        let redactor = Redactor::default();
        let thorough = redactor.thorough();
        redactor.add("hunter2");
        assert_eq!(redactor.redact_data("hunter2"), "hunter2");
        assert_eq!(thorough.redact_data("hunter2"), REDACTED);
        assert_eq!(*thorough.redact_bytes(b"\xffhunter2"), *b"\xff[redacted]");
    }

    #[test]
    fn a_secret_is_found_between_bytes_that_are_not_text() {
        let redactor = Redactor::default();
        redactor.add_given("sixteen bytes !!");
        assert_eq!(
            *redactor.redact_bytes(b"\xff\x00sixteen bytes !!\xfe"),
            *b"\xff\x00[redacted]\xfe"
        );
        assert_eq!(*redactor.redact_bytes(b"\xff\x00"), *b"\xff\x00");
    }

    #[test]
    fn include_secrets_disables_redaction() {
        let redactor = Redactor::new(true);
        redactor.add("hunter2");
        redactor.add_given("sixteen bytes !!");
        let text = "hunter2 sixteen bytes !!";
        assert_eq!(redactor.redact(text), text);
        assert_eq!(redactor.redact_data(text), text);
        assert_eq!(redactor.redact_hex("68756e74657232"), "68756e74657232");
        assert!(redactor.finds_in(text) && !redactor.finds_in("hunter"));
    }

    #[test]
    fn a_secret_truncated_by_a_dump_is_found() {
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
    fn a_very_short_secret_is_not_redacted_in_text_from_elsewhere() {
        let redactor = Redactor::default();
        redactor.add("a");
        assert_eq!(redactor.redact("banana"), "banana");
        redactor.add_after("X-A: ", "a");
        assert_eq!(redactor.redact("X-A: a, banana"), "X-A: [redacted], banana");
    }
}
