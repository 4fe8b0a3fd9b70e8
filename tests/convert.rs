//! `wirecat convert`: recordings, HTTP archives, `.http` files and scripts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::server::serve;
use crate::support::{Output, wirecat};

/// A folder with files of these names.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Converts one of the files.
    #[track_caller]
    fn convert(&self, file: &str, options: &[&str]) -> Output {
        let file = self.path(file);
        wirecat([&["convert", file.to_str().unwrap()], options].concat()).run()
    }
}

/// Records what the messages are answered with.
fn record(path: &Path, url: &str, messages: &[&str]) {
    let count = messages.len().to_string();
    let data = messages.iter().flat_map(|message| ["-d", message]);
    let record = ["--record", path.to_str().unwrap(), "--count", &count, url];
    wirecat(record.into_iter().chain(data)).run().exits(0);
}

const HEADER: &str = r#"{"type":"header","v":1,"tool":"x","url":"ws://host/x","started":"2026-11-20T10:00:00.000000Z"}"#;

#[test]
fn a_recording_becomes_a_script_and_an_archive_and_again_a_recording() {
    let folder = Folder::with(&[]);
    let server = serve();
    let url = server.url("/echo");
    record(&folder.path("chat.jsonl"), &url, &["hello", "{\"a\":1}"]);
    folder
        .convert("chat.jsonl", &[])
        .exits(0)
        .is_quiet()
        .prints(format!(
            "### chat\nWEBSOCKET {url}\nHTTP 101\n\n> hello\n> {{\"a\":1}}\n< hello\n<~ {{\"a\":1}}\n>close 1000\n"
        ));
    let archive = folder.path("chat.har");
    let output = ["-o", archive.to_str().unwrap()];
    folder
        .convert("chat.jsonl", &output)
        .exits(0)
        .is_quiet()
        .prints("");
    let har: Value = serde_json::from_str(&folder.read("chat.har")).unwrap();
    let messages = &har["log"]["entries"][0]["_webSocketMessages"];
    assert_eq!(messages[3]["data"], "{\"a\":1}");
    let again = folder.convert("chat.har", &["--to", "recording"]);
    let data = |text: &str| -> Vec<Value> {
        let lines = text.lines();
        let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let messages = events.filter(|event| event["data"].is_string());
        messages
            .map(|event| json!([event["type"], event["t"], event["data"]]))
            .collect()
    };
    let (once, twice) = (folder.read("chat.jsonl"), again.exits(0).stdout_text());
    assert_eq!(data(&once), data(&twice));
    assert_eq!(data(&once).len(), 4);
}

#[test]
#[cfg(unix)]
fn what_is_written_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::with(&[("a.http", "ws://host\n\nhi\n===wait\n")]);
    let script = folder.path("a.wst");
    let output = ["-o", script.to_str().unwrap()];
    folder
        .convert("a.http", &output)
        .exits(2)
        .complains(&["a.http:4:1: === wait is not known"]);
    assert!(!script.exists());
    fs::write(folder.path("a.http"), "ws://host\n\nhi\n===\nho\n").unwrap();
    folder.convert("a.http", &output).exits(0).is_quiet();
    assert_eq!(folder.read("a.wst"), "WEBSOCKET ws://host\n\n> hi\n> ho\n");
    let mode = script.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn messages_that_are_attached_are_read_beside_the_archive() {
    let entry = |file: &str| {
        json!({"request": {"url": "wss://host/x"},
               "response": {"status": 101, "content": {"_file": file}}})
    };
    let entries = ["messages.jsonl", "gone.jsonl", "../outside.jsonl"].map(entry);
    let archive = json!({"log": {"entries": entries}}).to_string();
    let folder = Folder::with(&[
        ("a.har", &archive),
        (
            "messages.jsonl",
            r#"{"type":"send","time":1795168800500,"opcode":1,"data":"hi"}"#,
        ),
    ]);
    folder
        .convert("a.har", &["--list"])
        .exits(0)
        .prints(
            "1  wss://host/x  2026-11-20T10:00:00Z  1 sent, 0 received  0.0s\n\
             2  wss://host/x  0 sent, 0 received\n3  wss://host/x  0 sent, 0 received\n",
        )
        .complains(&[
            "entry 2: its messages are in gone.jsonl, which cannot be read: no such file",
            "entry 3: its messages are in ../outside.jsonl, which is not beside the archive",
        ]);
    folder
        .convert("a.har", &["--entry", "1"])
        .exits(0)
        .prints("### a\nWEBSOCKET wss://host/x\nHTTP 101\n\n> hi\n");
}

