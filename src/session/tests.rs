//! The driver of a run against streams that are made for it.

mod link;
mod order;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answers::Opening;
use super::connect::Plan;
use super::frontend::Next;
use super::*;
use crate::event::{By, Command, Control};
use crate::io::signals::{Stop, StopSignal};
use crate::message::Message;
use crate::wire::fragments::Fragmentation;

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

/// Somebody who wants nothing.
#[derive(Default)]
struct Nobody {
    /// Signals to come.
    signals: usize,
}

impl Source for Nobody {
    fn poll_next(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Next> {
        Poll::Pending
    }
    fn take(&mut self) -> Option<Command> {
        None
    }
    fn handle_opened(&mut self) {}
    fn unsent(&self) -> usize {
        0
    }
}

/// Keeps who closed with what, and whether cleanly.
#[derive(Default)]
struct Closes(Vec<(By, u16, bool)>);

impl Sink for Closes {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn handle_event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Close {
            by, close, clean, ..
        } = event
        {
            self.0.push((*by, close.reported_code(), *clean));
        }
    }
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
        decode: None,
        encode: None,
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
        policy: policy::Options::default(),
        split: None,
        reports_skipped: false,
        reports_lines: false,
        variables: Arc::default(),
        program: None,
        shares_json: false,
        auto_pong: true,
        mirror: false,
        opening: vec![Opening::Now(Message::text("hello"))],
        answers: Default::default(),
        heartbeat: None,
        reconnect: reconnect::Options::default(),
        confirm: None,
        counts_replies: false,
        outbox: 1024,
        report_uncertain: false,
        memory: ResumeVars::default(),
        state: None,
    }
}

/// Somebody who does not want to wait, from the first moment on.
struct Impatient(Option<Control>, Option<Stop>);

impl Source for Impatient {
    fn poll_control(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Control> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
    fn poll_next(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Next> {
        panic!("nothing can be sent")
    }
    fn take(&mut self) -> Option<Command> {
        None
    }
    fn handle_opened(&mut self) {}
    fn unsent(&self) -> usize {
        0
    }
}

impl Asker for Impatient {}

impl StopSignal for Impatient {
    fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
        self.1.take().map_or(Poll::Pending, Poll::Ready)
    }
}

fn plan() -> Plan {
    Plan {
        sigv4: None,
        source: None,
        target: crate::uri::Target::parse("ws://localhost/").unwrap(),
        credentials: crate::auth::sources::Credentials::default(),
        request: crate::handshake::request::Options::default(),
        redirects: crate::handshake::redirect::Options::default(),
        cookie: None,
        cookies: Jar::default(),
        cookie_jar: None,
        netrc: None,
        versions: Default::default(),
        transport: crate::transport::Dialer::default(),
        connect_timeout: Duration::ZERO,
        redactor: crate::secret::Redactor::default(),
        reports_lines: false,
    }
}

fn connection(stream: BoxedStream, number: u32) -> Connection {
    Connection {
        stream,
        early: Bytes::new(),
        first: None,
        deflate: None,
        role: crate::wire::validate::Role::Client,
        number,
        about: Default::default(),
        turn: None,
    }
}

/// How long a peer that broke the protocol, and neither says anything nor goes, is waited for.
async fn lingers(control: Option<Control>, stop: Option<Stop>) -> (Duration, Option<Offline>) {
    let (options, plan) = (options(), plan());
    let (mut source, mut sink) = (Impatient(control, None), Closes::default());
    let mut stop = Impatient(None, stop);
    let mut run = Run {
        approach: Approach::Dial(&plan, &|_| None),
        options: &options,
        ends: Ends::new(&mut source, &mut sink),
        stop: &mut stop,
        reconnect: Reconnect::new(reconnect::Options::default()),
        run_state: RunState::new(&options, now()),
        prompted: CachedAnswers::default(),
        failed: None,
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
async fn quitting_does_not_wait_for_the_end_of_the_connection() {
    let at_once = Duration::ZERO;
    let leave = || Control::Leave(crate::close::Close::normal());
    for (command, stop, expected) in [
        (None, None, (LAST_PATIENCE, None)),
        (
            None,
            Some(Stop::Terminate),
            (at_once, Some(Offline::Stop(Stop::Terminate))),
        ),
        (
            Some(Control::Interrupt),
            None,
            (at_once, Some(Offline::Stop(Stop::Interrupt))),
        ),
        (Some(leave()), None, (at_once, Some(Offline::Leave))),
        (
            Some(Control::Reconnect),
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
    let connection = connection(Box::new(Deaf { takes }), 1);
    let options = options();
    let started = now();
    let mut run_state = RunState::new(&options, now());
    let (mut source, mut sink) = (Nobody::default(), Closes::default());
    let mut stop = Nobody { signals };
    let ends = (&mut source, &mut sink, &mut stop);
    let conn = Conn::new(connection, &options, &mut run_state, ends).await;
    let over = conn.finish().await;
    (over.ended, sink.0, now() - started)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_gets_the_close_timeout() {
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
