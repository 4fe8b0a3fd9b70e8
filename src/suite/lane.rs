//! The way between the steps of a test and the run of one of its connections: steps put commands in, and
//! the run puts in what happens. Both go on in turns on one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::time::Sleep;

use super::end::End;
use super::happened::{Arrived, ControlFrame, Happened, Turn};
use crate::error::Error;
use crate::event::{By, Command, Control, Event, Opened};
use crate::handshake;
use crate::io::signals::{Stop, StopSignal};
use crate::script::schema::Schema;
use crate::session::frontend::{Asker, Next, Received, Sink, Source};

/// What the handshake was answered with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// In the order received.
    pub(super) headers: Vec<(String, String)>,
    /// Of an answer that opened no connection: its beginning.
    pub(super) body: Vec<u8>,
    pub(super) subprotocol: Option<String>,
    pub(super) extensions: Option<String>,
    /// When it came.
    pub(super) at: Option<Instant>,
}

/// What steps and a run have in common.
#[derive(Debug, Default)]
pub(super) struct Lane {
    commands: VecDeque<Command>,
    /// Commands that were put in and not handed to the connection yet.
    waiting: usize,
    controls: VecDeque<Control>,
    stop: Option<Stop>,
    is_leaving: bool,
    pub(super) happened: Happened,
    /// The run reads nothing more until there is room.
    waits_for_room: bool,
    /// The last answer.
    pub(super) answer: Option<Answer>,
    /// Headers of an answer whose connection is not open yet.
    headers: Vec<(String, String)>,
    /// The attempts of the connection that is open, or of the one that is being made.
    pub(super) attempts: u32,
    /// The last failure that the run reported.
    pub(super) error: Option<Error>,
    /// How the run ended; `None` while it goes on.
    pub(super) end: Option<End>,
    /// The first message that does not fit the schema of the command line.
    pub(super) misfit: Option<Arrived>,
    /// What a person should know besides, one sentence each.
    pub(super) notes: Vec<String>,
    /// Wakes the run, and the steps.
    run: Option<Waker>,
    steps: Option<Waker>,
}

/// A handle of the same lane.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedLane(Rc<RefCell<Lane>>);

impl SharedLane {
    /// Looks at the lane, or takes something from it.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Lane) -> T) -> T {
        look(&mut self.0.borrow_mut())
    }

    /// The same for what the run acts on.
    fn change(&self, change: impl FnOnce(&mut Lane)) {
        let waker = self.with(|lane| {
            change(lane);
            lane.run.take()
        });
        waker.into_iter().for_each(Waker::wake);
    }

    /// Has the connection do this in its turn.
    pub(super) fn push(&self, command: Command) {
        self.change(|lane| {
            lane.commands.push_back(command);
            lane.waiting += 1;
        });
    }

    /// Has the run do this at once, and end with its connection.
    pub(super) fn leave(&self, control: Control) {
        self.change(|lane| {
            lane.is_leaving = true;
            lane.controls.push_back(control);
        });
    }

    /// Ends the run as a signal does.
    pub(super) fn stop(&self, stop: Stop) {
        self.change(|lane| lane.stop = Some(stop));
    }

    /// Waits until `look` has found something. It is asked again whenever something has happened.
    pub(super) async fn until<T>(&self, mut look: impl FnMut(&mut Lane) -> Option<T>) -> T {
        std::future::poll_fn(|cx| {
            self.with(|lane| match look(lane) {
                Some(found) => Poll::Ready(found),
                None => {
                    remember(&mut lane.steps, cx);
                    Poll::Pending
                }
            })
        })
        .await
    }

    /// Lets the run read on, if it waited for room and there is some again.
    pub(super) fn make_room(&self) {
        let is_waiting = |lane: &mut Lane| lane.waits_for_room && lane.happened.has_room();
        if self.with(is_waiting) {
            self.change(|lane| lane.waits_for_room = false);
        }
    }

    /// Lets the steps look again.
    pub(super) fn wake_steps(&self) {
        let waker = self.with(|lane| lane.steps.take());
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Lane {
    /// [`SharedLane::make_room`], for what takes messages while it looks. The run goes on in a turn of its own.
    pub(super) fn make_room(&mut self) {
        if self.waits_for_room && self.happened.has_room() {
            self.waits_for_room = false;
            self.run.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Whether everything that was put in has been handed to a connection.
    pub(super) fn is_sent(&self) -> bool {
        self.waiting == 0
    }
}

fn remember(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(known) if known.will_wake(cx.waker()) => {}
        other => *other = Some(cx.waker().clone()),
    }
}

/// The end of the run, as a front end of it.
pub(super) struct LaneSource(pub(super) SharedLane);

impl Source for LaneSource {
    fn poll_control(&mut self, cx: &mut Context<'_>, _: Instant) -> Poll<Control> {
        self.0.with(|lane| match lane.controls.pop_front() {
            Some(control) => Poll::Ready(control),
            None => {
                remember(&mut lane.run, cx);
                Poll::Pending
            }
        })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: Instant) -> Poll<Next> {
        self.0.with(|lane| match lane.commands.is_empty() {
            false => Poll::Ready(Next::Command { paced: true }),
            true => {
                remember(&mut lane.run, cx);
                Poll::Pending
            }
        })
    }

    fn take(&mut self) -> Option<Command> {
        let taken = self.0.with(|lane| {
            let command = lane.commands.pop_front();
            lane.waiting -= usize::from(command.is_some());
            command
        });
        self.0.wake_steps();
        taken
    }

    fn handle_opened(&mut self) {}

    fn is_leaving(&self) -> bool {
        self.0.with(|lane| lane.is_leaving)
    }

    fn unsent(&self) -> usize {
        let is_message = |command: &&Command| matches!(command, Command::Send(_));
        self.0
            .with(|lane| lane.commands.iter().filter(is_message).count())
    }
}

impl Asker for LaneSource {}

/// Puts what happens into the lane.
pub(super) struct LaneSink {
    pub(super) lane: SharedLane,
    /// What every message is held against.
    pub(super) schema: Option<Arc<Schema>>,
}

impl Sink for LaneSink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lane.with(|lane| match lane.happened.has_room() {
            true => Poll::Ready(()),
            false => {
                lane.waits_for_room = true;
                remember(&mut lane.run, cx);
                Poll::Pending
            }
        })
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        if self.lane.with(|lane| lane.handle(now, event)) {
            self.lane.wake_steps();
        }
    }

    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        // The pings of the application that are answered are nothing for the steps.
        if received.is_ping {
            return;
        }
        let message = received.message;
        let schema = self.schema.as_ref();
        let arrived = Arrived {
            message: message.clone(),
            opcode: received.whole.kind().opcode(),
            misfits: schema.map_or_else(Vec::new, |schema| schema.misfits(message)),
        };
        self.lane.with(|lane| {
            if lane.misfit.is_none() && !arrived.misfits.is_empty() {
                lane.misfit = Some(arrived.clone());
            }
            lane.happened.push_message(now, arrived);
        });
        self.lane.wake_steps();
    }

    fn flush(&mut self) {}
}

