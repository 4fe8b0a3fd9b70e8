//! Files as editors know them.

use proptest::prelude::*;

use super::*;

/// The steps of the tests, in short.
fn steps(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for test in parse(text).unwrap().file.tests {
        found.push(format!("# {}", test.name.value));
        for step in test.steps {
            found.push(match step {
                Step::Open(open) => {
                    let headers = open.headers.iter();
                    let headers: Vec<_> = headers
                        .map(|it| format!(" {}: {}", it.value.name, it.value.value))
                        .collect();
                    format!("{}{}", open.url.value, headers.concat())
                }
                Step::Send(Send {
                    what: Outgoing::Message { payload, .. },
                    ..
                }) => format!("> {:?} {}", payload.value.form, payload.value.text),
                Step::Expect(expect) => {
                    assert_eq!(expect.what, Expected::Any(None));
                    "<".to_owned()
                }
                other => format!("{other:?}"),
            });
        }
    }
    found
}

#[track_caller]
fn errors(text: &str) -> Vec<(u32, u32, u32, String)> {
    let errors = parse(text).unwrap_err().into_iter();
    errors
        .map(|it| (it.span.line, it.span.column, it.span.width, it.message))
        .collect()
}

#[test]
fn messages_are_sent_and_awaited() {
    let text = "\
@host = localhost:8080

### chat // the name
# a comment
WEBSOCKET ws://{{host}}/ws
Content-Type: application/json // for the editor
X-Trace: {{trace}}

{
  \"a\": 1 // a comment
}
===   // a separator
plain
text // no comment
=== wait-for-server
=== wait-for-server
{\"b\": {{n}}}

### not a WebSocket
GET http://x/
@late = 1

### 
// @name other
WSS {{host}}/y HTTP/1.1

< ./message.json

> {%
  client.log(1)
%}
";
    assert_eq!(
        steps(text),
        [
            "# chat // the name",
            "ws://localhost:8080/ws X-Trace: {{trace}}",
            "> Json {\n  \"a\": 1\n}",
            "> Text plain\ntext // no comment",
            "<",
            "<",
            "> Json {\"b\": {{n}}}",
            "# other",
            "wss://localhost:8080/y",
            "> File message.json",
        ]
    );
    assert_eq!(
        parse(text).unwrap().notes,
        [
            "line 20: GET is left out, because only requests with WEBSOCKET are run",
            "line 29: a script is left out, because wirecat runs none",
        ]
    );
}

#[test]
fn a_bare_url_and_a_long_one_are_enough() {
    assert_eq!(
        steps("\u{feff}ws://host\r\n  /path\r\n  ?a=b\r\n\r\nhi\r\n"),
        ["# ", "ws://host/path?a=b", "> Text hi"]
    );
    assert_eq!(steps(""), [""; 0]);
    assert_eq!(steps("###\n###\n// nothing\n"), [""; 0]);
}

#[test]
fn errors_say_where() {
    for (text, error) in [
        (
            "WEBSOCKET ws://h/{{ $timestamp }}\n",
            (1, 18, 16, "nothing generates {{$timestamp}} here"),
        ),
        ("WEBSOCKET\n", (1, 1, 9, "a request without a URL")),
        ("ws://h\nbroken\n", (2, 1, 6, "not a header: broken")),
        (
            "ws://h\n\n=== wait for it\n",
            (3, 1, 15, "=== wait for it is not known"),
        ),
        (
            "WEBSOCKET cmd:80\n",
            (1, 11, 6, "it is not the URL of a WebSocket"),
        ),
        (
            "WEBSOCKET ws://h/a b\n",
            (
                1,
                11,
                10,
                "malformed URL 'ws://h/a b': it contains a space or control character",
            ),
        ),
        (
            "ws://h\n\n< ./a/../../b\n",
            (3, 5, 9, "the path a/../../b leaves the folder"),
        ),
        ("@a b\nws://h\n", (1, 1, 4, "a variable without a value")),
        (
            "@\u{1b} = 1\n",
            (1, 1, 6, r"\x1b is not the name of a variable"),
        ),
        (
            "ws://h\nX: ü{{a b}}\n",
            (2, 5, 7, "{{a b}} is not the name of a variable"),
        ),
        (
            "ws://h\n\nü {{$randomInt}}\n",
            (3, 3, 14, "nothing generates {{$randomInt}} here"),
        ),
    ] {
        let (line, column, width, message) = error;
        assert_eq!(errors(text), [(line, column, width, message.to_owned())]);
    }
    assert_eq!(errors(&"ws://h/{{}}\n###\n".repeat(99)).len(), MAX_ERRORS);
}

#[test]
fn environments_have_variables() {
    let json =
        r#"{"$shared": {"a": "1", "b": "s"}, "dev": {"b": 2, "c": null, "d e": "x"}, "prod": {}}"#;
    let expected = [("a", "1"), ("b", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(environment(json, "dev"), Ok(expected.into()));
    for (json, name, error) in [
        (
            json,
            "test",
            "it has no environment test; there are dev, prod",
        ),
        ("{}", "test", "it has no environment"),
        (
            "[]",
            "test",
            "not a JSON object with an object for each environment",
        ),
        (
            "{",
            "test",
            "not JSON: EOF while parsing an object at line 1 column 1",
        ),
    ] {
        assert_eq!(environment(json, name), Err(error.to_owned()));
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read(
        text in prop_oneof![
            any::<String>(),
            r"((###|WEBSOCKET ws://h|ws://h|@a ?= ?\{\{a\}\}|X: y|===( wait-for-server)?|< \{%|%\}|// @name x|\{|\}|é|\{\{)\r?\n){0,20}",
        ],
    ) {
        let _ = parse(&text);
        let _ = environment(&text, "dev");
    }
}
