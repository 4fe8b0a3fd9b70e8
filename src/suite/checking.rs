//! Captures from what a step has come to, and holds it against asserts.

use std::sync::Arc;

use super::files::Script;
use super::moment::{Moment, header};
use super::secrets;
use super::steps::Runner;
use crate::error::Exit;
use crate::json::parsed::Parsed;
use crate::message::{Data, Message};
use crate::script::asserts::{self, JqAssert, Unmet};
use crate::script::ast::{Assert, At, Capture, Checks, Property, Query, Span};
use crate::script::expression;
use crate::script::result::Failure;
use crate::script::schema::Schema;
use crate::script::value::Value;
use crate::template::Place as TextPlace;

/// How many expressions with their values are kept compiled.
const MAX_COMPILED: usize = 1_000;

/// An assert that does not hold.
struct Unheld {
    /// What it says, one line each.
    details: Vec<String>,
    /// 2 if it holds for nothing, whatever comes.
    exit: Exit,
}

impl Unheld {
    fn untrue(details: Vec<String>) -> Unheld {
        let exit = Exit::Unmet;
        Unheld { details, exit }
    }

    fn unusable(why: String) -> Unheld {
        let exit = Exit::Usage;
        Unheld {
            details: vec![why],
            exit,
        }
    }
}

