//! Scripts: text files (`.wst`) that say what is sent and what is expected.
//!
//! [`mod@write`] makes one of a session, [`payload`] writes the payloads in it, and [`secrets`] finds
//! what must not be in them. Pure: what a session
//! was, and the file, are the caller's business. No secret may ever stand in a script.

mod payload;
mod secrets;
pub mod write;
