//! How a connection begins, and gets page by page what it has missed.

use super::{Machine, Outgoing, Output, PAGE, PAGE_BYTES, Phase, Purpose};
use crate::serve::hub::encode;
use crate::serve::hub::store::{Conn, Name, Page, Recipient, Recovered, Request, View, Welcome};

impl Machine {
    /// Begins a connection: what it is told, and from where it catches up.
    pub(super) fn welcome(&mut self, conn: Conn, welcome: &Welcome) {
        self.clients = welcome.clients;
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let (last, direct_after, other_after) = match &welcome.recovered {
            // What waits for the user comes first: a client that goes on from `last` must not miss it.
            None => {
                let pending = welcome.first_pending.map(|id| id.saturating_sub(1));
                let last = pending.unwrap_or(welcome.last).min(welcome.last);
                (last, welcome.delivered, welcome.last)
            }
            Some(recovered) => {
                let after = match recovered {
                    Recovered::Yes => connection.after.take().map_or(0, |after| after.id),
                    Recovered::No { oldest } => oldest.saturating_sub(1),
                };
                (welcome.last, after, after)
            }
        };
        connection.phase = Phase::CatchingUp {
            direct_after,
            other_after,
            asked: false,
        };
        let user = Name::clone(&connection.user);
        let connected = encode::connected(connection.word(), &user, welcome, last);
        self.members.arrive(conn, &user, &welcome.rooms);
        self.audiences.clear();
        self.send(conn, connected);
        self.catch_up(conn);
    }

    /// Asks for the next page, unless the connection has all.
    pub(super) fn catch_up(&mut self, conn: Conn) {
        let ticket = self.ticket();
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let Phase::CatchingUp {
            direct_after,
            other_after,
            asked: asked @ false,
        } = &mut connection.phase
        else {
            return;
        };
        *asked = true;
        let view = View::User {
            user: Name::clone(&connection.user),
            direct_after: *direct_after,
            other_after: *other_after,
        };
        self.purposes.insert(ticket, Purpose::CatchUp(conn));
        self.ask(ticket, Request::Page { view, limit: PAGE });
    }

    pub(super) fn page(&mut self, conn: Conn, page: Page) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let (word, user) = (connection.word(), Name::clone(&connection.user));
        let Phase::CatchingUp {
            direct_after,
            other_after,
            asked,
        } = &mut connection.phase
        else {
            return;
        };
        let (mut sent, mut bytes) = (Vec::new(), 0);
        for stored in &page.messages {
            if bytes > PAGE_BYTES {
                break;
            }
            bytes += stored.draft.data.len();
            *direct_after = stored.id.max(*direct_after);
            *other_after = stored.id.max(*other_after);
            let is_direct = stored.draft.to == Recipient::User(Name::clone(&user));
            sent.push(Outgoing {
                message: encode::message(word, stored),
                direct: if is_direct { stored.id } else { 0 },
            });
        }
        *asked = false;
        let is_whole = sent.len() == page.messages.len();
        let upto = page.complete.filter(|_| is_whole);
        if let Some(upto) = upto {
            connection.phase = Phase::Live(upto);
            self.audiences.clear();
        }
        self.outputs.push_back(Output::Page(conn, sent));
        if upto.is_none() {
            self.outputs.push_back(Output::ReportDrained(conn));
        }
    }
}
