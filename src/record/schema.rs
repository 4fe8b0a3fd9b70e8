//! The names in a record: event types, the members of each, and the words that are values. Each is
//! defined once, for the writer and the reader.

use crate::event::{By, Origin};

/// Version of the schema. A reader ignores members that it does not know.
pub const VERSION: u32 = 1;

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Send,
    Ping,
    Pong,
    Close,
    Frame,
    Header,
    Connecting,
    Open,
    Receive,
    Retry,
    GiveUp,
    Uncertain,
    Repeated,
    Refused,
    Error,
    End,
    Listening,
}

/// An event type: its name and its members, in the order in which they are written.
#[derive(Debug)]
pub struct Spec {
    pub kind: Type,
    pub name: &'static str,
    /// The members besides [`TYPE`] and [`T`].
    pub members: &'static [Member],
}

/// A member of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: &'static str,
    pub form: Form,
    pub presence: Presence,
}

/// Whether an event has the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In every line that is written.
    Always,
    /// In some lines.
    Sometimes,
    /// In no line that is written; the reader accepts it from users.
    ReadOnly,
}

/// The values that a member may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any value of JSON.
    Any,
    /// A non-negative integer.
    Number,
    /// Seconds, with up to six decimals.
    Seconds,
    Flag,
    Text,
    TextOrNull,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A date and time in RFC 3339 format, in UTC.
    Time,
    /// `true` for a random key, `false` for none, or the key in hex.
    Mask,
    /// An array of strings.
    Texts,
    /// An array of names and values: `[["server","x"]]`.
    Headers,
    /// An array of runs of numbers, the first and the last of each: `[[1,3],[5,5]]`.
    Runs,
    /// Seconds by the names of the steps: `{"tcp":0.002}`.
    Steps,
}

/// The member that names the [`Type`]. It is the first.
pub const TYPE: Member = Member::new("type", Form::Text);

/// The member with the time of the event, in seconds since the start of the run. The header has
/// none.
pub const T: Member = Member::new("t", Form::Seconds);

/// The sender of a frame, as in [`DIR`]: us, the peer.
pub const DIRS: [&str; 2] = ["send", "receive"];

/// The side that closed, as in [`BY`]: us, the peer.
pub const SIDES: [&str; 2] = ["us", "peer"];

/// The values of [`ENCODING`]. Data without an encoding is text.
pub const ENCODINGS: [&str; 2] = [BASE64, HEX];
pub const BASE64: &str = "base64";
/// Read, but not written.
pub const HEX: &str = "hex";

/// Why something was sent that the user did not ask for; see [`Origin::name`].
const ORIGINS: [&str; 8] = [
    Origin::OnOpen.name(),
    Origin::Token.name(),
    Origin::Heartbeat.name(),
    Origin::Keepalive.name(),
    Origin::Auto.name(),
    Origin::Mirror.name(),
    Origin::Repeat.name(),
    Origin::Answer.name(),
];

