//! The hub at work: it hands what connections and the store say to the machine, and does what the
//! machine wants. It decides nothing but who waits for a slow client.
//!
//! A store that answers at once is obeyed at once. The task of [`Hub::work`] is woken by all others.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::pending;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::batch::{self, Batch, Sent};
use super::envelope;
use super::machine::{Machine, Now, Outgoing, Output};
use super::options::{Options, SlowClient};
use super::outbox::{Fill, Item, Limits, Outbox};
use super::store::memory::Memory;
use super::store::{After, Answer, Conn, Name, Output as FromStore, Request, Store, Ticket};
use super::tokens::{Access, Tokens};
use crate::close::Close;
use crate::message::Message;

/// How often messages that are too old are forgotten, at most and at least.
const PRUNE_MIN: Duration = Duration::from_secs(1);
const PRUNE_MAX: Duration = Duration::from_secs(60);

/// A handle to the hub.
#[derive(Clone)]
pub(in crate::serve) struct Hub {
    core: Arc<Mutex<Core>>,
    tokens: Tokens,
    prune: Option<Duration>,
}

struct Core {
    machine: Machine,
    /// There is none once the hub is closing.
    store: Option<Box<dyn Store>>,
    outboxes: HashMap<Conn, Arc<Outbox>>,
    /// What waits to be put into many of them.
    batch: Batch,
    /// A task will hand the batch over.
    is_scheduled: bool,
    /// Those that asked, apart from connections.
    asked: HashMap<Ticket, oneshot::Sender<Answer>>,
    limits: Limits,
    slow_client: SlowClient,
    /// Of the task of [`Hub::work`].
    waker: Waker,
    connections: u64,
    /// The next timeout has changed.
    timeout_changed: bool,
}

impl Default for Hub {
    fn default() -> Self {
        let options = Options::default();
        let store = Memory::new(options.retention(), &mut rand::rng());
        Hub::new(&options, Box::new(store))
    }
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix = unix.unwrap_or_default().as_millis();
    Now {
        instant: Instant::now(),
        unix: i64::try_from(unix).unwrap_or(i64::MAX),
    }
}

impl Hub {
    /// A hub over this store.
    pub(in crate::serve) fn new(options: &Options, store: Box<dyn Store>) -> Hub {
        let limits = Limits::new(options);
        let core = Core {
            machine: Machine::new(options),
            store: Some(store),
            outboxes: HashMap::new(),
            batch: Batch::new(limits.messages, limits.bytes),
            is_scheduled: false,
            asked: HashMap::new(),
            limits,
            slow_client: options.slow_client,
            waker: Waker::noop().clone(),
            connections: 0,
            timeout_changed: false,
        };
        let prune = options
            .retain_age
            .map(|age| (age / 10).clamp(PRUNE_MIN, PRUNE_MAX));
        Hub {
            core: Arc::new(Mutex::new(core)),
            tokens: options.tokens.clone(),
            prune,
        }
    }

    /// Whose a token is.
    pub(in crate::serve) fn check(&self, token: &str) -> Access {
        self.tokens.check(token)
    }

    /// Whether the hub takes no more connections.
    pub(in crate::serve) fn is_closing(&self) -> bool {
        self.core().store.is_none()
    }

