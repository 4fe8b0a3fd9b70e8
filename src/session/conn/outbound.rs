//! What is sent: what the front end wants, what has to be sent again, and pings of our own; after what
//! opens the connection, and what answers a message.

use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::about::About;
use super::super::clock::LAST_PATIENCE;
use super::super::frontend::{Next, Sink, Source};
use super::super::options::Options;
use super::super::outbox::Handed;
use super::encoding::{Encoding, Outgoing};
use super::{BATCH, Conn, Step};
use crate::close::Close;
use crate::event::{By, Command, Control, Event, Origin};
use crate::io::signals::{Stop, StopSignal};
use crate::message::Message;
use crate::wire::frame::{self, RawFrame};

/// The state of sending.
#[derive(Debug)]
pub(super) struct Sending {
    /// What shows the peer's application that we are there, before variables are filled in.
    heartbeat: Option<Message>,
    /// `--encode`
    pub(super) encoding: Option<Box<Encoding>>,
    /// Send every data message straight back.
    pub(super) mirror: bool,
    /// The system has taken all of the opening messages.
    opening_flushed: bool,
    /// The frames of what is sent are shown.
    traces: bool,
    /// A frame made by hand, which waits for what was sent before it.
    by_hand: Option<RawFrame>,
    /// The last message of the front end's, where it may still be under way.
    large: Option<Large>,
}

/// A message of the front end's that is sent in several steps.
#[derive(Debug)]
pub(super) struct Large {
    pub(super) number: u64,
    pub(super) message: Message,
    /// How many data messages the engine has been given once it was given this one.
    place: u64,
}

impl Sending {
    pub(super) fn new(options: &Options, about: &About) -> Self {
        let encode = options.encode.as_ref();
        Sending {
            heartbeat: options.heartbeat.clone(),
            encoding: encode.map(|encoder| Box::new(Encoding::new(encoder, options, about))),
            mirror: options.mirror,
            opening_flushed: false,
            traces: options.trace.is_some(),
            by_hand: None,
            large: None,
        }
    }

    pub(super) fn has_heartbeat(&self) -> bool {
        self.heartbeat.is_some()
    }

