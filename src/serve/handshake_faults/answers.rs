//! The bytes of answers, good but for what a kind changes.

use std::time::Duration;

use crate::close::Close;
use crate::wire::frame::{CLOSE, FrameHeader, TEXT};

/// What a client shows that lets the answer through.
const ACCEPTED: &str = "this handshake was to be refused";

/// The pause before each byte of a slow answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What the answer depends on.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `Sec-WebSocket-Accept` for the key of the request.
    pub accept: String,
    /// The subprotocols offered.
    pub subprotocols: Vec<String>,
}

/// A step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Send(Vec<u8>),
    /// A byte at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// The same bytes again and again.
    Repeat(Vec<u8>),
}

/// The headers of an answer.
#[derive(Clone)]
pub(super) struct Headers {
    start: &'static str,
    upgrade: Option<&'static str>,
    connection: Option<&'static str>,
    accept: Option<String>,
    more: String,
}

impl Headers {
    /// Those of a good answer.
    pub(super) fn of(asked: &Asked) -> Headers {
        Headers {
            start: "HTTP/1.1 101 Switching Protocols",
            upgrade: Some("websocket"),
            connection: Some("Upgrade"),
            accept: Some(asked.accept.clone()),
            more: String::new(),
        }
    }

    pub(super) fn start(mut self, start: &'static str) -> Headers {
        self.start = start;
        self
    }

    pub(super) fn upgrade(mut self, value: Option<&'static str>) -> Headers {
        self.upgrade = value;
        self
    }

    pub(super) fn connection(mut self, value: Option<&'static str>) -> Headers {
        self.connection = value;
        self
    }

    pub(super) fn accept(mut self, value: Option<&str>) -> Headers {
        self.accept = value.map(str::to_owned);
        self
    }

    /// Adds lines, each with its end.
    pub(super) fn more(mut self, lines: &str) -> Headers {
        self.more += lines;
        self
    }

    /// The head of the answer, with its empty line.
    pub(super) fn head(&self) -> String {
        let mut head = format!("{}\r\n", self.start);
        let named = [
            ("Upgrade", self.upgrade),
            ("Connection", self.connection),
            ("Sec-WebSocket-Accept", self.accept.as_deref()),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head + &self.more + "\r\n"
    }
}

/// This text.
pub(super) fn plain(text: &str) -> Vec<Step> {
    vec![Step::Send(text.as_bytes().to_vec())]
}

/// A head, and a message and a Close for a client that lets it through.
pub(super) fn good(headers: &Headers) -> Vec<Step> {
    accepted(headers.head())
}

/// The same in lines that end in LF.
pub(super) fn lf_only(headers: &Headers) -> Vec<Step> {
    accepted(headers.head().replace("\r\n", "\n"))
}

/// The head, very slowly.
pub(super) fn dripping(headers: &Headers) -> Vec<Step> {
    vec![Step::Drip(headers.head().into_bytes(), PAUSE)]
}

fn accepted(head: String) -> Vec<Step> {
    let mut bytes = head.into_bytes();
    add_frame(&mut bytes, TEXT, ACCEPTED.as_bytes());
    add_frame(&mut bytes, CLOSE, &Close::normal().payload());
    vec![Step::Send(bytes)]
}

fn add_frame(bytes: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    FrameHeader::plain(true, opcode, payload.len() as u64).write(bytes);
    bytes.extend_from_slice(payload);
}
