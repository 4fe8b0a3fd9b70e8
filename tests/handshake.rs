//! The opening handshake: what is sent, and how every kind of answer is taken.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

use wirecat::internals::auth::placement::ResolvedCredentials;
use wirecat::internals::handshake::request::{Options, build};
use wirecat::internals::handshake::response::accept_for;
use wirecat::internals::uri::Target;

use crate::support::server::{Wire, close, header, raw, serve, text};
use crate::support::{Output, wirecat};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The request that the program makes with these options; `URL` in them is the server's.
fn request(options: &[&str]) -> (String, String) {
    let server = raw(|mut wire| {
        let request = wire.handshake_with("", &close(1000, ""));
        wire.until_close();
        request
    });
    let url = server.url("/x?y=1");
    wirecat([options, &[&url]].concat()).run().exits(0);
    let host = server.address.to_string();
    (server.result(), host)
}

/// The lines of the request with these options, but for the key.
fn lines(options: &[&str]) -> Vec<String> {
    let (request, host) = request(options);
    let known = |line: &&str| !line.is_empty() && !line.starts_with("Sec-WebSocket-Key:");
    let lines = request.split("\r\n").filter(known);
    lines.map(|line| line.replace(&host, "HOST")).collect()
}

#[test]
fn the_request_is_exactly_this() {
    let (request, host) = request(&[]);
    let key = header(&request, "Sec-WebSocket-Key").unwrap().to_owned();
    assert_eq!(
        request,
        format!(
            "GET /x?y=1 HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nUser-Agent: wirecat/{VERSION}\r\n\r\n"
        )
    );
    assert_eq!(key.len(), 24, "16 bytes in base64");
    assert_ne!(
        header(&self::request(&[]).0, "Sec-WebSocket-Key"),
        Some(key.as_str())
    );
}

#[test]
fn options_add_replace_repeat_and_remove_headers() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "X-A: 1\r\n\nX-B: 2").unwrap();
    let from_file = format!("@{}", file.path().display());
    for (options, added) in [
        (
            &["--origin", "https://o.example"][..],
            &["Origin: https://o.example"][..],
        ),
        (&["-H", "X-A: 1", "-H", "X-A: 2"], &["X-A: 1", "X-A: 2"]),
        (&["-H", "X-E;"], &["X-E: "]),
        (&["-HX-Utf8: \u{fc}"], &["X-Utf8: \u{fc}"]),
        (&["--header", &from_file], &["X-A: 1", "X-B: 2"]),
        (
            &["--subprotocol", "a", "--protocol", "b"],
            &["Sec-WebSocket-Protocol: a, b"],
        ),
        (&["--subprotocol", "a,b"], &["Sec-WebSocket-Protocol: a, b"]),
    ] {
        let lines = lines(options);
        for line in added {
            assert!(
                lines.iter().any(|known| known == line),
                "{options:?}: {lines:#?}"
            );
        }
        assert_eq!(lines.len(), 7 + added.len(), "{options:?}: {lines:#?}");
    }
    for (options, gone, there) in [
        (
            &["-A", "me/1"][..],
            "User-Agent: wirecat",
            &["User-Agent: me/1"][..],
        ),
        (&["-A", ""], "User-Agent", &[]),
        (&["-H", "user-agent:"], "User-Agent", &[]),
        (
            &["-H", "User-Agent: me/1"],
            "User-Agent: wirecat",
            &["User-Agent: me/1"],
        ),
        (&["-H", "Host: other"], "Host: HOST", &["Host: other"]),
        (
            &["-H", "Sec-WebSocket-Version: 8"],
            "Sec-WebSocket-Version: 13",
            &["Sec-WebSocket-Version: 8"],
        ),
        (
            &["-H", "sec-websocket-extensions: x-foo"],
            "Sec-WebSocket-Extensions",
            &["sec-websocket-extensions: x-foo"],
        ),
        (
            &["-H", "Sec-WebSocket-Extensions:"],
            "Sec-WebSocket-Extensions",
            &[],
        ),
        (&["--no-compress"], "Sec-WebSocket-Extensions", &[]),
    ] {
        let lines = lines(options);
        assert!(
            !lines.iter().any(|line| line.starts_with(gone)),
            "{options:?}: {lines:#?}"
        );
        for line in there {
            assert!(
                lines.iter().any(|known| known == line),
                "{options:?}: {lines:#?}"
            );
        }
    }
}

