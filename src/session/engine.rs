//! Between our words and the engine's.

use tokio_tungstenite::tungstenite as engine;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::close::Close;
use crate::message::{Kind, Message};

/// A data message as the engine gives it; nothing else is one.
pub(super) fn from_engine(message: engine::Message) -> Option<Message> {
    match message {
        engine::Message::Text(text) => Message::new(Kind::Text, text.into()).ok(),
        engine::Message::Binary(data) => Some(Message::Binary(data)),
        _ => None,
    }
}

/// A Close as the engine sends it.
pub(super) fn close_frame(close: &Close) -> engine::Message {
    engine::Message::Close(close.code.map(|code| CloseFrame {
        code: CloseCode::from(code),
        reason: Utf8Bytes::from(close.reason.as_str()),
    }))
}
