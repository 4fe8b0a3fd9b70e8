//! Who gets a message: lists of connections, which are kept while nobody comes or goes. Pure. It never
//! decides who is a member of what.

use std::collections::HashMap;
use std::sync::Arc;

use super::connection::{Connection, Phase};
use crate::serve::hub::envelope::Word;
use crate::serve::hub::store::{Conn, Id, Name};

/// Connections by their word, in ascending order.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience {
    pub event: Arc<[Conn]>,
    pub kind: Arc<[Conn]>,
    /// They have everything up to this message.
    upto: Id,
    /// Nobody was left out for having the message already.
    whole: bool,
}

impl Audience {
    /// Those of the connections for which `gets` holds.
    pub(super) fn of<'a>(
        connections: impl Iterator<Item = (&'a Conn, &'a Connection)>,
        gets: impl Fn(Conn, &Connection) -> bool,
    ) -> Audience {
        let (mut event, mut kind) = (Vec::new(), Vec::new());
        for (conn, connection) in connections.filter(|(conn, it)| gets(**conn, it)) {
            match connection.word() {
                Word::Event => event.push(*conn),
                Word::Type => kind.push(*conn),
            }
        }
        event.sort_unstable();
        kind.sort_unstable();
        Audience {
            event: event.into(),
            kind: kind.into(),
            upto: 0,
            whole: true,
        }
    }

    /// Those that get the message with this id now: they have caught up, and it has not been on a page
    /// of theirs.
    pub(super) fn live<'a>(
        connections: impl Iterator<Item = (&'a Conn, &'a Connection)> + Clone,
        id: Id,
    ) -> Audience {
        let mut audience = Audience::of(
            connections.clone(),
            |_, it| matches!(it.phase, Phase::Live(upto) if upto < id),
        );
        for (_, connection) in connections {
            match connection.phase {
                Phase::Live(upto) if upto < id => audience.upto = audience.upto.max(upto),
                Phase::Live(_) => audience.whole = false,
                _ => {}
            }
        }
        audience
    }

    fn is_empty(&self) -> bool {
        self.event.is_empty() && self.kind.is_empty()
    }
}

/// The audiences that were asked for, until something changes.
#[derive(Debug, Default)]
pub(super) struct Audiences {
    everyone: Option<Audience>,
    /// Those that are not empty.
    rooms: HashMap<Name, Audience>,
}

impl Audiences {
    /// Forgets all of them: somebody has come, gone or caught up, or uses another word.
    pub(super) fn clear(&mut self) {
        self.everyone = None;
        self.rooms.clear();
    }

    /// Who gets this message, if that is known.
    pub(super) fn get(&self, room: Option<&Name>, id: Id) -> Option<Audience> {
        let known = match room {
            None => self.everyone.as_ref(),
            Some(room) => self.rooms.get(room),
        };
        known.filter(|it| it.upto < id).cloned()
    }

    /// Keeps an audience for later messages, where it holds for them.
    pub(super) fn keep(&mut self, room: Option<&Name>, audience: &Audience) {
        if !audience.whole {
            return;
        }
        match room {
            None => self.everyone = Some(audience.clone()),
            // Anybody may name any number of empty ones.
            Some(_) if audience.is_empty() => {}
            Some(room) => drop(self.rooms.insert(Name::clone(room), audience.clone())),
        }
    }
}
