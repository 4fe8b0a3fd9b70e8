//! How far an attempt has come: what it waits for, for the message after a timeout, and how long each
//! step took.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::error::Stage;
use crate::event::Timing;

/// What an attempt does at the moment, and the steps that it has behind it. The attempt writes to it;
/// the caller reads it when its patience ends.
#[derive(Debug)]
pub struct Progress {
    current: RefCell<Current>,
    timing: RefCell<Timing>,
    started: Instant,
    /// When the caller's patience ends.
    deadline: Instant,
}

#[derive(Debug)]
struct Current {
    stage: Stage,
    /// What it waits for: `connecting to [::1]:80`.
    doing: String,
    since: Instant,
}

impl Progress {
    /// The beginning of an attempt, which the caller cancels at `deadline`.
    pub fn new(deadline: Instant) -> Progress {
        let current = Current {
            stage: Stage::Connect,
            doing: "starting".to_owned(),
            since: Instant::now(),
        };
        Progress {
            started: current.since,
            current: RefCell::new(current),
            timing: RefCell::default(),
            deadline,
        }
    }

    /// Begins a step: its stage, and what it waits for.
    pub fn enter(&self, stage: Stage, doing: impl Into<String>) {
        *self.current.borrow_mut() = Current {
            stage,
            doing: doing.into(),
            since: Instant::now(),
        };
    }

    /// Ends the current step, which has this name in the timing.
    pub fn finish(&self, name: &'static str) {
        let took = self.current.borrow().since.elapsed();
        self.timing.borrow_mut().push(name, took);
    }

    /// The number of steps that are finished.
    pub fn len(&self) -> usize {
        self.timing.borrow().steps().count()
    }

    /// Begins again on a fresh connection. All but the first `kept` steps so far, and the time between
    /// them, become one of this name.
    pub fn restart(&self, kept: usize, name: &'static str) {
        let mut timing = Timing::default();
        let mut took = self.started.elapsed();
        for (step, time) in self.timing().steps().take(kept) {
            timing.push(step, time);
            took = took.saturating_sub(time);
        }
        timing.push(name, took);
        *self.timing.borrow_mut() = timing;
    }

    /// The time until the deadline.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The stage of the current step.
    pub fn stage(&self) -> Stage {
        self.current.borrow().stage
    }

    /// What the current step waits for.
    pub fn doing(&self) -> String {
        self.current.borrow().doing.clone()
    }

    /// The steps that are finished.
    pub fn timing(&self) -> Timing {
        self.timing.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_after_a_redirect_is_a_step_of_its_own() {
        let progress = Progress::new(Instant::now());
        for name in ["tcp", "upgrade"] {
            progress.finish(name);
        }
        progress.restart(0, "redirect");
        let before = progress.len();
        for name in ["tcp", "tls"] {
            progress.finish(name);
        }
        progress.restart(before, "http2");
        progress.finish("tcp");
        let names: Vec<_> = progress.timing().steps().map(|(name, _)| name).collect();
        assert_eq!(names, ["redirect", "http2", "tcp"]);
    }
}
