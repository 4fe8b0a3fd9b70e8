//! The one timer of the prompt: it is set to the next moment at which something is due.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// A timer that is set anew each time it is polled, at little cost if the moment is the same.
#[derive(Debug, Default)]
pub(super) struct Timer {
    set: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Timer {
    /// Ready once `due` has passed. Must be polled inside the runtime.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, due: Option<Instant>) -> Poll<()> {
        let Some(due) = due else {
            self.set = None;
            return Poll::Pending;
        };
        let (set, sleep) = self
            .set
            .get_or_insert_with(|| (due, Box::pin(sleep_until(due.into()))));
        if *set != due {
            *set = due;
            sleep.as_mut().reset(due.into());
        }
        sleep.as_mut().poll(cx)
    }
}
