//! Connecting again: when, how often, with what, and what became of the messages.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::support::server::{Raw, Wire, close, frame_of, header, raw, raws, serve, text};
use crate::support::{Output, output, wait, wirecat};

/// No test waits for the delays that people want.
const FAST: [&str; 4] = [
    "--reconnect",
    "--reconnect-delay=10ms",
    "--reconnect-max-delay=50ms",
    "--idle=300ms",
];

fn fast<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&FAST[..], args].concat()
}

/// The events of a type in the output of `--json`.
fn events(output: &str, name: &str) -> Vec<Value> {
    let all = output
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| event["type"] == name).collect()
}

/// Answers with this status and these header lines (each ended by CRLF).
fn refuse(mut wire: Wire, status: &str, headers: &str) -> String {
    let request = wire.request();
    wire.send(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n"
    ));
    request
}

/// Echoes up to the client's Close, and answers that.
fn echo(wire: &mut Wire) {
    loop {
        let frame = wire.frame().expect("a frame");
        match frame.opcode {
            8 => return wire.send(frame_of(0x88, &frame.payload)),
            9 => wire.send(frame_of(0x8a, &frame.payload)),
            _ => wire.send(frame_of(0x80 | frame.opcode, &frame.payload)),
        }
    }
}

#[test]
fn a_pipe_does_not_reconnect_by_default() {
    for (args, code) in [
        (&[][..], 111),
        (&["--reconnect", "--no-reconnect"], 111),
        (&["--reconnect=0"], 111),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.close(1012, "restart")
        });
        let run = wirecat([args, &["--on-eof=stay", &server.url("/")]].concat()).run();
        run.exits(code);
        assert_eq!(
            run.stderr,
            "closed by server: 1012 (service restart) \"restart\"\n"
        );
        server.result();
    }
}

#[test]
fn each_decision_is_a_line_and_an_event() {
    let script = |n: usize, mut wire: Wire| {
        if n == 1 {
            return drop(refuse(
                wire,
                "503 Service Unavailable",
                "Retry-After: 0\r\n",
            ));
        }
        wire.handshake();
        match n {
            2 => drop(wire.close(1012, "")),
            3 => wire.reset(),
            _ => drop(wire.close(4004, "")),
        }
    };
    let server = raws(4, script);
    let url = server.url("/");
    let args = fast(&[
        "--no-reconnect-on",
        "4000-4009",
        "--json",
        "--on-eof",
        "stay",
        &url,
    ]);
    let run = wirecat(args).run();
    run.exits(112);
    let lines: Vec<&str> = run.stderr.lines().collect();
    for (line, begins, ends) in [
        (
            lines[0],
            "retry 1 in ",
            " (HTTP 503 Service Unavailable, Retry-After 0 s)",
        ),
        (lines[1], "closed by server: 1012 (service restart)", ""),
        (
            lines[2],
            "retry 2 in ",
            " (closed by server: 1012 service restart)",
        ),
        (
            lines[3],
            "retry 3 in ",
            " (connection lost: connection reset by peer)",
        ),
        (lines[4], "closed by server: 4004 (private use)", ""),
        (
            lines[5],
            "not retrying: 4004 is listed in --no-reconnect-on",
            "",
        ),
    ] {
        assert!(line.starts_with(begins) && line.ends_with(ends), "{line:?}");
    }
    assert_eq!(lines.len(), 6, "{lines:?}");
    let told = run.stdout_text();
    let retries = events(&told, "retry");
    let whys: Vec<_> = retries
        .iter()
        .map(|event| (event["attempt"].as_u64(), event["why"].as_str()))
        .collect();
    assert_eq!(
        whys,
        [
            (Some(2), Some("status 503")),
            (Some(3), Some("close 1012")),
            (Some(4), Some("connection lost: connection reset by peer"))
        ]
    );
    assert!(
        retries
            .iter()
            .all(|event| event["delay"].as_f64().unwrap() <= 0.05)
    );
    let connecting: Vec<_> = events(&told, "connecting")
        .iter()
        .map(|event| (event["conn"].as_u64(), event["attempt"].as_u64()))
        .collect();
    let expected = [(1, 1), (1, 2), (2, 3), (3, 4)].map(|(conn, n)| (Some(conn), Some(n)));
    assert_eq!(connecting, expected);
    let opened: Vec<_> = events(&told, "open")
        .iter()
        .map(|event| event["conn"].as_u64())
        .collect();
    assert_eq!(opened, [Some(1), Some(2), Some(3)]);
    let last = &events(&told, "give_up")[0];
    assert_eq!(
        (last["attempts"].as_u64(), last["why"].as_str()),
        (Some(4), Some("4004 is listed in --no-reconnect-on"))
    );
    server.result();
}

