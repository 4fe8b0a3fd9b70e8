//! Numbers, durations and sizes in the form that people write and read. Pure.

use std::time::Duration;

/// Longer durations are typing errors, and clock arithmetic overflows with huge ones.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 86400);

/// Parses `500ms`, `2s`, `1m`, `1h`, or a bare number of seconds; decimals are allowed.
///
/// # Errors
/// What to write instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text
        .find(|c: char| c.is_ascii_alphabetic())
        .map(|at| text.split_at(at))
    {
        None => (text, 1.0),
        Some((number, "ms")) => (number, 0.001),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m")) => (number, 60.0),
        Some((number, "h")) => (number, 3600.0),
        Some((_, unit)) => {
            return Err(format!(
                "'{unit}' is not a unit of time; write 500ms, 2s, 1m or 1h"
            ));
        }
    };
    let value: f64 = plain_number(number).ok_or("write 500ms, 2s, 1m, or a number of seconds")?;
    Duration::try_from_secs_f64(value * seconds)
        .ok()
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| "that is longer than ten years".to_owned())
}

/// Formats a duration so that [`duration`] parses it: `300ms`, `1.5s`, `10s`. Durations above a
/// second are in seconds.
pub fn written(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 1000.0 {
        format!("{millis}ms")
    } else {
        format!("{}s", duration.as_secs_f64())
    }
}

/// Parses `64KiB`, `1MB`, or bytes.
///
/// # Errors
/// What to write instead.
pub fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = text.split_at(
        text.find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len()),
    );
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => {
            return Err(format!(
                "'{unit}' is not a unit of size; write 64KiB, 1MB or a number of bytes"
            ));
        }
    };
    let value: u64 = number
        .parse()
        .map_err(|_| "write 64KiB, 1MB or a number of bytes")?;
    let bytes = value
        .checked_mul(factor)
        .and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| "that is too large".to_owned())
}

/// Formats a size for people: `1 MiB`, `64 KiB`, `1000 bytes`.
pub fn written_size(bytes: usize) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        let unit_size = 1 << shift;
        if bytes >= unit_size && bytes.is_multiple_of(unit_size) {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}

/// Parses a number of at most `most`, written in digits only, without a sign.
pub fn digits(text: &str, most: u64) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| plain);
    number.filter(|&number| number <= most)
}

/// Parses a whole number from 1.
///
/// # Errors
/// What to write instead.
pub fn count(text: &str) -> Result<u64, String> {
    digits(text, u64::MAX)
        .filter(|number| *number > 0)
        .ok_or_else(|| "write a whole number from 1".to_owned())
}

/// Parses a number of messages.
///
/// # Errors
/// What to write instead.
pub fn messages(text: &str) -> Result<u64, String> {
    digits(text, u64::MAX).ok_or_else(|| "write a whole number".to_owned())
}

/// Parses a number of times.
///
/// # Errors
/// What to write instead.
pub fn times(text: &str) -> Result<u32, String> {
    digits(text, u64::from(u32::MAX))
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| "write a whole number".to_owned())
}

/// Parses a whole number from `least` to `most`.
///
/// # Errors
/// What to write instead.
pub fn whole(text: &str, least: u8, most: u8) -> Result<u8, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("write a whole number from {least} to {most}"))
}

/// Parses a number of messages per second into the time between two of them.
///
/// # Errors
/// What to write instead.
pub fn rate(text: &str) -> Result<Duration, String> {
    plain_number(text)
        .filter(|rate| *rate > 0.0)
        .and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok())
        .filter(|interval| *interval <= MAX_DURATION)
        .ok_or_else(|| "write a number of messages per second, such as 10 or 0.5".to_owned())
}

/// Formats a number with a comma between each three digits: `1,204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of things: `1 message`, `1,204 messages`.
pub fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        more => format!("{} {noun}s", grouped(more)),
    }
}

/// Digits and at most one point: not `1e9`, `inf` or `-1`.
fn plain_number(text: &str) -> Option<f64> {
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in [
            "0ms", "0.5ms", "300ms", "1s", "1.5s", "10s", "90s", "86400s",
        ] {
            assert_eq!(written(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn numbers_are_grouped_and_nouns_agree_with_them() {
        for (number, text) in [
            (0, "0 messages"),
            (1, "1 message"),
            (204, "204 messages"),
            (1204, "1,204 messages"),
            (1_000_000, "1,000,000 messages"),
        ] {
            assert_eq!(counted(number, "message"), text);
        }
    }

    #[test]
    fn counts_and_times_are_digits() {
        for (text, number) in [("1", Some(1)), ("12", Some(12)), ("0", None), ("x", None)] {
            assert_eq!(count(text).ok(), number, "{text}");
        }
        assert_eq!(times("0"), Ok(0));
        for text in ["", "+1", "-1", "1.5", "4294967296"] {
            assert_eq!(
                times(text),
                Err("write a whole number".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn whole_numbers_have_a_range() {
        for (text, number) in [("9", Some(9)), ("15", Some(15)), ("8", None), ("16", None)] {
            assert_eq!(whole(text, 9, 15).ok(), number, "{text}");
        }
        for text in ["", "x", "-1", "9.0", "300"] {
            let error = whole(text, 0, 9).unwrap_err();
            assert_eq!(error, "write a whole number from 0 to 9", "{text}");
        }
    }

    #[test]
    fn digits_have_no_sign() {
        for (text, number) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("15", Some(15)),
            ("16", None),
            ("+1", None),
            ("-1", None),
            ("", None),
            ("1.0", None),
        ] {
            assert_eq!(digits(text, 15), number, "{text}");
        }
        let most = u64::MAX.to_string();
        assert_eq!(digits(&most, u64::MAX), Some(u64::MAX));
        assert_eq!(digits(&(most + "0"), u64::MAX), None);
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("500ms", 500),
            ("2s", 2000),
            ("1m", 60_000),
            ("1h", 3_600_000),
            ("3", 3000),
            ("0.5", 500),
            ("1.5s", 1500),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1",
            "1d",
            "1e3",
            "inf",
            "nan",
            "1.2.3",
            "999999999999",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("64KiB", 65536),
            ("1MB", 1_000_000),
            ("64mib", 64 << 20),
            ("7b", 7),
            ("1G", 1 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5MB", "1TB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate("10"), Ok(Duration::from_millis(100)));
        assert_eq!(rate("0.5"), Ok(Duration::from_secs(2)));
        for text in ["0", "-1", "x", "", "0.0000000000000000001"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
