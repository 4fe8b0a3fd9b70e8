//! What reports have in common: how a test is called, and the lines that explain a failure.
//!
//! Everything here is safe for a terminal, and every line is one line.

use std::time::Duration;

use super::super::diff::Side;
use super::super::result::{Ended, Failure, FileResult, Place, TestResult, Wrong};
use super::super::shown::Shown;
use crate::close;
use crate::output::{columns_of, sanitize};

/// A line of the explanation of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) part: Part,
    pub(super) text: String,
}

/// What a line is, which gives it its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Plain,
    /// Less important: a line of the script, what was left out.
    Aside,
    /// What was expected and did not come; the caret.
    Expected,
    /// What came instead.
    Came,
}

/// A text as one line.
pub(super) fn one_line(text: &Shown) -> String {
    escaped(text.as_str())
}

/// A text as lines without line feeds.
pub(super) fn lines_of(text: &Shown) -> Vec<String> {
    text.as_str().lines().map(escaped).collect()
}

fn escaped(line: &str) -> String {
    let mut out = Vec::new();
    sanitize::line(line, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `FILE: NAME`, or `FILE:LINE` of a test without a name.
pub(super) fn label(file: &FileResult, test: &TestResult) -> String {
    let path = one_line(&file.path);
    match one_line(&test.name) {
        name if name.is_empty() => format!("{path}:{}", test.line),
        name => format!("{path}: {name}"),
    }
}

/// What was wrong with the attempts before the last one, a line each.
pub(super) fn earlier(test: &TestResult) -> impl Iterator<Item = String> {
    let places = |wrong: &Wrong| {
        let place = wrong.failure.place.as_ref().map(place_of);
        place.map_or_else(String::new, |place| format!("{place}: "))
    };
    let numbered = test.earlier.iter().zip(1_u32..);
    numbered.map(move |(wrong, number)| {
        let message = one_line(&wrong.failure.message);
        format!("attempt {number}: {}{message}", places(wrong))
    })
}

/// `12 ms`, `1.2 s`
pub(super) fn took(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// The failure of a test that a signal ended.
pub(super) const INTERRUPTED: &str = "interrupted before it had ended";

/// `FILE:LINE:COLUMN`
pub(super) fn place_of(place: &Place) -> String {
    let file = one_line(&place.file);
    format!("{file}:{}:{}", place.span.line, place.span.column)
}

/// All that a failure says, from where it is to what to try.
pub(super) fn explanation(failure: &Failure) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |part, text: String| lines.push(Line { part, text });
    let message = one_line(&failure.message);
    match &failure.place {
        Some(place) => {
            add(Part::Plain, format!("{}: {message}", place_of(place)));
            let (source, caret) = excerpt(place);
            add(Part::Aside, source);
            if let Some(caret) = caret {
                add(Part::Expected, caret);
            }
        }
        None => add(Part::Plain, message),
    }
    for line in failure.details.iter().flat_map(lines_of) {
        add(Part::Plain, format!("  {line}"));
    }
    content(failure, &mut add);
    for line in &passed_over(failure) {
        add(Part::Aside, line.clone());
    }
    if let Some(ended) = &failure.ended {
        add(Part::Plain, describe_end(ended));
    }
    for line in failure.advice.iter().map(one_line) {
        add(Part::Plain, format!("try: {line}"));
    }
    lines
}

/// What was expected and what came: as a comparison, if there is one.
fn content(failure: &Failure, add: &mut impl FnMut(Part, String)) {
    if let Some(diff) = &failure.diff {
        add(Part::Aside, "- expected, + came:".to_owned());
        for line in &diff.lines {
            let part = match line.side {
                Side::Both => Part::Plain,
                Side::Gap => Part::Aside,
                Side::Expected => Part::Expected,
                Side::Came => Part::Came,
            };
            let text = match line.side {
                Side::Both | Side::Gap => one_line(&line.text),
                Side::Expected | Side::Came => with_visible_end(&one_line(&line.text)),
            };
            add(part, format!("  {} {text}", line.side.sign()));
        }
        if diff.more > 0 {
            add(Part::Aside, format!("    … {} more lines", diff.more));
        }
        return;
    }
    let texts = [("expected", &failure.expected), ("came", &failure.received)];
    for (name, text) in texts {
        match text.as_ref().map(lines_of).as_deref() {
            None => {}
            Some([]) => add(Part::Plain, format!("{name}: an empty message")),
            Some([line]) => add(Part::Plain, format!("{name}: {line}")),
            Some(all) => {
                add(Part::Plain, format!("{name}:"));
                let indented = all.iter().map(|line| format!("  {line}"));
                indented.for_each(|line| add(Part::Plain, line));
            }
        }
    }
}

/// The line with `\x20` for every space at its end, which may be all that differs.
fn with_visible_end(line: &str) -> String {
    let text = line.trim_end_matches(' ');
    text.to_owned() + &"\\x20".repeat(line.len() - text.len())
}

fn passed_over(failure: &Failure) -> Vec<String> {
    let over = &failure.passed_over;
    let sentence = match (over.count, over.last.len()) {
        (0, _) => return Vec::new(),
        (1, 0) => "1 message was passed over".to_owned(),
        (1, _) => "1 message was passed over:".to_owned(),
        (count, 0) => format!("{count} messages were passed over"),
        (count, 1) => format!("{count} messages were passed over, the last:"),
        (count, last) if count == last as u64 => format!("{count} messages were passed over:"),
        (count, last) => format!("{count} messages were passed over, the last {last}:"),
    };
    let last = over.last.iter().map(|text| format!("  {}", one_line(text)));
    [sentence].into_iter().chain(last).collect()
}

/// `the connection was closed: 4401 (private use) "token expired"`
fn describe_end(ended: &Ended) -> String {
    let name = close::code_name(ended.code);
    let reason = match one_line(&ended.reason) {
        reason if reason.is_empty() => reason,
        reason => format!(" \"{reason}\""),
    };
    match ended.code {
        1006 => format!("the connection was lost: 1006 ({name}){reason}"),
        code => format!("the connection was closed: {code} ({name}){reason}"),
    }
}

/// The line of a script with its number, and one with a caret below it.
fn excerpt(place: &Place) -> (String, Option<String>) {
    let number = place.span.line.to_string();
    let source = place.source.as_str();
    let caret = place.caret.map(|(start, width)| {
        let columns = |skipped: usize, taken: usize| {
            let part: String = source.chars().skip(skipped).take(taken).collect();
            columns_of(escaped(&part).as_bytes())
        };
        let space = " ".repeat(columns(0, start));
        let carets = "^".repeat(columns(start, width).max(1));
        format!("  {} | {space}{carets}", " ".repeat(number.len()))
    });
    (format!("  {number} | {}", escaped(source)), caret)
}
