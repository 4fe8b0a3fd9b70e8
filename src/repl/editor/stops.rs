//! Stopping this process, and learning that it goes on. It must never outrun the signal that stops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often this process has gone on.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// Signals are watched.
    watched: AtomicBool,
    continued: Mutex<u64>,
    changed: Condvar,
}

impl Stops {
    /// Stops this process group, and returns when it goes on: at once where nobody could continue it.
    pub(super) fn stop(&self) {
        let mut continued = self
            .continued
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = *continued;
        let sent = kill(Pid::from_raw(0), Signal::SIGTSTP);
        // The signal may stop another thread first, which this one must not outrun.
        while sent.is_ok() && self.watched.load(Ordering::SeqCst) && *continued == before {
            continued = self.wait(continued);
        }
    }

    /// Waits until this process goes on once more.
    pub(super) fn wait_once_more(&self) {
        drop(
            self.wait(
                self.continued
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
            ),
        );
    }

    fn wait<'a>(&self, continued: MutexGuard<'a, u64>) -> MutexGuard<'a, u64> {
        let continued = self.changed.wait(continued);
        continued.unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals are watched from here on.
    pub(super) fn set_watched(&self) {
        self.watched.store(true, Ordering::SeqCst);
    }

    /// This process goes on.
    pub(super) fn go_on(&self) {
        *self
            .continued
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }
}
