//! `--answer`, and `--on-open 'after EXPR: MESSAGE'`, against servers that speak first.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::listen::listen;
use crate::support::server::{Wire, frame_of, raw, raws, serve, text};
use crate::support::{output, send, wirecat};

pub(crate) const PING: &str = r#".type == "ping"={"type":"pong","n":{{.n}}}"#;

pub(crate) fn message(wire: &mut Wire) -> String {
    String::from_utf8(wire.message()).unwrap()
}

/// Waits until everything that was sent has been read, and nothing is sent because of it.
pub(crate) fn barrier(wire: &mut Wire) {
    wire.send(frame_of(0x89, b"read?"));
    let frame = wire.frame().unwrap();
    assert_eq!(frame.opcode, 10, "{frame:?}");
}

#[test]
fn every_rule_that_is_true_answers_in_order() {
    let server = raw(|mut wire| {
        wire.handshake();
        for question in [
            r#"{"type":"ask","id":1,"text":"a\"b\n"}"#,
            r#"{"other":1}"#,
            "no JSON",
            r#"{"type":"ask","id":2}"#,
        ] {
            wire.send(text(question));
        }
        let answers: Vec<String> = (0..5).map(|_| message(&mut wire)).collect();
        wire.close(1000, "");
        answers
    });
    wirecat([
        "--on-eof=stay",
        "--answer",
        r#".type == "ask"={"id":{{.id}},"text":"<{{.text}}>"}"#,
        "--answer",
        ".id == 1=one",
        "--answer",
        r#"startswith("no")={{. | ascii_upcase}}"#,
        "--answer",
        r#". == "no JSON" = {"got":{{.}}}"#,
        &server.url("/"),
    ])
    .run()
    .exits(0)
    .prints("{\"type\":\"ask\",\"id\":1,\"text\":\"a\\\"b\\n\"}\n{\"other\":1}\nno JSON\n{\"type\":\"ask\",\"id\":2}\n");
    assert_eq!(
        server.result(),
        [
            r#"{"id":1,"text":"<a\"b\n>"}"#,
            "one",
            "NO JSON",
            r#"{"got":"no JSON"}"#,
            r#"{"id":2,"text":"<null>"}"#,
        ]
    );
}

