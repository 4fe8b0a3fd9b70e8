//! How connections are made.

use super::{tcp, tls};
use crate::uri::UnixSocket;

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub tls: tls::Options,
    pub network: tcp::Options,
    /// `--unix-socket`
    pub unix: Option<UnixSocket>,
}
