//! `/repeat`: the same message several times, at intervals. Pure: the time comes in.

use std::time::{Duration, Instant};

use crate::units;

/// A message that is sent several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// How many times it is still to be sent.
    left: u64,
    /// How many times it is to be sent in all.
    count: u64,
    every: Duration,
    /// What is sent: variables are filled in each time.
    pub(super) text: String,
    due: Option<Instant>,
}

impl Repeat {
    /// Parses `N [every T] TEXT`; `last` is what is sent without TEXT.
    ///
    /// # Errors
    /// What is wrong, with an example.
    pub(super) fn parse(argument: &str, last: Option<&str>) -> Result<Self, String> {
        let (count, rest) = split_word(argument);
        let wanted = "write /repeat 10 every 1s TEXT, or /repeat off";
        let count = units::digits(count, u64::MAX)
            .filter(|count| *count > 0)
            .ok_or_else(|| format!("'{count}' is not a number of messages; {wanted}"))?;
        let (every, text) = match split_word(rest) {
            ("every", rest) => {
                let (every, text) = split_word(rest);
                let every = units::duration(every)
                    .map_err(|why| format!("'{every}' is not a duration: {why}; {wanted}"))?;
                (every, text)
            }
            _ => (Duration::ZERO, rest),
        };
        let text = match (text, last) {
            ("", None) => {
                return Err(format!("there is no message to repeat yet; {wanted}"));
            }
            ("", Some(last)) => last,
            (text, _) => text,
        };
        Ok(Repeat {
            left: count,
            count,
            every,
            text: text.to_owned(),
            due: None,
        })
    }

    /// When the message is to be sent next; `None` for at once.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The message is being sent: the next one is due an interval later. A moment that was missed,
    /// because there was no connection, is not made up for.
    pub(super) fn advance(&mut self, now: Instant) {
        self.left -= 1;
        if self.every.is_zero() {
            return;
        }
        let planned = self.due.unwrap_or(now).checked_add(self.every);
        let next = planned.filter(|planned| *planned > now);
        self.due = next.or_else(|| now.checked_add(self.every));
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// How many of how many have been sent.
    pub(super) fn progress(&self) -> String {
        format!("{} of {}", self.count - self.left, self.count)
    }
}

/// The first word, and what follows the space after it.
fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_repeated() {
        for (argument, last, count, every, text) in [
            ("3 hello  there", None, 3, 0, "hello  there"),
            ("10 every 2s {\"op\": 1}", None, 10, 2, "{\"op\": 1}"),
            ("10 every 2s", Some("last"), 10, 2, "last"),
            ("2", Some("last"), 2, 0, "last"),
            ("2 every", Some("x"), 0, 0, ""),
        ] {
            let Ok(repeat) = Repeat::parse(argument, last) else {
                assert_eq!(count, 0, "{argument}");
                continue;
            };
            let found = (repeat.left, repeat.every, &*repeat.text);
            assert_eq!(found, (count, every * SECOND, text), "{argument}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (argument, told) in [
            ("", "'' is not a number"),
            ("0 x", "'0' is not a number"),
            ("-1 x", "'-1' is not a number"),
            ("3", "no message to repeat"),
            ("3 every 2x y", "'x' is not a unit"),
        ] {
            let error = Repeat::parse(argument, None).unwrap_err();
            assert!(error.contains(told), "{argument}: {error}");
        }
    }

    #[test]
    fn it_keeps_its_rhythm_and_makes_up_for_nothing() {
        let start = Instant::now();
        let mut repeat = Repeat::parse("4 every 1s x", None).unwrap();
        assert_eq!(repeat.due(), None);
        repeat.advance(start);
        assert_eq!(repeat.due(), Some(start + SECOND));
        repeat.advance(start + SECOND + SECOND / 2);
        assert_eq!(repeat.due(), Some(start + 2 * SECOND));
        repeat.advance(start + 10 * SECOND);
        assert_eq!(repeat.due(), Some(start + 11 * SECOND));
        assert_eq!(repeat.progress(), "3 of 4");
        repeat.advance(start + 11 * SECOND);
        assert!(repeat.is_over());
    }
}
