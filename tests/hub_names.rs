//! What clients of the server choose themselves reaches no log and no terminal as it is: names of users,
//! reasons, paths, origins and addresses with markup, controls or marks that reorder text. The page has
//! tests of its own.

use std::net::TcpStream;

use wirecat::internals::output::sanitize::find_dangerous;

use crate::serve::{Wire, masked, upgrade};
use crate::support::PATIENCE;
use crate::support::hostile::PAYLOADS;
use crate::support::pty::Pty;
use crate::support::serving::Serving;

const MARKUP: &[&[u8]] = &[
    b"<script>alert(1)</script>",
    b"\"><img src=x onerror=alert(1)>",
    b"'; DROP TABLE messages; --",
    b"\\u001b[31m",
];

fn payloads() -> impl Iterator<Item = &'static [u8]> {
    PAYLOADS.iter().chain(MARKUP).copied()
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// What of it a header can have.
fn header(payload: &[u8]) -> Vec<u8> {
    let allowed = |byte: &u8| *byte >= b' ' && *byte != 0x7f;
    payload.iter().copied().filter(allowed).collect()
}

/// A handshake with a header that says it all, as bytes.
fn request(path: &str, name: &str, value: &[u8]) -> Vec<u8> {
    let mut request = upgrade(&format!("GET {path}"), "Sec-WebSocket-Version: 13\r\n").into_bytes();
    request.truncate(request.len() - 2);
    request.extend(name.bytes().chain(*b": "));
    request.extend(header(value));
    request.extend(b"\r\n\r\n");
    request
}

/// Sends a request, and a Close with this reason if it is let in.
fn visit(address: &str, request: &[u8], reason: &[u8]) {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut wire = Wire(stream);
    wire.write(request);
    let head = wire.head();
    if head.starts_with("HTTP/1.1 101 ") {
        let reason = std::str::from_utf8(reason).map_or(&b"not UTF-8"[..], str::as_bytes);
        let len = reason.len().min(120);
        let reason = match std::str::from_utf8(&reason[..len]) {
            Ok(_) => &reason[..len],
            Err(error) => &reason[..error.valid_up_to()],
        };
        wire.write(masked(0x88, &[b"\x0f\xa0", reason].concat()));
        // Until it has been logged.
        let _ = std::io::Read::read_to_end(&mut wire.0, &mut Vec::new());
    }
}

/// All that a client can choose, made of each payload.
fn visit_with_all(address: &str) {
    for payload in payloads() {
        let encoded = percent_encoded(payload);
        for (path, name, value) in [
            (format!("/events?token={encoded}"), "X-Nothing", &b""[..]),
            (format!("/echo?x={encoded}"), "X-Forwarded-For", payload),
            (format!("/echo/{encoded}"), "User-Agent", payload),
            ("/echo".to_owned(), "Origin", payload),
            ("/echo".to_owned(), "Sec-WebSocket-Protocol", payload),
        ] {
            visit(address, &request(&path, name, value), payload);
        }
        // Not encoded: most of these are no HTTP.
        let raw = [b"GET /", payload, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Wire(stream);
        wire.write(raw);
        let _ = wire.0.shutdown(std::net::Shutdown::Write);
        let _ = std::io::Read::read_to_end(&mut wire.0, &mut Vec::new());
    }
}

#[track_caller]
fn is_harmless(line: &str) {
    assert_eq!(find_dangerous(line), None, "{line:?}");
}

#[test]
fn a_terminal_gets_the_log_escaped() {
    let pty = Pty::start(&["serve", "0", "--trust-proxy", "--log", "text"]);
    pty.expect("listening on ws://");
    pty.expect("\r\n");
    let start = String::from_utf8(pty.bytes()).unwrap();
    let (_, address) = start.split_once("ws://").unwrap();
    visit_with_all(address.trim());
    // The last one that is logged.
    visit(address.trim(), &request("/echo?the-end", "X-End", b""), b"");
    pty.expect("/echo?the-end, ");
    let log = String::from_utf8(pty.bytes()).unwrap();
    for line in log.split("\r\n") {
        is_harmless(line);
    }
    // They have been there.
    for word in ["4000", "202e", "<script>alert(1)</script>", "--origin"] {
        assert!(log.contains(word), "{word}: {log}");
    }
}

#[test]
fn json_of_the_log_is_escaped() {
    let server = Serving::start(&["0", "--trust-proxy", "--log", "json"]);
    visit_with_all(server.address());
    let log = server.end().stderr;
    let mut users = Vec::new();
    for line in log.lines() {
        is_harmless(line);
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        users.extend(value["user"].as_str().map(str::to_owned));
    }
    for user in ["<script>alert(1)</script>", "\u{202e}txt.exe"] {
        let there = users.iter().any(|it| it == user || it.contains("202e"));
        assert!(there, "{user:?}: {users:?}");
    }
}
