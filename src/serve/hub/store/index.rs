//! Which messages went where, for the store in memory. Pure. It holds ids and no messages.

use std::collections::{HashMap, VecDeque};

use super::{Id, Name, Recipient, Stored};

/// How many lists that have become empty are remembered. What is forgotten of the others counts as
/// forgotten of every list that is not there.
const MAX_EMPTY: usize = 10_000;

/// Where messages are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Everyone,
    Room(Name),
    /// To this user.
    To(Name),
    /// From this user to another one.
    CopyOf(Name),
}

/// Ids in their order, and the highest one that is no longer kept.
#[derive(Debug, Default)]
struct List {
    ids: VecDeque<Id>,
    forgotten: Id,
}

/// The ids of all messages that are kept.
#[derive(Debug, Default)]
pub(super) struct Index {
    lists: HashMap<Key, List>,
    empty: usize,
    /// The highest id that was forgotten of a list that is no longer there.
    dropped: Id,
}

/// The keys of a message.
fn keys(message: &Stored) -> impl Iterator<Item = Key> {
    let draft = &message.draft;
    let (key, copy) = match &draft.to {
        Recipient::Everyone => (Key::Everyone, None),
        Recipient::Room(room) => (Key::Room(Name::clone(room)), None),
        Recipient::User(user) => {
            let copy = Key::CopyOf(Name::clone(&draft.from));
            let copy = Some(copy).filter(|_| *user != draft.from);
            (Key::To(Name::clone(user)), copy)
        }
    };
    std::iter::once(key).chain(copy)
}

impl Index {
    /// Adds a message, whose id is above all others.
    pub(super) fn add(&mut self, message: &Stored) {
        for key in keys(message) {
            let dropped = self.dropped;
            let list = self.lists.entry(key).or_insert_with(|| {
                self.empty += 1;
                List {
                    forgotten: dropped,
                    ..List::default()
                }
            });
            self.empty -= usize::from(list.ids.is_empty());
            list.ids.push_back(message.id);
        }
    }

    /// Removes a message, whose id is below all others.
    pub(super) fn forget(&mut self, message: &Stored) {
        for key in keys(message) {
            let Some(list) = self.lists.get_mut(&key) else {
                continue;
            };
            list.ids.pop_front();
            list.forgotten = message.id;
            if list.ids.is_empty() {
                self.empty += 1;
            }
        }
        if self.empty > MAX_EMPTY {
            self.dropped = message.id;
            self.lists.retain(|_, list| !list.ids.is_empty());
            self.empty = 0;
        }
    }

    /// The ids above `after`.
    pub(super) fn after(&self, key: &Key, after: Id) -> impl Iterator<Item = Id> + use<'_> {
        let list = self.lists.get(key).map(|list| {
            let from = list.ids.partition_point(|id| *id <= after);
            list.ids.range(from..).copied()
        });
        list.into_iter().flatten()
    }

    /// The lowest id above `after`.
    pub(super) fn first(&self, key: &Key, after: Id) -> Option<Id> {
        self.after(key, after).next()
    }

    /// Whether nothing above `after` was forgotten.
    pub(super) fn is_whole(&self, key: &Key, after: Id) -> bool {
        let list = self.lists.get(key);
        list.map_or(self.dropped, |list| list.forgotten) <= after
    }

    /// The rooms that have messages, in no order.
    pub(super) fn rooms(&self) -> impl Iterator<Item = Name> {
        let lists = self.lists.iter();
        lists.filter_map(|(key, list)| match key {
            Key::Room(room) if !list.ids.is_empty() => Some(Name::clone(room)),
            _ => None,
        })
    }
}
