//! Spares polls that would find nothing: a poll that was pending is repeated only after its waker was
//! woken. The engine clears its whole read buffer before every read, so that a read in vain, whenever
//! something is sent or a timer fires, costs more than a small message. It must never hold back a poll
//! that could be ready: what is polled must depend on nothing but what wakes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What is known of the last poll.
#[derive(Debug, Default)]
pub struct Wakes {
    /// Made at the first poll, and again when another task polls.
    bound: Option<Bound>,
    /// The last poll was pending.
    pending: bool,
}

/// What is polled with.
#[derive(Debug)]
struct Bound {
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// The one of the task, as the bell has it, but not where others write.
    task: Waker,
}

impl Bound {
    fn to(task: &Waker) -> Self {
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(false),
            task: task.clone(),
        });
        Bound {
            waker: Waker::from(bell.clone()),
            task: task.clone(),
            bell,
        }
    }
}

/// Wakes a task, and remembers that. On a line of its own in the cache: what its neighbours in memory
/// write in other threads would make every look at it as slow as a message.
#[derive(Debug)]
#[repr(align(64))]
struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The task must see it when it is polled. While polls are ready nobody looks, so that one may be
        // repeated in vain later.
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Wakes {
    /// Polls, unless that was pending and nothing has woken it since.
    pub fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let bound = match &mut self.bound {
            Some(bound) if bound.task.will_wake(cx.waker()) => bound,
            bound => {
                self.pending = false;
                bound.insert(Bound::to(cx.waker()))
            }
        };
        if self.pending {
            if !bound.bell.rung.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            // A wake from here on is seen by the poll, or comes after it has left its waker.
            bound.bell.rung.store(false, Ordering::Release);
        }
        let polled = poll(&mut Context::from_waker(&bound.waker));
        self.pending = polled.is_pending();
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Polls what is pending, leaves its waker in `left`, and returns whether it was really polled.
    fn was_polled(wakes: &mut Wakes, task: &Waker, left: &Cell<Option<Waker>>) -> bool {
        let polls = Cell::new(0);
        let polled = wakes.poll(&mut Context::from_waker(task), |cx| {
            polls.set(polls.get() + 1);
            left.set(Some(cx.waker().clone()));
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        polls.get() == 1
    }

    /// A task that counts how often it was woken.
    fn task() -> (Arc<Bell>, Waker) {
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(false),
            task: Waker::noop().clone(),
        });
        (bell.clone(), Waker::from(bell))
    }

    #[test]
    fn what_is_pending_is_polled_again_only_when_it_was_woken() {
        let (woken, task) = task();
        let (mut wakes, left) = (Wakes::default(), Cell::default());
        assert!(was_polled(&mut wakes, &task, &left), "the first time");
        assert!(!was_polled(&mut wakes, &task, &left), "nothing woke it");
        assert!(!woken.rung.load(Ordering::Acquire));
        left.take().expect("a waker was left").wake();
        assert!(woken.rung.load(Ordering::Acquire), "the task is woken");
        assert!(was_polled(&mut wakes, &task, &left), "it was woken");
        assert!(!was_polled(&mut wakes, &task, &left), "only once");
    }

    #[test]
    fn what_was_ready_is_polled_again() {
        let (_, task) = task();
        let mut wakes = Wakes::default();
        for message in 0..3 {
            let polled = wakes.poll(&mut Context::from_waker(&task), |_| Poll::Ready(message));
            assert_eq!(polled, Poll::Ready(message));
        }
    }

    #[test]
    fn a_wake_during_the_poll_counts() {
        let (_, task) = task();
        let (mut wakes, left) = (Wakes::default(), Cell::default());
        let polled = wakes.poll(&mut Context::from_waker(&task), |cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert!(was_polled(&mut wakes, &task, &left));
    }

    #[test]
    fn another_task_polls_at_once() {
        let (_, first) = task();
        let (woken, second) = task();
        let (mut wakes, left) = (Wakes::default(), Cell::default());
        assert!(was_polled(&mut wakes, &first, &left));
        assert!(was_polled(&mut wakes, &second, &left));
        left.take().expect("a waker was left").wake();
        assert!(woken.rung.load(Ordering::Acquire));
        assert!(was_polled(&mut wakes, &second, &left));
    }
}
