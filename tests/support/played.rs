//! Plays a transcript ([`super::transcript`]) to the program: a server that sends its lines, and
//! compares what comes with the client's. A mismatch fails the test, with what was wanted, what came,
//! and what had been said before.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::server::{Wire, close, frame_of, header};
use super::transcript::{Connection, Message, Step, parse, text_fits};
use super::{Output, PATIENCE};

/// Lines of the past that a mismatch shows.
const SHOWN: usize = 8;

/// What a client gets that connects once more than it should.
const GONE: &str =
    "HTTP/1.1 410 The transcript is over\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A server that plays an exchange.
pub(crate) struct Played {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<Result<(), String>>,
    /// The client has ended: nobody will connect any more.
    over: Arc<AtomicBool>,
}

/// Plays the exchange `name` of `tests/transcripts/FILE`.
#[track_caller]
pub(crate) fn play(file: &str, name: &str) -> Played {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/transcripts")
        .join(file);
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    start(parse(file, &text, name))
}

/// Plays an exchange that stands in the test.
#[track_caller]
pub(crate) fn play_text(text: &str) -> Played {
    start(parse("transcript", text, ""))
}

fn start(connections: Vec<Connection>) -> Played {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let thread = thread::spawn(move || {
        let result = play_all(&listener, &ended, &connections);
        // A client that would try again and again is refused for good.
        let mut again = 0;
        while let Some(stream) = accept(&listener, &ended) {
            let mut wire = Wire::new(stream);
            wire.request();
            wire.send(GONE);
            again += 1;
        }
        match again {
            0 => result,
            again => result.and(Err(format!("the client connected {again} times more"))),
        }
    });
    Played {
        address,
        thread,
        over,
    }
}

fn play_all(
    listener: &TcpListener,
    over: &AtomicBool,
    connections: &[Connection],
) -> Result<(), String> {
    connections.iter().try_for_each(|connection| {
        let stream = accept(listener, over)
            .ok_or_else(|| format!("{}: the client did not connect", connection.place))?;
        Player::new(Wire::new(stream)).play(connection)
    })
}

