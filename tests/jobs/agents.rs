//! Jobs with the servers of agents and editors, which speak JSON-RPC.

use super::Job;
use crate::support::components::codex::{codex, codex_at_socket};
use crate::support::components::python::pylsp;

#[test]
#[ignore = "needs .ci/peers"]
fn an_agents_app_server() {
    let server = codex();
    let (_local, socket) = codex_at_socket();
    Job::of("An agent's app server")
        .on(4500, server.port)
        .at("/run/codex.sock", socket.to_str().unwrap())
        .run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_language_server() {
    let server = pylsp();
    Job::of("A language server").on(2087, server.port).run();
}
