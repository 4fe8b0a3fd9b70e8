//! One connection as it was recorded, by us or by another program: the form between recordings, HAR
//! files, scripts and replays.

use std::time::Duration;

use crate::close::Close;
use crate::message::Message;

/// A connection, from its handshake to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connection {
    /// As it was recorded; secrets may have been left out of it.
    pub url: String,
    /// The wall clock at the beginning of the recording, where the time of a moment is zero, since the
    /// Unix epoch; `None` if the recording does not say.
    pub started: Option<Duration>,
    /// The headers of the request that the user chose, or all of them where that is unknown.
    pub headers: Vec<(String, String)>,
    pub answer: Answer,
    /// In order.
    pub moments: Vec<Moment>,
}

/// What answered the handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 101 of a WebSocket, `None` if there was no answer.
    pub status: Option<u16>,
    pub headers: Vec<(String, String)>,
    pub subprotocol: Option<String>,
    pub extensions: Option<String>,
}

/// What happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Since the beginning of the recording.
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// `by_itself` is whether wirecat sent it because of the time, the protocol or a lost connection. What
    /// options like `--on-open` and `--answer` send is the user's, because a replay has to send it.
    Sent {
        message: Message,
        by_itself: bool,
    },
    Received(Message),
    /// A control frame of ours; `by_itself` as above, here and below.
    SentPing {
        data: Vec<u8>,
        by_itself: bool,
    },
    SentPong {
        data: Vec<u8>,
        by_itself: bool,
    },
    ReceivedPing(Vec<u8>),
    ReceivedPong(Vec<u8>),
    /// We closed the connection.
    Closing(Close),
    /// The peer did.
    Closed(Close),
    /// The connection was lost without a Close.
    Lost,
    /// It was open again.
    Reopened,
}

impl What {
    /// The message that was sent or received.
    pub fn message(&self) -> Option<&Message> {
        match self {
            What::Sent { message, .. } | What::Received(message) => Some(message),
            _ => None,
        }
    }
}
