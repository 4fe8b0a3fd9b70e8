//! The file of a recording: whole lines are appended to it, and it always ends in a whole line.
//!
//! Each line is one write, so that other programs may append to the same file, and a killed run tears
//! the last line at most. What a full disk or a killed run has left of a line is cut off. It must never
//! cut what is not such a line.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use super::private_file;
use super::stdio::{self, Stream};
use super::writer::{self, Sink};

/// How every event begins. A torn line may be shorter.
const BEGINNING: &[u8] = b"{\"type\":\"";

/// The longest torn line that is read to see whether only its line feed is missing, in bytes.
const LONGEST: u64 = 256 << 20;

/// Bytes read at once when the last line is searched for.
const BLOCK: u64 = 64 * 1024;

/// Where lines go.
pub(super) struct Destination {
    pub(super) sink: Sink,
    /// A device, which may be a terminal that acts on what it is sent.
    pub(super) is_device: bool,
}

impl Destination {
    /// A file that has been opened to append to.
    pub(super) fn of(file: File) -> Destination {
        Destination {
            sink: sink(file.into()),
            is_device: false,
        }
    }
}

/// Opens the file at `path`, or stdout for `-`. A missing file is created with mode 0600; an existing
/// one is appended to. Opening a FIFO waits for its reader, so the first write does that.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn open(path: &Path) -> io::Result<Destination> {
    let metadata = metadata(path)?;
    let is_device = metadata.as_ref().is_some_and(is_device);
    let sink = match &metadata {
        Some(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Some(metadata) if let Some(stream) = own_stream(metadata) => sink(stream),
        Some(metadata) if is_fifo(metadata) => {
            writer::check_file(path)?;
            opened_later(path.to_owned())
        }
        _ => {
            let file = append(path)?;
            mend(file.file())?;
            sink(file)
        }
    };
    Ok(Destination { sink, is_device })
}

