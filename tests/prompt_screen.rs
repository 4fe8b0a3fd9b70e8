//! What a person sees at the prompt: the line being typed stays where it is, whatever comes.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::pty::Pty;
use crate::support::server::{Raw, Wire, raw, raws, text};

/// Half of a line, and the keys that take the cursor back before its last three characters.
const HALF: &str = "half a line";
const BACK: &str = "\x1b[D\x1b[D\x1b[D";
const AT: usize = HALF.len() - 3;

/// A prompt with half of a line, in the middle of which the cursor stands.
#[track_caller]
fn half_typed<T>(args: &[&str], server: &Raw<T>) -> Pty {
    let mut pty = Pty::prompt(args, &server.url("/"));
    pty.type_keys("go\r");
    pty.type_keys(HALF);
    pty.type_keys(BACK);
    pty.expect_line(HALF, AT);
    pty
}

/// Finishes the line in the middle and leaves.
fn finish(mut pty: Pty) {
    pty.type_keys("X\r\x04");
    pty.exits(0);
}

const FINISHED: &[u8] = b"half a lXine";

#[test]
fn half_typed_text_and_cursor_survive_10_000_messages() {
    let (typed, ready) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        ready.recv().unwrap();
        for n in 0..10_000 {
            wire.send(text(&format!("message {n}")));
        }
        let line = wire.message();
        wire.answer_close();
        line
    });
    let pty = half_typed(&[], &server);
    typed.send(()).unwrap();
    pty.expect_row("< message 9999");
    let look = pty.expect_line(HALF, AT);
    assert_eq!(look.prompt(), Some("open>"));
    finish(pty);
    assert_eq!(server.result(), FINISHED);
}

#[test]
fn half_typed_text_and_cursor_survive_a_reconnect() {
    let (typed, ready) = mpsc::channel();
    let server = raws(2, move |n, mut wire| {
        wire.handshake();
        if n == 1 {
            wire.message();
            ready.recv().unwrap();
            return wire.0.shutdown(std::net::Shutdown::Both).map(|()| vec![]);
        }
        wire.send(text("here again"));
        let line = wire.message();
        wire.answer_close();
        Ok(line)
    });
    let pty = half_typed(&["--reconnect-delay", "10ms"], &server);
    typed.send(()).unwrap();
    pty.expect_row("< here again");
    let look = pty.expect_line(HALF, AT);
    assert_eq!(look.prompt(), Some("open>"), "{}", look.text());
    finish(pty);
    assert_eq!(server.result().pop().unwrap().unwrap(), FINISHED);
}

