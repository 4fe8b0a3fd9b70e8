//! The store in memory, for one process: what it keeps is gone when the process ends. Pure. It never
//! keeps more than its limits allow; the oldest messages are forgotten first.
//!
//! Messages are indexed by where they went, so a page costs what is on it, however much is kept.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rand::{Rng, RngExt as _};

use super::index::{Index, Key};
use super::presence::Presence;
use super::{
    After, Answer, Change, Conn, Draft, Id, Name, Output, Page, Recovered, Request, Retention,
    Store, Stored, Ticket, View, Welcome,
};
use crate::codec::hex;

/// The number of messages kept where no other number was asked for.
const DEFAULT_COUNT: u64 = 100_000;

/// Bytes of `data` kept, whatever the number of messages.
const MAX_BYTES: usize = 256 << 20;

/// What is kept of a message apart from its `data`, in bytes, about.
const OVERHEAD: usize = 200;

/// Users that are not worth looking for those who can be forgotten.
const FEW: usize = 1000;

/// The store; see the head of this file.
pub(in crate::serve) struct Memory {
    epoch: Arc<str>,
    retention: Retention,
    last: Id,
    messages: VecDeque<Arc<Stored>>,
    bytes: usize,
    index: Index,
    presence: Presence,
    /// For each member of each room, the highest id there was when the member joined.
    rooms: BTreeMap<Name, BTreeMap<Name, Id>>,
    rooms_of: HashMap<Name, BTreeSet<Name>>,
    /// For each user, up to which id messages to the user were written to a connection.
    delivered: HashMap<Name, Id>,
    outputs: VecDeque<Output>,
}

