//! The last lines of a run: what was counted and not shown, and one line that sums it up.

use std::time::Instant;

use super::screen::Screen;
use crate::event::{By, Event, Totals};

impl Screen {
    /// Keeps the line about a Close of our own that the peer has answered, because the last line of the
    /// run says the same and more. Returns whether it is kept.
    pub(super) fn keeps_own_close(&mut self, now: Instant, event: &Event<'_>) -> bool {
        let is_own = matches!(
            event,
            Event::Close {
                by: By::Us,
                clean: true,
                ..
            }
        );
        if !is_own
            || self.clients.is_some()
            || !self.sums_up()
            || self.renderer.options().verbose > 0
        {
            return false;
        }
        let t = now.saturating_duration_since(self.start);
        // The notice goes to the terminal, whatever -o is.
        self.renderer
            .render(t, event, &mut Vec::new(), &mut self.own_close);
        true
    }

    /// Shows the line that was kept, unless the run ends with `event`.
    pub(super) fn show_own_close(&mut self, event: &Event<'_>) {
        match event {
            Event::End { .. } => self.own_close.clear(),
            _ => self.lines.buffer().append(&mut self.own_close),
        }
    }

    /// The last lines of a run that ended with these totals.
    pub(super) fn conclude(&mut self, now: Instant, totals: &Totals) {
        if let Some(paused @ 1..) = self.gate.resume() {
            self.say_paused(paused);
        }
        if self.sums_up()
            && let Some(summary) = self.connection.summary(totals, now)
        {
            self.say(&summary);
        }
    }

    /// Whether a run ends with a line that sums it up.
    fn sums_up(&self) -> bool {
        !self.renderer.options().silent && !self.is_for_programs()
    }
}
