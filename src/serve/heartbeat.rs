//! The pings of the debug server: a client that does not answer is gone, even if its TCP connection is
//! not. Nothing happens here for a message: only when the timer of a connection fires, it is looked
//! whether anything has come since.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};

use crate::close::Close;
use crate::session::keepalive::{self, Action, Keepalive};
use crate::wire::socket::Socket;

/// When a client is pinged, and how long it has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The time between two pings; `None` sends none.
    pub interval: Option<Duration>,
    /// How long a client may be silent after a ping; `None` lets it be silent for ever.
    pub timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            interval: Some(Duration::from_secs(20)),
            timeout: Some(Duration::from_secs(20)),
        }
    }
}

/// As good as for ever; clock arithmetic overflows with more.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86400);

/// The pings of one connection.
pub(super) struct Heartbeat {
    keepalive: Keepalive,
    timer: Pin<Box<Sleep>>,
}

impl Heartbeat {
    /// The pings of a connection that begins now; `None` if there are to be none.
    pub(super) fn new(options: &Options) -> Option<Box<Heartbeat>> {
        let interval = options.interval?;
        let options = keepalive::Options {
            close_timeout: FOR_EVER,
            ping_interval: Some(interval),
            ping_timeout: options.timeout.unwrap_or(FOR_EVER),
            heartbeat: None,
        };
        Some(Box::new(Heartbeat {
            keepalive: Keepalive::new(options, Instant::now().into_std()),
            timer: Box::pin(sleep(interval)),
        }))
    }

    /// Sends a ping when one is due. Ready, with the Close that says so, when the client is gone. To be
    /// polled wherever the connection waits, after the socket.
    pub(super) fn poll<S>(&mut self, socket: &mut Socket<S>, cx: &mut Context<'_>) -> Poll<Close>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now().into_std();
            self.look_at(socket, now);
            match self.keepalive.handle_timeout(now) {
                Action::Ping(data) => self.ping(data, socket, cx),
                Action::Dead { .. } | Action::Stuck(_) => {
                    return Poll::Ready(Close::new(1011, "no answer to ping"));
                }
                Action::Nothing | Action::Heartbeat | Action::CloseTimedOut => {}
            }
            let next = self.keepalive.poll_timeout();
            let next = next.map_or_else(|| Instant::now() + FOR_EVER, Instant::from_std);
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }

    /// What has moved since the timer fired last.
    fn look_at<S>(&mut self, socket: &mut Socket<S>, now: std::time::Instant)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if socket.take_controls_flushed() {
            self.keepalive.handle_pings_flushed(now);
        }
        if socket.take_written() {
            self.keepalive.handle_taken(now);
        }
        if socket.take_moved().received {
            self.keepalive.handle_bytes(now);
        }
    }

    fn ping<S>(&mut self, data: bytes::Bytes, socket: &mut Socket<S>, cx: &mut Context<'_>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        socket.ping(data.clone());
        self.keepalive.handle_ping_queued(data, false);
        if socket.poll_flush(cx).is_ready() {
            self.keepalive.handle_flushed(Instant::now().into_std());
        }
    }

    /// A pong has come.
    pub(super) fn handle_pong(&mut self, data: &[u8]) {
        let now = Instant::now().into_std();
        self.keepalive.handle_pong(data, now);
    }
}
