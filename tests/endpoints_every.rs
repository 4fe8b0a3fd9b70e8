//! Every endpoint that `GET /endpoints` lists, with wirecat and with clients that others wrote. One that
//! is new needs a row in both tables and a line in the documentation.

use serde_json::Value;

use crate::endpoints_peers::reports;
use crate::peers::Kind;
use crate::serve::Server;
use crate::support::server::serve;
use crate::support::wirecat;

/// An endpoint as wirecat sees it.
struct Own {
    /// As the list has it.
    endpoint: &'static str,
    path: &'static str,
    options: &'static [&'static str],
    exit: i32,
    /// What it prints, on stdout or stderr.
    words: &'static str,
}

const fn own(
    endpoint: &'static str,
    path: &'static str,
    options: &'static [&'static str],
    exit: i32,
    words: &'static str,
) -> Own {
    Own {
        endpoint,
        path,
        options,
        exit,
        words,
    }
}

const ECHO: &[&str] = &["-1", "-d", "hi"];

#[rustfmt::skip]
const WITH_WIRECAT: &[Own] = &[
    own("/echo", "/echo?upper", ECHO, 0, "HI\n"),
    own("/chat", "/chat?echo", ECHO, 0, "hi\n"),
    own("/headers", "/headers", &["-1", "-H", "X-Test: seen"], 0, r#""x-test":"seen""#),
    own("/cookies/set", "/cookies/set?a=b", &["-v", "-1", "-d", "hi"], 0, "a="),
    own("/subprotocol", "/subprotocol?pick=b", &["-v", "-1", "-d", "hi", "--subprotocol", "a", "--subprotocol", "b"], 0, "subprotocol b"),
    own("/compress", "/compress?server-window-bits=10", &["-v", "-1", "-d", "hi"], 0, "server_max_window_bits=10"),
    own("/stream", "/stream?rate=0&count=2&size=10", &[], 0, "message 1 \nmessage 2 \n"),
    own("/burst", "/burst?count=2&size=24&kind=json", &[], 0, "{\"n\":2,\"data\":\"xxxxxxx\"}\n"),
    own("/slow", "/slow?rate=10000", ECHO, 0, "hi\n"),
    own("/ping", "/ping?interval=10ms", &["--show-ping-pong", "--on-eof", "stay", "-m", "500ms"], 28, "ping"),
    own("/endpoints", "/endpoints", &[], 22, "HTTP 200 OK"),
    own("/health", "/health", &[], 22, "ok\n"),
    own("/ready", "/ready", &[], 22, "ready\n"),
    own("/status/CODE", "/status/503", &[], 22, "HTTP 503"),
    own("/redirect/N", "/redirect/2", &["-L", "-1", "-d", "hi"], 0, "hi\n"),
    own("/delay/T", "/delay/10ms", ECHO, 0, "hi\n"),
    own("/auth/WAY", "/auth/basic", &["-u", "me:secret", "-1", "-d", "hi"], 0, "hi\n"),
    own("/expire", "/expire?token-ttl=100ms&token=old", &["--on-eof", "stay"], 112, "4401"),
    own("/flaky", "/flaky?fail=1&retry-after=no", &["--reconnect", "--reconnect-delay", "10ms", "-1", "-d", "hi"], 0, "hi\n"),
    own("/drop", "/drop?after=1", &["-d", "hi"], 56, "hi\n"),
    own("/seq", "/seq?rate=0&count=2", &[], 0, "{\"id\":2,\"data\":\"message 2\"}\n"),
    own("/ledger", "/ledger", &["-1", "-d", "7"], 0, "{\"ack\":7,\"total\":1}\n"),
    own("/events", "/events?token=ada", &["-1"], 0, r#"{"event":"connected","data":{"user":"ada""#),
    own("/close/CODE", "/close/4001?reason=enough", &[], 112, "closed by server: 4001 (private use) \"enough\""),
    own("/silent", "/silent", &["-d", "hi", "--idle", "100ms"], 0, ""),
    own("/freeze", "/freeze?after=1", &["-d", "hi", "-d", "ho", "--on-eof", "stay", "-m", "500ms"], 28, "hi\n"),
    own("/nopong", "/nopong", &["--on-eof", "stay", "--ping-interval", "50ms", "--ping-timeout", "50ms"], 28, "pong"),
    own("/noclose", "/noclose", &["-1", "-d", "hi", "--close-timeout", "100ms"], 0, "hi\n"),
    own("/frames/KIND", "/frames/rsv", &[], 110, "before\n"),
    own("/handshake/KIND", "/handshake/wrong-accept", &[], 8, "Sec-WebSocket-Accept"),
];

/// An endpoint as a peer sees it: what it does there, and some of what it reports, both in JSON.
type Row = (&'static str, &'static str, &'static str, &'static str);

const HELLO: &str = r#"{"send": ["hello"], "receive": 1}"#;
const BACK: &str = r#"{"messages": ["hello"], "code": 1000}"#;
/// A page is the answer to no handshake.
const PAGE: &str = r#"{"opened": false, "status": 200}"#;

#[rustfmt::skip]
const WITH_PEERS: &[Row] = &[
    ("/echo", "/echo", HELLO, BACK),
    ("/chat", "/chat?echo", HELLO, BACK),
    ("/headers", "/headers", "{}", r#"{"opened": true, "code": 1000}"#),
    ("/cookies/set", "/cookies/set?a=b", HELLO, BACK),
    ("/subprotocol", "/subprotocol?pick=b", r#"{"protocols": ["a", "b"]}"#, r#"{"subprotocol": "b"}"#),
    ("/compress", "/compress?level=9", HELLO, BACK),
    ("/stream", "/stream?rate=0&count=2&size=3", r#"{"receive": 2}"#, r#"{"messages": ["mes", "mes"]}"#),
    ("/burst", "/burst?count=2&size=3&kind=binary", r#"{"receive": 2}"#, r#"{"messages": ["binary 3", "binary 3"]}"#),
    ("/slow", "/slow?rate=10000", HELLO, BACK),
    ("/ping", "/ping?interval=10ms", HELLO, BACK),
    ("/endpoints", "/endpoints", "{}", PAGE),
    ("/health", "/health", "{}", PAGE),
    ("/ready", "/ready", "{}", PAGE),
    ("/status/CODE", "/status/503", "{}", r#"{"opened": false, "status": 503}"#),
    ("/redirect/N", "/redirect/2", HELLO, BACK),
    ("/delay/T", "/delay/10ms", HELLO, BACK),
    ("/auth/WAY", "/auth/query?token=secret", HELLO, BACK),
    ("/expire", "/expire?token-ttl=200ms&token=old", r#"{"receive": 1}"#, r#"{"messages": [], "code": 4401}"#),
    ("/flaky", "/flaky?fail=1&status=500", "{}", r#"{"opened": false, "status": 500}"#),
    ("/drop", "/drop?after=1", r#"{"send": ["hello"], "receive": 2}"#, r#"{"messages": ["hello"], "code": 1006}"#),
    ("/seq", "/seq?rate=0&count=1", r#"{"receive": 1}"#, r#"{"messages": ["{\"id\":1,\"data\":\"message 1\"}"]}"#),
    ("/ledger", "/ledger", r#"{"send": ["7"], "receive": 1}"#, r#"{"messages": ["{\"ack\":7,\"total\":1}"]}"#),
    // The module `exchanges` does the rest of it.
    ("/events", "/events?token=ada", r#"{"receive": 1}"#, r#"{"opened": true, "code": 1000}"#),
    ("/close/CODE", "/close/4001?after=1", r#"{"send": ["hello"], "receive": 2}"#, r#"{"messages": ["hello"], "code": 4001}"#),
    ("/silent", "/silent", r#"{"send": ["hello"], "receive": 1, "timeout": 1}"#, r#"{"opened": true, "messages": []}"#),
    ("/freeze", "/freeze?after=1", r#"{"send": ["hello", "again"], "receive": 2, "timeout": 1}"#, r#"{"messages": ["hello"]}"#),
    ("/nopong", "/nopong", r#"{"ping": true}"#, r#"{"opened": true, "pong": false}"#),
    ("/noclose", "/noclose", "{}", r#"{"opened": true, "code": 1006}"#),
    ("/frames/KIND", "/frames/rsv", r#"{"receive": 2}"#, r#"{"messages": ["before"]}"#),
    ("/handshake/KIND", "/handshake/wrong-accept", r#"{"timeout": 2}"#, r#"{"opened": false, "messages": []}"#),
];

/// The paths in `GET /endpoints`.
fn listed() -> Vec<String> {
    let server = Server::start();
    let (_, body) = server.ask("GET /endpoints HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let list: Value = serde_json::from_str(&body).unwrap();
    let endpoints = list["endpoints"].as_array().unwrap().iter();
    endpoints
        .map(|endpoint| endpoint["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_endpoint_is_tested_and_documented() {
    let listed = listed();
    assert!(listed.len() >= 30, "{listed:?}");
    let own: Vec<&str> = WITH_WIRECAT.iter().map(|row| row.endpoint).collect();
    let peers: Vec<&str> = WITH_PEERS.iter().map(|row| row.0).collect();
    let manual =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/debug-server.md"));
    let manual = manual.unwrap();
    for path in &listed {
        assert!(own.contains(&path.as_str()), "{path}: no row with wirecat");
        assert!(peers.contains(&path.as_str()), "{path}: no row with peers");
        // In the list, and in a sentence.
        assert!(manual.contains(&format!("\n{path}")), "{path}: not listed");
        assert!(
            manual.contains(&format!("`{path}")),
            "{path}: not described"
        );
        // `/close/` of `/close/CODE`
        let fixed = path.trim_end_matches(|it: char| it.is_ascii_uppercase());
        let shown = |line: &str| line.starts_with("$ ") && line.contains(fixed);
        assert!(manual.lines().any(shown), "{path}: in no transcript");
    }
    for path in own.iter().chain(&peers) {
        assert!(listed.iter().any(|one| one == path), "{path} is not listed");
    }
}

#[test]
fn every_endpoint_works_with_wirecat() {
    let server = serve();
    let mut wrong = Vec::new();
    for row in WITH_WIRECAT {
        let url = server.url(row.path);
        let run = wirecat([row.options, &[&*url]].concat()).run();
        let printed = format!("{}{}", run.stdout_text(), run.stderr);
        if run.status.code() != Some(row.exit) || !printed.contains(row.words) {
            wrong.push(format!("{}: {}\n{printed}", row.path, run.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fails where a report lacks what is expected.
fn every_endpoint_works(kind: Kind) {
    let server = serve();
    let parsed = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let jobs = WITH_PEERS.iter().map(|(_, path, job, _)| {
        let mut job = parsed(job);
        job["url"] = server.url(path).into();
        job
    });
    let reports = reports(kind, &jobs.collect::<Vec<_>>());
    for ((_, path, _, expected), report) in WITH_PEERS.iter().zip(reports) {
        for (name, value) in parsed(expected).as_object().unwrap() {
            assert_eq!(report[name], *value, "{path}, {name}: {report}");
        }
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn every_endpoint_works_with_websockets17() {
    every_endpoint_works(Kind::Websockets17);
}

#[test]
#[ignore = "needs .ci/peers"]
fn every_endpoint_works_with_ws8() {
    every_endpoint_works(Kind::Ws8);
}
