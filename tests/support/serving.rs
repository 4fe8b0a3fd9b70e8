//! `wirecat serve` as a program of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command};

use super::{Output, Wirecat, output, wirecat};

/// A server that runs until it is told to end, or dropped.
pub(crate) struct Serving {
    child: Option<Child>,
    /// What it listens on, as it says.
    pub(crate) urls: Vec<String>,
    _stdout: BufReader<ChildStdout>,
}

impl Serving {
    /// Starts `wirecat serve` with these options, which listens once.
    #[track_caller]
    pub(crate) fn start(options: &[&str]) -> Serving {
        Serving::listening(options, 1)
    }

    /// The same, where it listens on so many sockets.
    #[track_caller]
    pub(crate) fn listening(options: &[&str], sockets: usize) -> Serving {
        Serving::of(wirecat([&["serve"], options].concat()), sockets)
    }

    #[track_caller]
    pub(crate) fn of(wirecat: Wirecat, sockets: usize) -> Serving {
        Serving::running(wirecat.spawn(), sockets)
    }

    /// A server that another program starts.
    #[track_caller]
    pub(crate) fn started_by(mut command: Command, sockets: usize) -> Serving {
        command.stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::piped());
        Serving::running(command.spawn().unwrap(), sockets)
    }

    #[track_caller]
    fn running(mut child: Child, sockets: usize) -> Serving {
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut urls = Vec::new();
        while urls.len() < sockets {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                panic!("it ended: {:?}", output(child));
            }
            let url = line.trim_end().strip_prefix("listening on ");
            urls.push(url.unwrap_or_else(|| panic!("{line}")).to_owned());
        }
        Serving {
            child: Some(child),
            urls,
            _stdout: stdout,
        }
    }

    /// The URL of an endpoint.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.urls[0])
    }

    /// The address and port.
    pub(crate) fn address(&self) -> &str {
        let (_, address) = self.urls[0].split_once("://").unwrap();
        address
    }

    pub(crate) fn child(&self) -> &Child {
        self.child.as_ref().unwrap()
    }

    pub(crate) fn child_mut(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
    }

    /// Ends it with SIGTERM; what it wrote to stderr, above all.
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        let child = self.child.take().unwrap();
        super::send(nix::sys::signal::Signal::SIGTERM, &child);
        let output = output(child);
        output.exits(0);
        output
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
