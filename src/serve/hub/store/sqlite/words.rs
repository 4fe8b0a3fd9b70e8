//! The errors of SQLite as sentences: for who starts the server, for the client, and for the log. What a
//! client gets must never hold a path.

use rusqlite::{Error, ErrorCode, ffi};

/// An error that we found ourselves.
pub(super) fn failure(code: ErrorCode, detail: &str) -> Error {
    let number = match code {
        ErrorCode::DatabaseCorrupt => ffi::SQLITE_CORRUPT,
        ErrorCode::CannotOpen => ffi::SQLITE_CANTOPEN,
        ErrorCode::ReadOnly => ffi::SQLITE_READONLY,
        _ => ffi::SQLITE_ERROR,
    };
    Error::SqliteFailure(ffi::Error::new(number), Some(detail.to_owned()))
}

/// What is wrong with the file, and what to try.
pub(super) fn at_start(error: &Error) -> (String, &'static str) {
    let known = |why: &str, advice| (why.to_owned(), advice);
    match kind(error) {
        ErrorCode::NotADatabase => known("it is not an SQLite database", "another file"),
        ErrorCode::DatabaseCorrupt => (
            format!("it is damaged ({error})"),
            "a backup, or `sqlite3 FILE .recover` of a copy",
        ),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => known(
            "another process is using it",
            "stop that process, or use another file",
        ),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => known(
            "it cannot be written",
            "a file that you may write to, on a file system that is not read-only",
        ),
        ErrorCode::CannotOpen => known(
            "its WAL, a file beside it, cannot be created or opened",
            "a folder that you may write to, on a local file system",
        ),
        ErrorCode::DiskFull => known("the disk is full", "free space, or use another disk"),
        _ => (error.to_string(), "another file, or another disk"),
    }
}

/// Why a request was not done, for the client.
pub(super) fn for_client(error: &Error) -> &'static str {
    match kind(error) {
        ErrorCode::DiskFull => "the server's disk is full",
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => "the server's history is damaged",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            "the server's history cannot be written"
        }
        ErrorCode::SystemIoFailure => "the server's disk has an error",
        ErrorCode::TooBig => "the message is too large for the server's history",
        ErrorCode::OutOfMemory => "the server has too little memory",
        _ => "the server's history failed",
    }
}

/// The code of an error. What is not as we wrote it, such as a text that is not UTF-8 or a row that is
/// missing, is damage.
fn kind(error: &Error) -> ErrorCode {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    if extended == Some(ffi::SQLITE_READONLY_DIRECTORY) {
        // The file could be written, but not the folder.
        return ErrorCode::CannotOpen;
    }
    match error {
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::QueryReturnedNoRows
        | Error::Utf8Error(..) => ErrorCode::DatabaseCorrupt,
        error => error.sqlite_error_code().unwrap_or(ErrorCode::Unknown),
    }
}
