//! WebSocket over HTTP/2 (RFC 8441): the program against its own debug server, and against servers that
//! do not accept it, refuse it or break off.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use hyper::{Method, Request};

use crate::support::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, accepted, asked, field, frame, go_away,
    next, next_of, preface, reset, settings, tls, until_gone,
};
use crate::support::server::{close, raw, raws, serve, text};
use crate::support::{Output, output, peak_memory, wirecat};

const HTTP2: &str = "--http2-prior-knowledge";

/// Runs the program over HTTP/2.
#[track_caller]
fn over_http2(options: &[&str]) -> Output {
    wirecat([&[HTTP2], options].concat()).run()
}

#[test]
fn messages_of_any_size_come_back_compressed_or_not() {
    let server = serve();
    let lines: Vec<String> = (0..2000).map(|n| format!("message {n}")).collect();
    let large = "x".repeat(3 << 20);
    let input = [&lines.join("\n"), "", "", large.as_str(), ""].join("\n");
    for options in [
        &[][..],
        &["--no-compress"],
        &["--fragment", "1000", "--deflate-level", "6"],
    ] {
        let url = server.url("/echo");
        let options = [options, &[HTTP2, "--count", "2003", &url]].concat();
        let output = wirecat(options).stdin(&input).run();
        output.exits(0).prints(&input).is_quiet();
    }
}

#[test]
fn binary_messages_and_pings_pass() {
    let server = serve();
    let url = server.url("/echo?delay=300ms");
    let output = over_http2(&[
        "-1",
        "--hex",
        "-d",
        "00ff80",
        "--format",
        "hex",
        "--show-ping-pong",
        "--ping-interval",
        "50ms",
        &url,
    ]);
    output.exits(0).complains(&["> ping", "< pong"]);
    assert!(output.stdout_text().contains("00ff80"), "{output:?}");
}

#[test]
fn verbose_shows_the_heads_in_the_form_of_http2_without_secrets() {
    let server = serve();
    let url = server.url("/echo?token=hunter2");
    let output = over_http2(&[
        "-v",
        "-1",
        "-d",
        "x",
        "--oauth2-bearer",
        "s3cret",
        "--subprotocol",
        "chat",
        "-H",
        "X-A: 1",
        &url,
    ]);
    let host = server.address;
    let heads = format!(
        "* HTTP/2: the server advertises extended CONNECT (RFC 8441)\n\
         > :method: CONNECT\n\
         > :protocol: websocket\n\
         > :scheme: http\n\
         > :authority: {host}\n\
         > :path: /echo?token=[redacted]\n\
         > sec-websocket-version: 13\n\
         > sec-websocket-extensions: permessage-deflate; client_max_window_bits\n\
         > user-agent: wirecat/{}\n\
         > sec-websocket-protocol: chat\n\
         > authorization: Bearer [redacted]\n\
         > x-a: 1\n\
         < :status: 200\n",
        env!("CARGO_PKG_VERSION")
    );
    let connected = format!(
        "connected to {host} over HTTP/2, subprotocol chat, extensions permessage-deflate\n"
    );
    output
        .exits(0)
        .prints("x\n")
        .complains(&[&heads, &connected]);
}

