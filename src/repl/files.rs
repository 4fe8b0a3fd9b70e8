//! Files that are named at the prompt: read for payloads and lines, written for `/save`. It must open
//! nothing that could block the session, such as a pipe.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;

use crate::error::plain_words;
use crate::io::saved_file;
use crate::wire::frame::RawFrame;
use crate::written::Data;

/// Appends these bytes to the frame's payload, which may have the code of a Close.
pub(super) fn with_payload(mut frame: RawFrame, data: Data) -> Result<RawFrame, String> {
    let data = bytes_of(data)?;
    frame.payload = if frame.payload.is_empty() {
        data
    } else {
        Bytes::from([frame.payload, data].concat())
    };
    frame
        .check_form()
        .map_err(|why| format!("{why}; bits=64 holds every length"))?;
    Ok(frame)
}

pub(super) fn bytes_of(data: Data) -> Result<Bytes, String> {
    match data {
        Data::Bytes(bytes) => Ok(bytes),
        Data::File(path) => read_file(&path).map(Bytes::from),
    }
}

/// The largest file of commands, in bytes. The session waits while it is read.
const MAX_COMMANDS: u64 = 16 * 1024 * 1024;

/// Reads a file of commands.
///
/// # Errors
/// A sentence: it cannot be read, is too large, or is not UTF-8.
pub(super) fn read_commands(path: &str) -> Result<String, String> {
    let len = open_file(path)?.metadata().map_or(0, |it| it.len());
    if len > MAX_COMMANDS {
        return Err(format!(
            "{path}: {len} bytes; a file of commands has at most {MAX_COMMANDS} (/sendfile --lines sends the lines of any file)"
        ));
    }
    let text = String::from_utf8(read_file(path)?);
    text.map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{path}: byte {} is not UTF-8", at + 1)
    })
}

/// The names in a folder, and whether they are folders; `""` is the current one.
pub(super) fn list(folder: &str) -> Vec<(String, bool)> {
    /// A completion must not take long.
    const MOST: usize = 5000;
    let folder = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let entries = entries.take(MOST).filter_map(Result::ok);
    let named = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name, entry.path().is_dir()))
    });
    named.collect()
}

/// Reads a regular file, up to where it ends now: another program may go on writing to it.
///
/// # Errors
/// A sentence: it cannot be read.
pub(super) fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = open_file(path)?;
    let len = file.metadata().map_or(u64::MAX, |it| it.len());
    let read = file.take(len).read_to_end(&mut bytes);
    read.map_err(|error| format!("{path}: {}", plain_words(&error)))?;
    Ok(bytes)
}

/// Opens a regular file. A pipe or a device could block the session for ever.
///
/// # Errors
/// A sentence: it cannot be opened.
pub(super) fn open_file(path: &str) -> Result<File, String> {
    let wrong = |error: io::Error| format!("{path}: {}", plain_words(&error));
    let metadata = fs::metadata(path).map_err(wrong)?;
    check_regular(path, &metadata)?;
    File::open(path).map_err(wrong)
}

fn check_regular(path: &str, metadata: &Metadata) -> Result<(), String> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(format!("{path} is not a regular file")),
    }
}

/// Writes a regular file: a new one that only the user may read, or one in place of one that is there,
/// with its mode. Where that fails, as on a full disk, the old content stays.
///
/// # Errors
/// A sentence: it cannot be written.
pub(super) fn write_file(path: &str, bytes: &[u8]) -> Result<(), String> {
    let place = Path::new(path);
    if let Ok(metadata) = fs::metadata(place) {
        check_regular(path, &metadata)?;
    }
    let written = saved_file::write(place, bytes);
    written.map_err(|error| format!("{path}: {}", plain_words(&error)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn a_pipe_without_a_reader_blocks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let path = path.to_str().unwrap();
        let refused = Err(format!("{path} is not a regular file"));
        assert_eq!(write_file(path, b"x"), refused);
        assert_eq!(read_file(path).map(drop), refused);
    }

    #[test]
    fn a_new_file_is_private_and_one_that_is_there_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let name = path.to_str().unwrap();
        write_file(name, b"longer").unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        write_file(name, b"x").unwrap();
        assert_eq!((mode(), &*read_file(name).unwrap()), (0o640, &b"x"[..]));
    }

    #[test]
    fn a_file_is_replaced_and_never_half_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved");
        let name = path.to_str().unwrap();
        write_file(name, b"old").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        // Who has the old one open reads it to its end.
        let mut reader = File::open(&path).unwrap();
        write_file(name, b"new").unwrap();
        assert_ne!(fs::metadata(&path).unwrap().ino(), before);
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!((&*read, &*read_file(name).unwrap()), ("old", &b"new"[..]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let name = |name: &str| path(name).to_str().unwrap().to_owned();
        symlink("target", path("link")).unwrap();
        for text in ["to a file that is not there", "to one that is"] {
            write_file(&name("link"), text.as_bytes()).unwrap();
            assert!(path("link").is_symlink());
            assert_eq!(fs::read_to_string(path("target")).unwrap(), text);
        }
        fs::hard_link(path("target"), path("other")).unwrap();
        write_file(&name("target"), b"both").unwrap();
        assert_eq!(fs::read_to_string(path("other")).unwrap(), "both");
    }
}
