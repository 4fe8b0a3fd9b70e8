//! A Redis server of Debian's packages, as `.ci/peers` unpacks them: on a free port, with a file that
//! is synchronized after each write, so that it can be killed and started again. The unit tests of the
//! store share this file.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to begin.
const START: Duration = Duration::from_secs(20);

pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    options: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server with these options beside its own.
    #[track_caller]
    pub(crate) fn start(options: &[&str]) -> RedisServer {
        let mut server = RedisServer {
            port: free_port(),
            folder: tempfile::tempdir().unwrap(),
            options: options.iter().map(|&option| option.into()).collect(),
            child: None,
        };
        server.restart();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Kills the server, as SIGKILL does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again, with what its file holds.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = program("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always", "--dir"]);
        command.arg(self.folder.path()).args(&self.options);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.spawn().expect("run .ci/peers first"));
        let start = Instant::now();
        while !self.answers() {
            assert!(start.elapsed() < START, "redis-server does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Removes what it holds. It must not be running.
    pub(crate) fn erase(&mut self) {
        assert!(self.child.is_none());
        std::fs::remove_dir_all(self.folder.path().join("appendonlydir")).unwrap();
    }

    /// What `redis-cli` prints.
    #[track_caller]
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let mut command = program("redis-cli");
        command.args(["-p", &self.port.to_string()]).args(arguments);
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// It accepts connections before it has read its file. Until then there are no words or others.
    fn answers(&self) -> bool {
        let words = self.cli(&["ping"]);
        !words.is_empty() && !words.starts_with("LOADING")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program(name: &str) -> Command {
    let debian = peers().join("debian");
    let libraries = debian.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    let mut command = Command::new(debian.join("usr/bin").join(name));
    command.env("LD_LIBRARY_PATH", libraries);
    command
}

fn peers() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let peers = std::env::var_os("WIRECAT_PEERS").map_or(default, PathBuf::from);
    std::path::absolute(peers).unwrap()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
