//! What the store tells of, on its way to the connections that it concerns. What several connections
//! get is encoded once for each word.

use crate::message::Message;
use crate::serve::hub::encode;
use crate::serve::hub::envelope::Word;
use crate::serve::hub::store::{Change, Conn, Id, Name, Recipient, Stored, Ticket};

use super::{Connection, Machine, Outgoing, Output, Phase, Purpose};

impl Machine {
    /// Passes a change on.
    pub(super) fn change(&mut self, change: Change, ticket: Option<Ticket>) {
        match change {
            Change::Message(stored) => self.message(&stored, ticket),
            Change::Joined { user, room } => {
                self.members.join(&user, &room);
                self.membership("online", &user, &room, ticket);
            }
            Change::Left { user, room } => {
                self.membership("offline", &user, &room, ticket);
                self.members.leave(&user, &room);
            }
            Change::Online { user, clients } => {
                self.clients = clients;
                let notice = |word| encode::presence(word, "online", &user, clients);
                self.notify(|it| it.user != user, notice);
            }
            Change::Offline { user, clients } => {
                self.clients = clients;
                let notice = |word| encode::presence(word, "offline", &user, clients);
                self.notify(|_| true, notice);
            }
            Change::Closed { user, code, reason } => {
                self.clients = self.clients.saturating_sub(1);
                let notice = |word| encode::closed(word, &user, code, &reason);
                self.notify(|_| true, notice);
            }
        }
    }

    /// A message: first the sender is told that it is stored.
    fn message(&mut self, stored: &Stored, ticket: Option<Ticket>) {
        let mut sender = None;
        if let Some(ticket) = ticket
            && let Some(Purpose::Append(conn, reference)) = self.purposes.remove(&ticket)
        {
            sender = Some(conn);
            if let (Some(reference), Some(it)) = (reference, self.connections.get(&conn)) {
                let ack = encode::ack(it.word(), &reference, stored.id);
                self.send(conn, ack);
            }
            self.finish(conn, ticket, None);
        }
        self.fan_out(stored, sender);
    }

    fn fan_out(&mut self, stored: &Stored, sender: Option<Conn>) {
        let encoded = |word| encode::message(word, stored);
        let from = &stored.draft.from;
        match &stored.draft.to {
            Recipient::Everyone => {
                let all = self.connections.iter();
                let conns = self.ready(all, stored);
                self.deliver(conns, encoded, 0, sender);
            }
            Recipient::Room(room) => {
                let sender_too = !self.members.is_member(from, room);
                let copies = self.members.of_user(from).filter(|_| sender_too);
                let all = self.members.of_room(room).chain(copies);
                let conns = self.ready(self.known(all), stored);
                self.deliver(conns, encoded, 0, sender);
            }
            Recipient::User(user) => {
                let conns = self.ready(self.known(self.members.of_user(user)), stored);
                self.deliver(conns, encoded, stored.id, sender);
                if user != from {
                    let conns = self.ready(self.known(self.members.of_user(from)), stored);
                    self.deliver(conns, encoded, 0, sender);
                }
            }
        }
    }

    fn known<'a>(
        &'a self,
        conns: impl Iterator<Item = Conn> + 'a,
    ) -> impl Iterator<Item = (&'a Conn, &'a Connection)> + 'a {
        conns.filter_map(|conn| self.connections.get_key_value(&conn))
    }

    /// Those of the connections that get a message now: they have caught up, and the message has not
    /// been on a page of theirs.
    fn ready<'a>(
        &self,
        connections: impl Iterator<Item = (&'a Conn, &'a Connection)>,
        stored: &Stored,
    ) -> Receivers {
        let draft = &stored.draft;
        let mut receivers = Receivers::default();
        for (conn, connection) in connections {
            let is_new = matches!(connection.phase, Phase::Live(upto) if upto < stored.id);
            if is_new && (draft.echo || connection.user != draft.from) {
                receivers.add(*conn, connection.word());
            }
        }
        receivers
    }

    /// Tells the members of a room, and all connections of `user`, but not the one that asked.
    fn membership(&mut self, event: &str, user: &Name, room: &Name, ticket: Option<Ticket>) {
        let asker = ticket.and_then(|ticket| match self.purposes.get(&ticket) {
            Some(Purpose::Join(conn, ..) | Purpose::Leave(conn, ..)) => Some(*conn),
            _ => None,
        });
        let mut receivers = Receivers::default();
        for (conn, connection) in self.known(self.members.of_room(room)) {
            if Some(*conn) != asker && connection.is_welcome() {
                receivers.add(*conn, connection.word());
            }
        }
        let clients = self.clients;
        let notice = |word| encode::membership(word, event, user, room, clients);
        self.deliver(receivers, notice, 0, None);
    }

    /// Tells the welcome connections for which `concerns` holds.
    fn notify(&mut self, concerns: impl Fn(&Connection) -> bool, notice: impl Fn(Word) -> Message) {
        let mut receivers = Receivers::default();
        for (conn, connection) in &self.connections {
            if connection.is_welcome() && concerns(connection) {
                receivers.add(*conn, connection.word());
            }
        }
        self.deliver(receivers, notice, 0, None);
    }

    fn deliver(
        &mut self,
        receivers: Receivers,
        encoded: impl Fn(Word) -> Message,
        direct: Id,
        sender: Option<Conn>,
    ) {
        for (word, conns) in [(Word::Event, receivers.event), (Word::Type, receivers.kind)] {
            if !conns.is_empty() {
                let message = encoded(word);
                self.outputs.push_back(Output::Deliver {
                    conns,
                    outgoing: Outgoing { message, direct },
                    sender,
                });
            }
        }
    }
}

/// Connections by their word.
#[derive(Default)]
struct Receivers {
    event: Vec<Conn>,
    kind: Vec<Conn>,
}

impl Receivers {
    fn add(&mut self, conn: Conn, word: Word) {
        match word {
            Word::Event => self.event.push(conn),
            Word::Type => self.kind.push(conn),
        }
    }
}
