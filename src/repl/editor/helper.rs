//! What the editor asks while a line is being typed: how it is shown, whether Enter ends it, and how it
//! may go on. The rules are those of pure modules.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, GraphemeClusterMode, Helper, Result};

use super::lines::SharedDocument;
use super::state::{FURTHER, PROMPT, PromptHandle};
use super::terminal::Modes;
use crate::generated::GENERATED;
use crate::output::style::{Painter, Role};
use crate::repl::brackets::{self, End};
use crate::repl::confidential::is_confidential;
use crate::repl::highlight::{self, COLOURED, Known};
use crate::repl::words::{Candidate, SharedWords, Words, snapshot};

/// The longest text that a hint adds, in bytes.
const LONGEST_HINT: usize = 200;

/// Completes a line up to the cursor: the beginning of the word being typed, and the candidates for
/// it.
pub(crate) type Complete = fn(&str, &Words) -> (usize, Vec<Candidate>);

pub(super) struct PromptHelper {
    pub(super) complete: Complete,
    pub(super) words: SharedWords,
    pub(super) is_command: fn(&str) -> bool,
    pub(super) state: PromptHandle,
    pub(super) color: bool,
    pub(super) graphemes: GraphemeClusterMode,
    pub(super) modes: Modes,
    pub(super) document: SharedDocument,
}

impl Helper for PromptHelper {}

impl PromptHelper {
    fn painted(&self, role: Role, text: &str) -> String {
        let mut painted = Vec::new();
        Painter::new(self.color).paint(role, &mut painted, |out| {
            out.extend_from_slice(text.as_bytes());
        });
        String::from_utf8_lossy(&painted).into_owned()
    }

    fn has_variable(&self, name: &str) -> bool {
        GENERATED.iter().any(|(it, _)| *it == name) || snapshot(&self.words).has_variable(name)
    }

    /// Whether the line is the whole message.
    fn is_alone(&self) -> bool {
        self.document.with(|document| document.is_empty())
    }

    fn width(&self, text: &str) -> usize {
        usize::from(self.graphemes.width(text))
    }

    fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match highlight::is_safe(text) {
            true => Cow::Borrowed(text),
            false => Cow::Owned(highlight::safe(text, &|text| self.width(text))),
        }
    }
}

impl Highlighter for PromptHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        self.modes.note_editing();
        let alone = self.is_alone();
        let whole = || self.document.with(|document| document.whole(line));
        self.state.on_draw(whole);
        if self.state.is_asking() {
            return Cow::Owned("*".repeat(line.chars().count()));
        }
        if !self.color || !alone || !highlight::has_colours(line) {
            return self.safe(line);
        }
        let known = Known {
            command: &self.is_command,
            variable: &|name| self.has_variable(name),
        };
        let width = |text: &str| self.width(text);
        Cow::Owned(highlight::paint(line, &known, Painter::new(true), &width))
    }

    fn highlight_char(&self, line: &str, _: usize, kind: CmdKind) -> bool {
        let may_change = self.color && kind != CmdKind::MoveCursor;
        let coloured = may_change && highlight::has_colours(line) && self.is_alone();
        coloured || self.state.is_asking()
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, given: &'p str, _: bool) -> Cow<'b, str> {
        let state = self.state.line_prompt();
        match given {
            FURTHER => Cow::Borrowed(FURTHER),
            PROMPT => Cow::Owned(self.painted(Role::Name, state)),
            // A history search has its own prompt, with the text that is searched for.
            _ => Cow::Owned(self.painted(Role::Name, &self.safe(given))),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.painted(Role::Aside, hint))
    }
}

impl Validator for PromptHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let goes_on = |line: &str| self.document.with(|document| document.goes_on(line));
        Ok(match !self.state.is_asking() && goes_on(context.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

/// What is shown after the line, and what the right arrow then adds to it.
pub(super) struct Suggestion {
    shown: String,
    added: Option<String>,
}

impl Hint for Suggestion {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.added.as_deref()
    }
}

impl Hinter for PromptHelper {
    type Hint = Suggestion;

    fn hint(&self, line: &str, at: usize, context: &Context<'_>) -> Option<Suggestion> {
        if self.state.is_asking() {
            return None;
        }
        if self.state.take_wide_changed() {
            return Some(note(match self.state.is_wide() {
                true => " (history of all hosts)",
                false => " (history of this host)",
            }));
        }
        if !self.is_alone() {
            return self.still_open(line);
        }
        if line.is_empty() || at < line.len() || line.len() > COLOURED {
            return None;
        }
        // Without colour a suggestion looks as if it had been typed.
        let suggested = self.color.then(|| {
            let earlier = self.earlier_line(line, context);
            earlier.or_else(|| self.only_candidate(line))
        });
        suggested.flatten().or_else(|| open_brackets(line))
    }
}

impl PromptHelper {
    /// Before the next line of a message that is longer than the screen: what closes it.
    fn still_open(&self, line: &str) -> Option<Suggestion> {
        let open = || self.document.with(|document| document.open());
        let closing = line.is_empty().then(open).flatten()?;
        fits(&closing).then(|| note(&format!("… {closing}")))
    }

    /// The rest of an earlier line.
    fn earlier_line(&self, line: &str, context: &Context<'_>) -> Option<Suggestion> {
        let history = context.history();
        let last = history.len().checked_sub(1)?;
        let found = history.starts_with(line, last, SearchDirection::Reverse);
        let earlier = found.ok().flatten();
        let text = earlier.map(|it| it.entry).filter(|it| !is_confidential(it));
        let rest = text.as_deref().and_then(|it| it.strip_prefix(line));
        rest.filter(|rest| fits(rest)).map(suggest)
    }

    /// The rest of the only word that may stand here, once it has been begun.
    fn only_candidate(&self, line: &str) -> Option<Suggestion> {
        let (start, candidates) = (self.complete)(line, &snapshot(&self.words));
        let [only] = &*candidates else {
            return None;
        };
        let rest = only.replacement.strip_prefix(line.get(start..)?)?;
        (start < line.len() && fits(rest.trim_end())).then(|| suggest(rest))
    }
}

fn fits(rest: &str) -> bool {
    !rest.is_empty()
        && rest.len() <= LONGEST_HINT
        && !rest.contains(['\n', '\t'])
        && highlight::is_safe(rest)
}

fn suggest(rest: &str) -> Suggestion {
    Suggestion {
        shown: rest.to_owned(),
        added: Some(rest.to_owned()),
    }
}

fn note(text: &str) -> Suggestion {
    Suggestion {
        shown: text.to_owned(),
        added: None,
    }
}

/// After the first line of a message: what closes it.
fn open_brackets(line: &str) -> Option<Suggestion> {
    match brackets::end(line) {
        End::Open(closing) if line.contains('\n') => Some(note(&format!("… {closing}"))),
        _ => None,
    }
}

impl rustyline::completion::Candidate for Candidate {
    fn display(&self) -> &str {
        &self.display
    }

    fn replacement(&self) -> &str {
        &self.replacement
    }
}

impl Completer for PromptHelper {
    type Candidate = Candidate;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<Candidate>)> {
        if self.state.is_asking() {
            return Ok((at, Vec::new()));
        }
        let before = self.document.with(|document| document.before().to_owned());
        let text = before.clone() + &line[..at];
        let (start, candidates) = (self.complete)(&text, &snapshot(&self.words));
        // A word does not begin in another line.
        Ok(match start.checked_sub(before.len()) {
            Some(start) => (start, candidates),
            None => (at, Vec::new()),
        })
    }
}
