//! `/stream` and `/burst`: messages of a size and kind, at a rate or all at once. Their content depends
//! on nothing but their number and the seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Parameter, Run, Spec, parameter};
use super::paced;
use super::request::Request;
use crate::close::Close;
use crate::message::Message;
use crate::serve::connection::{Connection, End};
use crate::serve::response::{Refusal, bad_request};

pub(super) const STREAM: Spec = Spec {
    path: "/stream",
    parameters: "?rate=R&count=N&size=B",
    help: "sends N messages of B bytes, R a second, then a Close 1000;
kind=text, json or binary",
    details: &[
        parameter("rate", "messages a second; 0 for no limit", "10"),
        parameter("count", "messages before the Close", "no end"),
        SIZE,
        KIND,
    ],
    open: |request| Ok(Opened::websocket(Flow::stream(request)?)),
};

pub(super) const BURST: Spec = Spec {
    path: "/burst",
    parameters: "?count=N&size=B",
    help: "sends N messages of B bytes at once, then a Close 1000, or with
then=echo an echo; kind=text, json or binary",
    details: &[
        parameter("count", "messages", "1000"),
        SIZE,
        KIND,
        parameter(
            "then",
            "echo: what follows in place of a Close",
            "a Close 1000",
        ),
    ],
    open: |request| Ok(Opened::websocket(Flow::burst(request)?)),
};

const SIZE: Parameter = parameter("size", "bytes of each message, such as 64KiB", "100");

const KIND: Parameter = parameter("kind", "text, json or binary", "text");

const INTERVAL: Duration = Duration::from_millis(100);

const MAX_SIZE: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Json,
    Binary,
}

#[derive(Debug)]
struct Flow {
    interval: Duration,
    count: u64,
    size: usize,
    kind: Kind,
    then_echo: bool,
    /// Makes the bytes of binary messages.
    rng: StdRng,
}

impl Flow {
    fn stream(request: Request<'_>) -> Result<Flow, Refusal> {
        let query = request.query();
        Ok(Flow {
            interval: query.interval(INTERVAL)?,
            count: query.number("count")?.unwrap_or(u64::MAX),
            ..Flow::burst(request)?
        })
    }

    fn burst(request: Request<'_>) -> Result<Flow, Refusal> {
        let query = request.query();
        let kind = match query.get("kind").as_deref() {
            None | Some("text") => Kind::Text,
            Some("json") => Kind::Json,
            Some("binary") => Kind::Binary,
            Some(_) => {
                return Err(bad_request(
                    "The value of `kind` must be text, json or binary.",
                ));
            }
        };
        Ok(Flow {
            interval: Duration::ZERO,
            count: query.number("count")?.unwrap_or(1000),
            size: query.size("size", MAX_SIZE)?.unwrap_or(100),
            kind,
            then_echo: query.flag("then", "echo")?,
            rng: StdRng::seed_from_u64(request.shared.state().rng.next_u64()),
        })
    }
}

impl Endpoint for Flow {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            let (size, kind, rng) = (self.size, self.kind, &mut self.rng);
            let messages = (1..=self.count).map(|number| message(kind, number, size, rng));
            paced::send(connection, self.interval, messages).await?;
            if self.then_echo {
                return echo(connection, u64::MAX).await;
            }
            Ok(End::Close(Close::normal()))
        })
    }
}

/// The message of this number. JSON that is too short for its members is longer than it should be.
fn message(kind: Kind, number: u64, size: usize, rng: &mut StdRng) -> Message {
    match kind {
        Kind::Text => {
            let mut text = format!("message {number} ");
            text.truncate(size);
            let missing = size - text.len();
            Message::text(text + &"x".repeat(missing))
        }
        Kind::Json => {
            let start = format!("{{\"n\":{number},\"data\":\"");
            let missing = size.saturating_sub(start.len() + 2);
            Message::text(start + &"x".repeat(missing) + "\"}")
        }
        Kind::Binary => {
            let mut bytes = vec![0; size];
            rng.fill(&mut bytes[..]);
            Message::binary(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn a_stream_takes_rate_count_size_and_kind() {
        let read = |path| {
            let flow = get(path, Flow::stream).unwrap();
            (flow.interval, flow.count, flow.size, flow.kind)
        };
        assert_eq!(read("/stream"), (INTERVAL, u64::MAX, 100, Kind::Text));
        assert_eq!(
            read("/stream?rate=0&count=3&size=1KiB&kind=json"),
            (Duration::ZERO, 3, 1024, Kind::Json)
        );
        let burst = get("/burst?then=echo&kind=binary", Flow::burst).unwrap();
        assert!(burst.then_echo && burst.interval.is_zero() && burst.count == 1000);
        for query in ["rate=x", "count=-1", "size=17MiB", "kind=xml", "then=stop"] {
            is_bad(&format!("/stream?{query}"), Flow::stream);
        }
    }

    #[test]
    fn a_message_has_its_size() {
        let make = |kind, size, seed| message(kind, 12, size, &mut StdRng::seed_from_u64(seed));
        for size in [0, 1, 11, 100, 70_000] {
            assert_eq!(make(Kind::Text, size, 1).len(), size);
            assert_eq!(make(Kind::Binary, size, 1).len(), size);
        }
        assert_eq!(make(Kind::Text, 13, 1), Message::text("message 12 xx"));
        assert_eq!(
            make(Kind::Json, 20, 1),
            Message::text(r#"{"n":12,"data":"xx"}"#)
        );
        assert_eq!(
            make(Kind::Json, 0, 1),
            Message::text(r#"{"n":12,"data":""}"#)
        );
        assert_eq!(make(Kind::Binary, 9, 1), make(Kind::Binary, 9, 1));
        assert_ne!(make(Kind::Binary, 9, 1), make(Kind::Binary, 9, 2));
    }
}
