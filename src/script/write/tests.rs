//! Scripts, read back by a small reader that knows nothing of the writer.

use proptest::prelude::*;

use super::*;
use crate::codec::{decode_base64, decode_escapes, decode_hex};
use crate::script::ast::{self, Expected, Form, Outgoing, Pattern};
use crate::script::excerpt;
use crate::script::parse::{Allowed, parse};

const SESSION: Session<'_> = Session {
    name: "a session",
    url: "ws://host/path",
    headers: &[],
    left_out: &[],
    subprotocols: &[],
    options: &[],
    status: 101,
};

const HEAD: &str = "### a session\nWEBSOCKET ws://host/path\nHTTP 101\n\n";

/// A step as the reader understands it.
#[derive(Debug, PartialEq)]
struct Step {
    /// `>`, `<~`, `>ping`, with the time in parentheses.
    mark: String,
    data: Vec<u8>,
}

/// Reads the steps of a script that follow its request.
fn read(steps: &str) -> Vec<Step> {
    let mut lines = steps.split('\n');
    let mut read = Vec::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            assert_eq!(lines.next(), None, "an empty line within {steps:?}");
            break;
        }
        let (mark, payload) = line.split_once(' ').unwrap_or((line, ""));
        assert!(mark.starts_with(['>', '<']), "{line:?} in {steps:?}");
        let word: String = mark.chars().filter(char::is_ascii_alphabetic).collect();
        let data = data(&word, payload, &mut lines);
        let mark = mark.replace("text", "").replace("binary", "");
        read.push(Step { mark, data });
    }
    read
}

/// The bytes of a payload that begins with `first`.
fn data<'a>(kind: &str, first: &str, lines: &mut impl Iterator<Item = &'a str>) -> Vec<u8> {
    let of_kind = |prefix: &str| first.strip_prefix(prefix).filter(|_| !kind.is_empty());
    if let Some(digits) = of_kind("hex:") {
        return decode_hex(digits.as_bytes()).unwrap();
    }
    if let Some(digits) = of_kind("base64:") {
        return decode_base64(digits.as_bytes()).unwrap();
    }
    let (raw, decoded) = match of_kind("escapes:") {
        Some(escapes) => (
            escapes.to_owned(),
            decode_escapes(escapes.as_bytes()).unwrap(),
        ),
        None => {
            let text = text(first, lines);
            (text.clone(), text.into_bytes())
        }
    };
    assert!(!raw.contains("{{"), "a variable: {raw:?}");
    decoded
}

fn text<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    if first.starts_with("```") {
        let block: Vec<_> = lines.take_while(|line| *line != first).collect();
        return block.join("\n");
    }
    if let Some(text) = first.strip_prefix('`') {
        return text.strip_suffix('`').unwrap().to_owned();
    }
    let mut text = first.to_owned();
    if first.starts_with(['{', '[', '"']) {
        while serde_json::from_str::<serde_json::Value>(&text).is_err() {
            text = text + "\n" + lines.next().expect("JSON that is closed");
        }
    }
    text
}

/// Reads a script with the parser of scripts.
#[track_caller]
fn parsed(script: &str) -> Vec<ast::Step> {
    let file = parse(script, Allowed::default()).unwrap_or_else(|errors| {
        let error = &errors[0];
        let advice = error.advice.as_deref();
        panic!(
            "{}\n{script}",
            excerpt::render("f", script, error.span, &error.message, advice)
        )
    });
    assert_eq!(file.tests.len(), 1, "{script}");
    file.tests.into_iter().next().unwrap().steps
}

