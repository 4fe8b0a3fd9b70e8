//! Every kind of report of the same results, and of hostile ones.

use super::*;
use crate::error::Exit;
use crate::message::{Data, Message};
use crate::output::sanitize;
use crate::script::ast::Span;
use crate::script::diff;
use crate::script::matching::{Content, Matcher};
use crate::script::passed_over::Passing;
use crate::script::result::{Ended, Failure, Place, TestResult, Verdict, Wrong};
use crate::script::shown::Shown;
use crate::secret::Redactor;

fn shown(text: &str) -> Shown {
    Shown::new(text, &Redactor::default())
}

fn test(name: &str, line: u32, millis: u64, verdict: Verdict) -> TestResult {
    TestResult {
        name: shown(name),
        line,
        took: Duration::from_millis(millis),
        verdict,
        steps: 4,
        asserts: 2,
        attempts: 1,
        earlier: Vec::new(),
        connections: 1,
    }
}

fn place(line: u32, column: u32, width: u32, source: &str) -> Place {
    let span = Span {
        line,
        column,
        width,
    };
    Place::new("chat.wst", span, source, &Redactor::default())
}

/// An expectation that did not come true, with all that is known.
fn differing() -> Failure {
    let redactor = Redactor::default();
    let expected = r#"{"event":"user","name":"xiao"}"#;
    let came = r#"{"event":"user","name":"ann"}"#;
    let matcher = Matcher::equal(None, Content::Text(expected.to_owned()));
    let mut passing = Passing::default();
    for number in 1..=4 {
        passing.push(Message::text(format!("tick {number}")));
    }
    passing.push(Message::binary(vec![0, 255]));
    let mut failure = Failure::new(Exit::Unmet, shown("no such message within 2 s")).at(place(
        12,
        1,
        7,
        r#"<~(2s) {"event":"user"}"#,
    ));
    failure.expected = Some(matcher.describe(1000, &redactor));
    failure.received = Some(shown(came));
    failure.diff = diff::of(&matcher, Data::Text(came), &redactor);
    failure.passed_over = passing.shown(&redactor);
    failure.ended = Some(Ended {
        code: 4401,
        reason: shown("token expired"),
    });
    failure
}

fn refused() -> Failure {
    let mut failure = Failure::new(Exit::Refused, shown("the server answered 401")).at(place(
        2,
        11,
        12,
        "WEBSOCKET ws://x/chat",
    ));
    failure.details = vec![shown("WWW-Authenticate: Bearer")];
    failure.advice = vec![shown("--token env:NAME")];
    failure
}

fn file(tests: Vec<TestResult>) -> FileResult {
    FileResult {
        path: shown("chat.wst"),
        tests,
        error: None,
    }
}

fn unreadable() -> FileResult {
    let span = Span {
        line: 1,
        column: 10,
        width: 1,
    };
    let place = Place::new("bad.wst", span, "WEBSOCKET", &Redactor::default());
    let failure = Failure::new(Exit::Usage, shown("expected a URL")).at(place);
    FileResult {
        path: shown("bad.wst"),
        tests: Vec::new(),
        error: Some(Box::new(failure)),
    }
}

fn results() -> Vec<FileResult> {
    let mut again = test("again", 9, 1234, Verdict::Passed);
    again.attempts = 2;
    again.earlier = vec![Wrong {
        is_unmet: false,
        took: Duration::from_millis(3),
        failure: Box::new(refused()),
    }];
    let first = vec![
        test("echo", 1, 12, Verdict::Passed),
        test("", 5, 0, Verdict::Skipped(shown("not selected"))),
        again,
        test("users", 11, 2004, Verdict::Failed(Box::new(differing()))),
        test("refused", 20, 3, Verdict::Error(Box::new(refused()))),
        test("long", 30, 700, Verdict::Interrupted),
    ];
    vec![file(first), unreadable()]
}

fn report(kind: Kind, color: bool, files: &[FileResult], interrupted: bool) -> String {
    let mut report = Report::new(Options {
        kind,
        color,
        started: Duration::from_secs(1_795_000_000),
    });
    let mut out: Vec<u8> = files.iter().flat_map(|file| report.file(file)).collect();
    out.extend(report.end(
        Duration::from_millis(4321),
        interrupted.then_some(Exit::Interrupted),
    ));
    String::from_utf8(out).unwrap()
}

