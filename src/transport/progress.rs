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

    /// Begins again on a fresh connection. What all steps so far took is one step of this name.
    pub fn restart(&self, name: &'static str) {
        let took = self.started.elapsed();
        *self.timing.borrow_mut() = Timing::from([(name, took)]);
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
