//! `/slow`: an echo over a slow line. The stream below the WebSocket is what is slow, so that frames come
//! in pieces, and those of a client wait on its side.

use std::num::NonZeroU32;

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::serve::connection::Connection;
use crate::serve::response::{Refusal, bad_request};

pub(super) const SPEC: Spec = Spec {
    path: "/slow",
    parameters: "?rate=BYTES",
    help: "an echo over a line of so many bytes a second, each way",
    details: &[parameter(
        "rate",
        "bytes a second, such as 500 or 64KiB",
        "1000",
    )],
    open: |request| Ok(Opened::websocket(Slow::read(request)?)),
};

const RATE: usize = 1000;

#[derive(Debug)]
struct Slow(NonZeroU32);

impl Slow {
    fn read(request: Request<'_>) -> Result<Slow, Refusal> {
        let rate = request.query().size("rate", 1 << 30)?.unwrap_or(RATE);
        let rate = u32::try_from(rate).ok().and_then(NonZeroU32::new);
        rate.map(Slow)
            .ok_or_else(|| bad_request("The value of `rate` must be at least one byte a second."))
    }
}

impl Endpoint for Slow {
    fn rate(&self) -> Option<NonZeroU32> {
        Some(self.0)
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
    fn a_rate_is_a_size_above_zero() {
        for (query, rate) in [("", 1000), ("?rate=5", 5), ("?rate=2KiB", 2048)] {
            let slow = get(&format!("/slow{query}"), Slow::read).unwrap();
            assert_eq!(slow.0.get(), rate);
        }
        for rate in ["", "0", "x", "2GiB"] {
            is_bad(&format!("/slow?rate={rate}"), Slow::read);
        }
    }
}
