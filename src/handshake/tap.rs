//! Records the bytes of the handshake, so that `-v` shows them unchanged and a response that is not
//! HTTP can be quoted. It also restores the case of the request's header names, because hyper only
//! writes them in lower case. The wrapper is removed after the handshake.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads;
use crate::event::Heads;
use crate::secret::Redactor;

/// Maximum number of bytes recorded in each direction.
const KEPT: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) sent: Vec<u8>,
    pub(crate) received: Vec<u8>,
}

/// The recording, shared by the stream (inside hyper), the driver, and a caller that gives up and
/// reports how far the handshake got.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Log>>);

impl Transcript {
    /// Both heads, as far as they have arrived, without the secrets in them.
    pub fn heads(&self, redactor: &Redactor) -> Heads {
        let log = self.lock();
        heads::shown(&log.sent, &log.received, redactor)
    }

    /// Forgets what was recorded, for another connection.
    pub fn clear(&self) {
        *self.lock() = Log::default();
    }

    /// Bytes received so far.
    pub fn received(&self) -> usize {
        self.lock().received.len()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Log> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

pub(crate) struct RecordingStream<S> {
    inner: S,
    log: Transcript,
    /// The request's header names.
    names: Vec<String>,
}

impl<S> RecordingStream<S> {
    pub(crate) fn new(inner: S, log: Transcript, names: Vec<String>) -> Self {
        RecordingStream { inner, log, names }
    }

    pub(crate) fn into_inner(self) -> S {
        self.inner
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Writes the header names of a head as in `names`, if they differ only in case.
fn restore_case(head: &mut [u8], names: &[String]) {
    let end = memchr::memmem::find(head, b"\r\n\r\n").unwrap_or(head.len());
    for line in head[..end].split_mut(|byte| *byte == b'\n').skip(1) {
        let name = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let line = &mut line[..name];
        if let Some(name) = names
            .iter()
            .find(|name| name.as_bytes().eq_ignore_ascii_case(line))
        {
            line.copy_from_slice(name.as_bytes());
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        keep(&mut self.log.lock().received, &buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordingStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Together with the previous bytes, because a write may have ended anywhere.
        let mut whole = self.log.lock().sent.clone();
        let before = whole.len();
        whole.extend_from_slice(bytes);
        restore_case(&mut whole, &self.names);
        let bytes = &whole[before..];
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        keep(&mut self.log.lock().sent, &bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_keep_their_case() {
        let mut head = b"GET /x-a: HTTP/1.1\r\nx-a: x-a: 1\r\nx-ab: 2\r\n\r\nx-a: 3".to_vec();
        restore_case(&mut head, &["X-A".to_owned()]);
        assert_eq!(
            String::from_utf8(head).unwrap(),
            "GET /x-a: HTTP/1.1\r\nX-A: x-a: 1\r\nx-ab: 2\r\n\r\nx-a: 3"
        );
    }
}
