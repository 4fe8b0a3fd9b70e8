//! The stop conditions of a run, `--count` and `--until`. Pure.

use crate::json::jq::Filter;
use crate::json::parsed::Parsed;

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--count`, data messages received; 0 shows none of them, and is no condition.
    pub count: Option<u64>,
    /// `--until`
    pub until: Option<Filter>,
}

/// Finds the message that ends the run.
#[derive(Clone, Debug)]
pub struct StopCondition {
    options: Options,
    received: u64,
    met: bool,
}

impl StopCondition {
    pub fn new(options: Options) -> Self {
        StopCondition {
            options,
            received: 0,
            met: false,
        }
    }

    /// A record, or a message that is not split, was received.
    pub fn handle_record(&mut self, record: &Parsed<'_>) {
        let until = self.options.until.as_ref();
        self.met |= until.is_some_and(|until| until.is_true_of(record));
    }

    /// A data message, with all its records, was received.
    pub fn handle_message(&mut self) {
        self.received += 1;
        let count = self.options.count.filter(|count| *count > 0);
        self.met |= count.is_some_and(|count| self.received >= count);
    }

    /// `--until`
    pub fn until(&self) -> Option<&Filter> {
        self.options.until.as_ref()
    }

    /// Whether messages are shown.
    pub fn wants_messages(&self) -> bool {
        !self.met && self.options.count != Some(0)
    }

    /// Whether the condition is met. Messages received after that are not wanted.
    pub fn is_met(&self) -> bool {
        self.met
    }

    /// `None` if there is no condition.
    pub fn outcome(&self) -> Option<bool> {
        let counts = self.options.count.is_some_and(|count| count > 0);
        let exists = counts || self.options.until.is_some();
        exists.then_some(self.met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Data;

    fn stop(count: Option<u64>, until: Option<&str>) -> StopCondition {
        let until = until.map(|expression| Filter::compile(expression).unwrap());
        StopCondition::new(Options { count, until })
    }

    fn receive(stop: &mut StopCondition, text: &str) -> Option<bool> {
        stop.handle_record(&Parsed::new(Data::Text(text)));
        stop.handle_message();
        stop.outcome()
    }

    #[test]
    fn a_count_or_an_expression_ends_it_at_once() {
        let mut counted = stop(Some(2), None);
        assert_eq!(receive(&mut counted, "1"), Some(false));
        assert_eq!(receive(&mut counted, "2"), Some(true));
        assert!(counted.is_met());
        let mut matched = stop(None, Some(".done"));
        assert_eq!(receive(&mut matched, "no JSON"), Some(false));
        assert_eq!(receive(&mut matched, r#"{"done":true}"#), Some(true));
        assert_eq!(receive(&mut matched, "{}"), Some(true), "it stays met");
    }

    #[test]
    fn a_count_of_none_wants_no_message_and_is_no_condition() {
        let mut none = stop(Some(0), None);
        assert!(!none.wants_messages() && !none.is_met());
        assert_eq!(receive(&mut none, "1"), None);
        assert!(!none.is_met());
        let mut one = stop(Some(1), None);
        assert!(one.wants_messages());
        receive(&mut one, "1");
        assert!(!one.wants_messages());
    }

    #[test]
    fn without_a_condition_there_is_no_result() {
        assert_eq!(receive(&mut stop(None, None), "1"), None);
    }
}
