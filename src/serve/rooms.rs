//! What happens on a connection once it is a WebSocket: the rooms.

use std::collections::VecDeque;
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::{AbruptEnd, Connection, End, EndReason, MAX_MESSAGE};
use super::endpoints::Room;
use super::log::Ended;
use super::memory::Mark;
use super::upgrade::Entered;
use super::{Shared, fault_room, ledger_room, seq_room};
use crate::close::Close;
use crate::message::Message;
use crate::wire::shim;

/// How many messages a delayed echo holds back before it stops reading.
const MAX_QUEUE: usize = 1024;

/// The longest token message; whatever is longer holds no token.
const MAX_TOKEN: usize = 64 << 10;

/// Serves one connection until it is over, `stopped` at the latest.
pub(super) async fn serve(
    upgraded: Upgraded,
    entered: Entered,
    wire: &shim::Options,
    shared: &Shared,
    stopped: impl Future<Output = ()>,
) -> Ended {
    let mut connection = Connection::new(TokioIo::new(upgraded), wire).await;
    let goodbye = match entered.room {
        // Who does nothing at all says no goodbye either.
        Room::Freeze { .. } => End::Abort(AbruptEnd::default()),
        Room::Frames(_) => End::Disconnect(Err("server shutting down".to_owned())),
        _ => End::Close(Close::new(1001, "server shutting down")),
    };
    let end = tokio::select! {
        biased;
        end = converse(&mut connection, entered, shared) => end,
        () = stopped => Ok(goodbye),
    };
    connection.finish(end).await
}

async fn converse(
    connection: &mut Connection,
    entered: Entered,
    shared: &Shared,
) -> Result<End, EndReason> {
    match entered.room {
        Room::Echo { delay } if !delay.is_zero() => echo_later(connection, delay).await,
        Room::Echo { .. } | Room::Flaky(_) => echo(connection, u64::MAX).await,
        Room::Ends { after, how } => echo(connection, after).await.map(|_| how),
        Room::Freeze { after, hold } => freeze(connection, after, hold).await,
        Room::Expire { ttl, .. } => expire(connection, ttl, entered.token, shared).await,
        Room::Seq(seq) => seq_room::send(connection, seq).await,
        Room::Ledger(recorder) => ledger_room::record(connection, recorder, &shared.book).await,
        Room::Frames(fault) => {
            let answer = fault_room::send(connection.stream(), fault).await;
            Ok(End::Disconnect(answer))
        }
        // A status never gets here; taking it for a silent room harms nobody.
        Room::Silent | Room::Status(_) => swallow(connection).await,
    }
}

/// Sends back this many messages.
async fn echo(connection: &mut Connection, count: u64) -> Result<End, EndReason> {
    for _ in 0..count {
        let message = connection.next_message().await?;
        connection.send(message).await?;
    }
    Ok(End::Close(Close::normal()))
}

async fn swallow(connection: &mut Connection) -> Result<End, EndReason> {
    loop {
        connection.next_message().await?;
    }
}

/// Looks at nothing any more, once the echoes are out.
async fn freeze(connection: &mut Connection, after: u64, hold: Duration) -> Result<End, EndReason> {
    echo(connection, after).await?;
    connection.flush().await?;
    sleep(hold).await;
    Ok(End::Abort(AbruptEnd::default()))
}

/// An echo for as long as the token is good. Without a token, the first message must bring one.
async fn expire(
    connection: &mut Connection,
    ttl: Duration,
    token: Option<Mark>,
    shared: &Shared,
) -> Result<End, EndReason> {
    let token = match token {
        Some(token) => token,
        None => match brought_token(&connection.next_message().await?) {
            Some(token) => token,
            None => {
                return Ok(End::Close(Close::new(
                    4401,
                    "the first message is no token",
                )));
            }
        },
    };
    let now = Instant::now().into_std();
    let expires = shared.memory().first_seen(token, now) + ttl;
    tokio::select! {
        biased;
        () = sleep_until(expires.into()) => Ok(End::Close(Close::new(4401, "token expired"))),
        end = echo(connection, u64::MAX) => end,
    }
}

/// The token in `{"event":"token","data":"X"}`.
fn brought_token(message: &Message) -> Option<Mark> {
    let data = Some(message.payload()).filter(|data| data.len() <= MAX_TOKEN)?;
    let json: serde_json::Value = serde_json::from_slice(data).ok()?;
    let token = json.get("data")?.as_str()?;
    let is_one = json.get("event")? == "token" && !token.is_empty();
    is_one.then(|| Mark::of(token.as_bytes()))
}

/// Sends every message back `delay` after it arrived. Messages still held when the peer sends its
/// Close are lost: nothing may follow the Close that answers it (RFC 6455 §5.5.1).
async fn echo_later(connection: &mut Connection, delay: Duration) -> Result<End, EndReason> {
    let mut held = Held::default();
    loop {
        tokio::select! {
            biased;
            now = held.due(), if !held.queue.is_empty() => {
                while let Some(message) = held.pop(now) {
                    connection.send(message).await?;
                    if let Some(next) = connection.take_read_ahead() {
                        held.push(Instant::now() + delay, next);
                    }
                }
                connection.flush().await?;
            }
            message = connection.next_message(), if !held.is_full() => {
                held.push(Instant::now() + delay, message?);
            }
        }
    }
}

/// The messages of a delayed echo, in the order of their arrival and so of their due time.
#[derive(Default)]
struct Held {
    queue: VecDeque<(Instant, Message)>,
    bytes: usize,
}

impl Held {
    fn is_full(&self) -> bool {
        self.queue.len() >= MAX_QUEUE || self.bytes >= MAX_MESSAGE
    }

    fn push(&mut self, due: Instant, message: Message) {
        self.bytes += message.len();
        self.queue.push_back((due, message));
    }

    fn pop(&mut self, now: Instant) -> Option<Message> {
        let (_, message) = self.queue.pop_front_if(|(due, _)| *due <= now)?;
        self.bytes -= message.len();
        Some(message)
    }

    /// Waits until the first message is due; answers with the time it is then.
    async fn due(&self) -> Instant {
        if let Some((due, _)) = self.queue.front() {
            sleep_until(*due).await;
        }
        Instant::now()
    }
}
