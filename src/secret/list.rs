//! What is searched for: the secrets that are known, found in the time that the text takes, however many
//! there are. It must never depend on their number, because a script may capture thousands.

use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};
use std::ops::Range;
use std::sync::Arc;

/// Minimum length of a given secret that is searched for in message data too, in bytes.
const SHORTEST_IN_DATA: usize = 16;

/// Shorter texts are never searched for, in bytes: a secret has four, or one and a label.
const SHORTEST: usize = 2;

/// So many are looked for one after another, which is faster than a look at every place of the text.
const FEW: usize = 8;

/// Bits of the number that stands for the first two bytes of a secret.
const BEGINNING_BITS: u32 = 12;

/// Secrets by their text, and what drops the oldest of them.
pub(super) struct List {
    hidden: BTreeMap<Arc<[u8]>, Hidden>,
    /// Those that are not kept for good, by the number of the addition.
    passing: BTreeMap<u64, Arc<[u8]>>,
    /// How many of `passing` are kept; the oldest are dropped first.
    most: usize,
    additions: u64,
    /// How many are searched for in data.
    in_data: usize,
    /// How many secrets have this beginning; empty while there is none at all. Few places of a text have
    /// the beginning of a secret, so most are passed by after one look here.
    beginnings: Vec<u32>,
}

/// What is known of a text that is searched for.
#[derive(Clone)]
pub(super) struct Hidden {
    /// How many bytes of it are a label, which is shown.
    pub(super) label: usize,
    /// Whether it was given as a secret, or only looks like one.
    pub(super) given: bool,
    /// Whether it is kept for good, however many are added later.
    pub(super) for_good: bool,
    /// When it was last added, in additions.
    added: u64,
}

impl Hidden {
    pub(super) fn new(label: usize, given: bool) -> Hidden {
        Hidden {
            label,
            given,
            for_good: false,
            added: 0,
        }
    }

    fn is_in_data(&self, text: &[u8]) -> bool {
        self.given && text.len() >= SHORTEST_IN_DATA
    }
}

