//! What the hub and its store say to each other. Pure: types, and no store.
//!
//! The store is the authority over everything that outlives a connection or is shared by several
//! server processes: ids, messages, the members of rooms, who is there. The hub asks with a
//! [`Request`]; the store tells every process of the hub what has changed, as [`Change`]s, and answers
//! the one that asked, with an [`Answer`]. All that comes from the store comes in one order, and what it
//! tells is done: a message in it is stored as durably as this store ever stores it.

mod index;
pub(in crate::serve) mod memory;
pub(in crate::serve) mod presence;
pub(in crate::serve) mod redis;
pub(in crate::serve) mod sqlite;
#[cfg(test)]
pub(in crate::serve) mod tests;

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

/// The name of a user or a room.
pub(in crate::serve) type Name = Arc<str>;

/// The number of a message: increasing over the whole hub, never used twice, from 1. 0 stands before
/// all of them.
pub(in crate::serve) type Id = u64;

/// Names a request, so that its answer can be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::serve) struct Ticket(pub(in crate::serve) u64);

/// Names a connection of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::serve) struct Conn(pub(in crate::serve) u64);

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::serve) enum Recipient {
    Everyone,
    Room(Name),
    /// All connections of a user; the sender gets a copy.
    User(Name),
}

/// A message that has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Draft {
    pub from: Name,
    pub to: Recipient,
    /// The `data`, as the JSON text that the sender wrote.
    pub data: Arc<str>,
    /// When the hub received it, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Whether the sender receives it too.
    pub echo: bool,
}

/// A message that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Stored {
    pub id: Id,
    pub draft: Draft,
}

/// Where a client that comes back left off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct After {
    pub id: Id,
    /// The epoch that the client knows the id from, if it says so.
    pub epoch: Option<Arc<str>>,
}

/// Which messages a page is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum View {
    /// What is addressed to a user: to everyone; to a room that the user is a member of, since joining;
    /// to the user; and what the user sent to another user. What the user sent without echo is left out.
    /// Messages `to` the user must be newer than `direct_after`, all others than `other_after`.
    User {
        user: Name,
        direct_after: Id,
        other_after: Id,
    },
    /// What was sent to a room, newer than `after`.
    Room { room: Name, after: Id },
}

/// What the hub wants of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Request {
    /// Stores a message. Done: [`Change::Message`], with the ticket. Not done: [`Answer::Failed`].
    Append(Draft),
    /// A connection of `user` comes. Answer: [`Answer::Welcome`], and for the user's first connection
    /// [`Change::Online`] after it.
    Arrive {
        conn: Conn,
        user: Name,
        after: Option<After>,
    },
    /// A connection that arrived has ended. The messages to the user up to `delivered` have been written
    /// to it. Tells [`Change::Closed`], and for the user's last connection [`Change::Offline`] after it.
    Depart {
        conn: Conn,
        code: u16,
        reason: Arc<str>,
        delivered: Id,
    },
    /// Answer: [`Answer::Joined`]; tells [`Change::Joined`] before it where the user was no member. A user
    /// who is a member of `most` other rooms stays out: [`Answer::TooManyRooms`].
    Join {
        user: Name,
        room: Name,
        most: Option<u64>,
    },
    /// Answer: [`Answer::Left`]; tells [`Change::Left`] before it where the user was a member.
    Leave { user: Name, room: Name },
    /// At most `limit` messages, those with the lowest ids. Answer: [`Answer::Page`].
    Page { view: View, limit: usize },
    /// Answer: [`Answer::Clients`].
    Clients,
    /// The rooms that have members or messages. Answer: [`Answer::Rooms`].
    Rooms,
    /// Messages to `user` up to this id have been written to a connection. No answer, and no hurry.
    Delivered { user: Name, id: Id },
    /// Forgets what the limits of age no longer keep. No answer. `now` as in [`Draft::at`].
    Prune { now: i64 },
}

/// What every process of the hub is told, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Change {
    Message(Arc<Stored>),
    Joined {
        user: Name,
        room: Name,
    },
    Left {
        user: Name,
        room: Name,
    },
    /// A user's first connection has come; `clients` connections there are now.
    Online {
        user: Name,
        clients: u64,
    },
    /// A user's last connection has gone.
    Offline {
        user: Name,
        clients: u64,
    },
    /// A connection has ended.
    Closed {
        user: Name,
        code: u16,
        reason: Arc<str>,
    },
}

/// What the process that asked is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Answer {
    Welcome(Box<Welcome>),
    Joined,
    TooManyRooms,
    Left,
    Page(Page),
    /// The users in the order of their names, and the number of connections.
    Clients {
        users: Vec<Name>,
        clients: u64,
    },
    /// In the order of their names.
    Rooms(Vec<Name>),
    /// It was not done. The sentence says why and is for the client: no path, no password.
    Failed(Arc<str>),
}

/// How a connection begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Welcome {
    /// The number of connections, this one among them.
    pub clients: u64,
    /// The rooms that the user is a member of, in the order of their names.
    pub rooms: Vec<Name>,
    /// The highest id there is.
    pub last: Id,
    /// Names this series of ids; it changes when they start anew.
    pub epoch: Arc<str>,
    /// With [`After`]: whether all is there that was addressed to the user since, and the oldest id that
    /// still is (`last` + 1 if there is none).
    pub recovered: Option<Recovered>,
    /// The highest id of a message `to` the user that has been written to a connection.
    pub delivered: Id,
    /// The lowest id of a message `to` the user that is above `delivered`, if there is one.
    pub first_pending: Option<Id>,
}

/// Whether a client that came back gets all that it missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Recovered {
    Yes,
    /// The id is too old, from another epoch, or in the future.
    No {
        oldest: Id,
    },
}

/// Messages in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::serve) struct Page {
    pub messages: Vec<Arc<Stored>>,
    /// Where this is the last page of its view: the highest id there was when it was made. What is
    /// newer comes as [`Change::Message`] after this answer; the store may tell of some of the older ones
    /// there too.
    pub complete: Option<Id>,
}

/// What comes from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Output {
    /// With the ticket of the request that made it, where that was one of this process.
    Change(Change, Option<Ticket>),
    Answer(Answer, Ticket),
    /// What this process was told is no longer complete, or the others took it for dead. Its connections
    /// have departed as far as the store is concerned, and what was asked before is not answered any
    /// more: each connection ends with 1012, so that its client comes back and resumes, and each
    /// request over HTTP fails. Only a store that several processes share says this.
    Reset,
}

/// What a store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::serve) struct Retention {
    /// The number of messages; the oldest are forgotten first.
    pub count: Option<u64>,
    /// The age of a message, in milliseconds.
    pub age: Option<i64>,
}

/// A store at work. How many requests are under way is limited by the hub.
pub(in crate::serve) trait Store: Send {
    /// Hands over a request; it never blocks and never fails, for failures are answers.
    fn request(&mut self, ticket: Ticket, request: Request);

    /// What there is next, in the one order of all that the store tells. Wakes the task of the last call.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Output>;

    /// Ends the store once all that was handed over is done.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}
