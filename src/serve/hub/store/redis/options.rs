//! What a store on Redis needs to know.

use std::sync::Arc;
use std::time::Duration;

use super::super::Retention;
use super::link::RedisUrl;

/// How long a process counts as alive without a word of it.
const LEASE: Duration = Duration::from_secs(10);

/// A function that takes one line of the log, without its line feed.
pub(in crate::serve) type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The options of a store on Redis.
#[derive(Clone)]
pub(in crate::serve) struct Options {
    pub(in crate::serve) url: RedisUrl,
    pub(in crate::serve) retention: Retention,
    /// How long a process counts as alive without a word of it; then its connections are ended.
    pub(in crate::serve) lease: Duration,
    /// Receives a line when Redis goes away, when it is back, and when the process begins anew.
    pub(in crate::serve) log: Log,
}

impl Options {
    pub(in crate::serve) fn new(url: RedisUrl, retention: Retention, log: Log) -> Options {
        Options {
            url,
            retention,
            lease: LEASE,
            log,
        }
    }

    pub(super) fn log(&self, line: &str) {
        (self.log)(&format!("redis {}: {line}", self.url));
    }
}
