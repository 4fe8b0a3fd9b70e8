//! The line editor in its own thread, and the printer that writes above the line being typed.
//!
//! rustyline blocks, and its printer blocks until the editor has taken the text, so neither may run
//! on the session's thread. The editor thread only reads lines and passes them on.

mod restore;

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{
    Behavior, Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor,
    Event, EventContext, EventHandler, ExternalPrinter, Helper, KeyEvent,
};
use tokio::sync::{mpsc, oneshot};

use crate::io::stdio;
use crate::io::writer::Sink;
use crate::json::jq;
use crate::output::style::{self, Painter, Role};
pub(crate) use restore::Restore;

/// Every prompt has this width, so that it can change while a line is being typed.
const PROMPT: &str = "open> ";
const CONNECTING: &str = "dial> ";
const DOWN: &str = "down> ";
const CLOSING: &str = "wait> ";
const ASKING: &str = "pass> ";

/// The last chunk: it is empty, but makes the editor draw once more.
pub(crate) const LAST: &[u8] = style::NOTHING;

/// Typed or pasted lines that may wait for the session; beyond that, the terminal waits.
const TYPED_AHEAD: usize = 1024;

/// How long a message may wait for the editor after a finished line.
const HAND_OVER: Duration = Duration::from_millis(50);

/// Completes a line up to the cursor: the beginning of the word being typed, and the candidates for
/// it.
pub(crate) type Complete = fn(&str) -> (usize, Vec<String>);

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Line(String),
    /// Ctrl-C; `cancelled` if the line was not empty.
    Interrupt {
        cancelled: bool,
    },
    /// A line that was begun before the question, and so does not answer it.
    Begun,
    /// Ctrl-D, or the terminal is gone.
    End,
}

impl Typed {
    /// Whether it interrupts the evaluation of a jq expression.
    pub(crate) fn interrupts(&self) -> bool {
        matches!(self, Typed::Interrupt { .. } | Typed::End)
    }
}

/// The connection state that the prompt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromptState {
    Open,
    Connecting,
    Down,
    /// A Close of ours was sent, or is about to be.
    Closing,
}

impl PromptState {
    const ALL: [PromptState; 4] = [
        PromptState::Open,
        PromptState::Connecting,
        PromptState::Down,
        PromptState::Closing,
    ];

    fn prompt(self) -> &'static str {
        match self {
            PromptState::Open => PROMPT,
            PromptState::Connecting => CONNECTING,
            PromptState::Down => DOWN,
            PromptState::Closing => CLOSING,
        }
    }
}

/// The state of the prompt.
#[derive(Clone, Debug, Default)]
pub(crate) struct PromptHandle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// A [`PromptState`], by its place in [`PromptState::ALL`].
    shown: AtomicU8,
    /// The input is a secret.
    asking: AtomicBool,
    /// The line has been drawn since the question was asked.
    drawn: AtomicBool,
    /// The line was begun before the question.
    typed_before_prompt: AtomicBool,
    /// The editor must stop drawing.
    stopping: AtomicBool,
    /// Notified when the editor has stopped drawing.
    waiting: Mutex<Option<oneshot::Sender<()>>>,
}

impl PromptHandle {
    /// Sets the prompt. Returns whether it changed.
    pub(crate) fn show(&self, shown: PromptState) -> bool {
        self.0.shown.swap(shown as u8, Ordering::Relaxed) != shown as u8
    }

    /// Sets whether the input is a secret, which is not shown.
    pub(crate) fn set_asking(&self, asking: bool) {
        self.0.drawn.store(false, Ordering::SeqCst);
        self.0.typed_before_prompt.store(false, Ordering::SeqCst);
        self.0.asking.store(asking, Ordering::SeqCst);
    }

    /// Called when the line is drawn. Text that is on the line at the first draw after a question
    /// was not typed in answer to it.
    fn on_draw(&self, line: &str) {
        if self.is_asking() && !self.0.drawn.swap(true, Ordering::SeqCst) {
            self.0
                .typed_before_prompt
                .store(!line.is_empty(), Ordering::SeqCst);
        }
    }

