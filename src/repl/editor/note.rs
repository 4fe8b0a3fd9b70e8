//! The note that says what ended a line: a key's handler may only return a command, and accepting the line
//! is all that ends one. It does not say what the line means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustyline::Cmd;

/// What ended the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Enter,
    /// Ctrl-C
    Interrupt,
    /// Ctrl-D on an empty line
    Input,
    /// Ctrl-X Ctrl-E
    Edit,
    /// A key that the message has other lines for: it is not finished.
    Step,
}

/// The note that a key leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Note(Arc<AtomicU8>);

impl Note {
    const ALL: [Ending; 5] = [
        Ending::Enter,
        Ending::Interrupt,
        Ending::Input,
        Ending::Edit,
        Ending::Step,
    ];

    /// Leaves it, and ends the line.
    pub(super) fn leave(&self, ending: Ending) -> Option<Cmd> {
        self.0.store(ending as u8, Ordering::SeqCst);
        Some(Cmd::AcceptLine)
    }

    /// What ended the line; for the next one it is Enter again.
    pub(super) fn take(&self) -> Ending {
        Note::ALL[usize::from(self.0.swap(Ending::Enter as u8, Ordering::SeqCst))]
    }
}
