//! `wirecat serve --replay`: the server's half of a recording, at every path. A message of the client is
//! awaited where the recording has one, whatever it says.

use std::collections::HashSet;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::endpoint::{Endpoint, Opened, Run};
use super::request::Request;
use crate::message::Message;
use crate::record::connection::What;
use crate::record::events::is_refusal;
use crate::record::replay::{Due, Leg, Player, Turn, sendable};
use crate::serve::connection::{AbruptEnd, Connection, End, EndReason};
use crate::serve::replay::Replay;
use crate::serve::response::{Answer, Refusal, bare_status};
use crate::wire::extension::Agreed;

/// Messages between two looks at what has come in.
const BATCH: u32 = 64;

/// Headers of a refusal that belong to its body or its connection, which are others now.
const NOT_KEPT: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
    "upgrade",
];

/// One client that is played a recording.
struct Played {
    replay: Arc<Replay>,
    /// From when the client is let in.
    leg: Arc<Leg>,
    /// The subprotocol of the recording, if the client offers it.
    subprotocol: Option<HeaderValue>,
}

/// What there is at every path.
pub(super) fn open(replay: &Arc<Replay>) -> Opened {
    Opened::websocket(Played {
        replay: Arc::clone(replay),
        leg: Arc::default(),
        subprotocol: None,
    })
}

impl Endpoint for Played {
    fn admit(&mut self, request: Request<'_>, _: Option<&Agreed>) -> Result<(), Refusal> {
        self.leg = self.replay.next();
        let answer = &self.leg.answer;
        if let Some(code) = answer.status.filter(|status| is_refusal(*status)) {
            return Err(Box::new(refusal(code, &answer.headers)));
        }
        let recorded = answer.subprotocol.as_deref();
        let agreed = recorded.filter(|name| request.subprotocols().contains(name));
        self.subprotocol = agreed.and_then(|name| HeaderValue::from_str(name).ok());
        Ok(())
    }

    fn amend(&self, headers: &mut HeaderMap) {
        match &self.subprotocol {
            Some(name) => headers.insert(SEC_WEBSOCKET_PROTOCOL, name.clone()),
            None => headers.remove(SEC_WEBSOCKET_PROTOCOL),
        };
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(play(connection, self))
    }
}

/// The recorded answer, without its body.
fn refusal(code: u16, headers: &[(String, String)]) -> Answer {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    // The recording says which other headers there are.
    let mut answer: Response<_> = bare_status(code);
    for (name, value) in headers {
        let is_kept = !NOT_KEPT
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other));
        if let (true, Ok(name), Ok(value)) = (
            is_kept,
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// Plays until the recording ends, and then waits for the client to close.
async fn play(connection: &mut Connection, played: &Played) -> Result<End, EndReason> {
    let leg = &played.leg;
    let turns = turns(leg);
    let mut player = Player::new(turns, played.replay.speed(), leg.opened, now());
    let heartbeats = heartbeats(leg);
    let handle = |player: &mut Player, message: Message| {
        // What a client sends by itself is not what is awaited.
        if !heartbeats.contains(&content(&message)) {
            player.handle_arrival();
        }
    };
    let mut sent = 0;
    loop {
        match player.poll(now()) {
            Due::Now(index) => {
                let moment = leg.moments.get(index);
                match moment.map(|(moment, _)| &moment.what) {
                    Some(What::Received(message)) => connection.send(message.clone()).await?,
                    Some(What::ReceivedPing(data)) => {
                        connection.send_ping(Bytes::from(data.clone())).await?;
                    }
                    Some(What::Closed(close)) => return Ok(End::Close(sendable(close))),
                    Some(What::Lost) => return Ok(End::Abort(AbruptEnd::default())),
                    _ => {}
                }
                sent += 1;
                if sent % BATCH == 0 {
                    connection.flush().await?;
                    tokio::select! {
                        biased;
                        message = connection.next_message() => handle(&mut player, message?),
                        () = ready(()) => {}
                    }
                }
            }
            Due::At(Some(due)) => tokio::select! {
                biased;
                () = sleep_until(Instant::from_std(due)) => {}
                message = connection.next_message() => handle(&mut player, message?),
            },
            Due::At(None) | Due::Arrival | Due::Over => {
                let message = connection.next_message().await?;
                handle(&mut player, message);
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// What the server did, and what it waits for.
fn turns(leg: &Leg) -> impl Iterator<Item = (Duration, Turn)> {
    let moments = leg.moments.iter().enumerate();
    moments.filter_map(|(index, (moment, _))| {
        let turn = match &moment.what {
            What::Received(_) | What::ReceivedPing(_) | What::Closed(_) | What::Lost => {
                Turn::Play(index)
            }
            What::Sent {
                by_itself: false, ..
            } => Turn::Await,
            _ => return None,
        };
        Some((moment.at, turn))
    })
}

/// The messages that the client sent by itself.
fn heartbeats(leg: &Leg) -> HashSet<(u8, Bytes)> {
    let sent = leg
        .moments
        .iter()
        .filter_map(|(moment, _)| match &moment.what {
            What::Sent {
                message,
                by_itself: true,
            } => Some(content(message)),
            _ => None,
        });
    sent.collect()
}

fn content(message: &Message) -> (u8, Bytes) {
    (message.kind().opcode(), message.payload().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_headers_of_the_recording_and_no_others() {
        let headers = [
            ("WWW-Authenticate", "Bearer"),
            ("www-authenticate", "Basic realm=\"x\""),
            ("retry-after", "7"),
            ("content-length", "99"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let names = |answer: &Answer| -> Vec<String> {
            let lines = answer.headers().iter();
            let lines = lines.filter(|(name, _)| *name != "content-type");
            lines
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect()
        };
        let expected = [
            "www-authenticate: Bearer",
            "www-authenticate: Basic realm=\"x\"",
            "retry-after: 7",
        ];
        assert_eq!(names(&refusal(401, &headers)), expected);
        assert!(names(&refusal(401, &[])).is_empty());
        assert!(names(&refusal(503, &[])).is_empty());
    }
}
