//! What to do after the end of the input: how long to keep receiving, and when to close. Pure.

use std::time::{Duration, Instant};

/// What to do after the end of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEof {
    /// Receive until nothing has moved for `--idle`.
    #[default]
    Drain,
    /// Close as soon as everything is sent and, with `--confirm`, confirmed.
    Close,
    /// Stay until the peer closes.
    Stay,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub on_eof: OnEof,
    /// `--idle`: how long nothing must move.
    pub idle: Duration,
    /// Whether messages are confirmed.
    pub confirm: bool,
}

/// Tracks what is sent and received.
#[derive(Clone, Debug)]
pub struct Drain {
    options: Options,
    eof: bool,
    flushed: bool,
    /// Number of unconfirmed messages.
    unconfirmed: u64,
    /// Some of them must be sent again first.
    resend_pending: bool,
    /// Not all of `--on-open` has been sent.
    opening: bool,
    last_activity: Instant,
    /// Nothing has moved for `--idle`.
    quiet: bool,
}

impl Drain {
    pub fn new(options: Options, now: Instant) -> Self {
        Drain {
            options,
            eof: false,
            flushed: true,
            unconfirmed: 0,
            resend_pending: false,
            opening: false,
            last_activity: now,
            quiet: false,
        }
    }

    fn touch(&mut self, now: Instant) {
        self.last_activity = now;
        self.quiet = false;
    }

    /// Sets whether messages of `--on-open` are still to be sent.
    pub fn set_opening(&mut self, opening: bool) {
        self.opening = opening;
    }

    /// Something was handed over for sending.
    pub fn handle_sent(&mut self) {
        self.flushed = false;
    }

    /// A message of the input was handed over for the first time.
    pub fn handle_accepted(&mut self) {
        self.unconfirmed += u64::from(self.options.confirm);
    }

    /// Sets the number of unconfirmed messages.
    pub fn handle_confirmed(&mut self, now: Instant, left: u64) {
        self.unconfirmed = left;
        self.resend_pending &= left > 0;
        self.touch(now);
    }

    /// A connection was opened, perhaps not the first.
    pub fn handle_opened(&mut self, now: Instant) {
        self.flushed = true;
        self.resend_pending = self.unconfirmed > 0;
        self.touch(now);
    }

    /// Everything that had to be sent again has been sent.
    pub fn handle_repeated(&mut self) {
        self.resend_pending = false;
    }

    /// Whether nothing is left to do that requires another connection.
    pub fn is_done(&self) -> bool {
        // Without confirmations, another connection may still receive the replies.
        let settled = self.options.confirm && self.eof && self.unconfirmed == 0;
        settled && self.options.on_eof != OnEof::Stay
    }

    /// Whether the input has ended, and nothing is left to do but to close ([`OnEof::Close`]).
    pub fn is_closing(&self) -> bool {
        self.options.on_eof == OnEof::Close && self.eof && !self.awaits_peer()
    }

    /// Whether there is something to do that needs a message from the peer first.
    fn awaits_peer(&self) -> bool {
        self.unconfirmed > 0 || self.opening
    }

    /// Everything handed over has been flushed.
    pub fn handle_flushed(&mut self, now: Instant) {
        if !self.flushed {
            self.flushed = true;
            self.touch(now);
        }
    }

    /// Something was received that may be followed by more, or it is unknown whether more follows.
    pub fn handle_bytes(&mut self, now: Instant) {
        self.touch(now);
    }

    /// Everything that had arrived by `now` has been read.
    pub fn handle_quiet(&mut self, now: Instant) {
        self.quiet = self.quiet_at().is_some_and(|deadline| deadline <= now);
    }

    /// The input has ended, and all of it has been handed over.
    pub fn handle_eof(&mut self, now: Instant) {
        if !self.eof {
            self.eof = true;
            self.last_activity = self.last_activity.max(now);
        }
    }

    /// The input has ended like that of [`Drain::handle_eof`], and no reply is wanted.
    pub fn handle_over(&mut self, now: Instant) {
        self.options.on_eof = OnEof::Close;
        self.handle_eof(now);
    }

    /// Whether it is time to close.
    pub fn finished(&self) -> bool {
        match self.options.on_eof {
            OnEof::Close if !self.awaits_peer() => self.eof && self.flushed,
            OnEof::Close | OnEof::Drain => self.quiet && self.quiet_at().is_some(),
            OnEof::Stay => false,
        }
    }

