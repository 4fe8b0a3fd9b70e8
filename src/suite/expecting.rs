//! Waits for what a step expects, and examines it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checking::hold;
use super::files::Script;
use super::happened::{Arrived, Came, ControlFrame, Turn};
use super::lane::{Lane, SharedLane};
use super::moment::Moment;
use super::steps::{DEFAULT_LIMIT, Runner, Stopped, begin, deadline};
use crate::close::{Close, code_name};
use crate::message::{Kind, Message};
use crate::script::ast::{At, Expect, Expected, Given, Pattern, Payload};
use crate::script::diff;
use crate::script::matching::Matcher;
use crate::script::passed_over::Passing;
use crate::script::result::{Ended, Failure};
use crate::script::shown::Shown;
use crate::script::values;
use crate::template::Place as TextPlace;
use crate::units;

/// Later than this, a step has not noticed the end of its time because the process did not run.
const OVERSLEPT: Duration = Duration::from_millis(50);

/// How much of a message a report has, in characters or bytes.
const MAX_MESSAGE: usize = 2_000;

/// How many turns the run of a connection has to read what has come, once a step is out of time.
const LAST_TURNS: u32 = 4;

/// A step that expects something, with its variables filled in.
struct Expecting<'s> {
    script: &'s Script,
    step: &'s Expect,
    connection: usize,
    start: Instant,
    limit: Duration,
    until: tokio::time::Instant,
}

/// A message that is expected.
struct Wanted {
    matcher: Matcher,
    /// With its variables filled in, for the report.
    text: Option<Shown>,
}

