//! What waits for a message: `/set NAME = EXPR` for a value, `/expect EXPR within T` for a message of
//! which an expression is true. Pure: messages and the time come in, sentences come out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::json::jq::Filter;
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::output::brief;
use crate::units::{self, counted};

/// How many messages since the last send `/expect` looks at.
const MAX_RECENT: usize = 256;
/// How many bytes of them.
const MAX_RECENT_BYTES: usize = 1 << 20;

/// How many expectations that were met are kept, and how many bytes of the messages that met them.
const MAX_MET: usize = 1024;
const MAX_MET_BYTES: usize = 8 << 20;

/// A value that is yet to be found.
#[derive(Debug)]
struct Capture {
    name: String,
    expression: String,
    filter: Filter,
}

/// A message that is yet to come.
#[derive(Debug)]
struct Expectation {
    expression: String,
    filter: Filter,
    since: Instant,
    within: Duration,
    passed_over: u64,
}

/// An expectation that was met, for the script of the session.
#[derive(Clone, Debug)]
pub(super) struct Met {
    /// When the message was received.
    pub(super) at: Instant,
    pub(super) message: Message,
    pub(super) expression: String,
    pub(super) within: Duration,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Value { name: String, value: Json },
    Met(String),
    Failed(String),
}

/// Everything that waits for a message.
#[derive(Debug, Default)]
pub(super) struct Watch {
    captures: Vec<Capture>,
    expectations: Vec<Expectation>,
    /// Received since the last message was sent, and not what an expectation was met by.
    recent: VecDeque<(Instant, Message)>,
    recent_bytes: usize,
    met: VecDeque<Met>,
    met_bytes: usize,
    found: VecDeque<Found>,
}

impl Watch {
    /// Waits for the first message in which `filter` finds a value. It replaces an earlier capture
    /// of the same name.
    pub(super) fn capture(&mut self, name: String, expression: String, filter: Filter) {
        self.forget(&name);
        self.captures.push(Capture {
            name,
            expression,
            filter,
        });
    }

    /// No longer waits for a value of this name.
    pub(super) fn forget(&mut self, name: &str) {
        self.captures.retain(|capture| capture.name != name);
    }

    /// The names and expressions of the values that are yet to be found.
    pub(super) fn captures(&self) -> impl Iterator<Item = (&str, &str)> {
        let captures = self.captures.iter();
        captures.map(|capture| (&*capture.name, &*capture.expression))
    }

    /// Waits for a message of which `filter` is true. What was received since the last message was
    /// sent counts, because a reply may be there before the command is. Returns whether it is yet to come.
    pub(super) fn await_message(
        &mut self,
        expression: String,
        filter: Filter,
        within: Duration,
        now: Instant,
    ) -> bool {
        let mut expectation = Expectation {
            expression,
            filter,
            since: now,
            within,
            passed_over: 0,
        };
        let mut recent = std::mem::take(&mut self.recent);
        let place = recent
            .iter()
            .position(|(_, message)| expectation.is_met_by(&Parsed::once(message.as_data())));
        // What an expectation has passed over cannot meet the next one, as in a script.
        let met = place.and_then(|place| recent.drain(..=place).next_back());
        self.recent_bytes = recent.iter().map(|(_, message)| message.len()).sum();
        self.recent = recent;
        let waits = met.is_none();
        match met {
            Some((at, message)) => self.meet(expectation, at, &message, now),
            None => self.expectations.push(expectation),
        }
        waits
    }

    /// Whether an expectation has been neither met nor given up.
    pub(super) fn is_expecting(&self) -> bool {
        !self.expectations.is_empty()
    }

    /// A message was sent: what comes from here on may be a reply to it.
    pub(super) fn handle_sent(&mut self) {
        self.forget_recent();
    }

    fn forget_recent(&mut self) {
        self.recent.clear();
        self.recent_bytes = 0;
    }

    /// A message was received.
    pub(super) fn handle_message(&mut self, now: Instant, message: &Message, json: &Parsed<'_>) {
        self.handle_captures(json);
        if !self.handle_expectations(now, message, json) {
            self.remember(now, message);
        }
    }

    fn handle_captures(&mut self, json: &Parsed<'_>) {
        let mut found = Vec::new();
        self.captures.retain(|capture| {
            let value = first_value(&capture.filter, json);
            let waits = value.is_none();
            found.extend(value.map(|value| Found::Value {
                name: capture.name.clone(),
                value,
            }));
            waits
        });
        self.found.extend(found);
    }

    /// Returns whether the message met an expectation. Of several it meets the first.
    fn handle_expectations(&mut self, now: Instant, message: &Message, json: &Parsed<'_>) -> bool {
        let mut expectations = self.expectations.iter_mut();
        let place = expectations.position(|expectation| expectation.is_met_by(json));
        let Some(place) = place else {
            return false;
        };
        let expectation = self.expectations.remove(place);
        // What it has passed over cannot meet the next one, as in a script.
        self.forget_recent();
        self.meet(expectation, now, message, now);
        true
    }

