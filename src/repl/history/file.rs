//! The file of the history, which several sessions share. An entry is appended with one write under a
//! lock, and only whole lines are read, so that no session loses or tears what another has written.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::{Entry, KEPT, KEPT_BYTES, latest};
use crate::io::private_file;

/// A larger file is read from here before its end, in bytes.
const READ: u64 = 4 * KEPT_BYTES as u64;

/// More lines than are kept, before the file is rewritten.
const SLACK: usize = KEPT / 5;

/// How long another session may hold the lock. It never does so for long, unless it has been stopped.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A history file, which need not exist yet.
#[derive(Debug)]
pub(in crate::repl) struct HistoryFile {
    path: PathBuf,
    /// Up to where it has been read, and which file that was.
    read: u64,
    id: Option<u64>,
    /// Lines that have been read, whether they are kept or not.
    lines: usize,
    /// How long another session may hold the lock.
    lock_timeout: Duration,
}

impl HistoryFile {
    pub(in crate::repl) fn new(path: PathBuf) -> Self {
        HistoryFile {
            path,
            read: 0,
            id: None,
            lines: 0,
            lock_timeout: LOCK_TIMEOUT,
        }
    }

    /// The entries that have been written since the last call, by whatever session; without a file
    /// there are none.
    ///
    /// # Errors
    /// It is no regular file, or cannot be read.
    pub(in crate::repl) fn read_new(&mut self) -> io::Result<Vec<Entry>> {
        let Some(mut file) =
            absent_is_none(check(&self.path).and_then(|()| File::open(&self.path)))?
        else {
            return Ok(Vec::new());
        };
        let metadata = file.metadata()?;
        let (len, id) = (metadata.len(), id_of(&metadata));
        if self.id != id || len < self.read {
            (self.read, self.id, self.lines) = (0, id, 0);
        }
        if len == self.read {
            return Ok(Vec::new());
        }
        self.read = self.read.max(len.saturating_sub(READ));
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(len - self.read).read_to_end(&mut bytes)?;
        // A line that another session is still writing comes next time.
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        self.read += whole as u64;
        Ok(self.parse(&bytes[..whole]))
    }

    fn parse(&mut self, bytes: &[u8]) -> Vec<Entry> {
        let lines = bytes.split(|byte| *byte == b'\n');
        let lines = lines.inspect(|_| self.lines += 1);
        latest(lines.filter_map(Entry::decoded).collect())
    }

    /// Appends entries, and makes the file shorter where it has become too long.
    ///
    /// # Errors
    /// It cannot be made or written; then it is as it was.
    pub(in crate::repl) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut file = self.open_locked()?;
        let len = file.metadata()?.len();
        let mut text: String = entries.iter().map(Entry::encoded).collect();
        // A crash may have cut the last line off.
        if len > 0 && last_byte(&mut file)? != b'\n' {
            text.insert(0, '\n');
        }
        let written = file.write(text.as_bytes()).and_then(|count| match count {
            count if count == text.len() => Ok(()),
            _ => Err(ErrorKind::StorageFull.into()),
        });
        if let Err(error) = written {
            file.set_len(len)?;
            return Err(error);
        }
        if self.lines > KEPT + SLACK || len > READ {
            self.compact(&mut file)?;
        }
        Ok(())
    }

    /// The file, locked: another session may have replaced it while this one waited.
    fn open_locked(&self) -> io::Result<File> {
        let deadline = Instant::now() + self.lock_timeout;
        if let Some(folder) = self.path.parent() {
            create_folder(folder)?;
        }
        loop {
            absent_is_none(check(&self.path))?;
            let file = open(&self.path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &self.path)? => return Ok(file),
                Ok(()) => {}
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(2)),
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "another session holds its lock",
                ));
            }
        }
    }

    /// Replaces the file by one with the entries that are kept. The lock on the old one holds others
    /// off meanwhile; they then find that it has been replaced.
    fn compact(&mut self, file: &mut File) -> io::Result<()> {
        let mut bytes = Vec::new();
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(READ)))?;
        file.read_to_end(&mut bytes)?;
        let mut text = String::new();
        for entry in self.parse(&bytes) {
            text.push_str(&entry.encoded());
        }
        // A symbolic link stays one.
        let old = fs::canonicalize(&self.path)?;
        let new = old.with_extension(format!("{:08x}", rand::random::<u32>()));
        let replaced = private_file::create_new(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, &old));
        if replaced.is_err() {
            let _ = fs::remove_file(&new);
        }
        self.lines = 0;
        replaced
    }
}

