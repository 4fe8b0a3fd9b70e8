//! Files that are written as a whole: what was there stays until the new content is complete.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::private_file;
use crate::error::Error;

/// Writes a file: a new one that only its owner may read, or one in place of one that is there, with
/// its mode. Where that fails, as on a full disk, the old content stays. What is no regular file is
/// written to.
///
/// # Errors
/// It cannot be written.
pub fn write(place: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(place) {
        Ok(metadata) if metadata.is_file() => update(place, &metadata, bytes),
        Ok(_) => OpenOptions::new()
            .write(true)
            .open(place)
            .and_then(|mut file| file.write_all(bytes)),
        // A link to a file that is not there yet.
        Err(_) if place.is_symlink() => create(place).and_then(|file| overwrite(file, bytes)),
        Err(_) => private_file::replace(place, |file| file.write_all(bytes)),
    }
}

/// Whether both paths lead to one regular file, by whatever names or links. False for what is not there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(first), Ok(second)) = (fs::metadata(one), fs::metadata(other)) else {
        return false;
    };
    let canonical = |path| fs::canonicalize(path).ok();
    first.is_file()
        && second.is_file()
        && (have_same_number(&first, &second) || canonical(one) == canonical(other))
}

/// Sees to it that what `option` writes is none of the files that are read, which would be lost.
///
/// # Errors
/// Exit 2 if it is.
pub fn check_is_no_source<'a>(
    (option, place): (&str, &Path),
    sources: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Error> {
    match sources.into_iter().any(|source| is_same(source, place)) {
        true => {
            let name = place.display();
            let message = format!("cannot write {name}: it is a file that is read");
            Err(Error::usage(message).advice(format!("{option} with another name")))
        }
        false => Ok(()),
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = private_file::options();
    options.write(true).create(true).truncate(false).open(path)
}

/// Replaces a file, or overwrites it where a new one could not be as the old one is: its owner or its
/// other names would be lost, or its folder takes no new file.
fn update(path: &Path, metadata: &Metadata, bytes: &[u8]) -> io::Result<()> {
    // What may not be written may not be replaced.
    let old = OpenOptions::new().write(true).open(path)?;
    if has_other_names(metadata) {
        return overwrite(old, bytes);
    }
    let replaced = fs::canonicalize(path).and_then(|path| {
        private_file::replace(&path, |new| {
            keep_owner(new, metadata)?;
            new.set_permissions(metadata.permissions())?;
            new.write_all(bytes)
        })
    });
    match replaced {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::InvalidFilename
            ) =>
        {
            overwrite(old, bytes)
        }
        replaced => replaced,
    }
}

fn overwrite(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(bytes)
}

#[cfg(unix)]
fn have_same_number(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn have_same_number(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn keep_owner(file: &File, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    fchown(file, Some(metadata.uid()), Some(metadata.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}
