//! The requests, as transactions: all of a batch is done, or nothing of it. Who is there is not known
//! here; that is not in the file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Result};

use super::{queries, schema, words};
use crate::error::Error;
use crate::serve::hub::store::{
    After, Draft, Id, Name, Page, Recovered, Request, Retention, Stored, View, Welcome,
};

/// How many messages one transaction forgets at most, so that nobody waits long for it.
pub(super) const MAX_FORGOTTEN: u64 = 1000;

/// The size of the data in a page, in bytes, above which it ends early: the messages of one page may be
/// larger than the memory there is. The reader asks for the next one, for a page says whether it is the
/// last.
const MAX_PAGE: usize = 4 << 20;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Done {
    Stored(Arc<Stored>),
    /// Without the number of connections.
    Welcome(Box<Welcome>),
    /// Whether the user was no member before.
    Joined(bool),
    TooManyRooms,
    /// Whether the user was a member.
    Left(bool),
    Page(Page),
    Rooms(Vec<Name>),
    /// Whether there is more to forget.
    Pruned(bool),
    /// It does not concern the file.
    Nothing,
}

/// Cursors of users that are not in the file yet.
pub(super) type Cursors = HashMap<Name, Id>;

/// A request, and the cursor that it brings.
pub(super) struct Step<'a> {
    pub(super) request: &'a Request,
    pub(super) cursor: Option<(Name, Id)>,
}

impl Step<'_> {
    /// Whether something is written to the file for it, and the one that asked waits for that.
    pub(super) fn is_waited_for(&self) -> bool {
        matches!(
            self.request,
            Request::Append(_) | Request::Join { .. } | Request::Leave { .. }
        )
    }

    fn note_cursor(&self, cursors: &mut Cursors) {
        if let Some((user, id)) = &self.cursor
            && *id > 0
        {
            let cursor = cursors.entry(user.clone()).or_default();
            *cursor = (*cursor).max(*id);
        }
    }
}

/// What is known without a look into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters {
    last: Id,
    /// How many messages there are; known only where their number is limited.
    count: u64,
}

/// See the head of this file.
pub(super) struct Database {
    conn: Connection,
    epoch: Arc<str>,
    counters: Counters,
    retention: Retention,
}

impl Database {
    /// # Errors
    /// Exit 2, for a file that cannot be used.
    pub(super) fn open(path: &Path, retention: Retention) -> Result<Database, Error> {
        let conn = schema::open(path)?;
        Database::new(conn, retention).map_err(|error| {
            let (why, advice) = words::at_start(&error);
            let message = format!("cannot use --db {}: {why}", path.display());
            Error::usage(message).advice(advice)
        })
    }

    fn new(conn: Connection, retention: Retention) -> Result<Database> {
        let (epoch, last) = queries::state(&conn)?;
        let count = match retention.count {
            Some(_) => queries::count(&conn)?,
            None => 0,
        };
        let mut database = Database {
            conn,
            epoch,
            counters: Counters { last, count },
            retention,
        };
        // The limit may be lower than the last time.
        while database.excess() > 0 {
            database.transaction(Database::forget_excess)?;
        }
        Ok(database)
    }

    /// Does the steps in one transaction. Their cursors are added to `cursors`, whatever happens: they have
    /// been reached. With `save`, all of these are written too.
    ///
    /// # Errors
    /// Nothing was done.
    pub(super) fn perform(
        &mut self,
        steps: &[Step<'_>],
        cursors: &mut Cursors,
        save: bool,
    ) -> Result<Vec<Done>> {
        self.transaction(|database| {
            let done = steps.iter().map(|step| {
                step.note_cursor(cursors);
                database.perform_one(step.request, cursors)
            });
            let done = done.collect::<Result<Vec<_>>>()?;
            if save {
                database.write_cursors(cursors)?;
            }
            Ok(done)
        })
    }

    /// # Errors
    /// Nothing was saved.
    pub(super) fn save(&mut self, cursors: &Cursors) -> Result<()> {
        self.transaction(|database| database.write_cursors(cursors))
    }

    /// Makes the WAL part of the file, which is then all there is.
    ///
    /// # Errors
    /// It is not, and SQLite does it when the file is opened again.
    pub(super) fn close(self) -> Result<()> {
        self.conn.close().map_err(|(_, error)| error)
    }

    /// How many pages the file may have: a disk that is full above that.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: i64) {
        let limit = format!("PRAGMA max_page_count = {pages}");
        self.conn.query_row(&limit, [], |_| Ok(())).unwrap();
    }

    /// Commits what `work` did, or takes it back.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.counters;
        self.execute("BEGIN")?;
        let done = work(self).and_then(|done| {
            if self.counters.last != before.last {
                queries::set_last(&self.conn, self.counters.last)?;
            }
            self.execute("COMMIT").map(|()| done)
        });
        if done.is_err() {
            self.counters = before;
            // SQLite takes some back of its own accord, as when the disk is full.
            if !self.conn.is_autocommit() {
                self.execute("ROLLBACK")?;
            }
        }
        done
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn perform_one(&mut self, request: &Request, cursors: &Cursors) -> Result<Done> {
        Ok(match request {
            Request::Append(draft) => Done::Stored(self.append(draft)?),
            Request::Arrive { user, after, .. } => {
                let saved_later = cursors.get(user).copied().unwrap_or(0);
                Done::Welcome(Box::new(self.welcome(user, after.as_ref(), saved_later)?))
            }
            Request::Join { user, room, most } => self.join(user, room, *most)?,
            Request::Leave { user, room } => Done::Left(queries::leave(&self.conn, user, room)?),
            Request::Page { view, limit } => Done::Page(self.page(view, *limit)?),
            Request::Rooms => Done::Rooms(queries::rooms(&self.conn)?),
            Request::Prune { now } => Done::Pruned(self.prune(*now)?),
            Request::Depart { .. } | Request::Clients | Request::Delivered { .. } => Done::Nothing,
        })
    }

