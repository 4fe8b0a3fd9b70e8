//! Keys that end a line in another way than Enter. The editor's own handling of Ctrl-C drops what was
//! typed after it, so these accept the line, and leave a note of what was meant. They never change it.

use rustyline::history::History;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyEvent,
    Modifiers,
};

use super::lines::SharedDocument;
use super::note::{Ending, Note};
use super::state::PromptHandle;

/// Binds the keys.
pub(super) fn bind<H: Helper, I: History>(
    editor: &mut Editor<H, I>,
    note: &Note,
    state: &PromptHandle,
    document: &SharedDocument,
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
        conditional(Box::new(EndOfInput(note.clone(), document.clone()))),
    );
    bind(
        &[KeyEvent::ctrl('X'), KeyEvent::ctrl('E')],
        EventHandler::Conditional(Box::new(EditLine(note.clone(), state.clone()))),
    );
    bind(
        &[KeyEvent::ctrl('X'), KeyEvent::new('h', Modifiers::NONE)],
        EventHandler::Conditional(Box::new(SwitchWide(state.clone()))),
    );
}

struct Interrupt(Note);

impl ConditionalEventHandler for Interrupt {
    fn handle(&self, _: &Event, _: u16, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.leave(Ending::Interrupt)
    }
}

/// On a line that is not empty, Ctrl-D deletes as usual.
struct EndOfInput(Note, SharedDocument);

impl ConditionalEventHandler for EndOfInput {
    fn handle(&self, _: &Event, _: u16, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        if !context.line().is_empty() {
            return None;
        }
        match self.1.with(|document| document.is_empty()) {
            true => self.0.leave(Ending::Input),
            false => Some(Cmd::Noop),
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
