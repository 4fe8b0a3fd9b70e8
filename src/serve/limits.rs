//! How much of the debug server its clients may use. Pure: connections and time come in as arguments.
//! Every limit has its own words, and none ends what another client does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The largest message and frame taken where nothing else is said, in bytes.
pub(super) const MAX_MESSAGE: usize = 64 << 20;

/// The limits of the debug server. A limit of 0 connections is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections at a time.
    pub max_connections: usize,
    /// Connections of one IP address at a time.
    pub max_connections_per_address: usize,
    /// The time from the beginning of a connection to the end of its first request's head.
    pub handshake_timeout: Duration,
    /// The largest head of a request, in bytes.
    pub max_head_size: usize,
    /// The largest message, in bytes, after inflation.
    pub max_message_size: usize,
    /// The time between two messages of a connection, on average.
    pub message_interval: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            max_connections: 10_000,
            max_connections_per_address: 0,
            handshake_timeout: Duration::from_secs(10),
            max_head_size: 64 << 10,
            max_message_size: MAX_MESSAGE,
            message_interval: None,
        }
    }
}

/// Why there is no place for another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Server,
    Address,
}

impl Full {
    /// The words for the log and the client.
    pub(super) fn words(self, options: &Options) -> String {
        match self {
            Full::Server => format!(
                "{} connections are open (--max-connections)",
                options.max_connections
            ),
            Full::Address => format!(
                "{} connections from this address are open (--max-connections-per-address)",
                options.max_connections_per_address
            ),
        }
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: usize,
    /// Those of each address, where these have a limit.
    by_address: HashMap<IpAddr, usize>,
}

impl Connections {
    /// Counts a connection; [`Connections::leave`] must follow.
    ///
    /// # Errors
    /// Why there is no place for it.
    pub(super) fn enter(&mut self, address: Option<IpAddr>, options: &Options) -> Result<(), Full> {
        let is_full = |count, limit| limit > 0 && count >= limit;
        if is_full(self.open, options.max_connections) {
            return Err(Full::Server);
        }
        let limit = options.max_connections_per_address;
        if let Some(address) = address.filter(|_| limit > 0) {
            let count = self.by_address.entry(address.to_canonical()).or_default();
            if is_full(*count, limit) {
                return Err(Full::Address);
            }
            *count += 1;
        }
        self.open += 1;
        Ok(())
    }

    /// A connection that was counted has ended.
    pub(super) fn leave(&mut self, address: Option<IpAddr>) {
        self.open = self.open.saturating_sub(1);
        let Some(address) = address.map(|address| address.to_canonical()) else {
            return;
        };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// How long there is no failure before the next one is reported again.
const QUIET: Duration = Duration::from_secs(10);

/// A failure that may come back thousands of times a second, and is reported once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outage {
    last: Option<Instant>,
}

impl Outage {
    /// Returns whether this failure begins an outage, and is to be reported.
    pub(super) fn begins(&mut self, now: Instant) -> bool {
        let before = self.last.replace(now);
        before.is_none_or(|before| now.saturating_duration_since(before) >= QUIET)
    }
}

/// How many messages may come at once: those of this time.
const BURST: Duration = Duration::from_secs(1);

/// A token bucket: the messages that a connection may still send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// The time in which there is another token.
    interval: Duration,
    /// When the bucket is full again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(interval: Duration) -> Bucket {
        Bucket {
            interval,
            full_at: None,
        }
    }

    /// Takes a token for a message; returns whether there was one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now)) + self.interval;
        let has_token = full_at - now <= BURST.max(self.interval);
        if has_token {
            self.full_at = Some(full_at);
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn connections_are_counted_together_and_by_address() {
        let options = Options {
            max_connections: 3,
            max_connections_per_address: 2,
            ..Options::default()
        };
        let mut connections = Connections::default();
        let one: Option<IpAddr> = Some("10.0.0.1".parse().unwrap());
        let same: Option<IpAddr> = Some("::ffff:10.0.0.1".parse().unwrap());
        assert_eq!(connections.enter(one, &options), Ok(()));
        assert_eq!(connections.enter(same, &options), Ok(()));
        assert_eq!(connections.enter(one, &options), Err(Full::Address));
        assert_eq!(connections.enter(None, &options), Ok(()));
        assert_eq!(connections.enter(None, &options), Err(Full::Server));
        connections.leave(same);
        assert_eq!(connections.enter(one, &options), Ok(()));
        for address in [one, one, None] {
            connections.leave(address);
        }
        assert_eq!(connections.open, 0);
        assert!(connections.by_address.is_empty());
    }

    #[test]
    fn a_limit_of_0_is_none() {
        let options = Options {
            max_connections: 0,
            ..Options::default()
        };
        let mut connections = Connections::default();
        for _ in 0..20_000 {
            assert_eq!(connections.enter(None, &options), Ok(()));
        }
        assert!(connections.by_address.is_empty());
    }

    #[test]
    fn an_outage_is_reported_at_its_beginning() {
        let mut outage = Outage::default();
        let start = Instant::now();
        let reported: Vec<u32> = [0, 1, 5, 14, 23, 33, 34]
            .into_iter()
            .filter(|second| outage.begins(start + *second * SECOND))
            .collect();
        assert_eq!(reported, [0, 33]);
    }

    #[test]
    fn a_bucket_has_the_messages_of_a_second() {
        let mut bucket = Bucket::new(SECOND / 10);
        let start = Instant::now();
        assert!((0..10).all(|_| bucket.take(start)));
        assert!(!bucket.take(start));
        assert!(bucket.take(start + SECOND / 10));
        assert!(!bucket.take(start + SECOND / 10));
        let later = start + 60 * SECOND;
        assert!((0..10).all(|_| bucket.take(later)) && !bucket.take(later));
    }

    #[test]
    fn a_bucket_of_a_slow_rate_has_one_message() {
        let mut bucket = Bucket::new(5 * SECOND);
        let start = Instant::now();
        assert!(bucket.take(start) && !bucket.take(start + 4 * SECOND));
        assert!(bucket.take(start + 5 * SECOND));
    }
}
