//! The front end for a person at a terminal: a prompt, incoming messages above the line being typed,
//! slash commands.
//!
//! What a line means is decided in [`mod@line`] and [`commands`], as an [`action`]. [`prompt`] obeys it,
//! [`screen`] is what the person sees, and [`view`] which part of the stream that is. [`work`] is what goes
//! on beside the line: variables, expectations, repeated messages, commands that are fed. [`editor`] holds
//! the threads. Nothing here may block the session's thread on a peer, a terminal or a pipe.

mod action;
mod again;
mod brackets;
mod changes;
pub mod commands;
mod complete;
mod confidential;
mod document;
mod editor;
mod ending;
mod feed;
mod files;
mod flood;
mod highlight;
mod history;
mod line;
mod lines;
mod options;
mod prompt;
mod repeat;
mod save;
mod screen;
mod timer;
mod variables;
pub mod view;
mod waiting;
mod watch;
mod words;
mod work;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::error::{Error, Exit};
use crate::event::Peer;
use crate::io::recorder::Recorder;
use crate::json::jq::Filter;
use crate::output::Renderer;
use crate::secret::Redactor;
use crate::session::connect::Plan;
use editor::Settings;
pub use options::{EditMode, Options};
pub use prompt::{Connector, Prompt};
use screen::Screen;
use work::{Handle, Work};

/// How long commands may take that were given the messages, once there are no more.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where events go: what is shown, and what waits for messages.
pub type Sinks = (screen::Shared, Handle);

/// A prompt for the connection that `plan` makes, and its screen; the run began at `start`.
/// `/record` drives the recorder.
///
/// # Errors
/// Exit 2 where `-o` is not going to be possible.
pub fn open(
    options: Options,
    until: Option<Filter>,
    plan: &Plan,
    connector: Connector,
    (renderer, recorder): (Renderer, Recorder),
    start: Instant,
) -> Result<(Prompt, Sinks), Error> {
    let shown = screen::Options {
        interrupt: options.interrupt.clone(),
        editing: Settings {
            color: options.color,
            plain: options.plain,
            complete: |line, words| complete::complete(line, words, &files::list),
            words: words(&options, renderer.options().peer, &plan.redactor),
            edit_mode: options.edit_mode,
            waits: commands::holds,
            is_command: commands::exists,
            history: options.history.clone(),
            host: plan.server(),
            redactor: plan.redactor.clone(),
            folder: options.temporary.clone(),
        },
        scrollback: options.scrollback,
    };
    let target = (plan.shown_url(), plan.redactor.clone());
    let file = options.output.as_deref();
    let screen = Screen::new(shown, file, target, renderer, start)?;
    let screen = Rc::new(RefCell::new(screen));
    let work = Work::new(&options.variables, &options.messages, &options.answers);
    let work = Rc::new(RefCell::new(work));
    let shared = (Rc::clone(&screen), Rc::clone(&work));
    let prompt = Prompt::new(options, until, shared, connector, (plan, recorder), start);
    Ok((prompt, (screen, Handle(work))))
}

/// What a line may be completed with at first.
fn words(options: &Options, peer: Peer, redactor: &Redactor) -> words::SharedWords {
    let messages = options.messages.clone().into_iter().collect();
    let mut words = words::Words::new(messages, options.profiles.clone());
    let variables = variables::Variables::new(&options.variables);
    let variables = variables.iter().map(|it| changes::described(it, redactor));
    words.set_variables(variables.collect());
    if peer == Peer::Client {
        words.have_clients();
    }
    Arc::new(RwLock::new(Arc::new(words)))
}

/// Shows what there is to show, gives the terminal back as it was, and waits until everything is
/// written.
///
/// # Errors
/// Exit 2 where the file of `-o` could not be written.
pub async fn finish(mut prompt: Prompt, (screen, _): Sinks, exit: Exit) -> Result<(), Error> {
    // A command that has read everything may only now say what it makes of it.
    let ended = tokio::time::timeout(LAST_WORDS, prompt.end_feeds()).await;
    if ended.is_err() {
        prompt.kill_pipe();
    }
    // It shares the screen.
    drop(prompt);
    match Rc::into_inner(screen) {
        Some(screen) => screen.into_inner().finish(exit).await,
        None => Ok(()),
    }
}
