//! The task of a process: it connects to Redis, again whenever the connection is lost, and lets reader and
//! worker use it. It decides when the process must begin anew: when the others took it for dead, when
//! entries of the log are missing, or when Redis has lost what it had.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::call::{Call, register};
use super::link::{Broken, Link};
use super::options::Options;
use super::order::Event;
use super::queue::Asked;
use super::reader::Reader;
use super::reply::{Entry, Fields, Malformed};
use super::worker::Worker;
use crate::session::backoff::{self, Backoff, Jitter};
use crate::units;

/// Reconnecting takes less than a lease, so that processes find each other alive after an outage.
const BACKOFF: backoff::Options = backoff::Options {
    base: Duration::from_millis(100),
    max: Duration::from_secs(2),
    jitter: Jitter::Equal,
};

/// A connection that held this long was a good one.
const GOOD: Duration = Duration::from_secs(5);

pub(super) struct Driver {
    options: Options,
    events: mpsc::Sender<Event>,
    worker: Worker,
    reader: Reader,
    epoch: Arc<str>,
    /// Whether the process has begun, and goes on after an outage.
    begun: bool,
    /// When Redis went away, if it is away.
    away_since: Option<Instant>,
}

impl Driver {
    pub(super) fn new(
        options: Options,
        requests: mpsc::UnboundedReceiver<Asked>,
        events: mpsc::Sender<Event>,
    ) -> Driver {
        let position = Arc::new(AtomicU64::new(0));
        let reader = Reader::new(events.clone(), position.clone());
        Driver {
            worker: Worker::new(options.clone(), requests, events.clone(), position),
            options,
            events,
            reader,
            epoch: "".into(),
            begun: false,
            away_since: None,
        }
    }

    /// Registers the process for the first time.
    pub(super) async fn begin(&mut self, link: &mut Link) -> Result<(), Broken> {
        self.register(link, true).await
    }

    /// Works until the hub closes the store and all is done.
    pub(super) async fn run(mut self, link: Link) {
        let mut backoff = Backoff::new(BACKOFF);
        let mut link = Some(link);
        loop {
            let link = match link.take() {
                Some(link) => link,
                None => match self.connect(&mut backoff).await {
                    Some(link) => link,
                    None => return,
                },
            };
            let start = Instant::now();
            match self.use_link(link).await {
                Ok(()) => return,
                Err(broken) => self.handle_broken(&broken),
            }
            if start.elapsed() >= GOOD {
                backoff.reset();
            }
        }
    }

    /// A new connection, or none where the hub has closed the store and waits for nothing.
    async fn connect(&mut self, backoff: &mut Backoff) -> Option<Link> {
        let url = self.options.url.clone();
        let connect = async move {
            loop {
                let delay = backoff.next(&mut rand::rng());
                sleep(delay).await;
                if let Ok(link) = Link::open(&url).await {
                    return link;
                }
            }
        };
        tokio::select! {
            link = connect => Some(link),
            () = self.worker.wait_offline() => None,
        }
    }

    async fn use_link(&mut self, mut link: Link) -> Result<(), Broken> {
        if !self.begun {
            self.register(&mut link, false).await?;
        } else if self.away_since.is_some() {
            self.resume(&mut link).await?;
        }
        if let Some(since) = self.away_since.take() {
            let away = units::written(round(since.elapsed()));
            self.options.log(&format!("connected again after {away}"));
        }
        tokio::select! {
            result = self.worker.work(&mut link.commands) => result,
            broken = self.reader.read(&mut link.log) => Err(broken),
        }
    }

    /// Registers under a new name. What an earlier one had is ended by the worker of some process, as
    /// its lease is not renewed.
    async fn register(&mut self, link: &mut Link, first: bool) -> Result<(), Broken> {
        let process: Arc<str> = format!("{:032x}", rand::random::<u128>()).into();
        let call = register(
            &process,
            self.options.lease.as_millis(),
            &format!("{:016x}", rand::random::<u64>()),
            &self.epoch,
            self.reader.highest(),
        );
        let (position, mut fields) = link.commands.call(&call).await?;
        self.epoch = fields.text()?;
        self.reader.begin(position, entry(fields.list()?)?);
        let old = std::mem::replace(&mut self.worker.process, process.clone());
        self.begun = true;
        let event = Event::Begin {
            process,
            position,
            first,
        };
        let _ = self.events.send(event).await;
        if !first {
            self.worker.leave(&mut link.commands, &old).await?;
        }
        Ok(())
    }

    /// Goes on after an outage, if nothing was missed in it.
    async fn resume(&mut self, link: &mut Link) -> Result<(), Broken> {
        let (_, mut fields) = link.commands.call(&self.resume_call()).await?;
        let found = entry(fields.list()?)?;
        if self.reader.recognizes(found.as_ref()) {
            return Ok(());
        }
        Err(Broken::Lost("the log is not the one that was read"))
    }

    fn resume_call(&self) -> Call {
        let call = Call::new("resume").text(&self.worker.process);
        let call = call.number(self.options.lease.as_millis());
        call.number(self.reader.position())
    }

    fn handle_broken(&mut self, broken: &Broken) {
        let why = broken.describe(&self.options.url);
        if let Broken::Lost(_) = broken {
            self.options
                .log(&format!("{why}; clients of this process must reconnect"));
            self.worker.reset();
            self.begun = false;
        } else if self.away_since.is_none() {
            self.away_since = Some(Instant::now());
            self.options.log(&format!("{why}; reconnecting"));
        }
    }
}

/// The entry that these are the fields of, if there is one.
fn entry(fields: Fields) -> Result<Option<Entry>, Malformed> {
    if fields.is_empty() {
        return Ok(None);
    }
    Entry::parse(fields).map(Some)
}

fn round(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_millis() as u64 / 100 * 100)
}