#[test]
fn the_lists_override_what_is_retried() {
    for (code, list) in [
        ("1000", "1000"),
        ("4401", "4000-4999"),
        ("1008", "1007-1010"),
    ] {
        let server = serve();
        let url = server.url(&format!("/close/{code}"));
        let run = wirecat(fast(&["--reconnect=2", "--reconnect-on", list, &url])).run();
        run.exits(113).complains(&[
            "retry 2 in ",
            "not retrying: 2 retries are used up (--reconnect=2)",
            &format!("gave up connecting: closed by server: {code}"),
        ]);
    }
    let server = serve();
    let url = server.url("/status/404");
    wirecat(fast(&["--reconnect=1", "--reconnect-on=404", &url]))
        .run()
        .exits(113)
        .complains(&["retry 1 in ", "HTTP 404 Not Found"]);
    for wrong in ["99", "1000-", "4999-4000", "x", ""] {
        wirecat(["--reconnect-on", wrong, "ws://localhost:1"])
            .run()
            .exits(2)
            .complains(&["--reconnect-on"]);
    }
}

#[test]
fn permanent_failures_are_not_retried() {
    let server = serve();
    for (path, code, words) in [
        (
            "/close/1000",
            0,
            "not retrying: the server closed with 1000 (normal closure)",
        ),
        (
            "/close/1008",
            111,
            "not retrying: the server closed with 1008 (policy violation)",
        ),
        (
            "/close/3000",
            112,
            "not retrying: the server closed with 3000 (unauthorized)",
        ),
        (
            "/close/4401",
            112,
            "not retrying: closed by server: 4401 private use",
        ),
        (
            "/frames/rsv",
            110,
            "not retrying: wirecat closed with 1002 (protocol error)",
        ),
        (
            "/status/403",
            22,
            "not retrying: HTTP 403 Forbidden would be the same again",
        ),
    ] {
        let url = server.url(path);
        let run = wirecat(fast(&[&url])).run();
        run.exits(code).complains(&[words]);
        assert!(!run.stderr.contains("retry 1"), "{}", run.stderr);
    }
    let url = server.url("/echo").replace("ws://", "wss://");
    wirecat(fast(&["--reconnect=1", &url]))
        .run()
        .exits(35)
        .complains(&["not retrying: TLS handshake failed: the server does not speak TLS"]);
}

#[test]
fn a_late_server_is_waited_for() {
    // A port that was free a moment ago, and whose owner comes back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut child = wirecat(fast(&["-1", "-d", "hello", &format!("ws://{address}/")])).spawn();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(
        line.starts_with("retry 1 in ") && line.contains("(could not connect to 127.0.0.1:"),
        "{line}"
    );
    let listener = std::net::TcpListener::bind(address).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut wire = Wire::new(stream);
    wire.handshake();
    echo(&mut wire);
    let output = output(child);
    output.exits(0).prints("hello\n");
}

#[test]
fn retry_after_is_honoured() {
    for in_seconds in [true, false] {
        let asked = match in_seconds {
            true => "1".to_owned(),
            false => httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2)),
        };
        let mut times = Vec::new();
        let server = raws(2, move |n, mut wire| {
            times.push(Instant::now());
            if n == 1 {
                refuse(
                    wire,
                    "429 Too Many Requests",
                    &format!("Retry-After: {asked}\r\n"),
                );
                return Duration::ZERO;
            }
            wire.handshake();
            echo(&mut wire);
            times[1] - times[0]
        });
        let url = server.url("/");
        wirecat(fast(&["-d", "x", &url]))
            .run()
            .exits(0)
            .prints("x\n");
        let waited = server.result()[1];
        assert!(waited >= Duration::from_millis(950), "{waited:?}");
    }
}

