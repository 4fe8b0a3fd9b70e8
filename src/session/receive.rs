//! What the peer says, judged: messages, control frames, its Close, and every way in which a
//! connection breaks.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::Stream;
use tokio_tungstenite::tungstenite as engine;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::ended::{self, Answer, Ended, SEND_FAILED};
use super::engine::from_engine;
use super::talk::{BATCH, Closing, Paused, Session, Step};
use super::{Front, LAST_PATIENCE};
use crate::close::Close;
use crate::error::{Exit, plain_clause};
use crate::event::{By, Event, Origin};
use crate::io::signals::StopSignal;
use crate::message::Message;
use crate::wire::validate::Violation;

/// Pongs that may wait for a peer that does not read them, before we stop reading its pings. The
/// engine would collect them without end.
const MAX_PONGS: u32 = 4096;

/// Control frames handled, and frames traced, while the front end has no room.
const MAX_UNASKED: u32 = 1024;

impl<F: Front, S: StopSignal> Session<'_, F, S> {
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if matches!(
            self.closing,
            Some(Closing::Reply(_) | Closing::Violation(..))
        ) {
            return ControlFlow::Continue(false);
        }
        let stopped = matches!(self.closing, Some(Closing::Stopped(_)));
        for n in 0..BATCH {
            if self.stop.is_due() {
                return ControlFlow::Continue(n > 0);
            }
            // What is sent back must have gone before more of it comes; control frames may come.
            let owed = self.mirror
                && self.closing.is_none()
                && (!self.opening.is_empty() || !self.poll_room(cx));
            let front_ready = self.front.poll_ready(cx).is_ready();
            let room = front_ready && !owed;
            if room {
                self.unasked = 0;
            }
            if let Some(message) = self.held.take_if(|_| room) {
                self.deliver(&message, now);
                continue;
            }
            // A signal cuts the output short: all that is wanted is the answer to our Close.
            if stopped && !room && self.held.take().is_some() {
                self.unasked = self.unasked.saturating_sub(1);
            }
            self.paused = self.pauses(front_ready);
            if self.paused.is_some() {
                return ControlFlow::Continue(n > 0);
            }
            let next = Pin::new(&mut self.socket).poll_next(cx);
            let traced = self.tell_frames(now);
            self.unasked += if room { 0 } else { traced };
            match next {
                Poll::Ready(Some(Ok(message))) => {
                    self.unasked += u32::from(!room);
                    self.handle_frame(message, room, now);
                }
                Poll::Ready(Some(Err(error))) => return self.handle_error(error, now),
                Poll::Ready(None) => return self.handle_lost("the connection ended", now),
                Poll::Pending => {
                    let progress = self.handle_pending(now)?;
                    return ControlFlow::Continue(progress || n > 0);
                }
            }
        }
        ControlFlow::Continue(true)
    }

    /// Why nothing more is to be read for now.
    fn pauses(&self, front_ready: bool) -> Option<Paused> {
        if self.pongs >= MAX_PONGS {
            return Some(Paused::ByPeer);
        }
        // One message of look-ahead, so that control frames before it are still handled; but they may
        // be shown too, so not without end.
        let overfull = !front_ready && self.front.is_overfull();
        let full = self.held.is_some() || self.unasked > MAX_UNASKED || overfull;
        full.then_some(match front_ready {
            true => Paused::ByPeer,
            false => Paused::ByOutput,
        })
    }

    fn handle_frame(&mut self, message: engine::Message, room: bool, now: Instant) {
        match message {
            message @ (engine::Message::Text(_) | engine::Message::Binary(_)) => {
                if let Some(message) = from_engine(message) {
                    self.handle_data(message, room, now);
                }
            }
            engine::Message::Ping(data) => {
                self.socket.get_mut().next_was_ping();
                self.handle_ping(&data, now);
                if self.closing.is_none() {
                    // The engine has the pong ready; it goes out with the next flush.
                    self.needs_flush = true;
                    self.pongs += 1;
                    self.tell_our_pong(&data, Some(Origin::Auto), now);
                }
            }
            engine::Message::Pong(data) if self.socket.get_mut().next_was_ping() => {
                self.handle_ping(&data, now);
            }
            engine::Message::Pong(data) => {
                let answered = self.keepalive.handle_pong(&data, now);
                if let Some((rtt, _)) = answered {
                    self.run_state.rtts.push(rtt);
                }
                let confirms = self.run_state.outbox.handle_pong(&data);
                self.tell(
                    now,
                    &Event::Pong {
                        conn: self.conn,
                        by: By::Peer,
                        origin: None,
                        data: &data,
                        rtt: answered.map(|(rtt, _)| rtt),
                        asked: answered.is_some_and(|(_, asked)| asked),
                    },
                );
                if confirms {
                    self.tell_confirmed(now);
                }
            }
            // The shim keeps Close frames, and the engine gives raw frames to nobody.
            engine::Message::Close(_) | engine::Message::Frame(_) => {}
        }
    }

    fn handle_ping(&mut self, data: &[u8], now: Instant) {
        self.tell(
            now,
            &Event::Ping {
                conn: self.conn,
                by: By::Peer,
                origin: None,
                data,
            },
        );
    }

    fn handle_data(&mut self, message: Message, room: bool, now: Instant) {
        if room {
            self.deliver(&message, now);
        } else {
            self.held = Some(message);
        }
    }

    fn deliver(&mut self, message: &Message, now: Instant) {
        let totals = &mut self.run_state.totals;
        totals.received += 1;
        totals.bytes_received += message.len() as u64;
        self.brought_data = true;
        if self.heartbeat.is_none() || !self.run_state.answers_heartbeat(message) {
            self.front.handle_bytes(now);
        }
        let conn = self.conn;
        let taken = self.front.takes_messages();
        self.front
            .handle_event(now, &Event::Receive { conn, message });
        if taken && self.run_state.is_attentive() {
            let meaning = self.run_state.handle_received(message, &mut self.complaint);
            if meaning.answers {
                self.front.handle_answered();
            }
            if meaning.confirms {
                self.tell_confirmed(now);
            }
            if let Some(complaint) = self.complaint.take() {
                self.tell(now, &Event::Note(&complaint));
            }
        }
        if self.mirror && self.closing.is_none() && self.closed_by_hand.is_none() {
            self.send_back(message, now);
        }
    }

    pub(super) fn tell(&mut self, now: Instant, event: &Event<'_>) {
        self.close_told |= matches!(event, Event::Close { .. });
        self.front.handle_event(now, event);
    }

    /// The socket has nothing more for now: look at what the shim saw.
    fn handle_pending(&mut self, now: Instant) -> Step {
        let received = self.stream().received();
        if received != self.received_before {
            self.received_before = received;
            self.keepalive.handle_bytes(now);
        }
        let data = self.socket.get_ref().data_bytes();
        if data != self.data_before {
            self.data_before = data;
            // A message that is complete has been looked at as a whole.
            if self.socket.get_ref().unfinished().is_some() {
                self.front.handle_bytes(now);
            }
        }
        match self.socket.get_mut().take_close() {
            Some(Ok(close)) => self.handle_peer_close(close, now),
            Some(Err(violation)) => self.handle_violation(*violation, now),
            None => ControlFlow::Continue(false),
        }
    }

    fn handle_peer_close(&mut self, close: Close, now: Instant) -> Step {
        let (by, ended) = match self.take_closing() {
            None => {
                // RFC 6455 section 5.5.1: the endpoint typically echoes the status code it received.
                let reply = Close {
                    code: close.code,
                    reason: String::new(),
                };
                self.send_close(&reply, Duration::MAX, now);
                self.tell(
                    now,
                    &Event::Close {
                        conn: self.conn,
                        by: By::Peer,
                        origin: None,
                        close: &close,
                        clean: true,
                    },
                );
                self.set_closing(Closing::Reply(close), now);
                return ControlFlow::Continue(true);
            }
            Some(Closing::Stopped(stop)) => (By::Us, Ended::Stopped(stop)),
            Some(Closing::Requested(ours))
                if ours.code == close.code || ended::exit_of_close(&close) == Exit::Ok =>
            {
                (By::Us, Ended::ByUs(Answer::Agreed))
            }
            Some(_) => (By::Peer, Ended::ByUs(Answer::Crossed(close.clone()))),
        };
        self.tell(
            now,
            &Event::Close {
                conn: self.conn,
                by,
                origin: None,
                close: &close,
                clean: true,
            },
        );
        ControlFlow::Break(ended)
    }

    fn handle_violation(&mut self, violation: Violation, now: Instant) -> Step {
        let (close, origin) = match self.take_closing() {
            None => {
                let close = Close::new(violation.code, "");
                self.send_close(&close, LAST_PATIENCE, now);
                (close, Some(Origin::Auto))
            }
            // Ours has been sent, and there is one to a connection.
            Some(Closing::Requested(close)) => (close, None),
            Some(done) => return ControlFlow::Break(self.end_of(done)),
        };
        self.tell(
            now,
            &Event::Close {
                conn: self.conn,
                by: By::Us,
                origin,
                close: &close,
                clean: false,
            },
        );
        self.keepalive.handle_closing(now, LAST_PATIENCE);
        // The end comes after a flush, even one that finds nothing to do.
        self.needs_flush = true;
        self.set_closing(Closing::Violation(violation, close), now);
        ControlFlow::Continue(true)
    }

    fn handle_error(&mut self, error: engine::Error, now: Instant) -> Step {
        use engine::Error::{Capacity, Io, Protocol, Utf8};
        match error {
            Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                let why = match self.socket.get_ref().unfinished() {
                    None => "the server ended the TCP connection".to_owned(),
                    Some(what) => format!("the server ended the TCP connection within a {what}"),
                };
                self.handle_lost(&why, now)
            }
            Io(error) => self.handle_lost(&plain_clause(&error), now),
            // The shim has judged every frame before the engine; this is for what it might overlook.
            Protocol(_) | Capacity(_) | Utf8(_) => {
                let (code, rule) = (1002, error.to_string());
                let frame = Vec::new();
                self.handle_violation(Violation { code, rule, frame }, now)
            }
            other => self.handle_lost(&other.to_string(), now),
        }
    }

    /// The Close of ours that has been sent, one made by hand included.
    fn take_closing(&mut self) -> Option<Closing> {
        let by_hand = self.closed_by_hand.take().map(Closing::Requested);
        self.closing.take().or(by_hand)
    }

    /// The connection is gone without a Close from the peer.
    fn handle_lost(&mut self, why: &str, now: Instant) -> Step {
        // A Close that had arrived before the end counts.
        let progress = self.handle_pending(now)?;
        if progress {
            return ControlFlow::Continue(true);
        }
        let eof = self.stream().write_error().is_none() && !why.contains("reset");
        ControlFlow::Break(match self.take_closing() {
            None => {
                self.tell_lost(now);
                if self.stalled {
                    // What stood in the way of sending was this.
                    Ended::SendFailed(format!("{SEND_FAILED}{why}"))
                } else {
                    Ended::Lost(why.to_owned())
                }
            }
            Some(Closing::Requested(close)) => {
                self.tell(
                    now,
                    &Event::Close {
                        conn: self.conn,
                        by: By::Us,
                        origin: None,
                        close: &close,
                        clean: false,
                    },
                );
                Ended::ByUs(if eof {
                    Answer::Eof
                } else {
                    Answer::Lost(why.to_owned())
                })
            }
            Some(done) => self.end_of(done),
        })
    }

    pub(super) fn tell_our_pong(&mut self, data: &[u8], origin: Option<Origin>, now: Instant) {
        self.tell(
            now,
            &Event::Pong {
                conn: self.conn,
                by: By::Us,
                origin,
                data,
                rtt: None,
                asked: false,
            },
        );
    }

    /// Some messages are known to have arrived.
    fn tell_confirmed(&mut self, now: Instant) {
        let left = self.run_state.outbox.unconfirmed();
        self.front.handle_confirmed(now, left);
        // The last that was to be sent again may be among them.
        self.tell_repeats(false, now);
    }

    /// 1006 is never sent, but it is what browsers call this end (RFC 6455 section 7.1.5).
    pub(super) fn tell_lost(&mut self, now: Instant) {
        let close = Close::new(1006, "");
        self.tell(
            now,
            &Event::Close {
                conn: self.conn,
                by: By::Peer,
                origin: None,
                close: &close,
                clean: false,
            },
        );
    }

    /// Notifies of the close where nothing has yet, so that every connection that opened closes: our
    /// Close had no answer, or writing failed before it was sent.
    pub(super) fn tell_end(&mut self, now: Instant) {
        if self.close_told {
            return;
        }
        let sent = self.sent_close.take();
        match sent.filter(|_| self.stream().write_error().is_none()) {
            Some(close) => {
                let event = Event::Close {
                    conn: self.conn,
                    by: By::Us,
                    origin: None,
                    close: &close,
                    clean: false,
                };
                self.tell(now, &event);
            }
            None => self.tell_lost(now),
        }
    }

    /// The end that a Close of ours was sent for.
    pub(super) fn end_of(&self, closing: Closing) -> Ended {
        match closing {
            Closing::Requested(_) => Ended::ByUs(Answer::TimedOut),
            Closing::Reply(close) => Ended::ByPeer(close),
            Closing::Violation(violation, close) => Ended::Violation(violation, close),
            Closing::Stopped(stop) => Ended::Stopped(stop),
        }
    }
}
