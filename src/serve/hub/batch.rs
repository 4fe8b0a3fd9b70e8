//! Messages that many connections get, on their way to the outboxes: all that come together are handed
//! over together, and each is made a frame once. Pure. It must never change the order in which one
//! connection gets its messages: whatever else a connection gets, it takes what waits for it here first.

use std::collections::HashMap;
use std::sync::Arc;

use super::store::Conn;
use crate::message::Message;
use crate::serve::connection::Frames;
use crate::wire::frame::FrameHeader;

/// Fewer connections than this get their messages one by one.
const MIN_AUDIENCE: usize = 8;

/// The largest message that is sent together with others, in bytes. A larger one may have to be
/// fragmented.
const MAX_SHARED: usize = 16 << 10;

/// How much waits here, before it is handed over at once.
const MAX_MESSAGES: usize = 256;
const MAX_BYTES: usize = 64 << 10;

/// How many connections may come and go between two messages. With more, it is cheaper to begin anew.
const MAX_CHANGES: usize = 32;

/// A message, and the connection of this process that it comes from.
pub(super) type Sent = (Message, Option<Conn>);

/// What a connection gets when it leaves the audience.
pub(super) type Rest = (Conn, Vec<Sent>);

/// The messages that wait, and for whom.
#[derive(Debug)]
pub(super) struct Batch {
    max_messages: usize,
    max_bytes: usize,
    /// In ascending order.
    audience: Arc<[Conn]>,
    /// The number of the first message, for connections that do not get all.
    first: HashMap<Conn, usize>,
    shared: Shared,
    senders: Vec<Option<Conn>>,
}

/// Messages that connections have in common.
#[derive(Debug, Default)]
struct Shared {
    messages: Vec<Message>,
    frames: Vec<u8>,
    /// Where each message begins: in `frames`, and among all payloads.
    starts: Vec<(usize, usize)>,
    payload: usize,
}

/// The last messages of a batch, as one connection gets them.
#[derive(Clone, Debug)]
pub(super) struct Run {
    shared: Arc<Shared>,
    first: usize,
}

/// What is handed over.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) runs: Vec<(Conn, Run)>,
    /// Those that the messages come from.
    pub(super) senders: Vec<Conn>,
}

/// Whether messages for so many connections go by way of a batch.
pub(super) fn is_large(audience: usize) -> bool {
    audience >= MIN_AUDIENCE
}

/// Whether a message can be sent together with others.
pub(super) fn fits(message: &Message) -> bool {
    message.len() <= MAX_SHARED
}

