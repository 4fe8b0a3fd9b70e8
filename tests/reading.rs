//! What is read before and while connecting: files that never come, commands that hang, and what is
//! wrong with the command line beside them.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::server::{header, raws};
use crate::support::{fifo, make_fifo, output, reader_of, send, wait, wirecat};

// A FIFO that a test has written to serves one run only: a child that another test is about to start
// may still have a copy of the writer's end, and the next reader would find a file that ends.

/// Sends a signal, which must end the child at once.
#[track_caller]
fn dies_of(signal: Signal, mut child: Child) {
    send(signal, &child);
    let status = wait(&mut child).expect("it must not hang");
    assert_eq!(status.signal(), Some(signal as i32), "{status:?}");
}

#[test]
fn a_token_file_that_never_comes_is_abandoned() {
    let url = "ws://127.0.0.1:9/";
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (_directory, path) = fifo();
        let token = format!("--token=@{}", path.display());
        let child = wirecat(["--connect-timeout=10m", &token, url]).spawn();
        let _writer = reader_of(&path);
        dies_of(signal, child);
    }
    let (_directory, path) = fifo();
    let token = format!("--token=@{}", path.display());
    wirecat(["--connect-timeout=10m", "-m=200ms", &token, url])
        .run()
        .exits(28)
        .complains(&["--max-time is over"]);
    wirecat(["--connect-timeout=200ms", &token, url])
        .run()
        .exits(28)
        .complains(&["timed out after 200ms (reading the token from @", "fifo"]);
}

#[test]
fn a_token_that_never_ends_is_refused() {
    wirecat(["--token=@/dev/zero", "ws://127.0.0.1:9/"])
        .run()
        .exits(2)
        .complains(&["--token @/dev/zero: it is larger than 1 MiB"]);
    wirecat(["--token=cmd:cat /dev/zero", "ws://127.0.0.1:9/"])
        .run()
        .exits(2)
        .complains(&["--token cmd:cat /dev/zero: its output is larger than 1 MiB"]);
}

#[test]
fn a_late_token_is_used_by_a_later_attempt() {
    let (_directory, path) = fifo();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "first").unwrap();
    let theirs = path.clone();
    let server = raws(2, move |n, mut wire| {
        if n == 1 {
            std::fs::remove_file(&theirs).unwrap();
            make_fifo(&theirs);
        }
        let request = wire.handshake();
        if n == 1 {
            wire.close(1012, "");
        } else {
            wire.close(1000, "");
        }
        header(&request, "authorization").unwrap().to_owned()
    });
    let token = format!("--token=@{}", path.display());
    let args = [
        "--reconnect",
        "--reconnect-delay=1ms",
        "--reconnect-max-delay=1ms",
    ];
    let url = server.url("/");
    let mut child =
        wirecat([&args[..], &["--connect-timeout=500ms", &token, &url]].concat()).spawn();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    // Some attempts have been given up, and there is one read all the same.
    while !seen.contains("retry 4") {
        assert_ne!(stderr.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
    reader_of(&path).write_all(b"second\n").unwrap();
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    assert_eq!(server.result(), ["Bearer first", "Bearer second"]);
}

#[test]
fn a_token_command_that_hangs_is_abandoned() {
    let directory = tempfile::tempdir().unwrap();
    let begun = directory.path().join("begun");
    let token = format!("--token=cmd:: >{}; exec sleep 600", begun.display());
    let url = "ws://127.0.0.1:9/";
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let child = wirecat(["--connect-timeout=10m", &token, url]).spawn();
        while !begun.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        dies_of(signal, child);
        std::fs::remove_file(&begun).unwrap();
    }
    // It may ask a person, who may take longer than any server.
    wirecat(["-m=500ms", "--connect-timeout=1ms", &token, url])
        .run()
        .exits(28)
        .complains(&["--max-time is over"]);
}

#[test]
fn errors_are_found_before_waiting_for_files() {
    let (_directory, path) = fifo();
    let (fifo, url) = (format!("@{}", path.display()), "ws://127.0.0.1:9/");
    for option in ["--on-open", "-d", "--heartbeat", "-H"] {
        for wrong in [
            &["--until", ".["][..],
            &["--filter", ".["],
            &["--confirm", ".["],
            &["--subprotocol", "a b"],
            &["-d", "@/does/not/exist"],
            &["-H", "no header"],
            &["-d", "0", "--hex"],
            &["--state", "/"],
        ] {
            for waits in ["@-", &fifo] {
                // stdin stays open until the child has ended.
                let child = wirecat([&[option, waits], wrong, &[url]].concat()).spawn();
                output(child).exits(2);
            }
        }
    }
}

#[test]
fn waiting_for_files_obeys_max_time_and_signals() {
    let (_directory, path) = fifo();
    let (waiting, url) = (format!("@{}", path.display()), "ws://127.0.0.1:9/");
    for option in ["--on-open", "-d", "--heartbeat", "-H"] {
        for waits in ["@-", &waiting] {
            let mut child = wirecat(["-m=200ms", option, waits, url]).spawn();
            let stdin = child.stdin.take();
            output(child)
                .exits(28)
                .complains(&["--max-time is over", &format!("reading {option} {waits}")]);
            drop(stdin);
        }
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let (_directory, path) = fifo();
            let child = wirecat([option, &format!("@{}", path.display()), url]).spawn();
            let _writer = reader_of(&path);
            dies_of(signal, child);
        }
    }
}

#[test]
fn waiting_for_certificates_obeys_the_connect_timeout() {
    let (_directory, path) = fifo();
    let (path, url) = (path.to_str().unwrap(), "wss://127.0.0.1:9/");
    let doing = "timed out after 200ms (reading the root certificates)";
    wirecat(["--connect-timeout=200ms", "--cacert", path, url])
        .run()
        .exits(28)
        .complains(&[doing]);
    wirecat(["--connect-timeout=200ms", url])
        .env("SSL_CERT_FILE", path)
        .run()
        .exits(28)
        .complains(&[doing]);
    let child = wirecat(["--connect-timeout=10m", "--cacert", path, url]).spawn();
    let _writer = reader_of(path.as_ref());
    dies_of(Signal::SIGINT, child);
    wirecat(["--cacert", "/dev/zero", url])
        .run()
        .exits(2)
        .complains(&["--cacert /dev/zero: it contains no certificate in PEM form"]);
}
