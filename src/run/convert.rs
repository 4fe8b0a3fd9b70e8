//! `wirecat convert`: reads a file, and writes what it becomes.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use crate::cli::early;
use crate::cli::resolve::Convert;
use crate::cli::world::World;
use crate::convert;
use crate::error::{Error, Exit, Stage, plain_clause, plain_words};
use crate::io::{saved_file, stdio};
use crate::output::sanitize;
use crate::secret::Redactor;
use crate::units;

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 1 << 30;

/// Converts a file.
///
/// # Errors
/// Exit 2 if it cannot be read, or not be written like that, or would be written over itself.
pub(super) fn convert(job: &Convert, world: &World) -> Result<Exit, Error> {
    let path = &job.file;
    let sources = (path.as_os_str() != "-").then_some(path.as_path());
    if let Some(place) = &job.output {
        saved_file::check_is_no_source(("-o", place), sources)?;
    }
    let bytes = read(path).map_err(|error| cannot("read", path, &error))?;
    let input = convert::read(path, &bytes, |name| {
        let beside = path.with_file_name(name);
        read_file(&beside).map_err(|error| plain_clause(&error))
    })?;
    drop(bytes);
    input.notes.iter().for_each(|note| early::note(world, note));
    convert::check(path, &input)?;
    let written = match job.lists {
        true => {
            let redactor = Redactor::new(job.options.include_secrets);
            convert::list(&input.content, &redactor).into_bytes()
        }
        false => convert::write(path, &input.content, &job.options)?,
    };
    match &job.output {
        Some(place) => {
            saved_file::write(place, &written).map_err(|error| cannot("write", place, &error))?;
        }
        None => print(&written, world.stdout_tty)?,
    }
    Ok(Exit::Ok)
}

/// Reads a file, or stdin for `-`.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match path.as_os_str() == "-" {
        true => read_all(stdio::stdin()?),
        false => read_file(path),
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_all(File::open(path)?)
}

fn read_all(file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_SIZE {
        true => Err(io::Error::other(format!(
            "it is larger than {}",
            units::written_size(MAX_SIZE as usize)
        ))),
        false => Ok(bytes),
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    let name = path.display();
    Error::usage(format!("cannot {what} {name}: {}", plain_clause(error)))
}

/// Prints what was made. On a terminal, no character of a message may act on it.
fn print(written: &[u8], is_terminal: bool) -> Result<(), Error> {
    let mut shown = Vec::new();
    let bytes = match is_terminal {
        true => {
            sanitize::lines(&String::from_utf8_lossy(written), &mut shown);
            &shown
        }
        false => written,
    };
    match stdio::stdout().and_then(|mut stdout| stdout.write_all(bytes)) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let message = format!("cannot write the output: {}", plain_words(&error));
            Err(Error::new(Stage::Output, Exit::Usage, message))
        }
        _ => Ok(()),
    }
}
