//! Servers that many tests want, and the program under a shell.

use std::process::{Command, Stdio};

use super::server::{Frame, Raw, Wire, close, frame_of, raw};
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
    let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
    loop {
        match wire.frame() {
            Some(frame) if frame.opcode == 8 => {
                wire.send(frame_of(0x88, &frame.payload));
                return messages;
            }
            Some(mut frame) if frame.opcode == 0 => {
                let message = messages.last_mut().expect("a message to continue");
                message.1.append(&mut frame.payload);
            }
            Some(frame) if frame.opcode < 8 => messages.push((frame.opcode, frame.payload)),
            Some(_) => {}
            None => return messages,
        }
    }
}

/// Every frame up to the client's Close and with it; pings and the Close are answered.
pub(crate) fn frames(wire: &mut Wire) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(frame) = wire.frame() {
        let reply = match frame.opcode {
            8 => 0x88,
            9 => 0x8a,
            _ => 0,
        };
        if reply != 0 {
            wire.send(frame_of(reply, &frame.payload));
        }
        let last = frame.opcode == 8;
        frames.push(frame);
        if last {
            break;
        }
    }
    frames
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
