//! Values that must not be shown: they print as `[redacted]` everywhere.
//!
//! Some are secrets because they were given as such: a token, a password. Others look like one by
//! the name of their parameter or header. Both are removed from URLs, headers and notices. The
//! content of messages is data, which must not change: there, only given secrets are replaced that
//! are too long to be ordinary words of the data.

mod dump;
mod list;
mod names;

use std::borrow::Cow;
use std::fmt;
use std::hint::black_box;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use sha2::{Digest as _, Sha256};

use self::list::{Hidden, List};

pub use self::names::{is_secret_header, is_secret_name};

/// The replacement for a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not searched for in text from elsewhere: `"a"` would blank half a message.
/// In a header or the query, where wirecat itself puts it, a secret of any length is redacted.
const SHORTEST_SEARCHED: usize = 4;

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

/// Maximum number of secrets kept besides those that are kept for good. A run that fetches a token for
/// every connection would otherwise collect them without end. The oldest are dropped first.
const KEPT: usize = 128;

/// The same for a part of a run, which ends: no more than memory has room for.
const KEPT_OF_PART: usize = 1 << 20;

/// The secrets of a run, to be removed from everything that is shown, traced or recorded.
///
/// Clones share one list: a token that is read again for a later attempt is redacted by every clone
/// from then on. With `--include-secrets` the list is kept too, for what must not be written in any
/// case.
#[derive(Clone)]
pub struct Redactor {
    list: Arc<RwLock<List>>,
    /// The list of the run that this is the redactor of a part of.
    run: Option<Arc<RwLock<List>>>,
    includes_secrets: bool,
    /// Whether data is searched for every secret.
    is_thorough: bool,
}

impl Default for Redactor {
    fn default() -> Redactor {
        Redactor::new(false)
    }
}

impl Redactor {
    /// A redactor that changes nothing if `--include-secrets` is true.
    pub fn new(includes_secrets: bool) -> Redactor {
        Redactor {
            list: Arc::new(RwLock::new(List::new(KEPT))),
            run: None,
            includes_secrets,
            is_thorough: false,
        }
    }

    /// A redactor for a part of the run, which ends. It forgets nothing that it has learned itself, and
    /// knows what the run knows, which learns from it.
    #[must_use]
    pub fn of_part(&self) -> Redactor {
        Redactor {
            list: Arc::new(RwLock::new(List::new(KEPT_OF_PART))),
            run: Some(Arc::clone(&self.list)),
            ..*self
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
            self.insert(secret.as_bytes().into(), &Hidden::new(0, false));
        }
    }

    /// Adds a secret that was given as one (`--token`, `--user`, `--oauth2-bearer`), or a form of
    /// it that is sent.
    pub fn add_given(&self, secret: &str) {
        if secret.len() >= SHORTEST_SEARCHED {
            self.insert(secret.as_bytes().into(), &Hidden::new(0, true));
        }
    }

    /// Adds a given secret that follows `label`, where it is redacted whatever its length.
    pub fn add_after(&self, label: &str, secret: &str) {
        self.add_given(secret);
        if (1..SHORTEST_SEARCHED).contains(&secret.len()) {
            let text = format!("{label}{secret}").into_bytes();
            self.insert(text.into(), &Hidden::new(label.len(), false));
        }
    }

    /// Adds all secrets of another list.
    pub fn add_all(&self, other: &Redactor) {
        let mut secrets = Vec::new();
        for list in other.lists() {
            secrets.extend(list.all().map(|(text, it)| (Arc::clone(text), it.clone())));
        }
        for (text, hidden) in secrets {
            self.insert(text, &hidden);
        }
    }

