//! Malformed and slow answers of proxies: every run ends with the right code, in time, and with a
//! sentence.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::forward::TlsFront;
use crate::support::server::{Wire, raw, serve};
use crate::support::{Output, PATIENCE, output, peak_memory, wirecat};

/// What the proxy does after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The end of the answer.
    Close,
    /// Nothing, for as long as the client stays.
    Wait,
}

use Then::{Close, Wait};

/// A run by way of a proxy that reads what `read` reads, sends `answer`, and then does `then`.
fn run_with(
    scheme: &str,
    url: &str,
    read: impl FnOnce(&mut Wire) + Send + 'static,
    answer: Vec<u8>,
    then: Then,
    timeout: &str,
) -> Output {
    let proxy = raw(move |mut wire| {
        read(&mut wire);
        wire.send(answer);
        if then == Close {
            // What the client still sends is not to turn the end into a reset.
            let _ = wire.0.shutdown(std::net::Shutdown::Write);
        }
        wait(&mut wire);
    });
    let proxy = format!("{scheme}://{}", proxy.address);
    let start = Instant::now();
    let options = ["-k", "--connect-timeout", timeout, "-x", &proxy, "-d", "hi"];
    let run = wirecat([&options[..], &["-1", url]].concat()).run();
    assert!(start.elapsed() < PATIENCE, "{}", run.stderr);
    assert!(!run.stderr.contains("panic"), "{}", run.stderr);
    run
}

/// `--connect-timeout` for a run that ends with this code.
fn patience(code: i32) -> &'static str {
    if code == 28 { "2s" } else { "20s" }
}

/// Reads until the client is gone.
fn wait(wire: &mut Wire) {
    let mut rest = [0; 4096];
    while matches!(std::io::Read::read(&mut wire.0, &mut rest), Ok(1..)) {}
}

#[track_caller]
fn ends(run: &Output, case: &str, code: i32, words: &str) {
    assert_eq!(run.code(), code, "{case}: {}", run.stderr);
    assert!(run.stderr.contains(words), "{case}: {}", run.stderr);
}

