//! A word that a line may go on with, as a command offers it. Pure.

/// A word that may come next, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::repl) struct Word {
    pub(in crate::repl) text: String,
    pub(in crate::repl) what: &'static str,
}

impl Word {
    pub(super) fn new((text, what): (&str, &'static str)) -> Word {
        Word {
            text: text.to_owned(),
            what,
        }
    }
}