impl Lane {
    /// Keeps what an event says; returns whether there is something for the steps.
    fn handle(&mut self, now: Instant, event: &Event<'_>) -> bool {
        match event {
            Event::Connecting { attempt, .. } => {
                self.attempts = *attempt;
                return false;
            }
            Event::Heads(heads) => {
                self.headers = handshake::fields(&heads.response);
                return false;
            }
            Event::Open { opened, .. } => {
                self.handle_open(now, opened);
            }
            Event::Refused { refusal, .. } => {
                self.answer = Some(Answer {
                    status: refusal.status,
                    headers: refusal.headers.clone(),
                    body: refusal.body.clone(),
                    at: Some(now),
                    ..Answer::default()
                });
            }
            Event::Ping {
                by: By::Peer, data, ..
            } => {
                let data = bytes::Bytes::copy_from_slice(data);
                self.happened.push_control(now, ControlFrame::Ping(data));
            }
            Event::Pong {
                by: By::Peer, data, ..
            } => {
                let data = bytes::Bytes::copy_from_slice(data);
                self.happened.push_control(now, ControlFrame::Pong(data));
            }
            Event::Close {
                close, clean: true, ..
            } => {
                let turn = Turn::Closed((*close).clone());
                self.happened.push_turn(now, turn);
            }
            Event::Close { clean: false, .. } => self.happened.push_turn(now, Turn::Lost),
            Event::Error(error) => self.error = Some((*error).clone()),
            _ => return false,
        }
        true
    }

    fn handle_open(&mut self, now: Instant, opened: &Opened) {
        self.answer = Some(Answer {
            status: opened.status,
            headers: std::mem::take(&mut self.headers),
            body: Vec::new(),
            subprotocol: opened.subprotocol.clone(),
            extensions: opened.extensions.clone(),
            at: Some(now),
        });
        self.happened.push_turn(now, Turn::Open);
    }
}

/// What ends the run from outside: the end of all tests, and `max-time` of the connection.
pub(super) struct LaneStop {
    pub(super) lane: SharedLane,
    pub(super) deadline: Option<Pin<Box<Sleep>>>,
}

impl StopSignal for LaneStop {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        if let Some(stop) = self.lane.with(|lane| lane.stop.take()) {
            return Poll::Ready(stop);
        }
        self.lane.with(|lane| remember(&mut lane.run, cx));
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.deadline = None;
            return Poll::Ready(Stop::MaxTime);
        }
        Poll::Pending
    }
}
