//! Signals and `--max-time`, as the session's loop sees them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::error::Exit;
use crate::json::jq::Interrupt;

/// What stops a run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT
    Interrupt,
    /// SIGTERM
    Terminate,
    /// SIGHUP
    Hangup,
    /// `--max-time`
    MaxTime,
}

impl Stop {
    /// The exit code of a run that was stopped this way.
    pub fn exit(self) -> Exit {
        match self {
            Stop::Interrupt => Exit::Interrupted,
            Stop::Terminate => Exit::Terminated,
            Stop::Hangup => Exit::HungUp,
            Stop::MaxTime => Exit::Timeout,
        }
    }
}

/// The source of stops, as the loop sees it. It may fire more than once.
pub trait StopSignal {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop>;

    /// Whether [`StopSignal::poll_stop`] will return a stop once the runtime has run.
    fn is_due(&self) -> bool {
        false
    }
}

/// Signals, and the deadline of `--max-time`.
pub struct StopSignals {
    signals: platform::Signals,
    deadline: Option<Pin<Box<Sleep>>>,
    interrupt: Interrupt,
}

impl StopSignals {
    /// Handles signals from here on; SIGHUP only if `hangup` is true, because `nohup` ignores it. A
    /// signal or the deadline also raises `interrupt`, because the loop sees neither while it
    /// evaluates an expression. Must run inside the runtime.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub fn new(
        max_time: Option<Duration>,
        hangup: bool,
        interrupt: &Interrupt,
    ) -> io::Result<Self> {
        if let Some(deadline) = max_time.and_then(|time| Instant::now().checked_add(time)) {
            interrupt.set_deadline(deadline);
        }
        Ok(StopSignals {
            signals: platform::Signals::new(hangup, interrupt)?,
            deadline: max_time.map(|time| Box::pin(tokio::time::sleep(time))),
            interrupt: interrupt.clone(),
        })
    }

    /// Waits for the next stop.
    pub async fn next(&mut self) -> Stop {
        std::future::poll_fn(|cx| self.poll_stop(cx)).await
    }
}

impl StopSignal for StopSignals {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        if let Poll::Ready(stop) = self.signals.poll(cx) {
            self.interrupt.set_stopped();
            return Poll::Ready(stop);
        }
        if let Some(deadline) = &mut self.deadline
            && Future::poll(deadline.as_mut(), cx).is_ready()
        {
            self.deadline = None;
            self.interrupt.set_stopped();
            return Poll::Ready(Stop::MaxTime);
        }
        Poll::Pending
    }

    fn is_due(&self) -> bool {
        self.signals.are_unseen() || (self.deadline.is_some() && self.interrupt.has_expired())
    }
}

/// Each SIGHUP, for a program that takes it as a request and not as its end.
pub struct Hangups(platform::Hangups);

impl Hangups {
    /// Handles SIGHUP from here on, even if it was ignored, as under `nohup`. Must run inside the
    /// runtime.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub fn new() -> io::Result<Self> {
        platform::Hangups::new().map(Hangups)
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.0.next().await;
    }
}

#[cfg(unix)]
mod platform {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Poll};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::flag;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::Stop;
    use crate::json::jq::Interrupt;

    /// SIGINT, SIGTERM and SIGHUP.
    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
        hangup: Option<Signal>,
        /// Set when a signal arrives, and cleared when the loop sees it. A second signal in
        /// between, while the loop is busy with a jq expression for instance, acts as if there were
        /// no handler.
        unseen: Arc<AtomicBool>,
    }

    /// SIGHUP alone.
    pub(super) struct Hangups(Signal);

    impl Hangups {
        pub(super) fn new() -> io::Result<Self> {
            signal(SignalKind::hangup()).map(Hangups)
        }

        pub(super) async fn next(&mut self) {
            self.0.recv().await;
        }
    }

    impl Signals {
        pub(super) fn new(hangup: bool, interrupt: &Interrupt) -> io::Result<Self> {
            let unseen = interrupt.signal_flag();
            for number in [SIGINT, SIGTERM, SIGHUP] {
                if number == SIGHUP && !hangup {
                    continue;
                }
                // In this order, so that the first signal finds the flag unset and sets it.
                flag::register_conditional_default(number, Arc::clone(&unseen))?;
                flag::register(number, Arc::clone(&unseen))?;
            }
            // A file that may not grow (`ulimit -f`) is then an error of `write`, as a full disk is, and
            // does not end the process.
            flag::register(SIGXFSZ, Arc::default())?;
            Ok(Signals {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: hangup.then(|| signal(SignalKind::hangup())).transpose()?,
                unseen,
            })
        }

        pub(super) fn are_unseen(&self) -> bool {
            self.unseen.load(Ordering::SeqCst)
        }

        pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
            let hangup = &mut self.hangup;
            let stop = if self.interrupt.poll_recv(cx).is_ready() {
                Stop::Interrupt
            } else if self.terminate.poll_recv(cx).is_ready() {
                Stop::Terminate
            } else if hangup
                .as_mut()
                .is_some_and(|hangup| hangup.poll_recv(cx).is_ready())
            {
                Stop::Hangup
            } else {
                return Poll::Pending;
            };
            self.unseen.store(false, Ordering::SeqCst);
            Poll::Ready(stop)
        }
    }
}

#[cfg(windows)]
mod platform {
    use std::io;
    use std::task::{Context, Poll};

    use tokio::signal::windows::{CtrlC, ctrl_c};

    use super::Stop;
    use crate::json::jq::Interrupt;

    /// Ctrl-C.
    pub(super) struct Signals(CtrlC);

    /// There is none here.
    pub(super) struct Hangups;

    impl Hangups {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Hangups)
        }

        pub(super) async fn next(&mut self) {
            std::future::pending().await
        }
    }

    impl Signals {
        pub(super) fn new(_hangup: bool, _interrupt: &Interrupt) -> io::Result<Self> {
            ctrl_c().map(Signals)
        }

        pub(super) fn are_unseen(&self) -> bool {
            false
        }

        pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
            self.0.poll_recv(cx).map(|_| Stop::Interrupt)
        }
    }
}
