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

    /// Lets the next line count from the start. Returns when the last line was shown.
    pub(super) fn forget_last_line(&mut self) -> Duration {
        std::mem::take(&mut self.last)
    }

    /// Sets when the last line was shown.
    pub(super) fn set_last_line(&mut self, last: Duration) {
        self.last = last;
    }

    fn wall(&self, t: Duration) -> Zoned {
        timestamp(self.started.saturating_add(t)).to_zoned(self.zone.clone())
    }
}

/// How long after the last sent message another was received, in nine columns: `+12.3 ms`. Spaces if
/// nothing was sent.
pub(super) fn since(passed: Option<Duration>) -> String {
    let shown = match passed {
        None => String::new(),
        Some(passed) if passed < Duration::from_micros(999_950) => {
            format!("+{:.1} ms", passed.as_secs_f64() * 1000.0)
        }
        Some(passed) if passed < Duration::from_secs(60) => {
            format!("+{:.2} s", passed.as_secs_f64())
        }
        Some(passed) => {
            let minutes = passed.as_secs() / 60;
            match minutes {
                ..600 => format!("+{minutes}m{:02}s", passed.as_secs() % 60),
                _ => format!("+{}h{:02}m", minutes / 60, minutes % 60),
            }
        }
    };
    format!("{shown:>9}")
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

    #[test]
    fn the_time_since_the_last_sent_message_has_a_fixed_width() {
        for (passed, expected) in [
            (None, "         "),
            (Some(0), "  +0.0 ms"),
            (Some(12_345), " +12.3 ms"),
            (Some(999_949), "+999.9 ms"),
            (Some(999_950), "  +1.00 s"),
            (Some(59_990_000), " +59.99 s"),
            (Some(61_000_000), "   +1m01s"),
            (Some(36_000_000_000), "  +10h00m"),
        ] {
            assert_eq!(since(passed.map(Duration::from_micros)), expected);
        }
    }
}