/// A step with a payload as the reader above gives it.
fn as_read(step: &ast::Step) -> Step {
    let (mark, payload) = match step {
        ast::Step::Send(send) => match &send.what {
            Outgoing::Message { payload, .. } => (">", Some(&payload.value)),
            Outgoing::Ping(payload) => (">ping", payload.as_ref().map(|it| &it.value)),
            other => panic!("{other:?}"),
        },
        ast::Step::Expect(expect) => match &expect.what {
            Expected::Message { pattern, .. } => match &pattern.value {
                Pattern::Equal(payload) => ("<", Some(payload)),
                Pattern::Contains(payload) => ("<~", Some(payload)),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let data = payload.map_or_else(Vec::new, |payload| {
        let text = payload.text.as_bytes();
        match payload.form {
            Form::Json | Form::Text => text.to_vec(),
            Form::Escapes => decode_escapes(text).unwrap(),
            Form::Hex => decode_hex(text).unwrap(),
            Form::Base64 => decode_base64(text).unwrap(),
            Form::File => panic!("{payload:?}"),
        }
    });
    let mark = mark.to_owned();
    Step { mark, data }
}

#[track_caller]
fn written(entries: &[Entry<'_>]) -> String {
    let script = script(&SESSION, entries.iter().copied(), &Redactor::default());
    script.strip_prefix(HEAD).expect(&script).to_owned()
}

#[test]
fn every_payload_has_a_form() {
    let block = "```\none\ntwo\n```";
    for (text, step) in [
        ("hello", "> hello"),
        ("> hello", "> > hello"),
        ("# hello", "> # hello"),
        ("a \\n `b`", "> a \\n `b`"),
        ("", "> ``"),
        ("  two spaces ", "> `  two spaces `"),
        ("hex:00", "> `hex:00`"),
        ("/regex/", "> `/regex/`"),
        ("{not JSON", "> `{not JSON`"),
        ("{\"a\":1}", "> {\"a\":1}"),
        ("{\n  \"a\": [1,\n2]\n}", "> {\n  \"a\": [1,\n2]\n}"),
        ("\"text\"", "> \"text\""),
        ("`", "> ```\n`\n```"),
        ("one\ntwo", &format!("> {block}")),
        ("one\n", "> ```\none\n\n```"),
        (block, &format!("> ````\n{block}\n````")),
        ("a\r\nb\x1e", ">text escapes:a\\r\\nb\\x1e"),
        ("{{name}} \\ ", ">text escapes:\\x7b{name}} \\\\\\x20"),
        (
            "\u{202e}x\u{2028}",
            ">text escapes:\\xe2\\x80\\xaex\\xe2\\x80\\xa8",
        ),
    ] {
        let step = format!("{step}\n");
        assert_eq!(written(&[Entry::Send(Data::Text(text))]), step, "{text:?}");
        assert_eq!(read(&step)[0].data, text.as_bytes(), "{step}");
        let parsed = parsed(&format!("{HEAD}{step}"));
        assert_eq!(as_read(&parsed[1]).data, text.as_bytes(), "{step}");
    }
    let long = [0xff; 65];
    for (data, step) in [
        (&b"\x00\xff"[..], ">binary hex:00ff\n"),
        (b"", ">binary hex:\n"),
        (
            &long,
            &format!(">binary base64:{}\n", "/".repeat(86) + "8="),
        ),
    ] {
        assert_eq!(written(&[Entry::Send(Data::Binary(data))]), step);
        let parsed = parsed(&format!("{HEAD}{step}"));
        assert_eq!(as_read(&parsed[1]).data, data, "{step}");
    }
}

#[test]
fn steps_say_what_happened() {
    let second = Duration::from_secs(1);
    for (entry, steps) in [
        (Entry::Ping(b""), ">ping\n"),
        (Entry::Ping(b"hi"), ">ping hi\n"),
        (Entry::Ping(b"\xff"), ">ping hex:ff\n"),
        (Entry::Pong(b" "), ">pong ` `\n"),
        (Entry::Close(&Close::default()), ">close\n"),
        (Entry::Close(&Close::new(1000, "")), ">close 1000\n"),
        (
            Entry::Close(&Close::new(4000, "bye now")),
            ">close 4000 bye now\n",
        ),
        (
            Entry::Receive(Data::Text("{\"a\":1}"), second),
            "<~ {\"a\":1}\n",
        ),
        (Entry::Receive(Data::Text("[1]"), second * 3), "<(7s) [1]\n"),
        (
            Entry::Receive(Data::Text("{\"a\":\"\u{202e}\"}"), second),
            "<text escapes:{\"a\":\"\\xe2\\x80\\xae\"}\n",
        ),
        (
            Entry::Receive(Data::Binary(b"\0"), second * 3),
            "<binary(7s) hex:00\n",
        ),
        (Entry::Lost, "<drop\n"),
        (Entry::Reopened(second), "<open\n"),
        (Entry::Closed(&Close::default()), "<close 1005\n"),
        (
            Entry::Closed(&Close::new(4001, "no \"{{{x}}\n")),
            "<close 4001\n[Asserts]\nreason == \"no \\\"\\u007b\\u007b\\u007bx}}\\n\"\n",
        ),
        (
            Entry::Expect {
                expression: ".a ==\n1",
                within: second * 2,
            },
            "<(2s)\n[Asserts]\n.a == 1\n",
        ),
        (
            Entry::Expect {
                expression: "[.a] == [1]",
                within: second / 2,
            },
            "<(500ms)\n[Asserts]\n([.a] == [1])\n",
        ),
    ] {
        assert_eq!(written(&[entry]), steps);
        assert_eq!(parsed(&format!("{HEAD}{steps}")).len(), 2, "{steps}");
    }
}

#[test]
fn the_request_is_that_of_the_session() {
    let strings = |pairs: &[(&str, Option<&str>)]| -> Vec<(String, Option<String>)> {
        let owned =
            |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        pairs.iter().map(owned).collect()
    };
    let session = Session {
        name: "two\nlines",
        headers: &[("X-Trace".to_owned(), "1".to_owned())],
        subprotocols: &["chat.v1".to_owned()],
        options: &strings(&[
            ("no-compress", None),
            ("token", Some("env:TOKEN")),
            ("heartbeat", Some("a\nb")),
        ]),
        ..SESSION
    };
    let script = script(&session, [], &Redactor::default());
    assert_eq!(
        script,
        "### two lines\nWEBSOCKET ws://host/path\nX-Trace: 1\n[Options]\nsubprotocol: chat.v1\n\
         no-compress\ntoken: env:TOKEN\n# heartbeat is left out: its value has several lines\n\
         HTTP 101\n\n"
    );
    let [ast::Step::Open(open)] = &parsed(&script)[..] else {
        panic!("{script}");
    };
    assert_eq!((open.headers.len(), open.options.len()), (1, 3));
}

#[test]
fn no_secret_stands_in_a_script() {
    const SECRET: &str = "sixteen bytes !!";
    let redactor = Redactor::default();
    redactor.add_given(SECRET);
    let quoted = format!("{{\"token\":\"{SECRET}\"}}");
    let (escaped, binary) = (format!("{SECRET}\r"), format!("\0{SECRET}"));
    let close = Close::new(4001, SECRET);
    let options = [("user".to_owned(), Some(format!("ann:{SECRET}")))];
    let session = Session {
        name: SECRET,
        url: "ws://host/?token=[redacted]",
        headers: &[
            ("Authorization".to_owned(), "Bearer abc".to_owned()),
            ("X-Other".to_owned(), SECRET.to_owned()),
        ],
        options: &options,
        ..SESSION
    };
    let entries = [
        Entry::Send(Data::Text(&quoted)),
        Entry::Send(Data::Text(SECRET)),
        Entry::Send(Data::Text(&escaped)),
        Entry::Send(Data::Binary(binary.as_bytes())),
        Entry::Ping(SECRET.as_bytes()),
        Entry::Closed(&close),
        Entry::Expect {
            expression: SECRET,
            within: DEFAULT,
        },
    ];
    let script = script(&session, entries, &redactor);
    assert_eq!(parsed(&script).len(), 8);
    assert_eq!(
        script,
        "### [redacted]\n\
         # Secrets were left out. Give them as variables: wirecat test --var authorization=… \
         --var token=… --var user=… FILE\n\
         WEBSOCKET ws://host/?token={{token}}\nAuthorization: {{authorization}}\n\
         X-Other: {{token}}\n[Options]\nuser: {{user}}\nHTTP 101\n\n\
         > {\"token\":\"{{token}}\"}\n> `{{token}}`\n>text escapes:{{token}}\\r\n\
         >binary hex:005b72656461637465645d\n>ping `{{token}}`\n\
         <close 4001\n[Asserts]\nreason == \"{{token}}\"\n<(5s)\n[Asserts]\n({{token}})\n"
    );
}

#[test]
fn secrets_that_a_message_names_are_variables() {
    let login = Data::Text(r#"{"event":"token","data":"hunter2"}"#);
    let answer = Data::Text(r#"{"user":{"access_token":"abc"}}"#);
    let entries = [
        Entry::Send(login),
        Entry::Receive(answer, Duration::ZERO),
        Entry::Send(answer),
        Entry::Receive(login, Duration::ZERO),
    ];
    let script = |redactor: &Redactor| script(&SESSION, entries, redactor);
    let written = script(&Redactor::default());
    assert_eq!(parsed(&written).len(), 5);
    assert_eq!(
        written,
        "### a session\n\
         # Secrets were left out. Give them as variables: wirecat test --var token=… FILE\n\
         WEBSOCKET ws://host/path\nHTTP 101\n\n\
         > {\"event\":\"token\",\"data\":\"{{token}}\"}\n\
         <\n[Captures]\naccess_token: .user.access_token\n\
         > {\"user\":{\"access_token\":\"{{access_token}}\"}}\n\
         <~ {\"event\":\"token\",\"data\":\"{{token}}\"}\n"
    );
    let kept = script(&Redactor::new(true));
    assert_eq!(parsed(&kept).len(), 5);
    assert!(
        kept.contains("hunter2") && kept.contains("<~ {\"user\""),
        "{kept}"
    );
}

/// Texts with everything that a script has a meaning for.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        r#"[ \t\n\r`{}\[\]",:#<>!@~/\\a-z0-9.-]{0,6}"#,
        Just("{{name}}".to_owned()),
        Just("```".to_owned()),
        Just("{\"a\":\n[1,\"`\"]}".to_owned()),
        Just("hex:00".to_owned()),
        Just("escapes:\\n".to_owned()),
        Just("### test\nWEBSOCKET ws://x\n".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_payload_is_read_back(
        texts in prop::collection::vec(nasty(), 1..5),
        binary: Vec<u8>,
        ping in nasty(),
    ) {
        // No longer one can be sent.
        let ping = &ping[..ping.floor_char_boundary(125)];
        let mut entries: Vec<_> = texts.iter().map(|text| Entry::Send(Data::Text(text))).collect();
        entries.push(Entry::Send(Data::Binary(&binary)));
        entries.push(Entry::Ping(ping.as_bytes()));
        entries.extend(texts.iter().map(|text| Entry::Receive(Data::Text(text), Duration::ZERO)));
        let script = written(&entries);
        let steps = read(&script);
        let parsed = parsed(&format!("{HEAD}{script}"));
        let parsed: Vec<_> = parsed[1..].iter().map(as_read).collect();
        prop_assert_eq!(&parsed, &steps, "{}", script);
        let texts = || texts.iter().map(|text| text.as_bytes());
        let expected: Vec<&[u8]> = texts().chain([&binary[..], ping.as_bytes()]).chain(texts()).collect();
        let found: Vec<&[u8]> = steps.iter().map(|step| &step.data[..]).collect();
        prop_assert_eq!(found, expected, "{}", script);
        prop_assert!(steps.iter().all(|step| [">", ">ping", "<", "<~"].contains(&&*step.mark)));
        let dangerous = script.contains(['\r', '\x1b', '\u{202e}', '\u{2028}']);
        prop_assert!(!dangerous, "{:?}", script);
    }
}
