//! A server in a process of its own that can be killed, frozen, thawed, and started again on the
//! same port.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::{Domain, Socket, Type};

/// A running server; dropping it kills and reaps it.
pub(crate) struct Killable {
    command: Box<dyn Fn(u16) -> Command + Send>,
    port: u16,
    child: Child,
    /// Kept open, for the server may write to it at any time.
    _stdout: BufReader<ChildStdout>,
    held: Option<Socket>,
}

impl Killable {
    /// Starts the command for port 0, which is to listen on a free port of 127.0.0.1 and to say so in
    /// its first line: `listening PORT` or `listening on ws://ADDRESS:PORT`. It accepts when this
    /// returns. Its stdin stays open for as long as it lives.
    #[track_caller]
    pub(crate) fn start(command: impl Fn(u16) -> Command + Send + 'static) -> Killable {
        let (child, stdout, port) = spawn(&mut command(0));
        Killable {
            command: Box::new(command),
            port,
            child,
            _stdout: stdout,
            held: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address())
    }

    /// SIGKILL. When this returns, connections are refused.
    pub(crate) fn kill(&mut self) {
        // Either may fail only because it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.held = hold(self.address());
    }

    /// Kills what still runs, and starts the command for the same port as before.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.kill();
        let held = self.held.take().filter(|_| cfg!(target_os = "linux"));
        let (child, stdout, port) = spawn(&mut (self.command)(self.port));
        drop(held);
        assert_eq!(port, self.port);
        (self.child, self._stdout) = (child, stdout);
    }

    /// SIGSTOP: its kernel goes on accepting connections and taking bytes, and the server does nothing.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT: it goes on where it was frozen.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps everybody from taking the port who does not ask for it by number. Linux lets a server with
/// SO_REUSEADDR listen there nevertheless.
fn hold(address: SocketAddr) -> Option<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.set_reuse_address(true).ok()?;
    socket.bind(&address.into()).ok()?;
    Some(socket)
}

#[track_caller]
fn spawn(command: &mut Command) -> (Child, BufReader<ChildStdout>, u16) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}; if this is a peer, run .ci/peers first"));
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let _ = stdout.read_line(&mut line);
    let Some(port) = announced(&line) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{command:?} did not start: {line:?}");
    };
    (child, stdout, port)
}

fn announced(line: &str) -> Option<u16> {
    let place = line.strip_prefix("listening ")?;
    place.trim_end().rsplit(':').next()?.parse().ok()
}
