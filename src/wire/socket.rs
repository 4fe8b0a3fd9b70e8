//! One WebSocket endpoint, of either role: what arrives, judged; what is sent; and what is known of
//! both. The only file that names the engine, tungstenite. It never decides what to send, and waits
//! for nothing by itself.
//!
//! Large messages go to the engine one fragment after another, as the connection takes them. Between
//! two fragments the engine sends whatever control frames it was given meanwhile (RFC 6455 §5.4).
//! Data messages keep their order, and none begins before the one ahead of it is out. A Close of
//! ours abandons what is still to be sent, since nothing may follow it (RFC 6455 §5.5.1).

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, Utf8Bytes};
use tokio_tungstenite::tungstenite::protocol::{self, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self as engine, Error};

use crate::close::Close;
use crate::event::{TracedFrame, Volume};
use crate::message::{Kind, Message};
use crate::wire::fragments::{Fragment, Fragments, Parts};
use crate::wire::frame::{BINARY, CLOSE, MAX_HEADER, RawFrame, TEXT};
use crate::wire::loss::Loss;
use crate::wire::shim::{Options, Shim};
use crate::wire::stream::DeferWriteErrors;
use crate::wire::validate::{Role, Violation};

/// What a client reads at once. The engine clears all of it before every read, so more is not better.
const READ_BUFFER: usize = 64 * 1024;

/// What the engine of a server keeps for each connection, once to read and once to write, in bytes.
/// The shim reads and writes more at once.
const SERVER_BUFFER: usize = 4 * 1024;

/// The engine's limit for frames holds for control frames too, which are not messages. Below this
/// one, data frames are judged by the limit for messages alone.
const SMALLEST_FRAME_LIMIT: usize = 64 * 1024;

/// Pongs that may wait for a peer that does not read them, before its pings are not read either. The
/// engine would collect them without end.
const MAX_PONGS: u32 = 4096;

/// Bytes that the engine is handed in one call, unless one fragment is larger. After them the caller
/// reads what it has received.
const STEP: usize = 256 * 1024;

/// The same in frames where they are traced, each of which takes far more memory than a short one on
/// the wire.
const TRACED_STEP: usize = 256;

/// Data messages and their payload, in bytes.
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

/// A data message that was not begun.
#[derive(Debug)]
struct Whole {
    opcode: u8,
    payload: Bytes,
}

/// A message under way.
#[derive(Debug)]
struct UnderWay {
    fragments: Fragments,
    /// All of its payload, in bytes.
    len: usize,
}

/// What arrived, or why nothing more will.
#[derive(Debug)]
pub enum Incoming {
    Data(Message),
    /// A ping, and whether its pong is on its way.
    Ping(Bytes, bool),
    Pong(Bytes),
    /// The peer's Close, which has not been answered.
    Close(Close),
    /// The peer broke a rule.
    Violation(Box<Violation>),
    /// The connection is gone.
    Lost(Loss),
}

/// What has moved since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes came.
    pub received: bool,
    /// Bytes of a data message came.
    pub data: bool,
}

/// Bytes up to which somebody has looked.
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
    parts: Parts,
    traces: bool,
    under_way: Option<UnderWay>,
    /// Data messages handed over while another was under way.
    behind: VecDeque<Whole>,
    /// Data messages that the engine was given whole.
    whole: u64,
    abandoned: Unsent,
    /// The engine has control frames that have not been flushed.
    controls: bool,
    /// Those that it had have been, since somebody asked.
    controls_flushed: bool,
    /// Whether the engine answers pings: it does until a Close is sent.
    answers: bool,
    /// Pongs handed to the engine since its last flush.
    pongs: u32,
    /// Something was handed over since the last flush.
    dirty: bool,
    /// The connection took no more when it was last asked to.
    stalled: bool,
    seen: Seen,
}

