//! The options of the debug server. The command line fills them in; nothing here reads it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::heartbeat;
use super::hub;
use super::limits;
use super::log::{self, Entry, Event, Format, Visitor};
use super::replay::Replay;
use super::tls::TlsOptions;
use crate::handshake::guard;
use crate::wire::extension;

/// A function that takes one line of the log, without its line feed.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The options of the debug server.
#[derive(Clone)]
pub struct Options {
    /// Receives one line per request (`127.0.0.1:5555 GET /echo -> 101`) and one per end of a
    /// connection (`127.0.0.1:5555 closed by client: 1000 (normal closure)`). What a client chose is
    /// escaped in them.
    pub log: Option<Log>,
    pub log_format: Format,
    /// Whether the last address of `X-Forwarded-For` is logged as that of the client.
    pub trust_proxy: bool,
    /// What the server answers to offers of permessage-deflate.
    pub extensions: extension::Options,
    /// The level of compression, from 0 (none) to 9.
    pub deflate_level: u8,
    /// The seed of all random numbers; without one, they differ from run to run.
    pub seed: Option<u64>,
    /// TLS on every TCP port.
    pub tls: Option<TlsOptions>,
    /// The file in which `/ledger` keeps its messages. Without one, they are held in memory only.
    pub ledger: Option<PathBuf>,
    /// What the event hub does.
    pub hub: hub::Options,
    /// Which pages and host names are allowed.
    pub guard: guard::Options,
    /// How much clients may use.
    pub limits: limits::Options,
    /// When clients are pinged.
    pub heartbeat: heartbeat::Options,
    /// What is played to every client, instead of the endpoints.
    pub replay: Option<Arc<Replay>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            log: None,
            log_format: Format::Text,
            trust_proxy: false,
            extensions: extension::Options::default(),
            deflate_level: 1,
            seed: None,
            tls: None,
            ledger: None,
            hub: hub::Options::default(),
            guard: guard::Options::default(),
            limits: limits::Options::default(),
            heartbeat: heartbeat::Options::default(),
            replay: None,
        }
    }
}

impl Options {
    /// Logs a sentence about the server.
    pub(super) fn log(&self, sentence: fmt::Arguments<'_>) {
        self.note(None, sentence);
    }

    /// Logs a sentence about the server, or about the connection of this visitor.
    pub(super) fn note(&self, visitor: Option<&Visitor>, sentence: fmt::Arguments<'_>) {
        if self.log.is_some() {
            self.record(visitor, Event::Note(&sentence.to_string()));
        }
    }

    /// Logs an event.
    pub(super) fn record(&self, visitor: Option<&Visitor>, event: Event<'_>) {
        let Some(log) = &self.log else { return };
        let entry = Entry {
            time: SystemTime::now(),
            visitor,
            event,
        };
        log(&log::line(&entry, self.log_format));
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("log", &self.log.is_some())
            .field("log_format", &self.log_format)
            .field("trust_proxy", &self.trust_proxy)
            .field("extensions", &self.extensions)
            .field("deflate_level", &self.deflate_level)
            .field("seed", &self.seed)
            .field("tls", &self.tls)
            .field("ledger", &self.ledger)
            .field("hub", &self.hub)
            .field("guard", &self.guard)
            .field("limits", &self.limits)
            .field("heartbeat", &self.heartbeat)
            .field("replay", &self.replay.is_some())
            .finish()
    }
}
