//! The record of a run: one JSON object per line, one line per event, as `--json` prints it and
//! `--frame events` reads it.
//!
//! [`schema`] names the events and their members for both sides, [`mod@write`] formats events as lines,
//! [`read`] parses them, [`json_schema`] describes them for other programs, [`save`] formats messages
//! alone, [`connection`] is one connection as it was recorded, and [`events`] gives its events again, and
//! [`recording`] reads and writes files of them, with [`notes`] about what they leave out. Pure: the meaning of a line for a program, and the file it is written to, are the caller's
//! alone, [`connection`] is one connection as it was recorded, and [`recording`] reads and writes files of
//! them, with [`notes`] about what they leave out; [`events`] makes
//! events of them again, and [`replay`] says what of one is due when. Pure: the meaning of a line for a program, and the file it is written to, are the caller's
//! business.

pub mod connection;
pub mod events;
pub mod json_schema;
pub mod notes;
mod object;
pub mod read;
pub mod recording;
pub mod replay;
pub mod save;
pub mod schema;
pub mod write;

#[cfg(test)]
mod tests;
