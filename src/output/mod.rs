//! Events turned into bytes for stdout and stderr: every format, colour, filter and notice.
//!
//! Pure: no I/O, no clock, no environment; what it needs to know comes in as [`Options`] and with
//! the events. stdout gets payload only. Where a stream is a terminal, nothing a peer chose reaches
//! it as a control character. It is the only module that knows ANSI.

mod grammar;
pub mod jq;
mod json;
pub mod sanitize;
pub mod style;