#[test]
fn reconnect_max_time_limits_the_time_without_a_connection() {
    let start = Instant::now();
    let args = [
        "--reconnect",
        "--reconnect-delay=50ms",
        "--reconnect-max-time=300ms",
        "-d",
        "x",
        "ws://127.0.0.1:1/",
    ];
    wirecat(args)
        .run()
        .exits(113)
        .complains(&["--reconnect-max-time is 0.3 s"]);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn every_connection_starts_the_same_way() {
    let directory = tempfile::tempdir().unwrap();
    let count = directory.path().join("count");
    let token = format!(
        "cmd:echo x >> {0}; echo token-$(wc -l < {0})",
        count.display()
    );
    let server = raws(3, |n, mut wire| {
        wire.handshake();
        let first: Vec<String> = (0..4)
            .map(|_| String::from_utf8(wire.message()).unwrap())
            .collect();
        if n < 3 {
            wire.reset();
        } else {
            wire.answer_close();
        }
        first
    });
    let url = server.url("/");
    let args = fast(&[
        "--token",
        &token,
        "--token-via",
        "message",
        "--token-message",
        "auth {{token}}",
        "--on-open",
        "one",
        "--on-open",
        "two",
        "--confirm=reply",
        "--json",
        "-d",
        "message",
        &url,
    ]);
    let run = wirecat(args).run();
    run.exits(1);
    let starts = server.result();
    for (n, start) in starts.iter().enumerate() {
        let token = format!("auth token-{}", n + 1);
        assert_eq!(start, &[token.as_str(), "one", "two", "message"]);
    }
    let told = run.stdout_text();
    let sent = events(&told, "send");
    let repeats = sent.iter().filter(|event| event["n"] == 1);
    let repeats: Vec<bool> = repeats.map(|event| event["repeat"] == true).collect();
    assert_eq!(repeats, [false, true, true]);
    let origins: Vec<Option<&str>> = sent.iter().map(|event| event["origin"].as_str()).collect();
    let again = [
        Some("token"),
        Some("on-open"),
        Some("on-open"),
        Some("repeat"),
    ];
    let first = [&again[..3], &[None]].concat();
    assert_eq!(origins, [&first[..], &again, &again].concat());
    assert!(
        !told.contains("token-1") && !run.stderr.contains("token-1"),
        "{told}"
    );
}

/// What the handshakes say, for a server that refuses every token in this way.
#[track_caller]
fn refusals(source: &str, refusal: u16, expected: &[&str], words: &str) {
    let server = raws(expected.len(), move |_, mut wire| {
        let request = match refusal {
            401 => refuse(wire, "401 Unauthorized", ""),
            code => {
                let request = wire.handshake();
                // A refusal in words is a message too.
                wire.send(text("who are you?"));
                wire.close(code, "");
                request
            }
        };
        header(&request, "authorization")
            .unwrap_or_default()
            .to_owned()
    });
    let url = server.url("/");
    let run = wirecat(fast(&["-v", "--token", source, "-d", "x", &url])).run();
    run.exits(if refusal == 401 { 22 } else { 112 })
        .complains(&[words]);
    assert_eq!(server.result(), expected);
    for token in expected {
        assert!(
            !run.stderr.contains(token.trim_start_matches("Bearer ")),
            "{}",
            run.stderr
        );
    }
    let shown = run
        .stderr
        .matches("> Authorization: Bearer [redacted]")
        .count();
    assert_eq!(shown, expected.len(), "{}", run.stderr);
}

#[test]
fn a_refused_token_is_refreshed_once() {
    let directory = tempfile::tempdir().unwrap();
    for refusal in [401, 4401, 3000] {
        let count = directory.path().join(refusal.to_string());
        let command = format!(
            "cmd:echo x >> {0}; echo token-$(wc -l < {0})",
            count.display()
        );
        let fresh = "a fresh token was refused as well";
        refusals(
            &command,
            refusal,
            &["Bearer token-1", "Bearer token-2"],
            fresh,
        );
        std::fs::write(&count, "token-in-a-file\n").unwrap();
        let file = format!("@{}", count.display());
        refusals(&file, refusal, &["Bearer token-in-a-file"; 2], fresh);
        let words = match refusal {
            401 => "HTTP 401 Unauthorized",
            4401 => "the credentials would be the same",
            _ => "the server closed with 3000 (unauthorized)",
        };
        refusals(
            "a-literal-token",
            refusal,
            &["Bearer a-literal-token"],
            words,
        );
    }
}

#[test]
fn a_token_that_expires_is_refreshed_repeatedly() {
    let directory = tempfile::tempdir().unwrap();
    let count = directory.path().join("count");
    let token = format!(
        "cmd:echo x >> {0}; echo token-$(wc -l < {0})",
        count.display()
    );
    let server = serve();
    let url = server.url("/expire?token-ttl=1s");
    let args = [
        "--token",
        &token,
        "--on-eof=stay",
        "--on-open=hello",
        "--count=4",
        &url,
    ];
    let run = wirecat(fast(&args)).run();
    run.exits(0).prints("hello\n".repeat(4));
    let expired = run
        .stderr
        .matches("closed by server: 4401 (private use) \"token expired\"");
    assert_eq!(expired.count(), 3, "{}", run.stderr);
}

#[test]
fn a_file_and_the_environment_are_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "first").unwrap();
    let path = file.path().to_owned();
    let server = raws(2, move |n, mut wire| {
        let request = wire.handshake();
        let token = header(&request, "authorization").unwrap().to_owned();
        if n == 1 {
            std::fs::write(&path, "second").unwrap();
            wire.reset();
        } else {
            echo(&mut wire);
        }
        token
    });
    let source = format!("@{}", file.path().display());
    wirecat(fast(&[
        "--token",
        &source,
        "--confirm=reply",
        "-d",
        "x",
        &server.url("/"),
    ]))
    .run()
    .exits(0)
    .prints("x\n");
    assert_eq!(server.result(), ["Bearer first", "Bearer second"]);
}

