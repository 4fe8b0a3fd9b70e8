//! Who has connections to this process, so that there are not more users than allowed. Pure. It knows
//! every connection with a user, also one that the store has not welcomed.

use std::collections::HashMap;

use crate::close::Close;
use crate::serve::hub::store::Name;

/// The users, and how many connections each has.
#[derive(Debug, Default)]
pub(super) struct Users {
    /// 0 for any number.
    most: usize,
    connections: HashMap<Name, usize>,
}

impl Users {
    pub(super) fn new(most: usize) -> Users {
        Users {
            most,
            connections: HashMap::new(),
        }
    }

    /// Counts a connection; [`Users::leave`] must follow.
    ///
    /// # Errors
    /// What a connection is closed with when there are too many users; it is not counted.
    pub(super) fn enter(&mut self, user: &Name) -> Result<(), Close> {
        if let Some(count) = self.connections.get_mut(user) {
            *count += 1;
            return Ok(());
        }
        if self.most > 0 && self.connections.len() >= self.most {
            let reason = format!("{} users are connected (--max-users)", self.most);
            // 1013: try again later.
            return Err(Close::new(1013, reason));
        }
        self.connections.insert(Name::clone(user), 1);
        Ok(())
    }

    /// A connection that was counted has ended. Other names are ignored.
    pub(super) fn leave(&mut self, user: &Name) {
        let Some(count) = self.connections.get_mut(user) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.connections.remove(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_counted_once_and_until_the_last_connection_ends() {
        let [xiao, ada, bo] = ["xiao", "ada", "bo"].map(Name::from);
        let mut users = Users::new(2);
        assert!(users.enter(&xiao).is_ok() && users.enter(&ada).is_ok());
        assert!(users.enter(&xiao).is_ok());
        let close = users.enter(&bo).unwrap_err();
        assert_eq!(close.reported_code(), 1013);
        assert_eq!(close.reason.as_str(), "2 users are connected (--max-users)");
        users.leave(&xiao);
        users.leave(&bo);
        assert!(users.enter(&bo).is_err());
        users.leave(&xiao);
        assert!(users.enter(&bo).is_ok());
        assert_eq!(users.connections.len(), 2);
    }

    #[test]
    fn zero_is_no_limit() {
        let mut users = Users::new(0);
        for number in 0..1000 {
            assert!(users.enter(&Name::from(number.to_string())).is_ok());
        }
    }
}
