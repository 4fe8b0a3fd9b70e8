//! `--run`: a command beside the connection, from its start to its end.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::server::{close, raw, raws, serve, text};
use crate::support::{PATIENCE, WIRECAT, output, send, wirecat};

/// Waits until the file has this many lines, and returns them.
#[track_caller]
pub(crate) fn lines_of(path: &Path, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let content = fs::read_to_string(path).unwrap_or_default();
        if content.lines().count() >= count && content.ends_with('\n') {
            return content.lines().map(str::to_owned).collect();
        }
        assert!(start.elapsed() < PATIENCE, "{content:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the process is gone, or a zombie that nobody waits for.
#[track_caller]
pub(crate) fn is_gone(id: &str) {
    let start = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        if state.is_empty() || state.starts_with('Z') {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{stat}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_command_starts_after_the_opening_messages_and_prints_to_stderr() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        let second = wire.message();
        wire.send(text("answer"));
        wire.close(1000, "");
        [first, second]
    });
    let url = server.url("/");
    let run = "echo to stdout; echo to stderr >&2; cat";
    wirecat(["--on-open", "one", "--on-open", "two", "--run", run, &url])
        .run()
        .exits(0)
        .prints("answer\n")
        .complains(&["to stdout\n", "to stderr\n"]);
    assert_eq!(server.result(), [b"one", b"two"]);
}

#[test]
fn its_failure_ends_the_run_with_1_and_its_status() {
    let server = serve();
    let url = server.url("/echo");
    for (run, why) in [
        ("exit 3", "wirecat: --run: exited with status 3\n"),
        ("kill -9 $$", "wirecat: --run: was ended by SIGKILL\n"),
        (
            "/nonexistent/command",
            "wirecat: --run: exited with status 127\n",
        ),
    ] {
        for more in [&["--on-eof", "stay"][..], &["--until", ".never"]] {
            wirecat([more, &["--run", run, &url]].concat())
                .run()
                .exits(1)
                .prints("")
                .complains(&[why]);
        }
    }
}

#[test]
fn a_stop_condition_that_is_met_waits_for_the_command() {
    let server = serve();
    let url = server.url("/echo");
    let start = Instant::now();
    let run = ["--on-open", "hi", "-1", "--run"];
    wirecat([&run[..], &["sleep 1; exit 4", &url]].concat())
        .run()
        .exits(1)
        .prints("hi\n")
        .complains(&["--run: exited with status 4"]);
    wirecat([&run[..], &["sleep 1", &url]].concat())
        .run()
        .exits(0)
        .prints("hi\n")
        .is_quiet();
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn while_it_runs_nothing_is_idle() {
    let server = raw(|mut wire| {
        wire.handshake();
        thread::sleep(Duration::from_millis(800));
        wire.send(text("late"));
        wire.until_close()
    });
    let url = server.url("/");
    wirecat(["--idle", "0.1s", "--run", "sleep 1", &url])
        .run()
        .exits(0)
        .prints("late\n")
        .is_quiet();
    assert_eq!(server.result().unwrap().close_code(), Some(1000));
}

#[test]
fn an_event_that_a_command_causes_is_seen() {
    let server = serve();
    let url = server.url("/events?token=ci");
    let run = format!(
        r#"{WIRECAT} --no-config -d '{{"event":"message","data":"built"}}' --until '.event=="message"' '{}' >/dev/null"#,
        server.url("/events?token=builder")
    );
    let until = r#".event=="message" and .data=="built""#;
    let output = wirecat(["-m", "30", "--until", until, "--run", &run, &url]).run();
    output.exits(0).is_quiet();
    let last = output.stdout_text();
    assert!(
        last.lines().last().unwrap().contains(r#""from":"builder""#),
        "{last}"
    );
}

#[test]
fn a_command_may_wait_for_a_message() {
    let server = serve();
    let url = server.url("/echo");
    let run = ["--run-after", ".ready", "--run", "echo started"];
    let after = |message: &str| {
        wirecat([&run[..], &["--on-open", message, "--idle", "0.5s", &url]].concat()).run()
    };
    after(r#"{"ready":true}"#)
        .exits(0)
        .complains(&["started\n"]);
    let output = after(r#"{"ready":false}"#);
    output.exits(1);
    assert_eq!(
        output.stderr,
        "wirecat: --run: the command was not started: no message satisfied --run-after\n"
    );
}

#[test]
fn it_runs_once_or_on_every_connection() {
    for (each, count) in [(None, 1), (Some("--run-each"), 3)] {
        let server = raws(3, |number, mut wire| {
            wire.handshake();
            wire.message();
            thread::sleep(Duration::from_millis(300));
            wire.send(close(if number < 3 { 1012 } else { 1000 }, ""));
            wire.until_close()
        });
        let url = server.url("/");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ran");
        let run = format!("echo $WIRECAT_CONNECTION >> {}", file.display());
        let options = [
            "--reconnect",
            "--reconnect-delay",
            "10ms",
            "--on-eof",
            "stay",
        ];
        let more = ["--on-open", "x", "--run", &run];
        let each = each.as_slice();
        wirecat([&options, &more[..], each, &[url.as_str()]].concat())
            .run()
            .exits(0);
        let ran = lines_of(&file, count);
        assert_eq!(ran, ["1", "2", "3"][..count]);
    }
}

#[test]
fn the_environment_describes_the_connection_without_secrets() {
    let server = serve();
    let url = server.url("/echo?token=sesame-sesame-sesame&x=1");
    let run =
        r#"echo "<$WIRECAT_URL $WIRECAT_CONNECTION $WIRECAT_PEER $WIRECAT_SUBPROTOCOL>"; env"#;
    let token = ["--token", "a-token-that-is-long-enough"];
    let output = wirecat([&token[..], &["--idle", "0.1s", "--run", run, &url]].concat()).run();
    output.exits(0);
    let address = server.url("/").replace("ws://", "").replace('/', "");
    let line = format!("<ws://{address}/echo?token=[redacted]&x=1 1 {address} >");
    output.complains(&[&line]);
    for secret in ["sesame", "a-token-that"] {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}

#[test]
fn every_command_gets_the_same_variables() {
    let server = serve();
    let url = server.url("/echo");
    let print = r#"echo "<$WIRECAT_VAR_user_id $WIRECAT_CONNECTION $WIRECAT_URL>""#;
    let told = format!("<xiao 1 {url}>");
    let answer = format!(r#".ask=cmd:{print}"#);
    let var = ["--var", "user.id=xiao", "--idle", "1s"];
    let run = ["--run", print, "-d", r#"{"ask":1}"#, "--answer", &answer];
    wirecat([&var, &run[..], &[&url]].concat())
        .run()
        .exits(0)
        .prints(format!("{{\"ask\":1}}\n{told}\n"))
        .complains(&[&told]);
    wirecat(
        [
            &var,
            &[
                "--exec",
                &format!("{print}; read line; echo \"$line\" >&2"),
                &url,
            ][..],
        ]
        .concat(),
    )
    .run()
    .complains(&[&told]);
    // A secret is for the command that names it.
    for (line, count) in [("env", 0), ("env; : $WIRECAT_VAR_password", 1)] {
        let run = format!("test \"$({{ {line}; }} | grep -c correct-horse)\" = {count}");
        wirecat([
            "--var",
            "password=correct-horse",
            "--idle=1s",
            "--run",
            &run,
            &url,
        ])
        .run()
        .exits(0);
    }
    // Before there is a connection, only the user's.
    let server = raw(|mut wire| {
        let request = wire.request();
        wire.accept(&request, "", b"");
        wire.answer_close();
        request
    });
    let source = format!("cmd:echo {}?user=$WIRECAT_VAR_user_id", server.url("/"));
    let token = ["--token", "cmd:echo long-token-of-$WIRECAT_VAR_user_id"];
    wirecat([&var, &token[..], &["--count", "0", &source]].concat())
        .run()
        .exits(0);
    let request = server.result();
    for part in ["/?user=xiao ", "Bearer long-token-of-xiao"] {
        assert!(request.contains(part), "{request}");
    }
}

#[test]
fn a_command_that_runs_on_is_ended_with_the_run_and_what_it_started() {
    let server = serve();
    let url = server.url("/echo");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let shown = file.display();
    let run = format!(
        "trap '' TERM; sh -c 'echo $$ >> {shown}; exec sleep 600' & echo $$ >> {shown}; wait; sleep 600"
    );
    for (more, signal, exit) in [
        (&["-m", "2"][..], None, 28),
        (&[], Some(Signal::SIGINT), 130),
        (&[], Some(Signal::SIGTERM), 143),
    ] {
        let _ = fs::remove_file(&file);
        let child = wirecat([more, &["--on-eof", "stay", "--run", &run, &url]].concat()).spawn();
        let ids = lines_of(&file, 2);
        if let Some(signal) = signal {
            send(signal, &child);
        }
        let output = output(child);
        let code = output.status.code().or_else(|| {
            use std::os::unix::process::ExitStatusExt;
            output.status.signal().map(|number| 128 + number)
        });
        assert_eq!(code, Some(exit), "{output:?}");
        output.complains(&["--run: the command was ended, because the run is over"]);
        ids.iter().for_each(|id| is_gone(id));
    }
}

#[test]
fn a_server_that_closes_for_a_reason_does_not_wait_for_the_command() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.close(1011, "")
    });
    let url = server.url("/");
    wirecat(["--on-open", "x", "--run", "sleep 600", &url])
        .run()
        .exits(111)
        .complains(&["closed by server: 1011", "--run: the command was ended"]);
}

#[test]
fn a_server_that_closes_normally_leaves_the_command_its_time() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.close(1000, "")
    });
    let url = server.url("/");
    wirecat([
        "--on-open",
        "x",
        "--on-eof",
        "stay",
        "--run",
        "sleep 1; exit 5",
        &url,
    ])
    .run()
    .exits(1)
    .complains(&["--run: exited with status 5"]);
}

#[test]
fn a_command_that_floods_stderr_holds_up_nothing() {
    let server = serve();
    let url = server.url("/echo");
    let run = "head -c 3000000 /dev/zero | tr '\\0' x";
    let output = wirecat(["-d", "hi", "--run", run, &url]).run();
    output.exits(0).prints("hi\n");
    assert_eq!(output.stderr.len(), 3_000_000);
}
