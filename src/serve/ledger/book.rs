//! The ledger with its file: what is recorded is on disk first, and only then counts.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::file::{File, Found};
use super::{Cursor, Emptied, Ledger};
use crate::error::{Error, plain_words};
use crate::message::Message;
use crate::serve::endpoints::Format;
use crate::serve::lock;

/// Stands for the connections of an earlier server, whose file was read back.
const EARLIER: u64 = 0;

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Book {
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

impl Book {
    /// A ledger that is kept in this file, with what is in it.
    ///
    /// # Errors
    /// Exit 2, for a file that is no ledger or cannot be had.
    pub(crate) fn open(path: &Path) -> Result<(Book, Found), Error> {
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
        })?;
        let book = Book {
            ledger,
            file: Some(file),
            conns: 0,
        };
        Ok((book, found))
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
}

/// The ledger as a plain request sees it, page by page.
pub(crate) struct Pages {
    book: Arc<Mutex<Book>>,
    cursor: Cursor,
    /// A page that was looked at and put back.
    first: Option<Bytes>,
    over: bool,
}

impl Pages {
    pub(crate) fn new(book: &Arc<Mutex<Book>>, format: Format) -> Pages {
        Pages {
            cursor: lock(book).ledger.cursor(format),
            book: Arc::clone(book),
            first: None,
            over: false,
        }
    }

    /// Whether there is nothing more.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Puts a page back.
    pub(crate) fn after(mut self, first: Bytes) -> Pages {
        self.first = Some(first);
        self
    }
}

impl Iterator for Pages {
    type Item = Result<Bytes, Emptied>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.over {
            return None;
        }
        let mut page = Vec::new();
        let more = lock(&self.book).ledger.page(&mut self.cursor, &mut page);
        self.over = more != Ok(true);
        Some(more.map(|_| page.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(book: &Arc<Mutex<Book>>) -> String {
        let pages: Vec<_> = Pages::new(book, Format::Line).map(Result::unwrap).collect();
        String::from_utf8(pages.concat()).unwrap()
    }

    #[test]
    fn the_file_outlives_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let messages = ["one", "two"].map(Message::text);
        let (mut book, _) = Book::open(&path).unwrap();
        assert_eq!((book.connect(), book.connect()), (1, 2));
        let recorded = book.record(1, &messages[..1]);
        assert_eq!((recorded.before, recorded.count), (0, 1));
        let recorded = book.record(2, &messages);
        assert_eq!((recorded.before, recorded.count), (1, 2));
        drop(book);
        let (book, found) = Book::open(&path).unwrap();
        assert_eq!(found, Found::default());
        let book = Arc::new(Mutex::new(book));
        assert_eq!(shown(&book), "one\none\ntwo\n");
        book.lock().unwrap().clear().unwrap();
        assert_eq!(shown(&book), "");
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_file_that_is_none_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = Book::open(folder.path()).err().unwrap();
        let name = folder.path().display().to_string();
        assert!(error.to_string().contains(&name), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_is_not_recorded() {
        let (mut book, _) = Book::open(Path::new("/dev/full")).unwrap();
        let recorded = book.record(1, &[Message::text("one")]);
        assert_eq!(recorded.count, 0);
        assert!(matches!(recorded.stopped, Some(Stopped::Failed(_))));
        assert_eq!(book.ledger.total(), 0);
    }
}
