//! The loop: one look after another at the stop signal, the socket, the commands and the clock. What
//! is read is judged in [`super::receive`].

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Sink;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite as engine;

use super::ended::Ended;
use super::engine::close_frame;
use super::keepalive::{Action, Keepalive};
use super::outbox::Handed;
use super::run_state::RunState;
use super::state::Saver;
use super::stream::DeferWriteErrors;
use super::{Front, LAST_PATIENCE, now};
use crate::close::Close;
use crate::event::{By, Command, Event, Origin};
use crate::io::signals::{Stop, StopSignal};
use crate::message::Message;
use crate::transport::BoxedStream;
use crate::wire::frame;
use crate::wire::frame::RawFrame;
use crate::wire::socket::Socket;
use crate::wire::validate::Violation;

/// What a kernel may hold for us that had arrived before the close timeout, in bytes.
const MAX_UNREAD: u64 = 16 << 20;

/// Messages taken from one side before the other has its turn.
pub(super) const BATCH: usize = 256;

/// Why we sent a Close.
#[derive(Debug)]
pub(super) enum Closing {
    /// The front end wanted it.
    Requested(Close),
    /// It answers the peer's; nothing but the flush is left.
    Reply(Close),
    /// The peer broke a rule, and this is the Close for it; likewise.
    Violation(Violation, Close),
    /// A signal or `--max-time`.
    Stopped(Stop),
}

/// A message of the front end's that is sent in several steps.
pub(super) struct Large {
    number: u64,
    message: Message,
    /// How many data messages the engine has been given once it was given this one.
    place: u64,
}

pub(super) struct Session<'a, F, S> {
    pub(super) socket: Socket<DeferWriteErrors<BoxedStream>>,
    pub(super) keepalive: Keepalive,
    pub(super) front: &'a mut F,
    pub(super) stop: &'a mut S,
    pub(super) run_state: &'a mut RunState,
    pub(super) saver: &'a mut Saver,
    /// The number of this connection, from 1.
    pub(super) conn: u32,
    /// What shows the peer's application that we are there, before variables are filled in.
    pub(super) heartbeat: Option<Message>,
    /// The front end leaves this connection for another one.
    pub(super) again: bool,
    /// A data message has come.
    pub(super) brought_data: bool,
    /// Something of our own that went wrong, to be told.
    pub(super) complaint: Option<String>,
    /// Send every data message straight back.
    pub(super) mirror: bool,
    /// What is sent, or its frames, is told at length.
    pub(super) tells_sends: bool,
    /// A frame made by hand, which waits for what was sent before it.
    pub(super) by_hand: Option<RawFrame>,
    /// The last Close of ours that was sent, a raw one included.
    pub(super) sent_close: Option<Close>,
    /// The front end has been notified of how the connection closed.
    pub(super) close_told: bool,
    /// A Close made by hand: no other must follow it.
    pub(super) closed_by_hand: Option<Close>,
    /// The last message of the front end's, where it may still be under way.
    pub(super) large: Option<Large>,
    /// Messages to send first, each with what is shown of it.
    pub(super) opening: VecDeque<(Message, Message, Origin)>,
    /// Control frames read, and frames traced, while the front end had no room.
    pub(super) unasked: u32,
    /// Why the last look did not read everything that had arrived. While it holds, the peer's silence
    /// says nothing.
    pub(super) paused: Option<Paused>,
    /// Where to stop reading after the close timeout, in bytes received.
    pub(super) late_end: Option<u64>,
    /// A message read while the front end had no room for it.
    pub(super) held: Option<Message>,
    pub(super) closing: Option<Closing>,
    pub(super) needs_flush: bool,
    /// The socket takes no more for now.
    pub(super) stalled: bool,
    /// Pongs handed to the engine since the last flush.
    pub(super) pongs: u32,
    pub(super) received_before: u64,
    pub(super) data_before: u64,
    /// Bytes that the peer's side had taken at the last look.
    pub(super) taken_before: u64,
    pub(super) sleep: Pin<Box<Sleep>>,
    pub(super) armed: Option<Instant>,
    /// The socket has been asked once more since a deadline passed that means silence.
    pub(super) looked_again: bool,
}

/// Why nothing is read, though something may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paused {
    /// The front end has no room for what is read.
    ByOutput,
    /// The peer does not take the answers to what it sends.
    ByPeer,
}

/// A timer that fires this much late means that the process did not run.
pub(super) const OVERSLEPT: Duration = Duration::from_millis(500);

/// How far ahead the timer is set while the peer's silence counts, so that it is noticed when the
/// process did not run.
const WATCH: Duration = Duration::from_secs(5);

