//! URLs that a command or a file gives anew for every connection.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::pty::Pty;
use crate::support::server::{Raw, Wire, header, raw, raws, text};
use crate::support::site::{Answer, redirect, site};
use crate::support::{Output, wirecat};

/// A script that gives the tickets 1, 2 … for `url`, in which `TICKET` stands for them.
fn tickets(folder: &Path, url: &str) -> String {
    let count = folder.join("count");
    let url = url.replace("TICKET", "secret-ticket-$n");
    let script = format!(
        "n=$(($(cat {0} 2>/dev/null || echo 0) + 1)); echo $n > {0}; echo \"{url}\"",
        count.display()
    );
    let path = folder.join("ticket.sh");
    fs::write(&path, script).unwrap();
    format!("cmd:sh {}", path.display())
}

/// The request line of a server's only connection, which ends well.
fn target_of(request: &str) -> String {
    request.split(' ').nth(1).unwrap().to_owned()
}

fn answers() -> Raw<String> {
    raw(|mut wire| answer(&mut wire))
}

fn answer(wire: &mut Wire) -> String {
    let request = wire.handshake();
    wire.message();
    wire.send(text("done"));
    wire.answer_close();
    request
}

fn run(args: &[&str]) -> Output {
    wirecat([&["-1", "-d", "hi"], args].concat()).run()
}

#[test]
fn every_attempt_gets_a_url_of_its_own_that_nobody_sees() {
    let folder = tempfile::tempdir().unwrap();
    let server = raws(2, |number, mut wire| {
        if number == 1 {
            // It breaks the connection off.
            return wire.handshake();
        }
        answer(&mut wire)
    });
    let url = tickets(
        folder.path(),
        &server.url("/secret-path-x/ws?ticket=TICKET&v=1"),
    );
    let record = folder.path().join("record.jsonl");
    let record = record.to_str().unwrap();
    // What was sent before the loss was noticed is not sent again, but for this.
    let output = wirecat([
        "-1",
        "--on-open",
        "hi",
        "--on-eof=stay",
        "--reconnect=3",
        "--reconnect-delay",
        "10ms",
        "-vvv",
        "--record",
        record,
        &url,
    ])
    .run();
    output.exits(0).prints("done\n");
    let targets: Vec<String> = server.result().iter().map(|it| target_of(it)).collect();
    assert_eq!(
        targets,
        [
            "/secret-path-x/ws?ticket=secret-ticket-1&v=1",
            "/secret-path-x/ws?ticket=secret-ticket-2&v=1"
        ]
    );
    let recorded = fs::read_to_string(record).unwrap();
    for shown in [&output.stderr, &recorded] {
        assert!(!shown.contains("secret-"), "{shown}");
        assert!(!shown.contains("ticket.sh"), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
    }
    let first: serde_json::Value = serde_json::from_str(recorded.lines().next().unwrap()).unwrap();
    assert_eq!(first["url"], "cmd:sh [redacted]");
}

#[test]
fn a_file_gives_a_url_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room.url");
    let named = format!("@{}", file.display());
    let server = answers();
    fs::write(&file, server.url("/x?ticket=abc\n")).unwrap();
    run(&[&named]).exits(0).is_quiet();
    assert_eq!(target_of(&server.result()), "/x?ticket=abc");
    let output = run(&["@/nonexistent.url"]);
    output.exits(2).complains(&["@/nonexistent.url: "]);
}

#[test]
fn a_url_of_another_kind_is_named_without_being_shown() {
    for (gives, code, why) in [
        (
            "echo 'https://h secret-word'",
            3,
            "a space or control character",
        ),
        ("echo ws://h/#secret-word", 3, "has no fragment"),
        ("echo secret-word", 3, "a single word"),
        ("true", 2, "it gave no URL"),
        ("printf 'ws://h/\\nsecret-word\\n'", 2, "2 lines"),
        ("echo ws://h/; exit 7", 2, "exit status: 7"),
        ("printf '\\377'", 2, "not UTF-8"),
        ("yes x | tr -d '\\n' | head -c 70000", 2, "too long"),
    ] {
        let output = run(&[&format!("cmd:{gives}")]);
        output.exits(code).complains(&[why]);
        assert!(!output.stderr.contains("secret-word"), "{}", output.stderr);
        assert!(output.stderr.len() < 2000, "{}", output.stderr.len());
    }
}

