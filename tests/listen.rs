//! `wirecat listen` in a pipe: the server's side, played by a script. The clients are our own, raw ones
//! that send exactly the bytes a test wants, and those of others.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::peers::Kind;
use crate::support::{Output, PATIENCE, output, send, wirecat};

/// `wirecat listen` on a free port.
pub(crate) struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

/// Starts it; its stdin stays open.
pub(crate) fn listen(options: &[&str]) -> Listening {
    let args = [&["listen", "127.0.0.1:0"], options].concat();
    let mut child = wirecat(args).spawn();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ws://");
    let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
    Listening {
        child,
        stderr,
        address,
    }
}

impl Listening {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Writes all of its input.
    pub(crate) fn input(&mut self, lines: &str) {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).unwrap();
    }

    /// What it has left behind in the end.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Output {
        drop(self.child.stdin.take());
        let mut ended = output(self.child);
        self.stderr.read_to_string(&mut ended.stderr).unwrap();
        ended
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A raw client after its handshake.
    fn client(&self) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(HANDSHAKE.as_bytes()).unwrap();
        let head = head_of(&mut stream);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        stream
    }
}

pub(crate) const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The head of a response, byte by byte, so that what follows stays in the stream.
pub(crate) fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A short frame as a client sends it, with a key of zeros.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![
        first,
        0x80 | u8::try_from(payload.len()).unwrap(),
        0,
        0,
        0,
        0,
    ];
    frame.extend_from_slice(payload);
    frame
}

/// The first byte and the payload of a short frame of a server, which is not masked.
pub(crate) fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    assert!(header[1] < 126, "{header:?}");
    let mut payload = vec![0; header[1].into()];
    stream.read_exact(&mut payload).unwrap();
    (header[0], payload)
}

