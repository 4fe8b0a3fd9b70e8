//! The engine, handed large messages one fragment after another, as the connection takes them.
//!
//! Between two fragments the engine sends whatever control frames it was given meanwhile (RFC 6455
//! §5.4). Data messages keep their order, and none begins before the one ahead of it is out. A Close
//! of ours abandons what is still to be sent, since nothing may follow it (RFC 6455 §5.5.1).

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message, protocol};

use crate::message;
use crate::wire::fragments::{Fragment, Fragments, Parts};
use crate::wire::frame::{BINARY, MAX_HEADER, TEXT};
use crate::wire::shim::{Options, Shim};
use crate::wire::validate::Role;

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

/// A WebSocket over `S`.
#[derive(Debug)]
pub struct Socket<S> {
    engine: WebSocketStream<Shim<S>>,
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
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// A WebSocket whose handshake is over.
    pub async fn new(stream: S, options: &Options, config: protocol::WebSocketConfig) -> Self {
        let role = match options.role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let shim = Shim::new(stream, options);
        Socket {
            engine: WebSocketStream::from_raw_socket(shim, role, Some(config)).await,
            parts: options.parts(),
            traces: options.trace.is_some(),
            under_way: None,
            behind: VecDeque::new(),
            whole: 0,
            abandoned: Unsent::default(),
            controls: false,
            controls_flushed: false,
        }
    }

    pub fn get_ref(&self) -> &Shim<S> {
        self.engine.get_ref()
    }

    pub fn get_mut(&mut self) -> &mut Shim<S> {
        self.engine.get_mut()
    }

    pub fn into_inner(self) -> Shim<S> {
        self.engine.into_inner()
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

    /// Flushes what the engine has, and gives it no more of a message under way.
    pub fn poll_flush_engine(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(Pin::new(&mut self.engine).poll_flush(cx))?;
        self.controls_flushed |= std::mem::take(&mut self.controls);
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
        Pin::new(&mut self.engine).start_send(Message::Frame(frame))
    }

    /// Hands over a data message. [`Sink::poll_ready`] says when there is room for it.
    ///
    /// # Errors
    /// Where the connection has failed.
    pub fn start_message(&mut self, message: message::Message) -> Result<(), Error> {
        let opcode = message.kind().opcode();
        let payload = message.into_payload();
        self.start_data(Whole { opcode, payload })
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

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Socket<S> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.engine).poll_next(cx));
        if let Some(Ok(Message::Ping(_))) = &next {
            // The engine has the pong ready.
            self.controls = true;
        }
        Poll::Ready(next)
    }
}

/// Ready for another data message when none is under way; control frames are taken at any time.
/// Flushed is what was handed over when all of it has left.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for Socket<S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.under_way.is_some() {
            ready!(self.poll_fragments(cx))?;
        }
        Pin::new(&mut self.engine).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        match &message {
            Message::Text(_) | Message::Binary(_) => {
                let opcode = if message.is_text() { TEXT } else { BINARY };
                let payload = message.into_data();
                return self.start_data(Whole { opcode, payload });
            }
            Message::Close(_) => self.abandon(),
            _ => self.controls = true,
        }
        Pin::new(&mut self.engine).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.under_way.is_some() {
            ready!(self.poll_fragments(cx))?;
        }
        self.poll_flush_engine(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.abandon();
        Pin::new(&mut self.engine).poll_close(cx)
    }
}
