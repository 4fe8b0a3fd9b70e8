//! One message of an archive.
//!
//! `type` is `send`, `receive`, or Chrome's `error`; `time` is the wall clock, in seconds (Chrome,
//! mitmproxy, HTTP Toolkit) or milliseconds (Playwright); `data` is text where `opcode` is 1, and otherwise
//! base64, or bytes as they are where it is none.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::close::Close;
use crate::codec::decode_base64;
use crate::message::Message;
use crate::record::connection::What;
use crate::record::notes::shown;
use crate::wire::frame::{BINARY, CLOSE, PING, PONG, TEXT, opcode_named};

/// The member of ours that says whether wirecat sent it and not its user.
pub(super) const BY_ITSELF: &str = "_byItself";

/// The longest value that an error quotes, in characters.
const QUOTED: usize = 40;

/// What a message says.
#[derive(Debug)]
pub(super) enum Read {
    What(What),
    /// The browser reports an error of the connection: a sentence of it.
    Failure(String),
}

/// Reads a message.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(message: &mut Map<String, Value>) -> Result<Read, String> {
    let kind = message.get("type").or_else(|| message.get("direction"));
    let kind = kind.and_then(Value::as_str).unwrap_or_default();
    let is_sent = match kind {
        "send" | "sent" | "outgoing" | "request" | "client" => true,
        "receive" | "received" | "incoming" | "response" | "server" => false,
        "error" => return Ok(Read::Failure(take_text(message).unwrap_or_default())),
        "" => return Err(r#"it has no "type""#.to_owned()),
        other => return Err(format!("its type is {}", shown(other, QUOTED))),
    };
    let opcode = opcode(message)?;
    let by_itself = message.get(BY_ITSELF).and_then(Value::as_bool);
    let data = match opcode {
        TEXT => {
            let text = take_text(message).ok_or(r#"it has no "data""#)?;
            let encoded = message.get("encoding").and_then(Value::as_str) == Some("base64");
            let message = match encoded.then(|| decode_base64(text.as_bytes())) {
                Some(Ok(bytes)) => text_of(bytes),
                _ => Message::text(text),
            };
            return Ok(Read::What(data_message(message, is_sent, by_itself)));
        }
        BINARY => take_bytes(message).ok_or(r#"it has no "data""#)?,
        CLOSE => return Ok(Read::What(close(message, is_sent))),
        PING | PONG => take_bytes(message).unwrap_or_default(),
        other => return Err(format!("its opcode is {other}, which is no whole message")),
    };
    // Programs in browsers cannot send control frames, so these are the browser's.
    let by_itself_here = by_itself.unwrap_or(true);
    Ok(Read::What(match (opcode, is_sent) {
        (PING, true) => What::SentPing {
            data,
            by_itself: by_itself_here,
        },
        (PING, false) => What::ReceivedPing(data),
        (PONG, true) => What::SentPong {
            data,
            by_itself: by_itself_here,
        },
        (PONG, false) => What::ReceivedPong(data),
        _ => data_message(Message::binary(data), is_sent, by_itself),
    }))
}

fn data_message(message: Message, is_sent: bool, by_itself: Option<bool>) -> What {
    let by_itself = by_itself.unwrap_or(false);
    match is_sent {
        true => What::Sent { message, by_itself },
        false => What::Received(message),
    }
}

/// A text message of bytes, if they are text.
fn text_of(bytes: Vec<u8>) -> Message {
    match String::from_utf8(bytes) {
        Ok(text) => Message::text(text),
        Err(error) => Message::binary(error.into_bytes()),
    }
}

/// A Close, whose code may be in the data or beside it.
fn close(message: &mut Map<String, Value>, is_sent: bool) -> What {
    let code = message.get("code").and_then(close_code);
    let close = match code {
        Some(code) => {
            let reason = message.get("reason").and_then(Value::as_str);
            Close::new(code, reason.unwrap_or_default())
        }
        None => Close::parse_lossy(&take_bytes(message).unwrap_or_default()),
    };
    closed(close, is_sent)
}

/// The end that a Close is. 1005 stands for one without a code, and 1006 for none at all.
pub(super) fn closed(close: Close, is_ours: bool) -> What {
    let close = match close.code {
        Some(1006) => return What::Lost,
        Some(1005) => Close::default(),
        _ => close,
    };
    match is_ours {
        true => What::Closing(close),
        false => What::Closed(close),
    }
}

/// A close code, as a number or in a string.
pub(super) fn close_code(value: &Value) -> Option<u16> {
    whole(value).and_then(|code| u16::try_from(code).ok())
}

fn opcode(message: &Map<String, Value>) -> Result<u8, String> {
    let Some(value) = message.get("opcode").filter(|value| !value.is_null()) else {
        let encoded = message.get("encoding").and_then(Value::as_str) == Some("base64");
        let binary = message.get("isBinary").and_then(Value::as_bool) == Some(true);
        return Ok(if encoded || binary { BINARY } else { TEXT });
    };
    let named = || value.as_str().and_then(opcode_named);
    whole(value)
        .and_then(|opcode| u8::try_from(opcode).ok())
        .or_else(named)
        .ok_or_else(|| format!("its opcode is {}", shown(&value.to_string(), QUOTED)))
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) => digits.trim().parse().ok(),
        _ => value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|it| *it >= 0.0 && it.fract() == 0.0)
                .map(|it| it as u64)
        }),
    }
}

/// The data as text. JSON that stands there as it is becomes its text.
fn take_text(message: &mut Map<String, Value>) -> Option<String> {
    match message.get_mut("data")?.take() {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn take_bytes(message: &mut Map<String, Value>) -> Option<Vec<u8>> {
    let text = take_text(message)?;
    Some(decode_base64(text.as_bytes()).unwrap_or_else(|_| text.into_bytes()))
}

/// The time of a message, or of an entry, since the Unix epoch: a number, in a string too, or a date.
pub(super) fn time(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(timestamp) => return Duration::try_from(timestamp.as_duration()).ok(),
            Err(_) => text.trim().parse().ok()?,
        },
        _ => value.as_f64()?,
    };
    // No clock shows the year 5138 in seconds, or 1973 in milliseconds.
    let seconds = match number {
        ..=0.0 => return None,
        ..=1e11 => number,
        ..=1e14 => number / 1e3,
        ..=1e17 => number / 1e6,
        _ => number / 1e9,
    };
    // A float that large is not exact to the nanosecond.
    let micros = (seconds * 1e6).round();
    (micros.is_finite() && micros < 1e18).then(|| Duration::from_micros(micros as u64))
}