#[test]
fn a_client_is_answered_until_the_condition_is_met() {
    let mut server = listen(&["--until", r#".op=="bye""#]);
    server.input("{\"op\":\"welcome\"}\n");
    // It waits for the answer before it says goodbye.
    let messages = [
        "--lockstep",
        "-d",
        r#"{"op":"hi"}"#,
        "-d",
        r#"{"op":"bye"}"#,
    ];
    let client = wirecat(messages).arg(&server.url("/chat")).run();
    client.exits(0).prints("{\"op\":\"welcome\"}\n");
    let ended = server.ends();
    ended.exits(0).prints("{\"op\":\"hi\"}\n{\"op\":\"bye\"}\n");
    ended.is_quiet();
}

#[test]
fn the_events_tell_of_the_request_without_its_secrets() {
    let server = listen(&["--json", "--count", "1"]);
    let client = wirecat(["-d", "hi", "--oauth2-bearer", "s3cret-bearer"]);
    client
        .arg(&server.url("/a?token=s3cret-query"))
        .run()
        .exits(0);
    let ended = server.ends();
    ended.exits(0);
    let events = ended.stdout_text();
    assert!(!events.contains("s3cret"), "{events}");
    let events: Vec<serde_json::Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<&str> = events
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["header", "listening", "open", "receive", "close", "end"]
    );
    let open = &events[2];
    assert_eq!(open["method"], "GET");
    assert_eq!(open["target"], "/a?token=[redacted]");
    assert_eq!(open["conn"], 1);
    let agent = serde_json::json!(["user-agent", concat!("wirecat/", env!("CARGO_PKG_VERSION"))]);
    let headers = open["headers"].as_array().unwrap();
    assert!(headers.contains(&agent), "{open}");
    assert_eq!(events[4]["by"], "us");
}

#[test]
fn how_the_client_ends_is_the_exit_code() {
    for (bytes, exit, words) in [
        (masked(0x88, &[0x0f, 0xa1]), 112, "closed by client: 4001"),
        (masked(0x88, &[0x03, 0xea]), 111, "closed by client: 1002"),
        (masked(0x88, &[0x03, 0xe8]), 0, ""),
        // Not masked.
        (vec![0x81, 1, b'x'], 110, "the client broke the protocol"),
        (
            vec![0x81],
            56,
            "the client ended the TCP connection within a frame",
        ),
    ] {
        let server = listen(&[]);
        let mut client = server.client();
        client.write_all(&bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
        let ended = server.ends();
        ended.exits(exit).complains(&[words]);
    }
}

#[test]
fn a_condition_that_is_not_met_is_a_failure() {
    let server = listen(&["--count", "2"]);
    let mut client = server.client();
    client.write_all(&masked(0x81, b"one")).unwrap();
    client.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    server.ends().exits(1).prints("one\n");
}

#[test]
fn a_condition_is_waited_for_after_the_end_of_the_input() {
    let mut server = listen(&["--count", "1"]);
    server.input("welcome\n");
    let mut client = server.client();
    assert_eq!(frame(&mut client), (0x81, b"welcome".to_vec()));
    // Longer than `--idle` by default.
    client
        .set_read_timeout(Some(Duration::from_millis(2500)))
        .unwrap();
    let silence = client.read(&mut [0]).unwrap_err();
    let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    assert!(waits.contains(&silence.kind()), "{silence}");
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(&masked(0x81, b"done")).unwrap();
    assert_eq!(frame(&mut client), (0x88, vec![0x03, 0xe8]));
    client.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    drop(client);
    server.ends().exits(0).prints("done\n");
    let mut server = listen(&["--count", "1", "--idle", "0.1"]);
    server.input("");
    wirecat(["--on-eof", "stay", &server.url("/")])
        .run()
        .exits(0);
    server.ends().exits(1);
}

#[test]
fn frames_are_not_masked_unless_that_is_asked_for() {
    let mut server = listen(&["--frame", "events"]);
    let events = [
        r#"{"type":"send","data":"a"}"#,
        r#"{"type":"frame","opcode":2,"data":"b"}"#,
        r#"{"type":"frame","opcode":2,"mask":"00000000","data":"c"}"#,
    ];
    server.input(&(events.join("\n") + "\n"));
    let mut client = server.client();
    let mut bytes = [0; 3 + 3 + 7];
    client.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"\x81\x01a\x82\x01b\x82\x81\0\0\0\0c");
    client.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    server.ends().exits(0);
}

#[test]
fn the_server_ends_the_tcp_connection_first() {
    let server = listen(&["-d", "x", "--on-eof", "close"]);
    let mut client = server.client();
    assert_eq!(frame(&mut client), (0x81, b"x".to_vec()));
    assert_eq!(frame(&mut client), (0x88, vec![0x03, 0xe8]));
    client.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    drop(client);
    server.ends().exits(0);
}

#[test]
fn a_second_client_is_told_that_there_is_one() {
    let server = listen(&[]);
    let mut first = server.client();
    let second = wirecat(["-d", "x", &server.url("/")]).run();
    second.exits(22).complains(&["503", "retry-after: 1"]);
    first.write_all(&masked(0x81, b"still here")).unwrap();
    first.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    first.read_to_end(&mut Vec::new()).unwrap();
    server.ends().exits(0).prints("still here\n");
}

#[test]
fn several_clients_come_one_after_another() {
    let server = listen(&["--clients", "2", "--json"]);
    let mut first = server.client();
    let mut second = server.connect();
    second.write_all(HANDSHAKE.as_bytes()).unwrap();
    second
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert!(second.read(&mut [0]).is_err(), "it is not its turn yet");
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    first.write_all(&masked(0x81, b"one")).unwrap();
    first.write_all(&masked(0x88, &[0x0f, 0xa1])).unwrap();
    first.read_to_end(&mut Vec::new()).unwrap();
    drop(first);
    assert!(head_of(&mut second).starts_with("HTTP/1.1 101 "));
    second.write_all(&masked(0x81, b"two")).unwrap();
    second.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    second.read_to_end(&mut Vec::new()).unwrap();
    let ended = server.ends();
    // The first one did not end well.
    ended.exits(112);
    let received = |conn: u32, data: &str| {
        let event = format!(r#""conn":{conn},"opcode":1,"data":"{data}""#);
        assert!(ended.stdout_text().contains(&event), "{ended:?}");
    };
    received(1, "one");
    received(2, "two");
}

#[test]
fn half_a_handshake_holds_nobody_up() {
    let server = listen(&["--count", "1"]);
    let halves: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut half = server.connect();
            half.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
            half
        })
        .collect();
    let mut garbage = server.connect();
    garbage
        .write_all(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        .unwrap();
    wirecat(["-d", "x", &server.url("/")]).run().exits(0);
    server.ends().exits(0).prints("x\n");
    drop(halves);
}

#[test]
fn the_subprotocol_is_picked_in_our_order() {
    let server = listen(&["--subprotocol", "v2", "--subprotocol", "v1", "--count", "1"]);
    let offers = [
        "--json",
        "--subprotocol",
        "v1",
        "--subprotocol",
        "v2",
        "-d",
        "x",
    ];
    let client = wirecat(offers).arg(&server.url("/")).run();
    let events = client.exits(0).stdout_text();
    assert!(events.contains(r#""subprotocol":"v2""#), "{events}");
    server.ends().exits(0);
}

#[test]
fn every_handshake_is_refused_with_the_status() {
    let mut server = listen(&["--status", "403"]);
    wirecat(["-d", "x", &server.url("/")])
        .run()
        .exits(22)
        .complains(&["403"]);
    server.child.kill().unwrap();
    let ended = server.ends();
    ended.complains(&["GET / was answered with 403"]);
}

#[test]
fn pages_of_other_origins_and_names_of_others_are_refused() {
    let mut server = listen(&[]);
    let page = ["--origin", "https://evil.example", "-d", "x"];
    let refused = wirecat(page).arg(&server.url("/")).run();
    let words = r#"Pages of "https://evil.example" may not use this server"#;
    refused.exits(22).complains(&["403", words]);
    let rebound = ["-H", "Host: rebound.example", "-d", "x"];
    let refused = wirecat(rebound).arg(&server.url("/")).run();
    refused
        .exits(22)
        .complains(&["403", "--host-name rebound.example"]);
    server.child.kill().unwrap();
    let ended = server.ends();
    ended.complains(&[
        "403 Forbidden: pages of \"https://evil.example\" are not allowed (--origin)",
        "403 Forbidden: the Host \"rebound.example\" is not ours (--host-name)",
    ]);
    for (option, value, args) in [
        ("--origin", "https://evil.example", page),
        ("--host-name", "rebound.example", rebound),
    ] {
        let server = listen(&["--count", "1", option, value]);
        wirecat(args).arg(&server.url("/")).run().exits(0);
        server.ends().exits(0);
    }
}

#[test]
fn a_page_finds_out_whether_the_server_is_there() {
    let server = listen(&["--origin", "https://app.example"]);
    let ask = |request: &str| {
        let mut stream = server.connect();
        let headers = "Host: localhost\r\nOrigin: https://app.example\r\n";
        write!(stream, "{request} HTTP/1.1\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let allowed = "Access-Control-Allow-Origin: https://app.example\r\n";
    let health = ask("GET /health");
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    assert!(health.contains(allowed), "{health}");
    assert!(health.ends_with("\r\n\r\nok\n"), "{health}");
    let head = ask("HEAD /ready");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let preflight = ask("OPTIONS /health HTTP/1.1\r\nAccess-Control-Request-Method: GET\r\nX:");
    assert!(preflight.starts_with("HTTP/1.1 204 "), "{preflight}");
    assert!(preflight.contains(allowed), "{preflight}");
    let mut client = server.client();
    let ready = ask("GET /ready");
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    client.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    server.ends().exits(0).is_quiet();
}

#[test]
fn a_client_comes_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let args = ["--self-signed", "--ca-file", ca, "--count", "1"];
    let mut child = wirecat([&["listen", "127.0.0.1:0"], &args[..]].concat()).spawn();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        stderr.read_line(line).unwrap();
    }
    let [advice, listening] = &lines;
    assert!(advice.contains("--cacert"), "{advice}");
    let url = listening.trim_end().strip_prefix("listening on ").unwrap();
    assert!(url.starts_with("wss://127.0.0.1:"), "{url}");
    // What speaks no TLS is named, and holds nobody up.
    let mut plain = TcpStream::connect(&url["wss://".len()..]).unwrap();
    plain.write_all(HANDSHAKE.as_bytes()).unwrap();
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains(": no TLS: "), "{line}");
    let trusting = ["--cacert", ca, "--http2", "-d", "hi", url];
    wirecat(trusting).run().exits(0);
    output(child).exits(0).prints("hi\n");
}

#[test]
fn a_signal_closes_with_1001() {
    let server = listen(&["-d", "hello", "--on-eof", "stay"]);
    let mut client = server.client();
    assert_eq!(frame(&mut client), (0x81, b"hello".to_vec()));
    send(Signal::SIGTERM, &server.child);
    assert_eq!(frame(&mut client), (0x88, vec![0x03, 0xe9]));
    client.write_all(&masked(0x88, &[0x03, 0xe9])).unwrap();
    drop(client);
    let ended = server.ends();
    assert_eq!(ended.status.signal(), Some(Signal::SIGTERM as i32));
}

#[test]
fn a_signal_ends_the_wait_for_a_client() {
    let server = listen(&[]);
    send(Signal::SIGINT, &server.child);
    let ended = server.ends();
    assert_eq!(ended.status.signal(), Some(Signal::SIGINT as i32));
}

#[test]
fn a_closed_stdout_closes_the_connection() {
    let mut server = listen(&["-d", "hello", "--on-eof", "stay"]);
    let mut client = server.client();
    assert_eq!(frame(&mut client), (0x81, b"hello".to_vec()));
    drop(server.child.stdout.take());
    client.write_all(&masked(0x81, b"x")).unwrap();
    assert_eq!(frame(&mut client), (0x88, vec![0x03, 0xe8]));
    client.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    drop(client);
    server.ends().exits(0);
}

#[test]
fn a_client_that_does_not_come_is_a_timeout() {
    let ended = listen(&["--connect-timeout", "0.1"]).ends();
    ended
        .exits(28)
        .complains(&["no client connected within 100ms"]);
    listen(&["-m", "0.1"])
        .ends()
        .exits(28)
        .complains(&["--max-time"]);
}

#[test]
fn stdin_is_read_once_a_client_is_there() {
    let mut server = listen(&["--idle", "0.1"]);
    // More than a pipe holds: somebody must read it.
    let mut stdin = server.child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let lines = "0123456789\n".repeat(20_000);
        stdin.write_all(lines.as_bytes()).unwrap();
    });
    std::thread::sleep(Duration::from_millis(200));
    assert!(!writer.is_finished());
    let client = wirecat(["--on-eof", "stay", &server.url("/")]).run();
    writer.join().unwrap();
    assert_eq!(client.exits(0).stdout.len(), 220_000);
    server.ends().exits(0);
}

