//! The record of a run: one JSON object per line, one line per event, as `--json` prints it and
//! `--frame events` reads it.
//!
//! [`schema`] names the events and their members for both sides, [`mod@write`] formats events as lines,
//! [`read`] parses them, [`json_schema`] describes them for other programs, [`save`] formats messages
//! alone, and [`connection`] is one connection as it was recorded. Pure: the meaning of a line for a
//! program, and the file it is written to, are the caller's business.

#[expect(dead_code, reason = "the readers of recordings come next")]
pub mod connection;
pub mod json_schema;
mod object;
pub mod read;
pub mod save;
pub mod schema;
pub mod write;

#[cfg(test)]
mod tests;
