//! One WebSocket connection of the debug server, from the 101 to the end of TCP: receiving, sending,
//! and the closing handshake. It is all that an endpoint sees of the wire. It never decides what to send.
//!
//! A connection never reads faster than its peer does: what cannot be written stops the reading, so a
//! client that only sends costs a bounded amount of memory.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::heartbeat::{self, Heartbeat};
use super::limits::{Bucket, MAX_MESSAGE};
use super::log::{Ended, Volume};
use super::stream::Stream;
use crate::close::{Close, MAX_REASON};
use crate::error::plain_clause;
use crate::message::Message;
use crate::wire::frame::FrameHeader;
use crate::wire::frame::TEXT;
use crate::wire::linger::Linger;
use crate::wire::shim;
use crate::wire::socket::{Incoming, Socket};
use crate::wire::validate::{Role, Violation};

/// How long the peer may take to answer a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the peer may take to close its side of the TCP connection. The server closes first (RFC
/// 6455 §7.1.1).
const LINGER: Linger = Linger {
    patience: Duration::from_secs(2),
    drain: true,
};

/// How an endpoint ends its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With this Close. Where the peer has sent its own Close already, this is the answer.
    Close(Close),
    /// Without a Close, in the midst of things.
    Abort(AbruptEnd),
    /// Without a word, since the endpoint used [`Connection::stream`]. It holds the Close that the
    /// peer sent there, or why there was none.
    Disconnect(Result<Close, String>),
}

/// An end of the stream below without a closing handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AbruptEnd {
    /// With a reset, in place of an orderly end.
    pub(super) reset: bool,
    /// Bytes of a last frame that is never finished.
    pub(super) part: usize,
}

/// Why a connection ended before its endpoint ended it.
#[derive(Debug)]
pub(super) enum EndReason {
    /// The peer sent a Close, which is sent back.
    Peer(Close),
    /// The peer broke the protocol, and gets a Close that says so.
    Violation(Violation),
    /// The server has had enough of the peer, and says so with this Close.
    Limit(Close),
    /// The TCP connection broke or ended.
    Lost(String),
}

impl From<std::io::Error> for EndReason {
    fn from(error: std::io::Error) -> Self {
        EndReason::Lost(plain_clause(&error))
    }
}

/// What comes in, apart from pongs.
#[derive(Debug)]
pub(super) enum Received {
    Message(Message),
    /// A ping. The pong is on its way, unless the options of the wire hide pings: then the endpoint
    /// sends it.
    Ping(Bytes),
}

/// Messages, and the frames that they are without compression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames<'a> {
    pub(super) messages: &'a [Message],
    pub(super) bytes: &'a [u8],
    /// The bytes of all payloads, and of the largest one at most.
    pub(super) payload: usize,
    pub(super) largest: usize,
}

/// A WebSocket connection to a client.
pub(super) struct Connection {
    /// Boxed, because the futures that it moves through would each have room for it.
    socket: Box<Socket<Stream>>,
    /// What arrived while a message was sent.
    read_ahead: Option<Message>,
    /// The peer's Close was received.
    peer_closed: bool,
    /// What was received and sent so far, for the log.
    volume: Volume,
    heartbeat: Option<Box<Heartbeat>>,
    /// The messages that the peer may still send, where they are limited.
    rate: Option<Bucket>,
}

impl Connection {
    /// A connection whose handshake is over.
    pub(super) async fn new(stream: Stream, wire: &shim::Options) -> Self {
        Connection {
            // What came with the request is in the stream.
            socket: Box::new(Socket::new(stream, Bytes::new(), wire).await),
            read_ahead: None,
            peer_closed: false,
            volume: Volume::default(),
            heartbeat: None,
            rate: None,
        }
    }

    /// Pings the peer from now on, and ends the connection where it does not answer.
    pub(super) fn start_heartbeat(&mut self, options: &heartbeat::Options) {
        self.heartbeat = Heartbeat::new(options);
    }

    /// Ends the connection where messages come faster than one in each `interval`, on average.
    pub(super) fn limit_rate(&mut self, interval: Duration) {
        self.rate = Some(Bucket::new(interval));
    }

    /// Lets the log name the user whose connection this is.
    pub(super) fn set_user(&mut self, user: impl Into<String>) {
        self.volume.user = Some(user.into());
    }

    /// What was received and sent so far, and for whom.
    pub(super) fn take_volume(&mut self) -> Volume {
        std::mem::take(&mut self.volume)
    }

