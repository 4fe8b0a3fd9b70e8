//! Expressions, their limits and their error messages.

mod ending;
mod meaning;

use super::functions::MAX_INNER_DEPTH;
use super::*;

#[track_caller]
fn outputs(expr: &str, json: &str) -> Result<Vec<String>, String> {
    let filter = Filter::compile(expr).unwrap_or_else(|e| panic!("{e}"));
    filter.run(json.as_bytes()).expect("this is JSON")
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn outputs_are_compact_json() {
    for (expr, json, expected) in [
        (
            ".",
            r#" {"b" : 1, "a":[ 1 , 2 ]} "#,
            &[r#"{"b":1,"a":[1,2]}"#][..],
        ),
        (
            ".a[]",
            r#"{"a":["x",null,true]}"#,
            &["\"x\"", "null", "true"],
        ),
        ("select(.x)", "{}", &[]),
        (".", "1.10", &["1.10"]),
        (".", "1e400", &["1e400"]),
        (
            ".",
            "123456789012345678901234567890",
            &["123456789012345678901234567890"],
        ),
        (".s|ascii_downcase", r#"{"s":"AB"}"#, &["\"ab\""]),
        ("fromjson", r#""[1, 2.50]""#, &["[1,2.50]"]),
        (".", r#""\u001b\u007f""#, &[r#""\u001b\u007f""#]),
    ] {
        assert_eq!(outputs(expr, json).unwrap(), expected, "{expr} {json}");
    }
}

#[test]
fn a_message_that_is_not_json_gives_none() {
    let filter = Filter::compile(".").unwrap();
    for text in [
        "", "hello", "NaN", "{a:1}", "1 2", "# x\n1", "{\"a\":1", "b\"x\"",
    ] {
        assert_eq!(filter.run(text.as_bytes()), None, "{text}");
    }
    assert_eq!(filter.run(b"\"\xff\""), None);
}

#[test]
fn text_that_is_not_json_is_a_string_where_that_is_wanted() {
    let large = "x".repeat(SMALL + 1);
    for (expr, message, expected) in [
        (". == 2", "2", "true"),
        (".", "hello \"x\"", r#""hello \"x\"""#),
        ("startswith(\"0{\")", r#"0{"sid":"a"}"#, "true"),
        (".[1:] | fromjson.sid", r#"0{"sid":"a"}"#, "\"a\""),
        (".a", r#"{"a":1}"#, "1"),
        (". == \"\"", "", "true"),
        ("length", &large, "4194305"),
    ] {
        let filter = Filter::compile(expr).unwrap().reading_text();
        let parsed = Parsed::new(Data::Text(message));
        let first = filter.first_of(&parsed).unwrap().unwrap();
        assert_eq!(first.as_deref(), Some(expected), "{expr}");
        assert_eq!(filter.first_of(&parsed).unwrap().unwrap(), first);
    }
    let filter = Filter::compile("empty").unwrap().reading_text();
    assert_eq!(filter.run(b"text").unwrap().unwrap(), [""; 0]);
    assert_eq!(
        filter.first_of(&Parsed::once(Data::Text("text"))),
        Some(Ok(None))
    );
    assert_eq!(filter.run(b"\xff"), None);
}

#[test]
fn a_failure_is_one_short_line() {
    assert_eq!(outputs(".a", "1").unwrap_err(), "cannot index 1 with \"a\"");
    assert_eq!(outputs("error(\"a\nb\")", "1").unwrap_err(), "a b");
    let long = format!("\"{}\"", "x".repeat(100_000));
    assert!(outputs(".a", &long).unwrap_err().chars().count() <= 201);
    assert_eq!(outputs("halt", "1").unwrap_err(), "halt is not supported");
    assert_eq!(outputs("env", "1").unwrap(), ["{}"]);
}

#[test]
fn the_first_output_decides() {
    for (expr, json, expected) in [
        (".done", r#"{"done":true}"#, true),
        (".done", r#"{"done":0}"#, true),
        (".done", r#"{"done":false}"#, false),
        (".done", "{}", false),
        (".[]", "[1,false]", true),
        ("empty", "1", false),
        (".a", "1", false),
        (".", "text", false),
        ("repeat(1)", "0", true),
    ] {
        assert_eq!(
            Filter::compile(expr).unwrap().is_true(json.as_bytes()),
            expected,
            "{expr}"
        );
    }
}

#[test]
fn a_bad_expression_is_shown_with_a_caret() {
    for (expr, shown) in [
        (
            ".a | (.b",
            "expected closing parenthesis\n  .a | (.b\n          ^",
        ),
        (".a |", "expected term\n  .a |\n      ^"),
        ("\"é\" | &", "expected token\n  \"é\" | &\n        ^"),
        (".a | foo(1)", "no filter foo/1\n  .a | foo(1)\n       ^"),
        (".\n| $x", "no variable $x\n  | $x\n    ^"),
        ("", "expected term\n  \n  ^"),
    ] {
        let error = Filter::compile(expr).unwrap_err();
        assert_eq!(error.exit, crate::error::Exit::Usage);
        assert_eq!(
            error.to_string(),
            format!("not a valid jq expression: {shown}")
        );
    }
}

#[test]
fn deep_messages_are_evaluated_and_deeper_ones_refused() {
    let filters = [
        ".",
        "..",
        "walk(.)",
        "tojson",
        "flatten",
        "[paths]|length",
        ". == [.]",
        "[.,.]|sort",
        "[..|numbers]",
        "map_values(.)",
        "getpath([0,0,0])",
        "@json",
        "[.]|unique",
    ];
    for expr in filters {
        let filter = Filter::compile(expr).unwrap();
        for levels in [SHALLOW, MAX_DEPTH] {
            assert!(
                filter.run(nested(levels).as_bytes()).is_some(),
                "{expr} {levels}"
            );
        }
        let refused = filter.run(nested(MAX_DEPTH + 1).as_bytes()).unwrap();
        assert_eq!(refused.unwrap_err(), "nested deeper than 1000 levels");
    }
    assert_eq!(
        outputs(".", &nested(1_000_000)).unwrap_err(),
        "nested deeper than 1000 levels"
    );
}

#[test]
fn json_within_json_is_measured_as_well() {
    let inner = |levels| format!("\"{}\"", nested(levels));
    // As deep as the ordinary stack allows.
    let both = "[".repeat(SHALLOW) + &inner(MAX_INNER_DEPTH) + &"]".repeat(SHALLOW);
    assert!(outputs("walk(fromjson? // .)|walk(.)|[paths]", &both).is_ok());
    let error = outputs("fromjson", &inner(1_000_000)).unwrap_err();
    assert_eq!(error, "fromjson: nested deeper than 128 levels");
    assert_eq!(
        outputs("fromjson", "\"#\\\"\\n[\"").unwrap_err(),
        "fromjson: not JSON"
    );
}

#[test]
fn nothing_grows_without_bound() {
    assert_eq!(outputs("repeat(.)", "1").unwrap().len(), MAX_OUTPUTS);
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(outputs("repeat(.)", &long).unwrap().len(), 63);
    let digits = "9".repeat(1_000_000);
    assert_eq!(
        outputs(".", &digits).unwrap_err(),
        "a number of more than 4300 digits"
    );
    assert!(outputs("tonumber", &format!("\"{digits}\"")).is_err());
}
