//! When the command of `--run` starts, and what its run waits for. Pure.

use crate::json::jq::Filter;
use crate::json::parsed::Parsed;

#[derive(Clone, Debug)]
pub struct Options {
    /// `--run-after`: a message for which this is true comes first.
    pub after: Option<Filter>,
    /// `--run-each`: once on every connection.
    pub each: bool,
}

/// Whether the command is to be started, runs, or is over.
#[derive(Clone, Debug)]
pub struct Program {
    options: Options,
    state: State,
    /// What the next connection has asked for while the command still runs.
    next: Option<State>,
    failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No connection was open, or no message has satisfied the condition.
    Waiting,
    /// It starts once the opening messages are sent.
    Due,
    Running,
    Ended,
}

impl Program {
    pub fn new(options: Options) -> Self {
        Program {
            options,
            state: State::Waiting,
            next: None,
            failed: false,
        }
    }

    /// The condition of a message that comes first.
    pub fn after(&self) -> Option<&Filter> {
        self.options.after.as_ref()
    }

    /// A connection was opened, perhaps not the first.
    pub fn handle_opened(&mut self) {
        let first = match self.options.after {
            None => State::Due,
            Some(_) => State::Waiting,
        };
        match self.state {
            State::Waiting => self.state = first,
            State::Running if self.options.each => self.next = Some(first),
            State::Ended if self.options.each => self.state = first,
            State::Due | State::Running | State::Ended => {}
        }
    }

    /// A record, or a message that is not split, was received.
    pub fn handle_record(&mut self, record: &Parsed<'_>) {
        let state = match self.state {
            State::Waiting => &mut self.state,
            _ => match &mut self.next {
                Some(next @ State::Waiting) => next,
                _ => return,
            },
        };
        let after = self.options.after.as_ref();
        if after.is_some_and(|after| after.is_true_of(record)) {
            *state = State::Due;
        }
    }

    /// Whether it is to be started as soon as the opening messages are sent.
    pub fn is_due(&self) -> bool {
        self.state == State::Due
    }

    /// Whether the run is not over before the command is.
    pub fn is_awaited(&self) -> bool {
        matches!(self.state, State::Due | State::Running) && !self.failed
    }

    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Why the command has not been started, if it has not.
    pub fn why_not_started(&self) -> Option<&'static str> {
        match self.state {
            State::Waiting => Some("no message satisfied --run-after"),
            State::Due => Some("the connection ended before"),
            State::Running | State::Ended => None,
        }
    }

    pub fn handle_started(&mut self) {
        self.state = State::Running;
    }

    /// The command has ended, or could not be started. A failure ends the run.
    pub fn handle_ended(&mut self, success: bool) {
        self.failed |= !success;
        self.state = self.next.take().unwrap_or(State::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Data;

    fn program(after: Option<&str>, each: bool) -> Program {
        let after = after.map(|text| Filter::compile(text).unwrap());
        Program::new(Options { after, each })
    }

    fn receive(program: &mut Program, text: &str) {
        program.handle_record(&Parsed::new(Data::Text(text)));
    }

    #[test]
    fn it_starts_once_whatever_the_connections() {
        let mut once = program(None, false);
        assert!(!once.is_due() && !once.is_awaited());
        once.handle_opened();
        assert!(once.is_due() && once.is_awaited());
        once.handle_started();
        assert!(!once.is_due() && once.is_awaited());
        once.handle_opened();
        once.handle_ended(true);
        once.handle_opened();
        assert!(!once.is_due() && !once.is_awaited() && !once.has_failed());
    }

    #[test]
    fn it_starts_on_each_connection_after_the_one_before_has_ended() {
        let mut each = program(None, true);
        each.handle_opened();
        each.handle_started();
        each.handle_opened();
        assert!(!each.is_due());
        each.handle_ended(true);
        assert!(each.is_due());
        each.handle_started();
        each.handle_ended(true);
        assert!(!each.is_due());
        each.handle_opened();
        assert!(each.is_due());
    }

    #[test]
    fn it_waits_for_a_message() {
        let mut after = program(Some(".ready"), true);
        after.handle_opened();
        receive(&mut after, "{}");
        assert!(!after.is_due() && !after.is_awaited());
        assert!(after.why_not_started().is_some());
        receive(&mut after, r#"{"ready":true}"#);
        assert!(after.is_due());
        after.handle_started();
        after.handle_opened();
        receive(&mut after, r#"{"ready":true}"#);
        after.handle_ended(true);
        assert!(after.is_due(), "the next connection has had its message");
    }

    #[test]
    fn a_failure_stays() {
        let mut failing = program(None, false);
        failing.handle_opened();
        failing.handle_started();
        failing.handle_ended(false);
        assert!(failing.has_failed() && !failing.is_awaited());
    }
}
