//! What goes on while a run has no connection: the user, a signal, the end of the input, the command of
//! `--run`. It only looks; what follows is decided by the run.

use std::task::{Context, Poll, ready};

use super::clock::now;
use super::ends::Ends;
use super::frontend::{Next, Sink, Source};
use super::outcome::Ended;
use super::policy::Policy;
use super::program::Runner;
use crate::event::{Control, Event};
use crate::io::signals::{Stop, StopSignal};

/// What a front end or a signal wants while there is no connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offline {
    Leave,
    Connect,
    Stop(Stop),
}

impl Offline {
    pub(super) fn ended(self) -> Ended {
        match self {
            Offline::Stop(stop) => Ended::Stopped(stop),
            Offline::Leave | Offline::Connect => Ended::Left,
        }
    }
}

/// Whether the run ends when its connection does, however that ends.
pub(super) fn is_leaving(source: &impl Source, policy: &Policy) -> bool {
    source.is_leaving() || policy.is_leaving(source.unsent())
}

/// Reports what the command of `--run` does while there is no connection.
pub(super) fn poll_runner<I, O: Sink>(
    ends: &Ends<'_, I, O>,
    policy: &mut Policy,
    runner: &mut Option<Box<Runner>>,
    cx: &mut Context<'_>,
) {
    let Some(runner) = runner else { return };
    while let Poll::Ready(report) = runner.poll(policy, cx) {
        ends.report(&report.event());
    }
}

/// Whether the user or a signal wants something while there is no connection.
pub(super) fn poll_offline<I: Source, O: Sink>(
    ends: &Ends<'_, I, O>,
    policy: &mut Policy,
    stop: &mut impl StopSignal,
    cx: &mut Context<'_>,
) -> Poll<Offline> {
    if let Poll::Ready(stop) = stop.poll_stop(cx) {
        return Poll::Ready(Offline::Stop(stop));
    }
    let mut source = ends.source.borrow_mut();
    let broken = ends.sink.borrow_mut().poll_broken(cx);
    if let Poll::Ready(broken) = broken
        && let Some(error) = policy.handle_broken(broken)
    {
        ends.report(&Event::Error(&error));
    }
    loop {
        if is_leaving(&**source, policy) {
            return Poll::Ready(Offline::Leave);
        }
        match source.poll_control(cx, now()) {
            Poll::Ready(Control::Reconnect) => return Poll::Ready(Offline::Connect),
            Poll::Ready(Control::Interrupt) => {
                return Poll::Ready(Offline::Stop(Stop::Interrupt));
            }
            Poll::Ready(Control::Close(_) | Control::Leave(_)) => {
                return Poll::Ready(Offline::Leave);
            }
            // The connection that it was meant for has just ended.
            Poll::Ready(Control::Ping(_) | Control::Pong(_)) => continue,
            Poll::Pending => {}
        }
        if is_leaving(&**source, policy) {
            return Poll::Ready(Offline::Leave);
        }
        // The end of the input may be all that there was to wait for.
        match ready!(source.poll_next(cx, now())) {
            Next::Command { .. } => {
                policy.pace.handle_no_room();
                return Poll::Pending;
            }
            Next::Bad(error) => {
                policy.bad_input = true;
                ends.report(&Event::Error(&error));
            }
            end @ (Next::End | Next::Over) => {
                match end {
                    Next::Over => policy.drain.handle_over(now()),
                    _ => policy.drain.handle_eof(now()),
                }
                let unsent = source.unsent();
                return match policy.is_done(unsent) || policy.is_leaving(unsent) {
                    true => Poll::Ready(Offline::Leave),
                    false => Poll::Pending,
                };
            }
        }
    }
}

/// Ready if the end of the connection, which is a matter of moments, is not to be waited for.
pub(super) fn poll_cut_short<I: Source, O: Sink>(
    ends: &Ends<'_, I, O>,
    stop: &mut impl StopSignal,
    cx: &mut Context<'_>,
) -> Poll<Offline> {
    if let Poll::Ready(stop) = stop.poll_stop(cx) {
        return Poll::Ready(Offline::Stop(stop));
    }
    ends.flush();
    match ready!(ends.source.borrow_mut().poll_control(cx, now())) {
        Control::Reconnect => Poll::Ready(Offline::Connect),
        Control::Interrupt => Poll::Ready(Offline::Stop(Stop::Interrupt)),
        Control::Leave(_) => Poll::Ready(Offline::Leave),
        _ => Poll::Pending,
    }
}
