//! `/silent`: reads everything and sends no data.

use super::endpoint::{Endpoint, Opened, Run, Spec};
use crate::serve::connection::Connection;

pub(super) const SPEC: Spec = Spec {
    path: "/silent",
    parameters: "",
    help: "reads everything, answers pings and Close, never sends data",
    details: &[],
    open: |_| Ok(Opened::websocket(Silent)),
};

struct Silent;

impl Endpoint for Silent {
    /// It sends nothing of its own.
    fn heartbeat(&self) -> bool {
        false
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            loop {
                connection.next_message().await?;
            }
        })
    }
}
