//! Servers that answer the handshake with a refusal, with nonsense, or not at all.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::server::{Wire, raw, serve};
use crate::support::{Output, wirecat};

/// A server that reads the request and then does `answer`.
#[track_caller]
fn answered(options: &[&str], answer: impl FnOnce(Wire) + Send + 'static) -> Output {
    let server = raw(move |mut wire| {
        wire.request();
        answer(wire);
    });
    let output = wirecat([options, &[&server.url("/")]].concat()).run();
    server.result();
    output
}

/// Waits until the program has gone, so that nothing is lost in a reset.
fn until_gone(wire: &mut Wire) {
    let _ = std::io::copy(&mut wire.0, &mut std::io::sink());
}

#[track_caller]
fn fails_with_8(answer: impl AsRef<[u8]> + Send + 'static, complaint: &str) {
    let output = answered(&[], move |mut wire| {
        wire.send(answer);
        let _ = wire.0.shutdown(std::net::Shutdown::Write);
        until_gone(&mut wire);
    });
    output.exits(8).prints("");
    assert_eq!(output.stderr, format!("wirecat: {complaint}"));
}

#[test]
fn a_response_that_is_not_http_is_quoted() {
    let not_http = |said: &str| {
        format!(
            "the server's answer is not HTTP/1.1\n  it said: {said}\n  try: check the port: this may be another service\n"
        )
    };
    fails_with_8(
        "SSH-2.0-OpenSSH_9.6\r\nmore",
        &not_http("SSH-2.0-OpenSSH_9.6"),
    );
    fails_with_8("x".repeat(1000), &not_http(&"x".repeat(200)));
    fails_with_8("HTTP/1.1 abc\r\n\r\n", &not_http("HTTP/1.1 abc"));
    fails_with_8("\u{1b}]0;x\u{7}\r\n", &not_http("\u{1b}]0;x\u{7}"));
    fails_with_8(
        b"\x15\x03\x01\x00\x02\x02\x46",
        "the server's answer is not HTTP/1.1\n  it answered with a TLS alert\n  try: wss:// instead of ws://\n",
    );
}

#[test]
fn a_server_that_speaks_first_is_quoted_too() {
    let server = raw(|mut wire| {
        wire.send("220 mail.example ESMTP\r\n");
        until_gone(&mut wire);
    });
    wirecat([server.url("/")]).run().exits(8).prints("").complains(&[
        "  it said: 220 mail.example ESMTP\n  try: check the port: this may be another service\n",
    ]);
}

#[test]
fn an_answer_that_breaks_off() {
    fails_with_8(
        "",
        "the server closed the connection without answering the handshake\n  try: check the port, and whether the server expects TLS (wss://)\n",
    );
    let cut = answered(&[], |mut wire| wire.send("HTTP/1.1 101 Switching Pro"));
    cut.exits(8)
        .complains(&["wirecat: the connection broke during the handshake"]);
    let reset = answered(&[], Wire::reset);
    reset
        .exits(8)
        .complains(&["wirecat: the connection broke during the handshake: "]);
}

#[test]
fn a_head_above_64_kib_is_refused() {
    for line in [
        "X-A: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
        "x",
    ] {
        let output = answered(&[], move |mut wire| {
            wire.send("HTTP/1.1 101 Switching Protocols\r\nX-A: ");
            let block = line.repeat(1000);
            while wire.0.write_all(block.as_bytes()).is_ok() {}
        });
        output.exits(8).prints("");
        assert_eq!(
            output.stderr,
            "wirecat: the server sent more than 256 headers or 64 KiB of them\n"
        );
    }
}

#[test]
fn more_than_256_headers_are_refused_as_such() {
    let many = "X-A: 1\r\n".repeat(257);
    fails_with_8(
        format!("HTTP/1.1 101 Switching Protocols\r\n{many}\r\n"),
        "the server sent more than 256 headers or 64 KiB of them\n",
    );
}

/// An answer with its body, after which the server keeps the connection open.
fn refuses(options: &[&str], answer: impl AsRef<[u8]> + Send + 'static) -> Output {
    answered(options, move |mut wire| {
        wire.send(answer);
        until_gone(&mut wire);
    })
}

