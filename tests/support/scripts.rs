//! Servers that many tests want, and the program under a shell.

use std::process::{Command, Stdio};

use super::server::{Frame, Raw, Wire, close, raw};
use super::{Output, WIRECAT, output};

/// A server that takes messages until the client's Close, answers that, and gives what came as
/// opcode and payload.
pub(crate) fn collects() -> Raw<Vec<(u8, Vec<u8>)>> {
    raw(|mut wire| {
        wire.handshake();
        collect(&mut wire)
    })
}

/// The data messages up to the client's Close, which is answered.
pub(crate) fn collect(wire: &mut Wire) -> Vec<(u8, Vec<u8>)> {
    let mut messages = Vec::new();
    loop {
        match wire.frame() {
            Some(frame) if frame.opcode == 8 => {
                wire.send(super::server::frame_of(0x88, &frame.payload));
                return messages;
            }
            Some(frame) if frame.opcode < 8 => messages.push((frame.opcode, frame.payload)),
            Some(_) => {}
            None => return messages,
        }
    }
}

/// A server that sends these frames and a Close 1000, and gives the client's answer to that.
pub(crate) fn says(frames: &[Vec<u8>]) -> Raw<Option<Frame>> {
    let bytes = [frames.concat(), close(1000, "")].concat();
    raw(move |mut wire| {
        wire.handshake();
        wire.send(bytes);
        wire.until_close()
    })
}

/// Runs a shell script to its end; `"$0"` is the program, `"$1"` and so on are `args`.
#[track_caller]
pub(crate) fn sh(script: &str, args: &[&str]) -> Output {
    output(
        Command::new("sh")
            .args(["-c", script, WIRECAT])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("there is a shell"),
    )
}
