//! What opens a connection, and what is sent because a message has come: takes it from the queue of
//! [`answers`], sends it where there is room, and runs the commands of answers, one at a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::super::about::About;
use super::super::answers::{Due, Opening, Program, Queue, Reaction};
use super::super::clock::now;
use super::super::connect::First;
use super::super::frontend::{Sink, Source};
use super::super::options::Options;
use super::super::run_state::RunState;
use super::Conn;
use crate::error::{Error, Exit, Stage};
use crate::event::{Event, Origin, Peer};
use crate::io::child::Command;
use crate::io::child::lines::{LineSender, Lines, lines};
use crate::io::signals::StopSignal;
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::units::{self, counted};

/// How long a command may take for a message.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a message of `--on-open` waits for one of the peer before that is reported.
const REPORTED_WAIT: Duration = Duration::from_secs(5);

/// The command that runs, up to its reply, or a sentence about its failure.
type Running = Pin<Box<dyn Future<Output = Result<Option<Message>, String>>>>;

/// The state of answering.
pub(super) struct Answering {
    queue: Queue,
    running: Option<Running>,
    /// What commands print on stderr, where the terminal is the prompt's.
    stderr: Option<(LineSender, Lines)>,
    /// When it is reported that what opens the connection still waits.
    report_at: Option<Instant>,
    /// Largest reply, in bytes.
    limit: usize,
    /// For commands.
    about: About,
    under_way: Option<UnderWay>,
    /// How long the end of the run waits for a peer that takes nothing.
    patience: Duration,
    /// Until when it does, and how many bytes the peer had not taken when that began.
    deadline: Option<(Instant, u64)>,
}

/// An answer, or a message that opens the connection, which is sent in several steps.
#[derive(Debug)]
struct UnderWay {
    origin: Origin,
    /// How many data messages the engine has been given once it was given this one.
    place: u64,
}

impl Answering {
    pub(super) fn new(
        first: Option<First>,
        about: About,
        options: &Options,
        run: &RunState,
    ) -> Self {
        let opening = options.opening.iter().map(|opening| match opening {
            Opening::Now(message) => Opening::Now(run.fill(message)),
            Opening::After(after) => Opening::After(after.clone()),
        });
        Answering {
            queue: Queue::new(first, opening),
            running: None,
            stderr: options.reports_lines.then(lines),
            report_at: Some(now() + REPORTED_WAIT),
            limit: options.max_message_size,
            under_way: None,
            patience: options.keepalive.close_timeout,
            deadline: None,
            about,
        }
    }

    /// Whether the token and all messages of `--on-open` have been handed over.
    pub(super) fn has_opened(&self) -> bool {
        self.queue.has_opened()
    }

    /// When there is something to report although nothing happens.
    pub(super) fn report_at(&self) -> Option<Instant> {
        let waits = self.queue.awaited().is_some();
        self.report_at.filter(|_| waits)
    }

    /// Whether nothing is due.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether so much waits that no more messages may be read, where the connection has `room` for
    /// what is sent next.
    pub(super) fn is_full(&self, room: bool) -> bool {
        self.queue.is_filling() && (room || self.queue.is_full(self.limit))
    }

    /// What takes the lines that commands print on stderr, unless the terminal does.
    pub(super) fn stderr(&self) -> Option<LineSender> {
        let (sender, _) = self.stderr.as_ref()?;
        Some(sender.clone())
    }

    /// Whether commands may have printed something to report.
    pub(super) fn reports_lines(&self) -> bool {
        self.stderr.is_some()
    }

    /// Whether much waits, so that it matters whether there is room.
    pub(super) fn is_filling(&self) -> bool {
        self.queue.is_filling()
    }

    /// When the end of the run waits no longer for the peer.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.map(|(deadline, _)| deadline)
    }

    /// What is under way, if the engine has not been given all of it; it has been given so many messages
    /// as a `whole`.
    fn is_under_way(&self, whole: u64) -> Option<Origin> {
        let it = self.under_way.as_ref().filter(|it| whole < it.place)?;
        Some(it.origin)
    }
}

