//! What the store tells of, on its way to the connections that it concerns. What several connections
//! get is encoded once for each word.

use std::sync::Arc;

use crate::message::Message;
use crate::serve::hub::encode;
use crate::serve::hub::envelope::Word;
use crate::serve::hub::store::{Change, Conn, Id, Name, Recipient, Stored, Ticket};

use super::audience::Audience;
use super::{Connection, Machine, Outgoing, Output, Purpose};

impl Machine {
    /// Passes a change on.
    pub(super) fn change(&mut self, change: Change, ticket: Option<Ticket>) {
        if self.is_stopping {
            return;
        }
        match change {
            Change::Message(stored) => self.message(&stored, ticket),
            Change::Joined { user, room } => {
                self.members.join(&user, &room);
                self.audiences.clear();
                self.membership("online", &user, &room, ticket);
            }
            Change::Left { user, room } => {
                self.membership("offline", &user, &room, ticket);
                self.members.leave(&user, &room);
                self.audiences.clear();
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
        let draft = &stored.draft;
        let from = &draft.from;
        let without: Vec<Conn> = match draft.echo {
            true => Vec::new(),
            false => self.members.of_user(from).collect(),
        };
        let deliver = |machine: &mut Machine, audience, direct| {
            let encoded = |word| encode::message(word, stored);
            machine.deliver(&audience, &without, encoded, direct, sender);
        };
        match &draft.to {
            Recipient::Everyone => {
                let audience = self.audience(None, stored.id);
                deliver(self, audience, 0);
            }
            Recipient::Room(room) => {
                let audience = self.audience(Some(room), stored.id);
                deliver(self, audience, 0);
                if !self.members.is_member(from, room) {
                    let copies = self.audience_of_user(from, stored.id);
                    deliver(self, copies, 0);
                }
            }
            Recipient::User(user) => {
                let audience = self.audience_of_user(user, stored.id);
                deliver(self, audience, stored.id);
                if user != from {
                    let copies = self.audience_of_user(from, stored.id);
                    deliver(self, copies, 0);
                }
            }
        }
    }

    fn known<'a>(
        &'a self,
        conns: impl Iterator<Item = Conn> + Clone + 'a,
    ) -> impl Iterator<Item = (&'a Conn, &'a Connection)> + Clone + 'a {
        conns.filter_map(|conn| self.connections.get_key_value(&conn))
    }

    /// Who gets the message with this id: everyone, or the members of a room.
    fn audience(&mut self, room: Option<&Name>, id: Id) -> Audience {
        if let Some(known) = self.audiences.get(room, id) {
            return known;
        }
        let audience = match room {
            None => Audience::live(self.connections.iter(), id),
            Some(room) => Audience::live(self.known(self.members.of_room(room)), id),
        };
        self.audiences.keep(room, &audience);
        audience
    }

    fn audience_of_user(&self, user: &Name, id: Id) -> Audience {
        Audience::live(self.known(self.members.of_user(user)), id)
    }

    /// Tells the members of a room, and all connections of `user`, but not the one that asked.
    fn membership(&mut self, event: &str, user: &Name, room: &Name, ticket: Option<Ticket>) {
        let asker = ticket.and_then(|ticket| match self.purposes.get(&ticket) {
            Some(Purpose::Join(conn, ..) | Purpose::Leave(conn, ..)) => Some(*conn),
            _ => None,
        });
        let members = self.known(self.members.of_room(room));
        let audience = Audience::of(members, |conn, it| Some(conn) != asker && it.is_welcome());
        let clients = self.clients;
        let notice = |word| encode::membership(word, event, user, room, clients);
        self.deliver(&audience, &[], notice, 0, None);
    }

    /// Tells the welcome connections for which `concerns` holds.
    fn notify(&mut self, concerns: impl Fn(&Connection) -> bool, notice: impl Fn(Word) -> Message) {
        let gets = |_, it: &Connection| it.is_welcome() && concerns(it);
        let audience = Audience::of(self.connections.iter(), gets);
        self.deliver(&audience, &[], notice, 0, None);
    }

    /// Sends to the audience, but not to those it is to go `without`.
    fn deliver(
        &mut self,
        audience: &Audience,
        without: &[Conn],
        encoded: impl Fn(Word) -> Message,
        direct: Id,
        sender: Option<Conn>,
    ) {
        let words = [(Word::Event, &audience.event), (Word::Type, &audience.kind)];
        for (word, conns) in words {
            if conns
                .iter()
                .any(|conn| without.binary_search(conn).is_err())
            {
                let message = encoded(word);
                self.outputs.push_back(Output::Deliver {
                    conns: Arc::clone(conns),
                    without: without.to_vec(),
                    outgoing: Outgoing { message, direct },
                    sender,
                });
            }
        }
    }
}