/// What is at `path`; `None` if nothing is. `-` is stdout.
fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    let metadata = match path.as_os_str() == "-" {
        true => stdio::stdout()?.file().metadata(),
        false => path.metadata(),
    };
    match metadata {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// stdout or stderr, where that is the file: opened anew, it would have a position of its own, and
/// one would overwrite the other. Nothing is cut off at its end, which is not ours alone.
#[cfg(unix)]
fn own_stream(wanted: &Metadata) -> Option<Stream> {
    use std::os::unix::fs::MetadataExt;

    let is_wanted = |stream: &Stream| {
        let metadata = stream.file().metadata();
        metadata.is_ok_and(|it| it.dev() == wanted.dev() && it.ino() == wanted.ino())
    };
    let streams = [stdio::stdout(), stdio::stderr()];
    streams.into_iter().flatten().find(is_wanted)
}

#[cfg(not(unix))]
fn own_stream(_: &Metadata) -> Option<Stream> {
    None
}

#[cfg(unix)]
fn is_fifo(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;

    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_fifo(_: &Metadata) -> bool {
    false
}

fn is_device(metadata: &Metadata) -> bool {
    !metadata.is_file() && !is_fifo(metadata)
}

fn opened_later(path: PathBuf) -> Sink {
    let mut opened = None;
    Box::new(move |lines| {
        let stream = match &mut opened {
            Some(stream) => stream,
            // Not for reading: a FIFO has a reader then, and nobody waits for another.
            none => none.insert(appending().open(&path)?.into()),
        };
        write_lines(stream, lines)
    })
}

fn sink(mut stream: Stream) -> Sink {
    Box::new(move |lines| write_lines(&mut stream, lines))
}

/// Opens a file that can be read too, so that a torn line is found, unless its mode forbids that.
fn append(path: &Path) -> io::Result<Stream> {
    let mut options = appending();
    match options.read(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            options.read(false).open(path)
        }
        opened => opened,
    }
    .map(Stream::from)
}

fn appending() -> OpenOptions {
    let mut options = private_file::options();
    options.append(true).create(true);
    options
}

/// Writes whole lines, each in one write unless the system takes only a part of it.
///
/// # Errors
/// Why it failed; then the file ends in the last line that was written whole.
fn write_lines(stream: &mut Stream, mut lines: &[u8]) -> io::Result<()> {
    while !lines.is_empty() {
        let end = memchr::memchr(b'\n', lines).map_or(lines.len(), |at| at + 1);
        let (line, rest) = lines.split_at(end);
        write_line(stream, line)?;
        lines = rest;
    }
    Ok(())
}

/// # Errors
/// Why it failed; then nothing of the line is left.
fn write_line(stream: &mut Stream, line: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < line.len() {
        match stream.write(&line[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => written += bytes,
            Err(error) => {
                // The first error is the one to report.
                let _ = cut_back(stream.file(), written as u64);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Cuts off the last `torn` bytes that were written, unless somebody has written behind them.
fn cut_back(mut file: &File, torn: u64) -> io::Result<()> {
    let metadata = file.metadata()?;
    let end = file.stream_position()?;
    if torn > 0 && metadata.is_file() && metadata.len() == end {
        file.set_len(end - torn)?;
        file.seek(SeekFrom::Start(end - torn))?;
    }
    Ok(())
}

/// Cuts off a torn event at the end of the file, which an earlier run has left. Anything else there
/// becomes a line.
fn mend(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(());
    }
    // While another run records to the same file, its last line may just be under way.
    if file.try_lock().is_ok() {
        let length = file.metadata()?.len();
        match last_line(file, length)? {
            Some(0) | None => {}
            Some(torn) if is_torn_event(file, length - torn)? => file.set_len(length - torn)?,
            Some(_) => (&*file).write_all(b"\n")?,
        }
    }
    // A file system without locks has none to respect. The lock goes with the file.
    let _ = file.try_lock_shared();
    Ok(())
}

/// The length of what follows the last line feed; `None` if the file cannot be read.
fn last_line(mut file: &File, length: u64) -> io::Result<Option<u64>> {
    let mut block = Vec::new();
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        block.clear();
        file.seek(SeekFrom::Start(start))?;
        match file.take(end - start).read_to_end(&mut block) {
            // EBADF: it was opened for writing only.
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Ok(None),
            read => drop(read?),
        }
        if let Some(at) = memchr::memrchr(b'\n', &block) {
            return Ok(Some(length - (start + at as u64 + 1)));
        }
        end = start;
    }
    Ok(Some(length))
}

/// Whether what begins at `start` is an event without its end.
fn is_torn_event(mut file: &File, start: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(start))?;
    let mut line = Vec::new();
    file.take(LONGEST).read_to_end(&mut line)?;
    let common = line.len().min(BEGINNING.len());
    Ok(line[..common] == BEGINNING[..common]
        && serde_json::from_slice::<IgnoredAny>(&line).is_err())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const EVENT: &str = r#"{"type":"end","t":1.0}"#;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        (folder, path)
    }

    #[track_caller]
    fn append_to(path: &Path, lines: &str) {
        let mut destination = open(path).unwrap();
        (destination.sink)(lines.as_bytes()).unwrap();
    }

    #[test]
    fn a_new_file_is_private_and_an_existing_one_keeps_its_mode() {
        let (_folder, path) = folder();
        append_to(&path, "one\n");
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        append_to(&path, "two\n");
        assert_eq!(mode(&path), 0o644);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_link_is_followed() {
        let (folder, path) = folder();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        append_to(&link, "one\n");
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn a_torn_event_is_cut_off_and_nothing_else() {
        let whole = format!("{EVENT}\n");
        let long = format!("{{\"type\":\"send\",\"data\":\"{}", "x".repeat(200_000));
        for (left, kept) in [
            (String::new(), String::new()),
            (whole.clone(), whole.clone()),
            (format!("{whole}{{\"ty"), whole.clone()),
            (format!("{whole}{long}"), whole.clone()),
            (long.clone(), String::new()),
            (
                r#"{"type":"send","data":"{}"#.to_owned() + "}",
                String::new(),
            ),
            // Only its line feed is missing.
            (format!("{whole}{EVENT}"), format!("{whole}{whole}")),
            // Somebody else's text.
            (format!("{whole}notes"), format!("{whole}notes\n")),
            (
                "{\"other\":1}\n{\"other".to_owned(),
                "{\"other\":1}\n{\"other\n".to_owned(),
            ),
        ] {
            let (_folder, path) = folder();
            fs::write(&path, &left).unwrap();
            append_to(&path, "next\n");
            let found = fs::read_to_string(&path).unwrap();
            assert!(
                found == format!("{kept}next\n"),
                "{left:.100}: {found:.100}"
            );
        }
    }

    #[test]
    fn a_line_that_another_run_is_writing_is_not_cut_off() {
        let (_folder, path) = folder();
        append_to(&path, "one\n");
        let mut first = open(&path).unwrap();
        fs::write(&path, "{\"type\":").unwrap();
        append_to(&path, "two\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"type\":two\n");
        (first.sink)(b"three\n").unwrap();
        drop(first);
        assert!(fs::read_to_string(&path).unwrap().ends_with("two\nthree\n"));
    }

    #[test]
    fn each_line_is_one_write() {
        // The receiver of datagrams sees every write by itself.
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let mut sink = sink(Stream::from(File::from(std::os::fd::OwnedFd::from(ours))));
        sink(b"one\n{\"two\":2}\n\n").unwrap();
        sink(b"three\n").unwrap();
        theirs.set_nonblocking(true).unwrap();
        let mut buffer = [0; 100];
        let writes: Vec<_> = std::iter::from_fn(|| {
            let length = theirs.recv(&mut buffer).ok()?;
            Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
        })
        .collect();
        assert_eq!(writes, ["one\n", "{\"two\":2}\n", "\n", "three\n"]);
    }

    #[test]
    fn what_was_written_of_a_line_is_cut_back() {
        let (_folder, path) = folder();
        let stream = append(&path).unwrap();
        for (written, torn, kept) in [
            ("one\ntw", 2, "one\n"),
            ("x", 1, "one\n"),
            ("two\n", 0, "one\ntwo\n"),
        ] {
            stream.file().write_all(written.as_bytes()).unwrap();
            cut_back(stream.file(), torn).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        }
        // Somebody has written behind it.
        stream.file().write_all(b"tor").unwrap();
        append(&path).unwrap().write_all(b"other\n").unwrap();
        cut_back(stream.file(), 3).unwrap();
        let found = fs::read_to_string(&path).unwrap();
        assert_eq!(found, "one\ntwo\ntorother\n");
    }

    #[test]
    fn a_file_that_can_only_be_written_is_appended_to() {
        let (_folder, path) = folder();
        fs::write(&path, "one\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o200)).unwrap();
        append_to(&path, "two\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn what_cannot_be_written_is_an_error_at_once() {
        let (folder, path) = folder();
        assert!(open(folder.path()).is_err());
        assert!(open(&path.join("missing")).is_err());
        assert!(open(Path::new("/dev/null")).unwrap().is_device);
    }
}