    fn meet(&mut self, expectation: Expectation, at: Instant, message: &Message, now: Instant) {
        let took = at.max(expectation.since).min(now) - expectation.since;
        let text = match took {
            Duration::ZERO => format!("ok: {}", expectation.expression),
            took => format!("ok: {} after {}", expectation.expression, brief(took)),
        };
        self.found.push_back(Found::Met(text));
        self.met_bytes += message.len();
        self.met.push_back(Met {
            at,
            // It may share the buffer of many.
            message: message.to_compact(),
            expression: expectation.expression,
            within: expectation.within,
        });
        while self.met.len() > MAX_MET || self.met_bytes > MAX_MET_BYTES {
            let Some(oldest) = self.met.pop_front() else {
                break;
            };
            self.met_bytes -= oldest.message.len();
        }
    }

    fn remember(&mut self, now: Instant, message: &Message) {
        if message.len() > MAX_RECENT_BYTES {
            return self.forget_recent();
        }
        self.recent_bytes += message.len();
        // It may share the buffer of many.
        self.recent.push_back((now, message.to_compact()));
        while self.recent.len() > MAX_RECENT || self.recent_bytes > MAX_RECENT_BYTES {
            let Some((_, oldest)) = self.recent.pop_front() else {
                break;
            };
            self.recent_bytes -= oldest.len();
        }
    }

    /// When [`Watch::handle_timeout`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let expectations = self.expectations.iter();
        expectations.filter_map(Expectation::deadline).min()
    }

    /// Gives up what has waited long enough.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let mut failed = Vec::new();
        self.expectations.retain(|expectation| {
            let waits = expectation.deadline().is_none_or(|deadline| now < deadline);
            if !waits {
                failed.push(Found::Failed(expectation.failure()));
            }
            waits
        });
        self.found.extend(failed);
    }

    /// Gives up all expectations, and says so.
    pub(super) fn cancel(&mut self) -> bool {
        let any = self.is_expecting();
        let given_up = self.expectations.drain(..);
        self.found.extend(given_up.map(|expectation| {
            Found::Failed(format!("FAIL: {} (cancelled)", expectation.expression))
        }));
        any
    }

    /// What was found next.
    pub(super) fn poll_found(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// The expectations that were met last, in the order in which that happened.
    pub(super) fn met(&self) -> &VecDeque<Met> {
        &self.met
    }
}

impl Expectation {
    fn is_met_by(&mut self, json: &Parsed<'_>) -> bool {
        let met = self.filter.is_true_of(json);
        self.passed_over += u64::from(!met);
        met
    }

    fn deadline(&self) -> Option<Instant> {
        self.since.checked_add(self.within)
    }

    fn failure(&self) -> String {
        let Expectation {
            expression, within, ..
        } = self;
        let passed_over = match self.passed_over {
            0 => "nothing was received".to_owned(),
            1 => "1 message was passed over".to_owned(),
            more => format!("{} were passed over", counted(more, "message")),
        };
        let within = units::written(*within);
        format!("FAIL: {expression}: no such message within {within}; {passed_over}")
    }
}

