//! Messages from acceptance until confirmation: what waits for a connection, what is confirmed,
//! what must be sent again. Pure.
//!
//! Numbers count the front end's messages over the whole run, from 1. Messages sent on open and
//! heartbeats have none.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::mem::size_of;

use bytes::Bytes;

use crate::event::Delivery;
use crate::message::Message;
use crate::template::{self, Place, Value};

/// The placeholder for the number, with [`Confirm::Number`].
const NUMBER: &str = "n";

/// What confirms a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// A pong for a ping that was sent after it: frames are handled in order, so the peer's
    /// endpoint has read the message. Its application may not have.
    Pong,
    /// The n-th data message received on a connection confirms the n-th sent on it.
    Reply,
    /// A received message acknowledges it by its number.
    Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub confirm: Option<Confirm>,
    /// Whether replies are counted even though they confirm nothing.
    pub counts_replies: bool,
    /// The memory that waiting messages may take, in bytes; one message is always allowed.
    pub limit: usize,
    /// Without confirmations, whether a message that was not completely sent on one connection is
    /// sent on the next.
    pub resend: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            confirm: None,
            counts_replies: false,
            limit: 16 << 20,
            resend: false,
        }
    }
}

/// The message that a received data message replies to, if the n-th received on a connection is the
/// reply to the n-th sent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No message of ours waits for a reply, or replies are not counted.
    Unasked,
    /// A message without a number.
    ToExtra,
    /// A message with a number, and whether this confirms it for the first time.
    ToNumbered { confirms: bool },
}

/// A message to be handed to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    pub number: u64,
    pub message: Message,
    /// An earlier connection was handed it too.
    pub repeat: bool,
}

/// A ping of ours, and the last message before it.
#[derive(Clone, Debug)]
struct PingBarrier {
    ping: Bytes,
    last: u64,
}

/// A waiting message, or the gap of one that was confirmed out of order.
#[derive(Clone, Debug)]
struct Entry {
    number: u64,
    message: Option<Message>,
}

/// Memory that a waiting message takes in addition to its bytes: its slot in a queue that may have
/// twice the capacity, and its share of the batches in which messages are read.
const OVERHEAD: usize = 3 * size_of::<Entry>();

/// Memory overhead of a message with its own allocation.
const OWN_ALLOCATION: usize = 64;

/// Number of gaps that is not worth compacting.
const FEW_GAPS: usize = 64;

/// Messages below this size share the block they were read with. Those that outlive their
/// neighbours are copied, because a single one would keep all of its block.
const SMALL: usize = 32 * 1024;

#[derive(Clone, Debug)]
pub struct Outbox {
    options: Options,
    /// Unconfirmed messages, by number.
    waiting: VecDeque<Entry>,
    /// Number of messages in `waiting`.
    count: usize,
    bytes: usize,
    /// The position in `waiting` of the next message for this connection.
    cursor: usize,
    /// The number of the last accepted message.
    last: u64,
    /// The highest number that any connection was handed.
    handed: u64,
    /// The lowest and the latest number that this connection was handed.
    on_this_connection: Option<(u64, u64)>,
    /// Messages repeated on this connection and not reported yet.
    repeats: Vec<(u64, u64)>,
    /// Data messages sent on this connection and not replied to: whether they have numbers, and how
    /// many in a row.
    awaited: VecDeque<(bool, u64)>,
    marks: VecDeque<PingBarrier>,
    /// Without confirmations, the last message, if its connection did not send it completely.
    cut_off: Option<(u64, Message)>,
    delivery: Delivery,
    uncertain: u64,
}

impl Outbox {
    pub fn new(options: Options) -> Self {
        Outbox {
            options,
            waiting: VecDeque::new(),
            count: 0,
            bytes: 0,
            cursor: 0,
            last: 0,
            handed: 0,
            on_this_connection: None,
            repeats: Vec::new(),
            awaited: VecDeque::new(),
            marks: VecDeque::new(),
            cut_off: None,
            delivery: Delivery::default(),
            uncertain: 0,
        }
    }

    /// Whether another message may be accepted.
    pub fn has_room(&self) -> bool {
        self.count == 0 || self.bytes < self.options.limit
    }

    /// The number of a message that is sent at once and not kept, if nothing is confirmed.
    pub fn pass(&mut self) -> Option<u64> {
        if self.options.confirm.is_some() {
            return None;
        }
        self.last += 1;
        self.record(self.last);
        self.await_reply(true);
        Some(self.last)
    }

    /// Accepts a message. It is handed over by [`Outbox::next_to_send`].
    pub fn push(&mut self, mut message: Message) {
        self.last += 1;
        if self.options.confirm == Some(Confirm::Number) {
            message = numbered(message, self.last);
        }
        self.bytes += self.cost(&message);
        self.count += 1;
        self.waiting.push_back(Entry {
            number: self.last,
            message: Some(message),
        });
    }

