//! The program in a terminal: what it writes is collected and shown, keys are typed into it.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use pty_process::blocking::{Command, Pts, Pty as Master, open};

use super::screen::{Look, Screen};
use super::{PATIENCE, WIRECAT, wait};

/// The size of a terminal that nobody has resized: rows and columns.
const SIZE: (u16, u16) = (24, 80);

struct Output {
    /// Everything written so far.
    bytes: Vec<u8>,
    /// Nobody can write any more.
    ended: bool,
    screen: Screen,
}

struct Shared {
    output: Mutex<Output>,
    changed: Condvar,
}

impl Shared {
    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap()
    }

    fn update(&self, update: impl FnOnce(&mut Output)) {
        update(&mut self.output());
        self.changed.notify_all();
    }
}

/// A terminal of 80 by 24 with the program in it.
pub(crate) struct Pty {
    /// Until it is closed.
    terminal: Option<Arc<Master>>,
    child: Child,
    shared: Arc<Shared>,
    /// The terminal's settings before the program.
    settings: Termios,
    /// Reads until the other end of the socket is closed.
    reader: Option<(UnixStream, JoinHandle<()>)>,
    /// Where its configuration and state would be: an empty home.
    _home: tempfile::TempDir,
}

impl Pty {
    /// Starts `wirecat` with these arguments; `TERM` is `xterm-256color`, colours are off.
    pub(crate) fn start(args: &[&str]) -> Pty {
        Pty::start_with(args, &[("TERM", "xterm-256color"), ("NO_COLOR", "1")])
    }

    pub(crate) fn start_with(args: &[&str], environment: &[(&str, &str)]) -> Pty {
        Pty::start_program(WIRECAT, args, environment)
    }

    /// Starts it with a URL at the end and waits for its prompt, or what stands for that with `--plain`.
    #[track_caller]
    pub(crate) fn prompt(args: &[&str], url: &str) -> Pty {
        let pty = Pty::start(&[args, &[url]].concat());
        let plain = args.contains(&"--plain");
        pty.expect(if plain { "Ctrl-D leaves." } else { "open> " });
        pty
    }

    /// The same in a terminal that does not block, as node and ssh may leave it behind.
    pub(crate) fn start_nonblocking(args: &[&str]) -> Pty {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};

