//! What waits to be sent to one connection. The hub fills it; the task of the connection empties it.
//! It is never locked while something is awaited, and never before the hub.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::batch::Run;
use super::machine::Outgoing;
use super::options::Options;
use super::store::Conn;
use crate::close::Close;

/// How often what may wait is exceeded before even a client that others wait for is given up: notices,
/// and messages of other processes, have no sender that could wait.
const HARD_LIMIT: usize = 4;

/// How many times as many messages may wait for a connection that has had no turn since the last was
/// sent: that the server is busy is not the client's fault. In a crowd, each of thousands who join is a
/// notice for all others.
const GRACE: usize = 64;

/// An empty outbox keeps room for this many.
const KEPT: usize = 8;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Limits {
    pub(super) fn new(options: &Options) -> Self {
        Limits {
            messages: options.max_waiting,
            bytes: options.max_waiting_bytes,
        }
    }
}

/// The messages for a connection, and whether it is read.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    limits: Limits,
    changed: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Item>,
    /// What waits and was not asked for: pages are.
    messages: usize,
    bytes: usize,
    /// The task of the connection is sending: what waits, waits for the client.
    sending: bool,
    close: Option<Close>,
    /// The Close does not wait for the messages.
    at_once: bool,
    paused: bool,
    /// How many connections this one waits for.
    blocked_on: usize,
    /// Connections that wait for this one.
    waiting: Vec<Conn>,
    report_drained: bool,
    delivered_changed: bool,
    delivered: u64,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) enum Item {
    Message(Outgoing),
    /// A message of a page, which does not count.
    OfPage(Outgoing),
    Run(Run),
}

impl Item {
    /// The number and the bytes of the messages that count.
    fn volume(&self) -> (usize, usize) {
        match self {
            Item::Message(outgoing) => (1, outgoing.message.len()),
            Item::OfPage(_) => (0, 0),
            Item::Run(run) => (run.len(), run.payload()),
        }
    }
}