    /// Whether [`Outbox::next_to_send`] would return a message.
    pub fn has_next(&self) -> bool {
        self.cursor < self.waiting.len() || self.cut_off.is_some()
    }

    /// Whether the next message was handed to an earlier connection that did not send it
    /// completely, without confirmations.
    pub fn was_cut_off(&self) -> bool {
        self.cut_off.is_some()
    }

    /// The next message for this connection: first those that no earlier connection could deliver.
    pub fn next_to_send(&mut self) -> Option<Handed> {
        if let Some((number, message)) = self.cut_off.take() {
            return Some(Handed {
                number,
                message,
                repeat: self.record(number),
            });
        }
        loop {
            let Entry { number, message } = self.waiting.get(self.cursor)?;
            self.cursor += 1;
            if let Some(message) = message {
                let (number, message) = (*number, message.clone());
                self.pass_gaps();
                let repeat = self.record(number);
                self.await_reply(true);
                return Some(Handed {
                    number,
                    message,
                    repeat,
                });
            }
        }
    }

    /// Records that this connection is handed the message; returns whether an earlier one was.
    fn record(&mut self, number: u64) -> bool {
        let repeat = number <= self.handed;
        self.handed = self.handed.max(number);
        let first = self.on_this_connection.map_or(number, |(first, _)| first);
        self.on_this_connection = Some((first, number));
        if repeat {
            self.delivery.repeated += 1;
            extend(&mut self.repeats, number);
        }
        repeat
    }

    /// A data message without a number was sent.
    pub fn handle_extra(&mut self) {
        self.await_reply(false);
    }

    fn await_reply(&mut self, numbered: bool) {
        if self.options.confirm != Some(Confirm::Reply) && !self.options.counts_replies {
            return;
        }
        match self.awaited.back_mut() {
            Some((same, count)) if *same == numbered => *count += 1,
            _ => self.awaited.push_back((numbered, 1)),
        }
    }

    /// Begins a connection: everything unconfirmed must be handed to it. Returns the number of
    /// messages that are dropped, because only the previous connection could have sent them.
    pub fn handle_open(&mut self) -> usize {
        self.cursor = 0;
        self.pass_gaps();
        self.on_this_connection = None;
        self.awaited.clear();
        self.marks.clear();
        let dropped = self.cut_off.take_if(|_| !self.options.resend);
        usize::from(dropped.is_some())
    }

    /// The connection has ended before it completely sent the last message. It must be called
    /// before [`Outbox::handle_ended`].
    pub fn handle_cut_off(&mut self, number: u64, message: Message) {
        if self.options.confirm.is_some() {
            // The message is among the unconfirmed ones.
            return;
        }
        self.on_this_connection = self.on_this_connection.filter(|(first, _)| *first < number);
        if let Some((_, last)) = &mut self.on_this_connection {
            *last = number - 1;
        }
        self.handed = number - 1;
        self.cut_off = Some((number, message));
    }

    /// Messages without confirmation that no connection has sent completely.
    pub fn unsent(&self) -> usize {
        usize::from(self.cut_off.is_some())
    }

    /// A data message arrived; returns what it replies to.
    pub fn handle_reply(&mut self) -> Reply {
        let Some((numbered, count)) = self.awaited.front_mut() else {
            return Reply::Unasked;
        };
        let numbered = *numbered;
        *count -= 1;
        if *count == 0 {
            self.awaited.pop_front();
        }
        if !numbered {
            return Reply::ToExtra;
        }
        // Replies arrive in order, so it is the oldest.
        let confirms = self.options.confirm == Some(Confirm::Reply) && self.confirm_first();
        Reply::ToNumbered { confirms }
    }

    /// The message with this number was acknowledged; returns whether that is new.
    pub fn handle_ack(&mut self, number: u64) -> bool {
        number <= self.handed && self.confirm(number)
    }

    /// Whether the pong to a ping would confirm something.
    pub fn wants_ping(&self) -> bool {
        // One at a time: the next ping follows the pong for this one.
        self.options.confirm == Some(Confirm::Pong) && self.marks.is_empty() && self.cursor > 0
    }

    /// A ping of ours was sent after everything handed over so far.
    pub fn handle_ping(&mut self, ping: &Bytes) {
        if self.options.confirm == Some(Confirm::Pong) {
            self.marks.push_back(PingBarrier {
                ping: ping.clone(),
                last: self.on_this_connection.map_or(0, |(_, last)| last),
            });
        }
    }

    /// A ping of ours was sent between the fragments of the last message: its pong does not confirm
    /// that message.
    pub fn handle_ping_within(&mut self, ping: &Bytes) {
        self.handle_ping(ping);
        if let Some(mark) = self.marks.back_mut() {
            mark.last = mark.last.saturating_sub(1);
        }
    }

