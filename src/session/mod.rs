//! A run from its first attempt to its end: connecting, talking, and connecting again. One loop
//! serves every front end: it looks at the commands, the socket, the clock and the stop signal, and
//! tells the front end what happens.
//!
//! The loop never waits for the front end's output: while that is full it stops reading at the next
//! message, and pings before that are still answered.

pub mod backoff;
pub mod confirm;
mod conn;
pub mod connect;
pub mod ended;
pub mod keepalive;
pub mod outbox;
pub mod reconnect;
pub mod resume;
pub mod rtt;
mod run_state;
pub mod state;

use std::cell::RefCell;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::sleep_until;

use crate::auth::acquire::{CachedAnswers, Environment};
use crate::error::{Error, Exit};
use crate::event::{Cause, Command, Event, Totals};
use crate::io::signals::{Stop, StopSignal};
use crate::message::Message;
use crate::secret::Secret;
use crate::transport::BoxedStream;
use crate::wire::fragments::Fragmentation;
use crate::wire::linger::Linger;
use crate::wire::shim;
use crate::wire::validate::Role;
use conn::{Conn, Over};
use connect::{Connection, Failed, Plan, Turn, connect, tell};
use ended::{Answer, Ended, Outcome};
use reconnect::{Action, Decision, Reconnect};
use resume::Memory;
use run_state::RunState;
use state::{Output, Saver};

/// How long a peer that broke the protocol, or that `--max-time` cuts off, is given to read our
/// Close.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// What the session needs from a front end: the REPL and the pipe look the same from here.
pub trait Front {
    /// Room for the output of another message. Pending stops the reading.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether so much output waits that nothing more may be read, not even control frames, which
    /// are otherwise handled while [`Front::poll_ready`] is pending.
    fn is_overfull(&self) -> bool {
        false
    }

    /// Something happened. Must not block.
    fn handle_event(&mut self, now: Instant, event: &Event<'_>);

    /// Returns the next thing to do.
    ///
    /// It is polled in every state of a run: while connecting, between connections, while the socket
    /// is full, while a Close is awaited and while the connection is shut down. In all of these there
    /// is no `room`, and only control is returned: [`Command::Close`], [`Command::Leave`],
    /// [`Command::Interrupt`] or [`Command::Reconnect`], and a ping or a pong, which pass between the
    /// fragments of a message. Messages wait. A [`Command::Close`] may be returned any number of
    /// times; while a Close is awaited it changes nothing.
    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant, room: bool) -> Poll<Command>;

    /// Nothing more can be sent over this connection: a Close has been sent, or writing has failed.
    fn handle_closing(&mut self, _now: Instant) {}

    /// Whether the front end has asked to leave. It stays so however the connection ends then: that
    /// end is the end of the run.
    fn is_leaving(&self) -> bool {
        false
    }

    /// Whether a message that has to be sent again may go out now.
    fn poll_pace(&mut self, _cx: &mut Context<'_>, _now: Instant) -> Poll<()> {
        Poll::Ready(())
    }

    /// A message from the front end has its reply, where replies are counted.
    fn handle_answered(&mut self) {}

    /// Some messages have been confirmed; so many have not.
    fn handle_confirmed(&mut self, _now: Instant, _left: u64) {}

    /// Whether messages still matter: not after a stop condition has been met.
    fn takes_messages(&self) -> bool {
        true
    }

    /// Whether nothing is left to do that would be worth another connection.
    fn is_done(&self) -> bool {
        false
    }

    /// Asks the person who types here, without echo. `None` where nobody types.
    fn ask(&mut self, _question: &str) -> Option<oneshot::Receiver<Secret>> {
        None
    }

    /// How far the output has got.
    fn output(&self) -> Output {
        Output::default()
    }

    /// A data message came, or a part of one, or it could not be seen whether one did. Answers to
    /// heartbeats are none.
    fn handle_bytes(&mut self, now: Instant);

    /// Everything sent so far has left for the kernel.
    fn handle_flushed(&mut self, now: Instant);

    /// When [`Front::poll_command`] is worth asking again.
    fn poll_timeout(&self) -> Option<Instant>;

    /// When silence will have lasted long enough for [`Front::handle_quiet`].
    fn quiet_at(&self) -> Option<Instant>;