/// A server that takes `count` messages on its first connection and resets it, and echoes on the
/// second.
fn loses(count: usize) -> Raw<Vec<usize>> {
    raws(2, move |n, mut wire| {
        wire.handshake();
        if n == 2 {
            echo(&mut wire);
            return 0;
        }
        for _ in 0..count {
            wire.message();
        }
        wire.reset();
        count
    })
}

#[test]
fn without_confirmations_the_messages_of_a_lost_connection_are_uncertain() {
    let server = loses(3);
    let url = server.url("/");
    let run = wirecat(fast(&[
        "--json", "--stats", "-d", "a", "-d", "b", "-d", "c", &url,
    ]))
    .run();
    run.exits(1)
        .complains(&["messages 1 to 3 may not have arrived\n", "uncertain 3\n"]);
    let told = run.stdout_text();
    let uncertain = &events(&told, "uncertain")[0];
    assert_eq!(uncertain["messages"], serde_json::json!([[1, 3]]));
    assert_eq!(uncertain["conn"], 1);
    assert_eq!(events(&told, "end")[0]["unconfirmed"], 3);
    server.result();
}

#[test]
fn stdin_waits_while_there_is_no_connection() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            let first = wire.message();
            wire.reset();
            return vec![first];
        }
        let messages = vec![wire.message(), wire.message()];
        wire.answer_close();
        messages
    });
    let mut child = wirecat(fast(&[&server.url("/")])).spawn();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    let _stderr = until_retry(&mut child);
    stdin.write_all(b"two\nthree\n").unwrap();
    drop(stdin);
    assert_eq!(wait(&mut child).unwrap().code(), Some(1), "one may be lost");
    assert_eq!(
        server.result(),
        [
            vec![b"one".to_vec()],
            vec![b"two".to_vec(), b"three".to_vec()]
        ]
    );
}

