//! Order and loss where everything is sent at once: lines of stdin or of a program, answers, messages of
//! `--on-open`, heartbeats, over connections that break anywhere. The server judges.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::listen::listen;
use crate::support::mixture::Chance;
use crate::support::server::{Frame, Raw, Wire, close, raw, text};
use crate::support::{Output, output_within, peak_memory, send, wirecat};

/// Lines of the input.
const LINES: u64 = 400;

/// Connections that break.
const BREAKS: usize = 25;

/// What passes this hangs.
const HANGS: Duration = Duration::from_secs(120);

/// What the server knows of one connection.
#[derive(Debug, Default)]
struct Log {
    /// What has come, in order.
    messages: Vec<String>,
    /// What answers what was sent, in order; not all of that has arrived.
    due: Vec<String>,
    welcomed: bool,
    /// It ended with the client's Close.
    closed: bool,
}

type Logs = Arc<Mutex<Vec<Log>>>;

/// A server that asks, acknowledges, and breaks connections at random.
struct Moody {
    wire: Wire,
    chance: Chance,
    log: Log,
    asked: u64,
    /// Lines that have come and are not acknowledged.
    owed: Vec<u64>,
    /// How many frames of the client it reads before it breaks the connection.
    patience: usize,
}

impl Moody {
    fn serve(mut self) -> Log {
        self.wire.handshake();
        while self.patience > 0 {
            self.patience -= 1;
            while !self.is_spoken_to() {
                self.act();
            }
            let Some(frame) = self.wire.frame() else {
                return self.log;
            };
            if frame.opcode == 8 {
                self.wire.send(close(1000, ""));
                self.log.closed = true;
                return self.log;
            }
            self.take(frame);
            (0..self.chance.below(3)).for_each(|_| self.act());
        }
        self.end()
    }

    fn take(&mut self, frame: Frame) {
        assert!(frame.fin);
        if frame.opcode != 1 {
            return;
        }
        let message = String::from_utf8(frame.payload).unwrap();
        self.owed.extend(number_of(&message));
        self.log.messages.push(message);
    }

    /// Whether the client has something to say, whatever this server says.
    fn is_spoken_to(&self) -> bool {
        let answers = self.log.messages.iter().filter(|it| is_answer(it)).count();
        self.log.messages.is_empty() || self.log.welcomed || answers < self.log.due.len()
    }

