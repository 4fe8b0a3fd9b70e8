//! How the connection comes to its end: a Close of ours, the peer's, a broken rule, a signal, or the
//! loss of the connection.

use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::super::clock::LAST_PATIENCE;
use super::super::frontend::{Sink, Source};
use super::super::outcome::{self, Ended};
use super::inbound::Paused;
use super::{Conn, Step};
use crate::close::Close;
use crate::error::Exit;
use crate::event::{By, Control, Event, Origin};
use crate::io::signals::{Stop, StopSignal};
use crate::wire::frame::RawFrame;
use crate::wire::loss::Loss;
use crate::wire::validate::Violation;

/// What a kernel may hold for us that had arrived before the close timeout, in bytes.
const MAX_UNREAD: u64 = 16 << 20;

/// The state of closing.
#[derive(Debug, Default)]
pub(super) struct Ending {
    closing: Option<Closing>,
    /// The last Close of ours that was sent, a raw one included.
    sent: Option<Close>,
    /// A Close made by hand: no other must follow it.
    raw_close: Option<Close>,
    /// The front end has been notified of how the connection closed.
    pub(super) reported: bool,
    /// The front end leaves this connection for another one.
    pub(super) again: bool,
    /// Nothing more can be sent: a Close has been, or writing has failed.
    pub(super) sends_no_more: bool,
    /// Where to stop reading after the close timeout, in bytes received.
    late_end: Option<u64>,
}

/// Why we sent a Close.
#[derive(Debug)]
enum Closing {
    /// The front end wanted it.
    Requested(Close),
    /// It answers the peer's. Only the flush is left.
    Reply(Close),
    /// The peer broke a rule, and this is the Close for it. Only the flush is left.
    Violation(Violation, Close),
    /// A signal or `--max-time`.
    Stopped(Stop),
}

impl Ending {
    /// Whether a Close of ours has been sent, or takes no more than a flush.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether a Close of ours has been sent, one made by hand included.
    pub(super) fn has_begun(&self) -> bool {
        self.closing.is_some() || self.raw_close.is_some()
    }

    /// Whether nothing is left but to flush.
    pub(super) fn is_over(&self) -> bool {
        matches!(
            self.closing,
            Some(Closing::Reply(_) | Closing::Violation(..))
        )
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.closing, Some(Closing::Stopped(_)))
    }

    pub(super) fn has_raw_close(&self) -> bool {
        self.raw_close.is_some()
    }

    /// A Close made by hand is sent.
    pub(super) fn handle_raw_close(&mut self, frame: &RawFrame) {
        let close = Close::parse_lossy(&frame.payload);
        self.sent = Some(close.clone());
        self.raw_close = Some(close);
    }

    /// The Close of ours that has been sent, one made by hand included.
    fn take(&mut self) -> Option<Closing> {
        let by_hand = self.raw_close.take().map(Closing::Requested);
        self.closing.take().or(by_hand)
    }
}

