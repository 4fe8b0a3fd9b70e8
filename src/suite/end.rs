//! How the run of a connection ended. Pure.

use crate::close::Close;
use crate::error::{Error, Exit};
use crate::event::Peer;
use crate::session::Finished;
use crate::session::outcome::{Ended, Outcome, Verdict};

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) exit: Exit,
    pub(super) error: Option<Error>,
    /// The Close of the peer, if that ended it.
    pub(super) close: Option<Close>,
    /// There was no Close of the peer.
    pub(super) is_loss: bool,
}

impl End {
    pub(super) fn of(finished: &Finished) -> End {
        // Whether messages have arrived is what the steps say.
        let verdict = Verdict {
            program_failed: finished.verdict.program_failed,
            answer_failed: finished.verdict.answer_failed,
            unopened: finished.verdict.unopened,
            ..Verdict::default()
        };
        match &finished.outcome {
            Outcome::Failed(error) => End {
                exit: error.exit,
                error: Some(error.clone()),
                close: None,
                is_loss: false,
            },
            Outcome::Ended(ended) => End {
                exit: ended.exit(verdict),
                error: ended.error(Peer::Server),
                close: close_of(ended),
                is_loss: is_loss(ended),
            },
        }
    }
}

fn is_loss(ended: &Ended) -> bool {
    matches!(
        ended,
        Ended::Lost { .. }
            | Ended::ClosedByLoss(_)
            | Ended::ClosedByEof
            | Ended::NoPong { .. }
            | Ended::Stuck(_)
    )
}

/// The Close of the peer that ended the connection.
fn close_of(ended: &Ended) -> Option<Close> {
    match ended {
        Ended::ByPeer(close) | Ended::Crossed(close) => Some(close.clone()),
        _ => None,
    }
}
