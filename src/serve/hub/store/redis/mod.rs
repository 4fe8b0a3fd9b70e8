//! The store of a hub that is several processes: all of its state is in Redis, and what changes it is one
//! script, done entirely or not at all. Each change is an entry of a log that every process reads, so that
//! all of them see all changes in one order. This file is the process' side of it as the hub sees it; it
//! never waits.

mod call;
mod driver;
mod link;
mod options;
mod order;
mod queue;
mod reader;
mod reply;
#[cfg(test)]
mod tests;
mod worker;

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Output, Request, Store, Ticket};
use crate::error::Error;
use driver::Driver;
pub use link::RedisUrl;
use link::{Broken, Link};
pub(in crate::serve) use options::Options;
use order::{Event, Order};
use queue::Asked;

/// How many events may wait for the hub; then the log is not read any further.
const WAITING_EVENTS: usize = 256;

/// How long a Redis that has begun just now may read its data, and how often it is asked.
const LOADING_TIMEOUT: Duration = Duration::from_secs(60);
const LOADING_INTERVAL: Duration = Duration::from_millis(100);

/// How long the end of the store may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A process' side of a hub on Redis.
pub(in crate::serve) struct RedisStore {
    requests: mpsc::UnboundedSender<Asked>,
    events: mpsc::Receiver<Event>,
    order: Order,
    /// The resets that the hub knows of.
    resets: u64,
    task: JoinHandle<()>,
}

impl RedisStore {
    /// Connects to Redis, and becomes a process of the hub that is there.
    ///
    /// # Errors
    /// Exit 7 where Redis cannot be reached; 2 where it does not accept user and password, is too old, or
    /// holds something else under the keys of the hub.
    pub(in crate::serve) async fn open(options: Options) -> Result<RedisStore, Error> {
        let (requests, asked) = mpsc::unbounded_channel();
        let (events, received) = mpsc::channel(WAITING_EVENTS);
        let url = options.url.clone();
        let notes = options.clone();
        let mut driver = Driver::new(options, asked, events);
        let start = Instant::now();
        let mut is_told = false;
        let link = loop {
            match begin(&mut driver, &url).await {
                Err(broken) if broken.is_loading() && start.elapsed() < LOADING_TIMEOUT => {
                    if !std::mem::replace(&mut is_told, true) {
                        notes.log("it is reading its data; waiting for that");
                    }
                    sleep(LOADING_INTERVAL).await;
                }
                begun => break begun.map_err(|broken| broken.at_start(&url))?,
            }
        };
        Ok(RedisStore {
            requests,
            events: received,
            order: Order::default(),
            resets: 0,
            task: tokio::spawn(driver.run(link)),
        })
    }
}

async fn begin(driver: &mut Driver, url: &RedisUrl) -> Result<Link, Broken> {
    let mut link = Link::open(url).await?;
    driver.begin(&mut link).await?;
    Ok(link)
}

impl Store for RedisStore {
    fn request(&mut self, ticket: Ticket, request: Request) {
        let asked = Asked {
            ticket,
            request,
            since: Instant::now(),
            resets: self.resets,
        };
        // The task ends after this value only.
        let _ = self.requests.send(asked);
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Output> {
        loop {
            if let Some(output) = self.order.next() {
                self.resets += u64::from(output == Output::Reset);
                return Poll::Ready(output);
            }
            match ready!(self.events.poll_recv(cx)) {
                Some(event) => self.order.handle(event),
                None => return Poll::Pending,
            }
        }
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        let RedisStore {
            requests,
            events,
            mut task,
            ..
        } = *self;
        drop((requests, events));
        async move {
            if timeout(CLOSE_TIMEOUT, &mut task).await.is_err() {
                task.abort();
            }
        }
        .boxed()
    }
}
