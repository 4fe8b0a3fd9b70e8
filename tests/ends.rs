//! Every way a connection can end: the exit code, what stderr says, and what the peer gets to see.

use std::io::Write;
use std::time::{Duration, Instant};

use wirecat::internals::error::EXITS;

use crate::support::server::{Frame, Wire, close, frame_of, raw, serve, text};
use crate::support::{Output, wirecat};

/// Runs the program until the server closes.
fn run(url: &str, options: &[&str]) -> Output {
    wirecat([options, &["--on-eof", "stay", url]].concat()).run()
}

/// A server that sends these bytes after the handshake, and reads until our Close.
fn sends(bytes: impl AsRef<[u8]> + Send + 'static, options: &[&str]) -> (Output, Option<Frame>) {
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.send(bytes);
        wire.until_close()
    });
    let output = run(&server.url("/"), options);
    (output, server.result())
}

#[track_caller]
fn says(output: &Output, stderr: &str) {
    assert_eq!(output.stderr, stderr);
}

#[test]
fn a_close_from_the_server_gives_the_exit_code_and_is_answered_with_its_own_code() {
    for (code, reason, exit, stderr) in [
        (1000, "", 0, ""),
        (1001, "bye", 0, ""),
        (1002, "", 111, "closed by server: 1002 (protocol error)\n"),
        (
            1011,
            "boom",
            111,
            "closed by server: 1011 (internal error) \"boom\"\n",
        ),
        (1014, "", 111, "closed by server: 1014 (bad gateway)\n"),
        (3000, "", 112, "closed by server: 3000 (unauthorized)\n"),
        (
            4001,
            "token expired",
            112,
            "closed by server: 4001 (private use) \"token expired\"\n",
        ),
        (4999, "", 112, "closed by server: 4999 (private use)\n"),
    ] {
        let (output, answer) = sends(close(code, reason), &[]);
        output.exits(exit).prints("");
        says(&output, stderr);
        let answer = answer.expect("our Close");
        assert_eq!(answer.close_code(), Some(code));
        assert!(answer.masked && answer.fin);
    }
}

#[test]
fn a_close_without_a_code_is_answered_without_one() {
    let (output, answer) = sends(frame_of(0x88, b""), &["--json"]);
    output.exits(0).is_quiet();
    let told = r#""by":"peer","code":1005,"reason":"","clean":true}"#;
    assert!(output.stdout_text().contains(told), "{output:?}");
    assert_eq!(answer.unwrap().payload, b"");
}

#[test]
fn a_close_counts_however_it_is_segmented() {
    let server = raw(|mut wire| {
        wire.handshake();
        for byte in close(4001, "x") {
            wire.send([byte]);
            std::thread::sleep(Duration::from_millis(1));
        }
        wire.until_close()
    });
    run(&server.url("/"), &[]).exits(112);
    assert_eq!(server.result().unwrap().close_code(), Some(4001));
}

/// Sends two messages and then `bytes`, which break `rule`.
#[track_caller]
fn breaks(bytes: &[u8], code: u16, name: &str, rule: &str) {
    let bytes = [&text("one"), &text("two"), bytes].concat();
    let (output, answer) = sends(bytes, &["--max-message-size", "10"]);
    output.exits(110).prints("one\ntwo\n");
    let closed = format!("closed by us: {code} ({name})");
    // A limit of ours is not a rule of the protocol's.
    let (what, advice) = match code {
        1009 => ("sent ", "  try: --max-message-size SIZE allows more\n"),
        _ => ("broke the protocol: ", ""),
    };
    let said = output.stderr.split_once("\n  frame: ").expect("the frame");
    assert_eq!(said.0, format!("wirecat: the server {what}{rule}"));
    let frame: Vec<&str> = said.1.splitn(3, '\n').collect();
    assert!(frame[0].starts_with("FIN="), "{output:?}");
    assert!(frame[1].starts_with("  bytes: "), "{output:?}");
    assert_eq!(frame[2], format!("  {closed}\n{advice}"));
    assert_eq!(answer.expect("our Close").close_code(), Some(code));
}

