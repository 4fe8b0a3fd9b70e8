//! A connection from its opening to its end. One loop serves every front end: it looks at the
//! commands, the socket, the clock and the stop signal, and tells the front end what happens.
//!
//! The loop never waits for the front end's output: while that is full it stops reading messages,
//! and goes on answering pings.

pub mod connect;
pub mod ended;
pub mod machine;
pub mod stop;
mod stream;
pub mod token;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self as engine, error::ProtocolError};

use crate::error::Exit;
use crate::event::{By, Close, Command, Event, Kind, Message, Totals};
use crate::transport::BoxedStream;
use crate::wire::watch::Violation;
use connect::Connection;
use ended::{Answer, Ended, Stop};
use machine::{Action, Machine};
use stream::Watched;

/// Messages taken from one side before the other has its turn.
const BATCH: usize = 256;

/// Pongs that may wait for a peer that does not read them, before we stop reading its pings. The
/// engine would collect them without end.
const MAX_PONGS: u32 = 4096;

/// What is read at once. The engine clears all of it before every read, so more is not better.
const READ_BUFFER: usize = 64 * 1024;

/// Longest reason of a Close (RFC 6455 §5.5: 125 bytes with the code).
pub const MAX_REASON: usize = 123;

/// The engine's limit for frames holds for control frames too, which are not messages. Below this
/// one, data frames are judged by the limit for messages alone.
const SMALLEST_FRAME_LIMIT: usize = 64 * 1024;

/// How long a peer that broke the protocol, or that `--max-time` cuts off, is given to read our
/// Close.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// What the session needs from a front end: the REPL and the pipe look the same from here.
pub trait Front {
    /// Room for the output of another message. Pending stops the reading.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Something happened. Must not block.
    fn handle_event(&mut self, now: Instant, event: &Event<'_>);

    /// The next thing to do. Not asked again after a [`Command::Close`].
    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Command>;

    /// Bytes arrived, perhaps only a part of a message.
    fn handle_bytes(&mut self, now: Instant);

    /// Everything sent so far has left for the kernel.
    fn handle_flushed(&mut self, now: Instant);

    /// When [`Front::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;

    fn handle_timeout(&mut self, now: Instant);

    /// The loop is about to sleep: what was rendered must be on its way.
    fn flush(&mut self);
}

/// What stops a run from outside, as the loop sees it. It may fire more than once.
pub trait StopSource {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop>;
}

#[derive(Clone, Debug)]
pub struct Options {
    pub machine: machine::Options,
    /// Largest message received, in bytes.
    pub max_message_size: usize,
}

/// Talks over `connection` until it ends. `opening` goes out first, in order.
pub async fn run(
    connection: Connection,
    opening: &[Message],
    options: &Options,
    front: &mut impl Front,
    stop: &mut impl StopSource,
) -> (Ended, Totals) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(options.max_message_size))
        .max_frame_size(Some(options.max_message_size.max(SMALLEST_FRAME_LIMIT)));
    let watched = Watched::new(connection.stream, connection.early);
    let socket = WebSocketStream::from_raw_socket(watched, Role::Client, Some(config)).await;
    let mut first = VecDeque::new();
    first.extend(connection.first);
    first.extend(
        opening
            .iter()
            .map(|message| (message.clone(), message.clone())),
    );
    let now = now();
    let mut session = Session {
        socket,
        machine: Machine::new(options.machine.clone(), now),
        front,
        stop,
        opening: first,
        held: None,
        closing: None,
        needs_flush: false,
        pongs: 0,
        received_before: 0,
        totals: Totals::default(),
        sleep: Box::pin(tokio::time::sleep_until(now.into())),
        armed: None,
    };
    let ended = poll_fn(|cx| session.poll(cx)).await;
    let totals = session.totals;
    hang_up(session.socket.into_inner().into_inner(), &ended).await;
    (ended, totals)
}

