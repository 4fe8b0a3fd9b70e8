//! `/echo`: every message comes back, at once or delayed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::close::Close;
use crate::message::Message;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::limits::MAX_MESSAGE;
use crate::serve::response::Refusal;

pub(super) const SPEC: Spec = Spec {
    path: "/echo",
    parameters: "?delay=500ms&upper",
    help: "every message comes back, delayed or in capitals if asked",
    details: &[
        parameter("delay", "how long each message is held back", "0"),
        parameter("upper", "texts come back in capitals", "as they are"),
    ],
    open: |request| Ok(Opened::websocket(Echo::read(request)?)),
};

/// How many messages a delayed echo holds back before it stops reading.
const MAX_QUEUE: usize = 1024;

/// The most that a delayed echo holds back, in bytes.
const MAX_HELD: usize = MAX_MESSAGE;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Echo {
    delay: Duration,
    upper: bool,
}

impl Echo {
    fn read(request: Request<'_>) -> Result<Echo, Refusal> {
        let delay = request.query().duration("delay")?.unwrap_or_default();
        let upper = request.query().has("upper");
        Ok(Echo { delay, upper })
    }
}

impl Endpoint for Echo {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        match (self.delay.is_zero(), self.upper) {
            (true, false) => Box::pin(echo(connection, u64::MAX)),
            (true, true) => Box::pin(echo_upper(connection)),
            (false, _) => Box::pin(echo_later(connection, self)),
        }
    }
}

/// Sends back this many messages.
pub(super) async fn echo(connection: &mut Connection, count: u64) -> Result<End, EndReason> {
    for _ in 0..count {
        let message = connection.next_message().await?;
        connection.send(message).await?;
    }
    Ok(End::Close(Close::normal()))
}

/// Sends back every message in capitals.
async fn echo_upper(connection: &mut Connection) -> Result<End, EndReason> {
    loop {
        let message = connection.next_message().await?;
        connection.send(in_capitals(message)).await?;
    }
}

/// Data that is not text stays as it is.
fn in_capitals(message: Message) -> Message {
    match message.as_text() {
        Some(text) => Message::text(text.to_uppercase()),
        None => message,
    }
}

/// Sends every message back so long after it arrived. Messages still held when the peer sends its
/// Close are lost: nothing may follow the Close that answers it (RFC 6455 §5.5.1).
async fn echo_later(connection: &mut Connection, echo: &Echo) -> Result<End, EndReason> {
    let Echo { delay, upper } = *echo;
    let as_asked = |message| if upper { in_capitals(message) } else { message };
    let mut held = Held::default();
    loop {
        tokio::select! {
            biased;
            now = held.due(), if !held.queue.is_empty() => {
                while let Some(message) = held.pop(now) {
                    connection.send(message).await?;
                    if let Some(next) = connection.take_read_ahead() {
                        held.push(Instant::now() + delay, as_asked(next));
                    }
                }
                connection.flush().await?;
            }
            message = connection.next_message(), if !held.is_full() => {
                held.push(Instant::now() + delay, as_asked(message?));
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
        self.queue.len() >= MAX_QUEUE || self.bytes >= MAX_HELD
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

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[track_caller]
    fn delay(path: &str) -> Duration {
        get(path, Echo::read).unwrap().delay
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
    fn texts_come_back_in_capitals() {
        let upper = |path| get(path, Echo::read).unwrap().upper;
        assert!(upper("/echo?upper") && upper("/echo?upper=1&delay=1s") && !upper("/echo"));
        assert_eq!(
            in_capitals(Message::text("straße")),
            Message::text("STRASSE")
        );
        assert_eq!(in_capitals(Message::binary("a")), Message::binary("a"));
    }

    #[test]
    fn an_invalid_delay_is_refused() {
        for text in [
            "", "ms", "-1s", "2h", "5 s", "nan", "inf", "1e9", "61m", "1ss", "0x2",
        ] {
            is_bad(&format!("/echo?delay={text}"), Echo::read);
        }
    }
}
