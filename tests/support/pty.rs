//! The program in a terminal: what it writes is collected, keys are typed into it.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::{PATIENCE, WIRECAT, wait};

#[derive(Default)]
struct Screen {
    bytes: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

/// A terminal of 80 by 24 with the program in it.
pub(crate) struct Pty {
    keys: std::fs::File,
    child: Child,
    screen: Arc<Screen>,
}

impl Pty {
    /// Starts `wirecat` with these arguments; `TERM` is `xterm-256color`, colours are off.
    pub(crate) fn start(args: &[&str]) -> Pty {
        Pty::start_with(args, &[("TERM", "xterm-256color"), ("NO_COLOR", "1")])
    }

    pub(crate) fn start_with(args: &[&str], environment: &[(&str, &str)]) -> Pty {
        Pty::start_program(WIRECAT, args, environment)
    }

    /// Starts it with a URL at the end and waits for its prompt.
    #[track_caller]
    pub(crate) fn prompt(args: &[&str], url: &str) -> Pty {
        let pty = Pty::start(&[args, &[url]].concat());
        pty.expect("open> ");
        pty
    }

    /// The same in a terminal that does not block, as node and ssh may leave it behind.
    pub(crate) fn start_nonblocking(args: &[&str]) -> Pty {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};

        let (pty, pts) = pty_process::blocking::open().unwrap();
        fcntl(&pts, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK)).unwrap();
        let environment = [("TERM", "xterm-256color"), ("NO_COLOR", "1")];
        Pty::start_in((pty, pts), WIRECAT, args, &environment)
    }

    /// Starts any program; one that wirecat runs in sees the terminal before and after it.
    pub(crate) fn start_program(program: &str, args: &[&str], environment: &[(&str, &str)]) -> Pty {
        Pty::start_in(
            pty_process::blocking::open().unwrap(),
            program,
            args,
            environment,
        )
    }

    fn start_in(
        (pty, pts): (pty_process::blocking::Pty, pty_process::blocking::Pts),
        program: &str,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Pty {
        pty.resize(pty_process::Size::new(24, 80)).unwrap();
        let mut command = pty_process::blocking::Command::new(program).args(args);
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).unwrap();
        let keys = std::fs::File::from(OwnedFd::from(pty));
        let mut output = keys.try_clone().unwrap();
        let screen = Arc::<Screen>::default();
        let theirs = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Linux ends a terminal that nobody holds with EIO.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                theirs
                    .bytes
                    .lock()
                    .unwrap()
                    .0
                    .extend_from_slice(&bytes[..count]);
                theirs.changed.notify_all();
            }
            theirs.bytes.lock().unwrap().1 = true;
            theirs.changed.notify_all();
        });
        Pty {
            keys,
            child,
            screen,
        }
    }

    /// Types; Enter is `\r`, Ctrl-C `\x03`, Ctrl-D `\x04`.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.screen.bytes.lock().unwrap().0.clone()
    }

    /// Waits until `text` has been written, anywhere.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str) {
        let start = Instant::now();
        let mut bytes = self.screen.bytes.lock().unwrap();
        loop {
            if memchr::memmem::find(&bytes.0, text.as_bytes()).is_some() {
                return;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            if bytes.1 || left.is_zero() {
                panic!("no {text:?} in {:?}", String::from_utf8_lossy(&bytes.0));
            }
            bytes = self.screen.changed.wait_timeout(bytes, left).unwrap().0;
        }
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
        let status = wait(&mut self.child);
        let written = self.bytes();
        let Some(status) = status else {
            panic!("the program hangs: {:?}", String::from_utf8_lossy(&written));
        };
        let start = Instant::now();
        let mut bytes = self.screen.bytes.lock().unwrap();
        while !bytes.1 && start.elapsed() < PATIENCE {
            bytes = self.screen.changed.wait_timeout(bytes, PATIENCE).unwrap().0;
        }
        (status, bytes.0.clone())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