#[test]
fn unconfirmed_messages_are_sent_again() {
    for how in [
        "--confirm=reply",
        "--confirm=.",
        "--confirm",
        "--confirm=pong",
    ] {
        let server = loses(2);
        let url = server.url("/");
        let run = wirecat(fast(&[
            how, "--json", "--stats", "-d", "1", "-d", "2", &url,
        ]))
        .run();
        run.exits(0).complains(&[
            "messages 1 to 2 were not confirmed and are sent again\n",
            "confirmed 2\n",
            "repeated  2\n",
        ]);
        let told = run.stdout_text();
        assert_eq!(
            events(&told, "repeated")[0]["messages"],
            serde_json::json!([[1, 2]])
        );
        let end = &events(&told, "end")[0];
        assert_eq!(
            (&end["confirmed"], &end["repeated"], &end["unconfirmed"]),
            (&2.into(), &2.into(), &0.into())
        );
        server.result();
    }
}

#[test]
fn acknowledgements_may_come_late_and_in_any_order() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            for number in 1..=3 {
                assert_eq!(wire.message(), format!("{{\"n\":{number}}}").into_bytes());
            }
            wire.send(text(r#"{"acks":[3,1]}"#));
            // The pong tells that it has been read.
            wire.send(frame_of(0x89, b"?"));
            assert_eq!(wire.frame().unwrap().opcode, 10);
            wire.reset();
            return;
        }
        assert_eq!(wire.message(), b"{\"n\":2}");
        wire.send(text(r#"{"acks":["2"]}"#));
        wire.answer_close();
    });
    let url = server.url("/");
    let message = ["-d", "{\"n\":{{n}}}"];
    let args = [
        &fast(&["--confirm=.acks[]", "--stats", &url])[..],
        &message,
        &message,
        &message,
    ]
    .concat();
    wirecat(args).run().exits(0).complains(&[
        "message 2 was not confirmed and is sent again\n",
        "confirmed 3\n",
        "repeated  1\n",
    ]);
    server.result();
}

#[test]
fn messages_never_confirmed_are_exit_1_with_their_numbers() {
    let server = serve();
    let url = server.url("/silent");
    for args in [
        &["--confirm=reply"][..],
        &["--confirm=.ack", "--on-eof", "close"],
    ] {
        let run = wirecat(
            [
                args,
                &["--idle", "100ms", "--stats", "-d", "a", "-d", "b", &url],
            ]
            .concat(),
        )
        .run();
        run.exits(1).complains(&[
            "messages 1 to 2 may not have arrived\n",
            "confirmed 0, 2 unconfirmed\n",
        ]);
    }
    wirecat(["--confirm=.[", "-d", "x", &url])
        .run()
        .exits(2)
        .complains(&["--confirm: "]);
    let echo = server.url("/echo");
    wirecat([
        "--confirm=.a",
        "--idle",
        "100ms",
        "-d",
        "[1]",
        "-d",
        "[2]",
        &echo,
    ])
    .run()
    .exits(1)
    .complains(&["wirecat: --confirm: cannot index [1] with \"a\"\n"]);
}

#[test]
fn closing_at_the_end_of_the_input_waits_for_confirmations() {
    let server = serve();
    let url = server.url("/echo?delay=300ms");
    wirecat([
        "--confirm=reply",
        "--on-eof",
        "close",
        "--idle",
        "10s",
        "-d",
        "a",
        "-d",
        "b",
        &url,
    ])
    .run()
    .exits(0)
    .prints("a\nb\n");
}

#[test]
fn a_loss_after_everything_is_confirmed_is_not_a_failure() {
    let server = raw(|mut wire| {
        wire.handshake();
        let message = wire.message();
        wire.send(frame_of(0x81, &message));
        wire.send(frame_of(0x89, b"?"));
        assert_eq!(wire.frame().unwrap().opcode, 10);
        wire.reset();
    });
    let url = server.url("/");
    let args = [
        "--reconnect",
        "--confirm=reply",
        "--idle",
        "20s",
        "-d",
        "x",
        &url,
    ];
    wirecat(args).run().exits(0).prints("x\n").is_quiet();
    server.result();
}

