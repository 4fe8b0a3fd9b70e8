//! The limits of the debug server: what a client sees that goes beyond one, what the log says, and that
//! no other client notices.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wirecat::internals::serve::{Options, limits};

use crate::serve::{Server, Wire, handshake, has, masked, plain};
use crate::support::{PATIENCE, WIRECAT};

fn limited(limits: limits::Options) -> Server {
    Server::start_with(Options {
        limits,
        ..Options::default()
    })
}

/// How many lines of the log have these words.
fn logged(server: &Server, words: &str) -> usize {
    let lines = server.lines();
    lines.iter().filter(|line| line.contains(words)).count()
}

/// Waits until the log has these words.
#[track_caller]
pub(crate) fn until_logged(server: &Server, words: &str) {
    let until = Instant::now() + PATIENCE;
    while logged(server, words) == 0 {
        assert!(Instant::now() < until, "{:?}", server.lines());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a message comes back.
#[track_caller]
fn echoes(wire: &mut Wire) {
    wire.write(masked(0x81, b"alive"));
    wire.expect(plain(0x81, b"alive"));
}

/// Opens an echo as soon as there is a place for it.
#[track_caller]
fn open_when_free(server: &Server) -> Wire {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut wire = server.tcp();
        wire.write(handshake("/echo"));
        let head = wire.head();
        if head.starts_with("HTTP/1.1 101 ") {
            return wire;
        }
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(Instant::now() < until, "there is still no place");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn connections_beyond_the_limit_are_answered_with_503() {
    for (limits, words) in [
        (
            limits::Options {
                max_connections: 2,
                ..limits::Options::default()
            },
            "2 connections are open (--max-connections)",
        ),
        (
            limits::Options {
                max_connections_per_address: 2,
                ..limits::Options::default()
            },
            "2 connections from this address are open (--max-connections-per-address)",
        ),
    ] {
        let server = limited(limits);
        let mut open = vec![server.open("/echo"), server.open("/echo")];
        for _ in 0..20 {
            let (head, body) = server.ask(&handshake("/echo"));
            assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
            has(&head, "Retry-After", "1");
            assert_eq!(body, format!("{words}\n"));
        }
        assert_eq!(logged(&server, words), 1, "{:?}", server.lines());
        open.iter_mut().for_each(echoes);
        open.pop();
        echoes(&mut open_when_free(&server));
    }
}

#[test]
fn a_handshake_takes_no_longer_than_allowed() {
    let timeout = Duration::from_millis(400);
    let server = limited(limits::Options {
        handshake_timeout: timeout,
        ..limits::Options::default()
    });
    // Nothing, a part of a request, the beginning of HTTP/2, and its preface without a request.
    for bytes in [
        "",
        "GET /echo HTTP/1.1\r\nHost: local",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let began = Instant::now();
        let mut wire = server.tcp();
        wire.write(bytes);
        let _ = wire.0.read_to_end(&mut Vec::new());
        let took = began.elapsed();
        assert!(took >= timeout * 9 / 10, "{bytes:?}: {took:?}");
        assert!(took < timeout + PATIENCE / 2, "{bytes:?}: {took:?}");
    }
    until_logged(
        &server,
        "HTTP: no request came within 400ms (--handshake-timeout)",
    );
}

#[test]
fn a_client_that_does_not_read_its_answers_gives_up_its_place() {
    let server = limited(limits::Options {
        max_connections: 1,
        handshake_timeout: Duration::from_millis(200),
        ..limits::Options::default()
    });
    let mut deaf = server.tcp();
    let request = "GET /endpoints HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10_000);
    deaf.0
        .set_write_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    // More than the buffers on the way hold.
    let blocked = (0..200).any(|_| deaf.0.write_all(request.as_bytes()).is_err());
    assert!(blocked);
    until_logged(
        &server,
        "HTTP: the client does not take what it is answered",
    );
    echoes(&mut open_when_free(&server));
}

#[test]
fn a_request_that_comes_byte_by_byte_has_no_more_time() {
    let server = limited(limits::Options {
        handshake_timeout: Duration::from_millis(400),
        ..limits::Options::default()
    });
    let mut wire = server.tcp();
    let began = Instant::now();
    let mut request = handshake("/echo").into_bytes();
    request.splice(16..16, format!("X: {}\r\n", "x".repeat(5000)).into_bytes());
    let mut sent = 0;
    while sent < request.len() && wire.0.write_all(&request[sent..=sent]).is_ok() {
        sent += 1;
        assert!(began.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(sent < request.len(), "the whole request was read");
    until_logged(&server, "(--handshake-timeout)");
}

#[test]
fn a_connection_that_is_kept_open_has_time_for_each_request() {
    let server = limited(limits::Options {
        handshake_timeout: Duration::from_millis(300),
        ..limits::Options::default()
    });
    let mut wire = server.tcp();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(900) {
        wire.write("GET /status/204 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    }
    // And a WebSocket is not ended by it.
    let mut wire = server.open("/echo");
    thread::sleep(Duration::from_millis(500));
    echoes(&mut wire);
}

#[test]
fn a_large_head_is_refused_with_431() {
    let server = limited(limits::Options {
        max_head_size: 10_000,
        ..limits::Options::default()
    });
    let request = |size: usize| {
        let filling = "x".repeat(size);
        format!("GET /frames HTTP/1.1\r\nHost: localhost\r\nX: {filling}\r\n\r\n")
    };
    let (head, _) = server.ask(&request(9000));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut wire = server.tcp();
    wire.write(request(10_000));
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
    until_logged(
        &server,
        "HTTP: the head of a request is larger than 10000 bytes (--max-head-size)",
    );
}

#[test]
fn a_large_message_is_refused_with_1009() {
    let server = limited(limits::Options {
        max_message_size: 1000,
        ..limits::Options::default()
    });
    let mut wire = server.open("/echo");
    wire.write(masked(0x82, &[0; 1000]));
    wire.expect(plain(0x82, &[0; 1000]));
    wire.write(masked(0x82, &[0; 1001]));
    let head = wire.take(4);
    assert_eq!((head[0], &head[2..]), (0x88, &b"\x03\xf1"[..]));
    until_logged(&server, "closed by server: 1009 (message too big)");
}

#[test]
fn too_many_messages_a_second_are_refused_with_1008() {
    let server = limited(limits::Options {
        message_interval: Some(Duration::from_millis(100)),
        ..limits::Options::default()
    });
    let mut wire = server.open("/echo");
    let mut other = server.open("/echo");
    wire.write(masked(0x81, b"x").repeat(100));
    let mut count = 0;
    loop {
        let head = wire.take(2);
        let payload = wire.take(usize::from(head[1]));
        match head[0] {
            0x81 => count += 1,
            _ => {
                assert_eq!((head[0], &payload[..2]), (0x88, &b"\x03\xf0"[..]));
                assert_eq!(&payload[2..], b"too many messages");
                break;
            }
        }
    }
    // Those of a second, and what was saved up while they were read.
    assert!((10..50).contains(&count), "{count}");
    wire.answer_close();
    echoes(&mut other);
    until_logged(
        &server,
        "closed by server: 1008 (policy violation) \"too many messages\"",
    );
}

/// A server in a process of its own, which ends with the test.
pub(crate) struct Program {
    child: Child,
    address: String,
    log: mpsc::Receiver<String>,
}

impl Program {
    /// `prelude` is for the shell that becomes the server.
    pub(crate) fn start(prelude: &str, options: &[&str]) -> Program {
        let script = format!("{prelude} exec \"$0\" \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &script, WIRECAT, "serve", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ws://").unwrap();
        let (lines, log) = mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        Program {
            address: address.to_owned(),
            child,
            log,
        }
    }

    pub(crate) fn tcp(&self) -> Wire {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Wire(stream)
    }

    #[track_caller]
    pub(crate) fn open(&self, path: &str) -> Wire {
        let mut wire = self.tcp();
        wire.write(handshake(path));
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        wire
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_without_descriptors_serves_on_and_recovers() {
    let server = Program::start("ulimit -n 64;", &[]);
    let mut early = server.open("/echo");
    // The system accepts them; the server cannot.
    let many: Vec<Wire> = (0..120).map(|_| server.tcp()).collect();
    let until = Instant::now() + PATIENCE;
    let mut lines = Vec::new();
    while !lines
        .iter()
        .any(|line: &String| line.starts_with("accept: "))
    {
        let left = until.saturating_duration_since(Instant::now());
        lines.push(server.log.recv_timeout(left).expect("a line of the log"));
        echoes(&mut early);
    }
    // Several attempts later.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        echoes(&mut early);
    }
    drop(many);
    // This one is accepted behind all of those.
    echoes(&mut server.open("/echo"));
    echoes(&mut early);
    lines.extend(server.log.try_iter());
    let outages = lines.iter().filter(|line| line.starts_with("accept: "));
    assert_eq!(outages.count(), 1, "{lines:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_takes_the_descriptors_that_it_may_have() {
    let server = Program::start("ulimit -S -n 64;", &["--max-connections", "200"]);
    let mut many: Vec<Wire> = (0..200).map(|_| server.open("/echo")).collect();
    many.iter_mut().for_each(echoes);
}

/// The median time of an echo while something else goes on.
fn median_echo(wire: &mut Wire, count: usize) -> Duration {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let began = Instant::now();
            echoes(wire);
            began.elapsed()
        })
        .collect();
    times.sort();
    times[count / 2]
}

#[test]
fn half_handshakes_do_not_disturb_an_echo() {
    let server = Program::start("", &["--silent"]);
    let mut wire = server.open("/echo");
    let mut half: Vec<Wire> = (0..500).map(|_| server.tcp()).collect();
    for (number, wire) in half.iter_mut().enumerate() {
        let request = handshake("/echo");
        wire.write(&request[..number % request.len()]);
    }
    let median = median_echo(&mut wire, 200);
    println!("500 half handshakes: an echo took {median:?} at the median");
    assert!(median < Duration::from_millis(100), "{median:?}");
}

#[test]
fn a_million_empty_fragments_do_not_disturb_an_echo() {
    let server = Program::start("", &["--silent"]);
    let mut wire = server.open("/echo");
    let mut hostile = server.open("/echo");
    let mut other = Wire(hostile.0.try_clone().unwrap());
    let sender = thread::spawn(move || {
        other.write(masked(0x01, b""));
        let fragments = masked(0x00, b"").repeat(1000);
        for _ in 0..1000 {
            other.write(&fragments);
        }
        other.write(masked(0x80, b"end"));
    });
    let mut times = Vec::new();
    while !sender.is_finished() {
        let began = Instant::now();
        echoes(&mut wire);
        times.push(began.elapsed());
    }
    sender.join().unwrap();
    times.sort();
    let median = times[times.len() / 2];
    println!("a million empty fragments: an echo took {median:?} at the median");
    // A frame takes ten times as long in a build that is not optimized.
    let limit = if cfg!(debug_assertions) { 400 } else { 100 };
    assert!(median < Duration::from_millis(limit), "{median:?}");
    hostile.expect(plain(0x81, b"end"));
}
