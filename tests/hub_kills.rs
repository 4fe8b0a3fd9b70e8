//! SIGKILL of `serve --db`, and of two processes and the redis-server by which they are one hub, again and
//! again, while many clients send and one receives.
//!
//! What is promised, and checked here: a message that was acknowledged is in the history with the id that
//! the ack said, once; no id is used twice; and a receiver that resumes with `after` gets every message
//! of the history, once and in order. What was refused is not stored. A message that was sent, and whose ack was lost, may be stored;
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
#[cfg(target_os = "linux")]
use crate::support::redis::RedisServer;

const SENDERS: usize = 20;

/// Longer than any step takes on a busy machine.
const HANGS: Duration = Duration::from_secs(60);

/// A process of the hub.
#[derive(Clone, Copy)]
struct Server {
    port: u16,
    closes: &'static [u16],
}

/// Too slow.
const SQLITE: &[u16] = &[1013];

/// Nobody is told anything while Redis is away; what was told of a lost Redis is told anew.
const REDIS: &[u16] = &[1011, 1012, 1013];

/// A WebSocket over which JSON goes, as little of it as this needs.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Codes of a Close after which it comes back.
    closes: &'static [u16],
}

impl Client {
    /// `None` while there is no server.
    fn connect(server: Server, query: &str) -> Option<Client> {
        let port = server.port;
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
            closes: server.closes,
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
                    8 => {
                        let code = u16::from_be_bytes([payload[0], payload[1]]);
                        assert!(self.closes.contains(&code), "{}", payload.escape_ascii());
                        return None;
                    }
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
    servers: Vec<Server>,
    /// A message may be refused because the store is away.
    may_refuse: bool,
    ended: AtomicBool,
    /// What was acknowledged: the message, by its id.
    acknowledged: Mutex<HashMap<u64, String>>,
}

/// Sends numbers, each until it is acknowledged.
fn send_all(shared: &Shared, user: usize) {
    let mut number = 0;
    let mut servers = shared.servers.iter().cycle().skip(user);
    while !shared.ended.load(Ordering::Relaxed) {
        let server = *servers.next().unwrap();
        let Some(mut client) = Client::connect(server, &format!("token=sender{user}")) else {
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
            let reply = client
                .send(&message)
                .and_then(|()| reply(&mut client, &data));
            let id = match reply {
                Some(Reply::Stored(id)) => id,
                Some(Reply::Refused(why)) => {
                    assert!(shared.may_refuse, "{why}");
                    thread::sleep(Duration::from_millis(20));
                    continue;
                }
                None => break,
            };
            let before = shared.acknowledged.lock().unwrap().insert(id, data.clone());
            assert_eq!(before, None, "{id} for {data} too");
            number += 1;
        }
    }
}

/// What a sender is told.
enum Reply {
    Stored(u64),
    Refused(Value),
}

/// The ack of this message, or the error.
fn reply(client: &mut Client, data: &str) -> Option<Reply> {
    loop {
        let message = client.next()?;
        match message["event"].as_str().unwrap() {
            "ack" => {
                assert_eq!(message["ref"], *data);
                return message["id"].as_u64().map(Reply::Stored);
            }
            "error" => {
                assert_eq!(message["ref"], *data);
                return Some(Reply::Refused(message));
            }
            _ => {}
        }
    }
}

/// Receives all there is, and comes back with `after`. All that was received, in order.
fn receive_all(shared: &Shared, epoch: &str) -> Vec<(u64, String)> {
    let mut received = Vec::new();
    let mut servers = shared.servers.iter().cycle();
    loop {
        let server = *servers.next().unwrap();
        let last = received.last().map_or(0, |(id, _)| *id);
        let query = format!("token=receiver&after={last}&epoch={epoch}");
        let Some(mut client) = Client::connect(server, &query) else {
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

/// Lets clients of these servers work while `kill` kills something, so many times. Returns what was
/// received, what was acknowledged, and the last id.
#[track_caller]
fn work_while(servers: Vec<Server>, times: usize, mut kill: impl FnMut(usize)) -> Outcome {
    // The receiver is a member from the beginning, and away until the first message has come.
    let mut receiver = Client::connect(servers[0], "token=receiver").unwrap();
    let connected = receiver.next().unwrap();
    let epoch = connected["data"]["epoch"].as_str().unwrap().to_owned();
    receiver
        .send(&json!({"event":"join","room":"news"}))
        .unwrap();
    while receiver.next().unwrap()["event"] != "join" {}
    drop(receiver);

    let shared = Arc::new(Shared {
        may_refuse: servers[0].closes == REDIS,
        servers,
        ended: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    });
    let start = |work: fn(&Shared, usize), user| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || work(&shared, user))
    };
    let senders: Vec<_> = (0..SENDERS).map(|user| start(send_all, user)).collect();
    let theirs = Arc::clone(&shared);
    let receiver = thread::spawn(move || receive_all(&theirs, &epoch));
    let acknowledged = || shared.acknowledged.lock().unwrap().len();
    for time in 0..times {
        let enough = acknowledged() + 20 + time * 37 % 300;
        wait_until("no acks", || acknowledged() >= enough);
        kill(time);
    }
    let enough = acknowledged() + 100;
    wait_until("no acks at the end", || acknowledged() >= enough);
    shared.ended.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    let end = send_the_last(&shared);
    Outcome {
        received: receiver.join().unwrap(),
        acknowledged: std::mem::take(&mut *shared.acknowledged.lock().unwrap()),
        end,
    }
}

/// Sends what ends the receiver, and returns its id.
#[track_caller]
fn send_the_last(shared: &Shared) -> u64 {
    let start = Instant::now();
    for server in shared.servers.iter().cycle() {
        assert!(start.elapsed() < HANGS, "the last message was not stored");
        let Some(mut client) = Client::connect(*server, "token=last") else {
            continue;
        };
        let end = json!({"event":"message","data":"end","ref":"end"});
        let sent = client.send(&end);
        if let Some(Reply::Stored(id)) = sent.and_then(|()| reply(&mut client, "end")) {
            return id;
        }
    }
    unreachable!("there are servers");
}

struct Outcome {
    received: Vec<(u64, String)>,
    acknowledged: HashMap<u64, String>,
    end: u64,
}

impl Outcome {
    /// All messages are addressed to the receiver, so no id may be missing, nor come twice.
    #[track_caller]
    fn check(&self) {
        let mut ids = self.received.iter().map(|(id, _)| *id);
        let odd = ids.clone().zip(1..).find(|(id, expected)| id != expected);
        assert_eq!(odd, None);
        assert_eq!(ids.next_back(), Some(self.end));
        let stored: BTreeMap<_, _> = self.received.iter().cloned().collect();
        for (id, data) in &self.acknowledged {
            assert_eq!(stored.get(id), Some(data), "{id}");
        }
        let acknowledged = self.acknowledged.len();
        println!("{acknowledged} acknowledged, {} stored", self.end);
    }
}

#[track_caller]
fn kill_with_sqlite(times: usize) {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("hub.db");
    let mut process = Killable::start(move |port| {
        let mut command = Command::new(WIRECAT);
        command.args(["serve", "--silent", "--db"]).arg(&db);
        command.arg(port.to_string());
        command
    });
    let server = Server {
        port: process.address().port(),
        closes: SQLITE,
    };
    let outcome = work_while(vec![server], times, |_| process.restart());
    outcome.check();
}

/// Each of two processes and Redis in turn, and now and then a process while Redis is away.
#[cfg(target_os = "linux")]
#[track_caller]
fn kill_with_redis(times: usize) {
    let mut redis = RedisServer::start(&[]);
    let url = redis.url();
    let mut processes = [(); 2].map(|()| {
        let url = url.clone();
        Killable::start(move |port| {
            let mut command = Command::new(WIRECAT);
            command.args(["serve", "--silent", "--redis", &url]);
            command.arg(port.to_string());
            command
        })
    });
    let servers = processes.iter().map(|process| Server {
        port: process.address().port(),
        closes: REDIS,
    });
    let outcome = work_while(servers.collect(), times, |time| match time % 5 {
        0 | 2 => processes[0].restart(),
        1 => processes[1].restart(),
        3 => {
            redis.kill();
            redis.restart();
        }
        _ => {
            redis.kill();
            processes[1].kill();
            redis.restart();
            processes[1].restart();
        }
    });
    outcome.check();
}

#[test]
fn ten_kills_lose_nothing_acknowledged() {
    kill_with_sqlite(10);
}

#[test]
#[ignore = "slow: some minutes"]
fn fifty_kills_lose_nothing_acknowledged() {
    kill_with_sqlite(50);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs .ci/peers"]
fn fifty_kills_of_two_processes_and_redis_lose_nothing_acknowledged() {
    kill_with_redis(50);
}
