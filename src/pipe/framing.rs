//! Splits the input into messages. Pure: bytes come in, messages and errors go out.

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use super::{chunks, events};
use crate::encode::Encoder;
use crate::error::{Error, Exit, Stage};
use crate::event::Command;
use crate::json::scanner::{Scanner, without_place};
use crate::message::Message;
use crate::payload::{Encoding, InputFormat};
use crate::units;

/// Where messages end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// At each line feed, together with a carriage return before it.
    #[default]
    Line,
    /// At each NUL.
    Nul,
    /// At the end of the input only.
    Whole,
    /// After each JSON value, over any number of lines.
    Json,
    /// At each line feed; a line is an event that says what to do, not a message.
    Events,
    /// Whatever was read, or after this many bytes.
    Chunk(Option<usize>),
}

/// One thing to do. It is no larger than a message, because most of them are messages and there may
/// be millions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Message(Message),
    /// Any command but [`Command::Send`].
    Other(Box<Command>),
}

impl Item {
    /// Whether it waits like a message (`--rate`, `--lockstep`): messages do, and so does a Close,
    /// which would cut off the reply that is awaited.
    pub fn is_paced(&self) -> bool {
        match self {
            Item::Message(_) => true,
            Item::Other(_) => self.is_close(),
        }
    }

    /// Whether it can be left out without anything missing: a Close, after the connection has ended.
    /// A recording of several connections has one for each.
    pub(crate) fn is_close(&self) -> bool {
        matches!(self, Item::Other(command) if matches!(**command, Command::Close(_)))
    }

    /// How many of these would be missed if they were not sent.
    pub(crate) fn count_missed(items: &[Item]) -> usize {
        items.iter().filter(|item| !item.is_close()).count()
    }
}

impl From<Command> for Item {
    fn from(command: Command) -> Self {
        match command {
            Command::Send(message) => Item::Message(message),
            other => Item::Other(Box::new(other)),
        }
    }
}

/// Collects input and splits it. After an error it returns nothing more.
#[derive(Debug)]
pub struct Framer {
    /// What the input is called in errors.
    named: &'static str,
    /// How much of a message is kept until its end comes, in bytes.
    limit: usize,
    frame: Framing,
    payload: InputFormat,
    buffer: BytesMut,
    /// The number of bytes of `buffer` that are known to contain no end of a message.
    scanned: usize,
    /// The line, NUL-terminated piece or byte with which `buffer` begins, from 1.
    line: u64,
    json: Scanner,
    encoder: Option<Encoder>,
    /// The events are those of a recording, whose last line may be torn.
    is_recording: bool,
}

impl Framer {
    pub fn new(frame: Framing, payload: InputFormat) -> Self {
        Framer {
            named: "stdin",
            limit: usize::MAX,
            frame,
            payload,
            buffer: BytesMut::new(),
            scanned: 0,
            line: 1,
            json: Scanner::default(),
            encoder: None,
            is_recording: false,
        }
    }

    /// Every text must be one that `encoder` can encode. It is encoded when it is sent.
    pub fn checking(self, encoder: Option<Encoder>) -> Self {
        Framer { encoder, ..self }
    }

    /// Calls the input by another name than stdin, and takes no messages from it that are longer than
    /// `limit`, in bytes.
    pub fn limited(self, named: &'static str, limit: usize) -> Self {
        Framer {
            named,
            limit,
            ..self
        }
    }

