//! Data messages (RFC 6455 §5.6). A text message is checked to be UTF-8 where it is made, and never
//! again.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

/// Members of a JSON message that say what it is, in most protocols: `{"event":"tick","data":…}`.
pub const KIND_MEMBERS: &[&str] = &[
    "action", "cmd", "command", "event", "kind", "method", "op", "type",
];

/// The two kinds of data message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
}

impl Kind {
    /// The opcode on the wire (RFC 6455 §11.8).
    pub fn opcode(self) -> u8 {
        match self {
            Kind::Text => 1,
            Kind::Binary => 2,
        }
    }
}

/// A data message, whole. A clone shares the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(ByteString),
    Binary(Bytes),
}

#[allow(clippy::len_without_is_empty)] // nobody asks for it
impl Message {
    pub fn text(text: impl Into<ByteString>) -> Self {
        Message::Text(text.into())
    }

    pub fn binary(data: impl Into<Bytes>) -> Self {
        Message::Binary(data.into())
    }

    /// Makes a message of this kind.
    ///
    /// # Errors
    /// If a text is not UTF-8, the number of its valid bytes.
    pub fn new(kind: Kind, payload: Bytes) -> Result<Self, usize> {
        match kind {
            Kind::Binary => Ok(Message::Binary(payload)),
            Kind::Text => ByteString::try_from(payload)
                .map(Message::Text)
                .map_err(|error| error.valid_up_to()),
        }
    }

    /// Makes a text message of the content of `buffer`, whose memory many messages share. Content
    /// that is not UTF-8 makes a binary message.
    pub fn text_from(buffer: &mut BytesMut) -> Self {
        let payload = buffer.split().freeze();
        Message::new(Kind::Text, payload.clone()).unwrap_or(Message::Binary(payload))
    }

    pub fn kind(&self) -> Kind {
        match self {
            Message::Text(_) => Kind::Text,
            Message::Binary(_) => Kind::Binary,
        }
    }

    pub fn payload(&self) -> &Bytes {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(data) => data,
        }
    }

    pub fn into_payload(self) -> Bytes {
        match self {
            Message::Text(text) => text.into_bytes(),
            Message::Binary(data) => data,
        }
    }

    /// Length of the payload in bytes.
    pub fn len(&self) -> usize {
        self.payload().len()
    }

    /// A part of the message, which shares its payload. A part of a text that cuts a character is
    /// binary.
    pub fn slice(&self, place: Range<usize>) -> Message {
        match self {
            Message::Text(text) => match text.get(place.clone()) {
                Some(part) => Message::Text(text.slice_ref(part)),
                None => Message::Binary(text.as_bytes().slice(place)),
            },
            Message::Binary(data) => Message::Binary(data.slice(place)),
        }
    }

    /// A copy that keeps no more memory alive than it needs.
    pub fn to_compact(&self) -> Message {
        match self {
            Message::Text(text) => Message::Text(ByteString::from(&**text)),
            Message::Binary(data) => Message::Binary(Bytes::copy_from_slice(data)),
        }
    }

    /// The text of a text message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// The payload, typed.
    pub fn as_data(&self) -> Data<'_> {
        match self {
            Message::Text(text) => Data::Text(text),
            Message::Binary(data) => Data::Binary(data),
        }
    }
}

/// The content of a message, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Data<'a> {
    pub fn kind(self) -> Kind {
        match self {
            Data::Text(_) => Kind::Text,
            Data::Binary(_) => Kind::Binary,
        }
    }

    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Data::Text(text) => text.as_bytes(),
            Data::Binary(data) => data,
        }
    }
}
