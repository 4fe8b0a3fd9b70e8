//! `/seq`: sends numbered messages, so that a client which comes back can say where it was.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::BytesMut;

use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::paced;
use super::request::Request;
use crate::close::Close;
use crate::message::Message;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::{Refusal, bad_request};

pub(super) const SPEC: Spec = Spec {
    path: "/seq",
    parameters: "?rate=R&after=ID&count=N",
    help: "sends numbered messages, those after ID and up to N; for=N and
how=HOW end sooner; via=message waits for {\"after\":ID}",
    details: &[
        parameter("rate", "messages a second; 0 for no limit", "10"),
        parameter("after", "the id before the first one, or a range", "0"),
        parameter(
            "count",
            "the last id, after which it closes with 1000",
            "no end",
        ),
        parameter(
            "for",
            "messages before the connection ends, or a range",
            "no end",
        ),
        parameter("how", "how it ends then: fin, rst or close:CODE", "fin"),
        parameter(
            "via",
            "message: the first message received has the id",
            "the query",
        ),
    ],
    open: |request| Ok(Opened::websocket(Seq::read(request)?)),
};

/// The time between two messages where nothing is said.
const INTERVAL: Duration = Duration::from_millis(100);

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
            interval: query.interval(INTERVAL)?,
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

/// Sends what is asked for.
async fn send(connection: &mut Connection, seq: &Seq) -> Result<End, EndReason> {
    let mut after = seq.after;
    if seq.via_message {
        match position(&connection.next_message().await?) {
            Ok(Some(id)) => after = id,
            Ok(None) => {}
            Err(sentence) => return Ok(End::Close(Close::new(1008, sentence))),
        }
    }
    let left = seq.count.saturating_sub(after);
    let (most, end) = match &seq.ends {
        Some((most, how)) if *most < left => (*most, how.clone()),
        _ => (left, End::Close(Close::normal())),
    };
    let mut buffer = BytesMut::new();
    // No id is above `count`.
    let messages = (1..=most).map(|number| {
        let id = after + number;
        let _ = write!(buffer, "{{\"id\":{id},\"data\":\"message {id}\"}}");
        Message::text_from(&mut buffer)
    });
    paced::send(connection, seq.interval, messages).await?;
    Ok(end)
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
