//! What differs between the expected message and the one that came, line by line, for people.
//!
//! JSON is compared member by member, text line by line, bytes as a dump. The time and the lines are
//! limited, because a peer chooses what came.

mod align;
mod json;
mod lines;

use align::{Step, align};
use lines::Lines;
pub use lines::{Diff, Line, Side};

use super::compare;
use super::matching::Matcher;
use crate::message::Data;
use crate::output::hexdump;
use crate::secret::Redactor;

/// Bytes on a line of a dump.
const ROW: usize = 16;

/// Compares a message with what was expected. `None` if there is no content to compare with, or only
/// the kind is wrong.
pub fn of(expected: &Matcher, came: Data<'_>, redactor: &Redactor) -> Option<Diff> {
    let (wanted, partial) = expected.wanted()?;
    let mut lines = Lines::new(redactor);
    match (wanted.content.as_data(), came) {
        (Data::Text(expected), Data::Text(came)) => match (&wanted.json, compare::parse(came)) {
            (Some(expected), Some(came)) => json::compare(expected, &came, partial, &mut lines),
            _ => text(expected, came, &mut lines),
        },
        (Data::Binary(expected), Data::Binary(came)) => binary(expected, came, &mut lines),
        (Data::Text(_), Data::Binary(_)) | (Data::Binary(_), Data::Text(_)) => return None,
    }
    lines.finish()
}

fn text(expected: &str, came: &str, lines: &mut Lines<'_>) {
    // Before the text is cut into lines, which could cut a secret.
    let [expected, came] = [expected, came].map(|text| lines.redactor().redact(text));
    let first: Vec<&str> = expected.split('\n').collect();
    let second: Vec<&str> = came.split('\n').collect();
    let (mut missing, mut added) = (Vec::new(), Vec::new());
    for step in align(&first, &second) {
        match step {
            Step::First(at) => missing.extend(first.get(at)),
            Step::Second(at) => added.extend(second.get(at)),
            Step::Same(at, _) => {
                changed(&mut missing, &mut added, lines);
                if let Some(line) = first.get(at) {
                    lines.push(Side::Both, || (*line).to_owned());
                }
            }
        }
    }
    changed(&mut missing, &mut added, lines);
}

/// Lines that are there instead of others.
fn changed(missing: &mut Vec<&str>, added: &mut Vec<&str>, lines: &mut Lines<'_>) {
    if let ([expected], [came]) = (missing.as_slice(), added.as_slice()) {
        lines.push_pair("", expected, came);
    } else {
        for line in &*missing {
            lines.push(Side::Expected, || (*line).to_owned());
        }
        for line in &*added {
            lines.push(Side::Came, || (*line).to_owned());
        }
    }
    missing.clear();
    added.clear();
}

fn binary(expected: &[u8], came: &[u8], lines: &mut Lines<'_>) {
    let [expected, came] = [expected, came].map(|bytes| lines.redactor().redact_bytes(bytes));
    let (mut first, mut second) = (expected.chunks(ROW), came.chunks(ROW));
    for row in 0.. {
        match (first.next(), second.next()) {
            (None, None) => break,
            (Some(one), Some(other)) if one == other => {
                lines.push(Side::Both, || dump(row, one));
            }
            (one, other) => {
                for (side, bytes) in [(Side::Expected, one), (Side::Came, other)] {
                    if let Some(bytes) = bytes {
                        lines.push(side, || dump(row, bytes));
                    }
                }
            }
        }
    }
}

