//! The record of a run: one JSON object a line, one line an event, as `--json` prints it and
//! `--frame events` reads it.
//!
//! [`schema`] names the events and their members for both sides, [`write`] makes lines of events and
//! [`read`] reads them. Pure: what a line means to a program is that program's affair, and where it is
//! written to, too.

mod object;
pub mod read;
pub mod schema;
pub mod write;

#[cfg(test)]
mod tests;
