//! The ledger with its file: what is recorded is on disk first, and only then counts.

use std::io;
use std::path::Path;

use super::file::{File, Found};
use super::{Cursor, Emptied, Format, Ledger};
use crate::error::{Error, plain_words};
use crate::message::Message;

/// Stands for the connections of an earlier server, whose file was read back.
const EARLIER: u64 = 0;

/// See the head of this file.
#[derive(Default)]
pub(crate) struct LedgerStore {
    ledger: Ledger,
    file: Option<File>,
    conns: u64,
}

/// What became of a batch of messages.
pub(crate) struct Recorded {
    /// How many there were in the ledger before.
    pub(crate) before: u64,
    /// How many of the batch there are now.
    pub(crate) count: usize,
    /// Why there are not more.
    pub(crate) stopped: Option<Stopped>,
}

pub(crate) enum Stopped {
    Full,
    Failed(io::Error),
}

impl LedgerStore {
    /// A ledger that is kept in this file, with what is in it.
    ///
    /// # Errors
    /// Exit 2, for a file that is no ledger or cannot be had.
    pub(crate) fn open(path: &Path) -> Result<(LedgerStore, Found), Error> {
        let mut ledger = Ledger::default();
        let opened = File::open(path, |message| {
            if ledger.room_for(std::slice::from_ref(&message)) == 0 {
                return Err("it is too large to be held in memory".to_owned());
            }
            ledger.push(EARLIER, &message);
            Ok(())
        });
        let (file, found) = opened.map_err(|why| {
            Error::usage(format!("cannot use the ledger {}: {why}", path.display()))
                .advice("--ledger FILE, in a folder that exists and that you may write to")
        })?;
        let store = LedgerStore {
            ledger,
            file: Some(file),
            conns: 0,
        };
        Ok((store, found))
    }

    /// Cuts a torn last line off the file. What fails now is tried again before the first write.
    pub(crate) fn mend(&mut self) {
        if let Some(file) = &mut self.file {
            let _ = file.mend();
        }
    }

    /// The number of a new connection.
    pub(crate) fn connect(&mut self) -> u64 {
        self.conns += 1;
        self.conns
    }

    /// Records as many of these as there is room for.
    pub(crate) fn record(&mut self, conn: u64, messages: &[Message]) -> Recorded {
        let before = self.ledger.total();
        let count = self.ledger.room_for(messages);
        let fitting = &messages[..count];
        if let Some(file) = &mut self.file
            && let Err(error) = file.append(fitting)
        {
            return Recorded {
                before,
                count: 0,
                stopped: Some(Stopped::Failed(error)),
            };
        }
        for message in fitting {
            self.ledger.push(conn, message);
        }
        Recorded {
            before,
            count,
            stopped: (count < messages.len()).then_some(Stopped::Full),
        }
    }

    /// Forgets everything, also in the file.
    ///
    /// # Errors
    /// What the file has against it; then nothing is forgotten.
    pub(crate) fn clear(&mut self) -> Result<(), String> {
        if let Some(file) = &mut self.file {
            file.clear().map_err(|error| plain_words(&error))?;
        }
        self.ledger.clear();
        Ok(())
    }

    /// From the first message to the one that is last now.
    pub(crate) fn cursor(&self, format: Format) -> Cursor {
        self.ledger.cursor(format)
    }

    /// Appends the next page to `out`; whether there is more behind it.
    ///
    /// # Errors
    /// [`Emptied`]
    pub(crate) fn page(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> Result<bool, Emptied> {
        self.ledger.page(cursor, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(store: &LedgerStore) -> String {
        let mut out = Vec::new();
        let mut cursor = store.cursor(Format::Line);
        assert_eq!(store.page(&mut cursor, &mut out), Ok(false));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_ledger_file_is_read_by_the_next_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let messages = ["one", "two"].map(Message::text);
        let (mut store, _) = LedgerStore::open(&path).unwrap();
        assert_eq!((store.connect(), store.connect()), (1, 2));
        let recorded = store.record(1, &messages[..1]);
        assert_eq!((recorded.before, recorded.count), (0, 1));
        let recorded = store.record(2, &messages);
        assert_eq!((recorded.before, recorded.count), (1, 2));
        drop(store);
        let (mut store, found) = LedgerStore::open(&path).unwrap();
        assert_eq!(found, Found::default());
        assert_eq!(shown(&store), "one\none\ntwo\n");
        store.clear().unwrap();
        assert_eq!(shown(&store), "");
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_file_that_is_not_a_ledger_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = LedgerStore::open(folder.path()).err().unwrap();
        let name = folder.path().display().to_string();
        assert!(error.to_string().contains(&name), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_message_that_cannot_be_written_is_not_recorded() {
        let (mut store, _) = LedgerStore::open(Path::new("/dev/full")).unwrap();
        let recorded = store.record(1, &[Message::text("one")]);
        assert_eq!(recorded.count, 0);
        assert!(matches!(recorded.stopped, Some(Stopped::Failed(_))));
        assert_eq!(store.ledger.total(), 0);
    }
}
