//! The pings of the debug server: who gets them, and what becomes of a client that does not answer.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use wirecat::internals::serve::{Options, heartbeat};

use crate::limits::until_logged;
use crate::serve::{Server, masked};

fn pinging(every: Duration, timeout: Duration) -> Server {
    Server::start_with(Options {
        heartbeat: heartbeat::Options {
            interval: Some(every),
            timeout: Some(timeout),
        },
        ..Options::default()
    })
}

#[test]
fn a_client_that_answers_no_ping_is_closed_with_1011() {
    let server = pinging(Duration::from_millis(100), Duration::from_millis(400));
    for path in ["/echo", "/seq?rate=0.5", "/ledger"] {
        let mut wire = server.open(path);
        let began = Instant::now();
        let mut pings = 0;
        loop {
            let head = wire.take(2);
            let payload = wire.take(usize::from(head[1]));
            match head[0] {
                0x89 => pings += 1,
                0x81 => {}
                _ => {
                    assert_eq!((head[0], &payload[..2]), (0x88, &b"\x03\xf3"[..]));
                    assert_eq!(&payload[2..], b"no answer to ping");
                    break;
                }
            }
        }
        assert!(pings > 0, "{path}");
        assert!(began.elapsed() >= Duration::from_millis(450), "{path}");
        wire.answer_close();
    }
    until_logged(
        &server,
        "closed by server: 1011 (internal error) \"no answer to ping\"",
    );
}

#[test]
fn a_client_that_sends_anything_is_alive() {
    let server = pinging(Duration::from_millis(50), Duration::from_millis(300));
    let mut answering = server.open("/echo");
    let began = Instant::now();
    let mut answered = 0;
    while began.elapsed() < Duration::from_millis(1200) {
        let head = answering.take(2);
        assert_eq!(head[0], 0x89, "{head:?}");
        let ping = answering.take(usize::from(head[1]));
        answering.write(masked(0x8a, &ping));
        answered += 1;
    }
    assert!(answered >= 5, "{answered}");
    // Without a pong, but with messages.
    let mut sending = server.open("/silent");
    let mut echoing = server.open("/echo");
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1200) {
        sending.write(masked(0x81, b"x"));
        echoing.write(masked(0x81, b"x"));
        thread::sleep(Duration::from_millis(20));
    }
    echoing.write(masked(0x88, b"\x03\xe8"));
    let mut rest = Vec::new();
    echoing.0.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"\x88\x02\x03\xe8"), "{rest:x?}");
}

#[test]
fn endpoints_that_send_nothing_of_their_own_send_no_pings() {
    let server = pinging(Duration::from_millis(20), Duration::from_millis(20));
    for path in ["/silent", "/freeze", "/frames/rsv"] {
        let mut wire = server.open(path);
        wire.0
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let mut bytes = Vec::new();
        let _ = wire.0.read_to_end(&mut bytes);
        assert!(!bytes.contains(&0x89), "{path}: {bytes:x?}");
    }
}