    /// Returns whether the finished line was begun before the question, and resets this for the
    /// next one.
    fn was_typed_before_prompt(&self) -> bool {
        self.is_asking() && self.0.typed_before_prompt.swap(false, Ordering::SeqCst)
    }

    fn is_asking(&self) -> bool {
        self.0.asking.load(Ordering::SeqCst)
    }

    /// Resolves when the editor has drawn everything before [`LAST`] and draws no more.
    pub(crate) fn stopped(&self) -> oneshot::Receiver<()> {
        let (sender, stopped) = oneshot::channel();
        *self.waiting() = Some(sender);
        stopped
    }

    fn shown(&self) -> PromptState {
        PromptState::ALL[usize::from(self.0.shown.load(Ordering::Relaxed))]
    }

    fn waiting(&self) -> MutexGuard<'_, Option<oneshot::Sender<()>>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The prompt. It does not return once drawing has stopped, because a line that is drawn while
    /// the terminal is restored would stay on it.
    /// be left on it.
    fn prompt(&self) -> &'static str {
        if self.0.stopping.load(Ordering::SeqCst) {
            if let Some(waiting) = self.waiting().take() {
                let _ = waiting.send(());
            }
            loop {
                thread::park();
            }
        }
        if self.is_asking() {
            return ASKING;
        }
        self.shown().prompt()
    }
}

struct PromptHelper {
    complete: Complete,
    state: PromptHandle,
    painter: Painter,
}

impl Helper for PromptHelper {}
impl Validator for PromptHelper {}

impl Hinter for PromptHelper {
    type Hint = String;
}

impl Highlighter for PromptHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
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
        let state = self.state.prompt();
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

/// Ctrl-C as an ordinary end of the line: the editor's own handling drops what was typed after it.
struct Interrupt(Arc<AtomicBool>);

impl ConditionalEventHandler for Interrupt {
    fn handle(&self, _: &Event, _: u16, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::SeqCst);
        Some(Cmd::AcceptLine)
    }
}

/// Ctrl-D ends an empty line in the same way. On any other line it deletes, as usual.
struct EndOfInput(Arc<AtomicBool>);

impl ConditionalEventHandler for EndOfInput {
    fn handle(&self, _: &Event, _: u16, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        if !context.line().is_empty() {
            return None;
        }
        self.0.store(true, Ordering::SeqCst);
        Some(Cmd::AcceptLine)
    }
}

/// A running editor.
pub(crate) struct RunningEditor {
    pub(crate) typed: mpsc::Receiver<Typed>,
    pub(crate) sink: Sink,
    pub(crate) state: PromptHandle,
    /// Writes output above the line being typed; without it, output is written at the cursor.
    pub(crate) restore: Option<Restore>,
}

/// Starts to read lines. Input that is meant to interrupt raises `evaluation` at once, because the
/// loop receives nothing while it evaluates an expression. If the terminal does not support line
/// editing (`TERM=dumb`), lines are read as the terminal gives them, and output is written between
/// them.
///
/// # Errors
/// If there is no terminal at all.
pub(crate) fn start(
    color: bool,
    complete: Complete,
    evaluation: &jq::Interrupt,
) -> rustyline::Result<RunningEditor> {
    let config = Config::builder()
        // wirecat decides on colour itself; the editor must ask for the prompt in any case.
        .color_mode(ColorMode::Forced)
        .max_history_size(1000)?
        .history_ignore_space(true)
        // As in a shell: the common prefix is inserted, and a second Tab shows the candidates.
        .completion_type(CompletionType::List)
        .behavior(behavior())
        .build();
    let mut editor: Editor<PromptHelper, DefaultHistory> = Editor::with_config(config)?;
    let state = PromptHandle::default();
    editor.set_helper(Some(PromptHelper {
        complete,
        state: state.clone(),
        painter: Painter::new(color),
    }));
    let interrupted = Arc::new(AtomicBool::new(false));
    let handler = Box::new(Interrupt(Arc::clone(&interrupted)));
    editor.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(handler));
    let ended = Arc::new(AtomicBool::new(false));
    let handler = Box::new(EndOfInput(Arc::clone(&ended)));
    editor.bind_sequence(KeyEvent::ctrl('D'), EventHandler::Conditional(handler));
    let reading = Arc::new(AtomicBool::new(false));
    let (sink, above) = match editor.create_external_printer() {
        Ok(printer) => {
            let sink = above_the_line(printer, Arc::clone(&reading), state.clone());
            (sink, true)
        }
        Err(_) => (crate::io::writer::stdout()?, false),
    };
    let restore = above.then(Restore::new);
    let (sender, typed) = mpsc::channel(TYPED_AHEAD);
    let keys = Keys {
        sender,
        reading,
        interrupted,
        ended,
        state: state.clone(),
        evaluation: evaluation.clone(),
        above,
    };
    thread::spawn(move || keys.read_lines(&mut editor));
    Ok(RunningEditor {
        typed,
        sink,
        state,
        restore,
    })
}

