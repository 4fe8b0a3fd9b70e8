//! The terminal: how large it is, and its echo, which is off while a secret is typed.

#[cfg(unix)]
use std::fs::File;

#[cfg(unix)]
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Columns and rows of the terminal on stdout; `None` if it is none, or does not say.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (columns, rows) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some((usize::from(columns.0), usize::from(rows.0)))
}

/// Switches the echo off, and restores the terminal's state when dropped. rpassword would print its
/// question before it switches the echo off, which shows early keystrokes; and it restores nothing
/// if the program ends while it waits.
#[cfg(unix)]
pub(crate) struct EchoOff(Option<(File, Termios)>);

#[cfg(unix)]
impl EchoOff {
    pub(crate) fn new() -> Self {
        let silence = || {
            let terminal = File::open("/dev/tty").ok()?;
            let found = tcgetattr(&terminal).ok()?;
            let mut silent = found.clone();
            silent.local_flags.remove(LocalFlags::ECHO);
            tcsetattr(&terminal, SetArg::TCSANOW, &silent).ok()?;
            Some((terminal, found))
        };
        EchoOff(silence())
    }
}

#[cfg(unix)]
impl Drop for EchoOff {
    fn drop(&mut self) {
        if let Some((terminal, found)) = &self.0 {
            let _ = tcsetattr(terminal, SetArg::TCSANOW, found);
        }
    }
}

#[cfg(not(unix))]
pub(crate) struct EchoOff;

#[cfg(not(unix))]
impl EchoOff {
    pub(crate) fn new() -> Self {
        EchoOff
    }
}