/// tokio's clock, so that tests can pause it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Ends the TCP connection so that our last frame is still read: closing a socket that holds
/// unread bytes sends a reset, which may overtake it.
async fn hang_up(mut stream: BoxedStream, ended: &Ended) {
    let patience = match ended {
        Ended::Violation { .. } => LAST_PATIENCE,
        Ended::ByPeer(_) | Ended::ByUs(Answer::Agreed | Answer::Crossed(_)) => {
            Duration::from_millis(100)
        }
        _ => return,
    };
    let goodbye = async {
        let _ = stream.shutdown().await;
        let mut rest = [0; 4096];
        while matches!(ended, Ended::Violation { .. })
            && matches!(stream.read(&mut rest).await, Ok(n) if n > 0)
        {}
    };
    let _ = tokio::time::timeout(patience, goodbye).await;
}

/// Why we sent a Close.
#[derive(Debug)]
enum Closing {
    /// The front end wanted it.
    Front(Close),
    /// It answers the peer's; nothing but the flush is left.
    Reply(Close),
    /// The peer broke a rule; likewise.
    Violation(Violation),
    /// A signal or `--max-time`.
    Stopped(Stop),
}

struct Session<'a, F, S> {
    socket: WebSocketStream<Watched<BoxedStream>>,
    machine: Machine,
    front: &'a mut F,
    stop: &'a mut S,
    /// Messages to send first, each with what is shown of it.
    opening: VecDeque<(Message, Message)>,
    /// A message read while the front end had no room for it.
    held: Option<Message>,
    closing: Option<Closing>,
    needs_flush: bool,
    /// Pongs handed to the engine since the last flush.
    pongs: u32,
    received_before: u64,
    totals: Totals,
    sleep: Pin<Box<Sleep>>,
    armed: Option<Instant>,
}

/// Whether a step got anywhere, or how it all ended.
type Step = ControlFlow<Ended, bool>;

