//! The terminal's modes: as they were found, quiet between two lines, and as found again for a program
//! that gets the terminal, and at the end. Unix; Windows restores the console of a process that ends.

#[cfg(unix)]
pub(crate) use unix::Restore;
#[cfg(unix)]
pub(super) use unix::{Modes, STOPPED, run_in_foreground};
#[cfg(windows)]
pub(crate) use windows::Restore;
#[cfg(windows)]
pub(super) use windows::{Modes, run_in_foreground};

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command, ExitStatus};
    use std::sync::atomic::{AtomicI32, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard};
    use std::thread;
    use std::time::Duration;

    use nix::sys::signal::{SigSet, Signal, killpg};
    use nix::sys::termios::{
        LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
    };
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

    use crate::io::stdio;
    use crate::output::style;
    use crate::repl::editor::stops::Stops;

    /// How long the terminal may take for the bytes that end line editing.
    const LAST_BYTES: Duration = Duration::from_millis(200);

    /// No key has this function (POSIX calls it `_POSIX_VDISABLE`).
    const DISABLED: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

    /// How often a program may be stopped because it used the terminal before it had it.
    const EARLY: usize = 16;

    /// The modes of the terminal, and the process group of the program that has it.
    #[derive(Clone)]
    pub(in crate::repl::editor) struct Modes {
        known: Arc<Mutex<Known>>,
        /// The group's number, or 0.
        group: Arc<AtomicI32>,
        pub(in crate::repl::editor) stops: Arc<Stops>,
    }

    struct Known {
        found: Option<Termios>,
        /// While a line is edited.
        editing: Option<Termios>,
        /// The terminal has been given back for good.
        over: bool,
    }

    impl Modes {
        /// The modes as they are now.
        pub(in crate::repl::editor) fn found() -> Self {
            let known = Known {
                found: tcgetattr(io::stdin()).ok(),
                editing: None,
                over: false,
            };
            Modes {
                known: Arc::new(Mutex::new(known)),
                group: Arc::default(),
                stops: Arc::default(),
            }
        }

        fn known(&self) -> MutexGuard<'_, Known> {
            self.known
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        /// Between two lines the editor restores the terminal. This keeps echo, signals and end-of-file
        /// keys off there, so that early keystrokes are treated like any others.
        pub(in crate::repl::editor) fn set_quiet(&self) {
            let known = self.known();
            if let (Some(found), false) = (&known.found, known.over) {
                let mut quiet = found.clone();
                quiet
                    .local_flags
                    .remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
                let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &quiet);
            }
        }

        pub(in crate::repl::editor) fn set_found(&self) {
            if let Some(found) = &self.known().found {
                let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, found);
            }
        }

        /// Notes the modes while a line is edited, the first time.
        pub(in crate::repl::editor) fn note_editing(&self) {
            let mut known = self.known();
            if known.editing.is_none() {
                known.editing = tcgetattr(io::stdin()).ok();
            }
        }

        /// Gives the terminal away as it was found, and writes `last` after that.
        pub(in crate::repl::editor) fn leave(&self, last: &[u8]) {
            let known = self.known();
            if let (Some(found), false) = (&known.found, known.over)
                && is_ours()
            {
                let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, found);
                write(last);
            }
        }

        /// Takes the terminal back for editing, and writes `first` after that. Returns whether the
        /// terminal is there to be taken.
        pub(in crate::repl::editor) fn enter(&self, first: &[u8]) -> bool {
            let known = self.known();
            match &known.editing {
                Some(editing) if !known.over && is_ours() => {
                    let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, editing);
                    write(first);
                    true
                }
                _ => false,
            }
        }

        /// The key that stops the process.
        pub(in crate::repl::editor) fn key_that_stops(&self) -> Option<char> {
            let known = self.known();
            let keys = &known.found.as_ref()?.control_chars;
            let key = keys[SpecialCharacterIndices::VSUSP as usize];
            (key != DISABLED).then(|| char::from(key))
        }
    }

    /// Whether this process is in the foreground: the terminal of another is left alone, also at the end.
    fn is_ours() -> bool {
        !matches!(tcgetpgrp(io::stdin()), Ok(group) if group != getpgrp())
    }

    /// A terminal that accepts no output (Ctrl-S, or no reader) must not block the exit.
    fn write(bytes: &[u8]) {
        let bytes = bytes.to_vec();
        let (done, written) = std::sync::mpsc::channel();
        thread::spawn(move || {
            stdio::print(stdio::stdout(), &bytes);
            let _ = done.send(());
        });
        let _ = written.recv_timeout(LAST_BYTES);
    }

    /// The terminal's original state, to be restored on exit: the editor thread may still be in the
    /// middle of a line, or another program may have the terminal, when the program ends.
    pub(crate) struct Restore(Modes);

    impl Restore {
        pub(in crate::repl::editor) fn new(modes: &Modes) -> Self {
            modes.set_quiet();
            Restore(modes.clone())
        }
    }

    impl Drop for Restore {
        fn drop(&mut self) {
            let _quietly = Background::new();
            let group = self.0.group.load(Ordering::SeqCst);
            if group != 0 {
                end_group(Pid::from_raw(group));
                let _ = tcsetpgrp(io::stdin(), getpgrp());
            }
            self.0.leave(style::END_OF_EDITING);
            self.0.known().over = true;
        }
    }

    /// A program that loses its terminal gets SIGHUP, and is continued if it was stopped.
    fn end_group(group: Pid) {
        let _ = killpg(group, Signal::SIGHUP);
        let _ = killpg(group, Signal::SIGCONT);
    }

    /// While it lives, this thread may set the terminal's modes and give it away from the background,
    /// which stops the process otherwise.
    struct Background(SigSet);

    impl Background {
        fn new() -> Self {
            let mut set = SigSet::empty();
            set.add(Signal::SIGTTOU);
            let _ = set.thread_block();
            Background(set)
        }
    }

    impl Drop for Background {
        fn drop(&mut self) {
            let _ = self.0.thread_unblock();
        }
    }

    /// The beginning of a command for the shell, which stops itself before it does anything: it must not
    /// use the terminal before it has it, and keys that interrupt must not reach us meanwhile.
    pub(in crate::repl::editor) const STOPPED: &str = "kill -STOP $$\n";

    /// Runs a command in the foreground of the terminal and waits for its end: keys that interrupt or
    /// stop reach it and not us. It begins with [`STOPPED`]. Where it is stopped later, we are stopped with
    /// it, so that the shell has the terminal, and `fg` continues both. `feed` writes what it reads.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(in crate::repl::editor) fn run_in_foreground(
        command: &mut Command,
        modes: &Modes,
        feed: impl FnOnce(&mut Child),
    ) -> io::Result<ExitStatus> {
        let _quietly = Background::new();
        let ours = tcgetpgrp(io::stdin());
        let mut child = command.process_group(0).spawn()?;
        let pid = Pid::from_raw(child.id().cast_signed());
        modes.group.store(pid.as_raw(), Ordering::SeqCst);
        feed(&mut child);
        let ended = wait(pid, modes, &ours);
        modes.group.store(0, Ordering::SeqCst);
        take_terminal(&ours);
        ended
    }

    fn give_terminal(group: Pid, modes: &Modes) {
        let _ = tcsetpgrp(io::stdin(), group);
        modes.set_found();
        let _ = killpg(group, Signal::SIGCONT);
    }

    fn take_terminal(ours: &nix::Result<Pid>) {
        if let Ok(ours) = ours {
            let _ = tcsetpgrp(io::stdin(), *ours);
        }
    }

    fn wait(pid: Pid, modes: &Modes, ours: &nix::Result<Pid>) -> io::Result<ExitStatus> {
        let (mut begun, mut early) = (false, 0);
        loop {
            match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(ExitStatus::from_raw(code << 8)),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return Ok(ExitStatus::from_raw(signal as i32));
                }
                Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) if !begun => {
                    begun = true;
                    give_terminal(pid, modes);
                }
                // It went on before `fg` had given us the terminal.
                Ok(WaitStatus::Stopped(_, Signal::SIGTTIN | Signal::SIGTTOU)) if early < EARLY => {
                    early += 1;
                    give_terminal(pid, modes);
                }
                Ok(WaitStatus::Stopped(..)) => {
                    stop_with_it(modes, ours);
                    give_terminal(pid, modes);
                }
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Stops our own process group. Where nobody could continue it, the program goes on at once.
    fn stop_with_it(modes: &Modes, ours: &nix::Result<Pid>) {
        take_terminal(ours);
        modes.set_found();
        modes.stops.stop();
    }
}

#[cfg(windows)]
mod windows {
    use std::io;
    use std::process::{Child, Command, ExitStatus};

    /// Nothing to remember.
    #[derive(Clone)]
    pub(in crate::repl::editor) struct Modes;

    impl Modes {
        pub(in crate::repl::editor) fn found() -> Self {
            Modes
        }

        pub(in crate::repl::editor) fn set_quiet(&self) {}

        pub(in crate::repl::editor) fn set_found(&self) {}

        pub(in crate::repl::editor) fn note_editing(&self) {}
    }

    pub(crate) struct Restore;

    impl Restore {
        pub(in crate::repl::editor) fn new(_: &Modes) -> Self {
            Restore
        }
    }

    /// Runs a command on this console and waits for its end. `feed` writes what it reads.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(in crate::repl::editor) fn run_in_foreground(
        command: &mut Command,
        _: &Modes,
        feed: impl FnOnce(&mut Child),
    ) -> io::Result<ExitStatus> {
        let mut child = command.spawn()?;
        feed(&mut child);
        child.wait()
    }
}
