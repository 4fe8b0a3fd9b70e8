//! `/queue`. Pure.

use crate::repl::action::{Action, View};
use crate::units::counted;

/// Keeps a message, drops those that are kept, or reports how many there are.
pub(super) fn queue(view: &View<'_>, text: &str) -> Result<Action, String> {
    Ok(match text {
        "" => Action::Say(kept(view.queued)),
        "off" => Action::DropQueue,
        text => Action::Queue(text.to_owned()),
    })
}

/// The line that reports how many messages wait for a connection.
pub(in crate::repl) fn kept(count: usize) -> String {
    format!("kept: {}\n", counted(count as u64, "message"))
}
