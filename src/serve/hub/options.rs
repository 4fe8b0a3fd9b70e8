//! The options of the hub. The command line fills them in.

use std::path::PathBuf;

use super::store::Retention;
use super::store::redis::RedisUrl;
use super::tokens::Tokens;

/// What happens to a client that reads slower than it is sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowClient {
    /// Its connection is closed with 1013.
    #[default]
    Close,
    /// Those who send to it are not read until there is room.
    Block,
}

/// The options of the hub.
#[derive(Clone, Debug)]
pub struct Options {
    /// The tokens, and whose they are.
    pub tokens: Tokens,
    pub slow_client: SlowClient,
    /// How many messages may wait for a client.
    pub max_waiting: usize,
    /// How many bytes of messages may wait for a client, and one message more.
    pub max_waiting_bytes: usize,
    /// Rooms that a user may be in; 0 for any number.
    pub max_rooms: usize,
    /// Users who may have connections to this process at a time; 0 for any number.
    pub max_users: usize,
    /// The SQLite file that has the history. Without one, it is in memory.
    pub db: Option<PathBuf>,
    /// The number of messages that are kept; the oldest are forgotten first.
    pub retain_count: Option<u64>,
    /// How long messages are kept.
    pub retain_age: Option<std::time::Duration>,
    /// The Redis server by which several processes are one hub.
    pub redis: Option<RedisUrl>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            tokens: Tokens::default(),
            slow_client: SlowClient::default(),
            max_waiting: 1024,
            max_waiting_bytes: 4 << 20,
            max_rooms: 1000,
            max_users: 0,
            db: None,
            retain_count: None,
            retain_age: None,
            redis: None,
        }
    }
}

impl Options {
    /// What the store keeps.
    pub(in crate::serve) fn retention(&self) -> Retention {
        let millis = |age: std::time::Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Retention {
            count: self.retain_count,
            age: self.retain_age.map(millis),
        }
    }
}