    /// Whether a command encodes a message.
    pub(super) fn is_encoding(&self) -> bool {
        self.encoding.as_ref().is_some_and(|it| it.is_running())
    }
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        for n in 0..BATCH {
            if self.ending.is_closing() || self.socket.write_error().is_some() {
                let controlled = self.poll_control(cx, now)?;
                return ControlFlow::Continue(controlled || n > 0);
            }
            let free = self.poll_room(cx) && self.poll_by_hand(cx, now);
            if free && self.poll_encoding(cx, now) {
                continue;
            }
            let free = free && !self.waits_to_encode();
            if self.poll_due(cx, free, now) {
                continue;
            }
            let free = free && self.answering.has_opened();
            // Before the front end is asked, which might close: the input may be over.
            if free && self.run.outbox.was_cut_off() {
                self.send_next(now);
                continue;
            }
            let again = self.run.outbox.has_next();
            let room = free && !again && self.run.outbox.has_room();
            if self.poll_end(cx, room, now) {
                self.close(Close::normal(), Duration::MAX, now);
                continue;
            }
            if self.poll_source(cx, room, now)? {
                continue;
            }
            if free && again && self.run.policy.pace.ready(now) {
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

    /// Does the next thing that the user wants, if there is one. Without `room` that is control alone.
    fn poll_source(&mut self, cx: &mut Context<'_>, room: bool, now: Instant) -> Step {
        if room && self.poll_input(cx, room, now) {
            return ControlFlow::Continue(true);
        }
        if let Poll::Ready(control) = self.source.poll_control(cx, now) {
            return self.obey_control(cx, control, now);
        }
        ControlFlow::Continue(!room && self.poll_input(cx, room, now))
    }

    /// Looks at what is next in the input, and does it where there is `room`.
    fn poll_input(&mut self, cx: &mut Context<'_>, room: bool, now: Instant) -> bool {
        let Poll::Ready(next) = self.source.poll_next(cx, now) else {
            return false;
        };
        let policy = &mut self.run.policy;
        match next {
            Next::Command { .. } if !room => policy.pace.handle_no_room(),
            Next::Command { paced } => {
                if (!paced || policy.pace.ready(now))
                    && let Some(command) = self.source.take()
                {
                    self.obey(command, now);
                    return true;
                }
            }
            Next::Bad(error) => {
                policy.bad_input = true;
                self.report(now, &Event::Error(&error));
                return true;
            }
            end @ (Next::End | Next::Over) => {
                match end {
                    Next::Over => policy.drain.handle_over(now),
                    _ => policy.drain.handle_eof(now),
                }
                return policy.is_finished() && !self.holds(now);
            }
        }
        false
    }

    fn obey_control(&mut self, cx: &mut Context<'_>, control: Control, now: Instant) -> Step {
        match control {
            Control::Interrupt => return self.handle_stop(cx, Stop::Interrupt, now),
            Control::Ping(data) => self.obey(Command::Ping(data), now),
            Control::Pong(data) => self.obey(Command::Pong(data), now),
            Control::Close(close) => self.obey(Command::Close(close), now),
            Control::Leave(close) => self.close(close, LAST_PATIENCE, now),
            Control::Reconnect => {
                self.ending.again = true;
                self.close(Close::normal(), Duration::MAX, now);
            }
        }
        ControlFlow::Continue(true)
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Send(message) => match self.run.outbox.pass() {
                Some(number) => self.send_numbered(number, message, false, now),
                None => {
                    self.run.outbox.push(message);
                    self.send_next(now);
                }
            },
            Command::Ping(data) => {
                self.run.policy.drain.handle_sent();
                self.send_ping(data, true, now);
            }
            Command::Pong(data) => {
                self.run.policy.drain.handle_sent();
                self.report_our_pong(&data, None, now);
                self.socket.pong(data);
            }
            Command::Frame(mut frame) => {
                frame.masking = frame.masking.required(self.masks);
                self.sending.by_hand = Some(frame);
            }
            Command::Close(close) => self.close(close, Duration::MAX, now),
            Command::To(_, command) => self.obey(*command, now),
        }
    }

    /// Hands the next message of the outbox over.
    fn send_next(&mut self, now: Instant) {
        if let Some(Handed {
            number,
            message,
            repeat,
        }) = self.run.outbox.next_to_send()
        {
            self.send_numbered(number, message, repeat, now);
            self.report_repeats(false, now);
        }
    }

    fn send_numbered(&mut self, number: u64, message: Message, repeat: bool, now: Instant) {
        if self.sending.encoding.is_none() {
            return self.hand_over_numbered((number, message, repeat), None, now);
        }
        let outgoing = || Outgoing::Numbered {
            number,
            message: message.clone(),
            repeat,
        };
        if let Some(encoded) = self.encode(&message, None, outgoing, now) {
            self.hand_over_numbered((number, message, repeat), Some(encoded), now);
        }
    }

    /// Sends what a command has encoded.
    pub(super) fn hand_over(&mut self, outgoing: Outgoing, encoded: Message, now: Instant) {
        match outgoing {
            Outgoing::Numbered {
                number,
                message,
                repeat,
            } => self.hand_over_numbered((number, message, repeat), Some(encoded), now),
            Outgoing::Own { shown, origin } => self.hand_over_own(encoded, &shown, origin, now),
        }
    }

    /// Sends a message of the front end's, as `encoded` if it is. Every line of a pipe comes here, nearly
    /// always without that.
    #[inline(always)]
    fn hand_over_numbered(
        &mut self,
        (number, message, repeat): (u64, Message, bool),
        encoded: Option<Message>,
        now: Instant,
    ) {
        let sent = encoded.as_ref().unwrap_or(&message);
        self.count_sent(sent);
        let origin = repeat.then_some(Origin::Repeat);
        self.run.policy.handle_sent(Some(number), origin, now);
        let event = Event::Send {
            conn: self.number,
            message: &message,
            number: Some(number),
            origin,
        };
        self.sink.handle_event(now, &event);
        if self.socket.splits(sent.len()) {
            self.sending.large = Some(Large {
                number,
                message: message.clone(),
                place: self.socket.whole() + 1,
            });
        }
        self.socket.send(encoded.unwrap_or(message));
    }

    /// Whether nothing may be sent because of a command: it encodes a message, or could not begin, as
    /// an earlier message is still on its way.
    fn waits_to_encode(&self) -> bool {
        let encoding = self.sending.encoding.as_ref();
        let with_command = encoding.filter(|it| it.has_command());
        with_command.is_some_and(|it| it.is_running() || self.is_within_message())
    }

    /// Whether the system has taken the token and the messages of `--on-open`.
    pub(super) fn has_sent_opening(&mut self) -> bool {
        let is_handed_over = self.answering.has_opened() && !self.sending.is_encoding();
        let is_sent = is_handed_over && !self.socket.needs_flush();
        self.sending.opening_flushed |= is_sent;
        self.sending.opening_flushed
    }

    /// Sends a message that is not the front end's.
    pub(super) fn send(&mut self, message: Message, shown: &Message, origin: Origin, now: Instant) {
        // What came goes back as it came.
        let encoded = match origin {
            Origin::Mirror => Some(message),
            _ => {
                let shown = shown.clone();
                let outgoing = || Outgoing::Own { shown, origin };
                self.encode(&message, Some(origin), outgoing, now)
            }
        };
        if let Some(encoded) = encoded {
            self.hand_over_own(encoded, shown, origin, now);
        }
    }

    fn hand_over_own(&mut self, message: Message, shown: &Message, origin: Origin, now: Instant) {
        self.count_sent(&message);
        if !origin.is_answer() {
            self.run.outbox.handle_extra();
        }
        self.run.policy.handle_sent(None, Some(origin), now);
        let event = Event::Send {
            conn: self.number,
            message: shown,
            number: None,
            origin: Some(origin),
        };
        self.sink.handle_event(now, &event);
        self.socket.send(message);
    }

    pub(super) fn send_heartbeat(&mut self, now: Instant) {
        // The token and the messages of --on-open come first, and what a command encodes.
        let is_free = self.answering.has_opened() && !self.waits_to_encode();
        let Some(message) = self.sending.heartbeat.as_ref().filter(|_| is_free) else {
            return;
        };
        let message = self.run.fill(message);
        self.run.handle_heartbeat(&message);
        self.send(message.clone(), &message, Origin::Heartbeat, now);
    }

    /// Sends a message back as it came. The socket has room, or holds it until it has.
    pub(super) fn send_back(&mut self, message: &Message, now: Instant) {
        self.send(message.clone(), message, Origin::Mirror, now);
    }

    /// Whether what is sent back, or what answers, must go out before more messages come. Control frames
    /// may come.
    pub(super) fn owes_messages(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.ending.is_closing() {
            return false;
        }
        let mirrors = self.sending.mirror;
        if !mirrors && !self.answering.is_filling() {
            return false;
        }
        let has_room = self.poll_room(cx);
        let is_full = self.answering.is_full(has_room);
        if is_full && !has_room {
            self.report_full(now);
        }
        is_full || (mirrors && !(has_room && self.answering.is_idle()))
    }

    fn count_sent(&mut self, message: &Message) {
        self.run.totals.sent += 1;
        self.run.totals.bytes_sent += message.len() as u64;
    }

    /// Sends a ping where its pong would confirm something.
    fn ask_for_confirmation(&mut self, now: Instant) {
        if self.run.outbox.wants_ping() && !self.ending.has_raw_close() {
            let data = self.timers.keepalive.ping_data();
            self.send_our_ping(data, now);
        }
    }

    /// A ping that is not the front end's, whose pong also confirms what went before it.
    pub(super) fn send_our_ping(&mut self, data: Bytes, now: Instant) {
        if self.is_within_message() {
            self.run.outbox.handle_ping_within(&data);
        } else {
            self.run.outbox.handle_ping(&data);
        }
        self.send_ping(data, false, now);
    }

    fn send_ping(&mut self, data: Bytes, asked: bool, now: Instant) {
        let keepalive = &mut self.timers.keepalive;
        keepalive.handle_ping_queued(data.clone(), asked);
        self.report(
            now,
            &Event::Ping {
                conn: self.number,
                by: By::Us,
                origin: (!asked).then_some(Origin::Keepalive),
                data: &data,
            },
        );
        self.socket.ping(data);
    }

    pub(super) fn report_repeats(&mut self, over: bool, now: Instant) {
        if let Some(messages) = self.run.outbox.poll_repeats(over) {
            self.run.policy.drain.handle_repeated();
            let (conn, messages) = (self.number, &messages[..]);
            self.report(now, &Event::Repeated { conn, messages });
        }
    }

    /// Whether there is room to send, and to show it.
    #[inline(always)]
    fn poll_room(&mut self, cx: &mut Context<'_>) -> bool {
        let shows_sends = self.sending.traces || self.sink.wants_sends();
        if shows_sends && self.sink.poll_ready(cx).is_pending() {
            return false;
        }
        self.socket.poll_ready(cx).is_ready()
    }

    /// Sends the frame made by hand, if there is one, behind everything else. Whether it is gone.
    fn poll_by_hand(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.sending.by_hand.is_none() {
            return true;
        }
        if self.socket.poll_flush(cx).is_pending() {
            return false;
        }
        self.report_frames(now);
        if let Some(frame) = self.sending.by_hand.take() {
            self.send_raw(&frame, now);
        }
        true
    }

    fn send_raw(&mut self, frame: &RawFrame, now: Instant) {
        self.socket.send_raw(frame);
        self.run.policy.drain.handle_sent();
        if frame.fin && frame.opcode < frame::CLOSE {
            // The end of a data message, to which there may be a reply.
            self.run.outbox.handle_extra();
        }
        if frame.opcode == frame::CLOSE {
            self.ending.handle_raw_close(frame);
        }
        self.report(
            now,
            &Event::Frame {
                conn: self.number,
                frame,
            },
        );
    }

    /// Whether a message of the front end's is under way.
    pub(super) fn is_within_message(&self) -> bool {
        let large = self.sending.large.as_ref();
        large.is_some_and(|large| self.socket.whole() < large.place)
    }

    /// The message of the front end's that the connection did not take whole before it ended.
    pub(super) fn take_cut_off(&mut self) -> Option<Large> {
        let within = self.is_within_message();
        self.sending.large.take().filter(|_| within)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if !self.socket.needs_flush() || self.poll_socket(cx, now).is_pending() {
            return ControlFlow::Continue(false);
        }
        if !self.is_within_message() {
            self.sending.large = None;
        }
        if self.socket.write_error().is_none() {
            self.sending.opening_flushed |=
                self.answering.has_opened() && !self.sending.is_encoding();
            self.timers.keepalive.handle_flushed(now);
            self.run.policy.drain.handle_flushed(now);
        } else {
            // What the peer said before it went is still to be read. Mostly the end of that comes
            // by itself; this is for the peer that only takes nothing more.
            self.timers.keepalive.handle_closing(now, Duration::MAX);
            self.handle_closing();
        }
        match self.take_over() {
            Some(ended) => ControlFlow::Break(ended),
            None => ControlFlow::Continue(true),
        }
    }

    /// Lets the socket write; ready when everything handed over has left.
    fn poll_socket(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        // The trace reports fragments too, so there must be room for that before they are made.
        let waits = self.socket.traces()
            && self.socket.is_sending()
            && self.sink.poll_ready(cx).is_pending();
        let flushed = match waits {
            true => self.socket.poll_flush_controls(cx),
            false => self.socket.poll_flush(cx),
        };
        self.report_frames(now);
        if self.socket.write_error().is_none() && self.socket.take_controls_flushed() {
            self.timers.keepalive.handle_pings_flushed(now);
        }
        flushed
    }
}
