//! The options of the debug server. The command line fills them in; nothing here reads it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::hub;
use crate::wire::extension;

/// A function that takes one line of the log, without its line feed.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The options of the debug server.
#[derive(Clone)]
pub struct Options {
    /// Receives one line per request (`127.0.0.1:5555 GET /echo -> 101`) and one per end of a
    /// connection (`127.0.0.1:5555 closed by client: 1000 (normal closure)`). The lines hold bytes
    /// that a client chose; the caller escapes them before it prints them.
    pub log: Option<Log>,
    /// What the server answers to offers of permessage-deflate.
    pub extensions: extension::Options,
    /// The level of compression, from 0 (none) to 9.
    pub deflate_level: u8,
    /// The seed of all random numbers; without one, they differ from run to run.
    pub seed: Option<u64>,
    /// The file in which `/ledger` keeps its messages. Without one, they are held in memory only.
    pub ledger: Option<PathBuf>,
    /// What the event hub does.
    pub hub: hub::Options,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            log: None,
            extensions: extension::Options::default(),
            deflate_level: 1,
            seed: None,
            ledger: None,
            hub: hub::Options::default(),
        }
    }
}

impl Options {
    pub(super) fn log(&self, line: fmt::Arguments<'_>) {
        if let Some(log) = &self.log {
            log(&line.to_string());
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("log", &self.log.is_some())
            .field("extensions", &self.extensions)
            .field("deflate_level", &self.deflate_level)
            .field("seed", &self.seed)
            .field("ledger", &self.ledger)
            .field("hub", &self.hub)
            .finish()
    }
}
