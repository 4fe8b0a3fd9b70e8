//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. Pure: the time comes in as an argument.

use std::time::{Duration, SystemTime};

/// Longer delays are mistakes.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The delay that the server asks for, at most one day. A date is relative to the server's own
/// clock if the response has a `Date`.
pub fn read(headers: &[(String, String)], now: SystemTime) -> Option<Duration> {
    let value = |name: &str| {
        let found = headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim())
    };
    let asked = value("retry-after")?;
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean a long time.
        let seconds = asked.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let theirs = value("date").and_then(|date| httpdate::parse_http_date(date).ok());
    let left = until.duration_since(theirs.unwrap_or(now));
    Some(left.unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of the examples in RFC 9110.
    const THEN: Duration = Duration::from_secs(784_111_777);

    #[track_caller]
    fn seconds(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = vec![("retry-after".to_owned(), retry_after.to_owned())];
        headers.extend(date.map(|date| ("date".to_owned(), date.to_owned())));
        read(&headers, SystemTime::UNIX_EPOCH + THEN).map(|time| time.as_secs())
    }

    #[test]
    fn seconds_and_dates_in_all_three_forms() {
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Mon, 06 Nov 2045 08:50:37 GMT", Some(86_400)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(value, None), expected, "{value}");
        }
        assert_eq!(read(&[], SystemTime::UNIX_EPOCH + THEN), None);
    }

    #[test]
    fn a_date_is_relative_to_the_servers_clock() {
        let until = "Sun, 06 Nov 1994 10:00:30 GMT";
        assert_eq!(
            seconds(until, Some("Sun, 06 Nov 1994 10:00:00 GMT")),
            Some(30)
        );
        assert_eq!(seconds(until, Some("no date")), Some(4253));
    }
}
