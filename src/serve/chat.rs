//! Who is on `/chat`, and what waits for each of them. A member whose queue is full is removed and
//! learns of it: a slow client neither holds up the others nor makes memory grow.

use std::collections::HashMap;
use std::convert::Infallible;

use tokio::sync::{mpsc, oneshot};

use crate::message::Message;

/// How many messages may wait for one member.
const MAX_QUEUE: usize = 256;

/// The members.
#[derive(Default)]
pub(super) struct Chat {
    last: u64,
    members: HashMap<u64, Member>,
}

struct Member {
    queue: mpsc::Sender<Message>,
    /// Dropped with the member, which tells it that it was removed.
    _presence: oneshot::Sender<Infallible>,
}

/// A member's end.
pub(super) struct Seat {
    pub(super) id: u64,
    pub(super) queue: mpsc::Receiver<Message>,
    /// Ends when the member has been removed.
    pub(super) removed: oneshot::Receiver<Infallible>,
}

impl Chat {
    pub(super) fn join(&mut self) -> Seat {
        self.last += 1;
        let id = self.last;
        let (sender, queue) = mpsc::channel(MAX_QUEUE);
        let (presence, removed) = oneshot::channel();
        let member = Member {
            queue: sender,
            _presence: presence,
        };
        self.members.insert(id, member);
        Seat { id, queue, removed }
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.members.remove(&id);
    }

    /// Queues a message of the member `from` for everyone; for itself only where it asks for an `echo`.
    pub(super) fn say(&mut self, from: u64, echo: bool, message: &Message) {
        self.members.retain(|id, member| {
            (*id == from && !echo) || member.queue.try_send(message.clone()).is_ok()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_else_gets_a_message() {
        let mut chat = Chat::default();
        let (mut one, mut two, mut three) = (chat.join(), chat.join(), chat.join());
        chat.leave(three.id);
        chat.say(one.id, false, &Message::text("hello"));
        chat.say(two.id, true, &Message::text("back"));
        assert_eq!(one.queue.try_recv(), Ok(Message::text("back")));
        assert_eq!(two.queue.try_recv(), Ok(Message::text("hello")));
        assert_eq!(two.queue.try_recv(), Ok(Message::text("back")));
        assert!(three.queue.try_recv().is_err() && three.removed.try_recv().is_err());
    }

    #[test]
    fn a_slow_member_is_removed() {
        let mut chat = Chat::default();
        let (one, mut two, mut three) = (chat.join(), chat.join(), chat.join());
        for _ in 0..MAX_QUEUE {
            chat.say(one.id, false, &Message::text("x"));
            three.queue.try_recv().unwrap();
        }
        assert_eq!(chat.members.len(), 3);
        chat.say(one.id, false, &Message::text("too much"));
        assert!(matches!(
            two.removed.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        ));
        assert!(matches!(
            three.removed.try_recv(),
            Err(oneshot::error::TryRecvError::Empty)
        ));
        assert_eq!(chat.members.len(), 2);
    }
}
