//! `/send`, `/bin`, `/ping` and `/pong`. Pure: the prompt reads files.

use bytes::Bytes;

use crate::codec::decode_escapes;
use crate::event::Command;
use crate::message::{Kind, Message};
use crate::repl::action::{Action, Outgoing, View};
use crate::wire::frame::check_control_payload;
use crate::written;

/// Sends a text message as it is, whatever the payload encoding is; with `-e`, escapes stand for the
/// bytes that cannot be typed.
pub(super) fn send(_: &View<'_>, text: &str) -> Result<Action, String> {
    let message = match text.strip_prefix("-e ") {
        Some(escaped) => {
            let bytes = decode_escapes(escaped.as_bytes())?;
            Message::new(Kind::Text, bytes.into())
                .map_err(|at| format!("byte {} is not UTF-8; /bin hex:… sends any bytes", at + 1))?
        }
        None => Message::text(text.to_owned()),
    };
    Ok(Action::Send(Outgoing::Command(Command::Send(message))))
}

pub(super) fn bin(_: &View<'_>, argument: &str) -> Result<Action, String> {
    written::parse(argument.trim())?
        .map(|data| Action::Send(Outgoing::Binary(data)))
        .ok_or_else(|| "write /bin hex:00ff, /bin base64:AP8= or /bin @FILE".to_owned())
}

pub(super) fn ping(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let command = Command::Ping(control_payload(argument)?);
    Ok(Action::Send(Outgoing::Command(command)))
}

pub(super) fn pong(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let command = Command::Pong(control_payload(argument)?);
    Ok(Action::Send(Outgoing::Command(command)))
}

fn control_payload(data: &str) -> Result<Bytes, String> {
    check_control_payload(data.as_bytes())?;
    Ok(Bytes::copy_from_slice(data.as_bytes()))
}
