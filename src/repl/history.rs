//! The lines that were typed before: those of this host, or of all hosts. Pure: what is
//! read from the file comes in, and what is written to it goes out.

pub(super) mod file;

use std::collections::HashSet;

use serde_json::{Value, json};

/// How many lines are kept.
pub(super) const KEPT: usize = 10_000;

/// How many bytes they may take together.
pub(super) const KEPT_BYTES: usize = 16 << 20;

/// A line, which may have several lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) host: String,
    /// When it was typed, in seconds since 1970.
    pub(super) time: u64,
    pub(super) text: String,
}

impl Entry {
    /// As a line of the file, with its end.
    pub(super) fn encoded(&self) -> String {
        let Entry { host, time, text } = self;
        let mut line = json!({"t": time, "host": host, "line": text}).to_string();
        line.push('\n');
        line
    }

    /// From a line of the file; `None` for what is no entry, such as a line that a crash cut off.
    pub(super) fn decoded(line: &[u8]) -> Option<Entry> {
        let value: Value = serde_json::from_slice(line).ok()?;
        let text = value.get("line")?.as_str()?.to_owned();
        let host = value.get("host").and_then(Value::as_str);
        (!text.is_empty()).then(|| Entry {
            host: host.unwrap_or_default().to_owned(),
            time: value.get("t").and_then(Value::as_u64).unwrap_or(0),
            text,
        })
    }
}

/// The latest entries, each once, as many as are kept.
pub(super) fn latest(entries: Vec<Entry>) -> Vec<Entry> {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries.into_iter().rev() {
        bytes += entry.text.len();
        if kept.len() == KEPT || bytes > KEPT_BYTES {
            break;
        }
        if seen.insert((entry.host.clone(), entry.text.clone())) {
            kept.push(entry);
        }
    }
    kept.reverse();
    kept
}

/// An order of the entries, oldest first. It holds all of them, so that a place means something
/// whatever the scope is; what is not shown comes first.
#[derive(Debug, Default)]
struct Order {
    places: Vec<usize>,
    /// Where those begin that are shown.
    from: usize,
}

impl Order {
    /// Shows what `shown` says of an entry's index.
    fn new(count: usize, shown: impl Fn(usize) -> bool) -> Self {
        let (mut places, visible): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|index| !shown(*index));
        let from = places.len();
        places.extend(visible);
        Order { places, from }
    }
}

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To older lines.
    Back,
    /// To newer ones.
    Forward,
}

/// The entries in the order in which they were typed.
#[derive(Debug, Default)]
pub(super) struct Store {
    host: String,
    entries: Vec<Entry>,
    here: Order,
    everywhere: Order,
}

