//! `/save FILE.wst`: what it writes passes with `wirecat test` against the same server.

use std::fs;
use std::path::Path;

use crate::support::pty::Pty;
use crate::support::server::{Serve, serve};
use crate::support::wirecat;

/// What is typed, and what is on the screen afterwards.
type Typed<'a> = [(&'a str, &'a str)];

/// Has a session at this path, and saves it. The script, which must pass with these variables, twice.
#[track_caller]
fn saved(options: &[&str], path: &str, typed: &Typed<'_>, variables: &[&str]) -> String {
    let server = serve();
    saved_at(&server, options, path, typed, variables)
}

#[track_caller]
fn saved_at(
    server: &Serve,
    options: &[&str],
    path: &str,
    typed: &Typed<'_>,
    variables: &[&str],
) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.wst");
    let mut pty = Pty::prompt(options, &server.url(path));
    for (keys, answer) in typed {
        let before = pty.bytes().len();
        pty.type_keys(&format!("{keys}\r"));
        pty.expect_after(before, answer);
    }
    pty.type_keys(&format!("/save {}\r", file.display()));
    pty.expect("as a script");
    pty.type_keys("\x04");
    pty.end();
    let script = fs::read_to_string(&file).unwrap();
    for _ in 0..2 {
        passes(&file, variables, &script);
    }
    script
}

#[track_caller]
fn passes(file: &Path, variables: &[&str], script: &str) {
    let mut arguments = vec!["test"];
    for variable in variables {
        arguments.extend(["--var", variable]);
    }
    arguments.push(file.to_str().unwrap());
    let output = wirecat(arguments).run();
    assert_eq!(output.code(), 0, "{output:?}\n{script}");
}

#[test]
fn texts_json_and_bytes() {
    let script = saved(
        &[],
        "/echo",
        &[
            ("hello", "< hello"),
            ("{\"n\":1,\"list\":[1,{\"a\":\"b\"}]}", "\"list\": ["),
            ("[1,2]", "< [1, 2]"),
            ("/send # no comment", "< # no comment"),
            ("/send {\"cut\":", "< {\"cut\":"),
            ("/send {{a}}", "< {{a}}"),
            ("/bin hex:00ff10", "00 ff 10"),
            ("/bin hex:6869", "68 69"),
        ],
        &[],
    );
    let sent = script.lines().filter(|line| line.starts_with('>'));
    assert_eq!(sent.count(), 8, "{script}");
}

#[test]
fn pings_and_pongs() {
    let typed = [
        ("/ping are you there", "pong"),
        ("/pong nobody asked", ""),
        ("hello", "< hello"),
        ("/ping", "pong"),
        ("bye", "< bye"),
    ];
    let script = saved(&[], "/echo", &typed, &[]);
    for part in [
        "\n>ping are you there\n",
        "\n>pong nobody asked\n",
        "\n>ping\n",
    ] {
        assert!(script.contains(part), "{part:?} {script}");
    }
}

/// The prompt connects again, and nothing is said there.
#[test]
fn a_close_of_the_server() {
    let typed = [("one", "< one"), ("two", "connected to")];
    let options = ["--reconnect-delay", "10ms"];
    let path = "/close/4001?after=2&reason=enough%20of%20it";
    let script = saved(&options, path, &typed, &[]);
    let end = "\n<close 4001\n[Asserts]\nreason == \"enough of it\"\n";
    assert!(script.ends_with(end), "{script}");
}

#[test]
fn secrets_that_are_given_as_variables() {
    let typed = [("hello", "< hello")];
    for (options, path, line) in [
        (
            &["--token", "s3cret-of-ann"][..],
            "/auth/header?expect=s3cret-of-ann",
            "\ntoken: {{token}}\n",
        ),
        (
            &["-H", "Authorization: Bearer s3cret-of-ann"],
            "/auth/header?expect=s3cret-of-ann",
            "\nAuthorization: {{authorization}}\n",
        ),
        (
            &[],
            "/auth/query?expect=s3cret-of-ann&token=s3cret-of-ann",
            "token={{token}}",
        ),
        (
            &["--token", "s3cret-of-ann", "--token-via", "message"],
            "/auth/message?expect=s3cret-of-ann",
            "\ntoken-via: message\n",
        ),
    ] {
        let variables = [
            "token=s3cret-of-ann",
            "authorization=Bearer s3cret-of-ann",
            "expect=s3cret-of-ann",
        ];
        let script = saved(options, path, &typed, &variables);
        assert!(script.contains(line), "{script}");
    }
}

#[test]
fn expectations() {
    let typed = [
        ("{\"n\":1}", "< {\"n\": 1}"),
        ("/expect .n == 1 within 2s", "ok: .n == 1"),
        ("/expect .n == 2 within 1m\r{\"n\":2}", "ok: .n == 2"),
        (
            "/expect length == 1 within 5s\r{\"m\":2}",
            "ok: length == 1",
        ),
    ];
    let script = saved(&[], "/echo", &typed, &[]);
    for part in [
        "<(2s)\n[Asserts]\n.n == 1\n",
        "<(60s)\n[Asserts]\n.n == 2\n",
    ] {
        assert!(script.contains(part), "{part:?} {script}");
    }
}

#[test]
fn a_connection_that_comes_back() {
    for (path, end) in [
        ("/drop?after=2", "\n<drop\n<open\n"),
        ("/drop?after=2&how=close:1012", "\n<close 1012\n<open\n"),
    ] {
        let options = ["--reconnect-delay", "10ms"];
        let typed = [
            ("one", "< one"),
            ("two", "connected to"),
            ("three", "< three"),
        ];
        let script = saved(&options, path, &typed, &[]);
        assert!(script.contains(end), "{script}");
    }
}

#[test]
fn ids_and_times_of_the_hub() {
    let message = |data: &str| {
        format!(r#"{{"event":"message","room":"news","data":"{data}","ref":"{data}"}}"#)
    };
    let history = r#"{"event":"history","room":"news","after":1}"#;
    let typed = [
        (r#"{"event":"join","room":"news"}"#, r#"< {"event": "join""#),
        (&message("rain"), "< message id="),
        (&message("sun"), "< message id="),
        (history, "ann-is-here"),
        (
            r#"{"event":"leave","room":"news"}"#,
            r#"< {"event": "leave""#,
        ),
    ];
    let server = serve();
    let options = ["--token", "ann-is-here"];
    let script = saved_at(&server, &options, "/events", &typed, &["token=ann-is-here"]);
    assert!(script.contains("\"after\":{{id}}"), "{script}");
}

#[test]
fn options_that_lead_to_the_server() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.wst");
    let route = format!("nowhere.test:80:{}", server.address);
    let options = [
        "--connect-to",
        &route,
        "--no-compress",
        "--origin",
        "http://x.test",
    ];
    let mut pty = Pty::prompt(&options, "ws://nowhere.test/echo");
    pty.type_keys("hello\r");
    pty.expect("< hello");
    pty.type_keys(&format!("/save {}\r", file.display()));
    pty.expect("as a script");
    pty.type_keys("\x04");
    pty.end();
    let script = fs::read_to_string(&file).unwrap();
    passes(&file, &[], &script);
    let route = format!("connect-to: {route}\n");
    for line in ["no-compress\n", "origin: http://x.test\n", &route] {
        assert!(script.contains(line), "{line} {script}");
    }
}
