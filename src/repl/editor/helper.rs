//! What the editor asks while a line is being typed: how it is shown, and how it goes on.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::state::{PROMPT, PromptHandle};
use super::terminal::Modes;
use crate::output::style::{Painter, Role};

/// Completes a line up to the cursor: the beginning of the word being typed, and the candidates for
/// it.
pub(crate) type Complete = fn(&str) -> (usize, Vec<String>);

pub(super) struct PromptHelper {
    pub(super) complete: Complete,
    pub(super) state: PromptHandle,
    pub(super) painter: Painter,
    pub(super) modes: Modes,
}

impl Helper for PromptHelper {}
impl Validator for PromptHelper {}

impl Hinter for PromptHelper {
    type Hint = String;
}

impl Highlighter for PromptHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        self.modes.note_editing();
        self.state.on_draw(line);
        if self.state.is_asking() {
            return Cow::Owned("*".repeat(line.chars().count()));
        }
        Cow::Borrowed(line)
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.state.is_asking()
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, given: &'p str, _: bool) -> Cow<'b, str> {
        let state = self.state.line_prompt();
        // A history search has its own prompt.
        let shown = if given == PROMPT { state } else { given };
        let mut painted = Vec::new();
        self.painter.paint(Role::Name, &mut painted, |out| {
            out.extend_from_slice(shown.as_bytes())
        });
        Cow::Owned(String::from_utf8_lossy(&painted).into_owned())
    }
}

impl Completer for PromptHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((self.complete)(&line[..at]))
    }
}