#[test]
fn for_people_a_line_a_test_and_what_went_wrong() {
    let text = r#"ok   chat.wst: echo (12 ms)
skip chat.wst:5 (not selected)
ok   chat.wst: again (1.2 s, attempt 2)
  attempt 1: chat.wst:2:11: the server answered 401
FAIL chat.wst: users (2.0 s)
  chat.wst:12:1: no such message within 2 s
    12 | <~(2s) {"event":"user"}
       | ^^^^^^^
  - expected, + came:
      {
        "event": "user"
    -   "name": "xiao"
    +   "name": "ann"
      }
  5 messages were passed over, the last 3:
    tick 3
    tick 4
    00 ff
  the connection was closed: 4401 (private use) "token expired"

FAIL chat.wst: refused (3 ms)
  chat.wst:2:11: the server answered 401
    2 | WEBSOCKET ws://x/chat
      |           ^^^^^^^^^^^
    WWW-Authenticate: Bearer
  try: --token env:NAME

stop chat.wst: long (interrupted)
FAIL bad.wst
  bad.wst:1:10: expected a URL
    1 | WEBSOCKET
      |          ^

6 tests: 2 passed, 1 failed, 1 with an error, 1 skipped, 1 interrupted; 1 file with errors (4.3 s)
"#;
    assert_eq!(report(Kind::Human, false, &results(), false), text);
}

#[test]
fn without_a_comparison_both_texts_are_shown() {
    let mut failure = Failure::new(Exit::Unmet, shown("it differs"));
    failure.expected = Some(shown("a\nb"));
    failure.received = Some(shown(""));
    let verdict = Verdict::Failed(Box::new(failure));
    let text = "FAIL chat.wst: name (1 ms)
  it differs
  expected:
    a
    b
  came: an empty message

interrupted: 1 test: 1 failed (4.3 s)
";
    let files = [file(vec![test("name", 1, 1, verdict)])];
    assert_eq!(report(Kind::Human, false, &files, true), text);
}

/// It may be all that differs.
#[test]
fn white_space_at_the_end_of_a_line_is_visible() {
    let redactor = Redactor::default();
    let matcher = Matcher::equal(None, Content::Text("a\nb".to_owned()));
    let mut failure = Failure::new(Exit::Unmet, shown("it differs"));
    failure.diff = diff::of(&matcher, Data::Text("a\nb \t  "), &redactor);
    let files = [file(vec![test(
        "",
        1,
        1,
        Verdict::Failed(Box::new(failure)),
    )])];
    let report = report(Kind::Human, false, &files, false);
    let differing = "      a\n    - b\n    + b \\x09\\x20\\x20\n";
    assert!(report.contains(differing), "{report}");
}

#[test]
fn colours_mark_words_and_differences() {
    let plain = report(Kind::Human, false, &results(), false);
    let colored = report(Kind::Human, true, &results(), false);
    let escape = char::from(27);
    for part in [
        format!("{escape}[32mok  {escape}[0m chat.wst: echo (12 ms)\n"),
        format!("{escape}[31mFAIL{escape}[0m chat.wst: users (2.0 s)\n"),
        format!("{escape}[2mskip{escape}[0m chat.wst:5"),
        format!("  {escape}[31m  -   \"name\": \"xiao\"{escape}[0m\n"),
        format!("  {escape}[32m  +   \"name\": \"ann\"{escape}[0m\n"),
    ] {
        assert!(colored.contains(&part), "{part}");
    }
    let codes = ["[0m", "[2m", "[31m", "[32m"];
    let without = codes.iter().fold(colored, |text, code| {
        text.replace(&format!("{escape}{code}"), "")
    });
    assert_eq!(without, plain);
}

