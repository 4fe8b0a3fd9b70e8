//! The file of `SSLKEYLOGFILE`, which gets the keys of every session in NSS' format, for Wireshark.
//! It lets its reader decrypt the traffic, so a new file can be read only by its owner.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crate::error::plain_words;
use crate::io::private_file;

/// Appends the keys to the file. A file that cannot be written is reported once, and the connection
/// goes on.
#[derive(Debug)]
pub(super) struct KeyLog {
    name: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` after a failure.
    file: Option<File>,
    failure: Option<String>,
}

impl KeyLog {
    /// Opens the file.
    pub(super) fn open(path: &Path) -> KeyLog {
        let log = KeyLog {
            name: path.display().to_string(),
            state: Mutex::default(),
        };
        match options().append(true).create(true).open(path) {
            Ok(file) => log.state().file = Some(file),
            Err(error) => log.fail(&mut log.state(), &error),
        }
        log
    }

    /// The sentence about a failure, once.
    pub(super) fn take_failure(&self) -> Option<String> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn fail(&self, state: &mut State, error: &std::io::Error) {
        let why = plain_words(error);
        state.file = None;
        state.failure = Some(format!(
            "warning: the keys of the TLS session are not written to SSLKEYLOGFILE {}: {why}",
            self.name
        ));
    }
}

/// A pipe that nobody reads, or reads no more, is an error and no reason to wait: keys are written
/// within the handshake.
fn options() -> OpenOptions {
    let mut options = private_file::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        nix::fcntl::OFlag::O_NONBLOCK.bits(),
    );
    options
}

impl rustls::KeyLog for KeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = format!("{label} ");
        for (bytes, end) in [(client_random, ' '), (secret, '\n')] {
            for byte in bytes {
                // Writing to a string cannot fail.
                let _ = write!(line, "{byte:02x}");
            }
            line.push(end);
        }
        let mut state = self.state();
        // One call for a line, because several processes may append to the same file.
        let written = state
            .file
            .as_mut()
            .map(|file| file.write_all(line.as_bytes()));
        if let Some(Err(error)) = written {
            self.fail(&mut state, &error);
        }
    }
}
