//! Between our words and the engine's.

use tokio_tungstenite::tungstenite as engine;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::event::{Close, Kind, Message};

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

/// The rule that a message which is too big breaks.
pub(super) fn too_big(error: &engine::error::CapacityError, limit: Option<usize>) -> String {
    match error {
        engine::error::CapacityError::MessageTooLong { size, max_size } => {
            let limit = limit.unwrap_or(*max_size);
            format!(
                "a message of at least {size} bytes, more than the {limit} that --max-message-size allows"
            )
        }
        other => other.to_string(),
    }
}

/// The rule behind an error of the engine's, with its section of RFC 6455.
pub(super) fn rule_of(error: &ProtocolError) -> String {
    let section = match error {
        ProtocolError::NonZeroReservedBits
        | ProtocolError::InvalidOpcode(_)
        | ProtocolError::UnknownControlFrameType(_)
        | ProtocolError::UnknownDataFrameType(_) => "5.2",
        ProtocolError::MaskedFrameFromServer => "5.1",
        ProtocolError::FragmentedControlFrame | ProtocolError::ControlFrameTooBig => "5.5",
        ProtocolError::UnexpectedContinueFrame | ProtocolError::ExpectedFragment(_) => "5.4",
        _ => return error.to_string(),
    };
    format!("{error} (RFC 6455 section {section})")
}
