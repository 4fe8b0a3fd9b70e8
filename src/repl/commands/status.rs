//! `/status`. Pure.

use super::record;
use crate::repl::action::{Action, View};

/// Shows the connection, the view, and what `--filter` and `--until` left out.
pub(super) fn status(view: &View<'_>, _: &str) -> Result<Action, String> {
    let screen = view.screen;
    let mut status = screen.connection.status(view.queued, view.now);
    status.push_str(&screen.view_status());
    if let Some(recorded) = &view.recorded {
        status.push_str(&record::recording(recorded));
    }
    let losses = view.until.map(|it| it.losses("--until", true));
    for loss in losses.unwrap_or_default() {
        status.push_str(&loss);
        status.push('\n');
    }
    Ok(Action::Say(status))
}
