//! `/ledger`: records what it receives. Whatever is sent says that something was recorded, an
//! acknowledgement as well as the pong that answers a ping: so neither may leave before the messages
//! that came before it are written. What can be read at once is written at once and flushed once.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::sleep;

use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::query::Query;
use super::request::Request;
use crate::close::Close;
use crate::error::plain_words;
use crate::message::Message;
use crate::serve::connection::{Connection, End, EndReason, Received};
use crate::serve::ledger::store::{LedgerStore, Recorded, Stopped};
use crate::serve::ledger::{Format, http, number};
use crate::serve::response::{Refusal, bad_request};
use crate::serve::shared::lock;
use crate::wire::shim;

pub(super) const SPEC: Spec = Spec {
    path: "/ledger",
    parameters: "?ack=no&delay=T",
    help: "records messages and answers each with its number; GET shows
them (also format=json), DELETE empties it",
    details: &[
        parameter("ack", "no: messages are not answered", "answered"),
        parameter("delay", "how long each message takes", "0"),
        parameter("format", "text or json, for a GET", "text"),
    ],
    open,
};

/// Messages that are written together, in number and, but for the last of them, in bytes.
const MAX_BATCH: usize = 256;
const MAX_BYTES: usize = 256 << 10;

struct Ledger {
    /// Whether each message is answered.
    ack: bool,
    /// How long each message takes.
    delay: Duration,
    store: Arc<Mutex<LedgerStore>>,
}

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let format = format(request.query())?;
    let ledger = Ledger::read(request)?;
    if request.wants_websocket() {
        return Ok(Opened::websocket(ledger));
    }
    let answer = http::answer(request.method, format, &ledger.store);
    Ok(Opened::Http(answer))
}

/// How a plain GET shows what was recorded.
fn format(query: Query<'_>) -> Result<Format, Refusal> {
    match query.get("format").as_deref() {
        None | Some("line") => Ok(Format::Line),
        Some("json") => Ok(Format::Json),
        Some(_) => Err(bad_request("The value of `format` must be line or json.")),
    }
}

impl Ledger {
    fn read(request: Request<'_>) -> Result<Ledger, Refusal> {
        let query = request.query();
        Ok(Ledger {
            ack: !query.flag("ack", "no")?,
            delay: query.duration("delay")?.unwrap_or_default(),
            store: Arc::clone(request.shared.ledger()),
        })
    }
}

impl Endpoint for Ledger {
    /// The pongs wait until what came before the ping is written.
    fn configure(&self, wire: &mut shim::Options) {
        wire.hide_pings = true;
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(record(connection, self))
    }
}

/// Records until the connection is over or the ledger full.
async fn record(connection: &mut Connection, ledger: &Ledger) -> Result<End, EndReason> {
    let conn = lock(&ledger.store).connect();
    let mut batch = Batch::default();
    let most = if ledger.delay.is_zero() { MAX_BATCH } else { 1 };
    let mut buffer = BytesMut::new();
    loop {
        let read = poll_fn(|cx| batch.poll_fill(most, connection, cx)).await;
        // A sleep of nothing would last for a millisecond.
        if !ledger.delay.is_zero() && !batch.messages.is_empty() {
            sleep(ledger.delay).await;
        }
        let recorded = lock(&ledger.store).record(conn, &batch.messages);
        // The peer may have gone, yet what it sent counts, and it may still be reading.
        let answered = batch
            .answer(ledger.ack, &recorded, &mut buffer, connection)
            .await;
        match (read, recorded.stopped) {
            // The peer's own Close, sent back, would say that all is well.
            (Ok(()) | Err(EndReason::Peer(_)), Some(stopped)) => {
                return Ok(End::Close(close_for(&stopped)));
            }
            (Err(reason), _) => return Err(reason),
            (Ok(()), None) => answered?,
        }
        batch.clear();
        connection.flush().await?;
    }
}

fn push_ack(message: &Message, total: u64, buffer: &mut BytesMut) {
    // Writing to memory does not fail.
    let _ = match number(message.payload()) {
        Some(number) => write!(buffer, "{{\"ack\":{number},\"total\":{total}}}"),
        None => write!(buffer, "{{\"ack\":null,\"total\":{total}}}"),
    };
}

fn close_for(stopped: &Stopped) -> Close {
    match stopped {
        Stopped::Full => Close::new(1013, "the ledger is full"),
        Stopped::Failed(error) => {
            let words = plain_words(error);
            Close::new(1011, format!("the ledger cannot be written: {words}"))
        }
    }
}

/// What was read and not yet answered.
#[derive(Default)]
struct Batch {
    messages: Vec<Message>,
    bytes: usize,
    /// The payloads of pings, each with the number of messages before it.
    pings: Vec<(usize, Bytes)>,
}

impl Batch {
    /// Takes what can be read now, and waits only for the first of it.
    fn poll_fill(
        &mut self,
        most: usize,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), EndReason>> {
        while self.len() < most && self.bytes < MAX_BYTES {
            match connection.poll_received(cx)? {
                Poll::Ready(Received::Message(message)) => {
                    self.bytes += message.len();
                    self.messages.push(message);
                }
                Poll::Ready(Received::Ping(payload)) => {
                    self.pings.push((self.messages.len(), payload));
                }
                Poll::Pending if self.len() > 0 => break,
                Poll::Pending => {
                    ready!(connection.poll_flush(cx))?;
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn len(&self) -> usize {
        self.messages.len() + self.pings.len()
    }

    /// Answers what was recorded, and the pings up to where that ends, in the order of arrival.
    async fn answer(
        &self,
        ack: bool,
        recorded: &Recorded,
        buffer: &mut BytesMut,
        connection: &mut Connection,
    ) -> Result<(), EndReason> {
        let mut pings = self.pings.iter().peekable();
        let messages = self.messages[..recorded.count].iter().map(Some);
        for (at, message) in messages.chain([None]).enumerate() {
            while let Some((_, payload)) = pings.next_if(|(before, _)| *before == at) {
                connection.send_pong(payload.clone()).await?;
            }
            if let Some(message) = message.filter(|_| ack) {
                push_ack(message, recorded.before + at as u64 + 1, buffer);
                connection.send(Message::text_from(buffer)).await?;
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.messages.clear();
        self.pings.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn a_ledger_may_omit_and_delay_acknowledgements() {
        let ledger = |path| {
            get(path, |request| {
                let ledger = Ledger::read(request).ok().unwrap();
                let format = format(request.query()).unwrap();
                (ledger.ack, ledger.delay, format)
            })
        };
        assert_eq!(ledger("/ledger"), (true, Duration::ZERO, Format::Line));
        assert_eq!(
            ledger("/ledger?ack=no&delay=5ms&format=json"),
            (false, Duration::from_millis(5), Format::Json)
        );
        for query in ["ack=maybe", "delay=x", "format=xml"] {
            is_bad(&format!("/ledger?{query}"), open);
        }
    }
}
