//! The files that a script names. They are in the folder of the script, or below it: a script that came
//! from elsewhere reads nothing else.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::plain_words;
use crate::io::stdio;

/// The largest file that a script may send or be checked against, in bytes.
pub(super) const MAX_FILE: u64 = 256 << 20;

/// The name of stdin.
pub const STDIN: &str = "-";

/// A folder that files are read from.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Names are relative to it.
    path: PathBuf,
    /// What must not be left, symbolic links included; `None` where files may be anywhere.
    root: Option<PathBuf>,
}

impl Folder {
    /// The folder of this script. `root` is what must not be left, without a symbolic link in it.
    pub fn of(script: &Path, root: Option<PathBuf>) -> Folder {
        let folder = script.parent().unwrap_or(Path::new(""));
        let path = match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        };
        Folder { path, root }
    }

    /// The folder of a file in this one.
    pub fn of_included(&self, file: &Path) -> Folder {
        Folder::of(file, self.root.clone())
    }

    /// The path of a file that the script names.
    ///
    /// # Errors
    /// Why it is not read.
    pub fn path_of(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.path.join(name);
        let Some(root) = &self.root else {
            return Ok(path);
        };
        let real = path
            .canonicalize()
            .map_err(|error| format!("{name}: {}", plain_words(&error)))?;
        match real.starts_with(root) {
            true => Ok(real),
            false => Err(format!(
                "{name} is not in the folder of the script; --file-root DIR allows more"
            )),
        }
    }

    /// Reads a file that the script names.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, String> {
        let path = self.path_of(name)?;
        read(&path, most).map_err(|why| format!("{name}: {why}"))
    }
}

/// Reads a whole file, which is no device and no pipe.
///
/// # Errors
/// Why it cannot be read.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| plain_words(&error);
    let metadata = std::fs::metadata(path).map_err(words)?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    read_whole(File::open(path).map_err(words)?, most)
}

/// Reads what the user has named: a file, a pipe such as `<(COMMAND)` of a shell, or stdin as `-`.
///
/// # Errors
/// Why it cannot be read.
pub fn read_given(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| plain_words(&error);
    match path == Path::new(STDIN) {
        true => read_whole(stdio::stdin().map_err(words)?, most),
        false => read_whole(File::open(path).map_err(words)?, most),
    }
}

fn read_whole(from: impl Read, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = from.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| plain_words(&error))?;
    match bytes.len() as u64 > most {
        true => Err(format!("it is larger than {} MiB", most >> 20)),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_files_of_its_own_folder() {
        let outside = tempfile::tempdir().unwrap();
        let inside = outside.path().join("scripts");
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        std::fs::write(inside.join("sub/file"), "f").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../secret", inside.join("link")).unwrap();
        let root = inside.canonicalize().unwrap();
        let folder = Folder::of(&inside.join("x.wst"), Some(root));
        assert_eq!(folder.read("sub/file", 10).unwrap(), b"f");
        assert_eq!(folder.read("./sub/file", 10).unwrap(), b"f");
        for name in ["../secret", "/etc/passwd", "sub/../../secret", "link", ""] {
            assert!(folder.read(name, 10).is_err(), "{name}");
        }
        assert!(folder.read("sub", 10).unwrap_err().contains("no file"));
        std::fs::write(inside.join("large"), "12345").unwrap();
        assert!(folder.read("large", 4).unwrap_err().contains("larger"));
        let anywhere = Folder::of(&inside.join("x.wst"), None);
        assert_eq!(anywhere.read("../secret", 10).unwrap(), b"s");
    }
}
