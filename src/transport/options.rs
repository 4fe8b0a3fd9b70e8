//! How connections are made.

use super::{proxy, tcp, tls};
use crate::uri::UnixSocket;

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub tls: tls::Options,
    pub network: tcp::Options,
    pub proxy: proxy::Options,
    /// `--unix-socket`
    pub unix: Option<UnixSocket>,
}