    /// A pong arrived; returns whether it confirms anything. It may answer only the latest of
    /// several pings (RFC 6455 §5.5.3).
    pub fn handle_pong(&mut self, data: &[u8]) -> bool {
        let Some(answered) = self.marks.iter().position(|mark| mark.ping == data) else {
            return false;
        };
        let last = self.marks[answered].last;
        self.marks.drain(..=answered);
        let before = self.count;
        while self
            .waiting
            .front()
            .is_some_and(|entry| entry.number <= last)
        {
            self.confirm_first();
        }
        self.count < before
    }

    fn confirm_first(&mut self) -> bool {
        let first = self.waiting.front().map(|entry| entry.number);
        first.is_some_and(|number| self.confirm(number))
    }

    fn confirm(&mut self, number: u64) -> bool {
        // Usually it is the first.
        let place = match self.waiting.front() {
            Some(entry) if entry.number == number => Ok(0),
            _ => self
                .waiting
                .binary_search_by_key(&number, |entry| entry.number),
        };
        let Some(message) = place.ok().and_then(|at| self.waiting[at].message.take()) else {
            return false;
        };
        self.bytes -= self.cost(&message);
        self.count -= 1;
        self.delivery.confirmed += 1;
        self.close_gaps();
        self.pass_gaps();
        true
    }

    /// Moves on to the next message that has not been confirmed.
    fn pass_gaps(&mut self) {
        let rest = self.waiting.range(self.cursor.min(self.waiting.len())..);
        self.cursor += rest.take_while(|entry| entry.message.is_none()).count();
    }

    fn close_gaps(&mut self) {
        while self
            .waiting
            .pop_front_if(|entry| entry.message.is_none())
            .is_some()
        {
            self.cursor = self.cursor.saturating_sub(1);
        }
        if self.waiting.is_empty() {
            // The memory that a long outage needed is returned to the system.
            self.waiting.shrink_to(1024);
        } else if self.waiting.len() - self.count > self.count.max(FEW_GAPS) {
            let before = self.waiting.range(..self.cursor);
            self.cursor = before.filter(|entry| entry.message.is_some()).count();
            self.waiting.retain_mut(|entry| {
                if let Some(message) = &mut entry.message
                    && message.len() < SMALL
                {
                    *message = message.to_compact();
                }
                entry.message.is_some()
            });
        }
    }

    /// One eighth more than its bytes, for the overhead of allocations.
    fn cost(&self, message: &Message) -> usize {
        let bytes = message.len();
        let own_allocation = match self.options.confirm {
            Some(Confirm::Number) => OWN_ALLOCATION,
            _ => 0,
        };
        bytes + bytes / 8 + OVERHEAD + own_allocation
    }

    /// The connection has ended. Without `--confirm`, everything it was handed is uncertain from
    /// now on; `answered` is whether the peer's answer to our Close shows that it has read all of
    /// it.
    pub fn handle_ended(&mut self, answered: bool) -> Option<(u64, u64)> {
        let (first, last) = self.on_this_connection.take()?;
        if answered || self.options.confirm.is_some() {
            return None;
        }
        self.uncertain += last - first + 1;
        Some((first, last))
    }

    /// What was sent again on this connection, once all of that is done (or `over`).
    pub fn poll_repeats(&mut self, over: bool) -> Option<Vec<(u64, u64)>> {
        let next = self.waiting.get(self.cursor);
        let done = over || next.is_none_or(|next| next.number > self.handed);
        (done && !self.repeats.is_empty()).then(|| std::mem::take(&mut self.repeats))
    }

    /// Number of accepted messages that may not have arrived.
    pub fn unconfirmed(&self) -> u64 {
        self.uncertain + self.count as u64
    }

    /// The numbers of the messages that [`Outbox::unconfirmed`] counts and that are kept.
    pub fn unconfirmed_numbers(&self) -> Vec<(u64, u64)> {
        let mut runs = Vec::new();
        for entry in self.waiting.iter().filter(|entry| entry.message.is_some()) {
            extend(&mut runs, entry.number);
        }
        runs
    }

    /// `None` without `--confirm`.
    pub fn delivery(&self) -> Option<Delivery> {
        self.options.confirm.map(|_| self.delivery)
    }
}

/// Appends a number to the runs.
fn extend(runs: &mut Vec<(u64, u64)>, number: u64) {
    match runs.last_mut() {
        Some((_, last)) if *last + 1 == number => *last = number,
        _ => runs.push((number, number)),
    }
}

/// The message with its number in every placeholder.
fn numbered(message: Message, number: u64) -> Message {
    if !template::mentions(message.payload(), NUMBER) {
        return message;
    }
    let value = |name: &str| (name == NUMBER).then_some(Value::Number(number));
    match message {
        Message::Text(text) => Message::text(template::fill(&text, Place::Message, value)),
        Message::Binary(data) => Message::binary(template::fill_bytes(&data, value)),
    }
}
