//! nginx: TLS in front of the debug server's port and of a Unix socket on which Python `websockets`
//! listens, client certificates, and connections that it finds idle.

use std::path::Path;

use super::{Large, run};
use crate::peers::{Kind, Peer};
use crate::support::Output;
use crate::support::components::Component;
use crate::support::components::nginx::nginx;
use crate::support::server::{Serve, serve};
use crate::support::tls::{Authority, authority, leaf, valid};

/// nginx, and what stands behind it.
struct Setup {
    authority: Authority,
    members: Authority,
    nginx: Component,
    _server: Serve,
    _chat: Peer,
    _folder: tempfile::TempDir,
}

#[track_caller]
fn setup() -> Setup {
    let (authority, members) = (authority(), authority());
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("chat.sock");
    let chat = Peer::listening(Kind::Websockets17.script("echo").arg("--unix").arg(&socket));
    Setup {
        nginx: nginx(&authority, &members, server.address, &socket),
        authority,
        members,
        _server: server,
        _chat: chat,
        _folder: folder,
    }
}

impl Setup {
    /// Runs wirecat with these options, and a URL of this host and path.
    #[track_caller]
    fn run(&self, host: &str, path: &str, options: &[&str]) -> Output {
        let url = format!("wss://{host}:{}{path}", self.nginx.port);
        run(&self.nginx, &self.authority, &[options, &[&*url]].concat())
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn messages_pass_to_a_server_on_a_port() {
    let setup = setup();
    let large = Large::new();
    let messages = ["-d", "one", "-d", &large.argument, "--count", "2"];
    setup
        .run("ws.example", "/echo", &messages)
        .exits(0)
        .prints(format!("one\n{}\n", large.text))
        .is_quiet();
    // Its Close too.
    setup
        .run("ws.example", "/close/4401?reason=bye", &[])
        .exits(112)
        .complains(&["closed by server: 4401 (private use) \"bye\""]);
    setup
        .run("ws.example", "/nowhere", &[])
        .exits(22)
        .complains(&["HTTP 404 Not Found", "There is no such endpoint"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn messages_pass_to_a_server_on_a_unix_socket() {
    let run = setup().run("ws.example", "/chat", &["-v", "-d", "hi", "-1"]);
    run.exits(0)
        .prints("hi\n")
        .complains(&["permessage-deflate"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_server_that_does_not_run_is_explained_by_nginx() {
    let mut setup = setup();
    setup._server = serve();
    setup
        .run("ws.example", "/echo", &[])
        .exits(22)
        .complains(&["HTTP 502 Bad Gateway"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_certificate_is_that_of_the_name_in_the_url() {
    let setup = setup();
    for (host, code, words) in [
        ("ws.example", 22, "HTTP 404 Not Found"),
        ("members.example", 22, "HTTP 400 Bad Request"),
        // Without a name that nginx knows, it has that of the first server.
        ("127.0.0.1", 60, "ws.example"),
    ] {
        setup
            .run(host, "/nowhere", &[])
            .exits(code)
            .complains(&[words]);
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_client_certificate_admits() {
    let setup = setup();
    let folder = tempfile::tempdir().unwrap();
    let certificate = client(folder.path(), &setup.members);
    setup
        .run(
            "members.example",
            "/echo",
            &["-E", &certificate, "-d", "hi", "-1"],
        )
        .exits(0)
        .prints("hi\n")
        .is_quiet();
}

#[test]
#[ignore = "needs .ci/peers"]
fn without_a_certificate_or_with_a_wrong_one_nginx_says_why() {
    let setup = setup();
    let folder = tempfile::tempdir().unwrap();
    let stranger = client(folder.path(), &authority());
    for (options, words) in [
        (&[][..], "No required SSL certificate was sent"),
        (&["-E", &stranger], "The SSL certificate error"),
    ] {
        setup
            .run("members.example", "/echo", options)
            .exits(22)
            .complains(&["HTTP 400 Bad Request", words]);
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn http2_falls_back_because_nginx_has_no_websocket_over_it() {
    let setup = setup();
    setup
        .run("ws.example", "/echo", &["-v", "--http2", "-d", "hi", "-1"])
        .exits(0)
        .prints("hi\n")
        .complains(&["< HTTP/1.1 101 "]);
    setup
        .run("ws.example", "/echo", &["--http2-only", "-d", "hi", "-1"])
        .exits(8)
        .complains(&["ENABLE_CONNECT_PROTOCOL (RFC 8441)", "--http2 falls back"]);
}

/// A certificate and its key in one file.
fn client(folder: &Path, authority: &Authority) -> String {
    let (certificate, key) = leaf(&["client"], valid, &authority.issuer);
    let file = folder.join("client.pem");
    std::fs::write(&file, certificate.pem() + &key.serialize_pem()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_connection_that_was_silent_for_too_long_is_explained() {
    let setup = setup();
    setup
        .run("ws.example", "/echo/impatient", &["--on-eof", "stay"])
        .exits(56)
        .complains(&[
            "connection lost without a Close frame (1006): ",
            " after 2 s of silence\n",
            "if a proxy in between ends idle connections, --ping-interval 1s keeps this one busy",
        ]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn pings_keep_a_silent_connection() {
    let options = [
        "--on-eof",
        "stay",
        "--ping-interval",
        "1s",
        "--show-ping-pong",
        "--max-time",
        "4500ms",
    ];
    let run = setup().run("ws.example", "/echo/impatient", &options);
    run.exits(28).complains(&["--max-time is over"]);
    assert!(run.stderr.matches("< pong").count() >= 3, "{}", run.stderr);
}
