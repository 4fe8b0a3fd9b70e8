//! What happens on a connection once it is a WebSocket: the rooms, and the end of each connection.
//!
//! A room never reads faster than its peer does: what cannot be written stops the reading, so a
//! client that only sends costs a bounded amount of memory.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};

use super::endpoints::{Cut, End, Room};
use super::memory::Mark;
use super::upgrade::Entered;
use super::{Shared, fault_room, ledger_room, seq_room};
use crate::close::MAX_REASON;
use crate::close::{Close, code_name};
use crate::wire::frame::{FrameHeader, TEXT};
use crate::wire::shim;
use crate::wire::validate::{self, Violation};

pub(super) type Socket = crate::wire::socket::Socket<TokioIo<Upgraded>>;

/// The largest message and frame taken, and the most a delayed echo holds back.
const MAX_MESSAGE: usize = 64 << 20;

/// How many messages a delayed echo holds back before it stops reading.
const MAX_QUEUE: usize = 1024;

/// Pongs that may wait for a peer that does not read them, before its pings are not read either.
const MAX_PONGS: usize = 1024;

/// How long the peer may take to answer a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the peer may take to close its side of the TCP connection.
const LINGER: Duration = Duration::from_secs(2);

/// The longest token message; whatever is longer holds no token.
const MAX_TOKEN: usize = 64 << 10;

/// Why a conversation is over.
pub(super) enum Over {
    /// The room, or the end of the server, wants a closing handshake.
    Ours(Close),
    /// The room wants none.
    Cut(Cut),
    /// The peer sent a Close, which is sent back.
    Peer(Close),
    /// The peer sent a Close, and the answer is a Close that says something else.
    Answered(Close),
    /// The peer broke the protocol.
    Broke(Violation),
    /// The connection broke.
    Failed(Error),
}

impl From<End> for Over {
    fn from(end: End) -> Self {
        match end {
            End::Close(close) => Over::Ours(close),
            End::Cut(cut) => Over::Cut(cut),
        }
    }
}

impl From<Error> for Over {
    fn from(error: Error) -> Self {
        Over::Failed(error)
    }
}

/// How a connection ended, for the log. The reason may be the peer's, and is not escaped.
pub(super) struct Ended {
    how: &'static str,
    close: Close,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.close.reported_code();
        write!(f, "{}: {code} ({})", self.how, code_name(code))?;
        match self.close.reason.as_str() {
            "" => Ok(()),
            // Nobody sent a reason; this is ours.
            why if code == 1006 => write!(f, " {why}"),
            reason => write!(f, " \"{reason}\""),
        }
    }
}

/// Our Close came first.
fn by_server(close: Close) -> Ended {
    Ended {
        how: "closed by server",
        close,
    }
}

/// The peer's Close came first.
fn by_client(close: Close) -> Ended {
    Ended {
        how: "closed by client",
        close,
    }
}

/// There was no Close (RFC 6455 §7.1.5).
fn lost(why: impl fmt::Display) -> Ended {
    Ended {
        how: "lost",
        close: Close::new(1006, why.to_string()),
    }
}

/// What a connection of the server's does on the wire, apart from compression.
pub(super) fn wire_options() -> shim::Options {
    shim::Options::plain(validate::Role::Server, MAX_MESSAGE)
}

