//! Scripts: text files (`.wst`) that say what is sent and what is expected.
//!
//! [`mod@write`] makes one of a session, [`payload`] writes the payloads in it, and [`secrets`] finds
//! what must not be in them. Pure: the caller knows the session, and writes the file. No secret may
//! ever stand in a script.

mod payload;
mod secrets;
pub mod write;
