//! The endpoints that answer handshakes, send, and misbehave: with wirecat's own client, and byte by
//! byte where the wire matters.

use std::io::Read as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use wirecat::internals::serve::endpoints::help;
use wirecat::internals::serve::handshake_faults::{HANDSHAKE_FAULTS, listing};

use crate::serve::{Server, Wire, handshake, header, masked, plain, upgrade};
use crate::support::server::{Serve, serve};
use crate::support::{Output, wirecat};

/// Runs the client with one message and the options.
#[track_caller]
fn run(server: &Serve, path: &str, options: &[&str]) -> Output {
    let url = server.url(path);
    let fixed = ["-1", "-d", "hello", "--connect-timeout", "20s"];
    wirecat(options.iter().copied().chain(fixed).chain([url.as_str()])).run()
}

/// The client gets its message back.
#[track_caller]
fn echoes(server: &Serve, path: &str, options: &[&str]) {
    run(server, path, options).exits(0).prints("hello\n");
}

/// What a GET says.
#[track_caller]
fn get(server: &Server, path: &str) -> (String, String) {
    server.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

fn text(payload: &str) -> Vec<u8> {
    masked(0x81, payload.as_bytes())
}

#[track_caller]
fn expect_text(wire: &mut Wire, payload: &str) {
    wire.expect(plain(0x81, payload.as_bytes()));
}

/// The status of the answer to a handshake with these lines.
#[track_caller]
fn answer(server: &Server, path: &str, lines: &str) -> (String, String) {
    let start = format!("GET {path}");
    let lines = format!("Sec-WebSocket-Version: 13\r\n{lines}");
    server.ask(&upgrade(&start, &lines))
}

#[test]
fn a_wrong_handshake_ends_wirecat_as_the_listing_says() {
    let server = serve();
    for fault in HANDSHAKE_FAULTS {
        let url = server.url(&format!("/handshake/{}", fault.name));
        let args = ["-1", "-d", "hello", "--connect-timeout", "3s", &url];
        let output = wirecat(args).run();
        let code = fault.exit as i32;
        assert_eq!(output.code(), code, "{}: {output:?}", fault.name);
    }
}

#[test]
fn the_kinds_of_wrong_handshakes_are_listed() {
    let server = Server::start();
    let (head, body) = get(&server, "/handshake");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, listing());
    let (head, body) = server.ask(&handshake("/handshake/nothing"));
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(
        HANDSHAKE_FAULTS
            .iter()
            .all(|fault| body.contains(fault.name))
    );
    let (head, _) = get(&server, "/handshake/silence");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

#[test]
fn nothing_of_an_ordinary_answer_goes_with_a_wrong_one() {
    let mut server = Server::start();
    let mut wire = server.tcp();
    wire.write(handshake("/handshake/half"));
    wire.expect("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso");
    wire.expect_end();
    let mut wire = server.tcp();
    wire.write(handshake("/handshake/reset"));
    wire.expect("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso");
    let error = wire.0.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    // One that is still going on does not hold up the end of the server.
    let mut wire = server.tcp();
    wire.write(handshake("/handshake/drip"));
    wire.expect("H");
    server.join();
    wire.expect_end();
    let lines = server.lines();
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(count("GET /handshake/half -> 101"), 1, "{lines:?}");
    assert_eq!(count("answered with the fault"), 3, "{lines:?}");
}

#[test]
fn a_handshake_may_be_answered_late() {
    let server = serve();
    let start = Instant::now();
    echoes(&server, "/delay/700ms", &[]);
    assert!(start.elapsed() >= Duration::from_millis(700));
    let url = server.url("/delay/30s");
    wirecat(["--connect-timeout", "300ms", &url])
        .run()
        .exits(28);
}

#[test]
fn a_slow_line_takes_its_time_both_ways() {
    let server = Server::start();
    let mut wire = server.open("/slow?rate=4000");
    let start = Instant::now();
    let payload = "x".repeat(2000);
    wire.write(text(&payload));
    expect_text(&mut wire, &payload);
    // Half a second there, and half a second back.
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    let server = serve();
    echoes(&server, "/slow?rate=500", &[]);
}

#[test]
fn messages_come_in_a_stream_or_at_once() {
    let server = serve();
    let prints = |path: &str, expected: &str| {
        wirecat([server.url(path)]).run().exits(0).prints(expected);
    };
    prints(
        "/stream?rate=100&count=2&size=12",
        "message 1 xx\nmessage 2 xx\n",
    );
    prints(
        "/burst?count=2&size=20&kind=json",
        "{\"n\":1,\"data\":\"xxx\"}\n{\"n\":2,\"data\":\"xxx\"}\n",
    );
    let burst = wirecat([server.url("/burst?count=5000&size=1000")]).run();
    assert_eq!(burst.stdout.len(), 5000 * 1001);
    let url = server.url("/burst?count=3&size=9&kind=binary");
    let binary = wirecat(["--format", "raw", &url]).run();
    assert_eq!(binary.stdout.len(), 27);

    let server = Server::start();
    let mut wire = server.open("/burst?count=1&size=9&then=echo");
    expect_text(&mut wire, "message 1");
    wire.write(text("hello"));
    expect_text(&mut wire, "hello");
}

#[test]
fn binary_messages_come_from_the_seed() {
    let bytes = |seed| {
        let server = Server::start_with(wirecat::internals::serve::Options {
            seed: Some(seed),
            ..Default::default()
        });
        server.open("/burst?count=1&size=100&kind=binary").take(102)
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn redirects_lead_to_an_echo_a_loop_or_another_port() {
    let (server, other) = (serve(), serve());
    echoes(&server, "/redirect/3?status=307", &["-L"]);
    let to: String = url_encoded(&other.url("/echo?upper"));
    let output = run(&server, &format!("/redirect/2?to={to}"), &["-L"]);
    output.exits(0).prints("HELLO\n");
    run(&server, "/redirect/1?to=loop", &["-L"]).exits(47);
    run(&server, "/redirect/1", &[]).exits(22);
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn a_token_is_taken_in_its_place_only() {
    let server = serve();
    let bearer = "Authorization: Bearer secret";
    echoes(&server, "/auth/header", &["-H", bearer]);
    echoes(&server, "/auth/query?token=secret", &[]);
    echoes(&server, "/auth/basic?user=xy", &["-u", "xy:secret"]);
    echoes(&server, "/auth/subprotocol", &["--subprotocol", "secret"]);
    let token = r#"{"event":"token","data":"secret"}"#;
    echoes(&server, "/auth/message", &["-d", token]);
    for (path, options) in [
        ("/auth/header", &[][..]),
        ("/auth/header?token=other", &["-H", bearer]),
        ("/auth/query?token=x", &[]),
        ("/auth/basic", &["-H", bearer]),
        ("/auth/subprotocol", &["--subprotocol", "x"]),
    ] {
        run(&server, path, options).exits(22);
    }
    let output = run(&server, "/auth/message", &[]);
    output
        .exits(111)
        .complains(&["1011", "authentication failed"]);
    let log = Server::start();
    log.ask(&handshake("/auth/query?token=hunter2"));
    let lines = log.lines().join("\n");
    assert!(
        lines.contains("403") && !lines.contains("hunter2"),
        "{lines}"
    );
}

#[test]
fn a_subprotocol_is_picked_as_asked() {
    let server = serve();
    let offers = ["--subprotocol", "a", "--subprotocol", "b"];
    let wire = Server::start();
    let offered = "Sec-WebSocket-Protocol: a, b\r\n";
    for (query, picked) in [
        ("", Some("a")),
        ("?pick=b", Some("b")),
        ("?pick=none", None),
    ] {
        let path = format!("/subprotocol{query}");
        echoes(&server, &path, &offers);
        let (head, _) = answer(&wire, &path, offered);
        assert_eq!(header(&head, "sec-websocket-protocol"), picked);
    }
    run(&server, "/subprotocol?pick=wrong", &offers).exits(8);
    run(&server, "/subprotocol?pick=c", &offers).exits(22);
}

#[test]
fn a_request_is_said_back() {
    let server = serve();
    let output = run(
        &server,
        "/headers?x=1",
        &["-H", "X-Test: a", "-H", "X-Test: b"],
    );
    let received: Value = serde_json::from_slice(&output.exits(0).stdout).unwrap();
    assert_eq!(received["target"], "/headers?x=1");
    assert_eq!(received["headers"]["x-test"], serde_json::json!(["a", "b"]));
    assert_eq!(received["headers"]["upgrade"], "websocket");
    let server = Server::start();
    let (head, body) = get(&server, "/headers");
    assert_eq!(header(&head, "content-type"), Some("application/json"));
    let received: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(received["method"], "GET");
}

#[test]
fn cookies_are_set() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let jar = folder.path().join("jar");
    let jar = jar.to_str().unwrap();
    echoes(&server, "/cookies/set?a=b&c=d", &["-c", jar]);
    let output = run(&server, "/headers", &["-b", jar]);
    let received: Value = serde_json::from_slice(&output.exits(0).stdout).unwrap();
    let cookie = received["headers"]["cookie"].as_str().unwrap();
    assert!(cookie.contains("a=b") && cookie.contains("c=d"), "{cookie}");
    let server = Server::start();
    let (head, _) = get(&server, "/cookies/set?a=b");
    assert_eq!(header(&head, "set-cookie"), Some("a=b; Path=/"));
}

#[test]
fn pings_are_sent_and_not_answered() {
    let server = Server::start();
    let mut wire = server.open("/ping?interval=50ms");
    wire.expect(plain(0x89, b"1"));
    wire.write(text("hello"));
    wire.expect(plain(0x81, b"hello"));
    wire.expect(plain(0x89, b"2"));
    let mut wire = server.open("/nopong");
    wire.write([masked(0x89, b"?"), text("hello")].concat());
    expect_text(&mut wire, "hello");
    wire.write(masked(0x88, b"\x03\xe8"));
    wire.expect_close(1000, "");
    wire.expect_end();

    let server = serve();
    echoes(&server, "/ping?interval=10ms", &[]);
    let url = server.url("/nopong");
    let options = ["--ping-interval", "200ms", "--ping-timeout", "300ms", &url];
    let mut child = wirecat(options).spawn();
    let stdin = child.stdin.take();
    crate::support::output(child).exits(28);
    drop(stdin);
}

#[test]
fn a_close_may_stay_without_an_answer() {
    let server = Server::start();
    let mut wire = server.open("/noclose?for=400ms");
    let start = Instant::now();
    wire.write([text("hello"), masked(0x88, b"\x03\xe8")].concat());
    expect_text(&mut wire, "hello");
    wire.expect_end();
    assert!(start.elapsed() >= Duration::from_millis(400));
    let server = serve();
    let start = Instant::now();
    echoes(&server, "/noclose", &["--close-timeout", "300ms"]);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn compression_is_as_asked() {
    let server = serve();
    echoes(
        &server,
        "/compress?server-window-bits=9&client-window-bits=9&level=9",
        &[],
    );
    echoes(
        &server,
        "/compress?server-no-context&client-no-context",
        &[],
    );
    echoes(&server, "/compress?force&client-window-bits=10", &[]);
    run(&server, "/compress", &["--no-compress"]).exits(22);
    run(&server, "/compress?force", &["--no-compress"]).exits(8);
    let server = Server::start();
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let said = |query: &str, offer: &str| {
        let (head, _) = answer(&server, &format!("/compress?{query}"), offer);
        let status = head["HTTP/1.1 ".len()..][..3].to_owned();
        let said = header(&head, "sec-websocket-extensions").unwrap_or_default();
        (status, said.to_owned())
    };
    let accepted = |said: &str| ("101".to_owned(), said.to_owned());
    let refused = ("400".to_owned(), String::new());
    assert_eq!(
        said("server-window-bits=9", offer),
        accepted("permessage-deflate; server_max_window_bits=9")
    );
    assert_eq!(said("client-window-bits=9", offer), refused);
    assert_eq!(
        said("client-window-bits=9&force", offer),
        accepted("permessage-deflate; client_max_window_bits=9")
    );
    assert_eq!(said("", ""), refused);
    assert_eq!(said("force", ""), accepted("permessage-deflate"));
}

#[test]
fn an_echo_may_be_in_capitals() {
    let server = serve();
    let output = run(&server, "/echo?upper&delay=10ms", &[]);
    output.exits(0).prints("HELLO\n");
}

#[test]
fn a_chat_reaches_everyone_else() {
    let server = Server::start();
    let mut one = server.open("/chat");
    let mut two = server.open("/chat?echo");
    two.write(text("I am here"));
    expect_text(&mut two, "I am here");
    expect_text(&mut one, "I am here");
    one.write(text("hello"));
    expect_text(&mut two, "hello");
    one.write(masked(0x82, &[0; 70_000]));
    one.expect_close(1009, "a message here has at most 64 KiB");
    one.answer_close();
}

#[test]
fn a_chat_does_not_wait_for_a_client_that_does_not_read() {
    let server = Server::start();
    let mut slow = server.open("/chat");
    let mut other = server.open("/chat");
    other.write(text("is it there?"));
    expect_text(&mut slow, "is it there?");
    let message = masked(0x82, &[7; 60_000]);
    for _ in 0..1000 {
        other.write(&message);
    }
    other.write(masked(0x89, b"done"));
    other.expect(plain(0x8a, b"done"));
    let mut received = Vec::new();
    slow.0.read_to_end(&mut received).unwrap();
    let reason = b"too many messages wait for this client";
    let close = plain(0x88, &[b"\x03\xf5", &reason[..]].concat());
    assert!(received.ends_with(&close) && received.len() < 59_000_000);
}

#[test]
fn the_endpoints_are_listed_for_programs() {
    let server = Server::start();
    let (head, body) = get(&server, "/endpoints");
    assert_eq!(header(&head, "content-type"), Some("application/json"));
    let listing: Value = serde_json::from_str(&body).unwrap();
    let endpoints = listing["endpoints"].as_array().unwrap();
    let echo = endpoints.iter().find(|it| it["path"] == "/echo").unwrap();
    assert_eq!(echo["parameters"][0]["name"], "delay");
    assert_eq!(echo["group"], "Ordinary");
}

#[test]
fn an_unknown_path_is_answered_with_the_nearest() {
    let server = Server::start();
    let (_, body) = server.ask(&handshake("/ehco?token=x"));
    let start = "There is no such endpoint. Did you mean /echo? The endpoints are:\n\n/echo  /chat";
    assert!(body.starts_with(start), "{body}");
}

#[test]
fn the_documentation_has_the_list_of_endpoints() {
    let page = include_str!("../docs/debug-server.md");
    assert!(page.contains(&help()), "{}", help());
}
