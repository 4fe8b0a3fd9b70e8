//! The hub's rules: from what clients and the store say to what each connection gets. Pure: time
//! comes in as an argument, and what is to be done is polled. It keeps nothing that the store keeps.
//!
//! A connection gets notices once the store has welcomed it, and messages once it has caught up: until
//! then they come page by page, as the connection takes them. The last page says up to which id it
//! reaches, and from there on the connection gets every message as it is stored. So nothing is lost and
//! nothing comes twice, however slow the store or the client is.

mod audience;
mod catching_up;
mod changes;
mod connection;
mod members;
mod queue;
mod users;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::encode;
use super::envelope::{Command, Envelope, Reference, Word};
use super::options::Options;
use super::store::{
    After, Answer, Conn, Draft, Id, Name, Output as FromStore, Request, Ticket, View,
};
use super::tokens::{Access, Tokens};
use crate::close::Close;
use crate::message::Message;
use audience::Audiences;
use connection::{Connection, Phase};
use members::Members;
use queue::{Queue, Step};
use users::Users;

/// How long a client may take to send its token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages of one page while a connection catches up, and their bytes; the message that exceeds them
/// is the page's last.
const PAGE: usize = 100;
const PAGE_BYTES: usize = 1 << 20;

/// Requests of one connection that may wait or be under way; its messages are read again when half of
/// them are done. Of those whose answers may be large there is one at a time.
const MAX_REQUESTS: usize = 64;

/// The shortest time between two reports of what was delivered to a connection.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The time, in both of its kinds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub instant: Instant,
    /// Milliseconds since the Unix epoch.
    pub unix: i64,
}

/// A message on its way to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub message: Message,
    /// The id of a message `to` the user of the connection, else 0.
    pub direct: Id,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Sends to connections of this process, but not to those it is to go `without`; both are in
    /// ascending order. `sender` is the connection that it comes from, if that is one of this process.
    Deliver {
        conns: Arc<[Conn]>,
        without: Vec<Conn>,
        outgoing: Outgoing,
        sender: Option<Conn>,
    },
    /// Sends what the connection asked to have when it took the last of it.
    Page(Conn, Vec<Outgoing>),
    /// [`Machine::handle_drained`] is to be called when all has been sent.
    ReportDrained(Conn),
    /// Sends what waits, and then this Close.
    Close(Conn, Close),
    Store(Ticket, Request),
    /// Reads no messages of this connection.
    Pause(Conn),
    Resume(Conn),
}

/// What a request was made for.
#[derive(Debug)]
enum Purpose {
    Arrive(Conn),
    CatchUp(Conn),
    Append(Conn, Option<Reference>),
    Join(Conn, Name, Option<Reference>),
    Leave(Conn, Name, Option<Reference>),
    History(Conn, Name, Option<Reference>),
    Clients(Conn, Option<Reference>),
}

/// The hub; see the head of this file.
#[derive(Debug, Default)]
pub(super) struct Machine {
    tokens: Tokens,
    connections: BTreeMap<Conn, Connection>,
    members: Members,
    users: Users,
    /// Rooms that a user may be a member of.
    max_rooms: Option<u64>,
    audiences: Audiences,
    /// The number of connections of the whole hub, as far as the store has told.
    clients: u64,
    purposes: HashMap<Ticket, Purpose>,
    tickets: u64,
    outputs: VecDeque<Output>,
    /// All connections are being closed: nobody is told anything any more.
    is_stopping: bool,
    /// When connections without a token are closed.
    deadlines: VecDeque<(Instant, Conn)>,
}

impl Machine {
    pub(super) fn new(options: &Options) -> Machine {
        Machine {
            tokens: options.tokens.clone(),
            users: Users::new(options.max_users),
            max_rooms: (options.max_rooms > 0).then_some(options.max_rooms as u64),
            ..Machine::default()
        }
    }

    /// What is to be done next.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// All connections are about to end. To tell each of them of all others would take long, and none of
    /// them would get it.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// A ticket for a request that is not the machine's.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Whose a connection is, if that is known.
    pub(super) fn user(&self, conn: Conn) -> Option<Name> {
        let connection = self.connections.get(&conn)?;
        Some(Name::clone(&connection.user)).filter(|user| !user.is_empty())
    }