impl Batch {
    /// A batch for outboxes in which this much may wait: it is a small part of that.
    pub(super) fn new(messages: usize, bytes: usize) -> Batch {
        Batch {
            max_messages: (messages / 8).clamp(1, MAX_MESSAGES),
            max_bytes: (bytes / 8).clamp(1, MAX_BYTES),
            audience: Arc::from([]),
            first: HashMap::new(),
            shared: Shared::default(),
            senders: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shared.messages.is_empty()
    }

    /// Whether it is to be handed over before anything else comes.
    pub(super) fn is_full(&self) -> bool {
        self.shared.messages.len() >= self.max_messages
            || self.shared.frames.len() >= self.max_bytes
    }

    /// Makes the next messages go to these connections. Returns what those get that are not among them
    /// any more; `None` if the batch has to be handed over first.
    pub(super) fn turn_to(&mut self, audience: &Arc<[Conn]>) -> Option<Vec<Rest>> {
        if self.is_empty() {
            self.audience = Arc::clone(audience);
            return Some(Vec::new());
        }
        if Arc::ptr_eq(&self.audience, audience) {
            return Some(Vec::new());
        }
        let (gone, new) = changes(&self.audience, audience)?;
        let rests = gone.into_iter().map(|conn| (conn, self.take(conn)));
        let rests = rests.collect();
        let count = self.shared.messages.len();
        self.first.extend(new.into_iter().map(|conn| (conn, count)));
        self.audience = Arc::clone(audience);
        Some(rests)
    }

    /// What waits for this connection. It gets what comes from now on.
    pub(super) fn take(&mut self, conn: Conn) -> Vec<Sent> {
        let count = self.shared.messages.len();
        if count == 0 || self.audience.binary_search(&conn).is_err() {
            return Vec::new();
        }
        let first = self.first.insert(conn, count).unwrap_or(0);
        let messages = self.shared.messages[first..].iter().cloned();
        messages
            .zip(self.senders[first..].iter().copied())
            .collect()
    }

    /// Adds a message to all of the audience, but to those it goes `without`. These have taken what
    /// waited for them.
    pub(super) fn push(&mut self, message: Message, sender: Option<Conn>, without: &[Conn]) {
        self.shared.push(message);
        self.senders.push(sender);
        let count = self.shared.messages.len();
        self.first.extend(without.iter().map(|conn| (*conn, count)));
    }

    /// Empties it.
    pub(super) fn hand_over(&mut self) -> Handover {
        let shared = Arc::new(std::mem::take(&mut self.shared));
        let first = std::mem::take(&mut self.first);
        let count = shared.messages.len();
        let first_of = |conn: &Conn| first.get(conn).copied().unwrap_or(0);
        let conns = self.audience.iter().map(|conn| (*conn, first_of(conn)));
        let runs = conns.filter(|(_, first)| *first < count);
        let runs = runs.map(|(conn, first)| {
            let shared = Arc::clone(&shared);
            (conn, Run { shared, first })
        });
        let runs = runs.collect();
        let mut senders: Vec<Conn> = self.senders.drain(..).flatten().collect();
        senders.sort_unstable();
        senders.dedup();
        Handover { runs, senders }
    }
}

impl Shared {
    fn push(&mut self, message: Message) {
        self.starts.push((self.frames.len(), self.payload));
        let (opcode, len) = (message.kind().opcode(), message.len());
        FrameHeader::plain(true, opcode, len as u64).write(&mut self.frames);
        self.frames.extend_from_slice(message.payload());
        self.payload += len;
        self.messages.push(message);
    }
}

impl Run {
    /// The number of its messages.
    pub(super) fn len(&self) -> usize {
        self.shared.messages.len() - self.first
    }

    /// The bytes of its payloads.
    pub(super) fn payload(&self) -> usize {
        self.frames().payload
    }

    /// The messages, and their frames.
    pub(super) fn frames(&self) -> Frames<'_> {
        let shared = &*self.shared;
        let (at, before) = shared.starts.get(self.first).copied().unwrap_or_default();
        Frames {
            messages: &shared.messages[self.first..],
            bytes: &shared.frames[at..],
            payload: shared.payload - before,
            largest: MAX_SHARED,
        }
    }
}