/// Reads stderr until the first retry is announced.
fn until_retry(child: &mut Child) -> BufReader<ChildStderr> {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("retry 1") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0);
    }
    stderr
}

/// Runs the program with this line on stdin against a server that answers it and goes for good;
/// `then` does the rest to stdin while there is no connection.
fn left_alone(
    args: &[&str],
    line: &str,
    then: impl FnOnce(ChildStdin) -> Option<ChildStdin>,
) -> Output {
    let server = raw(|mut wire| {
        wire.handshake();
        let message = wire.message();
        wire.send(frame_of(0x81, &message));
        // The reply has been read when the pong comes.
        wire.send(frame_of(0x89, b"?"));
        assert_eq!(wire.frame().unwrap().opcode, 10);
        wire.reset();
    });
    let url = server.url("/");
    let args = [&["--reconnect", "--reconnect-delay=50ms"], args, &[&url]].concat();
    let mut child = wirecat(args).spawn();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{line}").unwrap();
    let mut stderr = until_retry(&mut child);
    server.result();
    let kept_open = then(stdin);
    let mut run = output(child);
    stderr.read_to_string(&mut run.stderr).unwrap();
    drop(kept_open);
    run
}

#[test]
fn an_input_that_ends_while_offline_ends_the_run_if_nothing_is_left() {
    let end = |stdin| {
        drop(stdin);
        None
    };
    let run = left_alone(&["--confirm=reply"], "hello", end);
    run.exits(0).prints("hello\n");
    // Nothing is confirmed, and nothing more is wanted than that it is sent.
    left_alone(&["--on-eof=close"], "hello", end).exits(1);
}

#[test]
fn bad_input_is_named_while_there_is_no_connection() {
    let bad = |mut stdin: ChildStdin| {
        stdin.write_all(b"no hex\n").unwrap();
        Some(stdin)
    };
    let run = left_alone(&["--hex", "--text", "--confirm=reply"], "68", bad);
    run.exits(2).prints("h\n").complains(&["line 2"]);
}

#[test]
fn lockstep_and_rate_apply_to_repeats() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            wire.message();
            return wire.reset();
        }
        for number in ["1", "2", "3"] {
            assert_eq!(wire.message(), number.as_bytes());
            // Nothing else may come before the reply.
            wire.send(frame_of(0x89, b"?"));
            assert_eq!(wire.frame().unwrap().opcode, 10);
            wire.send(text(number));
        }
        wire.answer_close();
    });
    let url = server.url("/");
    let args = fast(&[
        "--lockstep",
        "--confirm=reply",
        "-d",
        "1",
        "-d",
        "2",
        "-d",
        "3",
        &url,
    ]);
    wirecat(args).run().exits(0).prints("1\n2\n3\n");
    server.result();
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            (0..3).for_each(|_| drop(wire.message()));
            wire.reset();
            return Duration::ZERO;
        }
        wire.message();
        let first = Instant::now();
        wire.message();
        wire.message();
        let took = first.elapsed();
        wire.answer_close();
        took
    });
    let url = server.url("/");
    let args = fast(&[
        "--rate=10",
        "--confirm=reply",
        "-d",
        "1",
        "-d",
        "2",
        "-d",
        "3",
        &url,
    ]);
    wirecat(args).run().exits(1);
    let took = server.result()[1];
    assert!(took >= Duration::from_millis(150), "{took:?}");
}

#[test]
fn lockstep_continues_after_a_reply_is_lost_with_its_connection() {
    let server = loses(1);
    let url = server.url("/");
    let args = fast(&["--lockstep", "-d", "1", "-d", "2", &url]);
    wirecat(args).run().exits(1).prints("2\n");
    server.result();
}

