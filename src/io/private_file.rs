//! Files that only their owner may read, because they may hold secrets or a server's words.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Options with which a new file gets mode 0600. One that is there keeps its own.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a file to append to, or creates it. A pipe that nobody reads is an error; to open it would
/// otherwise wait for a reader, for ever.
///
/// # Errors
/// It can neither be opened nor created.
pub fn append(path: &Path) -> io::Result<File> {
    let mut options = options();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};

        let flags = OFlag::O_NONBLOCK.bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
        let file = options.open(path)?;
        // From now on, a pipe that is full is waited for.
        let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
        fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// Creates a file to write to. An existing file or link with this name is never written to.
///
/// # Errors
/// It cannot be created, or there is one.
pub fn create_new(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// Replaces the file at `path`, which is no link, by a new one that `write` fills: at any time there is
/// the old content or the new one, and where this fails the old one.
///
/// # Errors
/// It cannot be created beside the old one, filled or renamed.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", rand::random::<u64>()));
    let beside = path.with_file_name(name);
    let mut file = create_new(&beside)?;
    let written = write(&mut file).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_new_file_is_its_owners_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let mode = create_new(&path).unwrap().metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let link = folder.path().join("link");
        symlink(folder.path().join("elsewhere"), &link).unwrap();
        for taken in [path, link] {
            let error = create_new(&taken).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn a_file_that_is_replaced_is_the_old_one_or_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let write = |text: &str, fails: bool| {
            replace(&path, |file| {
                file.write_all(text.as_bytes())?;
                match fails {
                    true => Err(io::ErrorKind::StorageFull.into()),
                    false => Ok(()),
                }
            })
        };
        write("old", false).unwrap();
        write("half of the", true).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        write("new", false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