#[test]
fn the_offer_of_compression_follows_the_options() {
    for (options, parameters) in [
        (&[][..], "; client_max_window_bits"),
        (&["--deflate-level", "9"], "; client_max_window_bits"),
        (
            &["--client-max-window-bits", "9"],
            "; client_max_window_bits=9",
        ),
        (
            &[
                "--server-no-context-takeover",
                "--client-no-context-takeover",
                "--server-max-window-bits=10",
                "--client-max-window-bits=15",
            ],
            "; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=15",
        ),
    ] {
        // What is asked of the server must be granted, else the client leaves.
        let (line, offered) = (
            format!("permessage-deflate{parameters}"),
            by_hand(parameters),
        );
        let server = raw(move |mut wire| {
            let answer = line.trim_end_matches("; client_max_window_bits");
            let answer = format!("Sec-WebSocket-Extensions: {answer}\r\n");
            let request = wire.handshake_with(&answer, &close(1000, ""));
            wire.until_close();
            request
        });
        wirecat([options, &[&server.url("/")]].concat())
            .run()
            .exits(0)
            .is_quiet();
        let request = server.result();
        let lines: Vec<_> = request
            .lines()
            .filter(|line| line.contains("Extensions"))
            .collect();
        assert_eq!(lines, [offered], "{options:?}");
    }
}

#[test]
fn no_compress_conflicts_with_other_compression_options() {
    for option in [
        "--deflate-level=1",
        "--client-max-window-bits=9",
        "--server-max-window-bits=9",
        "--client-no-context-takeover",
        "--server-no-context-takeover",
    ] {
        for args in [
            &["--no-compress", option, "ws://127.0.0.1:9/"][..],
            &["serve", option, "--no-compress"],
        ] {
            let name = option.split('=').next().unwrap();
            wirecat(args)
                .run()
                .exits(2)
                .complains(&["--no-compress", name]);
        }
    }
}

#[test]
fn invalid_requests_are_refused_before_connecting() {
    let server = serve();
    let url = server.url("/echo");
    for (options, complaint) in [
        (
            ["-H", "no colon"],
            "wirecat: header 'no colon': there is no colon\n",
        ),
        (
            ["-H", "X-A: 1\r\nX-B: 2"],
            "wirecat: header 'X-A': the value contains a control character\n",
        ),
        (
            ["-H", ": x"],
            "wirecat: header '': the name is empty or contains a character not allowed in header names\n",
        ),
        (
            ["-H", "@/nonexistent"],
            "wirecat: -H @/nonexistent: No such file or directory",
        ),
        (
            ["--origin", "a\nb"],
            "wirecat: --origin: the value contains a control character\n",
        ),
        (
            ["-A", "a\nb"],
            "wirecat: --user-agent: the value contains a control character\n",
        ),
        (
            ["--subprotocol", "a b"],
            "wirecat: --subprotocol 'a b' contains a character not allowed in subprotocols",
        ),
    ] {
        let output = wirecat(options.into_iter().chain([url.as_str()])).run();
        output.exits(2).prints("");
        assert!(output.stderr.starts_with(complaint), "{}", output.stderr);
    }
}

#[test]
fn every_form_of_url_connects() {
    for (form, path, host) in [
        ("ws://127.0.0.1:PORT", "/", "127.0.0.1:PORT"),
        (
            "WS://LocalHost:PORT/A%20b?c=D&e",
            "/A%20b?c=D&e",
            "localhost:PORT",
        ),
        ("http://127.0.0.1:PORT/x", "/x", "127.0.0.1:PORT"),
        ("127.0.0.1:PORT/x", "/x", "127.0.0.1:PORT"),
        ("localhost:PORT", "/", "localhost:PORT"),
        (":PORT/x", "/x", "localhost:PORT"),
        (
            "127.0.0.1:PORT/?next=http://a/",
            "/?next=http://a/",
            "127.0.0.1:PORT",
        ),
        ("ws://u:p@127.0.0.1:PORT/x", "/x", "127.0.0.1:PORT"),
    ] {
        let server = raw(|mut wire| {
            let request = wire.handshake_with("", &close(1000, ""));
            wire.until_close();
            request
        });
        let port = server.address.port().to_string();
        wirecat([form.replace("PORT", &port)]).run().exits(0);
        let request = server.result();
        assert!(
            request.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{form}: {request}"
        );
        assert_eq!(
            header(&request, "Host"),
            Some(host.replace("PORT", &port).as_str()),
            "{form}"
        );
    }
}

