//! The keys of a message that is longer than the screen. The editor draws all that it has at every change,
//! so it has only the lines around the cursor. A key that leaves them ends its reading with a note, and the
//! next reading begins with other lines. A handler decides that and changes nothing, because the editor
//! may use its command for something else.

use std::sync::{Arc, Mutex};

use rustyline::history::History;
use rustyline::{
    Cmd, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler, Helper,
    InputMode, KeyCode, KeyEvent, Modifiers, Movement,
};

use super::note::{Ending, Note};
use super::state::PromptHandle;
use crate::io::terminal;
use crate::repl::document::{Document, Lines, Space, Step, Taker};

/// The size of a terminal that does not say its own.
const SIZE: (usize, usize) = (80, 24);

fn space() -> Space {
    let (columns, rows) = terminal::size().unwrap_or(SIZE);
    Space { columns, rows }
}

/// The message that is being typed, for the handlers, the helper and the editor's thread.
#[derive(Clone, Default)]
pub(super) struct SharedDocument(Arc<Mutex<Document>>);

impl SharedDocument {
    pub(super) fn with<T>(&self, use_it: impl FnOnce(&mut Document) -> T) -> T {
        let locked = self.0.lock();
        use_it(&mut locked.unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub(super) fn take_step(&self, line: String) -> Lines {
        self.with(|document| document.take_step(line, space()))
    }

    pub(super) fn forget(&self) {
        self.with(|document| *document = Document::default());
    }
}

/// Where a key has its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// In the command mode of vi, where letters are commands.
    Commands,
}

/// The keys that may leave the lines of the editor.
const STEPS: [(KeyEvent, Step, When); 23] = [
    (key(KeyCode::Enter), Step::NewLine, When::Always),
    // Between two readings the terminal may turn the one into the other.
    (ctrl('J'), Step::NewLine, When::Always),
    (ctrl('M'), Step::NewLine, When::Always),
    (key(KeyCode::Up), Step::Up, When::Always),
    (ctrl('P'), Step::Up, When::Always),
    (letter('k'), Step::Up, When::Commands),
    (letter('-'), Step::Up, When::Commands),
    (key(KeyCode::Down), Step::Down, When::Always),
    (ctrl('N'), Step::Down, When::Always),
    (letter('j'), Step::Down, When::Commands),
    (letter('+'), Step::Down, When::Commands),
    (key(KeyCode::Left), Step::Back, When::Always),
    (ctrl('B'), Step::Back, When::Always),
    (key(KeyCode::Right), Step::Forward, When::Always),
    (ctrl('F'), Step::Forward, When::Always),
    (key(KeyCode::Backspace), Step::Erase, When::Always),
    (ctrl('H'), Step::Erase, When::Always),
    (key(KeyCode::Delete), Step::Delete, When::Always),
    (alt('<'), Step::Start, When::Always),
    (held(KeyCode::Home), Step::Start, When::Always),
    (alt('>'), Step::End, When::Always),
    (held(KeyCode::End), Step::End, When::Always),
    (letter('G'), Step::End, When::Commands),
];

/// The keys that put another line in the place of the editor's, which is only a part of the message here.
const SEARCHES: [KeyEvent; 2] = [ctrl('R'), ctrl('S')];

const fn key(code: KeyCode) -> KeyEvent {
    KeyEvent(code, Modifiers::NONE)
}

const fn letter(letter: char) -> KeyEvent {
    key(KeyCode::Char(letter))
}

const fn ctrl(letter: char) -> KeyEvent {
    KeyEvent(KeyCode::Char(letter), Modifiers::CTRL)
}

const fn alt(letter: char) -> KeyEvent {
    KeyEvent(KeyCode::Char(letter), Modifiers::ALT)
}

const fn held(code: KeyCode) -> KeyEvent {
    KeyEvent(code, Modifiers::CTRL)
}

/// Binds the keys.
pub(super) fn bind<H: Helper, I: History>(
    editor: &mut Editor<H, I>,
    note: &Note,
    state: &PromptHandle,
    document: &SharedDocument,
) {
    let mut bind = |keys: &[KeyEvent], handler: Box<dyn ConditionalEventHandler>| {
        let handler = EventHandler::Conditional(handler);
        editor.bind_sequence(Event::KeySeq(keys.to_vec()), handler);
    };
    let keys = Keys {
        note: note.clone(),
        state: state.clone(),
        document: document.clone(),
    };
    for (key, step, when) in STEPS {
        bind(&[key], Box::new(StepKey(keys.clone(), step, when)));
    }
    bind(&[KeyEvent::alt('\r')], Box::new(AltEnter(keys.clone())));
    for key in SEARCHES {
        bind(&[key], Box::new(SearchKey(document.clone())));
    }
    let undo = |when| Box::new(UndoKey(document.clone(), when));
    bind(&[ctrl('_')], undo(When::Always));
    bind(&[ctrl('X'), ctrl('U')], undo(When::Always));
    bind(&[letter('u')], undo(When::Commands));
}

fn is_command_mode(context: &EventContext<'_>) -> bool {
    context.mode() == EditMode::Vi && context.input_mode() == InputMode::Command
}

/// What the handlers of the steps share.
#[derive(Clone)]
struct Keys {
    note: Note,
    state: PromptHandle,
    document: SharedDocument,
}

impl Keys {
    /// Who takes the step.
    fn taker(&self, step: Step, context: &EventContext<'_>) -> Taker {
        let (line, at) = (context.line(), context.pos());
        self.document
            .with(|document| document.taker(step, line, at, space()))
    }

