//! Signals and `--max-time`, as the session's loop sees them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Sleep;

use super::StopSource;
use super::ended::Stop;

/// SIGINT, SIGTERM, and the end of the time there is.
pub struct Stops {
    interrupt: Signal,
    terminate: Signal,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stops {
    /// Takes the signals over from here on. Must run inside the runtime.
    ///
    /// # Errors
    /// Where the system lets no handler be set.
    pub fn new(max_time: Option<Duration>) -> io::Result<Self> {
        Ok(Stops {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            deadline: max_time.map(|time| Box::pin(tokio::time::sleep(time))),
        })
    }

    /// The next stop, for those who only wait.
    pub async fn next(&mut self) -> Stop {
        std::future::poll_fn(|cx| self.poll_stop(cx)).await
    }
}

impl StopSource for Stops {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        if self.interrupt.poll_recv(cx).is_ready() {
            return Poll::Ready(Stop::Interrupt);
        }
        if self.terminate.poll_recv(cx).is_ready() {
            return Poll::Ready(Stop::Terminate);
        }
        if let Some(deadline) = &mut self.deadline
            && Future::poll(deadline.as_mut(), cx).is_ready()
        {
            self.deadline = None;
            return Poll::Ready(Stop::MaxTime);
        }
        Poll::Pending
    }
}
