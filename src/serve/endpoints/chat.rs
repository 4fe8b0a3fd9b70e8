//! `/chat`: everyone on it talks to everyone else.

use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::close::Close;
use crate::message::Message;
use crate::serve::chat::Seat;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::shared::Shared;

pub(super) const SPEC: Spec = Spec {
    path: "/chat",
    parameters: "?echo",
    help: "each message goes to everyone else on it (with echo, to its
sender too); a client that reads too slowly gets a Close 1013",
    details: &[parameter(
        "echo",
        "the sender gets its messages, too",
        "others only",
    )],
    open: |request| Ok(Opened::websocket(Chat::read(request))),
};

/// The largest message: several may wait for each client.
const MAX_SIZE: usize = 64 << 10;

/// How many messages are sent before the next flush.
const BATCH: usize = 64;

struct Chat {
    echo: bool,
    shared: Shared,
}

impl Chat {
    fn read(request: Request<'_>) -> Chat {
        Chat {
            echo: request.query().has("echo"),
            shared: request.shared.clone(),
        }
    }

    async fn talk(&self, connection: &mut Connection, seat: &mut Seat) -> Result<End, EndReason> {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                message = connection.next_message() => {
                    let message = message?;
                    if !self.say(seat.id, &message) {
                        return Ok(End::Close(Close::new(1009, "a message here has at most 64 KiB")));
                    }
                }
                count = seat.queue.recv_many(&mut waiting, BATCH) => {
                    for message in waiting.drain(..) {
                        connection.send(message).await?;
                        if let Some(message) = connection.take_read_ahead() {
                            self.say(seat.id, &message);
                        }
                    }
                    if count == 0 {
                        return Ok(too_slow());
                    }
                    connection.flush().await?;
                }
            }
        }
    }

    /// Passes a message on; whether it is small enough for that.
    fn say(&self, id: u64, message: &Message) -> bool {
        let fits = message.len() <= MAX_SIZE;
        if fits {
            let message = message.to_compact();
            self.shared.chat().say(id, self.echo, &message);
        }
        fits
    }
}

/// Leaves when it is dropped, however the connection ends.
struct Presence<'a>(&'a Shared, u64);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.chat().leave(self.1);
    }
}

impl Endpoint for Chat {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            let mut seat = self.shared.chat().join();
            let _presence = Presence(&self.shared, seat.id);
            let (_, closed) = tokio::sync::oneshot::channel();
            let removed = std::mem::replace(&mut seat.removed, closed);
            tokio::select! {
                biased;
                _ = removed => Ok(too_slow()),
                end = self.talk(connection, &mut seat) => end,
            }
        })
    }
}

fn too_slow() -> End {
    End::Close(Close::new(1013, "too many messages wait for this client"))
}
