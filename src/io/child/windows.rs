//! Processes where there are no groups and no signals.

use std::fs::File;
use std::process::{Command, ExitStatus, Stdio};

use tokio::process::{ChildStdin, ChildStdout};

use crate::io::stdio::Stream;

#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    None,
    Terminate,
    Kill,
}

pub(super) fn reap_orphans(_id: u32) {}

/// Ends a process and its children. There is no way to ask them to end.
pub(super) fn send(id: u32, _is_alone: bool, signal: Signal) -> bool {
    if let Signal::None = signal {
        return false;
    }
    let _ = Command::new("taskkill")
        .args(["/F", "/T", "/PID", &id.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    false
}

pub(super) fn signal(_: ExitStatus) -> Option<String> {
    None
}

pub(super) fn blocking_stdin(stdin: ChildStdin) -> Option<Stream> {
    Some(File::from(stdin.into_owned_handle().ok()?).into())
}

pub(super) fn blocking_stdout(stdout: ChildStdout) -> Option<Stream> {
    Some(File::from(stdout.into_owned_handle().ok()?).into())
}