    fn join(&self, user: &str, room: &str, most: Option<u64>) -> Result<Done> {
        let conn = &self.conn;
        if let Some(most) = most
            && queries::is_full(conn, user, room, most)?
        {
            return Ok(Done::TooManyRooms);
        }
        let is_new = queries::join(conn, user, room, self.counters.last)?;
        Ok(Done::Joined(is_new))
    }

    fn append(&mut self, draft: &Draft) -> Result<Arc<Stored>> {
        let id = self.counters.last + 1;
        queries::append(&self.conn, id, draft)?;
        self.counters.last = id;
        self.counters.count += 1;
        self.forget_excess()?;
        Ok(Arc::new(Stored {
            id,
            draft: draft.clone(),
        }))
    }

    fn welcome(&self, name: &str, after: Option<&After>, saved_later: Id) -> Result<Welcome> {
        let conn = &self.conn;
        let user = queries::user(conn, name)?;
        let delivered = queries::delivered(conn, user)?.max(saved_later);
        let direct = queries::Source::to(user, queries::sql(delivered));
        let pending = queries::lowest(conn, &[direct], user, 1)?;
        Ok(Welcome {
            clients: 0,
            rooms: queries::rooms_of(conn, user)?,
            last: self.counters.last,
            epoch: Arc::clone(&self.epoch),
            recovered: after.map(|after| self.recovered(user, after)).transpose()?,
            delivered,
            first_pending: pending.first().map(|id| id.cast_unsigned()),
        })
    }

    fn recovered(&self, user: i64, after: &After) -> Result<Recovered> {
        let same = after
            .epoch
            .as_ref()
            .is_none_or(|epoch| *epoch == self.epoch);
        let known = same && after.id <= self.counters.last;
        if known && !queries::has_forgotten(&self.conn, user, queries::sql(after.id))? {
            return Ok(Recovered::Yes);
        }
        let all = queries::sources_of(&self.conn, user, 0, 0)?;
        let first = queries::lowest(&self.conn, &all, user, 1)?;
        let oldest = first.first().map(|id| id.cast_unsigned());
        Ok(Recovered::No {
            oldest: oldest.unwrap_or(self.counters.last + 1),
        })
    }

    fn page(&self, view: &View, limit: usize) -> Result<Page> {
        let one_more = limit.saturating_add(1);
        let ids = match view {
            View::User {
                user,
                direct_after,
                other_after,
            } => {
                let user = queries::user(&self.conn, user)?;
                let (direct, other) = (queries::sql(*direct_after), queries::sql(*other_after));
                let sources = queries::sources_of(&self.conn, user, direct, other)?;
                queries::lowest(&self.conn, &sources, user, one_more)?
            }
            View::Room { room, after } => {
                let source = queries::source_of_room(&self.conn, room, queries::sql(*after))?;
                queries::lowest_in_room(&self.conn, source, one_more)?
            }
        };
        self.read(&ids, limit)
    }

    /// The messages with these ids, but no more than `limit`, and none after [`MAX_PAGE`].
    fn read(&self, ids: &[i64], limit: usize) -> Result<Page> {
        let mut messages = Vec::with_capacity(ids.len().min(limit));
        let mut size = 0;
        for id in ids.iter().take(limit) {
            if size >= MAX_PAGE {
                break;
            }
            let stored = queries::message(&self.conn, *id)?;
            size += stored.draft.data.len();
            messages.push(Arc::new(stored));
        }
        let complete = (messages.len() == ids.len()).then_some(self.counters.last);
        Ok(Page { messages, complete })
    }

    fn write_cursors(&mut self, cursors: &Cursors) -> Result<()> {
        for (user, id) in cursors {
            queries::deliver(&self.conn, user, *id)?;
        }
        Ok(())
    }

    /// How many messages there are above the limit.
    fn excess(&self) -> u64 {
        let limit = self.retention.count.unwrap_or(u64::MAX);
        self.counters.count.saturating_sub(limit)
    }

    fn forget_excess(&mut self) -> Result<()> {
        match self.excess().min(MAX_FORGOTTEN) {
            0 => Ok(()),
            some => self.forget(&queries::oldest(&self.conn, some)?),
        }
    }

    /// Forgets what is too old; whether there may be more of it.
    fn prune(&mut self, now: i64) -> Result<bool> {
        let Some(age) = self.retention.age else {
            return Ok(false);
        };
        let old = queries::older_than(&self.conn, now.saturating_sub(age), MAX_FORGOTTEN)?;
        self.forget(&old)?;
        Ok(old.len() as u64 == MAX_FORGOTTEN)
    }

    fn forget(&mut self, doomed: &[queries::Doomed]) -> Result<()> {
        for message in doomed {
            queries::forget(&self.conn, *message)?;
        }
        self.counters.count = self.counters.count.saturating_sub(doomed.len() as u64);
        Ok(())
    }
}
