//! A recording that is held back until what must not stand in it is known. It must never be in a file that
//! has a name: what a killed run leaves behind could be read there.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::private_file;
use super::record_file::{self, Destination};

/// What is held back, and the file that it is meant for.
pub struct HeldRecording {
    path: PathBuf,
    destination: Destination,
    held: File,
}

impl HeldRecording {
    /// Opens the file at `path`, and returns beside it the file that is to be written to. That goes when
    /// this program ends, in whatever way.
    ///
    /// # Errors
    /// The one or the other cannot be written.
    pub fn open(path: &Path) -> io::Result<(HeldRecording, File)> {
        let destination = record_file::open(path)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}.held", rand::random::<u64>()));
        let beside = path.with_file_name(name);
        let mut options = private_file::options();
        let written = options.append(true).create_new(true).open(&beside)?;
        // Opened by itself, it has a position of its own.
        let held = File::open(&beside);
        fs::remove_file(&beside)?;
        let held = HeldRecording {
            path: path.to_owned(),
            destination,
            held: held?,
        };
        Ok((held, written))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends what has been held back to the file, each line as `replace` has it.
    ///
    /// # Errors
    /// It cannot be read or written any more.
    pub fn release(mut self, replace: impl Fn(Vec<u8>) -> Vec<u8>) -> io::Result<()> {
        let mut held = BufReader::new(&self.held);
        loop {
            let mut line = Vec::new();
            if held.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            (self.destination.sink)(&replace(line))?;
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_held_back_is_in_no_file_with_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write(&path, "old\n").unwrap();
        let (held, mut file) = HeldRecording::open(&path).unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
        held.release(|line| [&b"- "[..], &line].concat()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n- one\n- two\n");
    }
}
