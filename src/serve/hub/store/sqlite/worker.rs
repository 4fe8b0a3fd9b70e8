//! The thread that has the database: takes all requests that wait, does them in one transaction, and tells
//! what came of it. Nothing is told before it is committed.

use std::slice;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::database::{Cursors, Database, Done, Step};
use super::trouble::Trouble;
use super::words;
use crate::serve::hub::store::presence::{Departed, Presence};
use crate::serve::hub::store::{Answer, Change, Conn, Name, Output, Request, Ticket};

/// How many requests share a commit. The disk takes about as long for one as for all of them; more
/// would only make the first one wait.
const MAX_BATCH: usize = 512;

/// How long cursors wait for a transaction to share. One that is lost brings a message twice to a client
/// that does not say where it left off.
const CURSORS_WAIT: Duration = Duration::from_millis(500);

const LONG: Duration = Duration::from_secs(3600);

/// A request and its ticket.
pub(super) type Asked = (Ticket, Request);

/// See the head of this file.
pub(super) struct Worker {
    database: Database,
    presence: Presence,
    /// What is not in the file yet.
    cursors: Cursors,
    /// The time of a [`Request::Prune`] that is not done to its end.
    pruning: Option<i64>,
    trouble: Trouble,
    outputs: UnboundedSender<Vec<Output>>,
}

