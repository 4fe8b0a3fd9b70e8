//! SIGTERM of `serve --db` under many clients: each gets a Close at once, and what was acknowledged is
//! in the file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::serve::{Wire, handshake, masked};
use crate::support::serving::Serving;
use crate::support::{PATIENCE, send};

const CLIENTS: usize = 1000;
const SENDERS: usize = 20;

/// Until the last Close has come, after the signal.
const AT_ONCE: Duration = Duration::from_secs(1);

#[track_caller]
fn open(server: &Serving, query: &str) -> Wire {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut wire = Wire(stream);
    wire.write(handshake(&format!("/events?{query}")));
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    wire
}

/// Reads on until the Close, and returns what came before it and when it came.
#[track_caller]
fn until_close(wire: &mut Wire) -> (Vec<String>, Instant) {
    let mut heard = Vec::new();
    loop {
        let (first, payload) = wire.frame();
        match first {
            0x88 => {
                assert_eq!(payload[..2], 1001_u16.to_be_bytes(), "{payload:?}");
                return (heard, Instant::now());
            }
            _ => heard.push(String::from_utf8(payload).unwrap()),
        }
    }
}

/// Sends until it is closed, and returns what was acknowledged, and when the Close came.
fn send_until_close(mut wire: Wire, user: usize) -> (BTreeMap<u64, String>, Instant) {
    let mut writer = Wire(wire.0.try_clone().unwrap());
    let sender = thread::spawn(move || {
        for number in 0.. {
            let data = format!("{user}/{number}");
            let message = format!(
                r#"{{"event":"message","to":"last","data":"{data}","ref":"{data}","echo":false}}"#
            );
            if writer
                .0
                .write_all(&masked(0x81, message.as_bytes()))
                .is_err()
            {
                return;
            }
            // So that it is under way when the signal comes, and no flood.
            thread::sleep(Duration::from_millis(5));
        }
    });
    let (heard, closed) = until_close(&mut wire);
    wire.answer_close();
    drop(wire);
    sender.join().unwrap();
    let mut acknowledged = BTreeMap::new();
    for message in heard {
        let message: serde_json::Value = serde_json::from_str(&message).unwrap();
        if message["event"] == "ack" {
            let data = message["ref"].as_str().unwrap().to_owned();
            let id = message["id"].as_u64().unwrap();
            assert_eq!(acknowledged.insert(id, data), None);
        }
    }
    (acknowledged, closed)
}

#[test]
fn a_thousand_clients_are_told_at_once_and_what_was_acknowledged_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("hub.db");
    let options = ["--port", "0", "--silent", "--db", db.to_str().unwrap()];
    let server = Serving::start(&options);
    // They are one user, so that nobody is told of 1,000 others.
    let mut idle: Vec<Wire> = (SENDERS..CLIENTS)
        .map(|_| open(&server, "token=idle"))
        .collect();
    for wire in &mut idle {
        wire.hears_start(r#"{"event":"connected""#);
    }
    let senders: Vec<_> = (0..SENDERS)
        .map(|user| {
            let mut wire = open(&server, &format!("token=sender{user}"));
            wire.hears_start(r#"{"event":"connected""#);
            thread::spawn(move || send_until_close(wire, user))
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    let told = Instant::now();
    send(Signal::SIGTERM, server.child());
    let mut last = told;
    for wire in &mut idle {
        let (_, closed) = until_close(wire);
        wire.answer_close();
        last = last.max(closed);
    }
    let mut acknowledged = BTreeMap::new();
    for sender in senders {
        let (theirs, closed) = sender.join().unwrap();
        acknowledged.extend(theirs);
        last = last.max(closed);
    }
    let took = last - told;
    println!("{CLIENTS} clients had their Close after {took:?}");
    // A second, where the machine has nothing else to do.
    let most = if cfg!(debug_assertions) { 5 } else { 1 };
    assert!(took < AT_ONCE * most, "{took:?}");
    drop(server.end());
    assert!(acknowledged.len() > SENDERS, "{}", acknowledged.len());

    let again = Serving::start(&options);
    let mut wire = open(&again, "token=last&after=0");
    wire.hears_start(r#"{"event":"connected""#);
    let (&end, _) = acknowledged.last_key_value().unwrap();
    let mut stored = BTreeMap::new();
    while stored.last_key_value().is_none_or(|(&id, _)| id < end) {
        let message: serde_json::Value = serde_json::from_str(&wire.hears()).unwrap();
        if message["event"] == "message" {
            let data = message["data"].as_str().unwrap().to_owned();
            stored.insert(message["id"].as_u64().unwrap(), data);
        }
    }
    for (id, data) in acknowledged {
        assert_eq!(stored.get(&id), Some(&data), "{id}");
    }
}