#[test]
fn half_typed_text_and_cursor_survive_a_resize_to_40_columns_and_back() {
    // One row at 80 columns, and two at 40.
    let line = "a line of more than forty columns, typed by half";
    let server = raw(|mut wire: Wire| {
        wire.handshake();
        let line = wire.message();
        wire.send(text("the end"));
        wire.answer_close();
        line
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys(line);
    pty.type_keys(BACK);
    let at = line.len() - 3;
    pty.expect_line(line, at);
    pty.resize(24, 40);
    pty.expect_line(line, at);
    pty.resize(24, 80);
    pty.expect_line(line, at);
    pty.type_keys("X\r");
    pty.expect_row("< the end");
    pty.type_keys("\x04");
    pty.exits(0);
    assert_eq!(
        server.result(),
        b"a line of more than forty columns, typed by hXalf"
    );
}

/// Sends about 50,000 messages a second for 3 s, and then one more; tells each time when another
/// second of them has been sent.
fn floods(typed: mpsc::Receiver<()>, seconds: mpsc::Sender<()>) -> Raw<Vec<u8>> {
    const EVERY: Duration = Duration::from_millis(2);
    raw(move |mut wire| {
        wire.handshake();
        wire.message();
        typed.recv().unwrap();
        let start = Instant::now();
        for tick in 0..1500 {
            let frames: Vec<_> = (0..100)
                .flat_map(|n| text(&format!(r#"{{"tick":{tick},"n":{n},"price":1.5}}"#)))
                .collect();
            wire.send(frames);
            if tick % 500 == 100 {
                seconds.send(()).unwrap();
            }
            let due = EVERY * tick;
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        wire.send(text("after the flood"));
        let line = wire.message();
        wire.answer_close();
        line
    })
}

#[test]
fn half_typed_text_and_cursor_survive_50_000_messages_a_second() {
    let (typed, ready) = mpsc::channel();
    let (seconds, second) = mpsc::channel();
    let server = floods(ready, seconds);
    let mut pty = half_typed(&[], &server);
    typed.send(()).unwrap();
    second.recv().unwrap();
    let before = pty.memory();
    // Keys are shown meanwhile.
    pty.type_keys("1");
    pty.expect_line("half a l1ine", AT + 1);
    second.recv().unwrap();
    pty.type_keys("2");
    pty.expect_line("half a l12ine", AT + 2);
    pty.expect_row("< after the flood");
    pty.expect_line("half a l12ine", AT + 2);
    let grown = pty.memory().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes more than before");
    finish(pty);
    assert_eq!(server.result(), b"half a l12Xine");
}

#[test]
fn ctrl_c_works_during_a_flood() {
    let (typed, ready) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        ready.recv().unwrap();
        let frames = text(r#"{"price":1.5}"#).repeat(100);
        let mut answers = wire.0.try_clone().unwrap();
        let ends = std::thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            wire.send(&frames);
        }
        drop(wire);
        let _ = ends.join();
    });
    let mut pty = half_typed(&["--no-reconnect"], &server);
    typed.send(()).unwrap();
    pty.expect("price");
    pty.type_keys("\x03");
    pty.until("an empty line", |look| {
        look.typed_line().as_deref() == Some("")
    });
    // The second one closes, and a third does not wait for the peer.
    pty.type_keys("\x03");
    pty.until("a prompt that leaves", |look| {
        look.prompt() == Some("wait>")
    });
    pty.type_keys("\x03");
    let status = pty.status();
    drop(stop);
    server.result();
    assert!(!status.success(), "{status:?}");
}

#[test]
fn twenty_small_messages_stand_on_a_screen_of_24_rows() {
    let server = raw(|mut wire: Wire| {
        wire.handshake();
        wire.message();
        for n in 1..=20 {
            wire.send(text(&format!(
                r#"{{"event":"tick","data":{{"n":{n},"price":1.5}}}}"#
            )));
        }
        wire.answer_close();
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    let look = pty.until("the last message", |look| {
        look.rows.iter().any(|row| row.contains("\"n\": 20"))
    });
    for n in 1..=20 {
        let found = look.rows.iter().filter(|row| {
            row.contains("tick") && row.contains(&format!("\"n\": {n},")) && row.contains("1.5")
        });
        assert_eq!(found.count(), 1, "{n}:\n{}", look.text());
    }
    assert_eq!(look.prompt(), Some("open>"), "{}", look.text());
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn a_prompt_of_40_columns() {
    let server = raw(|mut wire: Wire| {
        wire.handshake();
        let line = wire.message();
        wire.send(text(
            r#"{"event":"tick","data":{"n":1,"price":1.5,"text":"longer than a row"}}"#,
        ));
        wire.send(text(&"0123456789".repeat(10)));
        wire.answer_close();
        line
    });
    let mut pty = Pty::start(&[&server.url("/")]);
    pty.resize(24, 40);
    pty.expect("open> ");
    let line = "a line that takes more than one row of such a terminal";
    pty.type_keys(line);
    pty.expect_line(line, line.len());
    pty.type_keys("\r");
    let look = pty.until("both messages above an empty line", |look| {
        let shown = look.rows.join("\n");
        shown.contains("0123456789") && look.typed_line().as_deref() == Some("")
    });
    let shown = look.text();
    assert!(shown.contains("longer than a row"), "{shown}");
    pty.type_keys("\x04");
    pty.exits(0);
    assert_eq!(server.result(), line.as_bytes());
}
