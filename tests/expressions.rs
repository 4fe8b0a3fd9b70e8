//! jq expressions over messages: what they may take, how they are interrupted, and what is said of
//! the messages that they leave out.

use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::pty::Pty;
use crate::support::server::{Raw, close, frame_of, raw, text};
use crate::support::{PATIENCE, output, peak_memory, wirecat};

/// Sends `frames` after the handshake and answers the client's Close.
fn sends(frames: Vec<u8>) -> Raw<Option<u16>> {
    raw(move |mut wire| {
        wire.handshake_with("", &frames);
        let close = wire.until_close();
        wire.close(1000, "");
        close.and_then(|frame| frame.close_code())
    })
}

/// Waits until the process evaluates an expression that takes long, which it does on a thread of
/// that name.
#[track_caller]
fn evaluates(pid: u32) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let names = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        if names.into_iter().any(|name| name.trim() == "jq") {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("no expression is evaluated");
}

fn interrupt(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// The exit code, or 128 and the signal, as a shell has it.
fn code_of(child: Child) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let status = output(child).status;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap())
}

const ENDLESS: &str = "def f: f; f";

/// The option with this expression, in every place that takes one.
fn places(expr: &str) -> [String; 4] {
    [
        format!("--filter={expr}"),
        format!("--until={expr}"),
        format!("--confirm={expr}"),
        format!("--resume=last={expr}"),
    ]
}

#[test]
fn the_first_signal_ends_an_expression_that_never_ends() {
    let signals = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
    ];
    for (option, signal) in places(ENDLESS).iter().zip(signals) {
        let server = sends(text("{}"));
        let child = wirecat([option, "--on-eof", "stay", "-d", "x", &server.url("/")]).spawn();
        evaluates(child.id());
        interrupt(&child, signal);
        assert_eq!(code_of(child), 128 + signal as i32, "{option}");
        assert_eq!(server.result(), Some(1001));
    }
}

#[test]
fn max_time_ends_an_expression_that_never_ends() {
    for option in places(ENDLESS) {
        let server = sends(text("{}"));
        let child = wirecat([
            &option,
            "-m",
            "1",
            "--on-eof",
            "stay",
            "-d",
            "x",
            &server.url("/"),
        ])
        .spawn();
        assert_eq!(code_of(child), 28, "{option}");
        server.result();
    }
}

#[test]
fn expressions_of_every_kind_are_interrupted() {
    for expr in [
        "repeat(.) | empty",
        "0 | until(false; .)",
        "limit(1e12; repeat(1)) | empty",
        "reduce range(1e18) as $i (0; . + $i)",
        "def f: try f catch f; f",
        "reduce range(60) as $i (1; [., .]) | last(..)",
        "\"a\" * 20000000 | test(\"(a?){50}(b?){50}c$\")",
        "[range(1e6)] | repeat(sort) | empty",
    ] {
        let server = sends(text("{}"));
        let child = wirecat(["--filter", expr, "--on-eof", "stay", &server.url("/")]).spawn();
        evaluates(child.id());
        interrupt(&child, Signal::SIGINT);
        assert_eq!(code_of(child), 130, "{expr}");
        server.result();
    }
}

#[test]
fn a_flood_of_messages_that_take_long_does_not_delay_a_signal() {
    let server = sends(text("{}").repeat(20_000));
    let child = wirecat(["--filter", ENDLESS, "--on-eof", "stay", &server.url("/")]).spawn();
    evaluates(child.id());
    let start = Instant::now();
    interrupt(&child, Signal::SIGINT);
    assert_eq!(code_of(child), 130);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    drop(server);
}

#[test]
fn a_flood_without_an_end_does_not_prevent_the_end_of_a_run() {
    // The server answers no Close.
    let server = raw(|mut wire| {
        wire.handshake();
        let flood = text("{}").repeat(20_000);
        while std::io::Write::write_all(&mut wire.0, &flood).is_ok() {}
    });
    let slow = "[range(3000)] | length == 0";
    let mut child = wirecat(["--until", slow, "--close-timeout", "1s", &server.url("/")]).spawn();
    evaluates(child.id());
    thread::sleep(Duration::from_secs(1));
    interrupt(&child, Signal::SIGTERM);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it goes on");
        }
        thread::sleep(Duration::from_millis(20));
    }
    drop(server);
}

#[test]
fn an_expression_that_grows_is_an_error_and_the_next_message_is_shown() {
    for expr in [
        "reduce range(60) as $i (\"x\"; . + .)",
        "[range(1e9)] | length",
        "\"x\" * 1000000000",
        "[range(1e9)] | sort",
        "reduce range(1e9) as $i (0; [.])",
    ] {
        let expr = format!("if .go then {expr} else . end");
        let (seen, next) = mpsc::channel::<()>();
        let server = raw(move |mut wire| {
            wire.handshake_with(
                "",
                &[text("{\"go\":true}"), text("{\"go\":false}")].concat(),
            );
            let _ = next.recv();
            wire.send(close(1000, ""));
            wire.until_close();
        });
        let mut child = wirecat(["--filter", &expr, "--on-eof", "stay", &server.url("/")]).spawn();
        let mut shown = [0; 12];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut shown).unwrap();
        assert_eq!(shown, *b"{\"go\":false}", "{expr}");
        let peak = peak_memory(&child);
        assert!(peak < 700 << 20, "{expr}: {peak}");
        drop(seen);
        let output = output(child);
        output
            .exits(0)
            .complains(&["--filter: the expression needs more than 256 MiB"]);
        server.result();
    }
}

