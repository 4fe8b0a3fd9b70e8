//! The options of a run: what it does on every connection, and from one to the next.

use std::path::PathBuf;
use std::sync::Arc;

use super::answers::{Opening, Rules};
use super::connect::Connection;
use super::resume::vars::ResumeVars;
use super::{ack, keepalive, policy, program, reconnect};
use crate::decode;
use crate::encode::Encoder;
use crate::message::Message;
use crate::records::Split;
use crate::wire::fragments::Fragmentation;
use crate::wire::shim;

/// What the user asked of a run.
#[derive(Clone, Debug)]
pub struct Options {
    pub keepalive: keepalive::Options,
    /// Largest message received, in bytes.
    pub max_message_size: usize,
    /// 0 to 9.
    pub deflate_level: u8,
    pub fragmentation: Fragmentation,
    /// Payload bytes of each frame in a trace event; `None` makes no such events.
    pub trace: Option<usize>,
    /// When to send, and when to be done.
    pub policy: policy::Options,
    /// `--decode`
    pub decode: Option<decode::Options>,
    /// `--encode`
    pub encode: Option<Encoder>,
    /// `--split`: how received messages are cut into records.
    pub split: Option<Split>,
    /// Whether the first message that an expression skips is reported at once.
    pub reports_skipped: bool,
    /// What the commands of answers and of `--decode` print on stderr is reported line by line, because
    /// the terminal is the prompt's.
    pub reports_lines: bool,
    /// The names and values of the user's variables, for the environment of commands.
    pub variables: Arc<[(String, String)]>,
    /// `--run`; when it starts stands in `policy`.
    pub program: Option<program::Options>,
    /// Several expressions look into what is received.
    pub shares_json: bool,
    /// Whether pings are answered.
    pub auto_pong: bool,
    /// Whether every data message is sent straight back.
    pub mirror: bool,
    /// `--on-open`: goes out first on every connection, in order.
    pub opening: Vec<Opening>,
    /// `--answer`
    pub answers: Rules,
    pub heartbeat: Option<Message>,
    pub reconnect: reconnect::Options,
    pub confirm: Option<ack::How>,
    /// `--lockstep`: replies matter, whether they confirm anything or not.
    pub counts_replies: bool,
    /// What may wait to be confirmed, in bytes.
    pub outbox: usize,
    /// Whether messages count as uncertain when their connection is lost.
    pub report_uncertain: bool,
    /// `--resume`, with what `--state` held.
    pub memory: ResumeVars,
    /// `--state`
    pub state: Option<PathBuf>,
}

impl Options {
    /// What `connection` asks of the wire.
    pub(super) fn wire(&self, connection: &Connection) -> shim::Options {
        shim::Options {
            deflate: connection.deflate,
            deflate_level: self.deflate_level,
            fragmentation: self.fragmentation,
            trace: self.trace,
            first_is_secret: connection
                .first
                .as_ref()
                .is_some_and(|(sent, shown)| sent != shown),
            hide_pings: !self.auto_pong,
            ..shim::Options::plain(connection.role, self.max_message_size)
        }
    }
}
