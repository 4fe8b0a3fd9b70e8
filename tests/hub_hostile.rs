//! One client's fault is its own: whatever one client of the hub does, two others keep the order of
//! their messages, and hardly wait for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wirecat::internals::serve::faults::FAULTS;

use crate::limits::Program;
use crate::serve::{Wire, handshake, masked};

/// What a message may take at the median; it takes ten times as long in a build that is not
/// optimized.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 100 });

/// Messages of the pair while something else goes on, at least.
const MESSAGES: usize = 50;

/// Tells that something has ended.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two clients, of which one sends to the other.
struct Pair {
    ada: Wire,
    bo: Wire,
    number: usize,
}

impl Pair {
    fn new(server: &Program) -> Pair {
        let [ada, bo] = ["ada", "bo"].map(|user| open(server, user));
        Pair { ada, bo, number: 0 }
    }

    /// The time of one message. It is the next one, and its ack is, too; others hear of the hostile
    /// clients.
    fn exchange(&mut self) -> Duration {
        let number = self.number;
        self.number += 1;
        let began = Instant::now();
        self.ada.say(&format!(
            r#"{{"event":"message","to":"bo","data":{number},"echo":false,"ref":{number}}}"#
        ));
        let received = next(&mut self.bo, r#"{"event":"message""#);
        let took = began.elapsed();
        let data = format!(r#""from":"ada","to":"bo","data":{number},"#);
        assert!(received.contains(&data), "{number}: {received}");
        let acknowledged = next(&mut self.ada, r#"{"event":"ack""#);
        let reference = format!(r#"{{"event":"ack","ref":{number},"#);
        assert!(acknowledged.starts_with(&reference), "{acknowledged}");
        took
    }

    /// Goes on while `fault` does, and prints how long a message took.
    fn during(&mut self, what: &str, fault: impl FnOnce()) {
        let ended = AtomicBool::new(false);
        let mut times: Vec<Duration> = thread::scope(|scope| {
            let pair = scope.spawn(|| {
                let mut times = Vec::new();
                while times.len() < MESSAGES || !ended.load(Ordering::Relaxed) {
                    times.push(self.exchange());
                }
                times
            });
            // Also where it panics.
            let end = End(&ended);
            fault();
            drop(end);
            pair.join().unwrap()
        });
        times.sort();
        let median = times[times.len() / 2];
        println!("{what}: a message took {median:?} at the median");
        assert!(median < LIMIT, "{what}: {median:?}");
    }
}

/// A client of the hub that is welcome.
#[track_caller]
fn open(server: &Program, user: &str) -> Wire {
    let mut wire = server.open(&format!("/events?token={user}"));
    next(&mut wire, r#"{"event":"connected""#);
    wire
}

/// The next message that begins like this.
#[track_caller]
fn next(wire: &mut Wire, start: &str) -> String {
    loop {
        let heard = wire.hears();
        if heard.starts_with(start) {
            return heard;
        }
    }
}

fn server(options: &[&str]) -> Program {
    Program::start("", &[&["--silent"], options].concat())
}

/// A client's frames that break a rule each, and what they are.
fn violations() -> Vec<(String, Vec<u8>)> {
    let long_ping = masked(0x89, &[b'x'; 126]);
    let frames = [
        ("a reserved bit", masked(0xa1, b"{}")),
        ("RSV1 without an extension", masked(0xc1, b"{}")),
        ("a reserved opcode", masked(0x83, b"{}")),
        ("a reserved control opcode", masked(0x8b, b"")),
        ("a ping in fragments", masked(0x09, b"x")),
        ("a long ping", long_ping),
        ("no text", masked(0x81, b"\xff\xfe")),
        ("a torn character", masked(0x81, b"\xf0\x9f\x91")),
        ("a continuation of nothing", masked(0x80, b"x")),
        (
            "a text within a text",
            [masked(0x01, b"{"), masked(0x81, b"{}")].concat(),
        ),
        ("a Close of one byte", masked(0x88, b"\x03")),
        ("a Close with code 1005", masked(0x88, b"\x03\xed")),
        ("a Close with code 99", masked(0x88, b"\x00\x63")),
        ("a reason that is no text", masked(0x88, b"\x03\xe8\xff")),
        (
            "a length that is too long",
            b"\x81\xfe\x00\x01\0\0\0\0x".to_vec(),
        ),
        (
            "a length with its top bit",
            b"\x81\xff\xff\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
        ),
        (
            "a length of a terabyte",
            b"\x82\xff\0\0\x01\0\0\0\0\0\0\0\0\0".to_vec(),
        ),
        ("deep nesting", masked(0x81, "[".repeat(100_000).as_bytes())),
        ("binary", masked(0x82, b"{\"event\":\"clients\"}")),
        ("no mask", b"\x81\x02{}".to_vec()),
    ];
    let frames = frames.into_iter().map(|(what, it)| (what.to_owned(), it));
    // What a server sends, too: not masked.
    let faults = FAULTS.iter().map(|fault| {
        let pieces = fault.pieces().into_iter();
        let bytes = pieces.flat_map(|piece| piece.bytes.repeat(piece.times as usize));
        let bytes = bytes.collect();
        (format!("a server's {}", fault.name), bytes)
    });
    frames.chain(faults).collect()
}

#[test]
fn hostile_frames_concern_who_sends_them() {
    use std::io::{Read as _, Write as _};
    let server = server(&[]);
    let mut pair = Pair::new(&server);
    pair.during("hostile frames", || {
        for (what, bytes) in violations() {
            let mut wire = open(&server, "mallory");
            // The server may have closed before all is written.
            let _ = wire.0.write_all(&bytes);
            let _ = wire.0.shutdown(std::net::Shutdown::Write);
            // Whatever it was, it ends.
            let mut rest = [0; 4096];
            while let Ok(1..) = wire.0.read(&mut rest) {}
            println!("{what}");
        }
    });
}

#[test]
fn half_handshakes_do_not_disturb_the_hub() {
    let server = server(&[]);
    let mut pair = Pair::new(&server);
    pair.during("500 half handshakes", || {
        let mut half: Vec<Wire> = (0..500).map(|_| server.tcp()).collect();
        for (number, wire) in half.iter_mut().enumerate() {
            let request = handshake("/events?token=mallory");
            wire.write(&request[..number % request.len()]);
        }
    });
}

#[test]
fn a_million_empty_fragments_do_not_disturb_the_hub() {
    let server = server(&[]);
    let mut pair = Pair::new(&server);
    pair.during("a million empty fragments", || {
        let mut mallory = open(&server, "mallory");
        mallory.write(masked(0x01, b""));
        let fragments = masked(0x00, b"").repeat(1000);
        for _ in 0..1000 {
            mallory.write(&fragments);
        }
        mallory.write(masked(0x80, br#"{"event":"clients"}"#));
        next(&mut mallory, r#"{"event":"clients""#);
    });
}

/// It asks for more than it reads, and what everyone is sent waits for it.
#[test]
fn a_reader_that_stopped_does_not_disturb_the_hub() {
    for how in ["close", "block"] {
        let server = server(&["--slow-client", how]);
        let mut pair = Pair::new(&server);
        let what = format!("a reader that stopped (--slow-client {how})");
        pair.during(&what, || {
            let mut stopped = open(&server, "mallory");
            stopped.say(r#"{"event":"join","room":"news"}"#);
            let mut other = open(&server, "trent");
            // As much as waits for it without being closed or making the sender wait, and more than
            // the system takes.
            let data = "x".repeat(16 << 10);
            for number in 0..200 {
                let message = format!(
                    r#"{{"event":"message","room":"news","data":"{data}","echo":false,"ref":{number}}}"#
                );
                other.say(&message);
                next(&mut other, r#"{"event":"ack""#);
            }
        });
    }
}

#[test]
fn abrupt_ends_do_not_disturb_the_hub() {
    let server = server(&[]);
    let mut pair = Pair::new(&server);
    pair.during("200 abrupt ends", || {
        for number in 0..200 {
            let mut mallory = open(&server, &format!("mallory{number}"));
            let whole = masked(0x81, br#"{"event":"message","data":"torn"}"#);
            mallory.write(&whole[..number % whole.len()]);
            // Unread bytes make it a reset.
            if number % 2 == 0 {
                mallory.say(r#"{"event":"clients"}"#);
            }
        }
    });
    // Everyone hears of each of them.
    pair.ada.say(r#"{"event":"clients"}"#);
    next(&mut pair.ada, r#"{"event":"clients""#);
}

#[cfg(target_os = "linux")]
#[test]
fn a_hub_without_descriptors_serves_on_and_recovers() {
    let server = Program::start("ulimit -n 64;", &["--silent"]);
    let mut pair = Pair::new(&server);
    let mut many = Vec::new();
    pair.during("no descriptors left", || {
        many.extend((0..120).map(|_| server.tcp()));
        thread::sleep(Duration::from_millis(300));
    });
    drop(many);
    // This one is accepted behind all of those.
    let mut late = open(&server, "late");
    late.say(r#"{"event":"message","to":"bo","data":"late","echo":false,"ref":0}"#);
    next(&mut late, r#"{"event":"ack","ref":0"#);
    let received = next(&mut pair.bo, r#"{"event":"message""#);
    assert!(received.contains(r#""data":"late""#), "{received}");
    pair.exchange();
}