#[test]
fn a_violation_is_answered_with_a_close_and_earlier_messages_are_printed() {
    let split = [frame_of(0x01, b"x"), text("y")].concat();
    for (bytes, rule, section) in [
        (
            close(1005, ""),
            "a Close frame with the code 1005, which must not be sent",
            "7.4",
        ),
        (
            close(999, ""),
            "a Close frame with the code 999, which must not be sent",
            "7.4",
        ),
        (
            frame_of(0x88, b"\x03"),
            "a Close frame with a body of one byte",
            "5.5.1",
        ),
        (
            close(1000, &"x".repeat(124)),
            "a Close frame of 126 bytes, where 125 are allowed",
            "5.5",
        ),
        (
            b"\x81\x81\0\0\0\0x".to_vec(),
            "a masked frame from a server",
            "5.1",
        ),
        (
            frame_of(0xc1, b"x"),
            "RSV1 set, with no extension agreed on that uses it",
            "5.2",
        ),
        (
            frame_of(0xb1, b"x"),
            "RSV2 and RSV3 set, with no extension agreed on that uses it",
            "5.2",
        ),
        (
            b"\x81\x7e\0\x01x".to_vec(),
            "a length of 1 in 16 bits, which is not the shortest form",
            "5.2",
        ),
        (
            [&b"\x82\x7f"[..], &[0xff; 8]].concat(),
            "a length with its top bit set",
            "5.2",
        ),
        (frame_of(0x83, b"x"), "the reserved opcode 3", "5.2"),
        (frame_of(0x8b, b""), "the reserved opcode 11", "5.2"),
        (frame_of(0x09, b""), "a fragmented ping frame", "5.5"),
        (
            frame_of(0x89, &[b'x'; 200]),
            "a ping frame of 200 bytes, where 125 are allowed",
            "5.5",
        ),
        (
            frame_of(0x80, b"x"),
            "a continuation frame with no message to continue",
            "5.4",
        ),
        (split, "a text frame within a fragmented message", "5.4"),
    ] {
        let rule = format!("{rule} (RFC 6455 section {section})");
        breaks(&bytes, 1002, "protocol error", &rule);
    }
}

#[test]
fn bad_text_is_1007_and_a_message_that_is_too_long_1009() {
    let reason =
        "a Close frame with the code 1000 whose reason is not UTF-8 (RFC 6455 section 5.5.1)";
    let message = "a text message that is not UTF-8 from byte 1 on (RFC 6455 section 8.1)";
    let cut_off = "a text message that ends within a character (RFC 6455 section 8.1)";
    for (bytes, rule) in [
        (&b"\x88\x03\x03\xe8\xff"[..], reason),
        (b"\x81\x01\xff", message),
        (b"\x81\x02\xe2\x82", cut_off),
        (b"\x01\x01\xe2\x80\x02\x82x", message),
    ] {
        breaks(bytes, 1007, "invalid payload data", rule);
    }
    let announced = |length: u64| [&b"\x82\x7f"[..], &length.to_be_bytes()].concat();
    for (bytes, size) in [
        (frame_of(0x82, &[0; 11]), 11),
        (
            [frame_of(0x02, &[0; 6]), frame_of(0x80, &[0; 6])].concat(),
            12,
        ),
        (announced(1 << 30), 1 << 30),
        (announced(u64::MAX >> 1), u64::MAX >> 1),
    ] {
        let rule = format!(
            "a message of at least {size} bytes, more than the 10 that --max-message-size allows"
        );
        breaks(&bytes, 1009, "message too big", &rule);
    }
}

#[test]
fn the_message_limit_does_not_apply_to_control_frames() {
    let ping = frame_of(0x89, &[b'p'; 125]);
    let bytes = [ping, text("ten bytes."), close(1000, "")].concat();
    let server = raw(move |mut wire| {
        wire.handshake_with("", &bytes);
        wire.frame()
    });
    run(&server.url("/"), &["--max-message-size", "10"])
        .exits(0)
        .prints("ten bytes.\n")
        .is_quiet();
    let pong = server.result().expect("a pong");
    assert_eq!((pong.opcode, pong.payload), (10, vec![b'p'; 125]));
}

