//! Waits for what a step expects, and examines it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::files::Script;
use super::happened::{Arrived, Came, ControlFrame, MOST_MESSAGES};
use super::lane::{Lane, SharedLane};
use super::moment::Moment;
use super::steps::{DEFAULT_LIMIT, Runner, Stopped, begin, deadline};
use crate::close::Close;
use crate::error::Exit;
use crate::message::{Kind, Message};
use crate::script::ast::{At, Expect, Expected, Pattern, Payload};
use crate::script::diff;
use crate::script::matching::Matcher;
use crate::script::passed_over::Passing;
use crate::script::result::{Ended, Failure};
use crate::script::shown::Shown;
use crate::script::values;
use crate::secret::Redactor;
use crate::template::Place as TextPlace;
use crate::units;

/// Later than this, a step has not noticed the end of its time because the process did not run.
const OVERSLEPT: Duration = Duration::from_millis(50);

/// How much of a message a report has, in characters or bytes.
const MAX_MESSAGE: usize = 2_000;

/// How many turns the run of a connection has to read what has come, once a step is out of time.
const LAST_TURNS: u32 = 4;

/// A step that expects something, with its variables filled in.
pub(super) struct Expecting<'s> {
    pub(super) script: &'s Script,
    pub(super) step: &'s Expect,
    pub(super) connection: usize,
    pub(super) start: Instant,
    pub(super) limit: Duration,
    pub(super) until: tokio::time::Instant,
}

/// A message that is expected.
struct Wanted {
    matcher: Matcher,
    /// With its variables filled in, for the report.
    text: Option<Shown>,
}

/// Why the expected thing has not come.
pub(super) enum Missed {
    /// The time is over.
    Late,
    /// The connection has ended.
    Ended,
    /// So many messages wait for other steps that no more are read.
    Full,
}

