//! How a run with a command ends where the command and the connection end at the same moment, where
//! nobody reads what is received, and where wirecat itself is stopped meanwhile.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::programs::{is_gone, lines_of};
use crate::support::server::{Raw, close, raw, serve, text};
use crate::support::{output, send, wirecat};

/// A server that closes with this code once the command has written to `file`, or ends the connection
/// without a Close.
fn closes(file: &Path, code: Option<u16>) -> Raw<()> {
    let file = file.to_owned();
    raw(move |mut wire| {
        wire.handshake();
        lines_of(&file, 1);
        if let Some(code) = code {
            wire.send(close(code, ""));
            wire.until_close();
        }
    })
}

/// What §7.4 calls normal leaves the exit to the command; any other end of the connection says more.
#[test]
fn the_more_specific_end_says_how_a_run_exits() {
    for option in ["--run", "--exec"] {
        for (code, success, failure) in [
            (Some(1000), 0, 1),
            (Some(1001), 0, 1),
            (Some(1011), 111, 111),
            (Some(4001), 112, 112),
        ] {
            for (status, exit) in [(0, success), (3, failure)] {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("now");
                let server = closes(&file, code);
                let command = format!("echo x >> {}; exit {status}", file.display());
                let url = server.url("/");
                let output = wirecat(["--on-eof", "stay", option, &command, &url]).run();
                println!("{option} {code:?} {status}");
                output.exits(exit);
                if exit == 1 {
                    output.complains(&[&format!("{option}: exited with status 3")]);
                }
                server.result();
            }
        }
    }
}

#[test]
fn a_command_that_fails_as_the_connection_is_lost_is_no_reason_to_connect_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("now");
    let server = closes(&file, None);
    let command = format!("echo x >> {}; exit 3", file.display());
    let url = server.url("/");
    let options = [
        "--reconnect",
        "--reconnect-delay",
        "30s",
        "--on-eof",
        "stay",
    ];
    let output = wirecat([&options[..], &["--run", &command, &url]].concat()).run();
    output.complains(&["--run: exited with status 3"]);
    // Which of both is seen first is chance; neither waits for the next attempt.
    assert!([1, 56].contains(&output.code()), "{output:?}");
    server.result();
}

#[test]
fn a_reader_that_has_enough_ends_the_commands_too() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids");
    let url = server.url("/stream?interval=10ms");
    let sleeps = format!("echo $$ >> {}; exec sleep 600", file.display());
    let answer = format!(".=cmd:{sleeps}");
    let mut child = wirecat([
        "--on-eof", "stay", "--run", &sleeps, "--answer", &answer, &url,
    ])
    .spawn();
    let ids = lines_of(&file, 2);
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    ids.iter().for_each(|id| is_gone(id));
}

#[test]
fn a_run_goes_on_after_it_was_stopped() {
    let (stopped, go) = std::sync::mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        let first = wire.message();
        wire.send(text(r#"{"ask":1}"#));
        go.recv().unwrap();
        wire.send(text(r#"{"ask":2}"#));
        let answers = [wire.message(), wire.message()];
        wire.close(1000, "");
        (first, answers)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ran");
    let run = format!("echo x >> {}; sleep 2; echo ended >&2", file.display());
    let url = server.url("/");
    let answer = ".ask=cmd:sleep 1; cat";
    let child = wirecat([
        "-d", "hi", "--on-eof", "stay", "--idle", "1s", "--run", &run,
    ])
    .arg("--answer")
    .arg(answer)
    .arg(&url)
    .spawn();
    lines_of(&file, 1);
    send(Signal::SIGSTOP, &child);
    stopped.send(()).unwrap();
    // Longer than the command of the answer takes, and than the one of --run.
    std::thread::sleep(std::time::Duration::from_secs(3));
    send(Signal::SIGCONT, &child);
    output(child).exits(0).complains(&["ended"]);
    let (first, answers) = server.result();
    assert_eq!(first, b"hi");
    assert_eq!(answers, [&br#"{"ask":1}"#[..], br#"{"ask":2}"#]);
}

#[test]
fn a_signal_or_the_time_ends_the_command_of_an_answer() {
    for (time, signal, exit) in [
        ("2", None, 28),
        ("100", Some(Signal::SIGINT), 130),
        ("100", Some(Signal::SIGTERM), 143),
    ] {
        let server = serve();
        let url = server.url("/echo");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        let rule = format!(
            ".a=cmd:trap '' TERM; sleep 600 & echo $! >> {0}; echo $$ >> {0}; wait; sleep 600",
            file.display()
        );
        let options = ["-m", time, "--on-eof", "stay", "-d", r#"{"a":1}"#];
        let child = wirecat([&options[..], &["--answer", &rule, &url]].concat()).spawn();
        let ids = lines_of(&file, 2);
        if let Some(signal) = signal {
            send(signal, &child);
        }
        let output = output(child);
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code();
        let code = code.or_else(|| output.status.signal().map(|number| 128 + number));
        assert_eq!(code, Some(exit), "{output:?}");
        output.complains(&["1 answer was not sent, as the connection ended"]);
        ids.iter().for_each(|id| is_gone(id));
    }
}