    /// Keeps for good what has been added up to now: the secrets of the command line and the
    /// configuration, which are read once.
    pub fn keep(&self) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.keep();
    }

    fn insert(&self, text: Arc<[u8]>, new: &Hidden) {
        for list in std::iter::once(&self.list).chain(&self.run) {
            let mut list = list.write().unwrap_or_else(PoisonError::into_inner);
            list.insert(Arc::clone(&text), new.clone());
        }
    }

    fn lists(&self) -> impl Iterator<Item = RwLockReadGuard<'_, List>> {
        let lists = std::iter::once(&self.list).chain(&self.run);
        lists.map(|list| list.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The places of secrets in a text, in order and apart.
    fn places(&self, text: &str, in_data_only: bool) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for list in self.lists() {
            list.find(text.as_bytes(), in_data_only, &mut places);
        }
        places.sort_by_key(|place| place.start);
        places.dedup_by(|next, place| {
            let overlaps = next.start < place.end;
            if overlaps {
                place.end = place.end.max(next.end);
            }
            overlaps
        });
        places
    }

    /// Whether `text` holds a secret, also where secrets are shown.
    pub fn finds_in(&self, text: &str) -> bool {
        !self.places(text, false).is_empty()
    }

    /// A hex dump, divided by spaces or undivided, with every secret replaced. A dump may end
    /// within a secret.
    pub fn redact_hex<'a>(&self, dump: &'a str) -> Cow<'a, str> {
        if self.includes_secrets {
            return Cow::Borrowed(dump);
        }
        let mut secrets = Vec::new();
        for list in self.lists() {
            secrets.extend(list.all().map(|(text, _)| Arc::clone(text)));
        }
        // Longest first, so that a secret that begins with another is replaced as a whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let mut out = Cow::Borrowed(dump);
        for secret in &secrets {
            for divider in ["", " "] {
                if let Some(redacted) = dump::redact(&out, secret, divider, REDACTED) {
                    out = Cow::Owned(redacted);
                }
            }
        }
        out
    }

    /// A URL, a header or a notice with every secret of at least four bytes replaced.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, false)
    }

    /// The data of a message with every given secret of at least 16 bytes replaced, or with every secret
    /// if this is [`Redactor::thorough`].
    pub fn redact_data<'a>(&self, data: &'a str) -> Cow<'a, str> {
        self.replace(data, !self.is_thorough)
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

    /// The text as by [`Redactor::redact`], and where the marked part of it is then. A mark that begins or
    /// ends within a secret holds the whole replacement.
    pub fn redact_marked<'a>(
        &self,
        text: &'a str,
        marked: Range<usize>,
    ) -> (Cow<'a, str>, Range<usize>) {
        if self.includes_secrets {
            return (Cow::Borrowed(text), marked);
        }
        let places = self.places(text, false);
        let moved = |at: usize, is_end: bool| {
            let before = places.iter().filter(|place| place.start < at);
            before.fold(at, |moved, place| {
                let shown = match place.end <= at || is_end {
                    true => REDACTED.len(),
                    false => 0,
                };
                moved + shown - (place.end.min(at) - place.start)
            })
        };
        let marked = moved(marked.start, false)..moved(marked.end, true);
        (without(text, &places), marked)
    }

    /// The text as by [`Redactor::redact`], also without the beginnings of secrets before a `…` that stands
    /// for their ends.
    pub fn redact_cut(&self, text: &str) -> String {
        let mut out = self.redact(text).into_owned();
        if self.includes_secrets {
            return out;
        }
        let cuts: Vec<_> = out.match_indices('…').map(|(at, _)| at).collect();
        for cut in cuts.into_iter().rev() {
            let starts =
                (0..cut).filter(|&at| out.is_char_boundary(at) && cut - at >= SHORTEST_SEARCHED);
            let begins = |start: &usize| {
                let part = out.get(*start..cut).unwrap_or_default().as_bytes();
                self.lists().any(|list| list.has_beginning(part))
            };
            if let Some(start) = { starts }.find(begins) {
                out.replace_range(start..cut, REDACTED);
            }
        }
        out
    }

    fn replace<'a>(&self, text: &'a str, in_data_only: bool) -> Cow<'a, str> {
        match self.includes_secrets {
            true => Cow::Borrowed(text),
            false => without(text, &self.places(text, in_data_only)),
        }
    }
}

/// A text with what is in these places replaced.
fn without<'a>(text: &'a str, places: &[Range<usize>]) -> Cow<'a, str> {
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for place in places {
        out.push_str(text.get(end..place.start).unwrap_or_default());
        out.push_str(REDACTED);
        end = place.end;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(out)
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
        assert_eq!(redactor.list.read().unwrap().all().count(), KEPT);
        assert_eq!(
            redactor.redact("the password, token-0999, token-0900, token-0001"),
            "[redacted], [redacted], [redacted], token-0001"
        );
    }

    #[test]
    fn a_part_of_a_run_forgets_nothing() {
        let run = Redactor::default();
        run.add_given("the password");
        run.keep();
        let (part, other) = (run.of_part(), run.of_part());
        for number in 0..10_000 {
            part.add_given(&format!("token-{number:05}"));
        }
        let text = "the password, token-00000, token-05000, token-09999, token-10000";
        assert_eq!(
            part.thorough().redact_data(text),
            "[redacted], [redacted], [redacted], [redacted], token-10000"
        );
        // What the others know is limited, as ever.
        for redactor in [&run, &other] {
            assert_eq!(
                redactor.redact("token-00000, token-09999"),
                "token-00000, [redacted]"
            );
        }
    }

    #[test]
    fn secrets_that_overlap_are_replaced_together() {
        let redactor = Redactor::default();
        redactor.add("abcdef");
        redactor.add("defghi");
        redactor.add_after("a=", "x");
        redactor.add_after("b=a=", "xy");
        assert_eq!(redactor.redact("-abcdefghi-"), "-[redacted]-");
        assert_eq!(redactor.redact("abcdefabcdef"), "[redacted][redacted]");
        assert_eq!(redactor.redact("a=x b=a=xy"), "a=[redacted] b=a=[redacted]");
    }

    #[test]
    fn a_mark_stays_around_what_it_marked() {
        let redactor = Redactor::default();
        redactor.add("abcd");
        redactor.add("abcdefghijklmnop");
        for (text, marked, shown) in [
            ("x abcd y z", 9..10, "z"),
            ("x abcd y z", 0..1, "x"),
            ("x abcd y z", 2..6, "[redacted]"),
            ("x abcd y z", 3..4, "[redacted]"),
            ("x abcd y z", 4..8, "[redacted] y"),
            ("abcdefghijklmnop abcd z", 22..23, "z"),
            ("abcdefghijklmnop abcd z", 10..20, "[redacted] [redacted]"),
        ] {
            let (redacted, at) = redactor.redact_marked(text, marked);
            assert_eq!(&redacted[at], shown, "{redacted}");
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_found() {
        let redactor = Redactor::default();
        redactor.add("abcdefgh");
        for (text, shown) in [
            (
                "'x abcdefgh' is 'x abcd…'",
                "'x [redacted]' is 'x [redacted]…'",
            ),
            ("'abc…' 'abcdefg…' 'z…'", "'abc…' '[redacted]…' 'z…'"),
        ] {
            assert_eq!(redactor.redact_cut(text), shown);
        }
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
            assert_eq!(redactor.list.read().unwrap().all().count(), KEPT + 1);
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
