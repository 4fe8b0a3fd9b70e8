//! What differs between two JSON values, member by member.

use serde_json::{Map, Value};

use super::align::{Step, align};
use super::lines::{Lines, MAX_COLUMNS, Side};
use crate::output::push_string_for_terminal;
use crate::script::compare;
use crate::secret::Redactor;

/// How many items are compared with others to find where an expected one is.
const MAX_COMPARISONS: usize = 10_000;

/// Compares two values. With `partial`, what came may have more members and items.
pub(super) fn compare(expected: &Value, came: &Value, partial: bool, lines: &mut Lines<'_>) {
    let mut comparison = Comparison {
        partial,
        comparisons: MAX_COMPARISONS,
        lines,
    };
    comparison.value(&Label::default(), expected, came);
}

struct Comparison<'l, 'r> {
    partial: bool,
    /// How many are left.
    comparisons: usize,
    lines: &'l mut Lines<'r>,
}

/// What stands before a value: the indentation, and the name of a member.
#[derive(Default)]
struct Label<'a> {
    depth: usize,
    name: Option<&'a str>,
}

impl<'a> Label<'a> {
    fn inner(&self, name: Option<&'a str>) -> Label<'a> {
        Label {
            depth: self.depth + 1,
            name,
        }
    }

    fn text(&self, redactor: &Redactor) -> String {
        // Deep values are not indented out of the line.
        let mut text = "  ".repeat(self.depth.min(MAX_COLUMNS / 4));
        if let Some(name) = self.name {
            text.push_str(&quoted(name, redactor));
            text.push_str(": ");
        }
        text
    }
}

impl Comparison<'_, '_> {
    fn value(&mut self, label: &Label<'_>, expected: &Value, came: &Value) {
        if self.fits(came, expected) {
            return self.one(Side::Both, label, expected);
        }
        match (expected, came) {
            (Value::Object(expected), Value::Object(came)) => {
                self.bracket(label, "{");
                self.members(label, expected, came);
                self.bracket(
                    &Label {
                        name: None,
                        ..*label
                    },
                    "}",
                );
            }
            (Value::Array(expected), Value::Array(came)) => {
                self.bracket(label, "[");
                match self.partial {
                    true => self.parts(label, expected, came),
                    false => self.items(label, expected, came),
                }
                self.bracket(
                    &Label {
                        name: None,
                        ..*label
                    },
                    "]",
                );
            }
            _ => self.pair(label, expected, came),
        }
    }

    fn fits(&self, came: &Value, expected: &Value) -> bool {
        match self.partial {
            true => compare::contains(came, expected),
            false => compare::equal(came, expected),
        }
    }

    fn members(
        &mut self,
        label: &Label<'_>,
        expected: &Map<String, Value>,
        came: &Map<String, Value>,
    ) {
        for (name, value) in expected {
            let label = label.inner(Some(name));
            match came.get(name) {
                Some(other) => self.value(&label, value, other),
                None => self.one(Side::Expected, &label, value),
            }
        }
        if !self.partial {
            let more = came
                .iter()
                .filter(|(name, _)| !expected.contains_key(*name));
            for (name, value) in more {
                self.one(Side::Came, &label.inner(Some(name)), value);
            }
        }
    }

    /// The items of two arrays that should be the same.
    fn items(&mut self, label: &Label<'_>, expected: &[Value], came: &[Value]) {
        let label = label.inner(None);
        let [first, second] = [expected, came].map(|items| {
            let hashes = items.iter().map(compare::fingerprint);
            hashes.collect::<Vec<_>>()
        });
        let (mut missing, mut added) = (Vec::new(), Vec::new());
        for step in align(&first, &second) {
            match step {
                Step::First(at) => missing.extend(expected.get(at)),
                Step::Second(at) => added.extend(came.get(at)),
                Step::Same(at, _) => {
                    self.changed(&label, &mut missing, &mut added);
                    if let Some(item) = expected.get(at) {
                        self.one(Side::Both, &label, item);
                    }
                }
            }
        }
        self.changed(&label, &mut missing, &mut added);
    }

    /// Items that are there instead of others.
    fn changed(&mut self, label: &Label<'_>, missing: &mut Vec<&Value>, added: &mut Vec<&Value>) {
        let mut added = added.drain(..);
        for expected in missing.drain(..) {
            match added.next() {
                Some(came) => self.value(label, expected, came),
                None => self.one(Side::Expected, label, expected),
            }
        }
        for came in added {
            self.one(Side::Came, label, came);
        }
    }

    /// The items that an array must have among others.
    fn parts(&mut self, label: &Label<'_>, expected: &[Value], came: &[Value]) {
        let label = label.inner(None);
        let mut rest = came;
        for (at, part) in expected.iter().enumerate() {
            let next = expected.get(at + 1);
            let searched = rest.get(..self.comparisons).unwrap_or(rest);
            let found = searched.iter().position(|item| self.fits(item, part));
            self.comparisons -= found.map_or(searched.len(), |at| at + 1);
            match (found, rest.first()) {
                (Some(at), _) => {
                    self.one(Side::Both, &label, part);
                    rest = rest.get(at + 1..).unwrap_or_default();
                }
                (None, Some(item)) if !next.is_some_and(|next| self.fits(item, next)) => {
                    self.value(&label, part, item);
                    rest = rest.get(1..).unwrap_or_default();
                }
                (None, _) => self.one(Side::Expected, &label, part),
            }
        }
    }

    /// A value on one line.
    fn one(&mut self, side: Side, label: &Label<'_>, value: &Value) {
        let redactor = self.lines.redactor();
        self.lines.push(side, || {
            let mut text = label.text(redactor);
            push_compact(value, redactor, &mut text);
            text
        });
    }

    fn pair(&mut self, label: &Label<'_>, expected: &Value, came: &Value) {
        let redactor = self.lines.redactor();
        let [expected, came] = [expected, came].map(|value| match value {
            // The difference of two strings may be far from their beginning.
            Value::String(text) => quoted(text, redactor),
            other => {
                let mut text = String::new();
                push_compact(other, redactor, &mut text);
                text
            }
        });
        self.lines
            .push_pair(&label.text(redactor), &expected, &came);
    }

    fn bracket(&mut self, label: &Label<'_>, bracket: &str) {
        let redactor = self.lines.redactor();
        self.lines
            .push(Side::Both, || label.text(redactor) + bracket);
    }
}

/// Appends a value without white space, or the beginning of one that does not fit on a line.
fn push_compact(value: &Value, redactor: &Redactor, out: &mut String) {
    if out.len() > 4 * MAX_COLUMNS {
        return;
    }
    match value {
        Value::String(text) => out.push_str(&quoted(text, redactor)),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().take(MAX_COLUMNS).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                push_compact(item, redactor, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().take(MAX_COLUMNS).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&quoted(name, redactor));
                out.push(':');
                push_compact(value, redactor, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A JSON string without secrets, safe for a terminal.
fn quoted(text: &str, redactor: &Redactor) -> String {
    let mut out = Vec::new();
    push_string_for_terminal(&redactor.redact(text), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
