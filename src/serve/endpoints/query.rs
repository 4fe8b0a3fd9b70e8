//! The parameters of a URL: numbers, ranges, durations, and ways to end a connection. Pure.

use std::time::Duration;

use hyper::StatusCode;
use url::form_urlencoded;

use crate::close::{Close, Unsendable};
use crate::serve::connection::{AbruptEnd, End};
use crate::serve::range::Range;
use crate::serve::response::{Refusal, bad_request};
use crate::units;

/// Longer times are typing errors, and the clock arithmetic of huge ones overflows.
const MAX_DURATION: Duration = Duration::from_secs(3600);

/// The unfinished frame of an abrupt end is held in memory.
const MAX_PART: usize = 1 << 20;

/// The query of a URL, without its `?`. Unknown parameters are ignored, because clients
/// under test put tokens into the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(pub(super) &'a str);

impl Query<'_> {
    /// The value of a parameter, decoded.
    pub(super) fn get(self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.0.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A number of messages or attempts, or a range of them.
    ///
    /// # Errors
    /// 400, here and below.
    pub(super) fn range(self, name: &str) -> Result<Option<Range>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let (least, most) = text.split_once('-').unwrap_or((&text, &text));
        match (least.parse(), most.parse()) {
            (Ok(least), Ok(most)) if least <= most => Ok(Some(Range { least, most })),
            _ => Err(bad_request(&format!(
                "The value of `{name}` must be a number, or a range such as 2-5 to draw one from."
            ))),
        }
    }

    pub(super) fn duration(self, name: &str) -> Result<Option<Duration>, Refusal> {
        let text = self.get(name);
        text.map(|text| duration(&text, &format!("value of `{name}`")))
            .transpose()
    }

    /// A number of bytes, such as 64KiB.
    pub(super) fn size(self, name: &str, most: usize) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let size = units::size(&text).ok().filter(|size| *size <= most);
        size.map(Some).ok_or_else(|| {
            bad_request(&format!(
                "The value of `{name}` must be a number of bytes such as 100 or 64KiB, at most {most}."
            ))
        })
    }

    /// A whole number.
    pub(super) fn number(self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        units::digits(&text, u64::MAX)
            .map(Some)
            .ok_or_else(|| bad_request(&format!("The value of `{name}` must be a whole number.")))
    }

    /// The time between two messages: `rate` is how many there are a second, 0 for no limit.
    pub(super) fn interval(self, default: Duration) -> Result<Duration, Refusal> {
        match self.get("rate").as_deref() {
            None => Ok(default),
            Some("0") => Ok(Duration::ZERO),
            Some(text) => units::rate(text).map_err(|_| {
                bad_request(
                    "The value of `rate` must be a number of messages per second, such as 10 or \
                     0.5, or 0 for no limit.",
                )
            }),
        }
    }

    /// Whether the parameter is there, whatever its value.
    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the parameter is there; `value` is the only one it may have.
    pub(super) fn flag(self, name: &str, value: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(false),
            Some(text) if text == value => Ok(true),
            Some(_) => Err(bad_request(&format!(
                "The value of `{name}` must be `{value}`, or the parameter be left out."
            ))),
        }
    }

    /// A Close with this code and the `reason` of the query. 1005 stands for one without a code
    /// (RFC 6455 §7.1.5).
    pub(super) fn close(self, code: &str) -> Result<Close, Refusal> {
        const NOT_A_CODE: &str = "The close code must be a number from 1000 to 4999.";
        let code: u16 = code.parse().map_err(|_| bad_request(NOT_A_CODE))?;
        let reason = self.get("reason").unwrap_or_default();
        let code = Some(code).filter(|code| *code != 1005);
        let allows = |code| (1000..=4999).contains(&code);
        Close::from_person(code, &reason, allows).map_err(|why| {
            bad_request(match why {
                Unsendable::Code(_) => NOT_A_CODE,
                Unsendable::LongReason(_) => "The reason must be at most 123 bytes of UTF-8.",
                Unsendable::ReasonWithoutCode => {
                    "1005 stands for a Close without a code, so it has no reason."
                }
            })
        })
    }

    /// `how=rst`, `how=fin` (also where nothing is said), with `part`; or `how=close:CODE`.
    pub(super) fn end(self) -> Result<End, Refusal> {
        let how = self.get("how").unwrap_or_else(|| "fin".to_owned());
        let part = match self.get("part") {
            None => 0,
            Some(text) => part(&text)?,
        };
        if let Some(code) = how.strip_prefix("close:") {
            if part > 0 {
                return Err(bad_request(
                    "`part` goes with `how=rst` and `how=fin`: nothing but a whole frame can precede a Close.",
                ));
            }
            return self.close(code).map(End::Close);
        }
        let reset = match how.as_str() {
            "rst" => true,
            "fin" => false,
            _ => {
                return Err(bad_request(
                    "The value of `how` must be rst, fin or close:CODE.",
                ));
            }
        };
        Ok(End::Abort(AbruptEnd { reset, part }))
    }
}

