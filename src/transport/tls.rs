//! TLS by rustls: which certificates are trusted ([`Config`]), and the handshake ([`Client`]). Root
//! certificates are read once a run, and only for `wss://`.

mod config;
mod connect;
mod explain;
mod roots;
mod stream;
mod verify;

pub use self::config::Config;
pub(crate) use self::connect::Client;
pub use self::roots::Options;
pub(crate) use self::stream::Failure;