    /// Waits for the next data message, and flushes while there is none. Pings are answered before
    /// more is read, because the engine's queue of pongs has no bound of its own. Cancel safe.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn next_message(&mut self) -> Result<Message, EndReason> {
        if let Some(message) = self.read_ahead.take() {
            return Ok(message);
        }
        loop {
            match poll_fn(|cx| self.poll_received_or_flush(cx)).await? {
                Received::Message(message) => return Ok(message),
                Received::Ping(_) => self.flush().await?,
            }
        }
    }

    /// Returns the message that arrived while one was sent, if any.
    pub(super) fn take_read_ahead(&mut self) -> Option<Message> {
        self.read_ahead.take()
    }

    /// Returns the next message or ping, if it is there. Flushes nothing.
    ///
    /// # Errors
    /// Why there will be no more.
    pub(super) fn poll_received(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Received, EndReason>> {
        if let Some(message) = self.read_ahead.take() {
            return Poll::Ready(Ok(Received::Message(message)));
        }
        loop {
            let Poll::Ready(incoming) = self.socket.poll_next(cx) else {
                return self.poll_heartbeat(cx).map(Err);
            };
            let end = match incoming {
                Incoming::Data(message) => {
                    self.check_rate()?;
                    self.volume.received.count(message.len());
                    return Poll::Ready(Ok(Received::Message(message)));
                }
                Incoming::Ping(data, _) => return Poll::Ready(Ok(Received::Ping(data))),
                Incoming::Pong(data) => {
                    if let Some(heartbeat) = &mut self.heartbeat {
                        heartbeat.handle_pong(&data);
                    }
                    continue;
                }
                Incoming::Close(close) => {
                    self.peer_closed = true;
                    EndReason::Peer(close)
                }
                Incoming::Violation(violation) => EndReason::Violation(*violation),
                Incoming::Lost(loss) => EndReason::Lost(loss.describe("the client")),
            };
            return Poll::Ready(Err(end));
        }
    }

    /// Hands over a message, which leaves with the next flush at the latest. A large one is sent at
    /// once; meanwhile pings are answered between its fragments, and at most one message is read
    /// ahead.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), EndReason> {
        self.ready().await?;
        self.volume.sent.count(message.len());
        self.socket.send(message);
        if self.socket.is_sending() {
            poll_fn(|cx| self.poll_sending(cx)).await?;
        }
        self.check_writing()
    }

    /// Hands over messages that several connections get, as [`Connection::send`] does: as the frames
    /// that were made for all of them, unless this connection needs its own.
    ///
    /// # Errors
    /// Why they cannot be sent.
    pub(super) async fn send_frames(&mut self, frames: Frames<'_>) -> Result<(), EndReason> {
        if !self.socket.takes_frames(frames.largest) {
            for message in frames.messages {
                self.send(message.clone()).await?;
            }
            return Ok(());
        }
        poll_fn(|cx| self.socket.poll_ready(cx)).await;
        self.volume.sent.add(frames.messages.len(), frames.payload);
        let count = frames.messages.len();
        self.socket.send_frames(frames.bytes, count);
        self.check_writing()
    }

    /// Hands over a pong, which leaves with the next flush at the latest.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) async fn send_pong(&mut self, payload: Bytes) -> Result<(), EndReason> {
        self.ready().await?;
        self.socket.pong(payload);
        self.check_writing()
    }

    /// Hands over a ping, which leaves with the next flush at the latest. Pongs are dropped.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) async fn send_ping(&mut self, payload: Bytes) -> Result<(), EndReason> {
        self.ready().await?;
        self.socket.ping(payload);
        self.check_writing()
    }

    /// Waits until something can be handed over. A peer that takes nothing any more must not be waited for
    /// without end: that is where it does not answer pings.
    async fn ready(&mut self) -> Result<(), EndReason> {
        poll_fn(|cx| match self.socket.poll_ready(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => self.poll_heartbeat(cx).map(Err),
        })
        .await
    }

    /// Waits until all that was handed over has left.
    ///
    /// # Errors
    /// Why it never will.
    pub(super) async fn flush(&mut self) -> Result<(), EndReason> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Polls [`Connection::flush`].
    ///
    /// # Errors
    /// Those of [`Connection::flush`].
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), EndReason>> {
        match self.socket.poll_flush(cx) {
            Poll::Ready(()) => Poll::Ready(self.check_writing()),
            Poll::Pending => self.poll_heartbeat(cx).map(Err),
        }
    }

    /// Ready when the peer does not answer pings.
    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<EndReason> {
        match &mut self.heartbeat {
            None => Poll::Pending,
            Some(heartbeat) => heartbeat.poll(&mut self.socket, cx).map(EndReason::Limit),
        }
    }

    /// Counts a message of the peer, where they are limited.
    fn check_rate(&mut self) -> Result<(), EndReason> {
        let has_token = |rate: &mut Bucket| rate.take(Instant::now());
        if self.rate.as_mut().is_none_or(has_token) {
            return Ok(());
        }
        // It is said once; what still comes is dropped.
        self.rate = None;
        Err(EndReason::Limit(Close::new(1008, "too many messages")))
    }

    /// Whether what was handed over can still leave.
    fn check_writing(&self) -> Result<(), EndReason> {
        match self.socket.write_error() {
            None => Ok(()),
            Some(why) => Err(EndReason::Lost(why.to_owned())),
        }
    }

    /// The stream below the protocol, for an endpoint that breaks it. Such an endpoint uses nothing
    /// else and ends with [`End::Disconnect`].
    pub(super) fn stream(&mut self) -> &mut Stream {
        self.socket.get_mut()
    }

    /// Flushes only when nothing more can be read: a burst of messages is answered in one write.
    fn poll_received_or_flush(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Received, EndReason>> {
        if let Poll::Ready(received) = self.poll_received(cx) {
            return Poll::Ready(received);
        }
        ready!(self.poll_flush(cx))?;
        Poll::Pending
    }

    fn poll_sending(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), EndReason>> {
        while self.read_ahead.is_none() && !self.socket.owes_pongs() {
            match self.poll_received(cx)? {
                Poll::Ready(Received::Message(message)) => self.read_ahead = Some(message),
                Poll::Ready(Received::Ping(_)) => {}
                Poll::Pending => break,
            }
        }
        let full = self.socket.owes_pongs();
        let sent = self.socket.poll_ready(cx);
        if full && !self.socket.owes_pongs() {
            // There may be more to read.
            cx.waker().wake_by_ref();
        }
        match sent {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => self.poll_heartbeat(cx).map(Err),
        }
    }

    /// Brings the closing handshake to its end, where there is to be one, and then closes the TCP
    /// connection.
    pub(super) async fn finish(mut self, end: Result<End, EndReason>) -> Ended {
        self.heartbeat = None;
        let ended = match end {
            Ok(End::Close(close)) | Err(EndReason::Limit(close)) if !self.peer_closed => {
                let answered = timeout(CLOSE_TIMEOUT, self.close_and_wait(&close)).await;
                let ended = Ended::by_server(close);
                if answered == Ok(true) {
                    // Our Close has arrived: there is nothing that lingering could save.
                    let drain = false;
                    Linger { drain, ..LINGER }.close(self.stream()).await;
                    return ended;
                }
                ended
            }
            Ok(End::Close(close)) | Err(EndReason::Limit(close)) => {
                Ended::by_server(self.answer_close(close).await)
            }
            Ok(End::Abort(how)) => return self.abort(how).await,
            Ok(End::Disconnect(close)) => {
                LINGER.close(self.stream()).await;
                return close.map_or_else(Ended::lost, Ended::by_client);
            }
            Err(EndReason::Peer(close)) => Ended::by_client(self.answer_close(close).await),
            Err(EndReason::Violation(violation)) => {
                Ended::by_server(self.answer_close(close_for(&violation)).await)
            }
            Err(EndReason::Lost(why)) => {
                // A peer that only closed its sending side may still be reading its last echoes.
                let _ = timeout(LINGER.patience, self.flush()).await;
                Ended::lost(why)
            }
        };
        LINGER.close(self.stream()).await;
        ended
    }

    /// Sends a Close to which there is no answer.
    async fn answer_close(&mut self, close: Close) -> Close {
        let _ = timeout(CLOSE_TIMEOUT, self.send_close(&close)).await;
        close
    }

    /// Sends our Close; whether the peer answers it.
    async fn close_and_wait(&mut self, close: &Close) -> bool {
        self.send_close(close).await;
        self.wait_for_close().await
    }

    async fn send_close(&mut self, close: &Close) {
        self.socket.close(close);
        let _ = self.flush().await;
    }

    /// Reads until the peer has answered our Close, or cannot any more: then the answer is `false`.
    /// Data that still comes is dropped.
    async fn wait_for_close(&mut self) -> bool {
        loop {
            match self.next_message().await {
                Ok(_) => {}
                Err(reason) => return matches!(reason, EndReason::Peer(_)),
            }
        }
    }

    /// Ends the TCP connection without a Close, once everything that was sent before is out.
    async fn abort(mut self, how: AbruptEnd) -> Ended {
        let last = async {
            self.flush().await?;
            // Past the shim, which knows no halves of frames.
            let io = self.stream();
            io.write_all(&unfinished(how.part)).await?;
            io.flush().await?;
            Ok::<_, EndReason>(())
        };
        let _ = timeout(CLOSE_TIMEOUT, last).await;
        let mut io = self.socket.into_inner();
        if !how.reset {
            LINGER.close(&mut io).await;
            return Ended::lost("ended by the server, as this endpoint does");
        }
        let reset = timeout(CLOSE_TIMEOUT, io.reset()).await;
        Ended::lost(reset.unwrap_or("the client reads nothing"))
    }
}

/// What a connection of the server's does on the wire, apart from compression.
pub(super) fn wire_options() -> shim::Options {
    shim::Options::plain(Role::Server, MAX_MESSAGE)
}

/// The first bytes of a frame that has more.
fn unfinished(part: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    // Where the payload alone is that long, the header makes the frame longer.
    FrameHeader::plain(true, TEXT, part as u64).write(&mut frame);
    frame.resize(part, b'x');
    frame
}

/// The Close that tells a peer what it did wrong (RFC 6455 §7.1.7), as far as there is room.
fn close_for(violation: &Violation) -> Close {
    let mut reason = violation.rule.clone();
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    Close::new(violation.code, reason)
}