    /// Silence may have lasted long enough: everything that had arrived by `now` has been read.
    fn handle_quiet(&mut self, now: Instant);

    /// The loop is about to sleep: what was rendered must be on its way.
    fn flush(&mut self);
}

#[derive(Clone, Debug)]
pub struct Options {
    pub keepalive: keepalive::Options,
    /// Largest message received, in bytes.
    pub max_message_size: usize,
    /// 0 to 9.
    pub deflate_level: u8,
    pub fragmentation: Fragmentation,
    /// Payload bytes of each frame that are told to the front end; `None` tells of no frames.
    pub trace: Option<usize>,
    /// Whether the front end tells at length of what is sent, for which it must have room.
    pub tells_sends: bool,
    /// Whether pings are answered.
    pub auto_pong: bool,
    /// Whether every data message is sent straight back.
    pub mirror: bool,
    /// `--on-open`: goes out first on every connection, in order.
    pub opening: Vec<Message>,
    pub heartbeat: Option<Message>,
    pub reconnect: reconnect::Options,
    pub confirm: Option<confirm::How>,
    /// `--lockstep`: replies matter, whether they confirm anything or not.
    pub counts_replies: bool,
    /// What may wait to be confirmed, in bytes.
    pub outbox: usize,
    /// Whether messages count as uncertain when their connection is lost.
    pub tell_uncertain: bool,
    /// `--resume`, with what `--state` held.
    pub memory: Memory,
    /// `--state`
    pub state: Option<PathBuf>,
}

impl Options {
    fn wire(&self, connection: &Connection) -> shim::Options {
        shim::Options {
            deflate: connection.deflate,
            deflate_level: self.deflate_level,
            fragmentation: self.fragmentation,
            trace: self.trace,
            first_is_secret: connection
                .first
                .as_ref()
                .is_some_and(|(sent, shown)| sent != shown),
            hide_pings: !self.auto_pong,
            ..shim::Options::plain(Role::Client, self.max_message_size)
        }
    }
}

/// How a run ended, and what there is to show for it.
pub struct Finished {
    pub outcome: Outcome,
    pub totals: Totals,
    /// Messages that the front end gave, and that no connection took whole. Those that wait to be
    /// confirmed are not among them.
    pub unsent: usize,
    memory: Memory,
    saver: Saver,
}

impl Finished {
    fn nothing(outcome: Outcome) -> Self {
        Finished {
            outcome,
            totals: Totals::default(),
            unsent: 0,
            memory: Memory::default(),
            saver: Saver::new(None),
        }
    }

    /// Writes the state, where there is one; `complete` is whether all output has been written.
    ///
    /// # Errors
    /// Exit 2 where it cannot be written.
    pub async fn save(self, complete: bool) -> Result<(), Error> {
        self.saver.finish(&self.memory, complete).await
    }
}

/// Connects as `plan` says and talks until everything is over.
pub async fn run<F: Front>(
    plan: &Plan,
    environment: &Environment<'_>,
    options: &Options,
    front: &mut F,
    stop: &mut impl StopSignal,
) -> Finished {
    let mut run = Run {
        plan,
        environment,
        options,
        front: RefCell::new(front),
        stop,
        reconnect: Reconnect::new(options.reconnect.clone()),
        run_state: RunState::new(options),
        prompted: CachedAnswers::default(),
    };
    let outcome = run.drive().await;
    let totals = run.run_state.totals();
    let uncertain = run.run_state.outbox.unconfirmed_numbers();
    if !uncertain.is_empty() {
        let (conn, messages) = (totals.connections, &uncertain[..]);
        tell(&run.front, &Event::Uncertain { conn, messages });
    }
    Finished {
        totals,
        unsent: run.run_state.outbox.unsent(),
        memory: run.run_state.memory,
        saver: run.run_state.saver,
        ..Finished::nothing(outcome)
    }
}

/// A run under way.
struct Run<'a, F, S> {
    plan: &'a Plan,
    environment: &'a Environment<'a>,
    options: &'a Options,
    /// Shared by whatever goes on at once; never borrowed while something waits.
    front: RefCell<&'a mut F>,
    stop: &'a mut S,
    reconnect: Reconnect,
    run_state: RunState,
    prompted: CachedAnswers,
}

