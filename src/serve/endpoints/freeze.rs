//! `/freeze`: an echo that neither reads nor writes after some messages.

use std::time::Duration;

use tokio::time::sleep;

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::serve::connection::{AbruptEnd, Connection, End};
use crate::serve::response::Refusal;

pub(super) const SPEC: Spec = Spec {
    path: "/freeze",
    parameters: "?after=N&for=T",
    help: "echoes N messages, then neither reads nor writes",
    details: &[
        parameter("after", "messages echoed before, or a range", "0"),
        parameter("for", "how long it lasts before TCP ends", "1h"),
    ],
    open: |request| Ok(Opened::websocket(Freeze::read(request)?)),
};

/// How long a connection is held where nothing is said.
const HOLD: Duration = Duration::from_secs(3600);

#[derive(Debug, PartialEq, Eq)]
struct Freeze {
    after: u64,
    hold: Duration,
}

impl Freeze {
    fn read(request: Request<'_>) -> Result<Freeze, Refusal> {
        let after = request.count("after")?;
        let hold = request.query().duration("for")?.unwrap_or(HOLD);
        Ok(Freeze { after, hold })
    }
}

impl Endpoint for Freeze {
    /// A frozen server sends nothing.
    fn heartbeat(&self) -> bool {
        false
    }

    /// A frozen server sends no Close either.
    fn shutdown(&self) -> End {
        End::Abort(AbruptEnd::default())
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            echo(connection, self.after).await?;
            connection.flush().await?;
            sleep(self.hold).await;
            Ok(End::Abort(AbruptEnd::default()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn a_freeze_lasts_an_hour_at_most() {
        let freeze = |path| get(path, Freeze::read).unwrap();
        let expected = |after, hold| Freeze { after, hold };
        assert_eq!(freeze("/freeze"), expected(0, HOLD));
        assert_eq!(
            freeze("/freeze?after=1&for=2s"),
            expected(1, Duration::from_secs(2))
        );
        is_bad("/freeze?for=2h", Freeze::read);
    }
}
