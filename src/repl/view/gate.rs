//! Whether a message is shown, or only counted: because messages come too fast to be read, because
//! the person asked for a pause, or because another program has the terminal. The time comes in as
//! an argument. It must never make a timer of its own for a message.

use std::time::{Duration, Instant};

/// Messages a second that a person may want to see.
const RATE: f64 = 200.0;

/// Above this, messages are counted.
const FULL: f64 = 200.0;

/// Below this, they are shown again. A gap to [`FULL`] keeps a rate close to [`RATE`] from switching
/// back and forth with every message.
const CALM: f64 = 150.0;

/// The newest messages of a flood, which are shown when it is over, and so not counted before. The
/// last ones before a Close may give its reason.
pub const NEWEST: u64 = 20;

/// How often a count is shown.
const INTERVAL: Duration = Duration::from_secs(1);

/// A leaky bucket: each message adds one, and [`RATE`] a second flow out.
#[derive(Debug, Default)]
struct Bucket {
    level: f64,
    since: Option<Instant>,
    flooded: bool,
}

impl Bucket {
    fn level_at(&self, now: Instant) -> f64 {
        let passed = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        (self.level - passed.as_secs_f64() * RATE).max(0.0)
    }

    /// Adds a message. Returns whether there are too many.
    fn push(&mut self, now: Instant) -> bool {
        // A flood of any length is over within the same time.
        self.level = (self.level_at(now) + 1.0).min(FULL + 1.0);
        self.since = Some(now);
        let most = if self.flooded { CALM } else { FULL };
        self.flooded = self.level > most;
        self.flooded
    }
}

/// What is shown of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is shown, after the count of those before it that were not, if there are any.
    After(u64),
    /// It is counted.
    Not,
}

/// What is to be shown of a flood when a second has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It goes on; so many messages more.
    Count(u64),
    /// It is over; so many messages have not been counted, of which the newest [`NEWEST`] are shown.
    Rest(u64),
}

/// Lets messages through, or counts them.
#[derive(Debug, Default)]
pub struct Gate {
    bucket: Bucket,
    /// Messages in the current flood whose count has not been shown.
    skipped: u64,
    /// When that count is shown.
    due: Option<Instant>,
    /// Messages since `/pause`.
    paused: Option<u64>,
    /// Messages since another program took the terminal.
    held: Option<u64>,
}

impl Gate {
    /// A message has come that would be shown.
    pub fn admit(&mut self, now: Instant) -> Shown {
        let flooded = self.bucket.push(now);
        if let Some(count) = self.held.as_mut().or(self.paused.as_mut()) {
            *count += 1;
            return Shown::Not;
        }
        if flooded {
            self.skipped += 1;
            self.due.get_or_insert(now + INTERVAL);
            return Shown::Not;
        }
        Shown::After(self.take_skipped())
    }

