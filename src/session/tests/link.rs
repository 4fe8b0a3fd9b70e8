//! A connection without a network, whose other end the test moves by hand.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::frame::{self, FrameHeader};
use crate::wire::mask;

#[derive(Default)]
struct State {
    /// What the peer has sent, and was not read.
    sent: VecDeque<u8>,
    /// The peer sends no more.
    ended: bool,
    /// The peer is gone, and with it what was not read.
    reset: bool,
    /// How many bytes the peer takes.
    room: usize,
    taken: Vec<u8>,
    /// The run waits for something to read, or for room.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The end of the run.
pub(super) struct Stream(Arc<Mutex<State>>);

/// The end of the peer.
pub(super) struct Peer(Arc<Mutex<State>>);

/// Both ends of a connection. The peer takes nothing yet.
pub(super) fn link() -> (Peer, Stream) {
    let state = Arc::default();
    (Peer(Arc::clone(&state)), Stream(state))
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Changes something, and wakes what waits for that.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let waiting = [state.reader.take(), state.writer.take()];
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    fn send_frame(&self, opcode: u8, payload: &[u8]) {
        let mut frame = Vec::new();
        FrameHeader::plain(true, opcode, payload.len() as u64).write(&mut frame);
        frame.extend_from_slice(payload);
        self.change(|state| state.sent.extend(frame));
    }

    pub(super) fn send(&self, text: &str) {
        self.send_frame(frame::TEXT, text.as_bytes());
    }

    /// Closes, and waits for the answer.
    pub(super) fn close(&self, code: u16) {
        self.send_frame(frame::CLOSE, &code.to_be_bytes());
        self.lose();
        self.take(usize::MAX);
    }

    /// Ends the connection without a Close.
    pub(super) fn lose(&self) {
        self.change(|state| state.ended = true);
    }

    /// The same, and what it has sent is lost.
    pub(super) fn reset(&self) {
        self.change(|state| {
            state.reset = true;
            state.sent.clear();
        });
    }

    /// Takes so many more bytes.
    pub(super) fn take(&self, bytes: usize) {
        self.change(|state| state.room = state.room.saturating_add(bytes));
    }

    /// The text messages that have come as a whole.
    pub(super) fn messages(&self) -> Vec<String> {
        let state = self.state();
        let mut rest = &state.taken[..];
        let (mut messages, mut message) = (Vec::new(), Vec::new());
        while let Some(header) = FrameHeader::parse(rest) {
            let (from, to) = (header.size(), header.size() + header.len as usize);
            let Some(payload) = rest.get(from..to) else {
                break;
            };
            rest = &rest[to..];
            if header.is_control() {
                continue;
            }
            let mut payload = payload.to_vec();
            mask::apply(header.mask.unwrap(), 0, &mut payload);
            message.append(&mut payload);
            if header.fin {
                messages.push(String::from_utf8(std::mem::take(&mut message)).unwrap());
            }
        }
        messages
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if state.sent.is_empty() && !state.ended {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = state.sent.len().min(buf.remaining());
        let bytes: Vec<u8> = state.sent.drain(..count).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(state.room);
        if count == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.room -= count;
        state.taken.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