impl<I: Source, O: Sink, S: StopSignal> Conn<'_, I, O, S> {
    /// Whether a received message may lead to anything. Most runs have nothing of the kind, and pay no more
    /// for it than this.
    #[inline]
    pub(super) fn reacts(&self) -> bool {
        !self.run.rules.is_empty() || self.answering.queue.awaits_message()
    }

    /// Makes due what a received message leads to.
    pub(super) fn react(&mut self, message: &Message, json: &Parsed<'_>) -> Reaction {
        let mut spent = Queue::default();
        let queue = match self.ending.has_begun() {
            // Nothing is sent any more. What is a ping is one all the same.
            true => &mut spent,
            false => &mut self.answering.queue,
        };
        let memory = &self.run.memory;
        let value = |name: &str| memory.value(name);
        let rules = self.run.rules.all();
        queue.handle_message(&rules, (message, json), value, self.answering.limit)
    }

    /// Reports why something cannot be sent.
    pub(super) fn report_unanswerable(&mut self, problems: &[String], now: Instant) {
        for problem in problems {
            if self.run.unanswerable.report() {
                self.report(now, &Event::Warning(problem));
            }
        }
    }

    /// Sends what is due next, where the connection is `free`, and lets a command go on. Returns whether
    /// something was done.
    #[inline(always)]
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, free: bool, now: Instant) -> bool {
        let answering = &self.answering;
        match answering.running.is_none() && answering.queue.is_empty() {
            true => false,
            false => self.poll_due_now(cx, free, now),
        }
    }

    fn poll_due_now(&mut self, cx: &mut Context<'_>, free: bool, now: Instant) -> bool {
        if self.answering.running.is_some() {
            return self.poll_command(cx, now);
        }
        if !free {
            return false;
        }
        match self.answering.queue.take() {
            Some(Due::Send {
                message,
                shown,
                origin,
            }) => {
                self.send(message, &shown, origin, now);
                let place = self.socket.whole() + 1;
                let splits = self.socket.is_sending();
                self.answering.under_way = splits.then_some(UnderWay { origin, place });
            }
            Some(Due::Run { program, input }) => {
                let stderr = self.answering.stderr();
                let about = self.answering.about.variables(&[]);
                let limit = self.answering.limit;
                let running = output_of(program, about, input, limit, stderr);
                self.answering.running = Some(Box::pin(running));
            }
            None => return false,
        }
        self.report_opening();
        true
    }

    /// Reports a line that a command printed on stderr, where there is room for it. Whether there was one.
    pub(super) fn poll_stderr(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.sink.poll_ready(cx).is_pending() {
            return false;
        }
        let Some((_, lines)) = &mut self.answering.stderr else {
            return false;
        };
        let Poll::Ready(Some(line)) = lines.poll_recv(cx) else {
            return false;
        };
        self.report(now, &Event::Note(&line));
        true
    }

    /// Lets the end of the input wait for what opens the connection.
    pub(super) fn report_opening(&mut self) {
        let is_opening = !self.answering.has_opened();
        self.run.policy.drain.set_opening(is_opening);
    }

    /// Reports, once, that a message of `--on-open` still waits for one of the peer.
    pub(super) fn report_waiting(&mut self, now: Instant) {
        let answering = &mut self.answering;
        if answering.report_at().is_none_or(|at| at > now) {
            return;
        }
        answering.report_at = None;
        if let Some(expression) = answering.queue.awaited() {
            let note = format!(
                "waiting for a message for which {expression} is true (--on-open); nothing else is sent before"
            );
            self.report(now, &Event::Note(&note));
        }
    }

    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(running) = &mut self.answering.running else {
            return false;
        };
        let Poll::Ready(output) = running.as_mut().poll(cx) else {
            return false;
        };
        self.answering.running = None;
        let reply = output.unwrap_or_else(|failure| {
            self.handle_failed_command(failure, now);
            None
        });
        self.answering.queue.handle_output(reply);
        self.report_opening();
        true
    }

    /// The command of an answer has failed, which is a failure of the run: unlike what a peer sends, it is
    /// the user's own.
    fn handle_failed_command(&mut self, failure: String, now: Instant) {
        self.run.answer_failed = true;
        if self.run.unanswerable.report() {
            let error = Error::new(Stage::Program, Exit::Unmet, failure);
            self.report(now, &Event::Error(&error));
        }
    }

    /// Whether the end of the run waits for what is due: for a command as long as that takes, for a peer
    /// that takes nothing as long as `--close-timeout`.
    pub(super) fn owes_answers(&mut self, now: Instant) -> bool {
        let under_way = self.answering.is_under_way(self.socket.whole());
        let answering = &mut self.answering;
        let is_wanted = under_way.is_some_and(|origin| origin != Origin::AnswerToPing);
        if !is_wanted && !answering.queue.is_wanted() {
            return false;
        }
        if answering.queue.is_running() {
            answering.deadline = None;
            return true;
        }
        let buffered = self.socket.buffered();
        match answering.deadline {
            Some((deadline, before)) if buffered >= before => deadline > now,
            _ => {
                answering.deadline = Some((now + answering.patience, buffered));
                true
            }
        }
    }

    /// Tells, once, that nothing more is read because the peer takes no answers.
    pub(super) fn report_full(&mut self, now: Instant) {
        if !self.answering.queue.awaits_peer() || std::mem::replace(&mut self.run.told_full, true) {
            return;
        }
        let peer = if self.masks {
            Peer::Server
        } else {
            Peer::Client
        }
        .the();
        let size = units::written_size(self.answering.limit);
        let note = format!(
            "{size} of answers wait because {peer} does not read them; until it does, no more of its messages are read (--max-message-size allows more)"
        );
        self.report(now, &Event::Note(&note));
    }

    /// The connection is over: what was to be answered on it is answered on no other.
    pub(super) fn report_unanswered(&mut self, now: Instant) {
        while let Some((_, lines)) = &mut self.answering.stderr
            && let Ok(line) = lines.try_recv()
        {
            self.report(now, &Event::Note(&line));
        }
        let under_way = self.answering.is_under_way(self.socket.whole());
        let cut_off = u64::from(under_way == Some(Origin::Answer));
        let lost = self.answering.queue.lost() as u64 + cut_off;
        if lost > 0 {
            let verb = if lost == 1 { "was" } else { "were" };
            let lost = counted(lost, "answer");
            let note = format!("{lost} {verb} not sent, as the connection ended");
            self.report(now, &Event::Warning(&note));
        }
    }
}

/// Runs a command. No output at all is no reply. The variables of its rule may be younger than those that
/// `about` has.
async fn output_of(
    program: Program,
    about: Vec<(String, String)>,
    input: Message,
    limit: usize,
    stderr: Option<LineSender>,
) -> Result<Option<Message>, String> {
    let line = &program.line;
    let variables = about.iter().chain(program.variables.iter());
    let command = Command::shell(line).variables(variables).stderr_to(stderr);
    let running = command.output_within(input.payload(), limit, COMMAND_TIMEOUT);
    let output = running.await;
    let output = output.map_err(|why| format!("cmd:{line}: {why}; nothing is sent"))?;
    if output.is_empty() {
        return Ok(None);
    }
    let reply = Message::new(input.kind(), without_line_end(output).into());
    reply
        .map(Some)
        .map_err(|_| format!("cmd:{line}: its output is not UTF-8; nothing is sent"))
}

/// The output without the line feed that commands end it with.
pub(super) fn without_line_end(mut output: Vec<u8>) -> Vec<u8> {
    if output.ends_with(b"\n") {
        output.pop();
        if output.ends_with(b"\r") {
            output.pop();
        }
    }
    output
}
