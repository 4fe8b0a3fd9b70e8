//! Watches the bytes from a server go by, and takes the Close frame out.
//!
//! The engine answers a Close by itself, and where it does not know the code (1014) or thinks it
//! wrong (1005 on the wire), it shows and answers 1002 instead. So it never sees one: the watcher
//! follows the frame boundaries, passes everything else through untouched, and keeps the Close for
//! the session, which tells the truth about it. It never changes or delays other bytes.

use crate::event::{Close, close_code_allowed};
use crate::wire::frame::{self, Header, MAX_HEADER};

/// A rule of RFC 6455 that the peer's Close frame broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The code of the Close that answers it.
    pub code: u16,
    /// The rule, with its section.
    pub rule: String,
}

/// Where in the stream of frames we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a header, of which `held` holds the first bytes.
    Header,
    /// In a payload, with so many bytes to come, of a data message or of a control frame.
    Payload(u64, bool),
    /// In a Close frame, which `held` holds from its first byte on.
    Close,
    /// After it: nothing more is passed on.
    Done,
}

/// Follows one direction of one connection.
#[derive(Debug)]
pub struct Watcher {
    state: State,
    held: Vec<u8>,
    /// Bytes of data frames so far, headers included.
    data: u64,
    close: Option<Result<Close, Violation>>,
}

impl Default for Watcher {
    fn default() -> Self {
        Watcher {
            state: State::Header,
            held: Vec::with_capacity(MAX_HEADER),
            data: 0,
            close: None,
        }
    }
}

impl Watcher {
    /// Takes the next bytes, and returns how many of them, from the start, are to be passed on.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Header => {
                    if self.held.is_empty() && bytes[at] & 0xf == frame::CLOSE {
                        self.state = State::Close;
                        let start = at;
                        self.collect_close(&bytes[at..]);
                        return start;
                    }
                    at += self.step_header(&bytes[at..]);
                }
                State::Payload(left, data) => {
                    let step = left.min((bytes.len() - at) as u64);
                    at += step as usize;
                    if data {
                        self.data += step;
                    }
                    self.state = if left == step {
                        State::Header
                    } else {
                        State::Payload(left - step, data)
                    };
                }
                State::Close => {
                    self.collect_close(bytes);
                    return 0;
                }
                State::Done => return at,
            }
        }
        at
    }

    /// Bytes of data messages so far: a slow message is told from silence by these.
    pub fn data_bytes(&self) -> u64 {
        self.data
    }

    /// The Close frame, once, when it has arrived whole.
    pub fn take_close(&mut self) -> Option<Result<Close, Violation>> {
        self.close.take()
    }

    /// Whether the Close frame has arrived, so that nothing more will be passed on.
    pub fn closed(&self) -> bool {
        self.state == State::Done
    }

    /// Reads on in a header and returns how many bytes of `bytes` belong to it.
    fn step_header(&mut self, bytes: &[u8]) -> usize {
        if self.held.is_empty()
            && let Some(header) = Header::parse(bytes)
        {
            self.enter(header);
            return header.size;
        }
        // Cut in mid-header: byte by byte, since it ends where the parser is first content.
        for (n, byte) in bytes.iter().enumerate() {
            self.held.push(*byte);
            if let Some(header) = Header::parse(&self.held) {
                self.held.clear();
                self.enter(header);
                return n + 1;
            }
        }
        bytes.len()
    }

    fn enter(&mut self, header: Header) {
        let data = header.opcode < frame::CLOSE;
        if data {
            self.data += header.size as u64;
        }
        self.state = match header.len {
            0 => State::Header,
            len => State::Payload(len, data),
        };
    }

    fn collect_close(&mut self, bytes: &[u8]) {
        let room = MAX_HEADER + 125 - self.held.len();
        self.held.extend_from_slice(&bytes[..room.min(bytes.len())]);
        let Some(header) = Header::parse(&self.held) else {
            return;
        };
        let body = &self.held[header.size..];
        if let Some(violation) = header_violation(&header) {
            self.finish(Err(violation));
        } else if body.len() as u64 >= header.len {
            let close = read_close(&body[..header.len as usize]);
            self.finish(close);
        }
    }

    fn finish(&mut self, close: Result<Close, Violation>) {
        self.close = Some(close);
        self.state = State::Done;
    }
}

fn violation(code: u16, rule: impl Into<String>) -> Violation {
    Violation {
        code,
        rule: rule.into(),
    }
}

