//! Reads the files named on the command line.
//!
//! A pipe, a device or stdin may block the reader for ever. Every error on the command line is
//! found before that: options are resolved once without such files, and once more with them if
//! there are any. No signal handler is installed yet, so signals end the program; `--max-time` is
//! enforced here.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::error::{Error, Exit, Stage, plain_words};
use crate::io::stdio;
use crate::suite::Folder;

/// The largest file of headers, cookies or logins, in bytes, because a device may have no end.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

pub(super) struct Files {
    /// The deadline of `--max-time`.
    deadline: Option<Instant>,
    may_block: bool,
    skipped: bool,
    /// Where files are; nothing else is read.
    folder: Option<Folder>,
}

impl Files {
    /// Reads only files that cannot block, and skips the rest.
    pub(super) fn not_blocking() -> Self {
        Files {
            deadline: None,
            may_block: false,
            skipped: false,
            folder: None,
        }
    }

    /// Reads everything, until `deadline` at the latest.
    pub(super) fn blocking(deadline: Option<Instant>) -> Self {
        Files {
            deadline,
            may_block: true,
            skipped: false,
            folder: None,
        }
    }

    /// Reads only what is in this folder, if there is one.
    pub(super) fn within(mut self, folder: Option<&Folder>) -> Self {
        self.folder = folder.cloned();
        self
    }

    /// Whether a file was skipped because reading it may block.
    pub(super) fn have_skipped(&self) -> bool {
        self.skipped
    }

    /// Reads the file at `path`, or stdin for `-`, that `option` names; `None` if it was skipped.
    ///
    /// # Errors
    /// Exit 2 if it cannot be read, 28 if `--max-time` passes first.
    pub(super) fn read(&mut self, option: &str, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read_named(&format!("{option} @"), path)
    }

    /// The same, where the option and what stands before the name are given: `-b `.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub(super) fn read_named(
        &mut self,
        option: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let inside = match &self.folder {
            Some(folder) => folder
                .path_of(path)
                .map_err(|why| Error::usage(format!("{option}{why}")))?
                .display()
                .to_string(),
            None => path.to_owned(),
        };
        if !self.may_block && may_block(&inside) {
            self.skipped = true;
            return Ok(None);
        }
        let bytes = match self.deadline {
            None => read(&inside),
            Some(deadline) => {
                let (sender, receiver) = mpsc::channel();
                // Detached: the program exits without it.
                thread::spawn(move || sender.send(read(&inside)));
                let left = deadline.saturating_duration_since(Instant::now());
                receiver.recv_timeout(left).map_err(|_| {
                    let message = format!("--max-time is over (reading {option}{path})");
                    Error::new(Stage::Input, Exit::Timeout, message)
                })?
            }
        };
        bytes
            .map(Some)
            .map_err(|error| Error::usage(format!("{option}{path}: {}", plain_words(&error))))
    }
}

fn may_block(path: &str) -> bool {
    // A file that cannot be examined cannot be opened either, and fails at once.
    path == "-" || std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path {
        "-" => stdio::stdin()?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?,
        path => File::open(path)?
            .take(MAX_SIZE + 1)
            .read_to_end(&mut bytes)?,
    };
    match bytes.len() as u64 > MAX_SIZE {
        true => Err(io::Error::other("it is larger than 16 MiB")),
        false => Ok(bytes),
    }
}
