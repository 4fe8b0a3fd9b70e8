//! What passes between the editor thread and the prompt: what was typed, what the editor does next, and
//! how a program ended that had the terminal.

use std::process::ExitStatus;

/// What was typed.
#[derive(Debug)]
pub(crate) enum Typed {
    Line(String),
    /// A line whose command may need the terminal, or set the next line: the editor waits for a
    /// [`Next`].
    Held(String),
    /// The line, to be edited in another program (Ctrl-X Ctrl-E): the editor waits for a [`Next`].
    EditLine(String),
    /// Ctrl-C; `cancelled` if the line was not empty.
    Interrupt {
        cancelled: bool,
    },
    /// A line that was begun before the question, and so does not answer it.
    Begun,
    /// What [`Next::Run`] asked for is done: the editor waits for a [`Next`].
    JobDone(JobOutcome),
    /// Something that is not essential does not work, for this reason.
    Trouble(String),
    /// The editor has failed, for this reason, and reads nothing any more.
    Failed(String),
    /// Ctrl-D, or the terminal is gone.
    End,
}

impl Typed {
    /// Whether it interrupts the evaluation of a jq expression.
    pub(crate) fn interrupts(&self) -> bool {
        matches!(
            self,
            Typed::Interrupt { .. } | Typed::Failed(_) | Typed::End
        )
    }

    /// Whether the editor reads nothing more before it gets a [`Next`].
    pub(crate) fn waits(&self) -> bool {
        matches!(
            self,
            Typed::Held(_) | Typed::EditLine(_) | Typed::JobDone(_)
        )
    }
}

/// What the editor does next. There is exactly one for each [`Typed`] that [waits](Typed::waits).
#[derive(Debug)]
pub(crate) enum Next {
    /// Read a line.
    Read,
    /// Read a line that begins with this text.
    ReadWith(String),
    /// Give the terminal to another program, and report how that ended.
    Run(Job),
}

/// A program that gets the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// A command for the shell. Without an `input` its stdin is the terminal.
    Shell {
        command: String,
        input: Option<Vec<u8>>,
    },
    /// The user's editor (a command for the shell) with `text` in a file whose name ends with `suffix`.
    Edit {
        text: String,
        suffix: &'static str,
        editor: String,
    },
}

/// How a [`Job`] ended, or why it could not be started.
#[derive(Debug)]
pub(crate) enum JobOutcome {
    Ran(Result<ExitStatus, String>),
    /// The new text; `None` if it is unchanged.
    Edited(Result<Option<String>, String>),
}