#[test]
fn a_connection_that_breaks_is_1006() {
    let advice = "  try: see the server's log: it crashed, was stopped, or a proxy in between cut an idle connection\n";
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("last words"));
    });
    let output = run(&server.url("/"), &[]);
    output.exits(56).prints("last words\n");
    says(
        &output,
        &format!(
            "wirecat: connection lost without a Close frame (1006): the server ended the TCP connection\n{advice}"
        ),
    );
    let server = raw(|mut wire| {
        wire.handshake();
        assert_eq!(wire.message(), b"die");
        wire.reset();
    });
    let output = run(&server.url("/"), &["-d", "die"]);
    output.exits(56).prints("");
    says(
        &output,
        &format!(
            "wirecat: connection lost without a Close frame (1006): connection reset by peer\n{advice}"
        ),
    );
}

#[test]
fn a_truncated_message_is_not_printed() {
    let server = raw(|mut wire| wire.handshake_with("", b"\x81\x05hel"));
    run(&server.url("/"), &[]).exits(56).prints("");
}

#[test]
fn unreachable_servers() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("ws://127.0.0.1:{port}/");
    let output = wirecat([&url]).run();
    output.exits(7).prints("");
    says(
        &output,
        &format!(
            "wirecat: could not connect to 127.0.0.1:{port}: connection refused\n  try: check that the server is running and listens on that port\n"
        ),
    );
    wirecat(["ws://x.invalid/"])
        .run()
        .exits(6)
        .prints("")
        .complains(&[
            "wirecat: could not resolve the host name 'x.invalid': ",
            "\n  try: check the spelling and your network\n",
        ]);
    for (url, stderr) in [
        (
            "ws://h:99999/",
            "wirecat: malformed URL 'ws://h:99999/': invalid port number\n",
        ),
        (
            "ws:///x",
            "wirecat: malformed URL 'ws:///x': it has no host\n",
        ),
        (
            "ftp://h/",
            "wirecat: malformed URL 'ftp://h/': the scheme 'ftp' is not ws or wss\n  try: ws://, wss://, http:// or https://\n",
        ),
        (
            "ws://h/#x",
            "wirecat: malformed URL 'ws://h/#x': a WebSocket URL has no fragment (RFC 6455 section 3)\n  try: write %23 if the # belongs to the path or the query\n",
        ),
        (
            "ws://a b/",
            "wirecat: malformed URL 'ws://a b/': it contains a space or control character\n  try: percent-encode it (%20 is a space)\n",
        ),
    ] {
        let output = wirecat([url]).run();
        output.exits(3).prints("");
        says(&output, stderr);
    }
}

/// A server that does `then` once it has our Close.
fn at_our_close<T: Send + 'static>(
    options: &[&str],
    then: impl FnOnce(&mut Wire) -> T + Send + 'static,
) -> Output {
    let server = raw(move |mut wire| {
        wire.handshake();
        let frame = wire.until_close().expect("our Close");
        assert_eq!(frame.close_code(), Some(1000));
        then(&mut wire)
    });
    let url = server.url("/");
    let output = wirecat([options, &["-d", "x", "--on-eof", "close", &url]].concat()).run();
    server.result();
    output
}

#[test]
fn our_close_may_be_answered_late_badly_or_not_at_all() {
    let output = at_our_close(&[], |wire| {
        wire.send(
            [
                text("late"),
                frame_of(0x89, b"p"),
                text("later"),
                close(1000, ""),
            ]
            .concat(),
        );
        // Nothing may follow our Close, not even a pong (RFC 6455 section 5.5.1).
        assert_eq!(wire.frame(), None);
    });
    output.exits(0).prints("late\nlater\n").is_quiet();

    at_our_close(&[], |_| {}).exits(0).prints("").is_quiet();

    let output = at_our_close(&[], |wire| wire.send(close(4000, "no")));
    output.exits(112);
    says(&output, "closed by server: 4000 (private use) \"no\"\n");

    let output = at_our_close(&[], |wire| {
        wire.send([text("late"), frame_of(0x83, b"")].concat())
    });
    output.exits(110).prints("late\n");

    let start = Instant::now();
    let output = at_our_close(&["--close-timeout", "100ms"], |wire| {
        assert_eq!(wire.frame(), None);
    });
    output.exits(28).prints("");
    says(
        &output,
        "wirecat: the server did not answer our Close in time\n  try: --close-timeout T waits longer\n",
    );
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "5s is the default"
    );
}

