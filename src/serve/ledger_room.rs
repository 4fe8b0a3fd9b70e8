//! A room that records what it receives. Whatever goes out says that something was recorded, an
//! acknowledgement as well as the pong that answers a ping: so neither may leave before the messages
//! that came before it are written. What can be read at once is written at once and flushed once.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::time::sleep;

use super::connection::{Connection, End, EndReason, Received};
use super::endpoints::Recorder;
use super::ledger::book::{Book, Recorded, Stopped};
use super::ledger::number;
use super::lock;
use crate::close::Close;
use crate::error::plain_words;
use crate::message::Message;

/// Messages that are written together, in number and, but for the last of them, in bytes.
const MAX_BATCH: usize = 256;
const MAX_BYTES: usize = 256 << 10;

/// Records until the connection is over or the ledger full.
pub(super) async fn record(
    connection: &mut Connection,
    recorder: Recorder,
    book: &Mutex<Book>,
) -> Result<End, EndReason> {
    let conn = lock(book).connect();
    let mut batch = Batch::default();
    let most = if recorder.delay.is_zero() {
        MAX_BATCH
    } else {
        1
    };
    let mut buffer = BytesMut::new();
    loop {
        let read = poll_fn(|cx| batch.poll_fill(most, connection, cx)).await;
        // A sleep of nothing would last for a millisecond.
        if !recorder.delay.is_zero() && !batch.messages.is_empty() {
            sleep(recorder.delay).await;
        }
        let recorded = lock(book).record(conn, &batch.messages);
        // The peer may have gone, yet what it sent counts, and it may still be reading.
        let answered = batch
            .answer(recorder.ack, &recorded, &mut buffer, connection)
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