#[test]
fn a_command_that_takes_too_long_ends_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let command = format!(
        "cmd:(sleep 4; echo late > {}) & sleep 60; echo ws://h/",
        mark.display()
    );
    let start = Instant::now();
    let output = run(&["--connect-timeout", "1s", &command]);
    output.exits(28).complains(&["running cmd:"]);
    assert!(start.elapsed() < Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(4));
    assert!(!mark.exists(), "a process outlived its command");
}

#[test]
fn the_user_of_the_url_logs_in_unless_another_is_given() {
    for (options, expected) in [(&[][..], "ann:s3cret"), (&["-u", "bob:x"], "bob:x")] {
        let server = answers();
        let url = format!("cmd:echo ws://ann:s3cret@{}/", server.address);
        run(&[options, &[&url]].concat()).exits(0);
        let request = server.result();
        let basic = format!("Basic {}", STANDARD.encode(expected));
        assert_eq!(header(&request, "authorization"), Some(&*basic));
    }
}

#[test]
fn redirects_cookies_and_remembered_values_work_as_with_any_url() {
    let site = site(|_, number| match number {
        1 => redirect(302, "/there"),
        _ => Answer::Open(""),
    });
    let url = format!("cmd:echo '{}'", site.url("/here?from={{last}}"));
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::write(&state, "{\"v\":1,\"resume\":{\"last\":7}}\n").unwrap();
    let args = [
        "-L",
        "-b",
        "a=b",
        "--resume",
        "last=.n",
        "--state",
        state.to_str().unwrap(),
        &url,
    ];
    wirecat(args).run().exits(0);
    assert_eq!(site.targets(), ["/here?from=7", "/there"]);
}

#[test]
fn a_refused_ticket_is_replaced_once() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(|_, _| {
        Answer::Bytes(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec())
    });
    let url = tickets(folder.path(), &site.url("/?t=TICKET"));
    let output = run(&["--reconnect", "--reconnect-delay", "10ms", &url]);
    output
        .exits(22)
        .complains(&["a fresh token was refused as well"]);
    assert_eq!(
        site.targets(),
        ["/?t=secret-ticket-1", "/?t=secret-ticket-2"]
    );
}

#[test]
fn a_request_that_is_only_shown_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = tickets(folder.path(), "ws://h/?t=TICKET");
    let output = wirecat(["--dry-run", "-v", &url]).run();
    output.exits(0);
    let shown = "cmd:sh [redacted]";
    let printed = output.stdout_text();
    assert!(
        printed.starts_with(&format!(
            "GET [path and query from {shown}] HTTP/1.1\nHost: [host from {shown}]\n"
        )),
        "{printed}"
    );
    wirecat(["--to-curl", &url])
        .run()
        .exits(2)
        .complains(&["which is not read"]);
    assert!(!folder.path().join("count").exists());
}

#[test]
fn a_profile_may_have_a_url_that_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let server = answers();
    let command = tickets(folder.path(), &server.url("/?t=TICKET"));
    let config = folder.path().join("config.toml");
    fs::write(
        &config,
        format!("[profile.x]\nurl = '{command}'\non-open = 'hello'\n"),
    )
    .unwrap();
    let config = config.to_str().unwrap();
    wirecat(["--config", config, "-1", "@x"])
        .run()
        .exits(0)
        .prints("done\n");
    assert_eq!(target_of(&server.result()), "/?t=secret-ticket-1");
    let output = wirecat(["--config", config, "-1", "@x/path"]).run();
    output.exits(2).complains(&["is computed", "/path"]);
}

#[test]
fn the_prompt_goes_to_a_url_that_is_computed_and_shows_its_source() {
    let (first, second) = (
        raw(|mut wire| {
            wire.handshake();
            wire.answer_close();
        }),
        answers(),
    );
    let command = format!("cmd:echo {}", second.url("/?ticket=secret-word"));
    let mut pty = Pty::prompt(&[], &first.url("/"));
    pty.type_keys(&format!("/connect {command}\r"));
    pty.expect(&format!("connected to {}", second.address));
    pty.type_keys("hi\r");
    pty.expect("done");
    pty.type_keys("/status\r");
    pty.expect("cmd:echo [redacted]");
    pty.type_keys("/quit\r");
    pty.exits(0);
    assert_eq!(target_of(&second.result()), "/?ticket=secret-word");
}
