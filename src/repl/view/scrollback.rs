//! The messages that were sent and received last, for `/last`, `/more` and `/grep`. It must never take
//! more memory than it may.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::event::{By, Origin};
use crate::message::Message;

/// What a message takes apart from its payload, in bytes: a place in a queue that may have room for
/// twice as many, and the overhead of an allocation.
const OVERHEAD: usize = 2 * size_of::<Kept>() + 32;

/// A message that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Counts all that was sent and received, from 1.
    pub number: u64,
    /// Since the start of the run.
    pub t: Duration,
    /// The connection, from 1.
    pub conn: u32,
    /// Who sent it.
    pub by: By,
    /// Why we sent it; `None` if the user did.
    pub origin: Option<Origin>,
    /// The number of the record in its message, where `--split` cuts them, from 1.
    pub record: Option<u64>,
    /// The message, or its beginning. A clone shares the payload.
    pub message: Message,
    /// Bytes at the end of the message that are not kept, because it is larger than the scrollback.
    pub left_out: usize,
}

/// A queue bounded in bytes, from which the oldest messages are dropped.
#[derive(Debug)]
pub struct Scrollback {
    /// The bound, in bytes.
    limit: usize,
    /// What the messages take, in bytes.
    size: usize,
    messages: VecDeque<Kept>,
    /// Messages so far, kept or not.
    count: u64,
}

impl Scrollback {
    /// An empty one that takes at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Scrollback {
            limit,
            size: 0,
            messages: VecDeque::new(),
            count: 0,
        }
    }

    /// Keeps a message, and drops the oldest ones where they take too much. Of a message that is too
    /// large, the beginning is kept.
    pub fn push(
        &mut self,
        (t, conn): (Duration, u32),
        (by, origin): (By, Option<Origin>),
        (message, record): (&Message, Option<u64>),
    ) {
        self.count += 1;
        let Some(most) = self.limit.checked_sub(OVERHEAD) else {
            return;
        };
        let message_kept = beginning(message, most);
        let size = message_kept.len() + OVERHEAD;
        while self.size + size > self.limit {
            let Some(oldest) = self.messages.pop_front() else {
                break;
            };
            self.size -= oldest.message.len() + OVERHEAD;
        }
        self.size += size;
        self.messages.push_back(Kept {
            number: self.count,
            t,
            conn,
            by,
            origin,
            record,
            left_out: message.len() - message_kept.len(),
            message: message_kept,
        });
    }

    /// All that are kept, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Kept> + ExactSizeIterator {
        self.messages.iter()
    }

    /// The last `count` messages, the oldest of them first.
    pub fn last(&self, count: usize) -> impl DoubleEndedIterator<Item = &Kept> + ExactSizeIterator {
        let first = self.messages.len().saturating_sub(count);
        self.messages.range(first..)
    }

    /// The `n`-th last message that was received, from 1.
    pub fn received(&self, n: usize) -> Option<&Kept> {
        let mut received = self.messages.iter().rev().filter(|it| it.by == By::Peer);
        received.nth(n.checked_sub(1)?)
    }

    /// The message with this number, if it is still kept.
    pub fn numbered(&self, number: u64) -> Option<&Kept> {
        let first = self.messages.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.messages.get(place)
    }

    /// Messages so far, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// The first `most` bytes of a message, or fewer where a character would be cut; in memory of its
/// own, because the message may share the buffer of many.
fn beginning(message: &Message, most: usize) -> Message {
    if message.len() <= most {
        return message.to_compact();
    }
    match message {
        Message::Text(text) => Message::text(text[..text.floor_char_boundary(most)].to_owned()),
        Message::Binary(data) => Message::binary(Bytes::copy_from_slice(&data[..most])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(scrollback: &mut Scrollback, by: By, text: &str) {
        scrollback.push(
            (Duration::ZERO, 1),
            (by, None),
            (&Message::text(text.to_owned()), None),
        );
    }

    fn texts<'a>(kept: impl Iterator<Item = &'a Kept>) -> Vec<&'a str> {
        kept.filter_map(|it| it.message.as_text()).collect()
    }

    #[test]
    fn the_oldest_are_dropped_when_they_take_too_much() {
        let mut scrollback = Scrollback::new(3 * (OVERHEAD + 2));
        for n in 10..20 {
            push(&mut scrollback, By::Peer, &n.to_string());
            assert!(scrollback.size <= scrollback.limit);
        }
        assert_eq!(texts(scrollback.iter()), ["17", "18", "19"]);
        assert_eq!(texts(scrollback.last(2)), ["18", "19"]);
        assert_eq!(texts(scrollback.last(9)), ["17", "18", "19"]);
        assert_eq!(scrollback.count(), 10);
        push(&mut scrollback, By::Peer, &"x".repeat(OVERHEAD));
        assert_eq!(scrollback.iter().next().unwrap().number, 10);
    }

    #[test]
    fn many_small_messages_take_no_more_than_many_large_ones() {
        let mut scrollback = Scrollback::new(100 * 1024);
        for _ in 0..10_000 {
            push(&mut scrollback, By::Peer, "");
        }
        let room = scrollback.messages.capacity() * size_of::<Kept>();
        assert!(room <= 100 * 1024, "{room}");
    }

    #[test]
    fn the_beginning_of_a_message_that_is_too_large_is_kept() {
        let mut scrollback = Scrollback::new(OVERHEAD + 5);
        push(&mut scrollback, By::Peer, "abcdöf");
        let kept = scrollback.received(1).unwrap();
        assert_eq!(kept.message, Message::text("abcd"));
        assert_eq!(kept.left_out, 3);
        let data = Message::binary(vec![1; 7]);
        scrollback.push((Duration::ZERO, 1), (By::Peer, None), (&data, None));
        assert_eq!(scrollback.iter().len(), 1);
        assert_eq!(scrollback.received(1).unwrap().left_out, 2);
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_room() {
        for limit in [0, OVERHEAD - 1] {
            let mut scrollback = Scrollback::new(limit);
            push(&mut scrollback, By::Peer, "a");
            assert_eq!((scrollback.iter().len(), scrollback.count()), (0, 1));
        }
    }

    #[test]
    fn messages_are_found_by_place_and_by_number() {
        let mut scrollback = Scrollback::new(4 * (OVERHEAD + 1));
        for (by, text) in [
            (By::Peer, "a"),
            (By::Us, "b"),
            (By::Peer, "c"),
            (By::Us, "d"),
            (By::Peer, "e"),
        ] {
            push(&mut scrollback, by, text);
        }
        let received = |n| scrollback.received(n).and_then(|it| it.message.as_text());
        let found = [0, 1, 2, 3].map(received);
        assert_eq!(found, [None, Some("e"), Some("c"), None]);
        let numbered = |n| scrollback.numbered(n).and_then(|it| it.message.as_text());
        let found = [0, 1, 2, 5, 6].map(numbered);
        assert_eq!(found, [None, None, Some("b"), Some("e"), None]);
    }

    #[test]
    fn a_message_keeps_no_buffer_of_others_alive() {
        let mut scrollback = Scrollback::new(1 << 20);
        let shared = Bytes::from(vec![b'x'; 100]);
        let message = Message::binary(shared.slice(0..1));
        scrollback.push((Duration::ZERO, 1), (By::Peer, None), (&message, None));
        drop(message);
        assert!(shared.is_unique());
    }
}
