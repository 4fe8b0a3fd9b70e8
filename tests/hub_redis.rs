//! Servers that are one hub by `--redis`, and clients of them: what they see of each other, what becomes
//! of a server that dies, and of a Redis that is killed and comes back.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::exchanges;
use crate::peers::Kind;
use crate::support::redis::RedisServer;
use crate::support::serving::Serving;
use crate::support::tls::{authority, leaf, valid};
use crate::support::{WIRECAT, send, wirecat};

/// Longer than a lease.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of the hub, that says what it receives.
struct Client {
    child: Child,
    stdin: ChildStdin,
    received: Receiver<String>,
}

impl Client {
    #[track_caller]
    fn connect(server: &Serving, user: &str) -> Client {
        Client::start(server, user, "--no-reconnect")
    }

    /// `how` says whether it reconnects.
    #[track_caller]
    fn start(server: &Serving, user: &str, how: &str) -> Client {
        let mut command = Command::new(WIRECAT);
        command.args(["-s", how, "--on-eof", "stay"]);
        command.args(["--token", user, &server.url("/events")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, received) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let client = Client {
            stdin: child.stdin.take().unwrap(),
            child,
            received,
        };
        client.expect(&[r#""event":"connected""#]);
        client
    }

    fn send(&mut self, message: &str) {
        writeln!(self.stdin, "{message}").unwrap();
    }

    #[track_caller]
    fn next(&self) -> String {
        let next = self.received.recv_timeout(PATIENCE);
        next.expect("no message came")
    }

    /// The next message that has all of these words; others are passed over.
    #[track_caller]
    fn expect(&self, words: &[&str]) -> String {
        loop {
            let message = self.next();
            if words.iter().all(|word| message.contains(word)) {
                return message;
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn two_servers_are_one_hub_until_one_dies() {
    let redis = RedisServer::start(&[]);
    let options = ["--port", "0", "--redis", &redis.url()];
    let here = Serving::start(&options);
    let there = Serving::start(&options);
    let mut ada = Client::connect(&here, "ada");
    let mut bo = Client::connect(&there, "bo");
    ada.expect(&[r#""event":"online""#, r#""user":"bo","clients":2"#]);
    for client in [&mut ada, &mut bo] {
        client.send(r#"{"event":"join","room":"news"}"#);
        client.expect(&[r#""event":"join""#]);
    }
    bo.send(r#"{"event":"message","room":"news","data":"hi","ref":1}"#);
    bo.expect(&[r#""event":"ack","ref":1,"id":1"#]);
    ada.expect(&[r#""id":1,"from":"bo","room":"news","data":"hi""#]);
    ada.send(r#"{"event":"clients"}"#);
    ada.expect(&[r#""users":["ada","bo"],"clients":2"#]);
    // For someone who comes later, to the other server.
    ada.send(r#"{"event":"message","to":"cy","data":"later"}"#);
    let cy = Client::connect(&there, "cy");
    cy.expect(&[r#""from":"ada""#, r#""data":"later""#]);
    ada.expect(&[r#""event":"online""#, r#""cy""#]);
    // Its clients are offline within its lease.
    drop(there);
    let died = Instant::now();
    ada.expect(&[r#""event":"closed""#, r#""code":1006"#]);
    ada.expect(&[r#""event":"offline""#, r#""clients":1"#]);
    assert!(died.elapsed() < Duration::from_secs(20), "{died:?}");
    ada.send(r#"{"event":"clients"}"#);
    ada.expect(&[r#""users":["ada"],"clients":1"#]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_server_that_was_suspended_sends_its_clients_away_to_come_back() {
    let redis = RedisServer::start(&[]);
    let options = ["--port", "0", "--redis", &redis.url()];
    let here = Serving::start(&options);
    let there = Serving::start(&options);
    let ada = Client::connect(&here, "ada");
    let mut bo = Client::connect(&there, "bo");
    send(Signal::SIGSTOP, there.child());
    ada.expect(&[r#""event":"closed""#, r#""user":"bo""#, r#""code":1006"#]);
    ada.expect(&[r#""event":"offline""#, r#""user":"bo","clients":1"#]);
    send(Signal::SIGCONT, there.child());
    // 1012: service restart.
    assert_eq!(bo.child.wait().unwrap().code(), Some(111));
    // The server may still be on its way back to Redis, and sends clients away until then.
    let _bo = Client::start(&there, "bo", "--reconnect");
    ada.expect(&[r#""event":"online""#, r#""user":"bo","clients":2"#]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn over_tls_with_a_user_and_a_password() {
    let authority = authority();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = leaf(&["localhost"], valid, &authority.issuer);
    let [certificate, key] = [
        ("redis.pem", certificate.pem()),
        ("redis.key", key.serialize_pem()),
    ]
    .map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let redis = RedisServer::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
        "--user",
        "hub",
        "on",
        ">topsecret",
        "~wirecat:*",
        "+@all",
    ]);
    let url = format!("rediss://hub:topsecret@localhost:{port}");
    let arguments = ["serve", "--port", "0", "--redis", &url];
    let untrusted = wirecat(arguments).run();
    untrusted
        .exits(7)
        .complains(&["cannot use Redis at localhost", "certificate"]);
    let trusting = wirecat(arguments).env("SSL_CERT_FILE", &authority.cacert());
    let server = Serving::of(trusting, 1);
    let _ada = Client::connect(&server, "ada");
    assert_eq!(redis.cli(&["get", "wirecat:{hub}:clients"]).trim(), "1");
    assert!(!server.end().stderr.contains("topsecret"));
}

#[test]
#[ignore = "needs .ci/peers"]
fn redis_is_killed_under_a_sender_and_a_receiver_gets_all_once() {
    const MESSAGES: usize = 120;
    let mut redis = RedisServer::start(&[]);
    let url = redis.url();
    let options = ["--port", "0", "--redis", &url];
    let here = Serving::start(&options);
    let there = Serving::start(&options);
    let ada = Client::connect(&here, "ada");
    let mut bo = Client::connect(&there, "bo");
    let sender = thread::spawn(move || {
        for number in 0..MESSAGES {
            // What was refused was not stored.
            loop {
                bo.send(&format!(
                    r#"{{"event":"message","data":{number},"ref":{number}}}"#
                ));
                let answer = bo.expect(&[&format!(r#""ref":{number}"#)]);
                if answer.contains(r#""event":"ack""#) {
                    break;
                }
            }
        }
    });
    for number in 0..MESSAGES {
        let message = ada.expect(&[r#""event":"message""#]);
        assert!(
            message.contains(&format!(r#""data":{number},"#)),
            "{message}"
        );
        assert!(
            message.contains(&format!(r#""id":{},"#, number + 1)),
            "{message}"
        );
        if number % 30 == 15 {
            redis.kill();
            redis.restart();
        }
    }
    sender.join().unwrap();
    let logs = here.end();
    logs.complains(&["redis 127.0.0.1", "reconnecting", "connected again after"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_redis_that_lost_everything_sends_clients_away_to_come_back() {
    let mut redis = RedisServer::start(&[]);
    let server = Serving::start(&["--port", "0", "--redis", &redis.url()]);
    let mut ada = Client::connect(&server, "ada");
    redis.kill();
    redis.erase();
    redis.restart();
    // 1012: service restart.
    assert_eq!(ada.child.wait().unwrap().code(), Some(111));
    Client::connect(&server, "ada").send(r#"{"event":"clients"}"#);
    let logs = server.end();
    logs.complains(&["1012", "clients of this process must reconnect"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_server_ends_where_it_cannot_use_redis() {
    let mut redis = RedisServer::start(&["--requirepass", "topsecret"]);
    let url = redis.url().replace("//", "//:wrongsecret@");
    let serve = ["serve", "--port", "0", "--redis"];
    let wrong = wirecat([&serve[..], &[&url]].concat()).run();
    wrong.exits(2).complains(&[
        "cannot use Redis at 127.0.0.1",
        "does not accept this user and password",
    ]);
    assert!(!wrong.stderr.contains("wrongsecret"), "{}", wrong.stderr);
    redis.kill();
    let none = wirecat([&serve[..], &[&redis.url()]].concat()).run();
    none.exits(7)
        .complains(&["cannot use Redis at 127.0.0.1", "refused"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_exchanges_with_websockets17() {
    let redis = RedisServer::start(&[]);
    exchanges::run(Kind::Websockets17, &["--redis", &redis.url()]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_exchanges_with_ws8() {
    let redis = RedisServer::start(&[]);
    exchanges::run(Kind::Ws8, &["--redis", &redis.url()]);
}

/// Answers every command as a Redis does that is not ready.
fn say_that_it_is_loading(mut stream: TcpStream) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        // A command begins with the number of its words.
        if line.starts_with('*') {
            let _ = stream.write_all(b"-LOADING Redis is loading the dataset in memory\r\n");
        }
    }
}

/// Passes on what comes, both ways.
fn pass_on(client: TcpStream, port: u16) {
    let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let [mut from_client, mut to_client] = [(); 2].map(|()| client.try_clone().unwrap());
    let [mut from_server, mut to_server] = [(); 2].map(|()| server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut from_client, &mut to_server);
    let _ = to_server.shutdown(std::net::Shutdown::Both);
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_server_waits_for_a_redis_that_is_reading_its_data() {
    let redis = RedisServer::start(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let port = redis.port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            thread::spawn(move || match number {
                0..3 => say_that_it_is_loading(stream),
                _ => pass_on(stream, port),
            });
        }
    });
    let server = Serving::start(&["--port", "0", "--redis", &url]);
    drop(Client::connect(&server, "ada"));
    let logs = server.end();
    logs.complains(&[
        "redis 127.0.0.1",
        "it is reading its data; waiting for that",
    ]);
    assert_eq!(logs.stderr.matches("reading its data").count(), 1);
}
