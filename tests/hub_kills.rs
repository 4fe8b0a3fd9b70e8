//! SIGKILL of `serve --db`, again and again, while many clients send and one receives.
//!
//! What is promised, and checked here: a message that was acknowledged is in the history with the id that
//! the ack said, once; no id is used twice; and a receiver that resumes with `after` gets every message
//! of the history, once and in order. A message that was sent, and whose ack was lost, may be stored;
//! its sender sends it again, and then it is stored twice, under two ids.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::WIRECAT;
use crate::support::killable::Killable;

const SENDERS: usize = 20;

/// Longer than any step takes on a busy machine.
const HANGS: Duration = Duration::from_secs(60);

/// A WebSocket over which JSON goes, as little of it as this needs.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// `None` while there is no server.
    fn connect(port: u16, query: &str) -> Option<Client> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(HANGS)).unwrap();
        let request = format!(
            "GET /events?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut client = Client {
            stream,
            buffer: Vec::new(),
        };
        let end = loop {
            let end = client
                .buffer
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            client.read()?;
        };
        let head: Vec<_> = client.buffer.drain(..end).collect();
        assert!(
            head.starts_with(b"HTTP/1.1 101 "),
            "{}",
            head.escape_ascii()
        );
        Some(client)
    }

    fn read(&mut self) -> Option<()> {
        let mut bytes = [0; 65536];
        match self.stream.read(&mut bytes) {
            Ok(0) => None,
            Ok(length) => {
                self.buffer.extend(&bytes[..length]);
                Some(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("{error}"),
            Err(_) => None,
        }
    }

    /// Sends a text message, masked with zeros.
    fn send(&mut self, message: &Value) -> Option<()> {
        let text = message.to_string();
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126, "{text}");
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend(text.bytes());
        self.stream.write_all(&frame).ok()
    }

    /// The next message; `None` when the connection is lost.
    fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((opcode, payload)) = self.frame() {
                match opcode {
                    1 => return Some(serde_json::from_slice(&payload).unwrap()),
                    // It was too slow, and comes back.
                    8 if payload.starts_with(&1013_u16.to_be_bytes()) => return None,
                    8 => panic!("closed: {}", payload.escape_ascii()),
                    _ => continue,
                }
            }
            self.read()?;
        }
    }

    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, length) = match *self.buffer.get(1)? {
            126 => (
                4,
                usize::from(u16::from_be_bytes([
                    *self.buffer.get(2)?,
                    *self.buffer.get(3)?,
                ])),
            ),
            127 => panic!("larger than anything sent here"),
            short => (2, usize::from(short)),
        };
        if self.buffer.len() < head + length {
            return None;
        }
        let opcode = self.buffer[0] & 0xf;
        let payload = self.buffer[head..head + length].to_vec();
        self.buffer.drain(..head + length);
        Some((opcode, payload))
    }
}

/// What the threads share.
struct Shared {
    port: u16,
    ended: AtomicBool,
    /// What was acknowledged: the message, by its id.
    acknowledged: Mutex<HashMap<u64, String>>,
}

/// Sends numbers, each until it is acknowledged.
fn send_all(shared: &Shared, user: usize) {
    let mut number = 0;
    while !shared.ended.load(Ordering::Relaxed) {
        let Some(mut client) = Client::connect(shared.port, &format!("token=sender{user}")) else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        while !shared.ended.load(Ordering::Relaxed) {
            let data = format!("{user}/{number}");
            // To all, to a room, and to the receiver.
            let mut message = json!({"event":"message","data":data,"ref":data,"echo":false});
            match number % 3 {
                0 => message["room"] = "news".into(),
                1 => message["to"] = "receiver".into(),
                _ => {}
            }
            let Some(id) = client.send(&message).and_then(|()| ack(&mut client, &data)) else {
                break;
            };
            let before = shared.acknowledged.lock().unwrap().insert(id, data.clone());
            assert_eq!(before, None, "{id} for {data} too");
            number += 1;
        }
    }
}

