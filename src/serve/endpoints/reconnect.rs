//! The rooms for clients that reconnect: each fails in a way that such a client gets over. Pure.

use std::time::Duration;

use rand::Rng;

use super::values::{Range, bad, count, duration, end, final_status, flag, parameter, range};
use super::{Refused, Room};
use crate::serve::connection::End;
use crate::units;

/// How long `/freeze` holds a connection, and `/expire` a token, where nothing is said.
const FREEZE: Duration = Duration::from_secs(3600);
const TOKEN_TTL: Duration = Duration::from_secs(5);

/// Messages per second of `/seq`, as the time between two of them.
const INTERVAL: Duration = Duration::from_millis(100);

/// A room that refuses some handshakes before it is an echo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaky {
    /// How many handshakes it refuses.
    pub fail: Range,
    pub status: u16,
    pub retry_after: RetryAfter,
}

/// The `Retry-After` header of a refusal (RFC 9110 §10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    Seconds(u32),
    /// A date, one second ahead.
    Date,
    No,
}

/// A room that sends numbered messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seq {
    /// Between two messages; nothing at all where they go out as fast as they are taken.
    pub interval: Duration,
    /// The id before the first one sent.
    pub after: u64,
    /// The first message that is received says where to go on from.
    pub via_message: bool,
    /// The last id.
    pub count: u64,
    /// How many messages a connection gets before it ends, and how.
    pub ends: Option<(u64, End)>,
}

/// A room that records what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorder {
    /// Whether each message is answered.
    pub ack: bool,
    /// How long each message takes.
    pub delay: Duration,
    /// How a plain GET shows what was recorded.
    pub format: Format,
}

/// How the ledger is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line per message, line feeds and backslashes escaped.
    Line,
    /// One JSON object per line.
    Json,
}

pub(super) fn flaky(query: &str) -> Result<Room, Refused> {
    let status = match parameter(query, "status") {
        None => 503,
        Some(text) => final_status(&text)
            .ok_or_else(|| bad("The value of `status` must be a number from 200 to 599."))?,
    };
    Ok(Room::Flaky(Flaky {
        fail: range(query, "fail")?.unwrap_or(Range { least: 1, most: 1 }),
        status,
        retry_after: retry_after(query)?,
    }))
}

fn retry_after(query: &str) -> Result<RetryAfter, Refused> {
    match parameter(query, "retry-after").as_deref() {
        None => Ok(RetryAfter::Seconds(1)),
        Some("date") => Ok(RetryAfter::Date),
        Some("no") => Ok(RetryAfter::No),
        Some(text) => text.parse().map(RetryAfter::Seconds).map_err(|_| {
            bad("The value of `retry-after` must be a whole number of seconds, `date` or `no`.")
        }),
    }
}

pub(super) fn drop_after(query: &str, rng: &mut impl Rng) -> Result<Room, Refused> {
    let after = count(query, "after", rng)?;
    let how = end(query)?;
    Ok(Room::Ends { after, how })
}

pub(super) fn freeze(query: &str, rng: &mut impl Rng) -> Result<Room, Refused> {
    let after = count(query, "after", rng)?;
    let hold = duration(query, "for")?.unwrap_or(FREEZE);
    Ok(Room::Freeze { after, hold })
}

pub(super) fn expire(query: &str) -> Result<Room, Refused> {
    Ok(Room::Expire {
        ttl: duration(query, "token-ttl")?.unwrap_or(TOKEN_TTL),
        via_message: flag(query, "via", "message")?,
    })
}

pub(super) fn seq(query: &str, rng: &mut impl Rng) -> Result<Room, Refused> {
    // A client that resumes has nothing to put there before its first message.
    let after = match parameter(query, "after").as_deref() {
        Some("") => 0,
        _ => count(query, "after", rng)?,
    };
    let last = match parameter(query, "count") {
        None => u64::MAX,
        Some(text) => text
            .parse()
            .map_err(|_| bad("The value of `count` must be a number, the last id."))?,
    };
    let how = end(query)?;
    let ends = range(query, "for")?.map(|range| (range.draw(rng), how));
    Ok(Room::Seq(Seq {
        interval: interval(query)?,
        after,
        via_message: flag(query, "via", "message")?,
        count: last,
        ends,
    }))
}

fn interval(query: &str) -> Result<Duration, Refused> {
    match parameter(query, "rate").as_deref() {
        None => Ok(INTERVAL),
        Some("0") => Ok(Duration::ZERO),
        Some(text) => units::rate(text).map_err(|_| {
            bad(
                "The value of `rate` must be a number of messages a second, such as 10 or 0.5, \
                 or 0 for no limit.",
            )
        }),
    }
}