    /// The name of the input.
    pub fn name(&self) -> &'static str {
        self.named
    }

    /// The buffer to append input to, before [`Framer::handle_input`].
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Adds complete items to `out`.
    ///
    /// # Errors
    /// Exit 2, naming the line; `out` has the items before it.
    pub fn handle_input(&mut self, out: &mut Vec<Item>) -> Result<(), Error> {
        match self.frame {
            Framing::Line | Framing::Events => self.cut_at(b'\n', out),
            Framing::Nul => self.cut_at(0, out),
            Framing::Json => self.cut_json(false, out),
            Framing::Chunk(size) => return self.cut_chunks(size, false, out),
            Framing::Whole => Ok(()),
        }?;
        match self.buffer.len() > self.limit {
            true => Err(self.too_long()),
            false => Ok(()),
        }
    }

    fn too_long(&self) -> Error {
        let limit = units::written_size(self.limit);
        self.bad_input(self.place(), &format!("a message longer than {limit}"))
            .advice("--frame chunk sends a stream in pieces; --max-message-size SIZE is the limit")
    }

    /// Adds what the end of the input completes: a last line without a line feed, or the whole
    /// input.
    ///
    /// # Errors
    /// Like [`Framer::handle_input`].
    pub fn handle_eof(&mut self, out: &mut Vec<Item>) -> Result<(), Error> {
        match self.frame {
            Framing::Json => self.cut_json(true, out),
            Framing::Chunk(size) => self.cut_chunks(size, true, out),
            Framing::Line | Framing::Nul | Framing::Events if self.buffer.is_empty() => Ok(()),
            Framing::Events if self.is_recording && events::is_torn(&self.buffer) => Ok(()),
            Framing::Line | Framing::Nul | Framing::Events | Framing::Whole => {
                let rest = self.buffer.split().freeze();
                self.push(rest, out)
            }
        }
    }

    fn cut_at(&mut self, end: u8, out: &mut Vec<Item>) -> Result<(), Error> {
        let Some(last) = memchr::memrchr(end, &self.buffer[self.scanned..]) else {
            self.scanned = self.buffer.len();
            return Ok(());
        };
        let block = self.buffer.split_to(self.scanned + last + 1).freeze();
        self.scanned = 0;
        // Valid as a whole means valid in every piece: the cuts are ASCII.
        let is_plain = self.frame != Framing::Events
            && self.payload == InputFormat::default()
            && self.encoder.is_none();
        let text = is_plain.then(|| ByteString::try_from(block.clone()).ok());
        let text = text.flatten();
        let mut start = 0;
        for at in memchr::memchr_iter(end, &block) {
            let piece = start..without_return(&block, start, at, end);
            start = at + 1;
            match &text {
                Some(text) => {
                    let line = text.slice_ref(&text[piece]);
                    out.push(Item::Message(Message::Text(line)));
                }
                None => self.push(block.slice(piece), out)?,
            }
            self.line += 1;
        }
        Ok(())
    }

    fn cut_chunks(
        &mut self,
        size: Option<usize>,
        eof: bool,
        out: &mut Vec<Item>,
    ) -> Result<(), Error> {
        while let Some(end) = chunks::next(&self.buffer, size, self.payload.kind, eof) {
            let chunk = self.buffer.split_to(end).freeze();
            self.push(chunk, out)?;
            self.line += end as u64;
        }
        Ok(())
    }

    fn cut_json(&mut self, eof: bool, out: &mut Vec<Item>) -> Result<(), Error> {
        while let Some(end) = self.json.scan(&self.buffer, self.scanned) {
            self.push_json(end, out)?;
        }
        self.scanned = self.buffer.len();
        if !eof {
            return Ok(());
        }
        match self.json.start() {
            Some(_) => self.push_json(self.buffer.len(), out),
            None => Ok(()),
        }
    }

    /// Removes the value that ends at `end` from the buffer.
    fn push_json(&mut self, end: usize, out: &mut Vec<Item>) -> Result<(), Error> {
        let start = self.json.start().unwrap_or(0);
        let value = self.buffer.split_to(end).freeze();
        self.scanned = 0;
        self.json = Scanner::default();
        self.line += newlines(&value[..start]);
        let value = value.slice(start..);
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&value) {
            let line = self.line + error.line().saturating_sub(1) as u64;
            return Err(self
                .bad_input(
                    format!("line {line}"),
                    &format!("not JSON: {}", without_place(&error)),
                )
                .advice("--frame line sends lines as they are"));
        }
        let lines = newlines(&value);
        self.push(value, out)?;
        self.line += lines;
        Ok(())
    }

    fn push(&mut self, piece: Bytes, out: &mut Vec<Item>) -> Result<(), Error> {
        if self.frame == Framing::Events {
            return self.push_event(&piece, out);
        }
        let message = self
            .payload
            .message(piece)
            .map_err(|why| self.error_at(&why))?;
        self.check(&message)?;
        out.push(Item::Message(message));
        Ok(())
    }

    fn check(&self, message: &Message) -> Result<(), Error> {
        let Some(encoder) = &self.encoder else {
            return Ok(());
        };
        encoder.check(message).map_err(|why| {
            let mut error = self.bad_input(self.place(), &why);
            error
                .advice
                .extend(Encoder::advice(&why).map(str::to_owned));
            error
        })
    }

    fn push_event(&mut self, line: &[u8], out: &mut Vec<Item>) -> Result<(), Error> {
        let command = events::read(line).map_err(|wrong| {
            self.bad_input(format!("line {}", self.line), &wrong.what)
                .advice(wrong.advice)
        })?;
        if let Some(Command::Send(message)) = &command {
            self.check(message)?;
        }
        self.is_recording |= self.line == 1 && command.is_none() && events::is_header(line);
        out.extend(command.map(Item::from));
        Ok(())
    }

    fn place(&self) -> String {
        match self.frame {
            Framing::Line | Framing::Json | Framing::Events => format!("line {}", self.line),
            Framing::Nul => format!("message {}", self.line),
            Framing::Whole => "the input".to_owned(),
            Framing::Chunk(_) => format!("from byte {} on", self.line),
        }
    }

    fn error_at(&self, why: &str) -> Error {
        let error = self.bad_input(self.place(), why);
        match self.payload.encoding {
            Encoding::Plain => error.advice("--binary sends bytes as they are"),
            _ => error,
        }
    }

    fn bad_input(&self, place: String, why: &str) -> Error {
        let named = self.named;
        Error::new(
            Stage::Input,
            Exit::Usage,
            format!("{named}, {place}: {why}; nothing from there on was sent"),
        )
    }
}

