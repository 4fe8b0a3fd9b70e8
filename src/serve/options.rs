//! What the caller decides about the debug server.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::wire::extension;

/// Takes one line without its end.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What the caller decides about the server.
#[derive(Clone)]
pub struct Options {
    /// Told one line per request (`127.0.0.1:5555 GET /echo -> 101`) and one per end of a
    /// connection (`127.0.0.1:5555 closed by client: 1000 (normal closure)`). The lines hold bytes
    /// that a client chose; whoever prints them escapes them first.
    pub log: Option<Log>,
    /// What the server answers to offers of permessage-deflate.
    pub extensions: extension::Options,
    /// 0, not at all, to 9.
    pub deflate_level: u8,
    /// Where everything random comes from; without it, the server differs from run to run.
    pub seed: Option<u64>,
    /// Where the messages of `/ledger` are kept, too.
    pub ledger: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            log: None,
            extensions: extension::Options::default(),
            deflate_level: 1,
            seed: None,
            ledger: None,
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
            .finish()
    }
}
