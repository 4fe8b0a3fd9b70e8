//! One connection to the hub: what the client sends goes to the hub, what waits in its outbox goes to
//! the client. It decides nothing.

use std::future::poll_fn;
use std::task::Poll;

use super::driver::{Attached, Hub};
use super::outbox::Item;
use super::store::{After, Name};
use crate::close::Close;
use crate::serve::connection::{Connection, End, EndReason, Received};

/// Messages of one client that are read before others have a turn.
const BURST: usize = 64;

/// Serves a connection until it ends. `user` is whose it is, if the handshake said so; otherwise a token
/// of the client says it. `after` is what the client has.
///
/// # Errors
/// Why it ended, where the hub did not end it.
pub(in crate::serve) async fn serve(
    hub: &Hub,
    user: Option<Name>,
    after: Option<After>,
    connection: &mut Connection,
) -> Result<End, EndReason> {
    if let Some(user) = &user {
        connection.set_user(&**user);
    }
    let attached = hub.connect(user, after);
    let end = tokio::select! {
        biased;
        close = attached.outbox.closed() => Ok(End::Close(close)),
        end = converse(&attached, connection) => end.map(End::Close),
    };
    if let Some(user) = attached.end(&reported(&end)) {
        connection.set_user(&*user);
    }
    end
}

async fn converse(attached: &Attached, connection: &mut Connection) -> Result<Close, EndReason> {
    let outbox = &attached.outbox;
    loop {
        send(attached, connection).await?;
        if let Some(close) = outbox.ready_close() {
            return Ok(close);
        }
        let may_read = outbox.may_read();
        tokio::select! {
            biased;
            () = outbox.changed() => {}
            message = connection.next_message(), if may_read => {
                attached.handle_message(&message?);
                read_more(attached, connection).await?;
            }
        }
    }
}

/// Sends all that waits, and flushes once.
async fn send(attached: &Attached, connection: &mut Connection) -> Result<(), EndReason> {
    let mut sent = None;
    while let Some(item) = attached.outbox.pop() {
        let direct = match item {
            Item::Message(outgoing) | Item::OfPage(outgoing) => {
                connection.send(outgoing.message).await?;
                outgoing.direct
            }
            Item::Run(run) => {
                connection.send_frames(run.frames()).await?;
                0
            }
        };
        sent = sent.max(Some(direct));
    }
    if let Some(direct) = sent {
        connection.flush().await?;
        attached.outbox.set_delivered(direct);
    }
    attached.handle_flushed();
    Ok(())
}

/// Takes the messages that are there already, so that their answers leave in one write.
async fn read_more(attached: &Attached, connection: &mut Connection) -> Result<(), EndReason> {
    for _ in 0..BURST {
        if !attached.outbox.may_read() {
            break;
        }
        let received = poll_fn(|cx| match connection.poll_received(cx) {
            Poll::Ready(received) => Poll::Ready(Some(received)),
            Poll::Pending => Poll::Ready(None),
        });
        match received.await.transpose()? {
            Some(Received::Message(message)) => attached.handle_message(&message),
            Some(Received::Ping(_)) => connection.flush().await?,
            None => break,
        }
    }
    Ok(())
}

/// The Close that the other clients are told of.
fn reported(end: &Result<End, EndReason>) -> Close {
    match end {
        Ok(End::Close(close)) | Err(EndReason::Peer(close) | EndReason::Limit(close)) => {
            close.clone()
        }
        Err(EndReason::Violation(violation)) => Close::new(violation.code, ""),
        Ok(End::Abort(_) | End::Disconnect(_)) | Err(EndReason::Lost(_)) => Close::new(1006, ""),
    }
}
