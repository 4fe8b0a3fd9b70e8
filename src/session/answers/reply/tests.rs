use proptest::prelude::*;

use super::*;
use crate::message::Data;

const LIMIT: usize = 1 << 20;

fn compile_with(text: &str, escapes: bool) -> Result<Template, Error> {
    let variable = |name: &str| match name {
        "own" => Some(Known::Given("a\"b".to_owned())),
        "json" => Some(Known::Given("{\"own\":1}".to_owned())),
        "captured" => Some(Known::Learnt("\"c\\\"\\n\"".to_owned())),
        _ => None,
    };
    let making = Making {
        escapes,
        variable: &variable,
        environment: Arc::default(),
    };
    Template::compile(text, &making)
}

#[track_caller]
fn compile(text: &str) -> Template {
    compile_with(text, false).unwrap_or_else(|error| panic!("{text}: {}", error.with_details()))
}

fn fill(template: &Template, message: &str) -> Result<String, String> {
    let learnt = serde_json::json!("l\"{{own}}");
    let value = |name: &str| (name == "learnt").then_some(Value::Json(&learnt));
    let message = Parsed::new(Data::Text(message));
    template.fill(&message, value, LIMIT).map_err(|why| why.0)
}

#[test]
fn a_value_is_written_as_its_place_demands() {
    let message = r#"{"id":7,"s":"a\"b\n","o":{"k":[1,"x"]},"n":null,"t":"plain"}"#;
    for (template, expected) in [
        // Not a template.
        ("pong", "pong"),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#),
        // In JSON, outside a string: as JSON.
        (r#"{"id":{{.id}}}"#, r#"{"id":7}"#),
        (r#"{"s":{{.s}}}"#, r#"{"s":"a\"b\n"}"#),
        (
            r#"{"o":{{.o}},"n":{{.n}}}"#,
            r#"{"o":{"k":[1,"x"]},"n":null}"#,
        ),
        (r#"[{{.id}},{{ .id + 1 }}]"#, "[7,8]"),
        (r#"{"d":{{ {a:{b:.id}} }}}"#, r#"{"d":{"a":{"b":7}}}"#),
        (r#"{"d":{{{a:{b:.id}}}}}"#, r#"{"d":{"a":{"b":7}}}"#),
        // Inside a string: escaped as its text.
        (r#"{"s":"<{{.s}}>"}"#, r#"{"s":"<a\"b\n>"}"#),
        (r#"{"s":"{{.o}}"}"#, r#"{"s":"{\"k\":[1,\"x\"]}"}"#),
        (r#"{"d":"{{.o | tojson}}"}"#, r#"{"d":"{\"k\":[1,\"x\"]}"}"#),
        (r#"{"{{.t}}":1}"#, r#"{"plain":1}"#),
        (r#"["\"{{.s}}"]"#, r#"["\"a\"b\n"]"#),
        // JSON after other text, and with separators after it.
        (r#"43{{.id}}["{{.s}}",{{.s}}]"#, r#"437["a\"b\n","a\"b\n"]"#),
        ("{\"s\":{{.s}}}\x1e", "{\"s\":\"a\\\"b\\n\"}\x1e"),
        (
            "{\"a\":1}\x1e{\"s\":\"{{.s}}\"}\x1e",
            "{\"a\":1}\x1e{\"s\":\"a\\\"b\\n\"}\x1e",
        ),
        (
            "SEND\nid:{{.id}}\n\n{\"s\":{{.s}}}\0",
            "SEND\nid:7\n\n{\"s\":\"a\\\"b\\n\"}\0",
        ),
        // In other text: as it is.
        ("[12:30] {{.t}}", "[12:30] plain"),
        ("ACK {{.t}} {{.id}}", "ACK plain 7"),
        // Nothing but a value: that value.
        ("{{.s}}", "a\"b\n"),
        ("{{.o}}", r#"{"k":[1,"x"]}"#),
        // Variables.
        ("{{own}}", "a\"b"),
        (
            r#"{"u":"{{own}}","j":{{json}}}"#,
            r#"{"u":"a\"b","j":{"own":1}}"#,
        ),
        (
            r#"{"l":"{{learnt}}","x":{{learnt}}}"#,
            r#"{"l":"l\"{{own}}","x":"l\"{{own}}"}"#,
        ),
        (r#"[{{captured}},"{{captured}}"]"#, r#"["c\"\n","c\"\n"]"#),
        ("hi {{unknown}}", "hi {{unknown}}"),
        (r#"{"c":"{{.id}}{{own}}{{.id}}"}"#, r#"{"c":"7a\"b7"}"#),
    ] {
        assert_eq!(
            fill(&compile(template), message).as_deref(),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn a_message_that_is_not_json_is_a_string() {
    assert_eq!(
        fill(&compile("{{.[1:]}}"), "2probe").as_deref(),
        Ok("probe")
    );
    let template = compile(r#"40{"sid":{{.[1:] | fromjson.sid}}}"#);
    assert_eq!(
        fill(&template, r#"0{"sid":"a"}"#).as_deref(),
        Ok(r#"40{"sid":"a"}"#)
    );
}

#[test]
fn escapes_are_read_between_values_only() {
    let template = compile_with(r#"A:{{ .a + "\t" | length }}\n\0"#, true).unwrap();
    assert_eq!(fill(&template, r#"{"a":"x"}"#).as_deref(), Ok("A:2\n\0"));
    assert!(compile_with(r"\q{{.a}}", true).is_err());
}

#[test]
fn a_value_that_has_no_place_is_no_reply() {
    for (template, message, words) in [
        ("a {{.x}}", r#"{"x":"b\nc"}"#, "control character"),
        ("a {{.x}}", r#"{"x":"\u0000"}"#, "control character"),
        ("a {{.x}}", r#"{"x":"\u009b"}"#, "control character"),
        ("a {{.x}}", "[1]", "failed"),
        ("a {{.x}}", "text", "failed"),
        ("a {{empty}}{{.x | empty}}", "{}", "has no result"),
        ("a {{captured}}", "1", "control character"),
    ] {
        let why = fill(&compile(template), message).unwrap_err();
        assert!(why.contains(words), "{template}: {why}");
    }
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(LIMIT));
    let why = fill(&compile("<{{.x}}>"), &large).unwrap_err();
    assert!(why.contains("larger than"), "{why}");
}

#[test]
fn a_template_that_is_wrong_is_an_error() {
    for (template, words) in [
        ("{{.[}}", "not a valid jq expression"),
        ("a {{.x", "{{ without }}"),
        ("{{}}", "no expression"),
        ("{{ }}", "no expression"),
        ("{{$nobody}}", "{{$nobody}}"),
        (r#"{"a":"{{.x}}",}"#, "begins like JSON"),
        (r#"["{{.x}}""#, "begins like JSON"),
        (r#"{"a":{{.x}}} bye"#, "begins like JSON"),
        (r#"{ "a":"{{.x}}", }"#, "begins like JSON"),
        ("[\n  {\"a\":\"{{.x}}\"},\n]", "begins like JSON"),
        ("[3,{{.id}}", "begins like JSON"),
        (r#"[ -12 , "{{.x}}",]"#, "begins like JSON"),
    ] {
        let error = compile_with(template, false).unwrap_err();
        assert!(error.message.contains(words), "{template}: {error}");
    }
}

#[test]
fn a_value_does_not_end_the_quotes_around_it() {
    let template = compile(r#"SAY "{{.x}}" to {{.x}}!"#);
    let said = fill(&template, r#"{"x":"hi"}"#);
    assert_eq!(said.unwrap(), r#"SAY "hi" to hi!"#);
    for x in [r#"hi\" there"#, r"hi\\"] {
        let why = fill(&template, &format!(r#"{{"x":"{x}"}}"#)).unwrap_err();
        assert!(why.contains("{{.x}} has a quote"), "{why}");
    }
    let outside = compile(r#"SAY "a" {{.x}}!"#);
    let said = fill(&outside, r#"{"x":"5\""}"#);
    assert!(said.is_ok(), "{said:?}");
}

proptest! {
    /// What a peer sends never changes what is around it.
    #[test]
    fn nothing_breaks_out_of_its_place(text in "[\\PC\\x00-\\x1f\"\\\\{}\\[\\]:,\u{85}\u{2028}]{0,24}") {
        let message = serde_json::json!({"x": &text, "o": {&text: [&text]}}).to_string();
        let template = compile(r#"{"a":"{{.x}}","b":{{.x}},"c":{{.o}},"d":"<{{.o}}>","e":1}"#);
        let reply = fill(&template, &message).unwrap();
        let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
        prop_assert_eq!(reply.as_object().unwrap().len(), 5);
        prop_assert_eq!(&reply["a"], &text);
        prop_assert_eq!(&reply["b"], &text);
        prop_assert_eq!(&reply["c"], &serde_json::json!({&text: [&text]}));
        let after_text = compile("42[\"{{.x}}\",{{.x}}]\x1e");
        let reply = fill(&after_text, &message).unwrap();
        let inner = reply.strip_prefix("42").unwrap().strip_suffix('\x1e').unwrap();
        let inner: Vec<String> = serde_json::from_str(inner).unwrap();
        prop_assert_eq!(inner, [text.clone(), text.clone()]);
        match fill(&compile("MSG {{.x}} END"), &message) {
            Ok(line) => prop_assert!(!line.contains(char::is_control)),
            Err(_) => prop_assert!(text.contains(char::is_control)),
        }
    }

    #[test]
    fn no_template_panics(template in "[{}x.\"\\\\é\\[\\] :0]{0,16}", message in "[{}x\"0:]{0,6}") {
        if let Ok(template) = compile_with(&template, false) {
            let _ = fill(&template, &message);
        }
    }
}
