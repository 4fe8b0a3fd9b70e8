//! `--dry-run` and `--to-curl`: the request without a connection.

use std::process::Command;

use crate::support::server::{close, header, raw, serve};
use crate::support::wirecat;

/// An address where nobody listens, and where nobody must be asked for.
const NOWHERE: &str = "ws://host.invalid/x";

/// The request that `--dry-run` prints, with a fixed key.
#[track_caller]
fn dry_run(options: &[&str]) -> String {
    let output = wirecat([&["--dry-run"], options].concat()).run();
    output.exits(0);
    with_fixed_key(&output.stdout_text())
}

fn with_fixed_key(request: &str) -> String {
    let key = header(request, "Sec-WebSocket-Key").unwrap();
    assert_eq!(key.len(), 24, "{request}");
    request.replace(key, "KEY")
}

/// The lines of a request, sorted: where an option of curl makes a header, the header has another place.
fn lines(request: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = request.lines().map(str::trim_end).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn it_prints_the_request_that_is_sent() {
    for options in [
        &[][..],
        &[
            "-H",
            "X-A: 1",
            "-H",
            "X-A: 2",
            "-H",
            "X-E;",
            "-H",
            "User-Agent:",
        ],
        &[
            "--origin",
            "https://o",
            "--subprotocol",
            "a",
            "--no-compress",
        ],
        &["-u", "ann:s3cret", "--include-secrets"],
        &[
            "--token",
            "tok123",
            "--token-via",
            "query",
            "--include-secrets",
        ],
        &["--var", "r=a b", "-H", "X-R: {{r}}"],
    ] {
        let server = raw(|mut wire| {
            let request = wire.request();
            let chosen = match request.contains("\r\nSec-WebSocket-Protocol: a\r\n") {
                true => "Sec-WebSocket-Protocol: a\r\n",
                false => "",
            };
            wire.accept(&request, chosen, b"");
            wire.send(close(1000, ""));
            wire.until_close();
            request
        });
        let url = server.url("/p?q=1");
        let arguments = [options, &[&url]].concat();
        let shown = dry_run(&arguments);
        wirecat(&arguments).run().exits(0);
        let sent = with_fixed_key(&server.result()).replace("\r\n", "\n");
        assert_eq!(shown, sent, "{options:?}");
    }
}

#[test]
fn nothing_is_connected_to_run_or_read() {
    let directory = tempfile::tempdir().unwrap();
    let witness = directory.path().join("witness");
    let command = format!("cmd:touch {}", witness.display());
    let shown = dry_run(&["--token", &command, NOWHERE]);
    assert_eq!(
        header(&shown, "Authorization"),
        Some(format!("Bearer [token from {command}]").as_str())
    );
    let shown = dry_run(&["--token", &command, "--token-via", "query", NOWHERE]);
    assert!(
        shown.starts_with(&format!("GET /x?token=[token from {command}] HTTP/1.1\n")),
        "{shown}"
    );
    let (_fifo, path) = crate::support::fifo();
    let file = format!("@{}", path.display());
    let shown = dry_run(&["--token", &file, "--token-via", "message", NOWHERE]);
    assert!(
        shown.ends_with(&format!(
            "\n\n> {{\"event\":\"token\",\"data\":\"[token from {file}]\"}}\n"
        )),
        "{shown}"
    );
    let shown = dry_run(&["--token", &file, "--token-via", "subprotocol", NOWHERE]);
    assert!(
        shown.contains(&format!("Sec-WebSocket-Protocol: [token from {file}]\n")),
        "{shown}"
    );
    let shown = dry_run(&["-u", "ann", NOWHERE]);
    assert!(
        shown.contains("Authorization: Basic [ann with a password from the prompt]\n"),
        "{shown}"
    );
    assert!(!witness.exists());
}

#[cfg(unix)]
#[test]
fn commands_of_the_configuration_file_are_not_run_either() {
    let directory = tempfile::tempdir().unwrap();
    let (witness, file) = (
        directory.path().join("witness"),
        directory.path().join("config.toml"),
    );
    let run = format!("cmd:touch {}; echo x", witness.display());
    let text = format!(
        "[profile.p]\nurl = \"{NOWHERE}?r={{{{r}}}}\"\nheader = [\"Cookie: {run}\"]\nuser = \"ann:{run}\"\n[profile.p.vars]\nr = \"{run}\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let shown = dry_run(&["--config", file, "@p"]);
    assert!(shown.contains("\nCookie: [redacted]\n"), "{shown}");
    assert!(
        shown.contains("\nAuthorization: Basic [redacted]\n"),
        "{shown}"
    );
    assert!(!witness.exists());
}

#[test]
fn what_is_sent_first_follows() {
    let shown = dry_run(&[
        "--on-open",
        r#"{"op":"hello"}"#,
        "--on-open",
        "two\nlines",
        "--token",
        "s3cretsecret",
        "--token-message",
        r#"{"t":"{{token}}"}"#,
        NOWHERE,
    ]);
    assert!(
        shown.ends_with("\n\n> {\"t\":\"[redacted]\"}\n> {\"op\":\"hello\"}\n> two\\x0alines\n"),
        "{shown}"
    );
}

#[test]
fn stdin_is_left_alone_and_that_is_said() {
    let output = wirecat(["--dry-run", "-H", "@-", NOWHERE])
        .stdin("X-A: 1")
        .run();
    output
        .exits(0)
        .complains(&["stdin and files that may block are not read"]);
    assert!(!output.stdout_text().contains("X-A"));
    // The child's stdin stays open.
    let child = wirecat(["--dry-run", NOWHERE]).spawn();
    crate::support::output(child).exits(0).is_quiet();
}

#[test]
fn http2_alone_has_the_request_of_http2() {
    for option in ["--http2-only", "--http2-prior-knowledge"] {
        let output = wirecat(["--dry-run", option, "-b", "a=b", "ws://host.invalid/x"]).run();
        output.exits(0);
        let lines = output.stdout_text();
        let lines: Vec<&str> = lines.lines().collect();
        let beginning = [
            ":method: CONNECT",
            ":protocol: websocket",
            ":scheme: http",
            ":authority: host.invalid",
            ":path: /x",
        ];
        assert_eq!(lines[..5], beginning);
        assert!(lines.contains(&"cookie: [redacted]"), "{lines:?}");
    }
}

#[test]
fn verbose_says_where_it_would_connect() {
    wirecat(["--dry-run", "-v", "-x", "u:p@proxy.invalid:3128", "ws://host.invalid/x"])
        .run()
        .exits(0)
        .complains(&[
            "would connect to proxy.invalid:3128, proxy http://u:[redacted]@proxy.invalid:3128/ (from -x) (tcp → connect)",
        ]);
    wirecat(["--dry-run", "-v", "wss://host.invalid/x"])
        .run()
        .exits(0)
        .complains(&["would connect to host.invalid:443 (tcp → tls)"]);
    wirecat(["--dry-run", NOWHERE]).run().exits(0).is_quiet();
}

#[test]
fn secrets_are_redacted_unless_they_are_asked_for() {
    let options = [
        "-H",
        "Cookie: sid=s3cretcookie",
        "--oauth2-bearer",
        "s3cretbearer",
        "ws://host.invalid/?token=s3cretparameter",
    ];
    let of_the_way = [
        "-b",
        "sid=s3cretcookie",
        "-E",
        "/nonexistent.pem:s3cret/pass:word",
        "--socks5",
        "user:s3cretsocks@p",
        "-U",
        "ann:s3cretuser",
        "--proxy-header",
        "X-Api-Key: s3cretheader",
        NOWHERE,
    ];
    for show in ["--dry-run", "--to-curl"] {
        let output = wirecat([&[show], &of_the_way[..]].concat()).run();
        let shown = output.exits(0).stdout_text() + &output.stderr;
        assert!(
            !shown.contains("s3cret") && !shown.contains("word"),
            "{shown}"
        );
    }
    for show in ["--dry-run", "--to-curl"] {
        let output = wirecat([&[show], &options[..]].concat()).run();
        output.exits(0);
        assert!(
            !output.stdout_text().contains("s3cret"),
            "{}",
            output.stdout_text()
        );
        let output = wirecat([&[show, "--include-secrets"], &options[..]].concat()).run();
        assert_eq!(
            output.stdout_text().matches("s3cret").count(),
            3,
            "{}",
            output.stdout_text()
        );
    }
    let output = wirecat(["--to-curl", "-u", "ann:s3cret", NOWHERE]).run();
    output
        .exits(0)
        .prints(output.stdout_text().replace("s3cret", "[redacted]"));
    assert!(
        output.stdout_text().contains("--user 'ann:[redacted]'"),
        "{}",
        output.stdout_text()
    );
}

#[test]
fn a_mistake_is_found_all_the_same() {
    for (options, code) in [
        (&["--dry-run", "ws://h/#x"][..], 3),
        (&["--dry-run", "-H", "no colon", "ws://h/"], 2),
        (&["--dry-run", "--token", "env:NONE_SUCH", "ws://h/"], 2),
        (&["--dry-run", "--to-curl", "ws://h/"], 2),
        (&["--dry-run"], 2),
        (&["demo", "--dry-run"], 2),
    ] {
        wirecat(options).run().exits(code).prints("");
    }
}

#[test]
fn there_and_back_is_the_same_request() {
    for options in [
        &["ws://host.invalid:8080/a%20b?c=[1]&d={e}"][..],
        &["wss://host.invalid/"],
        &["ws://[::1]:9/", "-H", "Host: other"],
        &[
            "ws://h.invalid/",
            "-H",
            "X-A: it's \"x\" $y `z` \\ \u{fc}\u{1f600}",
            "-H",
            "X-E;",
        ],
        &[
            "ws://h.invalid/",
            "--origin",
            "https://o",
            "-A",
            "",
            "--subprotocol",
            "a,b",
        ],
        &[
            "ws://h.invalid/",
            "-A",
            "agent",
            "-H",
            "Accept: x",
            "-H",
            "Cookie: a=b; c=d",
        ],
        &["ws://h.invalid/", "-u", "ann:s3:cr et'"],
        &["ws://u:p%40@h.invalid/"],
        &["ws://h.invalid/", "--token", "tok", "--token-via", "query"],
        &["ws://h.invalid/", "--oauth2-bearer", "tok123"],
        &[
            "ws://h.invalid/",
            "--token",
            "tok",
            "--token-name",
            "X-Token",
        ],
        &[
            "ws://h.invalid/",
            "--client-no-context-takeover",
            "--client-max-window-bits",
            "10",
        ],
        &[
            "ws://h.invalid/",
            "--server-max-window-bits",
            "9",
            "--server-no-context-takeover",
        ],
        &["ws+unix:/run/a.sock:/p?q"],
        &["ws://h.invalid/", "--unix-socket", "/run/a.sock"],
        &["ws://h.invalid/", "-4"],
        &[
            "ws://h.invalid/",
            "--resolve",
            "h.invalid:80:127.0.0.1",
            "--connect-to",
            "::other.invalid:81",
        ],
        &["ws://h.invalid/", "-b", "a=b", "-b", "c=d"],
        &["ws://h.invalid/", "-x", "u:p@proxy.invalid:1"],
        &["ws://h.invalid/", "--socks5-hostname", "proxy.invalid:1"],
        &[
            "wss://h.invalid/",
            "-k",
            "--cacert",
            "/nonexistent a",
            "-m",
            "500ms",
        ],
    ] {
        let options = [&["--include-secrets"], options].concat();
        let there = wirecat([&["--to-curl"], &options[..]].concat()).run();
        there.exits(0).is_quiet();
        let back = wirecat(["--from-curl", "-", "--dry-run", "-v", "--include-secrets"])
            .stdin(&there.stdout)
            .run();
        back.exits(0);
        let direct = wirecat([&["--dry-run", "-v"], &options[..]].concat()).run();
        assert_eq!(
            lines(&with_fixed_key(&back.stdout_text())),
            lines(&with_fixed_key(&direct.stdout_text())),
            "{}",
            there.stdout_text()
        );
        // curl's options for each kind of proxy come back as one.
        let direct = &direct.exits(0).stderr;
        let route = direct.replace("(from --socks5-hostname)", "(from -x)");
        assert!(back.stderr.ends_with(&route), "{route}: {}", back.stderr);
    }
}

#[test]
fn curl_makes_that_handshake() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let server = serve();
    for options in [
        &["-H", "X-A: it's \"x\""][..],
        &[
            "-u",
            "ann:s3cret",
            "--include-secrets",
            "--origin",
            "https://o",
        ],
        &["-H", "X-A: a\tb", "--subprotocol", "chat", "-m", "20s"],
    ] {
        // curl ends when the server drops the connection.
        let url = server.url("/drop?after=0&x=[1]");
        let printed = wirecat([&["--to-curl"], options, &[&url]].concat()).run();
        printed.exits(0).is_quiet();
        let script = printed
            .stdout_text()
            .replacen("curl ", "curl --max-time 30 --silent ", 1);
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{script}\n{answer}\n{output:?}"
        );
    }
}

#[test]
fn curl_sends_that_request() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let server = raw(|mut wire| wire.handshake());
    let options = [
        "-H",
        "X-A: 1",
        "-H",
        "X-E;",
        "-u",
        "ann:pw",
        "--include-secrets",
        "--origin",
        "https://o",
    ];
    let url = server.url("/p?x={1}");
    let arguments = [&options[..], &[&url]].concat();
    let shown = dry_run(&arguments);
    let printed = wirecat([&["--to-curl"], &arguments[..]].concat()).run();
    Command::new("sh")
        .args(["-c", &printed.stdout_text()])
        .output()
        .unwrap();
    assert_eq!(lines(&with_fixed_key(&server.result())), lines(&shown));
}
