//! Lines as the terminal gives them, where nothing is redrawn: with `--plain`, or on a terminal that cannot
//! do it (`TERM=dumb`). The terminal itself shows and edits what is typed, so this must write nothing.

use std::io::{self, Read};

/// Bytes to read at once: the longest line that a terminal gives.
const READ: usize = 4096;

/// Reads lines.
pub(super) struct PlainLines<R> {
    input: io::Result<R>,
    /// Read and not yet returned.
    read: Vec<u8>,
}

impl<R: Read> PlainLines<R> {
    pub(super) fn new(input: io::Result<R>) -> Self {
        PlainLines {
            input,
            read: Vec::new(),
        }
    }

    /// The next line, without its end, or what is wrong with it. `None` after the last one: Ctrl-D on an
    /// empty line, or the terminal is gone.
    pub(super) fn next(&mut self) -> Option<Result<String, String>> {
        let input = self.input.as_mut().ok()?;
        let end = loop {
            if let Some(end) = memchr::memchr(b'\n', &self.read) {
                break end + 1;
            }
            let mut bytes = [0; READ];
            match input.read(&mut bytes) {
                Ok(count @ 1..) => self.read.extend_from_slice(&bytes[..count]),
                _ if self.read.is_empty() => return None,
                // Ctrl-D after text.
                _ => break self.read.len(),
            }
        };
        let mut line: Vec<u8> = self.read.drain(..end).collect();
        for end in [b'\n', b'\r'] {
            line.pop_if(|last| *last == end);
        }
        let line = String::from_utf8(line);
        Some(line.map_err(|_| "not sent: what was typed is not UTF-8".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        let typed: &[u8] = b"one\n\n two \r\n\xe4\nlast";
        let mut lines = PlainLines::new(Ok(typed));
        for expected in ["one", "", " two "] {
            assert_eq!(lines.next(), Some(Ok(expected.to_owned())));
        }
        assert!(lines.next().is_some_and(|line| line.is_err()));
        assert_eq!(lines.next(), Some(Ok("last".to_owned())));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn no_input_has_no_lines() {
        let gone: io::Result<&[u8]> = Err(io::ErrorKind::NotConnected.into());
        assert_eq!(PlainLines::new(gone).next(), None);
    }
}
