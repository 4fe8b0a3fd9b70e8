//! Scripts: text files (`.wst`) that say what is sent and what is expected.
//!
//! [`ast`] is what one says. [`mod@write`] makes one of a session, [`payload`] writes the payloads in it, and [`secrets`] finds
//! what must not be in them. Pure: the caller knows the session, and writes the file. No secret may
//! ever stand in a script.

#[expect(dead_code, reason = "the parser comes next")]
pub mod ast;
mod payload;
mod secrets;
pub mod write;
