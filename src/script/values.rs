//! The values of a script whose variables are filled in: times, numbers, paths, regular expressions.
//! The parser checks those without variables, and the runner the others. Pure.
//!
//! An error says what is wrong with the value and is safe for a terminal.

use std::time::Duration;

use regex_bites::RegexBuilder;

use super::excerpt::quoted;
use crate::close::{self, Close};
use crate::units;

/// The longest regular expression, in bytes.
const MAX_REGEX: usize = 4096;

/// A time with its unit: `200ms`, `2s`.
///
/// # Errors
/// What is wrong, and what to write.
pub fn duration(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!(
            "{} has no unit; write 500ms, 2s or 1m",
            quoted(text)
        ));
    }
    units::duration(text).map_err(|why| {
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let units = ["ms", "s", "m", "h"];
        let has_unit = units
            .iter()
            .any(|unit| text.strip_prefix(number) == Some(unit));
        match has_unit && !number.is_empty() && is_number(number) {
            true => format!("{}: {why}", quoted(text)),
            false => format!("{} is not a time; write 500ms, 2s or 1m", quoted(text)),
        }
    })
}

/// How often something comes or is done, from 1: the `3` of `(x3)` and of `@repeat 3`.
///
/// # Errors
/// What is wrong, and what to write.
pub fn times(text: &str) -> Result<u32, String> {
    let number = units::times(text).ok().filter(|times| *times > 0);
    number.ok_or_else(|| {
        format!(
            "{} is not a number of times; write a whole number from 1",
            quoted(text)
        )
    })
}

/// The status of a handshake, 100 to 599.
///
/// # Errors
/// What is wrong, and what to write.
pub fn status(text: &str) -> Result<u16, String> {
    let number = code_of(text).filter(|status| (100..=599).contains(status));
    number.ok_or_else(|| format!("{} is not a status from 100 to 599", quoted(text)))
}

/// The code of a Close that is expected.
///
/// # Errors
/// What is wrong, and what to write.
pub fn expected_code(text: &str) -> Result<u16, String> {
    match code_of(text) {
        Some(1006) => Err("1006 is never in a Close; write <drop".to_owned()),
        Some(code) => Ok(code),
        None => Err(format!("{} is not a close code", quoted(text))),
    }
}

/// The code of a Close that is sent.
///
/// # Errors
/// What is wrong, and what to write.
pub fn sent_code(text: &str) -> Result<u16, String> {
    let code = code_of(text).ok_or_else(|| format!("{} is not a close code", quoted(text)))?;
    Close::from_person(Some(code), "", close::may_be_sent)
        .map(|_| code)
        .map_err(|why| why.to_string())
}

/// Checks the path of a file from the folder of the script, which it must not leave: a script of a
/// stranger reads nothing else.
///
/// # Errors
/// Why it is refused.
pub fn path(text: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("the path {} {why}", quoted(text)));
    let is_drive = text.as_bytes().get(1) == Some(&b':');
    if text.is_empty() {
        return Err("the path of a file is missing".to_owned());
    }
    if text.starts_with(['/', '\\', '~']) || is_drive {
        return refuse("is not relative; files are read from the folder of the script");
    }
    if text.split(['/', '\\']).any(|part| part == "..") {
        return refuse("leaves the folder of the script");
    }
    if text.chars().any(char::is_control) {
        return refuse("has a control character");
    }
    Ok(())
}

/// The source of `/…/` and `/…/i`, and whether it ignores case.
pub fn slashed(text: &str) -> Option<(&str, bool)> {
    let inner = text.strip_prefix('/')?;
    let (source, ignores_case) = match inner.strip_suffix("/i") {
        Some(source) => (source, true),
        None => (inner.strip_suffix('/')?, false),
    };
    (!source.is_empty()).then_some((source, ignores_case))
}

/// Checks a regular expression.
///
/// # Errors
/// What is wrong with it.
pub fn regex(source: &str) -> Result<(), String> {
    if source.len() > MAX_REGEX {
        return Err(format!(
            "a regular expression has at most {MAX_REGEX} bytes"
        ));
    }
    let built = RegexBuilder::new(source).build();
    built.map(drop).map_err(|error| {
        let why = error.to_string();
        let last = why.lines().last().unwrap_or_default();
        format!("not a valid regular expression: {}", shown(last))
    })
}

fn shown(text: &str) -> String {
    super::excerpt::shown(text)
}

fn code_of(text: &str) -> Option<u16> {
    let number = units::digits(text, u64::from(u16::MAX))?;
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_numbers_a_range() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(
            duration("200"),
            Err("'200' has no unit; write 500ms, 2s or 1m".to_owned())
        );
        assert!(duration("").is_err() && duration("2d").is_err());
        assert_eq!(times("3"), Ok(3));
        for text in ["", "0", "-1", "x", "4294967296"] {
            assert!(times(text).is_err(), "{text}");
        }
        assert_eq!((status("101"), status("599")), (Ok(101), Ok(599)));
        for text in ["", "99", "600", "1O1", "65637"] {
            assert!(status(text).is_err(), "{text}");
        }
    }

    #[test]
    fn codes_are_those_that_can_be_sent_or_come() {
        assert_eq!((sent_code("1000"), sent_code("4999")), (Ok(1000), Ok(4999)));
        for text in ["1005", "1006", "999", "5000", "66536", ""] {
            assert!(sent_code(text).is_err(), "{text}");
        }
        assert_eq!(expected_code("1005"), Ok(1005));
        assert!(expected_code("1006").is_err() && expected_code("x").is_err());
    }

    #[test]
    fn a_path_stays_in_the_folder_of_the_script() {
        for text in ["a.json", "sub/a.json", "..a/b..", "./a", "a b", "a/./b"] {
            assert_eq!(path(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "/etc/passwd",
            "~/x",
            "../a",
            "a/../../b",
            "a\\..\\b",
            "\\\\host\\x",
            "C:x",
            "a/..",
            "a\0b",
        ] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn regular_expressions_are_checked() {
        assert_eq!(regex("^a+$"), Ok(()));
        for text in ["(", "a{9999999}", &"(".repeat(4000), &"a".repeat(5000)] {
            let error = regex(text).unwrap_err();
            assert!(error.len() < 200 && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn regular_expressions_are_read_as_written() {
        for (written, expected) in [
            ("/a/", Some(("a", false))),
            ("/a/b/i", Some(("a/b", true))),
            ("/i", None),
            ("//", None),
            ("//i", None),
            ("/a", None),
            ("a/", None),
        ] {
            assert_eq!(slashed(written), expected, "{written}");
        }
    }
}
