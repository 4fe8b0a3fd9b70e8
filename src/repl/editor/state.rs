//! What the editor thread and the prompt share at any time: the prompt that is shown, whether a
//! secret is typed, whether another program has the terminal. It draws nothing.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::thread;

use tokio::sync::oneshot;

use crate::secret::Redactor;

/// Every prompt has this width, so that it can change while a line is being typed.
pub(super) const PROMPT: &str = "open> ";
/// The prompt of further lines of a message that is longer than the screen: they stand where those before
/// them do.
pub(super) const FURTHER: &str = "";
const CONNECTING: &str = "dial> ";
const DOWN: &str = "down> ";
const CLOSING: &str = "wait> ";
const ASKING: &str = "pass> ";

/// The connection state that the prompt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromptState {
    Open,
    Connecting,
    /// A Close of ours was sent, or is about to be.
    Closing,
    /// There is no connection: the seconds until the next attempt.
    Down(u64),
    /// This end is the server, and so many clients are connected.
    Clients(usize),
}

/// The most seconds that fit into the prompt.
const MOST_SECONDS: u8 = 99;

/// The most clients that fit into the prompt.
const MOST_CLIENTS: u8 = 99;

/// The code of no clients; those of more follow.
const NO_CLIENTS: u8 = 4 + MOST_SECONDS;

/// The prompts with the number of clients, from 0 to [`MOST_CLIENTS`], and then for more: `cl 2> `.
static CLIENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let counts = (0..=MOST_CLIENTS).map(|n| format!("cl{n:>2}> "));
    counts.chain(["cl++> ".to_owned()]).collect()
});

/// The prompts with seconds, from 0 to [`MOST_SECONDS`]: `dn12> `.
static SECONDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let seconds = 0..=MOST_SECONDS;
    seconds.map(|n| format!("dn{n:>2}> ")).collect()
});

impl PromptState {
    /// A number for it.
    fn code(self) -> u8 {
        match self {
            PromptState::Open => 0,
            PromptState::Connecting => 1,
            PromptState::Closing => 2,
            PromptState::Down(seconds) => match u8::try_from(seconds) {
                Ok(seconds @ 1..=MOST_SECONDS) => 3 + seconds,
                _ => 3,
            },
            PromptState::Clients(count) => {
                let count = u8::try_from(count).unwrap_or(u8::MAX);
                NO_CLIENTS + count.min(MOST_CLIENTS + 1)
            }
        }
    }
}

/// The prompt for the state with this number.
fn prompt(code: u8) -> &'static str {
    match code {
        0 => PROMPT,
        1 => CONNECTING,
        2 => CLOSING,
        3 => DOWN,
        NO_CLIENTS.. => CLIENTS
            .get(usize::from(code - NO_CLIENTS))
            .map_or(PROMPT, |it| it),
        code => SECONDS.get(usize::from(code - 3)).map_or(DOWN, |it| it),
    }
}

/// The state of the prompt.
#[derive(Clone, Debug, Default)]
pub(crate) struct PromptHandle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The [`PromptState::code`] of what is shown.
    shown: AtomicU8,
    /// The input is a secret.
    asking: AtomicBool,
    /// The line has been drawn since the question was asked.
    drawn: AtomicBool,
    /// The text of the line that was begun before the question, as it was then.
    begun: Mutex<String>,
    /// Another program has the terminal.
    away: AtomicBool,
    /// Text is on its way to the terminal.
    printing: AtomicBool,
    /// The history is that of all hosts.
    wide: AtomicBool,
    /// A note about that which has not been shown.
    wide_changed: AtomicBool,
    /// The host whose history it is otherwise.
    host: Mutex<Arc<str>>,
    /// What must not be in the history: the secrets of each server.
    redactors: Mutex<Vec<Redactor>>,
    /// The editor must stop drawing.
    stopping: AtomicBool,
    /// Notified when the editor has stopped drawing.
    waiting: Mutex<Option<oneshot::Sender<()>>>,
}

impl PromptHandle {
    /// Sets the prompt. Returns whether it changed.
    pub(crate) fn show(&self, shown: PromptState) -> bool {
        self.0.shown.swap(shown.code(), Ordering::Relaxed) != shown.code()
    }

    /// Sets whether the input is a secret, which is not shown.
    pub(crate) fn set_asking(&self, asking: bool) {
        self.0.drawn.store(false, Ordering::SeqCst);
        lock(&self.0.begun).clear();
        self.0.asking.store(asking, Ordering::SeqCst);
    }

