//! A room that sends numbered messages, so that a client which comes back can say where it was. It
//! reads between two batches and never waits with reading for anything but its own writes.

use std::fmt::Write as _;
use std::future::ready;
use std::pin::pin;

use bytes::BytesMut;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, End, EndReason};
use super::endpoints::Seq;
use crate::close::Close;
use crate::message::Message;

/// Messages between two looks at what has come in.
const BATCH: usize = 64;

/// Longer messages are not searched for a place to go on from.
const MAX_POSITION: usize = 64 << 10;

/// Sends what is asked for.
pub(super) async fn send(connection: &mut Connection, seq: Seq) -> Result<End, EndReason> {
    let mut id = seq.after;
    if seq.via_message {
        match position(&connection.next_message().await?) {
            Ok(Some(after)) => id = after,
            Ok(None) => {}
            Err(sentence) => return Ok(End::Close(Close::new(1008, sentence))),
        }
    }
    let (mut left, how) = match seq.ends {
        Some((count, how)) => (count, Some(how)),
        None => (u64::MAX, None),
    };
    let mut due = Instant::now();
    let mut waiting = pin!(sleep_until(due));
    let mut buffer = BytesMut::new();
    loop {
        if id >= seq.count {
            return Ok(End::Close(Close::normal()));
        }
        if let Some(how) = &how
            && left == 0
        {
            return Ok(how.clone());
        }
        tokio::select! {
            biased;
            () = &mut waiting => {}
            message = connection.next_message() => {
                message?;
                continue;
            }
        }
        let now = Instant::now();
        for _ in 0..BATCH {
            if due > now || id >= seq.count || left == 0 {
                break;
            }
            id += 1;
            left -= 1;
            due += seq.interval;
            let _ = write!(buffer, "{{\"id\":{id},\"data\":\"message {id}\"}}");
            connection.send(Message::text_from(&mut buffer)).await?;
        }
        connection.flush().await?;
        waiting.as_mut().reset(due);
        // Where a message is always due, nothing would be read otherwise.
        tokio::select! {
            biased;
            message = connection.next_message() => drop(message?),
            () = ready(()) => {}
        }
    }
}

/// The id in `{"after":ID}`, which may be a string. `None` where the message says nothing of it.
fn position(message: &Message) -> Result<Option<u64>, &'static str> {
    let text = message.as_text().filter(|text| text.len() <= MAX_POSITION);
    let json = text.and_then(|text| serde_json::from_str(text).ok());
    let after = json
        .as_ref()
        .and_then(|json: &serde_json::Value| json.get("after"));
    let number = match after {
        None => return Ok(None),
        Some(serde_json::Value::Null) => Some(0),
        Some(serde_json::Value::String(text)) if text.is_empty() => Some(0),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err("the member \"after\" must be a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_number_in_one_of_its_forms() {
        for (text, expected) in [
            (r#"{"after":7}"#, Ok(Some(7))),
            (r#"{"x":1,"after":"7"}"#, Ok(Some(7))),
            (r#"{"after":""}"#, Ok(Some(0))),
            (r#"{"after":null}"#, Ok(Some(0))),
            (r#"{"before":7}"#, Ok(None)),
            ("hello", Ok(None)),
            ("[7]", Ok(None)),
        ] {
            assert_eq!(position(&Message::text(text)), expected, "{text}");
        }
        for text in [r#"{"after":-1}"#, r#"{"after":"x"}"#, r#"{"after":[]}"#] {
            assert!(position(&Message::text(text)).is_err(), "{text}");
        }
        assert_eq!(position(&Message::binary(r#"{"after":7}"#)), Ok(None));
    }
}
