//! `.http` files with WebSocket requests, which `wirecat test` runs as they are.

use std::fs;

use crate::support::serving::Serving;
use crate::support::{Output, wirecat};

/// Runs a file against the debug server; HOST in it, and in the environments, is the server's address.
#[track_caller]
fn run(files: &[(&str, &str)], arguments: &[&str]) -> Output {
    let serving = Serving::start(&["127.0.0.1:0"]);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let text = text.replace("HOST", serving.address());
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().join(files[0].0);
    let output = wirecat(["test", path.to_str().unwrap()].iter().chain(arguments)).run();
    let folder = format!("{}/", folder.path().display());
    Output {
        stdout: output.stdout_text().replace(&folder, "").into_bytes(),
        stderr: output.stderr.replace(&folder, ""),
        ..output
    }
}

/// The lines of a report, without how long each test took.
fn lines(output: &Output) -> Vec<String> {
    let stdout = output.stdout_text();
    let lines = stdout.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.split(" (").next().unwrap().to_owned())
        .collect()
}

/// As JetBrains' documentation has it, with what else may stand in such a file.
const CHAT: &str = r#"@path = echo

### log in
# What the chat needs first.
POST http://{{host}}/login
Content-Type: application/json

{"user": "ann"}

> {% client.global.set("token", response.body.token); %}

### chat
// @no-log
WEBSOCKET ws://{{host}}/{{path}}?room={{room}}
Content-Type: application/json
X-Trace: {{$uuid}}

{
  "user": "{{user}}", // who
  "n": {{count}}
}
===
plain, to {{room}}
=== wait-for-server
=== wait-for-server
{"third": true}
=== wait-for-server

### in short
WS {{host}}/burst?count=2

=== wait-for-server
=== wait-for-server
"#;

const ENVIRONMENTS: &str = r#"{
  "$shared": {"room": "news", "count": 3},
  "dev": {"host": "HOST", "user": "ann"},
  "prod": {"host": "host.invalid", "user": "ben"}
}"#;

const FILES: [(&str, &str); 2] = [("chat.http", CHAT), ("http-client.env.json", ENVIRONMENTS)];

#[test]
fn a_file_runs_as_it_is() {
    let output = run(&FILES, &["--env", "dev"]);
    output.exits(0);
    assert_eq!(
        lines(&output),
        [
            "ok   chat.http: chat",
            "ok   chat.http: in short",
            "2 tests: 2 passed"
        ]
    );
    assert_eq!(
        output.stderr,
        "chat.http: line 5: POST is left out, because only requests with WEBSOCKET are run\n"
    );
}

#[test]
fn a_file_says_what_is_sent_and_awaited() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().to_str().unwrap();
    // The command line has the last word.
    let arguments = [
        "--env=dev",
        "--only=chat",
        "--record",
        records,
        "--var=room=sport",
    ];
    run(&FILES, &arguments).exits(0);
    let record = folder.path().join("chat-1-1.jsonl");
    let shown = wirecat(["convert", record.to_str().unwrap(), "--to", "text"]).run();
    let shown = shown.exits(0).stdout_text();
    for line in [
        "> {\"user\": \"ann\", \"n\": 3}",
        "> plain, to sport",
        "> {\"third\": true}",
        "< {\"third\": true}",
    ] {
        assert!(shown.contains(line), "{line:?} {shown}");
    }
}

#[test]
fn a_message_that_does_not_come_is_a_failure() {
    let text = "### quiet\nWEBSOCKET ws://HOST/silent\n\nhello\n=== wait-for-server\n";
    let output = run(&[("quiet.http", text)], &[]);
    output.exits(1);
    let stdout = output.stdout_text();
    assert!(stdout.contains("FAIL quiet.http: quiet"), "{stdout}");
    assert!(stdout.contains("quiet.http:5:"), "{stdout}");
}

#[test]
fn an_environment_that_is_not_there_is_an_error() {
    for (files, arguments, words) in [
        (&FILES[..], &[][..], "there is no variable"),
        (
            &FILES,
            &["--env", "test"],
            "it has no environment test; there are dev, prod",
        ),
        (&FILES[..1], &["--env", "dev"], "http-client.env.json"),
    ] {
        run(files, arguments)
            .exits(2)
            .complains(&[words, "nothing was run"]);
    }
}

#[test]
fn secrets_of_an_environment_are_in_no_report() {
    let text = "### a\nWEBSOCKET ws://HOST/status/403?x={{api_token}}\n\n                ### b\nWEBSOCKET ws://HOST/echo\n\n{{api_token}}\n===wait-for-server\n                === wait-for-server\n";
    let environments = r#"{"dev": {"api_token": "t0ken-that-is-secret"}}"#;
    let files = [("x.http", text), ("http-client.env.json", environments)];
    for report in ["human", "tap", "junit", "json"] {
        let output = run(&files, &["--env", "dev", "--report", report]);
        assert_ne!(output.code(), 0);
        let all = output.stdout_text() + &output.stderr;
        assert!(all.contains("403") && !all.contains("t0ken"), "{all}");
    }
}
