//! The one order of all that the store says. The log and the answers come over two connections; an answer
//! belongs behind the entry of the log that was the last one when the script ran. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::{Answer, Output, Ticket};
use super::reply::Entry;

/// What comes from the connections.
#[derive(Debug)]
pub(super) enum Event {
    /// Requests are about to be sent whose answers must be put in their place: until these are known, no
    /// later entry of the log may pass.
    Asking,
    /// An answer, and the last entry of the log when it was made.
    Answer(Answer, Ticket, u64),
    /// All that was asked is answered.
    Answered,
    /// It was not done; this has no place in the order.
    Failed(Arc<str>, Ticket),
    Entries(Vec<Entry>),
    /// The process of this name begins after this entry of the log. Not the first time: what came before
    /// is over.
    Begin {
        process: Arc<str>,
        position: u64,
        first: bool,
    },
}

/// What was read, and what waits for its place.
#[derive(Debug, Default)]
pub(super) struct Order {
    process: Arc<str>,
    /// The last entry that was said.
    position: u64,
    asking: bool,
    entries: VecDeque<Entry>,
    answers: BTreeMap<u64, Vec<(Answer, Ticket)>>,
    ready: VecDeque<Output>,
}

impl Order {
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Asking => self.asking = true,
            Event::Answered => self.asking = false,
            Event::Answer(answer, ticket, after) => {
                let waiting = self.answers.entry(after).or_default();
                waiting.push((answer, ticket));
            }
            Event::Failed(why, ticket) => {
                self.ready
                    .push_back(Output::Answer(Answer::Failed(why), ticket));
            }
            Event::Entries(entries) => self.entries.extend(entries),
            Event::Begin {
                process,
                position,
                first,
            } => self.begin(process, position, first),
        }
        if !self.asking {
            self.merge();
        }
    }

    pub(super) fn next(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    fn begin(&mut self, process: Arc<str>, position: u64, first: bool) {
        *self = Order {
            process,
            position,
            ..Order::default()
        };
        if !first {
            self.ready.push_back(Output::Reset);
        }
    }

    fn merge(&mut self) {
        self.release_answers();
        while let Some(entry) = self.entries.pop_front() {
            self.position = entry.number;
            let ticket = (entry.origin == self.process).then_some(entry.ticket);
            self.ready.push_back(Output::Change(entry.change, ticket));
            self.release_answers();
        }
    }

    fn release_answers(&mut self) {
        while let Some(waiting) = self.answers.first_entry() {
            if *waiting.key() > self.position {
                break;
            }
            let answers = waiting.remove().into_iter();
            self.ready
                .extend(answers.map(|(answer, ticket)| Output::Answer(answer, ticket)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Change;
    use super::*;

    fn entry(number: u64, origin: &str) -> Entry {
        let change = Change::Online {
            user: "xiao".into(),
            clients: number,
        };
        Entry {
            number,
            origin: origin.into(),
            ticket: Ticket(100 + number),
            change,
        }
    }

    fn begin(position: u64, first: bool) -> Event {
        Event::Begin {
            process: "me".into(),
            position,
            first,
        }
    }

    /// What is said next: entries by their number, with a star where they are our own; answers by their
    /// ticket, after a T.
    fn said(order: &mut Order) -> String {
        let mut words = Vec::new();
        while let Some(output) = order.next() {
            words.push(match output {
                Output::Change(Change::Online { clients, .. }, None) => clients.to_string(),
                Output::Change(Change::Online { clients, .. }, Some(_)) => format!("{clients}*"),
                Output::Answer(_, Ticket(ticket)) => format!("T{ticket}"),
                Output::Reset => "reset".to_owned(),
                other => panic!("{other:?}"),
            });
        }
        words.join(" ")
    }

    #[test]
    fn an_answer_waits_for_its_entry_and_no_later_entry_passes_it() {
        let mut order = Order::default();
        order.handle(begin(10, true));
        order.handle(Event::Entries(vec![entry(11, "me"), entry(12, "other")]));
        assert_eq!(said(&mut order), "11* 12");
        // The log is faster.
        order.handle(Event::Asking);
        order.handle(Event::Entries(vec![entry(13, "me"), entry(14, "me")]));
        assert_eq!(said(&mut order), "");
        order.handle(Event::Answer(Answer::Left, Ticket(1), 13));
        order.handle(Event::Answer(Answer::Joined, Ticket(2), 13));
        order.handle(Event::Answered);
        assert_eq!(said(&mut order), "13* T1 T2 14*");
        // The answer is faster.
        order.handle(Event::Asking);
        order.handle(Event::Answer(Answer::Joined, Ticket(3), 16));
        order.handle(Event::Answered);
        order.handle(Event::Entries(vec![entry(15, "other")]));
        assert_eq!(said(&mut order), "15");
        order.handle(Event::Entries(vec![entry(16, "me"), entry(17, "me")]));
        assert_eq!(said(&mut order), "16* T3 17*");
    }

    #[test]
    fn a_failure_waits_for_nothing_and_a_new_beginning_drops_what_waits() {
        let mut order = Order::default();
        order.handle(begin(0, true));
        order.handle(Event::Asking);
        order.handle(Event::Failed("no".into(), Ticket(1)));
        assert_eq!(said(&mut order), "T1");
        order.handle(Event::Answer(Answer::Joined, Ticket(2), 5));
        order.handle(Event::Entries(vec![entry(1, "me")]));
        order.handle(begin(20, false));
        order.handle(Event::Answer(Answer::Joined, Ticket(3), 20));
        order.handle(Event::Entries(vec![entry(21, "other")]));
        assert_eq!(said(&mut order), "reset T3 21");
    }
}