/// The end of a piece, without a carriage return before a line feed.
fn without_return(block: &[u8], start: usize, at: usize, end: u8) -> usize {
    if end == b'\n' && at > start && block[at - 1] == b'\r' {
        at - 1
    } else {
        at
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `input` in pieces of `size`.
    fn frames(
        frame: Framing,
        payload: InputFormat,
        input: &[u8],
        size: usize,
    ) -> (Vec<Vec<u8>>, Option<String>) {
        let mut framer = Framer::new(frame, payload);
        let mut out = Vec::new();
        let mut error = None;
        for piece in input.chunks(size.max(1)) {
            framer.buffer().extend_from_slice(piece);
            error = framer.handle_input(&mut out).err();
            if error.is_some() {
                break;
            }
        }
        let error = error.or_else(|| framer.handle_eof(&mut out).err());
        let messages = out
            .into_iter()
            .map(|item| match item {
                Item::Message(message) => message.payload().to_vec(),
                Item::Other(command) => panic!("{command:?} is no message"),
            })
            .collect();
        (messages, error.map(|error| error.message))
    }

    #[track_caller]
    fn check(frame: Framing, input: &str, expected: &[&str]) {
        for size in [1, 2, 3, 1000] {
            let (messages, error) = frames(frame, InputFormat::default(), input.as_bytes(), size);
            assert_eq!(error, None);
            let messages: Vec<String> = messages
                .into_iter()
                .map(|m| String::from_utf8(m).unwrap())
                .collect();
            assert_eq!(messages, expected, "{input:?} in pieces of {size}");
        }
    }

    #[test]
    fn lines() {
        check(Framing::Line, "", &[]);
        check(
            Framing::Line,
            "one\ntwo\r\n\nlast",
            &["one", "two", "", "last"],
        );
        check(Framing::Line, "\n", &[""]);
        check(Framing::Line, "a\rb\n", &["a\rb"]);
        check(Framing::Line, "ä\nö", &["ä", "ö"]);
    }

    #[test]
    fn nul_and_whole() {
        check(Framing::Nul, "a\nb\0\0c", &["a\nb", "", "c"]);
        check(Framing::Whole, "a\nb\n", &["a\nb\n"]);
        check(Framing::Whole, "", &[""]);
    }

    #[test]
    fn json_values() {
        check(Framing::Json, "", &[]);
        check(Framing::Json, " \n ", &[]);
        check(
            Framing::Json,
            "{\n \"a\": [1, \"}\\\"\"]\n}\n[]{\"b\":{}} 1 true\"x\\\\\" null\n-1.5e3",
            &[
                "{\n \"a\": [1, \"}\\\"\"]\n}",
                "[]",
                "{\"b\":{}}",
                "1",
                "true",
                "\"x\\\\\"",
                "null",
                "-1.5e3",
            ],
        );
        check(Framing::Json, "\u{1e}{}\n\u{1e}1\n", &["{}", "1"]);
    }

    #[test]
    fn bad_input_names_its_line_and_keeps_earlier_messages() {
        for size in [1, 7, 1000] {
            let (messages, error) = frames(
                Framing::Line,
                InputFormat::default(),
                b"one\ntwo\nth\xffree\nfour\n",
                size,
            );
            assert_eq!(messages, [b"one", b"two"]);
            assert!(
                error
                    .unwrap()
                    .contains("line 3: byte 3 (0xff) is not UTF-8")
            );
        }
        let (messages, error) = frames(
            Framing::Json,
            InputFormat::default(),
            b"{}\n{\"a\"\n:x}\n",
            1000,
        );
        assert_eq!(messages, [b"{}"]);
        assert!(error.unwrap().contains("line 3: not JSON"));
        let (_, error) = frames(Framing::Json, InputFormat::default(), b"{\"a\":", 2);
        assert!(error.unwrap().contains("line 1: not JSON: EOF"));
        for odd in [&b"]"[..], b"}", b"{]", b"1]", b"x", b"\"", b"{\"a\xff\":1}"] {
            assert!(
                frames(Framing::Json, InputFormat::default(), odd, 1)
                    .1
                    .is_some(),
                "{odd:?}"
            );
        }
    }

    #[test]
    fn chunks_are_what_was_read_or_of_a_size() {
        check(Framing::Chunk(Some(4)), "one\ntwo\n", &["one\n", "two\n"]);
        check(
            Framing::Chunk(Some(5)),
            "\u{e9}\u{e9}\u{e9}",
            &["\u{e9}\u{e9}", "\u{e9}"],
        );
        check(Framing::Chunk(None), "", &[]);
        let input = InputFormat::default();
        let (messages, error) = frames(Framing::Chunk(None), input, b"abcd\n\0e", 3);
        assert_eq!(messages, [&b"abc"[..], b"d\n\0", b"e"]);
        assert_eq!(error, None);
        let (messages, error) = frames(Framing::Chunk(Some(4)), input, b"abcde\xfffg", 3);
        assert_eq!(messages, [b"abcd"]);
        let error = error.unwrap();
        assert!(
            error.starts_with("stdin, from byte 5 on: byte 2 (0xff) is not UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn what_is_kept_until_its_end_comes_has_a_limit() {
        for frame in [Framing::Line, Framing::Nul, Framing::Json, Framing::Whole] {
            let framer = Framer::new(frame, InputFormat::default());
            let mut framer = framer.limited("the output of x", 8);
            let mut out = Vec::new();
            framer.buffer().extend_from_slice(b"\"234567\"");
            framer.handle_input(&mut out).unwrap();
            let is_kept = frame != Framing::Json;
            framer.buffer().extend_from_slice(b"[23456789");
            let error = framer.handle_input(&mut out).unwrap_err().to_string();
            assert!(error.starts_with("the output of x, "), "{error}");
            assert!(error.contains("longer than 8"), "{error}");
            assert_eq!(out.is_empty(), is_kept, "{frame:?}");
        }
        let framer = Framer::new(Framing::Chunk(Some(9)), InputFormat::default());
        let mut framer = framer.limited("x", 8);
        framer.buffer().extend_from_slice(b"123456789");
        framer.handle_input(&mut Vec::new()).unwrap();
    }

    #[test]
    fn events_are_lines_and_some_are_skipped() {
        let input = "{\"type\":\"open\"}\r\n\n{\"type\":\"send\",\"data\":\"a\"}\n{\"type\":\"send\",\"data\":\"b\"}";
        check(Framing::Events, "", &[]);
        // The last line of a recording may be torn; that of a program may not.
        let recording =
            "{\"type\":\"header\",\"v\":1}\n{\"type\":\"send\",\"data\":\"a\"}\n{\"type\":\"se";
        check(Framing::Events, recording, &["a"]);
        check(Framing::Events, input, &["a", "b"]);
        for size in [1, 7, 1000] {
            let input = format!("{input}\n{{\"type\":\"sned\"}}\n{input}");
            let (messages, error) = frames(
                Framing::Events,
                InputFormat::default(),
                input.as_bytes(),
                size,
            );
            assert_eq!(messages, [b"a", b"b"]);
            assert!(
                error
                    .unwrap()
                    .starts_with("stdin, line 5: there is no event of type \"sned\"; nothing")
            );
        }
    }

    #[test]
    fn items_are_no_larger_than_a_message() {
        assert_eq!(size_of::<Item>(), size_of::<Message>());
    }

    #[test]
    fn encoding_errors_name_their_line() {
        let hex = InputFormat {
            encoding: Encoding::Hex,
            kind: crate::message::Kind::Binary,
        };
        let (messages, error) = frames(Framing::Line, hex, b"00ff\n\nxyz\n", 4);
        assert_eq!(messages, [&b"\x00\xff"[..], b""]);
        assert!(error.unwrap().contains("line 3: 'x' is not a hex digit"));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_messages(input in "[a\\n\\r\"{}\\[\\]1 ä]{0,60}", size in 1usize..9) {
            for frame in [Framing::Line, Framing::Nul, Framing::Whole, Framing::Json, Framing::Events] {
                let whole = frames(frame, InputFormat::default(), input.as_bytes(), 1000);
                prop_assert_eq!(frames(frame, InputFormat::default(), input.as_bytes(), size), whole);
            }
        }

        #[test]
        fn lines_are_returned_unchanged(lines in prop::collection::vec("[^\\n\\r]{0,20}", 1..20)) {
            let input = lines.join("\n") + "\n";
            let (messages, error) = frames(Framing::Line, InputFormat::default(), input.as_bytes(), 5);
            prop_assert_eq!(error, None);
            let expected: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(messages, expected);
        }
    }
}
