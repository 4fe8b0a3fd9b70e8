//! JUnit's XML: a suite a file, a case a test.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::super::result::{Failure, FileResult, TestResult, Verdict, Wrong};
use super::super::shown::Shown;
use super::parts;
use crate::record::write::rfc3339;

#[derive(Debug)]
pub(super) struct Junit {
    report: Report,
}

impl Junit {
    /// `started` is since the Unix epoch.
    pub(super) fn new(started: Duration) -> Junit {
        let mut report = Report::new("wirecat test");
        report.timestamp = rfc3339(started).parse().ok();
        Junit { report }
    }

    pub(super) fn file(&mut self, file: &FileResult) {
        let path = one_line(&file.path);
        let mut suite = TestSuite::new(&path);
        suite.extra.insert("file".into(), path.as_str().into());
        suite.set_time(file.tests.iter().map(|test| test.took).sum());
        if let Some(failure) = &file.error {
            let status = status_of(NonSuccessKind::Error, "script", failure);
            let mut case = TestCase::new(&path, status);
            case.set_classname(&path);
            suite.add_test_case(case);
        }
        for test in &file.tests {
            suite.add_test_case(case_of(&path, test));
        }
        self.report.add_test_suite(suite);
    }

    pub(super) fn end(&mut self, took: Duration) -> Vec<u8> {
        self.report.set_time(took);
        let mut out = Vec::new();
        // Only the writer could fail, and this one is memory.
        let _ = self.report.serialize(&mut out);
        out
    }
}

fn case_of(path: &str, test: &TestResult) -> TestCase {
    let mut status = match &test.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed(failure) => status_of(NonSuccessKind::Failure, "expectation", failure),
        Verdict::Error(failure) => status_of(NonSuccessKind::Error, "connection", failure),
        Verdict::Skipped(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(one_line(why));
            status
        }
        Verdict::Interrupted => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("interrupted");
            status.set_message(parts::INTERRUPTED);
            status
        }
    };
    status.add_reruns(test.earlier.iter().map(rerun_of));
    let name = match one_line(&test.name) {
        name if name.is_empty() => format!("line {}", test.line),
        name => name,
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(path);
    case.set_time(test.took);
    case.set_assertions(usize::try_from(test.asserts).unwrap_or(usize::MAX));
    case.extra.insert("file".into(), path.into());
    case.extra
        .insert("line".into(), test.line.to_string().into());
    case
}

fn status_of(kind: NonSuccessKind, name: &str, failure: &Failure) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name);
    status.set_message(one_line(&failure.message));
    status.set_description(description(failure));
    status
}

/// An attempt that failed; readers know that a test that passed nevertheless is flaky.
fn rerun_of(wrong: &Wrong) -> TestRerun {
    let (kind, name) = match wrong.is_unmet {
        true => (NonSuccessKind::Failure, "expectation"),
        false => (NonSuccessKind::Error, "connection"),
    };
    let mut rerun = TestRerun::new(kind);
    rerun.set_type(name);
    rerun.set_time(wrong.took);
    rerun.set_message(one_line(&wrong.failure.message));
    rerun.set_description(description(&wrong.failure));
    rerun
}

fn description(failure: &Failure) -> String {
    let lines = parts::explanation(failure);
    let lines: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    allowed(lines.join("\n"))
}

fn one_line(text: &Shown) -> String {
    allowed(parts::one_line(text))
}

/// The text without the two characters that a terminal shows and XML does not allow.
fn allowed(text: String) -> String {
    match text.contains(['\u{fffe}', '\u{ffff}']) {
        true => text
            .replace('\u{fffe}', "\\u{fffe}")
            .replace('\u{ffff}', "\\u{ffff}"),
        false => text,
    }
}
