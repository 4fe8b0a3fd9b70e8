//! The types shared by front ends, session and output.
//!
//! An [`Event`] says what happened, a [`Command`] or a [`Control`] what to do next. This module knows
//! neither the transport nor the display, and does no I/O.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::close::{Close, code_name};
use crate::error::{Error, Exit};
use crate::message::Message;
use crate::wire::frame::{FrameHeader, RawFrame};

/// A frame on the wire, for the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedFrame {
    pub by: By,
    pub header: FrameHeader,
    /// Number of bytes that the payload of a compressed frame inflates to.
    pub plain: Option<u64>,
    /// The beginning of the payload, unmasked, as far as it was kept; `None` if it must not be
    /// shown because it contains a secret.
    pub payload: Option<Bytes>,
}

/// The side that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Us,
    Peer,
}

/// What the other side of a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// This end connects.
    #[default]
    Server,
    /// This end listens.
    Client,
}

impl Peer {
    /// The word for it in a sentence.
    pub const fn the(self) -> &'static str {
        match self {
            Peer::Server => "the server",
            Peer::Client => "the client",
        }
    }
}

/// Why something was sent that the user did not ask for at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--on-open`
    OnOpen,
    /// `--token-via message`
    Token,
    /// `--heartbeat`
    Heartbeat,
    /// A ping that keeps the connection alive, or whose pong confirms messages.
    Keepalive,
    /// What the protocol requires of every endpoint: a pong (RFC 6455 §5.5.2), or the Close for a
    /// broken rule (§7.1.7).
    Auto,
    /// `--mirror`
    Mirror,
    /// A message that an earlier connection did not confirm.
    Repeat,
    /// `--answer`
    Answer,
    /// `--answer`, to a ping of the application.
    AnswerToPing,
}

impl Origin {
    /// Whether it answers a received message.
    pub const fn is_answer(self) -> bool {
        matches!(self, Origin::Answer | Origin::AnswerToPing)
    }

    /// The name in the event schema.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::OnOpen => "on-open",
            Origin::Token => "token",
            Origin::Heartbeat => "heartbeat",
            Origin::Keepalive => "keepalive",
            Origin::Auto => "auto",
            Origin::Mirror => "mirror",
            Origin::Repeat => "repeat",
            Origin::Answer | Origin::AnswerToPing => "answer",
        }
    }
}

/// The steps of a connection attempt that were taken, in order, each with its name and duration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    steps: Vec<(&'static str, Duration)>,
}

impl Timing {
    /// Appends a step.
    pub fn push(&mut self, name: &'static str, took: Duration) {
        self.steps.push((name, took));
    }

    /// The steps in order.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.steps.iter().copied()
    }
}

impl<const N: usize> From<[(&'static str, Duration); N]> for Timing {
    fn from(steps: [(&'static str, Duration); N]) -> Timing {
        let steps = steps.to_vec();
        Timing { steps }
    }
}

/// What was dialled: the server, or the first proxy on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Inet(SocketAddr),
    /// A Unix domain socket, as it is written in messages: its path, or `@` and its abstract name.
    Unix(String),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Inet(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(address) => address.fmt(f),
            Address::Unix(path) => f.write_str(path),
        }
    }
}

/// What was negotiated in the TLS handshake, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3`
    pub version: String,
    /// `TLS_AES_256_GCM_SHA384`
    pub cipher: String,
    /// The protocol that the server chose of those offered (ALPN, RFC 7301), `http/1.1`; `None` if it
    /// chose none.
    pub alpn: Option<String>,
    pub subject: String,
    pub issuer: String,
    /// End of validity, RFC 3339.
    pub expires: String,
    /// Whether the certificate was verified (`false` with `--insecure`).
    pub verified: bool,
}

/// The request of a client that was let in, secrets already redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `GET`
    pub method: String,
    /// The path and the query, as they were sent.
    pub target: String,
    /// In the order received, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// The answer that opened the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub address: Option<Address>,
    /// The proxy on the way, and what named it: `http://host:3128/ (from wss_proxy)`.
    pub proxy: Option<String>,
    pub status: u16,
    /// `1.1` or `2`
    pub http: &'static str,
    pub subprotocol: Option<String>,
    pub extensions: Option<String>,
    /// The meaning of `extensions` as a sentence; `None` if none was offered.
    pub compression: Option<String>,
    pub tls: Option<TlsInfo>,
    pub timing: Timing,
    /// What was answered, if the other side is the client.
    pub asked: Option<Asked>,
}