pub(super) fn ledger(query: &str) -> Result<Room, Refused> {
    let format = match parameter(query, "format").as_deref() {
        None | Some("line") => Format::Line,
        Some("json") => Format::Json,
        Some(_) => return Err(bad("The value of `format` must be line or json.")),
    };
    Ok(Room::Ledger(Recorder {
        ack: !flag(query, "ack", "no")?,
        delay: duration(query, "delay")?.unwrap_or_default(),
        format,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{is_bad, parse};
    use super::*;
    use crate::close::Close;
    use crate::serve::connection::AbruptEnd;

    const ONCE: Range = Range { least: 1, most: 1 };

    #[test]
    fn a_flaky_room_has_count_status_and_retry_after() {
        for (path, fail, status, retry_after) in [
            ("/flaky", ONCE, 503, RetryAfter::Seconds(1)),
            (
                "/flaky?fail=3&id=x",
                Range { least: 3, most: 3 },
                503,
                RetryAfter::Seconds(1),
            ),
            (
                "/flaky?fail=0-2&status=429&retry-after=7",
                Range { least: 0, most: 2 },
                429,
                RetryAfter::Seconds(7),
            ),
            ("/flaky?retry-after=date", ONCE, 503, RetryAfter::Date),
            ("/flaky?retry-after=no", ONCE, 503, RetryAfter::No),
        ] {
            let expected = Room::Flaky(Flaky {
                fail,
                status,
                retry_after,
            });
            assert_eq!(parse(path), Ok(expected), "{path}");
        }
        for query in ["fail=x", "status=101", "retry-after=", "retry-after=1.5"] {
            is_bad(&format!("/flaky?{query}"));
        }
    }

    #[test]
    fn a_drop_has_count_and_how() {
        let cut = |reset, part| End::Abort(AbruptEnd { reset, part });
        for (path, after, how) in [
            ("/drop", 0, cut(false, 0)),
            ("/drop?after=2&how=rst&part=7", 2, cut(true, 7)),
            (
                "/drop?how=close:4000&reason=bye",
                0,
                End::Close(Close::new(4000, "bye")),
            ),
        ] {
            assert_eq!(parse(path), Ok(Room::Ends { after, how }), "{path}");
        }
        let Ok(Room::Ends { after, .. }) = parse("/drop?after=3-9") else {
            panic!("no such room");
        };
        assert!((3..=9).contains(&after));
        is_bad("/drop?after=9-3");
        is_bad("/drop?how=gone");
    }

    #[test]
    fn a_freeze_lasts_an_hour_at_most() {
        let freeze = |after, hold| Ok(Room::Freeze { after, hold });
        assert_eq!(parse("/freeze"), freeze(0, FREEZE));
        assert_eq!(
            parse("/freeze?after=1&for=2s"),
            freeze(1, Duration::from_secs(2))
        );
        is_bad("/freeze?for=2h");
    }

    #[test]
    fn a_token_has_a_time_to_live() {
        let expire = |ttl, via_message| Ok(Room::Expire { ttl, via_message });
        assert_eq!(parse("/expire?token=x"), expire(TOKEN_TTL, false));
        assert_eq!(
            parse("/expire?token-ttl=1s&via=message"),
            expire(Duration::from_secs(1), true)
        );
        is_bad("/expire?token-ttl=x");
        is_bad("/expire?via=pigeon");
    }

    #[test]
    fn a_sequence_has_rate_beginning_and_end() {
        let seq = Seq {
            interval: INTERVAL,
            after: 0,
            via_message: false,
            count: u64::MAX,
            ends: None,
        };
        for (path, expected) in [
            ("/seq", seq.clone()),
            ("/seq?after=", seq.clone()),
            (
                "/seq?after=7&count=9&rate=0",
                Seq {
                    interval: Duration::ZERO,
                    after: 7,
                    count: 9,
                    ..seq.clone()
                },
            ),
            (
                "/seq?for=3&how=rst&via=message&rate=0.5",
                Seq {
                    interval: Duration::from_secs(2),
                    via_message: true,
                    ends: Some((
                        3,
                        End::Abort(AbruptEnd {
                            reset: true,
                            part: 0,
                        }),
                    )),
                    ..seq
                },
            ),
        ] {
            assert_eq!(parse(path), Ok(Room::Seq(expected)), "{path}");
        }
        for query in ["after=x", "count=", "rate=-1", "for=x", "how=x", "via=x"] {
            is_bad(&format!("/seq?{query}"));
        }
    }

    #[test]
    fn a_ledger_may_keep_quiet_and_be_slow() {
        let recorder = Recorder {
            ack: true,
            delay: Duration::ZERO,
            format: Format::Line,
        };
        assert_eq!(parse("/ledger"), Ok(Room::Ledger(recorder)));
        assert_eq!(
            parse("/ledger?ack=no&delay=5ms&format=json"),
            Ok(Room::Ledger(Recorder {
                ack: false,
                delay: Duration::from_millis(5),
                format: Format::Json,
            }))
        );
        for query in ["ack=maybe", "delay=x", "format=xml"] {
            is_bad(&format!("/ledger?{query}"));
        }
    }
}
