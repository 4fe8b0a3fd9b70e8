//! Blocking input and output, kept away from the loop: the standard streams, and the writer thread.

pub mod stdio;
pub mod writer;
