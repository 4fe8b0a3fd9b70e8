//! The ledger on disk: one escaped line per message, in order, written before the message is
//! acknowledged. It is there to be read back after the server was killed, so its last line may be
//! torn; nothing that was acknowledged stands in that line.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use bytes::Bytes;

use super::{MAX_HELD, text};
use crate::event::{Kind, Message};
use crate::payload::{Encoding, Payload};

/// Written at once; only messages that are larger themselves need more than one write.
const WRITE: usize = 1 << 20;

/// An escaped byte is four bytes long.
const MAX_FILE: u64 = 4 * MAX_HELD as u64;

/// An open file, and how long it is. What is no regular file, such as a pipe, has no length, and
/// nothing is read back from it.
pub(super) struct File {
    file: fs::File,
    length: Option<u64>,
    lines: Vec<u8>,
}

impl File {
    /// Opens the file and hands every message in it to `take`. Also: how many bytes of a torn last
    /// line were cut off.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub(super) fn open(
        path: &Path,
        take: impl FnMut(Message) -> Result<(), String>,
    ) -> Result<(File, u64), String> {
        let words = |error: io::Error| crate::error::plain_words(&error);
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(words)?;
        let metadata = file.metadata().map_err(words)?;
        let mut opened = File {
            file,
            length: None,
            lines: Vec::new(),
        };
        if !metadata.is_file() {
            return Ok((opened, 0));
        }
        if metadata.len() > MAX_FILE {
            return Err("it is too large to be held in memory".to_owned());
        }
        let whole = read_back(&opened.file, take)?;
        opened.file.set_len(whole).map_err(words)?;
        opened.length = Some(whole);
        Ok((opened, metadata.len() - whole))
    }

    /// Appends these messages, in one write unless they are large. Where that fails, the file is as
    /// before.
    pub(super) fn append(&mut self, messages: &[Message]) -> io::Result<()> {
        self.lines.clear();
        let mut written = 0;
        let mut outcome = Ok(());
        for message in messages {
            let mut rest = &message.data[..];
            while outcome.is_ok() && !rest.is_empty() {
                let piece = text::characters(rest);
                text::push_line(piece, &mut self.lines);
                rest = &rest[piece.len()..];
                if self.lines.len() >= WRITE {
                    outcome = self.file.write_all(&self.lines);
                    written += self.lines.len() as u64;
                    self.lines.clear();
                }
            }
            self.lines.push(b'\n');
        }
        written += self.lines.len() as u64;
        let outcome = outcome.and_then(|()| self.file.write_all(&self.lines));
        match (&outcome, &mut self.length) {
            (Ok(()), Some(length)) => *length += written,
            // What is left of a line would become the beginning of the next.
            (Err(_), Some(length)) => self.file.set_len(*length)?,
            (_, None) => {}
        }
        outcome
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        if let Some(length) = &mut self.length {
            self.file.set_len(0)?;
            *length = 0;
        }
        Ok(())
    }
}

/// How many bytes of the file are whole lines.
fn read_back(
    file: &fs::File,
    mut take: impl FnMut(Message) -> Result<(), String>,
) -> Result<u64, String> {
    let mut reader = BufReader::new(file);
    let (mut whole, mut line) = (0, Vec::new());
    for number in 1_u64.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        let read = read.map_err(|error| crate::error::plain_words(&error))?;
        if line.pop() != Some(b'\n') {
            break;
        }
        let message = message(&line).map_err(|why| format!("line {number}: {why}"))?;
        take(message)?;
        whole += read as u64;
    }
    Ok(whole)
}

/// What the file does not say, the bytes must: whatever can be text is.
fn message(line: &[u8]) -> Result<Message, String> {
    let escaped = Payload {
        encoding: Encoding::Escapes,
        kind: Kind::Binary,
    };
    let message = escaped.message(Bytes::copy_from_slice(line))?;
    let kind = match std::str::from_utf8(&message.data) {
        Ok(_) => Kind::Text,
        Err(_) => Kind::Binary,
    };
    Ok(Message { kind, ..message })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens it: the messages in it, and how much was torn.
    #[track_caller]
    fn open(path: &Path) -> (File, Vec<Message>, u64) {
        let mut messages = Vec::new();
        let (file, torn) = File::open(path, |message| {
            messages.push(message);
            Ok(())
        })
        .unwrap();
        (file, messages, torn)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let written = [
            Message::text("one\\\n"),
            Message::text(""),
            Message::binary(&b"\xff\x00"[..]),
            Message::text("é".repeat(WRITE)),
        ];
        let (mut file, read, torn) = open(&path);
        assert_eq!((read.len(), torn), (0, 0));
        file.append(&written[..3]).unwrap();
        file.append(&written[3..]).unwrap();
        file.append(&[]).unwrap();
        let (mut file, read, torn) = open(&path);
        assert!(read == written);
        assert_eq!(torn, 0);
        file.clear().unwrap();
        file.append(&written[..1]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\\\\\\n\n");
    }

    #[test]
    fn a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        fs::write(&path, "one\ntwo\nthr\\").unwrap();
        let (mut file, read, torn) = open(&path);
        assert_eq!(read, ["one", "two"].map(Message::text));
        assert_eq!(torn, 4);
        file.append(&[Message::text("three")]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn what_is_no_ledger_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        fs::write(&path, "one\nC:\\windows\ntorn").unwrap();
        let error = File::open(&path, |_| Ok(())).err().unwrap();
        assert!(error.starts_with("line 2: "), "{error}");
        let error = File::open(&path, |_| Err("full".to_owned())).err().unwrap();
        assert_eq!(error, "full");
        assert_eq!(fs::read(&path).unwrap(), b"one\nC:\\windows\ntorn");
        assert!(File::open(folder.path(), |_| Ok(())).is_err());
    }
}
