//! The line editor in its own thread, and the printer that writes above the line being typed.
//!
//! rustyline blocks, and its printer blocks until the editor has taken the text, so neither may run
//! on the session's thread. The editor thread only reads lines, passes them on, and gives the terminal
//! to another program when the prompt says so.

mod bindings;
mod helper;
mod history;
mod job;
#[cfg(unix)]
mod job_control;
mod keys;
mod lines;
mod note;
mod plain;
mod printer;
mod protocol;
mod state;
#[cfg(unix)]
mod stops;
mod terminal;

#[cfg(unix)]
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use rustyline::{Behavior, ColorMode, CompletionType, Config, EditMode, Editor};
use tokio::sync::mpsc;

use super::options;
use super::words::SharedWords;
use crate::io::writer::Sink;
use crate::json::jq;
use crate::secret::Redactor;
pub(crate) use helper::Complete;
use helper::PromptHelper;
use job::{CurrentDraft, RemoveDraft};
use keys::Keys;
use lines::SharedDocument;
use note::Note;
pub(crate) use printer::LAST;
pub(crate) use protocol::{Job, JobOutcome, Next, Typed};
pub(crate) use state::{PromptHandle, PromptState};
use terminal::Modes;
pub(crate) use terminal::Restore;

/// Typed or pasted lines that may wait for the session; beyond that, the terminal waits.
const TYPED_AHEAD: usize = 1024;

/// How long after Escape a key belongs to it, in milliseconds: longer than a slow connection needs for
/// the bytes of one key, shorter than a person needs for two.
const ESCAPE: u16 = 50;

/// How lines are edited.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) color: bool,
    /// Nothing is redrawn, and the terminal itself edits the line.
    pub(crate) plain: bool,
    pub(crate) complete: Complete,
    pub(crate) edit_mode: options::EditMode,
    /// What it is completed with.
    pub(crate) words: SharedWords,
    /// Whether there is a command of this name.
    pub(crate) is_command: fn(&str) -> bool,
    /// Whether the editor waits for a [`Next`] after this line.
    pub(crate) waits: fn(&str) -> bool,
    /// The file of the history.
    pub(crate) history: Option<PathBuf>,
    /// The host whose history is shown.
    pub(crate) host: String,
    /// What must not be in the history.
    pub(crate) redactor: Redactor,
    /// Where the file of an edited text is made.
    pub(crate) folder: PathBuf,
}

/// A running editor.
pub(crate) struct RunningEditor {
    pub(crate) typed: mpsc::Receiver<Typed>,
    /// What the editor does next, where it [waits](Typed::waits) for that.
    pub(crate) next: std::sync::mpsc::Sender<Next>,
    pub(crate) sink: Sink,
    pub(crate) state: PromptHandle,
    /// Writes output above the line being typed; without it, output is written at the cursor.
    pub(crate) restore: Option<Restore>,
    /// Leaves no file behind.
    _draft: RemoveDraft,
}

/// Starts to read lines. Input that is meant to interrupt raises `evaluation` at once, because the
/// loop receives nothing while it evaluates an expression. With `plain`, or if the terminal does not
/// support line editing (`TERM=dumb`), lines are read as the terminal gives them, and output is written
/// between them.
///
/// # Errors
/// If there is no terminal at all.
pub(crate) fn start(
    settings: Settings,
    evaluation: &jq::Interrupt,
) -> rustyline::Result<RunningEditor> {
    let state = PromptHandle::default();
    state.set_server(&settings.host, &settings.redactor);
    let note = Note::default();
    let modes = Modes::found();
    let document = SharedDocument::default();
    let mut editor = editor(&settings, &note, &state, &modes, &document)?;
    let reading = Arc::new(AtomicBool::new(false));
    let printer = (!settings.plain).then(|| editor.create_external_printer());
    let (sink, above) = match printer {
        Some(Ok(printer)) => {
            let reading = Arc::clone(&reading);
            (
                printer::above_the_line(printer, reading, state.clone()),
                true,
            )
        }
        _ => (printer::at_the_cursor(state.clone())?, false),
    };
    let restore = above.then(|| Restore::new(&modes));
    #[cfg(unix)]
    if above {
        job_control::watch(&mut editor, &modes, &state);
    }
    let (sender, typed) = mpsc::channel(TYPED_AHEAD);
    let (next_sender, next) = std::sync::mpsc::channel();
    let draft = CurrentDraft::default();
    let keys = Keys {
        sender,
        next,
        reading,
        note,
        document,
        state: state.clone(),
        evaluation: evaluation.clone(),
        waits: settings.waits,
        modes,
        folder: settings.folder,
        draft: draft.clone(),
        above,
    };
    thread::spawn(move || keys.run_editor(&mut editor));
    Ok(RunningEditor {
        typed,
        next: next_sender,
        sink,
        state,
        restore,
        _draft: RemoveDraft(draft),
    })
}

fn editor(
    settings: &Settings,
    note: &Note,
    state: &PromptHandle,
    modes: &Modes,
    document: &SharedDocument,
) -> rustyline::Result<Editor<PromptHelper, history::Typed>> {
    let config = Config::builder()
        // wirecat decides on colour itself; the editor must ask for the prompt in any case.
        .color_mode(ColorMode::Forced)
        // As in a shell: the common prefix is inserted, and a second Tab shows the candidates.
        .completion_type(CompletionType::List)
        .behavior(behavior());
    let config = match settings.edit_mode {
        options::EditMode::Emacs => config.edit_mode(EditMode::Emacs),
        // This sets a time of its own.
        options::EditMode::Vi => config.edit_mode(EditMode::Vi).keyseq_timeout(Some(ESCAPE)),
    };
    let history = history::Typed::new(settings.history.clone(), state.clone());
    let config = config.build();
    let mut editor = Editor::with_history(config.clone(), history)?;
    editor.set_helper(Some(PromptHelper {
        complete: settings.complete,
        words: Arc::clone(&settings.words),
        is_command: settings.is_command,
        state: state.clone(),
        color: settings.color,
        graphemes: config.grapheme_cluster_mode(),
        modes: modes.clone(),
        document: document.clone(),
    }));
    bindings::bind(&mut editor, note, state, document);
    lines::bind(&mut editor, note, state, document);
    Ok(editor)
}

/// The editor neither waits for a non-blocking terminal nor distinguishes it from one that is gone,
/// so it opens the terminal anew, without the flag.
#[cfg(unix)]
fn behavior() -> Behavior {
    use crate::io::stdio;

    match stdio::is_nonblocking(io::stdin()) || stdio::is_nonblocking(io::stdout()) {
        true => Behavior::PreferTerm,
        false => Behavior::Stdio,
    }
}

#[cfg(windows)]
fn behavior() -> Behavior {
    Behavior::Stdio
}
