//! The lines of the log on their way to stderr or a file. The caller never waits for the reader or the
//! disk: a thread writes. Where too much waits, lines are dropped and counted.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::shared::lock;
use crate::error::{Error, plain_clause, plain_words};
use crate::io::private_file;
use crate::io::stdio;
use crate::io::writer::{self, Sink, Writer};

/// Where the lines go. Clones write to the same.
#[derive(Clone)]
pub struct LogLines {
    writers: Arc<Mutex<Writers>>,
    /// The file of `--log-file`; without one, the lines go to stderr.
    file: Option<PathBuf>,
}

#[derive(Default)]
struct Writers {
    current: Option<Writer>,
    /// Those of files that were closed, with lines that are not yet written.
    leaving: Vec<Writer>,
}

impl LogLines {
    pub fn to_stderr() -> LogLines {
        LogLines::new(writer::stderr(), None)
    }

    /// Appends to a file, which gets mode 0600 if it is new.
    ///
    /// # Errors
    /// Exit 2 if it cannot be opened.
    pub fn to_file(path: &Path) -> Result<LogLines, Error> {
        let sink = open(path).map_err(|error| {
            let why = plain_words(&error);
            Error::usage(format!("--log-file {}: {why}", path.display()))
                .advice("a file in a folder that exists and that you may write to")
        })?;
        Ok(LogLines::new(sink, Some(path.to_owned())))
    }

    fn new(sink: Sink, file: Option<PathBuf>) -> LogLines {
        let current = Some(Writer::new(sink));
        let leaving = Vec::new();
        LogLines {
            writers: Arc::new(Mutex::new(Writers { current, leaving })),
            file,
        }
    }

    /// Adds a line, without a line feed.
    pub fn push(&self, line: &str) {
        if let Some(writer) = &mut lock(&self.writers).current {
            let buffer = writer.buffer();
            buffer.extend_from_slice(line.as_bytes());
            buffer.push(b'\n');
            writer.submit_or_drop();
        }
    }

    /// Opens the file anew, because the one that was open has been renamed: lines that are logged from
    /// now on go to the new one, and those before to the old one, all of them.
    ///
    /// # Errors
    /// It cannot be opened; then the old one is written to as before.
    pub fn reopen(&self) -> Result<(), Error> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let sink = open(path).map_err(|error| {
            let (file, why) = (path.display(), plain_words(&error));
            Error::usage(format!(
                "the log {file} cannot be opened anew, and goes on in the old file: {why}"
            ))
        })?;
        let mut writers = lock(&self.writers);
        // A thread that has written everything has ended.
        if let Some(old) = writers.current.replace(Writer::new(sink)) {
            writers.leaving.retain(|writer| {
                let (appended, written) = writer.progress();
                appended != written
            });
            writers.leaving.push(old);
        }
        Ok(())
    }

    /// Waits until all are written.
    pub async fn finish(self) {
        let Writers { current, leaving } = std::mem::take(&mut *lock(&self.writers));
        for writer in leaving.into_iter().chain(current) {
            // There is nowhere left to report that stderr failed.
            let _ = writer.finish().await;
        }
    }
}

fn open(path: &Path) -> io::Result<Sink> {
    let mut file = LogFile::new(private_file::append(path)?);
    let name = path.display().to_string();
    Ok(Box::new(move |lines| {
        if let Some(complaint) = file.write(lines) {
            let complaint = format!("wirecat: the log {name} {complaint}\n");
            stdio::print(stdio::stderr(), complaint.as_bytes());
        }
        // What the file does not take now, it may take later.
        Ok(())
    }))
}

/// A file of lines, which may be full for a time.
struct LogFile<F = File> {
    file: F,
    /// The last line is not whole.
    is_torn: bool,
    /// Lines that were lost since it could not be written.
    lost: usize,
}

impl<F: Write> LogFile<F> {
    fn new(file: F) -> Self {
        LogFile {
            file,
            is_torn: false,
            lost: 0,
        }
    }

    /// Writes whole lines. Returns what is to be said about it, once: that it fails, and that it works
    /// again.
    fn write(&mut self, lines: &[u8]) -> Option<String> {
        let count = lines.iter().filter(|byte| **byte == b'\n').count();
        match self.append(lines) {
            Ok(()) => {
                let lost = std::mem::take(&mut self.lost);
                (lost > 0).then(|| format!("is written again; lines that were lost: {lost}"))
            }
            Err(error) => {
                let is_first = self.lost == 0;
                self.lost += count;
                is_first.then(|| format!("cannot be written: {}", plain_clause(&error)))
            }
        }
    }

    fn append(&mut self, mut lines: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        while !lines.is_empty() {
            match self.file.write(lines) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.is_torn = lines[written - 1] != b'\n';
                    lines = &lines[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.bytes.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_once_and_tears_no_later_line() {
        let (bytes, room) = (Vec::new(), 6);
        let mut file = LogFile::new(Disk { bytes, room });
        assert_eq!(file.write(b"one\n"), None);
        let full = file.write(b"two\nthree\n").unwrap();
        assert!(full.starts_with("cannot be written: "), "{full}");
        assert_eq!(file.write(b"four\n"), None);
        file.file.room = 100;
        let again = file.write(b"five\n").unwrap();
        assert_eq!(again, "is written again; lines that were lost: 3");
        assert_eq!(file.write(b"six\n"), None);
        assert_eq!(file.file.bytes, b"one\ntw\nfive\nsix\n");
    }

    #[tokio::test]
    async fn each_line_is_in_one_file_when_the_log_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        std::fs::write(name("log"), "before\n").unwrap();
        let log = LogLines::to_file(&name("log")).unwrap();
        for round in 0..5 {
            for line in 0..200 {
                log.push(&format!("{round} {line}"));
            }
            std::fs::rename(name("log"), name(&format!("log.{round}"))).unwrap();
            log.reopen().unwrap();
        }
        log.push("after");
        log.finish().await;
        let read = |file: &str| std::fs::read_to_string(name(file)).unwrap();
        for round in 0..5 {
            let first = if round == 0 { "before\n" } else { "" };
            let lines: String = (0..200).map(|line| format!("{round} {line}\n")).collect();
            assert_eq!(read(&format!("log.{round}")), format!("{first}{lines}"));
        }
        assert_eq!(read("log"), "after\n");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_that_nobody_reads_is_not_waited_for() {
        use std::io::Read as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = LogLines::to_file(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = LogLines::to_file(&path).err().unwrap().to_string();
        assert!(error.contains("--log-file"), "{error}");
        assert!(log.reopen().is_err());
        // One that is read is as good as a file.
        let mut options = std::fs::OpenOptions::new();
        let mut reader = options.read(true).write(true).open(&path).unwrap();
        log.reopen().unwrap();
        log.push("line");
        log.finish().await;
        let mut read = [0; 5];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"line\n");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_anew_is_written_to_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("moved"));
        let log = LogLines::to_file(&path).unwrap();
        std::fs::rename(&path, &moved).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = log.reopen().unwrap_err().to_string();
        assert!(error.contains("goes on in the old file"), "{error}");
        log.push("line");
        log.finish().await;
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "line\n");
        assert!(LogLines::to_file(&path).is_err());
    }
}
