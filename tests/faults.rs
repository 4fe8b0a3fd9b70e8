//! The endpoints that break the protocol, byte by byte. What wirecat's own client makes of them is told
//! elsewhere.

use std::net::Shutdown;

use wirecat::internals::serve::faults::{Deflate, FAULTS, Fault, listing};

use crate::serve::{Server, Wire, handshake, masked};

fn fault(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap()
}

/// An open WebSocket that has read what its endpoint sends: unread bytes would make its end a reset.
#[track_caller]
fn suffer(server: &Server, fault: &Fault) -> Wire {
    let mut wire = server.open(&path(fault));
    wire.expect(bytes(fault));
    wire
}

/// Those that a client without compression can have.
fn plain_faults() -> impl Iterator<Item = &'static Fault> {
    FAULTS
        .iter()
        .filter(|fault| fault.deflate != Deflate::Needed)
}

fn path(fault: &Fault) -> String {
    format!("/frames/{}", fault.name)
}

fn bytes(fault: &Fault) -> Vec<u8> {
    let pieces = fault.pieces().into_iter();
    pieces
        .flat_map(|piece| piece.bytes.repeat(piece.times as usize))
        .collect()
}

#[track_caller]
fn close_with(wire: &mut Wire, code: u16, reason: &str) {
    let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
    wire.write(masked(0x88, &payload));
}

/// How the log says that the last connection ended.
fn ending(mut server: Server) -> String {
    server.join();
    let lines = server.brief_lines();
    let (_, ending) = lines.last().unwrap().split_once(' ').unwrap();
    ending.to_owned()
}

#[test]
fn every_kind_sends_its_bytes_and_no_others() {
    let server = Server::start();
    for fault in plain_faults() {
        let mut wire = suffer(&server, fault);
        close_with(&mut wire, fault.code, "");
        wire.expect_end();
    }
}

#[test]
fn the_connection_ends_if_that_is_the_fault() {
    let server = Server::start();
    for fault in plain_faults().filter(|fault| fault.ends) {
        let mut wire = suffer(&server, fault);
        wire.expect_end();
    }
}

#[test]
fn a_compression_fault_is_refused_without_compression() {
    let server = Server::start();
    for fault in FAULTS
        .iter()
        .filter(|fault| fault.deflate == Deflate::Needed)
    {
        let (head, body) = server.ask(&handshake(&path(fault)));
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        assert_eq!(
            body,
            "This fault is one of compression: the client must offer permessage-deflate.\n"
        );
    }
}

#[test]
fn the_kinds_are_listed() {
    let server = Server::start();
    let (head, body) = server.ask("GET /frames HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: text/plain; charset=utf-8\r\n"),
        "{head}"
    );
    assert_eq!(body, listing());
    let (head, body) = server.ask(&handshake("/frames/nothing"));
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
    for fault in FAULTS {
        assert!(body.contains(fault.name), "{body}");
    }
}

#[test]
fn the_clients_answer_is_logged() {
    let server = Server::start();
    let mut wire = suffer(&server, fault("masked"));
    wire.write(masked(0x81, b"something else first"));
    close_with(&mut wire, 1002, "masked by the server");
    wire.expect_end();
    drop(wire);
    assert_eq!(
        ending(server),
        "closed by client: 1002 (protocol error) \"masked by the server\""
    );

    let server = Server::start();
    let mut wire = suffer(&server, fault("utf8"));
    wire.0.shutdown(Shutdown::Write).unwrap();
    wire.expect_end();
    drop(wire);
    assert_eq!(
        ending(server),
        "lost: 1006 (abnormal closure) the client ended the connection without a Close"
    );
}

/// Bytes that the server never reads must not turn the end of the stream into a reset.
#[test]
fn data_after_the_clients_close_does_not_destroy_the_fault() {
    let server = Server::start();
    let fault = &FAULTS[0];
    let mut wire = server.open(&path(fault));
    close_with(&mut wire, 1002, "");
    wire.write(masked(0x82, &[0; 200_000]));
    wire.expect(bytes(fault));
    wire.expect_end();
}

#[test]
fn server_shutdown_does_not_wait_for_an_answer() {
    let mut server = Server::start();
    let mut wire = suffer(&server, fault("too-big"));
    server.ask_to_stop();
    wire.expect_end();
    drop(wire);
    assert_eq!(
        ending(server),
        "lost: 1006 (abnormal closure) server shutting down"
    );
}
