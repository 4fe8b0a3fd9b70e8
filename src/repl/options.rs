//! The options of the prompt.

use std::path::PathBuf;

use crate::json::jq::Interrupt;
use crate::payload::InputFormat;

/// What the user asked of the prompt.
#[derive(Clone, Debug)]
pub struct Options {
    /// How typed lines stand for messages.
    pub payload: InputFormat,
    /// `-o`: messages go there.
    pub output: Option<PathBuf>,
    /// What `/queue` may keep, in bytes.
    pub queue: usize,
    /// Ctrl-C and Ctrl-D end the evaluation of an expression.
    pub interrupt: Interrupt,
    /// Whether the prompt is coloured.
    pub color: bool,
}