#[test]
fn a_refusal_is_exit_22_and_shows_its_explanation() {
    for (answer, stderr) in [
        (
            "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\"\r\nWWW-Authenticate: Basic\r\nX-Other: y\r\nContent-Length: 9\r\n\r\nno\nentry\n",
            "401 Unauthorized\n  www-authenticate: Bearer realm=\"x\"\n  www-authenticate: Basic\n  | no\n  | entry\n  try: --token SOURCE or -u USER sends credentials\n",
        ),
        (
            "302 Found\r\nLocation: ws://elsewhere/\r\nContent-Length: 0\r\n\r\n",
            "302 Found\n  location: ws://elsewhere/\n  try: connect to the Location above, or -L follows it\n",
        ),
        (
            "503 Busy Now\r\nRetry-After: 120\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "503 Busy Now\n  retry-after: 120\n  | hello\n  try: try again later\n",
        ),
        (
            "426 Upgrade Required\r\nSec-WebSocket-Version: 14\r\nContent-Length: 0\r\n\r\n",
            "426 Upgrade Required\n  sec-websocket-version: 14\n  try: the server requires another protocol or version; -v shows its answer\n",
        ),
        ("418 \r\nContent-Length: 0\r\n\r\n", "418\n"),
        (
            "200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "200 OK\n  | hi\n  try: this is a web page, not a WebSocket endpoint: check the path\n",
        ),
    ] {
        let output = refuses(&[], format!("HTTP/1.1 {answer}"));
        output.exits(22).prints("");
        let expected = format!("wirecat: the server refused the handshake: HTTP {stderr}");
        assert_eq!(output.stderr, expected);
    }
}

#[test]
fn the_debug_servers_refusals() {
    let server = serve();
    for status in [200, 301, 400, 401, 403, 404, 407, 429, 500, 503, 599] {
        let words = format!("the server refused the handshake: HTTP {status}");
        wirecat([server.url(&format!("/status/{status}"))])
            .run()
            .exits(22)
            .prints("")
            .complains(&[&words]);
    }
}

#[test]
fn at_most_4_kib_of_a_body_are_shown() {
    for (size, cut) in [(4096, false), (4097, true), (100_000, true)] {
        let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {size}\r\n\r\n");
        let output = refuses(&[], head + &"b".repeat(size));
        let shown = format!("\n  | {}\n", "b".repeat(4096));
        output.exits(22).complains(&[&shown]);
        assert_eq!(output.stderr.contains("| … (more was sent)"), cut, "{size}");
    }
}

#[test]
fn a_body_that_does_not_end_is_not_waited_for() {
    let start = Instant::now();
    let endless = answered(&[], |mut wire| {
        wire.send("HTTP/1.1 403 Forbidden\r\n\r\n");
        while wire.0.write_all(&[b'e'; 1000]).is_ok() {}
    });
    endless
        .exits(22)
        .complains(&["HTTP 403 Forbidden\n  | eee", "(more was sent)"]);
    let stalled = refuses(
        &[],
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nthe start",
    );
    stalled
        .exits(22)
        .complains(&["HTTP 403 Forbidden\n  | the start\n"]);
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "10s is the default of --connect-timeout"
    );
}

#[test]
fn a_stalled_body_does_not_turn_the_refusal_into_a_timeout() {
    let output = refuses(
        &["--connect-timeout", "2s"],
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nthe start",
    );
    output
        .exits(22)
        .complains(&["HTTP 403 Forbidden\n  | the start\n"]);
}

#[test]
fn a_refusal_is_an_event_with_headers_and_body() {
    let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nSet-Cookie: s=1\r\nContent-Length: 4\r\n\r\nno\"\n";
    let output = refuses(&["--json"], answer);
    output.exits(22);
    let stdout = output.stdout_text();
    let events: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["header", "connecting", "refused", "error", "end"]);
    let mut refused = events[2].clone();
    assert!(refused["t"].take().as_f64().is_some());
    assert_eq!(
        refused.to_string(),
        r#"{"type":"refused","t":null,"attempt":1,"status":401,"headers":[["www-authenticate","Bearer"],["set-cookie","[redacted]"],["content-length","4"]],"body":"no\"\n"}"#
    );
    assert_eq!(
        (&events[3]["stage"], &events[3]["exit"]),
        (&"handshake".into(), &22.into())
    );
    assert_eq!(events[4]["exit"], 22);
}