/// Why the expected thing has not come.
enum Missed {
    /// The time is over.
    Late,
    /// The connection has ended.
    Ended,
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
                for _ in 0..times {
                    self.expect_message(&expecting, &wanted).await?;
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
                let source = self.fill(source, TextPlace::Header);
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
                    return Err(self.passed_over(failure, Some(&wanted.matcher), &passing));
                }
            };
            let message = &came.what.message;
            self.check_schema(expecting, message)?;
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
            if self.is_strict {
                let what = format!("another message came: {}", mismatch.describe());
                let mut failure = self.failure(expecting.script, expecting.step.span, &what);
                failure.expected = wanted.text.clone();
                failure.diff = diff::of(&wanted.matcher, message.as_data(), self.redactor());
                failure.received = Some(self.shown_message(message));
                return Err(Stopped::Failed(Box::new(failure)));
            }
            passing.push(came.what.message);
        }
    }

    /// Sees to it that no message matches until the time is over. The messages stay for other steps.
    async fn expect_no_message(
        &mut self,
        expecting: &Expecting<'_>,
        matcher: &Matcher,
    ) -> Result<(), Stopped> {
        let mut seen = 0;
        let came = loop {
            let next = self.next(expecting, |lane| {
                let messages = lane.happened.messages.iter();
                let mut new = messages.filter(|it| it.order > seen);
                let is_it = |it: &&Came<Arrived>| matcher.check(it.what.message.as_data()).is_ok();
                new.find(is_it).cloned()
            });
            let Ok(came) = next.await else { return Ok(()) };
            seen = came.order;
            if self.holds(expecting, &came) {
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

    /// Whether all asserts of the step hold for a message.
    fn holds(&mut self, expecting: &Expecting<'_>, came: &Came<Arrived>) -> bool {
        let moment = Moment {
            message: Some(&came.what.message),
            at: came.at,
            start: expecting.start,
            connection: expecting.connection,
            opcode: Some(came.what.opcode),
            close: None,
        };
        let checks = &expecting.step.checks;
        self.check(expecting.script, checks, &moment).is_ok()
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

    /// Waits for what becomes of the connection next, and passes over the messages before it.
    async fn next_turn(
        &mut self,
        expecting: &Expecting<'_>,
        is_passed: fn(&Turn) -> bool,
        nothing: &str,
    ) -> Result<(Came<Turn>, Passing), Stopped> {
        let next = self.next(expecting, |lane| {
            let turns = &mut lane.happened.turns;
            while turns.front().is_some_and(|turn| is_passed(&turn.what)) {
                turns.pop_front();
            }
            turns.pop_front()
        });
        let next = next.await;
        let lane = self.connections[expecting.connection].lane.clone();
        let order = next.as_ref().map_or(u64::MAX, |turn| turn.order);
        let mut passing = Passing::default();
        while let Some(came) = lane.with(|lane| lane.happened.message_before(order)) {
            passing.push(came.what.message);
        }
        match next {
            Ok(turn) if self.is_strict && passing.count() > 0 => {
                drop(turn);
                let what = "messages came that no step expects";
                let failure = self.failure(expecting.script, expecting.step.span, what);
                Err(self.passed_over(failure, None, &passing))
            }
            Ok(turn) => Ok((turn, passing)),
            Err(missed) => {
                let failure = self.missed(expecting, missed, nothing);
                Err(self.passed_over(failure, None, &passing))
            }
        }
    }

    async fn expect_close(
        &mut self,
        expecting: &Expecting<'_>,
        code: Option<&At<Given<u16>>>,
        reason: Option<&At<Payload>>,
    ) -> Result<(), Stopped> {
        let Expecting { script, step, .. } = expecting;
        let code = match code {
            Some(code) => Some(self.given(script, code, values::expected_code)?),
            None => None,
        };
        let reason = match reason {
            Some(reason) => Some(self.text(script, reason)?),
            None => None,
        };
        let is_passed = |turn: &Turn| *turn == Turn::Open;
        let (came, passing) = self
            .next_turn(expecting, is_passed, "no Close came")
            .await?;
        self.connections[expecting.connection].is_end_expected = true;
        let close = match &came.what {
            Turn::Closed(close) => close,
            Turn::Lost | Turn::Open => {
                let what = "the connection was lost without a Close";
                let mut failure = self.failure(script, step.span, what);
                failure.ended = Some(self.lost());
                return Err(self.passed_over(failure, None, &passing));
            }
        };
        let came_code = close.reported_code();
        let is_it = code.is_none_or(|code| code == came_code)
            && reason.as_ref().is_none_or(|reason| *reason == close.reason);
        if !is_it {
            let what = match code {
                Some(code) if code != came_code => format!(
                    "the connection was closed with {came_code} ({}); {code} was expected",
                    code_name(came_code)
                ),
                _ => "the connection was closed for another reason".to_owned(),
            };
            let mut failure = self.failure(script, step.span, &what);
            failure.ended = Some(self.closed(close));
            return Err(self.passed_over(failure, None, &passing));
        }
        let moment = Moment {
            message: None,
            at: came.at,
            start: expecting.start,
            connection: expecting.connection,
            opcode: Some(8),
            close: Some(close),
        };
        self.examine(expecting, &moment, &passing)
    }

    async fn expect_drop(&mut self, expecting: &Expecting<'_>) -> Result<(), Stopped> {
        let is_passed = |turn: &Turn| *turn == Turn::Open;
        let nothing = "the connection was not lost";
        let (came, passing) = self.next_turn(expecting, is_passed, nothing).await?;
        self.connections[expecting.connection].is_end_expected = true;
        if let Turn::Closed(close) = &came.what {
            let what = "the connection was closed; that it is lost without a Close was expected";
            let mut failure = self.failure(expecting.script, expecting.step.span, what);
            failure.ended = Some(self.closed(close));
            return Err(self.passed_over(failure, None, &passing));
        }
        let moment = Moment {
            message: None,
            at: came.at,
            start: expecting.start,
            connection: expecting.connection,
            opcode: None,
            close: Some(&Close::new(1006, "")),
        };
        self.examine(expecting, &moment, &passing)
    }

    async fn expect_open(&mut self, expecting: &Expecting<'_>) -> Result<(), Stopped> {
        let is_passed = |turn: &Turn| *turn != Turn::Open;
        let nothing = "the connection was not opened again";
        let (came, passing) = self.next_turn(expecting, is_passed, nothing).await?;
        self.connections[expecting.connection].is_end_expected = false;
        let moment = Moment {
            message: None,
            at: came.at,
            start: expecting.start,
            connection: expecting.connection,
            opcode: None,
            close: None,
        };
        self.examine(expecting, &moment, &passing)
    }

    /// Sees to it that nothing of this kind becomes of the connection until the time is over.
    async fn expect_no_turn(&mut self, expecting: &Expecting<'_>) -> Result<(), Stopped> {
        let what = &expecting.step.what;
        let is_it = |turn: &Turn| {
            matches!(
                (turn, what),
                (Turn::Closed(_), Expected::Close { .. })
                    | (Turn::Lost, Expected::Drop)
                    | (Turn::Open, Expected::Open)
            )
        };
        let came = self.next(expecting, |lane| {
            let turns = lane.happened.turns.iter();
            turns.map(|it| it.what.clone()).find(|it| is_it(it))
        });
        let Ok(turn) = came.await else { return Ok(()) };
        let what = match &turn {
            Turn::Closed(_) => "the connection was closed, and should not have been",
            Turn::Lost => "the connection was lost, and should not have been",
            Turn::Open => "the connection was opened again, and should not have been",
        };
        let mut failure = self.failure(expecting.script, expecting.step.span, what);
        if let Turn::Closed(close) = &turn {
            failure.ended = Some(self.closed(close));
        }
        Err(Stopped::Failed(Box::new(failure)))
    }

    /// Waits until `look` has found something, until the time is over, or until nothing more can come.
    async fn next<T>(
        &self,
        expecting: &Expecting<'_>,
        mut look: impl FnMut(&mut Lane) -> Option<T>,
    ) -> Result<T, Missed> {
        let lane = &self.connections[expecting.connection].lane;
        let mut look = |lane: &mut Lane| match look(lane) {
            Some(found) => Some(Ok(found)),
            None => lane.end.as_ref().map(|_| Err(Missed::Ended)),
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
    fn missed(&self, expecting: &Expecting<'_>, missed: Missed, nothing: &str) -> Failure {
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

    fn passed_over(
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
    fn examine(
        &mut self,
        expecting: &Expecting<'_>,
        moment: &Moment<'_>,
        passing: &Passing,
    ) -> Result<(), Stopped> {
        let checks = &expecting.step.checks;
        let checked = self.check(expecting.script, checks, moment);
        checked.map_err(|mut failure| {
            failure.passed_over = passing.shown(self.redactor());
            Stopped::Failed(failure)
        })
    }

    /// Holds a message against the schema of the command line, if there is one.
    fn check_schema(&self, expecting: &Expecting<'_>, message: &Message) -> Result<(), Stopped> {
        let Some(schema) = &self.options.schema else {
            return Ok(());
        };
        let held = match message.as_text() {
            Some(text) => hold(schema, text),
            None => Err(vec![
                "a binary message came, and --schema is for text".to_owned(),
            ]),
        };
        held.map_err(|details| {
            let mut details = details.into_iter();
            let what = details.next().unwrap_or_default();
            let mut failure = self.failure(expecting.script, expecting.step.span, &what);
            failure.details = details.map(|line| self.shown(&line)).collect();
            failure.received = Some(self.shown_message(message));
            Stopped::Failed(Box::new(failure))
        })
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

    fn lost(&self) -> Ended {
        self.closed(&Close::new(1006, ""))
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
