//! Who is there, for a store whose connections all belong to this process. Pure. It knows neither
//! rooms nor messages.

use std::collections::{BTreeMap, HashMap};

use super::{Conn, Name};

/// The connections that are there, and whose they are.
#[derive(Debug, Default)]
pub(in crate::serve) struct Presence {
    connections: HashMap<Conn, Name>,
    /// The number of connections of each user, at least 1.
    users: BTreeMap<Name, u64>,
}

/// A connection that has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Departed {
    pub user: Name,
    /// It was the user's last connection.
    pub last: bool,
}

impl Presence {
    /// Adds a connection of `user`; returns whether it is the user's first. A connection that is there
    /// already stays as it is.
    pub(in crate::serve) fn arrive(&mut self, conn: Conn, user: &Name) -> bool {
        if self.connections.contains_key(&conn) {
            return false;
        }
        self.connections.insert(conn, Name::clone(user));
        let connections = self.users.entry(Name::clone(user)).or_default();
        *connections += 1;
        *connections == 1
    }

    /// Removes a connection, if it is there.
    pub(in crate::serve) fn depart(&mut self, conn: Conn) -> Option<Departed> {
        let user = self.connections.remove(&conn)?;
        let left = self.users.get_mut(&user).map_or(0, |connections| {
            *connections -= 1;
            *connections
        });
        let last = left == 0;
        if last {
            self.users.remove(&user);
        }
        Some(Departed { user, last })
    }

    /// Whose connection it is, if it is there.
    pub(in crate::serve) fn user(&self, conn: Conn) -> Option<&Name> {
        self.connections.get(&conn)
    }

    /// The number of connections.
    pub(in crate::serve) fn clients(&self) -> u64 {
        self.connections.len() as u64
    }

    /// The users, in the order of their names.
    pub(in crate::serve) fn users(&self) -> Vec<Name> {
        self.users.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_connection_of_a_user_are_known() {
        let mut presence = Presence::default();
        let (xiao, ada) = (Name::from("xiao"), Name::from("ada"));
        let gone = |user: &Name, last| {
            let user = Name::clone(user);
            Some(Departed { user, last })
        };
        assert!(presence.arrive(Conn(1), &xiao));
        assert!(!presence.arrive(Conn(2), &xiao));
        assert!(presence.arrive(Conn(3), &ada));
        assert!(!presence.arrive(Conn(3), &ada));
        assert_eq!(presence.clients(), 3);
        assert_eq!(presence.user(Conn(3)), Some(&ada));
        assert_eq!(presence.users(), [Name::clone(&ada), Name::clone(&xiao)]);
        assert_eq!(presence.depart(Conn(1)), gone(&xiao, false));
        assert_eq!(presence.depart(Conn(1)), None);
        assert_eq!(presence.depart(Conn(2)), gone(&xiao, true));
        assert_eq!(presence.users(), [ada]);
        assert!(presence.arrive(Conn(4), &xiao));
        assert_eq!(presence.clients(), 2);
    }
}
