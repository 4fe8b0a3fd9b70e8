//! What the log says of a database that fails. One failure is one line, however many requests meet it, and
//! the end of it is another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Error;

use super::words;

/// Takes a line of the server's log.
pub(in crate::serve) type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// How long the same failure is not logged again.
const PAUSE: Duration = Duration::from_secs(10);

/// See the head of this file.
pub(super) struct Trouble {
    name: String,
    log: Option<Log>,
    /// When each kind of failure was logged.
    logged: HashMap<&'static str, Instant>,
    /// A failure was logged, and nothing has been stored since.
    is_failing: bool,
}

impl Trouble {
    /// `name` is that of the file.
    pub(super) fn new(name: String, log: Option<Log>) -> Trouble {
        Trouble {
            name,
            log,
            logged: HashMap::new(),
            is_failing: false,
        }
    }

    pub(super) fn failed(&mut self, error: &Error) {
        let kind = words::for_client(error);
        let now = Instant::now();
        if let Some(before) = self.logged.get(kind)
            && now.duration_since(*before) < PAUSE
        {
            return;
        }
        self.logged.insert(kind, now);
        self.is_failing = true;
        self.line(&format!("{kind} ({error})"));
    }

    /// Something has been stored.
    pub(super) fn worked(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            self.line("messages are stored again");
        }
    }

    fn line(&self, what: &str) {
        if let Some(log) = &self.log {
            log(&format!("--db {}: {what}", self.name));
        }
    }
}