#[test]
fn tap_has_a_point_a_test_and_a_plan() {
    let text = r#"TAP version 14
ok 1 - chat.wst: echo
ok 2 - chat.wst:5 # SKIP not selected
# attempt 1: chat.wst:2:11: the server answered 401
ok 3 - chat.wst: again
not ok 4 - chat.wst: users
  ---
  message: "no such message within 2 s"
  at: {file: "chat.wst", line: 12, column: 1}
  source: "<~(2s) {\"event\":\"user\"}"
  expected: "{\"event\":\"user\",\"name\":\"xiao\"}"
  received: "{\"event\":\"user\",\"name\":\"ann\"}"
  diff:
    - "  {"
    - "    \"event\": \"user\""
    - "-   \"name\": \"xiao\""
    - "+   \"name\": \"ann\""
    - "  }"
  passed_over: 5
  last_passed_over:
    - "tick 3"
    - "tick 4"
    - "00 ff"
  code: 4401
  reason: "token expired"
  exit: 1
  duration_ms: 2004
  ...
not ok 5 - chat.wst: refused
  ---
  message: "the server answered 401"
  at: {file: "chat.wst", line: 2, column: 11}
  source: "WEBSOCKET ws://x/chat"
  details:
    - "WWW-Authenticate: Bearer"
  advice:
    - "--token env:NAME"
  exit: 22
  duration_ms: 3
  ...
not ok 6 - chat.wst: long
  ---
  message: "interrupted before it had ended"
  ...
not ok 7 - bad.wst
  ---
  message: "expected a URL"
  at: {file: "bad.wst", line: 1, column: 10}
  source: "WEBSOCKET"
  exit: 2
  ...
1..7
"#;
    assert_eq!(report(Kind::Tap, false, &results(), false), text);
    assert_eq!(
        report(Kind::Tap, false, &[], false),
        "TAP version 14\n1..0\n"
    );
    let bail = "TAP version 14\nBail out! interrupted\n";
    assert_eq!(report(Kind::Tap, false, &[], true), bail);
}

#[test]
fn junit_tells_expectations_and_connections_apart() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="wirecat test" tests="7" skipped="1" failures="1" errors="3" timestamp="2026-11-18T11:06:40.000+00:00" time="4.321">
    <testsuite name="chat.wst" tests="6" skipped="1" errors="2" failures="1" time="3.953" file="chat.wst">
        <testcase name="echo" classname="chat.wst" assertions="2" time="0.012" file="chat.wst" line="1"/>
        <testcase name="line 5" classname="chat.wst" assertions="2" time="0.000" file="chat.wst" line="5">
            <skipped message="not selected"/>
        </testcase>
        <testcase name="again" classname="chat.wst" assertions="2" time="1.234" file="chat.wst" line="9">
            <flakyError time="0.003" message="the server answered 401" type="connection">chat.wst:2:11: the server answered 401
  2 | WEBSOCKET ws://x/chat
    |           ^^^^^^^^^^^
  WWW-Authenticate: Bearer
try: --token env:NAME</flakyError>
        </testcase>
        <testcase name="users" classname="chat.wst" assertions="2" time="2.004" file="chat.wst" line="11">
            <failure message="no such message within 2 s" type="expectation">chat.wst:12:1: no such message within 2 s
  12 | &lt;~(2s) {&quot;event&quot;:&quot;user&quot;}
     | ^^^^^^^
- expected, + came:
    {
      &quot;event&quot;: &quot;user&quot;
  -   &quot;name&quot;: &quot;xiao&quot;
  +   &quot;name&quot;: &quot;ann&quot;
    }
5 messages were passed over, the last 3:
  tick 3
  tick 4
  00 ff
the connection was closed: 4401 (private use) &quot;token expired&quot;</failure>
        </testcase>
        <testcase name="refused" classname="chat.wst" assertions="2" time="0.003" file="chat.wst" line="20">
            <error message="the server answered 401" type="connection">chat.wst:2:11: the server answered 401
  2 | WEBSOCKET ws://x/chat
    |           ^^^^^^^^^^^
  WWW-Authenticate: Bearer
try: --token env:NAME</error>
        </testcase>
        <testcase name="long" classname="chat.wst" assertions="2" time="0.700" file="chat.wst" line="30">
            <error message="interrupted before it had ended" type="interrupted"/>
        </testcase>
    </testsuite>
    <testsuite name="bad.wst" tests="1" skipped="0" errors="1" failures="0" time="0.000" file="bad.wst">
        <testcase name="bad.wst" classname="bad.wst">
            <error message="expected a URL" type="script">bad.wst:1:10: expected a URL
  1 | WEBSOCKET
    |          ^</error>
        </testcase>
    </testsuite>
