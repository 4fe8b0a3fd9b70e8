//! The printer, which writes above the line being typed. It blocks until the editor has taken the text, so
//! it runs in the writer's thread; it must never write while another program has the terminal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

use super::state::PromptHandle;
use crate::io::writer::Sink;
use crate::output::style;

/// The last chunk: it is empty, but makes the editor draw once more.
pub(crate) const LAST: &[u8] = style::NOTHING;

/// How long a message may wait for the editor after a finished line.
const HAND_OVER: Duration = Duration::from_millis(50);

/// How often it looks whether the terminal is ours again.
const LOOK: Duration = Duration::from_millis(20);

/// Writes above the line being typed; `reading` is true while a line is read.
pub(super) fn above_the_line(
    mut printer: impl ExternalPrinter + Send + 'static,
    reading: Arc<AtomicBool>,
    state: PromptHandle,
) -> Sink {
    Box::new(move |bytes| {
        // Between two lines the printer would write before the editor's pending output.
        let start = Instant::now();
        while !reading.load(Ordering::SeqCst) && start.elapsed() < HAND_OVER {
            thread::sleep(Duration::from_millis(1));
        }
        let _printing = Printing::new(&state);
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        printer.print(text).map_err(io::Error::other)?;
        if bytes == LAST {
            // The printer holds one text: once it accepts this one, the editor has taken the
            // previous one. Everything it draws from now on comes after that, and this second text
            // gives it something to draw if it has drawn the first already.
            state.stop_drawing();
            let _ = printer.print(String::from_utf8_lossy(LAST).into_owned());
        }
        Ok(())
    })
}

/// Writes at the cursor, where lines are not edited.
///
/// # Errors
/// Where there is no stdout.
pub(super) fn at_the_cursor(state: PromptHandle) -> io::Result<Sink> {
    let mut stdout = crate::io::writer::stdout()?;
    Ok(Box::new(move |bytes| {
        let _printing = Printing::new(&state);
        stdout(bytes)
    }))
}

/// While it lives, no other program gets the terminal.
struct Printing<'a>(&'a PromptHandle);

impl<'a> Printing<'a> {
    /// Waits while another program has the terminal.
    fn new(state: &'a PromptHandle) -> Self {
        while !state.start_printing() {
            thread::sleep(LOOK);
        }
        Printing(state)
    }
}

impl Drop for Printing<'_> {
    fn drop(&mut self) {
        self.0.stop_printing();
    }
}
