//! What the connections of the debug server share, behind locks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::chat::Chat;
use super::hub::Hub;
use super::ledger::store::LedgerStore;
use super::replay::Replay;
use super::state::ServerState;

/// A handle to what all connections share.
#[derive(Clone, Default)]
pub(super) struct Shared {
    state: Arc<Mutex<ServerState>>,
    ledger: Arc<Mutex<LedgerStore>>,
    hub: Hub,
    stopping: Arc<AtomicBool>,
    chat: Arc<Mutex<Chat>>,
    /// What is played to every client, instead of the endpoints.
    replay: Option<Arc<Replay>>,
}

impl Shared {
    pub(super) fn new(state: ServerState, ledger: LedgerStore, hub: Hub) -> Self {
        Shared {
            state: Arc::new(Mutex::new(state)),
            ledger: Arc::new(Mutex::new(ledger)),
            hub,
            stopping: Arc::default(),
            chat: Arc::default(),
            replay: None,
        }
    }

    /// The same, where this is played to every client.
    #[must_use]
    pub(super) fn playing(self, replay: Option<Arc<Replay>>) -> Self {
        Shared { replay, ..self }
    }

    pub(super) fn replay(&self) -> Option<&Arc<Replay>> {
        self.replay.as_ref()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ServerState> {
        lock(&self.state)
    }

    /// Notes that the server is going away.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is going away.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn ledger(&self) -> &Arc<Mutex<LedgerStore>> {
        &self.ledger
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(super) fn chat(&self) -> MutexGuard<'_, Chat> {
        lock(&self.chat)
    }
}

/// Locks `mutex`, also where a connection has panicked under the lock: that ends this connection,
/// and what is kept there is whole after every single step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panicking_connection_does_not_affect_others() {
        let shared = Shared::default();
        let theirs = shared.clone();
        let panicked = std::thread::spawn(move || {
            let (_state, _ledger) = (theirs.state(), lock(theirs.ledger()));
            std::panic::resume_unwind(Box::new("a mistake of ours"));
        });
        assert!(panicked.join().is_err() && shared.ledger.is_poisoned());
        drop(shared.state());
        drop(lock(shared.ledger()));
    }
}