/// An HTTP answer that opens no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The reason phrase as received.
    pub reason: String,
    /// In the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 4 KiB of the body.
    pub body: Vec<u8>,
    /// Whether the body was longer.
    pub truncated: bool,
}

impl Refusal {
    /// The values of the Set-Cookie headers.
    pub fn cookies(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.iter();
        headers.filter_map(|(name, value)| (name == "set-cookie").then_some(value.as_str()))
    }

    /// What the peer said: the headers of these names (in lower case), and the body, one line each.
    pub fn lines(&self, names: &[&str]) -> Vec<String> {
        let headers = self.headers.iter();
        let headers = headers.filter(|(name, _)| names.contains(&name.as_str()));
        let mut lines: Vec<String> = headers
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let body = String::from_utf8_lossy(&self.body);
        lines.extend(body.lines().map(|line| format!("| {line}")));
        if self.truncated {
            lines.push("| … (more was sent)".to_owned());
        }
        lines
    }
}

/// The request and response heads as sent and received, secrets already redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    pub request: Vec<u8>,
    pub response: Vec<u8>,
}

/// Sizes of compressed messages, before and after compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Compressed payload on the wire, without frame headers.
    pub wire: u64,
    pub plain: u64,
}

/// Round-trip times of pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    pub count: u64,
    pub min: Duration,
    pub median: Duration,
    pub max: Duration,
}

/// What became of the messages, if `--confirm` was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub confirmed: u64,
    /// Number of times a message was handed to a connection again.
    pub repeated: u64,
}

/// Totals of the whole run, for `--stats` and the `end` event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections that were opened.
    pub connections: u32,
    /// Data messages handed to a connection, repeats included.
    pub sent: u64,
    pub received: u64,
    /// Payload bytes of those messages.
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// What was sent and received compressed.
    pub compressed_sent: Volume,
    pub compressed_received: Volume,
    /// `None` without `--confirm`.
    pub delivery: Option<Delivery>,
    /// Messages that may not have arrived.
    pub unconfirmed: u64,
    /// `None` if no ping was answered.
    pub round_trips: Option<RoundTrips>,
}

/// Why a connection ended or could not be made, as far as it matters for a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Close {
        by: By,
        close: Close,
    },
    /// There was no Close (1006).
    Lost(String),
    /// The peer was considered dead (1006); a sentence.
    Dead(String),
    /// The handshake was answered with this status.
    Status {
        status: u16,
        reason: String,
        /// How long the server asks the client to wait.
        retry_after: Option<Duration>,
    },
    /// There was no connection, a sentence; `permanent` if another attempt would fail the same way.
    Failed {
        why: String,
        permanent: bool,
    },
}

impl Cause {
    /// The close code or the status, which `--reconnect-on` lists. 1006 stands for a lost
    /// connection (RFC 6455 §7.1.5).
    pub fn code(&self) -> Option<u16> {
        match self {
            Cause::Close { close, .. } => Some(close.reported_code()),
            Cause::Lost(_) | Cause::Dead(_) => Some(1006),
            Cause::Status { status, .. } => Some(*status),
            Cause::Failed { .. } => None,
        }
    }

    /// For programs: `close 1012`, `status 503`, otherwise as for people.
    pub fn short(&self) -> String {
        match self {
            Cause::Close { close, .. } => format!("close {}", close.reported_code()),
            Cause::Status { status, .. } => format!("status {status}"),
            _ => self.to_string(),
        }
    }
}

/// For people: `closed by server: 1012 service restart`. It may contain a peer's words.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Close { by, close } => {
                let who = match by {
                    By::Peer => "closed by server",
                    By::Us => "closed by us",
                };
                let code = close.reported_code();
                write!(f, "{who}: {code} {}", code_name(code))
            }
            Cause::Lost(why) => write!(f, "connection lost: {why}"),
            Cause::Status { status, reason, .. } => {
                f.write_str(format!("HTTP {status} {reason}").trim_end())
            }
            Cause::Dead(why) | Cause::Failed { why, .. } => f.write_str(why),
        }
    }
}

/// Numbers of messages; each pair is the first and the last of a run without gaps.
pub type Runs = [(u64, u64)];