/// The first value that is not `null`.
fn first_value(filter: &Filter, json: &Parsed<'_>) -> Option<Json> {
    let outputs = filter.run_on(json)?.ok()?;
    let values = outputs
        .iter()
        .filter_map(|output| serde_json::from_str(output).ok());
    values.into_iter().find(|value: &Json| !value.is_null())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    struct Trial {
        watch: Watch,
        now: Instant,
    }

    impl Trial {
        fn new() -> Self {
            Trial {
                watch: Watch::default(),
                now: Instant::now(),
            }
        }

        fn receive(&mut self, text: &str) {
            let message = Message::text(text);
            let json = Parsed::new(message.as_data());
            self.watch.handle_message(self.now, &message, &json);
        }

        fn expect(&mut self, expression: &str, within: Duration) -> bool {
            let filter = Filter::compile(expression).unwrap();
            self.watch
                .await_message(expression.to_owned(), filter, within, self.now)
        }

        fn capture(&mut self, name: &str, expression: &str) {
            let filter = Filter::compile(expression).unwrap();
            self.watch
                .capture(name.to_owned(), expression.to_owned(), filter);
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            if self.watch.poll_timeout().is_some_and(|due| due <= self.now) {
                self.watch.handle_timeout(self.now);
            }
        }

        fn found(&mut self) -> Vec<Found> {
            std::iter::from_fn(|| self.watch.poll_found()).collect()
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_value_is_captured_from_the_next_message_that_has_it() {
        let mut trial = Trial::new();
        trial.capture("user", ".data.user");
        trial.receive("no JSON");
        trial.receive(r#"{"data":[]}"#);
        trial.receive(r#"{"data":{"user":null}}"#);
        assert_eq!(trial.found(), []);
        trial.receive(r#"{"data":{"user":"xiao"}}"#);
        trial.receive(r#"{"data":{"user":"other"}}"#);
        let name = "user".to_owned();
        let value = json!("xiao");
        assert_eq!(trial.found(), [Found::Value { name, value }]);
        assert_eq!(trial.watch.captures().count(), 0);
    }

    #[test]
    fn a_second_capture_of_a_name_replaces_the_first() {
        let mut trial = Trial::new();
        trial.capture("id", ".a");
        trial.capture("id", ".b");
        assert_eq!(trial.watch.captures().collect::<Vec<_>>(), [("id", ".b")]);
        trial.receive(r#"{"a":1}"#);
        assert_eq!(trial.found(), []);
    }

    #[test]
    fn an_expectation_is_met_by_a_message_that_comes_in_time() {
        let mut trial = Trial::new();
        trial.expect(".ok", 2 * SECOND);
        trial.pass(SECOND);
        trial.receive(r#"{"ok":false}"#);
        trial.receive(r#"{"ok":true}"#);
        assert_eq!(trial.found(), [Found::Met("ok: .ok after 1.0s".into())]);
        assert_eq!(trial.watch.poll_timeout(), None);
        assert_eq!(trial.watch.met().len(), 1);
    }

    #[test]
    fn an_expectation_fails_when_its_time_is_over() {
        let mut trial = Trial::new();
        trial.expect(".ok", 2 * SECOND);
        trial.receive("{}");
        trial.pass(SECOND);
        assert_eq!(trial.found(), []);
        trial.pass(SECOND);
        let failure = "FAIL: .ok: no such message within 2s; 1 message was passed over";
        assert_eq!(trial.found(), [Found::Failed(failure.into())]);
        assert!(!trial.watch.is_expecting());
    }

    #[test]
    fn a_reply_that_came_before_the_command_counts_once() {
        let mut trial = Trial::new();
        trial.receive(r#"{"n":0}"#);
        trial.watch.handle_sent();
        trial.receive(r#"{"n":1}"#);
        trial.receive(r#"{"n":2}"#);
        trial.pass(SECOND);
        trial.expect(".n == 0", SECOND);
        assert!(trial.watch.is_expecting());
        trial.pass(SECOND);
        trial.found();
        assert!(!trial.expect(".n == 1", SECOND));
        assert!(trial.expect(".n == 1", SECOND));
        assert!(!trial.expect(".n == 2", SECOND));
        assert_eq!(
            trial.found(),
            [
                Found::Met("ok: .n == 1".into()),
                Found::Met("ok: .n == 2".into())
            ]
        );
        assert!(trial.watch.is_expecting());
    }

    #[test]
    fn what_was_passed_over_while_waiting_cannot_meet_the_next_expectation() {
        let mut trial = Trial::new();
        trial.expect(".n == 2", SECOND);
        for n in 1..=3 {
            trial.receive(&format!(r#"{{"n":{n}}}"#));
        }
        trial.expect(".n == 1", SECOND);
        trial.expect(".n == 3", SECOND);
        assert_eq!(
            trial.found(),
            [
                Found::Met("ok: .n == 2".into()),
                Found::Met("ok: .n == 3".into())
            ]
        );
        assert!(trial.watch.is_expecting());
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut trial = Trial::new();
        for _ in 0..1000 {
            trial.receive("{}");
        }
        assert_eq!(trial.watch.recent.len(), MAX_RECENT);
        trial.receive(&"x".repeat(MAX_RECENT_BYTES + 1));
        assert_eq!((trial.watch.recent.len(), trial.watch.recent_bytes), (0, 0));
        let large = "x".repeat(MAX_RECENT_BYTES / 2);
        for n in 0..20 {
            trial.expect(".", SECOND);
            trial.receive(&format!("[{n},{large:?}]"));
        }
        let met = trial.watch.met();
        let bytes: usize = met.iter().map(|it| it.message.len()).sum();
        assert!(bytes <= MAX_MET_BYTES && met.len() < 20, "{bytes}");
        assert!(
            met.back()
                .unwrap()
                .message
                .as_text()
                .unwrap()
                .starts_with("[19,")
        );
        for _ in 0..=MAX_MET {
            trial.expect(".", SECOND);
            trial.receive("1");
        }
        assert_eq!(trial.watch.met().len(), MAX_MET);
    }

    #[test]
    fn what_is_remembered_keeps_no_buffer_of_others_alive() {
        let mut trial = Trial::new();
        let shared = Bytes::from(vec![b'x'; 100]);
        trial.expect("true", SECOND);
        for _ in 0..2 {
            let message = Message::binary(shared.slice(0..1));
            let json = Parsed::new(message.as_data());
            trial.watch.handle_message(trial.now, &message, &json);
        }
        assert!(shared.is_unique());
    }
}
