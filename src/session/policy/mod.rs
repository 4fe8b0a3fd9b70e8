//! When a run sends, how fast, and when it ends: pure rules that the driver informs and queries.
//! They outlive a connection.

pub mod drain;
pub mod pace;
pub mod program;
pub mod stop;

use std::time::Instant;

use super::frontend::Broken;
use crate::error::Error;
use crate::event::Origin;
use crate::json::jq::Filter;
use crate::json::parsed::Parsed;
use drain::Drain;
use pace::Pace;
use program::Program;
use stop::StopCondition;

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub stop: stop::Options,
    pub drain: drain::Options,
    pub pace: pace::Options,
    /// `--run`
    pub program: Option<program::Options>,
}

/// The rules of one run.
#[derive(Clone, Debug)]
pub struct Policy {
    pub stop: StopCondition,
    pub drain: Drain,
    pub pace: Pace,
    program: Option<Box<Program>>,
    /// Writing is no longer possible.
    pub output_closed: bool,
    /// The output could not be written; it has been reported.
    pub output_failed: bool,
    /// The input could not be sent as it is; it has been reported.
    pub bad_input: bool,
}

impl Policy {
    pub fn new(options: Options, now: Instant) -> Self {
        Policy {
            stop: StopCondition::new(options.stop),
            drain: Drain::new(options.drain, now),
            pace: Pace::new(options.pace),
            program: options.program.map(Program::new).map(Box::new),
            output_closed: false,
            output_failed: false,
            bad_input: false,
        }
    }

    /// A connection was opened, perhaps not the first.
    pub fn handle_opened(&mut self, now: Instant) {
        self.drain.handle_opened(now);
        self.pace.handle_opened();
        if let Some(program) = &mut self.program {
            program.handle_opened();
        }
    }

    /// A data message was handed over for sending. `number` is set if it is a message of the input.
    pub fn handle_sent(&mut self, number: Option<u64>, origin: Option<Origin>, now: Instant) {
        // A heartbeat only shows that the client is alive.
        if !matches!(origin, Some(Origin::Heartbeat | Origin::AnswerToPing)) {
            self.drain.handle_sent();
        }
        if number.is_some() {
            self.pace.handle_sent(now);
            if origin != Some(Origin::Repeat) {
                self.drain.handle_accepted();
            }
        }
    }

    /// A record, or a message that is not split, was received. Returns whether it is shown: none is
    /// after a stop condition was met, or with `--count 0`.
    pub fn handle_record(&mut self, record: &Parsed<'_>) -> bool {
        let wanted = self.stop.wants_messages();
        if wanted {
            self.stop.handle_record(record);
        }
        if let Some(program) = &mut self.program {
            program.handle_record(record);
        }
        wanted
    }

    /// Whether it is time to close.
    pub fn is_finished(&self) -> bool {
        self.is_over() || (!self.awaits_program() && self.drain.finished())
    }

    /// Whether it is time to close, whether anything can still be sent or not.
    pub fn is_over(&self) -> bool {
        self.has_program_failed() || (self.stop.is_met() && !self.awaits_program())
    }

    /// When nothing will have moved for `--idle`. That does not count while the command of `--run` runs:
    /// what it causes comes after it.
    pub fn quiet_at(&self) -> Option<Instant> {
        match self.awaits_program() {
            true => None,
            false => self.drain.quiet_at(),
        }
    }

    fn awaits_program(&self) -> bool {
        let program = self.program.as_ref();
        program.is_some_and(|program| program.is_awaited())
    }

    /// Whether the command of `--run` starts once the opening messages are sent.
    pub fn is_program_due(&self) -> bool {
        self.program.as_ref().is_some_and(|it| it.is_due())
    }

    /// `--run-after`
    pub fn program_after(&self) -> Option<&Filter> {
        self.program.as_ref()?.after()
    }

    pub fn has_program_failed(&self) -> bool {
        self.program.as_ref().is_some_and(|it| it.has_failed())
    }

    /// Why the command of `--run` has not been started, if there is one.
    pub fn program_not_started(&self) -> Option<&'static str> {
        self.program.as_ref()?.why_not_started()
    }

    pub fn handle_program_started(&mut self) {
        if let Some(program) = &mut self.program {
            program.handle_started();
        }
    }

    /// The command of `--run` has ended, or could not be started. A failure ends the run.
    pub fn handle_program_ended(&mut self, success: bool, now: Instant) {
        if let Some(program) = &mut self.program {
            program.handle_ended(success);
        }
        self.drain.handle_bytes(now);
    }

    /// Whether nothing is left to do that requires another connection; `unsent` commands were read
    /// and not sent.
    pub fn is_done(&self, unsent: usize) -> bool {
        let settled = self.drain.is_done() && !self.awaits_program();
        settled && self.stop.outcome() != Some(false) && unsent == 0
    }

    /// Whether the run ends with its connection, however that ends.
    pub fn is_leaving(&self, unsent: usize) -> bool {
        let unwanted = self.output_closed || self.stop.is_met() || self.has_program_failed();
        unwanted || (self.drain.is_closing() && unsent == 0)
    }

    /// Writing is no longer possible. The failure, if it is one, is reported once.
    pub fn handle_broken(&mut self, broken: Broken) -> Option<Error> {
        if std::mem::replace(&mut self.output_closed, true) {
            return None;
        }
        match broken {
            Broken::Closed => None,
            Broken::Failed(error) => {
                self.output_failed = true;
                Some(error)
            }
        }
    }
}