/// What happened. Borrowed, so that an event costs nothing if nobody looks at it.
#[derive(Debug)]
pub enum Event<'a> {
    /// First event of a run. `started` is seconds since the Unix epoch.
    Header {
        url: &'a str,
        started: Duration,
    },
    /// Clients can connect to this URL from here on.
    Listening {
        url: &'a str,
    },
    /// The way of an attempt to the server, where there is more to it than TCP and TLS.
    Route {
        /// `tcp → socks5 → tls`
        layers: &'a str,
        /// As in [`Opened::proxy`].
        proxy: Option<&'a str>,
    },
    Connecting {
        conn: u32,
        attempt: u32,
        address: Option<Address>,
    },
    /// Heads of a handshake, successful or not.
    Heads(&'a Heads),
    Tls(&'a TlsInfo),
    Open {
        conn: u32,
        opened: &'a Opened,
    },
    Refused {
        attempt: u32,
        refusal: &'a Refusal,
    },
    /// `number` counts the messages of the front end from 1; those sent on open have none.
    Send {
        conn: u32,
        message: &'a Message,
        number: Option<u64>,
        /// `None` if the user sent it, here and below.
        origin: Option<Origin>,
    },
    /// A message was received, or with `--split` the record of one with this number, from 1.
    Receive {
        conn: u32,
        message: &'a Message,
        record: Option<u64>,
    },
    /// A ping; `by` sent it.
    Ping {
        conn: u32,
        by: By,
        origin: Option<Origin>,
        data: &'a [u8],
    },
    /// A pong; `by` sent it. `rtt` is set if it answers a ping of ours. `asked` is set if the user
    /// requested that ping; a keepalive ping is not requested.
    Pong {
        conn: u32,
        by: By,
        origin: Option<Origin>,
        data: &'a [u8],
        rtt: Option<Duration>,
        asked: bool,
    },
    /// A raw frame was sent.
    Frame {
        conn: u32,
        frame: &'a RawFrame,
    },
    /// Any frame in either direction, if frames are traced.
    Traced(&'a TracedFrame),
    /// The connection is over. `clean` is true if both sides sent a Close.
    Close {
        conn: u32,
        by: By,
        origin: Option<Origin>,
        close: &'a Close,
        clean: bool,
    },
    /// These messages were handed to a connection that then ended: they may not have arrived.
    Uncertain {
        conn: u32,
        messages: &'a Runs,
    },
    /// These messages were not confirmed on an earlier connection and have been sent again.
    Repeated {
        conn: u32,
        messages: &'a Runs,
    },
    /// Another attempt follows after `delay`. `attempt` is its number; the first retry is attempt 2.
    Retry {
        attempt: u32,
        delay: Duration,
        why: &'a Cause,
    },
    /// No other attempt follows, although one would have been possible.
    GiveUp {
        /// Attempts since the last successful connection.
        attempts: u32,
        why: &'a str,
    },
    Error(&'a Error),
    /// Something was lost or skipped, and the run goes on: one sentence.
    Warning(&'a str),
    /// One line for the user, of no use to programs.
    Note(&'a str),
    /// One line for `-v` about how the connection is made.
    Detail(&'a str),
    /// Last event of a run.
    End {
        exit: Exit,
        totals: &'a Totals,
    },
}

/// For whom something is, where several clients may be connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recipients {
    #[default]
    All,
    /// The client with this number.
    One(u32),
}

/// What the user wants sent, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Do this on the connections of these clients. A connection by itself takes it as its own.
    To(Recipients, Box<Command>),
    Send(Message),
    /// At most 125 bytes (RFC 6455 §5.5).
    Ping(Bytes),
    /// An unsolicited pong, at most 125 bytes.
    Pong(Bytes),
    Frame(RawFrame),
    /// Start the closing handshake.
    Close(Close),
}

/// What the user wants done at once, whether or not there is a connection, or room in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// At most 125 bytes. It may pass between the fragments of a message (RFC 6455 §5.4).
    Ping(Bytes),
    /// An unsolicited pong, with the same limit and place.
    Pong(Bytes),
    /// Start the closing handshake; without a connection, end the run. While a Close is awaited this
    /// changes nothing.
    Close(Close),
    /// Quit without waiting: if our Close has been sent, its answer is not awaited any longer; if
    /// it has not been sent (this one), there is only a moment to send it.
    Leave(Close),
    /// The same as SIGINT, from a terminal where Ctrl-C raises no signal.
    Interrupt,
    /// Connect now, or replace the connection with a new one.
    Reconnect,
}