/// The next connection, unless the client has ended before.
fn accept(listener: &TcpListener, over: &AtomicBool) -> Option<TcpStream> {
    let start = Instant::now();
    loop {
        // Looked at first, so that a connection made before the end is still found.
        let last = over.load(Ordering::SeqCst) || start.elapsed() > PATIENCE;
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            return Some(stream);
        }
        if last {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

impl Played {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// How the exchange went, once the client has ended.
    pub(crate) fn result(self) -> Result<(), String> {
        self.over.store(true, Ordering::SeqCst);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Everything must have gone as the transcript says; `run` is what the client left behind.
    #[track_caller]
    pub(crate) fn finish(self, run: &Output) {
        if let Err(mismatch) = self.result() {
            panic!(
                "{mismatch}\nthe client's stderr:\n{}\nits stdout:\n{}",
                run.stderr,
                run.stdout_text()
            );
        }
    }
}

/// What comes from the client.
enum Incoming {
    Message(Message),
    Close(Option<u16>),
    End,
    /// Nothing came in the time that there was.
    Nothing,
}

/// Plays one connection.
struct Player {
    wire: Wire,
    /// What the client may send at any time.
    may_come: Vec<Message>,
    /// What came of that, until a line asks for it.
    passed: Vec<Message>,
    /// What came before a pong.
    kept: VecDeque<Incoming>,
    /// A pong has come.
    ponged: bool,
    /// What was said, for a mismatch.
    said: Vec<String>,
}

impl Player {
    fn new(wire: Wire) -> Player {
        Player {
            wire,
            may_come: Vec::new(),
            passed: Vec::new(),
            kept: VecDeque::new(),
            ponged: false,
            said: Vec::new(),
        }
    }

    fn play(mut self, connection: &Connection) -> Result<(), String> {
        if !answer(connection, &mut self.wire)? {
            return Ok(());
        }
        for (place, line, step) in &connection.steps {
            let over = self
                .step(step)
                .map_err(|why| self.mismatch(place, line, &why))?;
            if over {
                return Ok(());
            }
        }
        let end = self.end(None);
        end.map_err(|why| self.mismatch(&connection.place, "the end", &why))
    }

    /// Whether the connection is over after this step.
    fn step(&mut self, step: &Step) -> Result<bool, String> {
        match step {
            Step::Send(message) => {
                self.said.push(format!("S {}", message.shown()));
                let frame = frame_of(0x80 | message.opcode, &message.payload);
                self.wire.send(frame);
            }
            Step::Expect(wanted) => match self.next(PATIENCE) {
                Incoming::Message(sent) if wanted.fits(&sent) => {
                    self.said.push(format!("C {}", sent.shown()));
                }
                other => return Err(came(&other)),
            },
            Step::MayCome(message) => self.may_come.push(message.clone()),
            Step::HasCome(message) => {
                if let Some(at) = self.passed.iter().position(|sent| message.fits(sent)) {
                    self.passed.remove(at);
                    return Ok(false);
                }
                match self.next_of_all(PATIENCE) {
                    Incoming::Message(sent) if message.fits(&sent) => {
                        self.said.push(format!("C {}", sent.shown()));
                    }
                    other => return Err(came(&other)),
                }
            }
            Step::Close(code, reason) => {
                self.wire.send(close(*code, reason));
                self.wire.until_close();
                return Ok(true);
            }
            Step::Ping(text) => return self.ping(text),
            Step::Drop => return Ok(true),
            Step::Wait(time) => thread::sleep(*time),
            Step::Silent(time) => match self.next(*time) {
                Incoming::Nothing => {}
                other => return Err(came(&other)),
            },
            Step::ClientCloses(code) => {
                self.end(Some(*code))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends a ping and waits for its pong. Messages that come before it are kept.
    fn ping(&mut self, text: &str) -> Result<bool, String> {
        self.wire.send(frame_of(0x89, text.as_bytes()));
        self.ponged = false;
        while !self.ponged {
            match self.read() {
                Some(Incoming::End) => return Err("the connection ended".to_owned()),
                Some(incoming) => self.kept.push_back(incoming),
                None => {}
            }
        }
        Ok(false)
    }

    /// The client closes, with a certain code if there must be a Close, or just goes.
    fn end(&mut self, close: Option<Option<u16>>) -> Result<(), String> {
        match (self.next(PATIENCE), close) {
            (Incoming::Close(sent), Some(Some(code))) if sent != Some(code) => {
                Err(format!("the client closed with {sent:?}"))
            }
            (Incoming::Close(code), _) => {
                let payload = code.map(|code| code.to_be_bytes().to_vec());
                self.wire.send(frame_of(0x88, &payload.unwrap_or_default()));
                Ok(())
            }
            (Incoming::End, None) => Ok(()),
            (other, _) => Err(came(&other)),
        }
    }

    /// The next thing that is not passed over, if it begins within `time`.
    fn next(&mut self, time: Duration) -> Incoming {
        let until = Instant::now() + time;
        loop {
            match self.next_of_all(until.saturating_duration_since(Instant::now())) {
                Incoming::Message(sent) if self.may_come.iter().any(|it| it.fits(&sent)) => {
                    self.said.push(format!("C* {}", sent.shown()));
                    self.passed.push(sent);
                }
                other => return other,
            }
        }
    }

    /// The next thing, if it begins within `time`.
    fn next_of_all(&mut self, time: Duration) -> Incoming {
        let until = Instant::now() + time;
        loop {
            if let Some(kept) = self.kept.pop_front() {
                return kept;
            }
            let left = until.saturating_duration_since(Instant::now());
            if !self.begins_within(left) {
                return Incoming::Nothing;
            }
            if let Some(incoming) = self.read() {
                return incoming;
            }
        }
    }

    /// Whether a byte, or the end, comes within `time`.
    fn begins_within(&self, time: Duration) -> bool {
        let socket = &self.wire.0;
        // A time of zero would mean no limit.
        socket
            .set_read_timeout(Some(time.max(Duration::from_millis(1))))
            .unwrap();
        let peeked = socket.peek(&mut [0]);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        !peeked
            .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// A whole message, or the end. Pings are answered, and give `None`.
    fn read(&mut self) -> Option<Incoming> {
        let Some(first) = self.wire.frame() else {
            return Some(Incoming::End);
        };
        match first.opcode {
            8 => return Some(Incoming::Close(first.close_code())),
            9 => self.wire.send(frame_of(0x8a, &first.payload)),
            10 => self.ponged = true,
            _ => {}
        }
        if first.opcode > 8 {
            return None;
        }
        let (mut fin, mut payload) = (first.fin, first.payload);
        while !fin {
            let Some(next) = self.wire.frame() else {
                return Some(Incoming::End);
            };
            if next.opcode == 0 {
                payload.extend(next.payload);
                fin = next.fin;
            }
        }
        Some(Incoming::Message(Message {
            opcode: first.opcode,
            payload,
        }))
    }

    fn mismatch(&self, place: &str, line: &str, why: &str) -> String {
        let from = self.said.len().saturating_sub(SHOWN);
        let said = self.said[from..].join("\n  ");
        format!("{place}: wanted\n  {line}\nbut {why}\nbefore that\n  {said}")
    }
}

fn came(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Message(sent) => format!("the client sent\n  {}", sent.shown()),
        Incoming::Close(code) => format!("the client closed with {code:?}"),
        Incoming::End => "the connection ended".to_owned(),
        Incoming::Nothing => "nothing came".to_owned(),
    }
}

/// Answers the request; false if that was a refusal.
fn answer(connection: &Connection, wire: &mut Wire) -> Result<bool, String> {
    let request = wire.request();
    let target = request.split(' ').nth(1).unwrap_or_default();
    let place = &connection.place;
    if !text_fits(&connection.target, target) {
        let wanted = &connection.target;
        return Err(format!(
            "{place}: the client should ask for\n  {wanted}\nit asked for\n  {target}"
        ));
    }
    for (name, wanted) in &connection.wanted {
        let sent = header(&request, name);
        if !sent.is_some_and(|sent| text_fits(wanted, sent)) {
            let sent = sent.unwrap_or("none");
            return Err(format!(
                "{place}: the header {name} should be\n  {wanted}\nit is\n  {sent}"
            ));
        }
    }
    match &connection.refused {
        None => wire.accept(&request, &connection.headers, b""),
        Some(status) => wire.send(format!(
            "HTTP/1.1 {status}\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n",
            connection.headers
        )),
    }
    Ok(connection.refused.is_none())
}

#[test]
fn an_exchange_is_played() {
    let played = play_text(
        r#"
# The first connection
=== GET /ws?v=2
=== Sec-WebSocket-Protocol: chat
=== 101 Sec-WebSocket-Protocol: chat
S! ping hello
C {"op":"hello","id":"…"}
C 42["an","event"]
S\ {"op":"ok"}\n
C! silent 20ms
S! drop
=== GET /ws?v=2
=== 503 Service Unavailable
=== GET /ws?v=2
=== 101 Sec-WebSocket-Protocol: chat
C* {"op":"hello","id":"…"}
S! wait 1ms
C+ {"op":"hello","id":"…"}
S# 00ff
S! close 4401 bad
"#,
    );
    let url = played.url("/ws?v=2");
    let hello = r#"{"id": 7, "op": "hello"}"#;
    let args = ["--on-open", hello, "--subprotocol", "chat", "--reconnect"];
    let more = ["--on-eof", "stay", "-d", r#"42["an","event"]"#, &url];
    let run = super::wirecat(args.into_iter().chain(more)).run();
    run.complains(&["4401", "bad"])
        .prints(b"{\"op\":\"ok\"}\n\n\0\xff");
    played.finish(&run);
}

#[test]
fn what_differs_is_shown() {
    for (args, mismatch) in [
        (
            vec!["-d", "x"],
            "transcript:1: the header Origin should be\n  here\nit is\n  none",
        ),
        (
            vec!["-d", "x", "--origin", "here"],
            "transcript:4: wanted\n  C {\"a\":1}\nbut the client sent\n  x\nbefore that\n  S hi",
        ),
        (
            vec!["-d", "{\"a\": 1}", "-d", "more", "--origin", "here"],
            "transcript:5: wanted\n  C! close 1000\nbut the client sent\n  more\nbefore that\n  S hi\n  C {\"a\": 1}",
        ),
    ] {
        let played = play_text("=== GET /\n=== Origin: here\nS hi\nC {\"a\":1}\nC! close 1000");
        let url = played.url("/");
        super::wirecat(args).arg(&url).run();
        assert_eq!(played.result().unwrap_err(), mismatch);
    }
    let played = play_text("=== GET /a");
    assert_eq!(
        played.result().unwrap_err(),
        "transcript:1: the client did not connect"
    );
}