fn config(options: &Options) -> WebSocketConfig {
    let largest = options.max_message_size;
    let buffers = match options.role {
        Role::Client => WebSocketConfig::default().read_buffer_size(READ_BUFFER),
        Role::Server => WebSocketConfig::default()
            .read_buffer_size(SERVER_BUFFER)
            .write_buffer_size(SERVER_BUFFER),
    };
    buffers
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest.max(SMALLEST_FRAME_LIMIT)))
        // The shim refuses those, and gives the engine frames that it has unmasked.
        .accept_unmasked_frames(options.role == Role::Server)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// A WebSocket whose handshake is over. `early` is what came with the end of it.
    pub async fn new(stream: S, early: Bytes, options: &Options) -> Self {
        let role = match options.role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let shim = Shim::new(DeferWriteErrors::new(stream, early), options);
        let config = Some(config(options));
        Socket {
            engine: WebSocketStream::from_raw_socket(shim, role, config).await,
            parts: options.parts(),
            traces: options.trace.is_some(),
            under_way: None,
            behind: VecDeque::new(),
            whole: 0,
            abandoned: Unsent::default(),
            controls: false,
            controls_flushed: false,
            answers: !options.hide_pings,
            pongs: 0,
            dirty: false,
            stalled: false,
            seen: Seen::default(),
        }
    }

    /// What arrived next. Nothing more is to be asked for after [`Incoming::Violation`] and
    /// [`Incoming::Lost`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            match Pin::new(&mut self.engine).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if let Some(incoming) = self.incoming(message) {
                        return Poll::Ready(incoming);
                    }
                }
                // The engine never learns of a Close, nor of a broken rule. One that arrived before
                // the connection ended counts.
                Poll::Ready(end) => {
                    let why = end.and_then(Result::err);
                    return Poll::Ready(self.take_end().unwrap_or_else(|| self.loss(why)));
                }
                Poll::Pending => return self.take_end().map_or(Poll::Pending, Poll::Ready),
            }
        }
    }

    fn incoming(&mut self, message: engine::Message) -> Option<Incoming> {
        Some(match message {
            engine::Message::Text(text) => match Message::new(Kind::Text, text.into()) {
                Ok(message) => Incoming::Data(message),
                // The engine has checked it.
                Err(_) => return None,
            },
            engine::Message::Binary(data) => Incoming::Data(Message::Binary(data)),
            engine::Message::Ping(data) => {
                self.shim_mut().next_was_ping();
                if self.answers {
                    // The engine has the pong ready; it goes out with the next flush.
                    self.controls = true;
                    self.dirty = true;
                    self.pongs += 1;
                }
                Incoming::Ping(data, self.answers)
            }
            // Where the engine is not to answer, it sees every ping as a pong.
            engine::Message::Pong(data) if self.shim_mut().next_was_ping() => {
                Incoming::Ping(data, false)
            }
            engine::Message::Pong(data) => Incoming::Pong(data),
            // The shim keeps Close frames, and the engine gives raw frames to nobody.
            engine::Message::Close(_) | engine::Message::Frame(_) => return None,
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
            Some(Error::Io(error)) => Loss::from(&error),
            // The shim has judged every frame before the engine; this is for what it might overlook.
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

    /// The peer takes none of the many pongs that wait for it, so that nothing more should be read.
    pub fn owes_pongs(&self) -> bool {
        self.pongs >= MAX_PONGS
    }

    /// Whether something was handed over that has not been flushed.
    pub fn needs_flush(&self) -> bool {
        self.dirty
    }

    /// Whether the connection took no more when it was last asked to.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Why writing is no longer possible. What is sent from then on goes nowhere.
    pub fn write_error(&self) -> Option<&str> {
        self.stream().write_error()
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.stream().received()
    }

    /// Whether a frame or a message has come in part.
    pub fn is_within_message(&self) -> bool {
        self.shim().unfinished().is_some()
    }

    /// What has come since this was asked last.
    pub fn take_moved(&mut self) -> Moved {
        let (received, data) = (self.stream().received(), self.shim().data_bytes());
        Moved {
            received: std::mem::replace(&mut self.seen.received, received) != received,
            data: std::mem::replace(&mut self.seen.data, data) != data,
        }
    }

    /// Whether the system has taken bytes for the peer since this was asked last.
    pub fn take_written(&mut self) -> bool {
        let written = self.stream().written();
        std::mem::replace(&mut self.seen.written, written) != written
    }

    /// The next frame of the trace, either way. To be asked for before anything that arrived is
    /// looked at.
    pub fn poll_frame(&mut self) -> Option<TracedFrame> {
        self.shim_mut().poll_frame()
    }

    /// What was compressed: sent and received.
    pub fn volumes(&self) -> (Volume, Volume) {
        self.shim().volumes()
    }

    /// The stream below the protocol, whose errors are its own.
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

    /// Whether a message is under way.
    pub fn is_sending(&self) -> bool {
        self.under_way.is_some()
    }

    /// Data messages that the engine was given whole so far.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Data messages that were handed over, and that the engine was not given whole.
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

    /// Gives up what the engine was not given yet.
    pub fn abandon(&mut self) {
        self.abandoned = self.unsent();
        self.behind.clear();
        self.under_way = None;
    }

    /// Whether control frames have been flushed since this was asked last, though a data message may
    /// still be under way.
    pub fn take_controls_flushed(&mut self) -> bool {
        std::mem::take(&mut self.controls_flushed)
    }

    fn poll_flush_engine(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(Pin::new(&mut self.engine).poll_flush(cx))?;
        self.controls_flushed |= std::mem::take(&mut self.controls);
        self.pongs = 0;
        Poll::Ready(Ok(()))
    }

    /// Gives the engine what the connection takes; ready when no message is under way.
    fn poll_fragments(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (mut bytes, mut frames) = (0, 0);
        while self.under_way.is_some() {
            let stepped = bytes >= STEP || (self.traces && frames >= TRACED_STEP);
            // Control frames go before the next fragment, and traced frames are reported in between.
            if self.controls || (stepped && self.traces) {
                ready!(self.poll_flush_engine(cx))?;
            } else {
                ready!(Pin::new(&mut self.engine).poll_ready(cx))?;
            }
            if stepped {
                yield_now(cx);
                return Poll::Pending;
            }
            let sent = self.send_fragment();
            bytes += sent.inspect_err(|_| self.abandon())?;
            frames += 1;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the engine the next fragment; its size on the wire, in bytes, as far as it matters.
    fn send_fragment(&mut self) -> Result<usize, Error> {
        let Some(under_way) = &mut self.under_way else {
            return Ok(0);
        };
        let fragment = under_way.fragments.next_fragment();
        let (fin, size) = (fragment.fin, fragment.payload.len() + MAX_HEADER);
        self.start_frame(fragment)?;
        if fin {
            self.under_way = None;
            self.whole += 1;
            while self.under_way.is_none()
                && let Some(next) = self.behind.pop_front()
            {
                self.start_data(next)?;
            }
        }
        Ok(size)
    }

    fn start_frame(&mut self, fragment: Fragment) -> Result<(), Error> {
        let opcode = match fragment.opcode {
            TEXT => Data::Text,
            BINARY => Data::Binary,
            _ => Data::Continue,
        };
        let frame = Frame::message(fragment.payload, OpCode::Data(opcode), fragment.fin);
        Pin::new(&mut self.engine).start_send(engine::Message::Frame(frame))
    }

    /// Ready when there is room for another data message. Control frames are taken at any time.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.poll_room(cx);
        self.stalled |= ready.is_pending();
        ready
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.under_way.is_some() && ready!(self.poll_fragments(cx)).is_err() {
            return Poll::Ready(());
        }
        Pin::new(&mut self.engine).poll_ready(cx).map(drop)
    }

    /// Hands over a data message. [`Socket::poll_ready`] says when there is room for it.
    pub fn send(&mut self, message: Message) {
        self.dirty = true;
        let opcode = message.kind().opcode();
        let payload = message.into_payload();
        let _ = self.start_data(Whole { opcode, payload });
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

    /// Hands over a Close. It is the last frame that can be sent, and overtakes what is under way.
    pub fn close(&mut self, close: &Close) {
        self.abandon();
        self.answers = false;
        self.start(engine::Message::Close(close.code.map(|code| CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from(close.reason.as_str()),
        })));
    }

    /// Hands over a frame made by hand. Everything before it must have been flushed.
    pub fn send_raw(&mut self, frame: &RawFrame) {
        self.dirty = true;
        self.shim_mut().inject(frame);
        if frame.opcode == CLOSE {
            // The engine knows nothing of it, and would go on to answer.
            self.answers = false;
            self.shim_mut().hide_pings();
        }
    }

    fn start(&mut self, message: engine::Message) {
        self.dirty = true;
        // An error here can only be one of the engine's state, as the stream defers those of
        // writing: after the engine has ended reading it may refuse to send, and then there is
        // nobody to send to.
        let _ = Pin::new(&mut self.engine).start_send(message);
    }

    /// Ready when all that was handed over has left for the system.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let flushed = self.poll_flush_all(cx);
        if self.write_error().is_some() {
            // What the engine is given now goes nowhere.
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

    /// Flushes what the engine has, and gives it no more of the message under way.
    pub fn poll_flush_controls(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.poll_flush_engine(cx);
        self.stalled = true;
        if self.write_error().is_some() {
            self.abandon();
        }
        Poll::Pending
    }

    /// Lets the next flush report, though nothing may have been handed over.
    pub fn require_flush(&mut self) {
        self.dirty = true;
    }

    fn start_data(&mut self, message: Whole) -> Result<(), Error> {
        if self.under_way.is_some() {
            self.behind.push_back(message);
            return Ok(());
        }
        let Whole { opcode, payload } = message;
        let len = payload.len();
        if !self.splits(len) {
            let fin = true;
            self.start_frame(Fragment {
                opcode,
                payload,
                fin,
            })?;
            self.whole += 1;
            return Ok(());
        }
        self.under_way = Some(UnderWay {
            fragments: Fragments::new(opcode, payload, self.parts),
            len,
        });
        Ok(())
    }
}

/// Wakes the caller again once the runtime has looked at its sockets: another wake-up might come
/// before that, again and again.
fn yield_now(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}