impl List {
    pub(super) fn new(most: usize) -> List {
        List {
            hidden: BTreeMap::new(),
            passing: BTreeMap::new(),
            most,
            additions: 0,
            in_data: 0,
            beginnings: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, text: Arc<[u8]>, mut new: Hidden) {
        if text.len() < SHORTEST {
            return;
        }
        if let Some(known) = self.remove(&text) {
            new.label = new.label.min(known.label);
            new.given |= known.given;
            new.for_good |= known.for_good;
        }
        self.additions += 1;
        new.added = self.additions;
        if !new.for_good {
            while self.passing.len() >= self.most.max(1) {
                let Some((_, oldest)) = self.passing.pop_first() else {
                    break;
                };
                self.remove(&oldest);
            }
            self.passing.insert(new.added, Arc::clone(&text));
        }
        self.in_data += usize::from(new.is_in_data(&text));
        if self.beginnings.is_empty() {
            self.beginnings = vec![0; 1 << BEGINNING_BITS];
        }
        if let Some(count) = self.beginnings.get_mut(beginning(&text)) {
            *count += 1;
        }
        self.hidden.insert(text, new);
    }

    fn remove(&mut self, text: &[u8]) -> Option<Hidden> {
        let known = self.hidden.remove(text)?;
        self.passing.remove(&known.added);
        self.in_data -= usize::from(known.is_in_data(text));
        if let Some(count) = self.beginnings.get_mut(beginning(text)) {
            *count -= 1;
        }
        Some(known)
    }

    /// Keeps for good what there is.
    pub(super) fn keep(&mut self) {
        self.passing.clear();
        self.hidden.values_mut().for_each(|it| it.for_good = true);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<[u8]>, &Hidden)> {
        self.hidden.iter()
    }

    /// Whether a secret, with its label, begins like this.
    pub(super) fn has_beginning(&self, text: &[u8]) -> bool {
        let mut after = self.hidden.range::<[u8], _>((Included(text), Unbounded));
        let next = after.next();
        next.is_some_and(|(secret, it)| text.len() > it.label && secret.starts_with(text))
    }

    /// Appends the places of secrets in a text, of all or only of those that are searched for in data.
    /// They may overlap.
    pub(super) fn find(&self, text: &[u8], in_data_only: bool, places: &mut Vec<Range<usize>>) {
        if self.hidden.is_empty() || (in_data_only && self.in_data == 0) {
            return;
        }
        if self.hidden.len() <= FEW {
            let searched = self.hidden.iter();
            for (secret, hidden) in
                searched.filter(|(it, hidden)| !in_data_only || hidden.is_in_data(it))
            {
                let finder = memchr::memmem::Finder::new(&**secret);
                let mut from = 0;
                // It may overlap itself.
                while let Some(found) = text.get(from..).and_then(|rest| finder.find(rest)) {
                    let at = from + found;
                    places.push(at + hidden.label..at + secret.len());
                    from = at + 1;
                }
            }
            return;
        }
        for at in 0..text.len() {
            let rest = &text[at..];
            if rest.len() >= SHORTEST && self.beginnings[beginning(rest)] > 0 {
                self.find_at(rest, |secret, hidden| {
                    if !in_data_only || hidden.is_in_data(secret) {
                        places.push(at + hidden.label..at + secret.len());
                    }
                });
            }
        }
    }

    /// Passes each secret that `text` begins with to `found`, the longest first.
    ///
    /// In order, all texts between a beginning of `text` and `text` itself have that beginning, too. So the
    /// last secret before `text` either is a beginning of it, or has in common with it all that the longest
    /// one there is may have.
    fn find_at(&self, text: &[u8], mut found: impl FnMut(&[u8], &Hidden)) {
        let mut rest = text;
        while rest.len() >= SHORTEST {
            let before = (Unbounded, Included(rest));
            let Some((secret, hidden)) = self.hidden.range::<[u8], _>(before).next_back() else {
                return;
            };
            let common = secret.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if common == secret.len() {
                found(secret, hidden);
                rest = &rest[..common - 1];
            } else {
                rest = &rest[..common];
            }
        }
    }
}

/// A number for the first two bytes; others may have the same.
fn beginning(text: &[u8]) -> usize {
    let [first, second] = [0, 1].map(|at| text.get(at).copied().unwrap_or_default());
    (usize::from(first) << 4) ^ usize::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &[&str]) {
        // Few are looked for in another way than many.
        for others in [0, FEW] {
            let mut list = List::new(1000);
            let others = (0..others).map(|number| format!("\u{1}{number}"));
            for secret in secrets.iter().map(|it| (*it).to_owned()).chain(others) {
                list.insert(secret.as_bytes().into(), Hidden::new(0, true));
            }
            let mut places = Vec::new();
            list.find(text.as_bytes(), false, &mut places);
            places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
            let found: Vec<_> = places.into_iter().map(|place| &text[place]).collect();
            assert_eq!(found, expected, "{secrets:?}");
        }
    }

    #[test]
    fn every_secret_is_found_where_it_is() {
        check(&[], "abcd", &[]);
        check(&["abcd"], "", &[]);
        check(&["abcd"], "abc", &[]);
        check(&["abcd"], "xabcdabcd", &["abcd", "abcd"]);
        check(&["ab", "abcd", "abcf"], "abcde", &["abcd", "ab"]);
        check(&["ab", "abcd", "abcf"], "abce", &["ab"]);
        check(&["abc", "abcd", "abcda", "b"], "abcdz", &["abcd", "abc"]);
        check(&["aaa"], "aaaa", &["aaa", "aaa"]);
        check(&["äö", "ö!"], "xäö!", &["äö", "ö!"]);
        check(&["\u{ff}\u{ff}"], "\u{ff}\u{ff}", &["\u{ff}\u{ff}"]);
    }

    #[test]
    fn what_is_dropped_is_searched_for_no_more() {
        let mut list = List::new(2);
        for secret in ["one", "two", "one", "three"] {
            list.insert(secret.as_bytes().into(), Hidden::new(0, true));
        }
        let mut places = Vec::new();
        list.find(b"one two three", false, &mut places);
        assert_eq!(places, [0..3, 8..13]);
        assert_eq!(list.beginnings.iter().sum::<u32>(), 2);
    }

    #[test]
    fn the_beginning_of_any_text_has_a_number() {
        let largest = beginning(&[255, 255]).max(beginning(&[255, 15]));
        assert!(largest < 1 << BEGINNING_BITS);
    }
}