    /// Says something.
    fn act(&mut self) {
        match self.chance.below(12) {
            0..4 => self.ask(),
            4 => self.ping(),
            5 if !self.log.welcomed => {
                self.log.welcomed = true;
                self.wire.send(text(r#"{"welcome":true}"#));
            }
            _ => {
                for n in std::mem::take(&mut self.owed) {
                    self.wire.send(text(&format!(r#"{{"ack":{n}}}"#)));
                }
            }
        }
    }

    fn ask(&mut self) {
        self.asked += 1;
        let n = self.asked;
        let by_command = self.chance.below(20) == 0;
        let kind = if by_command { "run" } else { "ask" };
        self.wire.send(text(&format!(r#"{{"{kind}":{n}}}"#)));
        self.log.due.push(format!(r#"{{"{kind}":{n},"re":true}}"#));
        if !by_command && n.is_multiple_of(3) {
            self.log.due.push(format!("third {n}"));
        }
    }

    fn ping(&mut self) {
        self.asked += 1;
        let n = self.asked;
        self.wire
            .send(text(&format!(r#"{{"type":"ping","n":{n}}}"#)));
        self.log.due.push(format!("pong {n}"));
    }

    /// Breaks the connection, perhaps in the middle of a frame.
    fn end(mut self) -> Log {
        match self.chance.below(4) {
            0 => self.wire.reset(),
            1 => drop(self.wire.close(1012, "restart")),
            2 => self.wire.send(&text(r#"{"ask":"half of a frame"}"#)[..10]),
            _ => {}
        }
        self.log
    }
}

fn is_answer(message: &str) -> bool {
    let begins = ["{\"ask\"", "{\"run\"", "third ", "pong "];
    begins.iter().any(|begin| message.starts_with(begin))
}

/// The number of a line of the input.
fn number_of(message: &str) -> Option<u64> {
    message.strip_prefix("line ")?.parse().ok()
}

/// Serves one connection after another, and breaks the first of them.
fn moody(seed: u64) -> (String, Logs) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let logs = Logs::default();
    let kept = Arc::clone(&logs);
    thread::spawn(move || {
        let mut chance = Chance(seed);
        for number in 0.. {
            let (stream, _) = listener.accept().unwrap();
            let log = Moody {
                wire: Wire::new(stream),
                patience: match number < BREAKS {
                    true => chance.below(60),
                    false => usize::MAX,
                },
                chance: Chance(chance.below(usize::MAX) as u64),
                log: Log::default(),
                asked: 0,
                owed: Vec::new(),
            };
            kept.lock().unwrap().push(log.serve());
        }
    });
    (url, logs)
}

const MIXTURE: [&str; 27] = [
    "--reconnect",
    "--reconnect-delay",
    "1ms",
    "--reconnect-max-delay",
    "5ms",
    "--confirm=.ack",
    "--on-eof",
    "close",
    "--idle",
    "60s",
    "--on-open",
    "hello",
    "--on-open",
    "after .welcome: introduced",
    "--answer",
    r#".ask={"ask":{{.ask}},"re":true}"#,
    "--answer",
    ".ask % 3 == 0=third {{.ask}}",
    "--answer",
    r#".run=cmd:printf '{"run":%s,"re":true}' "$(tr -dc 0-9)""#,
    "--answer",
    r#".type == "ping"=pong {{.n}}"#,
    "--heartbeat",
    "beat",
    "--heartbeat-interval",
    "10ms",
    "--no-compress",
];

/// What must be true of the connections of a run that went well, and of the command that it ran.
#[track_caller]
fn judge(output: &Output, logs: &Logs, lines: u64) {
    output.exits(0);
    let logs = logs.lock().unwrap();
    let mut seen = BTreeSet::new();
    for log in &*logs {
        let place = |wanted: &str| log.messages.iter().position(|it| it == wanted);
        let (hello, introduced) = (place("hello"), place("introduced"));
        assert!(log.messages.is_empty() || hello == Some(0), "{log:?}");
        assert!(introduced.is_none() || log.welcomed, "{log:?}");
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<(usize, &str)> {
            let messages = log.messages.iter().map(String::as_str).enumerate();
            messages.filter(|(_, it)| wanted(it)).collect()
        };
        let later = of(&|it| it == "beat" || number_of(it).is_some());
        if let Some((first, _)) = later.first() {
            assert!(introduced.is_some_and(|it| it < *first), "{log:?}");
        }
        let opening = usize::from(hello.is_some()) + usize::from(introduced.is_some());
        let answers = of(&is_answer);
        assert_eq!(log.messages.len(), opening + later.len() + answers.len());
        assert!(answers.len() <= log.due.len(), "{log:?}");
        for ((_, answer), due) in answers.iter().zip(&log.due) {
            assert_eq!(answer, due, "{log:?}");
        }
        let lines: Vec<u64> = later.iter().filter_map(|(_, it)| number_of(it)).collect();
        assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
        let new = lines
            .into_iter()
            .filter(|n| !seen.contains(n))
            .collect::<Vec<u64>>();
        let next = seen.last().map_or(1, |last| last + 1);
        assert!(
            new.iter().copied().eq(next..next + new.len() as u64),
            "{new:?}"
        );
        seen.extend(new);
    }
    assert!(seen.into_iter().eq(1..=lines), "{}", output.stderr);
    assert!(logs.len() > BREAKS / 2, "only {} connections", logs.len());
    let last = logs.last().unwrap();
    assert!(last.closed, "{last:?}");
    // Nothing broke the last connection: all that was asked before its last line has been answered.
    let answers = last.messages.iter().filter(|it| last.due.contains(it));
    assert!(answers.count() > 0 || last.due.is_empty(), "{last:?}");
}

#[test]
fn every_source_keeps_its_order_over_connections_that_break_anywhere() {
    for seed in 1..=4 {
        let (url, logs) = moody(seed);
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let run = format!("echo once >> {}; sleep 0.2", ran.display());
        let lines: String = (1..LINES).map(|n| format!("line {n}\n")).collect();
        let last = format!("line {LINES}");
        let more = ["--run", &run, "--then", &last, &url];
        println!("seed {seed}");
        let output = wirecat([&MIXTURE[..], &more].concat()).stdin(lines).run();
        judge(&output, &logs, LINES);
        assert_eq!(std::fs::read_to_string(ran).unwrap(), "once\n");
    }
}

#[test]
fn so_do_the_lines_of_a_program() {
    for seed in 5..=7 {
        let (url, logs) = moody(seed);
        let program = format!("seq -f 'line %g' {LINES}");
        println!("seed {seed}");
        let output = wirecat([&MIXTURE[..], &["--exec", &program, &url]].concat()).run();
        judge(&output, &logs, LINES);
    }
}

/// Asks for a large answer and for a last one.
fn ask_for_much(wire: &mut Wire) {
    wire.handshake();
    wire.send(text(r#"{"large":true}"#));
    wire.send(text(r#"{"last":true}"#));
}

const LARGE: usize = 12_000_000;

/// The rules for it; the large answer is in a file.
fn large_answers(folder: &tempfile::TempDir) -> Vec<String> {
    let file = folder.path().join("large");
    std::fs::write(&file, "x".repeat(LARGE)).unwrap();
    let large = format!(".large=@{}", file.display());
    [
        "--until",
        ".last",
        "--answer",
        &large,
        "--answer",
        ".last=bye",
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn the_end_waits_until_the_peer_has_taken_the_answers() {
    let server = raw(|mut wire| {
        ask_for_much(&mut wire);
        // The answer does not fit into what the system keeps for a connection.
        thread::sleep(Duration::from_secs(1));
        let mut sizes = vec![0];
        while let Some(frame) = wire.frame().filter(|frame| frame.opcode != 8) {
            *sizes.last_mut().unwrap() += frame.payload.len();
            sizes.extend(frame.fin.then_some(0));
        }
        wire.send(close(1000, ""));
        sizes
    });
    let folder = tempfile::tempdir().unwrap();
    let output = wirecat(large_answers(&folder)).arg(&server.url("/")).run();
    output.exits(0).is_quiet();
    assert_eq!(server.result(), [LARGE, 3, 0]);
}

#[test]
fn a_peer_that_takes_no_answers_is_not_waited_for_longer_than_the_close_timeout() {
    let (gone, over) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        ask_for_much(&mut wire);
        // Until the client is gone.
        let _ = over.recv();
    });
    let folder = tempfile::tempdir().unwrap();
    let mut args = large_answers(&folder);
    args.extend(["--close-timeout", "1s"].map(str::to_owned));
    let output = wirecat(args).arg(&server.url("/")).run();
    output.complains(&["2 answers were not sent, as the connection ended"]);
    drop(gone);
    server.result();
}

/// Both ends answer what they receive with 2 MB, and have more of that than the connection holds.
#[test]
fn two_ends_that_answer_each_other_at_length_do_not_wait_for_each_other() {
    const COUNT: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let filler = "x".repeat(2_000_000);
    let reply = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let first = reply("r", format!(r#"{{"r":{{{{.q}}}},"x":"{filler}"}}"#));
    let second = reply("s", format!(r#"{{"s":{{{{.r}}}},"x":"{filler}"}}"#));
    let (first, second) = (format!(".q=@{first}"), format!(".r=@{second}"));
    let count = (2 * COUNT).to_string();
    let all = ["-s", "-m", "100", "--no-compress", "--filter", "[.q,.r,.s]"];
    let listening = listen(&[&all[1..], &["--count", &count, "--answer", &first]].concat());
    let lines: String = (0..COUNT).map(|n| format!("{{\"q\":{n}}}\n")).collect();
    let args = [&all[..], &["--on-eof", "stay", "--answer", &second]].concat();
    let client = wirecat(args).arg(&listening.url("/")).stdin(lines).run();
    let server = listening.ends();
    server.exits(0);
    client.exits(0);
    let of = |column: fn(usize) -> String| (0..COUNT).map(column).collect::<String>();
    let (asked, answered) = (
        of(|n| format!("[{n},null,null]\n")),
        of(|n| format!("[null,null,{n}]\n")),
    );
    server.prints(asked + &answered);
    client.prints(of(|n| format!("[null,{n},null]\n")));
}

/// Asks as long as it may, and reads nothing. Returns whether it had to wait, when the client is gone.
fn asks_without_end() -> Raw<bool> {
    raw(|mut wire| {
        wire.handshake();
        let patience = Some(Duration::from_millis(100));
        wire.0.set_write_timeout(patience).unwrap();
        let questions = text(&format!(r#"{{"q":"{}"}}"#, "x".repeat(100))).repeat(1000);
        let (mut at, mut waited) = (0, false);
        loop {
            match wire.0.write(&questions[at..]) {
                Ok(count) => at = (at + count) % questions.len(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => waited = true,
                Err(_) => return waited,
            }
        }
    })
}

#[test]
fn answers_that_nobody_takes_are_bounded_and_told() {
    const TOLD: &str = "4 MiB of answers wait because the server does not read them";
    for (signal, exit) in [
        (None, 28),
        (Some(Signal::SIGINT), 130),
        (Some(Signal::SIGTERM), 143),
    ] {
        let server = asks_without_end();
        let url = server.url("/");
        let time = if signal.is_some() { "100" } else { "20" };
        let limits = ["-m", time, "--max-message-size", "4MiB"];
        let rule = [
            "-o",
            "/dev/null",
            "--no-compress",
            "--answer",
            ".q={{.q}}{{.q}}{{.q}}",
            &url,
        ];
        let mut child = wirecat([&limits[..], &rule].concat()).spawn();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.contains(TOLD), "{line}");
        let memory = peak_memory(&child);
        assert!(memory < 60 << 20, "{memory}");
        if let Some(signal) = signal {
            send(signal, &child);
        }
        let output = output_within(HANGS, child);
        let code = output.status.code();
        let code = code.or_else(|| output.status.signal().map(|number| 128 + number));
        assert_eq!(code, Some(exit), "{output:?}");
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains(TOLD), "told once: {rest}");
        let lost = "answers were not sent, as the connection ended";
        assert!(rest.contains(lost), "{rest}");
        assert!(server.result() || signal.is_some(), "it never waited");
    }
}
