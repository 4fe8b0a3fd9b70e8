//! What a script says, as it is written: variables are filled in when a step is run.
//!
//! Everything that can fail when it is run knows its [`Span`], so that a report points at it.

use std::time::Duration;

use crate::message::Kind;

/// A place in a script. Lines and columns count from 1, columns and widths in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub line: u32,
    pub column: u32,
    /// At least 1, up to the end of the line.
    pub width: u32,
}

/// Something, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T> At<T> {
    pub fn new(value: T, span: Span) -> At<T> {
        At { value, span }
    }
}

/// A value that was parsed, or text with variables that is parsed once they are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given<T> {
    Value(T),
    Template(String),
}

/// A script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    pub tests: Vec<Test>,
}

/// From `###` to the next one. Steps before the first `###` are a test without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub name: At<String>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `WEBSOCKET URL`
    Open(Box<Open>),
    /// `> …`
    Send(Send),
    /// `< …`
    Expect(Box<Expect>),
    /// `@wait 200ms`
    Wait(At<Given<Duration>>),
    /// `@repeat 3 … @end`
    Repeat {
        times: At<Given<u32>>,
        steps: Vec<Step>,
    },
    /// `@include FILE`: the steps of that file, a path from the folder of this one.
    Include(At<String>),
}

impl Step {
    /// Where the step begins.
    pub fn span(&self) -> Span {
        match self {
            Step::Open(open) => open.span,
            Step::Send(send) => send.span,
            Step::Expect(expect) => expect.span,
            Step::Wait(time) => time.span,
            Step::Repeat { times, .. } => times.span,
            Step::Include(path) => path.span,
        }
    }
}

/// A connection: how it is made, and what its handshake must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The word `WEBSOCKET`.
    pub span: Span,
    /// `alice` in `WEBSOCKET alice URL`.
    pub name: Option<At<String>>,
    pub url: At<String>,
    pub headers: Vec<At<Header>>,
    /// Those of the command line, in order.
    pub options: Vec<At<Setting>>,
    pub handshake: Handshake,
}

/// `Name: value`. Its place is the whole line, so that the value stands at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// A line of `[Options]`: `reconnect: 5`, `no-compress`. Its place is the whole line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The long name of an option, without its dashes.
    pub name: String,
    pub value: Option<String>,
}

/// `HTTP 101`, and what stands below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// `None` is 101.
    pub status: Option<At<Given<u16>>>,
    /// Headers that the answer must have, with these values.
    pub headers: Vec<At<Header>>,
    pub checks: Checks,
}

/// What is captured from an answer or a message, and what must be true of it, in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    pub captures: Vec<Capture>,
    pub asserts: Vec<At<Assert>>,
}

/// `NAME: QUERY`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub name: At<String>,
    pub query: At<Query>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A jq expression over the message, or over the body of the answer. It may have variables.
    Jq(String),
    Property(Property),
}

/// A fact about a step that is not in its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// From the beginning of the step to the message, or of the handshake.
    Duration,
    /// 1 or 2 of a message, 9 and 10 of a ping and a pong, 8 of a Close.
    Opcode,
    /// The code of a Close, 1005 where there was none.
    Code,
    /// The reason of a Close.
    Reason,
    /// The status of the handshake, here and below.
    Status,
    Subprotocol,
    Extensions,
    /// How many attempts the connection took.
    Attempts,
    /// `header NAME` of the handshake.
    Header(String),
    /// The body of an answer that opened no connection; of a message, its text.
    Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assert {
    /// A jq expression that must be true. It may have variables.
    Jq(String),
    /// `PROPERTY [not] PREDICATE [VALUE]`
    Property {
        property: Property,
        not: bool,
        predicate: Predicate,
        /// As written; `None` for those that compare with nothing.
        value: Option<At<String>>,
    },
    /// `schema FILE`: a JSON Schema, a path from the folder of the script.
    Schema(At<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Contains,
    StartsWith,
    EndsWith,
    /// `matches /…/`
    Matches,
    Exists,
    IsEmpty,
}

/// A payload as it is written, without what marks its form. Its place is where its text begins, in a
/// block on the line after the backticks, up to the end of that line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub form: Form,
    pub text: String,
}

/// The forms of a payload; [`super::payload`] describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON, or text that looks like it once the variables are filled in.
    Json,
    /// Text as it is: bare, between backticks, or a block.
    Text,
    Escapes,
    Hex,
    Base64,
    /// `file:PATH`, from the folder of the script.
    File,
}

/// `alice>binary hex:00`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The mark with its kind.
    pub span: Span,
    /// Whose; `None` is the only one, or the one that was opened last.
    pub connection: Option<At<String>>,
    pub what: Outgoing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    Message {
        /// `None` is text.
        kind: Option<Kind>,
        payload: At<Payload>,
    },
    Ping(Option<At<Payload>>),
    Pong(Option<At<Payload>>),
    Close {
        code: Option<At<Given<u16>>>,
        reason: Option<At<Payload>>,
    },
    /// `>frame …`: the words of the prompt's `/frame`.
    Frame(At<String>),
}

/// `alice<~(2s) {"a":1}`
///
/// If `not` is set and there are asserts, it is a message for which they are all true that must not
/// come; there are no captures then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The mark with its kind.
    pub span: Span,
    pub connection: Option<At<String>>,
    /// `!<`: it must not come within the limit.
    pub not: bool,
    pub what: Expected,
    pub limit: Option<At<Given<Duration>>>,
    /// `(x3)`
    pub times: Option<At<Given<u32>>>,
    pub checks: Checks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A bare `<`, `<text` or `<binary`.
    Any(Option<Kind>),
    Message {
        kind: Option<Kind>,
        pattern: At<Pattern>,
    },
    /// Any, if nothing follows.
    Ping(Option<At<Payload>>),
    Pong(Option<At<Payload>>),
    Close {
        code: Option<At<Given<u16>>>,
        reason: Option<At<Payload>>,
    },
    /// `<drop`: the connection is lost without a Close.
    Drop,
    /// `<open`: the connection is open again.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `< …`: JSON with the same value, otherwise the same bytes.
    Equal(Payload),
    /// `<~ …`: JSON that has these members, otherwise text that contains this.
    Contains(Payload),
    /// `</…/` or `< /…/`, without its slashes; `i` after the second one ignores case. It may have
    /// variables.
    Regex { source: String, ignores_case: bool },
}
