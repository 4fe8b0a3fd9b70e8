//! One WebSocket connection of the debug server, from the 101 to the end of TCP: receiving, sending,
//! and the closing handshake. It is all that an endpoint sees of the wire, and the only file here that
//! knows the engine below. It never decides what to send.
//!
//! A connection never reads faster than its peer does: what cannot be written stops the reading, so a
//! client that only sends costs a bounded amount of memory.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

use super::log::Ended;
use crate::close::{Close, MAX_REASON};
use crate::message::{Kind, Message};
use crate::wire::frame::FrameHeader;
use crate::wire::frame::TEXT;
use crate::wire::shim;
use crate::wire::socket::Socket;
use crate::wire::validate::{Role, Violation};

/// The TCP connection as hyper hands it over.
pub(super) type Stream = TokioIo<Upgraded>;

/// The largest message and frame taken, in bytes.
pub(super) const MAX_MESSAGE: usize = 64 << 20;

/// Pongs that may wait for a peer that does not read them, before its pings are not read either.
const MAX_PONGS: usize = 1024;

/// How long the peer may take to answer a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the peer may take to close its side of the TCP connection.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// How an endpoint ends its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this Close. Where the peer has sent its own Close already, this is the answer.
    Close(Close),
    /// Without a Close, in the midst of things.
    Abort(AbruptEnd),
    /// Without a word, since the endpoint used [`Connection::stream`]. It holds the Close that the
    /// peer sent there, or why there was none.
    Disconnect(Result<Close, String>),
}

/// An end of the TCP connection without a closing handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AbruptEnd {
    /// With a TCP reset, in place of an orderly end.
    pub reset: bool,
    /// Bytes of a last frame that is never finished.
    pub part: usize,
}

/// Why a connection ended before its endpoint ended it.
#[derive(Debug)]
pub(super) enum EndReason {
    /// The peer sent a Close, which is sent back.
    Peer(Close),
    /// The peer broke the protocol, and gets a Close that says so.
    Violation(Violation),
    /// The TCP connection broke or ended.
    Lost(String),
}

impl From<std::io::Error> for EndReason {
    fn from(error: std::io::Error) -> Self {
        tungstenite::Error::from(error).into()
    }
}