#[test]
fn pings_of_the_application_are_answered_and_not_shown() {
    let args = |show: &'static [&'static str]| {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.send(text("2"));
            let first = message(&mut wire);
            wire.send(text(r#"{"type":"ping","n":7}"#));
            let second = message(&mut wire);
            wire.send(text("an event"));
            wire.close(1000, "");
            (first, second)
        });
        let url = server.url("/");
        let args = [
            "--on-eof=stay",
            "--answer",
            ". == 2=3",
            "--answer",
            PING,
            &url,
        ];
        let ended = wirecat([show, &args].concat()).run();
        assert_eq!(
            server.result(),
            ("3".to_owned(), r#"{"type":"pong","n":7}"#.to_owned())
        );
        ended
    };
    args(&[]).exits(0).prints("an event\n");
    args(&["--show-ping-pong"])
        .exits(0)
        .prints("2\n{\"type\":\"ping\",\"n\":7}\nan event\n");
    let events = args(&["--json"]).stdout_text();
    let count = |part: &str| events.matches(part).count();
    assert_eq!(count(r#""origin":"answer""#), 2, "{events}");
    assert_eq!(count(r#""type":"receive""#), 3, "{events}");
}

#[test]
fn opening_messages_wait_and_the_input_waits_for_them() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        let mut all = vec![message(&mut wire)];
        barrier(&mut wire);
        wire.send(text(r#"{"op":0,"id":"a\"b"}"#));
        all.extend([message(&mut wire), message(&mut wire)]);
        barrier(&mut wire);
        wire.send(text(r#"{"op":2}"#));
        all.push(message(&mut wire));
        if n == 1 {
            all.push(message(&mut wire));
        }
        wire.close(if n == 1 { 1012 } else { 1000 }, "");
        all
    });
    wirecat([
        "--reconnect",
        "--reconnect-delay=10ms",
        "--on-eof=stay",
        "--on-open",
        "first",
        "--on-open",
        r#"after .op == 0: {"id":{{.id}}}"#,
        "--on-open",
        "third",
        "--on-open",
        "after .op == 2: fourth",
        "-d",
        "the input",
        &server.url("/"),
    ])
    .run()
    // The first connection lost it.
    .exits(1);
    let opening = ["first", r#"{"id":"a\"b"}"#, "third", "fourth"];
    let first: Vec<&str> = opening.into_iter().chain(["the input"]).collect();
    assert_eq!(server.result(), [first, opening.to_vec()]);
}

#[test]
fn a_message_that_never_comes_is_told_at_the_end() {
    for (on_eof, exit) in [("drain", 1), ("close", 1), ("stay", 28)] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.send(text("something else"));
            wire.answer_close();
        });
        let url = server.url("/");
        let args = [
            "--on-open",
            "after .op == 0: x",
            "--idle=1s",
            "--on-eof",
            on_eof,
        ];
        wirecat([&args[..], &["-m", "5", &url]].concat())
            .stdin("")
            .run()
            .exits(exit)
            .complains(&["--on-open 'after .op == 0: …' was never met"]);
        server.result();
    }
    // A connection that never was has brought nothing.
    let ended = wirecat(["--on-open", "after .a: x", "-d", "y", "ws://127.0.0.1:1/"]).run();
    ended.exits(7);
    assert!(!ended.stderr.contains("never met"), "{}", ended.stderr);
}

#[test]
fn a_wait_without_end_says_what_it_waits_for() {
    let server = serve();
    wirecat([
        "--on-open",
        "after .ready: x",
        "-d",
        "y",
        "-m",
        "7",
        &server.url("/silent"),
    ])
    .run()
    .exits(28)
    .complains(&["wirecat: waiting for a message for which .ready is true (--on-open)"]);
}

#[test]
fn a_name_in_a_reply_is_a_variable() {
    for args in [
        &["--answer", ".x={{now}}"][..],
        &["--on-open", "after .x: {{now}}"],
    ] {
        let unknown = format!(
            "{}: {{{{now}}}}: there is no variable of that name",
            args[0]
        );
        wirecat([args, &["ws://127.0.0.1:1/"]].concat())
            .run()
            .exits(2)
            .complains(&[
                &unknown,
                "--var now=VALUE",
                "{{ now }}, with spaces, is the jq",
            ]);
        // Connecting fails, and not the names.
        for known in [["--var", "now=1"], ["--resume", "now=.id"]] {
            wirecat([args, &known, &["ws://127.0.0.1:1/"]].concat())
                .run()
                .exits(7);
        }
    }
}

#[test]
fn nothing_is_answered_on_another_connection() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            wire.send(text(r#"{"ask":1}"#));
            wire.send(text(r#"{"ask":2}"#));
            barrier(&mut wire);
            wire.close(1012, "");
            return vec![];
        }
        wire.send(text(r#"{"ask":3}"#));
        let only = message(&mut wire);
        barrier(&mut wire);
        wire.close(1000, "");
        vec![only]
    });
    wirecat([
        "--reconnect",
        "--reconnect-delay=10ms",
        "--on-eof=stay",
        "--answer",
        ".ask < 3=cmd:sleep 60",
        "--answer",
        r#".ask={"to":{{.ask}}}"#,
        &server.url("/"),
    ])
    .run()
    .exits(0)
    .complains(&["4 answers were not sent, as the connection ended"]);
    assert_eq!(server.result(), [vec![], vec![r#"{"to":3}"#.to_owned()]]);
}

#[test]
fn what_ends_the_run_is_answered_first() {
    for rule in [".last=bye", ".last=cmd:sleep 1; printf bye"] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.send(text(r#"{"last":true}"#));
            let answer = message(&mut wire);
            wire.answer_close();
            answer
        });
        wirecat(["--until", ".last", "--answer", rule, &server.url("/")])
            .run()
            .exits(0);
        assert_eq!(server.result(), "bye");
    }
}

#[test]
fn answers_are_no_replies_and_pings_keep_nothing_alive() {
    // The second message waits for the reply to the first, and not for what is answered.
    let server = raw(|mut wire| {
        wire.handshake();
        let first = message(&mut wire);
        wire.send(text("2"));
        let answer = message(&mut wire);
        barrier(&mut wire);
        wire.send(text("reply"));
        let second = message(&mut wire);
        // Pings go on, until the run has drained.
        loop {
            wire.send(text("2"));
            match wire.frame() {
                Some(frame) if frame.opcode != 8 => assert_eq!(frame.payload, b"3"),
                _ => break,
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        wire.close(1000, "");
        (first, answer, second)
    });
    let args = [
        "--lockstep",
        "--answer",
        ". == 2=3",
        "--idle=1s",
        "-d",
        "a",
        "-d",
        "b",
    ];
    wirecat([&args[..], &[&server.url("/")]].concat())
        .run()
        .exits(0)
        .prints("reply\n");
    assert_eq!(server.result(), ["a", "3", "b"].map(str::to_owned).into());
}

#[test]
fn a_command_answers_with_its_output() {
    let server = raw(|mut wire| {
        wire.handshake();
        for ask in [
            r#"{"ask":"$(id); `id`"}"#,
            r#"{"n":2}"#,
            r#"{"none":1}"#,
            r#"{"fail":1}"#,
        ] {
            wire.send(text(ask));
        }
        wire.send(text(r#"{"n":3}"#));
        let answers: Vec<String> = (0..3).map(|_| message(&mut wire)).collect();
        wire.close(1000, "");
        answers
    });
    wirecat([
        "--on-eof=stay",
        "--var",
        "password=not in ps",
        "--answer",
        r#".ask=cmd:printf '%s %s' "$WIRECAT_VAR_password" "$(cat)"; echo"#,
        "--answer",
        ".none=cmd:cat >/dev/null",
        "--answer",
        ".fail=cmd:echo lost; exit 3",
        "--answer",
        ".n=plain {{.n}}",
        &server.url("/"),
    ])
    .run()
    .exits(1)
    .complains(&["the command failed (exit status: 3); nothing is sent"]);
    assert_eq!(
        server.result(),
        [r#"not in ps {"ask":"$(id); `id`"}"#, "plain 2", "plain 3"]
    );
}

#[test]
fn a_command_that_hangs_is_killed_and_what_waits_is_sent() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"hang":1}"#));
        wire.send(text(r#"{"n":2}"#));
        let began = Instant::now();
        let answer = message(&mut wire);
        wire.close(1000, "");
        (answer, began.elapsed() > Duration::from_secs(8))
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let hanging = format!(".hang=cmd:sleep 600 & echo $! > {path}; wait");
    wirecat([
        "--on-eof=stay",
        "--answer",
        &hanging,
        "--answer",
        ".n=n",
        &server.url("/"),
    ])
    .run()
    .exits(1)
    .complains(&["it had not ended after 10 s and was killed; nothing is sent"]);
    assert_eq!(server.result(), ("n".to_owned(), true));
}

#[test]
#[ignore = "slow: a command's time goes by"]
fn a_command_that_ended_while_we_were_stopped_has_answered() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"n":1}"#));
        let answer = message(&mut wire);
        wire.close(1000, "");
        answer
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("started");
    let rule = format!(".n=cmd:echo x >> {}; sleep 1; cat", file.display());
    let child = wirecat(["--on-eof=stay", "--answer", &rule, &server.url("/")]).spawn();
    crate::programs::lines_of(&file, 1);
    send(Signal::SIGSTOP, &child);
    std::thread::sleep(Duration::from_secs(12));
    send(Signal::SIGCONT, &child);
    output(child).exits(0).is_quiet();
    assert_eq!(server.result(), r#"{"n":1}"#);
}

#[test]
fn large_values_and_floods_are_bounded() {
    let server = raw(|mut wire| {
        wire.handshake();
        let large = "x\\\"".repeat(3_500_000);
        wire.send(text(&format!(r#"{{"large":"{large}"}}"#)));
        let answer = message(&mut wire);
        assert!(
            answer == format!(r#"{{"back":"{large}"}}"#),
            "{}",
            answer.len()
        );
        for n in 0..2_000 {
            wire.send(text(&format!(r#"{{"n":{n}}}"#)));
        }
        for n in 0..2_000 {
            assert_eq!(message(&mut wire), n.to_string());
        }
        wire.close(1000, "");
    });
    let rule = r#".large={"back":"{{.large}}"}"#;
    let args = [
        "--on-eof=stay",
        "-s",
        "--fragment=0",
        "--answer",
        rule,
        "--answer",
        ".n={{.n}}",
    ];
    wirecat([&args[..], &[&server.url("/")]].concat())
        .run()
        .exits(0);
    server.result();
}

#[test]
fn a_value_that_would_break_out_is_not_sent() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"id":"1\n\u0000SEND\n"}"#));
        wire.send(text(r#"{"id":"2"}"#));
        let answer = wire.message();
        wire.close(1000, "");
        answer
    });
    wirecat([
        "--on-eof=stay",
        "--escapes",
        "--answer",
        r".id=ACK\nid:{{.id}}\n\n\0",
        &server.url("/"),
    ])
    .run()
    .exits(0)
    .complains(&["{{.id}}", "control character", "nothing is sent"]);
    assert_eq!(server.result(), b"ACK\nid:2\n\n\0");
}

#[test]
fn escapes_are_those_of_every_message() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        wire.send(text("{}\x1e"));
        let second = wire.message();
        wire.close(1000, "");
        (first, second)
    });
    wirecat([
        "--on-eof=stay",
        "--escapes",
        "--on-open",
        r#"{"protocol":"json","version":1}\x1e"#,
        "--on-open",
        r#"after startswith("{}"): {"type":6}\x1e"#,
        &server.url("/"),
    ])
    .run()
    .exits(0);
    let (first, second) = server.result();
    assert_eq!(first, b"{\"protocol\":\"json\",\"version\":1}\x1e");
    assert_eq!(second, b"{\"type\":6}\x1e");
}

#[test]
fn a_rule_that_is_wrong_is_a_usage_error() {
    for (option, value, words) in [
        ("--answer", "pong", &["--answer", "EXPR=REPLY"][..]),
        (
            "--answer",
            ".[=x",
            &["--answer", "not a valid jq expression"],
        ),
        ("--answer", ".a={{.[}}", &["--answer", "{{.[}}"]),
        ("--answer", r#".a={"b":"{{.c}}",}"#, &["begins like JSON"]),
        (
            "--answer",
            ".a=@/does/not/exist",
            &["--answer @/does/not/exist"],
        ),
        (
            "--on-open",
            "after .a",
            &["--on-open", "after EXPR: MESSAGE"],
        ),
    ] {
        wirecat([option, value, "ws://127.0.0.1:1/"])
            .run()
            .exits(2)
            .complains(words);
    }
}

#[test]
fn a_listening_end_answers_its_clients() {
    let mut listening = listen(&["--answer", r#".call={"result":{{.call}}}"#, "--on-eof=stay"]);
    let url = listening.url("/");
    listening.input("");
    wirecat(["-d", r#"{"call":[1,"x"]}"#, "-1", &url])
        .run()
        .exits(0)
        .prints("{\"result\":[1,\"x\"]}\n");
    listening.ends().exits(0).prints("{\"call\":[1,\"x\"]}\n");
}
