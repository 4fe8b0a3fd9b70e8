//! What the server remembers from one connection to the next: how often it has refused, which
//! tokens it has seen, and the state of its random numbers. Pure: time comes in as an argument, chance from a
//! seed. Clients choose what is remembered, so everything has a bound and no secret is kept.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sha1::{Digest as _, Sha1};

use super::range::Range;

/// How many keys of a kind are remembered.
const MAX_KEYS: usize = 1024;

/// The digest of a text that is long or secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    pub(super) fn of(text: &[u8]) -> Digest {
        Digest(Sha1::digest(text).into())
    }
}

/// What is remembered; see the head of this file.
pub(super) struct ServerState {
    /// Everything random comes from here.
    pub(super) rng: StdRng,
    /// How many handshakes are still to be refused.
    refusals: Bounded<u64>,
    /// When each token was first seen.
    tokens: Bounded<Instant>,
}

impl Default for ServerState {
    fn default() -> Self {
        ServerState::new(None)
    }
}

impl ServerState {
    /// `seed`: the same requests in the same order draw the same numbers.
    pub(super) fn new(seed: Option<u64>) -> ServerState {
        ServerState {
            rng: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            refusals: Bounded::default(),
            tokens: Bounded::default(),
        }
    }

    /// Counts a handshake to this target; returns whether to refuse it.
    pub(super) fn refuses(&mut self, target: &str, fail: Range) -> bool {
        let rng = &mut self.rng;
        let key = Digest::of(target.as_bytes());
        let left = self.refusals.get_or_insert(key, || fail.draw(rng));
        let refuses = *left > 0;
        *left = left.saturating_sub(1);
        refuses
    }

    /// Returns when this token was seen first: now, if it is new.
    pub(super) fn first_seen(&mut self, token: Digest, now: Instant) -> Instant {
        *self.tokens.get_or_insert(token, || now)
    }
}

/// A map that forgets its oldest key to make room for a new one.
struct Bounded<V> {
    values: HashMap<Digest, V>,
    order: VecDeque<Digest>,
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Bounded {
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<V> Bounded<V> {
    fn get_or_insert(&mut self, key: Digest, new: impl FnOnce() -> V) -> &mut V {
        if !self.values.contains_key(&key) {
            if self.order.len() >= MAX_KEYS
                && let Some(oldest) = self.order.pop_front()
            {
                self.values.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.values.entry(key).or_insert_with(new)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn exactly(number: u64) -> Range {
        Range {
            least: number,
            most: number,
        }
    }

    #[test]
    fn refusals_are_counted_per_target() {
        let mut state = ServerState::new(Some(1));
        let mut refuses = |target| state.refuses(target, exactly(2));
        assert!(refuses("/flaky?fail=2"));
        assert!(refuses("/flaky?fail=2&id=x"));
        assert!(refuses("/flaky?fail=2"));
        assert!(!refuses("/flaky?fail=2"));
        assert!(!refuses("/flaky?fail=2"));
        assert!(refuses("/flaky?fail=2&id=x"));
        assert!(!state.refuses("/flaky?fail=0", exactly(0)));
    }

    /// How often a new target is refused.
    fn refusals(state: &mut ServerState, target: &str) -> usize {
        let range = Range { least: 2, most: 50 };
        (0..60).filter(|_| state.refuses(target, range)).count()
    }

    #[test]
    fn a_range_is_drawn_from_once_per_target() {
        let drawn = |seed| {
            let mut state = ServerState::new(Some(seed));
            let targets = ["a", "b", "c", "d"];
            targets.map(|target| refusals(&mut state, target))
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(1).iter().all(|count| (2..=50).contains(count)));
    }

    #[test]
    fn a_token_keeps_its_age_until_it_is_forgotten() {
        let mut state = ServerState::new(None);
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let token = Digest::of(b"token");
        assert_eq!(state.first_seen(token, start), start);
        assert_eq!(state.first_seen(Digest::of(b"other"), later(1)), later(1));
        assert_eq!(state.first_seen(token, later(2)), start);
        for number in 0..MAX_KEYS {
            state.first_seen(Digest::of(&number.to_be_bytes()), later(3));
        }
        assert_eq!(state.tokens.values.len(), MAX_KEYS);
        assert_eq!(state.tokens.order.len(), MAX_KEYS);
        assert_eq!(state.first_seen(token, later(4)), later(4));
    }
}
