//! Real servers and proxies, as `.ci/peers` unpacks them from Debian's packages. Each runs in the
//! foreground, on a free port, with a configuration of `tests/components/`, which
//! `docs/tls-and-proxies.md` shows too. Nothing is read from the machine's own configuration.

pub(crate) mod chromedriver;
pub(crate) mod codex;
pub(crate) mod dante;
pub(crate) mod haproxy;
pub(crate) mod http2;
pub(crate) mod nats;
pub(crate) mod nginx;
pub(crate) mod python;
pub(crate) mod rabbitmq;
pub(crate) mod squid;
pub(crate) mod sshd;
pub(crate) mod tinyproxy;

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::PATIENCE;
use super::tls::{Authority, leaf, valid};
use crate::peers::peers;

/// A running program.
pub(crate) struct Component {
    pub(crate) port: u16,
    // Ends before its folder goes.
    _running: Running,
    /// Its configuration and its log.
    _folder: TempDir,
}

impl Component {
    /// Starts what `command` makes of its folder and a free port, and waits until it answers there.
    #[track_caller]
    fn start(folder: TempDir, command: impl Fn(&Path, u16) -> Command) -> Component {
        Component::start_within(PATIENCE, folder, command)
    }

    /// The same for one that may take so long to start.
    #[track_caller]
    fn start_within(
        patience: Duration,
        folder: TempDir,
        command: impl Fn(&Path, u16) -> Command,
    ) -> Component {
        let log = folder.path().join("log");
        // Another process may take the port in the meantime.
        for _ in 0..5 {
            let port = free_port();
            let mut running = Running::start(command(folder.path(), port), &log);
            if running.answers(patience, || TcpStream::connect(("127.0.0.1", port)).is_ok()) {
                return Component {
                    port,
                    _running: running,
                    _folder: folder,
                };
            }
        }
        panic!("{}", std::fs::read_to_string(&log).unwrap());
    }

    /// Starts a program, and waits until it answers at this Unix socket. It has no port.
    #[track_caller]
    fn at_socket(folder: TempDir, command: Command, socket: &Path) -> Component {
        let log = folder.path().join("log");
        let mut running = Running::start(command, &log);
        let answers = running.answers(PATIENCE, || UnixStream::connect(socket).is_ok());
        assert!(answers, "{}", std::fs::read_to_string(&log).unwrap());
        Component {
            port: 0,
            _running: running,
            _folder: folder,
        }
    }
}

/// A process and its children, which are killed when it is dropped.
struct Running(Child);

impl Running {
    /// Starts a program, which writes to this log.
    #[track_caller]
    fn start(mut command: Command, log: &Path) -> Running {
        let file = File::create(log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("{command:?}: {error}; run .ci/peers first"));
        Running(child)
    }

    /// Waits until connections are accepted; false where the program has ended before.
    fn answers(&mut self, patience: Duration, accepts: impl Fn() -> bool) -> bool {
        let start = Instant::now();
        while start.elapsed() < patience && self.0.try_wait().unwrap().is_none() {
            if accepts() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its children first go as it wishes, and then in any case. Each may fail only because it
        // has ended already.
        let process = Pid::from_raw(self.0.id().cast_signed());
        let _ = kill(process, Signal::SIGTERM);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(500) && matches!(self.0.try_wait(), Ok(None))
        {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = killpg(process, Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// A port below those that the system gives to others, so that no other test has it.
fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Test runs at the same time begin at different places.
    let start = std::process::id().wrapping_mul(101) % u32::from(COUNT);
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start as u16).wrapping_add(tried) % COUNT;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// Where `.ci/peers` unpacked the servers and proxies of Debian.
fn debian() -> PathBuf {
    unpacked("debian")
}

/// Where `.ci/peers` unpacked packages of Debian.
fn unpacked(directory: &str) -> PathBuf {
    std::path::absolute(peers().join(directory)).unwrap()
}

/// A program of Debian's packages, which finds its libraries among them.
fn program(path: &str) -> Command {
    let mut command = Command::new(debian().join(path));
    command.env_clear().env("LD_LIBRARY_PATH", libraries());
    command
}

fn libraries() -> PathBuf {
    libraries_in(&debian())
}

/// The libraries among unpacked packages.
fn libraries_in(folder: &Path) -> PathBuf {
    folder.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))
}

/// A file of `tests/components/`, with what a test needs in place of what the documentation shows.
#[track_caller]
fn configuration(name: &str, places: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/components")
        .join(name);
    let mut text = std::fs::read_to_string(path).unwrap();
    for (shown, here) in places {
        assert!(text.contains(shown), "{name} has no {shown:?}");
        text = text.replace(shown, here);
    }
    text
}

/// Writes into a folder, and returns the path as text.
fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Writes NAME.pem and NAME.key: a certificate for this name, and its key.
fn certify(folder: &Path, authority: &Authority, name: &str) -> (String, String) {
    let (certificate, key) = leaf(&[name], valid, &authority.issuer);
    let certificate = write(folder, &format!("{name}.pem"), &certificate.pem());
    let key = write(folder, &format!("{name}.key"), &key.serialize_pem());
    (certificate, key)
}
