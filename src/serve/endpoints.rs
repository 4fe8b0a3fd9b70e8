//! Which room a request asks for. The path names the room, the query tunes it; the whole of the
//! debug server's behaviour can be asked for in a URL, so that a test needs no configuration.
//! Pure: a path and query come in, a [`Room`] or a refusal goes out.

use std::time::Duration;

use url::form_urlencoded;

use super::faults::{self, Deflate, Fault};
use crate::units;

/// The rooms, one line each: the body of `GET /` and of every 404.
pub const ROOMS: &str = "\
/echo?delay=500ms                every message comes back, delayed if asked
/status/CODE                     this HTTP status, 200 to 599; 101 is an echo
/close/CODE?reason=TEXT&after=N  a Close with this code after N messages, which are echoed
/silent                          reads everything, answers pings and Close, never sends data
/frames/KIND                     breaks one rule of the protocol; GET /frames lists the kinds
";

/// A Close holds at most 125 bytes, two of them the code (RFC 6455 §5.5).
const MAX_REASON: usize = 123;

/// Longer delays are typing errors, and the clock arithmetic of huge ones overflows.
const MAX_DELAY: Duration = Duration::from_secs(3600);

/// What the server does on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// Sends every data message back, `delay` after it arrived.
    Echo { delay: Duration },
    /// Refuses the handshake with this status.
    Status(u16),
    /// Closes after this many data messages, all of which it echoes. 1005 stands for a Close
    /// without a code (RFC 6455 §7.1.5).
    Close {
        code: u16,
        reason: String,
        after: u64,
    },
    /// Takes everything and sends no data.
    Silent,
    /// Breaks a rule of the protocol.
    Frames(&'static Fault),
}

impl Room {
    /// Whether the server may agree to permessage-deflate (RFC 7692) here.
    pub fn allows_deflate(&self) -> bool {
        !matches!(self, Room::Frames(fault) if fault.deflate == Deflate::Spoils)
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

/// The room that `path_and_query` asks for. Parameters it does not know are left alone, because
/// clients under test put tokens into the query.
///
/// # Errors
/// [`Refused::NotFound`] for an unknown path, [`Refused::BadRequest`] for a value out of range.
pub fn parse(path_and_query: &str) -> Result<Room, Refused> {
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        ["echo"] => echo(query),
        ["status", code] => status(code),
        ["close", code] => close(code, query),
        ["silent"] => Ok(Room::Silent),
        ["frames", kind] => frames(kind),
        _ => Err(Refused::NotFound(format!(
            "There is no such room. The rooms are:\n\n{ROOMS}"
        ))),
    }
}

fn echo(query: &str) -> Result<Room, Refused> {
    let delay = match parameter(query, "delay") {
        Some(text) => duration(&text)?,
        None => Duration::ZERO,
    };
    Ok(Room::Echo { delay })
}

fn status(text: &str) -> Result<Room, Refused> {
    match text.parse() {
        Ok(101) => Ok(Room::Echo {
            delay: Duration::ZERO,
        }),
        // The other 1xx announce a final answer and cannot be one (RFC 9110 §15.2).
        Ok(code @ 200..=599) => Ok(Room::Status(code)),
        _ => Err(bad("The status must be 101 or a number from 200 to 599.")),
    }
}

fn close(text: &str, query: &str) -> Result<Room, Refused> {
    let Some(code) = text
        .parse()
        .ok()
        .filter(|code| (1000..=4999).contains(code))
    else {
        return Err(bad("The close code must be a number from 1000 to 4999."));
    };
    let reason = parameter(query, "reason").unwrap_or_default();
    if reason.len() > MAX_REASON {
        return Err(bad("The reason must be at most 123 bytes of UTF-8."));
    }
    if code == 1005 && !reason.is_empty() {
        return Err(bad(
            "1005 stands for a Close without a code, which has no reason either.",
        ));
    }
    let after = match parameter(query, "after") {
        Some(text) => count(&text)?,
        None => 0,
    };
    Ok(Room::Close {
        code,
        reason,
        after,
    })
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

fn count(text: &str) -> Result<u64, Refused> {
    text.parse()
        .map_err(|_| bad("The value of `after` must be a number of messages."))
}

fn duration(text: &str) -> Result<Duration, Refused> {
    units::duration(text)
        .ok()
        .filter(|delay| *delay <= MAX_DELAY)
        .ok_or_else(bad_delay)
}

fn bad_delay() -> Refused {
    bad("The delay must be a duration such as 500ms, 2s or 1m, at most one hour.")
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn bad(sentence: &str) -> Refused {
    Refused::BadRequest(format!("{sentence}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn delay(path: &str) -> Duration {
        match parse(path) {
            Ok(Room::Echo { delay }) => delay,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[track_caller]
    fn is_bad(path: &str) {
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
        assert_eq!(
            parse("/close/4401?reason=token+expired%21&after=2"),
            Ok(Room::Close {
                code: 4401,
                reason: "token expired!".into(),
                after: 2
            })
        );
        assert_eq!(
            parse("/close/1005"),
            Ok(Room::Close {
                code: 1005,
                reason: String::new(),
                after: 0
            })
        );
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
        for line in ROOMS.lines() {
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