/// Serves one connection until it is over, `stopped` at the latest.
pub(super) async fn serve(
    upgraded: Upgraded,
    entered: Entered,
    wire: &shim::Options,
    shared: &Shared,
    stopped: impl Future<Output = ()>,
) -> Ended {
    let mut io = TokioIo::new(upgraded);
    if let Room::Frames(fault) = entered.room {
        return match fault_room::send(&mut io, fault, stopped).await {
            Ok(close) => by_client(close),
            Err(why) => lost(why),
        };
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        // The shim refuses those, and gives the engine frames that it has unmasked.
        .accept_unmasked_frames(true);
    let mut socket = Socket::new(io, wire, config).await;
    let goodbye = match entered.room {
        // Who does nothing at all says no goodbye either.
        Room::Freeze { .. } => Over::Cut(Cut::default()),
        _ => Over::Ours(Close::new(1001, "server shutting down")),
    };
    let over = tokio::select! {
        over = converse(&mut socket, entered, shared) => over,
        () = stopped => goodbye,
    };
    finish(socket, over).await
}

async fn converse(socket: &mut Socket, entered: Entered, shared: &Shared) -> Over {
    let outcome = match entered.room {
        Room::Echo { delay } if !delay.is_zero() => echo_later(socket, delay).await,
        Room::Echo { .. } | Room::Flaky(_) => echo(socket, u64::MAX).await,
        Room::Ends { after, how } => echo(socket, after).await.map(|_| how.into()),
        Room::Freeze { after, hold } => freeze(socket, after, hold).await,
        Room::Expire { ttl, .. } => expire(socket, ttl, entered.token, shared).await,
        Room::Seq(seq) => seq_room::send(socket, seq).await,
        Room::Ledger(recorder) => ledger_room::record(socket, recorder, &shared.book).await,
        // The others never get here; taking them for a silent room harms nobody.
        Room::Silent | Room::Status(_) | Room::Frames(_) => swallow(socket).await,
    };
    outcome.unwrap_or_else(|over| over)
}

/// Sends back this many messages.
async fn echo(socket: &mut Socket, count: u64) -> Result<Over, Over> {
    let mut read_ahead = None;
    for _ in 0..count {
        let message = match read_ahead.take() {
            Some(message) => message,
            None => next_data(socket).await?,
        };
        read_ahead = send_back(socket, message).await?;
    }
    Ok(Over::Ours(Close::normal()))
}

/// Sends a message, and reads on while a large one is under way, so that pings are answered between
/// its fragments; up to the next data message, which it gives.
async fn send_back(socket: &mut Socket, message: Message) -> Result<Option<Message>, Over> {
    socket.feed(message).await?;
    let (mut next, mut pongs) = (None, 0);
    if socket.is_sending() {
        poll_fn(|cx| poll_sending(socket, &mut next, &mut pongs, cx)).await?;
    }
    Ok(next)
}

fn poll_sending(
    socket: &mut Socket,
    next: &mut Option<Message>,
    pongs: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Over>> {
    while next.is_none() && *pongs < MAX_PONGS {
        match poll_next(socket, cx)? {
            Poll::Ready(message @ (Message::Text(_) | Message::Binary(_))) => *next = Some(message),
            Poll::Ready(Message::Ping(_)) => *pongs += 1,
            Poll::Ready(_) => {}
            Poll::Pending => break,
        }
    }
    let sent = socket.poll_ready_unpin(cx)?;
    if socket.take_controls_flushed() && *pongs >= MAX_PONGS {
        *pongs = 0;
        // There may be more to read.
        cx.waker().wake_by_ref();
    }
    sent.map(Ok)
}

async fn swallow(socket: &mut Socket) -> Result<Over, Over> {
    loop {
        next_data(socket).await?;
    }
}

/// Looks at nothing any more, once the echoes are out.
async fn freeze(socket: &mut Socket, after: u64, hold: Duration) -> Result<Over, Over> {
    echo(socket, after).await?;
    socket.flush().await?;
    sleep(hold).await;
    Ok(Over::Cut(Cut::default()))
}

/// An echo for as long as the token is good. Without a token, the first message must bring one.
async fn expire(
    socket: &mut Socket,
    ttl: Duration,
    token: Option<Mark>,
    shared: &Shared,
) -> Result<Over, Over> {
    let token = match token {
        Some(token) => token,
        None => match brought_token(&next_data(socket).await?) {
            Some(token) => token,
            None => {
                return Ok(Over::Ours(Close::new(
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
        () = sleep_until(expires.into()) => Ok(Over::Ours(Close::new(4401, "token expired"))),
        over = echo(socket, u64::MAX) => over,
    }
}

/// The token in `{"event":"token","data":"X"}`.
fn brought_token(message: &Message) -> Option<Mark> {
    let text = message.to_text().ok();
    let text = text.filter(|text| text.len() <= MAX_TOKEN)?;
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let token = json.get("data")?.as_str()?;
    let is_one = json.get("event")? == "token" && !token.is_empty();
    is_one.then(|| Mark::of(token.as_bytes()))
}

/// Sends every message back `delay` after it arrived. Messages still held when the peer sends its
/// Close are lost: nothing may follow the Close that answers it (RFC 6455 §5.5.1).
async fn echo_later(socket: &mut Socket, delay: Duration) -> Result<Over, Over> {
    let mut held = Held::default();
    loop {
        tokio::select! {
            biased;
            now = held.due(), if !held.queue.is_empty() => {
                while let Some(message) = held.pop(now) {
                    if let Some(next) = send_back(socket, message).await? {
                        held.push(Instant::now() + delay, next);
                    }
                }
                socket.flush().await?;
            }
            message = next_data(socket), if !held.is_full() => {
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

/// The next data message. tungstenite queues the pongs; they are flushed here before more is read,
/// because its queue has no bound of its own.
pub(super) async fn next_data(socket: &mut Socket) -> Result<Message, Over> {
    loop {
        match poll_fn(|cx| poll_next_or_flush(socket, cx)).await? {
            message @ (Message::Text(_) | Message::Binary(_)) => return Ok(message),
            Message::Ping(_) => socket.flush().await?,
            _ => {}
        }
    }
}

/// The next message of whatever kind, or the end.
pub(super) fn poll_next(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Result<Message, Over>> {
    match socket.poll_next_unpin(cx) {
        Poll::Ready(Some(Ok(message))) => return Poll::Ready(Ok(message)),
        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
        Poll::Ready(None) => return Poll::Ready(Err(Error::ConnectionClosed.into())),
        Poll::Pending => {}
    }
    match socket.get_mut().take_close() {
        Some(Ok(close)) => Poll::Ready(Err(Over::Peer(close))),
        Some(Err(violation)) => Poll::Ready(Err(Over::Broke(*violation))),
        None => Poll::Pending,
    }
}

/// Makes a text message of what was written to `buffer`, which many messages share.
///
/// # Errors
/// Where that is not UTF-8, which ends the connection.
pub(super) fn text(buffer: &mut BytesMut) -> Result<Message, Over> {
    match Utf8Bytes::try_from(buffer.split().freeze()) {
        Ok(text) => Ok(Message::Text(text)),
        Err(error) => Err(Error::Utf8(error.to_string()).into()),
    }
}

/// Flushes only when nothing more can be read: a burst of messages is answered in one write.
fn poll_next_or_flush(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Result<Message, Over>> {
    if let Poll::Ready(next) = poll_next(socket, cx) {
        return Poll::Ready(next);
    }
    match ready!(socket.poll_flush_unpin(cx)) {
        Ok(()) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error.into())),
    }
}

/// Brings the closing handshake to its end, where there is to be one, and then closes the TCP
/// connection.
async fn finish(mut socket: Socket, over: Over) -> Ended {
    let ended = match over {
        Over::Ours(close) => {
            let answered = timeout(CLOSE_TIMEOUT, close_and_drive(&mut socket, &close)).await;
            let ended = by_server(close);
            if answered == Ok(true) {
                // Our Close has arrived: there is nothing that lingering could save.
                let _ = socket.get_mut().shutdown().await;
                return ended;
            }
            ended
        }
        Over::Peer(close) => {
            let _ = timeout(CLOSE_TIMEOUT, send_close(&mut socket, &close)).await;
            by_client(close)
        }
        Over::Answered(close) => {
            let _ = timeout(CLOSE_TIMEOUT, send_close(&mut socket, &close)).await;
            by_server(close)
        }
        Over::Broke(violation) => {
            let close = close_for(&violation);
            let _ = timeout(CLOSE_TIMEOUT, send_close(&mut socket, &close)).await;
            by_server(close)
        }
        Over::Cut(how) => return cut(socket, how).await,
        Over::Failed(error) => {
            // A peer that only closed its sending side may still be reading its last echoes.
            let _ = timeout(LINGER, socket.flush()).await;
            lost(&error)
        }
    };
    let goodbye = async {
        let shim = socket.get_mut();
        let _ = shim.flush().await;
        // Past the shim, for which there is nothing after a Close.
        hang_up(shim.get_mut()).await;
    };
    let _ = timeout(LINGER, goodbye).await;
    ended
}

/// Ends the TCP connection without a Close, once everything that was sent before is out.
async fn cut(mut socket: Socket, cut: Cut) -> Ended {
    let last = async {
        socket.flush().await?;
        // Past the shim, which knows no halves of frames.
        let io = socket.get_mut().get_mut();
        io.write_all(&unfinished(cut.part)).await?;
        io.flush().await?;
        Ok::<_, Error>(())
    };
    let _ = timeout(CLOSE_TIMEOUT, last).await;
    let mut io = socket.into_inner().into_inner();
    if !cut.reset {
        let _ = timeout(LINGER, hang_up(&mut io)).await;
        return lost("ended by the server, as this room does");
    }
    match io.into_inner().downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            // What follows is that it is dropped.
            let _ = parts.io.inner().set_zero_linger();
            lost("reset by the server, as this room does")
        }
        Err(_) => lost("ended by the server, which has no TCP connection to reset"),
    }
}

/// So many bytes of a frame that has more.
fn unfinished(part: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    // Where the payload alone is that long, the header makes the frame longer.
    FrameHeader::plain(true, TEXT, part as u64).write(&mut frame);
    frame.resize(part, b'x');
    frame
}

async fn close_and_drive(socket: &mut Socket, close: &Close) -> bool {
    send_close(socket, close).await;
    drive(socket).await
}

/// The Close that tells a peer what it did wrong (RFC 6455 §7.1.7), as far as there is room.
fn close_for(violation: &Violation) -> Close {
    let mut reason = violation.rule.clone();
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    Close::new(violation.code, reason)
}

async fn send_close(socket: &mut Socket, close: &Close) {
    let frame = close.code.map(|code| CloseFrame {
        code: code.into(),
        reason: close.reason.as_str().into(),
    });
    // Not behind a message that is under way. An error means that the connection is gone, which is
    // what comes next anyway.
    if socket.start_send_unpin(Message::Close(frame)).is_ok() {
        let _ = socket.flush().await;
    }
}

/// Reads until the peer has answered our Close, or cannot any more: then the answer is `false`. Data
/// that still comes is dropped.
async fn drive(socket: &mut Socket) -> bool {
    loop {
        match next_data(socket).await {
            Ok(_) => {}
            Err(over) => return matches!(over, Over::Peer(_)),
        }
    }
}

/// The server closes TCP first (RFC 6455 §7.1.1). It goes on reading until the peer has closed too:
/// unread bytes at the end would make the kernel send a reset, which can overtake our Close.
pub(super) async fn hang_up(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    if io.shutdown().await.is_err() {
        return;
    }
    let mut rest = vec![0; 16 << 10];
    while matches!(io.read(&mut rest).await, Ok(1..)) {}
}
