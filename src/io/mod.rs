//! Blocking input and output, kept away from the loop: the standard streams, the writer
//! thread, and signals.

pub mod signals;
pub mod stdio;
pub mod stdout;
pub mod terminal;
pub mod writer;
