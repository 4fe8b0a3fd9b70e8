//! Which room a request asks for. The path names the room, the query tunes it; the whole of the
//! debug server's behaviour can be asked for in a URL, so that a test needs no configuration.
//! Pure: a path and query and a source of chance come in, a [`Room`] or a refusal goes out.

mod reconnect;
mod values;

use std::time::Duration;

use rand::Rng;

pub use reconnect::{Flaky, Format, Recorder, RetryAfter, Seq};
pub use values::Range;

use super::connection::End;
use super::faults::{self, Deflate, Fault};
use values::{bad, count, duration, final_status};

/// The rooms and what they do: the body of `GET /` and of every 404.
pub const ROOMS: &str = "\
/echo?delay=500ms                every message comes back, delayed if asked
/status/CODE                     this HTTP status, 200 to 599; 101 is an echo
/close/CODE?reason=TEXT&after=N  a Close with this code after N messages, which are echoed
/silent                          reads everything, answers pings and Close, never sends data
/frames/KIND                     breaks one rule of the protocol; GET /frames lists the kinds
/flaky?fail=N                    refuses N handshakes with 503, then is an echo; counted per URL;
                                 status=CODE, retry-after=SECONDS, date or no
/drop?after=N&how=HOW            echoes N messages, then ends: HOW is fin, rst or close:CODE;
                                 part=BYTES sends so much of a frame before fin or rst
/freeze?after=N&for=T            echoes N messages, then neither reads nor writes
/expire?token-ttl=5s             an echo until the token is so old, then a Close 4401; the token
                                 is in Authorization, token=X or, with via=message, a message
/seq?rate=R&after=ID&count=N     sends numbered messages, those after ID and up to N; for=N and
                                 how=HOW end sooner; via=message waits for {\"after\":ID}
/ledger?ack=no&delay=T           records messages and answers each with its number; GET shows
                                 them (also format=json), DELETE empties it

For the N of after, fail and for, a range A-B draws a number each time.
";

/// What the server does on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// Sends every data message back, `delay` after it arrived.
    Echo { delay: Duration },
    /// Refuses the handshake with this status.
    Status(u16),
    /// Ends after this many data messages, all of which it echoes.
    Ends { after: u64, how: End },
    /// Takes everything and sends no data.
    Silent,
    /// Breaks a rule of the protocol.
    Frames(&'static Fault),
    /// Refuses the first handshakes, then is an echo.
    Flaky(Flaky),
    /// Echoes this many data messages, then does nothing at all until it ends.
    Freeze { after: u64, hold: Duration },
    /// An echo until the token is older than this; the token may come in the first message.
    Expire { ttl: Duration, via_message: bool },
    /// Sends numbered messages.
    Seq(Seq),
    /// Records every data message.
    Ledger(Recorder),
}

impl Room {
    /// Whether the server may agree to permessage-deflate (RFC 7692) here.
    pub fn allows_deflate(&self) -> bool {
        !matches!(self, Room::Frames(fault) if fault.deflate == Deflate::Forbidden)
    }

    /// Whether there is no such room without permessage-deflate.
    pub fn needs_deflate(&self) -> bool {
        matches!(self, Room::Frames(fault) if fault.deflate == Deflate::Needed)
    }
}

/// Why there is no such room; the text is the body of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 404
    NotFound(String),
    /// 400
    BadRequest(String),
}

/// The room that `path_and_query` asks for, with a number drawn from each range but that of
/// [`Flaky`], which outlasts a connection. Parameters it does not know are left alone, because
/// clients under test put tokens into the query.
///
/// # Errors
/// [`Refused::NotFound`] for an unknown path, [`Refused::BadRequest`] for a value out of range.
pub fn parse(path_and_query: &str, rng: &mut impl Rng) -> Result<Room, Refused> {
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        ["echo"] => echo(query),
        ["status", code] => status(code),
        ["close", code] => close(code, query, rng),
        ["silent"] => Ok(Room::Silent),
        ["frames", kind] => frames(kind),
        ["flaky"] => reconnect::flaky(query),
        ["drop"] => reconnect::drop_after(query, rng),
        ["freeze"] => reconnect::freeze(query, rng),
        ["expire"] => reconnect::expire(query),
        ["seq"] => reconnect::seq(query, rng),
        ["ledger"] => reconnect::ledger(query),
        _ => Err(Refused::NotFound(format!(
            "There is no such room. The rooms are:\n\n{ROOMS}"
        ))),
    }
}

fn echo(query: &str) -> Result<Room, Refused> {
    let delay = duration(query, "delay")?.unwrap_or_default();
    Ok(Room::Echo { delay })
}

fn status(text: &str) -> Result<Room, Refused> {
    if text == "101" {
        return echo("");
    }
    final_status(text)
        .map(Room::Status)
        .ok_or_else(|| bad("The status must be 101 or a number from 200 to 599."))
}

fn close(code: &str, query: &str, rng: &mut impl Rng) -> Result<Room, Refused> {
    let how = End::Close(values::close(code, query)?);
    let after = count(query, "after", rng)?;
    Ok(Room::Ends { after, how })
}

