//! Tests of `support::killable`, and of the servers that are killed with it.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::peers::Kind;
use crate::support::killable::Killable;
use crate::support::ledger::Ledger;
use crate::support::{WIRECAT, wirecat};

fn serve() -> Killable {
    Killable::start(|port| {
        let mut command = Command::new(WIRECAT);
        command.args(["serve", "--silent", &port.to_string()]);
        command
    })
}

#[test]
fn a_killed_server_refuses_and_comes_back_on_its_port() {
    let mut server = serve();
    let address = server.address();
    let client = TcpStream::connect(address).unwrap();
    for _ in 0..5 {
        server.kill();
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        server.restart();
        assert_eq!(server.address(), address);
        wirecat(["-1", "-d", "hi", &server.url("/echo")])
            .run()
            .exits(0)
            .prints("hi\n");
    }
    assert_eq!((&client).read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_running_server_is_killed_first() {
    let mut server = serve();
    let mut client = TcpStream::connect(server.address()).unwrap();
    server.restart();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    TcpStream::connect(server.address()).unwrap();
}

#[test]
fn a_frozen_server_is_silent_until_it_thaws() {
    let server = serve();
    server.freeze();
    let mut client = TcpStream::connect(server.address()).unwrap();
    client
        .write_all(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    // That there is no answer can only be told by waiting for one.
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let silence = client.read(&mut [0]).unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    server.thaw();
    client.set_read_timeout(None).unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 ");
}

/// Each test once per peer, so that a failure names the peer.
macro_rules! against_every_peer {
    ($($test:ident),* $(,)?) => { $(mod $test {
        use super::Kind;

        #[test]
        #[ignore = "needs .ci/peers"]
        fn websockets17() {
            super::$test(Kind::Websockets17);
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn websockets10() {
            super::$test(Kind::Websockets10);
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn ws8() {
            super::$test(Kind::Ws8);
        }
    })* };
}

against_every_peer!(a_peer_keeps_its_ledger_and_its_port);

fn a_peer_keeps_its_ledger_and_its_port(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger");
    let ledger = file.clone();
    let mut server = Killable::start(move |port| {
        let mut command = kind.script("ledger");
        command.args(["--reply", "ack", "--slow", "2", "--port", &port.to_string()]);
        command.arg("--ledger").arg(&ledger);
        command
    });
    for _ in 0..2 {
        wirecat([&*server.url("/"), "--count", "3"])
            .stdin("7\n{\"n\":8}\n9\n")
            .run()
            .exits(0)
            .prints("{\"ack\":7}\n{\"ack\":8}\n{\"ack\":9}\n");
        server.restart();
    }
    assert_eq!(Ledger::read(file).numbers, [7, 8, 9, 7, 8, 9]);
}
