//! `/flaky`: refuses the first handshakes to a URL, then is an echo.

use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::query::{Query, final_status};
use super::request::Request;
use crate::serve::connection::Connection;
use crate::serve::range::Range;
use crate::serve::response::{self, Answer, Refusal, bad_request};
use crate::wire::extension::Agreed;

pub(super) const SPEC: Spec = Spec {
    path: "/flaky",
    parameters: "?fail=N",
    help: "refuses N handshakes with 503, then is an echo; counted per URL;
status=CODE, retry-after=SECONDS, date or no",
    details: &[
        parameter("fail", "handshakes refused per URL, or a range", "1"),
        parameter("status", "the status of the refusals", "503"),
        parameter("retry-after", "seconds, date or no", "1"),
    ],
    open: |request| Ok(Opened::websocket(Flaky::read(request)?)),
};

#[derive(Debug, PartialEq, Eq)]
struct Flaky {
    /// How many handshakes it refuses. The number is drawn once per URL, not once per connection.
    fail: Range,
    status: StatusCode,
    retry_after: RetryAfter,
}

/// The `Retry-After` header of a refusal (RFC 9110 §10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RetryAfter {
    Seconds(u32),
    /// A date, one second ahead.
    Date,
    No,
}

impl Flaky {
    fn read(request: Request<'_>) -> Result<Flaky, Refusal> {
        let query = request.query();
        let status = match query.get("status") {
            None => StatusCode::SERVICE_UNAVAILABLE,
            Some(text) => final_status(&text).ok_or_else(|| {
                bad_request("The value of `status` must be a number from 200 to 599.")
            })?,
        };
        Ok(Flaky {
            fail: query.range("fail")?.unwrap_or(Range { least: 1, most: 1 }),
            status,
            retry_after: retry_after(query)?,
        })
    }

    fn refusal(&self, now: SystemTime) -> Answer {
        let mut answer = response::status(self.status);
        let headers = answer.headers_mut();
        match self.retry_after {
            RetryAfter::Seconds(seconds) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            RetryAfter::Date => {
                let date = http_date(now + Duration::from_secs(1));
                headers.insert(RETRY_AFTER, date.unwrap_or(HeaderValue::from(1)));
            }
            RetryAfter::No => {
                headers.remove(RETRY_AFTER);
            }
        }
        answer
    }
}

impl Endpoint for Flaky {
    fn admit(&mut self, request: Request<'_>, _: Option<&Agreed>) -> Result<(), Refusal> {
        if request.shared.state().refuses(request.target, self.fail) {
            return Err(Box::new(self.refusal(request.now)));
        }
        Ok(())
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(echo(connection, u64::MAX))
    }
}

fn retry_after(query: Query<'_>) -> Result<RetryAfter, Refusal> {
    match query.get("retry-after").as_deref() {
        None => Ok(RetryAfter::Seconds(1)),
        Some("date") => Ok(RetryAfter::Date),
        Some("no") => Ok(RetryAfter::No),
        Some(text) => text.parse().map(RetryAfter::Seconds).map_err(|_| {
            bad_request(
                "The value of `retry-after` must be a whole number of seconds, `date` or `no`.",
            )
        }),
    }
}

/// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. A clock that is wrong by millennia shows a year
/// that has no such form.
fn http_date(time: SystemTime) -> Option<HeaderValue> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let printed = printer.timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::try_from(printed).ok()
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    const ONCE: Range = Range { least: 1, most: 1 };

    #[test]
    fn a_flaky_endpoint_takes_count_status_and_retry_after() {
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
            let expected = Flaky {
                fail,
                status: StatusCode::from_u16(status).unwrap(),
                retry_after,
            };
            assert_eq!(get(path, Flaky::read).unwrap(), expected, "{path}");
        }
        for query in ["fail=x", "status=101", "retry-after=", "retry-after=1.5"] {
            is_bad(&format!("/flaky?{query}"), Flaky::read);
        }
    }

    /// What a request is refused with, at the time of the example in the RFC.
    #[track_caller]
    fn refusal(query: &str) -> Answer {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_776);
        let refusal = get(&format!("/flaky?{query}"), |request| {
            let request = Request { now, ..request };
            Flaky::read(request).unwrap().admit(request, None)
        });
        *refusal.unwrap_err()
    }

    #[test]
    fn a_refusal_reports_the_retry_delay() {
        let has = |answer: &Answer, name, value| {
            assert_eq!(answer.headers().get(name).unwrap(), value);
        };
        has(&refusal("fail=2"), "retry-after", "1");
        let dated = refusal("status=429&retry-after=date");
        assert_eq!(dated.status(), 429);
        has(&dated, "retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        let bare = refusal("retry-after=no");
        assert!(!bare.headers().contains_key("retry-after"));
        has(&refusal("status=302"), "location", "/echo");
    }
}