/// The end that a Close of ours was sent for.
fn end_of(closing: Closing) -> Ended {
    match closing {
        Closing::Requested(_) => Ended::Unanswered,
        Closing::Reply(close) => Ended::ByPeer(close),
        Closing::Violation(violation, close) => Ended::Violation(violation, close),
        Closing::Stopped(stop) => Ended::Stopped(stop),
    }
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    pub(super) fn poll_stop(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        match self.stop.poll_stop(cx) {
            Poll::Ready(stop) => self.handle_stop(cx, stop, now),
            Poll::Pending => ControlFlow::Continue(false),
        }
    }

    pub(super) fn handle_stop(&mut self, cx: &mut Context<'_>, stop: Stop, now: Instant) -> Step {
        if matches!(self.ending.closing, Some(Closing::Requested(_))) {
            // A Close that can be flushed is not on its way any more.
            self.poll_flush(cx, now)?;
        }
        let over = match &self.ending.closing {
            // Where nothing can be sent, no Close can.
            None => self.socket.write_error().is_some(),
            // A Close is with the server already: nothing is left but to wait for the answer,
            // and a signal asks not to.
            Some(Closing::Requested(_)) => stop != Stop::MaxTime && !self.socket.needs_flush(),
            // Nor does the second signal wait for anybody.
            Some(Closing::Stopped(_) | Closing::Reply(_) | Closing::Violation(..)) => true,
        };
        if over {
            return ControlFlow::Break(Ended::Stopped(stop));
        }
        // A socket that takes nothing takes no Close either, unless it does so within moments.
        let patience = if stop == Stop::MaxTime || self.socket.is_stalled() {
            LAST_PATIENCE
        } else {
            Duration::MAX
        };
        let already_sent = self.ending.has_begun();
        self.set_closing(Closing::Stopped(stop));
        if !already_sent {
            self.send_close(&Close::new(1001, ""), patience, now);
        }
        self.timers.keepalive.handle_closing(now, patience);
        ControlFlow::Continue(true)
    }

    /// Asks the user for control while nothing can be sent any more.
    pub(super) fn poll_control(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let flushed = self.poll_flush(cx, now)?;
        if self.poll_end(cx, false, now) && !self.ending.is_closing() {
            // A Close can never be sent, and nothing that may still come is wanted.
            return ControlFlow::Break(self.abandon());
        }
        let Poll::Ready(control) = self.source.poll_control(cx, now) else {
            return ControlFlow::Continue(flushed);
        };
        match control {
            Control::Interrupt => self.handle_stop(cx, Stop::Interrupt, now),
            Control::Reconnect | Control::Leave(_) => {
                self.ending.again = control == Control::Reconnect;
                ControlFlow::Break(self.abandon())
            }
            Control::Close(_) if !self.ending.is_closing() => ControlFlow::Break(self.abandon()),
            // It is under way.
            _ => ControlFlow::Continue(flushed),
        }
    }

    /// Closes because the front end wants it.
    pub(super) fn close(&mut self, close: Close, patience: Duration, now: Instant) {
        match self.ending.has_raw_close() {
            false => self.send_close(&close, patience, now),
            true => self.timers.keepalive.handle_closing(now, patience),
        }
        self.set_closing(Closing::Requested(close));
    }

    fn set_closing(&mut self, closing: Closing) {
        self.ending.closing = Some(closing);
        self.handle_closing();
    }

    fn send_close(&mut self, close: &Close, patience: Duration, now: Instant) {
        self.ending.sent = Some(close.clone());
        self.socket.close(close);
        self.timers.keepalive.handle_closing(now, patience);
    }

    pub(super) fn handle_peer_close(&mut self, close: Close, now: Instant) -> Step {
        let (by, ended) = match self.ending.take() {
            None => {
                // RFC 6455 section 5.5.1: the endpoint typically echoes the status code it received.
                let reply = Close {
                    code: close.code,
                    reason: String::new(),
                };
                self.send_close(&reply, Duration::MAX, now);
                self.report_close(By::Peer, None, &close, true, now);
                self.set_closing(Closing::Reply(close));
                return ControlFlow::Continue(true);
            }
            Some(Closing::Stopped(stop)) => (By::Us, Ended::Stopped(stop)),
            Some(Closing::Requested(ours))
                if ours.code == close.code || outcome::exit_of_close(&close) == Exit::Ok =>
            {
                (By::Us, Ended::ByUs)
            }
            Some(_) => (By::Peer, Ended::Crossed(close.clone())),
        };
        self.report_close(by, None, &close, true, now);
        ControlFlow::Break(ended)
    }

    pub(super) fn handle_violation(&mut self, violation: Violation, now: Instant) -> Step {
        let (close, origin) = match self.ending.take() {
            None => {
                let close = Close::new(violation.code, "");
                self.send_close(&close, LAST_PATIENCE, now);
                (close, Some(Origin::Auto))
            }
            // Ours has been sent, and there is one to a connection.
            Some(Closing::Requested(close)) => (close, None),
            Some(done) => return ControlFlow::Break(end_of(done)),
        };
        self.report_close(By::Us, origin, &close, false, now);
        self.timers.keepalive.handle_closing(now, LAST_PATIENCE);
        // The end comes after a flush, even one that finds nothing to do.
        self.socket.require_flush();
        self.set_closing(Closing::Violation(violation, close));
        ControlFlow::Continue(true)
    }

    /// The connection is gone without a Close from the peer.
    pub(super) fn handle_lost(&mut self, loss: Loss, now: Instant) -> Step {
        let broke = matches!(loss, Loss::Reset(_)) || self.socket.write_error().is_some();
        ControlFlow::Break(match self.ending.take() {
            None => {
                self.report_lost(now);
                // What stood in the way of sending was this.
                let unsent = self.socket.is_stalled();
                let silent = self.timers.keepalive.silence(now);
                Ended::Lost {
                    loss,
                    unsent,
                    silent,
                }
            }
            Some(Closing::Requested(close)) => {
                self.report_close(By::Us, None, &close, false, now);
                match broke {
                    true => Ended::ClosedByLoss(loss),
                    false => Ended::ClosedByEof,
                }
            }
            Some(done) => end_of(done),
        })
    }

    /// The end, where nothing was left but to flush.
    pub(super) fn take_over(&mut self) -> Option<Ended> {
        let over = self.ending.is_over();
        self.ending.closing.take_if(|_| over).map(end_of)
    }

    fn report_close(
        &mut self,
        by: By,
        origin: Option<Origin>,
        close: &Close,
        clean: bool,
        now: Instant,
    ) {
        self.report(
            now,
            &Event::Close {
                conn: self.number,
                by,
                origin,
                close,
                clean,
            },
        );
    }

    /// 1006 is never sent, but it is what browsers call this end (RFC 6455 section 7.1.5).
    pub(super) fn report_lost(&mut self, now: Instant) {
        self.report_close(By::Peer, None, &Close::new(1006, ""), false, now);
    }

    /// Notifies of the close where nothing has yet, so that every connection that opened closes: our
    /// Close had no answer, or writing failed before it was sent.
    pub(super) fn report_end(&mut self, now: Instant) {
        if self.ending.reported {
            return;
        }
        let sent = self.ending.sent.take();
        match sent.filter(|_| self.socket.write_error().is_none()) {
            Some(close) => self.report_close(By::Us, None, &close, false, now),
            None => self.report_lost(now),
        }
    }

    /// Whether it is our own output that holds things up: what had arrived in time is not thrown
    /// away. A peer that goes on and on has not closed, however slowly we read.
    pub(super) fn may_be_late(&mut self) -> bool {
        let held_up = self.reading.paused == Some(Paused::ByOutput);
        held_up && !self.has_had_its_time()
    }

    /// Whether the close timeout does not start again for a peer that has not answered our Close: it
    /// has sent more since than can have been on its way, or a signal asked not to wait.
    pub(super) fn has_had_its_time(&mut self) -> bool {
        if !self.ending.is_closing() {
            return false;
        }
        let received = self.socket.received();
        let end = self.ending.late_end.get_or_insert(received + MAX_UNREAD);
        received >= *end || self.ending.is_stopped()
    }

    /// Ends a connection on which nothing more can be sent, without waiting for the peer.
    fn abandon(&mut self) -> Ended {
        match &self.ending.closing {
            Some(Closing::Requested(_)) if self.socket.needs_flush() => Ended::LeftUnsent,
            Some(Closing::Requested(_)) => Ended::Left,
            _ => self.give_up(),
        }
    }

    /// The peer had long enough.
    pub(super) fn give_up(&mut self) -> Ended {
        match self.ending.closing.take() {
            None => {
                let why = self.socket.write_error();
                Ended::SendFailed(why.unwrap_or("the connection accepts no data").to_owned())
            }
            Some(done) => end_of(done),
        }
    }
}