/// The word of [`DIRS`] or [`SIDES`] for a side.
pub fn side(by: By, [us, peer]: [&'static str; 2]) -> &'static str {
    match by {
        By::Us => us,
        By::Peer => peer,
    }
}

impl Member {
    const fn new(name: &'static str, form: Form) -> Member {
        Member {
            name,
            form,
            presence: Presence::Always,
        }
    }

    const fn sometimes(self) -> Member {
        Member {
            presence: Presence::Sometimes,
            ..self
        }
    }

    const fn read_only(self) -> Member {
        Member {
            presence: Presence::ReadOnly,
            ..self
        }
    }
}

pub const V: Member = Member::new("v", Form::Number);
pub const TOOL: Member = Member::new("tool", Form::Text);
pub const URL: Member = Member::new("url", Form::Text);
pub const STARTED: Member = Member::new("started", Form::Time);
pub const CONN: Member = Member::new("conn", Form::Number);
pub const ATTEMPT: Member = Member::new("attempt", Form::Number);
pub const ADDRESS: Member = Member::new("address", Form::TextOrNull);
pub const STATUS: Member = Member::new("status", Form::Number);
pub const HTTP: Member = Member::new("http", Form::Text);
pub const SUBPROTOCOL: Member = Member::new("subprotocol", Form::TextOrNull);
pub const EXTENSIONS: Member = Member::new("extensions", Form::TextOrNull);
pub const TIMING: Member = Member::new("timing", Form::Steps);
pub const HEADERS: Member = Member::new("headers", Form::Headers);
/// The address of a client, and its request.
pub const FROM: Member = Member::new("from", Form::Text).sometimes();
pub const METHOD: Member = Member::new("method", Form::Text).sometimes();
pub const TARGET: Member = Member::new("target", Form::Text).sometimes();
pub const REQUEST_HEADERS: Member = Member::new("headers", Form::Headers).sometimes();
pub const BODY: Member = Member::new("body", Form::Text);
pub const TRUNCATED: Member = Member::new("truncated", Form::Flag).sometimes();
/// The number of a message, from 1.
pub const N: Member = Member::new("n", Form::Number).sometimes();
/// What recordings had before [`ORIGIN`].
pub const REPEAT: Member = Member::new("repeat", Form::Flag).sometimes();
pub const ORIGIN: Member = Member::new("origin", Form::Word(&ORIGINS)).sometimes();
/// The number of a record within its message, from 1.
/// What the data decodes to.
pub const DECODED: Member = Member::new("decoded", Form::Any).sometimes();
pub const RECORD: Member = Member::new("record", Form::Number).sometimes();
pub const OPCODE: Member = Member::new("opcode", Form::Number);
pub const ENCODING: Member = Member::new("encoding", Form::Word(&ENCODINGS)).sometimes();
pub const DATA: Member = Member::new("data", Form::Text);
/// Length of encoded data in bytes.
pub const LEN: Member = Member::new("len", Form::Number).sometimes();
pub const DIR: Member = Member::new("dir", Form::Word(&DIRS));
pub const RTT: Member = Member::new("rtt", Form::Seconds).sometimes();
pub const FIN: Member = Member::new("fin", Form::Flag);
pub const RSV: Member = Member::new("rsv", Form::Number);
pub const RSV1: Member = Member::new("rsv1", Form::Flag).read_only();
pub const RSV2: Member = Member::new("rsv2", Form::Flag).read_only();
pub const RSV3: Member = Member::new("rsv3", Form::Flag).read_only();
pub const MASK: Member = Member::new("mask", Form::Mask);
pub const LENGTH: Member = Member::new("length", Form::Number).sometimes();
pub const LENGTH_BITS: Member = Member::new("length_bits", Form::Number).sometimes();
pub const BY: Member = Member::new("by", Form::Word(&SIDES));
pub const CODE: Member = Member::new("code", Form::Number);
pub const REASON: Member = Member::new("reason", Form::Text);
pub const CLEAN: Member = Member::new("clean", Form::Flag);
pub const MESSAGES: Member = Member::new("messages", Form::Runs);
pub const DELAY: Member = Member::new("delay", Form::Seconds);
pub const ATTEMPTS: Member = Member::new("attempts", Form::Number);
pub const WHY: Member = Member::new("why", Form::Text);
pub const STAGE: Member = Member::new("stage", Form::Text);
pub const EXIT: Member = Member::new("exit", Form::Number);
pub const MESSAGE: Member = Member::new("message", Form::Text);
pub const DETAILS: Member = Member::new("details", Form::Texts).sometimes();
pub const SENT: Member = Member::new("sent", Form::Number);
pub const RECEIVED: Member = Member::new("received", Form::Number);
pub const BYTES_SENT: Member = Member::new("bytes_sent", Form::Number);
pub const BYTES_RECEIVED: Member = Member::new("bytes_received", Form::Number);
pub const UNCONFIRMED: Member = Member::new("unconfirmed", Form::Number);
pub const CONFIRMED: Member = Member::new("confirmed", Form::Number).sometimes();
pub const REPEATED: Member = Member::new("repeated", Form::Number).sometimes();

/// The event types, in the order of [`Type`].
pub static TYPES: [Spec; 17] = [
    Spec {
        kind: Type::Send,
        name: "send",
        members: &[CONN, N, REPEAT, ORIGIN, OPCODE, ENCODING, DATA, LEN],
    },
    Spec {
        kind: Type::Ping,
        name: "ping",
        members: &[CONN, DIR, ORIGIN, ENCODING, DATA, LEN],
    },
    Spec {
        kind: Type::Pong,
        name: "pong",
        members: &[CONN, DIR, ORIGIN, ENCODING, DATA, LEN, RTT],
    },
    Spec {
        kind: Type::Close,
        name: "close",
        members: &[CONN, BY, ORIGIN, CODE, REASON, CLEAN],
    },
    Spec {
        kind: Type::Frame,
        name: "frame",
        members: &[
            CONN,
            DIR,
            FIN,
            RSV,
            RSV1,
            RSV2,
            RSV3,
            OPCODE,
            MASK,
            LENGTH,
            LENGTH_BITS,
            ENCODING,
            DATA,
            LEN,
            CODE.read_only(),
            REASON.read_only(),
        ],
    },
    Spec {
        kind: Type::Header,
        name: "header",
        members: &[V, TOOL, URL, STARTED],
    },
    Spec {
        kind: Type::Connecting,
        name: "connecting",
        members: &[CONN, ATTEMPT, ADDRESS],
    },
    Spec {
        kind: Type::Open,
        name: "open",
        members: &[
            CONN,
            STATUS,
            HTTP,
            SUBPROTOCOL,
            EXTENSIONS,
            TIMING,
            FROM,
            METHOD,
            TARGET,
            REQUEST_HEADERS,
        ],
    },
    Spec {
        kind: Type::Receive,
        name: "receive",
        members: &[CONN, RECORD, OPCODE, ENCODING, DATA, LEN, DECODED],
    },
    Spec {
        kind: Type::Retry,
        name: "retry",
        members: &[ATTEMPT, DELAY, WHY],
    },
    Spec {
        kind: Type::GiveUp,
        name: "give_up",
        members: &[ATTEMPTS, WHY],
    },
    Spec {
        kind: Type::Uncertain,
        name: "uncertain",
        members: &[CONN, MESSAGES],
    },
    Spec {
        kind: Type::Repeated,
        name: "repeated",
        members: &[CONN, MESSAGES],
    },
    Spec {
        kind: Type::Refused,
        name: "refused",
        members: &[ATTEMPT, STATUS, HEADERS, BODY, TRUNCATED],
    },
    Spec {
        kind: Type::Error,
        name: "error",
        members: &[STAGE, EXIT, MESSAGE, DETAILS],
    },
    Spec {
        kind: Type::End,
        name: "end",
        members: &[
            EXIT,
            SENT,
            RECEIVED,
            BYTES_SENT,
            BYTES_RECEIVED,
            UNCONFIRMED,
            CONFIRMED,
            REPEATED,
        ],
    },
    Spec {
        kind: Type::Listening,
        name: "listening",
        members: &[URL],
    },
];

impl Type {
    /// The type with this name.
    pub fn named(name: &str) -> Option<Type> {
        let spec = TYPES.iter().find(|spec| spec.name == name);
        spec.map(|spec| spec.kind)
    }

    pub fn spec(self) -> &'static Spec {
        &TYPES[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.spec().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_type_once_in_order() {
        for (number, spec) in TYPES.iter().enumerate() {
            assert_eq!(spec.kind as usize, number, "{}", spec.name);
            assert_eq!(Type::named(spec.name), Some(spec.kind));
            assert_eq!(spec.kind.name(), spec.name);
            let names = spec.members.iter().map(|member| member.name);
            let mut names: Vec<_> = names.chain([TYPE.name, T.name]).collect();
            names.sort_unstable();
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        }
        assert_eq!(Type::named("sned"), None);
    }
}
