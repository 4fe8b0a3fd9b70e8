//! Keys that end a line in another way than Enter. The editor's own handling of Ctrl-C drops what was
//! typed after it, and a handler may only return a command; so these accept the line, and leave a note
//! of what was meant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustyline::history::History;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyEvent,
    Modifiers,
};

use super::state::PromptHandle;

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
}

/// The note that a key leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Note(Arc<AtomicU8>);

impl Note {
    const ALL: [Ending; 4] = [
        Ending::Enter,
        Ending::Interrupt,
        Ending::Input,
        Ending::Edit,
    ];

    fn leave(&self, ending: Ending) -> Option<Cmd> {
        self.0.store(ending as u8, Ordering::SeqCst);
        Some(Cmd::AcceptLine)
    }

    /// What ended the line; for the next one it is Enter again.
    pub(super) fn take(&self) -> Ending {
        Note::ALL[usize::from(self.0.swap(Ending::Enter as u8, Ordering::SeqCst))]
    }
}

/// Binds the keys.
pub(super) fn bind<H: Helper, I: History>(
    editor: &mut Editor<H, I>,
    note: &Note,
    state: &PromptHandle,
) {
    let mut bind = |keys: &[KeyEvent], handler: EventHandler| {
        editor.bind_sequence(Event::KeySeq(keys.to_vec()), handler);
    };
    let conditional = |handler| EventHandler::Conditional(handler);
    bind(
        &[KeyEvent::ctrl('C')],
        conditional(Box::new(Interrupt(note.clone()))),
    );
    bind(
        &[KeyEvent::ctrl('D')],
        conditional(Box::new(EndOfInput(note.clone()))),
    );
    bind(
        &[KeyEvent::ctrl('X'), KeyEvent::ctrl('E')],
        EventHandler::Conditional(Box::new(EditLine(note.clone(), state.clone()))),
    );
    bind(
        &[KeyEvent::ctrl('X'), KeyEvent::new('h', Modifiers::NONE)],
        EventHandler::Conditional(Box::new(SwitchWide(state.clone()))),
    );
    bind(&[KeyEvent::alt('\r')], EventHandler::Simple(Cmd::Newline));
}

struct Interrupt(Note);

impl ConditionalEventHandler for Interrupt {
    fn handle(&self, _: &Event, _: u16, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.leave(Ending::Interrupt)
    }
}

/// On a line that is not empty, Ctrl-D deletes as usual.
struct EndOfInput(Note);

impl ConditionalEventHandler for EndOfInput {
    fn handle(&self, _: &Event, _: u16, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        match context.line().is_empty() {
            true => self.0.leave(Ending::Input),
            false => None,
        }
    }
}

/// A secret is not written to a file.
struct EditLine(Note, PromptHandle);

impl ConditionalEventHandler for EditLine {
    fn handle(&self, _: &Event, _: u16, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        match self.1.is_asking() {
            true => Some(Cmd::Noop),
            false => self.0.leave(Ending::Edit),
        }
    }
}

/// The hint says what the history is now.
struct SwitchWide(PromptHandle);

impl ConditionalEventHandler for SwitchWide {
    fn handle(&self, _: &Event, _: u16, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.switch_wide();
        Some(Cmd::Repaint)
    }
}
