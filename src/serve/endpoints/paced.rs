//! Messages at a rate, whatever they are. It reads between two batches and never waits with reading for
//! anything but its own writes.

use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::message::Message;
use crate::serve::connection::{Connection, EndReason};

/// Messages between two looks at what has come in.
const BATCH: usize = 64;

/// Sends the messages, one each `interval`; those that are late are sent at once. What the client sends
/// is dropped.
///
/// # Errors
/// Why the connection ended before.
pub(super) async fn send(
    connection: &mut Connection,
    interval: Duration,
    messages: impl Iterator<Item = Message> + Send,
) -> Result<(), EndReason> {
    let mut messages = messages.peekable();
    let mut due = Instant::now();
    let mut waiting = pin!(sleep_until(due));
    while messages.peek().is_some() {
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
            let Some(message) = messages.next_if(|_| due <= now) else {
                break;
            };
            due += interval;
            connection.send(message).await?;
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
    Ok(())
}
