//! What clients are played from a recording. Pure but for a counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::record::replay::{Leg, Speed, Tape};

/// A recording whose server's half is played: each client gets the next connection of it, and after the
/// last one the first.
#[derive(Debug)]
pub struct Replay {
    legs: Vec<Arc<Leg>>,
    speed: Speed,
    /// What was left out of the recording, a sentence each.
    pub(super) notes: Vec<String>,
    /// How many clients there were.
    clients: AtomicUsize,
}

impl Replay {
    pub fn new(tape: Tape, speed: Speed) -> Replay {
        Replay {
            notes: tape.notes.clone(),
            legs: tape.legs().into_iter().map(Arc::new).collect(),
            speed,
            clients: AtomicUsize::new(0),
        }
    }

    pub(super) fn speed(&self) -> Speed {
        self.speed
    }

    /// Takes the place of the next client, and returns what it is played.
    pub(super) fn next(&self) -> Arc<Leg> {
        let before = self.clients.fetch_add(1, Ordering::Relaxed);
        let index = before.checked_rem(self.legs.len()).unwrap_or_default();
        self.legs.get(index).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_the_connections_in_turn() {
        let lines = [1, 2].map(|number| {
            format!("{{\"type\":\"header\"}}\n{{\"type\":\"open\",\"t\":{number},\"conn\":1}}\n")
        });
        let tape = Tape::read(lines.concat().as_bytes()).unwrap();
        let replay = Replay::new(tape, Speed::Max);
        let entries = [(); 5].map(|()| replay.next().entry);
        assert_eq!(entries, [1, 2, 1, 2, 1]);
        let nothing = Replay::new(Tape::default(), Speed::Max);
        assert_eq!(*nothing.next(), Leg::default());
    }
}
