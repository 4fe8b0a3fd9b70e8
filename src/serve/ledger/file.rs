//! The ledger on disk: one escaped line per message, in order, written before the message is
//! acknowledged. It is there to be read back after the server was killed, so its last line may be
//! torn; nothing that was acknowledged stands in that line.

use std::fs::{self, TryLockError};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use bytes::Bytes;

use super::{MAX_HELD, text};
use crate::message::{Kind, Message};
use crate::payload::{Encoding, InputFormat};

/// Written at once; only messages that are larger themselves need more than one write.
const WRITE: usize = 1 << 20;

/// An escaped byte is four bytes long.
const MAX_FILE: u64 = 4 * MAX_HELD as u64;

/// An open file, and how long it is. What is no regular file, such as a pipe, has no length, and
/// nothing is read back from it. A regular file is locked until it is closed: two servers would cut
/// off each other's lines.
pub(super) struct File {
    file: fs::File,
    length: Option<u64>,
    /// The file may be longer than that, by what is left of a line.
    is_torn: bool,
    lines: Vec<u8>,
}

/// What opening a file found, besides the messages in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Bytes of a torn last line, which is cut off before the first write.
    pub(crate) torn: u64,
    /// The file system has no locks, so nothing keeps another server from the file.
    pub(crate) unlocked: bool,
}

impl File {
    /// Opens the file and hands every message in it to `take`. Nothing is written yet, except that a
    /// file that does not exist is created.
    ///
    /// # Errors
    /// What is wrong with the file, in words; that another process has it is one of these.
    pub(super) fn open(
        path: &Path,
        take: impl FnMut(Message) -> Result<(), String>,
    ) -> Result<(File, Found), String> {
        let words = |error: io::Error| crate::error::plain_words(&error);
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(words)?;
        let metadata = file.metadata().map_err(words)?;
        let mut opened = File {
            file,
            length: None,
            is_torn: false,
            lines: Vec::new(),
        };
        let mut found = Found::default();
        if !metadata.is_file() {
            return Ok((opened, found));
        }
        match opened.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&metadata)),
            // Some network file systems have no locks. Better no lock there than no ledger.
            Err(TryLockError::Error(error)) if has_no_locks(&error) => found.unlocked = true,
            Err(TryLockError::Error(error)) => return Err(words(error)),
        }
        // Another server may have written between the opening and the lock.
        let metadata = opened.file.metadata().map_err(words)?;
        if metadata.len() > MAX_FILE {
            return Err("it is too large to be held in memory".to_owned());
        }
        let whole = read_back(&opened.file, take)?;
        opened.length = Some(whole);
        found.torn = metadata.len().saturating_sub(whole);
        opened.is_torn = found.torn > 0;
        Ok((opened, found))
    }

    /// Cuts off what is left of a line, which would become the beginning of the next one.
    pub(super) fn mend(&mut self) -> io::Result<()> {
        if let Some(length) = self.length.filter(|_| self.is_torn) {
            self.file.set_len(length)?;
        }
        self.is_torn = false;
        Ok(())
    }

    /// Appends these messages, in one write unless they are large. Where that fails, the file is as
    /// before, now or at the latest when the next ones are appended.
    pub(super) fn append(&mut self, messages: &[Message]) -> io::Result<()> {
        self.mend()?;
        self.lines.clear();
        let mut written = 0;
        let mut outcome = Ok(());
        for message in messages {
            let mut rest = &message.payload()[..];
            while outcome.is_ok() && !rest.is_empty() {
                let piece = text::push_line(rest, &mut self.lines);
                rest = &rest[piece..];
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
            (Err(_), Some(_)) => {
                self.is_torn = true;
                // The error that is reported is the first one. This one comes up again.
                let _ = self.mend();
            }
            (_, None) => {}
        }
        outcome
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        if let Some(length) = &mut self.length {
            self.file.set_len(0)?;
            *length = 0;
            self.is_torn = false;
        }
        Ok(())
    }
}

