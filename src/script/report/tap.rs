//! The Test Anything Protocol, version 14: a point a test, and a YAML block for what went wrong.

use super::super::result::{Failure, FileResult, TestResult, Verdict};
use super::super::shown::Shown;
use super::parts;
use crate::json::string;

#[derive(Debug, Default)]
pub(super) struct Tap {
    points: u64,
    has_begun: bool,
}

impl Tap {
    pub(super) fn file(&mut self, file: &FileResult, out: &mut Vec<u8>) {
        self.begin(out);
        if let Some(failure) = &file.error {
            self.point(false, &parts::one_line(&file.path), "", out);
            diagnostics(failure, None, out);
        }
        for test in &file.tests {
            self.test(file, test, out);
        }
    }

    fn test(&mut self, file: &FileResult, test: &TestResult, out: &mut Vec<u8>) {
        let label = parts::label(file, test);
        for line in parts::earlier(test) {
            push(&format!("# {line}\n"), out);
        }
        match &test.verdict {
            Verdict::Passed => self.point(true, &label, "", out),
            Verdict::Skipped(why) => {
                let why = escaped(&parts::one_line(why));
                let directive = format!(" # SKIP {why}");
                self.point(true, &label, directive.trim_end(), out);
            }
            Verdict::Failed(failure) | Verdict::Error(failure) => {
                self.point(false, &label, "", out);
                diagnostics(failure, Some(test), out);
            }
            Verdict::Interrupted => {
                self.point(false, &label, "", out);
                let text = Shown::fixed(parts::INTERRUPTED);
                push(
                    &format!("  ---\n  message: {}\n  ...\n", quoted(&text)),
                    out,
                );
            }
        }
    }

    pub(super) fn end(&mut self, interrupted: bool, out: &mut Vec<u8>) {
        self.begin(out);
        match interrupted {
            true => push("Bail out! interrupted\n", out),
            false => push(&format!("1..{}\n", self.points), out),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.has_begun, true) {
            push("TAP version 14\n", out);
        }
    }

    fn point(&mut self, is_ok: bool, label: &str, directive: &str, out: &mut Vec<u8>) {
        self.points += 1;
        let not = if is_ok { "" } else { "not " };
        let label = escaped(label);
        push(
            &format!("{not}ok {} - {label}{directive}\n", self.points),
            out,
        );
    }
}

/// The YAML block of a failure. Texts are JSON strings, which YAML reads as what they are.
fn diagnostics(failure: &Failure, test: Option<&TestResult>, out: &mut Vec<u8>) {
    push("  ---\n", out);
    let mut member = |name: &str, value: &str| {
        let space = if value.starts_with('\n') { "" } else { " " };
        push(&format!("  {name}:{space}{value}\n"), out);
    };
    member("message", &quoted(&failure.message));
    if let Some(place) = &failure.place {
        let (file, span) = (quoted(&place.file), place.span);
        let at = format!(
            "{{file: {file}, line: {}, column: {}}}",
            span.line, span.column
        );
        member("at", &at);
        member("source", &quoted(&place.source));
    }
    if !failure.details.is_empty() {
        member("details", &list(failure.details.iter().map(quoted)));
    }
    for (name, text) in [
        ("expected", &failure.expected),
        ("received", &failure.received),
    ] {
        if let Some(text) = text {
            member(name, &quoted(text));
        }
    }
    if let Some(diff) = &failure.diff {
        let lines = diff.lines.iter().map(|line| {
            let text = parts::one_line(&line.text);
            json(&format!("{} {text}", line.side.sign()))
        });
        let more = (diff.more > 0).then(|| json(&format!("  … {} more lines", diff.more)));
        member("diff", &list(lines.chain(more)));
    }
    if failure.passed_over.count > 0 {
        member("passed_over", &failure.passed_over.count.to_string());
        let last = failure.passed_over.last.iter().map(quoted);
        member("last_passed_over", &list(last));
    }
    if let Some(ended) = &failure.ended {
        member("code", &ended.code.to_string());
        member("reason", &quoted(&ended.reason));
    }
    if !failure.advice.is_empty() {
        member("advice", &list(failure.advice.iter().map(quoted)));
    }
    member("exit", &failure.exit.code().to_string());
    if let Some(test) = test {
        member("duration_ms", &test.took.as_millis().to_string());
    }
    push("  ...\n", out);
}

/// Items one below the other.
fn list(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("\n    - {item}")).collect()
}

/// A text of any number of lines, safe for a terminal, as a JSON string.
fn quoted(text: &Shown) -> String {
    json(&parts::lines_of(text).join("\n"))
}

fn json(text: &str) -> String {
    let mut out = Vec::new();
    string::push_string(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// A description in which nothing begins a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}

fn push(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}
