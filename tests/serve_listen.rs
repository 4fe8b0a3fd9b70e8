//! What the debug server listens on besides a port: Unix sockets, several addresses, and sockets that
//! whoever starts it has opened. And whether it takes clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::support::serving::Serving;
use crate::support::{PATIENCE, WIRECAT, output, send, wirecat};

#[track_caller]
fn echoes(url: &str) {
    wirecat(["-d", "hi", "-1", url])
        .run()
        .exits(0)
        .prints("hi\n");
}

#[test]
fn a_unix_socket_is_private_and_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.sock");
    let name = path.to_str().unwrap();
    let server = Serving::start(&["--unix", name]);
    assert_eq!(server.urls, [format!("ws+unix:{name}:")]);
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    echoes(&server.url("/echo"));
    // One that is in use is not taken away.
    wirecat(["serve", "--unix", name])
        .run()
        .exits(7)
        .complains(&[name, "another program listens there"]);
    echoes(&server.url("/echo"));
    let log = server.end().stderr;
    assert!(
        log.starts_with("unix GET /echo -> 101\nunix closed by client: 1000"),
        "{log}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_stale_socket_is_replaced_and_the_mode_is_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.sock");
    let name = path.to_str().unwrap();
    let mut server = Serving::start(&["--unix", name]);
    server.child_mut().kill().unwrap();
    drop(server);
    assert!(path.exists());
    let options = ["0", "--unix", name, "--unix-mode", "0660"];
    let server = Serving::listening(&options, 2);
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    for url in &server.urls {
        echoes(&format!("{url}/echo"));
    }
    server.end();
    assert!(!path.exists());
    for (mode, words) in [("8", "octal"), ("1777", "octal")] {
        wirecat(["serve", "--unix", name, "--unix-mode", mode])
            .run()
            .exits(2)
            .complains(&[words]);
    }
}

#[test]
fn a_reset_over_a_unix_socket_is_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.sock");
    let server = Serving::start(&["--unix", path.to_str().unwrap()]);
    wirecat([server.url("/drop?how=rst")]).run().exits(56);
    let log = server.end().stderr;
    assert!(
        log.contains("which has no TCP connection to reset"),
        "{log}"
    );
}

#[test]
fn several_addresses_are_listened_on() {
    let server = Serving::listening(&["127.0.0.1:0", "[::1]:0"], 2);
    assert!(server.urls[0].starts_with("ws://127.0.0.1:"));
    assert!(server.urls[1].starts_with("ws://[::1]:"));
    for url in &server.urls {
        echoes(&format!("{url}/echo"));
    }
    server.end();
    wirecat(["serve", "127.0.0.1:0", "[::1]:0", "--port", "0"])
        .run()
        .exits(2)
        .complains(&["--port and --host are for one address"]);
}

/// Opens a port and a Unix socket, and starts its arguments with them as systemd does: from descriptor 3,
/// with the id of the process.
const ACTIVATE: &str = "
import os, socket, sys
tcp = socket.create_server(('127.0.0.1', 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1])
unix.listen()
for at, listener in enumerate([tcp, unix]):
    os.dup2(listener.fileno(), 20 + at)
for at in range(2):
    os.dup2(20 + at, 3 + at)
for at in range(5, 30):
    try:
        os.close(at)
    except OSError:
        pass
os.environ.update(LISTEN_PID=str(os.getpid() + int(sys.argv[2])), LISTEN_FDS='2', LISTEN_FDNAMES='a:b')
os.execv(sys.argv[3], sys.argv[3:])
";

/// `wirecat serve` with sockets that are meant for it, or for the process with an id larger by `other`.
fn activated(path: &Path, other: u32, options: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", ACTIVATE]).arg(path);
    command.arg(other.to_string()).args([WIRECAT, "serve"]);
    command.args(options);
    command
}

#[test]
fn sockets_that_were_passed_on_are_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.sock");
    let server = Serving::started_by(activated(&path, 0, &[]), 2);
    assert!(server.urls[0].starts_with("ws://127.0.0.1:"));
    assert_eq!(server.urls[1], format!("ws+unix:{}:", path.display()));
    for url in &server.urls {
        echoes(&format!("{url}/echo"));
    }
    server.end();
    // It is systemd's to remove.
    assert!(path.exists());
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.sock");
    let server = Serving::started_by(activated(&path, 1, &["0"]), 1);
    echoes(&server.url("/echo"));
    server.end();
}

#[test]
fn an_address_beside_sockets_that_were_passed_on_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serve.sock");
    let mut command = activated(&path, 0, &["0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    output(command.spawn().unwrap())
        .exits(2)
        .complains(&["LISTEN_FDS, and an address is given"]);
}

/// Sends this, and returns what comes back to the end.
#[track_caller]
fn answer_to(stream: &mut TcpStream, request: &str) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_server_is_healthy_and_ready_until_it_shuts_down() {
    let server = Serving::start(&["0"]);
    let connect = || TcpStream::connect(server.address()).unwrap();
    for (path, body) in [("/health", "ok"), ("/ready", "ready")] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = answer_to(&mut connect(), &request);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}\n")), "{answer}");
    }
    // A request that was begun is answered.
    let mut late = connect();
    late.write_all(b"GET /ready HTTP/1.1\r\n").unwrap();
    // It was accepted before the next one.
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    answer_to(&mut connect(), request);
    send(Signal::SIGTERM, server.child());
    let start = Instant::now();
    while TcpStream::connect(server.address()).is_ok() {
        assert!(start.elapsed() < PATIENCE);
    }
    let answer = answer_to(&mut late, "Host: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}
