//! A run from its first attempt to its end: connecting, talking, and connecting again. One loop
//! serves every front end: it looks at the commands, the socket, the clock and the stop signal, and
//! reports what happens to the front end.
//!
//! The loop never waits for the front end's output: while that is full it stops reading at the next
//! message, and pings before that are still answered.

pub mod about;
pub mod ack;
pub mod answers;
mod approach;
pub mod backoff;
pub mod board;
mod clock;
mod conn;
pub mod connect;
pub mod door;
pub mod each;
mod ends;
pub mod frontend;
mod hop;
pub mod keepalive;
mod located;
mod offline;
mod options;
pub mod outbox;
pub mod outcome;
mod plan;
pub mod policy;
pub mod program;
pub mod reconnect;
pub mod resume;
pub mod rtt;
mod run_state;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep_until;

use crate::auth::acquire::CachedAnswers;
use crate::auth::cookies::Jar;
use crate::error::{Error, Exit, plain_clause};
use crate::event::{Cause, Event, Peer, Totals};
use crate::io::saved_file;
use crate::io::signals::StopSignal;
use crate::transport::BoxedStream;
use crate::units::counted;
use crate::wire::linger::Linger;
use answers::Opening;
pub use approach::Approach;
use clock::{LAST_PATIENCE, now};
use conn::{Conn, Over};
use connect::{AttemptId, Connection, Failed};
use ends::Ends;
use frontend::{Asker, Sink, Source};
use offline::{Offline, is_leaving, poll_cut_short, poll_offline, poll_runner};
pub use options::Options;
use outcome::{Ended, Outcome, Verdict};
use reconnect::{Action, Decision, Reconnect};
use resume::file::Saver;
use resume::vars::ResumeVars;
use run_state::RunState;

/// How a run ended, and what there is to show for it.
pub struct Finished {
    pub outcome: Outcome,
    /// What the other side was.
    pub peer: Peer,
    pub totals: Totals,
    pub verdict: Verdict,
    memory: ResumeVars,
    saver: Saver,
    /// `-c`, and what it is to hold.
    cookie_jar: Option<(PathBuf, Jar)>,
}

impl Finished {
    /// Writes the state and the cookies, where there are files for them; `complete` is whether all
    /// output has been written.
    ///
    /// # Errors
    /// Exit 2 where one cannot be written.
    pub async fn save(self, complete: bool) -> Result<(), Error> {
        let saved = self.saver.finish(&self.memory, complete).await;
        if let Some((path, jar)) = self.cookie_jar {
            save_cookies(path, jar).await?;
        }
        saved
    }
}

/// Writes the file of `-c`: at any time there is the old one or the new one.
async fn save_cookies(path: PathBuf, jar: Jar) -> Result<(), Error> {
    let shown = path.display().to_string();
    // A disk may hang.
    let writing =
        tokio::task::spawn_blocking(move || saved_file::write(&path, jar.written().as_bytes()));
    let written = writing
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map_err(|error| Error::usage(format!("-c {shown}: {}", plain_clause(&error))))
}

/// Connects as `approach` says and talks until everything is over.
pub async fn run<I: Source + Asker, O: Sink>(
    approach: Approach<'_>,
    options: &Options,
    (source, sink): (&mut I, &mut O),
    stop: &mut impl StopSignal,
) -> Finished {
    let mut run = Run {
        approach,
        options,
        ends: Ends::new(source, sink),
        stop,
        reconnect: Reconnect::new(options.reconnect.clone()),
        run_state: RunState::new(options, now()),
        prompted: CachedAnswers::default(),
        failed: None,
    };
    let outcome = run.drive().await;
    let outcome = run.finish_program(outcome).await;
    run.approach.close().await;
    run.finish(outcome)
}

