//! `listen --exec`: a program for each client.

use std::io::{BufRead, BufReader};
use std::process::Child;

use nix::sys::signal::Signal;

use crate::programs::{is_gone, lines_of};
use crate::support::{output, send, wirecat};

/// A server with this program; its process and its URL.
pub(crate) fn listen(options: &[&str], program: &str) -> (Child, String) {
    let args = [&["listen", "127.0.0.1:0", "--exec", program][..], options].concat();
    let mut child = wirecat(args).spawn();
    let mut line = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let url = line.strip_prefix("READY ").expect("the line READY").trim();
    let url = url.to_owned();
    (child, url)
}

#[test]
fn each_client_has_a_program_of_its_own() {
    let (server, url) = listen(
        &["--clients", "2"],
        "read name; echo \"hello $name, you are $WIRECAT_CONNECTION\"; cat",
    );
    let mut first = wirecat(["--count", "2", "--on-eof", "stay", &url]).spawn();
    let mut stdin = first.stdin.take().unwrap();
    use std::io::Write;
    stdin.write_all(b"one\n").unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(first.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "hello one, you are 1\n");
    wirecat(["-1", "-d", "two", &url])
        .run()
        .exits(0)
        .prints("hello two, you are 2\n");
    stdin.write_all(b"more\n").unwrap();
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "more\n");
    assert!(output(first).status.success());
    output(server).exits(0).is_quiet();
}

#[test]
fn a_program_goes_with_its_client_and_all_of_them_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let shown = file.display();
    let program =
        format!("trap '' TERM; sleep 600 & echo $! >> {shown}; echo ready; wait; sleep 600");
    let (server, url) = listen(&["--clients", "0", "--close-timeout", "1s"], &program);
    wirecat(["-1", "--on-eof", "stay", &url])
        .run()
        .exits(0)
        .prints("ready\n");
    is_gone(&lines_of(&file, 1)[0]);
    let client = wirecat(["--on-eof", "stay", &url]).spawn();
    let ids = lines_of(&file, 2);
    send(Signal::SIGTERM, &server);
    let ended = output(server);
    assert!(!ended.status.success());
    output(client).exits(0);
    is_gone(&ids[1]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_leaves_its_session_is_waited_for_when_it_ends() {
    let (server, url) = listen(&["--clients", "0"], "setsid true & wait; echo ready");
    for _ in 0..4 {
        wirecat(["-1", "--on-eof", "stay", &url])
            .run()
            .exits(0)
            .prints("ready\n");
    }
    let children = format!("/proc/{0}/task/{0}/children", server.id());
    let children = std::fs::read_to_string(children).unwrap();
    let is_dead = |id: &&str| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
        stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    // That of the last program goes with the next one.
    let dead = children.split_whitespace().filter(is_dead).count();
    assert!(dead <= 1, "{children}");
    send(Signal::SIGTERM, &server);
    output(server);
}

#[test]
fn headers_are_told_that_were_asked_for() {
    let (server, url) = listen(
        &["--clients", "1", "--exec-header", "X-User"],
        "echo \"$WIRECAT_HEADER_X_USER $WIRECAT_URL\"; env | grep -c SECRET; cat",
    );
    let url = format!("{url}/chat?token=sesame");
    let run = wirecat([
        "--count",
        "2",
        "-H",
        "X-User: xiao",
        "-H",
        "X-Other: SECRET",
        &url,
    ])
    .run();
    let shown = url.replace("sesame", "[redacted]");
    run.exits(0).prints(format!("xiao {shown}\n0\n"));
    output(server).exits(0);
}

#[test]
fn a_program_that_fails_is_reported_with_its_client() {
    let (server, url) = listen(&["--clients", "1"], "exit 3");
    let client = wirecat(["--on-eof", "stay", &url]).run();
    client.exits(111).complains(&["1011", "the program failed"]);
    let server = output(server);
    server
        .exits(1)
        .complains(&["[1] --exec: exited with status 3"]);
}

#[test]
fn nobody_coming_is_a_timeout() {
    let (server, _) = listen(&["--connect-timeout", "0.3s"], "cat");
    output(server)
        .exits(28)
        .complains(&["no client connected within"]);
}

#[test]
fn the_end_of_its_time_is_said() {
    let (server, _) = listen(&["-m", "0.3s", "--clients", "0"], "cat");
    output(server).exits(28).complains(&["--max-time is over"]);
}

#[test]
fn only_a_client_with_the_token_gets_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let (file, runs) = (folder.path().join("tokens"), folder.path().join("runs"));
    std::fs::write(&file, "# two of them\nfirst\n\nsecond\n").unwrap();
    let program = format!("echo on >> {}; echo hi; cat", runs.display());
    let tokens = [
        &*format!("@{}", file.display()),
        "env:LISTEN_TOKEN",
        "cmd:echo fourth",
    ];
    let options: Vec<&str> = tokens.iter().flat_map(|it| ["--token", it]).collect();
    let args = [&["listen", "127.0.0.1:0", "--exec", &program][..], &options].concat();
    let mut server = wirecat(args).env("LISTEN_TOKEN", "third").spawn();
    let mut line = String::new();
    let stdout = server.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("READY ").unwrap();
    for options in [&[][..], &["--token", "wrong"], &["-u", "first:first"]] {
        wirecat([options, &["-1", url]].concat())
            .run()
            .exits(22)
            .complains(&["401", "www-authenticate: Bearer"]);
    }
    assert!(!runs.exists());
    for token in ["first", "second", "third", "fourth"] {
        for via in ["header", "query"] {
            wirecat(["-1", "--token", token, "--token-via", via, url])
                .run()
                .exits(0)
                .prints("hi\n");
        }
    }
    assert_eq!(lines_of(&runs, 8).len(), 8);
    send(Signal::SIGTERM, &server);
    output(server).complains(&["401 Unauthorized: it has no token", "not that of --token"]);
}

#[test]
fn with_a_token_other_machines_may_connect() {
    let mut server = wirecat(["listen", "0.0.0.0:0", "--token", "t", "--exec", "cat"]).spawn();
    let mut line = String::new();
    let stdout = server.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert!(line.starts_with("READY ws://0.0.0.0:"), "{line}");
    send(Signal::SIGTERM, &server);
    output(server);
    for (args, why) in [
        (&["--token", "prompt"][..], "nobody is asked here"),
        (&["--token", "@-"], "stdin carries messages"),
        (&["--token", "env:NO_SUCH_TOKEN"], "no such variable"),
        (&["--token", "@/dev/null"], "it has no token"),
        (&["--token", ""], "the token is empty"),
        (&["--max-connections", "2"], "one client at a time"),
    ] {
        wirecat([&["listen", "127.0.0.1:0"], args].concat())
            .run()
            .exits(2)
            .complains(&[why]);
    }
}