fn dump(row: usize, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    hexdump::push_row(row * ROW, bytes, ROW, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::script::matching::Content;

    fn shown(diff: Option<Diff>) -> String {
        let diff = diff.unwrap_or_default();
        let lines = diff.lines.iter();
        let lines = lines.map(|line| format!("{} {}\n", line.side.sign(), line.text.as_str()));
        lines.collect()
    }

    fn equal(expected: &str, came: &str) -> String {
        let matcher = Matcher::equal(None, Content::Text(expected.to_owned()));
        shown(of(&matcher, Data::Text(came), &Redactor::default()))
    }

    fn contains(expected: &str, came: &str) -> String {
        let matcher = Matcher::contains(None, Content::Text(expected.to_owned()));
        shown(of(&matcher, Data::Text(came), &Redactor::default()))
    }

    #[test]
    fn members_are_missing_different_or_additional() {
        let expected = r#"{"event":"user","data":{"name":"xiao","tags":[1,2]},"id":7,"ok":true}"#;
        let came =
            r#"{"id":7.0,"event":"user","data":{"name":"ann","tags":[1,2],"age":3},"new":[1]}"#;
        let text = r#"  {
    "event": "user"
    "data": {
-     "name": "xiao"
+     "name": "ann"
      "tags": [1,2]
+     "age": 3
    }
    "id": 7
-   "ok": true
+   "new": [1]
  }
"#;
        assert_eq!(equal(expected, came), text);
    }

    #[test]
    fn what_is_contained_may_have_more() {
        let expected = r#"{"data":{"name":"xiao","tags":[2,{"a":1}]},"id":7}"#;
        let came = r#"{"event":"user","data":{"name":"xiao","tags":[1,2,{"a":2,"b":3}],"age":3}}"#;
        let text = r#"  {
    "data": {
      "name": "xiao"
      "tags": [
        2
        {
-         "a": 1
+         "a": 2
        }
      ]
    }
-   "id": 7
  }
"#;
        assert_eq!(contains(expected, came), text);
        assert_eq!(contains("[1,2]", "[2,3]"), "  [\n-   1\n    2\n  ]\n");
    }

    #[test]
    fn items_are_inserted_and_left_out() {
        let text = "  [\n    1\n-   2\n    3\n+   4\n  ]\n";
        assert_eq!(equal("[1,2,3]", "[1.0,3,4]"), text);
        assert_eq!(equal("1", "\"1\""), "- 1\n+ \"1\"\n");
        assert_eq!(equal("{}", "[]"), "- {}\n+ []\n");
    }

    #[test]
    fn text_is_compared_line_by_line() {
        assert_eq!(equal("a\nb\nc", "a\nB\nc\nd"), "  a\n- b\n+ B\n  c\n+ d\n");
        assert_eq!(equal("hello", "help"), "- hello\n+ help\n");
        assert_eq!(equal(r#"{"a":1}"#, "no JSON"), "- {\"a\":1}\n+ no JSON\n");
        assert_eq!(contains("ell", "help"), "- ell\n+ help\n");
    }

    #[test]
    fn bytes_are_compared_as_a_dump() {
        let expected = Bytes::from_static(b"0123456789abcdef\x00\x1b");
        let matcher = Matcher::equal(None, Content::Binary(expected));
        let came = Data::Binary(b"0123456789abcdef\x00\xff");
        let text = "  00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n\
                    - 00000010  00 1b                                             |..|\n\
                    + 00000010  00 ff                                             |..|\n";
        assert_eq!(shown(of(&matcher, came, &Redactor::default())), text);
        let other_kind = of(&matcher, Data::Text("0"), &Redactor::default());
        assert_eq!(other_kind, None);
        assert_eq!(of(&Matcher::any(None), came, &Redactor::default()), None);
    }

    #[test]
    fn no_secret_and_no_control_is_in_a_comparison_of_json() {
        let redactor = Redactor::default();
        redactor.add("hunter \"2\"");
        let expected = Content::Text(r#"{"a":"x"}"#.to_owned());
        let matcher = Matcher::equal(None, expected);
        let came = r#"{"a":"\u001b[31m hunter \"2\"","b\u202e":"hunter \u00222\""}"#;
        let text = r#"  {
-   "a": "x"
+   "a": "\u001b[31m [redacted]"
+   "b\u202e": "[redacted]"
  }
"#;
        assert_eq!(shown(of(&matcher, Data::Text(came), &redactor)), text);
    }

    #[test]
    fn a_secret_over_several_lines_or_rows_is_not_shown() {
        let redactor = Redactor::default();
        redactor.add_given("a long secret\nover two lines");
        let matcher = |content| Matcher::equal(None, content);
        let text = of(
            &matcher(Content::Text("x".to_owned())),
            Data::Text("1\na long secret\nover two lines"),
            &redactor,
        );
        assert_eq!(shown(text), "- x\n+ 1\n+ [redacted]\n");
        let bytes = of(
            &matcher(Content::Binary(Bytes::new())),
            Data::Binary(b"\xff0123456a long secret\nover two lines"),
            &redactor,
        );
        assert!(shown(bytes).ends_with("|.0123456[redacte|\n+ 00000010  64 5d                                             |d]|\n"));
    }

    #[test]
    fn large_values_are_compared_in_little_time() {
        let numbers = |from: u32| {
            let all: Vec<String> = (from..from + 100_000).map(|n| n.to_string()).collect();
            all
        };
        let (first, second) = (numbers(0), numbers(50_000));
        let json = |numbers: &[String]| format!("[{}]", numbers.join(","));
        for (expected, came) in [
            (json(&first), json(&second)),
            (first.join("\n"), second.join("\n")),
        ] {
            assert!(equal(&expected, &came).len() < 30_000);
            assert!(contains(&expected, &came).len() < 30_000);
        }
    }
}
