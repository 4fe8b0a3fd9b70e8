//! Between our words and the engine's.

use tokio_tungstenite::tungstenite as engine;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::close::Close;
use crate::event::{Kind, Message};

/// A data message as the engine sends it.
pub(super) fn to_engine(message: Message) -> engine::Message {
    match message.kind {
        Kind::Binary => engine::Message::Binary(message.data),
        Kind::Text => match Utf8Bytes::try_from(message.data.clone()) {
            Ok(text) => engine::Message::Text(text),
            // Framing has refused such input before; never send bad text all the same.
            Err(_) => engine::Message::Binary(message.data),
        },
    }
}

/// A Close as the engine sends it.
pub(super) fn close_frame(close: &Close) -> engine::Message {
    engine::Message::Close(close.code.map(|code| CloseFrame {
        code: CloseCode::from(code),
        reason: Utf8Bytes::from(close.reason.as_str()),
    }))
}