#[test]
fn a_full_outbox_stops_the_reading() {
    let server = raw(|mut wire| {
        wire.handshake();
        let mut seen = 0;
        // One message costs more than its byte; a ping tells that nothing else is on its way.
        while seen < 5 {
            wire.message();
            seen += 1;
        }
        wire.send(frame_of(0x89, b"?"));
        assert_eq!(wire.frame().unwrap().opcode, 10, "a sixth message");
        for _ in 0..5 {
            wire.send(text("ok"));
        }
        for _ in 5..20 {
            wire.message();
            wire.send(text("ok"));
        }
        wire.answer_close();
    });
    let lines: String = (0..20).map(|_| "x\n").collect();
    wirecat([
        "--confirm=reply",
        "--outbox=600",
        "--idle=200ms",
        &server.url("/"),
    ])
    .stdin(lines)
    .run()
    .exits(0);
    server.result();
}

#[test]
fn a_count_continues_over_connections() {
    let server = raws(3, |n, mut wire| {
        wire.handshake();
        wire.send(text(&n.to_string()));
        if n < 3 {
            wire.close(1012, "");
        } else {
            wire.answer_close();
        }
    });
    let url = server.url("/");
    wirecat(fast(&["--count=3", &url]))
        .run()
        .exits(0)
        .prints("1\n2\n3\n");
    server.result();
}

#[test]
fn a_reader_that_goes_while_offline_ends_the_run() {
    use crate::support::scripts::sh;
    let script =
        "\"$0\" --reconnect --reconnect-delay=60s --on-eof stay \"$1\" </dev/null | head -1";
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text("one"));
        wire.send(close(1012, ""));
        drop(wire.until_close());
    });
    sh(script, &[&server.url("/")]).exits(0).prints("one\n");
    server.result();
}

#[test]
fn a_full_outbox_does_not_block_quitting() {
    // Whatever is asked for, one message fills the outbox, and its acknowledgement never comes.
    let full = ["--confirm=.ack", "--outbox=1", "--idle=200ms"];
    let server = serve();
    let url = server.url("/silent");
    let run = wirecat([&full[..], &["-d", "first", &url]].concat()).run();
    run.exits(1).complains(&["message 1 may not have arrived"]);
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        (0..3).for_each(|_| wire.send(text("hello")));
        wire.answer_close();
    });
    let url = server.url("/");
    let args = [
        &full[..],
        &["-d", "first", "-d", "second", "--count=3", &url],
    ]
    .concat();
    wirecat(args).run().exits(1).prints("hello\nhello\nhello\n");
    server.result();
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text("hello"));
        wire.answer_close();
    });
    let url = server.url("/");
    let mut child = wirecat([&full[..2], &[&url]].concat()).spawn();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"first\nsecond\n").unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    // Whoever reads is gone, and whoever writes is not.
    drop(stdout);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    server.result();
}

/// Takes a message and resets the connection, and then says nothing more than `second` does.
fn resets_first(second: impl Fn(&mut Wire) + Send + 'static) -> Raw<Vec<()>> {
    raws(2, move |n, mut wire| {
        wire.handshake();
        if n == 1 {
            wire.message();
            return wire.reset();
        }
        second(&mut wire);
    })
}

/// What a running child has used of a processor, in clock ticks, of which Linux has 100 a second.
fn cpu_ticks(child: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum()
}

