//! What of a stream is shown on the screen: messages that come faster than a person reads are counted,
//! and the last of them are shown when it is over.

use std::time::Instant;

use super::screen::Screen;
use super::view::gate::{NEWEST, Shown};
use crate::event::{By, Event};
use crate::json::parsed::Parsed;
use crate::session::frontend::Received;
use crate::units::counted;

impl Screen {
    /// Whether an event is a sent message that is not shown: while another program has the terminal, where
    /// they are too many, and, unless the person sent it, while received messages are not shown.
    pub(super) fn leaves_out(&mut self, now: Instant, event: &Event<'_>) -> bool {
        let Event::Send { origin, .. } = event else {
            return false;
        };
        if self.is_for_programs() || !self.renderer.wants_sends() {
            return false;
        }
        match origin {
            None => self.gate.is_held() || !self.admits_sent(now),
            Some(_) => self.gate.is_counting(),
        }
    }

    /// The same as [`Screen::admits`] for a message that the person sent: `/repeat` and `/sendfile` may
    /// send as many as a server does.
    fn admits_sent(&mut self, now: Instant) -> bool {
        match self.sent_gate.admit(now) {
            Shown::After(skipped) => {
                self.say_skipped_sent(skipped);
                true
            }
            Shown::Not => false,
        }
    }

    /// `… 1,204 messages sent`
    pub(super) fn say_skipped_sent(&mut self, skipped: u64) {
        if skipped > 0 {
            self.say_aside(&format!("… {} sent\n", counted(skipped, "message")));
        }
    }

    /// Whether a message is shown at `now`. The count of those before it that were not is shown first.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        match self.gate.admit(now) {
            Shown::After(skipped) => {
                // The message itself is kept already.
                self.show_rest(skipped, 1);
                true
            }
            Shown::Not => false,
        }
    }

    /// `… 1,204 messages`
    pub(super) fn say_skipped(&mut self, skipped: u64) {
        if skipped > 0 {
            self.say_aside(&format!("… {}\n", counted(skipped, "message")));
        }
    }

    /// Shows the end of a flood: the count of its messages, and the newest of them. `later` messages
    /// have been received since.
    pub(super) fn show_rest(&mut self, skipped: u64, later: usize) {
        if skipped == 0 {
            return;
        }
        // A filter may have let through some of them only.
        let most = match self.renderer.options().filter {
            Some(_) => 0,
            None => usize::try_from(skipped.min(NEWEST)).unwrap_or(0),
        };
        let received = self.scrollback.iter().rev().filter(|it| it.by == By::Peer);
        let whole = received
            .skip(later)
            .take_while(|it| it.left_out == 0)
            .take(most);
        let newest: Vec<_> = whole.cloned().collect();
        self.say_skipped(skipped - newest.len() as u64);
        self.measure();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        for kept in newest.iter().rev() {
            let json = Parsed::once(kept.message.as_data());
            let received = Received::unsplit(kept.conn, &kept.message, &json);
            self.renderer
                .render_message(kept.t, &received, &mut out, &mut err);
        }
        self.lines.buffer().append(&mut out);
    }
}
