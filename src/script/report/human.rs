//! The report for people: a line a test, and what went wrong below it.

use std::time::Duration;

use super::super::result::{Failure, FileResult, TestResult, Totals, Verdict};
use super::parts::{self, Part};
use crate::output::style::{Painter, Role};

#[derive(Debug)]
pub(super) struct Human {
    painter: Painter,
}

impl Human {
    pub(super) fn new(color: bool) -> Human {
        Human {
            painter: Painter::new(color),
        }
    }

    pub(super) fn file(&self, file: &FileResult, out: &mut Vec<u8>) {
        if let Some(failure) = &file.error {
            self.word(Role::Failure, "FAIL", out);
            push_line(&format!(" {}", parts::one_line(&file.path)), out);
            self.explain(failure, out);
        }
        for test in &file.tests {
            self.test(file, test, out);
        }
    }

    fn test(&self, file: &FileResult, test: &TestResult, out: &mut Vec<u8>) {
        let label = parts::label(file, test);
        let mut took = parts::took(test.took);
        if test.attempts > 1 {
            took = format!("{took}, attempt {}", test.attempts);
        }
        let (role, word, rest) = match &test.verdict {
            Verdict::Passed => (Role::Success, "ok  ", format!("{label} ({took})")),
            Verdict::Failed(_) => (Role::Failure, "FAIL", format!("{label} ({took})")),
            Verdict::Error(_) => (Role::Failure, "FAIL", format!("{label} ({took})")),
            Verdict::Skipped(why) => {
                let why = match parts::one_line(why) {
                    why if why.is_empty() => why,
                    why => format!(" ({why})"),
                };
                (Role::Aside, "skip", format!("{label}{why}"))
            }
            Verdict::Interrupted => (Role::Aside, "stop", format!("{label} (interrupted)")),
        };
        self.word(role, word, out);
        push_line(&format!(" {rest}"), out);
        for line in parts::earlier(test) {
            out.extend_from_slice(b"  ");
            self.word(Role::Aside, &line, out);
            out.push(b'\n');
        }
        if let Verdict::Failed(failure) | Verdict::Error(failure) = &test.verdict {
            self.explain(failure, out);
        }
    }

    fn explain(&self, failure: &Failure, out: &mut Vec<u8>) {
        for line in parts::explanation(failure) {
            let role = match line.part {
                Part::Plain => None,
                Part::Aside => Some(Role::Aside),
                Part::Expected => Some(Role::Failure),
                Part::Came => Some(Role::Success),
            };
            out.extend_from_slice(b"  ");
            match role {
                Some(role) => self.word(role, &line.text, out),
                None => out.extend_from_slice(line.text.as_bytes()),
            }
            out.push(b'\n');
        }
        out.push(b'\n');
    }

    pub(super) fn end(
        &self,
        totals: &Totals,
        took: Duration,
        interrupted: bool,
        out: &mut Vec<u8>,
    ) {
        let stopped = if interrupted { "interrupted: " } else { "" };
        let totals = totals.describe();
        push_line(&format!("{stopped}{totals} ({})", parts::took(took)), out);
    }

    fn word(&self, role: Role, word: &str, out: &mut Vec<u8>) {
        let write = |out: &mut Vec<u8>| out.extend_from_slice(word.as_bytes());
        self.painter.paint(role, out, write);
    }
}

fn push_line(line: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}
