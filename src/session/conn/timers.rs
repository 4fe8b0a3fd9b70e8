//! The clock of a connection: keepalive, the patience for a Close, and what silence means.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use super::super::clock::OVERSLEPT;
use super::super::frontend::{Sink, Source};
use super::super::keepalive::{self, Action, Keepalive};
use super::super::outcome::Ended;
use super::inbound::Paused;
use super::{Conn, Step};
use crate::event::Event;
use crate::io::signals::StopSignal;

/// How far ahead the timer is set while the peer's silence counts, so that it is noticed when the
/// process did not run.
const WATCH: Duration = Duration::from_secs(5);

/// The timer, and what it is for.
#[derive(Debug)]
pub(super) struct Timers {
    pub(super) keepalive: Keepalive,
    sleep: Pin<Box<Sleep>>,
    /// When `sleep` fires.
    armed: Option<Instant>,
    /// The socket has been asked once more since a deadline passed that means silence.
    looked_again: bool,
}

impl Timers {
    pub(super) fn new(options: keepalive::Options, now: Instant) -> Self {
        Timers {
            keepalive: Keepalive::new(options, now),
            sleep: Box::pin(sleep_until(now.into())),
            armed: None,
            looked_again: false,
        }
    }

    pub(super) fn has_overslept(&self, now: Instant) -> bool {
        self.armed.is_some_and(|armed| now > armed + OVERSLEPT)
    }

    /// Whether `deadline` has passed; otherwise the task is woken then.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        // Moving the timer costs more than letting it fire early, and deadlines mostly move away.
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.sleep.as_mut().reset(deadline.into());
            self.armed = Some(deadline);
        }
        let fired = self.sleep.as_mut().poll(cx);
        if fired.is_ready() {
            self.armed = None;
        }
        fired
    }
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    pub(super) fn poll_timers(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if self.socket.take_written() {
            self.timers.keepalive.handle_taken(now);
            if self.socket.is_stalled() {
                // It reads, but has not come to the ping yet.
                self.timers.keepalive.restart_ping_timeout(now);
            }
        }
        self.run.save(self.sink.progress(), now);
        if let Some(failure) = self.run.saver.poll_failure() {
            self.report(now, &Event::Note(&failure));
        }
        self.report_waiting(now);
        // The front end acts on its own by commands, and those are over.
        let listening = !self.ending.is_closing() && self.socket.write_error().is_none();
        let quiet_at = self.run.policy.quiet_at().filter(|_| listening);
        let silence = earliest([self.timers.keepalive.poll_timeout(), quiet_at]);
        let is_silent = silence.is_some_and(|deadline| deadline <= now);
        if is_silent && self.timers.looked_again {
            self.timers.looked_again = false;
            self.handle_silence(quiet_at, now)?;
            return ControlFlow::Continue(true);
        }
        self.timers.looked_again = is_silent;
        if is_silent {
            // The timer may be all that the runtime has looked at. Before it comes back here it asks
            // the system what has arrived.
            cx.waker().wake_by_ref();
            return ControlFlow::Continue(false);
        }
        let front = self.run.policy.pace.poll_timeout().filter(|_| listening);
        let watch = silence.map(|deadline| deadline.min(now + WATCH));
        let owed = self.answering.poll_timeout().filter(|_| listening);
        let awaited = self.answering.report_at();
        let deadline = earliest([watch, front, owed, awaited, self.run.saver.poll_timeout()]);
        ControlFlow::Continue(
            deadline.is_some_and(|deadline| {
                deadline <= now || self.timers.poll(cx, deadline).is_ready()
            }),
        )
    }

    /// This process has not run for a while, or the loop was busy: what the peer has not said in
    /// that time does not count against it.
    pub(super) fn handle_resumed(&mut self, now: Instant) {
        self.timers.armed = None;
        self.run.policy.drain.handle_bytes(now);
        if !self.has_had_its_time() {
            self.timers.keepalive.handle_resumed(now);
        }
    }

    /// A deadline has passed, and everything is read that had arrived by then and may be read.
    fn handle_silence(&mut self, quiet_at: Option<Instant>, now: Instant) -> Step {
        let paused = self.reading.paused;
        if quiet_at.is_some_and(|deadline| deadline <= now) {
            match paused {
                None if !self.sending.is_encoding() => self.run.policy.drain.handle_quiet(now),
                _ => self.run.policy.drain.handle_bytes(now),
            }
        }
        let keepalive = &mut self.timers.keepalive;
        match keepalive.handle_timeout(now) {
            Action::Nothing => {}
            // Nothing of ours may follow a Close (RFC 6455 section 5.5.1), also where it was made by hand.
            Action::Ping(_) | Action::Heartbeat if self.ending.has_raw_close() => {}
            Action::Ping(data) => self.send_our_ping(data, now),
            Action::Heartbeat => self.send_heartbeat(now),
            Action::Dead { .. } | Action::Stuck(_)
                if matches!(paused, Some(Paused::ByOutput | Paused::WhileDecoding)) =>
            {
                keepalive.handle_resumed(now);
            }
            Action::Dead { .. } if paused.is_some() => keepalive.restart_ping_timeout(now),
            Action::Dead { waited, silent } => {
                self.report_lost(now);
                return ControlFlow::Break(Ended::NoPong { waited, silent });
            }
            Action::Stuck(time) => {
                self.report_lost(now);
                return ControlFlow::Break(Ended::Stuck(time));
            }
            Action::CloseTimedOut if self.may_be_late() => {
                self.timers.keepalive.handle_resumed(now);
            }
            Action::CloseTimedOut => return ControlFlow::Break(self.give_up()),
        }
        ControlFlow::Continue(true)
    }
}

fn earliest<const N: usize>(deadlines: [Option<Instant>; N]) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}