    /// How many requests of a connection wait or are under way.
    #[cfg(feature = "internals")]
    pub(super) fn waiting(&self, conn: Conn) -> usize {
        self.connections.get(&conn).map_or(0, |it| it.queue.len())
    }

    /// When [`Machine::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Closes connections whose token is late.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, conn)) = self
            .deadlines
            .pop_front_if(|(deadline, _)| *deadline <= now)
        {
            let connection = self.connections.get(&conn);
            if connection.is_some_and(|it| matches!(it.phase, Phase::Anonymous)) {
                self.reject(conn);
            }
        }
    }

    /// A connection is there. `user` is whose it is, if the handshake said so; `after` is what it has.
    pub(super) fn handle_connection(
        &mut self,
        conn: Conn,
        user: Option<Name>,
        after: Option<After>,
        now: Now,
    ) {
        let connection = Connection {
            word: None,
            user: Name::from(""),
            after,
            phase: Phase::Anonymous,
            arrived: false,
            queue: Queue::default(),
            paused: false,
            reported: None,
        };
        self.connections.insert(conn, connection);
        match user {
            Some(user) => self.arrive(conn, user, None),
            None => {
                let deadline = now.instant + TOKEN_TIMEOUT;
                self.deadlines.push_back((deadline, conn));
            }
        }
    }

    /// A message of a client. It has been read already, for a large one takes its time, and nobody else is
    /// to wait for that.
    pub(super) fn handle_message(&mut self, conn: Conn, envelope: Envelope, now: Now) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let before = connection.word();
        connection.word = connection.word.or(envelope.word);
        if connection.word() != before {
            self.audiences.clear();
        }
        match connection.phase {
            Phase::Closing => {}
            Phase::Anonymous => self.authenticate(conn, envelope),
            _ => self.obey(conn, envelope, now),
        }
    }

    /// Whatever waited for the connection has been sent.
    pub(super) fn handle_drained(&mut self, conn: Conn) {
        self.catch_up(conn);
    }

    /// Messages to the user of the connection, up to this one, have been sent.
    pub(super) fn handle_delivered(&mut self, conn: Conn, id: Id, now: Now) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let next = connection.reported.map(|it| it + REPORT_INTERVAL);
        if next.is_some_and(|next| now.instant < next) {
            return;
        }
        connection.reported = Some(now.instant);
        let user = Name::clone(&connection.user);
        let ticket = self.ticket();
        self.ask(ticket, Request::Delivered { user, id });
    }

    /// A connection has ended. `delivered` is the highest message to its user that was sent.
    pub(super) fn handle_end(&mut self, conn: Conn, close: &Close, delivered: Id) {
        let Some(connection) = self.connections.remove(&conn) else {
            return;
        };
        self.members.depart(conn, &connection.user);
        self.users.leave(&connection.user);
        self.audiences.clear();
        if !connection.arrived {
            return;
        }
        for (ticket, request) in connection.queue.into_waiting() {
            // What was sent counts, though nobody waits for the answer.
            if matches!(request, Request::Page { .. } | Request::Clients) {
                self.purposes.remove(&ticket);
            } else {
                self.ask(ticket, request);
            }
        }
        let ticket = self.ticket();
        let depart = Request::Depart {
            conn,
            code: close.reported_code(),
            reason: Arc::from(close.reason.as_str()),
            delivered,
        };
        self.ask(ticket, depart);
    }

    /// Something comes from the store.
    pub(super) fn handle_store(&mut self, output: FromStore) {
        match output {
            FromStore::Change(change, ticket) => self.change(change, ticket),
            FromStore::Answer(answer, ticket) => {
                if let Some(purpose) = self.purposes.remove(&ticket) {
                    self.answer(ticket, purpose, answer);
                }
            }
            FromStore::Reset => self.reset(),
        }
    }

    /// Ends all connections that the store knew, so that their clients come back and resume.
    fn reset(&mut self) {
        self.purposes.clear();
        let known = self.connections.iter_mut();
        let known: Vec<Conn> = known
            .filter_map(|(conn, it)| std::mem::take(&mut it.arrived).then_some(*conn))
            .collect();
        for conn in known {
            self.close(conn, Close::new(1012, "the hub begins anew: connect again"));
        }
    }

    fn ask(&mut self, ticket: Ticket, request: Request) {
        self.outputs.push_back(Output::Store(ticket, request));
    }

    fn send(&mut self, conn: Conn, message: Message) {
        let outgoing = Outgoing { message, direct: 0 };
        self.outputs.push_back(Output::Deliver {
            conns: Arc::from([conn]),
            without: Vec::new(),
            outgoing,
            sender: Some(conn),
        });
    }

    fn close(&mut self, conn: Conn, close: Close) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.phase = Phase::Closing;
            self.audiences.clear();
            self.outputs.push_back(Output::Close(conn, close));
        }
    }

    fn reject(&mut self, conn: Conn) {
        self.close(conn, Close::new(1011, "authentication failed"));
    }

    /// Closes a connection that the store cannot serve: it may come back, and misses nothing.
    fn give_up(&mut self, conn: Conn, why: &str) {
        let mut reason = why.to_owned();
        reason.truncate(reason.floor_char_boundary(crate::close::MAX_REASON));
        self.close(conn, Close::new(1011, reason));
    }

    fn authenticate(&mut self, conn: Conn, envelope: Envelope) {
        match envelope.command {
            Ok(Command::Token { token, after }) => match self.tokens.check(token.expose()) {
                Access::User(user) => self.arrive(conn, user, after),
                Access::Barred | Access::Unknown => self.reject(conn),
            },
            _ => self.reject(conn),
        }
    }

    fn arrive(&mut self, conn: Conn, user: Name, after: Option<After>) {
        if let Err(full) = self.users.enter(&user) {
            return self.close(conn, full);
        }
        let ticket = self.ticket();
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.user = Name::clone(&user);
        connection.phase = Phase::Arriving;
        connection.arrived = true;
        connection.after = after.or(connection.after.take());
        let after = connection.after.clone();
        let request = Request::Arrive { conn, user, after };
        connection.queue.push(ticket, request);
        self.purposes.insert(ticket, Purpose::Arrive(conn));
        self.advance(conn);
    }

    fn obey(&mut self, conn: Conn, envelope: Envelope, now: Now) {
        let reference = envelope.reference;
        let request = match envelope.command {
            Ok(command) => self.request(conn, command, reference.clone(), now),
            Err(detail) => Err(detail),
        };
        let ticket = self.ticket();
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        match request {
            Ok((request, purpose)) => {
                connection.queue.push(ticket, request);
                self.purposes.insert(ticket, purpose);
            }
            Err(detail) => {
                let word = connection.word();
                let reference = reference.as_deref();
                let reply = encode::error(word, "parameter error", &detail, reference);
                connection.queue.push_reply(reply);
            }
        }
        self.advance(conn);
    }

    /// The request that a command stands for.
    fn request(
        &self,
        conn: Conn,
        command: Command,
        reference: Option<Reference>,
        now: Now,
    ) -> Result<(Request, Purpose), String> {
        let user = self.connections.get(&conn).map(|it| Name::clone(&it.user));
        let user = user.unwrap_or_else(|| Name::from(""));
        Ok(match command {
            Command::Token { .. } => {
                let detail =
                    "this connection has its user already; open another one for another token";
                return Err(detail.to_owned());
            }
            Command::Message { to, data, echo } => {
                let draft = Draft {
                    from: user,
                    to,
                    data,
                    at: now.unix,
                    echo,
                };
                (Request::Append(draft), Purpose::Append(conn, reference))
            }
            Command::Join(room) => {
                let purpose = Purpose::Join(conn, Name::clone(&room), reference);
                let most = self.max_rooms;
                (Request::Join { user, room, most }, purpose)
            }
            Command::Leave(room) => {
                let purpose = Purpose::Leave(conn, Name::clone(&room), reference);
                (Request::Leave { user, room }, purpose)
            }
            Command::History { room, after, limit } => {
                let purpose = Purpose::History(conn, Name::clone(&room), reference);
                let view = View::Room { room, after };
                (Request::Page { view, limit }, purpose)
            }
            Command::Clients => (Request::Clients, Purpose::Clients(conn, reference)),
        })
    }

    /// Does what can be done now of what a connection has asked for.
    fn advance(&mut self, conn: Conn) {
        loop {
            let Some(connection) = self.connections.get_mut(&conn) else {
                return;
            };
            match connection.queue.next() {
                Some(Step::Reply(reply)) => self.send(conn, reply),
                Some(Step::Start(ticket, request)) => self.ask(ticket, request),
                None => break,
            }
        }
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let (waiting, much) = (connection.queue.len(), connection.queue.expects_much());
        if !connection.paused && (waiting >= MAX_REQUESTS || much) {
            connection.paused = true;
            self.outputs.push_back(Output::Pause(conn));
        } else if connection.paused && waiting <= MAX_REQUESTS / 2 && !much {
            connection.paused = false;
            self.outputs.push_back(Output::Resume(conn));
        }
    }

    /// Ends a request of a connection.
    fn finish(&mut self, conn: Conn, ticket: Ticket, reply: Option<Message>) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.queue.finish(ticket, reply);
            self.advance(conn);
        }
    }

    fn answer(&mut self, ticket: Ticket, purpose: Purpose, answer: Answer) {
        match (purpose, answer) {
            (Purpose::Arrive(conn), Answer::Welcome(welcome)) => {
                self.welcome(conn, &welcome);
                self.finish(conn, ticket, None);
            }
            (Purpose::CatchUp(conn), Answer::Page(page)) => self.page(conn, page),
            (Purpose::Arrive(conn), Answer::Failed(why)) => {
                if let Some(connection) = self.connections.get_mut(&conn) {
                    connection.arrived = false;
                }
                self.give_up(conn, &why);
            }
            (Purpose::CatchUp(conn), Answer::Failed(why)) => self.give_up(conn, &why),
            (Purpose::Arrive(conn) | Purpose::CatchUp(conn), _) => {
                self.give_up(conn, "the store answered something else");
            }
            (purpose, answer) => self.reply(ticket, purpose, &answer),
        }
    }

    /// Answers a request that a client has made.
    fn reply(&mut self, ticket: Ticket, purpose: Purpose, answer: &Answer) {
        let (Purpose::Arrive(conn)
        | Purpose::CatchUp(conn)
        | Purpose::Append(conn, _)
        | Purpose::Join(conn, ..)
        | Purpose::Leave(conn, ..)
        | Purpose::History(conn, ..)
        | Purpose::Clients(conn, _)) = purpose;
        let Some(connection) = self.connections.get(&conn) else {
            return;
        };
        let word = connection.word();
        let reply = match (purpose, answer) {
            (Purpose::Join(_, room, it), Answer::Joined) => {
                encode::same(word, "join", &room, it.as_deref())
            }
            (Purpose::Join(_, _, it), Answer::TooManyRooms) => {
                let most = self.max_rooms.unwrap_or_default();
                let detail = format!(
                    "a user can be in {most} rooms (--max-rooms); leave one to join this one"
                );
                encode::error(word, "parameter error", &detail, it.as_deref())
            }
            (Purpose::Leave(_, room, it), Answer::Left) => {
                encode::same(word, "leave", &room, it.as_deref())
            }
            (Purpose::History(_, room, it), Answer::Page(page)) => {
                encode::history(word, &room, &page.messages, it.as_deref())
            }
            (Purpose::Clients(_, it), Answer::Clients { users, clients }) => {
                encode::clients(word, users, *clients, it.as_deref())
            }
            (purpose, answer) => failure(word, &purpose, answer),
        };
        self.finish(conn, ticket, Some(reply));
    }
}

/// What the sender of a request that was not done is told.
fn failure(word: Word, purpose: &Purpose, answer: &Answer) -> Message {
    let why = match answer {
        Answer::Failed(why) => why,
        _ => "the store answered something else",
    };
    let (Purpose::Append(_, it)
    | Purpose::Join(_, _, it)
    | Purpose::Leave(_, _, it)
    | Purpose::History(_, _, it)
    | Purpose::Clients(_, it)) = purpose
    else {
        return encode::error(word, "store error", why, None);
    };
    encode::error(word, "store error", why, it.as_deref())
}

#[cfg(test)]
mod tests;
