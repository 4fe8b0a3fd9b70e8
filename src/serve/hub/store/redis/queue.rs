//! The requests that wait for Redis, in their order. Pure: `now` is an argument.
//!
//! A request that was sent and whose answer was lost may have been done. It is sent again under the same
//! number until the answer is known. One that was never sent gives up after a while, but for the end of a
//! connection and the like, which must not be lost and which nobody waits for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::{Request, Ticket};

/// How long a request waits to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest number of requests that are sent at once.
const BATCH: usize = 128;

/// A request of the hub.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
    pub(super) since: Instant,
    /// How many resets the hub knew of.
    pub(super) resets: u64,
}

impl Asked {
    fn must_be_done(&self) -> bool {
        matches!(
            self.request,
            Request::Depart { .. } | Request::Delivered { .. } | Request::Prune { .. }
        )
    }

    fn gives_up(&self, now: Instant) -> bool {
        !self.must_be_done() && now.saturating_duration_since(self.since) >= PATIENCE
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Asked>,
    /// What was sent and is not answered, with its number.
    sent: VecDeque<(u64, Asked)>,
    numbered: u64,
    resets: u64,
}

impl Queue {
    /// Takes a request, unless the hub will not take its answer.
    pub(super) fn push(&mut self, asked: Asked) {
        if asked.resets >= self.resets {
            self.waiting.push_back(asked);
        }
    }

    /// Drops all that was asked: the process begins anew.
    pub(super) fn reset(&mut self) {
        *self = Queue {
            resets: self.resets + 1,
            ..Queue::default()
        };
    }

    /// What is to be sent now: again what was sent and not answered, or what comes next.
    pub(super) fn batch(&mut self) -> &VecDeque<(u64, Asked)> {
        if self.sent.is_empty() {
            let count = self.waiting.len().min(BATCH);
            for asked in self.waiting.drain(..count) {
                self.numbered += 1;
                self.sent.push_back((self.numbered, asked));
            }
        }
        &self.sent
    }

    /// The first of those that were sent and not answered.
    pub(super) fn first_sent(&self) -> Option<&Asked> {
        self.sent.front().map(|(_, asked)| asked)
    }

    /// The first of those that were sent is answered; `again` says that it is to be made once more.
    pub(super) fn answered(&mut self, again: bool) {
        if let Some((_, asked)) = self.sent.pop_front()
            && again
        {
            self.waiting.push_back(asked);
        }
    }

    /// The first of those that were sent was refused, and has not been done. What must be done waits
    /// again; any other request is returned.
    pub(super) fn refused(&mut self) -> Option<Asked> {
        let (_, asked) = self.sent.pop_front()?;
        if asked.must_be_done() {
            self.waiting.push_back(asked);
            return None;
        }
        Some(asked)
    }

    /// The first that has waited too long to be sent, and may be told so.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Asked> {
        let index = self.waiting.iter().position(|asked| asked.gives_up(now))?;
        self.waiting.remove(index)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Conn;
    use super::*;

    fn asked(ticket: u64, since: Instant, request: Request) -> Asked {
        Asked {
            ticket: Ticket(ticket),
            request,
            since,
            resets: 0,
        }
    }

    fn numbers(queue: &mut Queue) -> Vec<(u64, u64)> {
        let batch = queue.batch().iter();
        batch.map(|(number, a)| (*number, a.ticket.0)).collect()
    }

    #[test]
    fn what_is_not_answered_is_sent_again_under_its_number() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for ticket in 7..10 {
            queue.push(asked(ticket, now, Request::Clients));
        }
        assert_eq!(numbers(&mut queue), [(1, 7), (2, 8), (3, 9)]);
        queue.answered(false);
        queue.push(asked(10, now, Request::Rooms));
        assert_eq!(numbers(&mut queue), [(2, 8), (3, 9)]);
        queue.answered(false);
        queue.answered(true);
        assert_eq!(numbers(&mut queue), [(4, 10), (5, 9)]);
        assert_eq!(queue.refused().unwrap().ticket, Ticket(10));
        queue.answered(false);
        assert!(queue.is_empty() && queue.first_sent().is_none());
    }

    #[test]
    fn what_was_never_sent_gives_up_but_not_the_end_of_a_connection() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let depart = Request::Depart {
            conn: Conn(1),
            code: 1000,
            reason: "".into(),
            delivered: 0,
        };
        queue.push(asked(1, now, Request::Clients));
        queue.batch();
        queue.push(asked(2, now, depart));
        queue.push(asked(3, now, Request::Rooms));
        assert!(queue.expired(now + PATIENCE / 2).is_none());
        assert_eq!(queue.expired(now + PATIENCE).unwrap().ticket, Ticket(3));
        assert!(queue.expired(now + PATIENCE * 9).is_none());
    }

    #[test]
    fn a_reset_drops_what_the_hub_asked_before_it_knew() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.push(asked(1, now, Request::Clients));
        queue.reset();
        queue.push(asked(2, now, Request::Clients));
        let mut later = asked(3, now, Request::Clients);
        later.resets = 1;
        queue.push(later);
        assert_eq!(numbers(&mut queue), [(1, 3)]);
    }
}