#[test]
fn a_recursion_without_end_is_an_error() {
    for expr in ["def f: 1 + f; f", "def f: [f]; f", "def f: f | f; f"] {
        let server = sends(text("1"));
        let output = wirecat([
            "--filter",
            expr,
            "--idle",
            "100ms",
            "-d",
            "x",
            &server.url("/"),
        ])
        .run();
        output.exits(0);
        let known = ["recurses too deeply", "needs more than 256 MiB"];
        assert!(
            known.iter().any(|it| output.stderr.contains(it)),
            "{expr}: {}",
            output.stderr
        );
        server.result();
    }
}

/// JSON, text, half a surrogate pair, binary, cut JSON.
fn mixed() -> Vec<u8> {
    let texts = ["{\"a\":1}", "hello", "{\"b\":\"\\ud800\"}", "[1"]
        .map(text)
        .concat();
    [texts, frame_of(0x82, b"{}"), frame_of(0x82, b"\xff")].concat()
}

#[test]
fn messages_that_are_not_json_are_counted_once_at_the_end() {
    for (options, expected) in [
        (
            &["--filter", "."][..],
            "wirecat: --filter skipped 3 messages that are not JSON\n",
        ),
        (
            &["--until", ".x"],
            "wirecat: --until skipped 3 messages that are not JSON\n",
        ),
        (
            &["--confirm=.x"],
            "wirecat: --confirm skipped 3 messages that are not JSON\n",
        ),
        (
            &["--resume", "last=.x"],
            "wirecat: --resume last skipped 3 messages that are not JSON\n",
        ),
        (&["--filter", ".", "-s"], ""),
    ] {
        let server = sends(mixed());
        let url = server.url("/");
        let args = [options, &["--on-open", "x", "--idle", "200ms", &url]].concat();
        let output = wirecat(args).run();
        let lines = output
            .stderr
            .lines()
            .filter(|line| line.contains("skipped"));
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        assert_eq!(lines, expected, "{}", output.stderr);
        server.result();
    }
}

#[test]
fn a_lone_surrogate_becomes_the_replacement_character() {
    let server = sends(
        [
            text(r#"{"b":"\ud800","c":"\ud83d\udc4d"}"#),
            close(1000, ""),
        ]
        .concat(),
    );
    let output = wirecat(["--filter", ".b, .c", &server.url("/")]).run();
    output.exits(0).prints("\"\u{fffd}\"\n\"👍\"\n").is_quiet();
    server.result();
}

#[test]
fn results_beyond_the_limit_are_reported_at_the_end() {
    let server = sends([text("1"), text("2"), text("3"), close(1000, "")].concat());
    let expr = "if . == 2 then . else repeat(.) end";
    let output = wirecat(["--filter", expr, &server.url("/")]).run();
    output.exits(0);
    assert_eq!(output.stdout_text().lines().count(), 20_001);
    assert_eq!(
        output.stderr,
        "wirecat: --filter kept only the first results of 2 messages (10000 and 64 MiB are the most)\n"
    );
    server.result();
}

#[test]
fn unreported_failures_are_reported_at_the_end() {
    let server = sends([text("1"), text("[]"), text("{\"done\":true}")].concat());
    let output = wirecat(["--until", ".done", "--on-eof", "stay", &server.url("/")]).run();
    output.exits(0);
    assert_eq!(
        output.stderr,
        "wirecat: --until failed on 2 messages; the first failure: cannot index 1 with \"done\"\n"
    );
    server.result();
}

#[test]
fn ctrl_c_at_the_prompt_ends_an_expression_and_not_the_prompt() {
    let server = raw(|mut wire| {
        wire.handshake();
        assert_eq!(wire.message(), b"go");
        wire.send(text("{\"go\":true}"));
        assert_eq!(wire.message(), b"again");
        wire.send(text("{\"go\":false}"));
        wire.answer_close();
    });
    let filter = format!("if .go then {ENDLESS} else . end");
    let mut pty = Pty::prompt(&["--filter", &filter], &server.url("/"));
    pty.type_keys("go\r");
    evaluates(pty.pid());
    pty.type_keys("\x03");
    pty.expect("--filter: interrupted");
    pty.type_keys("again\r");
    pty.expect("\"go\": false");
    pty.type_keys("/status\r");
    pty.expect("messages: 2 sent, 2 received");
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn ctrl_d_at_the_prompt_ends_an_expression_and_quits() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("{}"));
        wire.answer_close();
    });
    let mut pty = Pty::prompt(&["--until", ENDLESS], &server.url("/"));
    evaluates(pty.pid());
    pty.type_keys("\x04");
    pty.end();
    server.result();
}