impl Outbox {
    pub(super) fn new(limits: Limits) -> Self {
        Outbox {
            state: Mutex::default(),
            limits,
            changed: Notify::new(),
            closed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds messages; returns how full the outbox was before.
    pub(super) fn push(&self, item: Item) -> Fill {
        let mut state = self.state();
        if state.close.is_some() {
            return Fill::Room;
        }
        let fill = state.fill(self.limits);
        let (messages, bytes) = item.volume();
        state.messages += messages;
        state.bytes += bytes;
        state.queue.push_back(item);
        drop(state);
        self.changed.notify_one();
        fill
    }

    /// Adds the messages of a page.
    pub(super) fn push_page(&self, page: Vec<Outgoing>) {
        let mut state = self.state();
        if state.close.is_none() {
            state.queue.extend(page.into_iter().map(Item::OfPage));
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the connection, once what waits has been sent.
    pub(super) fn close(&self, close: Close) {
        self.state().close.get_or_insert(close);
        self.changed.notify_one();
    }

    /// Ends the connection and drops what waits.
    pub(super) fn close_at_once(&self, close: Close) {
        let mut state = self.state();
        state.close.get_or_insert(close);
        state.at_once = true;
        state.queue.clear();
        drop(state);
        self.closed.notify_one();
    }

    pub(super) fn pause(&self, paused: bool) {
        self.state().paused = paused;
        self.changed.notify_one();
    }

    /// The connection waits for another one.
    pub(super) fn block(&self) {
        self.state().blocked_on += 1;
    }

    /// It waits for one less.
    pub(super) fn unblock(&self) {
        let mut state = self.state();
        state.blocked_on = state.blocked_on.saturating_sub(1);
        drop(state);
        self.changed.notify_one();
    }

    /// Lets `conn` wait for this connection; returns whether it waits now, and did not before. It does not
    /// where there is room again: the task of this connection may have sent everything meanwhile, and then
    /// nobody would ever release `conn`.
    pub(super) fn add_waiting(&self, conn: Conn) -> bool {
        let mut state = self.state();
        let is_new = state.has_half(self.limits) && !state.waiting.contains(&conn);
        if is_new {
            state.waiting.push(conn);
        }
        is_new
    }

    /// [`Outbox::take_drained`] is to be true when all has been sent.
    pub(super) fn report_drained(&self) {
        self.state().report_drained = true;
        self.changed.notify_one();
    }

    /// Takes what is to be sent next.
    pub(super) fn pop(&self) -> Option<Item> {
        let mut state = self.state();
        let Some(item) = state.queue.pop_front() else {
            if state.queue.capacity() > KEPT {
                state.queue = VecDeque::new();
            }
            return None;
        };
        let (messages, bytes) = item.volume();
        state.messages -= messages;
        state.bytes -= bytes;
        state.sending = true;
        Some(item)
    }

    /// Notes that messages to the user, up to this one, were sent.
    pub(super) fn set_delivered(&self, id: u64) {
        let mut state = self.state();
        if id > state.delivered {
            state.delivered = id;
            state.delivered_changed = true;
        }
    }

    /// What the hub is to know after all has been sent.
    pub(super) fn take_report(&self) -> Report {
        let mut state = self.state();
        state.sending = false;
        let changed = std::mem::take(&mut state.delivered_changed);
        let is_empty = state.queue.is_empty();
        Report {
            drained: is_empty && std::mem::take(&mut state.report_drained),
            delivered: Some(state.delivered).filter(|_| changed),
        }
    }

    pub(super) fn delivered(&self) -> u64 {
        self.state().delivered
    }

    /// Those that have waited long enough: there is room for more.
    pub(super) fn take_waiting(&self) -> Vec<Conn> {
        let mut state = self.state();
        if state.has_half(self.limits) {
            Vec::new()
        } else {
            std::mem::take(&mut state.waiting)
        }
    }

    /// Those that wait, whether or not there is room.
    pub(super) fn take_all_waiting(&self) -> Vec<Conn> {
        std::mem::take(&mut self.state().waiting)
    }

    /// The Close, once nothing else is to be sent.
    pub(super) fn ready_close(&self) -> Option<Close> {
        let state = self.state();
        state.close.clone().filter(|_| state.queue.is_empty())
    }

    /// Whether the client's messages may be read. One that does not read its answers is not read
    /// either.
    pub(super) fn may_read(&self) -> bool {
        let state = self.state();
        let is_free = !state.paused && state.blocked_on == 0;
        is_free && state.close.is_none() && !state.has_half(self.limits)
    }

    /// Waits for a change.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits for a Close that does not wait.
    pub(super) async fn closed(&self) -> Close {
        loop {
            {
                let state = self.state();
                if let Some(close) = state.close.clone().filter(|_| state.at_once) {
                    return close;
                }
            }
            self.closed.notified().await;
        }
    }
}

impl State {
    fn fill(&self, limits: Limits) -> Fill {
        if !self.sending && self.messages < limits.messages * GRACE {
            return match self.bytes < limits.bytes * HARD_LIMIT {
                true => Fill::Room,
                false => Fill::Overflow,
            };
        }
        let exceeds =
            |times| self.messages >= limits.messages * times || self.bytes >= limits.bytes * times;
        if exceeds(HARD_LIMIT) {
            Fill::Overflow
        } else if exceeds(1) {
            Fill::Full
        } else {
            Fill::Room
        }
    }

    fn has_half(&self, limits: Limits) -> bool {
        self.messages * 2 > limits.messages || self.bytes * 2 > limits.bytes
    }
}

/// What the hub is to know.
#[derive(Debug)]
pub(super) struct Report {
    pub drained: bool,
    pub delivered: Option<u64>,
}

/// How full an outbox was when a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Room,
    /// More waited than may.
    Full,
    /// Far more did.
    Overflow,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[test]
    fn nobody_waits_for_a_client_that_has_taken_everything() {
        let outbox = Outbox::new(Limits {
            messages: 2,
            bytes: 1000,
        });
        let push = || {
            let message = Message::text("x");
            outbox.push(Item::Message(Outgoing { message, direct: 0 }))
        };
        let fill = || {
            push();
            outbox.pop();
            let fills = [push(), push(), push()];
            assert_eq!(fills[2], Fill::Full);
        };
        fill();
        assert!(outbox.add_waiting(Conn(1)) && !outbox.add_waiting(Conn(1)));
        while outbox.pop().is_some() {}
        assert_eq!(outbox.take_waiting(), [Conn(1)]);
        // Taken between the message and its consequence.
        fill();
        while outbox.pop().is_some() {}
        assert!(outbox.take_waiting().is_empty());
        assert!(!outbox.add_waiting(Conn(2)) && outbox.take_all_waiting().is_empty());
    }

    #[test]
    fn a_client_is_slow_only_while_something_is_sent_to_it() {
        let limits = Limits {
            messages: 2,
            bytes: 1000,
        };
        let push = |outbox: &Outbox, text: &str| {
            let message = Message::text(text);
            outbox.push(Item::Message(Outgoing { message, direct: 0 }))
        };
        let outbox = Outbox::new(limits);
        for _ in 0..2 * GRACE {
            assert_eq!(push(&outbox, "x"), Fill::Room);
        }
        assert_eq!(push(&outbox, "x"), Fill::Overflow);
        while outbox.pop().is_some() {}
        outbox.take_report();
        for _ in 0..10 {
            assert_eq!(push(&outbox, "x"), Fill::Room);
        }
        outbox.pop();
        assert_eq!(push(&outbox, "x"), Fill::Overflow);
        let outbox = Outbox::new(limits);
        for _ in 0..4 {
            assert_eq!(push(&outbox, &"x".repeat(1000)), Fill::Room);
        }
        assert_eq!(push(&outbox, "x"), Fill::Overflow);
    }
}