impl Runner<'_> {
    pub(super) async fn expectation(
        &mut self,
        script: &Arc<Script>,
        step: &Expect,
    ) -> Result<(), Stopped> {
        let start = begin();
        let connection = self.find(script, step.connection.as_ref(), step.span)?;
        let limit = match &step.limit {
            Some(limit) => self.given(script, limit, values::duration)?,
            None => DEFAULT_LIMIT,
        };
        let times = match &step.times {
            Some(times) => self.given(script, times, values::times)?,
            None => 1,
        };
        let expecting = Expecting {
            script,
            step,
            connection,
            start,
            limit,
            until: deadline(start, limit),
        };
        self.counts.asserts += 1;
        match (&step.what, step.not) {
            (Expected::Any(_) | Expected::Message { .. }, false) => {
                let wanted = self.wanted(&expecting)?;
                for came in 0..times {
                    let found = self.expect_message(&expecting, &wanted).await;
                    found.map_err(|stopped| counted(stopped, came, times))?;
                }
                Ok(())
            }
            (Expected::Any(_) | Expected::Message { .. }, true) => {
                let wanted = self.wanted(&expecting)?;
                self.expect_no_message(&expecting, &wanted.matcher).await
            }
            (Expected::Ping(data), not) => {
                self.expect_control(&expecting, (true, data.as_ref()), times, not)
                    .await
            }
            (Expected::Pong(data), not) => {
                self.expect_control(&expecting, (false, data.as_ref()), times, not)
                    .await
            }
            (Expected::Close { .. } | Expected::Drop | Expected::Open, true) => {
                self.expect_no_turn(&expecting).await
            }
            (Expected::Close { code, reason }, false) => {
                let (code, reason) = (code.as_ref(), reason.as_ref());
                self.expect_close(&expecting, code, reason).await
            }
            (Expected::Drop, false) => self.expect_drop(&expecting).await,
            (Expected::Open, false) => {
                for _ in 0..times {
                    self.expect_open(&expecting).await?;
                }
                Ok(())
            }
        }
    }

    fn wanted(&mut self, expecting: &Expecting<'_>) -> Result<Wanted, Stopped> {
        let Expecting { script, step, .. } = expecting;
        let (kind, pattern) = match &step.what {
            Expected::Message { kind, pattern } => (*kind, pattern),
            Expected::Any(kind) => {
                return Ok(Wanted {
                    matcher: Matcher::any(*kind),
                    text: None,
                });
            }
            _ => return Err(self.wrong(script, step.span, "this is no message")),
        };
        let place = (kind, pattern.span);
        let matcher = match &pattern.value {
            Pattern::Equal(payload) => Matcher::equal(kind, self.content(script, payload, place)?),
            Pattern::Contains(payload) => {
                Matcher::contains(kind, self.content(script, payload, place)?)
            }
            Pattern::Regex {
                source,
                ignores_case,
            } => {
                let source = self.fill(source, TextPlace::Regex);
                let matcher = Matcher::regex(kind, &source, *ignores_case);
                matcher.map_err(|why| self.wrong(script, pattern.span, &why))?
            }
        };
        let text = Some(matcher.describe(MAX_MESSAGE, self.redactor()));
        Ok(Wanted { matcher, text })
    }

    /// Waits for the next message that matches, and examines it.
    async fn expect_message(
        &mut self,
        expecting: &Expecting<'_>,
        wanted: &Wanted,
    ) -> Result<(), Stopped> {
        let mut passing = Passing::default();
        let mut late = expecting.until.into_std();
        let mut has_overslept = false;
        loop {
            let next = self
                .next(expecting, |lane| lane.happened.message_until(late))
                .await;
            // Messages wait, and the first of them came too late.
            let next = next.map_err(|missed| match missed {
                Missed::Full => Missed::Late,
                missed => missed,
            });
            let now = begin();
            let came = match next {
                Ok(came) => came,
                // Where the process was stopped, what had come meanwhile is read only now.
                Err(Missed::Late) if !has_overslept && now > late + OVERSLEPT => {
                    (late, has_overslept) = (now + OVERSLEPT, true);
                    continue;
                }
                Err(missed) => {
                    let mut failure =
                        self.missed(expecting, missed, "no message that matches came");
                    failure.expected = wanted.text.clone();
                    failure
                        .details
                        .extend(self.passed_over_before(expecting, &wanted.matcher));
                    return Err(self.passed_over(failure, Some(&wanted.matcher), &passing));
                }
            };
            let message = &came.what.message;
            if let Some(failure) = self.misfit(&came.what) {
                let place = self.place(expecting.script, expecting.step.span);
                return Err(Stopped::Failed(Box::new(failure.at(place))));
            }
            let Err(mismatch) = wanted.matcher.check(message.as_data()) else {
                let moment = Moment {
                    message: Some(message),
                    at: came.at,
                    start: expecting.start,
                    connection: expecting.connection,
                    opcode: Some(came.what.opcode),
                    close: None,
                };
                return self.examine(expecting, &moment, &passing);
            };
            if self.connections[expecting.connection].is_strict {
                let what = format!("another message came: {}", mismatch.describe());
                let mut failure = self.failure(expecting.script, expecting.step.span, &what);
                failure.expected = wanted.text.clone();
                failure.diff = diff::of(&wanted.matcher, message.as_data(), self.redactor());
                failure.received = Some(self.shown_message(message));
                return Err(Stopped::Failed(Box::new(failure)));
            }
            let line = expecting.step.span.line;
            self.connections[expecting.connection].pass_over(line, &came.what.message);
            passing.push(came.what.message);
        }
    }

    /// Whether an earlier step has passed over what is waited for.
    fn passed_over_before(&self, expecting: &Expecting<'_>, matcher: &Matcher) -> Option<Shown> {
        let mut passed = self.connections[expecting.connection].passed_over.iter();
        let (line, _) = passed.rfind(|(_, it)| matcher.check(it.as_data()).is_ok())?;
        Some(self.shown(&format!(
            "a message that matches came before: the step of line {line} passed over it"
        )))
    }

    /// Sees to it that no message matches until the time is over. The messages stay for other steps.
    async fn expect_no_message(
        &mut self,
        expecting: &Expecting<'_>,
        matcher: &Matcher,
    ) -> Result<(), Stopped> {
        let mut seen = 0;
        let late = expecting.until.into_std();
        let came = loop {
            let next = self.next(expecting, |lane| {
                let messages = lane.happened.messages.iter();
                let mut new = messages.filter(|it| it.order > seen && it.at <= late);
                let is_it = |it: &&Came<Arrived>| matcher.check(it.what.message.as_data()).is_ok();
                new.find(is_it).cloned()
            });
            let came = match next.await {
                Ok(came) => came,
                Err(Missed::Late | Missed::Ended) => return Ok(()),
                Err(Missed::Full) => return Err(self.unknown(expecting)),
            };
            seen = came.order;
            if self.holds(expecting, &came)? {
                break came;
            }
        };
        let after = came.at.saturating_duration_since(expecting.start);
        let what = match after.is_zero() {
            true => "this message came, and should not have".to_owned(),
            false => format!(
                "this message came after {} ms, and should not have",
                after.as_millis()
            ),
        };
        let mut failure = self.failure(expecting.script, expecting.step.span, &what);
        failure.received = Some(self.shown_message(&came.what.message));
        Err(Stopped::Failed(Box::new(failure)))
    }

    /// Whether all asserts of the step hold for a message. One that cannot be used is an error: it would
    /// hold for none, whatever comes.
    fn holds(&mut self, expecting: &Expecting<'_>, came: &Came<Arrived>) -> Result<bool, Stopped> {
        let moment = Moment {
            message: Some(&came.what.message),
            at: came.at,
            start: expecting.start,
            connection: expecting.connection,
            opcode: Some(came.what.opcode),
            close: None,
        };
        let checks = &expecting.step.checks;
        match self.check(expecting.script, checks, &moment) {
            Ok(()) => Ok(true),
            Err(failure) if failure.exit == Exit::Usage => Err(Stopped::Error(failure)),
            Err(_) => Ok(false),
        }
    }

    /// Whether something came that must not come cannot be said, because no more is read.
    pub(super) fn unknown(&self, expecting: &Expecting<'_>) -> Stopped {
        let what = format!(
            "{MOST_MESSAGES} messages, or as much as is kept of them, wait for steps, so no more are read, and what came is unknown"
        );
        let failure = self.failure(expecting.script, expecting.step.span, &what);
        Stopped::Failed(Box::new(failure))
    }

    /// Waits for a ping or a pong. Messages stay for other steps.
    async fn expect_control(
        &mut self,
        expecting: &Expecting<'_>,
        (is_ping, payload): (bool, Option<&At<Payload>>),
        times: u32,
        not: bool,
    ) -> Result<(), Stopped> {
        let wanted = match payload {
            Some(payload) => Some(self.payload(expecting.script, &payload.value, payload.span)?),
            None => None,
        };
        let is_it = |frame: &ControlFrame| match (frame, is_ping) {
            (ControlFrame::Ping(data), true) | (ControlFrame::Pong(data), false) => {
                wanted.as_ref().is_none_or(|wanted| wanted == data)
            }
            _ => false,
        };
        let name = if is_ping { "ping" } else { "pong" };
        for _ in 0..times {
            let next = self.next(expecting, |lane| {
                let controls = &mut lane.happened.controls;
                let found = controls.iter().position(|it| is_it(&it.what))?;
                match not {
                    true => controls.get(found).cloned(),
                    // Those before it are nothing that a step waits for.
                    false => controls.drain(..=found).next_back(),
                }
            });
            let came = match (next.await, not) {
                (Ok(came), false) => came,
                (Ok(_), true) => {
                    let what = format!("this {name} came, and should not have");
                    let failure = self.failure(expecting.script, expecting.step.span, &what);
                    return Err(Stopped::Failed(Box::new(failure)));
                }
                (Err(Missed::Full), true) => return Err(self.unknown(expecting)),
                (Err(_), true) => return Ok(()),
                (Err(missed), false) => {
                    let failure = self.missed(expecting, missed, &format!("no such {name} came"));
                    return Err(self.passed_over(failure, None, &Passing::default()));
                }
            };
            let (ControlFrame::Ping(data) | ControlFrame::Pong(data)) = &came.what;
            let message = Message::new(Kind::Text, data.clone())
                .unwrap_or_else(|_| Message::binary(data.clone()));
            let moment = Moment {
                message: Some(&message),
                at: came.at,
                start: expecting.start,
                connection: expecting.connection,
                opcode: Some(if is_ping { 9 } else { 10 }),
                close: None,
            };
            self.examine(expecting, &moment, &Passing::default())?;
        }
        Ok(())
    }

    /// Waits until `look` has found something, until the time is over, or until nothing more can come.
    pub(super) async fn next<T>(
        &self,
        expecting: &Expecting<'_>,
        mut look: impl FnMut(&mut Lane) -> Option<T>,
    ) -> Result<T, Missed> {
        let lane = &self.connections[expecting.connection].lane;
        let mut look = |lane: &mut Lane| match look(lane) {
            Some(found) => Some(Ok(found)),
            None if lane.end.is_some() => Some(Err(Missed::Ended)),
            // The step takes no message, and the others take none before it is over.
            None => (!lane.happened.has_room()).then_some(Err(Missed::Full)),
        };
        let found = tokio::time::timeout_at(expecting.until, lane.until(&mut look)).await;
        let found = match found {
            Ok(found) => found,
            Err(_) => look_once_more(lane, look).await,
        };
        // Where there is room again, the run reads on.
        self.connections[expecting.connection].lane.make_room();
        found
    }

    /// The failure of a step whose thing has not come.
    pub(super) fn missed(
        &self,
        expecting: &Expecting<'_>,
        missed: Missed,
        nothing: &str,
    ) -> Failure {
        let Expecting {
            script,
            step,
            connection,
            limit,
            ..
        } = expecting;
        let end = self.connections[*connection]
            .lane
            .with(|lane| lane.end.clone());
        let what = match missed {
            Missed::Late => format!("{nothing} within {}", units::written(*limit)),
            Missed::Ended => format!("{nothing} before the connection ended"),
            Missed::Full => format!(
                "{nothing} before {MOST_MESSAGES} messages, or as much as is kept of them, waited for steps"
            ),
        };
        let mut failure = self.failure(script, step.span, &what);
        if let Some(end) = end {
            failure.ended = self.ended(&end);
            let error = end.error.as_ref();
            failure
                .details
                .extend(error.map(|error| self.shown(&error.message)));
        }
        failure
    }

    pub(super) fn passed_over(
        &self,
        mut failure: Failure,
        matcher: Option<&Matcher>,
        passing: &Passing,
    ) -> Stopped {
        failure.passed_over = passing.shown(self.redactor());
        let Some(matcher) = matcher else {
            return Stopped::Failed(Box::new(failure));
        };
        let compare = |message: &Message| diff::of(matcher, message.as_data(), self.redactor());
        let differences =
            |message: &Message| compare(message).map_or(usize::MAX, |it| it.differences());
        if let Some(nearest) = passing.nearest(differences) {
            failure.diff = compare(nearest);
            failure.received = Some(self.shown_message(nearest));
        }
        Stopped::Failed(Box::new(failure))
    }

    /// Captures from the moment, and holds it against the asserts.
    pub(super) fn examine(
        &mut self,
        expecting: &Expecting<'_>,
        moment: &Moment<'_>,
        passing: &Passing,
    ) -> Result<(), Stopped> {
        let checks = &expecting.step.checks;
        let checked = self.check(expecting.script, checks, moment);
        checked.map_err(|mut failure| {
            failure.passed_over = passing.shown(self.redactor());
            Stopped::by(failure)
        })
    }

    /// The failure of a message that does not fit the schema of the command line; `None` if it fits.
    pub(super) fn misfit(&self, arrived: &Arrived) -> Option<Failure> {
        let mut lines = arrived.misfits.iter().map(|line| self.shown(line));
        let mut failure = Failure::new(Exit::Unmet, lines.next()?);
        failure.details = lines.collect();
        failure.received = Some(self.shown_message(&arrived.message));
        Some(failure)
    }

    pub(super) fn shown_message(&self, message: &Message) -> Shown {
        Shown::message(message.as_data(), MAX_MESSAGE, self.redactor())
    }

    pub(super) fn closed(&self, close: &Close) -> Ended {
        Ended {
            code: close.reported_code(),
            reason: self.shown(&close.reason),
        }
    }

    pub(super) fn lost(&self) -> Ended {
        self.closed(&Close::new(1006, ""))
    }
}

/// The failure, with how many of the messages had come.
fn counted(stopped: Stopped, came: u32, times: u32) -> Stopped {
    match stopped {
        Stopped::Failed(mut failure) if times > 1 => {
            let line = format!("{came} of {times} came");
            failure
                .details
                .insert(0, Shown::new(&line, &Redactor::default()));
            Stopped::Failed(failure)
        }
        stopped => stopped,
    }
}

/// Looks after the time is over. Where this process did not run for a while, what came in time has not
/// been read yet, and the run of the connection gets its turns for that.
async fn look_once_more<T>(
    lane: &SharedLane,
    mut look: impl FnMut(&mut Lane) -> Option<Result<T, Missed>>,
) -> Result<T, Missed> {
    for _ in 0..LAST_TURNS {
        tokio::task::yield_now().await;
        if let Some(found) = lane.with(&mut look) {
            return found;
        }
    }
    Err(Missed::Late)
}
