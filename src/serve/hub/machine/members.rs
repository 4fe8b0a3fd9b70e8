//! The users that have a connection to this process, and the rooms that they are members of. Pure. Who
//! else is a member, the store knows.

use std::collections::{BTreeSet, HashMap};

use crate::serve::hub::store::{Conn, Name};

/// Users and rooms of this process.
#[derive(Debug, Default)]
pub(super) struct Members {
    users: HashMap<Name, User>,
    rooms: HashMap<Name, BTreeSet<Name>>,
}

#[derive(Debug, Default)]
struct User {
    connections: BTreeSet<Conn>,
    rooms: BTreeSet<Name>,
}

impl Members {
    /// Adds a connection of a user, who is a member of exactly these rooms.
    pub(super) fn arrive(&mut self, conn: Conn, user: &Name, rooms: &[Name]) {
        let rooms: BTreeSet<Name> = rooms.iter().cloned().collect();
        let known = self.users.entry(Name::clone(user)).or_default();
        known.connections.insert(conn);
        let before = std::mem::replace(&mut known.rooms, rooms.clone());
        for room in before.difference(&rooms) {
            remove(&mut self.rooms, room, user);
        }
        for room in rooms {
            let members = self.rooms.entry(room).or_default();
            members.insert(Name::clone(user));
        }
    }

    pub(super) fn depart(&mut self, conn: Conn, user: &Name) {
        let Some(known) = self.users.get_mut(user) else {
            return;
        };
        known.connections.remove(&conn);
        if known.connections.is_empty()
            && let Some(gone) = self.users.remove(user)
        {
            for room in gone.rooms {
                remove(&mut self.rooms, &room, user);
            }
        }
    }

    pub(super) fn join(&mut self, user: &Name, room: &Name) {
        if let Some(known) = self.users.get_mut(user) {
            known.rooms.insert(Name::clone(room));
            let members = self.rooms.entry(Name::clone(room)).or_default();
            members.insert(Name::clone(user));
        }
    }

    pub(super) fn leave(&mut self, user: &Name, room: &Name) {
        if let Some(known) = self.users.get_mut(user) {
            known.rooms.remove(room);
            remove(&mut self.rooms, room, user);
        }
    }

    /// The connections of a user.
    pub(super) fn of_user(&self, user: &Name) -> impl Iterator<Item = Conn> + Clone + use<'_> {
        let user = self.users.get(user).into_iter();
        user.flat_map(|user| user.connections.iter().copied())
    }

    /// The connections of the members of a room.
    pub(super) fn of_room(&self, room: &Name) -> impl Iterator<Item = Conn> + Clone + use<'_> {
        let members = self.rooms.get(room).into_iter().flatten();
        members.flat_map(|user| self.of_user(user))
    }

    pub(super) fn is_member(&self, user: &Name, room: &Name) -> bool {
        let user = self.users.get(user);
        user.is_some_and(|user| user.rooms.contains(room))
    }
}

fn remove(rooms: &mut HashMap<Name, BTreeSet<Name>>, room: &Name, user: &Name) {
    if let Some(members) = rooms.get_mut(room) {
        members.remove(user);
        if members.is_empty() {
            rooms.remove(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_reaches_every_connection_of_its_members() {
        let mut members = Members::default();
        let [xiao, ada, news, art] = ["xiao", "ada", "news", "art"].map(Name::from);
        let in_room = |members: &Members, room| members.of_room(room).collect::<Vec<_>>();
        members.arrive(Conn(1), &xiao, &[]);
        members.arrive(Conn(2), &xiao, &[Name::clone(&news)]);
        members.arrive(Conn(3), &ada, &[]);
        members.join(&ada, &news);
        assert_eq!(in_room(&members, &news), [Conn(3), Conn(1), Conn(2)]);
        members.depart(Conn(1), &xiao);
        members.leave(&ada, &news);
        assert_eq!(in_room(&members, &news), [Conn(2)]);
        assert!(members.is_member(&xiao, &news) && !members.is_member(&ada, &news));
        // What the store says of a user's rooms counts.
        members.arrive(Conn(4), &xiao, &[Name::clone(&art)]);
        assert_eq!(in_room(&members, &news), []);
        assert_eq!(in_room(&members, &art), [Conn(2), Conn(4)]);
        members.depart(Conn(2), &xiao);
        members.depart(Conn(4), &xiao);
        members.join(&xiao, &news);
        assert!(members.rooms.is_empty() && members.of_user(&xiao).count() == 0);
    }
}