#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let lines = [
        HEADER,
        r#"{"type":"receive","t":0.5,"conn":1,"opcode":1,"data":"kept \u001b[2J"}"#,
        "\u{1b}]0;title\u{7}",
        r#"{"type":"receive","t":1.0,"conn":1,"opc"#,
    ];
    let folder = Folder::with(&[("a.jsonl", &lines.join("\n"))]);
    for form in ["wst", "text", "asciicast", "har", "recording"] {
        let converted = folder.convert("a.jsonl", &["--to", form]);
        converted.exits(0).complains(&[
            "line 3 is left out: not JSON",
            "the last line is cut off, and left out: line 4",
        ]);
        let shown = converted.stdout_text();
        assert!(
            shown.contains("kept") && !shown.contains('\u{1b}'),
            "{shown}"
        );
        assert!(!converted.stderr.contains('\u{1b}'));
    }
}

#[test]
fn what_is_no_such_file_is_an_error() {
    let folder = Folder::with(&[
        ("a.jsonl", "{}"),
        ("a.har", "{"),
        ("none.har", r#"{"log":{"entries":[]}}"#),
        ("a.wst", ""),
        ("two.jsonl", &[HEADER, HEADER].join("\n")),
        ("a.http", "ws://host\n"),
        ("bytes.http", ""),
        ("get.http", "GET http://host/\n"),
    ]);
    for (file, options, words) in [
        ("gone.jsonl", &[][..], "cannot read"),
        ("a.jsonl", &[], "not a recording: it has no event"),
        ("a.har", &[], "not an HTTP archive: not JSON"),
        ("none.har", &[], "it has no WebSocket"),
        ("a.wst", &[], "wirecat test runs it"),
        ("two.jsonl", &[], "it has no connection"),
        ("two.jsonl", &["--list"], "--record FILE keeps"),
        ("bytes.http", &[], "it has no WebSocket request"),
        ("get.http", &["--to", "wst"], "WEBSOCKET ws://"),
        ("a.http", &["--to", "har"], "it becomes a script only"),
        ("a.http", &["-o", "/"], "cannot write /"),
        ("a.http", &["--to", "yaml"], "invalid value 'yaml'"),
        ("a.http", &["--list", "--to", "har"], "cannot be used with"),
    ] {
        folder.convert(file, options).exits(2).complains(&[words]);
    }
}

#[test]
fn a_file_is_not_written_over_itself() {
    let archive = r#"{"log":{"entries":[{"request":{"url":"ws://host/"}}]}}"#;
    let folder = Folder::with(&[("a.har", archive)]);
    let mut names = vec!["a.har", "./a.har"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.har", folder.path("link.har")).unwrap();
        fs::hard_link(folder.path("a.har"), folder.path("hard.har")).unwrap();
        names.extend(["link.har", "hard.har"]);
    }
    for name in names {
        let place = folder.path(name);
        folder
            .convert("a.har", &["-o", place.to_str().unwrap()])
            .exits(2)
            .complains(&["it is a file that is read", "-o with another name"]);
        assert_eq!(folder.read("a.har"), archive);
    }
}

#[test]
fn stdin_is_a_file_too() {
    let event = r#"{"type":"send","t":0,"conn":1,"opcode":1,"data":"hi"}"#;
    wirecat(["convert", "-", "--to", "text"])
        .stdin(format!("{HEADER}\n{event}\n"))
        .run()
        .exits(0)
        .is_quiet()
        .prints("connected\n> hi\n");
}

#[test]
fn no_form_has_the_secrets_that_a_connection_names() {
    let archive = json!({"log": {"entries": [{
        "request": {
            "url": "wss://host/x?token=SECRET-of-the-url",
            "headers": [
                {"name": "Authorization", "value": "Bearer SECRET-of-a-header"},
                {"name": "Sec-WebSocket-Protocol", "value": "bearer, SECRET1234567890"},
                {"name": "X-A", "value": "{{b}}"},
            ],
        },
        "response": {"status": 101, "headers": [
            {"name": "Sec-WebSocket-Protocol", "value": "SECRET1234567890"},
        ]},
        "_webSocketMessages": [
            {"type": "receive", "data": "hello SECRET-of-a-message"},
            {"type": "send", "data": "{\"token\":\"SECRET-of-a-message\",\"password\":\"SECRET\"}"},
        ],
    }]}});
    let folder = Folder::with(&[("a.har", &archive.to_string())]);
    for form in ["recording", "har", "text", "asciicast"] {
        let hidden = folder.convert("a.har", &["--to", form]);
        let hidden = hidden.exits(0).stdout_text();
        assert!(
            hidden.contains("[redacted]") && !hidden.contains("SECRET"),
            "{hidden}"
        );
        let kept = folder.convert("a.har", &["--to", form, "--include-secrets"]);
        let kept = kept.exits(0).stdout_text();
        assert!(kept.contains("hello SECRET-of-a-message"), "{kept}");
    }
    let script = folder.convert("a.har", &[]).exits(0).stdout_text();
    for line in [
        "WEBSOCKET wss://host/x?token={{token}}\n",
        "\nAuthorization: {{authorization}}\n",
        "\n# X-A is left out: its value has {{…}}, which is a variable here\n",
        "\nsubprotocol: bearer\nsubprotocol: {{subprotocol_token}}\n",
        " --var subprotocol_token=… ",
    ] {
        assert!(script.contains(line), "{script}");
    }
    assert!(!script.contains("SECRET1234567890"), "{script}");
}

#[test]
fn secrets_are_kept_only_when_that_is_asked_for() {
    let archive = json!({"log": {"entries": [{
        "request": {
            "url": "wss://ann:pw@host/x?token=abcdefgh",
            "headers": [{"name": "Cookie", "value": "id=abcdefgh"}],
        },
        "response": {"status": 101},
        "_webSocketMessages": [{"type": "send", "data": "{\"password\":\"abcdefgh\"}"}],
    }]}});
    let folder = Folder::with(&[("a.har", &archive.to_string())]);
    let hidden = folder.convert("a.har", &[]).exits(0).stdout_text();
    assert_eq!(
        hidden,
        "### a\n# Secrets were left out. Give them as variables: wirecat test --var cookie=… --var \
         password=… --var token=… --var user=… FILE\nWEBSOCKET wss://host/x?token={{token}}\n\
         Cookie: {{cookie}}\n[Options]\nuser: {{user}}\nHTTP 101\n\n> {\"password\":\"{{password}}\"}\n"
    );
    let kept = folder.convert("a.har", &["--include-secrets"]);
    assert_eq!(
        kept.exits(0).stdout_text(),
        "### a\nWEBSOCKET wss://ann:pw@host/x?token=abcdefgh\nCookie: id=abcdefgh\nHTTP 101\n\n\
         > {\"password\":\"abcdefgh\"}\n"
    );
}

#[test]
fn the_user_in_the_url_of_an_archive_is_given_as_a_variable() {
    let server = serve();
    let url = server
        .url("/auth/basic")
        .replace("//", "//me:hunter2-secret@");
    let archive = format!(
        r#"{{"log":{{"entries":[{{"_resourceType":"websocket","startedDateTime":"2026-01-01T00:00:00Z","request":{{"method":"GET","url":"{url}","headers":[]}},"response":{{"status":101,"headers":[]}},"_webSocketMessages":[]}}]}}}}"#
    );
    let folder = Folder::with(&[("x.har", &archive)]);
    let run = folder.convert("x.har", &["-o", folder.path("x.wst").to_str().unwrap()]);
    run.exits(0);
    let script = folder.read("x.wst");
    assert!(!script.contains("hunter2"), "{script}");
    let script = folder.path("x.wst");
    let script = script.to_str().unwrap();
    wirecat(["test", script, "--var", "user=me:secret"])
        .run()
        .exits(0);
    wirecat(["test", script, "--var", "user=me:wrong"])
        .run()
        .exits(1);
}
