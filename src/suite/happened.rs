//! What has happened on a connection and no step has asked for yet. Pure.
//!
//! Messages, pings and pongs, and what becomes of the connection are kept apart: a step that waits for a
//! pong leaves the messages before it to the steps that follow.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::close::Close;
use crate::message::Message;

/// Messages that wait for a step, at most; while there are more, nothing is read.
pub(super) const MOST_MESSAGES: usize = 10_000;

/// What they may hold together, in bytes.
const MOST_BYTES: usize = 256 << 20;

/// Pings and pongs that are kept; of more, the first ones are dropped.
const MOST_CONTROLS: usize = 1_000;

/// Something, when it came, and after how much else.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Came<T> {
    pub(super) at: Instant,
    /// Orders what is kept apart.
    pub(super) order: u64,
    pub(super) what: T,
}

/// A message as the steps see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrived {
    /// What it decoded to, with `--decode`, and one record of it, with `--split`.
    pub(super) message: Message,
    /// 1 or 2, as it was received.
    pub(super) opcode: u8,
    /// How it does not fit the schema of the command line, one line each; empty if it fits.
    pub(super) misfits: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ControlFrame {
    Ping(Bytes),
    Pong(Bytes),
}

/// What became of the connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// It is open, for the first time or again.
    Open,
    /// The peer has sent a Close, first or in answer to ours.
    Closed(Close),
    /// It is gone, and the peer has sent no Close.
    Lost,
}

/// All of it, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) messages: VecDeque<Came<Arrived>>,
    pub(super) controls: VecDeque<Came<ControlFrame>>,
    pub(super) turns: VecDeque<Came<Turn>>,
    bytes: usize,
    order: u64,
    /// No step will ask for messages any more.
    is_over: bool,
}

impl Happened {
    /// Whether another message may be read.
    pub(super) fn has_room(&self) -> bool {
        self.messages.len() < MOST_MESSAGES && self.bytes < MOST_BYTES
    }

    pub(super) fn push_message(&mut self, at: Instant, arrived: Arrived) {
        if self.is_over {
            return;
        }
        self.bytes += arrived.message.len();
        let came = self.came(at, arrived);
        self.messages.push_back(came);
    }

    /// Drops the messages, and those that come from now on, so that what comes behind them is read.
    pub(super) fn end_messages(&mut self) {
        self.messages.clear();
        (self.bytes, self.is_over) = (0, true);
    }

    pub(super) fn push_control(&mut self, at: Instant, frame: ControlFrame) {
        if self.controls.len() >= MOST_CONTROLS {
            self.controls.pop_front();
        }
        let came = self.came(at, frame);
        self.controls.push_back(came);
    }

    pub(super) fn push_turn(&mut self, at: Instant, turn: Turn) {
        let came = self.came(at, turn);
        self.turns.push_back(came);
    }

    fn came<T>(&mut self, at: Instant, what: T) -> Came<T> {
        self.order += 1;
        Came {
            at,
            order: self.order,
            what,
        }
    }

    /// Takes the first message.
    pub(super) fn next_message(&mut self) -> Option<Came<Arrived>> {
        let came = self.messages.pop_front()?;
        self.bytes -= came.what.message.len();
        Some(came)
    }

    /// Takes the first message, if it came by then. Of a flood, the messages that come while others are
    /// examined are for the steps that follow.
    pub(super) fn message_until(&mut self, late: Instant) -> Option<Came<Arrived>> {
        match self.messages.front()?.at <= late {
            true => self.next_message(),
            false => None,
        }
    }

    /// Takes the first message, if it came before `order`.
    pub(super) fn message_before(&mut self, order: u64) -> Option<Came<Arrived>> {
        let first = self.messages.front()?;
        match first.order < order {
            true => self.next_message(),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Arrived {
        Arrived {
            message: Message::text(text),
            opcode: 1,
            misfits: Vec::new(),
        }
    }

    #[test]
    fn what_is_kept_apart_is_still_in_order() {
        let (mut happened, now) = (Happened::default(), Instant::now());
        happened.push_message(now, text("a"));
        happened.push_turn(now, Turn::Lost);
        happened.push_message(now, text("b"));
        let lost = happened.turns.pop_front().unwrap();
        assert_eq!(happened.message_before(lost.order).unwrap().what, text("a"));
        assert_eq!(happened.message_before(lost.order), None);
        assert_eq!(happened.next_message().unwrap().what, text("b"));
        assert_eq!(happened.bytes, 0);
    }

    #[test]
    fn messages_without_end_stop_the_reading() {
        let (mut happened, now) = (Happened::default(), Instant::now());
        (0..MOST_MESSAGES).for_each(|_| happened.push_message(now, text("x")));
        assert!(!happened.has_room());
        happened.next_message();
        assert!(happened.has_room());
    }

    #[test]
    fn at_the_end_messages_are_dropped() {
        let (mut happened, now) = (Happened::default(), Instant::now());
        (0..MOST_MESSAGES).for_each(|_| happened.push_message(now, text("x")));
        happened.end_messages();
        happened.push_message(now, text("x"));
        assert!(happened.has_room() && happened.messages.is_empty());
    }

    #[test]
    fn of_pings_without_end_the_last_ones_are_kept() {
        let (mut happened, now) = (Happened::default(), Instant::now());
        for n in 0..=MOST_CONTROLS {
            let data = Bytes::from(n.to_string());
            happened.push_control(now, ControlFrame::Ping(data));
        }
        let first = &happened.controls.front().unwrap().what;
        assert_eq!(first, &ControlFrame::Ping(Bytes::from("1")));
    }
}