impl Runner<'_> {
    /// Captures from the moment, and holds it against the asserts.
    pub(super) fn check(
        &mut self,
        script: &Script,
        checks: &Checks,
        moment: &Moment<'_>,
    ) -> Result<(), Box<Failure>> {
        if checks.captures.is_empty() && checks.asserts.is_empty() {
            return Ok(());
        }
        let parsed = moment.message.map(|it| Parsed::new(it.as_data()));
        for capture in &checks.captures {
            let captured = self.capture(capture, moment, parsed.as_ref());
            captured.map_err(|why| {
                let name = &capture.name.value;
                let what = vec![format!("{name} cannot be captured: {why}")];
                self.false_assert(script, capture.query.span, what, moment)
            })?;
        }
        for assert in &checks.asserts {
            self.counts.asserts += 1;
            let held = self.assert(script, assert, moment, parsed.as_ref());
            held.map_err(|Unheld { details, exit }| {
                let mut failure = self.false_assert(script, assert.span, details, moment);
                failure.exit = exit;
                failure
            })?;
        }
        Ok(())
    }

    fn false_assert(
        &self,
        script: &Script,
        span: Span,
        details: Vec<String>,
        moment: &Moment<'_>,
    ) -> Box<Failure> {
        let mut details = details.into_iter();
        let what = details.next().unwrap_or_default();
        let mut failure = self.failure(script, span, &what);
        failure.details = details.map(|line| self.shown(&line)).collect();
        failure.received = moment.message.map(|it| self.shown_message(it));
        failure.ended = moment.close.map(|close| self.closed(close));
        Box::new(failure)
    }

    fn assert(
        &mut self,
        script: &Script,
        assert: &At<Assert>,
        moment: &Moment<'_>,
        parsed: Option<&Parsed<'_>>,
    ) -> Result<(), Unheld> {
        match &assert.value {
            Assert::Jq(expression) => {
                let assert = self.compiled(expression).map_err(|why| {
                    // A value that a server chose may be too large.
                    match self.variables.has_captured(expression) {
                        true => Unheld::untrue(vec![why]),
                        false => Unheld::unusable(why),
                    }
                })?;
                let Some(parsed) = parsed else {
                    let why = "there is no message to examine".to_owned();
                    return Err(Unheld::untrue(vec![why]));
                };
                let checked = assert.check(parsed);
                checked.map_err(|why| Unheld::untrue(vec![why]))
            }
            Assert::Property {
                property,
                not,
                predicate,
                value,
            } => {
                let actual = self.property(property, moment);
                let written = value.as_ref().map(|value| {
                    // What is written in quotes is read as JSON.
                    let place = match value.value.trim_start().starts_with('"') {
                        true => TextPlace::Message,
                        false => TextPlace::Header,
                    };
                    self.fill(&value.value, place)
                });
                let held = asserts::holds(property, &actual, *not, *predicate, written.as_deref());
                held.map_err(|unmet| match unmet {
                    Unmet::False(why) => Unheld::untrue(vec![why]),
                    Unmet::Unusable(why) => Unheld::unusable(why),
                })
            }
            Assert::Schema(name) => {
                let schema = self.schema(script, &name.value);
                let schema = schema.map_err(Unheld::unusable)?;
                let text = moment.message.and_then(Message::as_text);
                let Some(text) = text else {
                    let why = "there is no text to hold against the schema".to_owned();
                    return Err(Unheld::untrue(vec![why]));
                };
                schema.hold(text).map_err(Unheld::untrue)
            }
        }
    }

    fn compiled(&mut self, expression: &str) -> Result<JqAssert, String> {
        let filled = self.fill(expression, TextPlace::Expression);
        if let Some(known) = self.compiled.get(&filled) {
            return Ok(known.clone());
        }
        expression::check_size(&filled).map_err(|fault| fault.message)?;
        let compiled = JqAssert::compile(&filled).map_err(|error| error.message)?;
        compiled.filter().set_interrupt(&self.options.interrupt);
        // Generated values make an expression another one each time.
        if self.compiled.len() >= MAX_COMPILED {
            self.compiled.clear();
        }
        self.compiled.insert(filled, compiled.clone());
        Ok(compiled)
    }

    pub(super) fn schema(&mut self, script: &Script, name: &str) -> Result<Arc<Schema>, String> {
        let name = self.fill(name, TextPlace::Header);
        let path = script.folder.path_of(&name)?.display().to_string();
        if let Some(known) = self.schemas.get(&path) {
            return Ok(Arc::clone(known));
        }
        let bytes = script.folder.read(&name, 16 << 20)?;
        let text = String::from_utf8_lossy(&bytes);
        let schema = Schema::compile(&text).map_err(|why| format!("{name}: {why}"))?;
        let schema = Arc::new(schema);
        self.schemas.insert(path, Arc::clone(&schema));
        Ok(schema)
    }

    fn capture(
        &mut self,
        capture: &Capture,
        moment: &Moment<'_>,
        parsed: Option<&Parsed<'_>>,
    ) -> Result<(), String> {
        let value = match &capture.query.value {
            Query::Property(property) => {
                self.counts.asserts += 1;
                to_json(&self.property(property, moment))?
            }
            Query::Jq(expression) => {
                let parsed = parsed.ok_or("there is no message to examine")?;
                self.first_value(expression, parsed)?
            }
        };
        let name = &capture.name.value;
        secrets::hide_captured(name, &value, self.redactor());
        self.variables.capture(name, value);
        Ok(())
    }

    /// The first value of a jq expression. That there is none, or null, is a fault: nothing would be
    /// captured.
    fn first_value(
        &mut self,
        expression: &str,
        parsed: &Parsed<'_>,
    ) -> Result<serde_json::Value, String> {
        let compiled = self.compiled(expression)?;
        let first = compiled
            .filter()
            .first_of(parsed)
            .ok_or("the message is not text")??
            .ok_or_else(|| format!("{} gives nothing", compiled.filter().text()))?;
        match serde_json::from_str(&first) {
            Ok(serde_json::Value::Null) => Err(format!("{} is null", compiled.filter().text())),
            Ok(value) => Ok(value),
            Err(error) => Err(error.to_string()),
        }
    }

    fn property(&self, property: &Property, moment: &Moment<'_>) -> Value {
        let lane = &self.connections[moment.connection].lane;
        let answer = || lane.with(|lane| lane.answer.clone()).unwrap_or_default();
        let text = |text: Option<String>| text.map_or(Value::Missing, Value::Text);
        let number = |number: Option<u64>| number.map_or(Value::Missing, Value::Number);
        match property {
            Property::Duration => {
                Value::Duration(moment.at.saturating_duration_since(moment.start))
            }
            Property::Opcode => number(moment.opcode.map(u64::from)),
            Property::Code => number(moment.close.map(|it| u64::from(it.reported_code()))),
            Property::Reason => text(moment.close.map(|close| close.reason.clone())),
            Property::Status => number(Some(u64::from(answer().status)).filter(|it| *it > 0)),
            Property::Subprotocol => text(answer().subprotocol),
            Property::Extensions => text(answer().extensions),
            Property::Attempts => Value::Number(u64::from(lane.with(|lane| lane.attempts))),
            Property::Header(name) => text(header(&answer(), name)),
            Property::Body => match moment.message.map(Message::as_data) {
                Some(Data::Text(text)) => Value::Text(text.to_owned()),
                Some(Data::Binary(bytes)) => {
                    Value::Text(String::from_utf8_lossy(bytes).into_owned())
                }
                None => Value::Missing,
            },
        }
    }
}

fn to_json(value: &Value) -> Result<serde_json::Value, String> {
    match value {
        Value::Missing => Err("there is no such thing".to_owned()),
        Value::Number(number) => Ok((*number).into()),
        Value::Duration(time) => Ok((time.as_millis() as u64).into()),
        Value::Text(text) => Ok(text.as_str().into()),
    }
}
