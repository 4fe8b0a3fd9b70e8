//! The file of `--state`: read at the start, written during the run and at its end.
//!
//! Its content is never ahead of the output: a value is stored only after the message that it came
//! from has been written to the output. So if the program is killed, everything that the file says
//! was received has been written. Each version is written to a temporary file, synchronised, and
//! renamed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;

use super::super::frontend::Progress;
use super::vars::ResumeVars;
use crate::error::{Error, plain_words};
use crate::io::private_file;

/// The shortest time between two writes.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often to check the progress of the output.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Reads the file into `memory`, and returns its path with links followed. A missing file is an
/// empty state.
///
/// # Errors
/// Exit 2 if it cannot be read, or is another kind of file, which would be overwritten.
pub fn load(path: &Path, memory: &mut ResumeVars) -> Result<PathBuf, Error> {
    let wrong = |why: &str| {
        Error::usage(format!("--state {}: {why}", path.display()))
            .advice("another file, or remove this one if nothing in it is needed")
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(wrong(&plain_words(&error))),
        // Reading a pipe or a device might never end.
        Ok(metadata) if !metadata.is_file() => return Err(wrong("it is not a regular file")),
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(&plain_words(&error)))?;
    memory.load(&text).map_err(|why| wrong(&why))?;
    fs::canonicalize(path).map_err(|error| wrong(&plain_words(&error)))
}

/// A snapshot that waits until the output reaches the position at which it was taken.
#[derive(Debug)]
struct Snapshot {
    state: String,
    changes: u64,
    handed: u64,
}

#[derive(Debug)]
pub struct Saver {
    path: Option<PathBuf>,
    taken: Option<Snapshot>,
    /// The revision that is in the file, or being written to it.
    saved: u64,
    next: Option<Instant>,
    writing: Option<JoinHandle<io::Result<()>>>,
    failure: Option<Error>,
    /// A failure has been reported.
    failed: bool,
}

impl Saver {
    pub fn new(path: Option<PathBuf>) -> Self {
        Saver {
            path,
            taken: None,
            saved: 0,
            next: None,
            writing: None,
            failure: None,
            failed: false,
        }
    }

    /// Writes what has changed if it is due. Never blocks.
    pub(in crate::session) fn save(&mut self, memory: &ResumeVars, output: Progress, now: Instant) {
        if self.path.is_none() || (self.taken.is_none() && memory.changes() == self.saved) {
            self.next = None;
            return;
        }
        if self.next.is_some_and(|next| next > now) {
            return;
        }
        if !self.is_written() {
            self.next = Some(now + POLL_INTERVAL);
            return;
        }
        let taken = self.taken.get_or_insert_with(|| Snapshot {
            state: memory.to_state(),
            changes: memory.changes(),
            handed: output.handed,
        });
        if output.written < taken.handed {
            self.next = Some(now + POLL_INTERVAL);
            return;
        }
        self.saved = taken.changes;
        self.next = Some(now + INTERVAL);
        if let (Some(taken), Some(path)) = (self.taken.take(), self.path.clone()) {
            self.writing = Some(tokio::task::spawn_blocking(move || {
                write(&path, &taken.state)
            }));
        }
    }

    /// Whether no write is in progress; the result of a finished one is processed.
    fn is_written(&mut self) -> bool {
        let Some(task) = self.writing.take_if(|task| task.is_finished()) else {
            return self.writing.is_none();
        };
        if let Some(Ok(Err(error))) = task.now_or_never()
            && let Some(path) = &self.path
        {
            self.failure = Some(unwritable(path, &error));
        }
        true
    }

    /// Why the file cannot be written, once.
    pub(in crate::session) fn poll_failure(&mut self) -> Option<String> {
        let failure = self.failure.take().filter(|_| !self.failed)?;
        self.failed = true;
        Some(failure.message)
    }

