//! The options of the prompt.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::encode::Encoder;
use crate::json::jq::Interrupt;
use crate::payload::InputFormat;
use crate::session::answers::Rules;

/// What the user asked of the prompt.
#[derive(Clone, Debug)]
pub struct Options {
    /// How typed lines stand for messages.
    pub payload: InputFormat,
    /// `--encode`: what it cannot encode is refused.
    pub encoder: Option<Encoder>,
    /// `-o`: messages go there.
    pub output: Option<PathBuf>,
    /// What `/queue` may keep, in bytes.
    pub queue: usize,
    /// Ctrl-C and Ctrl-D end the evaluation of an expression.
    pub interrupt: Interrupt,
    /// Whether the prompt is coloured.
    pub color: bool,
    /// `--edit-mode`
    pub edit_mode: EditMode,
    /// Where the history of typed lines is kept; `None` with `--no-history`, or without a home.
    pub history: Option<PathBuf>,
    /// The user's editor, as a command for the shell.
    pub editor: String,
    /// Shows what is taller than the screen, as a command for the shell.
    pub pager: String,
    /// Where files are made that live while a command of the prompt runs.
    pub temporary: PathBuf,
    /// `--scrollback`: what is kept of what was sent and received, in bytes.
    pub scrollback: usize,
    /// `--plain`: nothing is redrawn, and each event is one line.
    pub plain: bool,
    /// Variables for `{{NAME}}`, by name.
    pub variables: BTreeMap<String, String>,
    /// The names of the variables that `--resume` defines.
    pub resumed: Vec<String>,
    /// The messages that `/m` sends, by name.
    pub messages: BTreeMap<String, String>,
    /// The options of the run that a script of the session has, by their long names. The credentials are
    /// not among them.
    pub saved: Vec<(&'static str, Option<String>)>,
    /// `--answer`: the rules of the run, which `/answer` changes.
    pub answers: Rules,
    /// The names of the profiles that `/connect @NAME` knows.
    pub profiles: Vec<String>,
}

/// The keys that edit a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EditMode {
    #[default]
    Emacs,
    Vi,
}
