//! What the tests of a feature have in common: the program as a child process, servers that do
//! exactly what a test says, and a terminal.

#[cfg(target_os = "linux")]
pub(crate) mod components;
pub(crate) mod forward;
pub(crate) mod hostile;
pub(crate) mod http2;
pub(crate) mod killable;
pub(crate) mod ledger;
pub(crate) mod mixture;
pub(crate) mod played;
pub(crate) mod proxy;
pub(crate) mod pty;
#[cfg(target_os = "linux")]
pub(crate) mod redis;
pub(crate) mod screen;
pub(crate) mod scripts;
pub(crate) mod sequences;
pub(crate) mod server;
pub(crate) mod serving;
pub(crate) mod site;
pub(crate) mod tls;
pub(crate) mod transcript;
#[cfg(target_os = "linux")]
pub(crate) mod webdriver;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Only a test that fails waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program under test.
pub(crate) const WIRECAT: &str = env!("CARGO_BIN_EXE_wirecat");

/// One run of the program: `wirecat(["-d", "hi", url]).run()`.
pub(crate) struct Wirecat {
    command: Command,
    stdin: Stdin,
}

enum Stdin {
    Null,
    Bytes(Vec<u8>),
    File(File),
}

/// A command with these arguments, no stdin, and an environment without proxies or colours.
pub(crate) fn wirecat<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Wirecat {
    let mut command = Command::new(WIRECAT);
    command.args(args);
    for name in [
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSLKEYLOGFILE",
        "ws_proxy",
        "WS_PROXY",
        "wss_proxy",
        "WSS_PROXY",
        "http_proxy",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ] {
        command.env_remove(name);
    }
    // Without the configuration of whoever runs the tests.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    Wirecat {
        command,
        stdin: Stdin::Null,
    }
}

impl Wirecat {
    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Stdin::Bytes(bytes.as_ref().to_vec());
        self
    }

    /// A file's end is there as soon as its content is, unlike that of a pipe.
    pub(crate) fn stdin_file(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes.as_ref()).unwrap();
        file.rewind().unwrap();
        self.stdin = Stdin::File(file);
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it with all three streams piped (stdin stays open until dropped).
    pub(crate) fn spawn(mut self) -> Child {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(mut self) -> Output {
        let stdin = match &self.stdin {
            Stdin::Null => Stdio::null(),
            Stdin::Bytes(_) => Stdio::piped(),
            Stdin::File(file) => file.try_clone().expect("a file can be shared").into(),
        };
        let mut child = self
            .command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        if let Stdin::Bytes(bytes) = self.stdin {
            let mut pipe = child.stdin.take().expect("stdin is piped");
            // The program may end before it has read everything.
            thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        output(child)
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    /// The exit code; a death by signal fails the test.
    #[track_caller]
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The exit code must be this one.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(
            self.code(),
            code,
            "{}\nstdout: {}",
            self.stderr,
            self.stdout_text()
        );
        self
    }

    #[track_caller]
    pub(crate) fn prints(&self, stdout: impl AsRef<[u8]>) -> &Self {
        let expected = String::from_utf8_lossy(stdout.as_ref()).into_owned();
        assert_eq!(self.stdout_text(), expected, "stderr: {}", self.stderr);
        self
    }

    /// stderr must contain all of these.
    #[track_caller]
    pub(crate) fn complains(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no {word:?} in:\n{}",
                self.stderr
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn is_quiet(&self) -> &Self {
        assert_eq!(self.stderr, "");
        self
    }
}

/// Waits for a child, reading both streams; one that hangs is killed and fails the test.
#[track_caller]
pub(crate) fn output(child: Child) -> Output {
    output_within(PATIENCE, child)
}

/// The same for one that may take so long.
#[track_caller]
pub(crate) fn output_within(patience: Duration, mut child: Child) -> Output {
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let status = wait_within(patience, &mut child);
    let collect = |stream: Option<mpsc::Receiver<Vec<u8>>>| {
        stream.map_or_else(Vec::new, |stream| {
            stream.recv_timeout(PATIENCE).unwrap_or_default()
        })
    };
    let (stdout, stderr) = (collect(stdout), collect(stderr));
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let Some(status) = status else {
        panic!(
            "the program hangs; stdout: {:?}, stderr: {stderr}",
            String::from_utf8_lossy(&stdout)
        );
    };
    Output {
        status,
        stdout,
        stderr,
    }
}

/// A FIFO that nobody writes to, in a directory that goes when it is dropped.
pub(crate) fn fifo() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    make_fifo(&path);
    (directory, path)
}

pub(crate) fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// Waits until somebody reads the FIFO, and gives the end to write to.
pub(crate) fn reader_of(path: &Path) -> File {
    File::options().write(true).open(path).unwrap()
}

pub(crate) fn send(signal: Signal, child: &Child) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// The most memory a running child has had, in bytes, without the code that is mapped: that of a debug
/// build is large. 0 once it has ended.
pub(crate) fn peak_memory(child: &Child) -> usize {
    status_field(child, "VmHWM:").saturating_sub(status_field(child, "RssFile:"))
}

/// A size that Linux tells of a process, in bytes.
fn status_field(child: &Child, name: &str) -> usize {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) else {
        return 0;
    };
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1))
        .map_or(0, |kib| kib.parse::<usize>().unwrap() * 1024)
}

/// The memory that a running child has now, in bytes, without the code; 0 once it has ended.
pub(crate) fn memory(child: &Child) -> usize {
    status_field(child, "VmRSS:").saturating_sub(status_field(child, "RssFile:"))
}

/// Waits until the child ends, or kills it when patience does.
pub(crate) fn wait(child: &mut Child) -> Option<ExitStatus> {
    wait_within(PATIENCE, child)
}

fn wait_within(patience: Duration, child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn read_all(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}