#[test]
fn the_host_header_omits_the_default_port() {
    for (url, host) in [
        ("ws://h/", "h"),
        ("ws://h:80/", "h"),
        ("ws://h:443/", "h:443"),
        ("wss://h:443/", "h"),
        ("https://h:80/", "h:80"),
        ("wss://[::1]:443/", "[::1]"),
        ("[::1]:81", "[::1]:81"),
    ] {
        let target = Target::parse(url).unwrap();
        let request = build(
            &target,
            &Options::default(),
            &ResolvedCredentials::default(),
            String::new(),
        );
        assert_eq!(request.header("Host"), Some(host), "{url}");
    }
}

#[test]
fn options_may_follow_the_url_and_a_bare_word_is_not_a_host() {
    let server = serve();
    wirecat([&server.url("/echo"), "-d", "hi", "-1"])
        .run()
        .exits(0)
        .prints("hi\n");
    wirecat(["serv"]).run().exits(2).complains(&[
        "'serv' is neither a subcommand nor a URL",
        "did you mean `wirecat serve`?",
    ]);
    wirecat(["localhost"])
        .run()
        .exits(2)
        .complains(&["try: ws://localhost/"]);
}

/// Answers the handshake with what `answer` makes of the right Accept.
#[track_caller]
fn answered(options: &[&str], answer: impl FnOnce(&str) -> String + Send + 'static) -> Output {
    let server = raw(move |mut wire| {
        let request = wire.request();
        let accept = accept_for(header(&request, "Sec-WebSocket-Key").unwrap());
        wire.send(answer(&accept));
        wire.until_close();
    });
    let output = wirecat([options, &[&server.url("/")]].concat()).run();
    server.result();
    output
}

fn switching(lines: &[&str]) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n{}\r\n\r\n",
        lines.join("\r\n")
    )
}

#[test]
fn an_invalid_handshake_is_exit_8_and_names_the_header() {
    const UPGRADE: &str = "Upgrade: websocket";
    const CONNECTION: &str = "Connection: Upgrade";
    for (lines, complaint) in [
        (
            &[CONNECTION, "ACCEPT"][..],
            "the Upgrade header must be 'websocket', but there is none\n",
        ),
        (
            &["Upgrade: h2c", CONNECTION, "ACCEPT"],
            "the Upgrade header must be 'websocket', but it is 'h2c'\n",
        ),
        (
            &[UPGRADE, "ACCEPT"],
            "the Connection header must contain 'Upgrade', but there is none\n  try: a proxy in between may have removed it; connect to the server directly\n",
        ),
        (
            &[UPGRADE, "Connection: keep-alive", "ACCEPT"],
            "the Connection header must contain 'Upgrade', but it is 'keep-alive'\n  try: a proxy in between may have removed it; connect to the server directly\n",
        ),
        (
            &[UPGRADE, CONNECTION],
            "there is no Sec-WebSocket-Accept header, expected 'RIGHT'\n",
        ),
        (
            &[UPGRADE, CONNECTION, "Sec-WebSocket-Accept: AAAA"],
            "the Sec-WebSocket-Accept header is 'AAAA', expected 'RIGHT'\n  try: a cache or proxy may have answered instead of the server; connect to the server directly\n",
        ),
        (
            &[
                UPGRADE,
                CONNECTION,
                "ACCEPT",
                "Sec-WebSocket-Extensions: x-foo",
            ],
            "the server chose the extension 'x-foo', which was never offered\n  try: --no-compress offers no extension\n",
        ),
        (
            &[
                UPGRADE,
                CONNECTION,
                "ACCEPT",
                "Sec-WebSocket-Protocol: chat",
            ],
            "the server chose the subprotocol 'chat', but none was offered\n  try: --subprotocol 'chat' offers it\n",
        ),
    ] {
        let right = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let seen = std::sync::Arc::clone(&right);
        let output = answered(&[], move |accept| {
            seen.lock().unwrap().push_str(accept);
            switching(lines).replace("ACCEPT", &format!("Sec-WebSocket-Accept: {accept}"))
        });
        output.exits(8).prints("");
        let complaint = complaint.replace("RIGHT", &right.lock().unwrap());
        assert_eq!(
            output.stderr,
            format!("wirecat: not a WebSocket handshake: {complaint}")
        );
    }
    let output = answered(&["--subprotocol", "a", "--subprotocol", "b"], |accept| {
        switching(&[
            UPGRADE,
            CONNECTION,
            &format!("Sec-WebSocket-Accept: {accept}"),
            "Sec-WebSocket-Protocol: c",
        ])
    });
    output.exits(8);
    assert_eq!(
        output.stderr,
        "wirecat: not a WebSocket handshake: the server chose the subprotocol 'c', which is not one of those offered (a, b)\n"
    );
    let output = answered(&[], |accept| {
        switching(&[
            UPGRADE,
            CONNECTION,
            &format!("Sec-WebSocket-Accept: {accept}"),
        ])
        .replacen("1.1", "1.0", 1)
    });
    output.exits(8);
    assert_eq!(
        output.stderr,
        "wirecat: not a WebSocket handshake: the 101 is HTTP/1.0, which cannot switch protocols\n"
    );
}