impl Memory {
    /// An empty store. `rng` draws the epoch.
    pub(in crate::serve) fn new(retention: Retention, rng: &mut impl Rng) -> Memory {
        let epoch: [u8; 8] = rng.random();
        Memory {
            epoch: Arc::from(hex(&epoch, "")),
            retention,
            last: 0,
            messages: VecDeque::new(),
            bytes: 0,
            index: Index::default(),
            presence: Presence::default(),
            rooms: BTreeMap::new(),
            rooms_of: HashMap::new(),
            delivered: HashMap::new(),
            outputs: VecDeque::new(),
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.outputs.push_back(Output::Answer(answer, ticket));
    }

    fn tell(&mut self, ticket: Ticket, change: Change) {
        self.outputs.push_back(Output::Change(change, Some(ticket)));
    }

    fn append(&mut self, ticket: Ticket, draft: Draft) {
        self.last += 1;
        let stored = Arc::new(Stored {
            id: self.last,
            draft,
        });
        self.bytes += stored.draft.data.len() + OVERHEAD;
        self.index.add(&stored);
        self.messages.push_back(Arc::clone(&stored));
        self.tell(ticket, Change::Message(stored));
        let most = self.retention.count.unwrap_or(DEFAULT_COUNT);
        while self.messages.len() as u64 > most || self.bytes > MAX_BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.messages.pop_front() {
            self.bytes -= oldest.draft.data.len() + OVERHEAD;
            self.index.forget(&oldest);
        }
    }

    fn prune(&mut self, now: i64) {
        let Some(age) = self.retention.age else {
            return;
        };
        let oldest = now.saturating_sub(age);
        while self
            .messages
            .front()
            .is_some_and(|message| message.draft.at < oldest)
        {
            self.forget_oldest();
        }
    }

    fn arrive(&mut self, ticket: Ticket, conn: Conn, user: &Name, after: Option<&After>) {
        let first = self.presence.arrive(conn, user);
        let clients = self.presence.clients();
        let delivered = self.delivered.get(user).copied().unwrap_or(0);
        let welcome = Welcome {
            clients,
            rooms: self
                .rooms_of
                .get(user)
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            last: self.last,
            epoch: Arc::clone(&self.epoch),
            recovered: after.map(|after| self.recovered(user, after)),
            delivered,
            first_pending: self.index.first(&Key::To(Name::clone(user)), delivered),
        };
        self.answer(ticket, Answer::Welcome(Box::new(welcome)));
        if first {
            let user = Name::clone(user);
            self.tell(ticket, Change::Online { user, clients });
        }
    }

    /// Whether all is there that was addressed to `user` since, and the oldest id that is.
    fn recovered(&self, user: &Name, after: &After) -> Recovered {
        let same = after.epoch.as_ref().is_none_or(|it| *it == self.epoch);
        let known = same && after.id <= self.last;
        let lists = self.lists(user, after.id, after.id);
        if known
            && lists
                .iter()
                .all(|(key, from)| self.index.is_whole(key, *from))
        {
            return Recovered::Yes;
        }
        let from = if known { after.id } else { 0 };
        let lists = self.lists(user, from, from);
        let firsts = lists
            .iter()
            .filter_map(|(key, from)| self.index.first(key, *from));
        let oldest = firsts.min().unwrap_or(self.last + 1);
        Recovered::No { oldest }
    }

    fn depart(&mut self, ticket: Ticket, conn: Conn, code: u16, reason: Arc<str>, delivered: Id) {
        let Some(departed) = self.presence.depart(conn) else {
            return;
        };
        let user = departed.user;
        self.written(&user, delivered);
        self.tell(
            ticket,
            Change::Closed {
                user: Name::clone(&user),
                code,
                reason,
            },
        );
        if departed.last {
            let clients = self.presence.clients();
            self.tell(ticket, Change::Offline { user, clients });
        }
    }

    fn written(&mut self, user: &Name, id: Id) {
        if id > 0 {
            let delivered = self.delivered.entry(Name::clone(user)).or_default();
            *delivered = id.max(*delivered);
            self.tidy_delivered();
        }
    }

    /// Forgets what was delivered of messages that are forgotten, for users come and go: it says no more
    /// than that none of these waits.
    fn tidy_delivered(&mut self) {
        if self.delivered.len() > 2 * self.messages.len() + FEW {
            let oldest = self.messages.front().map_or(self.last + 1, |it| it.id);
            self.delivered.retain(|_, id| *id >= oldest);
        }
    }

    fn join(&mut self, ticket: Ticket, user: Name, room: Name, most: Option<u64>) {
        let rooms = self.rooms_of.entry(Name::clone(&user)).or_default();
        if most.is_some_and(|most| rooms.len() as u64 >= most) && !rooms.contains(&room) {
            return self.answer(ticket, Answer::TooManyRooms);
        }
        if rooms.insert(Name::clone(&room)) {
            let members = self.rooms.entry(Name::clone(&room)).or_default();
            members.insert(Name::clone(&user), self.last);
            self.tell(ticket, Change::Joined { user, room });
        }
        self.answer(ticket, Answer::Joined);
    }

    fn leave(&mut self, ticket: Ticket, user: Name, room: Name) {
        if let Some(rooms) = self.rooms_of.get_mut(&user)
            && rooms.remove(&room)
        {
            if rooms.is_empty() {
                self.rooms_of.remove(&user);
            }
            if let Some(members) = self.rooms.get_mut(&room) {
                members.remove(&user);
                if members.is_empty() {
                    self.rooms.remove(&room);
                }
            }
            self.tell(ticket, Change::Left { user, room });
        }
        self.answer(ticket, Answer::Left);
    }

    /// Where messages addressed to `user` are, each with the id that they must be above.
    fn lists(&self, user: &Name, direct_after: Id, other_after: Id) -> Vec<(Key, Id)> {
        let mut lists = vec![
            (Key::Everyone, other_after),
            (Key::To(Name::clone(user)), direct_after),
            (Key::CopyOf(Name::clone(user)), other_after),
        ];
        for room in self.rooms_of.get(user).into_iter().flatten() {
            let joined = self.rooms.get(room).and_then(|members| members.get(user));
            let after = other_after.max(joined.copied().unwrap_or(0));
            lists.push((Key::Room(Name::clone(room)), after));
        }
        lists
    }

    fn page(&self, view: &View, limit: usize) -> Page {
        let (lists, user) = match view {
            View::Room { room, after } => (vec![(Key::Room(Name::clone(room)), *after)], None),
            View::User {
                user,
                direct_after,
                other_after,
            } => (self.lists(user, *direct_after, *other_after), Some(user)),
        };
        let shows = |message: &&Arc<Stored>| {
            message.draft.echo || user.is_none_or(|user| *user != message.draft.from)
        };
        let mut messages: Vec<_> = self
            .merged(&lists)
            .filter_map(|id| self.message(id))
            .filter(shows)
            .take(limit.saturating_add(1))
            .cloned()
            .collect();
        let more = messages.len() > limit;
        messages.truncate(limit);
        let complete = (!more).then_some(self.last);
        Page { messages, complete }
    }

    /// The ids of these lists in their order.
    fn merged(&self, lists: &[(Key, Id)]) -> impl Iterator<Item = Id> {
        let mut rests: Vec<_> = lists
            .iter()
            .map(|(key, after)| self.index.after(key, *after))
            .collect();
        let mut heads = BinaryHeap::new();
        for (number, rest) in rests.iter_mut().enumerate() {
            heads.extend(rest.next().map(|id| Reverse((id, number))));
        }
        std::iter::from_fn(move || {
            let Reverse((id, number)) = heads.pop()?;
            heads.extend(rests[number].next().map(|id| Reverse((id, number))));
            Some(id)
        })
    }

    /// Ids have no gaps here.
    fn message(&self, id: Id) -> Option<&Arc<Stored>> {
        let first = self.messages.front()?.id;
        self.messages
            .get(usize::try_from(id.checked_sub(first)?).ok()?)
    }

    fn all_rooms(&self) -> Vec<Name> {
        let mut rooms: BTreeSet<Name> = self.rooms.keys().cloned().collect();
        rooms.extend(self.index.rooms());
        rooms.into_iter().collect()
    }
}

impl Store for Memory {
    fn request(&mut self, ticket: Ticket, request: Request) {
        match request {
            Request::Append(draft) => self.append(ticket, draft),
            Request::Arrive { conn, user, after } => {
                self.arrive(ticket, conn, &user, after.as_ref());
            }
            Request::Depart {
                conn,
                code,
                reason,
                delivered,
            } => self.depart(ticket, conn, code, reason, delivered),
            Request::Join { user, room, most } => self.join(ticket, user, room, most),
            Request::Leave { user, room } => self.leave(ticket, user, room),
            Request::Page { view, limit } => {
                let page = self.page(&view, limit);
                self.answer(ticket, Answer::Page(page));
            }
            Request::Clients => {
                let users = self.presence.users();
                let clients = self.presence.clients();
                self.answer(ticket, Answer::Clients { users, clients });
            }
            Request::Rooms => {
                let rooms = self.all_rooms();
                self.answer(ticket, Answer::Rooms(rooms));
            }
            Request::Delivered { user, id } => self.written(&user, id),
            Request::Prune { now } => self.prune(now),
        }
    }

    fn poll_output(&mut self, _: &mut Context<'_>) -> Poll<Output> {
        self.outputs.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Recipient;
    use super::*;

    #[test]
    fn users_who_got_what_is_forgotten_are_forgotten() {
        let retention = Retention {
            count: Some(10),
            age: None,
        };
        let mut store = Memory::new(retention, &mut rand::rng());
        for number in 1..=10_000 {
            let user = Name::from(format!("user {number}"));
            let draft = Draft {
                from: "xiao".into(),
                to: Recipient::User(Name::clone(&user)),
                data: "1".into(),
                at: 0,
                echo: false,
            };
            store.request(Ticket(number), Request::Append(draft));
            store.request(Ticket(number), Request::Delivered { user, id: number });
            store.outputs.clear();
        }
        assert!(store.delivered.len() <= 20 + FEW);
        let last = Name::from("user 10000");
        assert_eq!(store.delivered.get(&last), Some(&10_000));
    }
}
