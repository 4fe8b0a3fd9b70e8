//! What is read from the tables and written to them, one function each. No statement here may scan a
//! table that grows with the messages: the test at the end asks SQLite how it goes about each of them.

use std::collections::BinaryHeap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Result, Row};

use crate::serve::hub::store::{Draft, Id, Name, Recipient, Stored};

/// The key of everyone in `recipients`.
pub(super) const EVERYONE: i64 = 1;
/// Matches no recipient.
const NOBODY: i64 = -1;

const ROOM: i64 = 1;
const USER: i64 = 2;

const KEY: &str = "SELECT key FROM recipients WHERE kind = ?1 AND name = ?2";
const NEW_KEY: &str = "INSERT INTO recipients(kind, name) VALUES(?1, ?2) RETURNING key";
const APPEND: &str = "INSERT INTO messages(id, recipient, sender, quiet, copy, at, data)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
/// To a recipient, but for what the user in question sent without echo.
const IDS_TO: &str = "SELECT id FROM messages INDEXED BY messages_to
    WHERE recipient = ?1 AND id > ?2 AND id < ?3 AND quiet IS NOT ?4 ORDER BY id LIMIT ?5";
/// From a user to other users.
const IDS_COPIED: &str = "SELECT id FROM messages INDEXED BY messages_copied
    WHERE copy = ?1 AND id > ?2 AND id < ?3 AND ?4 = ?4 ORDER BY id LIMIT ?5";
const MESSAGE: &str = "SELECT m.id, s.name, r.kind, r.name, m.data, m.at, m.quiet IS NULL
    FROM messages m JOIN recipients s ON s.key = m.sender JOIN recipients r ON r.key = m.recipient
    WHERE m.id = ?1";
const FORGOTTEN: &str = "SELECT
    EXISTS(SELECT 1 FROM recipients WHERE key = 1 AND forgotten > ?2)
    OR EXISTS(SELECT 1 FROM recipients WHERE key = ?1 AND max(forgotten, forgotten_sent) > ?2)
    OR EXISTS(SELECT 1 FROM members JOIN recipients ON key = room
        WHERE user = ?1 AND forgotten > max(joined, ?2))";
const ROOMS_OF: &str = "SELECT name, room, joined FROM members JOIN recipients ON key = room
    WHERE user = ?1 ORDER BY name";
const ROOMS: &str = "SELECT name FROM recipients WHERE kind = 1
    AND (EXISTS(SELECT 1 FROM members WHERE room = key)
        OR EXISTS(SELECT 1 FROM messages WHERE recipient = key))
    ORDER BY name";
const JOIN: &str = "INSERT OR IGNORE INTO members(user, room, joined) VALUES(?1, ?2, ?3)";
const IS_FULL: &str = "SELECT count(*) >= ?3
    AND NOT EXISTS(SELECT 1 FROM members WHERE user = ?1 AND room = ?2)
    FROM members WHERE user = ?1";
const LEAVE: &str = "DELETE FROM members WHERE user = ?1 AND room = ?2";
const DROP_ROOM: &str = "DELETE FROM recipients WHERE key = ?1 AND kind = 1
    AND NOT EXISTS(SELECT 1 FROM members WHERE room = key)
    AND NOT EXISTS(SELECT 1 FROM messages WHERE recipient = key)";
const DELIVERED: &str = "SELECT delivered FROM recipients WHERE key = ?1";
const DELIVER: &str = "INSERT INTO recipients(kind, name, delivered) VALUES(2, ?1, ?2)
    ON CONFLICT(kind, name) DO UPDATE SET delivered = max(delivered, excluded.delivered)";
const OLDEST: &str = "SELECT id, recipient, copy FROM messages ORDER BY id LIMIT ?1";
const OLDER_THAN: &str = "SELECT id, recipient, copy FROM messages INDEXED BY messages_at
    WHERE at < ?1 LIMIT ?2";
const DELETE: &str = "DELETE FROM messages WHERE id = ?1";
const FORGET: &str = "UPDATE recipients SET forgotten = max(forgotten, ?2) WHERE key = ?1";
const FORGET_SENT: &str =
    "UPDATE recipients SET forgotten_sent = max(forgotten_sent, ?2) WHERE key = ?1";

/// An id as SQLite has it. A client may ask for an id that is higher than any.
pub(super) fn sql(id: Id) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// The epoch, and the highest id that was ever given away.
pub(super) fn state(conn: &Connection) -> Result<(Arc<str>, Id)> {
    conn.query_row("SELECT epoch, last FROM hub", [], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })
}

pub(super) fn set_last(conn: &Connection, last: Id) -> Result<()> {
    execute(conn, "UPDATE hub SET last = ?1", [sql(last)]).map(drop)
}