</testsuites>
"#;
    assert_eq!(report(Kind::Junit, false, &results(), false), text);
}

#[test]
fn json_has_every_member_of_a_failure() {
    let files = [file(vec![test(
        "users",
        11,
        2004,
        Verdict::Failed(Box::new(differing())),
    )])];
    let text = r#"{
  "version": 1,
  "started": "2026-11-18T11:06:40.000000Z",
  "took": 4.321,
  "interrupted": true,
  "exit": 130,
  "totals": {
    "tests": 1,
    "passed": 0,
    "failed": 1,
    "errors": 0,
    "skipped": 0,
    "interrupted": 0,
    "unreadable": 0
  },
  "files": [
    {
      "path": "chat.wst",
      "error": null,
      "tests": [
        {
          "name": "users",
          "line": 11,
          "took": 2.004,
          "verdict": "failed",
          "steps": 4,
          "asserts": 2,
          "attempts": 1,
          "earlier": [],
          "connections": 1,
          "skipped": null,
          "failure": {
            "file": "chat.wst",
            "line": 12,
            "column": 1,
            "source": "<~(2s) {\"event\":\"user\"}",
            "message": "no such message within 2 s",
            "details": [],
            "expected": "{\"event\":\"user\",\"name\":\"xiao\"}",
            "received": "{\"event\":\"user\",\"name\":\"ann\"}",
            "diff": [
              "  {",
              "    \"event\": \"user\"",
              "-   \"name\": \"xiao\"",
              "+   \"name\": \"ann\"",
              "  }"
            ],
            "passed_over": {
              "count": 5,
              "last": [
                "tick 3",
                "tick 4",
                "00 ff"
              ]
            },
            "code": 4401,
            "reason": "token expired",
            "exit": 1,
            "advice": []
          }
        }
      ]
    }
  ]
}
"#;
    assert_eq!(report(Kind::Json, false, &files, true), text);
    let report = report(Kind::Json, false, &results(), false);
    let document: serde_json::Value = serde_json::from_str(&report).unwrap();
    let tests = document["files"][0]["tests"].as_array().unwrap();
    let verdicts: Vec<_> = tests
        .iter()
        .filter_map(|test| test["verdict"].as_str())
        .collect();
    let all = [
        "passed",
        "skipped",
        "passed",
        "failed",
        "error",
        "interrupted",
    ];
    assert_eq!(verdicts, all);
    assert_eq!(document["files"][1]["error"]["message"], "expected a URL");
    let earlier = &tests[2]["earlier"][0]["message"];
    assert_eq!(earlier, "the server answered 401");
    assert_eq!(document["exit"], 2);
}

/// What a server or an author may have chosen.
const HOSTILE: &[&str] = &[
    "\x1b[31mred\x1b]0;title\x07",
    "a\u{202e}b\u{2066}c\u{200b}",
    "\0\u{1}\u{7f}\u{85}\u{9b}31m",
    "]]> <![CDATA[ </failure> & &amp; <a b=\"c\" d='e'>",
    "\" ' \\ \\n {{x}} %s",
    "one\ntwo\r\nthree\u{2028}four",
    "# SKIP not really",
    "\\# TODO\n  ...\nok 99 - forged\n1..0\nBail out! x",
    "\u{fffe}\u{ffff}\u{fdd0}\u{10ffff}\u{e0041}",
    "--- ... : - ? | > & * ! %",
];

