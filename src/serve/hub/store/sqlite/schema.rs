//! The file: how it is made, recognized and locked. It must never change a file that is not ours, and it
//! leaves nothing half made.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::words;
use crate::error::{Error, plain_clause};
use crate::io::private_file;

/// Says in the header of the file whose it is: "WCAT".
const APPLICATION_ID: i32 = 0x5743_4154;

/// The version of the tables below. Another version is refused.
const VERSION: i32 = 1;

/// How long another program may look at the file while we start.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A file up to this size, in bytes, is checked as a whole when it is opened. That takes about 0.1 s; of
/// a larger one, a damaged page is reported when it is met.
const MAX_CHECKED: u64 = 32 << 20;

/// Statements that are kept prepared. There are fewer.
const STATEMENTS: usize = 64;

/// Before the first access, so that the lock is exclusive from the beginning to the end, and the index of
/// the WAL is in memory.
///
/// `synchronous = FULL` syncs the WAL at each commit. With less, SQLite loses the last commits at a power
/// failure, and an acknowledgement says that a message is on disk. `fullfsync` is the same for macOS.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -8192;
";

/// `recipients` has everyone (kind 0, key 1), rooms (1) and users (2, also as senders). `forgotten` is the
/// highest id of a message to the recipient that is no longer kept, `forgotten_sent` the same for what the
/// user sent to another user; `delivered` is the cursor of what was written to the user.
///
/// In `messages`, `quiet` is the sender of a message without echo, and `copy` the sender of a message to
/// another user, who gets a copy. `last` in `hub` is the highest id that was ever given away.
const TABLES: &str = "
    CREATE TABLE hub(
        epoch TEXT NOT NULL,
        last INTEGER NOT NULL,
        starts INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE recipients(
        key INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        forgotten INTEGER NOT NULL DEFAULT 0,
        forgotten_sent INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0,
        UNIQUE(kind, name)
    ) STRICT;
    INSERT INTO recipients(key, kind, name) VALUES(1, 0, '');
    CREATE TABLE messages(
        id INTEGER PRIMARY KEY,
        recipient INTEGER NOT NULL,
        sender INTEGER NOT NULL,
        quiet INTEGER,
        copy INTEGER,
        at INTEGER NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX messages_to ON messages(recipient, id, quiet);
    CREATE INDEX messages_copied ON messages(copy, id) WHERE copy IS NOT NULL;
    CREATE INDEX messages_at ON messages(at);
    CREATE TABLE members(
        user INTEGER NOT NULL,
        room INTEGER NOT NULL,
        joined INTEGER NOT NULL,
        PRIMARY KEY(user, room)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX members_of ON members(room);
";

/// Opens the database, or makes a new one, and keeps it from every other process until it is closed.
///
/// # Errors
/// Exit 2: it cannot be opened or written, is not ours, is damaged, or another process uses it.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let failed = |why: &str| Error::usage(format!("cannot use --db {}: {why}", path.display()));
    create(path).map_err(|error| {
        failed(&plain_clause(&error)).advice("a file in a folder that you may write to")
    })?;
    let opened = connect(path).and_then(|conn| identify(&conn).map(|state| (conn, state)));
    let opened = opened.and_then(|(conn, state)| match state {
        State::Ready => start(&conn, path).map(|()| Ok(conn)),
        State::Foreign => Ok(Err(failed("it is a database of another program")
            .advice("the name of a file that does not exist yet; it is created"))),
        State::Version(version) => {
            let why = format!("its format is version {version}, and this wirecat has {VERSION}");
            Ok(Err(
                failed(&why).advice("the wirecat that made it, or another file")
            ))
        }
    });
    opened.unwrap_or_else(|error| {
        let (why, advice) = words::at_start(&error);
        Err(failed(&why).advice(advice))
    })
}

/// Makes an empty file that only its owner may read; SQLite gives the WAL the same mode. A file that is
/// there keeps its mode. It is not opened here: closing it would end the locks that this process may have
/// on it (fcntl(2)).
fn create(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private_file::create_new(path).map(drop)
        }
        Err(error) => Err(error),
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // A name that begins with "file:" would be read as a URI.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let conn = Connection::open_with_flags(path, flags)?;
    // Without the permission to write, SQLite opens it to read, and fails at its locks.
    if conn.is_readonly("main")? {
        return Err(words::failure(ErrorCode::ReadOnly, "it is read-only"));
    }
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.execute_batch(SETTINGS)?;
    Ok(conn)
}

/// What there is in the file.
enum State {
    /// Our tables, perhaps made just now.
    Ready,
    Foreign,
    Version(i32),
}

/// The first access takes the lock for writing: two servers that start at once would otherwise keep each
/// other from it.
fn identify(conn: &Connection) -> rusqlite::Result<State> {
    conn.execute_batch("BEGIN EXCLUSIVE")?;
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i32>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    let state = match (application, version) {
        (APPLICATION_ID, VERSION) => State::Ready,
        (APPLICATION_ID, version) => State::Version(version),
        (0, 0) if objects == 0 => {
            make(conn)?;
            State::Ready
        }
        _ => State::Foreign,
    };
    conn.execute_batch("COMMIT")?;
    Ok(state)
}

fn make(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(TABLES)?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", VERSION)?;
    let epoch = format!("{:016x}", rand::random::<u64>());
    conn.execute("INSERT INTO hub VALUES(?1, 0, 0)", [epoch])?;
    Ok(())
}

/// Turns the WAL on, checks a small file, and writes: a file that cannot be written, or a full disk, is
/// found before a client comes.
fn start(conn: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mode = "PRAGMA journal_mode = WAL";
    let mode: String = conn.query_row(mode, [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(words::failure(
            ErrorCode::CannotOpen,
            "it cannot have a WAL",
        ));
    }
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() <= MAX_CHECKED) {
        let check = "PRAGMA quick_check(1)";
        let found: String = conn.query_row(check, [], |row| row.get(0))?;
        if found != "ok" {
            return Err(words::failure(ErrorCode::DatabaseCorrupt, &found));
        }
    }
    conn.execute_batch("UPDATE hub SET starts = starts + 1")
}
