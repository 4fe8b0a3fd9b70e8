//! A timer for what changes on the screen by itself: a count of messages, the seconds until the next
//! attempt. It costs nothing while nothing is due.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it fires.
    armed: Option<Instant>,
}

impl Timer {
    /// Whether `deadline` has passed at `now`; otherwise the task is woken then.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Instant,
        now: Instant,
    ) -> Poll<()> {
        if deadline <= now {
            return Poll::Ready(());
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        if self.armed != Some(deadline) {
            sleep.as_mut().reset(deadline.into());
            self.armed = Some(deadline);
        }
        ready!(sleep.as_mut().poll(cx));
        self.armed = None;
        Poll::Ready(())
    }
}