/// Whether a step got anywhere, or how it all ended.
pub(super) type Step = ControlFlow<Ended, bool>;

impl<F: Front, S: StopSignal> Session<'_, F, S> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
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
        if self.armed.is_some_and(|armed| now > armed + OVERSLEPT) {
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

    fn poll_stop(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        match self.stop.poll_stop(cx) {
            Poll::Ready(stop) => self.handle_stop(cx, stop, now),
            Poll::Pending => ControlFlow::Continue(false),
        }
    }

    fn handle_stop(&mut self, cx: &mut Context<'_>, stop: Stop, now: Instant) -> Step {
        if matches!(self.closing, Some(Closing::Requested(_))) {
            // A Close that can be flushed is not on its way any more.
            self.poll_flush(cx, now)?;
        }
        let over = match &self.closing {
            // Where nothing can be sent, no Close can.
            None => self.stream().write_error().is_some(),
            // A Close is with the server already: there is nothing left to do but to wait, and
            // whoever sends a signal does not want to.
            Some(Closing::Requested(_)) => stop != Stop::MaxTime && !self.needs_flush,
            // Nor does the second signal wait for anybody.
            Some(Closing::Stopped(_) | Closing::Reply(_) | Closing::Violation(..)) => true,
        };
        if over {
            return ControlFlow::Break(Ended::Stopped(stop));
        }
        // A socket that takes nothing takes no Close either, unless it does so within moments.
        let patience = if stop == Stop::MaxTime || self.stalled {
            LAST_PATIENCE
        } else {
            Duration::MAX
        };
        let already_sent = self.closing.is_some() || self.closed_by_hand.is_some();
        self.set_closing(Closing::Stopped(stop), now);
        if !already_sent {
            self.send_close(&Close::new(1001, ""), patience, now);
        }
        self.keepalive.handle_closing(now, patience);
        ControlFlow::Continue(true)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        for n in 0..BATCH {
            if self.closing.is_some() || self.stream().write_error().is_some() {
                let controlled = self.poll_control(cx, now)?;
                return ControlFlow::Continue(controlled || n > 0);
            }
            let free = self.poll_room(cx) && self.poll_by_hand(cx, now);
            if free && let Some((message, shown, origin)) = self.opening.pop_front() {
                self.send(message, &shown, origin, now);
                continue;
            }
            // Before the front end is asked, which might close: the input may be over.
            if free && self.run_state.outbox.was_cut_off() {
                self.send_next(now);
                continue;
            }
            let again = self.run_state.outbox.has_next();
            let room = free && !again && self.run_state.outbox.has_room();
            // Also without room: leaving is always possible.
            if let Poll::Ready(command) = self.front.poll_command(cx, now, room) {
                self.obey(cx, command, now)?;
                continue;
            }
            if free && again && self.front.poll_pace(cx, now).is_ready() {
                self.send_next(now);
                continue;
            }
            if free {
                self.ask_for_confirmation(now);
            }
            return ControlFlow::Continue(n > 0);
        }
        self.ask_for_confirmation(now);
        ControlFlow::Continue(true)
    }

    /// Asks the front end for control while nothing can be sent any more.
    fn poll_control(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let flushed = self.poll_flush(cx, now)?;
        let Poll::Ready(command) = self.front.poll_command(cx, now, false) else {
            return ControlFlow::Continue(flushed);
        };
        match command {
            Command::Interrupt => self.handle_stop(cx, Stop::Interrupt, now),
            Command::Reconnect | Command::Leave(_) => {
                self.again = command == Command::Reconnect;
                ControlFlow::Break(self.abandon())
            }
            // It can never be sent, and nothing that may still come is wanted.
            Command::Close(_) if self.closing.is_none() => ControlFlow::Break(self.abandon()),
            // It is under way.
            _ => ControlFlow::Continue(flushed),
        }
    }

    /// Hands the next message of the outbox over.
    fn send_next(&mut self, now: Instant) {
        if let Some(Handed {
            number,
            message,
            repeat,
        }) = self.run_state.outbox.hand_over()
        {
            self.send_numbered(number, message, repeat, now);
            self.tell_repeats(false, now);
        }
    }

    fn send_numbered(&mut self, number: u64, message: Message, repeat: bool, now: Instant) {
        self.count_sent(&message);
        let event = Event::Send {
            conn: self.conn,
            message: &message,
            number: Some(number),
            origin: repeat.then_some(Origin::Repeat),
        };
        self.front.handle_event(now, &event);
        if self.socket.splits(message.len()) {
            self.large = Some(Large {
                number,
                message: message.clone(),
                place: self.socket.whole() + 1,
            });
        }
        self.send_data(message);
    }

    /// Whether a message of the front end's is under way.
    fn is_within_message(&self) -> bool {
        let large = self.large.as_ref();
        large.is_some_and(|large| self.socket.whole() < large.place)
    }

    /// Accounts for what the connection did not take whole before it ended.
    pub(super) fn handle_ended(&mut self) {
        self.run_state.handle_unsent(self.socket.unsent());
        if self.is_within_message()
            && let Some(large) = self.large.take()
        {
            self.run_state
                .outbox
                .handle_cut_off(large.number, large.message);
        }
    }

    pub(super) fn tell_repeats(&mut self, over: bool, now: Instant) {
        if let Some(messages) = self.run_state.outbox.poll_repeats(over) {
            let (conn, messages) = (self.conn, &messages[..]);
            self.tell(now, &Event::Repeated { conn, messages });
        }
    }

    /// Sends a ping where its pong would confirm something.
    fn ask_for_confirmation(&mut self, now: Instant) {
        if self.run_state.outbox.wants_ping() && self.closed_by_hand.is_none() {
            let data = self.keepalive.ping_data();
            self.send_our_ping(data, now);
        }
    }

    /// Whether there is room to send, and to tell of it.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> bool {
        if self.tells_sends && self.front.poll_ready(cx).is_pending() {
            return false;
        }
        let room = Pin::new(&mut self.socket).poll_ready(cx).is_ready();
        self.stalled |= !room;
        room
    }

    /// Sends the frame made by hand, if there is one: it goes around the engine, so what the engine
    /// holds goes first. Whether it is gone.
    fn poll_by_hand(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.by_hand.is_none() {
            return true;
        }
        if Pin::new(&mut self.socket).poll_flush(cx).is_pending() {
            self.stalled = true;
            return false;
        }
        self.tell_frames(now);
        let Some(frame) = self.by_hand.take() else {
            return true;
        };
        self.socket.get_mut().inject(&frame);
        self.needs_flush = true;
        if frame.fin && frame.opcode < frame::CLOSE {
            // The end of a data message, to which there may be a reply.
            self.run_state.outbox.handle_extra();
        }
        if frame.opcode == frame::CLOSE {
            let close = Close::parse_lossy(&frame.payload);
            self.sent_close = Some(close.clone());
            self.closed_by_hand = Some(close);
            self.socket.get_mut().hide_pings();
        }
        let frame = &frame;
        self.tell(
            now,
            &Event::Frame {
                conn: self.conn,
                frame,
            },
        );
        true
    }

    fn obey(&mut self, cx: &mut Context<'_>, command: Command, now: Instant) -> Step {
        match command {
            Command::Interrupt => return self.handle_stop(cx, Stop::Interrupt, now),
            Command::Send(message) => match self.run_state.outbox.pass() {
                Some(number) => self.send_numbered(number, message, false, now),
                None => {
                    self.run_state.outbox.push(message);
                    self.send_next(now);
                }
            },
            Command::Ping(data) => self.send_ping(data, true, now),
            Command::Pong(data) => {
                self.tell_our_pong(&data, None, now);
                self.start_send(engine::Message::Pong(data));
            }
            Command::Frame(frame) => self.by_hand = Some(frame),
            Command::Close(close) => self.close(close, Duration::MAX, now),
            Command::Leave(close) => self.close(close, LAST_PATIENCE, now),
            Command::Reconnect => {
                self.again = true;
                self.close(Close::normal(), Duration::MAX, now);
            }
        }
        ControlFlow::Continue(true)
    }

    fn close(&mut self, close: Close, patience: Duration, now: Instant) {
        match &self.closed_by_hand {
            None => self.send_close(&close, patience, now),
            Some(_) => self.keepalive.handle_closing(now, patience),
        }
        self.set_closing(Closing::Requested(close), now);
    }

    pub(super) fn set_closing(&mut self, closing: Closing, now: Instant) {
        self.closing = Some(closing);
        self.front.handle_closing(now);
    }

    fn send(&mut self, message: Message, shown: &Message, origin: Origin, now: Instant) {
        self.count_sent(&message);
        self.run_state.outbox.handle_extra();
        let event = Event::Send {
            conn: self.conn,
            message: shown,
            number: None,
            origin: Some(origin),
        };
        self.front.handle_event(now, &event);
        self.send_data(message);
    }

    fn send_heartbeat(&mut self, now: Instant) {
        // Nothing goes before what opens the connection.
        let Some(message) = self.heartbeat.as_ref().filter(|_| self.opening.is_empty()) else {
            return;
        };
        let message = self.run_state.fill(message);
        self.run_state.handle_heartbeat(&message);
        self.send(message.clone(), &message, Origin::Heartbeat, now);
    }

    /// Sends a message back as it came. The engine has room, or holds it until it has.
    pub(super) fn send_back(&mut self, message: &Message, now: Instant) {
        self.send(message.clone(), message, Origin::Mirror, now);
    }

    pub(super) fn stream(&self) -> &DeferWriteErrors<BoxedStream> {
        self.socket.get_ref().get_ref()
    }

    /// Tells of the frames that went over the wire since the last time, and how many they are.
    pub(super) fn tell_frames(&mut self, now: Instant) -> u32 {
        let mut told = 0;
        while let Some(frame) = self.socket.get_mut().poll_frame() {
            self.tell(now, &Event::Traced(&frame));
            told += 1;
        }
        told
    }

    fn count_sent(&mut self, message: &Message) {
        self.run_state.totals.sent += 1;
        self.run_state.totals.bytes_sent += message.len() as u64;
    }

    /// A ping that is not the front end's, whose pong also confirms what went before it.
    fn send_our_ping(&mut self, data: Bytes, now: Instant) {
        if self.is_within_message() {
            self.run_state.outbox.handle_ping_within(&data);
        } else {
            self.run_state.outbox.handle_ping(&data);
        }
        self.send_ping(data, false, now);
    }

    fn send_ping(&mut self, data: Bytes, asked: bool, now: Instant) {
        self.keepalive.handle_ping_queued(data.clone(), asked);
        self.tell(
            now,
            &Event::Ping {
                conn: self.conn,
                by: By::Us,
                origin: (!asked).then_some(Origin::Keepalive),
                data: &data,
            },
        );
        self.start_send(engine::Message::Ping(data));
    }

    pub(super) fn send_close(&mut self, close: &Close, patience: Duration, now: Instant) {
        self.sent_close = Some(close.clone());
        self.start_send(close_frame(close));
        self.keepalive.handle_closing(now, patience);
    }

    /// Hands a data message over.
    fn send_data(&mut self, message: Message) {
        // See `start_send` for what an error means.
        let _ = self.socket.start_message(message);
        self.needs_flush = true;
    }

    fn start_send(&mut self, message: engine::Message) {
        // An error here can only be one of the engine's state, as the stream swallows those of
        // writing: after the engine has ended reading it may refuse to send, and then there is
        // nobody to send to.
        let _ = Pin::new(&mut self.socket).start_send(message);
        self.needs_flush = true;
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if !self.needs_flush {
            return ControlFlow::Continue(false);
        }
        if self.poll_socket(cx, now).is_pending() {
            self.stalled = true;
            return ControlFlow::Continue(false);
        }
        if !self.is_within_message() {
            self.large = None;
        }
        self.needs_flush = false;
        self.stalled = false;
        self.pongs = 0;
        if self.stream().write_error().is_none() {
            self.keepalive.handle_flushed(now);
            self.front.handle_flushed(now);
        } else {
            // What the peer said before it went is still to be read. Mostly the end of that comes
            // by itself; this is for the peer that only takes nothing more.
            self.keepalive.handle_closing(now, Duration::MAX);
            self.front.handle_closing(now);
        }
        match self.closing.take() {
            Some(done @ (Closing::Reply(_) | Closing::Violation(..))) => {
                ControlFlow::Break(self.end_of(done))
            }
            other => {
                self.closing = other;
                ControlFlow::Continue(true)
            }
        }
    }

    /// Lets the socket write; ready when everything handed over has left.
    fn poll_socket(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        // The trace reports fragments too, so there must be room for that before they are made.
        let waits = self.socket.traces()
            && self.socket.is_sending()
            && self.front.poll_ready(cx).is_pending();
        let flushed = if waits {
            let _ = self.socket.poll_flush_engine(cx);
            Poll::Pending
        } else {
            Pin::new(&mut self.socket).poll_flush(cx).map(drop)
        };
        self.tell_frames(now);
        if self.stream().write_error().is_some() {
            // What the engine is given now goes nowhere.
            self.socket.abandon();
        } else if self.socket.take_controls_flushed() {
            self.keepalive.handle_pings_flushed(now);
            self.pongs = 0;
        }
        flushed
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let taken = self.stream().written();
        if taken != self.taken_before {
            self.taken_before = taken;
            self.keepalive.handle_taken(now);
            if self.stalled {
                // It reads, but has not come to the ping yet.
                self.keepalive.restart_ping_timeout(now);
            }
        }
        self.saver
            .save(&self.run_state.memory, self.front.output(), now);
        if let Some(failure) = self.saver.poll_failure() {
            self.tell(now, &Event::Note(&failure));
        }
        // The front end acts on its own by commands, and those are over.
        let listening = self.closing.is_none() && self.stream().write_error().is_none();
        let quiet_at = self.front.quiet_at().filter(|_| listening);
        let silence = earliest([self.keepalive.poll_timeout(), quiet_at]);
        let is_silent = silence.is_some_and(|deadline| deadline <= now);
        if is_silent && self.looked_again {
            self.looked_again = false;
            self.handle_silence(quiet_at, now)?;
            return ControlFlow::Continue(true);
        }
        self.looked_again = is_silent;
        if is_silent {
            // The timer may be all that the runtime has looked at. Before it comes back here it asks
            // the system what has arrived.
            cx.waker().wake_by_ref();
            return ControlFlow::Continue(false);
        }
        let front = self.front.poll_timeout().filter(|_| listening);
        let watch = silence.map(|deadline| deadline.min(now + WATCH));
        let Some(deadline) = earliest([watch, front, self.saver.poll_timeout()]) else {
            return ControlFlow::Continue(false);
        };
        if deadline <= now {
            return ControlFlow::Continue(true);
        }
        // Moving the timer costs more than letting it fire early, and deadlines mostly move away.
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.sleep.as_mut().reset(deadline.into());
            self.armed = Some(deadline);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return ControlFlow::Continue(false);
        }
        self.armed = None;
        ControlFlow::Continue(true)
    }

    /// This process has not run for a while, or the loop was busy: what the peer has not said in
    /// that time does not count against it.
    fn handle_resumed(&mut self, now: Instant) {
        self.armed = None;
        self.keepalive.handle_resumed(now);
        self.front.handle_bytes(now);
    }

    /// A deadline has passed, and everything is read that had arrived by then and may be read.
    fn handle_silence(&mut self, quiet_at: Option<Instant>, now: Instant) -> Step {
        if quiet_at.is_some_and(|deadline| deadline <= now) {
            match self.paused {
                None => self.front.handle_quiet(now),
                Some(_) => self.front.handle_bytes(now),
            }
        }
        match self.keepalive.handle_timeout(now) {
            Action::Nothing => {}
            // Nothing of ours may follow a Close (RFC 6455 section 5.5.1), whoever made it.
            Action::Ping(_) | Action::Heartbeat if self.closed_by_hand.is_some() => {}
            Action::Ping(data) => self.send_our_ping(data, now),
            Action::Heartbeat => self.send_heartbeat(now),
            Action::Dead { .. } | Action::Stuck(_) if self.paused == Some(Paused::ByOutput) => {
                self.keepalive.handle_resumed(now);
            }
            Action::Dead { .. } if self.paused.is_some() => {
                self.keepalive.restart_ping_timeout(now)
            }
            Action::Dead { waited, silent } => {
                self.tell_lost(now);
                return ControlFlow::Break(Ended::NoPong { waited, silent });
            }
            Action::Stuck(time) => {
                self.tell_lost(now);
                return ControlFlow::Break(Ended::Stuck(time));
            }
            Action::CloseTimedOut if self.may_be_late() => self.keepalive.handle_resumed(now),
            Action::CloseTimedOut => return ControlFlow::Break(self.give_up()),
        }
        ControlFlow::Continue(true)
    }

    /// Whether it is our own output that holds things up: what had arrived in time is not thrown
    /// away. A peer that goes on and on has not closed, however slowly we read.
    fn may_be_late(&mut self) -> bool {
        let received = self.stream().received();
        let end = *self.late_end.get_or_insert(received + MAX_UNREAD);
        let stopped = matches!(self.closing, Some(Closing::Stopped(_)));
        self.paused == Some(Paused::ByOutput) && !stopped && received < end
    }

    /// Ends a connection on which nothing more can be sent, without waiting for the peer.
    fn abandon(&mut self) -> Ended {
        match &self.closing {
            Some(Closing::Requested(_)) if self.needs_flush => Ended::LeftUnsent,
            Some(Closing::Requested(_)) => Ended::Left,
            _ => self.give_up(),
        }
    }

    /// The peer had long enough.
    fn give_up(&mut self) -> Ended {
        match self.closing.take() {
            None => {
                let why = self.stream().write_error();
                Ended::SendFailed(why.unwrap_or("the connection takes nothing").to_owned())
            }
            Some(done) => self.end_of(done),
        }
    }
}

fn earliest<const N: usize>(deadlines: [Option<Instant>; N]) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}
