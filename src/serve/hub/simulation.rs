//! The hub's rules over the store in memory, for what tries them with any input at all: fuzzing. Pure:
//! there is no network, and time comes in as an argument. It decides nothing; what it hands on is what
//! the driver would be told.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::envelope;
use super::machine::{Machine, Now, Outgoing, Output};
use super::options::Options;
use super::store::memory::Memory;
use super::store::{
    After, Change, Conn, Id, Name, Output as FromStore, Recipient, Request, Store as _, Ticket,
};
use crate::close::Close;
use crate::message::Message;

/// What is seen of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A message to a connection.
    Sent(u64, Message),
    /// A connection is closed.
    Closed(u64, Close),
    /// A connection is no longer read, or it is again.
    Paused(u64, bool),
    /// The store has this message, which goes to everyone or not.
    Stored { id: Id, to_everyone: bool },
}

/// The hub; see the head of this file.
pub struct Simulation {
    machine: Machine,
    store: Memory,
    /// Requests that the store has not answered, because it is slow.
    held: VecDeque<(Ticket, Request)>,
    is_slow: bool,
    /// Connections that wait for more once they have been sent everything.
    drained: Vec<Conn>,
    delivered: BTreeMap<Conn, Id>,
    seen: VecDeque<Seen>,
    now: Now,
}

impl Simulation {
    /// A hub with an empty store.
    pub fn new(options: &Options, start: Instant) -> Simulation {
        Simulation {
            machine: Machine::new(options),
            store: Memory::new(options.retention(), &mut StdRng::seed_from_u64(1)),
            held: VecDeque::new(),
            is_slow: false,
            drained: Vec::new(),
            delivered: BTreeMap::new(),
            seen: VecDeque::new(),
            now: Now {
                instant: start,
                unix: 0,
            },
        }
    }

    /// A connection comes; its handshake said who it is and what it has, or nothing.
    pub fn connect(&mut self, conn: u64, user: Option<&str>, after: Option<Id>) {
        let after = after.map(|id| After { id, epoch: None });
        let user = user.map(Name::from);
        self.machine
            .handle_connection(Conn(conn), user, after, self.now);
        self.run();
    }

    /// A connection says something.
    pub fn say(&mut self, conn: u64, message: &Message) {
        self.machine
            .handle_message(Conn(conn), envelope::parse(message), self.now);
        self.run();
    }

    /// A connection ends.
    pub fn end(&mut self, conn: u64, code: u16) {
        let delivered = self.delivered.remove(&Conn(conn)).unwrap_or_default();
        let close = Close::new(code, "");
        self.machine.handle_end(Conn(conn), &close, delivered);
        self.run();
    }

    /// Everything that connections were sent has arrived.
    pub fn drain(&mut self) {
        for (conn, id) in self.delivered.clone() {
            self.machine.handle_delivered(conn, id, self.now);
        }
        for conn in std::mem::take(&mut self.drained) {
            self.machine.handle_drained(conn);
        }
        self.run();
    }

    /// Time passes.
    pub fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.now.unix = self.now.unix.saturating_add(millis);
        self.machine.handle_timeout(self.now.instant);
        let ticket = self.machine.ticket();
        let now = self.now.unix;
        self.store.request(ticket, Request::Prune { now });
        self.run();
    }

    /// Whether the store answers at once from now on, or only when [`Simulation::answer`] is called.
    pub fn set_slow(&mut self, is_slow: bool) {
        self.is_slow = is_slow;
        if !is_slow {
            self.answer(usize::MAX);
        }
    }

    /// A slow store answers so many requests.
    pub fn answer(&mut self, count: usize) {
        for _ in 0..count {
            let Some((ticket, request)) = self.held.pop_front() else {
                break;
            };
            self.store.request(ticket, request);
            self.run();
        }
    }

    /// The store has lost all that it told; what it was asked is not answered any more.
    pub fn reset(&mut self) {
        self.held.clear();
        self.drained.clear();
        self.machine.handle_store(FromStore::Reset);
        self.run();
    }

    /// How many requests of a connection wait or are under way.
    pub fn waiting(&self, conn: u64) -> usize {
        self.machine.waiting(Conn(conn))
    }

    /// What has happened next.
    pub fn seen(&mut self) -> Option<Seen> {
        self.seen.pop_front()
    }

    fn run(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.obey(output);
            }
            match self.store.poll_output(&mut cx) {
                Poll::Ready(output) => {
                    self.note(&output);
                    self.machine.handle_store(output);
                }
                Poll::Pending => return,
            }
        }
    }

    fn note(&mut self, output: &FromStore) {
        if let FromStore::Change(Change::Message(stored), _) = output {
            self.seen.push_back(Seen::Stored {
                id: stored.id,
                to_everyone: stored.draft.to == Recipient::Everyone && stored.draft.echo,
            });
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Store(ticket, request) if self.is_slow => {
                self.held.push_back((ticket, request));
            }
            Output::Store(ticket, request) => self.store.request(ticket, request),
            Output::Deliver {
                conns,
                without,
                outgoing,
                ..
            } => {
                for conn in conns.iter().filter(|conn| !without.contains(conn)) {
                    self.send(*conn, outgoing.clone());
                }
            }
            Output::Page(conn, page) => {
                for outgoing in page {
                    self.send(conn, outgoing);
                }
            }
            Output::ReportDrained(conn) => self.drained.push(conn),
            Output::Close(Conn(conn), close) => self.seen.push_back(Seen::Closed(conn, close)),
            Output::Pause(Conn(conn)) => self.seen.push_back(Seen::Paused(conn, true)),
            Output::Resume(Conn(conn)) => self.seen.push_back(Seen::Paused(conn, false)),
        }
    }

    fn send(&mut self, conn: Conn, outgoing: Outgoing) {
        if outgoing.direct > 0 {
            let delivered = self.delivered.entry(conn).or_default();
            *delivered = outgoing.direct.max(*delivered);
        }
        let Conn(number) = conn;
        self.seen.push_back(Seen::Sent(number, outgoing.message));
    }
}
