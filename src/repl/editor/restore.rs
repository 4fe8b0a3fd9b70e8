//! Leaves the terminal as it was found. It must never wait for a terminal that accepts nothing.

#[cfg(unix)]
use std::io;
#[cfg(unix)]
use std::thread;
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

#[cfg(unix)]
use crate::io::stdio;
#[cfg(unix)]
use crate::output::style;

/// How long the terminal may take for the bytes that end line editing.
#[cfg(unix)]
const LAST_BYTES: Duration = Duration::from_millis(200);

/// The terminal's original state, to be restored on exit: the editor thread may still be in the
/// middle of a line when the program ends.
#[cfg(unix)]
pub(crate) struct Restore(Option<Termios>);

#[cfg(unix)]
impl Restore {
    /// Between two lines the editor restores the terminal. This keeps echo, signals and end-of-file
    /// keys off there, so that early keystrokes are treated like any others.
    pub(super) fn new() -> Self {
        let found = tcgetattr(io::stdin()).ok();
        if let Some(found) = &found {
            let mut quiet = found.clone();
            quiet
                .local_flags
                .remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
            let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &quiet);
        }
        Restore(found)
    }
}

#[cfg(unix)]
impl Drop for Restore {
    fn drop(&mut self) {
        let Some(found) = &self.0 else {
            return;
        };
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, found);
        // A terminal that accepts no output (Ctrl-S, or no reader) must not block the exit.
        let (done, written) = std::sync::mpsc::channel();
        thread::spawn(move || {
            stdio::print(stdio::stdout(), style::END_OF_EDITING);
            let _ = done.send(());
        });
        let _ = written.recv_timeout(LAST_BYTES);
    }
}

/// Windows restores the console of a process that ends.
#[cfg(windows)]
pub(crate) struct Restore;

#[cfg(windows)]
impl Restore {
    pub(super) fn new() -> Self {
        Restore
    }
}
