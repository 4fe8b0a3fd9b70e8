//! TLS by rustls: the trusted certificates ([`Config`]) and the handshake ([`Client`]). Root
//! certificates are read once per run, and only for `wss://`.

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