/// A duration; `subject` says where it stands.
///
/// # Errors
/// 400
pub(super) fn duration(text: &str, subject: &str) -> Result<Duration, Refusal> {
    let duration = units::duration(text).ok();
    let duration = duration.filter(|duration| *duration <= MAX_DURATION);
    duration.ok_or_else(|| {
        bad_request(&format!(
            "The {subject} must be a duration such as 500ms, 2s or 1m, at most one hour."
        ))
    })
}

fn part(text: &str) -> Result<usize, Refusal> {
    let part = text.parse().ok().filter(|part| *part <= MAX_PART);
    part.ok_or_else(|| {
        bad_request("The value of `part` must be a number of bytes, at most 1048576 of them.")
    })
}

/// A final status: the other 1xx announce one and cannot be one (RFC 9110 §15.2).
pub(super) fn final_status(text: &str) -> Option<StatusCode> {
    let code = text
        .parse()
        .ok()
        .filter(|code| (200..=599).contains(code))?;
    StatusCode::from_u16(code).ok()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_range_is_drawn_from_and_a_number_is_itself() {
        let mut rng = StdRng::seed_from_u64(1);
        let range = |query| Query(query).range("n").unwrap();
        let from_2_to_5 = range("x&n=2-5").unwrap();
        assert_eq!(from_2_to_5, Range { least: 2, most: 5 });
        let drawn: Vec<u64> = (0..200).map(|_| from_2_to_5.draw(&mut rng)).collect();
        for number in 2..=5 {
            assert!(drawn.contains(&number), "{drawn:?}");
        }
        assert!(drawn.iter().all(|number| (2..=5).contains(number)));
        assert_eq!(range("n=7").unwrap().draw(&mut rng), 7);
        assert_eq!(range(""), None);
        range(&format!("n=0-{}", u64::MAX)).unwrap().draw(&mut rng);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let range = Query("n=0-1000000").range("n").unwrap().unwrap();
        let draw = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let drawn = (0..20).map(|_| range.draw(&mut rng));
            drawn.collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn invalid_ranges_are_refused() {
        for text in ["", "-", "-1", "1-", "5-2", "1-2-3", "x", "1.5"] {
            assert!(Query(&format!("n={text}")).range("n").is_err(), "{text}");
        }
    }

    #[test]
    fn how_selects_a_cut_or_a_close() {
        let cut = |reset, part| Some(End::Abort(AbruptEnd { reset, part }));
        let closes = |code, reason: &str| {
            let reason = reason.to_owned();
            Some(End::Close(Close { code, reason }))
        };
        for (query, expected) in [
            ("", cut(false, 0)),
            ("how=fin&part=3", cut(false, 3)),
            ("how=rst", cut(true, 0)),
            ("how=close:4000&reason=why", closes(Some(4000), "why")),
            ("how=close%3A1005", closes(None, "")),
        ] {
            assert_eq!(Query(query).end().ok(), expected, "{query}");
        }
        for query in [
            "how=",
            "how=close",
            "how=close:",
            "how=close:999",
            "how=close:1000&part=1",
            "how=RST",
            "part=-1",
            "part=1048577",
        ] {
            assert!(Query(query).end().is_err(), "{query}");
        }
    }
}