    pub(in crate::session) fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Writes the last version. The output must have been written, at least up to `output`.
    ///
    /// # Errors
    /// Exit 2 if the file cannot be written.
    pub async fn finish(mut self, memory: &ResumeVars, complete: bool) -> Result<(), Error> {
        if let Some(task) = self.writing.take() {
            let _ = task.await;
        }
        let Some(path) = self.path.filter(|_| complete && memory.changes() > 0) else {
            return Ok(());
        };
        let (place, state) = (path.clone(), memory.to_state());
        let written = tokio::task::spawn_blocking(move || write(&place, &state)).await;
        let written = written.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        written.map_err(|error| unwritable(&path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let (path, why) = (path.display(), plain_words(error));
    Error::usage(format!("--state {path}: it cannot be written: {why}"))
}

/// Replaces the old version atomically, so that there is always a complete one.
fn write(path: &Path, state: &str) -> io::Result<()> {
    private_file::replace(path, |file| {
        file.write_all(state.as_bytes())?;
        file.sync_all()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parsed::Parsed;
    use crate::message::Data;

    fn fresh() -> ResumeVars {
        let mut memory = ResumeVars::default();
        memory.add("last=.id").unwrap();
        memory
    }

    fn update(memory: &mut ResumeVars, id: u32) {
        let message = format!("{{\"id\":{id}}}");
        memory.update(&Parsed::once(Data::Text(&message)));
    }

    #[tokio::test]
    async fn a_state_is_written_only_after_its_output() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let mut saver = Saver::new(Some(path.clone()));
        let mut memory = fresh();
        let start = Instant::now();
        let output = |handed, written| Progress { handed, written };
        saver.save(&memory, output(0, 0), start);
        assert_eq!(saver.poll_timeout(), None);
        update(&mut memory, 1);
        saver.save(&memory, output(10, 5), start);
        assert_eq!(saver.poll_timeout(), Some(start + POLL_INTERVAL));
        update(&mut memory, 2);
        saver.save(&memory, output(20, 10), start + POLL_INTERVAL);
        saver.writing.take().unwrap().await.unwrap().unwrap();
        let read = || fs::read_to_string(&path).unwrap();
        assert_eq!(read(), "{\"v\":1,\"resume\":{\"last\":1}}\n");
        saver.finish(&memory, true).await.unwrap();
        assert_eq!(read(), "{\"v\":1,\"resume\":{\"last\":2}}\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let mut again = fresh();
        load(&path, &mut again).unwrap();
        assert_eq!(again.to_state(), memory.to_state());
    }

    #[tokio::test]
    async fn a_file_that_is_not_a_state_is_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes");
        fs::write(&path, "my notes").unwrap();
        let error = load(&path, &mut fresh()).unwrap_err();
        assert!(error.message.contains("notes"), "{error}");
        load(&directory.path().join("none"), &mut fresh()).unwrap();
        for special in [Path::new("/dev/full"), directory.path()] {
            let error = load(special, &mut fresh()).unwrap_err();
            assert!(error.message.contains("not a regular file"), "{error}");
        }
        let nowhere = directory.path().join("no/where");
        let mut memory = fresh();
        update(&mut memory, 1);
        let error = Saver::new(Some(nowhere)).finish(&memory, true).await;
        assert!(error.unwrap_err().message.contains("cannot be written"));
    }

    #[tokio::test]
    async fn a_link_is_followed_and_a_failure_is_reported_once() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        let mut memory = fresh();
        update(&mut memory, 1);
        fs::write(&real, memory.to_state()).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let found = load(&link, &mut fresh()).unwrap();
        assert_eq!(found, fs::canonicalize(&real).unwrap());

        let mut saver = Saver::new(Some(directory.path().join("no/where")));
        let mut now = Instant::now();
        let mut told = Vec::new();
        for id in 2..5 {
            update(&mut memory, id);
            now += INTERVAL;
            saver.save(&memory, Progress::default(), now);
            while !saver.is_written() {
                tokio::task::yield_now().await;
            }
            told.extend(saver.poll_failure());
        }
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("cannot be written"), "{told:?}");
    }
}
