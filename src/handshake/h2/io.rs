//! The stream below an HTTP/2 connection: it keeps the server's first bytes until they have been
//! looked at, knows whether everything has been written, and lets others have their turn between reads.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::settings::{self, MAX_PREFACE, Preface};

/// Bytes that are read before the readers of the streams have their turn. The library allows only so
/// many small frames that nobody has taken yet.
const READ_TURN: usize = 64 * 1024;

/// How far the bytes of a connection have come, shared by the stream below it, its driver and its users.
#[derive(Debug, Default)]
pub struct Written {
    /// The beginning of what was received.
    first: Mutex<Vec<u8>>,
    /// The last write did not complete.
    blocked: AtomicBool,
    /// How often something was handed to the connection, and how much of that has been written.
    handed: AtomicU64,
    written: AtomicU64,
    flushing: Waiters,
}

/// Those who wait until everything has been written: a stream each.
#[derive(Debug, Default)]
struct Waiters(Mutex<Vec<Waker>>);

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn add(&self, waker: &Waker) {
        let mut waiters = self.lock();
        if !waiters.iter().any(|waiter| waiter.will_wake(waker)) {
            waiters.push(waker.clone());
        }
    }

    fn notify(&self) {
        for waiter in self.lock().drain(..) {
            waiter.wake();
        }
    }
}

impl Written {
    /// What the server's first bytes say.
    pub(super) fn preface(&self) -> Preface {
        settings::read(&self.lock())
    }

    /// The server's first bytes.
    pub(super) fn first(&self) -> Vec<u8> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.first
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Something was handed to the connection.
    pub(super) fn hand_over(&self) {
        self.handed.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until everything that was handed over has been written.
    pub(super) fn poll_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_written() {
            return Poll::Ready(());
        }
        self.flushing.add(cx.waker());
        match self.is_written() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Waits until nothing stands in the way of what was handed over: the driver writes it in its next
    /// turn. Waiting for that too would make every write look like one that the peer holds up.
    pub(super) fn poll_flowing(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.blocked.load(Ordering::SeqCst) {
            true => self.poll_written(cx),
            false => Poll::Ready(()),
        }
    }

    fn is_written(&self) -> bool {
        self.written.load(Ordering::SeqCst) >= self.handed.load(Ordering::SeqCst)
    }

    /// Polls the connection, which writes what it was handed.
    pub fn drive<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let handed = self.handed.load(Ordering::SeqCst);
        let polled = poll();
        if polled.is_pending() && !self.blocked.load(Ordering::SeqCst) {
            self.store(handed);
        }
        polled
    }

    /// The connection has ended: no more will be written, and a stream learns the reason elsewhere.
    pub fn end(&self) {
        self.store(u64::MAX);
    }

    fn store(&self, written: u64) {
        self.written.store(written, Ordering::SeqCst);
        self.flushing.notify();
    }
}

/// The stream below the connection.
pub struct Io<S> {
    inner: S,
    shared: Arc<Written>,
    /// The first frame has not been received yet.
    is_new: bool,
    /// Bytes read in this turn.
    turn: usize,
}

impl<S> Io<S> {
    pub fn new(inner: S, shared: Arc<Written>) -> Io<S> {
        Io {
            inner,
            shared,
            is_new: true,
            turn: 0,
        }
    }

    /// Keeps the first bytes.
    fn keep(&mut self, bytes: &[u8]) {
        let mut first = self.shared.lock();
        let room = MAX_PREFACE.saturating_sub(first.len());
        first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.is_new = settings::read(&first) == Preface::Incomplete;
    }

    fn written<T>(&self, written: Poll<T>) -> Poll<T> {
        let blocked = written.is_pending();
        self.shared.blocked.store(blocked, Ordering::SeqCst);
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turn >= READ_TURN {
            self.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_pending() {
            self.turn = 0;
        }
        ready!(read)?;
        let bytes = &buf.filled()[before..];
        self.turn += bytes.len();
        if self.is_new {
            self.keep(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Io<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