/// A run with these options against a server that chooses these extensions.
#[track_caller]
fn extended(options: &[&str], chosen: &str) -> Output {
    let line = format!("Sec-WebSocket-Extensions: {chosen}\r\n");
    let server = raw(move |mut wire| {
        wire.handshake_with(&line, &close(1000, ""));
        wire.until_close();
    });
    let output = wirecat([options, &[&server.url("/")]].concat()).run();
    server.result();
    output
}

/// The header that offers compression by hand, with these parameters.
fn by_hand(parameters: &str) -> String {
    format!("Sec-WebSocket-Extensions: permessage-deflate{parameters}")
}

#[test]
fn an_extension_not_matching_the_offer_is_exit_8_and_names_the_parameter() {
    const ASKED: &str = "; server_no_context_takeover; server_max_window_bits=10";
    for (offered, chosen, why) in [
        (
            "",
            "; foo=1",
            "foo is not a parameter of permessage-deflate (RFC 7692 section 7.1)",
        ),
        (
            "",
            "; server_no_context_takeover=1",
            "server_no_context_takeover takes no value, not '1' (RFC 7692 section 7.1.1.1)",
        ),
        (
            "",
            "; client_no_context_takeover; client_no_context_takeover",
            "client_no_context_takeover appears more than once (RFC 7692 section 7.1.1.2)",
        ),
        (
            "",
            "; server_max_window_bits=16",
            "server_max_window_bits must be 8 to 15, but is '16' (RFC 7692 section 7.1.2.1)",
        ),
        (
            "",
            "; server_max_window_bits",
            "server_max_window_bits has no value, but needs one from 8 to 15 (RFC 7692 section 7.1.2.1)",
        ),
        (
            "",
            "; client_max_window_bits=12",
            "client_max_window_bits was never offered (RFC 7692 section 7.1.2.2)",
        ),
        (
            "; client_max_window_bits=11",
            "; client_max_window_bits=12",
            "client_max_window_bits may be 11 at most, as offered (RFC 7692 section 7.1.2.2)",
        ),
        (
            ASKED,
            "; server_max_window_bits=10",
            "server_no_context_takeover was offered but is not in it (RFC 7692 section 7.1.1.1)",
        ),
        (
            ASKED,
            "; server_no_context_takeover",
            "server_max_window_bits was offered as 10 but is not in it (RFC 7692 section 7.1.2.1)",
        ),
        (
            ASKED,
            "; server_no_context_takeover; server_max_window_bits=11",
            "server_max_window_bits may be 10 at most, as offered (RFC 7692 section 7.1.2.1)",
        ),
        (
            "",
            ", permessage-deflate",
            "permessage-deflate may appear only once (RFC 7692 section 5)",
        ),
        (
            "",
            "; foo=\"",
            "it is malformed at '\"' (RFC 6455 section 9.1)",
        ),
    ] {
        let output = extended(
            &["-H", &by_hand(offered)],
            &format!("permessage-deflate{chosen}"),
        );
        output.exits(8).prints("");
        let expected = format!(
            "wirecat: not a WebSocket handshake: the server chose the extension 'permessage-deflate{chosen}', but {why}\n  \
             try: leave the Sec-WebSocket-Extensions header out\n"
        );
        assert_eq!(output.stderr, expected);
    }
    extended(&[], "permessage-deflate; server_max_window_bits=7")
        .exits(8)
        .complains(&["server_max_window_bits", "try: --no-compress offers no"]);
    extended(&["--no-compress"], "permessage-deflate")
        .exits(8)
        .complains(&["'permessage-deflate', which was never offered\n"]);
    let output = extended(&["-H", "Sec-WebSocket-Extensions: x-foo"], "x-foo; a");
    output.exits(8).complains(&[
        "the server chose the extension 'x-foo', offered by your -H, which wirecat does not support\n",
    ]);
}