/// Whether a lock was refused because there are none.
fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(nix::errno::Errno::ENOLCK as i32) {
        return true;
    }
    error.kind() == io::ErrorKind::Unsupported
}

/// Says that another process has locked the file, and which one where the system says so.
fn in_use(metadata: &fs::Metadata) -> String {
    match holder(metadata) {
        Some(pid) => format!("process {pid} is using it"),
        None => "another process is using it".to_owned(),
    }
}

/// The process that holds the lock of a file.
#[cfg(target_os = "linux")]
fn holder(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::linux::fs::MetadataExt;

    let locks = fs::read_to_string("/proc/locks").ok()?;
    holder_in(&locks, metadata.st_ino())
}

#[cfg(not(target_os = "linux"))]
fn holder(_: &fs::Metadata) -> Option<u32> {
    None
}

/// The one process that holds a lock of a file with this inode number, by `/proc/locks`
/// (proc_locks(5)). The device there is that of the file system, which is not always the one that
/// stat(2) gives (btrfs, overlayfs), so it is not compared; where several processes come into
/// question, none is named.
#[cfg(target_os = "linux")]
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let holder = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let kind = fields.next()?;
        let pid = fields.nth(2)?.parse().ok()?;
        let of_file = fields.next()?.rsplit(':').next()?.parse() == Ok(inode);
        (kind == "FLOCK" && of_file && pid > 0).then_some(pid)
    };
    let mut holders = locks.lines().filter_map(holder);
    let pid = holders.next()?;
    holders.next().is_none().then_some(pid)
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
    let escaped = InputFormat {
        encoding: Encoding::Escapes,
        kind: Kind::Binary,
    };
    let payload = escaped
        .message(Bytes::copy_from_slice(line))?
        .into_payload();
    Ok(Message::new(Kind::Text, payload.clone()).unwrap_or(Message::Binary(payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens it: the messages in it, and how much was torn.
    #[track_caller]
    fn open(path: &Path) -> (File, Vec<Message>, u64) {
        let mut messages = Vec::new();
        let (file, found) = File::open(path, |message| {
            messages.push(message);
            Ok(())
        })
        .unwrap();
        (file, messages, found.torn)
    }

    #[test]
    fn written_messages_are_parsed_back() {
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
        drop(file);
        let (mut file, read, torn) = open(&path);
        assert!(read == written);
        assert_eq!(torn, 0);
        file.clear().unwrap();
        file.append(&written[..1]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\\\\\\n\n");
    }

    #[test]
    fn a_torn_line_is_truncated() {
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
    fn a_ledger_file_is_locked_by_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        fs::write(&path, "one\nto").unwrap();
        let (first, ..) = open(&path);
        let error = File::open(&path, |_| Ok(())).err().unwrap();
        assert!(error.ends_with(" is using it"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"one\nto");
        drop(first);
        open(&path);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_holder_of_a_lock_is_named_if_it_is_certain() {
        const LOCKS: &str = "\
            1: FLOCK  ADVISORY  WRITE 71 08:01:131 0 EOF\n\
            1: -> FLOCK  ADVISORY  WRITE 72 08:01:131 0 EOF\n\
            2: POSIX  ADVISORY  WRITE 73 08:01:132 0 EOF\n\
            3: FLOCK  ADVISORY  WRITE 74 08:01:133 0 EOF\n\
            4: FLOCK  ADVISORY  WRITE 75 08:02:133 0 EOF\n\
            5: FLOCK  ADVISORY  WRITE 0 08:02:134 0 EOF\n";
        for (inode, expected) in [
            (131, Some(71)),
            (132, None),
            (133, None),
            (134, None),
            (135, None),
        ] {
            assert_eq!(holder_in(LOCKS, inode), expected, "{inode}");
        }
    }

    #[test]
    fn a_file_that_is_not_a_ledger_is_unchanged() {
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