/// The number of messages. It takes a scan, so it is asked for once.
pub(super) fn count(conn: &Connection) -> Result<u64> {
    let count: i64 = conn.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

fn execute(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
    conn.prepare_cached(sql)?.execute(params)
}

fn rows<T>(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(params, read)?.collect()
}

fn known(conn: &Connection, kind: i64, name: &str) -> Result<Option<i64>> {
    let mut statement = conn.prepare_cached(KEY)?;
    statement
        .query_row((kind, name), |row| row.get(0))
        .optional()
}

fn known_or_new(conn: &Connection, kind: i64, name: &str) -> Result<i64> {
    if let Some(key) = known(conn, kind, name)? {
        return Ok(key);
    }
    let mut statement = conn.prepare_cached(NEW_KEY)?;
    statement.query_row((kind, name), |row| row.get(0))
}

/// The key of a user, or one that matches nothing.
pub(super) fn user(conn: &Connection, name: &str) -> Result<i64> {
    Ok(known(conn, USER, name)?.unwrap_or(NOBODY))
}

fn room(conn: &Connection, name: &str) -> Result<i64> {
    Ok(known(conn, ROOM, name)?.unwrap_or(NOBODY))
}

pub(super) fn append(conn: &Connection, id: Id, draft: &Draft) -> Result<()> {
    let sender = known_or_new(conn, USER, &draft.from)?;
    let recipient = match &draft.to {
        Recipient::Everyone => EVERYONE,
        Recipient::Room(name) => known_or_new(conn, ROOM, name)?,
        Recipient::User(name) => known_or_new(conn, USER, name)?,
    };
    let to_another = matches!(draft.to, Recipient::User(_)) && recipient != sender;
    let quiet = (!draft.echo).then_some(sender);
    let copy = (draft.echo && to_another).then_some(sender);
    let row = (
        sql(id),
        recipient,
        sender,
        quiet,
        copy,
        draft.at,
        &*draft.data,
    );
    execute(conn, APPEND, row).map(drop)
}

/// Messages to one recipient, or the copies of those of one sender.
pub(super) struct Source {
    sql: &'static str,
    key: i64,
    /// They are newer than this.
    after: i64,
}

impl Source {
    pub(super) fn to(key: i64, after: i64) -> Source {
        Source {
            sql: IDS_TO,
            key,
            after,
        }
    }

    fn copied(key: i64, after: i64) -> Source {
        Source {
            sql: IDS_COPIED,
            key,
            after,
        }
    }
}

/// All that makes up the messages of a user.
pub(super) fn sources_of(
    conn: &Connection,
    user: i64,
    direct_after: i64,
    other_after: i64,
) -> Result<Vec<Source>> {
    let mut sources = rows(conn, ROOMS_OF, [user], |row| {
        Ok(Source::to(
            row.get(1)?,
            row.get::<_, i64>(2)?.max(other_after),
        ))
    })?;
    sources.push(Source::to(EVERYONE, other_after));
    sources.push(Source::to(user, direct_after));
    sources.push(Source::copied(user, other_after));
    Ok(sources)
}

pub(super) fn source_of_room(conn: &Connection, name: &str, after: i64) -> Result<Source> {
    Ok(Source::to(room(conn, name)?, after))
}

/// The lowest ids of several sources, in order; without what `user` sent without echo.
///
/// Each source is asked only for what is below the highest id that is still in question, so a user in many
/// rooms costs little more than one in a single room.
pub(super) fn lowest(
    conn: &Connection,
    sources: &[Source],
    user: i64,
    limit: usize,
) -> Result<Vec<i64>> {
    let mut lowest = BinaryHeap::new();
    for source in sources {
        let bound = match lowest.peek() {
            Some(highest) if lowest.len() == limit => *highest,
            _ => i64::MAX,
        };
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = (source.key, source.after, bound, user, most);
        lowest.extend(rows(conn, source.sql, params, |row| row.get::<_, i64>(0))?);
        while lowest.len() > limit {
            lowest.pop();
        }
    }
    Ok(lowest.into_sorted_vec())
}

/// The lowest ids to a room, from any sender.
pub(super) fn lowest_in_room(conn: &Connection, source: Source, limit: usize) -> Result<Vec<i64>> {
    lowest(conn, &[source], NOBODY, limit)
}

pub(super) fn message(conn: &Connection, id: i64) -> Result<Stored> {
    conn.prepare_cached(MESSAGE)?.query_row([id], |row| {
        let name: Name = row.get(3)?;
        let to = match row.get(2)? {
            ROOM => Recipient::Room(name),
            USER => Recipient::User(name),
            _ => Recipient::Everyone,
        };
        Ok(Stored {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            draft: Draft {
                from: row.get(1)?,
                to,
                data: row.get(4)?,
                at: row.get(5)?,
                echo: row.get(6)?,
            },
        })
    })
}

/// Whether something newer than `after` that was addressed to the user is no longer kept.
pub(super) fn has_forgotten(conn: &Connection, user: i64, after: i64) -> Result<bool> {
    let mut statement = conn.prepare_cached(FORGOTTEN)?;
    statement.query_row((user, after), |row| row.get(0))
}

pub(super) fn rooms_of(conn: &Connection, user: i64) -> Result<Vec<Name>> {
    rows(conn, ROOMS_OF, [user], |row| row.get(0))
}

pub(super) fn rooms(conn: &Connection) -> Result<Vec<Name>> {
    rows(conn, ROOMS, [], |row| row.get(0))
}

/// Whether the user is a member of so many rooms, and this one is none of them.
pub(super) fn is_full(conn: &Connection, name: &str, of: &str, most: u64) -> Result<bool> {
    let (user, room) = (user(conn, name)?, room(conn, of)?);
    let mut statement = conn.prepare_cached(IS_FULL)?;
    statement.query_row((user, room, sql(most)), |row| row.get(0))
}

/// Whether the user was no member before.
pub(super) fn join(conn: &Connection, user: &str, room: &str, last: Id) -> Result<bool> {
    let user = known_or_new(conn, USER, user)?;
    let room = known_or_new(conn, ROOM, room)?;
    Ok(execute(conn, JOIN, (user, room, sql(last)))? > 0)
}

/// Whether the user was a member.
pub(super) fn leave(conn: &Connection, name: &str, of: &str) -> Result<bool> {
    let (user, room) = (user(conn, name)?, room(conn, of)?);
    let left = execute(conn, LEAVE, (user, room))? > 0;
    if left {
        execute(conn, DROP_ROOM, [room])?;
    }
    Ok(left)
}

/// Up to which id messages to the user have been written to a connection.
pub(super) fn delivered(conn: &Connection, user: i64) -> Result<Id> {
    let mut statement = conn.prepare_cached(DELIVERED)?;
    let id = statement.query_row([user], |row| row.get::<_, i64>(0));
    Ok(id.optional()?.unwrap_or(0).cast_unsigned())
}

pub(super) fn deliver(conn: &Connection, user: &str, id: Id) -> Result<()> {
    execute(conn, DELIVER, (user, sql(id))).map(drop)
}

/// A message that is to be forgotten.
#[derive(Clone, Copy)]
pub(super) struct Doomed {
    id: i64,
    recipient: i64,
    copy: Option<i64>,
}

impl Doomed {
    fn read(row: &Row<'_>) -> Result<Doomed> {
        Ok(Doomed {
            id: row.get(0)?,
            recipient: row.get(1)?,
            copy: row.get(2)?,
        })
    }
}

pub(super) fn oldest(conn: &Connection, limit: u64) -> Result<Vec<Doomed>> {
    rows(conn, OLDEST, [sql(limit)], Doomed::read)
}

pub(super) fn older_than(conn: &Connection, at: i64, limit: u64) -> Result<Vec<Doomed>> {
    rows(conn, OLDER_THAN, (at, sql(limit)), Doomed::read)
}

/// Deletes a message, and keeps in mind for those whom it was for that it is gone. A room of which nothing
/// is left is deleted too: who joins it later gets only what is newer.
pub(super) fn forget(conn: &Connection, doomed: Doomed) -> Result<()> {
    execute(conn, FORGET, (doomed.recipient, doomed.id))?;
    if let Some(sender) = doomed.copy {
        execute(conn, FORGET_SENT, (sender, doomed.id))?;
    }
    execute(conn, DELETE, [doomed.id])?;
    execute(conn, DROP_ROOM, [doomed.recipient]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each statement, and the tables that it may go through from end to end.
    const STATEMENTS: &[(&str, &[&str])] = &[
        (KEY, &[]),
        (IDS_TO, &[]),
        (IDS_COPIED, &[]),
        (MESSAGE, &[]),
        (FORGOTTEN, &[]),
        (ROOMS_OF, &[]),
        (ROOMS, &[]),
        (IS_FULL, &[]),
        (LEAVE, &[]),
        (DROP_ROOM, &[]),
        (DELIVERED, &[]),
        (DELIVER, &[]),
        // By the rowid, and not to the end.
        (OLDEST, &["SCAN messages"]),
        (OLDER_THAN, &[]),
        (DELETE, &[]),
        (FORGET, &[]),
        (FORGET_SENT, &[]),
    ];

    #[test]
    fn no_statement_goes_through_all_messages() {
        let folder = tempfile::tempdir().unwrap();
        let conn = super::super::schema::open(&folder.path().join("db")).unwrap();
        for (sql, scans) in STATEMENTS {
            let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            for index in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(index, 1).unwrap();
            }
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let step: String = row.get("detail").unwrap();
                let is_scan = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
                assert!(!is_scan || scans.contains(&&*step), "{step} in {sql}");
                assert!(
                    !step.contains("TEMP B-TREE") || *sql == ROOMS_OF,
                    "{step} in {sql}"
                );
            }
        }
    }
}
