//! One connection, from its first message to its end: one look after another at the stop signal, the
//! socket, the front end and the clock. It never waits for anything but all of these together.

mod answering;
mod closing;
mod decoding;
mod encoding;
mod inbound;
mod outbound;
mod timers;

use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::Instant;

use super::clock::now;
use super::connect::Connection;
use super::frontend::{Sink, Source};
use super::options::Options;
use super::outcome::Ended;
use super::run_state::RunState;
use crate::event::Event;
use crate::io::signals::StopSignal;
use crate::transport::BoxedStream;
use crate::wire::socket::Socket;
use crate::wire::validate::Role;
use answering::Answering;
use closing::Ending;
use inbound::Reading;
use outbound::Sending;
use timers::Timers;

/// Messages taken from one side before the other has its turn.
const BATCH: usize = 256;

/// A connection under way.
pub(super) struct Conn<'a, I, O, S> {
    socket: Socket<BoxedStream>,
    source: &'a mut I,
    sink: &'a mut O,
    stop: &'a mut S,
    /// What outlives the connection.
    run: &'a mut RunState,
    /// The number of this connection, from 1.
    number: u32,
    /// Whether our frames must be masked (RFC 6455 §5.1).
    masks: bool,
    reading: Reading,
    answering: Answering,
    sending: Sending,
    ending: Ending,
    timers: Timers,
}

/// How a connection ended, and what is left of it.
pub(super) struct Over {
    pub(super) ended: Ended,
    /// The front end leaves this connection for another one.
    pub(super) again: bool,
    /// A data message came.
    pub(super) brought_data: bool,
    pub(super) stream: BoxedStream,
}

/// Whether a step got anywhere, or how it all ended.
type Step = ControlFlow<Ended, bool>;

impl<'a, I: Source, O: Sink, S: StopSignal> Conn<'a, I, O, S> {
    /// A conversation over `connection`, which has just opened.
    pub(super) async fn new(
        connection: Connection,
        options: &Options,
        run: &'a mut RunState,
        (source, sink, stop): (&'a mut I, &'a mut O, &'a mut S),
    ) -> Self {
        let wire = options.wire(&connection);
        let mut conn = Conn {
            number: connection.number,
            masks: connection.role == Role::Client,
            socket: Socket::new(connection.stream, connection.early, &wire).await,
            reading: Reading::new(options, &connection.about),
            sending: Sending::new(options, &connection.about),
            answering: Answering::new(connection.first, connection.about, options, run),
            ending: Ending::default(),
            timers: Timers::new(options.keepalive.clone(), now()),
            source,
            sink,
            stop,
            run,
        };
        conn.report_opening();
        conn
    }

    /// Goes on until the connection is over.
    pub(super) async fn finish(mut self) -> Over {
        let ended = std::future::poll_fn(|cx| self.poll(cx)).await;
        self.account();
        Over {
            ended,
            again: self.ending.again,
            brought_data: self.reading.brought_data,
            stream: self.socket.into_inner(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            match self.turn(cx) {
                ControlFlow::Break(ended) => {
                    self.report_unanswered(now());
                    self.report_unfinished(now());
                    self.report_unencoded(now());
                    self.report_end(now());
                    self.report_repeats(true, now());
                    self.sink.flush();
                    return Poll::Ready(ended);
                }
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => return Poll::Pending,
            }
        }
    }

    /// One look at everything. False means that all of it is pending.
    fn turn(&mut self, cx: &mut Context<'_>) -> Step {
        let now = now();
        if self.timers.has_overslept(now) {
            self.handle_resumed(now);
        }
        let stopped = self.poll_stop(cx, now)?;
        if !stopped && self.stop.is_due() {
            // A flood of messages must not keep the runtime from passing it on.
            cx.waker().wake_by_ref();
            return ControlFlow::Continue(false);
        }
        let ran = self.run.runner.is_some() && self.poll_program(cx, now);
        let told = self.answering.reports_lines() && self.poll_stderr(cx, now);
        let read = self.poll_read(cx, now)?;
        self.show_snapshot();
        let written = self.poll_write(cx, now)?;
        if stopped || ran || told || read || written {
            return ControlFlow::Continue(true);
        }
        if self.poll_flush(cx, now)? {
            return ControlFlow::Continue(true);
        }
        self.sink.flush();
        self.poll_timers(cx, now)
    }

    /// Lets a front end that shows it know what there is in hand.
    fn show_snapshot(&mut self) {
        if self.source.wants_snapshots() {
            let volumes = self.socket.volumes();
            let snapshot = self.run.snapshot(self.socket.buffered(), volumes);
            self.source.handle_snapshot(&snapshot);
        }
    }

    fn report(&mut self, now: Instant, event: &Event<'_>) {
        self.ending.reported |= matches!(event, Event::Close { .. });
        self.sink.handle_event(now, event);
    }

    /// Nothing more can be sent.
    fn handle_closing(&mut self) {
        self.ending.sends_no_more = true;
        self.source.handle_closing();
    }

    /// Whether nothing can be written any more; the first time, a failure is reported.
    fn poll_broken(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Poll::Ready(broken) = self.sink.poll_broken(cx) else {
            return false;
        };
        if let Some(error) = self.run.policy.handle_broken(broken) {
            self.report(now, &Event::Error(&error));
        }
        true
    }

    /// Whether the rules of the run end the connection now. What was given to be sent is sent first, as
    /// long as there is `room` for it: otherwise a server that speaks first would end a run that has not
    /// said anything, or not, as chance has it.
    fn poll_end(&mut self, cx: &mut Context<'_>, room: bool, now: Instant) -> bool {
        let broken = self.poll_broken(cx, now);
        let (policy, sends) = (&self.run.policy, !self.ending.sends_no_more);
        let ends = policy.is_over() || (sends && policy.is_finished());
        let at_once = broken || policy.has_program_failed();
        if at_once || !ends {
            return at_once;
        }
        let gives = room && policy.pace.is_free() && self.source.has_given();
        !(sends && (gives || self.holds(now)))
    }

    /// Starts the command of `--run` when it is due, and reports what it does. Whether there was anything.
    fn poll_program(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let is_due = self.run.policy.is_program_due() && self.has_sent_opening();
        let RunState { policy, runner, .. } = &mut *self.run;
        let Some(runner) = runner else { return false };
        // Without room for it, nothing is shown.
        let has_room = self.sink.poll_ready(cx).is_ready();
        let report = match is_due && !self.ending.has_begun() {
            true => runner.start(policy),
            false if !has_room => return false,
            false => match runner.poll(policy, cx) {
                Poll::Ready(report) => report,
                Poll::Pending => return false,
            },
        };
        self.report(now, &report.event());
        true
    }

    /// Passes on the frames that went over the wire since the last time, and returns their number.
    fn report_frames(&mut self, now: Instant) -> u32 {
        let mut frames = 0;
        while let Some(frame) = self.socket.poll_frame() {
            self.report(now, &Event::Traced(&frame));
            frames += 1;
        }
        frames
    }

    /// Accounts for what the connection compressed, and for what it did not take whole.
    fn account(&mut self) {
        self.run.add_volumes(self.socket.volumes());
        self.run.handle_unsent(self.socket.unsent());
        if let Some(large) = self.take_cut_off() {
            self.run.outbox.handle_cut_off(large.number, large.message);
        }
    }
}