/// The id that the ack of this message says.
fn ack(client: &mut Client, data: &str) -> Option<u64> {
    loop {
        let message = client.next()?;
        if message["event"] == "ack" {
            assert_eq!(message["ref"], *data);
            return message["id"].as_u64();
        }
        assert_ne!(message["event"], "error", "{message}");
    }
}

/// Receives all there is, and comes back with `after`. All that was received, in order.
fn receive_all(port: u16, epoch: &str) -> Vec<(u64, String)> {
    let mut received = Vec::new();
    loop {
        let last = received.last().map_or(0, |(id, _)| *id);
        let query = format!("token=receiver&after={last}&epoch={epoch}");
        let Some(mut client) = Client::connect(port, &query) else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        while let Some(message) = client.next() {
            let data = &message["data"];
            match message["event"].as_str().unwrap() {
                "connected" => {
                    assert_eq!(data["rooms"], json!(["news"]));
                    assert_eq!(data["recovered"], true, "{message}");
                    assert_eq!(data["epoch"], epoch);
                }
                "message" => {
                    let id = message["id"].as_u64().unwrap();
                    received.push((id, data.as_str().unwrap().to_owned()));
                    if data == "end" {
                        return received;
                    }
                }
                _ => {}
            }
        }
    }
}

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < HANGS, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[track_caller]
fn kill(times: usize) {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("hub.db");
    let mut server = Killable::start(move |port| {
        let mut command = Command::new(WIRECAT);
        command.args(["serve", "--silent", "--db"]).arg(&db);
        command.arg(port.to_string());
        command
    });
    let port = server.address().port();
    // The receiver is a member from the beginning, and away until the first message has come.
    let mut receiver = Client::connect(port, "token=receiver").unwrap();
    let connected = receiver.next().unwrap();
    let epoch = connected["data"]["epoch"].as_str().unwrap().to_owned();
    receiver
        .send(&json!({"event":"join","room":"news"}))
        .unwrap();
    while receiver.next().unwrap()["event"] != "join" {}
    drop(receiver);

    let shared = Arc::new(Shared {
        port,
        ended: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    });
    let start = |work: fn(&Shared, usize), user| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || work(&shared, user))
    };
    let senders: Vec<_> = (0..SENDERS).map(|user| start(send_all, user)).collect();
    let receiver = thread::spawn(move || receive_all(port, &epoch));
    let acknowledged = || shared.acknowledged.lock().unwrap().len();
    for time in 0..times {
        let enough = acknowledged() + 20 + time * 37 % 300;
        wait_until("no acks", || acknowledged() >= enough);
        server.kill();
        server.restart();
    }
    let enough = acknowledged() + 100;
    wait_until("no acks at the end", || acknowledged() >= enough);
    shared.ended.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    let mut client = Client::connect(port, "token=last").unwrap();
    let end = json!({"event":"message","data":"end","ref":"end"});
    client.send(&end).unwrap();
    let end = ack(&mut client, "end").unwrap();
    let received = receiver.join().unwrap();
    check(&received, &shared.acknowledged.lock().unwrap(), end);
}

#[track_caller]
fn check(received: &[(u64, String)], acknowledged: &HashMap<u64, String>, end: u64) {
    // All of them are addressed to the receiver, so no id may be missing.
    let mut ids = received.iter().map(|(id, _)| *id);
    let odd = ids.clone().zip(1..).find(|(id, expected)| id != expected);
    assert_eq!(odd, None);
    assert_eq!(ids.next_back(), Some(end));
    let stored: BTreeMap<_, _> = received.iter().cloned().collect();
    for (id, data) in acknowledged {
        assert_eq!(stored.get(id), Some(data), "{id}");
    }
    println!("{} acknowledged, {} stored", acknowledged.len(), end);
}

#[test]
fn ten_kills_lose_nothing_acknowledged() {
    kill(10);
}

#[test]
#[ignore = "takes some minutes"]
fn fifty_kills_lose_nothing_acknowledged() {
    kill(50);
}
