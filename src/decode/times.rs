//! Times as RFC 3339 writes them, in UTC. Pure.

use jiff::Timestamp;

/// This many seconds and nanoseconds after the Unix epoch; `None` beyond the years of the calendar.
pub(super) fn rfc3339(seconds: i64, nanoseconds: i32) -> Option<String> {
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
    const SECONDS: f64 = 1e12;
    if !(-SECONDS..SECONDS).contains(&seconds) {
        return None;
    }
    let micros = (seconds * 1e6).round() as i64;
    Timestamp::from_microsecond(micros)
        .ok()
        .map(|time| time.to_string())
}
