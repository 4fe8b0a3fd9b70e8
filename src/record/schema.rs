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
    Warning,
}

/// An event type: its name and its members, in the order in which they are written.
#[derive(Debug)]
pub struct Spec {
    pub kind: Type,
    pub name: &'static str,
    /// What has happened, as a sentence.
    pub about: &'static str,
    /// The members besides [`TYPE`] and [`T`].
    pub members: &'static [Member],
}

/// A member of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: &'static str,
    pub form: Form,
    /// What it is, for people who read the schema.
    pub about: &'static str,
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
pub const TYPE: Member = Member::new("type", Form::Text, "what happened");

/// The member with the time of the event, in seconds since the start of the run. The header has
/// none.
pub const T: Member = Member::new("t", Form::Seconds, "seconds since the start of the run");

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
    const fn new(name: &'static str, form: Form, about: &'static str) -> Member {
        Member {
            name,
            form,
            about,
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

pub const V: Member = Member::new("v", Form::Number, "version of this format");
pub const TOOL: Member = Member::new(
    "tool",
    Form::Text,
    "the program that wrote it, and its version",
);
pub const URL: Member = Member::new("url", Form::Text, "the URL, without secrets");
pub const STARTED: Member =
    Member::new("started", Form::Time, "wall clock at the start of the run");
pub const CONN: Member = Member::new("conn", Form::Number, "number of the connection, from 1");
pub const ATTEMPT: Member = Member::new(
    "attempt",
    Form::Number,
    "number of the attempt, from 1; it begins anew after each connection",
);
pub const ADDRESS: Member = Member::new(
    "address",
    Form::TextOrNull,
    "the address, proxy or Unix socket that is tried",
);
pub const STATUS: Member = Member::new("status", Form::Number, "status of the HTTP answer");
pub const HTTP: Member = Member::new("http", Form::Text, "version of HTTP");
pub const SUBPROTOCOL: Member = Member::new(
    "subprotocol",
    Form::TextOrNull,
    "the subprotocol that was agreed on",
);
pub const EXTENSIONS: Member = Member::new(
    "extensions",
    Form::TextOrNull,
    "the extensions that were agreed on",
);
pub const TIMING: Member = Member::new("timing", Form::Steps, "seconds that each step took");
pub const HEADERS: Member = Member::new(
    "headers",
    Form::Headers,
    "headers of the answer, without secrets",
);
pub const FROM: Member = Member::new("from", Form::Text, "address of the client").sometimes();
pub const METHOD: Member =
    Member::new("method", Form::Text, "method of the client's request").sometimes();
pub const TARGET: Member =
    Member::new("target", Form::Text, "target of the client's request").sometimes();
pub const REQUEST_HEADERS: Member =
    Member::new("headers", Form::Headers, "headers of the client's request").sometimes();
pub const BODY: Member = Member::new("body", Form::Text, "beginning of the body");
pub const TRUNCATED: Member =
    Member::new("truncated", Form::Flag, "whether the body was longer").sometimes();
pub const N: Member = Member::new(
    "n",
    Form::Number,
    "number of the message, from 1; only with --confirm",
)
.sometimes();
pub const REPEAT: Member = Member::new(
    "repeat",
    Form::Flag,
    "whether it was sent again; recordings had it before origin",
)
.sometimes();
pub const ORIGIN: Member = Member::new(
    "origin",
    Form::Word(&ORIGINS),
    "why it was sent, if not by the user",
)
.sometimes();
pub const DECODED: Member = Member::new(
    "decoded",
    Form::Any,
    "what the data decodes to; only with --decode",
)
.sometimes();
pub const RECORD: Member = Member::new(
    "record",
    Form::Number,
    "number of the record within its message, from 1; only with --split",
)
.sometimes();
pub const OPCODE: Member = Member::new(
    "opcode",
    Form::Number,
    "1 for text, 2 for binary; any opcode in a frame",
);
pub const ENCODING: Member = Member::new(
    "encoding",
    Form::Word(&ENCODINGS),
    "how data is encoded; without it, data is text",
)
.sometimes();
pub const DATA: Member = Member::new("data", Form::Text, "payload");
pub const LEN: Member = Member::new(
    "len",
    Form::Number,
    "length of the payload in bytes, where data is encoded",
)
.sometimes();
pub const DIR: Member = Member::new("dir", Form::Word(&DIRS), "who sent it");
pub const RTT: Member =
    Member::new("rtt", Form::Seconds, "seconds from the ping to this pong").sometimes();
pub const FIN: Member = Member::new("fin", Form::Flag, "the FIN bit");
pub const RSV: Member = Member::new(
    "rsv",
    Form::Number,
    "the RSV bits as a number, RSV1 being 4",
);
pub const RSV1: Member = Member::new("rsv1", Form::Flag, "the RSV1 bit").read_only();
pub const RSV2: Member = Member::new("rsv2", Form::Flag, "the RSV2 bit").read_only();
pub const RSV3: Member = Member::new("rsv3", Form::Flag, "the RSV3 bit").read_only();
pub const MASK: Member = Member::new(
    "mask",
    Form::Mask,
    "true for a random key, false for none, or the key in hex",
);
pub const LENGTH: Member =
    Member::new("length", Form::Number, "length that the frame claims").sometimes();
pub const LENGTH_BITS: Member = Member::new(
    "length_bits",
    Form::Number,
    "bits of the length field: 7, 16 or 64",
)
.sometimes();
pub const BY: Member = Member::new("by", Form::Word(&SIDES), "who closed");
pub const CODE: Member = Member::new("code", Form::Number, "close code (RFC 6455, section 7.4)");
pub const REASON: Member = Member::new("reason", Form::Text, "reason of the Close");
pub const CLEAN: Member = Member::new("clean", Form::Flag, "whether both sides sent a Close");
pub const MESSAGES: Member = Member::new(
    "messages",
    Form::Runs,
    "first and last numbers of runs of messages",
);
pub const DELAY: Member = Member::new("delay", Form::Seconds, "seconds until the next attempt");
pub const ATTEMPTS: Member = Member::new("attempts", Form::Number, "how many attempts failed");
pub const WHY: Member = Member::new("why", Form::Text, "reason");
pub const STAGE: Member = Member::new("stage", Form::Text, "what failed: the stage of the run");
pub const EXIT: Member = Member::new("exit", Form::Number, "exit code");
pub const MESSAGE: Member = Member::new("message", Form::Text, "what went wrong");
pub const DETAILS: Member =
    Member::new("details", Form::Texts, "more about it, a line each").sometimes();
pub const SENT: Member = Member::new("sent", Form::Number, "messages sent");
pub const RECEIVED: Member = Member::new("received", Form::Number, "messages received");
pub const BYTES_SENT: Member = Member::new("bytes_sent", Form::Number, "bytes of messages sent");
pub const BYTES_RECEIVED: Member =
    Member::new("bytes_received", Form::Number, "bytes of messages received");
pub const UNCONFIRMED: Member = Member::new(
    "unconfirmed",
    Form::Number,
    "sent messages that may not have arrived",
);
pub const CONFIRMED: Member = Member::new(
    "confirmed",
    Form::Number,
    "messages that were confirmed; only with --confirm",
)
.sometimes();
pub const REPEATED: Member = Member::new(
    "repeated",
    Form::Number,
    "messages that were sent again; only with --confirm",
)
.sometimes();

/// The event types, in the order of [`Type`].
pub static TYPES: [Spec; 18] = [
    Spec {
        kind: Type::Send,
        name: "send",
        about: "A data message was sent.",
        members: &[CONN, N, REPEAT, ORIGIN, OPCODE, ENCODING, DATA, LEN],
    },
    Spec {
        kind: Type::Ping,
        name: "ping",
        about: "A ping was sent or received.",
        members: &[CONN, DIR, ORIGIN, ENCODING, DATA, LEN],
    },
    Spec {
        kind: Type::Pong,
        name: "pong",
        about: "A pong was sent or received.",
        members: &[CONN, DIR, ORIGIN, ENCODING, DATA, LEN, RTT],
    },
    Spec {
        kind: Type::Close,
        name: "close",
        about: "An open connection has ended.",
        members: &[CONN, BY, ORIGIN, CODE, REASON, CLEAN],
    },
    Spec {
        kind: Type::Frame,
        name: "frame",
        about: "A frame made by hand was sent.",
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
        about: "The first event of a run.",
        members: &[V, TOOL, URL, STARTED],
    },
    Spec {
        kind: Type::Connecting,
        name: "connecting",
        about: "An attempt to connect begins.",
        members: &[CONN, ATTEMPT, ADDRESS],
    },
    Spec {
        kind: Type::Open,
        name: "open",
        about: "The handshake is done.",
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
        about: "A data message, or a record of one, was received.",
        members: &[CONN, RECORD, OPCODE, ENCODING, DATA, LEN, DECODED],
    },
    Spec {
        kind: Type::Retry,
        name: "retry",
        about: "Another attempt follows.",
        members: &[ATTEMPT, DELAY, WHY],
    },
    Spec {
        kind: Type::GiveUp,
        name: "give_up",
        about: "No other attempt follows, though retrying was on.",
        members: &[ATTEMPTS, WHY],
    },
    Spec {
        kind: Type::Uncertain,
        name: "uncertain",
        about: "Messages may not have arrived.",
        members: &[CONN, MESSAGES],
    },
    Spec {
        kind: Type::Repeated,
        name: "repeated",
        about: "Messages are sent again.",
        members: &[CONN, MESSAGES],
    },
    Spec {
        kind: Type::Refused,
        name: "refused",
        about: "The handshake was answered with another status.",
        members: &[ATTEMPT, STATUS, HEADERS, BODY, TRUNCATED],
    },
    Spec {
        kind: Type::Error,
        name: "error",
        about: "The run, or a part of it, failed.",
        members: &[STAGE, EXIT, MESSAGE, DETAILS],
    },
    Spec {
        kind: Type::End,
        name: "end",
        about: "The last event of a run.",
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
        about: "Clients can connect to this URL.",
        members: &[URL],
    },
    Spec {
        kind: Type::Warning,
        name: "warning",
        about: "Something was lost or skipped, and the run goes on.",
        members: &[MESSAGE],
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
