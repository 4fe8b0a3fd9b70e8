//! The log of the debug server: its lines in text and JSON, its file, and the addresses in it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::serve::{Wire, handshake, masked};
use crate::support::serving::Serving;
use crate::support::{PATIENCE, send, wirecat};

/// Sends a GET of this target with these headers, and returns the answer.
#[track_caller]
fn get(server: &Serving, target: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// One echo of two messages.
#[track_caller]
fn echo(server: &Serving) {
    let url = server.url("/echo?token=hunter2");
    wirecat(["-d", "hi", "-d", "there", "--count", "2", &url])
        .run()
        .exits(0);
}

fn objects(lines: &str) -> Vec<Value> {
    let objects = lines.lines().map(serde_json::from_str);
    objects.map(Result::unwrap).collect()
}

#[test]
fn a_connection_is_logged_in_text_with_what_it_has_carried() {
    let server = Serving::start(&["0"]);
    echo(&server);
    let log = server.end().stderr;
    let [request, closed] = log.lines().collect::<Vec<_>>()[..] else {
        panic!("{log}");
    };
    assert!(
        request.ends_with(" GET /echo?token=[redacted] -> 101"),
        "{log}"
    );
    let (peer, closed) = closed.split_once(' ').unwrap();
    assert!(request.starts_with(peer), "{log}");
    let (how, seconds) = closed.split_once("=[redacted], ").unwrap();
    assert_eq!(how, "closed by client: 1000 (normal closure); /echo?token");
    let (seconds, carried) = seconds.split_once("s, ").unwrap();
    assert!(seconds.parse::<f64>().unwrap() < 30.0, "{log}");
    let carried_both_ways = "received 2 messages (7 bytes), sent 2 messages (7 bytes)";
    assert_eq!(carried, carried_both_ways);
}

#[test]
fn a_connection_is_logged_in_json() {
    let server = Serving::start(&["0", "--log", "json"]);
    echo(&server);
    get(&server, "/status/204", "");
    let log = server.end().stderr;
    let objects = objects(&log);
    let [request, closed, status] = &objects[..] else {
        panic!("{log}");
    };
    assert_eq!(request["event"], "request");
    assert_eq!(request["method"], "GET");
    assert_eq!(request["path"], "/echo?token=[redacted]");
    assert_eq!(request["status"], 101);
    assert_eq!(closed["event"], "closed");
    assert_eq!(closed["peer"], request["peer"]);
    assert_eq!(closed["path"], request["path"]);
    for direction in ["received", "sent"] {
        assert_eq!(closed[direction]["messages"], 2);
        assert_eq!(closed[direction]["bytes"], 7);
    }
    assert_eq!(closed["code"], 1000);
    assert_eq!(closed["by"], "client");
    assert!(closed["duration"].as_f64().unwrap() < 30.0);
    assert_eq!(status["status"], 204);
}

#[test]
fn a_reason_does_not_forge_a_line() {
    for format in ["text", "json"] {
        let server = Serving::start(&["0", "--log", format]);
        let mut wire = Wire(TcpStream::connect(server.address()).unwrap());
        wire.write(handshake("/echo"));
        wire.head();
        let reason = "\n127.0.0.1:1 GET / -> 200\u{202e}\u{1b}[2J";
        wire.write(masked(0x88, &[b"\x0f\xa0", reason.as_bytes()].concat()));
        wire.expect_close(4000, reason);
        wire.expect_end();
        drop(wire);
        let log = server.end().stderr;
        assert_eq!(log.lines().count(), 2, "{log:?}");
        assert!(log.contains("4000"), "{log:?}");
        assert!(log.contains("127.0.0.1:1 GET / -> 200"), "{log:?}");
        assert!(!log.contains(['\u{1b}', '\u{202e}']), "{log:?}");
    }
}

#[test]
fn the_address_is_the_clients_if_the_proxy_is_trusted() {
    let forwarded = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 203.0.113.9\r\n";
    for (options, line) in [
        (&["0", "--trust-proxy"][..], "203.0.113.9 GET / -> 200\n"),
        (&["0"], "127.0.0.1:"),
    ] {
        let server = Serving::start(options);
        get(&server, "/", forwarded);
        let log = server.end().stderr;
        assert!(log.starts_with(line), "{log}");
    }
    let server = Serving::start(&["0", "--trust-proxy", "--log", "json"]);
    get(&server, "/", forwarded);
    // One that says nothing, or no address, is shown itself.
    get(&server, "/", "X-Forwarded-For: 203.0.113.9, unknown\r\n");
    let log = objects(&server.end().stderr);
    assert_eq!(log[0]["peer"], "203.0.113.9");
    for proxy in [&log[0]["proxy"], &log[1]["peer"]] {
        assert!(proxy.as_str().unwrap().starts_with("127.0.0.1:"), "{proxy}");
    }
    assert_eq!(log[1].get("proxy"), None);
}

#[test]
fn a_log_file_is_private_and_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.log");
    let name = path.to_str().unwrap();
    for requests in 1..=2 {
        let server = Serving::start(&["0", "--log-file", name]);
        get(&server, "/", "");
        server.end().is_quiet();
        let log = std::fs::read_to_string(&path).unwrap();
        assert_eq!(log.matches(" GET / -> 200\n").count(), requests, "{log}");
    }
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    wirecat(["serve", "0", "--log-file", folder.path().to_str().unwrap()])
        .run()
        .exits(2)
        .complains(&["--log-file", "Is a directory"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_is_reported_once() {
    let server = Serving::start(&["0", "--log-file", "/dev/full"]);
    for _ in 0..3 {
        assert!(get(&server, "/", "").starts_with("HTTP/1.1 200"));
    }
    let stderr = server.end().stderr;
    assert_eq!(
        stderr,
        "wirecat: the log /dev/full cannot be written: no space left on device\n"
    );
}

#[track_caller]
fn await_file(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "{}", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn no_line_is_lost_or_split_when_the_log_is_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.log");
    let server = Serving::start(&["0", "--log-file", path.to_str().unwrap()]);
    let mut logs = String::new();
    let mut number = 0;
    for round in 0..5 {
        await_file(&path);
        for _ in 0..20 {
            get(&server, &format!("/status/200?{number}"), "");
            number += 1;
        }
        let old = folder.path().join(format!("serve.log.{round}"));
        std::fs::rename(&path, &old).unwrap();
        send(Signal::SIGHUP, server.child());
        // Requests go on meanwhile: each is in one of the two.
        get(&server, &format!("/status/200?{number}"), "");
        number += 1;
    }
    await_file(&path);
    server.end().is_quiet();
    for round in 0..5 {
        let old = folder.path().join(format!("serve.log.{round}"));
        logs += &std::fs::read_to_string(old).unwrap();
    }
    logs += &std::fs::read_to_string(&path).unwrap();
    let numbers = logs.lines().map(|line| {
        let (_, rest) = line.split_once(" GET /status/200?").expect(line);
        rest.strip_suffix(" -> 200").expect(line)
    });
    let expected = (0..number).map(|number: u32| number.to_string());
    assert!(numbers.eq(expected), "{logs}");
}
