//! What the debug server answers to the head of a request, for what tries it with any head at all:
//! fuzzing. There is no network, and nothing of what follows a handshake.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use futures_util::FutureExt as _;
use hyper::{HeaderMap, Request};
use tokio::runtime::{Builder, Runtime};

use super::client;
use super::log::shown;
use super::options::Options;
use super::shared::Shared;
use crate::handshake::guard::{self, Arrival};

/// A server that nobody can connect to; requests are handed to it.
pub struct Server {
    options: Options,
    shared: Shared,
    /// Some endpoints answer later, by its clock.
    runtime: Runtime,
}

impl Server {
    /// A server with nothing in it.
    ///
    /// # Errors
    /// Where the system has nothing for a runtime.
    pub fn new(options: Options) -> io::Result<Server> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        Ok(Server {
            options,
            shared: Shared::default(),
            runtime,
        })
    }

    /// The status and the headers of the answer, unless it comes later.
    pub fn answer(&self, request: &Request<()>) -> Option<(u16, HeaderMap)> {
        let arrival = Arrival::at(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), false);
        let answer = match guard::check(&self.options.guard, arrival, request) {
            Err(denied) => denied.answer.map(client::whole),
            Ok(page) => {
                let _clock = self.runtime.enter();
                let mut answer = match guard::preflight(request) {
                    Some(answer) => answer.map(|()| client::whole("")),
                    None => {
                        let (options, shared) = (&self.options, &self.shared);
                        let now = SystemTime::UNIX_EPOCH;
                        let answered = client::answer(request, options, shared, now);
                        answered.now_or_never()?.0
                    }
                };
                guard::share(&mut answer, page);
                answer
            }
        };
        Some((answer.status().as_u16(), answer.headers().clone()))
    }

    /// The target of a request as the log has it.
    pub fn shown(target: &str) -> String {
        shown(target.to_owned())
    }
}