/// Who is in the old list only, and who in the new one only; `None` if they are too many.
fn changes(old: &[Conn], new: &[Conn]) -> Option<(Vec<Conn>, Vec<Conn>)> {
    let (mut gone, mut added) = (Vec::new(), Vec::new());
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    while olds.peek().is_some() || news.peek().is_some() {
        match (olds.peek(), news.peek()) {
            (Some(old), Some(new)) if old == new => {
                olds.next();
                news.next();
            }
            (Some(old), new) if new.is_none_or(|new| old < new) => {
                gone.push(**old);
                olds.next();
            }
            _ => added.extend(news.next()),
        }
        if gone.len() + added.len() > MAX_CHANGES {
            return None;
        }
    }
    Some((gone, added))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What each connection got, by number.
    #[derive(Default)]
    struct Got(BTreeMap<Conn, Vec<usize>>);

    impl Got {
        fn add<'a>(&mut self, conn: Conn, messages: impl Iterator<Item = &'a Message>) {
            let numbers = messages.map(|it| it.as_text().unwrap().parse::<usize>().unwrap());
            self.0.entry(conn).or_default().extend(numbers);
        }

        fn hand_over(&mut self, batch: &mut Batch) {
            for (conn, run) in batch.hand_over().runs {
                assert_eq!(run.len(), run.frames().messages.len());
                assert_eq!(unframed(run.frames().bytes), run.frames().messages);
                let lens = run.frames().messages.iter().map(Message::len);
                assert_eq!(run.payload(), lens.sum::<usize>());
                self.add(conn, run.frames().messages.iter());
            }
        }
    }

    fn unframed(mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(header) = FrameHeader::parse(bytes) {
            let end = header.size() + header.len as usize;
            let text = std::str::from_utf8(&bytes[header.size()..end]).unwrap();
            messages.push(Message::text(text.to_owned()));
            bytes = &bytes[end..];
        }
        messages
    }

    fn conns(of: &[u64]) -> Arc<[Conn]> {
        of.iter().map(|conn| Conn(*conn)).collect()
    }

    #[test]
    fn a_handover_has_what_came_and_from_whom() {
        let mut batch = Batch::new(1024, 1 << 20);
        assert!(batch.turn_to(&conns(&[1, 2])).unwrap().is_empty());
        for (text, sender) in [("1", Some(2)), ("2", None), ("3", Some(2))] {
            batch.push(Message::text(text), sender.map(Conn), &[]);
        }
        assert!(!batch.is_full());
        let handover = batch.hand_over();
        assert_eq!(handover.senders, [Conn(2)]);
        let lens: Vec<_> = handover
            .runs
            .iter()
            .map(|(it, run)| (it.0, run.len()))
            .collect();
        assert_eq!(lens, [(1, 3), (2, 3)]);
        assert!(batch.is_empty() && batch.hand_over().runs.is_empty());
    }

    #[test]
    fn a_batch_is_a_small_part_of_what_may_wait() {
        for (messages, bytes, fits) in [(1, 1 << 20, 1), (80, 1 << 20, 10), (1 << 20, 80, 4)] {
            let mut batch = Batch::new(messages, bytes);
            batch.turn_to(&conns(&[1]));
            let mut count = 0;
            while !batch.is_full() {
                batch.push(Message::text("1"), None, &[]);
                count += 1;
            }
            assert_eq!(count, fits);
        }
    }

    #[test]
    fn an_audience_that_changes_much_begins_a_new_batch() {
        let mut batch = Batch::new(1024, 1 << 20);
        let many: Vec<u64> = (0..100).collect();
        assert!(batch.turn_to(&conns(&many)).is_some());
        batch.push(Message::text("1"), None, &[]);
        assert!(batch.turn_to(&conns(&many[..60])).is_none());
        batch.hand_over();
        assert!(batch.turn_to(&conns(&many[..60])).is_some());
    }

    proptest! {
        #[test]
        fn each_gets_its_messages_once_and_in_order(
            steps in prop::collection::vec((0..4u8, prop::collection::btree_set(0..12u64, 0..12)), 1..40)
        ) {
            let mut batch = Batch::new(1024, 1 << 20);
            let (mut got, mut expected) = (Got::default(), Got::default());
            for (number, (what, set)) in steps.iter().enumerate() {
                let set: Vec<u64> = set.iter().copied().collect();
                let message = Message::text(number.to_string());
                match what {
                    // To some.
                    0 | 1 => {
                        let audience = conns(&set);
                        let rests = batch.turn_to(&audience).unwrap();
                        for (conn, rest) in rests {
                            got.add(conn, rest.iter().map(|(message, _)| message));
                        }
                        let without = &audience[..if *what == 0 { 0 } else { audience.len() / 2 }];
                        for conn in without {
                            got.add(*conn, batch.take(*conn).iter().map(|(message, _)| message));
                        }
                        batch.push(message.clone(), None, without);
                        for conn in &audience[without.len()..] {
                            expected.add(*conn, std::iter::once(&message));
                        }
                    }
                    // To each of them, past the batch.
                    2 => for conn in conns(&set).iter() {
                        got.add(*conn, batch.take(*conn).iter().map(|(message, _)| message));
                        got.add(*conn, std::iter::once(&message));
                        expected.add(*conn, std::iter::once(&message));
                    },
                    _ => got.hand_over(&mut batch),
                }
            }
            got.hand_over(&mut batch);
            got.0.retain(|_, got| !got.is_empty());
            prop_assert_eq!(got.0, expected.0);
        }
    }
}
