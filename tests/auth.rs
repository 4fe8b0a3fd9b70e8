//! Credentials: where they come from and where they go.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::pty::Pty;
use crate::support::server::{close, header, raw, serve};
use crate::support::{WIRECAT, wait, wirecat};

/// What a server got: the request, and the first message.
struct Got {
    request: String,
    message: Option<String>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        header(&self.request, name)
    }

    fn path(&self) -> &str {
        self.request.split(' ').nth(1).unwrap()
    }
}

/// What the server gets from a run with these options, in an environment with `TOKEN=from-env`.
#[track_caller]
fn sent(options: &[&str]) -> Got {
    sent_to("ws://", options)
}

#[track_caller]
fn sent_to(scheme_and_user: &str, options: &[&str]) -> Got {
    let server = raw(|mut wire| {
        let request = wire.handshake();
        let first = wire.frame().unwrap();
        wire.send(close(1000, ""));
        wire.until_close();
        let message = String::from_utf8(first.payload).unwrap();
        Got {
            request,
            message: (message != "end").then_some(message),
        }
    });
    let url = format!("{scheme_and_user}{}/x", server.address);
    wirecat([options, &["-d", "end", &url]].concat())
        .env("TOKEN", "from-env")
        .run()
        .exits(0);
    server.result()
}

fn basic(user_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

#[test]
fn basic_auth_from_the_option_and_from_the_url() {
    for (scheme_and_user, options, credentials) in [
        ("ws://", &["-u", "ann:s3cret"][..], "ann:s3cret"),
        ("ws://", &["--user", "ann:a:b"], "ann:a:b"),
        ("ws://", &["-u", "ann:"], "ann:"),
        // As with curl, the option is taken as it is, and the URL decoded.
        ("ws://", &["-u", "ann:s%40"], "ann:s%40"),
        ("ws://", &["-u", "\u{fc}:\u{e9}"], "\u{fc}:\u{e9}"),
        ("ws://ann:s3cret@", &[], "ann:s3cret"),
        ("ws://an%6E:s%40%3A@", &[], "ann:s@:"),
        ("ws://ann@", &[], "ann:"),
        ("ann:s3cret@", &[], "ann:s3cret"),
        ("ws://url:url@", &["-u", "option:option"], "option:option"),
    ] {
        let got = sent_to(scheme_and_user, options);
        assert_eq!(
            got.header("authorization"),
            Some(basic(credentials).as_str()),
            "{scheme_and_user} {options:?}"
        );
        assert_eq!(got.path(), "/x");
    }
}

#[test]
fn a_bearer_token_and_the_four_places_of_a_token() {
    let authorization = |options: &[&str]| sent(options).header("Authorization").map(str::to_owned);
    assert_eq!(
        authorization(&["--oauth2-bearer", "abc"]).unwrap(),
        "Bearer abc"
    );
    assert_eq!(authorization(&["--token", "abc"]).unwrap(), "Bearer abc");
    assert_eq!(
        authorization(&["--token", "Token abc"]).unwrap(),
        "Token abc"
    );
    assert_eq!(authorization(&[]), None);

    let got = sent(&[
        "--token",
        "abc",
        "--token-via",
        "header",
        "--token-name",
        "X-API-key",
    ]);
    assert!(
        got.request.contains("\r\nX-API-key: abc\r\n"),
        "{}",
        got.request
    );
    assert_eq!(got.header("Authorization"), None);

    let got = sent(&["--token", "a b/\u{fc}&", "--token-via", "query"]);
    assert_eq!(got.path(), "/x?token=a+b%2F%C3%BC%26");
    let got = sent(&[
        "--token",
        "abc",
        "--token-via",
        "query",
        "--token-name",
        "k",
    ]);
    assert_eq!(got.path(), "/x?k=abc");

    let subprotocol = ["--token", "abc", "--token-via", "subprotocol"];
    let got = sent(&[&subprotocol[..], &["--subprotocol", "chat"]].concat());
    assert_eq!(got.header("Sec-WebSocket-Protocol"), Some("chat, abc"));
    let got = sent(&[&subprotocol[..], &["--token-name", "bearer."]].concat());
    assert_eq!(got.header("Sec-WebSocket-Protocol"), Some("bearer.abc"));

    for (options, message) in [
        (
            &["--token-via", "message"][..],
            r#"{"event":"token","data":"a\"b"}"#,
        ),
        (&["--token-message", "AUTH {{token}}"], "AUTH a\"b"),
        (
            &["--token-message", r#"["{{token}}"]"#, "--on-open", "second"],
            r#"["a\"b"]"#,
        ),
    ] {
        let got = sent(&[&["--token", "a\"b"], options].concat());
        assert_eq!(got.message.as_deref(), Some(message));
        assert_eq!(got.header("Authorization"), None);
    }
}

#[test]
fn a_token_is_read_from_every_source() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        format!("@{}", path.display())
    };
    for (source, token) in [
        ("literal".to_owned(), "literal"),
        (file("lf", "from-file\n"), "from-file"),
        (file("crlf", "from-file\r\n"), "from-file"),
        (file("none", "from-file"), "from-file"),
        ("env:TOKEN".to_owned(), "from-env"),
        ("cmd:echo from-$TOKEN".to_owned(), "from-from-env"),
    ] {
        let got = sent(&["--token", &source]);
        let bearer = format!("Bearer {token}");
        assert_eq!(
            got.header("Authorization"),
            Some(bearer.as_str()),
            "{source}"
        );
    }
}