    /// Called when the line is drawn. Its text at the first draw after a question was not typed in answer
    /// to it.
    pub(super) fn on_draw(&self, text: impl FnOnce() -> String) {
        if self.is_asking() && !self.0.drawn.swap(true, Ordering::SeqCst) {
            *lock(&self.0.begun) = text();
        }
    }

    /// What was typed of the finished line before the question, if it was begun then; for the next line
    /// that is nothing.
    pub(super) fn take_begun(&self) -> Option<String> {
        let begun = std::mem::take(&mut *lock(&self.0.begun));
        (self.is_asking() && !begun.is_empty()).then_some(begun)
    }

    pub(super) fn is_asking(&self) -> bool {
        self.0.asking.load(Ordering::SeqCst)
    }

    /// Whether another program has the terminal: nothing must be written to it meanwhile.
    pub(crate) fn is_away(&self) -> bool {
        self.0.away.load(Ordering::SeqCst)
    }

    pub(super) fn set_away(&self, away: bool) {
        self.0.away.store(away, Ordering::SeqCst);
    }

    pub(super) fn is_printing(&self) -> bool {
        self.0.printing.load(Ordering::SeqCst)
    }

    /// Returns false where another program has the terminal. The thread that gives the terminal away checks
    /// afterwards whether something is printing, so one of the two sees the other.
    pub(super) fn start_printing(&self) -> bool {
        self.0.printing.store(true, Ordering::SeqCst);
        if self.is_away() {
            self.stop_printing();
            return false;
        }
        true
    }

    pub(super) fn stop_printing(&self) {
        self.0.printing.store(false, Ordering::SeqCst);
    }

    /// Sets the host whose history is shown from the next line on, and adds the secrets of its server.
    pub(crate) fn set_server(&self, host: &str, redactor: &Redactor) {
        *lock(&self.0.host) = Arc::from(host);
        lock(&self.0.redactors).push(redactor.clone());
    }

    /// Whether a line holds a secret that was given to us. It need not be one that is redacted.
    pub(super) fn holds_secret(&self, line: &str) -> bool {
        let redactors = lock(&self.0.redactors);
        redactors.iter().any(|it| it.finds_in(line))
    }

    pub(super) fn host(&self) -> Arc<str> {
        Arc::clone(&lock(&self.0.host))
    }

    pub(super) fn is_wide(&self) -> bool {
        self.0.wide.load(Ordering::SeqCst)
    }

    /// Switches between the history of this host and that of all hosts.
    pub(super) fn switch_wide(&self) {
        self.0.wide.fetch_xor(true, Ordering::SeqCst);
        self.0.wide_changed.store(true, Ordering::SeqCst);
    }

    /// Whether that has been switched, and nobody has said so.
    pub(super) fn take_wide_changed(&self) -> bool {
        self.0.wide_changed.swap(false, Ordering::SeqCst)
    }

    /// From now on the editor stops as soon as it draws.
    pub(super) fn stop_drawing(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
    }

    /// Resolves when the editor has drawn everything before [`LAST`] and draws no more.
    pub(crate) fn stopped(&self) -> oneshot::Receiver<()> {
        let (sender, stopped) = oneshot::channel();
        *self.waiting() = Some(sender);
        stopped
    }

    fn waiting(&self) -> MutexGuard<'_, Option<oneshot::Sender<()>>> {
        lock(&self.0.waiting)
    }

    /// The prompt. It does not return once drawing has stopped, because a line that is drawn while
    /// the terminal is restored would stay on it.
    pub(super) fn line_prompt(&self) -> &'static str {
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
        prompt(self.0.shown.load(Ordering::Relaxed))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_has_the_same_width() {
        let handle = PromptHandle::default();
        for (state, prompt) in [
            (PromptState::Open, "open> "),
            (PromptState::Connecting, "dial> "),
            (PromptState::Closing, "wait> "),
            (PromptState::Down(0), "down> "),
            (PromptState::Down(1), "dn 1> "),
            (PromptState::Down(99), "dn99> "),
            (PromptState::Down(100), "down> "),
            (PromptState::Down(u64::MAX), "down> "),
            (PromptState::Clients(0), "cl 0> "),
            (PromptState::Clients(99), "cl99> "),
            (PromptState::Clients(100), "cl++> "),
            (PromptState::Clients(usize::MAX), "cl++> "),
        ] {
            handle.show(state);
            assert_eq!(handle.line_prompt(), prompt);
            assert_eq!(prompt.len(), PROMPT.len());
            assert!(!handle.show(state));
        }
    }
}