/// A pipe or a device could block the prompt for ever.
fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = private_file::options();
    options.read(true).append(true).create(true);
    let file = options.open(path)?;
    keep_private(&file)?;
    Ok(file)
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// A file that was made by hand, or restored from elsewhere, may be readable for others.
#[cfg(unix)]
fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        file.set_permissions(permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn id_of(metadata: &fs::Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

/// There, a file that another session replaces is found by its length.
#[cfg(not(unix))]
fn id_of(_: &fs::Metadata) -> Option<u64> {
    None
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let now = absent_is_none(fs::metadata(path))?;
    Ok(now.is_some_and(|now| file.metadata().is_ok_and(|it| id_of(&it) == id_of(&now))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry {
            host: "h".to_owned(),
            time: 1,
            text: text.to_owned(),
        }
    }

    fn texts(file: &mut HistoryFile) -> Vec<String> {
        let entries = file.read_new().unwrap();
        entries.into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn sessions_see_each_others_lines_once_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/history");
        let mut one = HistoryFile::new(path.clone());
        let mut two = HistoryFile::new(path);
        assert!(texts(&mut one).is_empty());
        one.append(&[entry("1")]).unwrap();
        assert_eq!(texts(&mut two), ["1"]);
        two.append(&[entry("2\n3")]).unwrap();
        assert_eq!(texts(&mut one), ["1", "2\n3"]);
        assert_eq!(texts(&mut two), ["2\n3"]);
        assert!(texts(&mut two).is_empty());
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let whole = entry("whole").encoded();
        fs::write(&path, format!("{whole}{}", &entry("cut").encoded()[..20])).unwrap();
        let mut file = HistoryFile::new(path);
        assert_eq!(texts(&mut file), ["whole"]);
        file.append(&[entry("next")]).unwrap();
        assert_eq!(texts(&mut file), ["next"]);
    }

    #[test]
    fn many_sessions_at_once_lose_no_line_while_one_makes_the_file_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let old: String = (0..KEPT + SLACK + 5)
            .map(|n| entry(&format!("old {n}")).encoded())
            .collect();
        fs::write(&path, old).unwrap();
        thread::scope(|scope| {
            for session in 0..4 {
                let path = path.clone();
                scope.spawn(move || {
                    let mut file = HistoryFile::new(path);
                    file.lock_timeout = Duration::from_secs(60);
                    for n in 0..25 {
                        file.read_new().unwrap();
                        file.append(&[entry(&format!("{session} {n}"))]).unwrap();
                    }
                });
            }
        });
        let all = texts(&mut HistoryFile::new(path.clone()));
        let mut new: Vec<_> = all.iter().filter(|it| !it.starts_with("old")).collect();
        new.sort();
        new.dedup();
        assert_eq!(new.len(), 100);
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1);
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= KEPT + 100, "{lines}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = folder.path().join("state/wirecat/history");
        HistoryFile::new(path.clone())
            .append(&[entry("1")])
            .unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        HistoryFile::new(path.clone())
            .append(&[entry("2")])
            .unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_one_when_the_file_is_made_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("history"));
        let old = (0..KEPT + SLACK + 5).map(|n| entry(&n.to_string()).encoded());
        fs::write(&target, old.collect::<String>()).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut file = HistoryFile::new(link.clone());
        file.read_new().unwrap();
        file.append(&[entry("new")]).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(target).unwrap().lines().count(), KEPT);
        assert!(texts(&mut file).ends_with(&["new".to_owned()]));
    }

    #[test]
    fn hostile_files_are_errors_or_empty() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = HistoryFile::new(folder.path().to_owned());
        assert!(file.read_new().is_err() && file.append(&[entry("1")]).is_err());
        let path = folder.path().join("history");
        let bytes = [
            &b"\x1b]0;x\x07\n\xff\xfe\n\0\n"[..],
            &vec![b'x'; 1 << 20],
            b"\n",
        ]
        .concat();
        fs::write(&path, bytes).unwrap();
        let mut file = HistoryFile::new(path);
        assert!(texts(&mut file).is_empty());
        file.append(&[entry("1")]).unwrap();
        assert_eq!(texts(&mut file), ["1"]);
    }

    #[test]
    fn where_the_lock_is_held_it_gives_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let held = open(&path).unwrap();
        held.lock().unwrap();
        let error = HistoryFile::new(path).append(&[entry("1")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
