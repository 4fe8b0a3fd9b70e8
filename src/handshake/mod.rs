//! The opening handshake: [`request`] builds the request, [`h1`] sends it over HTTP/1.1 with hyper, or
//! [`h2`] over HTTP/2, and [`response`] checks the response. This module never decides whether to
//! retry. [`server`] is the server's side, [`guard`] says which pages may use
//! it, and [`accept`] reads and answers a request with hyper.

pub mod accept;
pub mod bearer;
pub mod guard;
mod h1;
pub mod h2;
mod heads;
mod open;
mod opening;
mod outcome;
pub mod redirect;
mod refusal;
pub mod request;
pub mod response;
pub mod retry_after;
pub mod server;
mod tap;
pub mod versions;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use heads::{fields, shown_header};
pub use open::open;
pub use opening::Opening;
pub use outcome::{Failed, Upgraded};
pub use tap::Transcript;

/// 16 random bytes in base64 (RFC 6455 §4.1 item 7).
pub fn new_key() -> String {
    STANDARD.encode(rand::random::<[u8; 16]>())
}
