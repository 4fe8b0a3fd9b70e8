//! The endpoints against clients that others wrote: Python `websockets` and node's `ws`.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wirecat::internals::serve::handshake_faults::HANDSHAKE_FAULTS;

use crate::peers::Kind;
use crate::support::output_within;
use crate::support::server::{Serve, serve};

/// Longer than any run here takes on a busy machine; what passes it hangs.
const HANGS: Duration = Duration::from_secs(240);

/// Each test once per peer, so that a failure names the peer.
macro_rules! with_every_peer {
    ($($test:ident),* $(,)?) => { $(mod $test {
        use super::Kind;

        #[test]
        #[ignore = "needs .ci/peers"]
        fn websockets17() {
            super::$test(Kind::Websockets17);
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn ws8() {
            super::$test(Kind::Ws8);
        }
    })* };
}

with_every_peer!(
    endpoints_do_what_they_say,
    wrong_handshakes_are_errors,
    refusals_have_their_status,
    a_chat_reaches_others,
);

/// What the peer makes of these jobs.
#[track_caller]
pub(crate) fn reports(kind: Kind, jobs: &[Value]) -> Vec<Value> {
    let mut child = kind
        .script("endpoints")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the peer starts; run .ci/peers first");
    let input = serde_json::to_vec(jobs).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&input).unwrap();
    drop(stdin);
    let output = output_within(HANGS, child);
    output.exits(0);
    let text = output.stdout_text();
    let reports: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reports.len(), jobs.len());
    reports
}

/// What it makes of one.
#[track_caller]
fn report(kind: Kind, server: &Serve, path: &str, more: Value) -> Value {
    let mut job = more;
    job["url"] = server.url(path).into();
    let report = reports(kind, &[job]).remove(0);
    assert_eq!(report["opened"], true, "{path}: {report}");
    report
}

fn endpoints_do_what_they_say(kind: Kind) {
    let server = serve();
    let hello = json!({"send": ["hello"], "receive": 1});
    let echo = |path: &str| {
        let report = report(kind, &server, path, hello.clone());
        assert_eq!(report["messages"], json!(["hello"]), "{path}: {report}");
        assert_eq!(report["code"], 1000, "{path}: {report}");
        report
    };
    let start = Instant::now();
    echo("/delay/300ms");
    assert!(start.elapsed() >= Duration::from_millis(300));
    echo("/slow?rate=2000");
    echo("/redirect/3");
    let cookies = echo("/cookies/set?a=b");
    assert_eq!(cookies["cookies"], json!(["a=b; Path=/"]));
    echo("/auth/query?token=secret");
    echo("/compress?server-window-bits=10&client-no-context&level=9");

    let upper = report(kind, &server, "/echo?upper", hello.clone());
    assert_eq!(upper["messages"], json!(["HELLO"]));
    let three = json!({"receive": 3});
    let stream = report(
        kind,
        &server,
        "/stream?rate=50&count=3&size=10&kind=json",
        three.clone(),
    );
    let json_messages = json!([
        r#"{"n":1,"data":""}"#,
        r#"{"n":2,"data":""}"#,
        r#"{"n":3,"data":""}"#
    ]);
    assert_eq!(stream["messages"], json_messages);
    let burst = report(
        kind,
        &server,
        "/burst?count=3&size=70000&kind=binary",
        three,
    );
    assert_eq!(
        burst["messages"],
        json!(["binary 70000", "binary 70000", "binary 70000"])
    );
    let picked = report(
        kind,
        &server,
        "/subprotocol?pick=b",
        json!({"protocols": ["a", "b"]}),
    );
    assert_eq!(picked["subprotocol"], "b");
    let headers = report(
        kind,
        &server,
        "/headers",
        json!({"receive": 1, "headers": {"X-Test": "1"}}),
    );
    let first: Value = serde_json::from_str(headers["messages"][0].as_str().unwrap()).unwrap();
    assert_eq!(first["headers"]["x-test"], "1");
    let ping = report(
        kind,
        &server,
        "/ping?interval=50ms",
        json!({"send": ["x"], "receive": 1, "ping": true}),
    );
    assert_eq!(ping["pong"], true);
    if matches!(kind, Kind::Ws8) {
        assert!(ping["pings"].as_u64().unwrap() > 3, "{ping}");
    }
    let silent = report(kind, &server, "/nopong", json!({"ping": true}));
    assert_eq!(silent["pong"], false);
    let close = report(kind, &server, "/noclose", json!({}));
    assert_eq!(close["code"], 1006);
    let bearer = json!({"headers": {"Authorization": "Bearer secret"}});
    report(kind, &server, "/auth/header", bearer);
    let basic = json!({"headers": {"Authorization": "Basic eHk6c2VjcmV0"}});
    report(kind, &server, "/auth/basic?user=xy", basic);
    report(
        kind,
        &server,
        "/auth/subprotocol",
        json!({"protocols": ["secret"]}),
    );
    let token = r#"{"event":"token","data":"secret"}"#;
    let message = json!({"send": [token, "hello"], "receive": 1});
    let message = report(kind, &server, "/auth/message", message);
    assert_eq!(message["messages"], json!(["hello"]));
}

/// None of them is taken for a good one, and none makes the client hang.
fn wrong_handshakes_are_errors(kind: Kind) {
    let server = serve();
    let job = |name: &str| {
        let url = server.url(&format!("/handshake/{name}"));
        json!({"url": url, "receive": 2, "timeout": 2})
    };
    let jobs: Vec<Value> = HANDSHAKE_FAULTS
        .iter()
        .map(|fault| job(fault.name))
        .collect();
    for (fault, report) in HANDSHAKE_FAULTS.iter().zip(reports(kind, &jobs)) {
        assert!(report["error"].is_string(), "{}: {report}", fault.name);
        // `ws` does not look at the version of HTTP.
        if !(matches!(kind, Kind::Ws8) && fault.name == "http10") {
            assert_eq!(report["messages"], json!([]), "{}: {report}", fault.name);
        }
    }
}

fn refusals_have_their_status(kind: Kind) {
    let server = serve();
    let cases = [
        ("/auth/header", 401),
        ("/auth/query?token=other", 403),
        ("/auth/basic", 401),
        ("/subprotocol?pick=b", 400),
        ("/nowhere", 404),
    ];
    let job = |(path, _)| json!({"url": server.url(path), "timeout": 5});
    let jobs: Vec<Value> = cases.iter().copied().map(job).collect();
    for ((path, status), report) in cases.iter().zip(reports(kind, &jobs)) {
        assert_eq!(report["status"], *status, "{path}: {report}");
    }
    let wrong = json!({"url": server.url("/subprotocol?pick=wrong"), "protocols": ["a"]});
    let forced = json!({"url": server.url("/compress?force&server-window-bits=7"), "timeout": 5});
    for report in reports(kind, &[wrong, forced]) {
        assert_eq!(report["opened"], false, "{report}");
    }
}

/// The peer talks to wirecat.
fn a_chat_reaches_others(kind: Kind) {
    let server = serve();
    let url = server.url("/chat");
    let wirecat = crate::support::wirecat(["-1", &url]).spawn();
    // It may send before the other is there, so it repeats itself until it is told to stop.
    let mut attempts = 0;
    let job = json!({"url": url, "send": ["hello"]});
    let mut child = wirecat;
    while child.try_wait().unwrap().is_none() {
        attempts += 1;
        assert!(attempts < 100, "the message never arrives");
        reports(kind, std::slice::from_ref(&job));
    }
    let output = crate::support::output(child);
    output.exits(0).prints("hello\n");
}
