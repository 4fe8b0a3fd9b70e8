//! The front end of a recording: it shows one as it was ([`show`]), or sends what was sent to a server
//! and compares what comes with what came ([`exchange`]).
//!
//! [`ends`] is what a run sees of an exchange, [`prepare`] makes of a recording what can be sent,
//! [`compare`] finds the differences, and [`report`] words them. It never sends a secret that is not in
//! the recording or on the command line.

pub mod compare;
pub mod ends;
pub mod exchange;
pub mod prepare;
pub mod report;
mod show;

pub use show::{Shown, show};
