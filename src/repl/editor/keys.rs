//! The editor thread: reads lines and passes them on, and runs the programs that get the terminal. It
//! decides nothing about what a line means.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use rustyline::Editor;
use rustyline::error::ReadlineError;
use tokio::sync::mpsc;

use super::helper::PromptHelper;
use super::history;
use super::job::{self, CurrentDraft};
use super::lines::SharedDocument;
use super::note::{Ending, Note};
use super::plain::PlainLines;
use super::protocol::{Job, JobOutcome, Next, Typed};
use super::state::{FURTHER, PROMPT, PromptHandle};
use super::terminal::Modes;
use crate::io::stdio::{self, Stream};
use crate::json::jq;
use crate::repl::brackets::without_empty_end;
use crate::repl::document::Lines;

/// How long text on its way to the terminal may take before another program gets it.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The state of the editor thread.
pub(super) struct Keys {
    pub(super) sender: mpsc::Sender<Typed>,
    pub(super) next: Receiver<Next>,
    pub(super) reading: Arc<AtomicBool>,
    pub(super) note: Note,
    pub(super) document: SharedDocument,
    pub(super) state: PromptHandle,
    pub(super) evaluation: jq::Interrupt,
    pub(super) waits: fn(&str) -> bool,
    pub(super) modes: Modes,
    /// Where the file of an edited text is made.
    pub(super) folder: PathBuf,
    pub(super) draft: CurrentDraft,
    pub(super) above: bool,
}

impl Keys {
    /// Reads lines until there is no prompt or no terminal any more. A panic of the editor is reported as
    /// its failure: the session goes on without it, up to an orderly end.
    pub(super) fn run_editor(&self, editor: &mut Editor<PromptHelper, history::Typed>) {
        let reading = AssertUnwindSafe(|| self.read_lines(editor));
        if let Err(panic) = catch_unwind(reading) {
            // Nothing can be drawn any more, so what comes now waits until the terminal is given back.
            self.state.set_away(true);
            self.evaluation.set_key(true);
            let _ = self.sender.blocking_send(Typed::Failed(reason(&*panic)));
        }
    }

    fn read_lines(&self, editor: &mut Editor<PromptHelper, history::Typed>) {
        let mut failed = false;
        let mut initial = String::new();
        let mut plain = PlainLines::new(stdio::stdin());
        loop {
            editor.history_mut().refresh();
            if let Some(why) = editor.history_mut().take_trouble() {
                let _ = self.sender.blocking_send(Typed::Trouble(why));
            }
            let first = std::mem::take(&mut initial);
            let typed = match self.above {
                true => self.read_line(editor, &first),
                false => self.read_plain_line(editor, &mut plain, first),
            };
            // The editor also draws the remaining output, so it continues after the first failure.
            // A terminal that is gone fails again at once; both failures mean one request to quit.
            let fails = typed.is_none();
            if typed.as_ref().is_none_or(Typed::interrupts) {
                self.evaluation.set_key(true);
            }
            if fails && failed {
                return;
            }
            let typed = typed.unwrap_or(Typed::End);
            let waits = typed.waits();
            if self.sender.blocking_send(typed).is_err() || (fails && !self.above) {
                return;
            }
            if waits {
                match self.wait() {
                    Some(text) => initial = text,
                    None => return,
                }
            }
            failed = fails;
        }
    }

    /// Does what the prompt says, up to the text that the next line begins with. `None` if there is no
    /// prompt any more.
    fn wait(&self) -> Option<String> {
        loop {
            match self.next.recv().ok()? {
                Next::Read => return Some(String::new()),
                Next::ReadWith(text) => return Some(text),
                Next::Run(job) => {
                    let done = Typed::JobDone(self.run(job));
                    self.sender.blocking_send(done).ok()?;
                }
            }
        }
    }

    fn run(&self, job: Job) -> JobOutcome {
        self.state.set_away(true);
        let start = Instant::now();
        while self.state.is_printing() && start.elapsed() < LAST_WORDS {
            thread::sleep(Duration::from_millis(1));
        }
        let outcome = job::run(job, &self.modes, &self.folder, &self.draft);
        if self.above {
            self.modes.set_quiet();
        }
        self.state.set_away(false);
        outcome
    }

    /// The next input; `None` if the terminal gives no more lines. Of a message that is longer than the
    /// screen, the editor has one part after the other.
    fn read_line(
        &self,
        editor: &mut Editor<PromptHelper, history::Typed>,
        initial: &str,
    ) -> Option<Typed> {
        let mut lines = (initial.to_owned(), String::new());
        loop {
            let read = self.read_lines_with(editor, &lines);
            match (self.note.take(), read) {
                (Ending::Step, Ok(line)) => lines = self.document.take_step(line),
                (ending, Ok(line)) => {
                    let line = self.document.with(|document| document.take_whole(&line));
                    return Some(self.ended(editor, ending, line));
                }
                (_, Err(ReadlineError::Interrupted)) => {
                    self.document.forget();
                    return Some(Typed::Interrupt { cancelled: false });
                }
                (_, Err(_)) => return None,
            }
        }
    }

    fn read_lines_with(
        &self,
        editor: &mut Editor<PromptHelper, history::Typed>,
        (left, right): &Lines,
    ) -> rustyline::Result<String> {
        let prompt = match self.document.with(|document| document.is_empty()) {
            true => PROMPT,
            false => FURTHER,
        };
        self.reading.store(true, Ordering::SeqCst);
        let read = editor.readline_with_initial(prompt, (left, right));
        self.reading.store(false, Ordering::SeqCst);
        read
    }

    fn ended(
        &self,
        editor: &mut Editor<PromptHelper, history::Typed>,
        ending: Ending,
        line: String,
    ) -> Typed {
        match ending {
            Ending::Interrupt => {
                // The line is finished, and the next one is new.
                self.state.take_begun();
                Typed::Interrupt {
                    cancelled: !line.is_empty(),
                }
            }
            Ending::Input => Typed::End,
            Ending::Edit => Typed::EditLine(line),
            Ending::Enter | Ending::Step => self.finished(editor, line),
        }
    }

    /// The same without an editor. A line that begins with a text cannot be shown, so that text is what an
    /// empty line means.
    fn read_plain_line(
        &self,
        editor: &mut Editor<PromptHelper, history::Typed>,
        lines: &mut PlainLines<Stream>,
        initial: String,
    ) -> Option<Typed> {
        if !initial.is_empty() {
            let notice = format!("Enter alone stands for this line: {initial}");
            let _ = self.sender.blocking_send(Typed::Trouble(notice));
        }
        Some(match lines.next()? {
            Ok(line) if line.is_empty() => self.finished(editor, initial),
            Ok(line) => self.finished(editor, line),
            Err(why) => Typed::Trouble(why),
        })
    }

    fn finished(&self, editor: &mut Editor<PromptHelper, history::Typed>, line: String) -> Typed {
        let line = without_empty_end(line);
        let asking = self.state.is_asking();
        let begun = self.state.take_begun();
        // What follows a question is not shown, and may have been meant as the answer.
        let earlier = begun.as_ref().or((!asking).then_some(&line));
        if let Some(text) = earlier {
            // History is optional, so errors are ignored.
            let _ = editor.add_history_entry(text);
        }
        match begun.is_some() {
            true => Typed::Begun,
            false if !asking && (self.waits)(&line) => Typed::Held(line),
            false => Typed::Line(line),
        }
    }
}

/// What was wrong, in the words of the panic.
fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("for an unknown reason").to_owned()
}
