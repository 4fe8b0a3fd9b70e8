//! What a child prints for a person to read, line by line, where the terminal is not the child's. It never
//! keeps more than a few lines: a child that floods waits.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

/// Lines that may wait to be shown; beyond that, the child waits.
const WAITING: usize = 256;

/// A longer line is passed on in pieces of this many bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Takes lines, from any number of children.
pub type LineSender = mpsc::Sender<String>;

/// Gives the lines, without their line feeds.
pub type Lines = mpsc::Receiver<String>;

/// A way for lines.
pub fn lines() -> (LineSender, Lines) {
    mpsc::channel(WAITING)
}

/// Passes on what is printed, until the end of it, or until nobody takes it.
pub(super) async fn pass_on(stream: impl AsyncRead + Unpin, lines: LineSender) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut stream).take(MAX_LINE);
        let read = limited.read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if lines.send(line).await.is_err() {
            return;
        }
    }
}