/// What a front end or a signal wants while there is no connection.
#[derive(Debug, PartialEq, Eq)]
enum Offline {
    Leave,
    Connect,
    Stop(Stop),
}

impl Offline {
    fn ended(self) -> Ended {
        match self {
            Offline::Stop(stop) => Ended::Stopped(stop),
            Offline::Leave | Offline::Connect => Ended::Left,
        }
    }
}

impl<F: Front, S: StopSignal> Run<'_, F, S> {
    async fn drive(&mut self) -> Outcome {
        loop {
            let (cause, outcome) = match self.connect().await {
                Err(ended) => return Outcome::Ended(ended),
                Ok(Err(failed)) => {
                    let cause = failed.cause(self.prompted.have_been_read());
                    (Some(cause), Outcome::Failed(failed.error))
                }
                Ok(Ok(connection)) => match self.talk(connection).await {
                    // A signal takes precedence over whatever else was wanted.
                    (ended @ Ended::Stopped(_), _) => return Outcome::Ended(ended),
                    (_, true) => {
                        self.reconnect.retry_now(now());
                        let _ = self.reconnect.handle_timeout(now());
                        continue;
                    }
                    (ended, false) => (ended.cause(), Outcome::Ended(ended)),
                },
            };
            let Some(cause) = cause else {
                return outcome;
            };
            match self.decide(&cause, outcome) {
                Some(outcome) => return outcome,
                None => {
                    if let Err(ended) = self.wait().await {
                        return Outcome::Ended(ended);
                    }
                }
            }
        }
    }

    /// Makes one attempt; an error is what ended the run meanwhile.
    async fn connect(&mut self) -> Result<Result<Connection, Failed>, Ended> {
        let turn = Turn {
            conn: self.run_state.totals.connections + 1,
            attempt: self.reconnect.attempt(),
        };
        let mut connecting = pin!(connect(
            self.plan,
            turn,
            self.environment,
            &mut self.prompted,
            &self.run_state.memory,
            &self.front,
        ));
        let front = &self.front;
        let stop = &mut *self.stop;
        let mut begun = false;
        poll_fn(|cx| {
            while let Poll::Ready(idle) = poll_offline(front, stop, cx) {
                match idle {
                    // That is what goes on.
                    Offline::Connect => {}
                    Offline::Leave | Offline::Stop(_) => return Poll::Ready(Err(idle.ended())),
                }
            }
            // An attempt has something to show: without room, attempt after attempt would pile up.
            begun |= front.borrow_mut().poll_ready(cx).is_ready();
            if !begun {
                front.borrow_mut().flush();
                return Poll::Pending;
            }
            let connected = connecting.as_mut().poll(cx);
            front.borrow_mut().flush();
            connected.map(Ok)
        })
        .await
    }

    /// Waits for the next attempt; an error is what ended the run meanwhile.
    async fn wait(&mut self) -> Result<(), Ended> {
        while let Some(deadline) = self.reconnect.poll_timeout() {
            let output = self.front.borrow().output();
            self.run_state.save(output, now());
            let deadline = self
                .run_state
                .saver
                .poll_timeout()
                .unwrap_or(deadline)
                .min(deadline);
            let mut sleep = pin!(sleep_until(deadline.into()));
            let (front, stop) = (&self.front, &mut *self.stop);
            let idle = poll_fn(|cx| {
                if let Poll::Ready(idle) = poll_offline(front, stop, cx) {
                    return Poll::Ready(Some(idle));
                }
                front.borrow_mut().flush();
                sleep.as_mut().poll(cx).map(|()| None)
            });
            match idle.await {
                Some(Offline::Connect) => self.reconnect.retry_now(now()),
                Some(idle) => return Err(idle.ended()),
                None => {}
            }
            if self.reconnect.handle_timeout(now()) == Action::Connect {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What follows an end: its outcome where it is the last one.
    fn decide(&mut self, cause: &Cause, outcome: Outcome) -> Option<Outcome> {
        let decision = self.reconnect.handle_ended(cause, now(), &mut rand::rng());
        match decision {
            Decision::End => Some(outcome),
            // Another connection would be good for nothing.
            Decision::Retry { .. } | Decision::UsedUp(_) if self.front.borrow().is_done() => {
                Some(Outcome::Ended(Ended::Done))
            }
            _ if self.front.borrow().is_leaving() => Some(outcome),
            Decision::Retry { delay, renew } => {
                if renew {
                    self.prompted.forget();
                }
                let attempt = self.reconnect.attempt();
                let why = cause;
                tell(
                    &self.front,
                    &Event::Retry {
                        attempt,
                        delay,
                        why,
                    },
                );
                None
            }
            Decision::Stop(why) => {
                self.tell_give_up(&why);
                Some(outcome)
            }
            Decision::UsedUp(why) => {
                self.tell_give_up(&why);
                Some(Outcome::Failed(gave_up(cause, outcome)))
            }
        }
    }

    fn tell_give_up(&self, why: &str) {
        let attempts = self.reconnect.attempt();
        tell(&self.front, &Event::GiveUp { attempts, why });
    }

    /// Talks over a connection until it ends; also whether the front end wants another one.
    async fn talk(&mut self, connection: Connection) -> (Ended, bool) {
        let opened = now();
        self.reconnect.handle_open(opened);
        self.run_state.totals.connections += 1;
        if self.run_state.outbox.handle_open() > 0 {
            let note = "the message that was under way when the connection ended was not sent";
            tell(&self.front, &Event::Note(note));
        }
        let front = &mut **self.front.get_mut();
        let (options, run) = (self.options, &mut self.run_state);
        let conn = Conn::new(connection, options, run, front, self.stop).await;
        let Over {
            ended,
            mut again,
            brought_data,
            stream,
        } = conn.finish().await;
        if brought_data {
            self.reconnect.handle_data();
        }
        self.tell_uncertain(&ended);
        match self.hang_up(stream, &ended).await {
            Some(Offline::Stop(stop)) => return (Ended::Stopped(stop), false),
            Some(Offline::Connect) => again = true,
            Some(Offline::Leave) => again = false,
            None => {}
        }
        (ended, again)
    }

    /// Ends the TCP connection; what it returns is why that was not waited for.
    async fn hang_up(&mut self, stream: BoxedStream, ended: &Ended) -> Option<Offline> {
        let mut hanging_up = pin!(hang_up(stream, ended));
        let (front, stop) = (&self.front, &mut *self.stop);
        poll_fn(|cx| {
            if hanging_up.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            poll_impatience(front, stop, cx).map(Some)
        })
        .await
    }

    fn tell_uncertain(&mut self, ended: &Ended) {
        let answered = !self.options.tell_uncertain || ended.is_answered();
        if let Some(run) = self.run_state.outbox.handle_ended(answered) {
            let (conn, messages) = (self.run_state.totals.connections, &[run][..]);
            tell(&self.front, &Event::Uncertain { conn, messages });
        }
    }
}

/// Whether the front end or a signal wants something while there is no connection.
fn poll_offline<F: Front>(
    front: &RefCell<&mut F>,
    stop: &mut impl StopSignal,
    cx: &mut Context<'_>,
) -> Poll<Offline> {
    if let Poll::Ready(stop) = stop.poll_stop(cx) {
        return Poll::Ready(Offline::Stop(stop));
    }
    let mut front = front.borrow_mut();
    loop {
        if front.is_leaving() {
            return Poll::Ready(Offline::Leave);
        }
        return Poll::Ready(match ready!(front.poll_command(cx, now(), false)) {
            Command::Reconnect => Offline::Connect,
            Command::Interrupt => Offline::Stop(Stop::Interrupt),
            // The connection that it was meant for has just ended.
            Command::Ping(_) | Command::Pong(_) => continue,
            // Nothing else is given without room.
            _ => Offline::Leave,
        });
    }
}

/// Whether the end of the connection, which is a matter of moments, is not to be waited for.
fn poll_impatience<F: Front>(
    front: &RefCell<&mut F>,
    stop: &mut impl StopSignal,
    cx: &mut Context<'_>,
) -> Poll<Offline> {
    if let Poll::Ready(stop) = stop.poll_stop(cx) {
        return Poll::Ready(Offline::Stop(stop));
    }
    let mut front = front.borrow_mut();
    front.flush();
    match ready!(front.poll_command(cx, now(), false)) {
        Command::Reconnect => Poll::Ready(Offline::Connect),
        Command::Interrupt => Poll::Ready(Offline::Stop(Stop::Interrupt)),
        Command::Leave(_) => Poll::Ready(Offline::Leave),
        _ => Poll::Pending,
    }
}

/// The end of a run whose retries are used up: the last failure, under another exit code.
fn gave_up(cause: &Cause, outcome: Outcome) -> Error {
    let last = match outcome {
        Outcome::Failed(error) => Some(error),
        Outcome::Ended(ended) => ended.error(),
    };
    let words = last
        .as_ref()
        .map_or_else(|| cause.to_string(), |error| error.message.clone());
    let message = format!("gave up connecting: {words}");
    let stage = last
        .as_ref()
        .map_or(crate::error::Stage::Receive, |error| error.stage);
    let mut error = Error::new(stage, Exit::GaveUp, message);
    if let Some(last) = last {
        (error.details, error.advice) = (last.details, last.advice);
    }
    error
}

/// tokio's clock, so that tests can pause it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Ends the TCP connection so that our last frame is still read.
async fn hang_up(mut stream: BoxedStream, ended: &Ended) {
    let (patience, drain) = match ended {
        Ended::Violation(..) => (LAST_PATIENCE, true),
        Ended::ByPeer(_) | Ended::ByUs(Answer::Agreed | Answer::Crossed(_)) => {
            (Duration::from_millis(100), false)
        }
        _ => return,
    };
    Linger { patience, drain }.close(&mut stream).await;
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;

    use bytes::Bytes;
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;
    use crate::event::By;
    use crate::io::signals::{Stop, StopSignal};

    /// A peer that is there and says nothing. It takes nothing either, or everything.
    struct Deaf {
        takes: bool,
    }

    impl AsyncRead for Deaf {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Deaf {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(match self.takes {
                true => Ok(bytes.len()),
                false => Err(io::ErrorKind::BrokenPipe.into()),
            })
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A front end that wants nothing, and keeps who closed with what, and whether cleanly.
    #[derive(Default)]
    struct Nobody {
        closes: Vec<(By, u16, bool)>,
        /// Signals to come.
        signals: usize,
    }

    impl Front for Nobody {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
        fn handle_event(&mut self, _: Instant, event: &Event<'_>) {
            if let Event::Close {
                by, close, clean, ..
            } = event
            {
                self.closes.push((*by, close.reported_code(), *clean));
            }
        }
        fn poll_command(&mut self, _: &mut Context<'_>, _: Instant, _: bool) -> Poll<Command> {
            Poll::Pending
        }
        fn handle_bytes(&mut self, _: Instant) {}
        fn handle_flushed(&mut self, _: Instant) {}
        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
        fn quiet_at(&self) -> Option<Instant> {
            None
        }
        fn handle_quiet(&mut self, _: Instant) {}
        fn flush(&mut self) {}
    }

    impl StopSignal for Nobody {
        fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
            if self.signals == 0 {
                return Poll::Pending;
            }
            self.signals -= 1;
            Poll::Ready(Stop::Interrupt)
        }
    }

    fn options() -> Options {
        Options {
            keepalive: keepalive::Options {
                close_timeout: Duration::from_secs(5),
                ping_interval: None,
                ping_timeout: Duration::from_secs(20),
                heartbeat: None,
            },
            max_message_size: 1024,
            deflate_level: 1,
            fragmentation: Fragmentation::default(),
            trace: None,
            tells_sends: false,
            auto_pong: true,
            mirror: false,
            opening: vec![Message::text("hello")],
            heartbeat: None,
            reconnect: reconnect::Options::default(),
            confirm: None,
            counts_replies: false,
            outbox: 1024,
            tell_uncertain: false,
            memory: Memory::default(),
            state: None,
        }
    }

    /// Somebody who does not want to wait, from the first moment on.
    struct Impatient(Option<Command>, Option<Stop>);

    impl Front for Impatient {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
        fn handle_event(&mut self, _: Instant, _: &Event<'_>) {}
        fn poll_command(&mut self, _: &mut Context<'_>, _: Instant, room: bool) -> Poll<Command> {
            assert!(!room);
            self.0.take().map_or(Poll::Pending, Poll::Ready)
        }
        fn handle_bytes(&mut self, _: Instant) {}
        fn handle_flushed(&mut self, _: Instant) {}
        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
        fn quiet_at(&self) -> Option<Instant> {
            None
        }
        fn handle_quiet(&mut self, _: Instant) {}
        fn flush(&mut self) {}
    }

    impl StopSignal for Impatient {
        fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
            self.1.take().map_or(Poll::Pending, Poll::Ready)
        }
    }

    /// How long a peer that broke the protocol, and neither says anything nor goes, is waited for.
    async fn lingers(command: Option<Command>, stop: Option<Stop>) -> (Duration, Option<Offline>) {
        let options = options();
        let plan = Plan {
            target: crate::uri::Target::parse("ws://localhost/").unwrap(),
            credentials: crate::auth::sources::Credentials::default(),
            request: crate::handshake::request::Options::default(),
            transport: crate::transport::Dialer::default(),
            connect_timeout: Duration::ZERO,
            redactor: crate::secret::Redactor::default(),
        };
        let mut front = Impatient(command, None);
        let mut stop = Impatient(None, stop);
        let mut run = Run {
            plan: &plan,
            environment: &|_| None,
            options: &options,
            front: RefCell::new(&mut front),
            stop: &mut stop,
            reconnect: Reconnect::new(reconnect::Options::default()),
            run_state: RunState::new(&options),
            prompted: CachedAnswers::default(),
        };
        let violation = crate::wire::validate::Violation {
            code: 1002,
            rule: String::new(),
            frame: Vec::new(),
        };
        let ended = Ended::Violation(violation, crate::close::Close::new(1002, ""));
        let started = now();
        let cut = run.hang_up(Box::new(Deaf { takes: false }), &ended).await;
        (now() - started, cut)
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_wants_to_leave_waits_for_the_end_of_the_connection() {
        let at_once = Duration::ZERO;
        let leave = || Command::Leave(crate::close::Close::normal());
        for (command, stop, expected) in [
            (None, None, (LAST_PATIENCE, None)),
            (
                None,
                Some(Stop::Terminate),
                (at_once, Some(Offline::Stop(Stop::Terminate))),
            ),
            (
                Some(Command::Interrupt),
                None,
                (at_once, Some(Offline::Stop(Stop::Interrupt))),
            ),
            (Some(leave()), None, (at_once, Some(Offline::Leave))),
            (
                Some(Command::Reconnect),
                None,
                (at_once, Some(Offline::Connect)),
            ),
        ] {
            let what = format!("{command:?} {stop:?}");
            assert_eq!(lingers(command, stop).await, expected, "{what}");
        }
    }

    /// Runs one connection: how it ended, the closes that were notified, and how long it took.
    async fn run_with(takes: bool, signals: usize) -> (Ended, Vec<(By, u16, bool)>, Duration) {
        let connection = Connection {
            stream: Box::new(Deaf { takes }),
            early: Bytes::new(),
            first: None,
            deflate: None,
        };
        let options = options();
        let started = now();
        let mut run_state = RunState::new(&options);
        let mut front = Nobody::default();
        let mut stop = Nobody {
            signals,
            ..Nobody::default()
        };
        let (run, stop) = (&mut run_state, &mut stop);
        let conn = Conn::new(connection, &options, run, &mut front, stop).await;
        let over = conn.finish().await;
        (over.ended, front.closes, now() - started)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_and_stays_is_given_the_close_timeout() {
        let (ended, closes, time) = run_with(false, 0).await;
        assert_eq!(ended, Ended::SendFailed("broken pipe".to_owned()));
        assert_eq!(closes, [(By::Peer, 1006, false)]);
        assert_eq!(time, Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_a_signal_ends_without_an_answer_closes_too() {
        for (takes, signals, close) in [
            (true, 1, (By::Us, 1001, false)),
            (true, 2, (By::Us, 1001, false)),
            (false, 2, (By::Peer, 1006, false)),
        ] {
            let (ended, closes, _) = run_with(takes, signals).await;
            assert_eq!(ended, Ended::Stopped(Stop::Interrupt));
            assert_eq!(closes, [close], "{takes} {signals}");
        }
    }
}
