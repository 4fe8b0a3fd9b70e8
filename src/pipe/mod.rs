//! The front end for scripts: messages from stdin or `-d`, payload to stdout, everything else to
//! stderr.
//!
//! stdin is read in order and never before it can be sent; nothing that was read is dropped without
//! a notice. The threads that may block are in [`stdin`] and [`crate::io::writer`].

mod chunks;
mod events;
pub mod framing;
mod input;
mod output;
pub mod program;
mod stdin;

use std::path::PathBuf;

use crate::message::Message;

pub use chunks::SHORTEST_TEXT;
pub use input::{Input, Messages};
pub use output::{Destination, Output};

#[derive(Clone, Debug)]
pub struct Options {
    pub messages: Messages,
    /// `--then`: what is sent after them.
    pub then: Vec<Message>,
    /// `--exec`: a program in place of stdin and stdout.
    pub program: Option<program::Options>,
    /// `-o`; `None` is stdout.
    pub output: Option<PathBuf>,
}
