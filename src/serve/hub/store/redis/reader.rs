//! Reads the log of all changes, which every process of the hub reads in the same order. It never skips an
//! entry: where one is missing, the process must begin anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

use super::super::{Change, Id};
use super::call::LOG;
use super::link::{Broken, LOG_WAIT};
use super::order::Event;
use super::reply::{Entry, entries};

/// The largest number of entries that are read at once.
const AT_ONCE: u64 = 1000;

pub(super) struct Reader {
    events: mpsc::Sender<Event>,
    /// The number of the last entry read; the lease reports it.
    position: Arc<AtomicU64>,
    /// That entry, by which the log is known again after an outage.
    last: Option<Entry>,
    highest: Id,
}

impl Reader {
    pub(super) fn new(events: mpsc::Sender<Event>, position: Arc<AtomicU64>) -> Reader {
        Reader {
            events,
            position,
            last: None,
            highest: 0,
        }
    }

    /// Reads on from here, behind `last`.
    pub(super) fn begin(&mut self, position: u64, last: Option<Entry>) {
        self.position.store(position, Ordering::Relaxed);
        self.last = last;
    }

    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The highest id of a message that was read.
    pub(super) fn highest(&self) -> Id {
        self.highest
    }

    /// Whether the log is the one that was read: Redis may have lost the end of it, and others may have
    /// written another one since.
    pub(super) fn recognizes(&self, found: Option<&Entry>) -> bool {
        self.last.as_ref() == found
    }

    /// Reads until that fails.
    pub(super) async fn read(&mut self, connection: &mut MultiplexedConnection) -> Broken {
        loop {
            if let Err(broken) = self.read_once(connection).await {
                return broken;
            }
        }
    }

    async fn read_once(&mut self, connection: &mut MultiplexedConnection) -> Result<(), Broken> {
        let position = self.position();
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(AT_ONCE);
        command.arg("BLOCK").arg(LOG_WAIT.as_millis() as u64);
        command.arg("STREAMS").arg(LOG).arg(format!("{position}-0"));
        let found: Value = command.query_async(connection).await?;
        let found = entries(found)?;
        if !follows(position, &found) {
            return Err(Broken::Lost("a part of the log is gone"));
        }
        self.pass_on(found).await;
        Ok(())
    }

    async fn pass_on(&mut self, found: Vec<Entry>) {
        let Some(last) = found.last().cloned() else {
            return;
        };
        let ids = found.iter().filter_map(|entry| match &entry.change {
            Change::Message(message) => Some(message.id),
            _ => None,
        });
        let highest = ids.max().unwrap_or_default();
        // Cancelled here, nothing has been read. A receiver that is gone needs nothing any more.
        let permit = self.events.clone().reserve_owned().await;
        self.highest = self.highest.max(highest);
        self.begin(last.number, Some(last));
        if let Ok(permit) = permit {
            permit.send(Event::Entries(found));
        }
    }
}

/// Whether these entries come right after this one, without a gap.
fn follows(position: u64, entries: &[Entry]) -> bool {
    let expected = position + 1..;
    entries
        .iter()
        .zip(expected)
        .all(|(entry, number)| entry.number == number)
}
