//! `/ping` and `/nopong`: an echo that sends pings, and one that does not answer them.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::{Refusal, bad_request};
use crate::wire::shim;

pub(super) const PING: Spec = Spec {
    path: "/ping",
    parameters: "?interval=T",
    help: "an echo that sends numbered pings",
    details: &[parameter("interval", "the time between two pings", "1s")],
    open: |request| Ok(Opened::websocket(Pings::read(request)?)),
};

pub(super) const NO_PONG: Spec = Spec {
    path: "/nopong",
    parameters: "",
    help: "an echo that does not answer pings",
    details: &[],
    open: |_| Ok(Opened::websocket(NoPong)),
};

const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Pings {
    interval: Duration,
}

impl Pings {
    fn read(request: Request<'_>) -> Result<Pings, Refusal> {
        let interval = request.query().duration("interval")?.unwrap_or(INTERVAL);
        if interval < Duration::from_millis(1) {
            return Err(bad_request("The value of `interval` must be at least 1ms."));
        }
        Ok(Pings { interval })
    }

    async fn serve(&self, connection: &mut Connection) -> Result<End, EndReason> {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0_u64;
        loop {
            tokio::select! {
                message = connection.next_message() => {
                    connection.send(message?).await?;
                }
                _ = ticks.tick() => {
                    number += 1;
                    connection.send_ping(number.to_string().into()).await?;
                    connection.flush().await?;
                }
            }
        }
    }
}

impl Endpoint for Pings {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(self.serve(connection))
    }
}

struct NoPong;

impl Endpoint for NoPong {
    /// Without an answer of the engine's, only the endpoint could give one.
    fn configure(&self, wire: &mut shim::Options) {
        wire.hide_pings = true;
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(echo(connection, u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn an_interval_is_above_zero() {
        let interval = |path| get(path, Pings::read).unwrap().interval;
        assert_eq!(interval("/ping"), INTERVAL);
        assert_eq!(interval("/ping?interval=5ms"), Duration::from_millis(5));
        is_bad("/ping?interval=0", Pings::read);
        is_bad("/ping?interval=x", Pings::read);
    }
}