/// The editor neither waits for a non-blocking terminal nor distinguishes it from one that is gone,
/// so it opens the terminal anew, without the flag.
#[cfg(unix)]
fn behavior() -> Behavior {
    match stdio::is_nonblocking(io::stdin()) || stdio::is_nonblocking(io::stdout()) {
        true => Behavior::PreferTerm,
        false => Behavior::Stdio,
    }
}

#[cfg(windows)]
fn behavior() -> Behavior {
    Behavior::Stdio
}

/// The state of the editor thread.
struct Keys {
    sender: mpsc::Sender<Typed>,
    reading: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    state: PromptHandle,
    evaluation: jq::Interrupt,
    above: bool,
}

impl Keys {
    fn read_lines(&self, editor: &mut Editor<PromptHelper, DefaultHistory>) {
        let mut failed = false;
        loop {
            let typed = self.read_line(editor);
            // The editor also draws the remaining output, so it continues after the first failure.
            // A terminal that is gone fails again at once; both failures mean one request to quit.
            let fails = typed.is_none();
            if typed.as_ref().is_none_or(Typed::interrupts) {
                self.evaluation.set_key(true);
            }
            if fails && failed {
                return;
            }
            let sent = self.sender.blocking_send(typed.unwrap_or(Typed::End));
            if sent.is_err() || (fails && !self.above) {
                return;
            }
            failed = fails;
        }
    }

    /// The next input; `None` if the terminal gives no more lines.
    fn read_line(&self, editor: &mut Editor<PromptHelper, DefaultHistory>) -> Option<Typed> {
        self.reading.store(true, Ordering::SeqCst);
        let read = editor.readline(PROMPT);
        self.reading.store(false, Ordering::SeqCst);
        Some(match read {
            Ok(line) if self.interrupted.swap(false, Ordering::SeqCst) => {
                // The line is finished, and the next one is new.
                self.state.was_typed_before_prompt();
                Typed::Interrupt {
                    cancelled: !line.is_empty(),
                }
            }
            Ok(_) if self.ended.swap(false, Ordering::SeqCst) => Typed::End,
            Ok(line) => {
                let typed_before_prompt = self.state.was_typed_before_prompt();
                if typed_before_prompt || !self.state.is_asking() {
                    // History is optional, so errors are ignored.
                    let _ = editor.add_history_entry(&line);
                }
                match typed_before_prompt {
                    true => Typed::Begun,
                    false => Typed::Line(line),
                }
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupt { cancelled: false },
            Err(_) => return None,
        })
    }
}

fn above_the_line(
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
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        printer.print(text).map_err(io::Error::other)?;
        if bytes == LAST {
            // The printer holds one text: once it accepts this one, the editor has taken the
            // previous one. Everything it draws from now on comes after that, and this second text
            // gives it something to draw if it has drawn the first already.
            state.0.stopping.store(true, Ordering::SeqCst);
            let _ = printer.print(String::from_utf8_lossy(LAST).into_owned());
        }
        Ok(())
    })
}
