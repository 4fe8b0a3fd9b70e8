//! HTTP archives that browsers write, as scripts that pass against the same server, and recordings that
//! become archives and recordings again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::peers::peers;
use crate::support::components::chromedriver::{chromium, environment};
use crate::support::server::{Serve, serve};
use crate::support::{Output, output_within, wirecat};

/// Longer than a browser takes on a busy machine.
const LONGEST: Duration = Duration::from_secs(90);

/// A browser has a conversation at this path. The archive, which it writes in this form.
#[track_caller]
fn browse(folder: &Path, form: &str, server: &Serve, path: &str, steps: &Value) -> PathBuf {
    let archive = folder.join(format!("{form}.har"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/har_roundtrips/browser.mjs");
    let conversation = json!({"url": server.url(path), "steps": steps});
    let here = folder.join("browser");
    fs::create_dir_all(&here).unwrap();
    let environment: serde_json::Map<_, _> = environment(&here)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let child = Command::new("node")
        .arg(script)
        .args([form, archive.to_str().unwrap()])
        .args([
            format!("http://{}/", server.address),
            conversation.to_string(),
        ])
        .env(
            "PLAYWRIGHT",
            std::path::absolute(peers().join("playwright")).unwrap(),
        )
        .env("CHROMIUM", chromium())
        .env("CHROMIUM_ENVIRONMENT", Value::from(environment).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is node");
    output_within(LONGEST, child).exits(0);
    archive
}

/// Converts a file into another one, whose form its ending says.
#[track_caller]
fn convert(from: &Path, ending: &str) -> PathBuf {
    let to = from.with_extension(ending);
    let paths = [from, &to].map(|path| path.to_str().unwrap());
    wirecat(["convert", paths[0], "-o", paths[1]])
        .run()
        .exits(0)
        .is_quiet();
    to
}

fn test(script: &Path, variables: &[&str]) -> Output {
    let mut arguments = vec!["test"];
    for variable in variables {
        arguments.extend(["--var", variable]);
    }
    arguments.push(script.to_str().unwrap());
    wirecat(arguments).run()
}

/// The archive becomes a script, at once and by way of a recording, that passes twice against the server
/// that the browser talked to, and not against one that says something else.
#[track_caller]
fn passes(archive: &Path, variables: &[&str]) -> String {
    let direct = convert(archive, "direct.wst");
    let recording = convert(archive, "jsonl");
    let script = convert(&recording, "wst");
    let texts = [&direct, &script].map(|path| fs::read_to_string(path).unwrap());
    assert_eq!(texts[0].replace(".direct", ""), texts[1]);
    for script in [&direct, &script, &script] {
        test(script, variables).exits(0);
    }
    texts[1].clone()
}

const FORMS: [&str; 3] = ["embed", "attach", "devtools"];

/// What a browser can send, and what comes back.
fn echoes() -> Value {
    let texts = [
        "hello, wörld \u{1f30a}",
        "{\"op\":\"sub\",\"ch\":\"news\",\"n\":1}",
        "[1,2.50,null,\"three\"]",
        "two\nlines",
        "{{not_a_variable}}",
        "# no comment",
        "  spaces around  ",
        "\"quoted\"",
        "\u{202e}\u{7}\u{1b}[2J",
    ];
    let texts = texts.map(|text| json!({"send": text, "replies": 1}));
    let bytes = [json!([0, 1, 2, 255]), json!([104, 105])];
    let bytes = bytes.map(|bytes| json!({"send": bytes, "replies": 1}));
    let large = json!({"send": "x".repeat(100_000), "replies": 1});
    json!([&texts[..], &bytes, &[large]].concat())
}

#[test]
#[ignore = "needs .ci/peers"]
fn what_a_browser_says_to_an_echo_becomes_a_script_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve();
    for form in FORMS {
        let archive = browse(folder.path(), form, &server, "/echo", &echoes());
        let script = passes(&archive, &[]);
        let sent = script.lines().filter(|line| line.starts_with('>'));
        assert_eq!(
            sent.count(),
            echoes().as_array().unwrap().len(),
            "{form}: {script}"
        );
    }
}

/// Ids, times and an epoch, which are others each time.
#[test]
#[ignore = "needs .ci/peers"]
fn what_a_browser_says_to_the_hub_becomes_a_script_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve();
    let message = |text: &str| {
        json!({"event": "message", "room": "news", "data": {"text": text}, "ref": text}).to_string()
    };
    let history = "{\"event\":\"history\",\"room\":\"news\",\"after\":{ID}}";
    let steps = json!([
        {"replies": 1},
        {"send": "{\"event\":\"join\",\"room\":\"news\"}", "replies": 1},
        {"send": message("rain"), "replies": 2},
        {"send": history, "replies": 1},
        {"send": message("sun"), "replies": 2},
        {"send": "{\"event\":\"clients\"}", "replies": 1},
        {"send": "{\"event\":\"nonsense\"}", "replies": 1},
        {"send": "{\"event\":\"leave\",\"room\":\"news\"}", "replies": 1},
    ]);
    for form in FORMS {
        let archive = browse(folder.path(), form, &server, "/events?token=ann", &steps);
        let script = passes(&archive, &["token=ann"]);
        assert!(script.contains("\"after\":{{id}}"), "{form}: {script}");
    }
}

/// Records a conversation with this endpoint, and gives the recording.
#[track_caller]
fn record(folder: &Path, url: &str) -> PathBuf {
    let path = folder.join("recorded.jsonl");
    let options = ["--record", path.to_str().unwrap(), "--count", "6", url];
    let messages = [
        "hello",
        "{\"n\":1}",
        "two\nlines",
        "\u{7}\u{202e}",
        "[1]",
        "x",
    ];
    let data = messages.iter().flat_map(|message| ["-d", message]);
    wirecat(options.into_iter().chain(data)).run().exits(0);
    path
}

/// The messages and control frames of a recording.
#[track_caller]
fn messages(recording: &Path) -> Vec<Value> {
    let text = fs::read_to_string(recording).unwrap();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let is_message = |event: &Value| {
        let kinds = ["send", "receive", "ping", "pong", "close"];
        event["type"]
            .as_str()
            .is_some_and(|kind| kinds.contains(&kind))
    };
    let parts = [
        "type", "t", "opcode", "encoding", "data", "by", "code", "reason",
    ];
    events
        .filter(is_message)
        .map(|event: Value| json!(parts.map(|part| &event[part])))
        .collect()
}

#[test]
fn a_recording_comes_back_from_an_archive_with_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve();
    for path in ["/echo", "/ping?interval=5ms"] {
        let recording = record(folder.path(), &server.url(path));
        let archive = convert(&recording, "har");
        let again = folder.path().join("again.jsonl");
        wirecat([
            "convert",
            archive.to_str().unwrap(),
            "-o",
            again.to_str().unwrap(),
        ])
        .run()
        .exits(0)
        .is_quiet();
        let once = messages(&recording);
        assert!(once.len() >= 13, "{once:?}");
        assert_eq!(once, messages(&again));
    }
}

#[test]
fn a_recording_is_replayed_against_the_same_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve();
    let recording = record(folder.path(), &server.url("/echo"));
    let recording = recording.to_str().unwrap();
    for pace in [&["--lockstep"][..], &["--speed", "max"]] {
        let replay = |path: &str| {
            let url = server.url(path);
            wirecat([&["replay", recording, &url], pace].concat()).run()
        };
        replay("/echo").exits(0);
        // Each reply is in capitals, and JSON is what it was but for one member.
        let changed = replay("/echo?upper");
        let shown = changed.exits(1).stdout_text() + &changed.stderr;
        assert!(
            shown.contains("hello") && shown.contains("HELLO"),
            "{shown}"
        );
    }
}
