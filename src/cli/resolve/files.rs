//! Reads the files that the command line names.
//!
//! A pipe, a device or stdin may keep the reader waiting for ever. Everything that can be wrong on
//! the command line is found before that: it is resolved once without such files, and once more with
//! them if there are any. No signal handler is installed yet, so signals end the program; `--max-time`
//! is obeyed here.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::error::{Error, Exit, Stage, plain_words};
use crate::io::stdio;

pub(super) struct Files {
    /// When `--max-time` is over.
    deadline: Option<Instant>,
    may_block: bool,
    skipped: bool,
}

impl Files {
    /// Reads only what cannot block, and passes over the rest.
    pub(super) fn not_blocking() -> Self {
        Files {
            deadline: None,
            may_block: false,
            skipped: false,
        }
    }

    /// Reads everything, until `deadline` at most.
    pub(super) fn blocking(deadline: Option<Instant>) -> Self {
        Files {
            deadline,
            may_block: true,
            skipped: false,
        }
    }

    /// Whether a file was passed over because reading it may block.
    pub(super) fn have_skipped(&self) -> bool {
        self.skipped
    }

    /// Reads the file at `path`, or stdin for `-`, that `option` names; `None` where it was passed
    /// over.
    ///
    /// # Errors
    /// Exit 2 where it cannot be read, 28 where `--max-time` is over first.
    pub(super) fn read(&mut self, option: &str, path: &str) -> Result<Option<Vec<u8>>, Error> {
        if !self.may_block && may_block(path) {
            self.skipped = true;
            return Ok(None);
        }
        let bytes = match self.deadline {
            None => read(path),
            Some(deadline) => {
                let (sender, receiver) = mpsc::channel();
                let owned = path.to_owned();
                // Detached: the program ends without it.
                thread::spawn(move || sender.send(read(&owned)));
                let left = deadline.saturating_duration_since(Instant::now());
                receiver.recv_timeout(left).map_err(|_| {
                    let message = format!("--max-time is over (reading {option} @{path})");
                    Error::new(Stage::Input, Exit::Timeout, message)
                })?
            }
        };
        bytes
            .map(Some)
            .map_err(|error| Error::usage(format!("{option} @{path}: {}", plain_words(&error))))
    }
}

fn may_block(path: &str) -> bool {
    // One that cannot be looked at cannot be opened either, and says so at once.
    path == "-" || std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    if path != "-" {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    stdio::stdin()?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
