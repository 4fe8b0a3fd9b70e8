//! Reads a configuration file, and the secrets that it refers to.
//!
//! A file that somebody else can write is refused: it could name commands to run and hosts to send
//! tokens to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::text::Text;
use crate::auth::sources::Source;
use crate::cli::world::World;
use crate::error::{Error, plain_clause, plain_words};

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// The default file: `$XDG_CONFIG_HOME/wirecat/config.toml`, or below `~/.config`. A relative
/// `XDG_CONFIG_HOME` counts as unset (XDG Base Directory Specification 0.8).
pub(super) fn default_path(world: &World) -> Option<PathBuf> {
    let named = world.variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let base = named.filter(|path| path.is_absolute()).or_else(|| {
        let home = world.variable("HOME")?;
        Some(PathBuf::from(home).join(".config"))
    });
    Some(base?.join("wirecat/config.toml"))
}

/// Reads the file at `path`.
///
/// # Errors
/// Exit 2 if it cannot be read, is not a regular file, or others can write it; with
/// `may_be_missing`, a missing file is `None`.
pub(super) fn read(path: &Path, may_be_missing: bool) -> Result<Option<Text>, Error> {
    let name = path.display().to_string();
    let wrong = |why: String| Error::usage(format!("{name}: {why}"));
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if may_be_missing && is_missing(&error) => return Ok(None),
        Err(error) => {
            let what = format!(
                "cannot read the configuration file {name}: {}",
                plain_clause(&error)
            );
            return Err(Error::usage(what).advice("--no-config does without one"));
        }
    };
    let metadata = file
        .metadata()
        .map_err(|error| wrong(plain_words(&error)))?;
    if !metadata.is_file() {
        return Err(wrong(
            "the configuration file is not a regular file".to_owned(),
        ));
    }
    trusted(&metadata, &name)?;
    let mut content = Vec::new();
    let read = file.take(MAX_SIZE + 1).read_to_end(&mut content);
    read.map_err(|error| wrong(plain_words(&error)))?;
    if content.len() as u64 > MAX_SIZE {
        return Err(wrong(
            "the configuration file is larger than 1 MiB".to_owned(),
        ));
    }
    let content = String::from_utf8(content).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong(format!(
            "line {line} of the configuration file is not UTF-8"
        ))
    })?;
    Ok(Some(Text {
        path: name,
        content,
    }))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Opens a file without waiting for the writer of a FIFO.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Checks that only this user, or root, can write the file.
#[cfg(unix)]
fn trusted(metadata: &std::fs::Metadata, name: &str) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt as _;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let user = nix::unistd::geteuid().as_raw();
    if owner != user && owner != 0 {
        let what = format!("{name}: the configuration file belongs to another user (uid {owner})");
        return Err(Error::usage(what).advice(format!("chown {user} {}", quoted(name))));
    }
    let others = match (mode & 0o020 != 0, mode & 0o002 != 0) {
        (false, false) => return Ok(()),
        (true, false) => "its group",
        (_, true) => "everybody",
    };
    let what =
        format!("{name}: the configuration file can be written by {others} (mode {mode:04o})");
    Err(Error::usage(what).advice(format!("chmod go-w {}", quoted(name))))
}

#[cfg(not(unix))]
fn trusted(_: &std::fs::Metadata, _: &str) -> Result<(), Error> {
    Ok(())
}

/// `name` as a word of the shell.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~".contains(c);
    match name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

/// Reads what `source` refers to, without the line end that files and commands end with.
///
/// # Errors
/// A sentence that says why there is nothing to read.
pub(in crate::cli) fn source(source: &Source, world: &World) -> Result<String, String> {
    let (name, bytes) = match source {
        Source::Literal(text) => return Ok(text.expose().to_owned()),
        Source::Prompt => return Err("prompt is a source of 'token' only".to_owned()),
        Source::Variable(name) => {
            let value = world.environment.get(name).cloned();
            return value.ok_or_else(|| {
                format!("env:{name}: there is no such variable in the environment")
            });
        }
        Source::File(path) if world.is_dry_run => return Ok(format!("[from @{path}]")),
        Source::Command(command) if world.is_dry_run => return Ok(format!("[from cmd:{command}]")),
        Source::File(path) => {
            let path = in_home(path, world);
            (format!("@{path}"), value_in(&path))
        }
        Source::Command(command) => (format!("cmd:{command}"), run(command)),
    };
    let bytes = bytes.map_err(|error| format!("{name}: {}", plain_words(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name}: it is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line.is_empty() {
        true => Err(format!("{name}: it is empty")),
        false => Ok(line.to_owned()),
    }
}

/// The content of a file that holds one value, which may be a device without an end.
fn value_in(path: &str) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(MAX_SIZE + 1)
        .read_to_end(&mut content)?;
    match content.len() as u64 > MAX_SIZE {
        true => Err(io::Error::other("it is too large")),
        false => Ok(content),
    }
}

/// `path` with the user's home in place of a leading `~/`.
pub(super) fn in_home(path: &str, world: &World) -> String {
    match (path.strip_prefix("~/"), world.variable("HOME")) {
        (Some(rest), Some(home)) => format!("{}/{rest}", home.trim_end_matches('/')),
        _ => path.to_owned(),
    }
}

/// Runs a command in the shell. Its stderr goes to the terminal. One that prints without end is killed.
fn run(command: &str) -> io::Result<Vec<u8>> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_SIZE + 1).read_to_end(&mut output)?;
    }
    let is_too_large = output.len() as u64 > MAX_SIZE;
    if is_too_large {
        // It may have ended just now.
        let _ = child.kill();
    }
    let status = child.wait()?;
    match status.success() {
        _ if is_too_large => Err(io::Error::other("its output is too large")),
        true => Ok(output),
        false => Err(io::Error::other(format!("the command failed ({status})"))),
    }
}
