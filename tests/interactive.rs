//! The prompt.

use crate::support::pty::Pty;
use crate::support::server::{raw, text};

#[test]
fn half_a_line_survives_incoming_messages() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        for n in 0..50 {
            wire.send(text(&format!("incoming {n}")));
        }
        let second = wire.message();
        wire.answer_close();
        (first, second)
    });
    let url = server.url("/");
    let mut pty = Pty::start(&[&url]);
    pty.expect("open> ");
    pty.type_keys("go\r");
    pty.type_keys("half a ");
    pty.expect("incoming 49");
    pty.type_keys("line\r");
    pty.type_keys("\x04");
    let (status, _) = pty.end();
    assert_eq!(status.code(), Some(0));
    let (first, second) = server.result();
    assert_eq!((first, second), (b"go".to_vec(), b"half a line".to_vec()));
}