#[test]
fn a_server_that_keeps_sending_after_our_close_is_disconnected() {
    let output = at_our_close(&["--close-timeout", "200ms"], |wire| {
        while wire.0.write_all(&text("more")).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    output.exits(28);
    assert!(output.stdout.starts_with(b"more\n"), "{output:?}");
}

#[test]
fn max_time_ends_everything() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("hello"));
        wire.until_close()
    });
    let output = run(&server.url("/"), &["--max-time", "300ms"]);
    output.exits(28).prints("hello\n");
    says(&output, "wirecat: --max-time is over\n");
    assert_eq!(server.result().unwrap().close_code(), Some(1001));

    // Also before there is a connection.
    let server = raw(|mut wire| {
        wire.request();
        wire.frame()
    });
    let output = run(&server.url("/"), &["-m", "0.2"]);
    output.exits(28).prints("");
    says(&output, "wirecat: --max-time is over\n");
}

#[test]
fn an_unmet_count_is_exit_1_unless_another_error_takes_precedence() {
    let unmet = "wirecat: the connection ended before --count, --until or -1 was met\n";
    let (output, _) = sends(
        [text("1"), text("2"), close(1000, "")].concat(),
        &["--count", "3"],
    );
    output.exits(1).prints("1\n2\n");
    says(&output, unmet);
    let (output, _) = sends([text("1"), close(4001, "")].concat(), &["--count", "3"]);
    output.exits(112).prints("1\n");
    let (output, _) = sends(
        [text("1"), close(1000, "")].concat(),
        &["--until", ". == 2"],
    );
    output.exits(1).prints("1\n");
    says(&output, unmet);
}

#[test]
fn a_met_condition_is_success_whatever_the_peer_does_afterwards() {
    for rest in [
        close(1000, ""),
        close(4001, "no"),
        close(999, ""),
        frame_of(0x83, b"x"),
        b"\x81".to_vec(),
        vec![],
    ] {
        let bytes = [text("1"), rest].concat();
        let (output, _) = sends(bytes, &["-1", "--close-timeout", "100ms"]);
        output.exits(0).prints("1\n");
    }
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("1"));
        wire.until_close();
        wire.reset();
    });
    run(&server.url("/"), &["-1"])
        .exits(0)
        .prints("1\n")
        .is_quiet();
}

#[test]
fn a_silent_peer_that_answers_no_ping_is_dead() {
    let server = raw(|mut wire| {
        wire.handshake();
        while wire.frame().is_some() {}
    });
    let pings = ["--ping-interval", "50ms", "--ping-timeout", "100ms"];
    let output = run(&server.url("/"), &pings);
    output.exits(28).complains(&["wirecat: no pong within "]);
    assert!(!output.stderr.contains(" 0 s"), "{}", output.stderr);
}

#[test]
fn the_debug_servers_closes_give_the_documented_exit_codes() {
    let server = serve();
    for (code, exit) in [
        (1000, 0),
        (1001, 0),
        (1005, 0),
        (1011, 111),
        (3000, 112),
        (4999, 112),
    ] {
        run(&server.url(&format!("/close/{code}")), &[]).exits(exit);
    }
}

#[test]
fn the_help_prints_every_exit_code() {
    let output = wirecat(["--help"]).run();
    let help = output.exits(0).is_quiet().stdout_text();
    let (_, table) = help.split_once("Exit codes:\n").expect("the table");
    let codes: Vec<u8> = table
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    let expected: Vec<u8> = EXITS.iter().map(|(exit, _)| exit.code()).collect();
    assert_eq!(codes, expected);
}