#[test]
fn events_say_which_version_was_used() {
    let server = serve();
    let output = over_http2(&["--json", "-1", "-d", "x", &server.url("/echo")]);
    let open = output.exits(0).stdout_text();
    let open = open.lines().find(|line| line.contains(r#""type":"open""#));
    let open = open.expect("it opened");
    assert!(open.contains(r#""status":200,"http":"2","#), "{open}");
    assert!(open.contains(r#""upgrade":"#), "{open}");
}

#[test]
fn every_end_has_its_exit_code() {
    let server = serve();
    for (path, code, words) in [
        ("/close/1000", 0, ""),
        (
            "/close/4401?reason=bye",
            112,
            "closed by server: 4401 (private use) \"bye\"",
        ),
        ("/close/1011", 111, "closed by server: 1011"),
        (
            "/drop?how=rst",
            56,
            "(1006): the HTTP/2 stream was reset (CANCEL)",
        ),
        ("/drop?how=fin", 56, "(1006): the HTTP/2 stream ended\n"),
        (
            "/drop?how=fin&part=9",
            56,
            "(1006): the HTTP/2 stream ended within a frame",
        ),
        ("/frames/utf8", 110, "the server broke the protocol"),
        ("/frames/masked", 110, "the server broke the protocol"),
        ("/frames/bomb", 110, "1009"),
        (
            "/nowhere",
            22,
            "HTTP 404 Not Found\n  | There is no such endpoint",
        ),
        (
            "/status/503",
            22,
            "HTTP 503 Service Unavailable\n  retry-after: 1\n",
        ),
        (
            "/expire",
            22,
            "HTTP 401 Unauthorized\n  www-authenticate: Bearer",
        ),
    ] {
        let output = over_http2(&[&server.url(path)]);
        output.exits(code).complains(&[words]);
    }
}

#[test]
fn a_reconnect_uses_http2_again() {
    let server = serve();
    let url = server.url("/flaky?fail=2");
    let options = [
        "--reconnect",
        "--reconnect-delay",
        "10ms",
        "-1",
        "-d",
        "x",
        &url,
    ];
    let output = over_http2(&options);
    output
        .exits(0)
        .prints("x\n")
        .complains(&["HTTP 503 Service Unavailable"]);
}

#[test]
fn a_server_of_http1_is_recognized_and_quoted() {
    let server = raw(|mut wire| {
        preface(&mut wire);
        wire.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        until_gone(&mut wire);
    });
    let output = over_http2(&[&server.url("/")]);
    server.result();
    output.exits(8).prints("");
    assert_eq!(
        output.stderr,
        "wirecat: the server answered HTTP/2 with HTTP/1.1\n  \
         it said: HTTP/1.1 400 Bad Request\n  \
         try: check the port: this may be another service\n  \
         try: --http1.1, which is the default\n"
    );
}

#[test]
fn a_server_without_extended_connect_gets_no_request() {
    for option in [HTTP2, "--http2-only"] {
        let server = raw(|mut wire| {
            preface(&mut wire);
            wire.send(settings(false));
            let mut kinds = Vec::new();
            let mut head = [0; 9];
            while std::io::Read::read_exact(&mut wire.0, &mut head).is_ok() {
                wire.take(usize::from(head[2]));
                kinds.push(head[3]);
            }
            kinds
        });
        let start = Instant::now();
        let output = wirecat([option, "-v", "--reconnect", &server.url("/")]).run();
        output.exits(8).complains(&[
            "* HTTP/2: the server does not advertise extended CONNECT (RFC 8441)\n",
            "wirecat: the server does not accept WebSocket over HTTP/2: its SETTINGS lack ENABLE_CONNECT_PROTOCOL (RFC 8441)\n",
            "try: --http2 falls back to HTTP/1.1",
        ]);
        assert!(start.elapsed() < Duration::from_secs(8));
        let kinds = server.result();
        assert!(!kinds.contains(&HEADERS), "{kinds:?}");
    }
}

#[test]
fn a_server_that_sends_no_settings_is_not_waited_for_longer_than_the_timeout() {
    let server = raw(|mut wire| {
        preface(&mut wire);
        until_gone(&mut wire);
    });
    let output = over_http2(&["--connect-timeout", "2s", &server.url("/")]);
    server.result();
    output
        .exits(28)
        .complains(&["timed out after 2s (waiting for the server's HTTP/2 SETTINGS)"]);
}

/// What the server does with the request, and the exit code and words that follow.
type Answer = (Vec<u8>, i32, &'static str);

#[test]
fn answers_that_are_no_handshake_are_explained() {
    let long = "x".repeat(120);
    // Over 64 KiB, in frames of at most 16 KiB.
    let mut block = vec![0x88];
    while block.len() < 70_000 {
        block.extend(field("x-long", &long));
    }
    let mut parts = block.chunks(16_000).peekable();
    let mut huge = frame(HEADERS, 0, 1, parts.next().unwrap());
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() {
            0
        } else {
            END_HEADERS
        };
        huge.extend(frame(CONTINUATION, flags, 1, part));
    }
    let chosen = |name, value| [&[0x88][..], &field(name, value)].concat();
    let table: [Answer; 9] = [
        (
            reset(1),
            8,
            "the server did not accept the handshake: the HTTP/2 stream was reset (PROTOCOL_ERROR)",
        ),
        (reset(7), 8, "the HTTP/2 stream was reset (REFUSED_STREAM)"),
        (
            reset(13),
            8,
            "the HTTP/2 stream was reset (HTTP_1_1_REQUIRED)\n  try: --http1.1\n",
        ),
        (reset(99), 8, "the HTTP/2 stream was reset (error 0x63)"),
        (
            go_away(11, "slow down"),
            8,
            "the HTTP/2 connection was closed with GOAWAY (ENHANCE_YOUR_CALM): \"slow down\"",
        ),
        (
            huge,
            8,
            "the connection broke during the handshake: the peer broke HTTP/2",
        ),
        (
            frame(
                HEADERS,
                END_HEADERS,
                1,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
            8,
            "the peer broke HTTP/2",
        ),
        (
            frame(
                HEADERS,
                END_HEADERS,
                1,
                &chosen("sec-websocket-protocol", "chat"),
            ),
            8,
            "none was offered",
        ),
        (
            frame(
                HEADERS,
                END_HEADERS,
                1,
                &chosen("sec-websocket-extensions", "x-foo"),
            ),
            8,
            "never offered",
        ),
    ];
    for (answer, code, words) in table {
        let server = asked(move |wire| wire.send(answer));
        let output = over_http2(&[&server.url("/")]);
        output.exits(code).prints("").complains(&[words]);
        server.result();
    }
}

#[test]
fn a_refused_stream_is_tried_again_and_a_protocol_error_is_not() {
    for (reason, attempts, code) in [(7, 2, 113), (1, 1, 8)] {
        let server = raws(attempts, move |_, mut wire| {
            preface(&mut wire);
            wire.send(settings(true));
            next_of(&mut wire, HEADERS);
            wire.send(reset(reason));
            until_gone(&mut wire);
        });
        let options = [
            "--reconnect=1",
            "--reconnect-delay",
            "10ms",
            &server.url("/"),
        ];
        over_http2(&options).exits(code);
        assert_eq!(server.result().len(), attempts);
    }
}

#[test]
fn a_reset_and_a_goaway_after_the_handshake_are_1006() {
    for (end, words) in [
        (
            reset(2),
            "(1006): the HTTP/2 stream was reset (INTERNAL_ERROR)",
        ),
        (
            go_away(2, ""),
            "(1006): the HTTP/2 connection was closed with GOAWAY (INTERNAL_ERROR)",
        ),
        (
            frame(DATA, END_STREAM, 1, b""),
            "(1006): the HTTP/2 stream ended\n",
        ),
        (
            frame(DATA, END_STREAM, 1, &text("cut")[..4]),
            "(1006): the HTTP/2 stream ended within a frame",
        ),
    ] {
        let server = asked(move |wire| {
            wire.send(accepted());
            wire.send(frame(DATA, 0, 1, &text("last words")));
            wire.send(end);
        });
        let output = over_http2(&[&server.url("/")]);
        output.exits(56).prints("last words\n").complains(&[words]);
        server.result();
    }
}

#[test]
fn the_stream_ends_after_the_closing_handshake() {
    let server = asked(|wire| {
        wire.send(accepted());
        wire.send(frame(DATA, 0, 1, &close(1000, "bye")));
        let mut ended = Vec::new();
        loop {
            let frame = next(wire);
            if frame.kind != DATA {
                continue;
            }
            ended.push(frame.payload.len());
            if frame.flags & END_STREAM != 0 {
                // A server that ends its side late still learns that all is well.
                wire.send(self::frame(DATA, END_STREAM, 1, b""));
                return ended;
            }
        }
    });
    over_http2(&[&server.url("/")]).exits(0);
    // The masked Close, and the end.
    assert_eq!(server.result(), [8, 0]);
}

#[test]
fn over_tls_the_version_is_negotiated() {
    let server = serve();
    let both = tls(&["h2", "http/1.1"], server.address, server.address);
    let old = tls(&["http/1.1"], server.address, server.address);
    let silent = tls(&[], server.address, server.address);
    for (option, server, code, words) in [
        ("--http2", &both, 0, "over HTTP/2"),
        ("--http2-only", &both, 0, "over HTTP/2"),
        (HTTP2, &both, 0, "over HTTP/2"),
        ("--http1.1", &both, 0, "> GET /echo HTTP/1.1"),
        (
            "--http2",
            &old,
            0,
            "* using HTTP/1.1: the server did not choose HTTP/2 in the TLS handshake (ALPN)\n",
        ),
        ("--http2", &silent, 0, "> GET /echo HTTP/1.1"),
        (
            "--http2-only",
            &silent,
            8,
            "the server did not choose HTTP/2 in the TLS handshake (ALPN)",
        ),
        ("--http2-only", &old, 35, "TLS"),
    ] {
        let url = server.url("/echo");
        let output = wirecat([option, "-k", "-v", "-1", "-d", "x", &url]).run();
        output.exits(code).complains(&[words]);
        assert_eq!(output.stdout_text(), if code == 0 { "x\n" } else { "" });
    }
}

#[test]
fn http2_falls_back_on_a_fresh_connection() {
    let server = serve();
    for extended_connect in [false, true] {
        let http2 = raw(move |mut wire| {
            preface(&mut wire);
            wire.send(settings(extended_connect));
            if extended_connect {
                next_of(&mut wire, HEADERS);
                wire.send(reset(13));
            }
            until_gone(&mut wire);
        });
        let both = tls(&["h2", "http/1.1"], http2.address, server.address);
        let url = both.url("/echo");
        let output = wirecat(["--http2", "-k", "--json", "-1", "-d", "x", &url]).run();
        http2.result();
        output.exits(0).complains(&["; using HTTP/1.1\n"]);
        let events = output.stdout_text();
        assert_eq!(
            events.matches(r#""type":"connecting""#).count(),
            2,
            "{events}"
        );
        for words in [
            r#""status":101,"http":"1.1""#,
            r#""timing":{"http2":"#,
            r#""data":"x""#,
        ] {
            assert!(events.contains(words), "no {words} in {events}");
        }
    }
}

#[test]
fn http2_without_tls_is_http1() {
    let server = serve();
    let output = wirecat(["--http2", "-v", "-1", "-d", "x", &server.url("/echo")]).run();
    output.exits(0).prints("x\n").complains(&[
        "* using HTTP/1.1: HTTP/2 is negotiated in TLS, or by --http2-prior-knowledge\n",
        "> GET /echo HTTP/1.1\n",
    ]);
}

#[test]
fn a_reader_that_stops_holds_back_a_flood_of_small_messages() {
    const COUNT: usize = 400_000;
    let server = serve();
    let url = server.url(&format!("/seq?rate=0&count={COUNT}"));
    let child = wirecat([HTTP2, "--no-compress", &url]).spawn();
    // Until the server has filled the windows, or long enough for a mistake to show.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
        let memory = peak_memory(&child);
        assert!(memory < 64 << 20, "{memory} bytes");
    }
    let output = output(child);
    output.exits(0);
    let lines = output.stdout_text().lines().count();
    assert_eq!(lines, COUNT, "{}", output.stderr);
}

/// Runs a client of the `h2` crate against the debug server.
fn with_client<F: Future<Output = ()>>(test: impl FnOnce(SendRequest<Bytes>) -> F) {
    let server = serve();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut sender = sender.ready().await.unwrap();
        // A response comes after SETTINGS.
        get(&mut sender, Method::GET, "/").await;
        assert!(sender.is_extended_connect_protocol_enabled());
        test(sender).await;
    });
}

/// The status, the content length and the body of an answer.
async fn get(
    sender: &mut SendRequest<Bytes>,
    method: Method,
    path: &str,
) -> (u16, Option<String>, Vec<u8>) {
    let uri = format!("http://127.0.0.1{path}");
    let request = Request::builder().method(method).uri(uri).body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    assert!(response.headers().contains_key("date"));
    assert!(!response.headers().contains_key("upgrade"));
    let length = response.headers().get("content-length");
    let length = length.map(|length| length.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let mut stream = response.into_body();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part.unwrap();
        stream.flow_control().release_capacity(part.len()).unwrap();
        body.extend(part);
    }
    (status, length, body)
}

#[test]
fn the_debug_servers_pages_come_over_http2_too() {
    with_client(async |mut sender| {
        let (status, length, body) = get(&mut sender, Method::GET, "/frames").await;
        assert_eq!((status, length), (200, Some(body.len().to_string())));
        assert!(body.starts_with(b"rsv "), "{body:?}");
        let (status, length, head) = get(&mut sender, Method::HEAD, "/frames").await;
        assert_eq!(
            (status, length, head.len()),
            (200, Some(body.len().to_string()), 0)
        );
        assert_eq!(get(&mut sender, Method::GET, "/nowhere").await.0, 404);
        assert_eq!(get(&mut sender, Method::DELETE, "/ledger").await.0, 204);
        let (status, _, body) = get(&mut sender, Method::GET, "/echo").await;
        assert_eq!(status, 400);
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("`:protocol: websocket`"), "{body}");
    });
}

#[test]
fn a_reset_stream_leaves_the_others_alone() {
    with_client(async |mut sender| {
        let mut open = |path: &str| {
            let mut request = Request::new(());
            *request.method_mut() = Method::CONNECT;
            *request.uri_mut() = format!("http://127.0.0.1{path}").parse().unwrap();
            let protocol = Protocol::from_static("websocket");
            request.extensions_mut().insert(protocol);
            let version = "13".parse().unwrap();
            request
                .headers_mut()
                .insert("sec-websocket-version", version);
            sender.send_request(request, false).unwrap()
        };
        let (echo, mut send) = open("/echo");
        let (dropped, mut other) = open("/drop?how=rst");
        let mut echo = echo.await.unwrap().into_body();
        assert_eq!(dropped.await.unwrap().status(), 200);
        let reason = poll_fn(|cx| other.poll_reset(cx)).await.unwrap();
        assert_eq!(reason, h2::Reason::CANCEL);
        // A masked text of two bytes, with a key of zeroes.
        let message = [&[0x81, 0x82, 0, 0, 0, 0][..], b"hi"].concat();
        send.send_data(message.into(), false).unwrap();
        assert_eq!(echo.data().await.unwrap().unwrap(), &text("hi")[..]);
    });
}
