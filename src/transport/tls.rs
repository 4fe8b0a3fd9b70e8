//! TLS by rustls: what is read for it ([`Config`]) and the handshake ([`Client`]). Certificates and
//! keys are read once per run, and only for `wss://`.

mod client_auth;
mod config;
mod connect;
mod explain;
mod identity;
mod key_log;
mod options;
mod pem;
mod pins;
mod private_key;
mod roots;
pub mod server;
mod stream;
mod verify;

pub use self::config::Config;
pub(crate) use self::connect::Client;
pub use self::options::{ClientCertificate, Options, Party, Pins, Version, Versions};
pub(crate) use self::stream::Failure;