impl<F: Front, S: StopSource> Session<'_, F, S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            match self.turn(cx) {
                ControlFlow::Break(ended) => {
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
        let stopped = self.poll_stop(cx, now)?;
        let read = self.poll_read(cx, now)?;
        let written = self.poll_write(cx, now)?;
        if stopped || read || written {
            return ControlFlow::Continue(true);
        }
        let flushed = self.poll_flush(cx, now)?;
        self.front.flush();
        let due = self.poll_timers(cx, now)?;
        ControlFlow::Continue(flushed || due)
    }

    fn poll_stop(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let Poll::Ready(stop) = self.stop.poll_stop(cx) else {
            return ControlFlow::Continue(false);
        };
        let over = match &self.closing {
            None => false,
            // A Close is with the server already: there is nothing left to do but to wait, and
            // whoever sends a signal does not want to.
            Some(Closing::Front(_)) => stop != Stop::MaxTime && !self.needs_flush,
            // Nor does the second signal wait for anybody.
            Some(Closing::Stopped(_) | Closing::Reply(_) | Closing::Violation(_)) => true,
        };
        if over {
            return ControlFlow::Break(Ended::Stopped(stop));
        }
        let patience = if stop == Stop::MaxTime {
            LAST_PATIENCE
        } else {
            Duration::MAX
        };
        let already_sent = self.closing.is_some();
        self.closing = Some(Closing::Stopped(stop));
        if !already_sent {
            self.send_close(&Close::new(1001, ""), patience, now);
        }
        self.machine.handle_closing(now, patience);
        ControlFlow::Continue(true)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if matches!(
            self.closing,
            Some(Closing::Reply(_) | Closing::Violation(_))
        ) {
            return ControlFlow::Continue(false);
        }
        for n in 0..BATCH {
            if self.pongs >= MAX_PONGS {
                return ControlFlow::Continue(n > 0);
            }
            let room = self.front.poll_ready(cx).is_ready();
            if let Some(message) = self.held.take_if(|_| room) {
                self.deliver(&message, now);
                continue;
            }
            // One message of look-ahead, so that control frames before it are still handled.
            if self.held.is_some() {
                return ControlFlow::Continue(n > 0);
            }
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => self.handle_frame(message, room, now),
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

    fn handle_frame(&mut self, message: engine::Message, room: bool, now: Instant) {
        match message {
            engine::Message::Text(text) => self.handle_data(Kind::Text, text.into(), room, now),
            engine::Message::Binary(data) => self.handle_data(Kind::Binary, data, room, now),
            engine::Message::Ping(data) => {
                self.tell(
                    now,
                    &Event::Ping {
                        conn: 1,
                        by: By::Peer,
                        data: &data,
                    },
                );
                if self.closing.is_none() {
                    // The engine has the pong ready; it goes out with the next flush.
                    self.needs_flush = true;
                    self.pongs += 1;
                    self.tell(
                        now,
                        &Event::Pong {
                            conn: 1,
                            by: By::Us,
                            data: &data,
                            rtt: None,
                        },
                    );
                }
            }
            engine::Message::Pong(data) => {
                let rtt = self.machine.handle_pong(&data, now);
                self.tell(
                    now,
                    &Event::Pong {
                        conn: 1,
                        by: By::Peer,
                        data: &data,
                        rtt,
                    },
                );
            }
            // The watcher keeps Close frames, and the engine gives raw frames to nobody.
            engine::Message::Close(_) | engine::Message::Frame(_) => {}
        }
    }

    fn handle_data(&mut self, kind: Kind, data: Bytes, room: bool, now: Instant) {
        let message = Message { kind, data };
        if room {
            self.deliver(&message, now);
        } else {
            self.held = Some(message);
        }
    }

    fn deliver(&mut self, message: &Message, now: Instant) {
        self.totals.received += 1;
        self.totals.bytes_received += message.data.len() as u64;
        self.tell(now, &Event::Receive { conn: 1, message });
    }

    fn tell(&mut self, now: Instant, event: &Event<'_>) {
        self.front.handle_event(now, event);
    }

    /// The socket has nothing more for now: look at what the watcher saw.
    fn handle_pending(&mut self, now: Instant) -> Step {
        let received = self.socket.get_ref().received();
        if received != self.received_before {
            self.received_before = received;
            self.machine.handle_bytes(now);
            self.front.handle_bytes(now);
        }
        match self.socket.get_mut().take_close() {
            Some(Ok(close)) => self.handle_peer_close(close, now),
            Some(Err(violation)) => self.handle_violation(violation, now),
            None => ControlFlow::Continue(false),
        }
    }

    fn handle_peer_close(&mut self, close: Close, now: Instant) -> Step {
        let (by, ended) = match self.closing.take() {
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
                        conn: 1,
                        by: By::Peer,
                        close: &close,
                        clean: true,
                    },
                );
                self.closing = Some(Closing::Reply(close));
                return ControlFlow::Continue(true);
            }
            Some(Closing::Stopped(stop)) => (By::Us, Ended::Stopped(stop)),
            Some(Closing::Front(ours))
                if ours.code == close.code || ended::exit_of_close(&close) == Exit::Ok =>
            {
                (By::Us, Ended::ByUs(Answer::Agreed))
            }
            Some(_) => (By::Peer, Ended::ByUs(Answer::Crossed(close.clone()))),
        };
        self.tell(
            now,
            &Event::Close {
                conn: 1,
                by,
                close: &close,
                clean: true,
            },
        );
        ControlFlow::Break(ended)
    }

    fn handle_violation(&mut self, violation: Violation, now: Instant) -> Step {
        if self.closing.is_none() {
            let close = Close::new(violation.code, "");
            self.send_close(&close, LAST_PATIENCE, now);
            self.tell(
                now,
                &Event::Close {
                    conn: 1,
                    by: By::Us,
                    close: &close,
                    clean: false,
                },
            );
        }
        self.machine.handle_closing(now, LAST_PATIENCE);
        self.closing = Some(Closing::Violation(violation));
        ControlFlow::Continue(true)
    }

    fn handle_error(&mut self, error: engine::Error, now: Instant) -> Step {
        use engine::Error::{Capacity, Io, Protocol, Utf8};
        match error {
            Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                self.handle_lost("the server ended the TCP connection", now)
            }
            Io(error) => self.handle_lost(&plain(&error), now),
            Capacity(error) => self.handle_violation(
                Violation {
                    code: 1009,
                    rule: too_big(&error, self.socket.get_config().max_message_size),
                },
                now,
            ),
            Utf8(_) => {
                let rule = "a text message that is not UTF-8 (RFC 6455 section 8.1)".to_owned();
                self.handle_violation(Violation { code: 1007, rule }, now)
            }
            Protocol(error) => self.handle_violation(
                Violation {
                    code: 1002,
                    rule: rule_of(&error),
                },
                now,
            ),
            other => self.handle_lost(&other.to_string(), now),
        }
    }

    /// The connection is gone without a Close from the peer.
    fn handle_lost(&mut self, why: &str, now: Instant) -> Step {
        // A Close that had arrived before the end counts.
        let progress = self.handle_pending(now)?;
        if progress {
            return ControlFlow::Continue(true);
        }
        let eof = self.socket.get_ref().write_error().is_none() && !why.contains("reset");
        ControlFlow::Break(match self.closing.take() {
            None => {
                self.tell_lost(now);
                Ended::Lost(why.to_owned())
            }
            Some(Closing::Front(close)) => {
                self.tell(
                    now,
                    &Event::Close {
                        conn: 1,
                        by: By::Us,
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

    /// 1006 is never sent, but it is what browsers call this end (RFC 6455 section 7.1.5).
    fn tell_lost(&mut self, now: Instant) {
        let close = Close::new(1006, "");
        self.tell(
            now,
            &Event::Close {
                conn: 1,
                by: By::Peer,
                close: &close,
                clean: false,
            },
        );
    }

    /// The end that a Close of ours was sent for.
    fn end_of(&self, closing: Closing) -> Ended {
        match closing {
            Closing::Front(_) => Ended::ByUs(Answer::TimedOut),
            Closing::Reply(close) => Ended::ByPeer(close),
            Closing::Violation(Violation { code, rule }) => Ended::Violation { code, rule },
            Closing::Stopped(stop) => Ended::Stopped(stop),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        for n in 0..BATCH {
            if self.closing.is_some() || self.socket.get_ref().write_error().is_some() {
                return ControlFlow::Continue(n > 0);
            }
            if Pin::new(&mut self.socket).poll_ready(cx).is_pending() {
                return ControlFlow::Continue(n > 0);
            }
            if let Some((message, shown)) = self.opening.pop_front() {
                self.send(message, &shown, now);
                continue;
            }
            match self.front.poll_command(cx, now) {
                Poll::Ready(command) => self.obey(command, now),
                Poll::Pending => return ControlFlow::Continue(n > 0),
            }
        }
        ControlFlow::Continue(true)
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Send(message) => {
                self.count_sent(&message);
                self.front.handle_event(
                    now,
                    &Event::Send {
                        conn: 1,
                        message: &message,
                    },
                );
                self.start_send(to_engine(message));
            }
            Command::Ping(data) => self.send_ping(data, true, now),
            Command::Pong(data) => {
                self.tell(
                    now,
                    &Event::Pong {
                        conn: 1,
                        by: By::Us,
                        data: &data,
                        rtt: None,
                    },
                );
                self.start_send(engine::Message::Pong(data));
            }
            Command::Close(close) => {
                self.send_close(&close, Duration::MAX, now);
                self.closing = Some(Closing::Front(close));
            }
        }
    }

    fn send(&mut self, message: Message, shown: &Message, now: Instant) {
        self.count_sent(&message);
        self.tell(
            now,
            &Event::Send {
                conn: 1,
                message: shown,
            },
        );
        self.start_send(to_engine(message));
    }

    fn count_sent(&mut self, message: &Message) {
        self.totals.sent += 1;
        self.totals.bytes_sent += message.data.len() as u64;
    }

    fn send_ping(&mut self, data: Bytes, asked: bool, now: Instant) {
        self.machine.handle_ping_queued(data.clone(), asked);
        self.tell(
            now,
            &Event::Ping {
                conn: 1,
                by: By::Us,
                data: &data,
            },
        );
        self.start_send(engine::Message::Ping(data));
    }

    fn send_close(&mut self, close: &Close, patience: Duration, now: Instant) {
        self.start_send(engine::Message::Close(close.code.map(|code| CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from(close.reason.as_str()),
        })));
        self.machine.handle_closing(now, patience);
    }

    fn start_send(&mut self, message: engine::Message) {
        // An error here can only be one of the engine's state, as the stream swallows those of
        // writing: after the engine has ended reading it may refuse to send, and then there is
        // nobody to send to.
        let _ = Pin::new(&mut self.socket).start_send(message);
        self.needs_flush = true;
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if !self.needs_flush || Pin::new(&mut self.socket).poll_flush(cx).is_pending() {
            return ControlFlow::Continue(false);
        }
        self.needs_flush = false;
        self.pongs = 0;
        // After a failed write, what the peer said before it went is still to be read; the end of
        // that comes by itself.
        if self.socket.get_ref().write_error().is_none() {
            self.machine.handle_flushed(now);
            self.front.handle_flushed(now);
        }
        match self.closing.take() {
            Some(done @ (Closing::Reply(_) | Closing::Violation(_))) => {
                ControlFlow::Break(self.end_of(done))
            }
            other => {
                self.closing = other;
                ControlFlow::Continue(true)
            }
        }
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        // The front end acts on its own by commands, and those are over.
        let listening = self.closing.is_none() && self.socket.get_ref().write_error().is_none();
        let front = self.front.poll_timeout().filter(|_| listening);
        let Some(deadline) = [self.machine.poll_timeout(), front]
            .into_iter()
            .flatten()
            .min()
        else {
            return ControlFlow::Continue(false);
        };
        if deadline <= now {
            self.front.handle_timeout(now);
            self.handle_machine_timeout(now)?;
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

    fn handle_machine_timeout(&mut self, now: Instant) -> Step {
        match self.machine.handle_timeout(now) {
            Action::Nothing => {}
            Action::Ping(data) => self.send_ping(data, false, now),
            Action::Dead { waited, silent } => {
                return ControlFlow::Break(Ended::NoPong { waited, silent });
            }
            // It is our own output that holds things up; what has arrived is not thrown away.
            Action::CloseTimedOut
                if self.held.is_some() && matches!(self.closing, Some(Closing::Front(_))) =>
            {
                self.machine.handle_delay(now);
            }
            Action::CloseTimedOut => {
                if let Some(Closing::Front(close)) = &self.closing {
                    let event = Event::Close {
                        conn: 1,
                        by: By::Us,
                        close,
                        clean: false,
                    };
                    self.front.handle_event(now, &event);
                }
                let done = self
                    .closing
                    .take()
                    .unwrap_or(Closing::Front(Close::default()));
                return ControlFlow::Break(self.end_of(done));
            }
        }
        ControlFlow::Continue(true)
    }
}

fn to_engine(message: Message) -> engine::Message {
    match message.kind {
        Kind::Binary => engine::Message::Binary(message.data),
        Kind::Text => match Utf8Bytes::try_from(message.data.clone()) {
            Ok(text) => engine::Message::Text(text),
            // Framing has refused such input before; never send bad text all the same.
            Err(_) => engine::Message::Binary(message.data),
        },
    }
}

fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

fn too_big(error: &engine::error::CapacityError, limit: Option<usize>) -> String {
    match error {
        engine::error::CapacityError::MessageTooLong { size, max_size } => {
            let limit = limit.unwrap_or(*max_size);
            format!(
                "a message of at least {size} bytes, more than the {limit} that --max-message-size allows"
            )
        }
        other => other.to_string(),
    }
}

/// The rule behind an error of the engine's, with its section of RFC 6455.
fn rule_of(error: &ProtocolError) -> String {
    let section = match error {
        ProtocolError::NonZeroReservedBits
        | ProtocolError::InvalidOpcode(_)
        | ProtocolError::UnknownControlFrameType(_)
        | ProtocolError::UnknownDataFrameType(_) => "5.2",
        ProtocolError::MaskedFrameFromServer => "5.1",
        ProtocolError::FragmentedControlFrame | ProtocolError::ControlFrameTooBig => "5.5",
        ProtocolError::UnexpectedContinueFrame | ProtocolError::ExpectedFragment(_) => "5.4",
        _ => return error.to_string(),
    };
    format!("{error} (RFC 6455 section {section})")
}
