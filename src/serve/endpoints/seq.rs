//! `/seq`: sends numbered messages, so that a client which comes back can say where it was. It reads
//! between two batches and never waits with reading for anything but its own writes.

use std::fmt::Write as _;
use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::{Instant, sleep_until};

use super::endpoint::{Endpoint, Opened, Run, Spec};
use super::query::Query;
use super::request::Request;
use crate::close::Close;
use crate::message::Message;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::{Refusal, bad_request};
use crate::units;

pub(super) const SPEC: Spec = Spec {
    path: "/seq",
    parameters: "?rate=R&after=ID&count=N",
    help: "sends numbered messages, those after ID and up to N; for=N and
how=HOW end sooner; via=message waits for {\"after\":ID}",
    open: |request| Ok(Opened::websocket(Seq::read(request)?)),
};

/// The time between two messages where nothing is said.
const INTERVAL: Duration = Duration::from_millis(100);

/// Messages between two looks at what has come in.
const BATCH: usize = 64;

/// Longer messages are not searched for a place to go on from.
const MAX_POSITION: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seq {
    /// Between two messages; zero where they are sent as fast as they are taken.
    interval: Duration,
    /// The id before the first one sent.
    after: u64,
    /// The first message that is received says where to go on from.
    via_message: bool,
    /// The last id.
    count: u64,
    /// How many messages a connection gets before it ends, and how.
    ends: Option<(u64, End)>,
}

impl Seq {
    fn read(request: Request<'_>) -> Result<Seq, Refusal> {
        let query = request.query();
        // A client that resumes has nothing to put there before its first message.
        let after = match query.get("after").as_deref() {
            Some("") => 0,
            _ => request.count("after")?,
        };
        let last = match query.get("count") {
            None => u64::MAX,
            Some(text) => text
                .parse()
                .map_err(|_| bad_request("The value of `count` must be a number, the last id."))?,
        };
        let how = query.end()?;
        let lasts = query.range("for")?;
        let ends = lasts.map(|range| (range.draw(&mut request.shared.state().rng), how));
        Ok(Seq {
            interval: interval(query)?,
            after,
            via_message: query.flag("via", "message")?,
            count: last,
            ends,
        })
    }
}

impl Endpoint for Seq {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(send(connection, self))
    }
}

fn interval(query: Query<'_>) -> Result<Duration, Refusal> {
    match query.get("rate").as_deref() {
        None => Ok(INTERVAL),
        Some("0") => Ok(Duration::ZERO),
        Some(text) => units::rate(text).map_err(|_| {
            bad_request(
                "The value of `rate` must be a number of messages per second, such as 10 or 0.5, \
                 or 0 for no limit.",
            )
        }),
    }
}

/// Sends what is asked for.
async fn send(connection: &mut Connection, seq: &Seq) -> Result<End, EndReason> {
    let mut id = seq.after;
    if seq.via_message {
        match position(&connection.next_message().await?) {
            Ok(Some(after)) => id = after,
            Ok(None) => {}
            Err(sentence) => return Ok(End::Close(Close::new(1008, sentence))),
        }
    }
    let (mut left, how) = match &seq.ends {
        Some((count, how)) => (*count, Some(how)),
        None => (u64::MAX, None),
    };
    let mut due = Instant::now();
    let mut waiting = pin!(sleep_until(due));
    let mut buffer = BytesMut::new();
    loop {
        if id >= seq.count {
            return Ok(End::Close(Close::normal()));
        }
        if let Some(how) = how
            && left == 0
        {
            return Ok(how.clone());
        }
        tokio::select! {
            biased;
            () = &mut waiting => {}
            message = connection.next_message() => {
                message?;
                continue;
            }
        }
        let now = Instant::now();
        for _ in 0..BATCH {
            if due > now || id >= seq.count || left == 0 {
                break;
            }
            id += 1;
            left -= 1;
            due += seq.interval;
            let _ = write!(buffer, "{{\"id\":{id},\"data\":\"message {id}\"}}");
            connection.send(Message::text_from(&mut buffer)).await?;
        }
        connection.flush().await?;
        waiting.as_mut().reset(due);
        // Where a message is always due, nothing would be read otherwise.
        tokio::select! {
            biased;
            message = connection.next_message() => drop(message?),
            () = ready(()) => {}
        }
    }
}

/// The id in `{"after":ID}`, which may be a string. `None` where the message says nothing of it.
fn position(message: &Message) -> Result<Option<u64>, &'static str> {
    let text = message.as_text().filter(|text| text.len() <= MAX_POSITION);
    let json = text.and_then(|text| serde_json::from_str(text).ok());
    let after = json
        .as_ref()
        .and_then(|json: &serde_json::Value| json.get("after"));
    let number = match after {
        None => return Ok(None),
        Some(serde_json::Value::Null) => Some(0),
        Some(serde_json::Value::String(text)) if text.is_empty() => Some(0),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err("the member \"after\" must be a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;
    use crate::serve::connection::AbruptEnd;

    #[test]
    fn a_sequence_takes_rate_start_and_end() {
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
            assert_eq!(get(path, Seq::read).unwrap(), expected, "{path}");
        }
        for query in ["after=x", "count=", "rate=-1", "for=x", "how=x", "via=x"] {
            is_bad(&format!("/seq?{query}"), Seq::read);
        }
    }

    #[test]
    fn a_position_is_a_number_in_one_of_its_forms() {
        for (text, expected) in [
            (r#"{"after":7}"#, Ok(Some(7))),
            (r#"{"x":1,"after":"7"}"#, Ok(Some(7))),
            (r#"{"after":""}"#, Ok(Some(0))),
            (r#"{"after":null}"#, Ok(Some(0))),
            (r#"{"before":7}"#, Ok(None)),
            ("hello", Ok(None)),
            ("[7]", Ok(None)),
        ] {
            assert_eq!(position(&Message::text(text)), expected, "{text}");
        }
        for text in [r#"{"after":-1}"#, r#"{"after":"x"}"#, r#"{"after":[]}"#] {
            assert!(position(&Message::text(text)).is_err(), "{text}");
        }
        assert_eq!(position(&Message::binary(r#"{"after":7}"#)), Ok(None));
    }
}
