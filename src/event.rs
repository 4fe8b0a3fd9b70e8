//! The narrow waist: the words that cross between front ends, session and output.
//!
//! An [`Event`] says what happened, a [`Command`] or a [`Control`] what to do next. Nothing here knows how bytes
//! travel or how they are shown, and nothing here does I/O.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::close::{Close, code_name};
use crate::error::{Error, Exit};
use crate::message::Message;
use crate::wire::frame::{FrameHeader, RawFrame};

/// A frame that went over the wire, for the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedFrame {
    pub by: By,
    pub header: FrameHeader,
    /// Bytes that the payload of a compressed frame stands for.
    pub plain: Option<u64>,
    /// The payload from its start, unmasked, as far as it was kept; `None` where it must not be
    /// shown, for it holds a secret.
    pub payload: Option<Bytes>,
}

/// Which side did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Us,
    Peer,
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
    /// What the protocol asks of every endpoint: a pong (RFC 6455 §5.5.2), the Close for a broken
    /// rule (§7.1.7).
    Auto,
    /// `--mirror`
    Mirror,
    /// A message that an earlier connection did not confirm.
    Repeat,
}

impl Origin {
    /// The word of the schema of events.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::OnOpen => "on-open",
            Origin::Token => "token",
            Origin::Heartbeat => "heartbeat",
            Origin::Keepalive => "keepalive",
            Origin::Auto => "auto",
            Origin::Mirror => "mirror",
            Origin::Repeat => "repeat",
        }
    }
}

/// How long each step of a connection attempt took. A step that was not needed is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub dns: Option<Duration>,
    pub tcp: Option<Duration>,
    pub tls: Option<Duration>,
    pub upgrade: Option<Duration>,
}

impl Timing {
    /// The steps that were taken, in order, with their names.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let steps = [
            ("dns", self.dns),
            ("tcp", self.tcp),
            ("tls", self.tls),
            ("upgrade", self.upgrade),
        ];
        steps
            .into_iter()
            .filter_map(|(name, took)| Some((name, took?)))
    }
}

/// What was agreed in the TLS handshake, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3`
    pub version: String,
    /// `TLS13_AES_256_GCM_SHA384`
    pub cipher: String,
    pub subject: String,
    pub issuer: String,
    /// End of validity, RFC 3339.
    pub expires: String,
    /// Whether the certificate was checked (`false` under `--insecure`).
    pub verified: bool,
}

/// The answer that opened the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub address: Option<SocketAddr>,
    pub status: u16,
    /// `1.1`
    pub http: &'static str,
    pub subprotocol: Option<String>,
    pub extensions: Option<String>,
    /// What `extensions` come to, in words; `None` where none was offered.
    pub compression: Option<String>,
    pub tls: Option<TlsInfo>,
    pub timing: Timing,
}

/// An HTTP answer other than 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The reason phrase as received.
    pub reason: String,
    /// In the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 4 KiB of the body.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub truncated: bool,
}

/// The request and response heads as they went over the wire, secrets already redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    pub request: Vec<u8>,
    pub response: Vec<u8>,
}

/// Bytes of compressed messages, and of what they stand for.
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

/// What became of the messages, where `--confirm` asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub confirmed: u64,
    /// How often a message was handed to a connection again.
    pub repeated: u64,
}

/// Sums over the whole run, for `--stats` and the `end` event.
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
    /// Messages of which it is not known whether they arrived.
    pub unconfirmed: u64,
    /// `None` where no ping was answered.
    pub round_trips: Option<RoundTrips>,
}

/// Why a connection ended or was not had, as far as it bears on trying again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Close {
        by: By,
        close: Close,
    },
    /// There was no Close (1006).
    Lost(String),
    /// The peer was dead (1006); in words.
    Dead(String),
    /// The handshake was answered with this status.
    Status {
        status: u16,
        reason: String,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no connection, in words; `lasting` where another try would end the same way.
    Failed {
        why: String,
        lasting: bool,
    },
}

impl Cause {
    /// The close code or the status, which the lists of `--reconnect-on` hold. 1006 stands for the
    /// loss of a connection (RFC 6455 §7.1.5).
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

/// For people: `closed by server: 1012 service restart`. It may hold a peer's words.
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

/// Numbers of messages, each pair the first and the last of a run without gaps.
pub type Runs = [(u64, u64)];

/// What happened. Borrowed, so that telling it costs nothing where nobody looks.
#[derive(Debug)]
pub enum Event<'a> {
    /// First event of a run. `started` is seconds since the Unix epoch.
    Header {
        url: &'a str,
        started: Duration,
    },
    Connecting {
        conn: u32,
        attempt: u32,
        address: Option<SocketAddr>,
    },
    /// Heads of a handshake, whether it succeeded or not.
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
    /// `number` counts the messages of the front end from 1; those that open a connection have none.
    Send {
        conn: u32,
        message: &'a Message,
        number: Option<u64>,
        /// `None` where the user sent it, here and below.
        origin: Option<Origin>,
    },
    Receive {
        conn: u32,
        message: &'a Message,
    },
    /// A ping; `by` sent it.
    Ping {
        conn: u32,
        by: By,
        origin: Option<Origin>,
        data: &'a [u8],
    },
    /// A pong; `by` sent it. `rtt` is set where it answers a ping of ours, `asked` where somebody
    /// asked for that ping, as opposed to keepalive.
    Pong {
        conn: u32,
        by: By,
        origin: Option<Origin>,
        data: &'a [u8],
        rtt: Option<Duration>,
        asked: bool,
    },
    /// A frame made by hand was sent.
    Frame {
        conn: u32,
        frame: &'a RawFrame,
    },
    /// Any frame, either way, where they are traced.
    Traced(&'a TracedFrame),
    /// The connection is over. `clean` is true where both sides sent a Close.
    Close {
        conn: u32,
        by: By,
        origin: Option<Origin>,
        close: &'a Close,
        clean: bool,
    },
    /// These messages were handed to a connection that then ended: whether they arrived is not known.
    Uncertain {
        conn: u32,
        messages: &'a Runs,
    },
    /// These messages were not confirmed on an earlier connection and have been sent again.
    Repeated {
        conn: u32,
        messages: &'a Runs,
    },
    /// Another attempt follows after `delay`; `attempt` is its number, so it is the retry before that.
    Retry {
        attempt: u32,
        delay: Duration,
        why: &'a Cause,
    },
    /// No other attempt follows, though there might have been one.
    GiveUp {
        /// Attempts since a connection was last had.
        attempts: u32,
        why: &'a str,
    },
    Error(&'a Error),
    /// One line for the person, nothing a program would need.
    Note(&'a str),
    /// Last event of a run.
    End {
        exit: Exit,
        totals: &'a Totals,
    },
}

/// What the user wants sent, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
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
    /// Likewise.
    Pong(Bytes),
    /// Start the closing handshake; without a connection, end the run. While a Close is awaited this
    /// changes nothing.
    Close(Close),
    /// Leave without waiting: a Close of ours that has been sent is not waited for any longer, and
    /// one that has not been sent (this one) only for a moment.
    Leave(Close),
    /// The same as SIGINT, from a terminal that makes no signal of Ctrl-C.
    Interrupt,
    /// Connect now, or leave the connection for a new one.
    Reconnect,
}