    /// When nothing will have moved for `--idle`. Then [`Drain::handle_quiet`] is due.
    pub fn quiet_at(&self) -> Option<Instant> {
        // Data stuck in a full send buffer does not count as quiet.
        let quiet_counts = match self.options.on_eof {
            OnEof::Drain => true,
            OnEof::Close => self.awaits_peer(),
            OnEof::Stay => false,
        };
        (self.eof && self.flushed && !self.resend_pending && quiet_counts)
            .then(|| self.last_activity + self.options.idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn drain(on_eof: OnEof) -> (Drain, Instant) {
        let options = Options {
            on_eof,
            idle: 2 * SECOND,
            confirm: true,
        };
        let start = Instant::now();
        (Drain::new(options, start), start)
    }

    /// Whether it is time to close at `now`, after everything that had arrived has been read.
    fn is_finished(drain: &mut Drain, now: Instant) -> bool {
        drain.handle_quiet(now);
        drain.finished()
    }

    #[test]
    fn draining_ends_after_the_idle_time() {
        let (mut drain, start) = drain(OnEof::Drain);
        assert_eq!(drain.quiet_at(), None);
        drain.handle_eof(start + 10 * SECOND);
        assert_eq!(drain.quiet_at(), Some(start + 12 * SECOND));
        drain.handle_bytes(start + 11 * SECOND);
        assert!(!is_finished(&mut drain, start + 12 * SECOND));
        assert!(is_finished(&mut drain, start + 13 * SECOND));
    }

    #[test]
    fn unsent_messages_are_not_idle() {
        let (mut drain, start) = drain(OnEof::Drain);
        drain.handle_sent();
        drain.handle_eof(start);
        assert!(!is_finished(&mut drain, start + 1000 * SECOND));
        drain.handle_flushed(start + 1000 * SECOND);
        assert_eq!(drain.quiet_at(), Some(start + 1002 * SECOND));
    }

    #[test]
    fn closing_waits_for_the_flush_only() {
        let (mut drain, start) = drain(OnEof::Close);
        drain.handle_sent();
        drain.handle_eof(start);
        assert!(!drain.finished());
        drain.handle_flushed(start);
        assert!(drain.finished());
    }

    #[test]
    fn closing_waits_for_confirmations_as_long_as_something_moves() {
        let (mut drain, start) = drain(OnEof::Close);
        drain.handle_accepted();
        drain.handle_accepted();
        drain.handle_sent();
        drain.handle_eof(start);
        drain.handle_flushed(start);
        assert!(!drain.finished() && !drain.is_done());
        drain.handle_confirmed(start + SECOND, 1);
        assert_eq!(drain.quiet_at(), Some(start + 3 * SECOND));
        assert!(
            is_finished(&mut drain, start + 3 * SECOND),
            "nothing moved any more"
        );
        drain.handle_confirmed(start + 2 * SECOND, 0);
        assert!(drain.finished() && drain.is_done());
    }

    #[test]
    fn closing_waits_for_opening_messages_as_long_as_something_moves() {
        let (mut drain, start) = drain(OnEof::Close);
        drain.set_opening(true);
        drain.handle_eof(start);
        assert!(!drain.finished() && !drain.is_closing());
        assert_eq!(drain.quiet_at(), Some(start + 2 * SECOND));
        drain.set_opening(false);
        assert!(drain.finished() && drain.is_closing());
        drain.set_opening(true);
        assert!(is_finished(&mut drain, start + 2 * SECOND));
    }

    #[test]
    fn another_connection_restarts_the_idle_time() {
        let (mut drain, start) = drain(OnEof::Drain);
        drain.handle_accepted();
        drain.handle_sent();
        drain.handle_eof(start);
        drain.handle_opened(start + 10 * SECOND);
        assert_eq!(drain.quiet_at(), None, "it has to be sent again");
        let mut settled = drain.clone();
        settled.handle_confirmed(start + 10 * SECOND, 0);
        assert_eq!(settled.quiet_at(), Some(start + 12 * SECOND));
        drain.handle_repeated();
        assert_eq!(drain.quiet_at(), Some(start + 12 * SECOND));
        drain.handle_confirmed(start + 10 * SECOND, 0);
        assert!(drain.is_done());
    }

    #[test]
    fn staying_never_ends_by_itself() {
        let (mut drain, start) = drain(OnEof::Stay);
        drain.handle_eof(start);
        assert!(!is_finished(&mut drain, start + 1000 * SECOND));
        assert_eq!(drain.quiet_at(), None);
    }
}