        let (pty, pts) = open().unwrap();
        fcntl(&pts, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK)).unwrap();
        let environment = [("TERM", "xterm-256color"), ("NO_COLOR", "1")];
        Pty::start_in((pty, pts), WIRECAT, args, &environment)
    }

    /// Starts any program; one that wirecat runs in sees the terminal before and after it.
    pub(crate) fn start_program(program: &str, args: &[&str], environment: &[(&str, &str)]) -> Pty {
        Pty::start_in(open().unwrap(), program, args, environment)
    }

    fn start_in(
        (pty, pts): (Master, Pts),
        program: &str,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Pty {
        let (rows, columns) = SIZE;
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let settings = tcgetattr(&pts).unwrap();
        let mut command = Command::new(program).args(args);
        let home = tempfile::tempdir().unwrap();
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
            command = command.env(name, home.path());
        }
        // What is taller than the screen is printed.
        command = command.env("PAGER", "cat");
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).unwrap();
        let terminal = Arc::new(pty);
        let shared = Arc::new(Shared {
            output: Mutex::new(Output {
                bytes: Vec::new(),
                ended: false,
                screen: Screen::new(rows, columns),
            }),
            changed: Condvar::new(),
        });
        let (stop, stopped) = UnixStream::pair().unwrap();
        let reader = {
            let (terminal, shared) = (Arc::clone(&terminal), Arc::clone(&shared));
            thread::spawn(move || show(&terminal, &stopped, &shared))
        };
        Pty {
            terminal: Some(terminal),
            child,
            shared,
            settings,
            reader: Some((stop, reader)),
            _home: home,
        }
    }

    /// Types; Enter is `\r`, Ctrl-C `\x03`, Ctrl-D `\x04`.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.terminal().write_all(keys.as_bytes()).unwrap();
    }

    fn terminal(&self) -> &Master {
        self.terminal.as_deref().expect("the terminal is open")
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The memory that the program has now, in bytes.
    pub(crate) fn memory(&self) -> usize {
        super::memory(&self.child)
    }

    /// The most memory that the program has had, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        super::peak_memory(&self.child)
    }

    /// Everything written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shared.output().bytes.clone()
    }

    /// Waits until `text` has been written, anywhere.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str) {
        self.expect_after(0, text);
    }

    /// Waits until `text` has been written after so many bytes.
    #[track_caller]
    pub(crate) fn expect_after(&self, start: usize, text: &str) {
        self.expect_one_after(start, &[text]);
    }

    /// Waits until one of these has been written after so many bytes.
    #[track_caller]
    pub(crate) fn expect_one_after(&self, start: usize, texts: &[&str]) {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut from = start;
        let found = self.wait_for(|output| {
            let fresh = &output.bytes[from..];
            from = output.bytes.len().saturating_sub(longest).max(start);
            let mut found = texts
                .iter()
                .map(|text| memchr::memmem::find(fresh, text.as_bytes()));
            found.any(|at| at.is_some())
        });
        if !found {
            panic!("no {texts:?} in {}", end_of(&self.bytes()[start..]));
        }
    }

    /// What is on the screen now.
    pub(crate) fn look(&self) -> Look {
        self.shared.output().screen.look()
    }

    /// Waits until the screen is as wanted; `what` names that in the failure.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&Look) -> bool) -> Look {
        let mut look = self.look();
        let found = self.wait_for(|output| {
            look = output.screen.look();
            wanted(&look)
        });
        assert!(found, "not {what} on the screen:\n{}", look.text());
        look
    }

    /// Waits until a row of the screen holds `text`.
    #[track_caller]
    pub(crate) fn expect_row(&self, text: &str) -> Look {
        let holds = |look: &Look| look.rows.iter().any(|row| row.contains(text));
        self.until(&format!("a row with {text:?}"), holds)
    }

    /// Waits until this is typed on the line, with the cursor before its character `at`.
    #[track_caller]
    pub(crate) fn expect_line(&self, line: &str, at: usize) -> Look {
        self.until(&format!("the line {line:?} with {at} before it"), |look| {
            look.typed_line().as_deref() == Some(line) && look.typed_cursor() == Some(at)
        })
    }

    /// Whether `wanted` becomes true while the program runs and patience lasts.
    fn wait_for(&self, mut wanted: impl FnMut(&Output) -> bool) -> bool {
        let start = Instant::now();
        let mut output = self.shared.output();
        loop {
            if wanted(&output) {
                return true;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            if output.ended || left.is_zero() {
                return false;
            }
            output = self.shared.changed.wait_timeout(output, left).unwrap().0;
        }
    }

    /// Changes the size, of which the kernel tells the program.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        // First the model: what the program then writes is meant for the new size.
        self.shared
            .update(|output| output.screen.resize(rows, columns));
        let size = pty_process::Size::new(rows, columns);
        self.terminal().resize(size).unwrap();
    }

    /// The terminal's settings before the program was started.
    pub(crate) fn settings_before(&self) -> &Termios {
        &self.settings
    }

    /// The terminal's settings now.
    pub(crate) fn settings(&self) -> Termios {
        tcgetattr(self.terminal()).unwrap()
    }

    /// Gives the terminal these settings, as a shell does that has it again.
    pub(crate) fn set(&self, settings: &Termios) {
        tcsetattr(self.terminal(), SetArg::TCSANOW, settings).unwrap();
    }

    /// Waits until a signal has stopped the program.
    #[track_caller]
    pub(crate) fn until_stopped(&self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    }

    /// Closes the terminal, as the end of its window does.
    pub(crate) fn close_terminal(&mut self) {
        if let Some((stop, reader)) = self.reader.take() {
            drop(stop);
            reader.join().unwrap();
        }
        self.shared.update(|output| output.ended = true);
        self.terminal = None;
    }

    /// Waits for the program to end with this exit code, and gives everything that it wrote.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> String {
        let (status, written) = self.end();
        let written = String::from_utf8_lossy(&written).into_owned();
        assert_eq!(status.code(), Some(code), "{status:?} {written:?}");
        written
    }

    /// Waits for the program to end, and gives its status and everything that it wrote.
    #[track_caller]
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<u8>) {
        let status = self.status();
        (status, self.bytes())
    }

    /// Waits for the program to end, and until everything that it wrote is shown.
    #[track_caller]
    pub(crate) fn status(&mut self) -> ExitStatus {
        let status = wait(&mut self.child);
        let Some(status) = status else {
            panic!("the program hangs: {}", end_of(&self.bytes()));
        };
        self.wait_for(|output| output.ended);
        status
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of what was written, for a message.
fn end_of(written: &[u8]) -> String {
    let end = &written[written.len().saturating_sub(8 << 10)..];
    format!("{:?}", String::from_utf8_lossy(end))
}

/// Shows what the program writes, until `stopped` is closed at its other end, or nobody can write
/// any more: Linux ends a terminal that nobody holds with EIO.
fn show(mut terminal: &Master, stopped: &UnixStream, shared: &Shared) {
    let mut bytes = [0; 4096];
    loop {
        let readable = PollFlags::POLLIN;
        let mut polled = [
            PollFd::new(terminal.as_fd(), readable),
            PollFd::new(stopped.as_fd(), readable),
        ];
        let _ = poll(&mut polled, PollTimeout::NONE);
        if polled[1].any() == Some(true) {
            return;
        }
        let Ok(count @ 1..) = terminal.read(&mut bytes) else {
            return shared.update(|output| output.ended = true);
        };
        shared.update(|output| {
            output.bytes.extend_from_slice(&bytes[..count]);
            output.screen.write(&bytes[..count]);
        });
    }
}
