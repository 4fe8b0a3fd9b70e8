//! `--timestamps`: the time at the beginning of a line.
//!
//! The caller provides the clock: the header event has the time of the start, and every event has
//! the time since then.

use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::options::Timestamps;
use crate::record::write::timestamp;

/// Formats the time stamp at the beginning of a line.
pub(super) struct Clock {
    /// Since the Unix epoch.
    started: Duration,
    /// When the last line was shown, as time since the start.
    last: Duration,
    zone: TimeZone,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        Clock {
            started: Duration::ZERO,
            last: Duration::ZERO,
            zone,
        }
    }

    pub(super) fn start(&mut self, started: Duration) {
        self.started = started;
    }

    /// The time stamp of a line shown at `t` since the start.
    pub(super) fn stamp(&mut self, style: Timestamps, t: Duration) -> String {
        let last = std::mem::replace(&mut self.last, t);
        match style {
            Timestamps::Short => self.wall(t).strftime("%H:%M:%S%.3f").to_string(),
            Timestamps::Iso => self
                .wall(t)
                .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
                .to_string(),
            Timestamps::Relative => seconds(t),
            Timestamps::Delta => seconds(t.saturating_sub(last)),
        }
    }

    fn wall(&self, t: Duration) -> Zoned {
        timestamp(self.started.saturating_add(t)).to_zoned(self.zone.clone())
    }
}

fn seconds(t: Duration) -> String {
    format!("+{}.{:03}s", t.as_secs(), t.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T10:00:00.25Z
    const STARTED: Duration = Duration::from_millis(1_795_168_800_250);

    fn clock() -> Clock {
        let mut clock = Clock::new(TimeZone::fixed(jiff::tz::offset(2)));
        clock.start(STARTED);
        clock
    }

    #[test]
    fn each_style_says_when() {
        let t = Duration::from_micros(12_345_999);
        for (style, expected) in [
            (Timestamps::Short, "12:00:12.595"),
            (Timestamps::Iso, "2026-11-20T12:00:12.595+02:00"),
            (Timestamps::Relative, "+12.345s"),
            (Timestamps::Delta, "+12.345s"),
        ] {
            assert_eq!(clock().stamp(style, t), expected);
        }
    }

    #[test]
    fn delta_counts_from_the_line_before() {
        let mut clock = clock();
        let mut stamp = |ms| clock.stamp(Timestamps::Delta, Duration::from_millis(ms));
        assert_eq!(
            [stamp(1500), stamp(1501), stamp(1501)],
            ["+1.500s", "+0.001s", "+0.000s"]
        );
    }
}
