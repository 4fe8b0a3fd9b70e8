//! Waits for what becomes of a connection: a Close, its loss, or that it is open again.

use std::time::Duration;

use super::expecting::{Expecting, Missed};
use super::happened::{Came, Turn};
use super::moment::Moment;
use super::steps::{Runner, Stopped};
use crate::close::{Close, code_name};
use crate::script::ast::{At, Expected, Given, Payload};
use crate::script::passed_over::Passing;
use crate::script::values;

/// How long the run of a connection has to say why it has ended, which it does at once unless it goes on.
const END_OF_RUN: Duration = Duration::from_millis(200);

impl Runner<'_> {
    /// Waits for what becomes of the connection next, and passes over the messages before it.
    async fn next_turn(
        &mut self,
        expecting: &Expecting<'_>,
        is_passed: fn(&Turn) -> bool,
        nothing: &str,
    ) -> Result<(Came<Turn>, Passing), Stopped> {
        let mut passing = Passing::default();
        let next = self.next(expecting, |lane| {
            let turns = &mut lane.happened.turns;
            while turns.front().is_some_and(|turn| is_passed(&turn.what)) {
                turns.pop_front();
            }
            let turn = turns.pop_front();
            // What came before it is passed over in any case, and what comes behind that must be read.
            while turn.is_none()
                && !lane.happened.has_room()
                && let Some(came) = lane.happened.next_message()
            {
                passing.push(came.what.message);
                lane.make_room();
            }
            turn
        });
        let next = next.await;
        let lane = self.connections[expecting.connection].lane.clone();
        let order = next.as_ref().map_or(u64::MAX, |turn| turn.order);
        while let Some(came) = lane.with(|lane| lane.happened.message_before(order)) {
            passing.push(came.what.message);
        }
        match next {
            Ok(turn) if self.connections[expecting.connection].is_strict && passing.count() > 0 => {
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

    /// The code and the reason that a Close must have, with their variables filled in.
    fn wanted_close(
        &mut self,
        expecting: &Expecting<'_>,
        code: Option<&At<Given<u16>>>,
        reason: Option<&At<Payload>>,
    ) -> Result<(Option<u16>, Option<String>), Stopped> {
        let code = match code {
            Some(code) => Some(self.given(expecting.script, code, values::expected_code)?),
            None => None,
        };
        let reason = match reason {
            Some(reason) => Some(self.text(expecting.script, reason)?),
            None => None,
        };
        Ok((code, reason))
    }

    pub(super) async fn expect_close(
        &mut self,
        expecting: &Expecting<'_>,
        code: Option<&At<Given<u16>>>,
        reason: Option<&At<Payload>>,
    ) -> Result<(), Stopped> {
        let Expecting { script, step, .. } = expecting;
        let (code, reason) = self.wanted_close(expecting, code, reason)?;
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
                let lane = self.connections[expecting.connection].lane.clone();
                let end = lane.until(|lane| lane.end.clone());
                let end = tokio::time::timeout(END_OF_RUN, end).await.ok();
                let error = end.and_then(|it| it.error);
                failure
                    .details
                    .extend(error.map(|it| self.shown(&it.message)));
                return Err(self.passed_over(failure, None, &passing));
            }
        };
        let came_code = close.reported_code();
        if !is_wanted(close, code, reason.as_deref()) {
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

    pub(super) async fn expect_drop(&mut self, expecting: &Expecting<'_>) -> Result<(), Stopped> {
        let is_passed = |turn: &Turn| *turn == Turn::Open;
        let nothing = "the connection was not lost";
        let (came, passing) = self.next_turn(expecting, is_passed, nothing).await?;
        // What we end because the server has broken a rule is no loss.
        self.connections[expecting.connection].is_loss_expected = true;
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

    pub(super) async fn expect_open(&mut self, expecting: &Expecting<'_>) -> Result<(), Stopped> {
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
    pub(super) async fn expect_no_turn(
        &mut self,
        expecting: &Expecting<'_>,
    ) -> Result<(), Stopped> {
        let what = &expecting.step.what;
        let (code, reason) = match what {
            Expected::Close { code, reason } => {
                self.wanted_close(expecting, code.as_ref(), reason.as_ref())?
            }
            _ => (None, None),
        };
        let is_it = |turn: &Turn| match (turn, what) {
            (Turn::Closed(close), Expected::Close { .. }) => {
                is_wanted(close, code, reason.as_deref())
            }
            (Turn::Lost, Expected::Drop) | (Turn::Open, Expected::Open) => true,
            _ => false,
        };
        let late = expecting.until.into_std();
        let came = self.next(expecting, |lane| {
            let mut turns = lane.happened.turns.iter();
            let turn = turns.find(|it| it.at <= late && is_it(&it.what));
            turn.map(|it| it.what.clone())
        });
        let turn = match came.await {
            Ok(turn) => turn,
            Err(Missed::Late | Missed::Ended) => return Ok(()),
            Err(Missed::Full) => return Err(self.unknown(expecting)),
        };
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
}

fn is_wanted(close: &Close, code: Option<u16>, reason: Option<&str>) -> bool {
    code.is_none_or(|code| code == close.reported_code())
        && reason.is_none_or(|reason| *reason == close.reason)
}
