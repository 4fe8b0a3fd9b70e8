//! A connection as the hub knows it, and how far it is. Pure.

use std::time::Instant;

use super::queue::Queue;
use crate::serve::hub::envelope::Word;
use crate::serve::hub::store::{After, Id, Name};

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// No token has come.
    Anonymous,
    /// The store has not answered.
    Arriving,
    /// Messages above these ids are missing. `asked`: a page of them is on its way.
    CatchingUp {
        direct_after: Id,
        other_after: Id,
        asked: bool,
    },
    /// It gets every message above this id.
    Live(Id),
    /// It is being closed.
    Closing,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) word: Option<Word>,
    /// Empty while there is no token.
    pub(super) user: Name,
    /// What the handshake said it has.
    pub(super) after: Option<After>,
    pub(super) phase: Phase,
    /// The store knows of it.
    pub(super) arrived: bool,
    pub(super) queue: Queue,
    pub(super) paused: bool,
    pub(super) reported: Option<Instant>,
}

impl Connection {
    pub(super) fn word(&self) -> Word {
        self.word.unwrap_or_default()
    }

    pub(super) fn is_welcome(&self) -> bool {
        matches!(self.phase, Phase::CatchingUp { .. } | Phase::Live(_))
    }
}
