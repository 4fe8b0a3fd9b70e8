//! What is logged: the types of an entry.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use super::ended::Ended;
use crate::serve::peer::Peer;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    /// An object on each line.
    Json,
}

/// Whose connection an entry is about.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Visitor {
    /// The other end of the connection.
    pub(in crate::serve) peer: Peer,
    /// The address of the client, as a proxy that is trusted tells it.
    pub(in crate::serve) forwarded: Option<IpAddr>,
    /// What TLS agreed on.
    pub(in crate::serve) tls: Option<Arc<Tls>>,
}

/// What TLS agreed on, as it is logged.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::serve) struct Tls {
    /// `TLSv1.3`
    pub(in crate::serve) version: &'static str,
    /// The subject of the client's certificate, which was verified.
    pub(in crate::serve) subject: Option<String>,
}

/// What is logged.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve) enum Event<'a> {
    /// A request was answered.
    Request {
        method: &'a str,
        /// The target with its secrets redacted: [`super::shown`].
        path: &'a str,
        status: u16,
    },
    /// A WebSocket has ended, to which `path` was the request.
    Closed { path: &'a str, ended: &'a Ended },
    /// Anything else, as a sentence: about a connection, it is an error.
    Note(&'a str),
}

/// One entry of the log.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve) struct Entry<'a> {
    pub(in crate::serve) time: SystemTime,
    /// `None`: it is about the server.
    pub(in crate::serve) visitor: Option<&'a Visitor>,
    pub(in crate::serve) event: Event<'a>,
}

impl Visitor {
    /// The subject of the client's certificate.
    pub(super) fn subject(&self) -> Option<&str> {
        self.tls.as_ref()?.subject.as_deref()
    }
}

/// The address of the client, or of its proxy.
impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.forwarded {
            Some(client) => client.fmt(f),
            None => self.peer.fmt(f),
        }
    }
}
