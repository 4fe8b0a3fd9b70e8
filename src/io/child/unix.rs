//! Process groups and signals, and what the system remembers of a process that has ended.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::{self, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{ChildStdin, ChildStdout};

use crate::io::stdio::Stream;

#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    /// Only looks whether somebody is there.
    None,
    Terminate,
    Kill,
}

/// Returns whether there was a process to signal.
pub(super) fn send(id: u32, is_alone: bool, signal: Signal) -> bool {
    let Ok(id) = i32::try_from(id) else {
        return false;
    };
    let signal = match signal {
        Signal::None => None,
        Signal::Terminate => Some(signal::SIGTERM),
        Signal::Kill => Some(signal::SIGKILL),
    };
    match is_alone {
        true => kill(Pid::from_raw(id), signal).is_ok(),
        false => killpg(Pid::from_raw(id), signal).is_ok(),
    }
}

/// What a child leaves running becomes ours when it ends. Otherwise those of its processes that have
/// ended would look as if they ran, until the first process of the system waits for them.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Waits for adopted processes of other sessions that have ended: no child of ours leaves our session,
/// so nobody else waits for them, and a run that starts many commands would fill the system with what
/// they are remembered by.
pub(super) fn reap_strangers() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::wait::{WaitPidFlag, waitpid};
        use nix::unistd::{getpid, getsid};

        let us = getpid();
        let children = format!("/proc/self/task/{us}/children");
        // Where the kernel does not tell, they stay.
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        let ours = getsid(None);
        for id in ids.map(Pid::from_raw) {
            if getsid(Some(id)) != ours {
                let _ = waitpid(id, Some(WaitPidFlag::WNOHANG));
            }
        }
    }
}

/// Waits for those of the group that have ended. Must not be called before the child itself, which has
/// its number, has been waited for.
pub(super) fn reap_orphans(id: u32) {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    let Ok(id) = i32::try_from(id) else {
        return;
    };
    let group = Pid::from_raw(-id);
    while let Ok(status) = waitpid(group, Some(WaitPidFlag::WNOHANG))
        && status != WaitStatus::StillAlive
    {}
}

/// The name of the signal that ended a process.
pub(super) fn signal(status: ExitStatus) -> Option<String> {
    let number = status.signal()?;
    let known = signal::Signal::try_from(number);
    Some(known.map_or_else(|_| format!("signal {number}"), |it| it.as_str().to_owned()))
}

pub(super) fn blocking_stdin(stdin: ChildStdin) -> Option<Stream> {
    Some(File::from(stdin.into_owned_fd().ok()?).into())
}

pub(super) fn blocking_stdout(stdout: ChildStdout) -> Option<Stream> {
    Some(File::from(stdout.into_owned_fd().ok()?).into())
}
