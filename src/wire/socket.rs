//! One WebSocket endpoint, in either role: receives and validates, sends, and counts. The only file
//! that names the engine, tungstenite. It never decides what to send, and never waits by itself.
//!
//! The engine reads frames, and writes control frames; data frames are written past it, so that they
//! are copied once. Large messages are written one fragment after another, as the connection takes
//! them, and between two fragments whatever control frames were handed over meanwhile (RFC 6455 §5.4).
//! Data messages keep their order, and none begins before the one ahead of it is out. A Close of
//! ours abandons what is still to be sent, since nothing may follow it (RFC 6455 §5.5.1).

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Utf8Bytes};
use tokio_tungstenite::tungstenite::protocol::{self, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self as engine, Error};

use crate::close::Close;
use crate::event::{TracedFrame, Volume};
use crate::message::{Kind, Message};
use crate::wire::fragments::{Fragment, Fragments, Parts};
use crate::wire::frame::{CLOSE, MAX_HEADER, RawFrame};
use crate::wire::loss::Loss;
use crate::wire::shim::{Options, Shim};
use crate::wire::stream::{DeferWriteErrors, yield_now};
use crate::wire::validate::{Role, Violation};
use crate::wire::wakes::Wakes;

/// The size of a client's reads. The engine clears all of it before every read, so a larger one
/// does not pay off.
const READ_BUFFER: usize = 64 * 1024;

/// What the engine of a server keeps for each connection, in bytes. The shim reads more at once.
const SERVER_BUFFER: usize = 4 * 1024;

/// The engine's frame limit applies to control frames too, which are not messages. Below this
/// limit, the message limit alone applies to data frames.
const SMALLEST_FRAME_LIMIT: usize = 64 * 1024;

/// Maximum number of pongs that wait for a peer that does not read them, before its pings are no
/// longer read. The engine would otherwise collect them without limit.
const MAX_PONGS: u32 = 4096;

/// Bytes that are handed on in one call, unless one fragment is larger. After them the caller
/// reads what it has received.
const STEP: usize = 256 * 1024;

/// The same limit in frames if they are traced, because a traced frame takes far more memory than a
/// short one on the wire.
const TRACED_STEP: usize = 256;

/// Number of data messages, and of their payload bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    pub messages: u64,
    pub bytes: u64,
}

impl Unsent {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

/// A data message that has not begun.
#[derive(Debug)]
struct Whole {
    opcode: u8,
    payload: Bytes,
}

/// A message that is being sent.
#[derive(Debug)]
struct UnderWay {
    fragments: Fragments,
    /// The length of its whole payload, in bytes.
    len: usize,
}

/// What arrived, or why nothing more will arrive.
#[derive(Debug)]
pub enum Incoming {
    Data(Message),
    /// A ping, and whether its pong will be sent.
    Ping(Bytes, bool),
    Pong(Bytes),
    /// The peer's Close; it has not been answered.
    Close(Close),
    /// The peer broke a rule.
    Violation(Box<Violation>),
    /// The connection is gone.
    Lost(Loss),
}

/// What has moved since the last call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes were received.
    pub received: bool,
    /// Bytes of a data message were received.
    pub data: bool,
}

/// The byte counts at the last check.
#[derive(Debug, Default)]
struct Seen {
    received: u64,
    data: u64,
    written: u64,
}

/// A WebSocket over `S`.
#[derive(Debug)]
pub struct Socket<S> {
    engine: WebSocketStream<Shim<DeferWriteErrors<S>>>,
    /// Of the engine's reads.
    wakes: Wakes,
    parts: Parts,
    traces: bool,
    under_way: Option<UnderWay>,
    /// Data messages handed over while another was being sent.
    behind: VecDeque<Whole>,
    /// Data messages that were handed on whole.
    whole: u64,
    abandoned: Unsent,
    /// No data message can be sent any more: after a Close, or the end of the connection.
    ended: bool,
    /// The engine has control frames that have not been flushed.
    controls: bool,
    /// Control frames have been flushed since the last check.
    controls_flushed: bool,
    /// Whether the engine answers pings: it does until a Close is sent.
    answers: bool,
    /// Pongs handed to the engine since its last flush.
    pongs: u32,
    /// Something was handed over since the last flush.
    dirty: bool,
    /// The connection accepted no more at the last attempt.
    stalled: bool,
    seen: Seen,
}