/// A run under way.
struct Run<'a, I, O, S> {
    approach: Approach<'a>,
    options: &'a Options,
    ends: Ends<'a, I, O>,
    stop: &'a mut S,
    reconnect: Reconnect,
    run_state: RunState,
    prompted: CachedAnswers,
    /// The first connection to a client that did not end well.
    failed: Option<Ended>,
}

impl<I: Source + Asker, O: Sink, S: StopSignal> Run<'_, I, O, S> {
    async fn drive(&mut self) -> Outcome {
        loop {
            let (cause, outcome) = match self.connect().await {
                Err(ended) => return Outcome::Ended(ended),
                Ok(Err(failed)) if self.approach.peer() == Peer::Client => {
                    return Outcome::Failed(failed.error);
                }
                Ok(Err(failed)) => {
                    let cause = failed.cause(self.prompted.have_been_read());
                    (Some(cause), Outcome::Failed(failed.error))
                }
                Ok(Ok(connection)) => match self.talk(connection).await {
                    // A signal takes precedence over whatever else was wanted.
                    (ended @ Ended::Stopped(_), _) => return Outcome::Ended(ended),
                    (ended, _) if self.approach.peer() == Peer::Client => {
                        match self.handle_gone(ended) {
                            Some(outcome) => return outcome,
                            None => continue,
                        }
                    }
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

    /// A client has gone. Returns the outcome of the run, unless the next one is waited for.
    fn handle_gone(&mut self, ended: Ended) -> Option<Outcome> {
        if !self.approach.expects_more() || self.is_leaving() {
            return Some(Outcome::Ended(self.failed.take().unwrap_or(ended)));
        }
        if let Some(error) = ended.error(Peer::Client) {
            self.ends.report(&Event::Error(&error));
        }
        if ended.exit(Verdict::default()) != Exit::Ok {
            self.failed.get_or_insert(ended);
        }
        None
    }

    /// Makes one attempt; an error is what ended the run meanwhile.
    async fn connect(&mut self) -> Result<Result<Connection, Failed>, Ended> {
        let turn = AttemptId {
            conn: self.run_state.totals.connections + 1,
            attempt: self.reconnect.attempt(),
        };
        let mut connecting = pin!(self.approach.connect(
            turn,
            &mut self.prompted,
            &self.run_state.memory,
            &self.ends,
        ));
        let (ends, policy) = (&self.ends, &mut self.run_state.policy);
        let runner = &mut self.run_state.runner;
        let stop = &mut *self.stop;
        let mut begun = false;
        poll_fn(|cx| {
            poll_runner(ends, policy, runner, cx);
            while let Poll::Ready(idle) = poll_offline(ends, policy, stop, cx) {
                match idle {
                    // That is what goes on.
                    Offline::Connect => {}
                    Offline::Leave | Offline::Stop(_) => return Poll::Ready(Err(idle.ended())),
                }
            }
            // An attempt has something to show: without room, attempt after attempt would pile up.
            begun |= ends.sink.borrow_mut().poll_ready(cx).is_ready();
            if !begun {
                ends.flush();
                return Poll::Pending;
            }
            let connected = connecting.as_mut().poll(cx);
            ends.flush();
            connected.map(Ok)
        })
        .await
    }

    /// Waits for the next attempt; an error is what ended the run meanwhile.
    async fn wait(&mut self) -> Result<(), Ended> {
        while let Some(deadline) = self.reconnect.poll_timeout() {
            let progress = self.ends.sink.borrow().progress();
            self.run_state.save(progress, now());
            let deadline = self
                .run_state
                .saver
                .poll_timeout()
                .unwrap_or(deadline)
                .min(deadline);
            let mut sleep = pin!(sleep_until(deadline.into()));
            let (ends, policy) = (&self.ends, &mut self.run_state.policy);
            let runner = &mut self.run_state.runner;
            let stop = &mut *self.stop;
            let idle = poll_fn(|cx| {
                poll_runner(ends, policy, runner, cx);
                if let Poll::Ready(idle) = poll_offline(ends, policy, stop, cx) {
                    return Poll::Ready(Some(idle));
                }
                ends.flush();
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
            Decision::Retry { .. } | Decision::UsedUp(_) if self.is_done() => {
                Some(Outcome::Ended(Ended::Done))
            }
            _ if self.is_leaving() => Some(outcome),
            Decision::Retry { delay, renew } => {
                if renew {
                    self.prompted.forget();
                }
                let attempt = self.reconnect.attempt();
                let why = cause;
                self.ends.report(&Event::Retry {
                    attempt,
                    delay,
                    why,
                });
                None
            }
            Decision::Stop(why) => {
                self.report_give_up(&why);
                Some(outcome)
            }
            Decision::UsedUp(why) => {
                self.report_give_up(&why);
                Some(Outcome::Failed(gave_up(cause, outcome)))
            }
        }
    }

    fn is_done(&self) -> bool {
        let unsent = self.ends.source.borrow().unsent();
        self.run_state.policy.is_done(unsent)
    }

    fn is_leaving(&self) -> bool {
        is_leaving(&**self.ends.source.borrow(), &self.run_state.policy)
    }

    /// Waits for the command of `--run` where all else went well, because the run has failed if it fails.
    /// Otherwise the command is ended.
    async fn finish_program(&mut self, outcome: Outcome) -> Outcome {
        let verdict = self.verdict();
        let is_well = matches!(&outcome, Outcome::Ended(ended) if ended.exit(verdict) == Exit::Ok);
        let RunState { policy, runner, .. } = &mut self.run_state;
        let Some(runner) = runner else { return outcome };
        if is_well && !policy.output_closed {
            let (ends, stop) = (&self.ends, &mut *self.stop);
            let stopped = poll_fn(|cx| {
                while let Poll::Ready(report) = runner.poll(policy, cx) {
                    ends.report(&report.event());
                }
                match runner.is_running() {
                    true => stop.poll_stop(cx).map(Some),
                    false => Poll::Ready(None),
                }
            });
            if let Some(stop) = stopped.await {
                return self.end_program(Outcome::Ended(Ended::Stopped(stop))).await;
            }
        }
        self.end_program(outcome).await
    }

    /// Ends the command of `--run`, if it runs, and reports if it never started.
    async fn end_program(&mut self, outcome: Outcome) -> Outcome {
        let has_opened = self.run_state.totals.connections > 0;
        let RunState { policy, runner, .. } = &mut self.run_state;
        if let Some(runner) = runner
            && let Some(report) = runner.end().await
        {
            self.ends.report(&report.event());
        }
        let was_stopped = matches!(outcome, Outcome::Ended(Ended::Stopped(_)));
        if let Some(why) = policy.program_not_started()
            && has_opened
            && !was_stopped
        {
            policy.handle_program_ended(false, now());
            let error = program::failure(&format!("the command was not started: {why}"));
            self.ends.report(&Event::Error(&error));
        }
        outcome
    }

    /// What the front end and the rules say of the run.
    fn verdict(&self) -> Verdict {
        let RunState { outbox, policy, .. } = &self.run_state;
        Verdict {
            condition_met: policy.stop.outcome(),
            output_closed: policy.output_closed,
            output_failed: policy.output_failed,
            bad_input: policy.bad_input,
            unsent: self.ends.source.borrow().unsent() + outbox.unsent(),
            unopened: self.options.opening.iter().any(Opening::was_never_met),
            cut_off: outbox.unsent() > 0,
            unconfirmed: outbox.unconfirmed() > 0,
            program_failed: policy.has_program_failed(),
            answer_failed: self.run_state.answer_failed,
        }
    }

    /// What there is to show for the run.
    fn finish(self, outcome: Outcome) -> Finished {
        let totals = self.run_state.totals();
        let uncertain = self.run_state.outbox.unconfirmed_numbers();
        if !uncertain.is_empty() {
            let (conn, messages) = (totals.connections, &uncertain[..]);
            self.ends.report(&Event::Uncertain { conn, messages });
        }
        let unreported = self.run_state.unanswerable.unreported();
        if unreported > 0 {
            let note = format!("{} more could not be made", counted(unreported, "answer"));
            self.ends.report(&Event::Warning(&note));
        }
        let verdict = self.verdict();
        let cookie_jar = match &self.approach {
            Approach::Dial(plan, _) => plan.cookie_jar.clone().zip(Some(plan.cookies.clone())),
            Approach::Clients(..) | Approach::Client(..) => None,
        };
        Finished {
            outcome,
            peer: self.approach.peer(),
            totals,
            verdict,
            memory: self.run_state.memory,
            saver: self.run_state.saver,
            cookie_jar,
        }
    }

    fn report_give_up(&self, why: &str) {
        let attempts = self.reconnect.attempt();
        self.ends.report(&Event::GiveUp { attempts, why });
    }

    /// Talks over a connection until it ends; also whether the front end wants another one.
    async fn talk(&mut self, mut connection: Connection) -> (Ended, bool) {
        let opened = now();
        connection.about.given = Arc::clone(&self.options.variables);
        self.reconnect.handle_open(opened);
        self.run_state.totals.connections += 1;
        if self.run_state.outbox.handle_open() > 0 {
            let note = "the message that was under way when the connection ended was not sent";
            self.ends.report(&Event::Warning(note));
        }
        self.run_state.policy.handle_opened(opened);
        if let Some(runner) = &mut self.run_state.runner {
            runner.handle_opened(connection.about.variables(&[]));
        }
        let source = &mut **self.ends.source.get_mut();
        source.handle_about(&connection.about);
        source.handle_opened();
        let ends = (source, &mut **self.ends.sink.get_mut(), &mut *self.stop);
        let _turn = connection.turn.take();
        let conn = Conn::new(connection, self.options, &mut self.run_state, ends).await;
        let Over {
            ended,
            mut again,
            brought_data,
            stream,
        } = conn.finish().await;
        if brought_data {
            self.reconnect.handle_data();
        }
        self.report_uncertain(&ended);
        let snapshot = self.run_state.snapshot(0, Default::default());
        self.ends.source.borrow_mut().handle_snapshot(&snapshot);
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
        let mut hanging_up = pin!(hang_up(stream, ended, self.approach.peer()));
        let (ends, stop) = (&self.ends, &mut *self.stop);
        poll_fn(|cx| {
            if hanging_up.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            poll_cut_short(ends, stop, cx).map(Some)
        })
        .await
    }

    fn report_uncertain(&mut self, ended: &Ended) {
        let answered = !self.options.report_uncertain || ended.is_answered();
        if let Some(run) = self.run_state.outbox.handle_ended(answered) {
            let (conn, messages) = (self.run_state.totals.connections, &[run][..]);
            self.ends.report(&Event::Uncertain { conn, messages });
        }
    }
}

/// The end of a run whose retries are used up: the last failure, under another exit code.
fn gave_up(cause: &Cause, outcome: Outcome) -> Error {
    let last = match outcome {
        Outcome::Failed(error) => Some(error),
        Outcome::Ended(ended) => ended.error(Peer::Server),
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

/// Ends the TCP connection so that our last frame is still read. A server ends it first (RFC 6455
/// §7.1.1), and waits until the client has done so too.
async fn hang_up(mut stream: BoxedStream, ended: &Ended, peer: Peer) {
    let (patience, drain) = match ended {
        Ended::Violation(..) => (LAST_PATIENCE, true),
        Ended::ByPeer(_) | Ended::ByUs | Ended::Crossed(_) => match peer {
            Peer::Server => (Duration::from_millis(100), false),
            Peer::Client => (LAST_PATIENCE, true),
        },
        _ => return,
    };
    Linger { patience, drain }.close(&mut stream).await;
}
