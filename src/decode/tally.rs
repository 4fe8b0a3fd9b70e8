//! What did not decode, counted by its reason. Pure.

use std::sync::{Arc, Mutex, PoisonError};

use super::wrong::Undecoded;

/// How many different reasons are counted. A command may give any number of them.
const MOST: usize = 16;

/// The messages that did not decode. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Vec<(Undecoded, u64)>>>);

impl Tally {
    /// Counts a message. Returns whether it is the first with this reason, wherever in the message
    /// that was.
    pub fn add(&self, undecoded: &Undecoded) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(it, _): &&mut (Undecoded, u64)| {
            it.step == undecoded.step && it.what == undecoded.what
        };
        if let Some((_, count)) = counts.iter_mut().find(same) {
            *count += 1;
            return false;
        }
        if counts.len() >= MOST {
            if let Some((_, count)) = counts.last_mut() {
                *count += 1;
            }
            return false;
        }
        counts.push((undecoded.clone(), 1));
        true
    }

    /// How many messages did not decode, in a sentence; none if all did.
    pub fn sentence(&self) -> Option<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum: u64 = counts.iter().map(|(_, count)| count).sum();
        match sum {
            0 => None,
            1 => Some("--decode: 1 message did not decode".to_owned()),
            _ => Some(format!("--decode: {sum} messages did not decode")),
        }
    }
}
