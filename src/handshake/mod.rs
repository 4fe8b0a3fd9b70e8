//! The opening handshake: [`request`] builds the request, [`h1`] sends it over HTTP/1.1 with hyper, and
//! [`response`] checks the response. This module never decides whether to retry. [`server`] is the
//! server's side.

mod h1;
mod heads;
mod refusal;
pub mod request;
pub mod response;
pub mod retry_after;
pub mod server;
mod tap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::error::Error;
use crate::event::Refusal;
use crate::transport::BoxedStream;
pub use h1::upgrade;
use response::Negotiated;
pub use tap::Transcript;

/// A connection after the upgrade to WebSocket.
pub struct Upgraded {
    pub stream: BoxedStream,
    /// Bytes that arrived together with the 101: the first frames.
    pub early: Bytes,
    pub agreed: Negotiated,
}

/// A handshake that did not open a connection.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// Set if the server sent a valid response with a status other than 101.
    pub refusal: Option<Refusal>,
}

impl From<Error> for Box<Failed> {
    fn from(error: Error) -> Self {
        Box::new(Failed {
            error,
            refusal: None,
        })
    }
}

/// 16 random bytes in base64 (RFC 6455 §4.1 item 7).
pub fn new_key() -> String {
    STANDARD.encode(rand::random::<[u8; 16]>())
}
