//! What a run sends because a message has come, and what it sends when a connection opens: `--answer`
//! and `--on-open`. Pure: it says what is to be sent and in which order; [`super::conn`] sends it and runs
//! commands.
//!
//! One queue for each connection keeps the order: the token and the messages of `--on-open` are in it
//! from the beginning, up to the first that waits for a message; a received message adds its answers, in
//! the order of the rules, and then the messages of `--on-open` that waited for it. The queue ends with
//! its connection, so that nothing is answered on another one.

pub mod queue;
pub mod reply;
pub mod rules;
pub mod split;

#[cfg(test)]
pub(super) mod tests;

pub use queue::{Due, Queue, Reaction};
pub use rules::{After, Opening, Program, Reply, Rule, Rules};
