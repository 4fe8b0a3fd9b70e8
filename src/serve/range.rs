//! A number of messages or attempts that a request leaves to chance. Pure.

use rand::{Rng, RngExt as _};

/// A number, or `A-B`, from which one is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Range {
    pub(super) fn draw(self, rng: &mut impl Rng) -> u64 {
        rng.random_range(self.least..=self.most)
    }
}