#[test]
fn a_repeat_that_must_wait_does_not_block_quitting() {
    // No reply ever comes, for which --lockstep waits, and not in vain circles.
    let (told, repeated) = std::sync::mpsc::channel();
    let server = resets_first(move |wire| {
        assert_eq!(wire.message(), b"a");
        told.send(()).unwrap();
        wire.answer_close();
    });
    let url = server.url("/");
    let args = fast(&[
        "--lockstep",
        "--confirm=.ack",
        "-d",
        "a",
        "-d",
        "b",
        "-m2s",
        &url,
    ]);
    let mut child = wirecat(args).spawn();
    repeated.recv().unwrap();
    let before = cpu_ticks(&child);
    std::thread::sleep(Duration::from_secs(1));
    let used = cpu_ticks(&child) - before;
    assert!(used < 50, "{used} hundredths of a second of one");
    assert_eq!(wait(&mut child).unwrap().code(), Some(28));
    server.result();
    // The condition is met before the second of ten repeats is due.
    let server = raws(2, move |n, mut wire| {
        wire.handshake();
        if n == 1 {
            (0..10).for_each(|_| drop(wire.message()));
            wire.reset();
            return 0;
        }
        wire.message();
        wire.send(text("enough"));
        let mut more = 0;
        while let Some(frame) = wire.frame().filter(|frame| frame.opcode != 8) {
            more += usize::from(frame.opcode == 1);
        }
        more
    });
    let url = server.url("/");
    let args = fast(&["--rate=4", "--confirm=.ack", "--count=1", &url]);
    let lines: String = (0..10).map(|n| format!("{n}\n")).collect();
    // --rate holds for the first time as well.
    let run = wirecat(args).stdin(lines).run();
    run.exits(1).prints("enough\n");
    // The one that is on its way when the condition is met.
    assert!(server.result()[1] <= 1);
}

#[test]
fn a_raw_frame_has_its_reply_too() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            assert_eq!(wire.message(), b"raw");
            wire.send(text("to raw"));
            assert_eq!(wire.message(), b"a");
            return wire.reset();
        }
        assert_eq!(wire.message(), b"a");
        wire.send(text("to a"));
        wire.answer_close();
    });
    let url = server.url("/");
    let input = concat!(
        r#"{"type":"frame","opcode":1,"data":"raw"}"#,
        "\n",
        r#"{"type":"send","data":"a"}"#,
        "\n"
    );
    wirecat(fast(&["--frame=events", "--confirm=reply", &url]))
        .stdin(input)
        .run()
        .exits(0)
        .prints("to raw\nto a\n");
    server.result();
}

#[test]
fn a_violation_after_our_own_close_is_the_end() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.until_close();
        wire.send(frame_of(0x83, b""));
    });
    let url = server.url("/");
    let input = "{\"type\":\"close\",\"code\":4000}\n";
    let run = wirecat(fast(&["--frame=events", &url])).stdin(input).run();
    run.exits(110);
    assert!(!run.stderr.contains("retr"), "{}", run.stderr);
    server.result();
}

#[test]
fn a_server_that_is_done_leaves_nothing_uncertain() {
    let server = serve();
    let url = server.url("/close/1000?after=1");
    let run = wirecat(fast(&["-d", "a", &url])).run();
    run.exits(0).prints("a\n");
    assert_eq!(
        run.stderr,
        "not retrying: the server closed with 1000 (normal closure)\n"
    );
}

#[test]
fn a_token_command_that_fails_later_is_retried() {
    let directory = tempfile::tempdir().unwrap();
    let count = directory.path().join("count");
    // The second time it fails.
    let token = format!(
        "cmd:echo x >> {0}; [ $(wc -l < {0}) -ne 2 ] && echo token",
        count.display()
    );
    let server = raws(2, |n, mut wire| {
        if n == 1 {
            return drop(refuse(wire, "503 Service Unavailable", ""));
        }
        wire.handshake();
        echo(&mut wire);
    });
    let url = server.url("/");
    wirecat(fast(&["--token", &token, "-1", "-d", "x", &url]))
        .run()
        .exits(0)
        .prints("x\n")
        .complains(&["retry 2 in ", "the command failed"]);
    server.result();
}

#[test]
fn repeats_acknowledged_before_they_are_due_are_skipped() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            (0..3).for_each(|_| drop(wire.message()));
            return wire.reset();
        }
        assert_eq!(wire.message(), b"1");
        // The server had them all.
        wire.send(text("[1,2,3]"));
        wire.answer_close();
    });
    let url = server.url("/");
    let args = fast(&["--confirm=.", "--rate=4", "--stats", &url]);
    wirecat(args)
        .stdin("1\n2\n3\n")
        .run()
        .exits(0)
        .prints("[1,2,3]\n")
        .complains(&["confirmed 3\n", "repeated  1\n"]);
    server.result();
}