    /// Does what no connection waits for, until it is dropped: what comes from the store later, and
    /// what is due at some time.
    pub(in crate::serve) async fn work(&self) -> Infallible {
        let mut prune_at = self.prune.map(|interval| Instant::now() + interval);
        loop {
            let timeout = self.core().machine.poll_timeout();
            let next = timeout.into_iter().chain(prune_at).min();
            let due = async {
                match next {
                    Some(next) => sleep_until(next.into()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = poll_fn(|cx| self.poll_store(cx)) => {}
                () = due => {}
            }
            let now = now();
            self.with(|core| core.machine.handle_timeout(now.instant));
            if prune_at.is_some_and(|at| at <= now.instant) {
                prune_at = self.prune.map(|interval| now.instant + interval);
                self.with(|core| {
                    let ticket = core.machine.ticket();
                    core.ask(ticket, Request::Prune { now: now.unix });
                });
            }
        }
    }

    /// Ready when there is another time at which something is due.
    fn poll_store(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut core = self.core();
        core.waker = cx.waker().clone();
        core.run();
        self.schedule(&mut core);
        if std::mem::take(&mut core.timeout_changed) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// All connections are about to end.
    pub(in crate::serve) fn stop(&self) {
        self.core().machine.stop();
    }

    /// Ends the store once it has done all that it was asked for. No connection may be left.
    pub(in crate::serve) async fn close(&self) {
        let store = self.with(|core| core.store.take());
        if let Some(store) = store {
            store.close().await;
        }
    }

    /// Adds a connection.
    pub(super) fn connect(&self, user: Option<Name>, after: Option<After>) -> Attached {
        self.with(|core| {
            core.connections += 1;
            let conn = Conn(core.connections);
            let outbox = Arc::new(Outbox::new(core.limits));
            core.outboxes.insert(conn, Arc::clone(&outbox));
            let before = core.machine.poll_timeout();
            core.machine.handle_connection(conn, user, after, now());
            if core.machine.poll_timeout() != before {
                core.timeout_changed = true;
                core.waker.wake_by_ref();
            }
            Attached {
                hub: self.clone(),
                conn,
                outbox,
                is_over: false,
            }
        })
    }

    /// Asks the store, for a client that is no connection.
    pub(super) async fn ask(&self, request: Request) -> Option<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.with(|core| {
            let ticket = core.machine.ticket();
            core.asked.insert(ticket, sender);
            core.ask(ticket, request);
        });
        receiver.await.ok()
    }

    /// Lets connections go on that waited for another one.
    fn release(&self, waiting: Vec<Conn>) {
        if !waiting.is_empty() {
            self.core().release(waiting);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core();
        let result = act(&mut core);
        core.run();
        self.schedule(&mut core);
        result
    }

    /// Has the batch handed over once all tasks that are due have had their turn: where many send, many
    /// messages reach a connection in one write, and where one does, they leave at once.
    fn schedule(&self, core: &mut Core) {
        if core.batch.is_empty() || core.is_scheduled {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return core.hand_over();
        };
        core.is_scheduled = true;
        let hub = self.clone();
        runtime.spawn(async move {
            let mut core = hub.core();
            core.is_scheduled = false;
            core.hand_over();
        });
    }

    /// The core, also where a connection has panicked under its lock.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    fn ask(&mut self, ticket: Ticket, request: Request) {
        match &mut self.store {
            Some(store) => store.request(ticket, request),
            None => drop(self.asked.remove(&ticket)),
        }
    }

    /// Does all that can be done now.
    fn run(&mut self) {
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(&waker);
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.obey(output);
            }
            let Some(store) = &mut self.store else {
                return;
            };
            match store.poll_output(&mut cx) {
                Poll::Ready(output) => self.receive(output),
                Poll::Pending => return,
            }
        }
    }

    fn receive(&mut self, output: FromStore) {
        match output {
            FromStore::Answer(answer, ticket) if self.asked.contains_key(&ticket) => {
                if let Some(sender) = self.asked.remove(&ticket) {
                    // The client may have gone.
                    let _ = sender.send(answer);
                }
            }
            FromStore::Reset => {
                // Those that asked notice.
                self.asked.clear();
                self.machine.handle_store(FromStore::Reset);
            }
            output => self.machine.handle_store(output),
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Store(ticket, request) => self.ask(ticket, request),
            Output::Deliver {
                conns,
                without,
                outgoing,
                sender,
            } => self.deliver(&conns, &without, outgoing, sender),
            Output::Page(conn, page) => {
                self.settle(conn);
                self.for_outbox(conn, |it| it.push_page(page));
            }
            Output::ReportDrained(conn) => self.for_outbox(conn, Outbox::report_drained),
            Output::Close(conn, close) => {
                self.settle(conn);
                self.for_outbox(conn, |it| it.close(close));
            }
            Output::Pause(conn) => self.for_outbox(conn, |it| it.pause(true)),
            Output::Resume(conn) => self.for_outbox(conn, |it| it.pause(false)),
        }
    }

    fn for_outbox(&self, conn: Conn, act: impl FnOnce(&Outbox)) {
        if let Some(outbox) = self.outboxes.get(&conn) {
            act(outbox);
        }
    }

