//! The opening handshake: [`request`] builds the request, [`h1`] sends it over HTTP/1.1 with hyper, and
//! [`response`] checks the response. This module never decides whether to retry. [`server`] is the
//! server's side.

mod h1;
mod heads;
mod outcome;
pub mod redirect;
mod refusal;
pub mod request;
pub mod response;
pub mod retry_after;
pub mod server;
mod tap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use h1::upgrade;
pub use heads::shown_header;
pub use outcome::Failed;
pub use tap::Transcript;

/// 16 random bytes in base64 (RFC 6455 §4.1 item 7).
pub fn new_key() -> String {
    STANDARD.encode(rand::random::<[u8; 16]>())
}