#[test]
fn malformed_answers_to_connect() {
    const NOT_HTTP: &str = "its answer is not HTTP";
    let ok = "HTTP/1.1 200 OK\r\n\r\n";
    let continues = "HTTP/1.1 100 Continue\r\n\r\n";
    let cases: Vec<(&str, Vec<u8>, Then, i32, &str)> = vec![
        ("nothing", vec![], Close, 97, "it closed the connection\n"),
        ("silence", vec![], Wait, 28, "waiting for the proxy"),
        ("garbage", vec![0xde, 0xad, 0xbe, 0xef], Wait, 97, NOT_HTTP),
        ("zeros", vec![0; 100_000], Wait, 97, NOT_HTTP),
        (
            "another protocol",
            b"SSH-2.0-x\r\n".to_vec(),
            Wait,
            97,
            "it said: SSH-2.0-x\n",
        ),
        ("SOCKS", vec![5, 0], Wait, 97, "socks5://"),
        (
            "a TLS alert",
            vec![0x15, 3, 1, 0, 2, 2, 40],
            Wait,
            97,
            "https:// instead",
        ),
        ("HTTP/0.9", b"<html>\r\n".to_vec(), Close, 97, NOT_HTTP),
        (
            "HTTP/2",
            b"HTTP/2 200 OK\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        ("an escape", b"\x1b[2J\x07\n".to_vec(), Wait, 97, NOT_HTTP),
        (
            "no status",
            b"HTTP/1.1 OK\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "a long status",
            b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "NUL in the reason",
            b"HTTP/1.1 200 O\0K\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "NUL in a name",
            b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "NUL in a value",
            b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "no colon",
            b"HTTP/1.1 200 OK\r\nabc\r\n\r\n".to_vec(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "257 headers",
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(257)).into(),
            Wait,
            97,
            NOT_HTTP,
        ),
        (
            "a huge header",
            format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(1 << 20)).into(),
            Wait,
            97,
            "it sent more than 64 KiB of headers",
        ),
        (
            "a huge status line",
            format!("HTTP/1.1 200 {}", "b".repeat(1 << 20)).into(),
            Wait,
            97,
            "it sent more than 64 KiB of headers",
        ),
        (
            "10,000 answers 100",
            continues.repeat(10_000).into(),
            Wait,
            97,
            "it sent more than 64 KiB of headers",
        ),
        (
            "100 for ever",
            continues.repeat(100).into(),
            Wait,
            28,
            "waiting for the proxy",
        ),
        (
            "100 and no more",
            continues.into(),
            Close,
            97,
            "it closed the connection\n",
        ),
        (
            "101",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(),
            Wait,
            97,
            "refused to connect to h:80: HTTP 101 Switching Protocols",
        ),
        (
            "304",
            b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
            Close,
            97,
            "HTTP 304",
        ),
        (
            "a redirect",
            b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n".to_vec(),
            Close,
            97,
            "location: http://login/",
        ),
        (
            "407 without a challenge",
            b"HTTP/1.1 407 No\r\n\r\n".to_vec(),
            Close,
            97,
            "try: -U",
        ),
        (
            "407 and another challenge",
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\n\r\n".to_vec(),
            Close,
            97,
            "wirecat has Basic authentication only",
        ),
        (
            "a refusal with an endless body",
            [b"HTTP/1.1 502 Bad\r\n\r\n".to_vec(), vec![b'x'; 10 << 20]].concat(),
            Wait,
            97,
            "… (more was sent)",
        ),
        (
            "a refusal with a broken chunk",
            b"HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n".to_vec(),
            Wait,
            97,
            "| abc\n",
        ),
        (
            "a refusal with a wrong length",
            b"HTTP/1.1 502 Bad\r\nContent-Length: -1\r\n\r\nabc".to_vec(),
            Close,
            97,
            "| abc\n",
        ),
        (
            "a refusal with escapes",
            b"HTTP/1.1 502 \x1b[2J\r\n\r\n".to_vec(),
            Close,
            97,
            NOT_HTTP,
        ),
        (
            "a cut status line",
            b"HTTP/1.1 200".to_vec(),
            Close,
            97,
            "within its answer",
        ),
        (
            "a cut head",
            ok[..ok.len() - 1].into(),
            Close,
            97,
            "within its answer",
        ),
        (
            "half a head",
            ok[..ok.len() - 2].into(),
            Wait,
            28,
            "waiting for the proxy",
        ),
        // What follows the head is the server's.
        (
            "200 with a body",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
            Wait,
            8,
            "it said: hello",
        ),
        (
            "200 with chunks",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
            Wait,
            8,
            "data before the request",
        ),
        (
            "200 and the end",
            ok.into(),
            Close,
            8,
            "closed the connection",
        ),
        (
            "bare LF",
            b"HTTP/1.0 200 OK\nA: b\n\n".to_vec(),
            Wait,
            28,
            "waiting for the server",
        ),
        (
            "200 after 100",
            [continues.repeat(100), ok.into()].concat().into(),
            Wait,
            28,
            "server",
        ),
        (
            "another 2xx",
            b"HTTP/1.1 299 So\r\n\r\n".to_vec(),
            Wait,
            28,
            "waiting for the server",
        ),
        (
            "no reason",
            b"HTTP/1.1 200\r\n\r\n".to_vec(),
            Wait,
            28,
            "waiting for the server",
        ),
    ];
    assert!(cases.len() > 25);
    std::thread::scope(|scope| {
        for (case, answer, then, code, words) in &cases {
            scope.spawn(|| {
                let read = |wire: &mut Wire| drop(wire.request());
                let run = run_with(
                    "http",
                    "ws://h/",
                    read,
                    answer.clone(),
                    *then,
                    patience(*code),
                );
                ends(&run, case, *code, words);
            });
        }
    });
}

#[test]
fn what_follows_the_answer_is_the_first_of_tls() {
    let read = |wire: &mut Wire| drop(wire.request());
    let answer = b"HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\0\x02\x02\x28".to_vec();
    let run = run_with("http", "wss://h/", read, answer, Wait, patience(35));
    ends(&run, "an alert", 35, "the alert handshake_failure");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec();
    let run = run_with("http", "wss://h/", read, answer, Wait, patience(35));
    ends(&run, "a body", 35, "the server does not speak TLS");
}

#[test]
fn a_close_at_each_byte_of_an_answer() {
    let connect = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n".to_vec();
    let socks = b"\x05\0\x05\0\0\x03\x01x\0\x50".to_vec();
    let socks4 = b"\0\x5a\0\0\0\0\0\0".to_vec();
    std::thread::scope(|scope| {
        for (scheme, answer) in [("http", connect), ("socks5h", socks), ("socks4a", socks4)] {
            scope.spawn(move || {
                for cut in 0..answer.len() {
                    let read = |wire: &mut Wire| read_first(scheme, wire);
                    let part = answer[..cut].to_vec();
                    let run = run_with(scheme, "ws://h/", read, part, Close, patience(97));
                    ends(
                        &run,
                        &format!("{scheme} {cut}"),
                        97,
                        "no connection to h:80 through the proxy",
                    );
                }
            });
        }
    });
}

/// Reads what a client says first.
fn read_first(scheme: &str, wire: &mut Wire) {
    match scheme {
        "http" => drop(wire.request()),
        "socks5h" => drop(wire.take(3)),
        _ => drop(wire.take(11)),
    }
}

#[test]
fn malformed_answers_of_socks5() {
    let name = |length: u8| {
        let rest = vec![b'x'; usize::from(length) + 2];
        [&[5, 0, 5, 0, 0, 3, length][..], &rest].concat()
    };
    let reply = |code: u8| vec![5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut cases: Vec<(String, Vec<u8>, Then, i32, &str)> = [
        ("silence", vec![], Wait, 28, "to answer in SOCKS5"),
        (
            "version 4",
            vec![4, 0],
            Wait,
            97,
            "it begins with the byte 0x04",
        ),
        (
            "HTTP",
            b"HTTP/1.1 400 Bad\r\n\r\n".to_vec(),
            Wait,
            97,
            "try: http:// for the proxy",
        ),
        (
            "TLS",
            vec![0x15, 3, 1, 0, 2],
            Wait,
            97,
            "try: https:// for the proxy",
        ),
        (
            "no method",
            vec![5, 0xff],
            Wait,
            97,
            "it requires authentication\n  try: -U",
        ),
        (
            "GSSAPI",
            vec![5, 1],
            Wait,
            97,
            "the authentication method 1",
        ),
        (
            "an unoffered password",
            vec![5, 2],
            Wait,
            97,
            "the authentication method 2",
        ),
        (
            "half a reply",
            vec![5, 0, 5, 0, 0, 1, 0],
            Wait,
            28,
            "to answer in SOCKS5",
        ),
        (
            "a reply of version 4",
            vec![5, 0, 0, 90, 0, 0],
            Wait,
            97,
            "the byte 0x00",
        ),
        (
            "type 0",
            vec![5, 0, 5, 0, 0, 0, 0, 0],
            Wait,
            97,
            "0 is no type of addresses",
        ),
        (
            "type 255",
            vec![5, 0, 5, 0, 0, 255, 0, 0],
            Wait,
            97,
            "255 is no type of addresses",
        ),
        (
            "a code alone",
            vec![5, 0, 5, 5],
            Close,
            97,
            "the server refused the connection",
        ),
        (
            "a name of length 0",
            name(0),
            Wait,
            28,
            "waiting for the server",
        ),
        (
            "a name of length 255",
            name(255),
            Wait,
            28,
            "waiting for the server",
        ),
        (
            "an IPv6 address",
            [&[5, 0, 5, 0, 0, 4][..], &[0; 18]].concat(),
            Wait,
            28,
            "waiting for the server",
        ),
        (
            "a reserved byte",
            vec![5, 0, 5, 0, 9, 1, 0, 0, 0, 0, 0, 0],
            Wait,
            28,
            "the server",
        ),
        (
            "more than the reply",
            [reply(0), b"hello".to_vec()].concat(),
            Wait,
            8,
            "hello",
        ),
    ]
    .map(|(case, answer, then, code, words)| (case.to_owned(), answer, then, code, words))
    .into();
    for (code, words) in [
        (1, "general failure"),
        (2, "its rules do not allow this connection"),
        (3, "the network cannot be reached"),
        (4, "the host cannot be reached"),
        (5, "the server refused the connection"),
        (6, "did not answer in time"),
        (7, "it cannot CONNECT"),
        (8, "does not support this type of address"),
        (9, "the code 9, which has no meaning"),
        (255, "the code 255, which has no meaning"),
    ] {
        cases.push((format!("code {code}"), reply(code), Wait, 97, words));
    }
    std::thread::scope(|scope| {
        for (case, answer, then, code, words) in &cases {
            scope.spawn(|| {
                let read = |wire: &mut Wire| read_first("socks5h", wire);
                let run = run_with(
                    "socks5h",
                    "ws://h/",
                    read,
                    answer.clone(),
                    *then,
                    patience(*code),
                );
                ends(&run, case, *code, words);
            });
        }
    });
}

#[test]
fn malformed_answers_of_socks4() {
    let reply = |code: u8| vec![0, code, 0, 0, 0, 0, 0, 0];
    for (case, answer, then, code, words) in [
        (
            "version 4",
            vec![4, 90, 0, 0, 0, 0, 0, 0],
            Wait,
            97,
            "the byte 0x04",
        ),
        ("rejected", reply(91), Wait, 97, "rejected or failed"),
        ("no identd", reply(92), Wait, 97, "identd"),
        ("another user", reply(93), Wait, 97, "another user\u{20}"),
        (
            "code 0",
            reply(0),
            Wait,
            97,
            "the code 0, which has no meaning",
        ),
        (
            "half a reply",
            vec![0, 90, 0],
            Wait,
            28,
            "to answer in SOCKS4",
        ),
        ("granted", reply(90), Wait, 28, "waiting for the server"),
    ] {
        let read = |wire: &mut Wire| read_first("socks4a", wire);
        let run = run_with("socks4a", "ws://h/", read, answer, then, patience(code));
        ends(&run, case, code, words);
    }
    for (scheme, url, words) in [
        ("socks4", "ws://[::1]/", "SOCKS4 has no IPv6 addresses"),
        ("socks4a", "ws://[::1]/", "SOCKS4 has no IPv6 addresses"),
    ] {
        let run = run_with(scheme, url, |_| {}, vec![], Wait, patience(97));
        ends(&run, url, 97, words);
    }
    let long = format!("ws://{}/", ["x"; 150].join("."));
    let run = run_with("socks5h", &long, |_| {}, vec![], Wait, patience(97));
    ends(
        &run,
        "a long name",
        97,
        "longer than the 255 bytes of SOCKS",
    );
}

#[test]
fn an_answer_that_drips_ends_with_the_timeout() {
    for (scheme, answer) in [
        (
            "http",
            format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(1000)).into_bytes(),
        ),
        (
            "socks5h",
            [&[5, 0, 5, 0, 0, 3, 255][..], &[b'x'; 255]].concat(),
        ),
    ] {
        let proxy = raw(move |mut wire| {
            read_first(scheme, &mut wire);
            for byte in answer {
                if wire.0.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let proxy = format!("{scheme}://{}", proxy.address);
        let options = ["--connect-timeout=2s", "-x", &proxy, "ws://h/"];
        let run = wirecat(options).run();
        ends(
            &run,
            scheme,
            28,
            "timed out after 2s (waiting for the proxy",
        );
    }
}

#[test]
fn a_flood_of_headers_takes_no_memory() {
    let proxy = raw(|mut wire| {
        wire.request();
        let _ = wire.0.write_all(b"HTTP/1.1 407 No\r\n\r\n");
        let body = vec![b'x'; 1 << 20];
        let mut sent = 0;
        while wire.0.write_all(&body).is_ok() {
            sent += 1;
        }
        sent
    });
    let address = proxy.address.to_string();
    let mut child = wirecat(["-x", &address, "ws://h/"]).spawn();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(peak_memory(&child));
        std::thread::sleep(Duration::from_millis(1));
    }
    ends(&output(child), "a flood", 97, "HTTP 407 No");
    assert!(most < 64 << 20, "{most}");
}

#[test]
fn a_wrong_proxy_over_tls_ends_as_one_without() {
    let proxy = raw(|mut wire| {
        wire.request();
        wire.send("HTTP/1.1 407 No\r\n\r\nwho?");
    });
    let front = TlsFront::start(proxy.address);
    let proxy = format!("https://{}", front.address);
    let run = wirecat(["-x", &proxy, "--proxy-cacert", &front.root(), "ws://h/"]).run();
    ends(&run, "407", 97, "HTTP 407 No\n  | who?\n");
    // A server is no proxy.
    let server = serve();
    let run = wirecat(["-x", &server.address.to_string(), "ws://h/"]).run();
    ends(&run, "a server", 97, "refused to connect to h:80: HTTP 4");
}