impl Store {
    pub(super) fn new(host: &str) -> Self {
        Store {
            host: host.to_owned(),
            ..Store::default()
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// From now on the lines of this host are shown.
    pub(super) fn set_host(&mut self, host: &str) {
        host.clone_into(&mut self.host);
        self.sort();
    }

    /// Adds what was typed after the entries that there are.
    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.extend(entries);
        self.entries = latest(std::mem::take(&mut self.entries));
        self.sort();
    }

    fn sort(&mut self) {
        let entries = &self.entries;
        let mut texts = HashSet::new();
        let mut last: Vec<bool> = entries
            .iter()
            .rev()
            .map(|it| texts.insert(&*it.text))
            .collect();
        last.reverse();
        self.here = Order::new(entries.len(), |index| entries[index].host == self.host);
        self.everywhere = Order::new(entries.len(), |index| last[index]);
    }

    fn order(&self, wide: bool) -> &Order {
        if wide { &self.everywhere } else { &self.here }
    }

    /// How many places there are, whether shown or not.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The places and texts that are shown from `place` on.
    fn from(&self, place: usize, way: Way, wide: bool) -> impl Iterator<Item = (usize, &str)> {
        let Order { places, from } = self.order(wide);
        let (start, end) = match way {
            Way::Back => (*from, places.len().min(place.saturating_add(1))),
            Way::Forward => (place.max(*from), places.len()),
        };
        let mut shown = start..end.max(start);
        std::iter::from_fn(move || {
            let next = match way {
                Way::Back => shown.next_back(),
                Way::Forward => shown.next(),
            };
            let place = next?;
            Some((place, &*self.entries[places[place]].text))
        })
    }

    /// The text at this place, or the next one that is shown.
    pub(super) fn get(&self, place: usize, way: Way, wide: bool) -> Option<(usize, &str)> {
        self.from(place, way, wide).next()
    }

    /// The next text that holds `term`, and where it begins there.
    pub(super) fn search(
        &self,
        term: &str,
        place: usize,
        way: Way,
        wide: bool,
    ) -> Option<(usize, &str, usize)> {
        let mut texts = self.from(place, way, wide);
        texts.find_map(|(place, text)| Some((place, text, text.find(term)?)))
    }

    /// The next text that begins with `start`.
    pub(super) fn starting_with(
        &self,
        start: &str,
        place: usize,
        way: Way,
        wide: bool,
    ) -> Option<(usize, &str)> {
        self.from(place, way, wide)
            .find(|(_, text)| text.starts_with(start))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(host: &str, text: &str) -> Entry {
        Entry {
            host: host.to_owned(),
            time: 1,
            text: text.to_owned(),
        }
    }

    fn store(texts: &[(&str, &str)]) -> Store {
        let mut store = Store::new("a");
        store.extend(texts.iter().map(|(host, text)| entry(host, text)));
        store
    }

    fn shown(store: &Store, wide: bool) -> Vec<&str> {
        let last = store.len().saturating_sub(1);
        store.from(last, Way::Back, wide).map(|it| it.1).collect()
    }

    #[test]
    fn each_host_has_its_lines_and_each_line_is_there_once() {
        let store = store(&[("a", "1"), ("b", "2"), ("a", "3"), ("b", "1"), ("a", "1")]);
        assert_eq!(shown(&store, false), ["1", "3"]);
        assert_eq!(shown(&store, true), ["1", "3", "2"]);
        assert_eq!(store.len(), 4);
    }

    #[test]
    fn from_the_oldest_line_shown_one_does_not_get_to_those_that_are_not() {
        let store = store(&[("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(store.get(2, Way::Back, false), Some((2, "3")));
        assert_eq!(store.get(1, Way::Back, false), Some((1, "1")));
        assert_eq!(store.get(0, Way::Back, false), None);
        assert_eq!(store.get(0, Way::Forward, false), Some((1, "1")));
        assert_eq!(store.get(3, Way::Forward, false), None);
        assert_eq!(store.get(3, Way::Back, false), Some((2, "3")));
    }

    #[test]
    fn lines_are_found_by_what_they_hold_and_how_they_begin() {
        let store = store(&[("a", "x one"), ("b", "x two"), ("a", "three x")]);
        assert_eq!(
            store.search("x", 2, Way::Back, false),
            Some((2, "three x", 6))
        );
        assert_eq!(
            store.search("x", 1, Way::Back, false),
            Some((1, "x one", 0))
        );
        assert_eq!(store.search("two", 2, Way::Back, false), None);
        assert_eq!(
            store.search("two", 2, Way::Back, true),
            Some((1, "x two", 2))
        );
        assert_eq!(
            store.starting_with("x", 2, Way::Back, false),
            Some((1, "x one"))
        );
    }

    #[test]
    fn another_host_has_other_lines() {
        let mut store = store(&[("a", "1"), ("b", "2")]);
        store.set_host("b");
        assert_eq!(shown(&store, false), ["2"]);
    }

    #[test]
    fn only_so_many_are_kept() {
        let all: Vec<_> = (0..KEPT + 5).map(|n| entry("a", &n.to_string())).collect();
        let kept = latest(all);
        assert_eq!((kept.len(), &*kept[0].text), (KEPT, "5"));
        let large = "x".repeat(KEPT_BYTES / 2);
        let all = [entry("a", "old"), entry("b", &large), entry("c", &large)];
        assert_eq!(latest(all.to_vec()).len(), 2);
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        for line in [
            &b""[..],
            b"{}",
            b"{\"line\":5}",
            b"{\"line\":\"\"}",
            b"#V2",
            b"{\"t\":1,\"host\":\"a\",\"line\":\"cut o",
            b"{\"line\":\"\xff\"}",
            b"\x1b]0;title\x07",
        ] {
            assert_eq!(Entry::decoded(line), None);
        }
    }

    proptest! {
        #[test]
        fn an_entry_is_one_line_of_the_file(host in ".*", text in "(?s).+", time: u64) {
            let entry = Entry { host, time, text };
            let encoded = entry.encoded();
            prop_assert_eq!(encoded.matches('\n').count(), 1);
            prop_assert_eq!(Entry::decoded(encoded.trim_end().as_bytes()), Some(entry));
        }
    }
}
