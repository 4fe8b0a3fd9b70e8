//! How a connection was lost. Pure.

use std::io;

use crate::error::plain_clause;

/// How a connection ended without a Close from the peer (RFC 6455 §7.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The peer ended the TCP connection, perhaps within a frame or a message.
    Eof(Option<&'static str>),
    /// The TCP connection was reset, with the system's message.
    Reset(String),
    /// The connection failed in another way, with a message.
    Failed(String),
}

impl Loss {
    /// Describes the loss; `peer` names the peer.
    pub fn describe(&self, peer: &str) -> String {
        match self {
            Loss::Eof(None) => format!("{peer} ended the TCP connection"),
            Loss::Eof(Some(what)) => format!("{peer} ended the TCP connection within a {what}"),
            Loss::Reset(why) | Loss::Failed(why) => why.clone(),
        }
    }
}

impl Loss {
    /// The loss that a read reported, perhaps within a frame or a message. A stream that is more than
    /// TCP says in the error how it ended.
    pub fn from_io(error: &io::Error, within: Option<&'static str>) -> Self {
        let why = plain_clause(error);
        match (error.kind(), within) {
            (io::ErrorKind::ConnectionReset, _) => Loss::Reset(why),
            (io::ErrorKind::UnexpectedEof, Some(what)) => {
                Loss::Failed(format!("{why} within a {what}"))
            }
            _ => Loss::Failed(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_distinguished_from_other_failures() {
        let reset = Loss::from_io(&io::ErrorKind::ConnectionReset.into(), None);
        assert!(matches!(reset, Loss::Reset(_)), "{reset:?}");
        let other = Loss::from_io(&io::Error::other("reset the counter"), Some("frame"));
        assert_eq!(other.describe("the server"), "reset the counter");
    }

    #[test]
    fn an_end_within_a_frame_or_message_names_it() {
        let words = |within| Loss::Eof(within).describe("the client");
        assert_eq!(words(None), "the client ended the TCP connection");
        assert_eq!(
            words(Some("frame")),
            "the client ended the TCP connection within a frame"
        );
        let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "the stream ended");
        let loss = Loss::from_io(&ended, Some("frame"));
        assert_eq!(loss, Loss::Failed("the stream ended within a frame".into()));
    }
}