#[test]
fn options_about_connecting_are_refused() {
    for option in ["-x", "--reconnect", "-L", "--cacert", "-k", "--http2"] {
        let refused = wirecat(["listen", option, "x"]).run();
        refused
            .exits(2)
            .complains(&[option, "listen does not connect"]);
    }
    let unknown = wirecat(["listen", "--nonsense"]).run();
    unknown
        .exits(2)
        .complains(&["unexpected argument '--nonsense'"]);
    let anyone = wirecat(["listen", "0.0.0.0:0"]).run();
    anyone
        .exits(2)
        .complains(&["other machines", "--allow-anyone"]);
}

/// Runs the script `client` of a peer, which connects to `server`, and returns what it prints.
fn peer(kind: Kind, server: &Listening) -> Output {
    let mut command = kind.script("client");
    let child = command
        .arg(server.url("/chat"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    output(child)
}

fn a_client_of_others_is_answered(kind: Kind) {
    let mut server = listen(&["--until", r#".op=="bye""#]);
    server.input("{\"op\":\"welcome\"}\n");
    let client = peer(kind, &server);
    client
        .exits(0)
        .prints("{\"op\":\"welcome\"}\nclosed 1000\n");
    let ended = server.ends();
    ended.exits(0).prints("{\"op\":\"hi\"}\n{\"op\":\"bye\"}\n");
}

#[test]
#[ignore = "needs .ci/peers"]
fn websockets17_is_answered() {
    a_client_of_others_is_answered(Kind::Websockets17);
}

#[test]
#[ignore = "needs .ci/peers"]
fn websockets10_is_answered() {
    a_client_of_others_is_answered(Kind::Websockets10);
}

#[test]
#[ignore = "needs .ci/peers"]
fn ws8_is_answered() {
    a_client_of_others_is_answered(Kind::Ws8);
}
