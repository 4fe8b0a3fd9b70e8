//! What the peer sends: messages, pings and pongs, as far as there is room for what they show.

use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use super::super::about::About;
use super::super::answers::Reaction;
use super::super::frontend::{Received, Sink, Source};
use super::super::options::Options;
use super::decoding::{Decoding, Running};
use super::{BATCH, Conn, Step};
use crate::event::{By, Event, Origin};
use crate::io::signals::StopSignal;
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::records::Records;
use crate::wire::socket::Incoming;

/// Control frames handled, and frames traced, while the front end has no room.
const MAX_UNASKED: u32 = 1024;

/// The state of reading.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What was read, and waits until the front end has room for it.
    held: Option<Held>,
    /// Control frames read, and frames traced, while the front end had no room.
    unasked: u32,
    /// Why the last look did not read everything that had arrived. While it holds, the peer's silence
    /// says nothing.
    pub(super) paused: Option<Paused>,
    /// A data message has come.
    pub(super) brought_data: bool,
    /// The last message only answered a heartbeat.
    beats: bool,
    /// Something in the message that is given is no ping of the application.
    brought_more_than_pings: bool,
    /// Messages are not decoded, cut or sent back, and none is the answer to a heartbeat.
    as_it_is: bool,
    /// `--decode`
    pub(super) decoding: Option<Box<Decoding>>,
    /// The message that was received, where what it decoded to is given in its place.
    pub(super) undecoded: Option<Message>,
}

impl Reading {
    pub(super) fn new(options: &Options, about: &About) -> Self {
        let decode = options.decode.as_ref();
        let cuts = options.split.is_some() || options.heartbeat.is_some();
        Reading {
            as_it_is: decode.is_none() && !cuts && !options.mirror,
            decoding: decode.map(|options| Box::new(Decoding::new(options, about))),
            ..Reading::default()
        }
    }

    /// Waits for a command that decodes a message.
    pub(super) fn await_decoding(&mut self, running: Running) {
        self.held = Some(Held::Decoding(running));
    }

    pub(super) fn awaits_decoding(&self) -> bool {
        matches!(self.held, Some(Held::Decoding(_)))
    }
}

/// What the front end has not got yet.
#[derive(Debug)]
enum Held {
    Message(Message),
    /// A message that is cut into records, or what is left of it.
    Records(Records),
    /// A message that a command decodes.
    Decoding(Running),
}