#[test]
fn the_negotiated_extensions_are_shown() {
    let header = by_hand("; client_max_window_bits; server_no_context_takeover");
    let chosen = "permessage-deflate; client_max_window_bits=\"12\"; server_no_context_takeover";
    extended(&["-v", "-H", &header], chosen).exits(0).complains(&[
        ", extensions permessage-deflate; client_max_window_bits=\"12\"; server_no_context_takeover\n\
         compression: server window 15 bits, client window 12 bits; context takeover by the client only\n",
    ]);
    let output = extended(&["--json", "-H", &header], chosen);
    let open = r#","extensions":"permessage-deflate; client_max_window_bits=\"12\"; server_no_context_takeover","timing":{"#;
    assert!(
        output.exits(0).is_quiet().stdout_text().contains(open),
        "{output:?}"
    );
    extended(&["-v", "-H", &header], "")
        .exits(0)
        .complains(&["\ncompression: none agreed\n"]);
}

#[test]
fn the_debug_server_takes_the_options_too() {
    for (option, told) in [
        (
            "--server-max-window-bits=9",
            "compression: server window 9 bits, client window 15 bits; context takeover both ways\n",
        ),
        ("--no-compress", "compression: none agreed\n"),
    ] {
        let mut server = wirecat(["serve", "0", "--silent", option]).spawn();
        let mut line = String::new();
        let mut stdout = BufReader::new(server.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap();
        let output = wirecat(["-v", "-1", "-d", "hi", &format!("{url}/echo")]).run();
        server.kill().unwrap();
        server.wait().unwrap();
        output.exits(0).prints("hi\n").complains(&[told]);
    }
}

/// A right answer with these lines, and bytes after it.
fn accepted(wire: &mut Wire, lines: &str, and_then: &[u8]) -> Vec<u8> {
    let request = wire.request();
    let accept = accept_for(header(&request, "Sec-WebSocket-Key").unwrap());
    let head = format!("HTTP/1.1 101 Fine\r\n{lines}Sec-WebSocket-Accept: {accept}\r\n\r\n");
    [head.as_bytes(), and_then].concat()
}

#[test]
fn unusual_but_valid_responses_are_accepted() {
    const UPGRADE: &str = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n";
    let many: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    for lines in [
        UPGRADE.to_owned(),
        "upgrade:websocket\r\nCONNECTION:  upgrade \r\n".to_owned(),
        "Upgrade: websocket\r\nConnection: close\r\nConnection: Upgrade\r\n".to_owned(),
        format!("{UPGRADE}{many}"),
        format!("{UPGRADE}X-Long: {}\r\n", "x".repeat(50_000)),
        format!("{UPGRADE}X-Latin1: \u{e9}\r\nContent-Length: 0\r\n"),
    ] {
        let server = raw(move |mut wire| {
            let answer = accepted(&mut wire, &lines, &[text("hi"), close(1000, "")].concat());
            wire.send(answer);
            wire.until_close()
        });
        wirecat([server.url("/")])
            .run()
            .exits(0)
            .prints("hi\n")
            .is_quiet();
        assert_eq!(server.result().unwrap().close_code(), Some(1000));
    }
    // An informational answer may come first (RFC 9110 section 15.2).
    let server = raw(|mut wire| {
        let answer = accepted(&mut wire, UPGRADE, &close(1000, ""));
        wire.send([&b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"[..], &answer].concat());
        wire.until_close();
    });
    wirecat([server.url("/")]).run().exits(0);
}

#[test]
fn frames_in_the_segment_of_the_101_are_not_lost_however_it_is_segmented() {
    let frames = [text("one"), text("two"), close(4001, "x")].concat();
    for cut in ["nowhere", "after the head", "everywhere"] {
        let frames = frames.clone();
        let server = raw(move |mut wire| {
            let lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
            let answer = accepted(&mut wire, lines, &frames);
            let size = match cut {
                "nowhere" => answer.len(),
                "after the head" => answer.len() - frames.len(),
                _ => 1,
            };
            answer.chunks(size).for_each(|chunk| wire.send(chunk));
            wire.until_close()
        });
        wirecat([server.url("/")])
            .run()
            .exits(112)
            .prints("one\ntwo\n");
        assert_eq!(server.result().unwrap().close_code(), Some(4001), "{cut}");
    }
}

#[test]
fn the_chosen_subprotocol_is_shown() {
    let chosen = |options: &[&str], line: &'static str| {
        let server = raw(move |mut wire| {
            wire.handshake_with(line, &close(1000, ""));
            wire.until_close();
        });
        wirecat(
            [
                options,
                &["--protocol", "a", "--protocol", "b", &server.url("/")],
            ]
            .concat(),
        )
        .run()
    };
    let output = chosen(&["--json"], "Sec-WebSocket-Protocol: b\r\n");
    let open = r#","status":101,"http":"1.1","subprotocol":"b","extensions":null,"timing":{"#;
    assert!(
        output.exits(0).is_quiet().stdout_text().contains(open),
        "{output:?}"
    );
    chosen(&["-v"], "Sec-WebSocket-Protocol: b\r\n")
        .exits(0)
        .complains(&[
            ", subprotocol b\n",
            "\n> Sec-WebSocket-Protocol: a, b\n",
            "\n< Sec-WebSocket-Protocol: b\n",
        ]);
    let output = chosen(&[], "");
    assert_eq!(
        output.exits(0).stderr,
        "wirecat: warning: the server chose none of the offered subprotocols\n"
    );
}

/// Long enough for a busy machine to get to the step in question.
const TIMEOUT: &str = "2s";

/// Runs against a server that never gets to the end, and must be cut off.
#[track_caller]
fn cut_off(scheme: &str, server: impl FnOnce(Wire) + Send + 'static, step: (&str, &str)) {
    let server = raw(server);
    let url = format!("{scheme}://{}/", server.address);
    let start = Instant::now();
    let output = wirecat(["-k", "--connect-timeout", TIMEOUT, &url]).run();
    assert!(
        (2000..9000).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    let exit = if scheme == "wss" { 35 } else { 28 };
    output.exits(exit).prints("");
    let said = output
        .stderr
        .strip_prefix("wirecat: timed out after 2s (")
        .and_then(|said| said.strip_suffix(")\n  try: --connect-timeout T waits longer\n"))
        .unwrap_or_else(|| panic!("{}", output.stderr));
    assert!(said.starts_with(step.0) && said.ends_with(step.1), "{said}");
    server.result();
}

#[test]
fn the_connect_timeout_is_one_deadline_over_all_steps() {
    let nothing = ("waiting for the server to answer the handshake", "");
    let rest = (
        "waiting for the rest of the server's answer to the handshake; ",
        " bytes came",
    );
    let silent = |mut wire: Wire| drop(std::io::copy(&mut wire.0, &mut std::io::sink()));
    let dripping = |mut wire: Wire| {
        wire.request();
        wire.send("HTTP/1.1 101 Switching Protocols\r\nX: ");
        while wire.0.write_all(b"x").is_ok() {
            sleep(Duration::from_millis(20));
        }
    };
    let hinting = |mut wire: Wire| {
        wire.request();
        while wire
            .0
            .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            .is_ok()
        {
            sleep(Duration::from_millis(20));
        }
    };
    let hello = ("waiting for the server in the TLS handshake", "");
    std::thread::scope(|scope| {
        scope.spawn(move || cut_off("ws", silent, nothing));
        scope.spawn(move || cut_off("wss", silent, hello));
        scope.spawn(move || cut_off("ws", dripping, rest));
        scope.spawn(move || cut_off("ws", hinting, rest));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_zone_of_an_address_chooses_the_interface_and_is_not_sent() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        // A machine without IPv6.
        return;
    };
    let port = listener.local_addr().unwrap().port();
    for zone in ["lo", "25lo", "1", "251"] {
        let url = format!("ws://[::1%{zone}]:{port}/x");
        let server = {
            let listener = listener.try_clone().unwrap();
            std::thread::spawn(move || {
                let (stream, _) = listener.accept().unwrap();
                let mut wire = Wire::new(stream);
                let request = wire.handshake();
                wire.close(1000, "");
                request
            })
        };
        wirecat([&url]).run().exits(0).prints("").is_quiet();
        let request = server.join().unwrap();
        let host = format!("[::1]:{port}");
        assert_eq!(header(&request, "Host"), Some(host.as_str()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_unknown_interface_is_exit_6() {
    let output = wirecat(["ws://[fe80::1%25nosuch0]/"]).run();
    output.exits(6).prints("").complains(&[
        "wirecat: there is no network interface 'nosuch0'\n",
        "\n  try: one of its interfaces: ",
    ]);
    // The kernel says only that an argument is invalid.
    let output = wirecat(["ws://[fe80::1]:9/"]).run();
    output.exits(7).complains(&[
        "wirecat: could not connect to [fe80::1]:9: ",
        "\n  try: name the interface that this link-local address is on: [fe80::1%25eth0]\n",
    ]);
}
