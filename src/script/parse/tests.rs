//! What scripts mean.

mod any;
mod corpus;

use std::time::Duration;

use super::*;
use crate::message::Kind;
use crate::script::ast::{
    Assert, Expect, Expected, Form, Open, Outgoing, Pattern, Payload, Predicate, Property, Query,
};
use crate::script::excerpt;

/// Options of the scripts in `tests/scripts`.
const OPTIONS: &[&str] = &[
    "token",
    "token-message",
    "no-compress",
    "reconnect",
    "strict",
    "subprotocol",
    "on-open",
    "heartbeat",
    "resume",
    "header",
    "user",
    "cookie",
    "insecure",
    "max-time",
];

const ALLOWED: Allowed<'_> = Allowed {
    options: OPTIONS,
    any_path: false,
};

fn rendered(file: &str, text: &str, errors: &[Error]) -> String {
    let each = errors.iter().map(|error| {
        let advice = error.advice.as_deref();
        excerpt::render(file, text, error.span, &error.message, advice)
    });
    each.collect()
}

#[track_caller]
fn read(script: &str) -> File {
    parse(script, ALLOWED).unwrap_or_else(|errors| panic!("{}", rendered("f", script, &errors)))
}

/// The steps after `WEBSOCKET ws://x`.
#[track_caller]
fn steps(text: &str) -> Vec<Step> {
    let file = read(&format!("WEBSOCKET ws://x\n{text}"));
    let mut steps = file.tests.into_iter().next().unwrap().steps;
    steps.remove(0);
    steps
}

#[track_caller]
fn step(text: &str) -> Step {
    let mut steps = steps(text);
    assert_eq!(steps.len(), 1, "{text}");
    steps.remove(0)
}