    /// Ends the reading, for the document to take the step.
    fn leave(&self, step: Step, context: &EventContext<'_>) -> Option<Cmd> {
        let at = context.pos();
        self.document.with(|document| document.want(step, at));
        self.note.leave(Ending::Step)
    }
}

struct StepKey(Keys, Step, When);

impl StepKey {
    /// The editor begins every reading in the insert mode of vi, where `k` is a letter: no step leaves the
    /// lines in its command mode.
    fn beyond(&self, context: &EventContext<'_>) -> Option<Cmd> {
        if self.1 == Step::NewLine || !is_command_mode(context) {
            return self.0.leave(self.1, context);
        }
        let alone = self.0.document.with(|document| document.is_empty());
        (!alone).then_some(Cmd::Noop)
    }

    /// In one part of a message, lines above and below are never those of the history.
    fn within(&self, n: u16) -> Option<Cmd> {
        if self.0.document.with(|document| document.is_empty()) {
            return None;
        }
        match self.1 {
            Step::Up => Some(Cmd::Move(Movement::LineUp(n.max(1)))),
            Step::Down => Some(Cmd::Move(Movement::LineDown(n.max(1)))),
            _ => None,
        }
    }

    /// Whether Enter means something else: it sends the message, or is the answer to a question.
    fn ends_message(&self, context: &EventContext<'_>) -> bool {
        let line = context.line();
        let goes_on = || self.0.document.with(|document| document.goes_on(line));
        self.1 == Step::NewLine && (self.0.state.is_asking() || !goes_on())
    }
}

impl ConditionalEventHandler for StepKey {
    fn handle(&self, _: &Event, n: u16, positive: bool, context: &EventContext<'_>) -> Option<Cmd> {
        // A reading that an earlier note should have ended went on.
        self.0.note.take();
        let unbound = self.2 == When::Commands && !is_command_mode(context);
        if unbound || !positive || self.ends_message(context) {
            return None;
        }
        match self.0.taker(self.1, context) {
            Taker::Editor => self.within(n),
            Taker::Document => self.beyond(context),
            Taker::Nobody => Some(Cmd::Noop),
        }
    }
}

/// Begins a new line of any message.
struct AltEnter(Keys);

impl ConditionalEventHandler for AltEnter {
    fn handle(&self, _: &Event, _: u16, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let asking = self.0.state.is_asking();
        match self.0.taker(Step::NewLine, context) {
            Taker::Document if !asking => self.0.leave(Step::NewLine, context),
            _ => Some(Cmd::Newline),
        }
    }
}

struct SearchKey(SharedDocument);

impl ConditionalEventHandler for SearchKey {
    fn handle(&self, _: &Event, _: u16, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        let alone = self.0.with(|document| document.is_empty());
        (!alone).then_some(Cmd::Noop)
    }
}

/// Undoing must not take away lines that the document gave to the editor.
struct UndoKey(SharedDocument, When);

impl ConditionalEventHandler for UndoKey {
    fn handle(&self, _: &Event, _: u16, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let bound = self.1 == When::Always || is_command_mode(context);
        let may = self.0.with(|document| document.may_undo());
        (bound && !may).then_some(Cmd::Noop)
    }
}
