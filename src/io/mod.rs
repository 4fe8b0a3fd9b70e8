//! Blocking input and output, kept away from the loop: the standard streams, the writer
//! thread, recordings, signals, and child processes.

pub mod child;
pub mod held_recording;
pub mod private_file;
mod record_file;
pub mod recorder;
pub mod saved_file;
pub mod signals;
pub mod stdio;
pub mod stdout;
pub mod terminal;
pub mod writer;
