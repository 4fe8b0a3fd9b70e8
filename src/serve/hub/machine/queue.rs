//! The requests of one connection, so that their answers come in the order of its messages. Pure.
//!
//! Messages that are only stored are under way together, so that a store can commit them together.
//! Any other request waits for those before it, and those after it wait for it.

use std::collections::VecDeque;

use crate::message::Message;
use crate::serve::hub::store::{Request, Ticket};

/// Requests and replies of one connection.
#[derive(Debug, Default)]
pub(super) struct Queue {
    slots: VecDeque<Slot>,
    /// How many requests there are whose answers may be large.
    large: usize,
}

#[derive(Debug)]
enum Slot {
    Waiting(Ticket, Request),
    UnderWay {
        ticket: Ticket,
        append: bool,
        large: bool,
    },
    Done(Option<Message>),
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Reply(Message),
    Start(Ticket, Request),
}

impl Queue {
    pub(super) fn push(&mut self, ticket: Ticket, request: Request) {
        self.large += usize::from(is_large(&request));
        self.slots.push_back(Slot::Waiting(ticket, request));
    }

    /// Adds a reply that needs no store, behind the others.
    pub(super) fn push_reply(&mut self, reply: Message) {
        self.slots.push_back(Slot::Done(Some(reply)));
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the answer to one of the requests may be large. There is no room for many such answers.
    pub(super) fn expects_much(&self) -> bool {
        self.large > 0
    }

    /// The request is done; `reply` is sent when those before it are.
    pub(super) fn finish(&mut self, ticket: Ticket, reply: Option<Message>) {
        let found = self.slots.iter_mut().find(|slot| match slot {
            Slot::UnderWay { ticket: it, .. } => *it == ticket,
            Slot::Waiting(..) | Slot::Done(_) => false,
        });
        if let Some(slot) = found {
            let large = matches!(slot, Slot::UnderWay { large: true, .. });
            self.large -= usize::from(large);
            *slot = Slot::Done(reply);
        }
    }

    /// What is to be done now. It is called until there is nothing.
    pub(super) fn next(&mut self) -> Option<Step> {
        while let Some(Slot::Done(reply)) = self.slots.front_mut() {
            let reply = reply.take();
            self.slots.pop_front();
            if let Some(reply) = reply {
                return Some(Step::Reply(reply));
            }
        }
        for at in 0..self.slots.len() {
            match &self.slots[at] {
                Slot::Done(_) | Slot::UnderWay { append: true, .. } => {}
                Slot::UnderWay { .. } => return None,
                Slot::Waiting(ticket, request) => {
                    let append = matches!(request, Request::Append(_));
                    if at > 0 && !append {
                        return None;
                    }
                    let ticket = *ticket;
                    let large = is_large(request);
                    let under_way = Slot::UnderWay {
                        ticket,
                        append,
                        large,
                    };
                    let waited = std::mem::replace(&mut self.slots[at], under_way);
                    if let Slot::Waiting(ticket, request) = waited {
                        return Some(Step::Start(ticket, request));
                    }
                }
            }
        }
        None
    }

    /// What still waits when the connection has ended.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = (Ticket, Request)> {
        let slots = self.slots.into_iter();
        slots.filter_map(|slot| match slot {
            Slot::Waiting(ticket, request) => Some((ticket, request)),
            Slot::UnderWay { .. } | Slot::Done(_) => None,
        })
    }
}

fn is_large(request: &Request) -> bool {
    matches!(request, Request::Page { .. } | Request::Clients)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::serve::hub::store::{Draft, Name, Recipient};

    fn append() -> Request {
        Request::Append(Draft {
            from: Name::from("xiao"),
            to: Recipient::Everyone,
            data: Arc::from("1"),
            at: 0,
            echo: true,
        })
    }

    fn steps(queue: &mut Queue) -> Vec<String> {
        let steps = std::iter::from_fn(|| queue.next());
        let shown = steps.map(|step| match step {
            Step::Reply(reply) => reply.as_text().unwrap().to_owned(),
            Step::Start(Ticket(number), _) => format!("start {number}"),
        });
        shown.collect()
    }

    #[test]
    fn replies_come_in_the_order_of_the_messages() {
        let mut queue = Queue::default();
        let reply = |text: &str| Message::text(text.to_owned());
        queue.push(Ticket(1), append());
        queue.push_reply(reply("error 2"));
        queue.push(Ticket(3), append());
        queue.push(Ticket(4), Request::Clients);
        queue.push(Ticket(5), append());
        // Messages are stored together, also behind an error that waits for its turn.
        assert_eq!(steps(&mut queue), ["start 1", "start 3"]);
        queue.finish(Ticket(3), Some(reply("failed 3")));
        assert!(steps(&mut queue).is_empty());
        queue.finish(Ticket(1), None);
        assert_eq!(steps(&mut queue), ["error 2", "failed 3", "start 4"]);
        assert!(queue.expects_much());
        queue.finish(Ticket(4), Some(reply("clients 4")));
        assert_eq!(steps(&mut queue), ["clients 4", "start 5"]);
        assert!(queue.len() == 1 && !queue.expects_much());
    }

    #[test]
    fn what_waits_outlives_its_connection() {
        let mut queue = Queue::default();
        queue.push(Ticket(1), Request::Clients);
        queue.push(Ticket(2), append());
        queue.push(Ticket(3), Request::Clients);
        assert_eq!(steps(&mut queue), ["start 1"]);
        let left: Vec<_> = queue.into_waiting().collect();
        assert_eq!(left, [(Ticket(2), append()), (Ticket(3), Request::Clients)]);
    }
}