    /// When [`Gate::handle_timeout`] has something to show.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.filter(|_| !self.is_held())
    }

    /// What is to be shown at `now`, if that is due.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Skipped> {
        self.poll_timeout().filter(|due| *due <= now)?;
        if self.bucket.level_at(now) <= CALM {
            return Some(Skipped::Rest(self.take_skipped()));
        }
        self.due = Some(now + INTERVAL);
        let count = self.skipped.saturating_sub(NEWEST);
        self.skipped -= count;
        Some(Skipped::Count(count))
    }

    /// The number of messages that were skipped and whose count has not been shown; it counts as
    /// shown now.
    pub fn take_skipped(&mut self) -> u64 {
        self.due = None;
        std::mem::take(&mut self.skipped)
    }

    /// Counts messages from now on, and with them those of a flood whose count has not been shown.
    /// Returns whether that is new.
    pub fn pause(&mut self) -> bool {
        let is_new = self.paused.is_none();
        if is_new {
            self.paused = Some(self.take_skipped());
        }
        is_new
    }

    /// Shows messages again. Returns how many have come since [`Gate::pause`]; `None` if there was
    /// none.
    pub fn resume(&mut self) -> Option<u64> {
        self.paused.take()
    }

    /// Another program has the terminal: nothing may be shown.
    pub fn hold(&mut self) {
        self.held.get_or_insert(0);
    }

    /// The terminal is back. Returns how many messages have come since [`Gate::hold`]. A pause goes
    /// on, and counts them itself.
    pub fn release(&mut self) -> u64 {
        let held = self.held.take().unwrap_or(0);
        match &mut self.paused {
            Some(paused) => {
                *paused += held;
                0
            }
            None => held,
        }
    }

    /// Whether the last message was counted.
    pub fn is_counting(&self) -> bool {
        self.bucket.flooded || self.counts_all()
    }

    /// Whether every message is counted and none is shown.
    pub fn counts_all(&self) -> bool {
        self.is_held() || self.is_paused()
    }

    /// Whether another program has the terminal.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether the person asked for a pause.
    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets `count` messages come at `rate` a second; returns how many were shown one by one, and the
    /// counts that were shown.
    fn run(gate: &mut Gate, now: &mut Instant, count: u32, rate: u32) -> (u32, Vec<u64>) {
        let (mut shown, mut counts) = (0, Vec::new());
        for _ in 0..count {
            *now += Duration::from_secs(1) / rate;
            counts.extend(gate.handle_timeout(*now).map(|due| match due {
                Skipped::Count(count) | Skipped::Rest(count) => count,
            }));
            if let Shown::After(skipped) = gate.admit(*now) {
                shown += 1;
                counts.extend(Some(skipped).filter(|count| *count > 0));
            }
        }
        (shown, counts)
    }

    #[test]
    fn messages_that_can_be_read_are_shown() {
        for rate in [1, 20, 199] {
            let (mut gate, mut now) = (Gate::default(), Instant::now());
            assert_eq!(run(&mut gate, &mut now, 2000, rate), (2000, vec![]));
            assert_eq!(gate.poll_timeout(), None);
        }
    }

    #[test]
    fn a_short_burst_is_shown() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        for _ in 0..200 {
            assert_eq!(gate.admit(now), Shown::After(0));
        }
        assert_eq!(gate.admit(now), Shown::Not);
    }

    #[test]
    fn a_flood_is_counted_once_a_second() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        let (shown, counts) = run(&mut gate, &mut now, 150_000, 50_000);
        assert_eq!(shown, 200);
        assert_eq!(counts, [49_980, 50_000]);
        // The rest is shown though nothing more comes, the newest when the flood is over.
        let due = gate.poll_timeout().unwrap();
        assert_eq!(gate.handle_timeout(due - Duration::from_millis(1)), None);
        assert_eq!(gate.handle_timeout(due), Some(Skipped::Count(49_800)));
        let due = gate.poll_timeout().unwrap();
        assert_eq!(gate.handle_timeout(due), Some(Skipped::Rest(NEWEST)));
        assert_eq!(gate.poll_timeout(), None);
    }

    #[test]
    fn what_comes_after_a_flood_is_shown_soon_and_after_its_count() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        run(&mut gate, &mut now, 600, 6000);
        let (shown, counts) = run(&mut gate, &mut now, 10, 10);
        assert_eq!(counts, [396]);
        assert_eq!(shown, 8);
    }

    #[test]
    fn a_rate_a_little_too_high_does_not_flicker() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        run(&mut gate, &mut now, 2000, 250);
        let (shown, counts) = run(&mut gate, &mut now, 2500, 250);
        assert_eq!((shown, counts.len()), (0, 10));
    }

    #[test]
    fn a_pause_counts_until_it_is_over() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.resume(), None);
        assert!(gate.pause());
        assert!(!gate.pause());
        assert_eq!(gate.admit(now), Shown::Not);
        assert_eq!(gate.admit(now), Shown::Not);
        assert_eq!(gate.poll_timeout(), None);
        assert_eq!(gate.resume(), Some(2));
        assert_eq!(gate.admit(now), Shown::After(0));
    }

    #[test]
    fn a_pause_in_a_flood_counts_what_was_skipped_and_shows_nothing() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        run(&mut gate, &mut now, 300, 100_000);
        assert!(gate.pause());
        assert_eq!(gate.poll_timeout(), None);
        let (shown, counts) = run(&mut gate, &mut now, 100, 10);
        assert_eq!((shown, counts), (0, vec![]));
        assert_eq!(gate.resume(), Some(200));
    }

    #[test]
    fn a_terminal_that_is_away_shows_nothing() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        run(&mut gate, &mut now, 300, 100_000);
        gate.hold();
        assert_eq!(gate.poll_timeout(), None);
        let (shown, counts) = run(&mut gate, &mut now, 1000, 500);
        assert_eq!((shown, counts), (0, vec![]));
        assert_eq!(gate.release(), 1000);
        assert_eq!(gate.handle_timeout(now), Some(Skipped::Count(80)));
    }

    #[test]
    fn a_pause_outlasts_the_time_when_the_terminal_is_away() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.pause();
        gate.admit(now);
        gate.hold();
        gate.admit(now);
        assert_eq!(gate.release(), 0);
        gate.admit(now);
        assert_eq!(gate.resume(), Some(3));
    }
}
