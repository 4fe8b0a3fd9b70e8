//! The results as one JSON document:
//!
//! - `version`: 1. Members may be added without a new one.
//! - `started`: when the run began, RFC 3339 in UTC. `took`: seconds, here and below.
//! - `interrupted`: whether a signal ended the run. `exit`: the exit code.
//! - `totals`: `tests`, `passed`, `failed`, `errors` (of connections), `skipped`, `interrupted`,
//!   `unreadable` (files of which nothing was run).
//! - `files`, in the order of the run: `path`, `error` (a failure; `null` if the file could be run) and
//!   `tests`: `name`, `line`, `took`, `verdict` (`passed`, `failed`, `error`, `skipped` or
//!   `interrupted`), `steps`, `asserts`, `attempts`, `earlier` (the failures of the attempts before the last
//!   one, at most 10), `connections`, `skipped` (why, if it was) and `failure` (`null` if there is none).
//! - A failure: `file`, `line`, `column`, `source` (the line; all four `null` if no line is the reason),
//!   `message`, `details`, `expected`, `received`, `diff` (lines that begin with `- `, `+ ` or two
//!   spaces), `passed_over` (`count` and the `last` ones), `code` and `reason` of a connection that
//!   ended, `exit`, `advice`.
//!
//! Texts are as they were, without secrets and cut; what a terminal would act on is escaped.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::diff::Diff;
use super::super::result::{Failure, FileResult, TestResult, Totals, Verdict};
use super::super::shown::Shown;
use crate::error::Exit;
use crate::output::push_string_for_terminal;
use crate::record::write::rfc3339;

#[derive(Debug)]
pub(super) struct Json {
    /// Since the Unix epoch.
    started: Duration,
    files: Vec<Value>,
}

impl Json {
    pub(super) fn new(started: Duration) -> Json {
        Json {
            started,
            files: Vec::new(),
        }
    }

    pub(super) fn file(&mut self, file: &FileResult) {
        self.files.push(json!({
            "path": text(&file.path),
            "error": file.error.as_deref().map(failure),
            "tests": file.tests.iter().map(test).collect::<Vec<_>>(),
        }));
    }

    pub(super) fn end(
        &mut self,
        totals: &Totals,
        took: Duration,
        stopped: Option<Exit>,
    ) -> Vec<u8> {
        let exit = stopped.unwrap_or_else(|| totals.exit());
        let document = json!({
            "version": 1,
            "started": rfc3339(self.started),
            "took": seconds(took),
            "interrupted": stopped.is_some(),
            "exit": exit.code(),
            "totals": {
                "tests": totals.tests,
                "passed": totals.passed,
                "failed": totals.failed,
                "errors": totals.errors,
                "skipped": totals.skipped,
                "interrupted": totals.interrupted,
                "unreadable": totals.unreadable,
            },
            "files": std::mem::take(&mut self.files),
        });
        let mut out = Vec::new();
        push(&document, 0, &mut out);
        out.push(b'\n');
        out
    }
}

fn test(test: &TestResult) -> Value {
    let (verdict, why, wrong) = match &test.verdict {
        Verdict::Passed => ("passed", None, None),
        Verdict::Failed(wrong) => ("failed", None, Some(wrong)),
        Verdict::Error(wrong) => ("error", None, Some(wrong)),
        Verdict::Skipped(why) => ("skipped", Some(why), None),
        Verdict::Interrupted => ("interrupted", None, None),
    };
    json!({
        "name": text(&test.name),
        "line": test.line,
        "took": seconds(test.took),
        "verdict": verdict,
        "steps": test.steps,
        "asserts": test.asserts,
        "attempts": test.attempts,
        "earlier": test.earlier.iter().map(|it| failure(&it.failure)).collect::<Value>(),
        "connections": test.connections,
        "skipped": why.map(text),
        "failure": wrong.map(|wrong| failure(wrong)),
    })
}

fn failure(failure: &Failure) -> Value {
    let place = failure.place.as_ref();
    let ended = failure.ended.as_ref();
    json!({
        "file": place.map(|place| text(&place.file)),
        "line": place.map(|place| place.span.line),
        "column": place.map(|place| place.span.column),
        "source": place.map(|place| text(&place.source)),
        "message": text(&failure.message),
        "details": texts(&failure.details),
        "expected": failure.expected.as_ref().map(text),
        "received": failure.received.as_ref().map(text),
        "diff": failure.diff.as_ref().map(diff),
        "passed_over": {
            "count": failure.passed_over.count,
            "last": texts(&failure.passed_over.last),
        },
        "code": ended.map(|ended| ended.code),
        "reason": ended.map(|ended| text(&ended.reason)),
        "exit": failure.exit.code(),
        "advice": texts(&failure.advice),
    })
}

fn diff(diff: &Diff) -> Value {
    let lines = diff.lines.iter();
    let lines = lines.map(|line| format!("{} {}", line.side.sign(), line.text.as_str()));
    let more = (diff.more > 0).then(|| format!("  … {} more lines", diff.more));
    lines.chain(more).collect()
}

fn texts(all: &[Shown]) -> Value {
    all.iter().map(text).collect()
}

fn text(text: &Shown) -> Value {
    text.as_str().into()
}

/// Seconds with milliseconds.
fn seconds(duration: Duration) -> Value {
    let seconds = duration.as_secs_f64();
    ((seconds * 1000.0).round() / 1000.0).into()
}

/// Appends a value of ours, whose depth is known, on as many lines as it has members.
fn push(value: &Value, depth: usize, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => push_string_for_terminal(text, out),
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| (None, item));
            push_all([b'[', b']'], items, depth, out);
        }
        Value::Object(members) if !members.is_empty() => push_members(members, depth, out),
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

fn push_members(members: &Map<String, Value>, depth: usize, out: &mut Vec<u8>) {
    let members = members.iter().map(|(name, value)| (Some(&**name), value));
    push_all([b'{', b'}'], members, depth, out);
}

fn push_all<'a>(
    [open, close]: [u8; 2],
    items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    depth: usize,
    out: &mut Vec<u8>,
) {
    let new_line = |depth: usize, out: &mut Vec<u8>| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    out.push(open);
    for (at, (name, value)) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        new_line(depth + 1, out);
        if let Some(name) = name {
            push_string_for_terminal(name, out);
            out.extend_from_slice(b": ");
        }
        push(value, depth + 1, out);
    }
    new_line(depth, out);
    out.push(close);
}