fn frames(kind: &str) -> Result<Room, Refused> {
    faults::find(kind).map(Room::Frames).ok_or_else(|| {
        Refused::NotFound(format!(
            "There is no such kind of fault. The kinds are:\n\n{}\n\
             GET /frames says what each of them sends.\n",
            faults::names()
        ))
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::close::Close;

    pub(super) fn parse(path_and_query: &str) -> Result<Room, Refused> {
        super::parse(path_and_query, &mut StdRng::seed_from_u64(1))
    }

    #[track_caller]
    fn delay(path: &str) -> Duration {
        match parse(path) {
            Ok(Room::Echo { delay }) => delay,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn is_bad(path: &str) {
        assert!(
            matches!(parse(path), Err(Refused::BadRequest(_))),
            "{path}: {:?}",
            parse(path)
        );
    }

    #[track_caller]
    fn is_unknown(path: &str) {
        let Err(Refused::NotFound(body)) = parse(path) else {
            panic!("{path}: {:?}", parse(path));
        };
        assert!(body.ends_with(ROOMS));
    }

    #[test]
    fn an_echo_may_be_delayed() {
        assert_eq!(delay("/echo"), Duration::ZERO);
        assert_eq!(delay("/echo?delay=500ms"), Duration::from_millis(500));
        assert_eq!(delay("/echo?delay=2s"), Duration::from_secs(2));
        assert_eq!(delay("/echo?delay=1m"), Duration::from_secs(60));
        assert_eq!(delay("/echo?delay=0.25"), Duration::from_millis(250));
        assert_eq!(delay("/echo?token=x&delay=3"), Duration::from_secs(3));
    }

    #[test]
    fn a_delay_that_is_none_is_refused() {
        for text in [
            "", "ms", "-1s", "2h", "5 s", "nan", "inf", "1e9", "61m", "1ss", "0x2",
        ] {
            is_bad(&format!("/echo?delay={text}"));
        }
    }

    #[test]
    fn a_status_is_a_final_one_or_101() {
        assert_eq!(parse("/status/401"), Ok(Room::Status(401)));
        assert_eq!(parse("/status/599?x"), Ok(Room::Status(599)));
        assert_eq!(delay("/status/101"), Duration::ZERO);
        for code in ["", "99", "100", "103", "600", "abc", "70000"] {
            is_bad(&format!("/status/{code}"));
        }
    }

    #[test]
    fn a_close_has_code_reason_and_count() {
        let close = |close, after| {
            let how = End::Close(close);
            Ok(Room::Ends { after, how })
        };
        assert_eq!(
            parse("/close/4401?reason=token+expired%21&after=2"),
            close(Close::new(4401, "token expired!"), 2)
        );
        assert_eq!(parse("/close/1005"), close(Close::default(), 0));
    }

    #[test]
    fn a_close_that_fits_no_frame_is_refused() {
        is_bad("/close/999");
        is_bad("/close/5000");
        is_bad("/close/x");
        is_bad("/close/1000?after=-1");
        is_bad("/close/1005?reason=x");
        is_bad(&format!("/close/1000?reason={}", "ä".repeat(62)));
        assert!(parse(&format!("/close/1000?reason={}", "x".repeat(123))).is_ok());
    }

    #[test]
    fn a_fault_has_a_name() {
        for fault in faults::FAULTS {
            assert_eq!(
                parse(&format!("/frames/{}?x", fault.name)),
                Ok(Room::Frames(fault))
            );
        }
        for path in ["/frames/", "/frames/RSV", "/frames/nothing"] {
            let Err(Refused::NotFound(body)) = parse(path) else {
                panic!("{path}: {:?}", parse(path));
            };
            assert!(body.contains(&faults::names()), "{body}");
        }
    }

    #[test]
    fn a_fault_may_need_compression_or_none() {
        let deflate = |path| {
            let room = parse(path).unwrap();
            (room.allows_deflate(), room.needs_deflate())
        };
        assert_eq!(deflate("/echo"), (true, false));
        assert_eq!(deflate("/frames/rsv"), (true, false));
        assert_eq!(deflate("/frames/rsv1"), (false, false));
        assert_eq!(deflate("/frames/bomb"), (true, true));
    }

    #[test]
    fn an_unknown_path_lists_the_rooms() {
        for path in [
            "/",
            "",
            "/Echo",
            "/echo/",
            "/status",
            "/close/1000/x",
            "/silent2",
            "/frames",
            "/frames/rsv/x",
            "*",
        ] {
            is_unknown(path);
        }
    }

    #[test]
    fn every_listed_room_exists() {
        assert_eq!(parse("/silent"), Ok(Room::Silent));
        for line in ROOMS.lines().filter(|line| line.starts_with('/')) {
            let path = line
                .split([' ', '?'])
                .next()
                .unwrap()
                .replace("CODE", "4000")
                .replace("KIND", "rsv");
            assert!(!matches!(parse(&path), Err(Refused::NotFound(_))), "{line}");
        }
    }
}
