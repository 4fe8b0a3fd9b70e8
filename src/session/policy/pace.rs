//! The pace of sending: `--rate` and `--lockstep`. Pure.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// The shortest time from one message to the next: 1/`--rate`.
    pub interval: Option<Duration>,
    /// Whether the next message waits for a reply.
    pub lockstep: bool,
}

/// Decides when the next message may be sent.
#[derive(Clone, Debug)]
pub struct Pace {
    options: Options,
    next: Option<Instant>,
    waiting: bool,
    /// A message was refused because it was too early.
    asked: bool,
}

impl Pace {
    pub fn new(options: Options) -> Self {
        Pace {
            options,
            next: None,
            waiting: false,
            asked: false,
        }
    }

    /// Whether messages are never held back.
    pub fn is_free(&self) -> bool {
        self.options == Options::default()
    }

    /// Whether a message may be sent now.
    pub fn ready(&mut self, now: Instant) -> bool {
        self.asked = self.next.is_some_and(|next| next > now);
        !self.waiting && !self.asked
    }

    /// There is no room for a message now, so no timer is needed.
    pub fn handle_no_room(&mut self) {
        self.asked = false;
    }

    pub fn handle_sent(&mut self, now: Instant) {
        self.waiting = self.options.lockstep;
        self.asked = false;
        if let Some(interval) = self.options.interval {
            // From the time it was due, so that the rate holds on average; but time in which there
            // was nothing to send is not made up for in a burst.
            let due = self.next.map_or(now, |next| {
                next.max(now.checked_sub(interval).unwrap_or(now))
            });
            self.next = Some(due + interval);
        }
    }

    /// A connection was opened, perhaps not the first: an awaited reply will not arrive.
    pub fn handle_opened(&mut self) {
        self.waiting = false;
    }

    /// The reply to the last message arrived.
    pub fn handle_reply(&mut self) {
        self.waiting = false;
    }

    /// When the next message may be sent, if one was refused only because it was too early.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next.filter(|_| self.asked && !self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_on_average_without_bursts() {
        let tenth = Duration::from_millis(100);
        let mut pace = Pace::new(Options {
            interval: Some(tenth),
            lockstep: false,
        });
        let start = Instant::now();
        assert!(pace.ready(start));
        pace.handle_sent(start);
        assert!(!pace.ready(start));
        assert_eq!(pace.poll_timeout(), Some(start + tenth));
        // A little late: the next one is not delayed.
        pace.handle_sent(start + tenth + tenth / 4);
        assert_eq!(pace.poll_timeout(), None, "nobody wants to send");
        assert!(!pace.ready(start + tenth + tenth / 2));
        assert_eq!(pace.poll_timeout(), Some(start + 2 * tenth));
        // Very late: no burst.
        pace.handle_sent(start + 100 * tenth);
        assert!(!pace.ready(start + 100 * tenth - Duration::from_millis(1)));
        assert!(pace.poll_timeout().unwrap() >= start + 100 * tenth);
    }

    #[test]
    fn lockstep_waits_for_the_reply() {
        let mut pace = Pace::new(Options {
            interval: None,
            lockstep: true,
        });
        let now = Instant::now();
        pace.handle_sent(now);
        assert!(!pace.ready(now));
        assert_eq!(pace.poll_timeout(), None);
        pace.handle_reply();
        assert!(pace.ready(now));
    }
}
