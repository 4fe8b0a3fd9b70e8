//! How a handshake ended.

use bytes::Bytes;

use super::response::Negotiated;
use crate::error::Error;
use crate::event::Refusal;
use crate::transport::BoxedStream;

/// A connection after the upgrade to WebSocket.
pub struct Upgraded {
    pub stream: BoxedStream,
    /// Bytes that arrived together with the 101: the first frames.
    pub early: Bytes,
    pub agreed: Negotiated,
    /// The values of the Set-Cookie headers of the answer.
    pub cookies: Vec<String>,
    /// The status of the response: 101, or 2xx over HTTP/2.
    pub status: u16,
    /// The version of HTTP: `1.1`
    pub http: &'static str,
}

/// A handshake that did not open a connection.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// Set if the server sent a valid response with a status other than 101.
    pub refusal: Option<Refusal>,
    /// The server speaks HTTP/2, but may accept a WebSocket over HTTP/1.1 alone.
    pub needs_http1: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed {
            error,
            refusal: None,
            needs_http1: false,
        }
    }
}

impl From<Error> for Box<Failed> {
    fn from(error: Error) -> Self {
        Box::new(error.into())
    }
}