    fn deliver(
        &mut self,
        conns: &Arc<[Conn]>,
        without: &[Conn],
        outgoing: Outgoing,
        sender: Option<Conn>,
    ) {
        let is_large = batch::is_large(conns.len());
        if is_large && outgoing.direct == 0 && batch::fits(&outgoing.message) {
            return self.share(conns, without, outgoing.message, sender);
        }
        if is_large {
            // Cheaper than one connection after the other.
            self.hand_over();
        }
        for conn in conns.iter() {
            if without.binary_search(conn).is_err() {
                self.settle(*conn);
                self.push(*conn, Item::Message(outgoing.clone()), sender.as_slice());
            }
        }
    }

    /// Adds to the batch what many connections get.
    fn share(
        &mut self,
        conns: &Arc<[Conn]>,
        without: &[Conn],
        message: Message,
        sender: Option<Conn>,
    ) {
        let rests = self.batch.turn_to(conns).unwrap_or_else(|| {
            self.hand_over();
            self.batch.turn_to(conns).unwrap_or_default()
        });
        for (conn, rest) in rests {
            self.push_all(conn, rest);
        }
        for conn in without {
            self.settle(*conn);
        }
        self.batch.push(message, sender, without);
        if self.batch.is_full() {
            self.hand_over();
        }
    }

    /// Puts into the outbox of a connection what waits for it in the batch.
    fn settle(&mut self, conn: Conn) {
        let rest = self.batch.take(conn);
        self.push_all(conn, rest);
    }

    fn push_all(&self, conn: Conn, sent: Vec<Sent>) {
        for (message, sender) in sent {
            let outgoing = Outgoing { message, direct: 0 };
            self.push(conn, Item::Message(outgoing), sender.as_slice());
        }
    }

    /// Puts all that waits in the batch into the outboxes.
    fn hand_over(&mut self) {
        let handover = self.batch.hand_over();
        for (conn, run) in handover.runs {
            self.push(conn, Item::Run(run), &handover.senders);
        }
    }

    /// Puts messages of these senders into an outbox.
    fn push(&self, conn: Conn, item: Item, senders: &[Conn]) {
        let Some(outbox) = self.outboxes.get(&conn) else {
            return;
        };
        match (outbox.push(item), self.slow_client) {
            (Fill::Room, _) => {}
            (Fill::Full, SlowClient::Block) => {
                for sender in senders {
                    if let Some(blocked) = self.outboxes.get(sender)
                        && outbox.add_waiting(*sender)
                    {
                        blocked.block();
                    }
                }
            }
            (Fill::Full | Fill::Overflow, _) => {
                outbox.close_at_once(Close::new(1013, "too slow"));
            }
        }
    }

    fn release(&self, waiting: Vec<Conn>) {
        for conn in waiting {
            self.for_outbox(conn, Outbox::unblock);
        }
    }
}

/// A connection of the hub. Without [`Attached::end`], it ends as one that a server that is going away
/// has closed.
pub(super) struct Attached {
    hub: Hub,
    conn: Conn,
    pub(super) outbox: Arc<Outbox>,
    is_over: bool,
}

impl Attached {
    /// It is read before the hub is locked: a large message of one client delays no other.
    pub(super) fn handle_message(&self, message: &Message) {
        let (envelope, now) = (envelope::parse(message), now());
        self.hub
            .with(|core| core.machine.handle_message(self.conn, envelope, now));
    }

    /// All that waited has been sent.
    pub(super) fn handle_flushed(&self) {
        self.hub.release(self.outbox.take_waiting());
        let report = self.outbox.take_report();
        if let Some(id) = report.delivered {
            let now = now();
            self.hub
                .with(|core| core.machine.handle_delivered(self.conn, id, now));
        }
        if report.drained {
            self.hub.with(|core| core.machine.handle_drained(self.conn));
        }
    }

    /// The connection has ended; returns whose it was, if that was known.
    pub(super) fn end(mut self, close: &Close) -> Option<Name> {
        let user = self.hub.core().machine.user(self.conn);
        self.leave(close);
        user
    }

    fn leave(&mut self, close: &Close) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let (conn, outbox) = (self.conn, &self.outbox);
        self.hub.with(|core| {
            core.outboxes.remove(&conn);
            core.release(outbox.take_all_waiting());
            core.machine.handle_end(conn, close, outbox.delivered());
        });
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.leave(&Close::new(1001, "server shutting down"));
    }
}