#[test]
fn a_source_without_a_token_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let empty = format!("@{}", empty.display());
    let nothing = "wirecat: the token is empty\n  try: check what --token names\n";
    for (options, complaint) in [
        (
            &["--token", "@/nonexistent"][..],
            "wirecat: --token @/nonexistent: No such file or directory",
        ),
        (
            &["--token", "env:NOT_THERE"],
            "wirecat: --token env:NOT_THERE: there is no such variable in the environment\n",
        ),
        (
            &["--token", "cmd:exit 3"],
            "wirecat: --token cmd:exit 3: the command failed (exit status: 3)\n",
        ),
        (&["--token", "cmd:true"], nothing),
        (&["--token", &empty], nothing),
        (&["--token", "env:EMPTY"], nothing),
        (&["--token", ""], nothing),
        (
            &["--token", "@-"],
            "wirecat: --token @-: stdin carries messages\n",
        ),
        (
            &["--token", "a\u{1}b"],
            "wirecat: the token contains the control character \\u{1} and cannot go into a header\n",
        ),
        (
            &["--token", "a b", "--token-via", "subprotocol"],
            "wirecat: the token contains a character not allowed in subprotocols",
        ),
        (
            &["--token", "x", "--token-message", "nothing"],
            "wirecat: --token-message 'nothing' has no {{token}}\n",
        ),
        (
            &["--token", "x", "--token-name", "a b"],
            "wirecat: header 'a b': the name cannot be sent",
        ),
        (
            &["-u", "a:b", "--oauth2-bearer", "x"],
            "wirecat: -u, --oauth2-bearer and --token all set the Authorization header\n",
        ),
        (
            &["-u", "a:b", "--token", "x"],
            "wirecat: -u, --oauth2-bearer and --token all set",
        ),
        (
            &["--token", "x", "--oauth2-bearer", "x"],
            "wirecat: -u, --oauth2-bearer and --token all set",
        ),
        (&["--oauth2-bearer", "a\nb"], "wirecat: "),
        (&["--token-via", "query"], "error: "),
        (&["--token", "x", "--token-via", "post"], "error: "),
    ] {
        let server = serve();
        let url = server.url("/echo");
        let run = wirecat([options, &["-d", "x", "-1", &url]].concat());
        let output = run.env("EMPTY", "").run();
        output.exits(2).prints("").complains(&[complaint]);
    }
}

#[test]
fn credentials_in_different_places_go_together() {
    let got = sent(&["-u", "a:b", "--token", "abc", "--token-via", "query"]);
    assert_eq!(got.header("Authorization"), Some(basic("a:b").as_str()));
    assert_eq!(got.path(), "/x?token=abc");
    let got = sent_to("ws://a:b@", &["--token", "abc", "--token-name", "X-Token"]);
    assert_eq!(got.header("Authorization"), Some(basic("a:b").as_str()));
    assert_eq!(got.header("X-Token"), Some("abc"));
}

#[test]
fn prompts_for_password_and_token_do_not_echo() {
    for (options, question, expected) in [
        (
            &["-u", "ann"][..],
            "Password for ann: ",
            basic("ann:typed-in"),
        ),
        (
            &["--token", "prompt"],
            "Token: ",
            "Bearer typed-in".to_owned(),
        ),
    ] {
        let server = raw(|mut wire| {
            let request = wire.handshake_with("", &close(1000, ""));
            wire.until_close();
            request
        });
        let url = server.url("/");
        let mut pty = Pty::start(&[options, &["-v", &url]].concat());
        pty.expect(question);
        pty.type_keys("typed-in\r");
        let (_, written) = pty.end();
        let request = server.result();
        assert_eq!(header(&request, "Authorization"), Some(expected.as_str()));
        let written = String::from_utf8_lossy(&written);
        assert!(
            written.contains("Authorization: ") && !written.contains("typed-in"),
            "{written}"
        );
    }
}

#[test]
fn a_signal_at_a_prompt_restores_the_echo() {
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let mut child = pty_process::blocking::Command::new(WIRECAT)
        .args(["-u", "ann", "ws://127.0.0.1:1/"])
        .spawn(pts)
        .unwrap();
    let mut screen = std::fs::File::from(std::os::fd::OwnedFd::from(pty));
    let echoes = |screen: &std::fs::File| {
        let flags = nix::sys::termios::tcgetattr(screen).unwrap().local_flags;
        flags.contains(nix::sys::termios::LocalFlags::ECHO)
    };
    let mut shown = Vec::new();
    while !shown.ends_with(b"Password for ann: ") {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap();
        shown.extend(byte);
    }
    assert!(!echoes(&screen), "it is off before the question");
    let kill = format!("kill -TERM {}", child.id());
    let sent = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(
        wait(&mut child).and_then(|status| status.signal()),
        Some(15)
    );
    assert!(echoes(&screen));
}

#[test]
fn prompts_fail_without_a_terminal() {
    if std::fs::File::open("/dev/tty").is_ok() {
        // The tests themselves run at a terminal, which the program would find.
        return;
    }
    for options in [["-u", "ann"], ["--token", "prompt"]] {
        let output = wirecat([&options[..], &["ws://127.0.0.1:1/"]].concat()).run();
        output.exits(2).prints("").complains(&[
            "wirecat: cannot ask for a password: there is no terminal",
            "  try: -u USER:PASSWORD, --token @FILE or --token env:VAR\n",
        ]);
    }
}
