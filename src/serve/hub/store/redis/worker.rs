//! Sends the requests of the hub to Redis and takes the answers: in order, many at once, and again where
//! the connection failed before the answer came. It also keeps the lease of the process, and ends the
//! connections of processes that have none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{ServerError, ServerErrorKind, Value};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::time::{sleep, sleep_until};

use super::super::Request;
use super::call::{Asking, Call};
use super::link::{Broken, Commands, TAKEN_FOR_DEAD};
use super::options::Options;
use super::order::Event;
use super::queue::{Asked, Queue};
use super::reply::{Fields, Malformed, Reply, answer};

/// How often requests are looked at while there is no Redis.
const OFFLINE_TICK: Duration = Duration::from_millis(100);

/// The log is not kept longer than this for a process that does not read it.
const LONGEST_LOG: u64 = 1_000_000;

const UNREACHABLE: &str = "the hub's store cannot be reached; try again";
const REFUSED: &str = "the hub's store refused it; try again";

pub(super) struct Worker {
    options: Options,
    pub(super) process: Arc<str>,
    requests: mpsc::UnboundedReceiver<Asked>,
    /// The hub hands over nothing any more.
    closing: bool,
    queue: Queue,
    events: mpsc::Sender<Event>,
    position: Arc<AtomicU64>,
    /// The log waits for answers.
    asking: bool,
    /// Errors are logged once, until a request is done.
    refused: bool,
}

impl Worker {
    pub(super) fn new(
        options: Options,
        requests: mpsc::UnboundedReceiver<Asked>,
        events: mpsc::Sender<Event>,
        position: Arc<AtomicU64>,
    ) -> Worker {
        Worker {
            options,
            process: "".into(),
            requests,
            closing: false,
            queue: Queue::default(),
            events,
            position,
            asking: false,
            refused: false,
        }
    }

    /// Begins anew: what was asked is not answered any more.
    pub(super) fn reset(&mut self) {
        self.queue.reset();
        self.asking = false;
    }

    /// Whether nothing is left to be done for the hub.
    pub(super) fn is_done(&self) -> bool {
        self.closing && self.queue.is_empty()
    }

    /// Takes requests while there is no Redis, and answers those that have waited too long.
    pub(super) async fn wait_offline(&mut self) {
        while !self.is_done() {
            self.take();
            self.expire().await;
            sleep(OFFLINE_TICK).await;
        }
    }

    /// Works until that fails, or until the hub has closed the store and all is done.
    pub(super) async fn work(&mut self, commands: &mut Commands) -> Result<(), Broken> {
        let start = Instant::now();
        let mut next_lease = start;
        loop {
            self.take();
            self.expire().await;
            if Instant::now() >= next_lease {
                let others = start.elapsed() >= self.options.lease;
                self.renew_lease(commands, others).await?;
                next_lease = Instant::now() + self.options.lease / 3;
            } else if !self.queue.is_empty() {
                self.send_batch(commands).await?;
            } else if self.closing {
                return self.leave(commands, &self.process).await;
            } else {
                tokio::select! {
                    asked = self.requests.recv() => self.take_one(asked),
                    () = sleep_until(next_lease.into()) => {}
                }
            }
        }
    }

    fn take(&mut self) {
        loop {
            match self.requests.try_recv() {
                Ok(asked) => self.queue.push(asked),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => return self.closing = true,
            }
        }
    }

    fn take_one(&mut self, asked: Option<Asked>) {
        match asked {
            Some(asked) => self.queue.push(asked),
            None => self.closing = true,
        }
    }

    async fn expire(&mut self) {
        while let Some(asked) = self.queue.expired(Instant::now()) {
            self.report(Event::Failed(UNREACHABLE.into(), asked.ticket))
                .await;
        }
    }

    /// The receiver is gone only when nobody wants to know.
    async fn report(&self, event: Event) {
        let _ = self.events.send(event).await;
    }

    /// Ends the connections of a process that this one was, and forgets it.
    pub(super) async fn leave(&self, commands: &mut Commands, process: &str) -> Result<(), Broken> {
        reap(commands, process, true).await
    }

    /// A process that has just come back does not judge the others, which may be about to.
    async fn renew_lease(&self, commands: &mut Commands, others: bool) -> Result<(), Broken> {
        let lease = Call::new("lease").text(&self.process);
        let lease = lease.number(self.options.lease.as_millis());
        let lease = lease.number(self.position.load(Ordering::Relaxed));
        let (_, mut fields) = commands.call(&lease.number(LONGEST_LOG)).await?;
        if others {
            for process in fields.list()?.names()? {
                self.options
                    .log("another process of the hub is gone; its connections are ended");
                reap(commands, &process, false).await?;
            }
        }
        Ok(())
    }