fn header_violation(header: &Header) -> Option<Violation> {
    if header.rsv != 0 {
        return Some(violation(
            1002,
            "a Close frame with a reserved bit set (RFC 6455 section 5.2)",
        ));
    }
    if header.mask.is_some() {
        return Some(violation(
            1002,
            "a masked frame from a server (RFC 6455 section 5.1)",
        ));
    }
    if !header.fin {
        return Some(violation(
            1002,
            "a fragmented Close frame (RFC 6455 section 5.5)",
        ));
    }
    (header.len > 125).then(|| {
        let rule = format!(
            "a Close frame of {} bytes, where 125 are allowed (RFC 6455 section 5.5)",
            header.len
        );
        violation(1002, rule)
    })
}

/// Reads the body of a Close frame (RFC 6455 §5.5.1).
fn read_close(body: &[u8]) -> Result<Close, Violation> {
    let (code, reason) = match body {
        [] => return Ok(Close::default()),
        [_] => {
            return Err(violation(
                1002,
                "a Close frame with half a code (RFC 6455 section 5.5.1)",
            ));
        }
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !close_code_allowed(code) {
        return Err(violation(
            1002,
            format!(
                "a Close frame with the code {code}, which must not be sent (RFC 6455 section 7.4)"
            ),
        ));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Close::new(code, reason)),
        Err(_) => Err(violation(
            1007,
            format!(
                "a Close frame with the code {code} whose reason is not UTF-8 (RFC 6455 section 5.5.1)"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] = b"\x81\x03abc";

    fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x88, 2 + reason.len() as u8];
        frame.extend(code.to_be_bytes());
        frame.extend(reason);
        frame
    }

    /// Feeds `stream` in pieces; what was passed on, and the Close.
    fn feed(stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<Result<Close, Violation>>) {
        let mut watcher = Watcher::default();
        let mut passed = Vec::new();
        let mut rest = stream;
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            passed.extend(&piece[..watcher.handle_bytes(piece)]);
            rest = tail;
        }
        (passed, watcher.take_close())
    }

    #[test]
    fn frames_pass_and_the_close_is_taken_out() {
        let stream = [TEXT, &close_frame(1014, b"why"), b"\x81\x01x"].concat();
        let (passed, close) = feed(&stream, &[]);
        assert_eq!(passed, TEXT);
        assert_eq!(close, Some(Ok(Close::new(1014, "why"))));
    }

    #[test]
    fn a_close_that_breaks_a_rule_says_which() {
        for (frame, code, word) in [
            (close_frame(1005, b""), 1002, "1005"),
            (close_frame(999, b""), 1002, "999"),
            (close_frame(1000, b"\xff"), 1007, "UTF-8"),
            (vec![0x88, 1, 3], 1002, "half"),
            (vec![0x08, 0], 1002, "fragmented"),
            (vec![0xc8, 0], 1002, "reserved bit"),
            (vec![0x88, 0x80, 1, 2, 3, 4], 1002, "masked"),
            (vec![0x88, 126, 0, 200], 1002, "200 bytes"),
        ] {
            let violation = feed(&frame, &[]).1.unwrap().unwrap_err();
            assert_eq!(violation.code, code, "{violation:?}");
            assert!(violation.rule.contains(word), "{violation:?}");
        }
    }

    #[test]
    fn pings_and_pongs_are_no_data() {
        let mut watcher = Watcher::default();
        watcher.handle_bytes(b"\x89\x02hi\x8a\x00");
        assert_eq!(watcher.data_bytes(), 0);
        watcher.handle_bytes(b"\x01\x03ab");
        assert_eq!(watcher.data_bytes(), 4);
        watcher.handle_bytes(b"c\x89\x00\x80\x00");
        assert_eq!(watcher.data_bytes(), 7);
    }

    #[test]
    fn a_close_without_a_code_is_1005() {
        assert_eq!(feed(&[0x88, 0], &[]).1, Some(Ok(Close::default())));
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same(
            sizes in prop::collection::vec(0usize..70_000, 0..4),
            cuts in prop::collection::vec(1usize..20_000, 0..40),
        ) {
            let mut stream = Vec::new();
            for size in sizes {
                stream.push(0x82);
                match size {
                    0..=125 => stream.push(size as u8),
                    126..=65535 => { stream.push(126); stream.extend((size as u16).to_be_bytes()); }
                    _ => { stream.push(127); stream.extend((size as u64).to_be_bytes()); }
                }
                stream.extend(std::iter::repeat_n(0x88, size));
            }
            let data = stream.clone();
            stream.extend(close_frame(4001, b"bye"));
            let (passed, close) = feed(&stream, &cuts);
            prop_assert_eq!(passed, data);
            prop_assert_eq!(close, Some(Ok(Close::new(4001, "bye"))));
        }

        #[test]
        fn byte_by_byte_and_any_garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let ones = vec![1; bytes.len()];
            prop_assert_eq!(feed(&bytes, &ones), feed(&bytes, &[]));
        }
    }
}
