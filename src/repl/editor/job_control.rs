//! Ctrl-Z, SIGTSTP and SIGCONT: while we are stopped the terminal is as it was found, and the line is there
//! again when we go on, whatever stopped us. It must never stop where nobody could continue it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{getpgrp, getpid, getsid};
use rustyline::history::History;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, ExternalPrinter,
    Helper, KeyEvent, Modifiers,
};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use unicode_width::UnicodeWidthStr;

use super::state::{PROMPT, PromptHandle};
use super::terminal::Modes;
use crate::io::terminal;
use crate::output::style;

/// The width of a terminal that reports none.
const COLUMNS: usize = 80;

/// Watches the signals from here on, and the key that stops. Where the system refuses that, the terminal
/// is left to the editor, which knows only its own key.
pub(super) fn watch<H: Helper, I: History>(
    editor: &mut Editor<H, I>,
    modes: &Modes,
    state: &PromptHandle,
) {
    let printer = editor.create_external_printer();
    let (Ok(printer), Ok(mut signals)) = (printer, Signals::new([SIGTSTP, SIGCONT])) else {
        return;
    };
    if let Some(key) = modes.key_that_stops() {
        let handler = EventHandler::Conditional(Box::new(Stop(modes.clone())));
        editor.bind_sequence(KeyEvent::new(key, Modifiers::NONE), handler);
    }
    let (redraw, wanted) = sync_channel(1);
    let mut watch = Watch {
        modes: modes.clone(),
        state: state.clone(),
        stopped: false,
        redraw,
    };
    watch.modes.stops.set_watched();
    thread::spawn(move || show_again(&wanted, printer));
    thread::spawn(move || signals.forever().for_each(|signal| watch.handle(signal)));
}

/// The printer blocks until the editor draws, and the watch must not.
fn show_again(wanted: &Receiver<()>, mut printer: impl ExternalPrinter) {
    let redraw = String::from_utf8_lossy(style::REDRAW);
    while wanted.recv().is_ok() && printer.print(redraw.clone().into_owned()).is_ok() {}
}

struct Watch {
    modes: Modes,
    state: PromptHandle,
    /// The terminal was given away here, and not to a program that we run.
    stopped: bool,
    redraw: SyncSender<()>,
}

impl Watch {
    fn handle(&mut self, signal: i32) {
        if signal == SIGCONT {
            return self.go_on();
        }
        if !self.state.is_away() {
            self.give_away();
            self.modes.leave(style::END_OF_EDITING);
        }
        match can_be_continued() {
            // SIGCONT comes after that.
            true => drop(emulate_default_handler(signal)),
            false => self.go_on(),
        }
    }

    fn give_away(&mut self) {
        self.stopped = true;
        self.state.set_away(true);
    }

    fn go_on(&mut self) {
        if self.stopped || !self.state.is_away() {
            self.take_back();
        }
        self.modes.stops.go_on();
    }

    /// In the background nothing is written: the terminal is still the shell's.
    fn take_back(&mut self) {
        if !self.modes.enter(style::BEGIN_OF_EDITING) {
            return self.give_away();
        }
        self.stopped = false;
        self.state.set_away(false);
        // The size may have changed: SIGWINCH goes to the foreground only.
        let _ = kill(getpid(), Signal::SIGWINCH);
        let _ = self.redraw.try_send(());
    }
}

/// Whether there is a shell that could continue this process: it is in another group of this session. The
/// group of a session's leader has none, as where a window or ssh runs the program itself.
fn can_be_continued() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

/// Ctrl-Z. What was typed stays to be read, and is below that again afterwards.
struct Stop(Modes);

impl ConditionalEventHandler for Stop {
    fn handle(&self, _: &Event, _: u16, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let (line, position) = (context.line(), context.pos());
        let columns = terminal::size().map_or(COLUMNS, |(columns, _)| columns);
        let [above, all] = [&line[..position], line].map(|text| rows(text, columns));
        let below = all.saturating_sub(above);
        self.0.leave(&style::end_of_line(below));
        self.0.stops.stop();
        // In the background, what is typed is meant for others.
        while !self.0.enter(&style::room_for(all, below)) {
            self.0.stops.wait_once_more();
        }
        Some(Cmd::Repaint)
    }
}

/// The rows from that of the prompt to that of the end of `text`, which is typed after it.
fn rows(text: &str, columns: usize) -> usize {
    let mut lines = text.split('\n').map(UnicodeWidthStr::width);
    let first = PROMPT.len() + lines.next().unwrap_or(0);
    let (mut rows, mut last) = (0, first);
    for width in lines {
        rows += last.div_ceil(columns).max(1);
        last = width;
    }
    rows + last / columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_the_editor_draws_them() {
        for (text, count) in [
            ("", 0),
            ("123", 0),
            ("1234", 1),
            ("12345", 1),
            ("12345678901234", 2),
            ("世界", 1),
            ("\n", 1),
            ("1234\n", 1),
            ("12345\n1234567890\n", 3),
        ] {
            assert_eq!(rows(text, 10), count, "{text:?}");
        }
    }
}