fn hostile(text: &str) -> Vec<FileResult> {
    let redactor = Redactor::default();
    let mut failure = differing();
    let matcher = Matcher::equal(None, Content::Text("x".to_owned()));
    failure.place = Some(Place::new(
        text,
        Span {
            line: 1,
            column: 1,
            width: 3,
        },
        text,
        &redactor,
    ));
    failure.message = shown(text);
    failure.details = vec![shown(text)];
    failure.expected = Some(shown(text));
    failure.received = Some(shown(text));
    failure.diff = diff::of(&matcher, Data::Text(text), &redactor);
    failure.passed_over.last = vec![shown(text)];
    failure.ended = Some(Ended {
        code: 1006,
        reason: shown(text),
    });
    failure.advice = vec![shown(text)];
    let mut without_diff = failure.clone();
    without_diff.diff = None;
    let mut flaky = test(text, 1, 1, Verdict::Passed);
    flaky.earlier = vec![Wrong {
        is_unmet: true,
        took: Duration::ZERO,
        failure: Box::new(failure.clone()),
    }];
    let tests = vec![
        flaky,
        test(text, 1, 1, Verdict::Failed(Box::new(failure.clone()))),
        test(text, 1, 1, Verdict::Error(Box::new(without_diff))),
        test(text, 1, 1, Verdict::Skipped(shown(text))),
        test(text, 1, 1, Verdict::Interrupted),
    ];
    vec![FileResult {
        path: shown(text),
        tests,
        error: Some(Box::new(failure)),
    }]
}

#[test]
fn no_report_has_anything_that_a_terminal_acts_on() {
    for text in HOSTILE {
        for kind in [Kind::Human, Kind::Tap, Kind::Junit, Kind::Json] {
            let report = report(kind, false, &hostile(text), false);
            let dangerous = sanitize::find_dangerous(&report.replace('\n', ""));
            let around = dangerous.map(|at| {
                report.replace('\n', "")[at.saturating_sub(40)..]
                    .escape_debug()
                    .to_string()
            });
            assert_eq!(around, None, "{kind:?} {text:?}");
        }
    }
}

#[test]
fn hostile_texts_add_no_line_to_tap() {
    let plain = report(Kind::Tap, false, &hostile("plain"), false);
    let points = |report: &str| {
        let lines = report.lines().filter(|line| !line.starts_with("  "));
        lines
            .map(|line| {
                // After these comes a text.
                line.split(' ')
                    .take_while(|word| !matches!(*word, "-" | "attempt"))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect::<Vec<_>>()
    };
    for text in HOSTILE {
        let report = report(Kind::Tap, false, &hostile(text), false);
        assert_eq!(points(&report), points(&plain), "{text:?}");
        let directives = report.lines().filter(|line| {
            let bytes = line.as_bytes();
            !line.starts_with([' ', '#'])
                && (1..bytes.len()).any(|at| bytes[at] == b'#' && bytes[at - 1] != b'\\')
        });
        assert_eq!(directives.count(), 1, "{text:?}");
        // Every text of the YAML is a JSON string.
        for line in report
            .lines()
            .filter(|line| line.starts_with("  ") && line.contains('"'))
        {
            let json = &line[line.find('"').unwrap()..];
            let json = json.split(", line: ").next().unwrap();
            assert!(serde_json::from_str::<String>(json).is_ok(), "{line}");
        }
    }
}

#[test]
fn hostile_texts_are_texts_in_json() {
    for text in HOSTILE {
        let report = report(Kind::Json, false, &hostile(text), false);
        let document: serde_json::Value = serde_json::from_str(&report).unwrap();
        let file = &document["files"][0];
        assert_eq!(file["path"], *text);
        assert_eq!(file["tests"][1]["failure"]["message"], *text);
        assert_eq!(file["tests"][3]["skipped"], *text);
    }
}

#[test]
fn hostile_texts_are_texts_in_xml() {
    for text in HOSTILE {
        let report = report(Kind::Junit, false, &hostile(text), false);
        let read = quick_junit::Report::deserialize_from_str(&report).unwrap();
        let cases = &read.test_suites[0].test_cases;
        assert_eq!(cases.len(), 6, "{text:?}");
        let allowed = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(report.chars().all(allowed), "{text:?}");
    }
}

#[test]
fn kinds_have_names() {
    for (text, kind) in [
        ("human", Kind::Human),
        ("tap", Kind::Tap),
        ("junit", Kind::Junit),
        ("json", Kind::Json),
    ] {
        assert_eq!(Kind::parse(text), Ok(kind));
    }
    assert!(Kind::parse("xml").is_err());
}
