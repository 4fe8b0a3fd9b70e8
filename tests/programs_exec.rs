//! `--exec`: a program in place of stdin and stdout.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::server::{close, frame_of, raw, raws, serve, text};
use crate::support::{output, send, wirecat};

#[test]
fn lines_that_a_program_prints_are_messages_and_messages_are_its_lines() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        wire.send(text("to you"));
        let second = wire.message();
        wire.close(1000, "");
        [first, second]
    });
    let url = server.url("/");
    let program = "echo hello; read line; echo \"got $line\"; cat >/dev/null";
    wirecat(["--exec", program, &url])
        .stdin("not read\n")
        .run()
        .exits(0)
        .prints("")
        .is_quiet();
    assert_eq!(server.result(), [&b"hello"[..], b"got to you"]);
}

#[test]
fn each_message_is_a_line_that_a_program_can_parse() {
    let messages = [
        (
            r#"{"t":"a\nb","q":"say \"hi\""}"#,
            r#"{"t":"a\nb","q":"say \"hi\""}"#,
        ),
        ("{\n  \"a\": [\r\n1]\n}", "{   \"a\": [  1] }"),
        ("C:\\dir é", "C:\\dir é"),
        ("two\nlines", "two\\nlines"),
    ];
    let server = raw(move |mut wire| {
        wire.handshake();
        for (message, _) in messages {
            wire.send(text(message));
        }
        wire.send(frame_of(0x82, b"\xff\n"));
        let lines = [(); 5].map(|()| wire.message());
        wire.close(1000, "");
        lines
    });
    let url = server.url("/");
    wirecat(["--exec", "cat", "--on-eof", "stay", &url]).run();
    let wanted = messages.map(|(_, line)| line).into_iter();
    let wanted: Vec<_> = wanted.chain(["\\xff\\n"]).collect();
    assert_eq!(
        server
            .result()
            .map(|it| String::from_utf8(it.to_vec()).unwrap())
            .to_vec(),
        wanted
    );
}

#[test]
fn nothing_that_it_printed_is_lost_when_it_ends() {
    let server = raw(|mut wire| {
        wire.handshake();
        let mut count = 0;
        while let Some(frame) = wire.frame() {
            let code = (frame.opcode == 8).then(|| frame.close_code()).flatten();
            match code {
                _ if frame.opcode == 1 => count += 1,
                Some(code) => {
                    wire.send(close(code, ""));
                    return (count, code);
                }
                None => {}
            }
        }
        (count, 0)
    });
    let url = server.url("/");
    wirecat(["--exec", "seq 1 20000; printf last", &url])
        .run()
        .exits(0)
        .is_quiet();
    assert_eq!(server.result(), (20_001, 1000));
}

#[test]
fn its_end_ends_the_run_with_its_success() {
    let server = serve();
    let url = server.url("/echo");
    for (program, exit, why) in [
        ("exit 0", 0, ""),
        ("exit 7", 1, "wirecat: --exec: exited with status 7\n"),
        ("kill -9 $$", 1, "wirecat: --exec: was ended by SIGKILL\n"),
        (
            "/nonexistent/x 2>/dev/null",
            1,
            "wirecat: --exec: exited with status 127\n",
        ),
    ] {
        let output = wirecat(["--on-eof", "stay", "--exec", program, &url]).run();
        output.exits(exit);
        assert_eq!(output.stderr, why);
    }
}

#[test]
fn after_its_stdout_it_may_still_read() {
    let server = serve();
    let url = server.url("/echo");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read");
    let program = format!("echo one; exec >&-; cat > {}", file.display());
    wirecat(["--idle", "1s", "--exec", &program, &url])
        .run()
        .exits(0)
        .is_quiet();
    assert_eq!(fs::read_to_string(file).unwrap(), "one\n");
}

#[test]
fn a_program_that_does_not_end_after_its_stdin_is_ended() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.close(1000, "")
    });
    let url = server.url("/");
    let program = "trap '' TERM; while :; do sleep 0.1; done";
    wirecat(["--close-timeout", "1s", "--exec", program, &url])
        .run()
        .exits(1)
        .complains(&["--exec: it did not end after the end of its stdin, and was ended"]);
}

#[test]
fn a_program_that_reads_nothing_slows_the_server_down() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.0
            .set_write_timeout(Some(Duration::from_secs(3)))
            .unwrap();
        use std::io::Write;
        let chunk = text(&"x".repeat(100_000));
        let mut sent = 0;
        while sent < 100_000_000 {
            match wire.0.write(&chunk) {
                Ok(count) if count == chunk.len() => sent += count,
                _ => break,
            }
        }
        sent
    });
    let url = server.url("/");
    let child = wirecat(["--exec", "sleep 600", &url]).spawn();
    assert!(server.result() < 50_000_000);
    send(Signal::SIGTERM, &child);
    let output = output(child);
    assert!(!output.status.success());
}

#[test]
fn a_program_stays_over_a_reconnect() {
    let server = raws(2, |number, mut wire| {
        wire.handshake();
        let message = wire.message();
        wire.send(close(if number == 1 { 1012 } else { 1000 }, ""));
        wire.until_close();
        message
    });
    let url = server.url("/");
    let program = "echo one; sleep 1; echo two; cat >/dev/null";
    wirecat([
        "--reconnect",
        "--reconnect-delay",
        "10ms",
        "--on-eof",
        "stay",
    ])
    .arg("--exec")
    .arg(program)
    .arg(&url)
    .run()
    .complains(&["retry 1 in"]);
    assert_eq!(server.result(), [b"one", b"two"]);
}

#[test]
fn options_that_contradict_it_are_refused() {
    for option in [&["-d", "x"][..], &["-o", "f"], &["--mirror"]] {
        wirecat([option, &["--exec", "cat", "ws://127.0.0.1:9/"]].concat())
            .run()
            .exits(2)
            .complains(&["cannot be used with"]);
    }
}

#[test]
fn a_signal_ends_the_program_and_what_it_started() {
    let server = serve();
    let url = server.url("/echo");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let program = format!(
        "trap '' TERM; sleep 600 & echo $! > {}; echo started; wait; sleep 600",
        file.display()
    );
    let child = wirecat(["--until", ".", "--exec", &program, &url]).spawn();
    crate::programs::lines_of(&file, 1);
    send(Signal::SIGINT, &child);
    output(child);
    crate::programs::is_gone(fs::read_to_string(file).unwrap().trim());
}