/// Why nothing is read, though something may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paused {
    /// The front end has no room for what is read.
    ByOutput,
    /// The peer does not take the answers to what it sends.
    ByPeer,
    /// A command decodes a message, and what follows that waits for it.
    WhileDecoding,
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        for n in 0..BATCH {
            if self.ending.is_over() || self.stop.is_due() {
                return ControlFlow::Continue(n > 0);
            }
            let front_ready = self.sink.poll_ready(cx).is_ready();
            let room = !self.owes_messages(cx, now) && front_ready;
            if room {
                self.reading.unasked = 0;
            }
            if let Some(held) = self.reading.held.take_if(|_| room) {
                match held {
                    Held::Message(message) => self.deliver(message, now),
                    Held::Records(records) => self.deliver_record(records, now),
                    Held::Decoding(running) => {
                        if !self.poll_decoding(running, cx, now) {
                            self.reading.paused = Some(Paused::WhileDecoding);
                            return ControlFlow::Continue(n > 0);
                        }
                    }
                }
                continue;
            }
            // A signal cuts the output short: all that is wanted is the answer to our Close.
            if self.ending.is_stopped() && !room && self.reading.held.take().is_some() {
                self.reading.unasked = self.reading.unasked.saturating_sub(1);
            }
            self.reading.paused = self.pauses(front_ready);
            if self.reading.paused.is_some() {
                return ControlFlow::Continue(n > 0);
            }
            let next = self.socket.poll_next(cx);
            let traced = self.report_frames(now);
            self.reading.unasked += if room { 0 } else { traced };
            let Poll::Ready(incoming) = next else {
                self.handle_pending(now);
                return ControlFlow::Continue(n > 0);
            };
            self.handle_incoming(incoming, room, now)?;
        }
        ControlFlow::Continue(true)
    }

    /// Why nothing more is to be read for now.
    fn pauses(&self, front_ready: bool) -> Option<Paused> {
        if self.socket.owes_pongs() {
            return Some(Paused::ByPeer);
        }
        // One message of look-ahead, so that control frames before it are still handled; but they may
        // be shown too, so not without end.
        let overfull = !front_ready && self.sink.is_overfull();
        let (held, unasked) = (&self.reading.held, self.reading.unasked);
        let full = held.is_some() || unasked > MAX_UNASKED || overfull;
        full.then_some(match front_ready {
            true => Paused::ByPeer,
            false => Paused::ByOutput,
        })
    }

    fn handle_incoming(&mut self, incoming: Incoming, room: bool, now: Instant) -> Step {
        match incoming {
            Incoming::Data(message) if room => self.deliver(message, now),
            Incoming::Data(message) => {
                self.reading.unasked += 1;
                self.reading.held = Some(Held::Message(message));
            }
            Incoming::Ping(data, answered) => {
                self.reading.unasked += u32::from(!room);
                self.report_ping(&data, now);
                if answered {
                    self.report_our_pong(&data, Some(Origin::Auto), now);
                }
            }
            Incoming::Pong(data) => {
                self.reading.unasked += u32::from(!room);
                self.handle_pong(&data, now);
            }
            Incoming::Close(close) => return self.handle_peer_close(close, now),
            Incoming::Violation(violation) => return self.handle_violation(*violation, now),
            Incoming::Lost(loss) => return self.handle_lost(loss, now),
        }
        ControlFlow::Continue(true)
    }

    fn report_ping(&mut self, data: &[u8], now: Instant) {
        self.report(
            now,
            &Event::Ping {
                conn: self.number,
                by: By::Peer,
                origin: None,
                data,
            },
        );
    }

    pub(super) fn report_our_pong(&mut self, data: &[u8], origin: Option<Origin>, now: Instant) {
        self.report(
            now,
            &Event::Pong {
                conn: self.number,
                by: By::Us,
                origin,
                data,
                rtt: None,
                asked: false,
            },
        );
    }

    fn handle_pong(&mut self, data: &Bytes, now: Instant) {
        let answered = self.timers.keepalive.handle_pong(data, now);
        if let Some((rtt, _)) = answered {
            self.run.rtts.push(rtt);
        }
        let confirms = self.run.outbox.handle_pong(data);
        self.report(
            now,
            &Event::Pong {
                conn: self.number,
                by: By::Peer,
                origin: None,
                data,
                rtt: answered.map(|(rtt, _)| rtt),
                asked: answered.is_some_and(|(_, asked)| asked),
            },
        );
        if confirms {
            self.report_confirmed(now);
        }
    }

    /// Gives a message to everything that shows or examines it, at once or record by record.
    fn deliver(&mut self, message: Message, now: Instant) {
        self.run.totals.received += 1;
        self.run.totals.bytes_received += message.len() as u64;
        self.reading.brought_data = true;
        if self.reading.as_it_is && !self.reacts() {
            return self.give_as_it_is(&message, now);
        }
        match self.reading.decoding {
            None => self.deliver_decoded(message, now),
            Some(_) => self.decode(message, now),
        }
    }

    /// Gives what a message says.
    pub(super) fn deliver_decoded(&mut self, message: Message, now: Instant) {
        self.reading.beats = self.sending.has_heartbeat() && self.run.answers_heartbeat(&message);
        if let Some(split) = self.run.split {
            self.reading.held = Some(Held::Records(Records::new(split, message)));
            return;
        }
        self.give((&message, &message), None, now);
        self.handle_given(&message, now);
    }

    /// Gives the next record of a message. Each waits for room of its own, because a message may have
    /// very many.
    fn deliver_record(&mut self, mut records: Records, now: Instant) {
        let Some(record) = records.next() else {
            return;
        };
        if record.is_rest
            && let Some(note) = self.run.handle_rest(record.number)
        {
            self.report(now, &Event::Warning(&note));
        }
        let data = (&record.message, records.message());
        let goes_on = self.give(data, Some(record.number), now);
        match goes_on && !records.is_done() {
            true => self.reading.held = Some(Held::Records(records)),
            false => self.handle_given(records.message(), now),
        }
    }

    /// What [`Conn::give`] and [`Conn::handle_given`] do where nothing is done with a message but to give it:
    /// the way of every message of a plain pipe.
    #[inline]
    fn give_as_it_is(&mut self, message: &Message, now: Instant) {
        let json = self.json_of(message);
        let wanted = self.run.policy.handle_record(&json);
        self.run.policy.drain.handle_bytes(now);
        if wanted {
            self.sink.handle_message(
                now,
                &Received {
                    conn: self.number,
                    message,
                    whole: message,
                    decoded: None,
                    record: None,
                    json: &json,
                    is_ping: false,
                },
            );
        }
        let goes_on = wanted || !self.run.policy.stop.is_met();
        if goes_on && self.run.examines_received() {
            self.update(&json, false, now);
        }
        self.run.policy.stop.handle_message();
    }

    #[inline]
    fn json_of<'m>(&self, message: &'m Message) -> Parsed<'m> {
        match self.run.shares_json {
            true => Parsed::new(message.as_data()),
            false => Parsed::once(message.as_data()),
        }
    }

    /// Gives a record, or a message that is not split, to the rules of the run, the front end, and
    /// what examines it. Returns whether those after it in the same message matter.
    fn give(
        &mut self,
        (message, whole): (&Message, &Message),
        record: Option<u64>,
        now: Instant,
    ) -> bool {
        let undecoded = self.reading.undecoded.clone();
        let json = self.json_of(message);
        let wanted = self.run.policy.handle_record(&json);
        // --count 0 shows no message, but one may be what the opening waits for.
        let goes_on = wanted || !self.run.policy.stop.is_met();
        let reaction = match goes_on && self.reacts() {
            true => self.react(message, &json),
            false => Reaction::default(),
        };
        self.reading.brought_more_than_pings |= !reaction.ping;
        // A heartbeat must not keep a run alive.
        if !self.reading.beats && !reaction.ping {
            self.run.policy.drain.handle_bytes(now);
        }
        if wanted {
            let received = Received {
                conn: self.number,
                message,
                whole: undecoded.as_ref().unwrap_or(whole),
                decoded: undecoded.as_ref().map(|_| whole),
                record,
                json: &json,
                is_ping: reaction.ping,
            };
            self.sink.handle_message(now, &received);
        }
        if goes_on {
            if !reaction.problems.is_empty() {
                self.report_unanswerable(&reaction.problems, now);
            }
            if self.run.examines_received() {
                self.update(&json, reaction.answered, now);
            }
        }
        goes_on
    }

    /// All of a message has been given.
    fn handle_given(&mut self, message: &Message, now: Instant) {
        // A ping of the application counts no more than one of the protocol.
        if std::mem::take(&mut self.reading.brought_more_than_pings) {
            self.run.policy.stop.handle_message();
        }
        let undecoded = self.reading.undecoded.take();
        let message = undecoded.as_ref().unwrap_or(message);
        if self.sending.mirror && !self.ending.has_begun() {
            self.send_back(message, now);
        }
    }

    /// Looks at what a message means for those that were sent.
    fn update(&mut self, message: &Parsed<'_>, answered: bool, now: Instant) {
        let mut complaint = None;
        let meaning = self.run.handle_received(message, answered, &mut complaint);
        if meaning.answers {
            self.run.policy.pace.handle_reply();
        }
        if meaning.confirms {
            self.report_confirmed(now);
        }
        if let Some(complaint) = complaint {
            self.report(now, &Event::Warning(&complaint));
        }
    }

    /// Some messages are known to have arrived.
    fn report_confirmed(&mut self, now: Instant) {
        let left = self.run.outbox.unconfirmed();
        self.run.policy.drain.handle_confirmed(now, left);
        // The last that was to be sent again may be among them.
        self.report_repeats(false, now);
    }

    /// The socket has nothing more for now.
    fn handle_pending(&mut self, now: Instant) {
        if self.run.reports_skipped
            && let Some(note) = self.run.first_skipped()
        {
            self.report(now, &Event::Warning(&note));
        }
        let moved = self.socket.take_moved();
        if moved.received {
            self.timers.keepalive.handle_bytes(now);
        }
        // A message that is complete has been looked at as a whole.
        if moved.data && self.socket.is_within_message() {
            self.run.policy.drain.handle_bytes(now);
        }
    }
}