    async fn send_batch(&mut self, commands: &mut Commands) -> Result<(), Broken> {
        let batch = self.queue.batch();
        let calls: Vec<Call> = batch
            .iter()
            .map(|(number, asked)| {
                let asking = Asking {
                    process: &self.process,
                    number: *number,
                    ticket: asked.ticket,
                    retention: self.options.retention,
                };
                asking.call(&asked.request)
            })
            .collect();
        if batch.iter().any(|(_, asked)| has_place(&asked.request)) && !self.asking {
            self.report(Event::Asking).await;
            self.asking = true;
        }
        let replies = commands.call_all(&calls).await?;
        // All of them, even if one says that the connection is of no use: what was done is answered.
        let mut result = Ok(());
        for reply in replies {
            let handled = self.handle(reply).await;
            result = result.and(handled);
        }
        if self.asking {
            self.report(Event::Answered).await;
            self.asking = false;
        }
        result
    }

    /// Handles the answer to the first request that has none. Cancelled, it has done nothing.
    async fn handle(&mut self, reply: Value) -> Result<(), Broken> {
        let permit = self.events.clone().reserve_owned().await.ok();
        let asked = self.queue.first_sent().ok_or(Broken::Malformed)?;
        let (event, result) = match outcome(asked, reply) {
            Outcome::Lost => return Err(Broken::Lost(TAKEN_FOR_DEAD)),
            Outcome::Refused(why, breaks) => self.refuse(why, breaks),
            Outcome::Done(event, more) => {
                self.refused = false;
                self.queue.answered(more);
                (event, Ok(()))
            }
        };
        if let (Some(permit), Some(event)) = (permit, event) {
            permit.send(event);
        }
        result
    }

    /// What Redis refuses has not been done. What must be done is tried again on another connection.
    fn refuse(&mut self, why: String, breaks: bool) -> (Option<Event>, Result<(), Broken>) {
        if !self.refused {
            self.options.log(&format!("a request was refused: {why}"));
        }
        self.refused = true;
        let failed = self.queue.refused();
        let breaks = breaks || failed.is_none();
        let event = failed.map(|asked| Event::Failed(REFUSED.into(), asked.ticket));
        let result = if breaks {
            Err(Broken::Refused(why))
        } else {
            Ok(())
        };
        (event, result)
    }
}

/// What came back for a request.
enum Outcome {
    /// What the hub is told, and whether the request is to be made again for the rest of it.
    Done(Option<Event>, bool),
    /// Why, and whether another connection may do.
    Refused(String, bool),
    /// The process is not registered.
    Lost,
}

fn outcome(asked: &Asked, reply: Value) -> Outcome {
    if let Value::ServerError(error) = &reply {
        return Outcome::Refused(error.to_string(), needs_another_connection(error));
    }
    let done = match Reply::parse(reply) {
        Ok(Reply::Lost) => return Outcome::Lost,
        Ok(Reply::Done(position, fields)) => done(asked, position, fields),
        Err(malformed) => Err(malformed),
    };
    done.unwrap_or_else(|malformed| Outcome::Refused(malformed.to_string(), false))
}

fn done(asked: &Asked, position: u64, mut fields: Fields) -> Result<Outcome, Malformed> {
    if let Request::Prune { .. } = asked.request {
        return Ok(Outcome::Done(None, fields.number::<u8>()? == 1));
    }
    let answer = answer(&asked.request, fields)?;
    let event = answer.map(|answer| Event::Answer(answer, asked.ticket, position));
    Ok(Outcome::Done(event, false))
}

/// Whether Redis says that it is not the one to ask, or not now.
fn needs_another_connection(error: &ServerError) -> bool {
    match error.kind() {
        Some(kind) => !matches!(
            kind,
            ServerErrorKind::ResponseError | ServerErrorKind::NoPerm
        ),
        None => matches!(error.code(), "NOAUTH" | "BUSY" | "UNBLOCKED"),
    }
}

/// Whether the answer has a place in the order of the log.
fn has_place(request: &Request) -> bool {
    match request {
        Request::Append(_) | Request::Depart { .. } => false,
        Request::Delivered { .. } | Request::Prune { .. } => false,
        Request::Arrive { .. } | Request::Join { .. } | Request::Leave { .. } => true,
        Request::Page { .. } | Request::Clients | Request::Rooms => true,
    }
}

/// Ends the connections of a process that is gone, and forgets it.
async fn reap(commands: &mut Commands, process: &str, itself: bool) -> Result<(), Broken> {
    let call = Call::new("reap").text(process).number(u8::from(itself));
    while commands.call(&call).await?.1.number::<u8>()? == 1 {}
    Ok(())
}
