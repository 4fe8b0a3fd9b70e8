//! `--count 0`: whether a server can be connected to, as an exit code.

use std::io::{BufRead, BufReader};

use crate::support::server::{raw, serve, text};
use crate::support::{fifo, output, wirecat};

#[test]
fn a_check_connects_closes_and_prints_nothing() {
    let server = serve();
    for path in ["/echo", "/seq", "/stream"] {
        let url = server.url(path);
        let output = wirecat(["--count", "0", &url]).run();
        output.exits(0).prints("").is_quiet();
    }
}

#[test]
fn what_fails_has_its_own_exit_code() {
    let server = serve();
    for (path, code) in [("/status/503", 22), ("/noclose", 28)] {
        let url = server.url(path);
        let output = wirecat(["--count", "0", "--close-timeout", "1", &url]).run();
        output.exits(code);
    }
    wirecat(["--count", "0", "ws://127.0.0.1:1/"])
        .run()
        .exits(7);
}

#[test]
fn the_opening_messages_and_d_are_sent_before_the_close() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("a greeting"));
        let sent = [(); 4].map(|()| wire.message());
        wire.answer_close();
        sent
    });
    let args = [
        "--count",
        "0",
        "--on-open",
        "first",
        "-d",
        "two",
        "-d",
        "three",
    ];
    let output = wirecat(args)
        .arg("--token=t")
        .arg("--token-message={{token}}")
        .arg(&server.url("/"))
        .run();
    // The greeting is not what a check is for.
    output.exits(0).prints("").is_quiet();
    let sent = server.result().map(|it| String::from_utf8(it).unwrap());
    assert_eq!(sent, ["t", "first", "two", "three"]);
}

#[test]
fn a_message_that_the_opening_waits_for_is_looked_at_and_not_shown() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &text("{\"type\":\"hello\"}\n{\"type\":\"welcome\"}"));
        let sent = wire.message();
        wire.answer_close();
        sent
    });
    let opening = "after .type == \"welcome\": join";
    let output = wirecat(["--count", "0", "--split", "nl", "--on-open", opening])
        .arg(&server.url("/"))
        .run();
    output.exits(0).prints("").is_quiet();
    assert_eq!(server.result(), b"join");
}

#[test]
fn stdin_is_not_read() {
    let (_folder, path) = fifo();
    let server = serve();
    // A FIFO that is open for writing has no end.
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let child = std::process::Command::new(crate::support::WIRECAT)
        .args(["--count", "0", &server.url("/echo")])
        .stdin(file)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    output(child).exits(0).prints("").is_quiet();
    wirecat(["--count", "0", &server.url("/echo")])
        .stdin("not sent\n")
        .run()
        .exits(0)
        .prints("");
}

#[test]
fn a_server_that_closes_first_is_what_the_exit_code_says() {
    let server = raw(|mut wire| {
        wire.handshake();
        // Before our Close is read, which must not count as its answer.
        wire.close(1011, "no database");
    });
    let output = wirecat(["--count", "0", "--confirm", "-d", "x"])
        .arg(&server.url("/"))
        .run();
    output
        .exits(111)
        .complains(&["1011 (internal error) \"no database\""]);
    server.result();
}

#[test]
fn reconnect_waits_for_a_server_that_starts_later() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let url = format!("ws://127.0.0.1:{port}/");
    let mut child = wirecat(["--count", "0", "--reconnect", "--reconnect-delay", "50ms"])
        .arg(&url)
        .spawn();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("retry") || line.contains("attempt"), "{line}");
    let listen = wirecat(["listen", &format!("127.0.0.1:{port}"), "--count", "0"]).spawn();
    output(child).exits(0);
    output(listen).exits(0);
}

#[test]
fn what_waits_for_messages_is_refused() {
    for option in [
        &["--until", ".x"][..],
        &["--lockstep"],
        &["--mirror"],
        &["--exec", "cat"],
        &["--confirm=reply"],
        &["--confirm=.ack"],
    ] {
        let args = [&["--count", "0"], option, &["ws://127.0.0.1:1/"]].concat();
        let output = wirecat(args).run();
        output
            .exits(2)
            .complains(&["--count 0 waits for no message", "--count 1 waits for one"]);
    }
    wirecat(["--count", "0", "-1", "ws://127.0.0.1:1/"])
        .run()
        .exits(2);
}

#[test]
fn a_terminal_is_no_prompt_then() {
    let server = serve();
    let pty = crate::support::pty::Pty::start(&["--count", "0", &server.url("/echo")]);
    let shown = pty.exits(0);
    assert!(!shown.contains("/help"), "{shown}");
}

/// The commands in the files that `docs/ci.md` shows, as a shell takes them.
fn documented_commands() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (mut language, mut commands) = ("", Vec::new());
    for line in page.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            language = mark;
            continue;
        }
        let command = match language {
            "sh" => Some(line.to_owned()),
            "dockerfile" => line.split_once(" CMD ").map(|(_, it)| it.to_owned()),
            "ini" => line
                .strip_prefix("ExecStart")
                .and_then(|it| it.split_once('='))
                .map(|(_, it)| it.to_owned()),
            "yaml" => line
                .split_once("run: ")
                .map(|(_, it)| it.to_owned())
                .or_else(|| {
                    let (_, words) = line.split_once("command: ")?;
                    let words: Vec<String> = serde_json::from_str(words).unwrap();
                    Some(words.join(" "))
                }),
            _ => None,
        };
        commands.extend(command.filter(|it| it.contains("wirecat")));
    }
    commands
}

/// What a shell makes of the command, with this URL in place of the documented one.
fn runs(command: &str, url: &str) -> Option<i32> {
    assert!(command.contains("ws://localhost:8080/ws"), "{command}");
    let programs = std::path::Path::new(crate::support::WIRECAT)
        .parent()
        .unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let child = std::process::Command::new("sh")
        .args(["-c", &command.replace("ws://localhost:8080/ws", url)])
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    output(child).status.code()
}

#[test]
fn the_documented_checks_tell_a_server_that_answers_from_one_that_does_not() {
    let server = serve();
    let commands = documented_commands();
    assert_eq!(commands.len(), 7, "{commands:#?}");
    for command in commands {
        assert_eq!(runs(&command, &server.url("/echo")), Some(0), "{command}");
        let refused = runs(&command, &server.url("/status/404"));
        let expected = match () {
            () if command.contains("CRITICAL") => 2,
            () if command.contains("|| exit 1") => 1,
            () => 22,
        };
        assert_eq!(refused, Some(expected), "{command}");
    }
}
