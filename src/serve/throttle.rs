//! A byte stream that carries so many bytes a second each way. It drops nothing: what is more waits with
//! the peer.

use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The most bytes that are passed at once.
const CHUNK: usize = 4096;

/// How much of the time that was not used is made up for: timers are late.
const SLACK: Duration = Duration::from_millis(20);

/// A stream that is slowed down.
pub(super) struct Throttled<S> {
    inner: S,
    reads: Pace,
    writes: Pace,
}

impl<S> Throttled<S> {
    /// `rate`: bytes a second, for either way.
    pub(super) fn new(inner: S, rate: NonZeroU32) -> Self {
        Throttled {
            inner,
            reads: Pace::new(rate),
            writes: Pace::new(rate),
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.inner
    }
}

/// When the next bytes of one way are due.
struct Pace {
    rate: NonZeroU32,
    due: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Pace {
    fn new(rate: NonZeroU32) -> Self {
        let due = Instant::now();
        let sleep = Box::pin(sleep_until(due));
        Pace { rate, due, sleep }
    }

    /// Waits until bytes may pass, and returns how many.
    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.due > Instant::now() {
            self.sleep.as_mut().reset(self.due);
            ready!(self.sleep.as_mut().poll(cx));
        }
        // A twentieth of a second, so that a low rate is a trickle and no series of bursts.
        let chunk = usize::try_from(self.rate.get() / 20).unwrap_or(CHUNK);
        Poll::Ready(chunk.clamp(1, CHUNK))
    }

    fn spend(&mut self, bytes: usize) {
        let now = Instant::now();
        let from = self.due.max(now.checked_sub(SLACK).unwrap_or(now));
        let takes = bytes as f64 / f64::from(self.rate.get());
        self.due = from + Duration::from_secs_f64(takes);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Throttled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let allowed = ready!(self.reads.poll_allowed(cx)).min(buf.remaining());
        let mut bytes = [0; CHUNK];
        let mut part = ReadBuf::new(&mut bytes[..allowed]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        self.reads.spend(part.filled().len());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Throttled<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = ready!(self.writes.poll_allowed(cx)).min(bytes.len());
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &bytes[..allowed]))?;
        self.writes.spend(written);
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_way_takes_its_time() {
        let (io, mut peer) = duplex(1 << 20);
        let mut io = Throttled::new(io, NonZeroU32::new(1000).unwrap());
        let start = Instant::now();
        io.write_all(&[7; 2000]).await.unwrap();
        let took = start.elapsed();
        assert!((1.9..2.2).contains(&took.as_secs_f64()), "{took:?}");
        peer.write_all(&[8; 500]).await.unwrap();
        let start = Instant::now();
        let mut bytes = [0; 500];
        io.read_exact(&mut bytes).await.unwrap();
        let took = start.elapsed();
        assert!((0.4..0.7).contains(&took.as_secs_f64()), "{took:?}");
        assert_eq!(bytes, [8; 500]);
        let mut sent = vec![0; 2000];
        peer.read_exact(&mut sent).await.unwrap();
        assert_eq!(sent, [7; 2000]);
    }
}
