//! The event hub at `/events`: users with tokens, rooms, presence, messages with ids, and what a client
//! missed while it was away.
//!
//! [`envelope`](self) and `encode` are the messages, `machine` the rules, `store` what outlives a
//! connection; `driver` and `conversation` connect them to the network. The hub knows no endpoint.

mod conversation;
mod driver;
mod encode;
mod envelope;
pub(in crate::serve) mod http;
mod machine;
mod options;
mod outbox;
pub(in crate::serve) mod store;
mod tokens;

use rand::Rng;

use crate::error::Error;
pub(in crate::serve) use conversation::serve;
pub(in crate::serve) use driver::Hub;
pub use options::{Options, SlowClient};
use store::Store;
use store::memory::Memory;
use store::sqlite;
pub(in crate::serve) use tokens::Access;
pub use tokens::Tokens;

/// The hub that the options ask for. `log` takes what is to be said of its store later.
///
/// # Errors
/// Exit 2, for a store that cannot be used.
pub(in crate::serve) fn open(
    options: &Options,
    log: sqlite::Log,
    rng: &mut impl Rng,
) -> Result<Hub, Error> {
    let store: Box<dyn Store> = match &options.db {
        Some(path) => sqlite::open(path, options.retention(), Some(log))?,
        None => Box::new(Memory::new(options.retention(), rng)),
    };
    Ok(Hub::new(options, store))
}
