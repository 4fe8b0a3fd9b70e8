//! Times as RFC 3339 writes them, in UTC. Pure.

use jiff::Timestamp;

/// The longest `Duration` of Protocol Buffers in seconds, 10,000 years.
pub(crate) const LONGEST_DURATION: u64 = 315_576_000_000;

/// The first second of the year 1: RFC 3339 has no years before that with which others agree, and the
/// timestamps of Protocol Buffers begin there.
pub(crate) const FIRST: i64 = -62_135_596_800;

/// This many seconds and nanoseconds after the Unix epoch; `None` outside of the years 1 to 9999.
pub(super) fn rfc3339(seconds: i64, nanoseconds: i32) -> Option<String> {
    if seconds < FIRST {
        return None;
    }
    let time = Timestamp::new(seconds, nanoseconds).ok()?;
    Some(time.to_string())
}

/// Seconds after the Unix epoch, and the nanoseconds after them, of a time with its offset from UTC.
pub(crate) fn from_rfc3339(text: &str) -> Option<(i64, i32)> {
    let time: Timestamp = text.parse().ok()?;
    let (seconds, nanoseconds) = (time.as_second(), time.subsec_nanosecond());
    Some(match nanoseconds < 0 {
        true => (seconds - 1, nanoseconds + 1_000_000_000),
        false => (seconds, nanoseconds),
    })
}

/// The RFC 3339 text of seconds with a fraction, which a double has to microseconds.
pub(super) fn rfc3339_from_float(seconds: f64) -> Option<String> {
    const MOST: f64 = 1e12;
    if !(FIRST as f64..MOST).contains(&seconds) {
        return None;
    }
    let micros = (seconds * 1e6).round() as i64;
    Timestamp::from_microsecond(micros)
        .ok()
        .map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_years_of_rfc_3339() {
        // The calendar of the library ends here, a day early.
        let last = 253_402_207_200;
        for (seconds, text) in [
            (FIRST, Some("0001-01-01T00:00:00Z")),
            (0, Some("1970-01-01T00:00:00Z")),
            (last, Some("9999-12-30T22:00:00Z")),
            (FIRST - 1, None),
            (last + 1, None),
            (i64::MIN, None),
        ] {
            assert_eq!(rfc3339(seconds, 0).as_deref(), text, "{seconds}");
            assert_eq!(
                rfc3339_from_float(seconds as f64).as_deref(),
                text,
                "{seconds}"
            );
            let back = text.and_then(from_rfc3339);
            assert_eq!(back, text.map(|_| (seconds, 0)), "{seconds}");
        }
    }
}