fn config(options: &Options) -> WebSocketConfig {
    let largest = options.max_message_size;
    let read = match options.role {
        Role::Client => READ_BUFFER,
        Role::Server => SERVER_BUFFER,
    };
    WebSocketConfig::default()
        .read_buffer_size(read)
        // Control frames keep their place among data frames, which the shim is given.
        .write_buffer_size(0)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest.max(SMALLEST_FRAME_LIMIT)))
        // The shim rejects those, and gives the engine unmasked frames.
        .accept_unmasked_frames(options.role == Role::Server)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Makes a WebSocket after its handshake. `early` is what arrived together with the end of the
    /// handshake.
    pub async fn new(stream: S, early: Bytes, options: &Options) -> Self {
        let role = match options.role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let shim = Shim::new(DeferWriteErrors::new(stream, early), options);
        let config = Some(config(options));
        Socket {
            engine: WebSocketStream::from_raw_socket(shim, role, config).await,
            wakes: Wakes::default(),
            parts: options.parts(),
            traces: options.trace.is_some(),
            under_way: None,
            behind: VecDeque::new(),
            whole: 0,
            abandoned: Unsent::default(),
            ended: false,
            controls: false,
            controls_flushed: false,
            answers: !options.hide_pings,
            pongs: 0,
            dirty: false,
            stalled: false,
            seen: Seen::default(),
        }
    }

    /// What arrived next. It must not be polled again after [`Incoming::Violation`] and
    /// [`Incoming::Lost`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            let polled = self
                .wakes
                .poll(cx, |cx| Pin::new(&mut self.engine).poll_next(cx));
            match polled {
                Poll::Ready(Some(Ok(message))) => {
                    if let Some(incoming) = self.incoming(message) {
                        return Poll::Ready(incoming);
                    }
                }
                // The engine never sees a Close or a violation. One that arrived before the
                // connection ended counts.
                Poll::Ready(end) => {
                    self.ended = true;
                    let why = end.and_then(Result::err);
                    return Poll::Ready(self.take_end().unwrap_or_else(|| self.loss(why)));
                }
                Poll::Pending => return self.take_end().map_or(Poll::Pending, Poll::Ready),
            }
        }
    }

    fn incoming(&mut self, message: engine::Message) -> Option<Incoming> {
        Some(match message {
            engine::Message::Binary(data) if self.shim_mut().next_was_text() => {
                // The shim has checked it.
                Incoming::Data(Message::new(Kind::Text, data).ok()?)
            }
            engine::Message::Binary(data) => Incoming::Data(Message::Binary(data)),
            engine::Message::Ping(data) => {
                self.shim_mut().next_was_ping();
                if self.answers {
                    // The engine has queued the pong; the next flush sends it.
                    self.controls = true;
                    self.dirty = true;
                    self.pongs += 1;
                }
                Incoming::Ping(data, self.answers)
            }
            // While the engine must not answer, the shim gives it every ping as a pong.
            engine::Message::Pong(data) if self.shim_mut().next_was_ping() => {
                Incoming::Ping(data, false)
            }
            engine::Message::Pong(data) => Incoming::Pong(data),
            // The shim keeps Close frames and shows texts as binary, and the engine gives raw frames to
            // nobody.
            engine::Message::Text(_) | engine::Message::Close(_) | engine::Message::Frame(_) => {
                return None;
            }
        })
    }

    fn take_end(&mut self) -> Option<Incoming> {
        Some(match self.shim_mut().take_close()? {
            Ok(close) => Incoming::Close(close),
            Err(violation) => Incoming::Violation(violation),
        })
    }

    fn loss(&self, error: Option<Error>) -> Incoming {
        Incoming::Lost(match error {
            None => Loss::Failed("the connection ended".to_owned()),
            Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                Loss::Eof(self.shim().unfinished())
            }
            Some(Error::Io(error)) => Loss::from_io(&error, self.shim().unfinished()),
            // The shim has validated every frame before the engine; this handles what it might
            // overlook.
            Some(error @ (Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_))) => {
                return Incoming::Violation(Box::new(Violation {
                    code: 1002,
                    rule: error.to_string(),
                    frame: Vec::new(),
                }));
            }
            Some(other) => Loss::Failed(other.to_string()),
        })
    }

    /// Whether so many pongs wait for the peer that nothing more should be read.
    pub fn owes_pongs(&self) -> bool {
        self.pongs >= MAX_PONGS
    }

    /// Whether something was handed over that has not been flushed.
    pub fn needs_flush(&self) -> bool {
        self.dirty
    }

    /// Whether the connection accepted no more at the last attempt.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Why writing is no longer possible. Everything sent after that is lost.
    pub fn write_error(&self) -> Option<&str> {
        self.stream().write_error()
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.stream().received()
    }

    /// Whether a frame or a message has arrived in part.
    pub fn is_within_message(&self) -> bool {
        self.shim().unfinished().is_some()
    }

    /// What was received since the last call.
    pub fn take_moved(&mut self) -> Moved {
        let (received, data) = (self.stream().received(), self.shim().data_bytes());
        Moved {
            received: std::mem::replace(&mut self.seen.received, received) != received,
            data: std::mem::replace(&mut self.seen.data, data) != data,
        }
    }

    /// Whether the system has accepted bytes for the peer since the last call.
    pub fn take_written(&mut self) -> bool {
        let written = self.stream().written();
        std::mem::replace(&mut self.seen.written, written) != written
    }

    /// The next frame of the trace, in either direction. It must be polled before anything that
    /// arrived is processed.
    pub fn poll_frame(&mut self) -> Option<TracedFrame> {
        self.shim_mut().poll_frame()
    }

    /// The volume of compressed messages: sent and received.
    pub fn volumes(&self) -> (Volume, Volume) {
        self.shim().volumes()
    }

    /// The stream below the protocol, whose errors are not deferred.
    pub fn get_mut(&mut self) -> &mut S {
        self.shim_mut().get_mut().get_mut()
    }

    pub fn into_inner(self) -> S {
        self.engine.into_inner().into_inner().into_inner()
    }

    fn shim(&self) -> &Shim<DeferWriteErrors<S>> {
        self.engine.get_ref()
    }

    fn shim_mut(&mut self) -> &mut Shim<DeferWriteErrors<S>> {
        self.engine.get_mut()
    }

    fn stream(&self) -> &DeferWriteErrors<S> {
        self.shim().get_ref()
    }

    /// Whether a message of `len` bytes is sent in several steps.
    pub fn splits(&self, len: usize) -> bool {
        self.parts.splits(len)
    }

    /// Whether every frame is traced.
    pub fn traces(&self) -> bool {
        self.traces
    }

    /// Whether a message is being sent.
    pub fn is_sending(&self) -> bool {
        self.under_way.is_some()
    }

    /// Data messages that were handed on whole so far.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Data messages that were handed over, and that were not handed on whole.
    pub fn unsent(&self) -> Unsent {
        let mut unsent = self.abandoned;
        for message in &self.behind {
            unsent.add(message.payload.len());
        }
        if let Some(under_way) = &self.under_way {
            unsent.add(under_way.len);
        }
        unsent
    }

    /// Bytes handed over that the connection has not accepted yet, with the headers of frames that
    /// have been made.
    pub fn buffered(&self) -> u64 {
        let behind = self.behind.iter().map(|it| it.payload.len());
        let under_way = self.under_way.iter().map(|it| it.fragments.left());
        let waiting = self.shim().waiting();
        (behind.chain(under_way).sum::<usize>() + waiting) as u64
    }

    /// Gives up what was not handed on yet.
    pub fn abandon(&mut self) {
        self.abandoned = self.unsent();
        self.behind.clear();
        self.under_way = None;
    }

    /// Whether control frames have been flushed since the last call; a data message may still be in
    /// progress.
    pub fn take_controls_flushed(&mut self) -> bool {
        std::mem::take(&mut self.controls_flushed)
    }

    fn poll_flush_engine(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let flushed = ready!(Pin::new(&mut self.engine).poll_flush(cx));
        // An engine that has ended flushes nothing.
        ready!(Pin::new(self.shim_mut()).poll_flush(cx))?;
        flushed?;
        self.controls_flushed |= std::mem::take(&mut self.controls);
        self.pongs = 0;
        Poll::Ready(Ok(()))
    }

    /// Hands on what the connection takes; ready when no message is under way.
    fn poll_fragments(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (mut bytes, mut frames) = (0, 0);
        while self.under_way.is_some() {
            let stepped = bytes >= STEP || (self.traces && frames >= TRACED_STEP);
            // Control frames precede the next fragment, and traced frames are reported in between.
            if self.controls || (stepped && self.traces) {
                ready!(self.poll_flush_engine(cx))?;
            } else {
                ready!(self.shim_mut().poll_room(cx))?;
            }
            if stepped {
                yield_now(cx);
                return Poll::Pending;
            }
            bytes += self.send_fragment();
            frames += 1;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the next fragment on; its size on the wire, in bytes, as far as it matters.
    fn send_fragment(&mut self) -> usize {
        let Some(under_way) = &mut self.under_way else {
            return 0;
        };
        let fragment = under_way.fragments.next_fragment();
        self.shim_mut().send(&fragment);
        if fragment.fin {
            self.under_way = None;
            self.whole += 1;
            while self.under_way.is_none()
                && let Some(next) = self.behind.pop_front()
            {
                self.start_data(next);
            }
        }
        fragment.payload.len() + MAX_HEADER
    }

    /// Ready when there is room for another data message. Control frames are accepted at any time.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.poll_room(cx);
        self.stalled |= ready.is_pending();
        ready
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.under_way.is_some() && ready!(self.poll_fragments(cx)).is_err() {
            return Poll::Ready(());
        }
        self.shim_mut().poll_room(cx).map(drop)
    }

    /// Hands over a data message. [`Socket::poll_ready`] says when there is room for it.
    pub fn send(&mut self, message: Message) {
        self.dirty = true;
        let opcode = message.kind().opcode();
        let payload = message.into_payload();
        if !self.ended {
            self.start_data(Whole { opcode, payload });
        }
    }

    /// Whether messages of at most `len` bytes may be handed over as frames that were made before, for
    /// several connections.
    pub fn takes_frames(&self, len: usize) -> bool {
        self.shim().passes() && !self.splits(len)
    }

    /// Hands over such frames, after [`Socket::poll_ready`].
    pub fn send_frames(&mut self, frames: &[u8], messages: usize) {
        self.dirty = true;
        if !self.ended {
            self.shim_mut().send_frames(frames);
            self.whole += messages as u64;
        }
    }

    /// Hands over a ping, of at most 125 bytes.
    pub fn ping(&mut self, data: Bytes) {
        self.controls = true;
        self.start(engine::Message::Ping(data));
    }

    /// Hands over a pong, of at most 125 bytes.
    pub fn pong(&mut self, data: Bytes) {
        self.controls = true;
        self.start(engine::Message::Pong(data));
    }

    /// Hands over a Close. It is the last frame that can be sent, and overtakes a message in
    /// progress.
    pub fn close(&mut self, close: &Close) {
        self.abandon();
        self.ended = true;
        self.answers = false;
        self.start(engine::Message::Close(close.code.map(|code| CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from(close.reason.as_str()),
        })));
    }

    /// Hands over a raw frame. Everything before it must have been flushed.
    pub fn send_raw(&mut self, frame: &RawFrame) {
        self.dirty = true;
        self.shim_mut().inject(frame);
        if frame.opcode == CLOSE {
            // The engine does not see the raw Close, and would continue to answer.
            self.answers = false;
            self.shim_mut().hide_pings();
        }
    }

    fn start(&mut self, message: engine::Message) {
        self.dirty = true;
        // An error here can only come from the engine's state, because the stream defers write
        // errors. After the engine has ended reading it may refuse to send, and then there is no
        // peer to send to.
        let _ = Pin::new(&mut self.engine).start_send(message);
    }

    /// Ready when everything handed over has been written to the system.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let flushed = self.poll_flush_all(cx);
        if self.write_error().is_some() {
            // What is handed on now goes nowhere.
            self.abandon();
        }
        self.stalled = flushed.is_pending();
        if flushed.is_ready() {
            self.dirty = false;
            self.pongs = 0;
        }
        flushed
    }

    fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.under_way.is_some() && ready!(self.poll_fragments(cx)).is_err() {
            return Poll::Ready(());
        }
        self.poll_flush_engine(cx).map(drop)
    }

    /// Flushes what the engine has, and gives it no more of the message in progress.
    pub fn poll_flush_controls(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.poll_flush_engine(cx);
        self.stalled = true;
        if self.write_error().is_some() {
            self.abandon();
        }
        Poll::Pending
    }

    /// Makes the next flush report, even if nothing has been handed over.
    pub fn require_flush(&mut self) {
        self.dirty = true;
    }

    fn start_data(&mut self, message: Whole) {
        if self.under_way.is_some() {
            self.behind.push_back(message);
            return;
        }
        let Whole { opcode, payload } = message;
        let len = payload.len();
        if self.splits(len) {
            self.under_way = Some(UnderWay {
                fragments: Fragments::new(opcode, payload, self.parts),
                len,
            });
            return;
        }
        let fin = true;
        self.shim_mut().send(&Fragment {
            opcode,
            payload,
            fin,
        });
        self.whole += 1;
    }
}
