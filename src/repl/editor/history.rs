//! The history as the line editor asks for it. It writes nothing that looks like a secret, and nothing
//! at all where there is no file.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustyline::Result;
use rustyline::history::{History, SearchDirection, SearchResult};

use super::state::PromptHandle;
use crate::error::plain_words;
use crate::repl::confidential::is_confidential;
use crate::repl::history::file::HistoryFile;
use crate::repl::history::{Entry, Store, Way};

/// How many lines wait for a file that cannot be written.
const PENDING: usize = 100;

/// The lines that were typed, and their file.
pub(super) struct Typed {
    store: Store,
    file: Option<(HistoryFile, PathBuf)>,
    state: PromptHandle,
    /// Not yet in the file.
    pending: Vec<Entry>,
    /// What went wrong first; it is reported once.
    trouble: Option<String>,
    reported: bool,
}

impl Typed {
    pub(super) fn new(file: Option<PathBuf>, state: PromptHandle) -> Self {
        Typed {
            store: Store::new(&state.host()),
            file: file.map(|path| (HistoryFile::new(path.clone()), path)),
            state,
            pending: Vec::new(),
            trouble: None,
            reported: false,
        }
    }

    /// Reads what other sessions have written, and looks which host this is now.
    pub(super) fn refresh(&mut self) {
        let host = self.state.host();
        if *self.store.host() != *host {
            self.store.set_host(&host);
        }
        let Some((file, _)) = &mut self.file else {
            return;
        };
        match file.read_new() {
            Ok(entries) if entries.is_empty() => {}
            Ok(entries) => self.store.extend(entries),
            Err(error) => self.note("read", &error),
        }
    }

    /// What went wrong, once.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    fn note(&mut self, what: &str, error: &std::io::Error) {
        if let (Some((_, path)), false) = (&self.file, self.reported) {
            self.reported = true;
            let (path, why) = (path.display(), plain_words(error));
            self.trouble = Some(format!("the history {path} cannot be {what}: {why}"));
        }
    }

    /// Whether a line may be written to the file.
    fn may_be_written(&self, line: &str) -> bool {
        !is_confidential(line) && !self.state.holds_secret(line)
    }

    fn remember(&mut self, text: String) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let entry = Entry {
            host: self.store.host().to_owned(),
            time: now.map_or(0, |now| now.as_secs()),
            text,
        };
        if self.file.is_some() && self.may_be_written(&entry.text) {
            self.pending.push(entry.clone());
            self.write();
        }
        // The file has it too: each line is kept once.
        self.store.extend([entry]);
    }

    /// Writes what is pending. What cannot be written waits for the next line, up to a limit.
    fn write(&mut self) {
        let Some((file, _)) = &mut self.file else {
            return;
        };
        match file.append(&self.pending) {
            Ok(()) => self.pending.clear(),
            Err(error) => {
                let surplus = self.pending.len().saturating_sub(PENDING);
                self.pending.drain(..surplus);
                self.note("written", &error);
            }
        }
    }

    fn found<'a>(&self, (idx, entry): (usize, &'a str), pos: usize) -> SearchResult<'a> {
        SearchResult {
            entry: Cow::Borrowed(entry),
            idx,
            pos,
        }
    }
}

fn way(direction: SearchDirection) -> Way {
    match direction {
        SearchDirection::Reverse => Way::Back,
        SearchDirection::Forward => Way::Forward,
    }
}

impl History for Typed {
    fn get(&self, index: usize, direction: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        let found = self.store.get(index, way(direction), self.state.is_wide());
        Ok(found.map(|found| self.found(found, 0)))
    }

    fn add(&mut self, line: &str) -> Result<bool> {
        self.add_owned(line.to_owned())
    }

    fn add_owned(&mut self, line: String) -> Result<bool> {
        let keeps = !line.is_empty() && !line.starts_with(' ');
        if keeps {
            self.remember(line);
        }
        Ok(keeps)
    }

    fn len(&self) -> usize {
        self.store.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn set_max_len(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn ignore_dups(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    fn ignore_space(&mut self, _: bool) {}

    fn save(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn append(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn load(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        Ok(())
    }

    fn search(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> Result<Option<SearchResult<'_>>> {
        if term.is_empty() {
            return Ok(None);
        }
        let wide = self.state.is_wide();
        let found = self.store.search(term, start, way(direction), wide);
        Ok(found.map(|(place, text, at)| self.found((place, text), at)))
    }

    fn starts_with(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> Result<Option<SearchResult<'_>>> {
        if term.is_empty() {
            return Ok(None);
        }
        let wide = self.state.is_wide();
        let found = self.store.starting_with(term, start, way(direction), wide);
        Ok(found.map(|found| self.found(found, term.len())))
    }
}
