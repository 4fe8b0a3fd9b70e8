//! One stream of an HTTP/2 connection as a byte stream, for either side of a WebSocket (RFC 8441 §5).
//! It takes no more than the peer's flow control allows, and grants the peer no more than was read.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{FlowControl, Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::io::Written;
use super::words;

/// A buffer larger than this is given back when it is empty, in bytes.
const MAX_KEPT: usize = 256 * 1024;

/// The two directions of a stream.
pub struct Tunnel {
    send: SendStream<Bytes>,
    /// Our direction has ended.
    ended: bool,
    inbox: Arc<Mutex<Inbox>>,
    window: FlowControl,
    /// Takes what arrives, so that small frames become bytes at once.
    receiver: JoinHandle<()>,
    written: Arc<Written>,
    /// Where the connection below exists for this stream alone, its driver notices when this is dropped.
    owns_connection: Option<oneshot::Sender<()>>,
}

/// What arrived and was not read. The peer's window bounds it.
#[derive(Default)]
struct Inbox {
    bytes: BytesMut,
    /// Why nothing more arrives.
    end: Option<io::Error>,
    reader: Option<Waker>,
}

fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Inbox {
    fn take(&mut self, buf: &mut ReadBuf<'_>) -> usize {
        let len = self.bytes.len().min(buf.remaining());
        buf.put_slice(&self.bytes[..len]);
        self.bytes.advance(len);
        if self.bytes.is_empty() && self.bytes.capacity() > MAX_KEPT {
            self.bytes = BytesMut::new();
        }
        len
    }

    /// Waits for what comes next.
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

async fn receive(mut stream: RecvStream, inbox: Arc<Mutex<Inbox>>) {
    loop {
        let data = stream.data().await;
        let mut inbox = lock(&inbox);
        let goes_on = match data {
            Some(Ok(bytes)) => {
                inbox.bytes.extend_from_slice(&bytes);
                true
            }
            Some(Err(error)) => {
                inbox.end = Some(words::to_io(&error));
                false
            }
            None => {
                let kind = io::ErrorKind::UnexpectedEof;
                inbox.end = Some(io::Error::new(kind, "the HTTP/2 stream ended"));
                false
            }
        };
        if let Some(reader) = inbox.reader.take() {
            reader.wake();
        }
        if !goes_on {
            return;
        }
    }
}

impl Tunnel {
    /// A byte stream over both directions of a stream whose handshake is over, on the connection of
    /// `written`. It must be called in a runtime.
    pub fn new(send: SendStream<Bytes>, mut recv: RecvStream, written: Arc<Written>) -> Tunnel {
        // The head that opened the stream may not be written yet.
        written.hand_over();
        let window = recv.flow_control().clone();
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let receiver = tokio::spawn(receive(recv, Arc::clone(&inbox)));
        Tunnel {
            send,
            ended: false,
            inbox,
            window,
            receiver,
            written,
            owns_connection: None,
        }
    }

    /// The same, with a connection whose driver ends soon after `alive` is dropped.
    pub(super) fn owning(mut self, alive: oneshot::Sender<()>) -> Tunnel {
        self.owns_connection = Some(alive);
        self
    }

    /// Ends the stream with RST_STREAM (CANCEL), which stands for a TCP reset (RFC 8441 §5), once
    /// everything before it has been written: the library drops what has not.
    pub async fn reset(mut self) {
        poll_fn(|cx| self.written.poll_written(cx)).await;
        self.send.send_reset(Reason::CANCEL);
    }

    fn send(&mut self, bytes: Bytes, end: bool) -> io::Result<()> {
        let sent = self.send.send_data(bytes, end);
        self.written.hand_over();
        sent.map_err(|error| words::to_io(&error))
    }

    /// Why nothing can be sent any more.
    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Ready(match ready!(self.send.poll_reset(cx)) {
            Ok(reason) => words::reset(reason),
            Err(error) => words::to_io(&error),
        })
    }

    /// Waits for the end of the peer's direction, and drops what still comes.
    fn poll_peers_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inbox = lock(&self.inbox);
        let len = inbox.bytes.len();
        inbox.bytes.clear();
        // An error means that the stream has ended.
        let _ = self.window.release_capacity(len);
        match inbox.end {
            Some(_) => Poll::Ready(()),
            None => inbox.wait(cx),
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut inbox = lock(&this.inbox);
        if !inbox.bytes.is_empty() {
            let len = inbox.take(buf);
            drop(inbox);
            // An error means that the stream has ended: what arrived before counts.
            let _ = this.window.release_capacity(len);
            return Poll::Ready(Ok(()));
        }
        match &inbox.end {
            Some(end) => Poll::Ready(Err(io::Error::new(end.kind(), end.to_string()))),
            None => inbox.wait(cx),
        }
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.send.reserve_capacity(bytes.len());
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return self.poll_broken(cx).map(Err),
            }
        }
        let len = bytes.len().min(self.send.capacity());
        match self.send(Bytes::copy_from_slice(&bytes[..len]), false) {
            Ok(()) => Poll::Ready(Ok(len)),
            Err(_) => self.poll_broken(cx).map(Err),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.written.poll_flowing(cx).map(Ok)
    }

    /// Ends our direction. Where the connection ends with the stream, the peer's end is waited for: what
    /// a closed socket has not read may cost the peer our last bytes.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.ended = true;
            self.send(Bytes::new(), true)?;
        }
        ready!(self.written.poll_written(cx));
        if self.owns_connection.is_some() {
            ready!(self.poll_peers_end(cx));
        }
        Poll::Ready(Ok(()))
    }
}