#[track_caller]
fn sent(text: &str) -> Outgoing {
    match step(text) {
        Step::Send(send) => send.what,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn expected(text: &str) -> Expect {
    match step(text) {
        Step::Expect(expect) => *expect,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn error(text: &str) -> String {
    let errors = parse(text, ALLOWED).expect_err(text);
    assert_eq!(errors.len(), 1, "{}", rendered("f", text, &errors));
    errors[0].message.clone()
}

fn payload(form: Form, text: &str) -> Payload {
    let text = text.to_owned();
    Payload { form, text }
}

#[test]
fn the_example_of_the_design_is_read() {
    let script = "### subscribe and get an answer\n\
        WEBSOCKET {{base}}/events\n\
        X-Trace: 1\n\
        [Options]\n\
        token: env:TOKEN\n\
        --reconnect: 5\n\
        no-compress\n\
        HTTP 101\n\
        X-Server:  one\n\
        \n\
        > {\"event\":\"token\",\"data\":\"{{token}}\"}\n\
        <~(2s) {\"event\":\"connected\"}\n\
        [Captures]\n\
        last: .data.last\n\
        [Asserts]\n\
        .data.user == \"xiao\"\n\
        duration < 200ms\n\
        !<(300ms) {\"event\":\"error\"}\n\
        >ping hi\n<pong hi\n>binary hex:00ff\n<binary hex:00ff\n>close 1000 bye\n<close 1000\n\
        <drop\n<open(5s)\n@wait 200ms\n@repeat 3\n> x\n@end\n";
    let file = read(script);
    let test = &file.tests[0];
    assert_eq!(test.name.value, "subscribe and get an answer");
    assert_eq!(test.name.span.column, 5);
    let [
        Step::Open(open),
        Step::Send(_),
        Step::Expect(connected),
        Step::Expect(absent),
        ..,
    ] = &test.steps[..]
    else {
        panic!("{:?}", test.steps);
    };
    let Open {
        url,
        headers,
        options,
        handshake,
        ..
    } = &**open;
    assert_eq!((&*url.value, url.span.column), ("{{base}}/events", 11));
    assert_eq!(headers[0].value.value, "1");
    let options: Vec<_> = options
        .iter()
        .map(|option| (&*option.value.name, option.value.value.as_deref()))
        .collect();
    let expected = [
        ("token", Some("env:TOKEN")),
        ("reconnect", Some("5")),
        ("no-compress", None),
    ];
    assert_eq!(options, expected);
    assert_eq!(handshake.status.as_ref().unwrap().value, Given::Value(101));
    assert_eq!(handshake.headers[0].value.value, "one");
    assert_eq!(connected.checks.captures[0].name.value, "last");
    assert_eq!(connected.checks.asserts.len(), 2);
    assert_eq!(
        connected.limit.as_ref().unwrap().value,
        Given::Value(Duration::from_secs(2))
    );
    assert!(absent.not);
    assert_eq!(test.steps.len(), 14);
    assert!(matches!(&test.steps[13], Step::Repeat { steps, .. } if steps.len() == 1));
}

#[test]
fn a_payload_has_the_first_form_that_fits() {
    for (text, form, read) in [
        ("> hello  world ", Form::Text, "hello  world"),
        (">\thello", Form::Text, "hello"),
        ("> ping", Form::Text, "ping"),
        ("> > hello", Form::Text, "> hello"),
        ("> # hello", Form::Text, "# hello"),
        ("> hex:00", Form::Text, "hex:00"),
        ("> @file", Form::Text, "@file"),
        ("> /x/", Form::Text, "/x/"),
        ("> 12", Form::Text, "12"),
        ("> {{message}}", Form::Text, "{{message}}"),
        ("> {{a}} {\"b\":", Form::Text, "{{a}} {\"b\":"),
        ("> ``", Form::Text, ""),
        ("> `  two `", Form::Text, "  two "),
        ("> ```\none\n\n two \n```", Form::Text, "one\n\n two "),
        ("> ````\n```\n````", Form::Text, "```"),
        ("> ```\n```", Form::Text, ""),
        ("> ```\none\n\n```", Form::Text, "one\n"),
        ("  > ```\n  one\n  ```", Form::Text, "  one"),
        ("> {\"a\":1}  ", Form::Json, "{\"a\":1}"),
        ("> {\"a\":{{n}}}", Form::Json, "{\"a\":{{n}}}"),
        ("> {{{a}}:1}", Form::Text, "{{{a}}:1}"),
        ("> \"text\"", Form::Json, "\"text\""),
        ("> [1,\r\n\r\n2]\r", Form::Json, "[1,\n\n2]"),
        (
            "> {\n\"a\": [\n\"}\"\n]\n}",
            Form::Json,
            "{\n\"a\": [\n\"}\"\n]\n}",
        ),
        ("> [info] started", Form::Text, "[info] started"),
        ("> {not JSON}", Form::Text, "{not JSON}"),
        ("> {\"a\":1,}", Form::Text, "{\"a\":1,}"),
        ("> [it's] {", Form::Text, "[it's] {"),
        (">text hex:61", Form::Hex, "61"),
        (">text escapes:a\\n b ", Form::Escapes, "a\\n b"),
        (">text base64:YQ==", Form::Base64, "YQ=="),
        (">text file:a b.txt", Form::File, "a b.txt"),
        (">text @sub/a.txt", Form::File, "sub/a.txt"),
        (">text hex:{{digits}}", Form::Hex, "{{digits}}"),
        (">text file:{{path}}", Form::File, "{{path}}"),
        (">text {}", Form::Json, "{}"),
    ] {
        let Outgoing::Message { payload: found, .. } = sent(text) else {
            panic!("{text}");
        };
        assert_eq!(found.value, payload(form, read), "{text}");
    }
}

#[test]
fn what_is_sent_has_a_kind() {
    let at = |text: &str| Some(payload(Form::Text, text));
    let value = |payload: &Option<At<Payload>>| payload.as_ref().map(|it| it.value.clone());
    for (text, kind) in [
        ("> a", None),
        (">text a", Some(Kind::Text)),
        (">binary a", Some(Kind::Binary)),
    ] {
        assert!(matches!(sent(text), Outgoing::Message { kind: found, .. } if found == kind));
    }
    assert!(matches!(sent(">ping"), Outgoing::Ping(None)));
    assert!(matches!(sent(">ping a b"), Outgoing::Ping(data) if value(&data) == at("a b")));
    assert!(matches!(sent(">pong hex:00"), Outgoing::Pong(Some(_))));
    assert!(
        matches!(sent(">frame fin=0 text  a"), Outgoing::Frame(words) if words.value == "fin=0 text  a")
    );
    for (text, code, reason) in [
        (">close", None, None),
        (">close 1000", Some(Given::Value(1000)), None),
        (
            ">close 4000 bye now",
            Some(Given::Value(4000)),
            at("bye now"),
        ),
        (
            ">close {{code}} `x`",
            Some(Given::Template("{{code}}".to_owned())),
            at("x"),
        ),
    ] {
        let Outgoing::Close {
            code: found,
            reason: why,
        } = sent(text)
        else {
            panic!("{text}");
        };
        assert_eq!(found.map(|it| it.value), code, "{text}");
        assert_eq!(value(&why), reason, "{text}");
    }
}

#[test]
fn what_is_expected_has_a_pattern() {
    let equal = |form, text| Pattern::Equal(payload(form, text));
    let regex = |source: &str, ignores_case| Pattern::Regex {
        source: source.to_owned(),
        ignores_case,
    };
    for (text, kind, pattern) in [
        ("< a", None, equal(Form::Text, "a")),
        ("<text(1s) a", Some(Kind::Text), equal(Form::Text, "a")),
        ("<(1s)text a", Some(Kind::Text), equal(Form::Text, "a")),
        ("< /a", None, equal(Form::Text, "/a")),
        ("< //", None, equal(Form::Text, "//")),
        ("< `/a/`", None, equal(Form::Text, "/a/")),
        ("< [1]", None, equal(Form::Json, "[1]")),
        ("< [x]", None, equal(Form::Text, "[x]")),
        ("<binary hex:00", Some(Kind::Binary), equal(Form::Hex, "00")),
        ("<~ a", None, Pattern::Contains(payload(Form::Text, "a"))),
        (
            "<~ {\"a\":1}",
            None,
            Pattern::Contains(payload(Form::Json, "{\"a\":1}")),
        ),
        (
            "<~text a",
            Some(Kind::Text),
            Pattern::Contains(payload(Form::Text, "a")),
        ),
        ("</a b/", None, regex("a b", false)),
        ("< /^a/b$/i", None, regex("^a/b$", true)),
        ("<(2s)/a/", None, regex("a", false)),
        ("<text(2s) /a/", Some(Kind::Text), regex("a", false)),
        ("< /{{a}}(/", None, regex("{{a}}(", false)),
    ] {
        let Expected::Message {
            kind: found,
            pattern: at,
        } = expected(text).what
        else {
            panic!("{text}");
        };
        assert_eq!((found, at.value), (kind, pattern), "{text}");
    }
    assert_eq!(expected("<").what, Expected::Any(None));
    assert_eq!(expected("<(2s)").what, Expected::Any(None));
    assert_eq!(expected("<binary").what, Expected::Any(Some(Kind::Binary)));
    assert_eq!(expected("<drop(1s)").what, Expected::Drop);
    assert_eq!(expected("<open").what, Expected::Open);
    assert_eq!(expected("<ping").what, Expected::Ping(None));
    assert!(matches!(
        expected("<close going away").what,
        Expected::Close { code: None, reason: Some(reason) } if reason.value.text == "going away"
    ));
    assert!(matches!(
        expected("<close 1005").what,
        Expected::Close { code: Some(code), reason: None } if code.value == Given::Value(1005)
    ));
}

#[test]
fn limits_counts_and_negation_stand_in_the_mark() {
    for (text, limit, times) in [
        ("<(2s, x3)", Some("2s"), Some(3)),
        ("<( x3 ,300ms ) a", Some("300ms"), Some(3)),
        ("<~text(x2) a", None, Some(2)),
        ("< a", None, None),
    ] {
        let expect = expected(text);
        let limit = limit.map(|text| Given::Value(crate::units::duration(text).unwrap()));
        assert_eq!(expect.limit.map(|it| it.value), limit, "{text}");
        let times = times.map(Given::Value);
        assert_eq!(expect.times.map(|it| it.value), times, "{text}");
    }
    let expect = expected("<({{a}},x{{b}})");
    let template = |text: &str| text.to_owned();
    assert_eq!(
        expect.limit.unwrap().value,
        Given::Template(template("{{a}}"))
    );
    assert_eq!(
        expect.times.unwrap().value,
        Given::Template(template("{{b}}"))
    );
    let script = "WEBSOCKET alice ws://x\nWEBSOCKET bob-2 ws://x\n!alice< a\nbob-2!<(1s)\n!< a\nalice>ping\n";
    let file = read(script);
    let names: Vec<_> = file.tests[0].steps[2..]
        .iter()
        .map(|step| match step {
            Step::Expect(expect) => (expect.not, expect.connection.as_ref()),
            Step::Send(send) => (false, send.connection.as_ref()),
            other => panic!("{other:?}"),
        })
        .map(|(not, name)| (not, name.map(|it| it.value.as_str())))
        .collect();
    let expected = [
        (true, Some("alice")),
        (true, Some("bob-2")),
        (true, None),
        (false, Some("alice")),
    ];
    assert_eq!(names, expected);
}

#[test]
fn asserts_are_properties_schemas_or_jq() {
    let expect = expected(
        "<\n\n# a comment\n[Asserts]\n.a == 1\nlength>3\nduration<200ms\n# another\n\
         reason not contains \"a b\"\nheader \"X-A\" exists\nheader X-B != b\n\
         body matches /a|b/i\nschema sub/a.json\nschema \"a b.json\"\n\
         [.duration] == [1]\n@base64 == \"YQ==\"\nattempts >= {{n}}\n",
    );
    let asserts: Vec<_> = expect
        .checks
        .asserts
        .into_iter()
        .map(|it| it.value)
        .collect();
    let jq = |text: &str| Assert::Jq(text.to_owned());
    let property = |property, not, predicate, value: Option<&str>| {
        (property, not, predicate, value.map(str::to_owned))
    };
    let mut properties = Vec::new();
    let mut others = Vec::new();
    for assert in asserts {
        match assert {
            Assert::Property {
                property,
                not,
                predicate,
                value,
            } => properties.push((property, not, predicate, value.map(|it| it.value))),
            Assert::Schema(path) => others.push(Assert::Jq(format!("schema {}", path.value))),
            jq => others.push(jq),
        }
    }
    assert_eq!(
        others,
        [
            jq(".a == 1"),
            jq("length>3"),
            jq("schema sub/a.json"),
            jq("schema a b.json"),
            jq("[.duration] == [1]"),
            jq("@base64 == \"YQ==\"")
        ]
    );
    let header = |name: &str| Property::Header(name.to_owned());
    assert_eq!(
        properties,
        [
            property(Property::Duration, false, Predicate::Less, Some("200ms")),
            property(Property::Reason, true, Predicate::Contains, Some("\"a b\"")),
            property(header("X-A"), false, Predicate::Exists, None),
            property(header("X-B"), false, Predicate::NotEqual, Some("b")),
            property(Property::Body, false, Predicate::Matches, Some("/a|b/i")),
            property(Property::Attempts, false, Predicate::AtLeast, Some("{{n}}")),
        ]
    );
}

#[test]
fn captures_are_properties_or_jq() {
    let expect = expected("<close\n[Captures]\na: code\nb.2:.x[\"a:b\"]\nc: header \"X-A\"\n");
    let captures: Vec<_> = expect
        .checks
        .captures
        .into_iter()
        .map(|it| (it.name.value, it.query.value))
        .collect();
    let expected = [
        ("a", Query::Property(Property::Code)),
        ("b.2", Query::Jq(".x[\"a:b\"]".to_owned())),
        ("c", Query::Property(Property::Header("X-A".to_owned()))),
    ];
    assert_eq!(
        captures,
        expected.map(|(name, query)| (name.to_owned(), query))
    );
}

#[test]
fn a_request_has_sections_and_an_answer() {
    let file = read(
        "\u{feff}# first\n\nWEBSOCKET ws://x/\n# between\nX-A: 1\n\n[Options]\nstrict\n\n[Options]\n\
         user: a:b\n\nHTTP/1.1 {{status}}\nX-B: 2\n\n[Asserts]\nbody contains x\n\
         ###\nWEBSOCKET b ws://y\nHTTP 401\n### \n### c\nWEBSOCKET @dev/path\n[Captures]\na: status\n\
         ####\n#########\n# last",
    );
    let names: Vec<_> = file.tests.iter().map(|test| &*test.name.value).collect();
    assert_eq!(names, ["", "", "c"]);
    let Step::Open(open) = &file.tests[0].steps[0] else {
        panic!();
    };
    assert_eq!((open.headers.len(), open.options.len()), (1, 2));
    let status = open.handshake.status.as_ref().unwrap();
    assert_eq!(status.value, Given::Template("{{status}}".to_owned()));
    assert_eq!(open.handshake.headers.len(), 1);
    assert_eq!(open.handshake.checks.asserts.len(), 1);
    let Step::Open(open) = &file.tests[2].steps[0] else {
        panic!();
    };
    assert_eq!(open.handshake.checks.captures.len(), 1);
}

#[test]
fn fragments_have_steps_alone() {
    let steps = parse_included("> a\nbob< b\nWEBSOCKET carol ws://x\n<open\n", ALLOWED).unwrap();
    assert_eq!(steps.len(), 4);
    assert_eq!(parse_included("", Allowed::default()), Ok(Vec::new()));
    // After an include, connections may be open that are not seen.
    let file = read("@include a.wst\n> a\ncarol< b\n");
    assert_eq!(file.tests[0].steps.len(), 3);
}

#[test]
fn at_most_20_errors_are_reported_in_order() {
    let text = format!("@repeat 3\n{}", "WEBSOCKET\n".repeat(50));
    let errors = parse(&text, Allowed::default()).unwrap_err();
    assert_eq!(errors.len(), 20);
    let lines: Vec<_> = errors.iter().map(|error| error.span.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn a_step_needs_a_connection_that_is_open() {
    assert_eq!(error("> a\n< b\n"), "there is no connection yet");
    assert_eq!(
        error("WEBSOCKET alice ws://x\nalcie> a\nalcie< b\n"),
        "there is no connection 'alcie' in this test"
    );
    assert_eq!(
        error("WEBSOCKET alice ws://x\n###\nWEBSOCKET ws://x\nalice> a\n"),
        "there is no connection 'alice' in this test"
    );
}

#[test]
fn repeats_within_repeats_without_end_are_an_error() {
    let deep = 100_000;
    let script = format!(
        "WEBSOCKET ws://h/\n{}{}",
        "@repeat 1\n".repeat(deep),
        "@end\n".repeat(deep)
    );
    let errors = parse(&script, Allowed::default()).unwrap_err();
    assert!(
        errors[0].message.contains("nested"),
        "{}",
        errors[0].message
    );
}
