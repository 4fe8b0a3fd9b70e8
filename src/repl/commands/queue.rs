//! `/queue`. Pure.

use crate::repl::action::{Action, View};

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
    match count {
        1 => "kept: 1 message\n".to_owned(),
        more => format!("kept: {more} messages\n"),
    }
}
