//! One connection, from its first message to its end: one look after another at the stop signal, the
//! socket, the front end and the clock. It never waits for anything but all of these together.

mod closing;
mod inbound;
mod outbound;
mod timers;

use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::Instant;

use super::connect::Connection;
use super::ended::Ended;
use super::run_state::RunState;
use super::{Front, Options, now};
use crate::event::Event;
use crate::io::signals::StopSignal;
use crate::transport::BoxedStream;
use crate::wire::socket::Socket;
use closing::Ending;
use inbound::Reading;
use outbound::Sending;
use timers::Timers;

pub(super) use timers::OVERSLEPT;

/// Messages taken from one side before the other has its turn.
const BATCH: usize = 256;

/// A connection under way.
pub(super) struct Conn<'a, F, S> {
    socket: Socket<BoxedStream>,
    front: &'a mut F,
    stop: &'a mut S,
    /// What outlives the connection.
    run: &'a mut RunState,
    /// The number of this connection, from 1.
    number: u32,
    reading: Reading,
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

impl<'a, F: Front, S: StopSignal> Conn<'a, F, S> {
    /// A conversation over `connection`, which has just opened.
    pub(super) async fn new(
        connection: Connection,
        options: &Options,
        run: &'a mut RunState,
        front: &'a mut F,
        stop: &'a mut S,
    ) -> Self {
        let wire = options.wire(&connection);
        Conn {
            socket: Socket::new(connection.stream, connection.early, &wire).await,
            number: run.totals.connections,
            reading: Reading::default(),
            sending: Sending::new(connection.first, options, run),
            ending: Ending::default(),
            timers: Timers::new(options.keepalive.clone(), now()),
            front,
            stop,
            run,
        }
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
                    self.tell_end(now());
                    self.tell_repeats(true, now());
                    self.front.flush();
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
        let read = self.poll_read(cx, now)?;
        let written = self.poll_write(cx, now)?;
        if stopped || read || written {
            return ControlFlow::Continue(true);
        }
        if self.poll_flush(cx, now)? {
            return ControlFlow::Continue(true);
        }
        self.front.flush();
        self.poll_timers(cx, now)
    }

    fn tell(&mut self, now: Instant, event: &Event<'_>) {
        self.ending.told |= matches!(event, Event::Close { .. });
        self.front.handle_event(now, event);
    }

    /// Passes on the frames that went over the wire since the last time, and returns their number.
    fn tell_frames(&mut self, now: Instant) -> u32 {
        let mut frames = 0;
        while let Some(frame) = self.socket.poll_frame() {
            self.tell(now, &Event::Traced(&frame));
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