impl Worker {
    pub(super) fn new(
        database: Database,
        trouble: Trouble,
        outputs: UnboundedSender<Vec<Output>>,
    ) -> Worker {
        Worker {
            database,
            presence: Presence::default(),
            cursors: Cursors::new(),
            pruning: None,
            trouble,
            outputs,
        }
    }

    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: i64) {
        self.database.limit_pages(pages);
    }

    /// Works until the store is closed and everything that was handed over is done.
    pub(super) fn run(mut self, requests: &Receiver<Asked>) {
        while let Some(batch) = self.next_batch(requests) {
            match batch.is_empty() {
                true => self.catch_up(),
                false => self.serve(&batch),
            }
        }
        self.save_cursors();
        if let Err(error) = self.database.close() {
            self.trouble.failed(&error);
        }
    }

    /// The requests that wait; none where it is time for what waits in here, and `None` at the end.
    fn next_batch(&self, requests: &Receiver<Asked>) -> Option<Vec<Asked>> {
        let patience = match (self.pruning, self.cursors.is_empty()) {
            (Some(_), _) => Duration::ZERO,
            (None, false) => CURSORS_WAIT,
            (None, true) => LONG,
        };
        let mut batch = match requests.recv_timeout(patience) {
            Ok(first) => vec![first],
            Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        batch.extend(requests.try_iter().take(MAX_BATCH - 1));
        Some(batch)
    }

    fn catch_up(&mut self) {
        match self.pruning.take() {
            Some(now) => self.prune(now),
            None => self.save_cursors(),
        }
    }

    fn prune(&mut self, now: i64) {
        let request = &Request::Prune { now };
        let cursor = None;
        match self.perform(&[Step { request, cursor }], false) {
            Ok(done) => self.pruning = done.iter().any(is_unfinished).then_some(now),
            Err(error) => self.trouble.failed(&error),
        }
    }

    fn save_cursors(&mut self) {
        if self.cursors.is_empty() {
            return;
        }
        match self.database.save(&self.cursors) {
            Ok(()) => self.cursors.clear(),
            Err(error) => self.trouble.failed(&error),
        }
    }

    /// Does a batch and tells what came of it. Where it fails as a whole, each request has a transaction
    /// of its own, so that only those fail that must.
    pub(super) fn serve(&mut self, batch: &[Asked]) {
        let steps: Vec<_> = batch.iter().map(|asked| self.step(asked, batch)).collect();
        let mut outputs = Vec::new();
        match self.perform(&steps, steps.iter().any(Step::is_waited_for)) {
            Ok(done) => {
                for ((ticket, request), done) in batch.iter().zip(done) {
                    self.tell(*ticket, request, done, &mut outputs);
                }
            }
            Err(_) => {
                for ((ticket, _), step) in batch.iter().zip(&steps) {
                    self.serve_alone(*ticket, step, &mut outputs);
                }
            }
        }
        // Nobody listens any more where the store is being closed.
        let _ = self.outputs.send(outputs);
    }

    fn serve_alone(&mut self, ticket: Ticket, step: &Step<'_>, outputs: &mut Vec<Output>) {
        match self.perform(slice::from_ref(step), false) {
            Ok(done) => {
                for done in done {
                    self.tell(ticket, step.request, done, outputs);
                }
            }
            Err(error) => {
                self.trouble.failed(&error);
                if is_answered(step.request) {
                    let failed = Answer::Failed(words::for_client(&error).into());
                    outputs.push(Output::Answer(failed, ticket));
                }
            }
        }
    }

    fn perform(&mut self, steps: &[Step<'_>], save: bool) -> rusqlite::Result<Vec<Done>> {
        let done = self.database.perform(steps, &mut self.cursors, save)?;
        if save {
            self.cursors.clear();
        }
        if steps.iter().any(Step::is_waited_for) {
            self.trouble.worked();
        }
        Ok(done)
    }

    fn step<'a>(&self, (_, request): &'a Asked, batch: &[Asked]) -> Step<'a> {
        let cursor = match request {
            Request::Delivered { user, id } => Some((user.clone(), *id)),
            Request::Depart {
                conn, delivered, ..
            } => self.user_of(*conn, batch).map(|user| (user, *delivered)),
            _ => None,
        };
        Step { request, cursor }
    }

    /// Whose connection it is, be it that it arrives in this batch.
    fn user_of(&self, conn: Conn, batch: &[Asked]) -> Option<Name> {
        let arriving = || {
            batch.iter().find_map(|(_, request)| match request {
                Request::Arrive {
                    conn: other, user, ..
                } if *other == conn => Some(user),
                _ => None,
            })
        };
        self.presence.user(conn).or_else(arriving).cloned()
    }

    fn tell(&mut self, ticket: Ticket, request: &Request, done: Done, outputs: &mut Vec<Output>) {
        let before = outputs.len();
        let mut change = |change| outputs.push(Output::Change(change, Some(ticket)));
        let answer = match (request, done) {
            (_, Done::Stored(stored)) => return change(Change::Message(stored)),
            (Request::Arrive { conn, user, .. }, Done::Welcome(mut welcome)) => {
                if self.presence.arrive(*conn, user) {
                    let (user, clients) = (user.clone(), self.presence.clients());
                    change(Change::Online { user, clients });
                }
                welcome.clients = self.presence.clients();
                // The change comes after the answer.
                return outputs.insert(before, Output::Answer(Answer::Welcome(welcome), ticket));
            }
            (request @ Request::Depart { .. }, _) => {
                return self.departed(request).into_iter().for_each(change);
            }
            (Request::Join { user, room, .. }, Done::Joined(is_new)) => {
                let (user, room) = (user.clone(), room.clone());
                is_new.then(|| change(Change::Joined { user, room }));
                Answer::Joined
            }
            (Request::Leave { user, room }, Done::Left(was_member)) => {
                let (user, room) = (user.clone(), room.clone());
                was_member.then(|| change(Change::Left { user, room }));
                Answer::Left
            }
            (_, Done::TooManyRooms) => Answer::TooManyRooms,
            (_, Done::Page(page)) => Answer::Page(page),
            (_, Done::Rooms(rooms)) => Answer::Rooms(rooms),
            (Request::Clients, _) => Answer::Clients {
                users: self.presence.users(),
                clients: self.presence.clients(),
            },
            (Request::Prune { now }, Done::Pruned(true)) => {
                self.pruning = Some(*now);
                return;
            }
            _ => return,
        };
        outputs.push(Output::Answer(answer, ticket));
    }

    /// What a [`Request::Depart`] changes.
    fn departed(&mut self, request: &Request) -> Vec<Change> {
        let Request::Depart {
            conn, code, reason, ..
        } = request
        else {
            return Vec::new();
        };
        let Some(Departed { user, last }) = self.presence.depart(*conn) else {
            return Vec::new();
        };
        let mut changes = vec![Change::Closed {
            user: user.clone(),
            code: *code,
            reason: reason.clone(),
        }];
        let clients = self.presence.clients();
        changes.extend(last.then_some(Change::Offline { user, clients }));
        changes
    }
}

fn is_answered(request: &Request) -> bool {
    !matches!(
        request,
        Request::Depart { .. } | Request::Delivered { .. } | Request::Prune { .. }
    )
}

fn is_unfinished(done: &Done) -> bool {
    matches!(done, Done::Pruned(true))
}
