//! `/noclose`: an echo that never answers a Close. TCP stays open for a time, so that a client shows
//! whether it waits for ever.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::close::Close;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::Refusal;

pub(super) const SPEC: Spec = Spec {
    path: "/noclose",
    parameters: "?for=T",
    help: "an echo that never answers a Close; TCP ends after a minute",
    details: &[parameter(
        "for",
        "how long TCP stays open after the Close",
        "1m",
    )],
    open: |request| Ok(Opened::websocket(NoClose::read(request)?)),
};

const HOLD: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct NoClose {
    hold: Duration,
}

impl NoClose {
    fn read(request: Request<'_>) -> Result<NoClose, Refusal> {
        let hold = request.query().duration("for")?.unwrap_or(HOLD);
        Ok(NoClose { hold })
    }

    async fn serve(&self, connection: &mut Connection) -> Result<End, EndReason> {
        let close = echo_until_close(connection).await?;
        connection.flush().await?;
        let _ = timeout(self.hold, read_to_end(connection.stream())).await;
        Ok(End::Disconnect(Ok(close)))
    }
}

impl Endpoint for NoClose {
    fn shutdown(&self) -> End {
        End::Disconnect(Err("server shutting down".to_owned()))
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(self.serve(connection))
    }
}

async fn echo_until_close(connection: &mut Connection) -> Result<Close, EndReason> {
    loop {
        match connection.next_message().await {
            Ok(message) => connection.send(message).await?,
            Err(EndReason::Peer(close)) => return Ok(close),
            Err(reason) => return Err(reason),
        }
    }
}

/// Returns when the client has ended its side, or broken the connection.
async fn read_to_end(mut io: impl AsyncRead + Unpin) {
    let mut buffer = [0; 1024];
    while io.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn the_time_is_a_minute_or_as_asked() {
        let hold = |path| get(path, NoClose::read).unwrap().hold;
        assert_eq!(hold("/noclose"), HOLD);
        assert_eq!(hold("/noclose?for=2s"), Duration::from_secs(2));
        is_bad("/noclose?for=2h", NoClose::read);
    }
}
