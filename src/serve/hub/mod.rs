//! The event hub at `/events`: users with tokens, rooms, presence, messages with ids, and what a client
//! missed while it was away.
//!
//! [`envelope`](self) and `encode` are the messages, `machine` the rules, `store` what outlives a
//! connection; `driver`, `batch` and `conversation` connect them to the network. The hub knows no endpoint.

mod batch;
mod conversation;
mod driver;
mod encode;
mod envelope;
pub(in crate::serve) mod http;
mod machine;
mod options;
mod outbox;
#[cfg(feature = "internals")]
pub mod simulation;
pub(in crate::serve) mod store;
mod tokens;

use std::sync::Arc;

use rand::Rng;

use crate::error::Error;
pub(in crate::serve) use conversation::serve;
pub(in crate::serve) use driver::Hub;
pub use options::{Options, SlowClient};
use store::Store;
use store::memory::Memory;
pub use store::redis::RedisUrl;
use store::redis::{Options as RedisOptions, RedisStore};
use store::sqlite;
pub(in crate::serve) use tokens::Access;
pub use tokens::Tokens;

/// The hub that the options ask for. `note` logs what is to be said of its store later.
///
/// # Errors
/// Exit 2, for a store that cannot be used; 7 for one that cannot be reached.
pub(in crate::serve) async fn open(
    options: &Options,
    rng: &mut impl Rng,
    note: Arc<dyn Fn(&str) + Send + Sync>,
) -> Result<Hub, Error> {
    let retention = options.retention();
    let store: Box<dyn Store> = match (&options.redis, &options.db) {
        (Some(url), _) => {
            let options = RedisOptions::new(url.clone(), retention, note);
            Box::new(RedisStore::open(options).await?)
        }
        (None, Some(path)) => sqlite::open(path, retention, Some(note))?,
        (None, None) => Box::new(Memory::new(retention, rng)),
    };
    Ok(Hub::new(options, store))
}