impl From<tungstenite::Error> for EndReason {
    fn from(error: tungstenite::Error) -> Self {
        EndReason::Lost(error.to_string())
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

/// A WebSocket connection to a client.
pub(super) struct Connection {
    socket: Socket<Stream>,
    hides_pings: bool,
    /// What arrived while a message was sent.
    read_ahead: Option<Message>,
    /// The peer's Close was received.
    peer_closed: bool,
}

impl Connection {
    /// A connection whose handshake is over.
    pub(super) async fn new(stream: Stream, wire: &shim::Options) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(wire.max_message_size))
            .max_frame_size(Some(wire.max_message_size))
            // The shim refuses those, and gives the engine frames that it has unmasked.
            .accept_unmasked_frames(true);
        Connection {
            socket: Socket::new(stream, wire, config).await,
            hides_pings: wire.hide_pings,
            read_ahead: None,
            peer_closed: false,
        }
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
            let (kind, data) = match ready!(self.poll_engine(cx))? {
                tungstenite::Message::Text(text) => (Kind::Text, text.into()),
                tungstenite::Message::Binary(data) => (Kind::Binary, data),
                tungstenite::Message::Ping(data) => return Poll::Ready(Ok(Received::Ping(data))),
                // The engine, which would answer a ping by itself, sees a hidden one as a pong.
                tungstenite::Message::Pong(data)
                    if self.hides_pings && self.socket.get_mut().next_was_ping() =>
                {
                    return Poll::Ready(Ok(Received::Ping(data)));
                }
                _ => continue,
            };
            match Message::new(kind, data) {
                Ok(message) => return Poll::Ready(Ok(Received::Message(message))),
                Err(_) => continue,
            }
        }
    }

    /// Hands over a message, which leaves with the next flush at the latest. A large one is sent at
    /// once; meanwhile pings are answered between its fragments, and at most one message is read
    /// ahead.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), EndReason> {
        poll_fn(|cx| self.socket.poll_ready_unpin(cx)).await?;
        self.socket.start_message(message)?;
        if self.socket.is_sending() {
            let mut pongs = 0;
            poll_fn(|cx| self.poll_sending(&mut pongs, cx)).await?;
        }
        Ok(())
    }

    /// Hands over a pong, which leaves with the next flush at the latest.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) async fn send_pong(&mut self, payload: Bytes) -> Result<(), EndReason> {
        let pong = tungstenite::Message::Pong(payload);
        Ok(self.socket.feed(pong).await?)
    }

    /// Waits until all that was handed over has left.
    ///
    /// # Errors
    /// Why it never will.
    pub(super) async fn flush(&mut self) -> Result<(), EndReason> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// As [`Connection::flush`].
    ///
    /// # Errors
    /// Likewise.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), EndReason>> {
        Poll::Ready(Ok(ready!(self.socket.poll_flush_unpin(cx))?))
    }

    /// The stream below the protocol, for an endpoint that breaks it. Such an endpoint uses nothing
    /// else and ends with [`End::Disconnect`].
    pub(super) fn stream(&mut self) -> &mut Stream {
        self.socket.get_mut().get_mut()
    }

    /// Returns the next message of whatever kind from the engine, or the end.
    fn poll_engine(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<tungstenite::Message, EndReason>> {
        match self.socket.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(Ok(message)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
            Poll::Ready(None) => {
                return Poll::Ready(Err(tungstenite::Error::ConnectionClosed.into()));
            }
            Poll::Pending => {}
        }
        match self.socket.get_mut().take_close() {
            Some(Ok(close)) => {
                self.peer_closed = true;
                Poll::Ready(Err(EndReason::Peer(close)))
            }
            Some(Err(violation)) => Poll::Ready(Err(EndReason::Violation(*violation))),
            None => Poll::Pending,
        }
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

    fn poll_sending(
        &mut self,
        pongs: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), EndReason>> {
        while self.read_ahead.is_none() && *pongs < MAX_PONGS {
            match self.poll_received(cx)? {
                Poll::Ready(Received::Message(message)) => self.read_ahead = Some(message),
                Poll::Ready(Received::Ping(_)) => *pongs += 1,
                Poll::Pending => break,
            }
        }
        let sent = self.socket.poll_ready_unpin(cx)?;
        if self.socket.take_controls_flushed() && *pongs >= MAX_PONGS {
            *pongs = 0;
            // There may be more to read.
            cx.waker().wake_by_ref();
        }
        sent.map(Ok)
    }

    /// Brings the closing handshake to its end, where there is to be one, and then closes the TCP
    /// connection.
    pub(super) async fn finish(mut self, end: Result<End, EndReason>) -> Ended {
        let ended = match end {
            Ok(End::Close(close)) if !self.peer_closed => {
                let answered = timeout(CLOSE_TIMEOUT, self.close_and_wait(&close)).await;
                let ended = Ended::by_server(close);
                if answered == Ok(true) {
                    // Our Close has arrived: there is nothing that lingering could save.
                    let _ = self.socket.get_mut().shutdown().await;
                    return ended;
                }
                ended
            }
            Ok(End::Close(close)) => Ended::by_server(self.answer_close(close).await),
            Ok(End::Abort(how)) => return self.abort(how).await,
            Ok(End::Disconnect(heard)) => {
                let _ = timeout(LINGER, lingering_close(self.stream())).await;
                return heard.map_or_else(Ended::lost, Ended::by_client);
            }
            Err(EndReason::Peer(close)) => Ended::by_client(self.answer_close(close).await),
            Err(EndReason::Violation(violation)) => {
                Ended::by_server(self.answer_close(close_for(&violation)).await)
            }
            Err(EndReason::Lost(why)) => {
                // A peer that only closed its sending side may still be reading its last echoes.
                let _ = timeout(LINGER, self.flush()).await;
                Ended::lost(why)
            }
        };
        let _ = timeout(LINGER, self.linger()).await;
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
        let frame = close.code.map(|code| CloseFrame {
            code: code.into(),
            reason: close.reason.as_str().into(),
        });
        let frame = tungstenite::Message::Close(frame);
        // Not behind a message that is under way. An error means that the connection is gone, which
        // is what comes next anyway.
        if self.socket.start_send_unpin(frame).is_ok() {
            let _ = self.flush().await;
        }
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

    async fn linger(&mut self) {
        let shim = self.socket.get_mut();
        let _ = shim.flush().await;
        // Past the shim, for which there is nothing after a Close.
        lingering_close(shim.get_mut()).await;
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
        let mut io = self.socket.into_inner().into_inner();
        if !how.reset {
            let _ = timeout(LINGER, lingering_close(&mut io)).await;
            return Ended::lost("ended by the server, as this room does");
        }
        match io.into_inner().downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                // What follows is that it is dropped.
                let _ = parts.io.inner().set_zero_linger();
                Ended::lost("reset by the server, as this room does")
            }
            Err(_) => Ended::lost("ended by the server, which has no TCP connection to reset"),
        }
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

/// The server closes TCP first (RFC 6455 §7.1.1). It goes on reading until the peer has closed too:
/// unread bytes at the end would make the kernel send a reset, which can overtake our Close.
async fn lingering_close(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    if io.shutdown().await.is_err() {
        return;
    }
    let mut rest = vec![0; 16 << 10];
    while matches!(io.read(&mut rest).await, Ok(1..)) {}
}
